"""How Panther's JSON becomes this program's values: what is safe is coerced, what is broken is named, not guessed."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from triage.domain.alert import Actor
from triage.domain.clean import printable_sentence
from triage.domain.times import is_reckoned
from triage.edges.panther.body import BodyError, parse_json
from triage.edges.panther.failures import unreadable

M = TypeVar("M", bound="Wire")

_logger = logging.getLogger(__name__)


class Wire(BaseModel):
    """A JSON object as Panther sends it: unknown fields are ignored, numbers become text where text is expected."""

    model_config = ConfigDict(alias_generator=to_camel, coerce_numbers_to_str=True, extra="ignore", frozen=True)


class Unreadable(Exception):
    """An object without what it needs; the text names the fields but quotes no value."""


def read(model: type[M], value: JsonValue) -> tuple[M, tuple[str, ...]]:
    """Read an object, dropping broken optional fields.

    Returns:
        The object, and the names of the dropped fields.

    Raises:
        Unreadable: A needed field is missing or of a wrong type.
    """
    if not isinstance(value, dict):
        raise Unreadable("is not an object")
    try:
        return model.model_validate(value), ()
    except ValidationError as error:
        wrong = {str(entry["loc"][0]): str(entry["type"]) for entry in error.errors() if entry["loc"]}
    optional = {to_camel(name) for name, field in model.model_fields.items() if not field.is_required()}
    fatal = [f"`{name}`: {kind.replace('_', ' ')}" for name, kind in wrong.items() if name not in optional]
    if fatal:
        raise Unreadable(", ".join(fatal))
    return model.model_validate({name: item for name, item in value.items() if name not in wrong}), tuple(wrong)


def _text(value: object) -> object:
    return "" if value is None else value


def time_of(value: object) -> datetime:
    """A time as text only: Panther sends no numbers, and a number's unit would be a guess. Naive times are UTC."""
    if not isinstance(value, str) or value[:11].strip().isdigit():
        raise ValueError("not a time in ISO 8601")
    moment = datetime.fromisoformat(value.strip())
    try:
        if moment.tzinfo is not UTC:
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("not a time that can be expressed in UTC") from error
    if not is_reckoned(moment):
        raise ValueError("not a time at which anything was logged")
    return moment


def _maybe_time(value: object) -> object:
    return None if value is None or value == "" else time_of(value)


def _list(value: object) -> object:
    return () if value is None else value


Id = Annotated[str, StringConstraints(min_length=1)]
Text = Annotated[str, BeforeValidator(_text)]
"""Null reads as empty."""
Texts = Annotated[tuple[str, ...], BeforeValidator(_list)]
"""Null reads as empty."""
Time = Annotated[datetime, BeforeValidator(time_of)]
MaybeTime = Annotated[datetime | None, BeforeValidator(_maybe_time)]


class ActorNode(Wire):
    """GraphQL's `User` and `APIToken`, and REST's actor."""

    typename: str = ""
    type: Text = ""
    id: Text = ""
    email: Text = ""
    name: Text = ""
    given_name: Text = ""
    family_name: Text = ""

    def actor(self) -> Actor:
        """Who it is."""
        name = self.name or f"{self.given_name} {self.family_name}".strip()
        match self.type.lower() or {"User": "user", "APIToken": "api-token"}.get(self.typename, ""):
            case "user":
                return Actor(id=self.id, kind="user", email=self.email, name=name)
            case "api-token":
                return Actor(id=self.id, kind="api-token", email=self.email, name=name)
            case "system":
                return Actor(id=self.id, kind="system", email=self.email, name=name)
            case _:
                return Actor(id=self.id, email=self.email, name=name)

    @classmethod
    def of(cls, value: JsonValue) -> Actor | None:
        """Read an actor; None where there is none or it is unreadable."""
        if not isinstance(value, dict):
            return None
        try:
            node, _ = read(cls, {**value, "typename": value.get("__typename")})
        except Unreadable:
            return None
        return node.actor()


