"""How each step of a runbook ended, from the answers to its own questions.

A step is answered if every question of it is. A question is answered by acts that were seen, or by an absence that coverage
proves in each log that it names; anything else says what is missing. The rows decide, never the step's text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from triage.domain.evidence import Evidence
from triage.domain.plan import PlannedStep
from triage.domain.question import Asked, Reads, Window
from triage.domain.step import StepOutcome
from triage.domain.verdict import AnswerState
from triage.questions import window_text
from triage.questions.matches import SIGNALS
from triage.stages.enrichment.runbook import RunbookQueries, StepQuestion
from triage.stages.enrichment.runbook_words import OwnEvents, Seen, seen_in, sentence

MAX_ANSWER = 700
"""Characters of a step's answer."""
MAX_WHY = 240
HISTORY = "history"
NO_SUCH_ACT = "nobody has done anything of that name before, so the log may name it otherwise"
_BEFORE = "before the alert"
NOTHING_ASKED = "Nothing that the lake could be asked was read from this step."


@dataclass(frozen=True, slots=True)
class Reading:
    """The answer to one question of a step."""

    answered: bool
    text: str
    evidence: tuple[str, ...] = ()
    missing: bool = False
    """No log that it names is in this Panther."""


def outcomes_of(
    runbook: RunbookQueries, evidence: Sequence[Evidence], own: OwnEvents | None = None
) -> tuple[StepOutcome, ...]:
    """How every step ended.

    Args:
        runbook: What was asked.
        evidence: All answers, numbered.
        own: The alert's own events, which answer no question about what else was done.
    """
    by_key = {entry.key: entry for entry in evidence}
    return tuple(_outcome(step, runbook, by_key, own or OwnEvents()) for step in runbook.steps)


def _outcome(
    step: PlannedStep, runbook: RunbookQueries, evidence: Mapping[str, Evidence], own: OwnEvents
) -> StepOutcome:
    readings = []
    for number in range(1, len(step.questions) + 1):
        asked = [each for each in runbook.questions if (each.step, each.number) == (step.step, number)]
        readings.append(_reading(asked, evidence, own))
    needs = "; ".join(dict.fromkeys(step.needs))
    parts = [reading.text for reading in readings]
    if not readings:
        state = AnswerState.NOT_IN_LAKE if needs else AnswerState.FOR_A_PERSON
        parts = [] if needs or step.person else [NOTHING_ASKED]
    elif all(reading.answered for reading in readings):
        state = AnswerState.ANSWERED
    elif all(reading.missing for reading in readings):
        state = AnswerState.NOT_IN_LAKE
    else:
        state = AnswerState.NO_ANSWER
    if needs:
        parts.append(f"Needs what isn't in the lake: {needs}.")
    text = " ".join(dict.fromkeys(parts))
    return StepOutcome(
        step=step.step,
        text=step.text,
        state=state,
        answer=text if len(text) <= MAX_ANSWER else f"{text[: MAX_ANSWER - 1]}…",
        person=step.person,
        evidence=tuple(dict.fromkeys(name for reading in readings for name in reading.evidence)),
    )


def _reading(asked: Sequence[StepQuestion], evidence: Mapping[str, Evidence], own: OwnEvents) -> Reading:
    """What the answers of all logs, and about all actors, say together."""
    if not asked:
        return Reading(answered=False, text="It was not asked.")
    if all(question.missing for question in asked):
        names = list(dict.fromkeys(question.log_type for question in asked if question.log_type))
        needed = f"the log {' or '.join(names)}, which this Panther doesn't have" if names else asked[0].why
        return Reading(answered=False, text=f"Needs {needed}.", missing=True)
    planned = asked[0].planned
    answers = [(question, evidence[question.key]) for question in asked if question.key in evidence]
    ids = tuple(entry.id for _, entry in answers)
    seen = seen_in(planned, [(question, entry) for question, entry in answers if entry.answered], own)
    open_ends = _open_ends(asked, evidence)
    when = _when(planned.window, [entry for _, entry in answers])
    enough = seen.times >= planned.at_least if planned.reads is Reads.YES_IF_AT_LEAST else seen.times > 0
    if enough:
        return Reading(answered=True, text=_of_acts(planned.reads, sentence(seen, when), open_ends), evidence=ids)
    why = "; ".join(dict.fromkeys(open_ends))[:MAX_WHY]
    if not any(entry.answered for _, entry in answers):
        return Reading(answered=False, text=f"{why[:1].upper()}{why[1:]}.", evidence=ids)
    if open_ends or seen.cut:
        nothing = f"Nothing{_but_own(seen)} was found {when}"
        known = sentence(seen, f"{when} so far") if seen.times else nothing
        unproven = f"that there was {'no more' if seen.times else 'nothing'} isn't proven"
        text = f"{known}; {unproven}: {why or 'the answer was cut'}."
        return Reading(answered=False, text=text, evidence=ids)
    return Reading(answered=True, text=_of_nothing(asked, seen, when, evidence), evidence=ids)


