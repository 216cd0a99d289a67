"""Several questions in one statement.

The warehouse behind Data Explorer runs few statements at a time (Snowflake: eight by default), and every statement
costs a start and several polls, so the questions about an alert are sent in batches. The rows of a batch are split
again into what each question would have returned by itself: its own rows, in its own order, with its own limit. If a
batch fails for any reason, its questions are sent one by one; one that the lake refuses is sent alone from then on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from triage.domain.sql.batch import in_order, split_batch
from triage.errors import PantherError, QueryFailed, QueryTimeout
from triage.ports import QueryResult
from triage.stages.enrichment.questions import BoundQuery

Send = Callable[["QueryBatch"], Awaitable[QueryResult]]


@dataclass(slots=True, eq=False)
class QueryBatch:
    """Questions that are sent as one statement. The first caller to need one of the answers sends it."""

    queries: tuple[BoundQuery, ...]
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _results: dict[str, QueryResult] | None = None
    _error: PantherError | None = None

    async def result(self, bound: BoundQuery, send: Send) -> QueryResult | None:
        """The result of one question; `None` if it has to be sent by itself. Raises PantherError."""
        async with self._lock:
            if self._results is None and self._error is None:
                try:
                    self._results = results_by_question(self.queries, await send(self))
                except (QueryFailed, QueryTimeout, ValueError):
                    self._results = {}
                except PantherError as error:
                    self._error = error
        if self._error is not None:
            raise self._error
        return (self._results or {}).get(bound.key)


def results_by_question(queries: Sequence[BoundQuery], result: QueryResult) -> dict[str, QueryResult]:
    """The result of a batch by question; empty if it was cut, since nobody knows whose rows are missing.

    Raises:
        ValueError: it is not the result of a batch of these questions.
    """

    if result.truncated:
        return {}
    split = split_batch(result.rows, [bound.question.template.columns for bound in queries])
    return {
        bound.key: QueryResult(
            columns=bound.question.template.columns,
            rows=tuple(in_order(rows, bound.question.template.columns, bound.question.template.row_order)),
            row_count=len(rows),
            truncated=False,
            bytes=result.bytes // len(queries),
            seconds=result.seconds,
        )
        for bound, rows in zip(queries, split, strict=True)
    }


def plan_batches(queries: Sequence[BoundQuery], *, size: int, alone: Iterable[str]) -> dict[str, QueryBatch]:
    """Distribute questions over as few statements as `size` allows, evenly and table by table.

    Args:
        queries: All questions about an alert.
        size: The most questions in one statement; 1 turns batching off.
        alone: Keys of questions that are always sent by themselves.

    Returns:
        The batch of each question that is part of one.
    """
    apart = set(alone)
    # Only rows whose order can be restored come out of a batch as they would have come by themselves.
    fit = [
        bound
        for bound in queries
        if bound.key not in apart and bound.question.template.columns and bound.question.template.row_order
    ]
    tables = list(dict.fromkeys((bound.question.database, bound.question.table) for bound in fit))
    fit.sort(key=lambda bound: tables.index((bound.question.database, bound.question.table)))
    count = -(-len(fit) // max(1, size))
    batches: dict[str, QueryBatch] = {}
    for number in range(count):
        part = tuple(fit[number * len(fit) // count : (number + 1) * len(fit) // count])
        if len(part) > 1:
            batch = QueryBatch(part)
            batches |= {bound.key: batch for bound in part}
    return batches
