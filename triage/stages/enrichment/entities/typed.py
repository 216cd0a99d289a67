"""What reading gives, and which texts may name something at all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import regex
from pydantic import JsonValue

from triage.domain.entity import EntityKind
from triage.stages.enrichment.entities.paths import readable

MAX_LONG: Final = 1_000
"""Characters of an ARN, a URL or a resource's name."""

_NOT_WORD: Final = regex.compile(r"\W*")
_PLACEHOLDERS: Final = frozenset(
    {"unknown", "null", "none", "nil", "undefined", "n/a", "na", "not_applicable", "notapplicable", "redacted"}
    | {
        "(redacted)",
        "<redacted>",
        "hidden",
        "hidden_due_to_security_reasons",
        "unspecified",
        "empty",
        "true",
        "false",
        "<null>",
        "(null)",
    }
    | {"[filtered]", "<id>"}
)


@dataclass(frozen=True, slots=True)
class Typed:
    """An entity without its place."""

    kind: EntityKind
    value: str
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[EntityKind, str]:
        """What makes two of them the same."""
        return self.kind, self.value


def text_of(value: JsonValue) -> str:
    """The text of a scalar that may name something; empty where it names nothing or couldn't be shown."""
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, float):
        # Lakes give large ids as floats.
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else ""
    if isinstance(value, int):
        return str(value) if abs(value) < 10**30 else ""
    if not isinstance(value, str) or len(value) > MAX_LONG:
        return ""
    text = value.strip()
    if not text or _NOT_WORD.fullmatch(text) or text.casefold() in _PLACEHOLDERS or not readable(text):
        return ""
    return text
