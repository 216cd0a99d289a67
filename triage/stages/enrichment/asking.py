"""Asks Panther and the lake on behalf of one run: each question is journalled, counted and timed.

A question that fails gets an answer that says why, so one failure never costs the others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from pydantic import JsonValue

from triage.domain.answer_secrets import rows_without_secrets
from triage.domain.redaction import redact, redact_json
from triage.domain.sql import ReadOnlyQuery
from triage.domain.sql.batch import batch_queries
from triage.domain.sql.sources import Sources
from triage.domain.window import TimeWindow
from triage.errors import NotFound, PantherError, QueryFailed
from triage.ports import Clock, Lake, Observer, Progress, QueryLimits, QueryResult, RunJournal
from triage.settings import InvestigationSettings
from triage.stages.enrichment.batches import QueryBatch
from triage.stages.enrichment.cache import Allowance, SharedCache
from triage.stages.enrichment.questions import BoundQuery

STAGE = "enrichment"
QUERY_BYTES = 200_000
"""Bytes kept of one answer."""
SEARCH_ROWS = 60
T = TypeVar("T")
Perform = Callable[[], Awaitable[JsonValue]]
Clean = Callable[[JsonValue], JsonValue]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question."""

    rows: tuple[dict[str, JsonValue], ...] = ()
    columns: tuple[str, ...] = ()
    row_count: int = 0
    truncated: bool = False
    error: str = ""
    seconds: float = 0.0
    value: JsonValue = None
    """The payload, whether or not it is rows."""

    @classmethod
    def read(cls, payload: JsonValue) -> "Answer":
        """Read a journalled payload."""
        if not isinstance(payload, dict):
            return cls(error="the journal holds no answer to this question")
        seconds = payload.get("seconds")
        spent = float(seconds) if isinstance(seconds, int | float) else 0.0
        error = payload.get("error")
        if isinstance(error, str):
            return cls(error=error, seconds=spent)
        value = payload.get("value")
        if not isinstance(value, dict) or not isinstance(value.get("rows"), list):
            return cls(value=value, seconds=spent)
        rows = tuple(dict(row) for row in _items(value["rows"]) if isinstance(row, dict))
        count = value.get("row_count")
        columns = tuple(name for name in _items(value.get("columns")) if isinstance(name, str))
        return cls(
            rows=rows,
            columns=columns or tuple(dict.fromkeys(name for row in rows for name in row)),
            row_count=count if isinstance(count, int) else len(rows),
            truncated=value.get("truncated") is True,
            seconds=spent,
            value=value,
        )


