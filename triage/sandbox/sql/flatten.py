"""The rows that Snowflake's FLATTEN makes of an array or an object."""

from sqlglot import exp, parse_one

from triage.sandbox.columns import Columns, Kind
from triage.sandbox.sql.values import Node, kind_of

FLATTENED: Columns = {
    "seq": Kind.NUMBER,
    "key": Kind.TEXT,
    "path": Kind.TEXT,
    "index": Kind.NUMBER,
    "value": Kind.VARIANT,
    "this": Kind.VARIANT,
}
DEFAULT_NAMES = ["SEQ", "KEY", "PATH", "INDEX", "VALUE", "THIS"]
"""What sqlglot writes where the user names no columns."""

_LISTED = {
    "seq": "1",
    "key": "NULL",
    "path": "'[' || (generate_subscripts(input, 1) - 1) || ']'",
    "index": "generate_subscripts(input, 1) - 1",
    "value": "CAST(unnest(input) AS VARIANT)",
    "this": "CAST(input AS VARIANT)",
}
_EACH = {
    "seq": "1",
    "key": "CASE WHEN e.fullkey LIKE '%]' THEN NULL ELSE e.key END",
    "path": "CASE WHEN e.fullkey LIKE '%]' THEN '[' || e.key || ']' ELSE e.key END",
    "index": "CASE WHEN e.fullkey LIKE '%]' THEN CAST(e.key AS BIGINT) END",
    "value": "CAST(e.value AS VARIANT)",
    "this": "CAST(input AS VARIANT)",
}


def flatten_rows(value: Node, wanted: set[str], *, recursive: bool) -> Node:
    """A SELECT with one row for each element of the value; none for a NULL or for what is no array or object."""
    if kind_of(value) in (Kind.TEXTS, Kind.LIST) and not recursive:
        names = {"value", *wanted}
        sql = "SELECT " + ", ".join(f'{_LISTED[name]} AS "{name}"' for name in FLATTENED if name in names)
    else:
        sql = "SELECT " + ", ".join(f'{_EACH[name]} AS "{name}"' for name in FLATTENED if name in wanted)
        sql += f" FROM {'json_tree' if recursive else 'json_each'}"
        sql += "(CASE WHEN sf_typeof(input) IN ('ARRAY', 'OBJECT') THEN to_json(input) END) AS e WHERE e.fullkey <> '$'"
    select = parse_one(sql, dialect="duckdb")
    return select.transform(
        lambda part: value.copy() if isinstance(part, exp.Column) and part.name == "input" else part
    )
