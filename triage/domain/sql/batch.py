"""Several checked queries combined into one statement, for a lake that runs only a few statements at a time."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from pydantic import JsonValue

from triage.domain.sql.guard import ReadOnlyQuery, hull
from triage.domain.sql.policy import SqlRefused

QUESTION, ANSWER = "question", "answer"
"""The columns of a batch: the position of a query as text, and one of its rows as JSON text."""

COLUMN_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
"""A column name that needs no quotes."""


def batch_queries(parts: Sequence[tuple[ReadOnlyQuery, Sequence[str]]]) -> ReadOnlyQuery:
    """Combine queries with UNION ALL, each row as JSON so that their columns need not agree.

    Every part has passed the guard and is inserted unchanged; the SQL added around it contains only column names and
    numbers. The statement is Snowflake SQL.

    Args:
        parts: Each query with the names of all its columns, lower case, in order.

    Raises:
        SqlRefused: there are no queries, or a column name would need quotes.
    """
    if not parts or any(not names or not all(map(COLUMN_NAME.fullmatch, names)) for _, names in parts):
        raise SqlRefused("a batch needs queries with plain column names", code="identifier")
    selects = [
        f"SELECT '{number}' AS {QUESTION}, {_row(names)} AS {ANSWER} FROM ({query.sql})"  # noqa: S608 - of checked statements and plain names
        for number, (query, names) in enumerate(parts)
    ]
    limit = sum(query.limit for query, _ in parts)
    return ReadOnlyQuery(
        sql=f"{' UNION ALL '.join(selects)} LIMIT {limit}",
        tables=tuple(dict.fromkeys(table for query, _ in parts for table in query.tables)),
        limit=limit,
        window=hull([query.window for query, _ in parts if query.window is not None]),
        notes=tuple(dict.fromkeys(note for query, _ in parts for note in query.notes)),
    )


def _row(names: Sequence[str]) -> str:
    pairs = ", ".join(f"'{name}', {name}" for name in names)
    return f"TO_JSON(OBJECT_CONSTRUCT({pairs}))"


def in_order(
    rows: Iterable[dict[str, JsonValue]], columns: Sequence[str], row_order: Sequence[tuple[int, bool]]
) -> list[dict[str, JsonValue]]:
    """Restore the order that a union loses; NULL counts as the largest value, as in Snowflake.

    Args:
        rows: Of one query.
        columns: Its columns, in order.
        row_order: Positions of columns, counted from 0, and whether descending; see `QueryTemplate.row_order`.
    """
    found = list(rows)
    for place, descending in reversed(row_order):
        found.sort(key=lambda row, name=columns[place]: _sort_key(row[name]), reverse=descending)  # type: ignore[misc]  # a bound default
    return found


def _sort_key(value: JsonValue) -> tuple[int, float, str]:
    if value is None:
        return 2, 0.0, ""
    if isinstance(value, int | float):
        return 0, float(value), ""
    return 1, 0.0, str(value)


def split_batch(
    rows: Sequence[Mapping[str, JsonValue]], names: Sequence[Sequence[str]]
) -> tuple[tuple[dict[str, JsonValue], ...], ...]:
    """Split the rows of a batch by query.

    A NULL column is missing from the JSON and becomes `None`.

    Args:
        rows: The lake's result for a batch.
        names: The columns of each query, in the order in which the queries were batched.

    Raises:
        ValueError: a row does not belong to such a batch.
    """
    found: list[list[dict[str, JsonValue]]] = [[] for _ in names]
    for row in rows:
        lowered = {name.lower(): value for name, value in row.items()}
        place, value = lowered.get(QUESTION), lowered.get(ANSWER)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except RecursionError as error:
                # A column may contain JSON from the log, and whoever caused the record chose how deeply it is nested.
                raise ValueError("a row is nested too deeply") from error
        if not isinstance(place, str | int) or not str(place).isdecimal() or not isinstance(value, dict):
            raise ValueError("a row has no question number or no JSON object")
        number = int(place)
        if number >= len(names):
            raise ValueError("a row has the number of a question that was not asked")
        found[number].append({name: value.get(name) for name in names[number]})
    return tuple(map(tuple, found))
