"""From answers to numbered evidence. The numbers follow the order of the questions, never that of the answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import JsonValue

from triage.domain.alert import Alert, alert_row
from triage.domain.coverage import Coverage
from triage.domain.detection import Detection, RuleText
from triage.domain.entity import Entity
from triage.domain.evidence import Evidence, Source
from triage.domain.redaction import redact_row
from triage.domain.window import TimeWindow
from triage.logtypes import table_of
from triage.ports import LogSource, PantherUser
from triage.stages.enrichment import context_rows
from triage.stages.enrichment.activity import TableActivity
from triage.stages.enrichment.actor import AlertActor
from triage.stages.enrichment.asking import Answer
from triage.stages.enrichment.coverage import coverage_of, fed_by
from triage.stages.enrichment.event_faults import FAULTS_QUESTION, fault_rows
from triage.stages.enrichment.moments import EventFault
from triage.stages.enrichment.questions import BoundQuery, QueryPlan
from triage.stages.enrichment.runbook import RunbookQueries

SEARCH_QUESTION = "In which log types do the alert's addresses, hashes and keys occur, and since when?"


@dataclass(frozen=True, slots=True)
class LakeAnswers:
    """What the alert's events say, what the lake was asked because of them, and its answers."""

    log_types: tuple[str, ...]
    entities: tuple[Entity, ...]
    actors: tuple[AlertActor, ...]
    """The busiest first; at least one."""
    plan: QueryPlan
    answers: tuple[Answer, ...]
    """In the order of the plan's queries."""
    activity: tuple[tuple[BoundQuery, Answer], ...]
    """In which hours each table received rows."""
    tables: Answer
    """The columns of the log types' tables."""
    search: tuple[TimeWindow, Answer] | None
    """The search for addresses and hashes in all log types; `None` if the alert has none."""
    links: tuple[tuple[BoundQuery, Answer], ...] = ()
    """Under which other names the logs know the actors."""
    unexamined: tuple[str, ...] = ()
    """Actors of the alert about whom not all was asked."""
    runbook: RunbookQueries = field(default_factory=RunbookQueries)
    runbook_answers: tuple[Answer, ...] = ()
    """In the order of the runbook's queries."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know about whom the answers are."""
        if not self.unexamined:
            return ()
        names = ", ".join(name[:80] for name in self.unexamined[:3])
        return (
            f"{len(self.unexamined)} further actors of this alert were not or not fully looked at, such as {names}",
        )

    @property
    def first(self) -> datetime:
        """The alert's first event."""
        return min(actor.moment for actor in self.actors)

    @property
    def last(self) -> datetime:
        """The alert's last event."""
        return max(actor.last for actor in self.actors)


