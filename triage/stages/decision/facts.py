"""What the second call reads: verified findings in code's words, signals, runbook states, and the provider's facts."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from pydantic import JsonValue

from triage.domain.argument import Argument, argue
from triage.domain.base import Row
from triage.domain.detection import Detection
from triage.domain.evidence import Evidence, Source, by_id
from triage.domain.finding import CheckedFinding
from triage.domain.flag import FLAGS, RaisedFlag
from triage.domain.injection import looks_like_instruction
from triage.domain.redaction import redact
from triage.domain.signal import Signal, is_proven
from triage.domain.trust import Trust
from triage.domain.verdict import RunbookAnswer
from triage.logtypes import classify
from triage.stages.decision.masked import Masking, Pair, alert_values
from triage.stages.decision.proven import Pseudonyms, is_listed, proven_sentence

_MAX_FINDINGS = 40
_MAX_SIGNALS = 40
_MAX_EVENTS = 100
_MAX_COLUMNS = 16
_MAX_VALUES = 6
_MAX_DESCRIPTION_CHARS = 600
_MAX_STEP_CHARS = 200
_MAX_DEPTH = 4


def facts_of(
    findings: Sequence[CheckedFinding],
    signals: Sequence[Signal],
    evidence: Sequence[Evidence],
    runbook: Sequence[RunbookAnswer],
    detection: Detection,
    *,
    injected: bool,
    argument: Argument | None = None,
    known: frozenset[Pair] | None = None,
) -> dict[str, JsonValue]:
    """Everything that the judge sees, as JSON, what decides first.

    None of its text was written by a model or chosen by whoever acted: see `proven` for findings and `masked` for the
    sentences of measured facts. A name is `name 1` everywhere, so that facts can be joined.

    Args:
        findings: All of the draft's, checked.
        signals: What enrichment measured.
        evidence: Every answer.
        runbook: How its steps ended.
        detection: What fired.
        injected: Log text tries to instruct its reader.
        argument: The flags; by default from `signals`.
        known: Whatever the alert is about, from `alert_values`; by default what its events hold.
    """
    argument = argument if argument is not None else argue(signals, evidence)
    names = Pseudonyms()
    entries = by_id(evidence)
    masking = Masking(entries, names, alert_values(evidence) if known is None else known)
    held = [checked for checked in findings if checked.verified]
    return {
        "detection": _detection(detection),
        "flags": [_flag(flag, signals, masking) for flag in argument.flags],
        "what_followed_is_unknown": list(argument.gaps),
        "findings": [_finding(checked, entries, names) for checked in held[:_MAX_FINDINGS]],
        "findings_that_did_not_hold": len(findings) - len(held),
        "signals": [_signal(signal, masking) for signal in signals[:_MAX_SIGNALS]],
        "event_facts": _event_facts(evidence),
        "runbook": [
            {"step": answer.step, "asks": _text(answer.text), "state": answer.state.value} for answer in runbook
        ],
        "questions": {
            "answered": sum(entry.answered for entry in evidence),
            "without_answer": sum(not entry.answered for entry in evidence),
            "empty_and_unproven": sum(
                entry.answered and not entry.row_count and entry.source is Source.QUERY and not entry.proves_absence
                for entry in evidence
            ),
        },
        "log_text_addresses_its_reader": injected,
    }


def _finding(checked: CheckedFinding, evidence: Mapping[str, Evidence], names: Pseudonyms) -> JsonValue:
    trust: list[JsonValue] = [*sorted(trust.value for trust in checked.trust)]
    return {
        "number": checked.number,
        "supports": checked.finding.direction.value,
        "rests_on": trust,
        "shows": proven_sentence(checked, evidence, names),
    }


def _flag(flag: RaisedFlag, signals: Sequence[Signal], masking: Masking) -> JsonValue:
    """A flag with what raised it, and what answers it already; open where nothing does."""

    def said(sentences: Sequence[str]) -> list[JsonValue]:
        facts = [signal for signal in signals if signal.sentence in sentences]
        return [masking.sentence(fact) for fact in dict.fromkeys(facts)]

    found: dict[str, JsonValue] = {
        "flag": flag.name,
        "asks": flag.asks,
        "supports": FLAGS[flag.name].supports.value,
        "hard": flag.hard,
        "raised_by": said(flag.raised),
        "answered_by": said(flag.answers),
    }
    return found | ({"actor": masking.names.of(flag.subject)} if flag.subject else {})


def _signal(signal: Signal, masking: Masking) -> JsonValue:
    cited = [masking.evidence[name] for name in signal.evidence if name in masking.evidence]
    found: dict[str, JsonValue] = {
        "name": signal.name,
        "supports": signal.direction.value,
        "proven": is_proven(signal, masking.evidence),
        "says": masking.sentence(signal),
        "from": [entry.key.rsplit(".", 1)[-1] for entry in cited],
    }
    return found | ({"actor": masking.names.of(signal.subject)} if signal.subject else {})


def _text(text: str) -> str:
    """The detection author's own words; left out where they read like an order."""
    return "" if looks_like_instruction(text) else redact(text)[:_MAX_STEP_CHARS]


def _detection(detection: Detection) -> JsonValue:
    """The detection's own words, since its authors run the SIEM; nothing that an alert filled in."""
    found: dict[str, JsonValue] = {
        "id": detection.id,
        "name": detection.name,
        "severity": detection.severity.value if detection.severity is not None else None,
        "description": redact(detection.description)[:_MAX_DESCRIPTION_CHARS],
        "techniques": [*detection.techniques],
        "log_types": [*detection.log_types],
    }
    return {
        key: value
        for key, value in found.items()
        if value not in (None, "", []) and not (isinstance(value, str) and looks_like_instruction(value))
    }


def _event_facts(evidence: Sequence[Evidence]) -> JsonValue:
    """How often each word of the provider's lists occurs in the alert's events, by column."""
    counted: dict[str, Counter[str]] = {}
    for entry in evidence:
        if entry.source is not Source.EVENTS:
            continue
        for row in entry.rows[:_MAX_EVENTS]:
            for column, value in _texts(row):
                if classify(entry.log_type, column, value=value) is Trust.PROVIDER and is_listed(column, value):
                    counted.setdefault(column, Counter())[value] += 1
    return {column: dict(values.most_common(_MAX_VALUES)) for column, values in list(counted.items())[:_MAX_COLUMNS]}


def _texts(row: Row, above: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    for key, value in row.items():
        column = f"{above}.{key}" if above else key
        if isinstance(value, str):
            yield column, value
        elif isinstance(value, Mapping) and depth < _MAX_DEPTH:
            yield from _texts(value, column, depth + 1)
