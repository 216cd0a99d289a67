"""The disposition, from proven facts alone, and the floor rules that nobody can talk their way around."""

from collections.abc import Sequence
from dataclasses import dataclass

from triage.domain.evidence import Evidence
from triage.domain.finding import CheckedFinding, Issue, IssueCode
from triage.domain.signal import Direction, Signal
from triage.domain.trust import Trust
from triage.domain.verdict import Action, ActionKind, Disposition, Draft, Verdict

BENIGN_FINDINGS = 2
"""Verified findings that a benign verdict needs; one of them measured."""

UNEXPLAINED = 1.0
"""Net weight of proven signals towards malicious, in log odds, from which nothing may be called benign."""

MAX_INCONCLUSIVE = 0.5
MAX_WITH_GAPS = 0.8
"""Highest confidence where some question stayed without an answer or an absence unproven."""

_RANK = {
    Disposition.BENIGN: 0,
    Disposition.INCONCLUSIVE: 1,
    Disposition.SUSPICIOUS: 2,
    Disposition.MALICIOUS: 3,
}


@dataclass(frozen=True, slots=True)
class _Change:
    disposition: Disposition
    why: str


def net_weight(signals: Sequence[Signal], evidence: Sequence[Evidence]) -> float:
    """Sum of the proven signals, malicious counted up and benign down, in log odds.

    A signal that rests on an absence counts only where coverage proves it.
    """
    by_id = {entry.id: entry for entry in evidence}
    total = 0.0
    for signal in signals:
        cited = [by_id[name] for name in signal.evidence if name in by_id]
        if signal.absence and not all(entry.coverage.proves_absence for entry in cited):
            continue
        if signal.direction is Direction.MALICIOUS:
            total += signal.weight
        elif signal.direction is Direction.BENIGN:
            total -= signal.weight
    return total


def _benign_gap(findings: Sequence[CheckedFinding]) -> str:
    """What a benign verdict lacks; empty where it stands."""
    supporting = [checked for checked in findings if checked.verified and checked.finding.direction is Direction.BENIGN]
    solid = [checked for checked in supporting if checked.trust - {Trust.ACTOR}]
    if len(solid) < BENIGN_FINDINGS:
        return (
            f"benign needs {BENIGN_FINDINGS} verified findings that don't rest on actor-chosen text; {len(solid)} held"
        )
    if not any(Trust.MEASURED in checked.trust for checked in solid):
        return "benign needs a verified finding from our own counts; none held"
    return ""


def _floors(draft: Draft, findings: Sequence[CheckedFinding], weight: float, injected: bool) -> tuple[_Change, ...]:
    """Apply the floor rules in order; gives the changes made."""
    changes: list[_Change] = []
    current = draft.verdict

    def move(target: Disposition, why: str) -> None:
        nonlocal current
        changes.append(_Change(target, why))
        current = target

    harmful = any(checked.verified and checked.finding.direction is Direction.MALICIOUS for checked in findings)
    if current is Disposition.BENIGN:
        gap = _benign_gap(findings)
        if gap:
            move(Disposition.SUSPICIOUS if harmful or weight >= UNEXPLAINED else Disposition.INCONCLUSIVE, gap)
    if _RANK[current] < _RANK[Disposition.SUSPICIOUS] and weight >= UNEXPLAINED:
        move(Disposition.SUSPICIOUS, "measured signals towards malicious are left unexplained")
    if _RANK[current] < _RANK[Disposition.SUSPICIOUS] and injected:
        move(Disposition.SUSPICIOUS, "a log field addresses whoever reads it with an instruction")
    if current is Disposition.MALICIOUS and not harmful and weight < UNEXPLAINED:
        move(Disposition.SUSPICIOUS, "no finding towards malicious held")
    return tuple(changes)


def _confidence(
    draft: Draft, final: Disposition, findings: Sequence[CheckedFinding], evidence: Sequence[Evidence]
) -> float:
    """The draft's confidence, capped by what verification left of it."""
    held = sum(checked.verified for checked in findings) / len(findings) if findings else 0.0
    confidence = draft.confidence * (0.5 + 0.5 * held)
    if final is Disposition.INCONCLUSIVE or final is not draft.verdict:
        confidence = min(confidence, MAX_INCONCLUSIVE)
    if any(not entry.answered for entry in evidence):
        confidence = min(confidence, MAX_WITH_GAPS)
    return round(confidence, 3)


def _summary(draft: Draft, final: Disposition, findings: Sequence[CheckedFinding], changes: Sequence[_Change]) -> str:
    """A summary from proven sentences alone, in place of one that the rules have overtaken."""
    proven = [checked.finding.text for checked in findings if checked.verified][:2]
    start = (
        f"The analyst proposed {draft.verdict.value}; {changes[-1].why}, so this is {final.value}."
        if changes
        else f"The analyst's summary named values that no evidence holds and is left out; this is {final.value}."
    )
    return " ".join([start, *proven])


def adjudicate(
    draft: Draft,
    findings: Sequence[CheckedFinding],
    signals: Sequence[Signal],
    evidence: Sequence[Evidence],
    *,
    injected: bool = False,
    issues: Sequence[Issue] = (),
    summary_holds: bool = True,
) -> Verdict:
    """Decide from verified findings and measured signals; sees no raw log text.

    Args:
        draft: What the analyst proposed.
        findings: All of its findings, checked.
        signals: What enrichment measured.
        evidence: Every answer, for its coverage.
        injected: A field of the alert's events holds an instruction to its reader.
        issues: Objections from earlier rooms, kept for the report.
        summary_holds: The draft's summary names nothing that the evidence doesn't hold.
    """
    changes = _floors(draft, findings, net_weight(signals, evidence), injected)
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
    return Verdict(
        disposition=final,
        confidence=_confidence(draft, final, findings, evidence),
        summary=draft.summary if summary_holds and not changes else _summary(draft, final, findings, changes),
        reason="; then ".join(change.why for change in changes),
        findings=tuple(findings),
        runbook=draft.runbook,
        techniques=draft.techniques,
        actions=actions,
        issues=tuple(found),
        proposed=draft.verdict,
    )
