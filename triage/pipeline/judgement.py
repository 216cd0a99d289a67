"""Verification and decision of one conclusion. Pure: the pipeline makes the second model call."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from triage.domain.argument import Argument, FlagOfActor, argue_alert
from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence, by_id
from triage.domain.finding import CheckedFinding, Finding, Issue, IssueCode, LacksCitation, ValueCitation
from triage.domain.flag import FLAGS, RaisedFlag
from triage.domain.instructions import INSTRUCTION_FINDING, Instruction, find_instructions
from triage.domain.redaction import redact
from triage.domain.signal import Direction
from triage.domain.trust import Trust
from triage.domain.verdict import Disposition, Draft, Verdict
from triage.logtypes import classify
from triage.stages.decision import (
    BENIGN_FINDINGS,
    Opinion,
    Suspicion,
    accepted_answers,
    adjudicate,
    alert_values,
    facts_of,
    suspicion_of,
)
from triage.stages.investigation import Conclusion
from triage.stages.verification import invented_value, verify

_MAX_CITED = 3
"""How many instructions the finding about them cites."""


@dataclass(frozen=True, slots=True)
class CheckedConclusion:
    """A conclusion with everything that code has found before the second call."""

    draft: Draft
    """Without secrets."""
    findings: tuple[CheckedFinding, ...]
    injections: tuple[Issue, ...]
    """Log text that tries to instruct its reader."""
    argument: Argument
    """The flags that the measured facts raise, and what answers them."""
    summary_holds: bool
    sentences: frozenset[str] = frozenset()
    """Findings that code has added."""
    instructed_by_actor: bool = False
    """Whoever acted in the alert could have written one of the injections."""


def objections(
    draft: Draft,
    evidence: tuple[Evidence, ...],
    *,
    argument: Argument | None = None,
    dwell_start: datetime | None = None,
    suspicion: Suspicion | None = None,
) -> tuple[Issue, ...]:
    """Everything that verification objects to in a draft, for the analyst to correct at once.

    Where the table would keep the alert open whatever the analyst says, the analyst hears of it first. A finding that
    fails and that the verdict doesn't need is dropped without a word: asking again costs as much as the whole dossier.

    Args:
        draft: The proposal.
        evidence: All answers so far.
        argument: The flags that the measured facts raise.
        dwell_start: What is older, no suspect can have made; without it no finding answers a hard flag.
        suspicion: On whom it falls; without it nothing counts as somebody else's.
    """
    findings = verify(draft.findings, evidence)
    issues = (
        [] if _holds_without_the_failed(draft, findings, argument) else [i for each in findings for i in each.issues]
    )
    # Any other verdict makes a person look, who can answer what is open.
    if argument is not None and draft.verdict is Disposition.BENIGN:
        # What the draft has an answer for is the judge's to decide.
        offered = (
            _offered_answers(argument, findings, evidence, dwell_start, suspicion) if dwell_start is not None else set()
        )
        issues += [_unanswered(flag) for flag in argument.open_hard if (flag.name, flag.subject) not in offered]
    return tuple(issues)


def _offered_answers(
    argument: Argument,
    findings: Sequence[CheckedFinding],
    evidence: Sequence[Evidence],
    dwell_start: datetime,
    suspicion: Suspicion | None,
) -> set[FlagOfActor]:
    """The open flags that some finding may answer, if the judge finds that it does."""
    every = [checked.number for checked in findings]
    proposed = {flag.name: every for flag in argument.open}
    return set(
        accepted_answers(argument, proposed, findings, by_id(evidence), dwell_start=dwell_start, suspicion=suspicion)
    )


def _holds_without_the_failed(draft: Draft, findings: Sequence[CheckedFinding], argument: Argument | None) -> bool:
    """Whether what is left of a draft bears its verdict: most of its findings, and those that the verdict rests on."""
    held = [checked for checked in findings if checked.verified]
    if 2 * len(held) <= len(findings):
        return False
    towards = [checked.finding.direction for checked in held]
    match draft.verdict:
        case Disposition.BENIGN:
            # Each of them may be what answers an open flag.
            answered = argument is not None and not argument.open
            return (
                answered
                and not any(
                    checked.finding.direction is Direction.MALICIOUS for checked in findings if not checked.verified
                )
                and towards.count(Direction.BENIGN) > BENIGN_FINDINGS
            )
        case Disposition.MALICIOUS | Disposition.SUSPICIOUS:
            return Direction.MALICIOUS in towards
        case Disposition.INCONCLUSIVE:
            return True


def _unanswered(flag: RaisedFlag) -> Issue:
    """In code's words alone: what raised the flag names things as a log does, and stands fenced in the dossier."""
    known = FLAGS[flag.name]
    kinds = ", ".join(sorted(known.answered_by))
    answers = [f"a signal of the kind {kinds}"] if kinds else []
    answers += ["a measured finding of yours over a window that ended before the dwell time"] * known.old_rows_answer
    if known.old_row_names:
        names = " or ".join(sorted(known.old_row_names))
        answers.append(f"one that cites rows with `old_days` or an old `first_seen` for that {names}")
    if flag.prepared is not None:
        answers.append(f"one that cites a row of `ask` or of the dossier in which somebody else {flag.prepared.value}")
    answer = f"Only {' or '.join(answers)} may answer it" if answers else "No fact that is measured may answer it"
    message = f"{flag.name}: {flag.asks} See {', '.join(flag.raised_evidence)}. {answer}."
    return Issue(code=IssueCode.UNANSWERED_FLAG, message=message)


