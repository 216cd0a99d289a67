"""The questions of an investigation for a terminal: each with its SQL as it runs in Data Explorer, rows and coverage."""

import json

from pydantic import JsonValue

from triage.domain.clean import printable
from triage.domain.evidence import Evidence
from triage.domain.verdict import Investigation

ROWS_SHOWN = 20
CELL = 120
_INDENT = "    "


def evidence_text(investigation: Investigation) -> str:
    """Every answer of one investigation, in the order of their numbers."""
    answered = sum(entry.answered for entry in investigation.evidence)
    count = len(investigation.evidence)
    blocks = [f"{count} questions, {answered} answered, for alert {printable(investigation.alert_id, 80)}"]
    blocks += ["\n".join(_block(entry)) for entry in investigation.evidence]
    return "\n\n".join(blocks)


def _block(entry: Evidence) -> list[str]:
    lines = [f"{entry.id}  {printable(entry.question, 300)}"]
    about = [
        printable(entry.key, 120),
        entry.source.value,
        printable(entry.log_type, 80),
        printable(entry.table, 120),
    ]
    lines.append(_INDENT + ", ".join(part for part in about if part))
    if entry.start is not None and entry.end is not None:
        lines.append(f"{_INDENT}window   {entry.start:%Y-%m-%d %H:%M:%S} to {entry.end:%Y-%m-%d %H:%M:%S} UTC")
    if not entry.answered:
        return [*lines, f"{_INDENT}answer   none: {printable(entry.error, 400)}", *_sql(entry)]
    cut = ", cut: there may be more" if entry.truncated else ""
    lines.append(
        f"{_INDENT}answer   {entry.row_count} row{'' if entry.row_count == 1 else 's'}{cut}, {entry.seconds:.1f} s, "
        f"digest {entry.digest[:12]}"
    )
    lines += _coverage(entry)
    lines += _sql(entry)
    for number, row in enumerate(entry.rows[:ROWS_SHOWN]):
        cells = (f"{printable(str(name), 60)}={_cell(value)}" for name, value in row.items())
        lines.append(f"{_INDENT}{number:>3}  {'  '.join(cells)}")
    if len(entry.rows) > ROWS_SHOWN:
        lines.append(f"{_INDENT}     … {len(entry.rows) - ROWS_SHOWN} more kept; `triage show --json` has them")
    return lines


def _coverage(entry: Evidence) -> list[str]:
    """What "no rows" is worth here."""
    coverage = entry.coverage
    if entry.table == "":
        return []
    told = (
        ("source healthy", coverage.source_healthy),
        ("delivered up to the window's end", coverage.source_reached_window),
        ("rows of anyone in the window", coverage.table_has_rows),
        ("control found rows", coverage.control_has_rows),
    )
    parts = [f"{name} {'unknown' if value is None else 'yes' if value else 'no'}" for name, value in told]
    if coverage.last_event_at is not None:
        parts.append(f"last event {coverage.last_event_at:%Y-%m-%d %H:%M:%S} UTC")
    lines = [f"{_INDENT}coverage {', '.join(parts)}"]
    if not entry.row_count:
        proof = "the absence is proven" if coverage.proves_absence else "the absence is unproven"
        lines.append(f"{_INDENT}         {proof}")
    return lines


def _sql(entry: Evidence) -> list[str]:
    # On one line and otherwise as it was checked: a break inside a text would change what it asks.
    return [f"{_INDENT}SQL      {printable(entry.sql)}"] if entry.sql else []


def _cell(value: JsonValue) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return printable(text, CELL)