@dataclass(slots=True)
class EvidenceList:
    """Evidence in the making: each answer that is added gets the next number."""

    entries: list[Evidence] = field(default_factory=list)

    def add(self, source: Source, key: str, question: str, answer: Answer, **more: Any) -> None:
        """Add an answer; `more` are further fields of `Evidence`, or replace what comes from the answer."""
        fields: dict[str, Any] = {
            "columns": answer.columns,
            "rows": answer.rows,
            "row_count": answer.row_count,
            "truncated": answer.truncated,
            "error": answer.error,
            "seconds": answer.seconds,
            **more,
        }
        self.entries.append(
            Evidence(id=f"E{len(self.entries) + 1}", source=source, key=key, question=question, **fields)
        )

    def add_events(self, answer: Answer, lake: LakeAnswers) -> None:
        """The alert's own events."""
        self.add(
            Source.EVENTS,
            "events",
            "Which events raised the alert?",
            answer,
            log_type=lake.log_types[0] if lake.log_types else "",
            start=lake.first,
            end=lake.last,
        )

    def add_detection(self, detection: Detection, background: Sequence[RuleText], answer: Answer) -> None:
        """The detection as one row; without rows if it could not be read."""
        row = context_rows.detection_row(detection, background)
        rows = [] if answer.error else [row]
        question = "What does the detection look for?"
        self.add(Source.DETECTION, "detection", question, _with_rows(answer, rows), columns=tuple(row))

    def add_alert(self, alert: Alert) -> None:
        """The alert's own record, last, so that it moves no other number."""
        row = redact_row(alert_row(alert))
        answer = Answer(rows=(row,), columns=tuple(row), row_count=1)
        self.add(Source.ALERT, "alert", "What does Panther say of the alert itself?", answer)

    def add_sources(self, sources: Sequence[LogSource] | None, answer: Answer, log_types: Sequence[str]) -> None:
        """The state of the alert's log sources."""
        rows = context_rows.source_rows(sources or (), log_types)
        question = "Are the log sources of this alert healthy, and up to when did they deliver?"
        self.add(Source.SOURCES, "sources", question, _with_rows(answer, rows))

    def add_queries(
        self,
        lake: LakeAnswers,
        activity: Mapping[str, TableActivity],
        sources: Sequence[LogSource] | None,
        now: datetime,
    ) -> None:
        """The lake's answers, each with what its absences are worth."""
        for bound, answer in [*zip(lake.plan.queries, lake.answers, strict=True), *lake.links, *lake.activity]:
            self._add_query(bound, answer, _coverage(bound, lake, activity, sources, now), sources)
        for missing in lake.plan.not_asked:
            question = missing.question
            self.add(
                Source.QUERY,
                question.key,
                question.definition.question,
                Answer(error=missing.why),
                log_type=question.log_type,
                table=f"{question.database}.public.{question.table}",
                subject=missing.subject,
            )

    def add_runbook(
        self,
        lake: LakeAnswers,
        activity: Mapping[str, TableActivity],
        sources: Sequence[LogSource] | None,
        now: datetime,
    ) -> None:
        """The answers to the runbook's questions, last, so that they move no other number."""
        found = dict(zip((bound.key for bound in lake.runbook.queries), lake.runbook_answers, strict=True))
        for bound in lake.runbook.queries:
            coverage = _coverage(bound, lake, activity, sources, now)
            control = lake.runbook.controls.get(bound.key)
            if control is not None and control in found:
                answer = found[control]
                coverage = coverage.with_control(None if answer.error else answer.row_count)
            self._add_query(bound, found[bound.key], coverage, sources)

    def _add_query(
        self, bound: BoundQuery, answer: Answer, coverage: Coverage, sources: Sequence[LogSource] | None
    ) -> None:
        question, definition = bound.question, bound.question.definition
        self.add(
            Source.QUERY,
            bound.key,
            definition.question,
            answer,
            log_type=_log_type(bound, sources),
            table=f"{question.database}.public.{question.table}",
            sql=bound.query.sql,
            start=bound.window.start,
            end=bound.window.end,
            # A lake may leave the columns out of an answer without rows.
            columns=answer.columns or question.template.columns,
            coverage=coverage,
            signals=definition.signals,
            measured=definition.measured,
            subject=bound.subject,
            asked=bound.asked,
        )

    def add_faults(self, faults: Sequence[EventFault]) -> None:
        """What is wrong with the alert's own events, if anything is."""
        if faults:
            rows = fault_rows(faults)
            answer = Answer(rows=tuple(rows), columns=tuple(rows[0]), row_count=len(faults))
            cut = len(rows) < len(faults)
            self.add(Source.SOURCES, "event_faults", FAULTS_QUESTION, answer, measured=True, truncated=cut)

    def add_outcomes(self, past: Answer) -> None:
        """How the earlier alerts of the detection ended, counted."""
        question = "How many earlier alerts of this detection ended in which status, and set by whom?"
        answer = _with_rows(past, context_rows.outcome_rows(past.rows))
        self.add(Source.HISTORY, "outcomes", question, answer, measured=True, truncated=past.truncated)

    def add_users(self, users: Sequence[PantherUser] | None, answer: Answer, entities: Sequence[Entity]) -> None:
        """The people of the alert who are users of Panther."""
        question = "Which people of this alert are users of Panther, in which role?"
        self.add(Source.USERS, "users", question, _with_rows(answer, context_rows.user_rows(users or (), entities)))

    def add_tables_and_search(self, lake: LakeAnswers) -> None:
        """What the log types' tables hold, and where else the alert's indicators occur."""
        if lake.tables.rows or lake.tables.error:
            self.add(Source.SOURCES, "tables", "What do the tables of these log types hold?", lake.tables)
        if lake.search is not None:
            window, answer = lake.search
            self.add(
                Source.SEARCH,
                "search",
                SEARCH_QUESTION,
                answer,
                start=window.start,
                end=window.end,
                measured=True,
                signals=("seen_across",),
            )


def activity_by_table(lake: LakeAnswers) -> dict[str, TableActivity]:
    """In which hours each table received rows, by its name."""
    return {
        bound.question.table: TableActivity.of(answer.rows, truncated=answer.truncated)
        for bound, answer in lake.activity
        if not answer.error
    }


def _coverage(
    bound: BoundQuery,
    lake: LakeAnswers,
    activity: Mapping[str, TableActivity],
    sources: Sequence[LogSource] | None,
    now: datetime,
) -> Coverage:
    """What no rows would be worth as the answer to a question."""
    question = bound.question
    coverage = Coverage()
    # Rules run on what the log's own table holds: a rule match can be missing only where the log could be.
    if question.database in ("panther_logs", "panther_rule_matches"):
        coverage = coverage_of(
            bound.window,
            activity=activity.get(question.table),
            sources=fed_by(question.table, sources),
            own=TimeWindow(lake.first, lake.last),
            control=question.definition.control,
            now=now,
            wanted_end=bound.wanted_end,
        )
    return coverage.of_search(value_fits=bound.value_fits, value_found=bound.value_found)


def _with_rows(answer: Answer, rows: Sequence[dict[str, JsonValue]]) -> Answer:
    """An answer with rows that were computed from it in place of its own."""
    return Answer(
        rows=tuple(rows),
        columns=tuple(rows[0]) if rows else (),
        row_count=len(rows),
        error=answer.error,
        seconds=answer.seconds,
    )


def _log_type(bound: BoundQuery, sources: Sequence[LogSource] | None) -> str:
    """The log type of the table that was asked, which need not be the alert's."""
    table, asked_for = bound.question.table, bound.question.log_type
    if asked_for and table_of(asked_for) == table:
        return asked_for
    names = (name for source in sources or () for name in source.log_types)
    return next((name for name in names if table_of(name) == table), asked_for)
