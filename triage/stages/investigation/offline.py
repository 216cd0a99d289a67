"""The offline analyst: a draft from signals and the runbook's answers alone, for runs without a language model.

Its draft passes the same verification and the same floor rules as a model's. Its sentences are the signals' own, which
hold entity values and counts but no log text.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from math import exp

from triage.domain.citation import cite
from triage.domain.dossier import Dossier
from triage.domain.entity import Entity, EntityKind, Role
from triage.domain.evidence import Evidence, by_id
from triage.domain.finding import Finding
from triage.domain.signal import Direction, Signal, about, cut_for_benign, is_proven, subjects_of, weight_of
from triage.domain.verdict import Action, ActionKind, Disposition, Draft

MALICIOUS = 2.0
"""Net log odds from which an alert is called malicious, if something seen supports it."""
SUSPICIOUS = 0.5
BENIGN = -1.2
"""Net log odds that an alert must not exceed to be called benign."""
STRONG = 1.0
"""A malicious verdict needs one fact of this weight, and no benign verdict is given over one."""
SOLID = 0.75
"""A benign verdict needs one fact of this weight that no suspect can have made: an intruder on a stolen session gets the
usual place, a quiet aftermath and an act seen once before for free."""
SETTLING = timedelta(hours=2)
"""How long the log must have been watched after the alert before a benign verdict."""
GRAVE = 1.5
"""From this weight on, what came after the alert's own act is raised whatever speaks for that act: a habit, a colleague's
example or a closed alert is about the act, and says nothing of what came after it."""
_FOLLOWED = {
    "harmful_aftermath",
    "other_run_harm",
    "derived_used",
    "derived_harm",
    "stranger_on_target",
    "opened_to_strangers",
    "failed_then_succeeded",
    "session_two_places",
}
FINDINGS = 8
FINDINGS_FOR_BENIGN = 2
_DECISIVE = "quiet_aftermath"
_ORDER = (Disposition.BENIGN, Disposition.INCONCLUSIVE, Disposition.SUSPICIOUS, Disposition.MALICIOUS)


def offline_draft(dossier: Dossier) -> Draft:
    """Judge an alert by what enrichment measured.

    Args:
        dossier: The alert with its numbered evidence and signals.

    Returns:
        A draft whose every finding cites evidence; nothing of it has been checked.
    """
    evidence = by_id(dossier.evidence)
    counted = [signal for signal in dossier.signals if is_proven(signal, evidence)]
    subjects = subjects_of(dossier.signals, dossier.evidence)
    findings = tuple(finding for signal in _ranked(counted) if (finding := _finding(signal, evidence)) is not None)[
        :FINDINGS
    ]
    gaps = _gaps(dossier, evidence)
    # Every actor of an alert is judged, and the worst decides.
    judged = [
        (_verdict(score, known, findings, gaps), score, subject)
        for subject in subjects
        for known in (about(subject, counted),)
        for score in (weight_of(known, evidence),)
    ]
    verdict, score, worst = max(judged, key=lambda each: (_ORDER.index(each[0]), each[1]))
    if len(subjects) > 1 and verdict is not Disposition.BENIGN:
        counted = list(about(worst, counted))
    return Draft(
        verdict=verdict,
        confidence=_confidence(verdict, score),
        summary=_summary(verdict, counted, gaps, worst if len(subjects) > 1 else ""),
        findings=findings,
        runbook=tuple(outcome.as_answer for outcome in dossier.runbook),
        techniques=dossier.detection.techniques,
        actions=_actions(verdict, dossier, counted),
    )


def _ranked(signals: Sequence[Signal]) -> list[Signal]:
    return sorted(signals, key=lambda signal: -signal.weight)


def _gaps(dossier: Dossier, evidence: Mapping[str, Evidence]) -> tuple[str, ...]:
    """Why it is unknown what followed; empty if the log would have shown it."""
    cut = cut_for_benign(evidence.values())
    if cut:
        return (cut,)
    watched = [entry for entry in evidence.values() if _DECISIVE in entry.signals and "target" in entry.columns]
    watched = watched or [entry for entry in evidence.values() if _DECISIVE in entry.signals]
    if not watched:
        # The log type has no such question, so nothing is claimed about what followed.
        return () if dossier.events else ("the alert's events are missing",)
    entry = watched[0]
    if not entry.answered:
        return ("the query for what followed has no answer",)
    if entry.truncated:
        return ("the answer on what followed was cut",)
    alert = dossier.alert
    enough = max(alert.moment, alert.last_event_at or alert.moment) + SETTLING
    return () if entry.proves_absence or entry.proves_until(enough) else entry.coverage.gaps


def _verdict(score: float, signals: Sequence[Signal], findings: Sequence[Finding], gaps: Sequence[str]) -> Disposition:
    """The disposition by the facts about one actor."""
    harmful = [signal for signal in signals if signal.direction is Direction.MALICIOUS and signal.weight >= STRONG]
    solid = any(
        signal.direction is Direction.BENIGN and signal.vouches and signal.weight >= SOLID for signal in signals
    )
    seen = any(finding.direction is Direction.MALICIOUS for finding in findings)
    if score >= MALICIOUS and harmful and seen:
        return Disposition.MALICIOUS
    followed = any(signal.name in _FOLLOWED and signal.weight >= GRAVE for signal in harmful)
    if score >= SUSPICIOUS or followed:
        return Disposition.SUSPICIOUS
    if (
        score <= BENIGN
        and not gaps
        and not harmful
        and solid
        and sum(finding.direction is Direction.BENIGN for finding in findings) >= FINDINGS_FOR_BENIGN
    ):
        return Disposition.BENIGN
    return Disposition.INCONCLUSIVE


def _confidence(verdict: Disposition, score: float) -> float:
    """The logistic of the margin, capped: counting alone can't be surer."""
    sure = 1 / (1 + exp(-abs(score)))
    match verdict:
        case Disposition.MALICIOUS | Disposition.BENIGN:
            return round(min(0.9, sure), 2)
        case Disposition.SUSPICIOUS:
            return round(min(0.7, sure), 2)
        case Disposition.INCONCLUSIVE:
            return 0.4