def check_conclusion(dossier: Dossier, conclusion: Conclusion, *, looks_again: bool = True) -> CheckedConclusion:
    """Verify a draft, and look for log text that tries to steer its reader.

    Args:
        dossier: What was known.
        conclusion: What the analyst made of it.
        looks_again: Whether the alert is looked at again where something could not have been seen yet; else nothing is
            closed for now.
    """
    argument = argue_alert(dossier)
    draft = _draft_without_secrets(conclusion.draft)
    instructions = find_instructions(dossier.alert, conclusion.evidence)
    finding = _injection_finding(instructions)
    findings = (*draft.findings, finding) if finding is not None else draft.findings
    return CheckedConclusion(
        draft=draft,
        findings=verify(findings, conclusion.evidence),
        injections=tuple(
            Issue(code=IssueCode.INJECTION, message=f"{found.place} tries to instruct whoever reads it", fatal=False)
            for found in instructions
        ),
        argument=argument if looks_again else argument.model_copy(update={"waits": False}),
        summary_holds=invented_value(draft.summary, conclusion.evidence) is None,
        sentences=frozenset({finding.text} if finding is not None else ()),
        instructed_by_actor=any(_is_by_actor(found, dossier) for found in instructions),
    )


def _is_by_actor(found: Instruction, dossier: Dossier) -> bool:
    """Whether the alert's actor could have written a text: of its events, unless the provider has set the field, or of a
    record of another log that names them."""
    if found.row is None:
        return True
    if found.citation is not None:
        log_types = dossier.log_types or ("",)
        path, value = found.citation.column, found.citation.value
        return any(classify(log_type, path, value=value) is Trust.ACTOR for log_type in log_types)
    names = {name for actor in dossier.actors for name in (actor.name, *(each.value for each in actor.identities))}
    held = json.dumps(dict(found.row), ensure_ascii=False).casefold()
    return any(name.casefold() in held for name in names if name)


def facts_for(dossier: Dossier, conclusion: Conclusion, checked: CheckedConclusion) -> dict[str, JsonValue]:
    """The facts that the second call reads."""
    return facts_of(
        checked.findings,
        dossier.signals,
        conclusion.evidence,
        checked.draft.runbook,
        dossier.detection,
        injected=bool(checked.injections),
        by_actor=checked.instructed_by_actor,
        argument=checked.argument,
        known=alert_values(conclusion.evidence, dossier.actors, dossier.entities),
        actors=dossier.actors,
        alert_at=dossier.alert.moment,
    )


def judge(
    dossier: Dossier,
    conclusion: Conclusion,
    *,
    checked: CheckedConclusion | None = None,
    opinion: Opinion | None = None,
    dwell: timedelta = timedelta(days=14),
) -> Verdict:
    """Verify and adjudicate a draft.

    Args:
        dossier: What was known.
        conclusion: What the analyst made of it.
        checked: From `check_conclusion`, if that was called before.
        opinion: The judge's.
        dwell: How long an intruder may have been there unnoticed.
    """
    checked = checked or check_conclusion(dossier, conclusion)
    return adjudicate(
        checked.draft,
        checked.findings,
        dossier.signals,
        conclusion.evidence,
        injections=checked.injections,
        by_actor=checked.instructed_by_actor,
        summary_holds=checked.summary_holds,
        argument=checked.argument,
        opinion=opinion,
        offline=conclusion.offline,
        dwell_start=dossier.alert.moment - dwell,
        suspicion=suspicion_of(dossier),
        sentences=checked.sentences,
    )


def _injection_finding(instructions: Sequence[Instruction]) -> Finding | None:
    """One finding that cites the first instructions in the alert's events; `None` if there are none."""
    cited = tuple(found.citation for found in instructions if found.citation is not None)[:_MAX_CITED]
    if not cited:
        return None
    places = ", ".join(f"{citation.evidence} row {citation.row} {citation.column}" for citation in cited)
    text = f"{INSTRUCTION_FINDING} ({places})."
    return Finding(text=text, direction=Direction.MALICIOUS, citations=cited)


def _draft_without_secrets(draft: Draft) -> Draft:
    """A draft without secrets in its texts: a model may have decoded one that was not recognised in the prompt."""
    return draft.model_copy(
        update={
            "summary": redact(draft.summary),
            "findings": tuple(map(_finding_without_secrets, draft.findings)),
            "runbook": tuple(
                answer.model_copy(update={"answer": redact(answer.answer), "added": redact(answer.added)})
                for answer in draft.runbook
            ),
            "actions": tuple(action.model_copy(update={"entity": redact(action.entity)}) for action in draft.actions),
        }
    )


def _finding_without_secrets(finding: Finding) -> Finding:
    # A stored value is redacted already, and redacting twice changes nothing: what verified still does.
    citations: Sequence[object] = [
        citation.model_copy(update={"value": redact(citation.value), "column": redact(citation.column)})
        if isinstance(citation, ValueCitation | LacksCitation) and isinstance(citation.value, str)
        else citation
        for citation in finding.citations
    ]
    return finding.model_copy(update={"text": redact(finding.text), "citations": tuple(citations)})
