"""The parts of a dossier as the model reads them: the questions, the detection, the alert, entities, signals and steps."""

import json
from collections.abc import Sequence

from pydantic import JsonValue

from triage.domain.alert import Alert, alert_row
from triage.domain.argument import argue_alert
from triage.domain.base import Row
from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence, Source
from triage.domain.redaction import redact, redact_json
from triage.domain.step import StepOutcome, besides
from triage.domain.untrusted import Caps, shorten, visible, visible_json
from triage.domain.verdict import STEP_STATES

_MAX_ENTITIES = 60
_MAX_STEP_CHARS = 600
MAX_QUESTION_CHARS = 300
_FEW_ROWS = 2
_STANDS_FOR = 15
"""Of a longer answer too little is shown for it to stand for another one."""


def question_list(evidence: Sequence[Evidence]) -> list[dict[str, str]]:
    """The questions behind the dossier's entries: from a playbook or from this program, never from a log."""
    return [
        {
            "id": entry.id,
            "question": shortened_line(entry.question, MAX_QUESTION_CHARS),
            "table": "same"
            if entry.table and before is not None and before.table == entry.table
            else visible(entry.table),
            "measured": "*" if entry.measured else "",
        }
        for before, entry in zip((None, *evidence), evidence, strict=False)
    ]


def rows_within(entry: Evidence, earlier: Sequence[Evidence]) -> str:
    """An earlier answer about the same table that has each of an answer's rows, and maybe more columns; empty if none.

    Such as what was done in the first hours among what was done in the first day: shown once, it can be cited as either.
    """
    if entry.source is not Source.QUERY or len(entry.rows) < _FEW_ROWS:
        return ""
    names = tuple(entry.rows[0])
    rows = [_cells(row, names) for row in entry.rows]
    for other in earlier:
        same = other.source is Source.QUERY and other.table == entry.table and other.subject == entry.subject
        if same and len(rows) <= len(other.rows) <= _STANDS_FOR and set(names) <= set(other.rows[0]):
            known = {_cells(row, names) for row in other.rows}
            if known.issuperset(rows):
                return other.id
    return ""


def _cells(row: Row, names: Sequence[str]) -> str:
    return json.dumps([row.get(name) for name in names], sort_keys=True, default=str)


def detection_record(dossier: Dossier, limit: int) -> JsonValue:
    """The row of the evidence on the detection, so that it can be cited; otherwise what is known of it."""
    for entry in dossier.evidence:
        if entry.source is Source.DETECTION and entry.answered and entry.rows:
            row: dict[str, JsonValue] = {
                key: value for key, value in entry.rows[0].items() if value not in (None, "", [])
            }
            return shorten(redact_json(row), limit)
    detection = dossier.detection
    found: dict[str, JsonValue] = {
        "id": detection.id,
        "name": detection.name,
        "type": detection.type,
        "severity": detection.severity.value if detection.severity is not None else None,
        "description": detection.description,
        "runbook": detection.runbook,
        "reference": detection.reference,
        "log_types": list(detection.log_types),
        "tags": list(detection.tags),
        "techniques": list(detection.techniques),
        "threshold": detection.threshold,
        "dedup_minutes": detection.dedup_minutes,
        "deleted": detection.deleted or None,
        "body": detection.body,
    }
    return shorten(redact_json({key: value for key, value in found.items() if value not in (None, "", [])}), limit)


def without_runbook(detection: JsonValue, steps: Sequence[StepOutcome]) -> JsonValue:
    """A detection whose runbook is shown step by step, and not a second time."""
    if not steps or not isinstance(detection, dict):
        return detection
    return {key: value for key, value in detection.items() if key != "runbook"}


def alert_record(alert: Alert, caps: Caps) -> JsonValue:
    found = {**alert_row(alert), "description": alert.description, "context": alert.context}
    return shorten(redact_json({key: value for key, value in found.items() if value not in (None, "", {})}), caps.field)


def entity_lines(dossier: Dossier, caps: Caps) -> str:
    lines = []
    for entity in dossier.entities[:_MAX_ENTITIES]:
        shown: dict[str, JsonValue] = {"kind": entity.kind.value, "value": entity.value, "role": entity.role.value}
        # A part of a name, such as the account of an ARN, can be read in the name.
        facts: dict[str, JsonValue] = {name: fact for name, fact in entity.facts.items() if fact not in entity.value}
        if facts:
            shown["facts"] = facts
        lines.append(visible_json(shorten(redact_json(shown), caps.field)))
    if len(dossier.entities) > _MAX_ENTITIES:
        lines.append(f"{len(dossier.entities) - _MAX_ENTITIES} more")
    return "\n".join(lines) or "none"


def flag_lines(dossier: Dossier, caps: Caps) -> str:
    """What speaks against the alert, open flags first, each with what answers it so far."""
    lines = []
    for flag in argue_alert(dossier).flags:
        shown: dict[str, JsonValue] = {
            "flag": flag.name,
            "asks": flag.asks,
            "hard": flag.hard,
            "raised_by": list(flag.raised),
            "evidence": list(flag.raised_evidence),
            "answered_by": list(flag.answers),
        }
        if flag.subject:
            shown["actor"] = flag.subject
        lines.append(visible_json(shorten(redact_json(shown), caps.field)))
    return "\n".join(lines) or "none"


def signal_lines(dossier: Dossier, caps: Caps) -> str:
    lines = []
    for signal in dossier.signals:
        shown: dict[str, JsonValue] = {
            "name": signal.name,
            "direction": signal.direction.value,
            "weight": signal.weight,
            "evidence": list(signal.evidence),
            "sentence": shorten(redact(signal.sentence), caps.field),
        }
        lines.append(visible_json(shown))
    return "\n".join(lines) or "none"


def step_line(outcome: StepOutcome) -> str:
    """A step and, where code has made anything of it, how it ended."""
    shown: dict[str, JsonValue] = {"step": outcome.step, "text": outcome.text}
    shown["state"] = STEP_STATES[outcome.state]
    shown |= {"answer": outcome.answer} if outcome.answer else {}
    person = besides(outcome.text, outcome.person)
    shown |= {"for a person": person} if person else {}
    shown |= {"evidence": list(outcome.evidence)} if outcome.evidence else {}
    return visible_json(shorten(redact_json(shown), _MAX_STEP_CHARS))


def note_lines(dossier: Dossier, caps: Caps) -> str:
    notes = (*dossier.notes, *dossier.alert.notes)
    return "\n".join(visible_json(shorten(redact(note), caps.field)) for note in notes) or "none"


def shortened_line(text: str, limit: int) -> str:
    """One line of at most about `limit` characters."""
    found = shorten(" ".join(text.split()), limit)
    assert isinstance(found, str)
    return found
