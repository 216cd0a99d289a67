"""Questions from the phrases of a clause."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from triage.domain.question import (
    ALERTS,
    MAX_NAMES,
    MAX_SUBJECTS,
    OWN,
    SIGN_INS,
    ActionClass,
    Asked,
    PlannedQuestion,
    Reads,
    Subject,
    SubjectRole,
    Window,
)
from triage.questions.grammar.book import Book
from triage.questions.grammar.kinds import Kind, merged
from triage.questions.grammar.phrases import Phrase, Phrases
from triage.questions.grammar.windows import HISTORY, NEAR, SINCE

_DOERS = frozenset(
    {
        SubjectRole.ACTOR, SubjectRole.ADDRESS, SubjectRole.SESSION, SubjectRole.DERIVED, SubjectRole.OTHERS,
        SubjectRole.ANYONE, SubjectRole.HOST, SubjectRole.RECIPIENT,
    }
)  # fmt: skip
"""Who can do something, or from where."""
_DOING = frozenset({"by", "using", "through", "via"})
_ABOUT = frozenset(
    {
        "from",
        "for",
        "of",
        "involving",
        "against",
        "with",
        "",
        "regarding",
        "about",
        "concerning",
        "affecting",
        "targeting",
        "within",
    }
)
_PLACES = frozenset(
    {
        "on",
        "to",
        "in",
        "into",
        "under",
        "at",
        "against",
        "targeting",
        "of",
        "for",
        "from",
        "involving",
        "with",
        "affecting",
        "regarding",
        "within",
        "concerning",
        "about",
    }
)
_OBJECTS = frozenset({"", "for", "of", "with", "in", "involving", "about", "regarding"})
ALERT_WINDOW = Window.model_validate({"from": "-7d", "to": "+24h"})
_TARGET = Subject(role=SubjectRole.TARGET)
_PERSONS = frozenset({"user", "users", "account", "accounts", "principal", "username", "usernames", "email"})
PAST_WINDOW = Window.model_validate({"from": "history", "to": "-0s"})


@dataclass(slots=True)
class Draft:
    """What is known of the questions that a clause asks."""

    about: list[Subject] = field(default_factory=list)
    on: list[Subject] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    kinds: tuple[Kind, ...] = ()
    acts: bool = False
    window: Window | None = None
    reads: Reads = Reads.VALUE
    at_least: int = 1
    asked: Asked = Asked.LIST
    alerts: bool = False
    """Other detections' matches are asked for, with what else there is."""
    rules: list[str] = field(default_factory=list)
    scope: tuple[str, ...] = ()
    """Words of the service whose log is asked."""
    past: bool = False
    """Without a window, what was before is meant."""
    judged: bool = False
    same: bool = False
    failed: bool = False
    """Something in it can't be said."""


def draft_of(phrases: Phrases, book: Book, *, subjects: Sequence[Subject] = ()) -> Draft | None:
    """Put phrases together; nothing where a part isn't understood or can't be said."""
    draft = Draft(about=list(subjects))
    windows = list(dict.fromkeys(phrases.windows))
    if len(windows) > 1:
        windows = [window for window in windows if window not in (HISTORY, SINCE, NEAR)]
    if phrases.unknown or len(windows) > 1:
        return None
    draft.window = windows[0] if windows else None
    for phrase in phrases.found:
        _add(draft, phrase)
    if not draft.logs and not book.own_sign_ins and {kind.classes for kind in draft.kinds} == {(ActionClass.SIGN_IN,)}:
        draft.logs = [SIGN_INS]  # the alert's own log has none
    signs_in = bool(draft.kinds) and all(kind.classes == (ActionClass.SIGN_IN,) for kind in draft.kinds)
    person = any(
        _TARGET in phrase.noun.subjects and _PERSONS & {token.low for token in phrase.tokens}
        for phrase in phrases.found
    )
    if (
        signs_in
        and person
        and draft.on == [_TARGET]
        and all(subject.role is SubjectRole.ADDRESS for subject in draft.about)
    ):
        draft.about, draft.on = draft.on, draft.about  # `logins for the affected user`: theirs
    draft.logs = _own(draft.logs, book)
    if draft.scope:
        kinds = draft.kinds or (Kind(),)
        # What an action or a thing is called narrows it further than its service does.
        draft.kinds = tuple(kind if kind.actions or kind.words else replace(kind, words=draft.scope) for kind in kinds)
    return None if draft.failed else draft


