r"""Records and investigations for other programs: JSON and CSV.

JSON (`--json`, and JSON lines) has texts as they are: it escapes what a terminal acts on. CSV has one row an alert:

| column | content |
|---|---|
| `alert_id`, `created_at`, `severity`, `status`, `type`, `title` | Panther's; times in ISO 8601, UTC |
| `detection_id`, `detection_name` | empty for a system error |
| `state`, `reason`, `group`, `error` | its state and why; the alert whose verdict a linked one takes |
| `verdict`, `confidence`, `calibration`, `proposed` | empty without an investigation; `proposed` is the analyst's proposal |
| `summary`, `verdict_reason` | sentences |
| `findings`, `dropped` | counts: verified, and dropped |
| `failed_questions`, `unproven` | counts: without an answer, and answers without rows that prove nothing |
| `techniques`, `actions`, `entities` | joined by ` \| ` |
| `mark` | what a person recorded with `triage mark` |
| `analyst`, `model`, `run_id`, `started_at`, `finished_at` | of the run |
| `seconds`, `queries`, `rows`, `prompt_tokens`, `completion_tokens`, `money` | what it took |
| `provisional_until`, `look` | until when something could not have been seen yet; which look at the alert it was |
| `case` | id of the case that the alert belongs to: that of the case's first alert |

No cell of a CSV file starts a formula: a text that begins with `=`, `+`, `-` or `@`, also behind a separator inside the
text (another program may split there), gets an apostrophe before it. Tabs, line breaks and other control characters
are visible escapes, links and mentions are defanged, and every cell is quoted. Numbers are numbers.
"""

import csv
import io
from collections.abc import Container, Sequence
from typing import cast

import regex
from pydantic import JsonValue

from triage.domain.base import Value
from triage.domain.case import Case
from triage.domain.clean import printable, safe_value
from triage.domain.evidence import Evidence
from triage.domain.finding import CheckedFinding
from triage.domain.selection import Selected
from triage.domain.verdict import Investigation
from triage.ports import AlertRecord, Mark, Spend
from triage.stages.reporting.wording import moment

NOTHING = Spend()


