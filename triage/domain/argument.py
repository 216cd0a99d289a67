"""The argument over one alert: which flags are raised, which are answered, and what follows from that.

Pure: from measured facts to a disposition, by the table in `flag`. It is what decides without a model, and what no
model can close over.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from triage.domain.base import Value
from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence, by_id
from triage.domain.finding import CheckedFinding
from triage.domain.flag import CONTINUITY, EXPLAINS, FLAGS, STRONG_ANSWER, Flag, RaisedFlag
from triage.domain.signal import Direction, Signal, about, cut_for_benign, is_proven, subjects_of
from triage.domain.verdict import Disposition

SUPPORTS = 2
"""Measured facts that a benign verdict needs."""
OPERATORS_WORD = "allowed"
"""The fact that needs no second: the operator has said so, of this actor, in this place."""
SOFT_FAMILIES = 2
"""Open soft flags of this many kinds together are worth a look."""
SETTLING = timedelta(hours=2)
"""How long the log must have been watched after the alert before the table closes it by itself."""
FIRST_WHILE = timedelta(minutes=15)
"""The same where an analyst and a judge both close it: the verdict is provisional, and the alert is looked at again."""
WATCHED = 0.5
"""Least strength of the fact that nothing followed: the log was watched for most of the time that counts."""
_PLACE, _NEW = "place", {"first", "target"}
"""Families of flags."""
_DECISIVE = "quiet_aftermath"
"""Answers that feed this kind of fact show what followed."""
_NO_SUPPORT = frozenset({"outcome_history", "dismissed_before"})
"""What people made of other alerts is no fact about this one."""


FlagOfActor = tuple[str, str]
"""A flag's name, and whom of the alert's several actors it is about."""


class Argument(Value):
    """What the measured facts say of an alert: of its worst actor."""

    disposition: Disposition
    confidence: float
    """How firmly, between 0 and 1: by how much is open, or by how much answers it."""
    why: str
    flags: tuple[RaisedFlag, ...] = ()
    """Of all actors, open ones first."""
    subject: str = ""
    """The actor who decides, where there are several."""
    gaps: tuple[str, ...] = ()
    """Why it is unknown what followed; empty if the log would have shown it."""
    waits: bool = False
    """Nothing is missing but time: a healthy log has shown the first while after the alert, and later rows are to come."""

    @property
    def open(self) -> tuple[RaisedFlag, ...]:
        return tuple(flag for flag in self.flags if flag.open)

    @property
    def open_hard(self) -> tuple[RaisedFlag, ...]:
        return tuple(flag for flag in self.open if flag.hard)


def argue_alert(dossier: Dossier) -> Argument:
    """The argument over an alert as enrichment found it."""
    gaps = gaps_of(dossier)
    return argue(dossier.signals, dossier.evidence, gaps=gaps, waits=bool(gaps) and _waits(dossier))


def gaps_of(dossier: Dossier) -> tuple[str, ...]:
    """Why it is unknown what followed; empty if the log would have shown it."""
    cut = cut_for_benign(dossier.evidence)
    if cut:
        return (cut,)
    entry = _watched(dossier.evidence)
    if entry is None:
        # The log type has no such question, so nothing is claimed about what followed.
        return () if dossier.events else ("the alert's events are missing",)
    if not entry.answered:
        return ("the query for what followed has no answer",)
    if entry.truncated:
        return ("the answer on what followed was cut",)
    enough = _last_event(dossier) + SETTLING
    return () if entry.proves_absence or entry.proves_until(enough) else entry.coverage.gaps


def _last_event(dossier: Dossier) -> datetime:
    return max(dossier.alert.moment, dossier.alert.last_event_at or dossier.alert.moment)


def _waits(dossier: Dossier) -> bool:
    """Whether it is only too early to know what followed."""
    entry = _watched(dossier.evidence)
    if entry is None or not entry.complete or cut_for_benign(dossier.evidence):
        return False
    coverage = entry.coverage
    healthy = coverage.source_healthy and not coverage.alarms and coverage.open_until is not None
    return bool(healthy) and entry.proves_until(_last_event(dossier) + FIRST_WHILE)


def _watched(evidence: Iterable[Evidence]) -> Evidence | None:
    """The answer that shows what followed; the one over the shorter time, which is proven sooner."""
    found = [entry for entry in evidence if _DECISIVE in entry.signals]
    return next((entry for entry in found if "target" in entry.columns), found[0] if found else None)


def argue(
    signals: Sequence[Signal], evidence: Sequence[Evidence], *, gaps: Sequence[str] = (), waits: bool = False
) -> Argument:
    """Raise and answer the flags of every actor, and decide by the worst.

    Args:
        signals: What enrichment measured.
        evidence: Every answer.
        gaps: Why it is unknown what followed; with one of them the table closes nothing.
        waits: Nothing is missing but time.
    """
    entries = by_id(evidence)
    proven = [signal for signal in signals if is_proven(signal, entries)]
    judged = []
    flags: list[RaisedFlag] = []
    for subject in subjects_of(signals, evidence):
        facts = about(subject, proven)
        raised = raise_flags(facts, subject)
        flags += raised
        judged.append((*_decide(facts, raised, gaps), _gravity(facts, raised), subject))
    disposition, why, _, worst = max(judged, key=lambda each: (each[0].gravity, each[2]))
    unique = tuple(dict.fromkeys(sorted(flags, key=lambda flag: (not flag.open, not flag.hard))))
    return Argument(
        disposition=disposition,
        confidence=_confidence(disposition, [flag for flag in unique if flag.subject in ("", worst)]),
        why=why,
        flags=unique,
        subject=worst,
        gaps=tuple(gaps),
        waits=waits,
    )


def _gravity(facts: Sequence[Signal], raised: Sequence[RaisedFlag]) -> tuple[int, int, float]:
    """Which of two actors with the same disposition is the worse."""
    unanswered = [flag for flag in raised if flag.open]
    against = sum(fact.weight for fact in facts if fact.direction is Direction.MALICIOUS)
    return sum(flag.hard for flag in unanswered), len(unanswered), against


def with_answers(argument: Argument, answers: Mapping[FlagOfActor, Sequence[CheckedFinding]]) -> Argument:
    """The argument with further answers; the table's own stay.

    Args:
        argument: As the measured facts have it.
        answers: By flag, the findings that answer it; which of them may has been checked.
    """

    def answered(flag: RaisedFlag) -> RaisedFlag:
        given = answers.get((flag.name, flag.subject), ())
        if not flag.open or not given:
            return flag
        cited = tuple(dict.fromkeys(name for checked in given for name in checked.evidence))
        sentences = tuple(checked.finding.text for checked in given)
        return flag.model_copy(update={"answers": sentences, "answer_evidence": cited})

    return argument.model_copy(update={"flags": tuple(map(answered, argument.flags))})


def without_answers(argument: Argument, rejected: Collection[str]) -> Argument:
    """The argument with the answers to some flags withdrawn: what answers a flag by the table need not convince.

    Args:
        argument: As the measured facts have it.
        rejected: Names of flags; one that several actors have is open for all of them.
    """

    def reopened(flag: RaisedFlag) -> RaisedFlag:
        return flag.model_copy(update={"answers": (), "answer_evidence": ()}) if flag.name in rejected else flag

    return argument.model_copy(update={"flags": tuple(map(reopened, argument.flags))})


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
        answers = [fact for fact in facts if _answers(fact, flag)]
        found.append(
            RaisedFlag(
                name=name,
                asks=flag.asks,
                hard=flag.hard,
                decides=any(fact.weight >= flag.decides_from for fact in raised),
                family=flag.family or name,
                # A fact about the alert as a whole raises one flag, and not one for each of its actors.
                subject=subject if any(fact.subject for fact in raised) else "",
                raised=tuple(fact.sentence for fact in raised),
                raised_evidence=_evidence(raised),
                answers=tuple(fact.sentence for fact in answers),
                answer_evidence=_evidence(answers),
            )
        )
    return [flag for flag in found if not _is_said_by_a_harder(flag, found)]


def _is_said_by_a_harder(flag: RaisedFlag, flags: Iterable[RaisedFlag]) -> bool:
    """Whether a hard flag of the same family is raised by all that raises a soft one: it is one observation."""
    return not flag.hard and any(
        other.hard and other.family == flag.family and set(flag.raised) <= set(other.raised) for other in flags
    )


def _answers(fact: Signal, flag: Flag) -> bool:
    least = max(STRONG_ANSWER, flag.least_answer.get(fact.name, 0.0))
    return fact.name in flag.answered_by and fact.direction is Direction.BENIGN and fact.weight >= least


def _evidence(facts: Sequence[Signal]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for fact in facts for name in fact.evidence))


def _decide(facts: Sequence[Signal], raised: Sequence[RaisedFlag], gaps: Sequence[str]) -> tuple[Disposition, str]:
    """The disposition by one actor's facts, and why."""
    unanswered = [flag for flag in raised if flag.open]
    hard = {flag.family for flag in unanswered if flag.hard}
    soft = {flag.family for flag in unanswered} - hard
    asks = " ".join(dict.fromkeys(flag.asks for flag in unanswered))
    proof = bool(hard) and (bool(soft) or not _in_favour(facts)) and not _is_only_strange(facts, hard, soft)
    # Whoever the operator has allowed to act may go too far, which is looked at before it is called an attack.
    listed = any(fact.name == OPERATORS_WORD for fact in facts)
    decides = any(flag.decides and (not listed or FLAGS[flag.name].decides_from == 0) for flag in unanswered)
    if decides or len(hard) > 1 or proof:
        return Disposition.MALICIOUS, f"no fact answers: {asks}"
    if hard or len(soft) >= SOFT_FAMILIES or (soft and not _in_favour(facts)):
        return Disposition.SUSPICIOUS, f"no fact answers: {asks}"
    if soft:
        return Disposition.INCONCLUSIVE, f"no fact answers: {asks}"
    lacking = _lacking(facts, gaps)
    return (Disposition.INCONCLUSIVE, lacking) if lacking else (Disposition.BENIGN, _closing(raised))


