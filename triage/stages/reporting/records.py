"""Records and investigations as JSON, for `--json`. Texts stand as they are: JSON escapes what a terminal acts upon."""

from typing import cast

from pydantic import JsonValue

from triage.domain.alert import DetectionOrigin
from triage.domain.base import Value
from triage.domain.evidence import Evidence
from triage.domain.finding import CheckedFinding
from triage.domain.selection import Linked, Selected
from triage.domain.verdict import Investigation
from triage.ports import AlertRecord, Spend

NOTHING = Spend()


def list_row(record: AlertRecord, spend: Spend = NOTHING) -> dict[str, JsonValue]:
    """One alert of `triage list --json`.

    `selected` is whether it has an investigation of its own; `group` is the alert that is investigated in its place,
    else null. `tokens` and `money` are what its model calls have cost, over all its investigations.
    """
    decision = record.decision
    return {
        "alert_id": record.alert.id,
        "detection_id": record.alert.detection_id,
        "title": record.alert.title,
        "severity": record.alert.severity.value,
        "selected": isinstance(decision, Selected),
        "reason": decision.reason,
        "state": record.state.value,
        "verdict": record.verdict.value if record.verdict else None,
        "confidence": record.confidence,
        "seconds": record.seconds,
        "created_at": record.alert.created_at.isoformat(),
        "group": decision.leader if isinstance(decision, Linked) else None,
        "tokens": spend.tokens,
        "money": spend.money,
    }


def to_json(record: AlertRecord, investigation: Investigation | None) -> dict[str, JsonValue]:
    """One alert of `triage show --json`: the keys of `list_row` and the whole investigation.

    Where there is none, its lists are empty and its other values null.
    """
    row = list_row(record)
    row["detection_name"] = record.alert.origin.name if isinstance(record.alert.origin, DetectionOrigin) else ""
    row["error"] = record.error
    if investigation is None:
        return row | dict.fromkeys(_VALUES) | {name: [] for name in _LISTS}
    verdict = investigation.verdict
    return row | {
        "verdict": verdict.disposition.value,
        "confidence": verdict.confidence,
        "seconds": investigation.usage.seconds or row["seconds"],
        "tokens": investigation.usage.prompt_tokens + investigation.usage.completion_tokens,
        "money": investigation.usage.money,
        "run_id": investigation.run_id,
        "summary": verdict.summary,
        "verdict_reason": verdict.reason,
        "calibration": verdict.calibration,
        "stated": verdict.stated,
        "proposed": verdict.proposed.value if verdict.proposed else None,
        "findings": [_finding(checked) for checked in verdict.findings],
        "evidence": [_evidence(entry) for entry in investigation.evidence],
        "signals": _all(investigation.signals),
        "issues": _all(verdict.issues),
        "entities": _all(investigation.entities),
        "runbook": _all(verdict.runbook),
        "techniques": list(verdict.techniques),
        "actions": _all(verdict.actions),
        "usage": _plain(investigation.usage),
        "analyst": investigation.analyst.value,
        "model": investigation.model,
        "prompt_digest": investigation.prompt_digest,
        "started_at": investigation.started_at.isoformat(),
        "finished_at": investigation.finished_at.isoformat(),
        "notes": list(investigation.notes),
    }


_LISTS = ("findings", "evidence", "signals", "issues", "entities", "runbook", "techniques", "actions", "notes")
_VALUES = (
    "run_id",
    "summary",
    "verdict_reason",
    "calibration",
    "stated",
    "proposed",
    "usage",
    "analyst",
    "model",
    "prompt_digest",
    "started_at",
    "finished_at",
)


def _finding(checked: CheckedFinding) -> dict[str, JsonValue]:
    trust: list[JsonValue] = [*sorted(trust.value for trust in checked.trust)]
    return {
        "number": checked.number,
        "text": checked.finding.text,
        "direction": checked.finding.direction.value,
        "verified": checked.verified,
        "trust": trust,
        "citations": _all(checked.finding.citations),
        "issues": _all(checked.issues),
    }


def _evidence(entry: Evidence) -> dict[str, JsonValue]:
    return {**_plain(entry), "proves_absence": entry.coverage.proves_absence, "digest": entry.digest}


def _plain(value: Value) -> dict[str, JsonValue]:
    return cast("dict[str, JsonValue]", value.model_dump(mode="json"))


def _all(values: tuple[Value, ...]) -> list[JsonValue]:
    return [_plain(value) for value in values]
