"""From an alert to its dossier: everything that doesn't wait for another answer is asked at once.

Three waves: the alert's events, its detection, the sources, the tables and the alert history start together; the
playbooks' queries start when the events, the detection and the tables are there; comments on like alerts when the
history is. What is gathered besides is asked along with the queries. Numbers follow the order of the questions, never that of the answers.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from triage.domain.alert import Alert
from triage.domain.detection import Detection
from triage.domain.dossier import Dossier
from triage.domain.evidence import Source
from triage.domain.window import TimeWindow
from triage.errors import errors_in
from triage.ports import (
    Clock,
    Observer,
    PantherApi,
    Progress,
    QueryLimits,
    RunJournal,
)
from triage.settings import InvestigationSettings
from triage.stages.enrichment import background, ledger
from triage.stages.enrichment.asking import STAGE, Answer, Asker
from triage.stages.enrichment.cache import SharedCache
from triage.stages.enrichment.entities import extract_entities, log_type_of
from triage.stages.enrichment.gathering import Gatherer
from triage.stages.enrichment.ledger import Found
from triage.stages.enrichment.playbooks import Playbooks
from triage.stages.enrichment.questions import BoundQuery, plan_queries
from triage.stages.enrichment.rhythms import plain_rhythm, rhythm_questions
from triage.stages.enrichment.signals import measure
from triage.stages.enrichment.subject import subject_of
from triage.stages.enrichment.together import bundled

QUERY_BYTES = 200_000
"""Bytes of one answer that are kept."""
SEARCH_BEFORE = timedelta(days=7)
SEARCH_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Enricher:
    """Gathers what is known about an alert. Holds no state of a run; one serves all."""

    panther: PantherApi
    playbooks: Playbooks
    settings: InvestigationSettings
    clock: Clock
    cache: SharedCache | None = None
    alone: set[str] = field(default_factory=set)
    """Questions that the lake has refused in company; no joint statement takes them along any more."""

    async def enrich(self, alert: Alert, *, now: datetime, journal: RunJournal, observe: Observer) -> Dossier:
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
        asker = self._asker(journal, observe)
        run = _Run(self, alert, now.astimezone(UTC), asker, Gatherer(self.panther, alert, self.settings, asker))
        return await run.dossier()

    def _asker(self, journal: RunJournal, observe: Observer) -> Asker:
        settings = self.settings
        return Asker(
            journal=journal,
            observe=observe,
            clock=self.clock,
            lake=self.panther.lake,
            cache=self.cache,
            limits=QueryLimits(bytes=QUERY_BYTES, seconds=settings.query_seconds),
            slots=asyncio.Semaphore(settings.query_concurrency),
            max_rows=settings.max_rows,
            max_bytes=settings.max_bytes,
            alone=self.alone,
        )


@dataclass(slots=True)
class _Run:
    """One alert on its way to a dossier."""

    room: Enricher
    alert: Alert
    now: datetime
    asker: Asker
    ask: Gatherer

    async def dossier(self) -> Dossier:
        try:
            return await self._gather()
        except BaseExceptionGroup as group:
            # Several tasks wait for the same answer and fail with it; whoever called wants the reason itself.
            found = errors_in(group)
            if found:
                raise found[0] from group
            raise

    async def _gather(self) -> Dossier:
        async with asyncio.TaskGroup() as group:
            events = group.create_task(self.ask.events())
            detection = group.create_task(self.ask.detection())
            sources = group.create_task(self.ask.log_sources())
            tables = group.create_task(self.ask.tables())
            history = group.create_task(self.ask.history())
            users = group.create_task(self.ask.users())
            comments = group.create_task(self._comments(history))
            lake = group.create_task(self._lake(events, detection, tables))
        rule, rule_answer = detection.result()
        found = lake.result()
        health, source_answer = sources.result()
        past = history.result()
        entries = [
            ledger.events_entry(events.result(), found),
            background.detection_evidence(rule, 2, rule_answer.error, rule_answer.seconds),
            ledger.entry(3, Source.HISTORY, "history", "How did earlier alerts of this detection end?", past),
            ledger.entry(4, Source.COMMENTS, "comments", "What did people write on like alerts?", comments.result()),
            ledger.sources_entry(source_answer, health, found.log_types),
        ]
        entries += ledger.query_entries(found, health, len(entries), self.now)
        entries += ledger.further_entries(found, past, users.result(), len(entries))
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

    async def _comments(self, history: "asyncio.Task[Answer]") -> Answer:
        return await self.ask.comments(await history)

    async def _paced(self, bound: BoundQuery) -> tuple[BoundQuery, Answer]:
        """In which hours a table holds rows; a table that lacks a column is asked in a simpler way."""
        answer = await self.asker.query(bound, prefix="coverage", shared=f"rhythm/{bound.query.sql}")
        if not answer.error:
            return bound, answer
        simpler = plain_rhythm(bound, now=self.now)
        second = await self.asker.query(simpler, prefix="coverage/plain", shared=f"rhythm/{simpler.query.sql}")
        return (bound, answer) if second.error else (simpler, second)

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
        chosen = plan_queries(
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
        self.asker.bundles = bundled(chosen.questions, size=settings.questions_per_query, alone=self.asker.alone)
        rhythms = rhythm_questions(chosen.questions, subject, history=settings.history, now=self.now)
        count = len(chosen.questions)
        self.asker.observe(Progress(STAGE, f"asking the lake {count} question{'' if count == 1 else 's'}"))
        indicators = background.indicators_of(entities)
        week = TimeWindow(subject.moment - SEARCH_BEFORE, min(self.now, subject.last + SEARCH_AFTER))
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self.asker.query(bound)) for bound in chosen.questions]
            paced = [group.create_task(self._paced(bound)) for bound in rhythms]
            described = group.create_task(self.ask.tables_of(log_types))
            search = group.create_task(self.ask.search(indicators, week)) if indicators else None
        return Found(
            log_types=log_types,
            entities=entities,
            subject=subject,
            chosen=chosen,
            answers=tuple(task.result() for task in asked),
            rhythms=tuple(task.result() for task in paced),
            tables=described.result(),
            search=None if search is None else (week, search.result()),
        )
