"""The runbook's answers in a model's draft, beside those that code has found.

What code made of a step stands, and what somebody has said a person is to do stays for a person. A model may add to it,
and may answer a step that has no answer, but only with evidence that is about it: the answer to one of the step's own
questions, or to a question that the model asked itself. A step that was left to a person only because nobody could turn
it into questions may be answered from any question that the program asked of a log.
"""

from collections.abc import Iterator, Mapping, Sequence

from triage.domain.evidence import Evidence, Source, by_id
from triage.domain.finding import Issue, IssueCode
from triage.domain.step import StepOutcome, besides, step_of
from triage.domain.verdict import AnswerState, Draft, RunbookAnswer


def answer_issues(
    draft: Draft, evidence: Sequence[Evidence], outcomes: Sequence[StepOutcome] = (), *, name_open: bool
) -> list[Issue]:
    """Everything that is wrong with the runbook's answers, in words for the model.

    Args:
        draft: As proposed.
        evidence: All evidence of the run; a step that is `done` must point at an answer among it.
        outcomes: What code made of the steps; one that it has answered needs nothing of the model.
        name_open: The draft goes back for other reasons, so steps without any answer are named as well. They are not
            worth a turn of their own: the report shows them as they are.
    """
    known, entries = _by_step(outcomes), by_id(evidence)
    issues = [issue for answer in draft.runbook for issue in _issues(answer, known.get(answer.step), entries)]
    steps = [
        str(answer.step)
        for answer in draft.runbook
        if answer.state is AnswerState.NO_ANSWER and answer.step not in known
    ]
    if steps and (name_open or issues):
        issues.append(Issue(code=IssueCode.NO_CITATION, message=f"runbook: no answer to step {', '.join(steps)}"))
    return issues


def _issues(answer: RunbookAnswer, outcome: StepOutcome | None, evidence: Mapping[str, Evidence]) -> Iterator[Issue]:
    if outcome is not None and not _is_open(outcome):
        return
    missing = [name for name in answer.evidence if name not in evidence or not evidence[name].answered]
    match answer.state:
        case AnswerState.ANSWERED if not answer.evidence:
            message = f"runbook step {answer.step} is `done` without evidence: name the ids that show it"
            yield Issue(code=IssueCode.NO_CITATION, message=message)
        case AnswerState.ANSWERED if missing:
            message = f"runbook step {answer.step} rests on {', '.join(missing)}, which is not answered evidence"
            yield Issue(code=IssueCode.UNKNOWN_EVIDENCE, message=message)
        case AnswerState.ANSWERED if outcome is not None and not _answering(answer, outcome, evidence):
            message = (
                f"runbook step {answer.step} is `done`, but {', '.join(answer.evidence)} answers none of its own "
                "questions: cite what answers it, or leave the step out"
            )
            yield Issue(code=IssueCode.NO_CITATION, message=message)
        case AnswerState.NOT_IN_LAKE if outcome is None and not answer.answer.strip():
            message = f"runbook step {answer.step} is `not_in_lake`: say what would be needed instead"
            yield Issue(code=IssueCode.NO_CITATION, message=message)
        case _:
            pass


def settle_answers(draft: Draft, evidence: Sequence[Evidence], outcomes: Sequence[StepOutcome] = ()) -> Draft:
    """Give each step the state that its evidence bears, and drop ids that don't exist.

    Args:
        draft: As proposed, once corrected.
        evidence: All evidence of the run.
        outcomes: What code made of the steps.
    """
    known, entries = _by_step(outcomes), by_id(evidence)
    return draft.model_copy(
        update={"runbook": tuple(_settled(answer, known.get(answer.step), entries) for answer in draft.runbook)}
    )


def _settled(answer: RunbookAnswer, outcome: StepOutcome | None, evidence: Mapping[str, Evidence]) -> RunbookAnswer:
    held = tuple(name for name in dict.fromkeys(answer.evidence) if name in evidence and evidence[name].answered)
    if outcome is None:
        if answer.state is AnswerState.ANSWERED and not held:
            return RunbookAnswer(step=answer.step, text=answer.text, state=AnswerState.NO_ANSWER)
        return answer if held == answer.evidence else answer.model_copy(update={"evidence": held})
    found = outcome.as_answer
    if not held or not answer.answer.strip():
        return found
    cited = tuple(dict.fromkeys((*outcome.evidence, *held)))
    answers = answer.state is AnswerState.ANSWERED and _is_open(outcome) and _answering(answer, outcome, evidence)
    if answers:
        return found.model_copy(update={"state": AnswerState.ANSWERED, "answer": answer.answer, "evidence": held})
    return found.model_copy(update={"added": answer.answer, "evidence": cited})


def _is_open(outcome: StepOutcome) -> bool:
    """Whether a model may answer the step: code has no answer, and nobody has said what a person is to do."""
    return _is_unread(outcome) or outcome.state is AnswerState.NO_ANSWER


def _is_unread(outcome: StepOutcome) -> bool:
    """Whether it is a person's only for want of questions: what is left to them is the step as it stands."""
    return outcome.state is AnswerState.FOR_A_PERSON and not besides(outcome.text, outcome.person)


def _answering(answer: RunbookAnswer, outcome: StepOutcome, evidence: Mapping[str, Evidence]) -> tuple[str, ...]:
    """Which of the cited answers are about the step. One without rows that proves nothing answers nothing."""
    cited = (evidence[name] for name in dict.fromkeys(answer.evidence) if name in evidence)
    return tuple(
        entry.id
        for entry in cited
        if entry.answered
        and (entry.row_count or entry.proves_absence or entry.proven_until is not None)
        and (
            entry.source is Source.TOOL
            or step_of(entry.key) == outcome.step
            or entry.id in outcome.evidence
            or (entry.source is Source.QUERY and _is_unread(outcome))
        )
    )


def _by_step(outcomes: Sequence[StepOutcome]) -> dict[int, StepOutcome]:
    return {outcome.step: outcome for outcome in outcomes}
