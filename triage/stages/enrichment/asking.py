"""Asks outside, once each: journalled, counted, timed; a failure is an answer that says so."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import JsonValue

from triage.domain.redaction import redact_json
from triage.errors import NotFound, PantherError, QueryFailed
from triage.ports import Clock, Lake, Observer, Progress, QueryLimits, QueryResult, RunJournal
from triage.stages.enrichment.cache import SharedCache
from triage.stages.enrichment.questions import BoundQuery
from triage.stages.enrichment.together import Bundle, columns_of

if TYPE_CHECKING:
    # sqlglot stands behind this package and costs start-up time.
    from triage.domain.sql import ReadOnlyQuery

STAGE = "enrichment"
Perform = Callable[[], Awaitable[JsonValue]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one question gave."""

    rows: tuple[dict[str, JsonValue], ...] = ()
    columns: tuple[str, ...] = ()
    row_count: int = 0
    truncated: bool = False
    error: str = ""
    seconds: float = 0.0
    value: JsonValue = None
    """The payload, where it isn't rows."""


@dataclass(slots=True)
class Asker:
    """The questions of one run."""

    journal: RunJournal
    observe: Observer
    clock: Clock
    lake: Lake
    cache: SharedCache | None
    limits: QueryLimits
    slots: asyncio.Semaphore
    """Lake queries under way."""
    max_rows: int
    max_bytes: int
    bundles: dict[str, Bundle] = field(default_factory=dict)
    """By question, where it goes out together with others."""
    alone: set[str] = field(default_factory=set)
    """Questions that spoiled a joint statement, over all runs."""
    statements: int = field(default=0, init=False)
    """Queries sent to the lake."""
    rows: int = field(default=0, init=False)
    bytes: int = field(default=0, init=False)

    async def ask(self, key: str, kind: str, text: str, perform: Perform, *, shared: str = "") -> Answer:
        """Ask once.

        Args:
            key: Stable name of the step.
            kind: The journal's word for it.
            text: What a person at a terminal reads when it is done.
            perform: Gives `{"rows": …}` or any JSON.
            shared: Name under which the answer serves other alerts too.
        """

        async def step() -> JsonValue:
            start = self.clock.monotonic()
            try:
                if shared and self.cache is not None:
                    value = await self.cache.get(shared, perform)
                else:
                    value = await perform()
            except (PantherError, QueryFailed, NotFound) as error:
                return {"error": str(error)[:500] or type(error).__name__, "seconds": self._since(start)}
            # Before the journal, so that a secret in a log stands neither in the store nor in a prompt or comment.
            return {"value": redact_json(value), "seconds": self._since(start)}

        answer = _answer(await self.journal.step(key, kind, step))
        self.observe(Progress(STAGE, _told(text, answer), ok=not answer.error))
        return answer

    async def query(self, bound: BoundQuery, *, prefix: str = "query", shared: str = "") -> Answer:
        """Send one query, when a slot is free."""

        async def run() -> JsonValue:
            if self.rows >= self.max_rows or self.bytes >= self.max_bytes:
                raise QueryFailed("not asked: the alert's budget of rows or bytes is used up")
            result = await self._result(bound)
            self.rows += len(result.rows)
            self.bytes += result.bytes
            # A full answer may have been cut by the LIMIT; then only lower bounds hold.
            cut = result.truncated or result.row_count >= bound.query.limit
            return {
                "columns": [name.lower() for name in result.columns],
                "rows": [{name.lower(): value for name, value in row.items()} for row in result.rows],
                "row_count": result.row_count,
                "truncated": cut,
            }

        question = bound.asked.question
        text = f"{question.question} ({bound.asked.table})"
        return await self.ask(f"{prefix}/{bound.key}", "query", text, run, shared=shared)

    async def _result(self, bound: BoundQuery) -> QueryResult:
        bundle = self.bundles.get(bound.key)
        if bundle is None:
            return await self._send(bound.query)
        result = await bundle.answer(bound, self._together)
        if result is not None:
            return result
        try:
            return await self._send(bound.query)
        except QueryFailed:
            self.alone.add(bound.key)
            raise

    async def _together(self, bundle: Bundle) -> QueryResult:
        from triage.domain.sql.together import join_queries  # noqa: PLC0415 - sqlglot costs start-up time

        query = join_queries([(bound.query, columns_of(bound.asked.question.sql)) for bound in bundle.bounds])
        return await self._send(query, questions=len(bundle.bounds))

    async def _send(self, query: "ReadOnlyQuery", *, questions: int = 1) -> QueryResult:
        async with self.slots:
            limits = QueryLimits(
                rows=min(query.limit, max(1, self.max_rows - self.rows)),
                bytes=self.limits.bytes * questions,
                seconds=self.limits.seconds,
            )
            self.statements += 1
            return await self.lake.run_query(query, limits=limits)

    def _since(self, start: float) -> float:
        return round(self.clock.monotonic() - start, 3)


def _told(text: str, answer: Answer) -> str:
    if answer.error:
        return f"{text}: {answer.error[:120]}"
    count = f"{answer.row_count} row{'' if answer.row_count == 1 else 's'}, " if answer.columns or answer.rows else ""
    return f"{text}: {count}{answer.seconds:.1f} s"


def _answer(payload: JsonValue) -> Answer:
    """Read a journalled payload."""
    if not isinstance(payload, dict):
        return Answer(error="the journal holds no answer to this question")
    seconds = payload.get("seconds")
    spent = float(seconds) if isinstance(seconds, int | float) else 0.0
    error = payload.get("error")
    if isinstance(error, str):
        return Answer(error=error, seconds=spent)
    value = payload.get("value")
    if not isinstance(value, dict) or not isinstance(value.get("rows"), list):
        return Answer(value=value, seconds=spent)
    rows = tuple(dict(row) for row in _list(value["rows"]) if isinstance(row, dict))
    count = value.get("row_count")
    columns = tuple(name for name in _list(value.get("columns")) if isinstance(name, str))
    return Answer(
        rows=rows,
        columns=columns or tuple(dict.fromkeys(name for row in rows for name in row)),
        row_count=count if isinstance(count, int) else len(rows),
        truncated=value.get("truncated") is True,
        seconds=spent,
        value=value,
    )


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    """A payload as an object; empty where it is none."""
    return value if isinstance(value, dict) else {}
