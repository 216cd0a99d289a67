r"""Investigations as lines, for other programs.

JSON lines hold what `triage show --json` holds, one alert a line, texts as they are (JSON escapes what a terminal acts
upon). CSV has one row an alert:

| column | content |
|---|---|
| `alert_id`, `created_at`, `severity`, `status`, `type`, `title` | Panther's; times in ISO 8601, UTC |
| `detection_id`, `detection_name` | empty for a system error |
| `state`, `reason`, `group`, `error` | where it stands and why; the alert whose verdict a linked one takes |
| `verdict`, `confidence`, `calibration`, `proposed` | empty without an investigation; `proposed` is the analyst's own |
| `summary`, `verdict_reason` | sentences |
| `findings`, `dropped` | numbers: verified, and left out |
| `failed_questions`, `unproven` | numbers: without an answer, and answers without rows that prove nothing |
| `techniques`, `actions`, `entities` | joined by ` \| ` |
| `mark` | what a person said with `triage eval mark` |
| `analyst`, `model`, `run_id`, `started_at`, `finished_at` | of the run |
| `seconds`, `queries`, `rows`, `prompt_tokens`, `completion_tokens`, `money` | what it took |

No cell of a CSV file starts a formula: a text that begins with `=`, `+`, `-` or `@`, also behind a separator inside the
text (another program may split there), gets an apostrophe before it. Tabs, line breaks and other control characters
are visible escapes, links and mentions are defanged, and every cell is quoted. Numbers are numbers.
"""

import csv
import io
from collections.abc import Sequence

import regex

from triage.domain.alert import DetectionOrigin
from triage.domain.clean import safe_value
from triage.domain.selection import Linked
from triage.domain.verdict import Investigation
from triage.ports import AlertRecord, Mark
from triage.stages.reporting.view import unproven

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
)

_CELL = 4_000
_FORMULA = regex.compile(r"^(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])|(?<=[;,|\t])(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])")

Cell = str | int | float | None


def csv_line(cells: Sequence[Cell]) -> str:
    """One line of a CSV file, with its line break; texts are cleaned here."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow(tuple(map(csv_cell, cells)))
    return out.getvalue()


def csv_cell(value: Cell) -> str:
    """A cell that no spreadsheet acts upon."""
    if value is None:
        return ""
    if not isinstance(value, str):
        # A negative number would start a formula just as well.
        return str(value) if value >= 0 else f"'{value}"
    return _FORMULA.sub("'", safe_value(value, _CELL))


def csv_row(record: AlertRecord, investigation: Investigation | None, mark: Mark | None) -> tuple[Cell, ...]:
    """One alert in the order of `COLUMNS`."""
    alert, decision = record.alert, record.decision
    head: tuple[Cell, ...] = (
        alert.id,
        alert.created_at.isoformat(),
        alert.severity.value,
        alert.status.value,
        alert.kind.value,
        alert.title,
        alert.detection_id,
        alert.origin.name if isinstance(alert.origin, DetectionOrigin) else "",
        record.state.value,
        decision.reason,
        decision.leader if isinstance(decision, Linked) else "",
        record.error,
    )
    label = mark.label if mark else ""
    if investigation is None:
        verdict = record.verdict.value if record.verdict else ""
        # A linked alert has its leader's verdict, and nothing else of it.
        return (*head, verdict, record.confidence, *[None] * 11, label, *[None] * 11)
    verdict_ = investigation.verdict
    usage = investigation.usage
    return (
        *head,
        verdict_.disposition.value,
        verdict_.confidence,
        verdict_.calibration,
        verdict_.proposed.value if verdict_.proposed else "",
        verdict_.summary,
        verdict_.reason,
        len(verdict_.verified),
        verdict_.dropped,
        sum(not entry.answered for entry in investigation.evidence),
        sum(map(unproven, investigation.evidence)),
        " | ".join(verdict_.techniques),
        " | ".join(f"{action.kind.value} {action.entity}".strip() for action in verdict_.actions),
        " | ".join(f"{entity.kind.value} {entity.value}" for entity in investigation.entities),
        label,
        investigation.analyst.value,
        investigation.model,
        investigation.run_id,
        investigation.started_at.isoformat(),
        investigation.finished_at.isoformat(),
        round(usage.seconds, 3),
        usage.queries,
        usage.rows,
        usage.prompt_tokens,
        usage.completion_tokens,
        round(usage.money, 6),
    )
