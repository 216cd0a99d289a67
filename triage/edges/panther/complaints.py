"""Which part of an operation a GraphQL server says that it does not have, in the words of the common servers.

Only a refusal before the execution is read this way: nothing has been done then, so that a write may be sent again.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

_LONGEST = 1_000
"""Characters of a message that are looked at, at its start and at its end."""
_NAME = r"[_A-Za-z][_0-9A-Za-z]{0,99}"
_QUOTE = r"[\"'`]"


class PartKind(StrEnum):
    FIELD = "field"
    ARGUMENT = "argument"
    INPUT_FIELD = "input field"
    TYPE = "type"


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """A part of an operation, named as in the schema."""

    kind: PartKind
    on: str = ""
    """The type; for an argument its field, such as `Query.sources`; empty where the server does not say."""
    name: str = ""
    """Empty for a type, and for an input field where the server names only the type."""

    def __str__(self) -> str:
        match self.kind:
            case PartKind.ARGUMENT:
                return f"{self.on}({self.name})"
            case PartKind.TYPE:
                return self.on
            case _:
                return f"{self.on}.{self.name}"


def _wording(kind: PartKind, text: str) -> tuple[PartKind, re.Pattern[str]]:
    quoted = re.sub(r"<(\w+)>", rf"{_QUOTE}(?P<\1>{_NAME})(?:\\.(?P<\1_field>{_NAME}))?{_QUOTE}", text)
    return kind, re.compile(quoted)


_START = r"^(?:Validation error[^:]{0,300}: ?)?"
"""graphql-java, and so AppSync, puts the kind of error and the path before its words."""
_PATH = rf"['\[](?:{_NAME}/){{0,20}}(?P<on>{_NAME})['\]]"
"""Where it says that the trouble is: only the last field counts."""
_ARGUMENT = rf"Unknown field argument {_QUOTE}?(?P<name>{_NAME}){_QUOTE}?"
_WORDINGS = (
    # graphql-js, and so Apollo; graphql-core; gqlparser, and so gqlgen.
    _wording(PartKind.FIELD, rf"{_START}Cannot query field <name> on type <on>"),
    _wording(PartKind.ARGUMENT, rf"{_START}Unknown argument <name> on field <on>"),
    _wording(PartKind.TYPE, rf"{_START}Unknown type <on>"),
    _wording(
        PartKind.TYPE,
        rf"^Fragment cannot be spread here as objects of type {_QUOTE}{_NAME}{_QUOTE} can never be of type <on>",
    ),
    # Before these words stands the value that was sent, in which anything may be written: only the end counts.
    _wording(PartKind.INPUT_FIELD, r"(?:^|; )Field <name> is not defined by type <on>\.?(?: Did you mean [^;]*)?$"),
    # graphql-core since 3.3.
    _wording(
        PartKind.INPUT_FIELD,
        rf"^Variable {_QUOTE}\${_NAME}{_QUOTE} has invalid value(?: at [^:]{{0,200}})?: "
        r"Expected value of type <on> not to include unknown field <name>",
    ),
    # graphql-java and AppSync.
    _wording(PartKind.FIELD, rf"{_START}Field <name> in type <on> is undefined"),
    (PartKind.ARGUMENT, re.compile(rf"^Validation error \(\w+@{_PATH}\) ?: {_ARGUMENT}")),
    (PartKind.ARGUMENT, re.compile(rf"{_START}{_ARGUMENT}(?: @ {_PATH})?")),
    (PartKind.TYPE, re.compile(rf"{_START}Unknown type (?P<on>{_NAME})")),
    _wording(
        PartKind.INPUT_FIELD,
        r"(?:^|: )The variables input contains a field(?: name)?(?: <name>)? "
        r"that is not defined for input object type <on>",
    ),
)


def complaint_of(error: JsonValue) -> Part | None:
    """The part that an entry of `errors` says is unknown; `None` where it says something else."""
    if not isinstance(error, dict) or not isinstance(message := error.get("message"), str):
        return None
    match error.get("path"):
        # gqlgen names the place, not the field.
        case ["variable", _, *_, str(name)] if message == "unknown field" and re.fullmatch(_NAME, name):
            return Part(PartKind.INPUT_FIELD, name=name)
        # An error with a place in the answer comes from the execution: something may have been done.
        case [_, *_]:
            return None
    # What is named stands before or behind the value that was sent.
    text = message if len(message) <= 2 * _LONGEST else f"{message[:_LONGEST]}…{message[-_LONGEST:]}"
    for kind, pattern in _WORDINGS:
        if found := pattern.search(text):
            groups = {name: value for name, value in found.groupdict().items() if value}
            on = ".".join(groups[key] for key in ("on", "on_field") if key in groups)
            return Part(kind, on, groups.get("name", ""))
    return None
