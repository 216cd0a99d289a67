"""Plans of runbooks on a terminal: each step of the text with what answers it, in plain words."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from triage.domain.clean import printable, printable_sentence
from triage.domain.plan import PlannedStep, RunbookPlan
from triage.domain.question import PlannedQuestion, Reads
from triage.questions.compiler import compile_question
from triage.questions.grammar.verbs import Mood, mood_of
from triage.questions.logs import logs_of
from triage.questions.parts import NotAskable
from triage.questions.plan_diff import ChangeKind, StepChange
from triage.questions.words import question_text

_WIDTH = 110
_CHARS = 800
_LABEL = 9
_NOT_UNDERSTOOD = "not understood as a question: nothing is asked, and a person reads this step"
_WHETHER = ("if", "whether")
_MARKS = {ChangeKind.SAME: " ", ChangeKind.CHANGED: "~", ChangeKind.ADDED: "+", ChangeKind.REMOVED: "-"}


def reads_text(question: PlannedQuestion) -> str:
    """How an answer reads, in words; empty where it simply tells what there was."""
    match question.reads:
        case Reads.YES_IF_ANY:
            return "yes if there is one"
        case Reads.YES_IF_NONE:
            return "yes if there is none"
        case Reads.YES_IF_AT_LEAST:
            return f"yes if there are at least {question.at_least}"
        case Reads.VALUE:
            return ""


def asked_text(question: PlannedQuestion) -> str:
    """A planned question in plain words."""
    reads = reads_text(question)
    return question_text(question) + (f" ({reads})" if reads else "")


def plan_lines(plan: RunbookPlan, log_types: Sequence[str], *, sql: bool) -> Iterator[str]:
    """Each step as the runbook has it, and below it what answers it.

    Args:
        plan: Of a detection.
        log_types: Of the detection.
        sql: Show the SQL of each question, for each log that it asks.
    """
    for step in plan.steps:
        yield from _wrapped(f"{step.step}.", step.text, indent=0, label_width=4)
        for question in step.questions:
            yield from _wrapped("asks", asked_text(question))
            if sql:
                yield from _sql_lines(question, log_types)
        for need in step.needs:
            yield from _wrapped("needs", need)
        if step.person:
            yield from _wrapped("person", step.person)
        if not understood(step):
            yield f"    {_NOT_UNDERSTOOD}"


def understood(step: PlannedStep) -> bool:
    """Whether a compiler made of a step what its first words want: something that is asked, or a person's task."""
    if step.questions or step.needs:
        return True
    first, second = [word.casefold() for word in (*step.text.split(maxsplit=2), "", "")[:2]]
    mood = mood_of(first)
    wants_an_answer = mood in (Mood.FIND, Mood.COUNT) or (mood is Mood.CHECK and second in _WHETHER)
    return bool(step.person) and not wants_an_answer


def counts(plans: Iterable[RunbookPlan]) -> dict[str, int]:
    """How many runbooks, steps and questions there are, and how many steps of each kind.

    A step counts once: as compiled if anything is asked for it, else by what it needs, else as a person's, or as not
    understood where its first words want an answer.
    """
    found = dict.fromkeys(("runbooks", "steps", "questions", "compiled", "needs", "person", "not_understood"), 0)
    for plan in plans:
        found["runbooks"] += 1
        for step in plan.steps:
            found["steps"] += 1
            found["questions"] += len(step.questions)
            kind = "compiled" if step.questions else "needs" if step.needs else "person"
            found[kind if understood(step) else "not_understood"] += 1
    return found


def counts_text(found: dict[str, int]) -> str:
    """The summary of a compilation, in one line."""
    return (
        f"{found['runbooks']} runbooks, {found['steps']} steps: {found['compiled']} compiled to {found['questions']} "
        f"questions, {found['needs']} need what isn't in the lake, {found['person']} for a person, "
        f"{found['not_understood']} not understood"
    )


def change_lines(changes: Sequence[StepChange]) -> Iterator[str]:
    """What a new text changes, step by step; an unchanged step is one line."""
    for change in changes:
        step = change.after or change.before
        assert step is not None
        mark = _MARKS[change.kind]
        if change.kind is not ChangeKind.CHANGED:
            yield f"{mark} {step.step}. {printable_sentence(step.text, 100)}"
            if change.kind is not ChangeKind.SAME:
                yield from (f"    {mark} {line}" for line in plan_words(step))
            continue
        assert change.before is not None
        assert change.after is not None
        if change.reworded:
            yield f"~ {change.before.step}. {printable_sentence(change.before.text, _CHARS)}"
            yield f"  {change.after.step}. {printable_sentence(change.after.text, _CHARS)}"
        else:
            yield f"~ {step.step}. {printable_sentence(step.text, 100)}"
        yield from _differences(change.before, change.after)


def _differences(before: PlannedStep, after: PlannedStep) -> Iterator[str]:
    old, new = plan_words(before), plan_words(after)
    yield from (f"    - {line}" for line in old if line not in new)
    yield from (f"    + {line}" for line in new if line not in old)
    if old == new:
        yield "    the same questions"


def plan_words(step: PlannedStep) -> list[str]:
    """What answers a step, a line each."""
    found = [f"asks: {printable_sentence(asked_text(question), _CHARS)}" for question in step.questions]
    found += [f"needs: {printable_sentence(need, _CHARS)}" for need in step.needs]
    found += [f"person: {printable_sentence(step.person, _CHARS)}"] if step.person else []
    return found or [_NOT_UNDERSTOOD]


def question_sql(question: PlannedQuestion, log_types: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Log type, SQL and why there is none, for each log that a question asks."""
    for log_type, database in logs_of(question, log_types, None):
        try:
            yield log_type, compile_question(question, log_type, database=database).sql, ""
        except NotAskable as error:
            yield log_type, "", error.why


def _sql_lines(question: PlannedQuestion, log_types: Sequence[str]) -> Iterator[str]:
    for log_type, sql, why in question_sql(question, log_types):
        if why:
            yield from _wrapped("", f"not of {log_type}: {why}")
        else:
            yield from _wrapped("SQL", f"for {log_type}:")
            # On one line, as it can be pasted.
            yield f"    {'':<{_LABEL}}{printable(' '.join(line.strip() for line in sql.splitlines()))}"


def _wrapped(label: str, text: str, *, indent: int = 4, label_width: int = _LABEL) -> Iterator[str]:
    first = f"{' ' * indent}{label:<{label_width}}"
    yield from textwrap.wrap(
        printable_sentence(text, _CHARS),
        _WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]
