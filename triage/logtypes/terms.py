"""What a log type's terms say of one event."""

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from triage.domain.base import Row
from triage.domain.evidence import MISSING, lookup
from triage.logtypes.schema import Take

MAX_CHARS = 500
"""Characters kept of one value."""
_HOLE = re.compile(r"\{([^{}]+)\}")


def take(row: Row, ways: Iterable[Take]) -> str:
    """A term's value in an event; empty where it has none."""
    for way in ways:
        if not all(_any_match(_text(row, path), globs) for path, globs in way.where.items()):
            continue
        if way.text:
            parts = _HOLE.findall(way.text)
            if parts and not any(_text(row, part) for part in parts):
                continue
            value = _HOLE.sub(lambda hole, event=row: _text(event, hole.group(1)), way.text)  # type: ignore[misc]  # a bound default
        elif way.keys:
            value = _nested_text(row, way.keys)
        else:
            value = _text(row, way.path)
        if way.after:
            value = value.partition(way.after)[2]
        if way.before:
            value = value.partition(way.before)[0]
        value = value.lower() if way.lower else value
        if value:
            return value[:MAX_CHARS]
    return ""


def _any_match(value: str, globs: Iterable[str]) -> bool:
    """Whether a value matches one of the globs, letter case included."""
    return any(fnmatchcase(value, glob) for glob in globs)


def _nested_text(row: Row, keys: Iterable[str]) -> str:
    column, *below = keys
    value: object = row.get(_spelled(row, column))
    for key in below:
        value = value.get(key) if isinstance(value, Mapping) else None
    return _scalar_text(value)


def _text(row: Row, path: str) -> str:
    value = lookup(row, path)
    if value is MISSING:
        column, dot, below = path.partition(".")
        value = lookup(row, f"{_spelled(row, column)}{dot}{below}")
    return _scalar_text(value)


def _spelled(row: Row, column: str) -> str:
    """A column's name as this event spells it: like SQL, lakes don't tell the letter case of columns apart."""
    if column in row:
        return column
    folded = column.casefold()
    return next((name for name in row if name.casefold() == folded), column)


def _scalar_text(value: object) -> str:
    if value is MISSING or value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
