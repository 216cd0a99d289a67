"""Secrets in the answers to the model's own queries: a column's source says what it holds, not the alias."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from triage.domain.redaction import redact_json
from triage.domain.secret_patterns import names_secret
from triage.domain.sql.lineage import Kind, Lineage, lineage_of


def rows_without_secrets(
    rows: Sequence[Mapping[str, JsonValue]], columns: Sequence[str], sql: str
) -> tuple[dict[str, JsonValue], ...]:
    """Replace the secrets in the rows of a query.

    What comes from a field named like a secret goes whole under any alias; what comes from any other field is read by
    its content alone. A computed column goes by its own name, as do keys within objects.

    Args:
        rows: The answer's.
        columns: Its columns, in the lake's order.
        sql: The statement; empty where there is none.
    """
    lineage = lineage_of(sql) if sql else None
    names = {
        column: _name(column, columns, lineage)
        for column in dict.fromkeys([*columns, *(c for row in rows for c in row)])
    }
    return tuple(_without_secrets(row, names) for row in rows)


def _name(column: str, columns: Sequence[str], lineage: Lineage | None) -> str:
    """The name that says what a column holds."""
    origins = lineage.output(column, columns).origins if lineage is not None else frozenset()
    if not origins or any(origin.kind not in (Kind.COLUMN, Kind.EXTREME) for origin in origins):
        return column
    fields = [part for origin in origins for each in origin.columns for part in _last(each.path)]
    return next(filter(names_secret, fields), "")


def _last(path: str) -> list[str]:
    """The last key of a path that is no list index."""
    return [part for part in path.split(".") if not part.isdecimal()][-1:]


def _without_secrets(row: Mapping[str, JsonValue], names: Mapping[str, str]) -> dict[str, JsonValue]:
    # A pair of a name and a value is read together; the columns that it leaves alone go by their source.
    paired = redact_json(dict(row))
    assert isinstance(paired, dict)
    if len(paired) != len(row):
        return paired
    return {
        key: shown if names[column] == column else redact_json(row[column], names[column])
        for (key, shown), column in zip(paired.items(), row, strict=True)
    }
