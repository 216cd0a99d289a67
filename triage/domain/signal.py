"""Measured facts with a weight."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from triage.domain.alert import Moment
from triage.domain.base import EvidenceId, Value
from triage.domain.citation import Citation
from triage.domain.evidence import Evidence, Source


class Direction(StrEnum):
    MALICIOUS = "malicious"
    BENIGN = "benign"
    NEUTRAL = "neutral"


class Signal(Value):
    """One fact that code measured from evidence."""

    name: str
    """Stable name of the rule that found it, such as `first_seen_action`."""
    direction: Direction
    weight: float
    """How much it moves the score, in units of log odds; always positive."""
    sentence: str
    """The fact in words, free of raw log text beyond entity values."""
    evidence: tuple[EvidenceId, ...]
    absence: bool = False
    """It rests on rows that are not there; it counts only where coverage proves the absence."""
    absent_until: Moment | None = None
    """Up to when the absence has to be proven; `None`: over the whole window of each question."""
    citations: tuple[Citation, ...] = ()
    """What of the evidence bears the sentence; empty in what was stored before signals carried it."""
    vouches: bool = False
    """No suspect can have made what it rests on, so it may carry a benign verdict; see the table of weights."""
    subject: str = ""
    """Whom of an alert's several actors it is about, as the log names them; empty: the alert as a whole."""


_SIGN = {Direction.MALICIOUS: 1.0, Direction.BENIGN: -1.0, Direction.NEUTRAL: 0.0}


def is_proven(signal: Signal, evidence: Mapping[str, Evidence]) -> bool:
    """Whether a signal counts.

    Its evidence has answered; where it rests on an absence, coverage proves that; and where it speaks for the actor, or
    rests on an absence, nothing of the answer was cut: what was cut may say the opposite.

    Args:
        signal: What a rule has found.
        evidence: By id.
    """
    cited = [evidence[name] for name in signal.evidence if name in evidence]
    if not cited or any(not entry.answered for entry in cited):
        return False
    if (signal.direction is Direction.BENIGN or signal.absence) and any(_is_cut(entry) for entry in cited):
        return False
    if not signal.absence:
        return True
    until = signal.absent_until
    return all(entry.proves_absence if until is None else entry.proves_until(until) for entry in cited)


def _is_cut(entry: Evidence) -> bool:
    # The earlier alerts of a detection are read newest first, and the list only says how people judged them.
    return entry.truncated and entry.source is not Source.HISTORY


def subjects_of(signals: Iterable[Signal], evidence: Iterable[Evidence] = ()) -> tuple[str, ...]:
    """The actors of an alert that anything was asked or found about, each once; one empty name where none is told apart."""
    named = dict.fromkeys([entry.subject for entry in evidence] + [signal.subject for signal in signals])
    return tuple(name for name in named if name) or ("",)


def about(subject: str, signals: Iterable[Signal]) -> tuple[Signal, ...]:
    """The signals that count for one actor: their own, and those about the alert as a whole."""
    return tuple(signal for signal in signals if signal.subject in ("", subject))


def weight_of(signals: Iterable[Signal], evidence: Mapping[str, Evidence]) -> float:
    """Sum of the proven signals, those towards malicious counted up and those towards benign down, in log odds."""
    return sum(_SIGN[signal.direction] * signal.weight for signal in signals if is_proven(signal, evidence))


def net_weight(signals: Iterable[Signal], evidence: Mapping[str, Evidence]) -> float:
    """The weight of the worst actor of an alert: what others do in it excuses nobody."""
    known = list(signals)
    return max(weight_of(about(subject, known), evidence) for subject in subjects_of(known, evidence.values()))


def cut_for_benign(evidence: Iterable[Evidence]) -> str:
    """Which answer that a benign verdict rests on was cut; empty if none was."""
    for entry in evidence:
        if not entry.truncated or not entry.answered:
            continue
        if entry.source is Source.EVENTS:
            return "the alert has more events than were read"
        if "quiet_aftermath" in entry.signals:
            return "the answer to what followed was cut"
    return ""


def unsupported(signals: Sequence[Signal], evidence: Mapping[str, Evidence]) -> tuple[str, ...]:
    """The actors for whom nothing vouches that a suspect could not have made."""
    return tuple(
        subject
        for subject in subjects_of(signals, evidence.values())
        if not any(
            signal.vouches and signal.direction is Direction.BENIGN and is_proven(signal, evidence)
            for signal in about(subject, signals)
        )
    )