@dataclass(frozen=True, slots=True)
class Connection:
    """A page of nodes."""

    nodes: tuple[JsonValue, ...]
    cursor: str | None
    """Where the next page starts; None after the last one."""
    skipped: tuple[str, ...] = ()
    """What was missing or unusable, one line each."""
    complete: bool = True
    """False: more may follow, but the page does not say where."""

    @classmethod
    def of(cls, value: JsonValue, cursor: str | None) -> Self:
        """Read `edges` and `pageInfo`.

        Args:
            value: The object that holds them.
            cursor: Where this page started; a page that points to itself would never end.
        """
        body: Mapping[str, JsonValue] = value if isinstance(value, dict) else {}
        edges, info = body.get("edges"), body.get("pageInfo")
        listed = edges if isinstance(edges, list) else []
        nodes = [edge["node"] for edge in listed if isinstance(edge, dict) and edge.get("node") is not None]
        skipped = [] if isinstance(edges, list) else ["the page has no list of edges"]
        if len(nodes) < len(listed):
            skipped.append(f"{len(listed) - len(nodes)} of {len(listed)} nodes are null")
        following = info.get("endCursor") if isinstance(info, dict) else None
        more = info.get("hasNextPage") is True if isinstance(info, dict) else False
        complete = isinstance(edges, list) and not more
        if more and (not isinstance(following, str) or not following):
            skipped.append("the page says that there are more but has no cursor")
        elif more and following == cursor:
            skipped.append("the page's cursor points to the page itself")
        elif more and isinstance(following, str):
            return cls(tuple(nodes), following, tuple(skipped))
        return cls(tuple(nodes), None, tuple(skipped), complete)


async def pages(
    operation: str, fetch: Callable[[str | None], Awaitable[Connection]]
) -> AsyncGenerator[Connection, None]:
    """Every page of a listing, in order. Raises PantherProtocolError where its cursors repeat, and what `fetch` does."""
    trail, cursor = Trail(operation), None
    while True:
        page = await fetch(cursor)
        yield page
        cursor = page.cursor
        if cursor is None:
            return
        trail.follow(cursor)


class Trail:
    """The cursors of one listing; a repeated one would make the listing endless."""

    def __init__(self, operation: str, pages: int = 10_000) -> None:
        self._operation = operation
        self._pages = pages
        self._seen: set[str] = set()

    def loops(self, cursor: str) -> bool:
        """Record a cursor; true if it came before or there were too many."""
        if cursor in self._seen or len(self._seen) >= self._pages:
            return True
        self._seen.add(cursor)
        return False

    def follow(self, cursor: str) -> None:
        """Record a cursor. Raises PantherProtocolError if it loops: half a list is of no use here."""
        if self.loops(cursor):
            raise unreadable(self._operation, "the list does not end, its cursors repeat")


def read_each(model: type[M], values: Iterable[JsonValue], kind: str) -> Iterator[M]:
    """Read each of several objects; what cannot be read is left out with a warning.

    Args:
        model: What they are.
        values: As Panther sent them.
        kind: What the warning calls one of them.
    """
    for index, value in enumerate(values):
        try:
            yield read(model, value)[0]
        except Unreadable as error:
            _logger.warning("%s %s cannot be read: %s", kind, label(value, index), error)


def row_of(node: JsonValue) -> dict[str, JsonValue] | None:
    """A record that comes as an object or as the JSON text of one; None where it is neither."""
    if isinstance(node, str):
        try:
            node = parse_json(node.encode("utf-8", "backslashreplace"))
        except BodyError:
            return None
    return node if isinstance(node, dict) else None


def label(value: JsonValue, index: int) -> str:
    """A name for an object in a message: its id, or its place."""
    found = value.get("id") if isinstance(value, dict) else None
    return printable_sentence(str(found), 80) if isinstance(found, str | int) else f"number {index + 1}"


def stamp(moment: datetime, *, up: bool = False) -> str:
    """A time as Panther writes it: UTC with milliseconds, rounded down, or up."""
    rounded = moment.astimezone(UTC) + timedelta(microseconds=999 if up else 0)
    return f"{rounded.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