def _when(window: Window, answers: Sequence[Evidence]) -> str:
    """The window in words; how far back `history` went is what was asked."""
    text = window_text(window)
    asked = next((entry for entry in answers if entry.start is not None and entry.end is not None), None)
    if window.start != HISTORY or text != _BEFORE or asked is None or asked.start is None or asked.end is None:
        return text
    days = round((asked.end - asked.start) / timedelta(days=1))
    return f"in the {days} days {_BEFORE}"


def _of_acts(reads: Reads, acts: str, open_ends: Sequence[str]) -> str:
    head = {Reads.VALUE: "", Reads.YES_IF_NONE: "No: "}.get(reads, "Yes: ")
    # What was seen is there whatever else is not; but there may be more.
    more = f" There may be more: {open_ends[0].split('; ')[0][:MAX_WHY]}." if open_ends else ""
    text = f"{head}{acts}.{more}"
    return text[:1].upper() + text[1:]


def _of_nothing(asked: Sequence[StepQuestion], seen: Seen, when: str, evidence: Mapping[str, Evidence]) -> str:
    planned = asked[0].planned
    if seen.times:
        return f"No, fewer than {planned.at_least}: {sentence(seen, when)}; that there were no more is proven."
    head = "First time: none" if planned.ask is Asked.FIRST_SEEN else "None"
    if planned.reads is not Reads.VALUE:
        head = "Yes: none" if planned.reads is Reads.YES_IF_NONE else "No: none"
    return f"{head}{_but_own(seen)} {when}; the absence is proven.{_control_text(asked, evidence)}"


def _but_own(seen: Seen) -> str:
    return " but the alert's own" if seen.own else ""


def _control_text(asked: Sequence[StepQuestion], evidence: Mapping[str, Evidence]) -> str:
    """How usual such acts are for anyone, where that was asked."""
    for question in asked:
        entry = evidence.get(question.control)
        if entry is not None and entry.rows:
            times, days = entry.rows[0].get("times"), entry.rows[0].get("days")
            if isinstance(times, int) and isinstance(days, int):
                on = f"{days} day{'' if days == 1 else 's'}"
                return f" By anyone, {times} time{'' if times == 1 else 's'} on {on} before ({entry.id})."
    return ""


def _open_ends(asked: Sequence[StepQuestion], evidence: Mapping[str, Evidence]) -> list[str]:
    """Why something that is not among the rows may have happened all the same; empty if it can't have."""
    several = len({(question.log_type, question.database) for question in asked}) > 1
    found = []
    matches = any(question.database != SIGNALS and question.key for question in asked)
    for question in asked:
        if question.database == SIGNALS and matches:
            # Signals are made of the same matches; those of the alert's own log are what coverage can speak for.
            continue
        why = _why_open(question, evidence.get(question.key), evidence.get(question.control))
        if why:
            found.append(f"{question.log_type}: {why}" if several else why)
    return found


def _why_open(question: StepQuestion, entry: Evidence | None, control: Evidence | None) -> str:
    if entry is None:
        return f"not asked: {question.why}" if question.why else "not asked"
    if not entry.answered:
        return entry.error
    if question.left_out:
        return f"not searched for all that it names, since {'; '.join(question.left_out)}"
    if entry.truncated:
        return "the answer was cut"
    if entry.proves_absence:
        return ""
    gaps: list[str] = []
    coverage = entry.coverage
    if control is not None and control.answered and not control.row_count:
        gaps.append(NO_SUCH_ACT)
        coverage = coverage.model_copy(update={"control_has_rows": True})
    return "; ".join((*gaps, *coverage.gaps)) or "the coverage of the log is unknown"
