"""The offline analyst: a draft from signals and the runbook's answers alone, for runs without a language model.

Its draft passes the same verification and the same floor rules as a model's. Its sentences are the signals' own, which
hold entity values and counts but no log text.
"""

from collections.abc import Mapping, Sequence

from triage.domain.argument import Argument, argue_alert
from triage.domain.citation import cite
from triage.domain.dossier import Dossier
from triage.domain.entity import Entity, EntityKind, Role
from triage.domain.evidence import Evidence, by_id
from triage.domain.finding import Finding
from triage.domain.signal import Direction, Signal, about, is_proven, subjects_of
from triage.domain.verdict import Action, ActionKind, Disposition, Draft

MAX_OTHERS = 4
FINDINGS = 8
"""The most that a draft has."""


def offline_draft(dossier: Dossier) -> Draft:
    """Judge an alert by what enrichment measured.

    Args:
        dossier: The alert with its numbered evidence and signals.

    Returns:
        A draft whose every finding cites evidence; nothing of it has been checked.
    """
    evidence = by_id(dossier.evidence)
    counted = [signal for signal in dossier.signals if is_proven(signal, evidence)]
    argument = argue_alert(dossier)
    if argument.subject and argument.disposition is not Disposition.BENIGN:
        # Every actor of an alert is judged, and the worst decides.
        counted = list(about(argument.subject, counted))
    findings = tuple(
        finding for signal in _ranked(counted, argument) if (finding := _finding(signal, evidence)) is not None
    )
    return Draft(
        verdict=argument.disposition,
        confidence=argument.confidence,
        summary=_summary(argument, counted, dossier.signals),
        findings=findings[:FINDINGS],
        runbook=tuple(outcome.as_answer for outcome in dossier.runbook),
        techniques=dossier.detection.techniques,
        actions=_actions(argument.disposition, dossier, counted),
    )


def _ranked(signals: Sequence[Signal], argument: Argument) -> list[Signal]:
    """What the argument turns on first: the facts behind open flags, then their answers, then the rest by strength."""
    raised = {sentence for flag in argument.open for sentence in flag.raised}
    answers = {sentence for flag in argument.flags for sentence in flag.answers}
    return sorted(
        signals, key=lambda signal: (signal.sentence not in raised, signal.sentence not in answers, -signal.weight)
    )


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


def _summary(argument: Argument, signals: Sequence[Signal], every: Sequence[Signal]) -> str:
    """One or two sentences."""
    verdict = argument.disposition
    wanted = Direction.BENIGN if verdict is Disposition.BENIGN else Direction.MALICIOUS
    best = next((signal for signal in _ranked(signals, argument) if signal.direction is wanted), None)
    first = f"{_OPENING[verdict]}."
    if argument.subject and verdict is not Disposition.BENIGN:
        others = [name for name in subjects_of(every) if name and name != argument.subject]
        with_others = f" ({', '.join(others[:MAX_OTHERS])} acted, too)" if others else ""
        first = f"{first} Of the alert's several actors, {argument.subject} decides{with_others}."
    if verdict is Disposition.INCONCLUSIVE and not argument.open:
        return f"{first} {argument.why[:1].upper()}{argument.why[1:]}."
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
