"""How the rows of an answer are written for the model: each thing once, each row under its number.

Rows of one shape, such as counts, are a table: the names of the columns once, what several rows share once, then a list of
values for each row. Records, such as the alert's events, are written in full the first time; of a record that is much
like the first one only what differs. Either way each stored value can still be cited by row and column.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from pydantic import JsonValue

from triage.domain.base import Row
from triage.domain.untrusted import Caps, fit_row, shorten, show_row, visible_json

_EMPTY: tuple[JsonValue, ...] = (None, "", [], {})
_MAX_COLUMNS = 30
_WIDE = 4
"""From how many columns on a single row is shorter as a table."""
_CELLS = (300, 120)
"""Characters that a cell keeps: the most with which all rows fit."""
_MUCH_ALIKE = 0.7
"""A record is written as a difference if that takes less than this share of the whole."""
_LAKE_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}")
_SECONDS = len("2026-01-31 12:00:00")
_BARE = re.compile(
    r"(?!null$|true$|false$|nan$|-?inf)(?!-?[\d.]+(?:e[+-]?\d+)?$)[a-z0-9_@/*](?:[a-z0-9_.:/@+*= -]*[a-z0-9_.:/@+*=-])?",
    re.ASCII | re.IGNORECASE,
)
"""A text of plain signs that can be taken for no number and no other value."""
_ABSENT = None
"""Stands in a difference for a value that the first record has and this one doesn't."""


def show_answer(
    rows: Sequence[Row], order: Sequence[int], caps: Caps, *, first: int = 0, records: bool = False
) -> tuple[str, tuple[int, ...]]:
    """As many rows as the caps allow, chosen in one order and written in their own.

    Args:
        rows: All rows.
        order: Their indices, in the order in which they are chosen.
        caps: How much of them; the first one chosen is shown in any case.
        first: The number of the row at index 0.
        records: They are events rather than counts.

    Returns:
        The text, and the indices of the rows shown.
    """
    chosen = list(order[: caps.rows])
    if not chosen:
        return "", ()
    columns = _columns([rows[index] for index in chosen])
    is_table = not records and (_WIDE if len(chosen) == 1 else 1) <= len(columns) <= _MAX_COLUMNS
    if not is_table or not _is_flat(rows[index] for index in chosen):
        return _fitting([], _records(rows, chosen, caps, first), chosen, caps)
    for field in sorted({min(each, caps.field) for each in _CELLS}, reverse=True):
        head, lines = _table(rows, chosen, columns, Caps(field, caps.row, caps.rows, caps.chars), first)
        if sum(map(len, (*head, *lines.values()))) + len(head) + len(lines) <= caps.chars:
            break
    return _fitting(head, lines, chosen, caps)


def _fitting(
    head: Sequence[str], lines: Mapping[int, str], chosen: Sequence[int], caps: Caps
) -> tuple[str, tuple[int, ...]]:
    """The lines that fit, in the order in which they were chosen."""
    size = sum(map(len, head)) + len(head)
    kept: list[int] = []
    for index in chosen:
        size += len(lines[index]) + 1
        if kept and size > caps.chars:
            break
        kept.append(index)
    shown = tuple(sorted(kept))
    return "\n".join([*head, *(lines[index] for index in shown)]), shown


# ---- tables ------------------------------------------------------------------------------------------------------


def _columns(rows: Sequence[Row]) -> list[str]:
    """Those that hold anything, in the order in which they first come."""
    filled = {name for row in rows for name, value in row.items() if value not in _EMPTY}
    return [name for name in dict.fromkeys(name for row in rows for name in row) if name in filled]


def _is_flat(rows: Iterable[Row]) -> bool:
    """Whether each value is a scalar or a list of scalars."""
    return all(
        not isinstance(item, dict | list)
        for row in rows
        for value in row.values()
        for item in (value if isinstance(value, list) else (value,))
    )


def _table(
    rows: Sequence[Row], chosen: Sequence[int], columns: Sequence[str], caps: Caps, first: int
) -> tuple[list[str], dict[int, str]]:
    found = [{name: _to_the_second(rows[index].get(name)) for name in columns} for index in chosen]
    several = len(found) > 1
    same = {
        name: found[0].get(name) for name in columns if several and len({_key(row.get(name)) for row in found}) == 1
    }
    differing = [name for name in columns if name not in same] or [columns[0]]
    head = [f"columns {_line(shorten(list(differing), caps.field))}"]
    if any(name not in differing for name in same):
        shared = {name: value for name, value in same.items() if name not in differing}
        head.append(f"in all shown rows {fit_row(shared, caps)}")
    lines = {
        index: f"[{first + index}] {_line(shorten([row.get(name) for name in differing], caps.field))}"
        for index, row in zip(chosen, found, strict=True)
    }
    return head, lines


def _line(values: JsonValue) -> str:
    """Values between commas. A text stands bare where it can't be taken for anything else, and otherwise as in JSON."""
    assert isinstance(values, list)
    return ",".join(
        value if isinstance(value, str) and _BARE.fullmatch(value) else visible_json(value) for value in values
    )


def _to_the_second(value: JsonValue) -> JsonValue:
    """A time of the lake without its milliseconds, which tell an analyst nothing; `is_cut_time` knows it again."""
    return value[:_SECONDS] if isinstance(value, str) and _LAKE_TIME.fullmatch(value) else value


def is_cut_time(quoted: str, stored: str) -> bool:
    """Whether `quoted` is the time `stored` as a table shows it."""
    return quoted != stored and quoted == _to_the_second(stored)


def _key(value: JsonValue) -> str:
    return visible_json(value)


# ---- records -----------------------------------------------------------------------------------------------------


def _records(rows: Sequence[Row], chosen: Sequence[int], caps: Caps, first: int) -> dict[int, str]:
    earliest = min(chosen)
    lines = {}
    for index in chosen:
        whole = show_row(rows[index], caps)
        lines[index] = f"[{first + index}] {whole}"
        if index == earliest:
            continue
        changed = fit_row(_difference(rows[earliest], rows[index]), caps)
        if len(changed) < _MUCH_ALIKE * len(whole):
            lines[index] = f"[{first + index}] as [{first + earliest}], but {changed}"
    return lines


def _difference(base: Mapping[str, JsonValue], row: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """What a record has that another one doesn't have, or has otherwise; objects are compared field by field."""
    found: dict[str, JsonValue] = {}
    for name in dict.fromkeys((*base, *row)):
        one, other = base.get(name), row.get(name)
        if one in _EMPTY and other in _EMPTY:
            continue
        if isinstance(one, dict) and isinstance(other, dict) and one and other:
            inner = _difference(one, other)
            found |= {name: inner} if inner else {}
        elif _key(one) != _key(other):
            found[name] = _ABSENT if other in _EMPTY else other
    return found