def _is_only_strange(facts: Sequence[Signal], hard: Collection[str], soft: Collection[str]) -> bool:
    """Whether a place that nobody confirmed, and something new, is all there is: the log would have shown what followed, and
    nothing did. That is worth a look, and no proof of harm."""
    quiet = any(fact.name == _DECISIVE and fact.weight >= WATCHED for fact in facts)
    return quiet and set(hard) == {_PLACE} and set(soft) <= _NEW


def _in_favour(facts: Sequence[Signal]) -> list[Signal]:
    """Facts that speak for the actor, however little a suspect would need to make them."""
    return [
        fact
        for fact in facts
        if fact.direction is Direction.BENIGN and fact.weight >= STRONG_ANSWER and fact.name not in _NO_SUPPORT
    ]


def _confidence(disposition: Disposition, flags: Sequence[RaisedFlag]) -> float:
    """How firmly the table says it. Every further kind of open flag makes chance less likely."""
    unanswered = {flag.family for flag in flags if flag.open}
    match disposition:
        case Disposition.MALICIOUS:
            return min(0.95, 0.6 + 0.1 * len(unanswered) + 0.1 * any(flag.decides for flag in flags if flag.open))
        case Disposition.SUSPICIOUS:
            return 0.6 if any(flag.hard for flag in flags if flag.open) else 0.5
        case Disposition.BENIGN:
            return 0.9 if not flags else 0.75
        case Disposition.INCONCLUSIVE:
            return 0.4


