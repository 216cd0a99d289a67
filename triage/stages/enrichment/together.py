"""Several questions in one statement.

The warehouse behind Data Explorer runs few statements at a time (Snowflake: eight by default) and every statement
costs a start and several looks, so an alert's questions go out joined. Each answer is taken apart again into what the
question alone would have given: its own rows, in its own order, with its own limit. Whatever goes wrong with a joint
statement, its questions are then asked one by one, and one that the lake refused is asked alone from then on.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from pydantic import JsonValue

from triage.errors import PantherError, QueryFailed, QueryTimeout
from triage.ports import QueryResult
from triage.stages.enrichment.questions import BoundQuery

_ITEM = re.compile(r"\bAS ([a-z_][a-z0-9_]{0,62})\s*$")
"""A longer name is one that `join_queries` refuses."""
_ORDER = re.compile(
    r"\bORDER BY\s+([0-9]+(?:\s+DESC)?(?:\s*,\s*[0-9]+(?:\s+DESC)?)*)\s+LIMIT\s+:limit\s*$", re.IGNORECASE
)
Order = tuple[tuple[int, bool], ...]
"""Positions of columns, counted from 0, and whether descending."""
Send = Callable[["Bundle"], Awaitable[QueryResult]]


@lru_cache(maxsize=1_024)
def columns_of(sql: str) -> tuple[str, ...]:
    """The columns of a question's SQL, in order; empty where one of them has no `AS name`."""
    found = [_ITEM.search(item.strip()) for item in _items(sql)]
    names = tuple(match.group(1) for match in found if match is not None)
    return names if len(names) == len(found) == len(set(names)) else ()


def _items(sql: str) -> Iterator[str]:
    """What stands between SELECT and FROM, cut at the commas that are in no parentheses and no text."""
    start = re.match(r"\s*SELECT\s", sql, re.IGNORECASE)
    if start is None:
        return
    depth, quoted, begin = 0, False, start.end()
    for place in range(begin, len(sql)):
        letter = sql[place]
        if letter == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif depth == 0 and letter == ",":
            yield sql[begin:place]
            begin = place + 1
        elif depth == 0 and re.match(r"\sFROM\s", sql[place : place + 6], re.IGNORECASE):
            yield sql[begin:place]
            return


@lru_cache(maxsize=1_024)
def order_of(sql: str) -> Order:
    """The order of a question's rows; empty where it isn't written as positions (`ORDER BY 2 DESC, 1`)."""
    match = _ORDER.search(sql)
    if match is None:
        return ()
    parts = (part.split() for part in match.group(1).split(","))
    return tuple((int(part[0]) - 1, len(part) > 1) for part in parts)


@dataclass(slots=True, eq=False)
class Bundle:
    """Questions that go out as one statement. Whoever first needs one of their answers sends it."""

    bounds: tuple[BoundQuery, ...]
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _answers: dict[str, QueryResult] | None = None
    _failed: PantherError | None = None

    async def answer(self, bound: BoundQuery, send: Send) -> QueryResult | None:
        """What one question gave; `None` where it has to be asked by itself. Raises PantherError."""
        async with self._lock:
            if self._answers is None and self._failed is None:
                try:
                    self._answers = taken_apart(self.bounds, await send(self))
                except (QueryFailed, QueryTimeout, ValueError):
                    self._answers = {}
                except PantherError as error:
                    self._failed = error
        if self._failed is not None:
            raise self._failed
        return (self._answers or {}).get(bound.key)


def taken_apart(bounds: Sequence[BoundQuery], result: QueryResult) -> dict[str, QueryResult]:
    """The joint answer by question; empty where it was cut, since nobody knows whose rows are missing.

    Raises:
        ValueError: it is not the answer of a joint statement.
    """
    from triage.domain.sql.together import split_rows  # noqa: PLC0415 - sqlglot costs start-up time

    if result.truncated:
        return {}
    names = [columns_of(bound.asked.question.sql) for bound in bounds]
    split = split_rows(result.rows, names)
    return {
        bound.key: QueryResult(
            columns=columns,
            rows=tuple(_ordered(rows, columns, order_of(bound.asked.question.sql))),
            row_count=len(rows),
            truncated=False,
            bytes=result.bytes // len(bounds),
            seconds=result.seconds,
        )
        for bound, columns, rows in zip(bounds, names, split, strict=True)
    }


def _ordered(rows: Iterable[dict[str, JsonValue]], columns: Sequence[str], order: Order) -> list[dict[str, JsonValue]]:
    """A union keeps no order; a NULL counts as the largest value, as in Snowflake."""
    found = list(rows)
    for place, down in reversed(order):
        found.sort(key=lambda row, name=columns[place]: _rank(row[name]), reverse=down)  # type: ignore[misc]  # a bound default
    return found


def _rank(value: JsonValue) -> tuple[int, float, str]:
    if value is None:
        return 2, 0.0, ""
    if isinstance(value, int | float):
        return 0, float(value), ""
    return 1, 0.0, str(value)


def bundled(bounds: Sequence[BoundQuery], *, size: int, alone: Iterable[str]) -> dict[str, Bundle]:
    """Share questions out over as few statements as `size` allows, evenly and table by table.

    Args:
        bounds: Every question of an alert.
        size: Questions in a statement at most; 1: none is joined.
        alone: Keys of questions that are asked by themselves.

    Returns:
        The bundle of each question that is in one.
    """
    apart = set(alone)
    fit = [bound for bound in bounds if bound.key not in apart and joins(bound)]
    tables = list(dict.fromkeys((bound.asked.database, bound.asked.table) for bound in fit))
    fit.sort(key=lambda bound: tables.index((bound.asked.database, bound.asked.table)))
    count = -(-len(fit) // max(1, size))
    found: dict[str, Bundle] = {}
    for number in range(count):
        part = tuple(fit[number * len(fit) // count : (number + 1) * len(fit) // count])
        if len(part) > 1:
            bundle = Bundle(part)
            found |= {bound.key: bundle for bound in part}
    return found


def joins(bound: BoundQuery) -> bool:
    """Whether a question's rows can be taken out of a joint answer as they would have come by themselves."""
    sql = bound.asked.question.sql
    columns, order = columns_of(sql), order_of(sql)
    return bool(columns) and bool(order) and all(0 <= place < len(columns) for place, _ in order)
