"""Which questions an alert calls for, each with its values and its window bound to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from triage.domain.alert import Alert
from triage.domain.detection import Detection
from triage.domain.entity import Entity
from triage.domain.globs import any_glob
from triage.domain.window import TimeWindow
from triage.logtypes import table_of
from triage.stages.enrichment.playbook import LISTS, offset
from triage.stages.enrichment.playbooks import PlaybookQuestion, Playbooks
from triage.stages.enrichment.subject import Subject

if TYPE_CHECKING:
    from triage.domain.sql import ReadOnlyQuery

_Given = str | tuple[str, ...] | datetime

NO_VALUE = "\u2205"
"""Takes the place of an optional list that is empty; no log holds it."""


@dataclass(frozen=True, slots=True)
class BoundQuery:
    """A question that can be sent."""

    asked: PlaybookQuestion
    query: "ReadOnlyQuery"
    window: TimeWindow

    @property
    def key(self) -> str:
        return self.asked.key


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """What is asked of the lake, and what is not."""

    questions: tuple[BoundQuery, ...]
    notes: tuple[str, ...]


def plan_queries(
    playbooks: Playbooks,
    *,
    alert: Alert,
    detection: Detection,
    subject: Subject,
    log_types: Sequence[str],
    entities: Sequence[Entity],
    tables: Mapping[str, frozenset[str]] | None,
    history: timedelta,
    budget: int,
    now: datetime,
) -> QueryPlan:
    """Bind every question of the playbooks that this alert can fill, in file order, up to the budget.

    Args:
        tables: Table names by database, lower case; `None` where they are not known, and then all are tried.
        budget: Questions at most.
    """
    from triage.domain.sql import SqlRefused  # noqa: PLC0415 - sqlglot costs start-up time

    found: list[BoundQuery] = []
    missing: set[str] = set()
    over = 0
    seen: set[str] = set()
    notes: list[str] = []
    given = _values(alert, subject)
    for asked in playbooks.questions_for(
        log_types,
        kinds={entity.kind.value for entity in entities},
        tags=detection.tags,
        detection_id=alert.detection_id,
    ):
        if asked.key in seen:
            continue
        seen.add(asked.key)
        known = None if tables is None else tables.get(asked.database)
        if known is not None and asked.table not in known:
            missing.add(f"{asked.database}.{asked.table}")
            continue
        try:
            bound = _bind(asked, given, subject, history, now)
        except SqlRefused as error:
            notes.append(f"{asked.key} was not asked: {error}")
            continue
        if bound is None:
            continue
        if len(found) >= budget:
            over += 1
            continue
        found.append(bound)
    wanted = {table for table in missing if not table.startswith(("panther_signals", "panther_rule_matches"))}
    own = sorted(table for table in wanted if table.split(".")[1] in {table_of(name) for name in log_types})
    if own:
        notes.append(f"not asked, because this Panther has no such table: {', '.join(own)}")
    if over:
        notes.append(f"{over} playbook questions were not asked: the budget of {budget} queries was used up")
    return QueryPlan(tuple(found), tuple(notes))


def _values(alert: Alert, subject: Subject) -> dict[str, _Given]:
    return {
        "actor": subject.actor,
        "account": subject.account,
        "alert_id": alert.id,
        "detection_id": alert.detection_id,
        "actions": subject.actions,
        "targets": subject.targets,
        "addresses": subject.addresses,
        "recipients": subject.recipients,
        "sessions": subject.sessions,
        "people": subject.people,
        "names": subject.names,
        "values": subject.values,
        "hashes": subject.hashes,
        "moment": subject.moment,
        "last": subject.last,
    }


def _bind(
    asked: PlaybookQuestion, given: Mapping[str, _Given], subject: Subject, history: timedelta, now: datetime
) -> BoundQuery | None:
    """Fill one question; `None` where the alert lacks a value that it needs or its window is empty."""
    question = asked.question
    if question.actions and not any(any_glob(action, question.actions) for action in subject.actions):
        return None
    values: dict[str, _Given] = {}
    for name in question.parameters:
        value = given[name]
        if not value:
            if name not in question.optional:
                return None
            value = (NO_VALUE,) if name in LISTS else NO_VALUE
        values[name] = value
    window = window_of(question.window.start, question.window.end, subject, history, now)
    if window is None:
        return None
    query = asked.template.bind(values, window=window, limit=question.limit, now=now)
    return BoundQuery(asked, query, window)


def window_of(start: str, end: str, subject: Subject, history: timedelta, now: datetime) -> TimeWindow | None:
    """A window of a playbook as moments, none later than now; `None` where nothing of it is left."""
    from_ = subject.moment - history if start == "history" else subject.moment + offset(start)
    to = subject.moment + offset(end)
    if offset(end) > timedelta():
        to = subject.last + offset(end)
    to = min(to, now)
    return TimeWindow(from_, to) if from_ < to else None
