"""What a model says on the runbook's steps: `done` has to point at an answer that is there."""

from collections.abc import Iterable, Sequence

from triage.domain.evidence import Evidence
from triage.domain.finding import Issue, IssueCode
from triage.domain.verdict import AnswerState, Draft, RunbookAnswer


def unsupported_answers(draft: Draft, evidence: Sequence[Evidence]) -> list[Issue]:
    """Everything that is wrong with the answers, in words for the model.

    Steps without any answer are named only beside other objections: they stay visible as open, and are not worth a
    turn of their own.
    """
    answered = {entry.id for entry in evidence if entry.answered}
    return list(_issues(draft.runbook, answered))


def unanswered(draft: Draft) -> list[Issue]:
    """One objection that names the steps without an answer; empty where there is none."""
    steps = [str(entry.step) for entry in draft.runbook if entry.state is AnswerState.OPEN]
    if not steps:
        return []
    return [Issue(code=IssueCode.NO_CITATION, message=f"runbook: no answer to step {', '.join(steps)}")]


def _issues(answers: Iterable[RunbookAnswer], answered: set[str]) -> Iterable[Issue]:
    for entry in answers:
        match entry.state:
            case AnswerState.DONE if not entry.evidence:
                message = f"runbook step {entry.step} is `done` without evidence: name the ids that show it"
                yield Issue(code=IssueCode.NO_CITATION, message=message)
            case AnswerState.DONE:
                missing = ", ".join(name for name in entry.evidence if name not in answered)
                if missing:
                    message = f"runbook step {entry.step} rests on {missing}, which is no answered evidence"
                    yield Issue(code=IssueCode.UNKNOWN_EVIDENCE, message=message)
            case AnswerState.NOT_IN_LAKE if not entry.answer.strip():
                message = f"runbook step {entry.step} is `not_in_lake`: say what would be needed instead"
                yield Issue(code=IssueCode.NO_CITATION, message=message)
            case _:
                pass


def settle_answers(draft: Draft, evidence: Sequence[Evidence]) -> Draft:
    """Open again every step that is said to be done and rests on nothing; elsewhere only ids that exist stay."""
    answered = {entry.id for entry in evidence if entry.answered}

    def settled(entry: RunbookAnswer) -> RunbookAnswer:
        held = tuple(name for name in dict.fromkeys(entry.evidence) if name in answered)
        if entry.state is AnswerState.DONE and not held:
            return RunbookAnswer(step=entry.step, text=entry.text, state=AnswerState.OPEN)
        return entry if held == entry.evidence else entry.model_copy(update={"evidence": held})

    return draft.model_copy(update={"runbook": tuple(settled(entry) for entry in draft.runbook)})