def list_row(record: AlertRecord, spend: Spend = NOTHING, case: Case | None = None) -> dict[str, JsonValue]:
    """One alert of `triage list --json`.

    `selected`: it has its own investigation. `group`: the alert that is investigated in its place, else null. `look_at`: when it
    is looked at again, else null. `tokens`
    and `money`: what its model calls have cost, over all its investigations. `case`: the related alerts, see `case_row`,
    else null.
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
        "group": record.leader,
        "look_at": record.look_at.isoformat() if record.look_at else None,
        "tokens": spend.tokens,
        "money": spend.money,
        "case": case_row(case) if case is not None else None,
    }


def why_text(record: AlertRecord) -> str:
    """Why an alert was investigated or not, or why it failed, for a list; text as it came."""
    decision = record.decision
    if record.error:
        why = record.error
    elif isinstance(decision, Selected):
        why = decision.warning or decision.reason
    else:
        why = decision.reason
    return why if record.look_at is None else f"{moment(record.look_at)}: looked at again; {why}"


def case_row(case: Case) -> dict[str, JsonValue]:
    """One case of `triage cases --json`.

    `id`: of its first alert. `lead`: the alert that carries the analysis. `links`: why two members belong together.
    """
    return {
        "id": case.id,
        "lead": case.lead.alert_id,
        "verdict": case.verdict.value if case.verdict else None,
        "first": case.members[0].at.isoformat(),
        "last": case.members[-1].at.isoformat(),
        "members": _all(case.members),
        "links": _all(case.links),
    }


def to_json(record: AlertRecord, investigation: Investigation | None, case: Case | None = None) -> dict[str, JsonValue]:
    """One alert of `triage show --json`: the keys of `list_row` and the whole investigation.

    Without an investigation, its lists are empty and its other values null.
    """
    row = list_row(record, case=case) | {"detection_name": record.alert.detection_name, "error": record.error}
    if investigation is None:
        return row | dict.fromkeys(_VALUES) | {name: [] for name in _LISTS}
    verdict, usage = investigation.verdict, investigation.usage
    return (
        row
        | _summary(investigation)
        | {
            "seconds": usage.seconds or row["seconds"],
            "tokens": usage.tokens,
            "money": usage.money,
            "stated": verdict.stated,
            "findings": [_finding(checked) for checked in verdict.findings],
            "evidence": [_evidence(entry) for entry in investigation.evidence],
            "signals": _all(investigation.signals),
            "flags": _all(verdict.flags),
            "issues": _all(verdict.issues),
            "entities": _all(investigation.entities),
            "runbook": _all(verdict.runbook),
            "techniques": list(verdict.techniques),
            "actions": _all(verdict.actions),
            "usage": _json(usage),
            "prompt_digest": investigation.prompt_digest,
            "notes": list(investigation.notes),
            "look": _json(investigation.look),
        }
    )


_LISTS = ("findings", "evidence", "signals", "flags", "issues", "entities", "runbook", "techniques", "actions", "notes")
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
    "provisional_until",
    "look",
)


def _summary(investigation: Investigation) -> dict[str, JsonValue]:
    """What JSON and CSV both say of an investigation."""
    verdict = investigation.verdict
    return {
        "verdict": verdict.disposition.value,
        "confidence": verdict.confidence,
        "calibration": verdict.calibration,
        "proposed": verdict.proposed.value if verdict.proposed else None,
        "summary": verdict.summary,
        "verdict_reason": verdict.reason,
        "analyst": investigation.analyst.value,
        "model": investigation.model,
        "run_id": investigation.run_id,
        "started_at": investigation.started_at.isoformat(),
        "finished_at": investigation.finished_at.isoformat(),
        "provisional_until": verdict.provisional_until.isoformat() if verdict.provisional_until else None,
    }


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
    return {**_json(entry), "proves_absence": entry.proves_absence, "digest": entry.digest}


def _json(value: Value) -> dict[str, JsonValue]:
    return cast("dict[str, JsonValue]", value.model_dump(mode="json"))


def _all(values: tuple[Value, ...]) -> list[JsonValue]:
    return [_json(value) for value in values]


# ---- CSV -----------------------------------------------------------------------------------------------------------

COLUMNS = (
    "alert_id",
    "created_at",
    "severity",
    "status",
    "type",
    "title",
    "detection_id",
    "detection_name",
    "state",
    "reason",
    "group",
    "error",
    "verdict",
    "confidence",
    "calibration",
    "proposed",
    "summary",
    "verdict_reason",
    "findings",
    "dropped",
    "failed_questions",
    "unproven",
    "techniques",
    "actions",
    "entities",
    "mark",
    "analyst",
    "model",
    "run_id",
    "started_at",
    "finished_at",
    "seconds",
    "queries",
    "rows",
    "prompt_tokens",
    "completion_tokens",
    "money",
    "provisional_until",
    "look",
    "case",
)

_CELL = 4_000
_FORMULA = regex.compile(r"^(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])|(?<=[;,|\t])(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])")

Cell = str | int | float | None


def csv_line(cells: Sequence[Cell], *, exact: Container[int] = ()) -> str:
    """One line of a CSV file, with its line break; texts are cleaned here.

    Args:
        cells: What the line holds.
        exact: Indexes of cells that another program compares: links in them stay as they are.
    """
    out = io.StringIO()
    line = [csv_cell(cell, exact=index in exact) for index, cell in enumerate(cells)]
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow(line)
    return out.getvalue()


def csv_cell(value: Cell, *, exact: bool = False) -> str:
    """A cell that no spreadsheet acts on."""
    if value is None:
        return ""
    if not isinstance(value, str):
        # A minus sign would start a formula, also that of -0.0.
        text = str(value)
        return f"'{text}" if text.startswith("-") else text
    return _FORMULA.sub("'", printable(value, _CELL) if exact else safe_value(value, _CELL))


def csv_row(
    record: AlertRecord, investigation: Investigation | None, mark: Mark | None, case: Case | None = None
) -> tuple[Cell, ...]:
    """One alert in the order of `COLUMNS`."""
    alert = record.alert
    row = list_row(record) | {
        "status": alert.status.value,
        "type": alert.kind.value,
        "detection_name": alert.detection_name,
        "error": record.error,
        "mark": mark.label if mark else "",
        "case": case.id if case is not None else "",
        # A linked alert has its leader's verdict and nothing else.
        "seconds": None,
        "money": None,
    }
    if investigation is not None:
        verdict, usage = investigation.verdict, investigation.usage
        row |= _summary(investigation) | {
            "findings": len(verdict.verified),
            "dropped": verdict.dropped,
            "failed_questions": sum(not entry.answered for entry in investigation.evidence),
            "unproven": sum(entry.unproven for entry in investigation.evidence),
            "techniques": " | ".join(verdict.techniques),
            "actions": " | ".join(f"{action.kind.value} {action.entity}".strip() for action in verdict.actions),
            "entities": " | ".join(f"{entity.kind.value} {entity.value}" for entity in investigation.entities),
            "seconds": round(usage.seconds, 3),
            "queries": usage.queries,
            "rows": usage.rows,
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "money": round(usage.money, 6),
            "look": investigation.look.number,
        }
    return tuple(cast("Cell", row.get(name)) for name in COLUMNS)
