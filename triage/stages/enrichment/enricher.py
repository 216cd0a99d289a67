"""From an alert to its dossier: every question that doesn't depend on another answer is asked at once.

Three waves: the alert's events, its detection, the sources, the tables, the users and the earlier alerts start
together; the playbooks' queries start when the events, the detection and the tables are there; the comments on similar
alerts when the earlier alerts are.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from triage.domain.alert import Alert
from triage.domain.base import Row
from triage.domain.detection import Detection, RuleText
from triage.domain.dossier import Dossier
from triage.domain.entity import Entity
from triage.domain.evidence import Source
from triage.domain.window import TimeWindow
from triage.errors import errors_in
from triage.logtypes import Term
from triage.ports import Clock, Observer, PantherApi, Progress, RunJournal
from triage.settings import InvestigationSettings
from triage.stages.enrichment import context_rows
from triage.stages.enrichment.activity import activity_queries, without_controls
from triage.stages.enrichment.actor import AlertActor
from triage.stages.enrichment.actor_finder import ActorFinder
from triage.stages.enrichment.actor_values import actor_values
from triage.stages.enrichment.asking import STAGE, Answer, Asker
from triage.stages.enrichment.batches import plan_batches
from triage.stages.enrichment.cache import SharedCache
from triage.stages.enrichment.context import AlertContext
from triage.stages.enrichment.entities import extract_entities, log_type_of
from triage.stages.enrichment.event_faults import event_faults, event_notes
from triage.stages.enrichment.numbering import SEARCH_QUESTION, EvidenceList, LakeAnswers, activity_by_table
from triage.stages.enrichment.playbooks import Playbooks
from triage.stages.enrichment.questions import BoundQuery, QueryPlan, merge_plans, plan_queries
from triage.stages.enrichment.rule_background import log_types_of
from triage.stages.enrichment.runbook import SHARE, AlertFrame, plan_runbook, without_least_telling
from triage.stages.enrichment.runbook_answers import outcomes_of
from triage.stages.enrichment.runbook_plan import Plans, planned_steps, unplanned
from triage.stages.enrichment.runbook_words import OwnEvents
from triage.stages.enrichment.signals import measure
from triage.stages.enrichment.standings import QUESTION, alert_standings, alerts_to_look_up

SEARCH_BEFORE = timedelta(days=7)
SEARCH_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Enricher:
    """Gathers what is known about an alert. Holds no state of a run; one instance serves all."""

    panther: PantherApi
    playbooks: Playbooks
    settings: InvestigationSettings
    clock: Clock
    cache: SharedCache | None = None
    refused_in_batch: set[str] = field(default_factory=set)
    """Keys of questions that the lake has refused; they are never batched with others again."""
    plans: Plans = unplanned
    """What the steps of a runbook ask."""

    async def enrich(self, alert: Alert, *, now: datetime, journal: RunJournal, observe: Observer) -> Dossier:
        """Ask every question that the playbooks have for an alert.

        Args:
            alert: As Panther lists it.
            now: The time the run counts from, aware.
            journal: Keeps each answer, so that nothing is asked twice after a restart.
            observe: Called as questions finish.

        Returns:
            The dossier. A question without an answer is evidence that says why.

        Raises:
            PantherError: The alert's events could not be fetched for a reason that may pass; try again later.
        """
        asker = Asker(
            journal=journal,
            observe=observe,
            clock=self.clock,
            lake=self.panther.lake,
            cache=self.cache,
            settings=self.settings,
            refused_in_batch=self.refused_in_batch,
        )
        context = AlertContext(self.panther, alert, self.settings, asker)
        run = EnrichmentRun(self.playbooks, self.settings, alert, now.astimezone(UTC), asker, context, self.plans)
        try:
            return await run.dossier()
        except BaseExceptionGroup as group:
            # Several tasks wait for the same answer and fail with it; the caller wants the reason itself.
            found = errors_in(group)
            if found:
                raise found[0] from group
            raise


@dataclass(frozen=True, slots=True)
class EnrichmentRun:
    """One alert on its way to a dossier."""

    playbooks: Playbooks
    settings: InvestigationSettings
    alert: Alert
    now: datetime
    asker: Asker
    context: AlertContext
    plans: Plans = unplanned

    async def dossier(self) -> Dossier:
        """Ask everything and number the answers. Raises an exception group of PantherError."""
        async with asyncio.TaskGroup() as group:
            events = group.create_task(self.context.events())
            detection = group.create_task(self.context.detection())
            background = group.create_task(self._background(detection))
            sources = group.create_task(self.context.log_sources())
            tables = group.create_task(self.context.tables())
            history = group.create_task(self.context.history())
            users = group.create_task(self.context.users())
            profiles = group.create_task(self.context.profiles())
            comments = group.create_task(self._comments(history))
            queries = group.create_task(self._ask_lake(events, detection, background, tables))
            standings = group.create_task(self._standings(queries, history))
        rule, rule_answer = detection.result()
        lake, health, past = queries.result(), sources.result()[0], history.result()
        found = EvidenceList()
        found.add_events(events.result(), lake)
        found.add_detection(rule, background.result(), rule_answer)
        found.add(Source.HISTORY, "history", "How did earlier alerts of this detection end?", past)
        found.add(Source.COMMENTS, "comments", "What did people write on similar alerts?", comments.result())
        found.add_sources(*sources.result(), lake.log_types)
        activity = activity_by_table(lake)
        found.add_queries(lake, activity, health, self.now)
        found.add_outcomes(past)
        found.add_users(*users.result(), lake.entities)
        found.add_tables_and_search(lake)
        if standings.result().rows:
            found.add(Source.HISTORY, "standings", QUESTION, standings.result())
        if profiles.result().rows:
            found.add(Source.USERS, "profiles", "Who are the alert's actors by Panther's profiles?", profiles.result())
        own = events.result()
        faults = event_faults(self.alert, own.rows)
        found.add_faults(faults)
        found.add_alert(self.alert)
        found.add_runbook(lake, activity, health, self.now)
        return Dossier(
            alert=self.alert,
            detection=rule,
            now=self.now,
            log_types=lake.log_types,
            entities=lake.entities,
            evidence=tuple(found.entries),
            actors=tuple(actor_values(actor, self.alert) for actor in lake.actors),
            signals=measure(
                self.alert,
                rule,
                lake.actors,
                found.entries,
                allowed=self.settings.allowed,
                now=self.now,
                dwell=self.settings.dwell,
                unexamined=lake.unexamined,
            ),
            notes=(
                *self.alert.notes,
                *event_notes(self.alert, own.rows, faults, read=own.row_count, cut=own.truncated),
                *lake.plan.notes,
                *lake.runbook.notes,
                *lake.notes,
            ),
            runbook=outcomes_of(lake.runbook, found.entries, OwnEvents(own.rows, self._terms(lake.log_types))),
        )

    async def _standings(self, queries: "asyncio.Task[LakeAnswers]", history: "asyncio.Task[Answer]") -> Answer:
        lake = await queries
        asked = zip(lake.plan.queries, lake.answers, strict=True)
        acts = tuple(action for actor in lake.actors for action in actor.actions)
        wanted = alerts_to_look_up(asked, await history, acts)
        return await alert_standings(self.asker, self.context.panther.alerts, wanted)

    async def _background(self, detection: "asyncio.Task[tuple[Detection, Answer]]") -> tuple[RuleText, ...]:
        rule, _ = await detection
        return await self.context.background(rule)

    async def _comments(self, history: "asyncio.Task[Answer]") -> Answer:
        return await self.context.comments(await history)

    async def _ask_lake(
        self,
        events: "asyncio.Task[Answer]",
        detection: "asyncio.Task[tuple[Detection, Answer]]",
        background: "asyncio.Task[tuple[RuleText, ...]]",
        tables: "asyncio.Task[dict[str, frozenset[str]] | None]",
    ) -> LakeAnswers:
        rows = (await events).rows
        rule, _ = await detection
        known = await tables
        # An alert of a correlation may have no events of its own; then its parts say which logs it is about.
        declared = () if rows else rule.log_types or log_types_of(await background)
        log_types = tuple(dict.fromkeys([*filter(None, map(log_type_of, rows)), *declared]))
        entities = extract_entities(rows, context=self.alert.context, log_types=log_types)
        finder = ActorFinder(self.asker, self.alert, self.settings, self.now)
        found = await finder.find(rows, self._terms(log_types), entities, known)
        plan = self._plan(rule, found.actors, log_types, entities, known, rows)
        frame = AlertFrame(
            actors=[actor_values(actor, self.alert) for actor in found.actors],
            log_types=log_types,
            events=rows,
            tables=known,
            history=self.settings.history,
            dwell=self.settings.dwell,
            now=self.now,
        )
        steps, notes = await planned_steps(self.asker, self.plans, rule, rule.runbook or self.alert.runbook)
        runbook = plan_runbook(steps, frame, playbooks=plan.queries, budget=self.settings.max_queries // SHARE)
        runbook = replace(runbook, notes=(*notes, *runbook.notes))
        plan = without_least_telling(plan, runbook, budget=self.settings.max_queries)
        queries = [*plan.queries, *runbook.queries]
        self.asker.batches = plan_batches(
            queries, size=self.settings.questions_per_query, alone=self.asker.refused_in_batch
        )
        count = len(queries)
        self.asker.observe(Progress(STAGE, f"asking the lake {count} question{'' if count == 1 else 's'}"))
        indicators = context_rows.indicators_of(entities)
        first, last = min(actor.moment for actor in found.actors), max(actor.last for actor in found.actors)
        window = TimeWindow(first - SEARCH_BEFORE, max(first, min(self.now, last + SEARCH_AFTER)))
        async with asyncio.TaskGroup() as group:
            answers = [group.create_task(self.asker.query(bound)) for bound in queries]
            activity = [
                group.create_task(self._activity(bound))
                for bound in activity_queries(
                    queries, first=first, last=last, history=self.settings.history, now=self.now
                )
            ]
            columns = group.create_task(self.context.tables_of(log_types))
            search = group.create_task(self.asker.search(SEARCH_QUESTION, indicators, window)) if indicators else None
        return LakeAnswers(
            log_types=log_types,
            entities=entities,
            actors=found.actors,
            unexamined=tuple(dict.fromkeys([*found.unexamined, *plan.unexamined])),
            links=found.links,
            plan=plan,
            answers=tuple(task.result() for task in answers[: len(plan.queries)]),
            runbook=runbook,
            runbook_answers=tuple(task.result() for task in answers[len(plan.queries) :]),
            activity=tuple(task.result() for task in activity),
            tables=columns.result(),
            search=None if search is None else (window, search.result()),
        )

    def _terms(self, log_types: Sequence[str]) -> dict[str, Mapping[str, Term]]:
        return {name: self.playbooks.terms_of(name) for name in log_types}

    def _plan(
        self,
        rule: Detection,
        actors: Sequence[AlertActor],
        log_types: Sequence[str],
        entities: Sequence[Entity],
        tables: dict[str, frozenset[str]] | None,
        events: Sequence[Row],
    ) -> QueryPlan:
        """The questions about all actors of the alert."""
        own = {actor.log_type for actor in actors}
        plans = []
        for actor in actors:
            # What has no actor of its own is asked about once, with the first.
            others = [name for name in log_types if name not in own] if actor is actors[0] else []
            plan = plan_queries(
                self.playbooks,
                alert=self.alert,
                detection=rule,
                actor=actor,
                log_types=[*([actor.log_type] if actor.log_type else []), *others],
                entities=entities,
                tables=tables,
                history=self.settings.history,
                dwell=self.settings.dwell,
                budget=self.settings.max_queries,
                now=self.now,
                events=events,
            )
            plans.append((actor, plan))
        return merge_plans(plans, budget=self.settings.max_queries)

    async def _activity(self, bound: BoundQuery) -> tuple[BoundQuery, Answer]:
        """In which hours a table received rows; asked again without controls if it lacks an indicator column."""
        answer = await self.asker.query(bound, prefix="coverage", shared=f"rhythm/{bound.query.sql}")
        if not answer.error:
            return bound, answer
        simpler = without_controls(bound, now=self.now)
        second = await self.asker.query(simpler, prefix="coverage/plain", shared=f"rhythm/{simpler.query.sql}")
        return (bound, answer) if second.error else (simpler, second)
