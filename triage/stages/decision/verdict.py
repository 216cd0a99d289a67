"""From a draft, what held of it and how the proven part was weighed, to the verdict."""

from collections.abc import Collection, Sequence

from triage.domain.evidence import Evidence
from triage.domain.finding import CheckedFinding, Issue, IssueCode
from triage.domain.signal import Signal
from triage.domain.verdict import Action, ActionKind, Disposition, Draft, Verdict
from triage.stages.decision.opinion import Opinion
from triage.stages.decision.proven import Masks, by_id, proven
from triage.stages.decision.rules import Change, cap_confidence, changes_of, net_weight


def adjudicate(
    draft: Draft,
    findings: Sequence[CheckedFinding],
    signals: Sequence[Signal],
    evidence: Sequence[Evidence],
    *,
    injected: bool = False,
    issues: Sequence[Issue] = (),
    summary_holds: bool = True,
    rules: Disposition | None = None,
    opinion: Opinion | None = None,
    sentences: Collection[str] = (),
) -> Verdict:
    """Decide from verified findings and measured signals; sees no raw log text.

    Args:
        draft: What the analyst proposed.
        findings: All of its findings, checked.
        signals: What enrichment measured.
        evidence: Every answer, for its coverage.
        injected: Log text of the alert holds an instruction to its reader. Then no word of the analyst's is shown:
            its findings are written anew from their citations.
        issues: Objections from earlier rooms, kept for the report.
        summary_holds: The draft's summary names nothing that the evidence doesn't hold.
        rules: What the measured facts say without any model: the verdict is never below it.
        opinion: What a second call made of the proven facts; `None`: the rules decide alone.
        sentences: Findings that code has written, beside those that repeat a signal.
    """
    changes = changes_of(
        draft.verdict,
        findings,
        net_weight(signals, evidence),
        injected=injected,
        rules=rules,
        weighed=opinion.disposition if opinion is not None else None,
    )
    final = changes[-1].disposition if changes else draft.verdict
    found = [*issues, *(issue for checked in findings for issue in checked.issues)]
    found += [
        Issue(code=IssueCode.DOWNGRADED, message=f"{change.disposition.value}: {change.why}", fatal=False)
        for change in changes
    ]
    if injected and not any(issue.code is IssueCode.INJECTION for issue in found):
        message = "a field of the alert's events holds an instruction to its reader"
        found.append(Issue(code=IssueCode.INJECTION, message=message, fatal=False))
    actions = draft.actions
    if final is not Disposition.BENIGN and all(action.kind is ActionKind.NONE for action in actions):
        actions = (Action(kind=ActionKind.ESCALATE),)
    # A model that has read instructions in the log may have followed them in its words as well.
    as_written = summary_holds and not changes and not injected
    own = {*sentences, *(signal.sentence for signal in signals)}
    runbook = draft.runbook
    if injected:
        findings = _in_code(findings, evidence, own)
        runbook = tuple(answer.model_copy(update={"answer": ""}) for answer in runbook)
        actions = tuple(action.model_copy(update={"entity": ""}) for action in actions)
    return Verdict(
        disposition=final,
        confidence=cap_confidence(
            draft.confidence if opinion is None else opinion.confidence, draft.verdict, final, findings, evidence
        ),
        summary=draft.summary
        if as_written
        else _summary(draft, final, findings, evidence, changes, own, summary_holds),
        reason=_reason(changes, final, opinion),
        findings=tuple(findings),
        runbook=runbook,
        techniques=draft.techniques,
        actions=actions,
        issues=tuple(found),
        proposed=draft.verdict,
        weighed=opinion.disposition if opinion is not None else None,
    )


def _in_code(
    findings: Sequence[CheckedFinding], evidence: Sequence[Evidence], own: set[str]
) -> tuple[CheckedFinding, ...]:
    """The same findings, the verified ones in code's words."""
    entries, masks = by_id(evidence), Masks()

    def said(checked: CheckedFinding) -> CheckedFinding:
        if not checked.verified or checked.finding.text in own:
            return checked
        text = proven(checked, entries, masks)
        finding = checked.finding.model_copy(update={"text": f"{text[:1].upper()}{text[1:]}."})
        return checked.model_copy(update={"finding": finding})

    return tuple(map(said, findings))


def _reason(changes: Sequence[Change], final: Disposition, opinion: Opinion | None) -> str:
    """The rules' words, or the second call's where its verdict stands."""
    if changes:
        return "; then ".join(change.why for change in changes)
    return opinion.reason if opinion is not None and opinion.disposition is final else ""


def _summary(
    draft: Draft,
    final: Disposition,
    findings: Sequence[CheckedFinding],
    evidence: Sequence[Evidence],
    changes: Sequence[Change],
    own: set[str],
    summary_holds: bool,
) -> str:
    """A summary in code's words, in place of one that the rules have overtaken or that nobody should trust."""
    if changes:
        start = f"The analyst proposed {draft.verdict.value}; {changes[-1].why}, so this is {final.value}."
    elif not summary_holds:
        start = f"The analyst's summary named values that no evidence holds and is left out; this is {final.value}."
    else:
        start = (
            f"A log field tries to instruct its reader, so the analyst's summary is left out; this is {final.value}."
        )
    entries = by_id(evidence)
    held = [checked for checked in findings if checked.verified]
    # What code has measured reads better than what it can say of a citation.
    held.sort(key=lambda checked: checked.finding.text not in own)
    said = [
        checked.finding.text if checked.finding.text in own else f"{proven(checked, entries, Masks())}."
        for checked in held
    ]
    return " ".join([start, *(text[:1].upper() + text[1:] for text in said if text != ".")][:3])
