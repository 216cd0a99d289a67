"""The characters of a query's text: how many, and that a reader can see them all."""

import re
import unicodedata

from triage.domain.sql.policy import SqlPolicy
from triage.domain.sql.refusal import SqlRefused, at

_HIDDEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
"""Characters that show nothing although Unicode files them under letters, marks or symbols; variation selectors, tags."""

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def check_size(text: str, policy: SqlPolicy) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise SqlRefused("the text holds half of a surrogate pair", code="character") from error
    if size > policy.max_bytes:
        raise SqlRefused(
            f"the query has {size} bytes; at most {policy.max_bytes} are allowed. Ask for less at once.", code="size"
        )


def check_characters(text: str) -> None:
    """Refuse what a reviewer can't see, wherever it stands."""
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
    """Whether a reader can't see a character, or sees it change what stands around it."""
    return bool(_HIDDEN.match(character)) or unicodedata.category(character) in _HIDDEN_CATEGORIES
