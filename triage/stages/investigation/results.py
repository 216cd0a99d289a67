"""What a tool call gives: rows within the limits as evidence, names as a list, failures in words."""

import json
from collections.abc import Sequence

from triage.domain.answer_secrets import rows_without_secrets
from triage.domain.base import Row
from triage.domain.evidence import Evidence, Source
from triage.domain.redaction import redact
from triage.domain.sql import ReadOnlyQuery
from triage.domain.sql.sources import sources_of
from triage.domain.window import TimeWindow
from triage.ports import QueryLimits, QueryResult
from triage.stages.investigation.values import UNNUMBERED, ToolAnswer

MAX_NAMES = 300
MAX_COLUMNS = 200


def refusal(message: str) -> ToolAnswer:
    """An answer without rows; the message says what to change."""
    return ToolAnswer(content=redact(message)[:4_000], failed=True)


def name_list(title: str, names: Sequence[str], most: int = MAX_NAMES) -> str:
    """Names in one sentence, visibly cut."""
    shown = ", ".join(name[:120] for name in names[:most])
    more = f", and {len(names) - most} more" if len(names) > most else ""
    return f"{title}: {shown}{more}." if names else f"{title}: none."


def records_answer(
    question: str,
    rows: Sequence[Row],
    limits: QueryLimits,
    *,
    log_type: str = "",
    truncated: bool = False,
) -> ToolAnswer:
    """An answer of records that no query gave, as many as the limits allow.

    Args:
        question: In words.
        rows: In their order; those that are cut are counted.
        limits: Rows and bytes.
        log_type: Of the rows.
        truncated: There are more than these.
    """
    kept: list[Row] = []
    size = 0
    for row in rows[: limits.rows]:
        cost = len(json.dumps(dict(row), separators=(",", ":"), default=str).encode("utf-8", "replace"))
        if kept and size + cost > limits.bytes:
            break
        size += cost
        kept.append(row)
    result = QueryResult(
        columns=tuple(dict.fromkeys(name for row in kept for name in row)),
        rows=tuple(kept),
        row_count=len(rows),
        truncated=truncated or len(kept) < len(rows),
        bytes=size,
    )
    return ToolAnswer(evidence=tool_evidence(question, result, log_type=log_type), bytes=size)


def tool_evidence(
    question: str,
    result: QueryResult,
    *,
    query: ReadOnlyQuery | None = None,
    log_type: str = "",
    window: TimeWindow | None = None,
) -> Evidence:
    """Rows with their question and statement, without secrets."""
    return Evidence(
        id=UNNUMBERED,
        source=Source.TOOL,
        key="tool",
        question=redact(question),
        log_type=log_type,
        table=_only_table(query),
        sql=redact(query.sql) if query is not None else "",
        start=window.start if window is not None else None,
        end=window.end if window is not None else None,
        columns=result.columns,
        rows=rows_without_secrets(result.rows, result.columns, sources_of(query.sql) if query is not None else None),
        row_count=result.row_count,
        truncated=result.truncated,
        seconds=result.seconds,
    )


def unanswered_query(question: str, error: str, query: ReadOnlyQuery | None = None, *, remedy: str = "") -> ToolAnswer:
    """An answer for a question that got none: evidence that says why."""
    entry = Evidence(
        id=UNNUMBERED,
        source=Source.TOOL,
        key="tool",
        question=redact(question),
        sql=redact(query.sql) if query is not None else "",
        table=_only_table(query),
        error=redact(error)[:500],
    )
    return ToolAnswer(content=remedy, evidence=entry, queries=1, failed=True)


def _only_table(query: ReadOnlyQuery | None) -> str:
    """The one table that a query reads; empty for several."""
    return query.tables[0] if query is not None and len(query.tables) == 1 else ""