def _closing(raised: Sequence[RaisedFlag]) -> str:
    if not raised:
        return "the measured facts raise no flag, and explain the act"
    return f"measured facts answer all {len(raised)} flags" if len(raised) > 1 else "a measured fact answers the flag"


def _is_owners_calm_day(good: Sequence[Signal]) -> bool:
    """Whether the owner is shown twice, by a second factor and by a device of their own, and the log, which was watched,
    shows no harm that followed, or what they do on other days: what an act was for that raised no open flag need not be
    known then."""
    shown = {fact.name for fact in good if fact.vouches or fact.name == "known_device"}
    calm = any(fact.name == "routine_aftermath" or (fact.name == _DECISIVE and fact.weight >= WATCHED) for fact in good)
    return calm and {"verified_sign_in", "known_device"} <= shown


def _lacking(facts: Sequence[Signal], gaps: Sequence[str]) -> str:
    """What a benign verdict lacks where no flag is open; empty if nothing."""
    if gaps:
        return f"what followed is unknown: {gaps[0]}"
    good = _in_favour(facts)
    if not any(fact.name in CONTINUITY and fact.vouches for fact in good):
        return "nothing that a suspect could not have made shows that it was the owner"
    names = {fact.name for fact in good}
    if not EXPLAINS & names and not _is_owners_calm_day(good):
        return "nothing says what the act was for"
    if len(good) < SUPPORTS and not any(fact.name == OPERATORS_WORD for fact in good):
        return f"benign needs {SUPPORTS} measured facts; there is one"
    return ""
