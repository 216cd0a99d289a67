"""The parts of a dossier as the model reads them: the questions, the detection, the alert, entities, signals and steps."""

import json
from collections.abc import Sequence

from pydantic import JsonValue

from triage.domain.alert import alert_row
from triage.domain.argument import argue_alert
from triage.domain.base import Row
from triage.domain.dossier import Dossier
from triage.domain.encodings import decoded_texts
from triage.domain.entity import EntityKind, Role
from triage.domain.evidence import Evidence, Source, by_id
from triage.domain.flag import FLAGS
from triage.domain.redaction import redact, redact_json
from triage.domain.signal import is_proven
from triage.domain.step import StepOutcome, besides
from triage.domain.untrusted import Caps, shorten, visible, visible_json
from triage.domain.verdict import STEP_STATES
from triage.logtypes import product_of
from triage.logtypes.paths import leaves

_MAX_ENTITIES = 60
_MAX_STEP_CHARS = 600
MAX_QUESTION_CHARS = 300
_FEW_ROWS = 2
_STANDS_FOR = 12
"""Of a longer answer too little is shown for it to stand for another one."""
_MAX_TRACES = 3
"""Ids of requests and sessions shown among the entities: each event has some, and its row shows them."""
_MAX_DECODED = 5
_MAX_RESOURCES = 6
"""Objects that are listed: all are in the alert's events."""


def question_list(evidence: Sequence[Evidence]) -> list[dict[str, str]]:
    """The questions behind the dossier's entries: from a playbook or from this program, never from a log.

    One that is asked of each identity provider is written once, with all its entries and tables.
    """
    found: list[dict[str, str]] = []
    by_question: dict[tuple[str, str, bool], dict[str, str]] = {}
    table = ""
    for entry in evidence:
        product = product_of(entry.log_type) if entry.log_type else ""
        question = shortened_line(entry.question, MAX_QUESTION_CHARS)
        several = question.replace(product, "…") if product and len(product) > 1 else question
        key = (entry.key.rpartition(".")[2], several, entry.measured)
        like = by_question.get(key) if several != question and entry.table else None
        if like is not None:
            like["id"] += f", {entry.id}"
            like["question"] = several
            like["table"] += f", {visible(entry.table.rpartition('.')[2])}"
            table = ""
            continue
        by_question[key] = {
            "id": entry.id,
            "question": question,
            "table": "same" if entry.table and entry.table == table else visible(entry.table),
            "measured": "*" if entry.measured else "",
        }
        found.append(by_question[key])
        table = entry.table
    return found


def rows_within(entry: Evidence, earlier: Sequence[Evidence]) -> str:
    """An earlier answer about the same table that has each of an answer's rows, and maybe more columns; empty if none.

    Such as what was done in the first hours among what was done in the first day: shown once, it can be cited as either.
    A single row is left out only where the other answer has the same columns: it is short, and often the telling one.
    """
    if entry.source is not Source.QUERY or not entry.rows:
        return ""
    names = tuple(entry.rows[0])
    rows = [_cells(row, names) for row in entry.rows]
    for other in earlier:
        same = other.source is Source.QUERY and other.table == entry.table and other.subject == entry.subject
        if not same or not len(rows) <= len(other.rows) <= _STANDS_FOR or not set(names) <= set(other.rows[0]):
            continue
        if len(rows) < _FEW_ROWS and set(names) != set(other.rows[0]):
            continue
        if {_cells(row, names) for row in other.rows}.issuperset(rows):
            return other.id
    return ""


def _cells(row: Row, names: Sequence[str]) -> str:
    return json.dumps([row.get(name) for name in names], sort_keys=True, default=str)


