"""The verdict: from a draft, what held of it, and the second call's opinion."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from triage.domain.argument import Argument, argue, with_answers, without_answers
from triage.domain.evidence import Evidence, by_id
from triage.domain.finding import CheckedFinding, Issue, IssueCode
from triage.domain.signal import Signal
from triage.domain.verdict import Action, ActionKind, Disposition, Draft, Verdict
from triage.stages.decision.answers import Suspicion, accepted_answers
from triage.stages.decision.opinion import Opinion
from triage.stages.decision.proven import Pseudonyms, proven_sentence
from triage.stages.decision.rules import RuleChange, cap_confidence, changes_of

_TEXTS = "actor-chosen text"


def adjudicate(
    draft: Draft,
    findings: Sequence[CheckedFinding],
    signals: Sequence[Signal],
    evidence: Sequence[Evidence],
    *,
    injections: Sequence[Issue] = (),
    by_actor: bool = True,
    summary_holds: bool = True,
    argument: Argument | None = None,
    opinion: Opinion | None = None,
    offline: bool = False,
    dwell_start: datetime | None = None,
    suspicion: Suspicion | None = None,
    sentences: Collection[str] = (),
) -> Verdict:
    """Decide from verified findings and measured signals; sees no raw log text.

    Args:
        draft: What the analyst proposed.
        findings: All of its findings, checked.
        signals: What enrichment measured.
        evidence: Every answer, for its coverage.
        injections: Instructions to the reader in log text. If there are any, none of the analyst's words are shown:
            its findings are rewritten from their citations.
        by_actor: Whoever acted in the alert could have written one of the injections, so that it speaks against them.
        summary_holds: The draft's summary names nothing that the evidence doesn't hold.
        argument: The flags that the measured facts raise, and what answers them; by default from `signals`.
        opinion: The judge's; without one the table's own word is the least.
        offline: The draft is the table's own.
        dwell_start: What is older, no suspect can have made; without it the judge can't answer a hard flag.
        suspicion: On whom it falls; without it nothing counts as somebody else's.
        sentences: Findings that code has written, besides those that repeat a signal.
    """
    injected = bool(injections)
    entries = by_id(evidence)
    argument = argument if argument is not None else argue(signals, evidence)
    own = {*sentences, *(signal.sentence for signal in signals)}
    if injected:
        # A model that has read instructions in the log may have followed them in its words as well.
        findings = _in_code(findings, evidence, own)
    if opinion is not None:
        argument = without_answers(argument, opinion.rejected)
        start = dwell_start or datetime.min.replace(tzinfo=UTC)
        answers = accepted_answers(argument, opinion.answers, findings, entries, dwell_start=start, suspicion=suspicion)
        argument = with_answers(argument, answers)
    changes = changes_of(
        draft.verdict,
        findings,
        signals,
        entries,
        injected=injected and by_actor,
        argument=argument,
        judged=opinion.disposition if opinion is not None else None,
        alone=opinion is None and not offline,
        dwell_start=dwell_start if opinion is not None else None,
    )
    final = changes[-1].disposition if changes else draft.verdict
    issues = [*injections, *(issue for checked in findings for issue in checked.issues)]
    issues += [
        Issue(code=IssueCode.DOWNGRADED, message=f"{change.disposition.value}: {change.why}", fatal=False)
        for change in changes
    ]
    actions = draft.actions
    if final is not Disposition.BENIGN and all(action.kind is ActionKind.NONE for action in actions):
        actions = (Action(kind=ActionKind.ESCALATE),)
    as_written = summary_holds and not changes and not injected
    runbook = draft.runbook
    if injected:
        runbook = tuple(answer.model_copy(update={"answer": "", "added": ""}) for answer in runbook)
        actions = tuple(action.model_copy(update={"entity": ""}) for action in actions)
    return Verdict(
        disposition=final,
        confidence=cap_confidence(
            draft.confidence if opinion is None else opinion.confidence, draft.verdict, final, findings, evidence
        ),
        summary=draft.summary
        if as_written
        else _summary(draft, final, findings, evidence, changes, own, summary_holds),
        as_written=as_written,
        reason=_reason(changes, final, opinion),
        findings=tuple(findings),
        runbook=runbook,
        techniques=draft.techniques,
        actions=actions,
        issues=tuple(issues),
        flags=argument.flags,
        proposed=draft.verdict,
        weighed=opinion.disposition if opinion is not None else None,
    )


def _in_code(
    findings: Sequence[CheckedFinding], evidence: Sequence[Evidence], own: set[str]
) -> tuple[CheckedFinding, ...]:
    """The same findings, the verified ones in code's words."""
    entries, names = by_id(evidence), Pseudonyms(_TEXTS)

    def rewritten(checked: CheckedFinding) -> CheckedFinding:
        if not checked.verified or checked.finding.text in own:
            return checked
        text = proven_sentence(checked, entries, names)
        finding = checked.finding.model_copy(update={"text": f"{text[:1].upper()}{text[1:]}."})
        return checked.model_copy(update={"finding": finding})

    return tuple(map(rewritten, findings))


def _reason(changes: Sequence[RuleChange], final: Disposition, opinion: Opinion | None) -> str:
    """The rules' words, or the second call's if its verdict is the final one."""
    if changes:
        return "; then ".join(change.why for change in changes)
    return opinion.reason if opinion is not None and opinion.disposition is final else ""


def _summary(
    draft: Draft,
    final: Disposition,
    findings: Sequence[CheckedFinding],
    evidence: Sequence[Evidence],
    changes: Sequence[RuleChange],
    own: set[str],
    summary_holds: bool,
) -> str:
    """A summary in code's words, instead of one that the rules overruled or that can't be trusted."""
    if changes:
        start = f"The analyst proposed {draft.verdict.value}; {changes[-1].why}, so this is {final.value}."
    elif not summary_holds:
        start = f"The analyst's summary named values that no evidence holds and is left out; this is {final.value}."
    else:
        start = (
            f"A log field tries to instruct its reader, so the analyst's summary is left out; this is {final.value}."
        )
    entries, names = by_id(evidence), Pseudonyms(_TEXTS)
    held = [checked for checked in findings if checked.verified]
    # A measured sentence reads better than one written from a citation.
    held.sort(key=lambda checked: checked.finding.text not in own)
    sentences = [
        checked.finding.text if checked.finding.text in own else f"{proven_sentence(checked, entries, names)}."
        for checked in held
    ]
    return " ".join([start, *(text[:1].upper() + text[1:] for text in sentences if text != ".")][:3])