def _items(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


@dataclass(slots=True)
class Asker:
    """Asks the questions of one run, within the alert's budget of rows and bytes."""

    journal: RunJournal
    observe: Observer
    clock: Clock
    lake: Lake
    cache: SharedCache | None
    settings: InvestigationSettings
    refused_in_batch: set[str]
    """Keys of questions that the lake refused, over all runs; they are never batched again."""
    batches: dict[str, QueryBatch] = field(default_factory=dict)
    """By key of the question, for those sent in a batch."""
    _slots: asyncio.Semaphore = field(init=False)
    """Lake queries in flight."""
    _rows: int = field(default=0, init=False)
    _bytes: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.settings.query_concurrency)

    async def shared(self, name: str, perform: Callable[[], Awaitable[T]]) -> T:
        """What `perform` gives, kept for the alerts that ask for the same soon."""
        return await perform() if self.cache is None else await self.cache.get(name, perform)

    async def ask(
        self,
        key: str,
        kind: str,
        text: str,
        perform: Perform,
        *,
        shared: str = "",
        required: bool = False,
        clean: Clean = redact_json,
    ) -> Answer:
        """Ask once; after a restart the answer comes from the journal.

        Args:
            key: Stable name of the step.
            kind: The journal's word for it.
            text: What a person at a terminal reads when it is done.
            perform: Gives `{"rows": …}` or any JSON.
            shared: Name under which other alerts can use the answer too, if it is the same for every alert.
            required: Raise a retryable failure instead of answering with it.
            clean: Replaces the secrets in what `perform` gives.

        Raises:
            PantherError: the question is required and could not be answered for a reason that may pass.
        """

        async def step() -> JsonValue:
            start = self.clock.monotonic()
            try:
                value = await self.shared(shared, perform) if shared else await perform()
            except (PantherError, QueryFailed, NotFound) as error:
                if required and error.retryable:
                    raise
                return {"error": redact(str(error))[:500] or type(error).__name__, "seconds": self._since(start)}
            # Before the journal, so that a secret in a log reaches neither the store nor a prompt nor a comment.
            return {"value": clean(value), "seconds": self._since(start)}

        answer = Answer.read(await self.journal.step(key, kind, step))
        self.observe(Progress(STAGE, _progress_text(text, answer), ok=not answer.error))
        return answer

    async def query(self, bound: BoundQuery, *, prefix: str = "query", shared: str = "") -> Answer:
        """Send one query, by itself or in its batch, when a slot is free."""

        async def perform() -> JsonValue:
            # What this alert can afford is its own affair: checked and charged here, never in the shared part.
            self._check_budget()
            if shared and self.cache is not None:
                limits = self._limits(bound.query.limit)
                result = await self.cache.get(
                    shared,
                    lambda: self._send(bound.query, limits=limits),
                    allowance=Allowance(limits.rows, limits.bytes),
                    cut=lambda found: found.truncated,
                )
            else:
                result = await self._result(bound)
            # A full answer may have been cut by the LIMIT; then only lower bounds hold.
            return self._payload(result, truncated=result.truncated or result.row_count >= bound.query.limit)

        text = f"{bound.question.definition.question} ({bound.question.table})"
        clean = partial(_without_secrets, bound.question.template.sources)
        return await self.ask(f"{prefix}/{bound.key}", "query", text, perform, clean=clean)

    async def search(self, question: str, indicators: Sequence[str], window: TimeWindow) -> Answer:
        """Search all log types for indicators, when a slot is free."""

        async def perform() -> JsonValue:
            self._check_budget()
            async with self._slots:
                result = await self.lake.search(indicators, window=window, limits=self._limits(SEARCH_ROWS))
            return self._payload(result, truncated=result.truncated)

        return await self.ask("enrich/search", "search", question, perform)

    def _check_budget(self) -> None:
        if self._rows >= self.settings.max_rows or self._bytes >= self.settings.max_bytes:
            raise QueryFailed("not asked: the alert's budget of rows or bytes is used up")

    def _limits(self, rows: int, *, questions: int = 1) -> QueryLimits:
        """What the alert can still afford of an answer."""
        return QueryLimits(
            rows=min(rows, max(1, self.settings.max_rows - self._rows)),
            bytes=QUERY_BYTES * questions,
            seconds=self.settings.query_seconds,
        )

    def _payload(self, result: QueryResult, *, truncated: bool) -> JsonValue:
        self._rows += len(result.rows)
        self._bytes += result.bytes
        return {
            "columns": [name.lower() for name in result.columns],
            "rows": [{name.lower(): value for name, value in row.items()} for row in result.rows],
            "row_count": result.row_count,
            "truncated": truncated,
        }

    async def _result(self, bound: BoundQuery) -> QueryResult:
        batch = self.batches.get(bound.key)
        if batch is None:
            return await self._send(bound.query)
        result = await batch.result(bound, self._send_batch)
        if result is not None:
            return result
        try:
            return await self._send(bound.query)
        except QueryFailed:
            self.refused_in_batch.add(bound.key)
            raise

    async def _send_batch(self, batch: QueryBatch) -> QueryResult:
        query = batch_queries([(bound.query, bound.question.template.columns) for bound in batch.queries])
        return await self._send(query, questions=len(batch.queries))

    async def _send(
        self, query: ReadOnlyQuery, *, limits: QueryLimits | None = None, questions: int = 1
    ) -> QueryResult:
        async with self._slots:
            # Computed when the slot is free: what finished meanwhile has been charged.
            return await self.lake.run_query(query, limits=limits or self._limits(query.limit, questions=questions))

    def _since(self, start: float) -> float:
        return round(self.clock.monotonic() - start, 3)


def _without_secrets(sources: Sources | None, payload: JsonValue) -> JsonValue:
    """The payload of one question's own answer, without the secrets in its rows."""
    if not isinstance(payload, dict):
        return redact_json(payload)
    rows = [row for row in _items(payload.get("rows")) if isinstance(row, dict)]
    columns = [name for name in _items(payload.get("columns")) if isinstance(name, str)]
    return {**payload, "rows": list(rows_without_secrets(rows, columns, sources))}


def _progress_text(text: str, answer: Answer) -> str:
    if answer.error:
        return f"{text}: {answer.error[:120]}"
    count = f"{answer.row_count} row{'' if answer.row_count == 1 else 's'}, " if answer.columns or answer.rows else ""
    return f"{text}: {count}{answer.seconds:.1f} s"
