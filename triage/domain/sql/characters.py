"""The characters of a query's text: its size, invisible characters, and what strings must escape."""

import re
import unicodedata

from triage.domain.sql.policy import SqlPolicy, SqlRefused, at

_HIDDEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
"""Invisible characters that Unicode classes as letters, marks or symbols; variation selectors, tags."""

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})

HAZARD = re.compile(r"[^\x20-\x7e]|p(?=_occurs_|_current_timestamp)|\{(?=[{%#])|-(?=-)", re.IGNORECASE)
"""What a string in the emitted text must not contain unescaped: anything that Panther's text passes could take for a
macro, a template or a pragma comment, and characters that a reader can't see."""

_LAST_SHORT = 0xFFFF
"""The last character that a Snowflake escape can name."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def check_size(text: str, policy: SqlPolicy) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise SqlRefused("the text contains half of a surrogate pair", code="character") from error
    if size > policy.max_bytes:
        raise SqlRefused(
            f"the query has {size} bytes; at most {policy.max_bytes} are allowed. Ask for less at once.", code="size"
        )


def check_characters(text: str) -> None:
    """Refuse characters that a reviewer can't see, anywhere in the text."""
    if found := _CONTROL.search(text):
        raise at(
            text,
            found.start(),
            "character",
            f"control character U+{ord(found.group()):04X}; write CHR({ord(found.group())})",
        )
    if text.isascii():
        return
    for position, character in enumerate(text):
        if character.isascii():
            continue
        if is_hidden(character):
            point = ord(character)
            raise at(
                text,
                position,
                "character",
                f"invisible or direction-changing character U+{point:04X}; to search for it, write CHR({point})",
            )


def is_hidden(character: str) -> bool:
    """Whether a character is invisible or changes how the text around it is displayed."""
    return bool(_HIDDEN.match(character)) or unicodedata.category(character) in _HIDDEN_CATEGORIES


def escaped(literal: str) -> str:
    """A Snowflake string literal with its hazards escaped."""

    def escape(found: re.Match[str]) -> str:
        character = found.group()
        point = ord(character)
        if character.isascii():
            return f"\\x{point:02x}"
        seen = character.isprintable() and not is_hidden(character)
        return character if seen or point > _LAST_SHORT else f"\\u{point:04x}"

    return HAZARD.sub(escape, literal)
