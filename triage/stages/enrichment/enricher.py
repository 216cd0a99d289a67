"""From an alert to its dossier: everything that doesn't wait for another answer is asked at once.

Three waves: the alert's events, its detection, the sources, the tables and the alert history start together; the
playbooks' queries start when the events, the detection and the tables are there; comments on like alerts when the
history is. Numbers follow the order of the questions, never that of the answers.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue, TypeAdapter

from triage.domain.alert import Alert
from triage.domain.detection import Detection
from triage.domain.dossier import Dossier
from triage.domain.evidence import Source
from triage.errors import PantherError, TriageError
from triage.ports import (
    AlertSource,
    Clock,
    Comments,
    Journal,
    Lake,
    LogSource,
    LogSources,
    Observer,
    QueryLimits,
    RuleBook,
)
from triage.settings import InvestigationSettings
from triage.stages.enrichment import background, ledger
from triage.stages.enrichment.asking import Answer, Asker
from triage.stages.enrichment.cache import SharedCache
from triage.stages.enrichment.entities import extract_entities, log_type_of
from triage.stages.enrichment.ledger import Found
from triage.stages.enrichment.playbooks import Playbooks
from triage.stages.enrichment.questions import choose
from triage.stages.enrichment.rhythms import rhythm_questions
from triage.stages.enrichment.signals import measure
from triage.stages.enrichment.subject import subject_of

QUERY_BYTES = 200_000
"""Bytes of one answer that are kept."""
_DATABASES = ("panther_logs", "panther_rule_matches", "panther_signals")
_SOURCES: TypeAdapter[tuple[LogSource, ...]] = TypeAdapter(tuple[LogSource, ...])


@dataclass(frozen=True, slots=True)
class Enricher:
    """Gathers what is known about an alert. Holds no state of a run; one serves all."""

    alerts: AlertSource
    lake: Lake
    rules: RuleBook
    sources: LogSources
    comments: Comments
    playbooks: Playbooks
    settings: InvestigationSettings
    clock: Clock
    cache: SharedCache | None = None

    async def enrich(self, alert: Alert, *, now: datetime, journal: Journal, observe: Observer) -> Dossier:
        """Ask everything that the playbooks know to ask about an alert.

        Args:
            alert: As Panther lists it.
            now: The time the run counts from, aware.
            journal: Keeps each answer, so that a restart asks nothing twice.
            observe: Is told as questions finish.

        Returns:
            The dossier. A question without an answer is evidence that says why.

        Raises:
            PantherError: The alert's events could not be fetched for a reason that may pass; try again later.
        """
        run = _Run(self, alert, now.astimezone(UTC), self._asker(journal, observe))
        return await run.dossier()

    def _asker(self, journal: Journal, observe: Observer) -> Asker:
        settings = self.settings
        return Asker(
            journal=journal,
            observe=observe,
            clock=self.clock,
            lake=self.lake,
            cache=self.cache,
            limits=QueryLimits(bytes=QUERY_BYTES, seconds=settings.query_seconds),
            slots=asyncio.Semaphore(settings.query_concurrency),
            max_rows=settings.max_rows,
            max_bytes=settings.max_bytes,
        )


@dataclass(slots=True)
class _Run:
    """One alert on its way to a dossier."""

    room: Enricher
    alert: Alert
    now: datetime
    asker: Asker

    async def dossier(self) -> Dossier:
        try:
            return await self._gather()
        except BaseExceptionGroup as group:
            # Several tasks wait for the same answer and fail with it; whoever called wants the reason itself.
            reason = _first(group)
            if reason is None:
                raise
            raise reason from group

    async def _gather(self) -> Dossier:
        async with asyncio.TaskGroup() as group:
            events = group.create_task(self._events())
            detection = group.create_task(self._detection())
            sources = group.create_task(self._log_sources())
            tables = group.create_task(self._tables())
            history = group.create_task(self._history())
            comments = group.create_task(self._comments(history))
            lake = group.create_task(self._lake(events, detection, tables))
        rule, rule_answer = detection.result()
        found = lake.result()
        health, source_answer = sources.result()
        entries = [
            ledger.events_entry(events.result(), found),
            background.detection_evidence(rule, 2, rule_answer.error, rule_answer.seconds),
            ledger.entry(
                3, Source.HISTORY, "history", "How did earlier alerts of this detection end?", history.result()
            ),
            ledger.entry(4, Source.COMMENTS, "comments", "What did people write on like alerts?", comments.result()),
            ledger.sources_entry(source_answer, health, found.log_types),
        ]
        entries += ledger.query_entries(found, health, len(entries), self.now)
        notes = [*self.alert.notes, *found.chosen.notes]
        return Dossier(
            alert=self.alert,
            detection=rule,
            now=self.now,
            log_types=found.log_types,
            entities=found.entities,
            evidence=tuple(entries),
            signals=measure(self.alert, rule, found.subject, entries, allowed=self.room.settings.allowed, now=self.now),
            notes=tuple(notes),
        )

    # ---- what is asked -------------------------------------------------------------------------------------------

    async def _events(self) -> Answer:
        settings = self.room.settings

        async def perform() -> JsonValue:
            found = await self.room.alerts.events(
                self.alert.id, limit=settings.max_events, max_bytes=settings.max_bytes
            )
            return {"rows": [dict(row) for row in found.rows], "truncated": found.truncated}

        async def patient() -> JsonValue:
            try:
                return await perform()
            except PantherError as error:
                if error.retryable:
                    raise _Later(error) from error
                raise

        try:
            return await self.asker.ask("enrich/events", "events", "the alert's events", patient)
        except _Later as later:
            # Without its events there is nothing to say about an alert: better a later attempt than an empty dossier.
            raise later.error from later

    async def _detection(self) -> tuple[Detection, Answer]:
        async def perform() -> JsonValue:
            return (await self.room.rules.detection(self.alert.origin)).model_dump(mode="json")

        shared = f"detection/{self.alert.origin.kind}/{self.alert.detection_id}" if self.alert.detection_id else ""
        answer = await self.asker.ask("enrich/detection", "detection", "the detection", perform, shared=shared)
        if answer.error:
            known = Detection(id=self.alert.detection_id, severity=self.alert.severity, runbook=self.alert.runbook)
            return known, answer
        rule = Detection.model_validate(answer.value)
        return rule if rule.runbook else rule.model_copy(update={"runbook": self.alert.runbook}), answer

    async def _log_sources(self) -> tuple[tuple[LogSource, ...] | None, Answer]:
        async def perform() -> JsonValue:
            value: JsonValue = _SOURCES.dump_python(await self.room.sources.sources(), mode="json")
            return value

        answer = await self.asker.ask("enrich/sources", "sources", "the log sources", perform, shared="sources")
        return (None if answer.error else _SOURCES.validate_python(answer.value)), answer

    async def _tables(self) -> dict[str, frozenset[str]] | None:
        async def perform() -> JsonValue:
            names: dict[str, JsonValue] = {}
            for database in _DATABASES:
                names[database] = [table.name.lower() for table in await self.room.lake.tables(database)]
            return {"tables": names}

        answer = await self.asker.ask("enrich/tables", "tables", "the lake's tables", perform, shared="tables")
        value = answer.value
        named = value.get("tables") if isinstance(value, dict) else None
        if not isinstance(named, dict):
            return None
        return {
            database: frozenset(str(name) for name in names)
            for database, names in named.items()
            if isinstance(names, list)
        }

    async def _history(self) -> Answer:
        since = self.alert.created_at - max(self.room.settings.history, timedelta(days=90))
        if not self.alert.detection_id:
            return Answer()

        async def perform() -> JsonValue:
            return await background.past_alerts(self.room.alerts, self.alert, since=since)

        return await self.asker.ask("enrich/history", "history", "earlier alerts of the detection", perform)

    async def _comments(self, history: "asyncio.Task[Answer]") -> Answer:
        chosen = background.commented((await history).rows, self.alert.title)
        if not chosen:
            return Answer()

        async def perform() -> JsonValue:
            return await background.prior_comments(self.room.comments, chosen)

        return await self.asker.ask("enrich/comments", "comments", "comments on like alerts", perform)

    async def _lake(
        self,
        events: "asyncio.Task[Answer]",
        detection: "asyncio.Task[tuple[Detection, Answer]]",
        tables: "asyncio.Task[dict[str, frozenset[str]] | None]",
    ) -> Found:
        rows = (await events).rows
        rule, _ = await detection
        known = await tables
        log_types = tuple(dict.fromkeys([*filter(None, map(log_type_of, rows)), *(() if rows else rule.log_types)]))
        entities = extract_entities(rows, context=self.alert.context, log_types=log_types)
        terms = {name: self.room.playbooks.terms_of(name) for name in log_types}
        subject = subject_of(self.alert, rows, terms, entities)
        settings = self.room.settings
        chosen = choose(
            self.room.playbooks,
            alert=self.alert,
            detection=rule,
            subject=subject,
            log_types=log_types,
            entities=entities,
            tables=known,
            history=settings.history,
            budget=settings.max_queries,
            now=self.now,
        )
        rhythms = rhythm_questions(chosen.questions, subject, history=settings.history, now=self.now)
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self.asker.query(bound)) for bound in chosen.questions]
            paced = [
                group.create_task(self.asker.query(bound, prefix="coverage", shared=f"rhythm/{bound.query.sql}"))
                for bound in rhythms
            ]
        return Found(
            log_types=log_types,
            entities=entities,
            subject=subject,
            chosen=chosen,
            answers=tuple(task.result() for task in asked),
            rhythms=tuple(zip(rhythms, (task.result() for task in paced), strict=True)),
        )


class _Later(Exception):
    """Carries an error past the asker, which would make it an answer."""

    def __init__(self, error: PantherError) -> None:
        super().__init__(str(error))
        self.error = error


def _first(group: BaseExceptionGroup[BaseException]) -> TriageError | None:
    """The first error with a name, where all of them have one."""
    known, other = group.split(TriageError)
    while known is not None:
        first = known.exceptions[0]
        if not isinstance(first, BaseExceptionGroup):
            return first if other is None else None
        known = first
    return None
