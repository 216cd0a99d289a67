"""The argument over one alert: which flags are raised, which are answered, and what follows from that.

Pure: from measured facts to a disposition, by the table in `flag`. It is what decides without a model, and what no
model can close over.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from triage.domain.base import Value
from triage.domain.evidence import Evidence, by_id
from triage.domain.flag import CONTINUITY, EXPLAINS, FLAGS, STRONG_ANSWER, RaisedFlag
from triage.domain.signal import Direction, Signal, about, is_proven, subjects_of
from triage.domain.verdict import Disposition

SUPPORTS = 2
"""Measured facts that a benign verdict needs."""
SOFT_FAMILIES = 2
"""Open soft flags of this many kinds together are worth a look."""
_ORDER = (Disposition.BENIGN, Disposition.INCONCLUSIVE, Disposition.SUSPICIOUS, Disposition.MALICIOUS)
_NO_SUPPORT = frozenset({"outcome_history", "dismissed_before"})
"""What people made of other alerts is no fact about this one."""


class Argument(Value):
    """What the measured facts say of an alert: of its worst actor."""

    disposition: Disposition
    why: str
    flags: tuple[RaisedFlag, ...] = ()
    """Of all actors, open ones first."""
    subject: str = ""
    """The actor who decides, where there are several."""

    @property
    def open(self) -> tuple[RaisedFlag, ...]:
        return tuple(flag for flag in self.flags if flag.open)

    @property
    def open_hard(self) -> tuple[RaisedFlag, ...]:
        return tuple(flag for flag in self.open if flag.hard)


@dataclass(frozen=True, slots=True)
class _Case:
    """One actor of the alert."""

    subject: str
    facts: tuple[Signal, ...]
    """Proven ones."""

    def kinds(self) -> dict[str, list[Signal]]:
        found: dict[str, list[Signal]] = {}
        for fact in self.facts:
            found.setdefault(fact.name, []).append(fact)
        return found


def argue(
    signals: Sequence[Signal], evidence: Sequence[Evidence], *, gaps: Sequence[str] = ()
) -> Argument:
    """Raise and answer the flags of every actor, and decide by the worst.

    Args:
        signals: What enrichment measured.
        evidence: Every answer.
        gaps: Why it is unknown what followed; with one of them nothing is closed.
    """
    entries = by_id(evidence)
    proven = [signal for signal in signals if is_proven(signal, entries)]
    judged = []
    flags: list[RaisedFlag] = []
    for subject in subjects_of(signals, evidence):
        case = _Case(subject, about(subject, proven))
        raised = raise_flags(case.facts, subject)
        flags += raised
        judged.append((*_decide(case, raised, gaps), subject))
    disposition, why, worst = max(judged, key=lambda each: _ORDER.index(each[0]))
    unique = tuple(dict.fromkeys(sorted(flags, key=lambda flag: (not flag.open, not flag.hard))))
    return Argument(disposition=disposition, why=why, flags=unique, subject=worst)


def raise_flags(facts: Sequence[Signal], subject: str = "") -> list[RaisedFlag]:
    """The flags that one actor's proven facts raise, each with the facts that answer it."""
    found = []
    for name, flag in FLAGS.items():
        raised = [
            fact
            for fact in facts
            if fact.direction is Direction.MALICIOUS and fact.weight >= flag.raised_by.get(fact.name, float("inf"))
        ]
        if not raised:
            continue
        answers = [fact for fact in facts if fact.name in flag.answered_by and _answers(fact)]
        found.append(
            RaisedFlag(
                name=name,
                asks=flag.asks,
                hard=flag.hard,
                decides=flag.decides,
                family=flag.family or name,
                subject=subject,
                raised=tuple(fact.sentence for fact in raised),
                raised_evidence=_evidence(raised),
                answers=tuple(fact.sentence for fact in answers),
                answer_evidence=_evidence(answers),
            )
        )
    return found


def _answers(fact: Signal) -> bool:
    return fact.direction is Direction.BENIGN and fact.weight >= STRONG_ANSWER


def _evidence(facts: Sequence[Signal]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for fact in facts for name in fact.evidence))


def _decide(case: _Case, raised: Sequence[RaisedFlag], gaps: Sequence[str]) -> tuple[Disposition, str]:
    """The disposition by one actor's facts, and why."""
    unanswered = [flag for flag in raised if flag.open]
    hard = {flag.family for flag in unanswered if flag.hard}
    soft = {flag.family for flag in unanswered} - hard
    asks = " ".join(dict.fromkeys(flag.asks for flag in unanswered))
    if any(flag.decides for flag in unanswered) or len(hard) > 1 or (hard and soft):
        return Disposition.MALICIOUS, f"no fact answers: {asks}"
    if hard or len(soft) >= SOFT_FAMILIES:
        return Disposition.SUSPICIOUS, f"no fact answers: {asks}"
    if soft:
        return Disposition.INCONCLUSIVE, f"no fact answers: {asks}"
    lacking = _lacking(case, gaps)
    return (Disposition.INCONCLUSIVE, lacking) if lacking else (Disposition.BENIGN, _closing(raised))


def _closing(raised: Sequence[RaisedFlag]) -> str:
    if not raised:
        return "the measured facts raise no flag, and explain the act"
    return f"measured facts answer all {len(raised)} flags" if len(raised) > 1 else "a measured fact answers the flag"


def _lacking(case: _Case, gaps: Sequence[str]) -> str:
    """What a benign verdict lacks where no flag is open; empty if nothing."""
    if gaps:
        return f"what followed is unknown: {gaps[0]}"
    kinds = case.kinds()
    good = [
        fact
        for fact in case.facts
        if fact.direction is Direction.BENIGN and fact.weight >= STRONG_ANSWER and fact.name not in _NO_SUPPORT
    ]
    if not any(fact.name in CONTINUITY and fact.vouches for fact in good):
        return "nothing that a suspect could not have made shows that it was the owner"
    if not EXPLAINS & kinds.keys():
        return "nothing says what the act was for"
    if len(good) < SUPPORTS:
        return f"benign needs {SUPPORTS} measured facts; there is one"
    return ""
