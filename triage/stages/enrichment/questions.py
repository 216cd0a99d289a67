"""Which questions an alert calls for, each with its values and its window bound to it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from triage.domain.actor_values import ActorValues
from triage.domain.alert import Alert
from triage.domain.base import Row
from triage.domain.detection import Detection
from triage.domain.entity import Entity
from triage.domain.evidence import NOT_ASKED
from triage.domain.globs import any_glob
from triage.domain.identity import NOUNS, IdentityKind, is_email
from triage.domain.question import Question as AskedQuestion
from triage.domain.sql import ReadOnlyQuery, SqlRefused
from triage.domain.window import TimeWindow
from triage.logtypes import table_of
from triage.questions import CompiledQuestion, NotAskable, bind_question, window_of
from triage.stages.enrichment.actor import AlertActor
from triage.stages.enrichment.actor_values import actor_values
from triage.stages.enrichment.playbook import LISTS
from triage.stages.enrichment.playbooks import PlaybookQuestion, Playbooks
from triage.stages.enrichment.rule_parts import correlation, is_about, sub_rules

_Value = str | tuple[str, ...] | datetime

NO_VALUE = "\u2205"
"""Takes the place of an optional list that is empty; no log holds it."""

_ABOUT_ACTOR = {"actor", *LISTS} - {"hashes", "sub_rules"}
"""Parameters that one actor's events fill."""

_OPTIONAL_DATABASES = ("panther_signals", "panther_rule_matches")
"""Their tables exist only once something has matched; a missing one is not worth a note."""


@dataclass(frozen=True, slots=True)
class BoundQuery:
    """A question ready to be sent."""

    question: PlaybookQuestion
    query: "ReadOnlyQuery"
    window: TimeWindow
    subject: str = ""
    """Whom of the alert's actors it is about; empty: the alert as a whole."""
    number: int = 1
    """Place of that actor among the alert's actors."""
    value_fits: bool | None = None
    """The asked value is of a kind that the column holds; `None` where the question names no identity."""
    value_found: bool | None = None
    """The alert's own events show that such a value is found by this search, or that it may be missed; `None`: neither."""
    wanted_end: datetime | None = None
    """The end that the playbook wants, where the window stops at the present before it."""
    asked: AskedQuestion | None = None
    """What is asked, where it is a question of the one language."""

    @property
    def key(self) -> str:
        return self.question.key if self.number == 1 else f"actor{self.number}/{self.question.key}"


@dataclass(frozen=True, slots=True)
class NotAsked:
    """A question that nothing known of the actor fits."""

    question: PlaybookQuestion
    why: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """The queries for one alert, and notes on questions left out."""

    queries: tuple[BoundQuery, ...]
    notes: tuple[str, ...]
    not_asked: tuple[NotAsked, ...] = ()
    unexamined: tuple[str, ...] = ()
    """Actors about whom the budget left questions out."""


def plan_queries(
    playbooks: Playbooks,
    *,
    alert: Alert,
    detection: Detection,
    actor: AlertActor,
    log_types: Sequence[str],
    entities: Sequence[Entity],
    tables: Mapping[str, frozenset[str]] | None,
    history: timedelta,
    dwell: timedelta,
    budget: int,
    now: datetime,
    events: Sequence[Row] = (),
) -> QueryPlan:
    """Bind every playbook question whose parameters this alert can fill, in file order, up to the budget.

    Args:
        tables: Table names by database, lower case; `None` if unknown, in which case every table is tried.
        budget: The most questions to ask.
        events: The alert's, which show what Panther extracts from this log.
    """

    queries: list[BoundQuery] = []
    own = {table_of(name) for name in log_types}
    missing: set[str] = set()
    over = 0
    seen: set[str] = set()
    notes: list[str] = []
    unfitting: dict[str, NotAsked] = {}
    about = actor_values(actor, alert)
    values = _parameter_values(alert, detection, actor, about, dwell)
    looks_back_to = alert.created_at - correlation(detection.body).lookback
    for question in playbooks.questions_for(
        log_types,
        kinds={entity.kind.value for entity in entities},
        tags=detection.tags,
        detection_id=alert.detection_id,
    ):
        if question.key in seen:
            continue
        seen.add(question.key)
        if not _concerns(question, detection, actor):
            continue
        known = None if tables is None else tables.get(question.database)
        if known is not None and question.table not in known:
            if question.database not in _OPTIONAL_DATABASES and question.table in own:
                missing.add(f"{question.database}.{question.table}")
            continue
        try:
            bound = _bind(question, values, actor, about, history, dwell, now, events, looks_back_to)
        except SqlRefused as error:
            notes.append(f"{question.key} was not asked: {error}")
            continue
        if isinstance(bound, NotAsked):
            unfitting.setdefault(question.table, bound)
        if not isinstance(bound, BoundQuery):
            continue
        if len(queries) >= budget:
            over += 1
            continue
        queries.append(bound)
    if missing:
        notes.append(f"not asked, because this Panther has no such table: {', '.join(sorted(missing))}")
    if over:
        notes.append(f"{over} playbook questions were not asked: the budget of {budget} queries was used up")
    return QueryPlan(tuple(queries), tuple(notes), tuple(unfitting.values()))


def _concerns(question: PlaybookQuestion, detection: Detection, actor: AlertActor) -> bool:
    when = question.definition.when
    return when is None or is_about(
        when, detection, log_type=question.log_type, actions=actor.actions, events=actor.events
    )


