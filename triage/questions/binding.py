"""Fills a compiled question with what one alert gives: the values of its roles and fields, and its window."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from pydantic import JsonValue

from triage.domain.actor_values import ActorValues
from triage.domain.base import Row
from triage.domain.identity import NOUNS, SHARED_KINDS, Identity, IdentityKind, is_email
from triage.domain.question import Question, Subject, SubjectRole, Window, offset
from triage.domain.sql import ParameterValue, ReadOnlyQuery, SqlRefused
from triage.domain.window import TimeWindow
from triage.logtypes.paths import find, parse_path
from triage.questions.compiler import CompiledQuestion, compile_known
from triage.questions.findable import value_is_findable
from triage.questions.parts import DWELL_START, Log, NotAskable
from triage.questions.statement import SHAPES
from triage.questions.subjects import EACH, identity_parameter
from triage.questions.words import question_text

MAX_VALUES = 12
"""Values of one field or role."""
_NAMED = 3
"""Of them in the question's words."""
_FORMS = {
    IdentityKind.AWS_USER_ARN: re.compile(r"arn:aws[\w-]*:iam::\d+:user/.+"),
    IdentityKind.AWS_SESSION_ARN: re.compile(r"arn:aws[\w-]*:sts::\d+:assumed-role/.+/.+"),
    IdentityKind.AWS_ROLE_ARN: re.compile(r"arn:aws[\w-]*:iam::\d+:role/.+"),
    "arn": re.compile(r"arn:aws[\w-]*:.+"),
    "hash": re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}"),
}
LISTS_OF_ROLE = {
    SubjectRole.ADDRESS: "addresses",
    SubjectRole.SESSION: "sessions",
    SubjectRole.TARGET: "targets",
    SubjectRole.RECIPIENT: "recipients",
    SubjectRole.HOST: "hosts",
    SubjectRole.DERIVED: "derived",
    SubjectRole.HASH: "hashes",
}


@dataclass(frozen=True, slots=True)
class BoundQuestion:
    """A question ready to be sent."""

    compiled: CompiledQuestion
    """With the SQL that this alert's values need."""
    query: ReadOnlyQuery
    window: TimeWindow
    """What is asked; ends at the present."""
    wanted_end: datetime
    """The end that the question wants, which may lie in the future."""
    value_fits: bool | None
    """The asked names are of a kind that the log holds; `None` where the question names no identity."""
    value_found: bool | None
    """The alert's own events show that such a value is found by this search, or that it may be missed; `None`: neither."""
    text: str
    """The question with the names filled in."""


def bind_question(
    compiled: CompiledQuestion,
    actor: ActorValues,
    *,
    events: Sequence[Row],
    history: timedelta,
    dwell: timedelta,
    now: datetime,
    limit: int | None = None,
) -> BoundQuestion:
    """Fill a question for one actor of an alert.

    Args:
        compiled: From `compile_question`.
        actor: Whom the question's roles stand for.
        events: The alert's events, which fill the subjects that are fields.
        history: How far back `history` looks before the actor's first event.
        dwell: How long before that the dwell time begins.
        now: The present, aware.
        limit: Rows; by default as many as such an answer should have.

    Raises:
        NotAskable: the log names people in a way in which the actor isn't known, a role has no value in this alert, a
            field isn't in the events, or the window lies wholly in the future.
    """
    question = _with_fields(compiled, events)
    values = _values(compile_known(question, compiled.log_type, compiled.database, None, compiled.terms), actor, events)
    narrowed = compile_known(question, compiled.log_type, compiled.database, frozenset(values), compiled.terms)
    wanted = window_of(question.window, actor.first, actor.last, history=history, dwell=dwell, now=now)
    if wanted is None:
        raise NotAskable("its window is empty")
    if wanted.start >= now:
        raise NotAskable("its window begins in the future")
    window = TimeWindow(wanted.start, min(wanted.end, now))
    filled: dict[str, ParameterValue] = {
        name: actor.first - dwell if name == DWELL_START else narrowed.constants.get(name) or values[name]
        for name in narrowed.parameters
    }
    try:
        query = narrowed.template.bind(filled, window=window, limit=limit or SHAPES[question.ask].limit, now=now)
    except SqlRefused as error:
        raise NotAskable(str(error)) from error
    names = {SubjectRole.ACTOR: actor.name[:120]} | {
        role: _some_of(actor.lists[name]) for role, name in LISTS_OF_ROLE.items() if actor.lists.get(name)
    }
    return BoundQuestion(
        compiled=narrowed,
        query=query,
        window=window,
        wanted_end=wanted.end,
        value_fits=_fits(narrowed, actor),
        value_found=value_is_findable(
            question, Log.of(compiled.log_type, compiled.database, compiled.terms), actor, events
        ),
        text=question_text(question, compiled.log_type, names=names),
    )


def _some_of(values: Sequence[str]) -> str:
    """The first values of a role, in words that say how many more there are."""
    more = f" and {len(values) - _NAMED} more" if len(values) > _NAMED else ""
    return f"{', '.join(values[:_NAMED])[:160]}{more}"