# ---- findings ----------------------------------------------------------------------------------------------------


def _finding(signal: Signal, evidence: Mapping[str, Evidence]) -> Finding | None:
    """A signal as a checkable sentence; `None` if its evidence holds nothing to cite."""
    cited = (cite(signal.sentence, entry) for name in signal.evidence if (entry := evidence.get(name)) is not None)
    citations = signal.citations or tuple(citation for each in cited for citation in each)
    if not citations:
        return None
    return Finding(text=signal.sentence, direction=signal.direction, citations=citations)


# ---- words -------------------------------------------------------------------------------------------------------

_OPENING = {
    Disposition.MALICIOUS: "Measured facts point to an attack",
    Disposition.SUSPICIOUS: "Measured facts lean towards an attack but don't settle it",
    Disposition.BENIGN: "Measured facts show ordinary work",
    Disposition.INCONCLUSIVE: "The measured facts don't settle this alert",
}


def _summary(verdict: Disposition, signals: Sequence[Signal], gaps: Sequence[str], worst: str) -> str:
    """One or two sentences. `worst`: whom the verdict is about, where the alert has several actors."""
    wanted = Direction.BENIGN if verdict is Disposition.BENIGN else Direction.MALICIOUS
    best = next((signal for signal in _ranked(signals) if signal.direction is wanted), None)
    first = f"{_OPENING[verdict]}."
    if worst and verdict is not Disposition.BENIGN:
        first = f"{first} Of the alert's several actors, {worst} decides."
    if verdict is Disposition.INCONCLUSIVE and gaps:
        return f"{first} What followed is unknown: {gaps[0]}."
    if best is None:
        return f"{first} No single fact stands out."
    return f"{first} {best.sentence}"


# ---- actions -----------------------------------------------------------------------------------------------------

_PLACE = {"new_address_without_sign_in", "new_address", "session_two_places"}
_SESSION = {"session_two_places", "two_places", "new_address_without_sign_in", "failed_then_succeeded"}


def _actions(verdict: Disposition, dossier: Dossier, signals: Sequence[Signal]) -> tuple[Action, ...]:
    names = {signal.name for signal in signals if signal.direction is Direction.MALICIOUS}
    person = _entity(dossier, (Role.ACTOR,), (EntityKind.EMAIL, EntityKind.USER, EntityKind.ARN))
    address = _entity(dossier, (Role.SOURCE, Role.ACTOR), (EntityKind.IP,))
    key = _entity(dossier, (Role.ACTOR, Role.OTHER), (EntityKind.ACCESS_KEY,))
    target = _entity(dossier, (Role.TARGET,), tuple(EntityKind))
    match verdict:
        case Disposition.BENIGN:
            noisy = "outcome_history" in {signal.name for signal in signals}
            return (Action(kind=ActionKind.TUNE_DETECTION if noisy else ActionKind.NONE),)
        case Disposition.INCONCLUSIVE:
            return (
                Action(kind=ActionKind.VERIFY_CHANGE, entity=target),
                Action(kind=ActionKind.CONTACT_USER, entity=person),
            )
        case Disposition.SUSPICIOUS:
            first = Action(kind=ActionKind.CONTACT_USER, entity=person)
            return (first, Action(kind=ActionKind.REVIEW_ACCESS, entity=person or target))
        case Disposition.MALICIOUS:
            found = [Action(kind=ActionKind.ESCALATE)]
            if key:
                found.append(Action(kind=ActionKind.DISABLE_CREDENTIAL, entity=key))
            if names & _SESSION and person:
                found.append(Action(kind=ActionKind.REVOKE_SESSIONS, entity=person))
            if names & _PLACE and address:
                found.append(Action(kind=ActionKind.BLOCK_ADDRESS, entity=address))
            if target:
                found.append(Action(kind=ActionKind.REVERT_CHANGE, entity=target))
            return tuple(found)


def _entity(dossier: Dossier, roles: Sequence[Role], kinds: Sequence[EntityKind]) -> str:
    """The first entity of a role, by the order of kinds."""
    found: list[Entity] = [entity for entity in dossier.entities if entity.role in roles and entity.kind in kinds]
    return min(found, key=lambda entity: kinds.index(entity.kind)).value if found else ""
