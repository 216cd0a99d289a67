"""Text that others wrote, shown to a model as data only.

Data is JSON between markers that carry a random nonce of the run. Angle brackets, control, bidirectional, tag and other
invisible characters are `\\u` escapes in it: no data can spell a marker or a chat template's control token, and a value
that is quoted back through JSON is still exactly the stored one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import regex
from pydantic import JsonValue

from triage.domain.base import Row

_HIDDEN = regex.compile(
    # Control, format, unassigned, private and surrogate characters; line and paragraph separators; odd spaces; fillers
    # and selectors that show nothing; and the brackets of our markers.
    r"[\p{C}\p{Zl}\p{Zp}\u00A0\u1680\u2000-\u200A\u202F\u205F\u3000\u034F\u115F\u1160\u17B4\u17B5\u180B-\u180F"
    r"\u2800\u3164\uFE00-\uFE0F\uFFA0\U000E0100-\U000E01EF<>]"
)
_CUT = regex.compile(r"…\[\+(\d{1,9}) characters\]\Z")
_LEAST = 60
"""Characters that every text keeps."""
_LAST = ("p_any_", "p_")
"""Panther's own fields are cut first if a row is too long: they mostly repeat the others."""


def _escape(match: "regex.Match[str]") -> str:
    return _utf16_escapes(match.group())


def _escape_unprintable(letter: str) -> str:
    return letter if letter.isprintable() else _utf16_escapes(letter)


def _utf16_escapes(letter: str) -> str:
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))


def visible_json(value: JsonValue) -> str:
    """Write compact JSON in which every invisible character, and `<` and `>`, is a `\\u` escape.

    Reading it back gives the value again.
    """
    shown = str(_HIDDEN.sub(_escape, json.dumps(value, ensure_ascii=False, separators=(",", ":"))))
    # The pattern's Unicode may be newer than Python's, and either may know a character that the other doesn't.
    return shown if shown.isprintable() else "".join(map(_escape_unprintable, shown))


def visible(text: str) -> str:
    """Show a text's invisible characters, and `<` and `>`, as `\\u` escapes; for one line of plain text."""
    return visible_json(text)[1:-1].replace('\\"', '"').replace("\\\\", "\\")


def shorten(value: JsonValue, limit: int) -> JsonValue:
    """Cut every text of a JSON value to `limit` characters; a cut one ends in `…[+123 characters]`."""
    if isinstance(value, str):
        return value if len(value) <= limit else f"{value[:limit]}…[+{len(value) - limit} characters]"
    if isinstance(value, list):
        return [shorten(item, limit) for item in value]
    if isinstance(value, dict):
        return {key if len(key) <= limit else key[:limit]: shorten(item, limit) for key, item in value.items()}
    return value


def uncut(quoted: str, stored: str) -> bool:
    """Whether `quoted` is `stored` as `shorten` showed it."""
    match = _CUT.search(quoted)
    if match is None or len(stored) != match.start() + int(match[1]):
        return False
    return stored.startswith(quoted[: match.start()])


@dataclass(frozen=True, slots=True)
class Caps:
    """How much of an answer is shown."""

    field: int = 300
    """Characters of one text."""
    row: int = 2_000
    """Characters of one row's JSON."""
    rows: int = 25
    """Rows of one answer."""
    chars: int = 8_000
    """Characters of one answer."""

    def halved(self) -> "Caps":
        """Half as much of everything, within reason."""
        return Caps(
            field=max(self.field // 2, _LEAST),
            row=max(self.row // 2, 300),
            rows=max(self.rows // 2, 1),
            chars=max(self.chars // 2, 600),
        )


def show_row(row: Row, caps: Caps) -> str:
    """One row as visible JSON of about `caps.row` characters at most; empty values are left out."""
    return fit_row({key: value for key, value in row.items() if value not in (None, "", [], {})}, caps)


def fit_row(full: Mapping[str, JsonValue], caps: Caps) -> str:
    """An object as visible JSON of about `caps.row` characters at most.

    One that is too long loses characters of its texts first, then columns, the ones of Panther's own first; `"…"` says
    how many.
    """
    field = caps.field
    while True:
        text = visible_json(shorten(dict(full), field))
        if len(text) <= caps.row:
            return text
        if field <= _LEAST:
            break
        field = max(field // 2, _LEAST)
    return _fewer_columns(full, caps.row)


def _fewer_columns(row: Mapping[str, JsonValue], limit: int) -> str:
    order = sorted(
        row, key=lambda key: next((2 - place for place, start in enumerate(_LAST) if key.startswith(start)), 0)
    )
    kept: dict[str, JsonValue] = {}
    size = 40
    for key in order:
        value = shorten(row[key], _LEAST)
        cost = len(visible_json({key: value}))
        if size + cost > limit:
            continue
        size += cost
        kept[key] = value
    left = len(row) - len(kept)
    shown: dict[str, JsonValue] = {key: kept[key] for key in row if key in kept}
    if left:
        shown["…"] = f"{left} more columns"
    return visible_json(shown)


@dataclass(frozen=True, slots=True)
class Fence:
    """Markers that no data of a run can contain."""

    nonce: str
    """Random, of this run."""

    def wrap(self, label: str, body: str) -> str:
        """Put data between markers; a marker inside it is made harmless.

        Args:
            label: Our own name for it, such as `E3`.
            body: Lines of visible JSON.
        """
        safe = body.replace("<", "\\u003c").replace(">", "\\u003e")
        if self.nonce:
            safe = safe.replace(self.nonce, "[marker removed]")
        return f"<<<DATA {self.nonce} {label}\n{safe}\nDATA {self.nonce} {label}>>>"