def window_of(
    window: Window, first: datetime, last: datetime, *, history: timedelta, dwell: timedelta, now: datetime
) -> TimeWindow | None:
    """A question's window as moments; `None` if it is empty. Its end may lie in the future."""
    named = {"history": first - history, "dwell": first - dwell, "now": now}

    def moment(edge: str) -> datetime:
        if edge in named:
            return named[edge]
        span = offset(edge)
        return (last if span > timedelta() else first) + span

    start, end = moment(window.start), moment(window.end)
    return TimeWindow(start, end) if start < end else None


def identities_of_kind(actor: ActorValues, kind: IdentityKind) -> tuple[str, ...]:
    """What is known of an actor in one kind; what many share counts only for whoever is that very role or address."""
    found = [
        each.value
        for each in actor.identities
        if each.kind is kind and (kind not in SHARED_KINDS or Identity.of(kind, actor.name) == each)
    ]
    if kind is IdentityKind.EMAIL:
        found += [name for name in actor.lists.get("people", ()) if is_email(name)]
    return tuple(dict.fromkeys(found))


def _values(full: CompiledQuestion, actor: ActorValues, events: Sequence[Row]) -> dict[str, tuple[str, ...]]:
    """The parameters that have a value in this alert. Raises NotAskable where the log can't know the actor."""
    roles = {subject.role for subject in full.question.about}
    found = {name: actor.lists.get(name, ()) for name in full.parameters if name not in full.constants}
    found |= {name: _field_values(path, full.log_type, events) for name, path in full.fields.items()}
    own = full.log_type == actor.log_type
    if "actors" in found and not own:
        found["actors"] = ()
    for kind in full.kinds:
        found[identity_parameter(kind)] = () if own else identities_of_kind(actor, kind)
    if "names" in found and own:
        found["names"] = ()
    known = {"actors", "values", *_naming(full)}
    if roles <= {SubjectRole.ACTOR, SubjectRole.OTHERS} and not any(found.get(name) for name in known):
        raise NotAskable("the alert names no actor" if own else _unknown(full.kinds, actor))
    return {name: tuple(values) for name, values in found.items() if values}


def _naming(compiled: CompiledQuestion) -> set[str]:
    return {"names", *(identity_parameter(kind) for kind in compiled.kinds)}


def _unknown(kinds: Sequence[IdentityKind], actor: ActorValues) -> str:
    wanted = " or ".join(NOUNS[kind] for kind in kinds)
    known = list(dict.fromkeys(NOUNS[identity.kind] for identity in actor.identities))
    of_actor = f"only {' and '.join(known)} is known" if known else "none is known"
    if not kinds:
        return f"it isn't known how this log names people, and of {actor.name[:120] or 'the actor'} {of_actor}"
    return f"this log names people by {wanted}, and of {actor.name[:120] or 'the actor'} {of_actor}"


def _fits(compiled: CompiledQuestion, actor: ActorValues) -> bool | None:
    """Whether the values that were filled in are of the kinds that the columns hold."""
    names = set(compiled.parameters)
    if names & {identity_parameter(kind) for kind in compiled.kinds}:
        return True
    if any(subject.identity is not None for subject in compiled.question.about) and compiled.kinds:
        return True
    acting = {SubjectRole.ACTOR, SubjectRole.OTHERS} & {subject.role for subject in compiled.question.about}
    if acting and compiled.log_type != actor.log_type and not names & {"values"}:
        return False
    return None


def _with_fields(compiled: CompiledQuestion, events: Sequence[Row]) -> Question:
    """The question with its fields as the alert's events have them.

    The lake tells letter case apart, so the spelling is the event's; a field that holds a list is searched for by its
    items. In another log than that of the events, what a field holds is searched for by its kind.
    """
    question = compiled.question
    if not compiled.fields:
        return question
    changed = {
        name: tuple(
            found
            for subject in getattr(question, name)
            for found in (_field_subjects(subject, compiled.log_type, events) if subject.field else (subject,))
        )
        for name in ("about", "on")
    }
    return question.model_copy(update=changed)


def _field_subjects(subject: Subject, log_type: str, events: Sequence[Row]) -> Iterator[Subject]:
    path = parse_path(subject.field)
    for event in events:
        if _is_of(event, log_type):
            for at, node in find(event, path):
                yield subject.model_copy(update={"field": f"{at}{EACH}" if isinstance(node, list) else at})
                return
    found: dict[Subject, None] = {}
    for event in events:
        for _, node in find(event, path):
            for value in node if isinstance(node, list) else [node]:
                if (text := _text(value)) and (kind := _kind_of(text)) and len(found) < MAX_VALUES:
                    found.setdefault(Subject(kind=kind, value=text))
    yield from found or [subject]


def _kind_of(value: str) -> str:
    """The kind by which a field's value is searched for in another log; empty where its form shows none."""
    try:
        ip_address(value)
    except ValueError:
        if is_email(value):
            return IdentityKind.EMAIL
        return next((kind for kind, pattern in _FORMS.items() if pattern.fullmatch(value)), "")
    return "ip"


def _field_values(path: str, log_type: str, events: Sequence[Row]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for event in events:
        if _is_of(event, log_type):
            for _, value in find(event, parse_path(path)):
                for item in value if isinstance(value, list) else [value]:
                    if (text := _text(item)) and len(found) < MAX_VALUES:
                        found.setdefault(text)
    return tuple(found)


def _is_of(event: Row, log_type: str) -> bool:
    return event.get("p_log_type", log_type) == log_type


def _text(value: JsonValue) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else ""