def merge_plans(plans: Sequence[tuple[AlertActor, QueryPlan]], *, budget: int) -> QueryPlan:
    """The questions about all actors of an alert as one plan, those about the first actor first.

    What does not name an actor is asked once and is about the alert as a whole. Questions for alerts of a kind come after
    what is asked about everybody: an actor has been looked at without them.
    """
    if len(plans) == 1:
        return plans[0][1]
    queries: list[BoundQuery] = []
    dropped: list[str] = []
    numbered = [(number, actor, bound) for number, (actor, plan) in enumerate(plans, 1) for bound in plan.queries]
    for number, actor, bound in sorted(numbered, key=lambda each: each[2].question.definition.when is not None):
        if not _ABOUT_ACTOR & set(bound.question.definition.parameters):
            queries += [bound] if number == 1 else []
        elif len(queries) < budget:
            queries.append(replace(bound, subject=actor.identity, number=number))
        elif bound.question.definition.when is None:
            dropped.append(actor.identity)
    notes = [note for _, plan in plans for note in plan.notes]
    if dropped:
        notes.append(
            f"{len(dropped)} questions about further actors were not asked: the budget of {budget} was used up"
        )
    missing = tuple(replace(each, subject=actor.identity) for actor, plan in plans for each in plan.not_asked)
    return QueryPlan(tuple(queries), tuple(dict.fromkeys(notes)), missing, tuple(dict.fromkeys(dropped)))


def _parameter_values(
    alert: Alert, detection: Detection, actor: AlertActor, about: ActorValues, dwell: timedelta
) -> dict[str, _Value]:
    return {
        **about.lists,
        "actor": actor.identity,
        "account": actor.account,
        "alert_id": alert.id,
        "detection_id": alert.detection_id,
        "identities": tuple(each.value for each in actor.identities),
        "moment": actor.moment,
        "last": actor.last,
        "dwell_start": actor.moment - dwell,
        "raised": alert.created_at,
        "sub_rules": tuple(part.id for part in sub_rules(detection.body)),
    }


def _identities(actor: AlertActor, kinds: Collection[IdentityKind]) -> tuple[str, ...]:
    """What is known of an actor in the given kinds."""
    found = [identity.value for identity in actor.identities if identity.kind in kinds]
    if IdentityKind.EMAIL in kinds:
        found += [name for name in actor.people if is_email(name)]
    return tuple(dict.fromkeys(found))


def _bind(
    question: PlaybookQuestion,
    given: Mapping[str, _Value],
    actor: AlertActor,
    about: ActorValues,
    history: timedelta,
    dwell: timedelta,
    now: datetime,
    events: Sequence[Row],
    looks_back_to: datetime,
) -> BoundQuery | NotAsked | None:
    """Fill one question; `None` if the alert lacks a value that it needs or its window is empty."""
    definition = question.definition
    if definition.actions and not any(any_glob(action, definition.actions) for action in actor.actions):
        return None
    if question.compiled is not None:
        return _bind_compiled(question, question.compiled, about, history, dwell, now, events)
    fits: bool | None = None
    if definition.kinds:
        names = given["names"] if IdentityKind.EMAIL in definition.kinds else ()
        given = {**given, "identities": _identities(actor, definition.kinds), "names": names}
        fits = bool(given["identities"])
        if not fits and not ("names" in definition.parameters and given["names"]):
            return NotAsked(question, _why_not(definition.kinds, actor)) if actor.people else None
    values: dict[str, _Value] = {}
    for name in definition.parameters:
        value = given[name]
        if not value:
            if name not in definition.optional:
                return None
            value = (NO_VALUE,) if name in LISTS else NO_VALUE
        values[name] = value
    wanted = window_of(definition.window, actor.moment, actor.last, history=history, dwell=dwell, now=now)
    if wanted is None or wanted.start >= now:
        return None
    # The parts of a correlation may have matched as early as the rule looks back.
    start = min(wanted.start, looks_back_to) if "sub_rules" in definition.parameters else wanted.start
    window = TimeWindow(start, min(wanted.end, now))
    query = question.template.bind(values, window=window, limit=definition.limit, now=now)
    return BoundQuery(question, query, window, wanted_end=wanted.end, value_fits=fits)


def _bind_compiled(
    question: PlaybookQuestion,
    compiled: CompiledQuestion,
    actor: ActorValues,
    history: timedelta,
    dwell: timedelta,
    now: datetime,
    events: Sequence[Row],
) -> BoundQuery | None:
    limit = question.definition.limit
    try:
        bound = bind_question(compiled, actor, events=events, history=history, dwell=dwell, now=now, limit=limit)
    except NotAskable:
        return None
    return BoundQuery(
        replace(question, compiled=bound.compiled, _parsed=partial(getattr, bound.compiled, "template")),
        bound.query,
        bound.window,
        wanted_end=bound.wanted_end,
        value_fits=bound.value_fits,
        value_found=bound.value_found,
        asked=bound.compiled.question.plain,
    )


def _why_not(kinds: Sequence[IdentityKind], actor: AlertActor) -> str:
    wanted = " or ".join(NOUNS[kind] for kind in kinds)
    known = list(dict.fromkeys(NOUNS[identity.kind] for identity in actor.identities))
    of_actor = f"only {' and '.join(known)} is known" if known else "none is known"
    return f"{NOT_ASKED}{wanted}, and of {actor.identity[:120]} {of_actor}"
