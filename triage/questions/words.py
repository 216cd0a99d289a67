"""A question in plain words."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from triage.domain.question import (
    ALERTS,
    OWN,
    SIGN_INS,
    ActionClass,
    Asked,
    Outcome,
    Question,
    Subject,
    SubjectRole,
    Window,
    offset,
)

Names = Mapping[SubjectRole, str]

_NOUNS = {
    ActionClass.SIGN_IN: "sign-ins",
    ActionClass.FACTOR_CHANGE: "changes of second factors",
    ActionClass.ACCOUNT_CREATION: "creations of accounts",
    ActionClass.KEY_CREATION: "creations of keys",
    ActionClass.GRANT: "grants",
    ActionClass.LOG_TAMPERING: "changes to logs or protections",
    ActionClass.SECRET_ACCESS: "reads of secrets",
    ActionClass.DATA_ACCESS: "reads of data",
    ActionClass.SHARING: "shares",
    ActionClass.EXECUTION: "runs of code",
    ActionClass.DELETION: "deletions",
    ActionClass.CREATION: "creations",
    ActionClass.CHANGE: "changes",
    ActionClass.READ: "reads",
}
_WHO = {
    SubjectRole.ACTOR: "the actor",
    SubjectRole.OTHERS: "anyone else",
    SubjectRole.ANYONE: "anyone",
    SubjectRole.DERIVED: "the identities that the act made or reached",
}
"""Roles that act."""
_WHERE = {
    SubjectRole.ADDRESS: ("from", "the alert's addresses"),
    SubjectRole.SESSION: ("in", "the alert's session"),
    SubjectRole.TARGET: ("on", "the target"),
    SubjectRole.RECIPIENT: ("for", "the recipient"),
    SubjectRole.HOST: ("on", "the host"),
    SubjectRole.HASH: ("with", "the alert's files"),
}
_LOGS = {
    OWN: "the alert's log",
    SIGN_INS: "the logs of sign-ins",
    ALERTS: "the matches of other detections",
}
_UNITS = {"s": "second", "m": "minute", "h": "hour", "d": "day"}


def question_text(question: Question, log_type: str = "", *, names: Names | None = None) -> str:
    """A question in plain words.

    Args:
        question: What is asked.
        log_type: The log that is asked; empty: those that the question names.
        names: What stands for a role, such as the actor's name; else the words for it.
    """
    given = names or {}
    acting, other = _subjects(question.about, given)
    passive = not acting
    _, onto = _subjects(question.on, given, acting=False)
    where = [*other, *onto] if passive else onto
    head = _head(question, " or ".join(acting), passive=passive)
    place = log_type or " and ".join(_LOGS.get(name, name) for name in question.logs)
    return f"{' '.join([head, *dict.fromkeys(where)])} in {place} {window_text(question.window)}?"


def _head(question: Question, who: str, *, passive: bool) -> str:
    filtered = bool(question.classes or question.actions or question.words) or question.outcome is not Outcome.ANY
    acts = _acts(question)
    anyone = who in ("anyone", "")
    match question.ask:
        case Asked.LIST | Asked.SUMMARY:
            if not filtered:
                return "What was done" if passive else f"What did {who} do"
            return f"Which {acts} were made" if passive else f"Which {acts} did {who} make"
        case Asked.COUNT:
            return (
                f"How many {acts} of which kind were made"
                if passive
                else f"How many {acts} of which kind did {who} make"
            )
        case Asked.ACTORS:
            if passive or anyone:
                return f"Who made {acts}" if filtered else "Who acted"
            if who == "anyone else":
                return f"Who else made {acts}" if filtered else "Who else acted"
            return f"Under which names did {who} {_verb(acts, filtered=filtered)}"
    asks = {
        Asked.FIRST_SEEN: "Since when, how often and on how many days",
        Asked.DAYS: "On which days",
        Asked.ADDRESSES: "From which addresses",
        Asked.TARGETS: "On what",
    }[question.ask]
    if passive:
        return f"{asks} {f'were {acts} made' if filtered else 'was anything done'}"
    return f"{asks} did {who} {_verb(acts, filtered=filtered)}"


def _verb(acts: str, *, filtered: bool) -> str:
    return f"make {acts}" if filtered else "act"


def _acts(question: Question) -> str:
    nouns = [_NOUNS[each] for each in question.classes]
    named = [f"`{name[:60]}`" for name in question.actions if name != OWN]
    if OWN in question.actions:
        nouns.append("acts of the alert's kind")
    if named:
        nouns.append(f"acts named {_either(named)}")
    found = " or ".join(nouns) or "acts"
    if question.words:
        found += f" whose name holds {_either([f'`{word[:40]}`' for word in question.words])}"
    return found if question.outcome is Outcome.ANY else f"{_outcome(question.outcome)} {found}"


def _outcome(outcome: Outcome) -> str:
    return "refused" if outcome is Outcome.REFUSED else "successful"


def _either(names: Sequence[str]) -> str:
    shown = list(names[:6])
    if len(names) > len(shown):
        shown.append(f"{len(names) - len(shown)} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def _subjects(subjects: Sequence[Subject], names: Names, *, acting: bool = True) -> tuple[list[str], list[str]]:
    """Whoever acts, and the places and things, each with its preposition."""
    who, where = [], []
    for subject in subjects:
        if subject.role in _WHO and acting:
            who.append(names.get(subject.role) or _WHO[subject.role])
        elif subject.role in _WHERE:
            preposition, words = _WHERE[subject.role]
            where.append(f"{preposition} {names.get(subject.role) or words}")
        elif subject.role is not None:
            where.append(f"on {names.get(subject.role) or _WHO[subject.role]}")
        elif subject.field:
            where.append(f"with the alert's {subject.field}")
        elif subject.identity is not None and acting:
            who.append(subject.value[:120])
        elif subject.kind == "any":
            # Less than all that an event says: without rows it is no indicator, and may be there all the same.
            where.append(f"with {subject.value[:120]} among the indicators and main fields")
        else:
            where.append(f"with {subject.value[:120]}")
    return who, where


def window_text(window: Window) -> str:
    """A window in words, such as `in the 6 hours after the alert`."""
    start, end = _edge(window.start), _edge(window.end)
    zero = timedelta(seconds=1)
    if isinstance(start, timedelta) and isinstance(end, timedelta):
        if abs(start) <= zero and end > zero:
            return f"in the {_span(window.end)} after the alert"
        if start < -zero and abs(end) <= zero:
            return f"in the {_span(window.start)} before the alert"
        if -start == end:
            return f"in the {_span(window.end)} before and after the alert"
    if window.start == "history" and isinstance(end, timedelta) and abs(end) <= zero:
        return "before the alert"
    return f"from {_edge_text(window.start)} to {_edge_text(window.end)}"


def _edge(edge: str) -> timedelta | None:
    try:
        return offset(edge)
    except ValueError:
        return None


def _edge_text(edge: str) -> str:
    span = _edge(edge)
    if span is None:
        return {"history": "as far back as is looked", "dwell": "the start of the dwell time", "now": "now"}[edge]
    if abs(span) <= timedelta(seconds=1):
        return "the alert"
    return f"{_span(edge)} {'after' if span > timedelta() else 'before'} the alert"


def _span(edge: str) -> str:
    number, unit = float(edge[1:-1]), edge[-1]
    if unit == "h" and number > 48 and number % 24 == 0:  # noqa: PLR2004 - two days are still said in hours
        number, unit = number / 24, "d"
    return f"{number:g} {_UNITS[unit]}{'' if number == 1 else 's'}"
