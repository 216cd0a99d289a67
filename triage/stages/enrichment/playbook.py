"""What a playbook file may hold."""

import re
from collections.abc import Iterable
from datetime import timedelta
from fnmatch import translate
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from triage.domain.base import Value
from triage.settings import parse_duration

TERMS = ("actor", "action", "target", "address", "recipient", "session", "refused", "self")
"""What a log type may say of itself; `self` is the actor in the form in which targets are named."""

LISTS = ("actions", "targets", "addresses", "recipients", "sessions", "people", "names", "values", "hashes")
"""Parameters that hold one or more texts."""

TEXTS = ("actor", "account", "alert_id", "detection_id")
"""Parameters that hold one text."""

TIMES = ("moment", "last")
"""Parameters that hold a time: the alert's first and last event."""

_NAME = re.compile(r"^[a-z][a-z0-9_]{0,63}$")
_OFFSET = re.compile(r"^([+-])(\d+(?:\.\d+)?[smhd])$")


def _named(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("use lower-case letters, digits and underscores")
    return value


def _parameter(value: str) -> str:
    if value not in {*LISTS, *TEXTS, *TIMES}:
        raise ValueError(f"unknown parameter; known: {', '.join((*TEXTS, *LISTS, *TIMES))}")
    return value


def _edge(value: str) -> str:
    if value != "history" and not _OFFSET.fullmatch(value):
        raise ValueError("write `history`, or an offset to the alert's moment such as -24h, -1s or +6h")
    return value


Name = Annotated[str, AfterValidator(_named)]
Parameter = Annotated[str, AfterValidator(_parameter)]
Edge = Annotated[str, AfterValidator(_edge)]


class Take(Value):
    """One way to read a term's value from an event."""

    path: str = ""
    """Dotted path."""
    keys: tuple[str, ...] = ()
    """The path as separate keys, where a key holds dots itself."""
    text: str = ""
    """A text with paths in braces, such as `{verb} {objectRef.resource}`, in place of `path`."""
    after: str = ""
    """Keep what follows the first occurrence of this."""
    before: str = ""
    """Keep what stands before the first occurrence of this."""
    where: dict[str, str] = Field(default_factory=dict)
    """Paths that must match these globs."""
    lower: bool = False


def _takes(value: object) -> object:
    """A bare path may be written in place of a mapping, and one of either in place of a list."""
    if not isinstance(value, list | str):
        return value
    items = value if isinstance(value, list) else [value]
    return [{"path": item} if isinstance(item, str) else item for item in items]


class Term(Value):
    """How a log type says one thing: in SQL for the lake, and as paths for the alert's own events."""

    sql: str = Field(min_length=1)
    take: Annotated[tuple[Take, ...], BeforeValidator(_takes)] = ()
    """Tried in order; the first that gives a value counts."""


class Window(Value):
    """Which time a question covers, around the alert's first event."""

    start: Edge = Field(alias="from")
    end: Edge = Field(alias="to")
    """Offsets above zero count from the alert's last event."""


class Question(Value):
    """One question to the lake."""

    id: Name
    question: str = Field(min_length=3)
    sql: str = Field(min_length=8)
    table: Name | None = None
    """Table of `panther_logs`; left out: the table of each log type of the alert."""
    database: Name = "panther_logs"
    parameters: tuple[Parameter, ...] = ()
    optional: tuple[Parameter, ...] = ()
    """Parameters without which the question is asked all the same."""
    window: Window
    limit: int = Field(default=200, ge=1, le=1000)
    measured: bool = False
    """The rows are counts and comparisons of ours rather than records."""
    control: Annotated[str, Field(pattern="^(actor|address|any)$")] = "any"
    """What rows of anyone must hold in the window for an absence to count."""
    signals: tuple[Name, ...] = ()
    log_types: tuple[str, ...] = ()
    """Narrows the playbook's own log types."""
    actions: tuple[str, ...] = ()
    """Globs; asked only where the alert's events do one of these."""


class Playbook(Value):
    """One file."""

    playbook: Name
    log_types: tuple[str, ...] = ("*",)
    """Globs."""
    without_terms: bool = False
    """Only for log types that no playbook gives terms."""
    every_alert: bool = False
    """Asked whatever the log types are, once; each question names its table."""
    entity_kinds: tuple[str, ...] = ()
    """Asked only where the alert has an entity of one of these kinds."""
    tags: tuple[str, ...] = ()
    """Globs over the detection's tags; asked only where one matches."""
    detections: tuple[str, ...] = ()
    """Globs over detection ids."""
    terms: dict[
        Annotated[str, Field(pattern="^(actor|action|target|address|recipient|session|refused|self)$")], Term
    ] = Field(default_factory=dict)
    questions: tuple[Question, ...] = ()


def table_of(log_type: str) -> str:
    """The table of a log type: `AWS.CloudTrail` is stored in `aws_cloudtrail`."""
    return re.sub(r"[^a-z0-9_]", "_", log_type.lower())


def any_glob(value: str, globs: Iterable[str]) -> bool:
    """Whether a name matches one of the globs, without regard to case."""
    folded = value.casefold()
    return any(_compiled(glob).match(folded) is not None for glob in globs)


@lru_cache(maxsize=16_384)
def _compiled(glob: str) -> re.Pattern[str]:
    """What `fnmatch` makes of a glob; it keeps 256 of its own, and the playbooks and the actions hold more."""
    return re.compile(translate(glob.casefold()))


def offset(edge: str) -> timedelta:
    """The offset that an edge other than `history` stands for."""
    match = _OFFSET.fullmatch(edge)
    if match is None:
        raise ValueError(f"not an offset: {edge!r}")
    span = parse_duration(match.group(2))
    return -span if match.group(1) == "-" else span