def _add(draft: Draft, phrase: Phrase) -> None:
    noun = phrase.noun
    if phrase.preposition == "across":
        return
    if phrase.preposition == "for" and (draft.acts or draft.alerts) and noun.judged and not noun.subjects:
        return  # `the calls of this user, for suspicious patterns`: how to read them
    draft.judged = draft.judged or noun.judged
    draft.scope = draft.scope or noun.scope
    draft.logs += [log for log in noun.logs if log not in draft.logs]
    if noun.alerts or noun.rules:
        draft.failed = draft.failed or not (noun.alerts or draft.alerts)
        draft.alerts = True
        draft.rules += noun.rules
    if noun.acts:
        if phrase.preposition not in _OBJECTS:
            draft.failed = True
        elif noun.kinds and any(kind.narrows for kind in noun.kinds):
            if any(kind.narrows for kind in draft.kinds) and not phrase.alternative:
                draft.failed = True
            draft.kinds = merged((*draft.kinds, *noun.kinds)) if phrase.alternative else noun.kinds
        draft.acts = True
        draft.same = draft.same or (noun.this and not noun.subjects and not any(kind.narrows for kind in noun.kinds))
    elif noun.things and not noun.logs:
        draft.failed = True
    elif noun.subjects and phrase.preposition in ("for", "on") and draft.logs and not draft.acts:
        draft.acts = True  # `query the audit log for this user`: every act of theirs
    before = len(draft.about), len(draft.on)
    for subject in noun.subjects:
        _place(draft, phrase, subject, owner=noun.owner and noun.acts)
    if len(draft.about) > before[0] and len(draft.on) > before[1]:
        # `from this user or bucket`: acts of either.
        draft.about += draft.on[before[1] :]
        del draft.on[before[1] :]


def _place(draft: Draft, phrase: Phrase, subject: Subject, *, owner: bool) -> None:
    """Whether a party does the acts or they are done to it."""
    doer = subject.role in _DOERS
    preposition = phrase.preposition
    if (
        subject.role is SubjectRole.ADDRESS
        and not owner
        and SubjectRole.ACTOR in {each.role for each in draft.about}
        and not (phrase.alternative or len(phrase.noun.subjects) > 1)
    ):
        draft.on.append(subject)
    elif subject.role is SubjectRole.OTHERS and not owner and preposition not in ("by", "from", "of", ""):
        draft.failed = True  # `from this address against other accounts`: they don't act
    elif preposition == "with" and subject.role is SubjectRole.ACTOR and not draft.alerts:
        draft.failed = True  # `review it with the administrator`
    elif preposition in _DOING or owner:
        if subject.role is SubjectRole.TARGET and preposition != "by" and not owner:
            draft.on.append(subject)
        else:
            draft.about.append(subject)
    elif doer and preposition in _ABOUT:
        draft.about.append(subject)
    elif (
        subject.role in (SubjectRole.HOST, SubjectRole.RECIPIENT, SubjectRole.DERIVED, SubjectRole.ADDRESS)
        and preposition in _PLACES
    ) or (not doer and preposition in _PLACES):
        draft.on.append(subject)
    else:
        draft.failed = True


def _own(logs: Sequence[str], book: Book) -> list[str]:
    """Say `own` where all of an alert's logs are named, or none."""
    if not logs:
        return [OWN] if book.logs.own else []
    if book.logs.own and set(logs) == set(book.logs.own):
        return [OWN]
    return list(logs)


def questions_of(draft: Draft) -> tuple[PlannedQuestion, ...]:
    """The questions of a draft; none where it isn't one."""
    about = list(dict.fromkeys(draft.about))
    on = [subject for subject in dict.fromkeys(draft.on) if subject not in about]
    if not (about or on) and draft.window in (None, HISTORY, SINCE):
        return ()  # everything that anyone did at any time is nobody's question
    if Subject(role=SubjectRole.ANYONE) in about or not about:
        about = [Subject(role=SubjectRole.ANYONE)]
    if len(about) > MAX_SUBJECTS or len(on) > MAX_SUBJECTS:
        return ()
    found: list[PlannedQuestion] = []
    if draft.same and not draft.kinds and draft.window is None and not draft.past:
        return ()  # `verify that the user performed this act`: a person says so
    if draft.acts and draft.logs:
        kinds = draft.kinds or (Kind(actions=(OWN,)) if draft.same else Kind(),)
        if len(kinds) > 1 and any(not kind.narrows for kind in kinds):
            kinds = (Kind(),) if draft.judged else ()
        found += [_question(draft, about, on, draft.logs, kind) for kind in kinds[:MAX_KINDS]]
    if draft.alerts:
        found.append(_question(draft, about, on, [ALERTS], Kind(actions=tuple(draft.rules))))
    return tuple(found)


def _question(
    draft: Draft, about: Sequence[Subject], on: Sequence[Subject], logs: Sequence[str], kind: Kind
) -> PlannedQuestion:
    default = PAST_WINDOW if draft.past else ALERT_WINDOW if ALERTS in logs else NEAR
    return PlannedQuestion(
        about=tuple(about),
        on=tuple(on),
        logs=tuple(logs),
        window=draft.window or default,
        classes=kind.classes,
        actions=kind.actions[:MAX_NAMES],
        words=kind.words[:MAX_NAMES],
        outcome=kind.outcome,
        ask=draft.asked,
        reads=Reads.VALUE if draft.judged and draft.reads is Reads.YES_IF_ANY else draft.reads,
        at_least=draft.at_least,
    )


MAX_KINDS = 8
