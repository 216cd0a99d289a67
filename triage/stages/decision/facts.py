"""What the second call reads: verified findings in code's words, signals, runbook states, and the provider's facts."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import regex
from pydantic import JsonValue

from triage.domain.base import Row
from triage.domain.detection import Detection
from triage.domain.evidence import Evidence, Source, by_id
from triage.domain.finding import CheckedFinding
from triage.domain.injection import looks_like_instruction
from triage.domain.redaction import redact
from triage.domain.signal import Signal, is_proven
from triage.domain.trust import Trust
from triage.domain.verdict import RunbookAnswer
from triage.logtypes import classify
from triage.stages.decision.proven import Pseudonyms, is_listed, proven_sentence

_MAX_FINDINGS = 40
_MAX_SIGNALS = 40
_MAX_EVENTS = 100
_MAX_COLUMNS = 16
_MAX_VALUES = 6
_MAX_DESCRIPTION_CHARS = 600
_MAX_DEPTH = 4
_WHOLE_NUMBER = regex.compile(r"(?<![\w.:/@-])\d{1,9}(?![\w.:/@-])")


def facts_of(
    findings: Sequence[CheckedFinding],
    signals: Sequence[Signal],
    evidence: Sequence[Evidence],
    runbook: Sequence[RunbookAnswer],
    detection: Detection,
    *,
    injected: bool,
) -> dict[str, JsonValue]:
    """Everything that the second call sees, as JSON.

    None of its text was written by a model or chosen by whoever acted: see `proven` for findings. A signal is reduced
    to name, direction, weight and numbers, since its sentence may hold names.
    """
    names = Pseudonyms()
    entries = by_id(evidence)
    held = [checked for checked in findings if checked.verified]
    return {
        "detection": _detection(detection),
        "findings": [_finding(checked, entries, names) for checked in held[:_MAX_FINDINGS]],
        "findings_that_did_not_hold": len(findings) - len(held),
        "signals": [_signal(signal, entries) for signal in signals[:_MAX_SIGNALS]],
        "event_facts": _event_facts(evidence),
        "runbook": [{"step": answer.step, "state": answer.state.value} for answer in runbook],
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


def _signal(signal: Signal, evidence: Mapping[str, Evidence]) -> JsonValue:
    numbers: list[JsonValue] = [int(number) for number in _WHOLE_NUMBER.findall(signal.sentence)[:6]]
    return {
        "name": signal.name,
        "direction": signal.direction.value,
        "weight": round(signal.weight, 2),
        "proven": is_proven(signal, evidence),
        "numbers": numbers,
    }


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