def detection_record(dossier: Dossier, limit: int) -> JsonValue:
    """The row of the evidence on the detection, so that it can be cited; otherwise what is known of it."""
    for entry in dossier.evidence:
        if entry.source is Source.DETECTION and entry.answered and entry.rows:
            row: dict[str, JsonValue] = {
                key: value
                for key, value in entry.rows[0].items()
                if value not in (None, "", []) and not (key == "deleted" and not value)
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


def alert_record(dossier: Dossier, caps: Caps) -> JsonValue:
    """The alert's own record: of its description and context what neither the detection nor the first event says."""
    alert = dossier.alert
    found: dict[str, JsonValue] = dict(alert_row(alert))
    if alert.description.strip() != dossier.detection.description.strip():
        found["description"] = alert.description
    said = _values(dossier.events[0]) if dossier.events else frozenset()
    context = {name: value for name, value in alert.context.items() if json.dumps(value, sort_keys=True) not in said}
    if len(context) < len(alert.context):
        context["…"] = f"{len(alert.context) - len(context)} more, as in the event"
    found["context"] = context
    return shorten(redact_json({key: value for key, value in found.items() if value not in (None, "", {})}), caps.field)


def _values(value: JsonValue | Row) -> frozenset[str]:
    """Every value in an event, at any depth, as JSON."""
    found, stack = set(), [value]
    while stack:
        each = stack.pop()
        found.add(json.dumps(each, sort_keys=True, default=str))
        stack += each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
    return frozenset(found)


def entity_lines(dossier: Dossier, caps: Caps) -> str:
    """A line for each: kind, value, role, and what its name alone tells, if anything."""
    lines: list[str] = []
    left = traces = resources = 0
    emails = {entity.value for entity in dossier.entities if entity.kind is EntityKind.EMAIL}
    sessions = {entity.value for entity in dossier.entities if entity.kind is EntityKind.ACTOR_ID}
    for entity in dossier.entities:
        if entity.kind is EntityKind.USER and entity.facts.get("local_part_of") in emails:
            # The address says it.
            continue
        if entity.kind is EntityKind.ACTOR_ID and any(other.startswith(f"{entity.value}:") for other in sessions):
            # The id of a session begins with that of its role.
            continue
        is_trace = entity.kind is EntityKind.TRACE and entity.role is Role.OTHER
        traces += is_trace
        is_resource = entity.kind is EntityKind.RESOURCE
        resources += is_resource
        too_many = (is_trace and traces > _MAX_TRACES) or (is_resource and resources > _MAX_RESOURCES)
        if len(lines) == _MAX_ENTITIES or too_many:
            left += 1
            continue
        shown: list[JsonValue] = [entity.kind.value, entity.value, entity.role.value]
        # A part of a name, such as the account of an ARN, can be read in the name.
        facts: dict[str, JsonValue] = {name: fact for name, fact in entity.facts.items() if fact not in entity.value}
        shown += [facts] if facts else []
        lines.append(visible_json(shorten(redact_json(shown), caps.field)))
    if left:
        lines.append(f"{left} more")
    return "\n".join(lines) or "none"


def flag_lines(dossier: Dossier, caps: Caps) -> str:
    """What speaks against the alert, open flags first, each with the signals that raised it and that answer it so far."""
    names = {signal.sentence: signal.name for signal in dossier.signals}
    argument = argue_alert(dossier)
    lines = []
    for flag in argument.flags:
        shown: dict[str, JsonValue] = {"flag": flag.name, "asks": flag.asks}
        shown |= {"hard": True} if flag.hard else {}
        shown |= {"old": True} if flag.open and flag.hard and FLAGS[flag.name].old else {}
        shown |= {"prepared": f"somebody else {flag.prepared.value}"} if flag.open and flag.prepared is not None else {}
        shown["raised_by"] = [names.get(sentence, sentence) for sentence in flag.raised]
        shown["answered_by"] = [names.get(sentence, sentence) for sentence in flag.answers]
        shown |= {"actor": flag.subject} if flag.subject else {}
        lines.append(visible_json(shorten(redact_json(shown), caps.field)))
    if argument.gaps:
        lines.append(visible_json({"what_followed_is_unknown": list(argument.gaps)}))
    return "\n".join(lines) or "none"


def signal_lines(dossier: Dossier, caps: Caps) -> str:
    """A line for each that is proven: name, direction, weight, evidence, sentence, and whom of several actors it is about.

    One that is not, such as a calm that the log has not shown, is no fact.
    """
    entries = by_id(dossier.evidence)
    lines = []
    for signal in dossier.signals:
        if not is_proven(signal, entries):
            continue
        sentence = shorten(redact(signal.sentence), caps.field)
        shown: list[JsonValue] = [signal.name, signal.direction.value, signal.weight, list(signal.evidence), sentence]
        shown += [shorten(redact(signal.subject), caps.field)] if signal.subject else []
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
    return "\n".join(visible_json(shorten(redact(note), caps.field)) for note in notes)


def decoded_lines(dossier: Dossier, caps: Caps) -> str:
    """What the alert's events hold as base64, by where it stands: `{"E1 row 0 CommandLine": "whoami /all"}`."""
    found: dict[str, str] = {}
    for entry in dossier.evidence:
        if entry.source is not Source.EVENTS:
            continue
        for number, row in enumerate(entry.rows):
            for path, value in leaves(dict(row)):
                for plain in decoded_texts(value) if isinstance(value, str) else ():
                    found.setdefault(plain, f"{entry.id} row {number} {path}")
    return "\n".join(
        visible_json(shorten({place: redact(plain)}, caps.field)) for plain, place in list(found.items())[:_MAX_DECODED]
    )


def shortened_line(text: str, limit: int) -> str:
    """One line of at most about `limit` characters."""
    found = shorten(" ".join(text.split()), limit)
    assert isinstance(found, str)
    return found
