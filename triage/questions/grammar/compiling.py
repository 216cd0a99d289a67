"""A runbook's steps as a plan, by grammar alone: no model, no network, the same answer every time."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from triage.domain.plan import PlannedStep, PlanSource, RunbookPlan, digest_of
from triage.domain.question import Asked, PlannedQuestion, Reads
from triage.domain.runbook import runbook_steps
from triage.questions.grammar.asking import Draft, draft_of, questions_of
from triage.questions.grammar.book import Book, book_of
from triage.questions.grammar.clauses import Clause, clauses_of
from triage.questions.grammar.lexicon import SIGNS_OF, stem
from triage.questions.grammar.needs import is_judgement, outside, persons
from triage.questions.grammar.phrases import phrases_of
from triage.questions.grammar.predicates import multiple
from triage.questions.grammar.propositions import AUXILIARIES, draft_check
from triage.questions.grammar.tokens import Token
from triage.questions.grammar.verbs import Mood
from triage.questions.grammar.what import asked_what
from triage.questions.grammar.whom import asked_whom
from triage.questions.grammar.windows import window_at

_LEADS = frozenset({"for", "into", "at", "through", "up"})
_MAX_QUESTIONS = 20
_MAX_STEP_QUESTIONS = 6
_MAX_NEEDS = 6
_MAX_PERSON = 700
"""What a plan may hold, see `triage.questions.plan_check`."""


@dataclass(slots=True)
class _Step:
    questions: list[PlannedQuestion] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    persons: list[Clause] = field(default_factory=list)


def compile_runbook(text: str, detection_id: str, log_types: Sequence[str]) -> RunbookPlan:
    """Turn a runbook into a plan.

    A clause whose words aren't all understood gives no question: it stands in `needs` or `person`.

    Args:
        text: The runbook as the detection has it.
        detection_id: Whose it is.
        log_types: The detection's log types; a field's name is read as their files say.
    """
    book = book_of(log_types, text)
    steps: list[PlannedStep] = []
    left = _MAX_QUESTIONS
    for number, step in enumerate(runbook_steps(text), 1):
        steps.append(_step(number, step, book, left))
        left -= len(steps[-1].questions)
    return RunbookPlan(detection=detection_id, digest=digest_of(text), source=PlanSource.GRAMMAR, steps=tuple(steps))


def _step(number: int, text: str, book: Book, most: int) -> PlannedStep:
    found = _Step()
    for clause in clauses_of(text):
        _read(clause, book, found)
    questions = tuple(dict.fromkeys(found.questions))
    if len(questions) > min(_MAX_STEP_QUESTIONS, most):
        # Some of a step's questions would be less than what it asks.
        questions = ()
        found.persons = list(clauses_of(text))
    person = persons(found.persons)
    return PlannedStep(
        step=number,
        text=text,
        questions=questions,
        needs=tuple(dict.fromkeys(found.needs))[:_MAX_NEEDS],
        person=person if len(person) <= _MAX_PERSON else f"{person[: _MAX_PERSON - 1]}\u2026",
    )


def _read(clause: Clause, book: Book, found: _Step) -> None:
    if clause.mood is Mood.COMPARE and not clause.condition and _keep(_compared(clause.body, book), found):
        return
    if clause.condition or clause.mood in (None, Mood.ACT, Mood.COMPARE):
        needs = outside(clause)
        found.needs += needs
        if not needs:
            found.persons.append(clause)
        return
    body: Sequence[Token] = clause.body
    while body and (body[0].low in _LEADS or body[0].low == "out"):
        body = body[1:]
    if clause.mood is not Mood.COUNT and body and body[0].low in ("if", "whether", "that"):
        _check(clause, body, book, found)
        return
    body, at_least = multiple(_without_signs(body))
    draft = asked_whom(body, book) or asked_what(body, book) or draft_of(phrases_of(body, book), book)
    if draft is not None and at_least > 1:
        draft = replace(draft, reads=Reads.YES_IF_AT_LEAST, at_least=at_least)
    if draft is not None and clause.mood is Mood.COUNT:
        draft = replace(draft, asked=Asked.COUNT)
    if draft is not None and draft.window is None and _has_window(clause.purpose):
        draft = None
    if not _keep(draft, found):
        _rest(clause, found)


def _without_signs(body: Sequence[Token]) -> Sequence[Token]:
    """`patterns of deletions`: the deletions."""
    for at, token in enumerate(body[:5]):
        if token.low == "of" and at and stem(body[at - 1].low) in SIGNS_OF:
            return body[at + 1 :]
    return body


def _has_window(tokens: Sequence[Token]) -> bool:
    """Whether a reason names a time, which may have been meant for what is asked."""
    return any(window_at(tokens, at) for at in range(len(tokens)))


def _compared(body: Sequence[Token], book: Book) -> Draft | None:
    """`compare ... to the user's sign-ins in the past 30 days`: what it is compared with."""
    starts = [at for at, token in enumerate(body) if token.low in ("to", "with", "against") and not token.quoted]
    if not starts:
        return None
    rest = [token for token in body[starts[-1] + 1 :] if token.low not in _USUAL]
    draft = draft_of(phrases_of(rest, book), book)
    return replace(draft, past=True) if draft is not None else None


def _check(clause: Clause, body: Sequence[Token], book: Book, found: _Step) -> None:
    negative = body[0].low == "that" and len(body) > 1 and body[1].low in ("no", "none")
    tokens = body[2:] if negative else body[1:]
    answered = True
    subject: Sequence[Token] = ()
    for part in _alternatives(tokens):
        draft = draft_check(part, book, negative=negative)
        if draft is None and subject and part:
            # `..., and whether they have ...`
            rest = part[1:] if part[0].low in _PRONOUNS else part
            draft = draft_check([*subject, *rest], book, negative=negative)
        subject = subject or _subject(part)
        answered = _keep(draft, found) and answered
    if not answered:
        _rest(clause, found)


def _alternatives(tokens: Sequence[Token]) -> list[Sequence[Token]]:
    """`is a known VPN, or matches the user's usual addresses`: each predicate by itself."""
    starts = [0]
    starts += [
        at
        for at in range(2, len(tokens) - 1)
        if tokens[at - 1].low in ("or", "and") and tokens[at].low in _PREDICATES | {"if", "whether"}
    ]
    parts: list[Sequence[Token]] = []
    for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True):
        part = list(tokens[start:end])
        while part and part[-1].low in ("or", "and", ","):
            part.pop()
        if part and part[0].low in ("if", "whether"):
            part = part[1:]
        parts.append(part)
    return parts


_PRONOUNS = frozenset({"it", "they", "he", "she"})
_USUAL = frozenset(
    [
        "typical",
        "usual",
        "normal",
        "historical",
        "average",
        "baseline",
        "locations",
        "location",
        "patterns",
        "pattern",
        "geographic",
        "ranges",
        "behavior",
        "volume",
    ]
)
_PREDICATES = frozenset(
    {
        "previously",
        "used",
        "is",
        "are",
        "was",
        "has",
        "have",
        "matches",
        "match",
        "appears",
        "belongs",
        "performed",
        "aligns",
    }
)


def _subject(tokens: Sequence[Token]) -> Sequence[Token]:
    for at, token in enumerate(tokens):
        if token.low in AUXILIARIES | _PREDICATES:
            return tokens[:at]
    return ()


def _keep(draft: Draft | None, found: _Step) -> bool:
    questions = questions_of(draft) if draft is not None else ()
    found.questions += questions
    return bool(questions)


def _rest(clause: Clause, found: _Step) -> None:
    needs = outside(clause)
    found.needs += needs
    if not needs or is_judgement(clause):
        found.persons.append(clause)
