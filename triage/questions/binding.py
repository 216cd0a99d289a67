"""Fills a compiled question with what one alert gives: the values of its roles and fields, and its window."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from triage.domain.actor_values import ActorValues
from triage.domain.base import Row
from triage.domain.identity import NOUNS, SHARED_KINDS, Identity, IdentityKind, is_email
from triage.domain.question import Question, SubjectRole, Window, offset
from triage.domain.sql import ReadOnlyQuery, SqlRefused
from triage.domain.window import TimeWindow
from triage.logtypes.paths import find, parse_path
from triage.questions.compiler import LIMITS, CompiledQuestion, compile_known
from triage.questions.parts import NotAskable
from triage.questions.subjects import identity_parameter
from triage.questions.words import question_text

MAX_VALUES = 12
"""Values of one field."""
_LISTS_OF_ROLE = {
    SubjectRole.ADDRESS: "addresses",
    SubjectRole.SESSION: "sessions",
    SubjectRole.TARGET: "targets",
    SubjectRole.RECIPIENT: "recipients",
    SubjectRole.HOST: "hosts",
    SubjectRole.DERIVED: "derived",
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
    question = _in_spelling_of(compiled, events)
    values = _values(compiled, question, actor, events)
    narrowed = compile_known(question, compiled.log_type, compiled.database, frozenset(values))
    wanted = window_of(question.window, actor.first, actor.last, history=history, dwell=dwell, now=now)
    if wanted is None:
        raise NotAskable("its window is empty")
    if wanted.start >= now:
        raise NotAskable("its window begins in the future")
    window = TimeWindow(wanted.start, min(wanted.end, now))
    filled = {name: narrowed.constants.get(name) or values[name] for name in narrowed.parameters}
    try:
        query = narrowed.template.bind(filled, window=window, limit=limit or LIMITS[question.ask], now=now)
    except SqlRefused as error:
        raise NotAskable(str(error)) from error
    names = {SubjectRole.ACTOR: actor.name[:120]} | {
        role: ", ".join(actor.lists[name][:3])[:160] for role, name in _LISTS_OF_ROLE.items() if actor.lists.get(name)
    }
    return BoundQuestion(
        compiled=narrowed,
        query=query,
        window=window,
        wanted_end=wanted.end,
        value_fits=_fits(narrowed),
        text=question_text(question, compiled.log_type, names=names),
    )


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


def _values(
    compiled: CompiledQuestion, question: Question, actor: ActorValues, events: Sequence[Row]
) -> dict[str, tuple[str, ...]]:
    """The parameters that have a value in this alert. Raises NotAskable where the log can't know the actor."""
    roles = {subject.role for subject in (*question.about, *question.on)}
    found = {
        name: actor.lists.get(name, ())
        for name in compiled.parameters
        if name not in compiled.constants and name not in compiled.fields
    }
    found |= {name: _field_values(path, compiled.log_type, events) for name, path in compiled.fields.items()}
    if roles & {SubjectRole.ACTOR, SubjectRole.OTHERS}:
        own = compiled.log_type == actor.log_type
        found["actors"] = actor.lists.get("actors", ()) if own else ()
        for kind in compiled.kinds:
            found[identity_parameter(kind)] = () if own else identities_of_kind(actor, kind)
        if "names" in found and own:
            found["names"] = ()
        if not own and "values" not in found and not any(found[name] for name in found if name in _naming(compiled)):
            raise NotAskable(_unknown(compiled.kinds, actor))
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


def _fits(compiled: CompiledQuestion) -> bool | None:
    """Whether the values that were filled in are of the kinds that the columns hold."""
    names = set(compiled.parameters)
    if any(name.startswith("id_") for name in names) or (compiled.constants.keys() & names and compiled.kinds):
        return True
    return False if "names" in names else None


def _in_spelling_of(compiled: CompiledQuestion, events: Sequence[Row]) -> Question:
    """The question with its fields as the events spell them: the lake tells letter case apart."""
    question = compiled.question
    if not compiled.fields:
        return question
    spelled = {path: _spelling(path, compiled.log_type, events) for path in compiled.fields.values()}
    changed = {
        name: tuple(
            subject.model_copy(update={"field": spelled.get(subject.field, subject.field)})
            if subject.field
            else subject
            for subject in getattr(question, name)
        )
        for name in ("about", "on")
    }
    return question.model_copy(update=changed)


def _spelling(path: str, log_type: str, events: Sequence[Row]) -> str:
    found = (at for event in events if _is_of(event, log_type) for at, _ in find(event, parse_path(path)))
    return next(found, path)


def _field_values(path: str, log_type: str, events: Sequence[Row]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for event in events:
        if _is_of(event, log_type):
            for _, value in find(event, parse_path(path)):
                if (text := _text(value)) and len(found) < MAX_VALUES:
                    found.setdefault(text)
    return tuple(found)


def _is_of(event: Row, log_type: str) -> bool:
    return event.get("p_log_type", log_type) == log_type


def _text(value: JsonValue) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else ""
