"""The floor rules: what no model can talk its way around. Pure, and without any log text."""

from collections.abc import Sequence
from dataclasses import dataclass

from triage.domain import signal
from triage.domain.evidence import Evidence, Source
from triage.domain.finding import CheckedFinding
from triage.domain.signal import Direction, Signal
from triage.domain.trust import Trust
from triage.domain.verdict import Disposition

BENIGN_FINDINGS = 2
"""Verified findings that a benign verdict needs; one of them measured."""

UNEXPLAINED = 1.0
"""Net weight of proven signals towards malicious, in log odds, from which nothing may be called benign."""

MAX_INCONCLUSIVE = 0.5
MAX_WITH_GAPS = 0.8
"""Highest confidence where some question stayed without an answer or an absence unproven."""

RANK = {
    Disposition.BENIGN: 0,
    Disposition.INCONCLUSIVE: 1,
    Disposition.SUSPICIOUS: 2,
    Disposition.MALICIOUS: 3,
}


@dataclass(frozen=True, slots=True)
class Change:
    """What a rule made of a verdict."""

    disposition: Disposition
    why: str


def net_weight(signals: Sequence[Signal], evidence: Sequence[Evidence]) -> float:
    """Sum of the proven signals, malicious counted up and benign down, in log odds; see `domain.signal.is_proven`."""
    return signal.net_weight(signals, {entry.id: entry for entry in evidence})


def benign_gap(findings: Sequence[CheckedFinding]) -> str:
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


def changes_of(
    proposed: Disposition,
    findings: Sequence[CheckedFinding],
    weight: float,
    *,
    injected: bool,
    rules: Disposition | None,
    weighed: Disposition | None,
) -> tuple[Change, ...]:
    """Apply the rules in order; gives the changes made.

    Args:
        proposed: By the analyst.
        findings: All of its findings, checked.
        weight: As `net_weight` gives it.
        injected: Log text tries to instruct its reader.
        rules: What the measured facts say without any model; nothing that a model says goes below it.
        weighed: What the second call gave; `None` where there was none.
    """
    changes: list[Change] = []
    current = proposed

    def move(target: Disposition, why: str) -> None:
        nonlocal current
        if target is not current:
            changes.append(Change(target, why))
            current = target

    harmful = any(checked.verified and checked.finding.direction is Direction.MALICIOUS for checked in findings)
    if weighed is not None and weighed is not proposed:
        why = f"the analyst proposed {proposed.value}, and weighing the proven findings alone gave {weighed.value}"
        move(Disposition.SUSPICIOUS, why)
    if current is Disposition.BENIGN:
        gap = benign_gap(findings)
        if gap:
            move(Disposition.SUSPICIOUS if harmful or weight >= UNEXPLAINED else Disposition.INCONCLUSIVE, gap)
    if RANK[current] < RANK[Disposition.SUSPICIOUS] and weight >= UNEXPLAINED:
        move(Disposition.SUSPICIOUS, "measured signals towards malicious are left unexplained")
    if RANK[current] < RANK[Disposition.SUSPICIOUS] and injected:
        move(Disposition.SUSPICIOUS, "a log field addresses whoever reads it with an instruction")
    if current is Disposition.MALICIOUS and not harmful and weight < UNEXPLAINED:
        move(Disposition.SUSPICIOUS, "no finding towards malicious held")
    if rules is not None and RANK[current] < RANK[rules]:
        move(rules, f"the measured facts alone say {rules.value}, and no model goes below them")
    return tuple(changes)


def cap_confidence(
    confidence: float,
    proposed: Disposition,
    final: Disposition,
    findings: Sequence[CheckedFinding],
    evidence: Sequence[Evidence],
) -> float:
    """A confidence, capped by what verification left of its ground."""
    held = sum(checked.verified for checked in findings) / len(findings) if findings else 0.0
    confidence = min(confidence, 0.5 + 0.5 * held)
    if final is Disposition.INCONCLUSIVE or final is not proposed:
        confidence = min(confidence, MAX_INCONCLUSIVE)
    if any(not entry.answered or _unproven(entry) for entry in evidence):
        confidence = min(confidence, MAX_WITH_GAPS)
    return round(confidence, 3)


def _unproven(entry: Evidence) -> bool:
    """Whether a question to the lake came back empty and that says nothing."""
    asked = entry.source in {Source.QUERY, Source.TOOL}
    return asked and not entry.row_count and not entry.measured and not entry.coverage.proves_absence
