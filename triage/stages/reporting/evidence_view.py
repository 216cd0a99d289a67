"""Evidence as a reader sees it: question, what came of it, the statement to paste, and a table of rows."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from triage.domain.clean import printable, printable_sentence, safe_sentence, safe_value
from triage.domain.evidence import Evidence, Source
from triage.domain.finding import AbsenceCitation, Citation, CountCitation, LacksCitation, ValueCitation
from triage.stages.reporting.statement import Statement, statement
from triage.stages.reporting.wording import count, moment

_COLUMNS = 40


@dataclass(frozen=True, slots=True)
class Cleaner:
    """How foreign text is made safe for one kind of reader."""

    value: Callable[[str, int], str]
    """A log value, cut to so many characters."""
    sentence: Callable[[str, int], str]
    statement: Callable[[str], Statement]
    null: str
    """How an absent value reads; where that is empty, columns without any value are left out of a table."""


FOR_COMMENT = Cleaner(safe_value, safe_sentence, statement, null="")
"""For whatever renders markup: comments and pages."""
# On one line and otherwise as it was checked: a break inside a text would change what it asks.
FOR_TERMINAL = Cleaner(printable, printable_sentence, lambda sql: Statement(printable(sql)), null="null")


@dataclass(frozen=True, slots=True)
class RowView:
    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CitationView:
    text: str
    evidence: str
    anchor: str
    """Id of the page's element that shows what is cited."""


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """Every text cleaned."""

    id: str
    key: str
    source: str
    log_type: str
    table: str
    question: str
    answered: bool
    outcome: str
    """Rows or failure, in words."""
    window: str
    """Empty where no window was asked."""
    sql: str
    """As the cleaner gives it; may have several lines."""
    note: str
    """Why the SQL is missing or cannot be pasted."""
    coverage: str
    """Why an answer without rows proves nothing; else empty."""
    checks: str
    """What is known about the source and the table; empty without a table or an answer."""
    columns: tuple[str, ...]
    rows: tuple[RowView, ...]
    left: str
    """What the table leaves out of what is stored; else empty."""
    seconds: float
    digest: str


def evidence_view(
    entry: Evidence, clean: Cleaner, *, question: int, rows: int, cell_size: int, sql: bool
) -> EvidenceView:
    """Take from one answer what is shown of it.

    Args:
        entry: The answer.
        clean: How texts are cleaned.
        question: Characters of the question.
        rows: Rows in the table; 0: no table.
        cell_size: Characters of a value in it.
        sql: Whether the statement is shown.
    """
    asked = clean.statement(entry.sql) if sql and entry.sql else Statement("")
    kept = entry.rows[:rows]
    names = [
        name
        for name in dict.fromkeys((*entry.columns, *(name for row in entry.rows for name in row)) if rows else ())
        if clean.null or any(row.get(name) not in (None, "", [], {}) for row in kept)
    ]
    left = [f"{len(entry.rows) - rows} rows"] if rows and len(entry.rows) > rows else []
    left += [f"{len(names) - _COLUMNS} columns"] if len(names) > _COLUMNS else []
    return EvidenceView(
        id=entry.id,
        key=clean.value(entry.key, 120),
        source=entry.source.value,
        log_type=clean.value(entry.log_type, 60),
        table=clean.value(entry.table, 120),
        question=clean.sentence(entry.question, question),
        answered=entry.answered,
        outcome=outcome(entry, clean),
        window=_window(entry),
        sql=asked.text,
        note=asked.note,
        coverage="; ".join(entry.coverage.gaps) if entry.unproven else "",
        checks=_checks(entry) if entry.table and entry.answered else "",
        columns=tuple(_column(name, clean) for name in names[:_COLUMNS]),
        rows=tuple(
            RowView(number, tuple(_cell(row.get(name), clean, cell_size) for name in names[:_COLUMNS]))
            for number, row in enumerate(kept)
        ),
        left=f"{' and '.join(left)} are not shown here; `triage show --json` has them" if left else "",
        seconds=entry.seconds,
        digest=entry.digest[:12] if rows else "",
    )


def citation_view(
    citation: Citation,
    stored: Mapping[str, Evidence],
    clean: Cleaner,
    *,
    rows: int,
    cell_size: int,
) -> CitationView:
    """What a citation names in the evidence `stored`, of which `rows` rows are shown."""
    anchor = citation.evidence if citation.evidence in stored else ""
    match citation:
        case ValueCitation(evidence=evidence, row=row, column=column, value=value):
            if anchor and row < min(len(stored[evidence].rows), rows):
                anchor = f"{evidence}-{row}"
            text = f"row {row}, {_column(column, clean)}: {_cell(value, clean, cell_size)}"
        case CountCitation(comparison=comparison, number=number):
            # A word comes before the sign, so that the cell cannot start a formula.
            text = f"rows {comparison.value} {number}"
        case AbsenceCitation():
            text = "no rows"
        case LacksCitation(column=column, value=value):
            text = f"no row has {_column(column, clean)}: {_cell(value, clean, cell_size)}"
    return CitationView(text, citation.evidence, anchor)


def outcome(entry: Evidence, clean: Cleaner) -> str:
    """What came of a question, in words."""
    if not entry.answered:
        return f"failed: {clean.sentence(entry.error, 200)}"
    kept, number = len(entry.rows), max(entry.row_count, len(entry.rows))
    if entry.truncated or kept < number:
        # Of an alert's events those that were read are counted; how many there are, Panther doesn't say.
        unknown = kept == number or entry.source is Source.EVENTS
        at_least = "at least " if entry.truncated and unknown else ""
        return f"{at_least}{count(number, 'row')}, of which {kept:,} kept"
    return count(number, "row") if number else "no rows"


def _column(name: str, clean: Cleaner) -> str:
    """The name of a column, with Snowflake's own colon into JSON, which keeps `target.id` from looking like a domain."""
    return clean.value(name.replace(".", ":"), 80)


def _cell(value: JsonValue, clean: Cleaner, size: int) -> str:
    """A value of a row: texts as they are, everything else as JSON."""
    if value is None:
        return clean.null
    return clean.value(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), size)


def _window(entry: Evidence) -> str:
    ends = (("from", entry.start), ("to", entry.end))
    return " ".join(f"{word} {moment(at)}" for word, at in ends if at is not None)


def _checks(entry: Evidence) -> str:
    coverage = entry.coverage
    checks = (
        ("source healthy", coverage.source_healthy),
        ("delivered up to the end of the window", coverage.source_reached_window),
        ("rows of any actor in the window", coverage.table_has_rows),
        ("control found rows", coverage.control_has_rows),
    )
    parts = [f"{name} {'unknown' if value is None else 'yes' if value else 'no'}" for name, value in checks]
    parts += [f"last event {moment(coverage.last_event_at)} UTC"] if coverage.last_event_at is not None else []
    parts += [f"the absence is {'proven' if entry.proves_absence else 'unproven'}"] if not entry.row_count else []
    return ", ".join(parts)
