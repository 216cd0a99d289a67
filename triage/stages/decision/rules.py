"""The rules that no model can talk its way around. Pure, and without any log text.

The table of flags is the measure: a hard flag that no fact answers keeps an alert open whatever is proposed, and nothing
is closed while any flag is open. Escalation needs no such proof.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from triage.domain.argument import Argument
from triage.domain.evidence import Evidence
from triage.domain.finding import CheckedFinding
from triage.domain.signal import Direction, Signal, cut_for_benign, is_proven, unsupported
from triage.domain.trust import Trust
from triage.domain.verdict import Disposition
from triage.stages.decision.answers import vouches

BENIGN_FINDINGS = 2
"""Verified findings that a benign verdict needs; one of them measured."""
_LOOKED_AROUND = "first_time_burst"
MAX_INCONCLUSIVE = 0.5
MAX_WITH_GAPS = 0.8
"""Highest confidence if some question has no answer or an absence is unproven."""


@dataclass(frozen=True, slots=True)
class RuleChange:
    """The disposition after a rule changed it, and why."""

    disposition: Disposition
    why: str


def benign_gap(
    findings: Sequence[CheckedFinding],
    signals: Sequence[Signal],
    evidence: Mapping[str, Evidence],
    *,
    dwell_start: datetime | None = None,
) -> str:
    """What a benign verdict lacks; empty if nothing. Which rows a suspect may have written is said in `signals`.

    Args:
        findings: All of the draft's, checked.
        signals: What enrichment measured.
        evidence: By id.
        dwell_start: Where a judge agrees, a finding that rests on rows older than this vouches as a signal does.
    """
    cut = cut_for_benign(evidence.values())
    if cut:
        return f"{cut}, and what was not read can't be called benign"
    lacking = unsupported(signals, evidence)
    if dwell_start is not None:
        # Somebody who tries several things for the first time is looking around, from wherever: an old address shows
        # nothing then.
        around = {signal.subject for signal in signals if signal.name == _LOOKED_AROUND and is_proven(signal, evidence)}
        lacking = tuple(
            who
            for who in lacking
            if who in around or not any(vouches(each, who, evidence, dwell_start) for each in findings)
        )
    if lacking:
        who = f" for {len(lacking)} of the alert's actors" if any(lacking) else ""
        return f"benign needs a fact that a suspect could not have made; there is none{who}"
    supporting = [checked for checked in findings if checked.verified and checked.finding.direction is Direction.BENIGN]
    solid = [checked for checked in supporting if checked.trust - {Trust.ACTOR}]
    if len(solid) < BENIGN_FINDINGS:
        return (
            f"benign needs {BENIGN_FINDINGS} verified findings that don't rest on actor-chosen text; {len(solid)} held"
        )
    if not any(Trust.MEASURED in checked.trust for checked in solid):
        return "benign needs a verified finding from our own counts; none held"
    return ""


def agreed(proposed: Disposition, judged: Disposition | None, argument: Argument) -> tuple[Disposition, str]:
    """What the analyst and the judge make of it together, and why it isn't what the analyst proposed.

    The more cautious of the two counts, unless the judge closes an alert on which the analyst only abstained and every
    flag is answered.
    """
    if judged is None or judged is proposed:
        return proposed, ""
    closes = judged is Disposition.BENIGN and proposed is Disposition.INCONCLUSIVE and not argument.open
    if closes:
        return judged, "the analyst abstained, and the judge, who reads the facts alone, finds every flag answered"
    if judged.gravity > proposed.gravity:
        return (
            judged,
            f"the analyst proposed {proposed.value}, and the judge, who reads the facts alone, {judged.value}",
        )
    return proposed, ""


def changes_of(
    proposed: Disposition,
    findings: Sequence[CheckedFinding],
    signals: Sequence[Signal],
    evidence: Mapping[str, Evidence],
    *,
    injected: bool,
    argument: Argument,
    judged: Disposition | None,
    alone: bool,
    dwell_start: datetime | None = None,
) -> tuple[RuleChange, ...]:
    """Apply the rules in order.

    Args:
        proposed: By the analyst.
        findings: All of its findings, checked.
        signals: What enrichment measured.
        evidence: By id.
        injected: Log text that the alert's actor could have written tries to instruct its reader.
        argument: The flags, with the answers that the table accepts.
        judged: The judge's disposition; `None` if there was none.
        alone: A model proposed and no judge has read the facts, so the table's own word is the least.
        dwell_start: What is older, no suspect can have made; without it only measured facts vouch.

    Returns:
        The changes made, the last one being the verdict.
    """
    changes: list[RuleChange] = []
    current = proposed

    def move(target: Disposition, why: str) -> None:
        nonlocal current
        if target is not current:
            changes.append(RuleChange(target, why))
            current = target

    harmful = any(checked.verified and checked.finding.direction is Direction.MALICIOUS for checked in findings)
    move(*agreed(proposed, judged, argument))
    if current is Disposition.BENIGN:
        gap = benign_gap(findings, signals, evidence, dwell_start=dwell_start if judged is current else None)
        if not gap and argument.open:
            gap = f"no fact answers: {_asks(argument)}"
        # Whoever reads an alert minutes after it was raised can't wait either: it is closed for now, and looked at again.
        for_now = argument.waits and judged is current
        if not gap and argument.gaps and not for_now:
            gap = f"what followed is unknown: {argument.gaps[0]}"
        if gap:
            move(Disposition.SUSPICIOUS if harmful or argument.open_hard else Disposition.INCONCLUSIVE, gap)
    if (alone or injected) and current.gravity < argument.disposition.gravity:
        # Whoever writes to the reader gains nothing by it: the least is what nobody who reads words has said.
        because = "no judge has read them" if alone else "a log field addresses whoever reads it with an instruction"
        move(argument.disposition, f"the measured facts alone say {argument.disposition.value}, and {because}")
    if argument.open_hard and current.gravity < Disposition.SUSPICIOUS.gravity:
        move(Disposition.SUSPICIOUS, f"no fact answers: {_asks(argument)}")
    if current.gravity < Disposition.SUSPICIOUS.gravity and injected:
        move(Disposition.SUSPICIOUS, "a log field addresses whoever reads it with an instruction")
    if current is Disposition.MALICIOUS and not harmful and not argument.open_hard:
        move(Disposition.SUSPICIOUS, "no finding towards malicious held")
    return tuple(changes)


def _asks(argument: Argument) -> str:
    flags = argument.open_hard or argument.open
    return " ".join(dict.fromkeys(flag.asks for flag in flags))


def cap_confidence(
    confidence: float,
    proposed: Disposition,
    final: Disposition,
    findings: Sequence[CheckedFinding],
    evidence: Sequence[Evidence],
) -> float:
    """A confidence, capped by how much of its ground verification left."""
    held = sum(checked.verified for checked in findings) / len(findings) if findings else 0.0
    confidence = min(confidence, 0.5 + 0.5 * held)
    if final is Disposition.INCONCLUSIVE or final is not proposed:
        confidence = min(confidence, MAX_INCONCLUSIVE)
    if any((not entry.answered and not entry.not_asked) or entry.unproven for entry in evidence):
        confidence = min(confidence, MAX_WITH_GAPS)
    return round(confidence, 3)
