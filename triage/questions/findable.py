"""Whether what a question searches for could be found there, as the alert's own events show.

Panther's indicator columns hold what Panther extracts from an event, which is less than what the event says: an account
in a request's parameters, a bucket, a key may be in none of them. So no rows for such a value prove something only where
the alert's own events hold a value of that kind and the same search finds it there. What a term of the log reads from
those events is found by that term; in another log the same value may be in a field that the term doesn't read.
"""

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from triage.domain.actor_values import ActorValues
from triage.domain.base import Row
from triage.domain.identity import is_email
from triage.domain.question import Question, Subject, SubjectRole
from triage.logtypes.terms import take
from triage.questions.parts import Log
from triage.questions.subjects import INDICATORS_OF_ACTOR, NAMING_TERMS, columns_of_literal, is_by_indicator

_FORMS = (
    ("account", re.compile(r"\d{12}")),
    ("arn", re.compile(r"arn:aws[\w-]*:.+")),
    ("hash", re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")),
    ("uuid", re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")),
    ("", re.compile(r"(A[A-Z]{3})[A-Z0-9]{12,}")),
    ("", re.compile(r"([a-z]{1,12}-)[0-9a-f]{8,17}")),
    ("domain", re.compile(r"([A-Za-z0-9_-]+\.)+[A-Za-z]{2,24}")),
)
"""How values look; without a name, the kind is what the value begins with: `AKIA`, `vpc-`."""
_CONTROLLED = {"ip", "email"}
"""Forms for which the log's own activity is a control: rows that have an address, or name an actor."""
_OF_ANOTHER_LOG = {SubjectRole.TARGET, SubjectRole.RECIPIENT, SubjectRole.SESSION, SubjectRole.HOST}
MAX_DEPTH = 12


def value_is_findable(question: Question, log: Log, actor: ActorValues, events: Sequence[Row]) -> bool | None:
    """Whether the alert's own events show that every searched value is found where it occurs.

    Args:
        question: With its fields filled in.
        log: What is asked.
        actor: Whom the question's roles stand for.
        events: The alert's.

    Returns:
        False where it may be missed, True where they show that it is not; `None` where nothing is searched for in this
        way, or the log's activity has to show it.
    """
    own = [event for event in events if event.get("p_log_type", log.log_type) == log.log_type]
    found = [_subject(subject, log, actor, own, acting=True) for subject in question.about]
    found += [_subject(subject, log, actor, own, acting=False) for subject in question.on]
    return False if False in found else True if True in found else None


def _subject(subject: Subject, log: Log, actor: ActorValues, own: Sequence[Row], *, acting: bool) -> bool | None:
    if subject.field:
        # Its values come from the same field of the same log.
        return None
    if subject.role in _OF_ANOTHER_LOG:
        return None if log.log_type == actor.log_type else False
    if acting and subject.identity is not None and (kind := subject.identity.kind) in log.identities:
        # A column may hold user names here and e-mail addresses there: which, only events of that log show.
        others = [term for other, term in log.identities.items() if other is not kind]
        column = log.identities[kind]
        if any(term.sql == column.sql for term in others):
            return any(is_email(take(event, column.take)) == is_email(subject.identity.value) for event in own)
    if not is_by_indicator(subject, log, acting=acting):
        return None
    match subject.role:
        case None:
            return _literal(subject, log, own, acting=acting)
        case SubjectRole.ADDRESS:
            return _role(actor.lists.get("addresses", ()), ("p_any_ip_addresses",), own)
        case SubjectRole.HASH:
            return _role(actor.lists.get("hashes", ()), columns_of_literal("hash"), own)
        case _:
            return _role(actor.lists.get("values", ()), INDICATORS_OF_ACTOR, own)


def _role(values: Sequence[str], columns: Sequence[str], own: Sequence[Row]) -> bool | None:
    """Whether one of the alert's values is where it is searched for; `None` where its events have no such columns."""
    extracted = [event for event in own if any(name.startswith("p_any_") for name in event)]
    if not extracted or not values:
        return None
    return any(set(values) & _held(event, columns) for event in extracted)


def _literal(subject: Subject, log: Log, own: Sequence[Row], *, acting: bool) -> bool | None:
    value = subject.identity.value if subject.identity is not None else subject.value
    columns = columns_of_literal(subject.kind)
    terms = (
        NAMING_TERMS if subject.kind == "any" else () if acting or subject.identity is None else ("target", "recipient")
    )
    form = _form(value)
    whole = re.compile(rf"(?<![\w.-]){re.escape(value)}(?![\w.-])")
    same = form in _CONTROLLED and subject.kind != "any"
    shown: list[bool] = []
    alike: list[bool] = []
    for event in own:
        searched = _held(event, columns) | {
            take(event, log.takes[name].take) for name in terms if name in log.takes and name in log.terms
        }
        texts = list(_texts(event))
        for text in texts:
            if text == value or whole.search(text):
                # Within a longer text, such as a resource's name, nothing that compares whole values finds it.
                shown.append(value in searched)
            elif form and _form(text) == form:
                # Which of several fields with one value the search reads, the event doesn't tell.
                alike.append(text in searched and (subject.kind != "any" or texts.count(text) == 1))
    judged = shown or alike
    return all(judged) if judged else None if same else False


def _held(event: Row, columns: Sequence[str]) -> set[str]:
    """What an event's indicator columns hold."""
    lists = [event.get(name) for name in columns]
    return {item for values in lists if isinstance(values, list) for item in values if isinstance(item, str)}


def _texts(node: object, depth: int = 0) -> Iterator[str]:
    """Every text and number of an event, without what Panther added to it."""
    if depth > MAX_DEPTH:
        return
    if isinstance(node, dict):
        for name, value in node.items():
            if depth or not name.startswith("p_"):
                yield from _texts(value, depth + 1)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value, depth + 1)
    elif isinstance(node, str | int) and not isinstance(node, bool):
        yield str(node)


def _form(value: str) -> str:
    """What kind of value it looks like; empty where its form shows nothing."""
    try:
        ip_address(value)
    except ValueError:
        pass
    else:
        return "ip"
    if is_email(value):
        return "email"
    for name, pattern in _FORMS:
        match = pattern.fullmatch(value)
        if match is not None:
            return name or match.group(1)
    return ""
