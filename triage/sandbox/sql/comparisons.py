"""Casts, comparisons and conditions, where a VARIANT takes the kind of the value beside it."""

from sqlglot import exp

from triage.sandbox.columns import SqlKind
from triage.sandbox.sql.values import (
    TIMES,
    Node,
    apply,
    array,
    cast,
    first_kind,
    kind_of,
    mark,
    moment,
    number,
    text,
    truth,
    type_named,
    variant,
)

_INTEGERS = {"INT", "BIGINT", "SMALLINT", "TINYINT"}
_MOMENTS = {"TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMPLTZ", "TIMESTAMPNTZ", "DATETIME"}
_CAST_KINDS = {
    "TEXT": SqlKind.TEXT, "VARCHAR": SqlKind.TEXT, "CHAR": SqlKind.TEXT, "BOOLEAN": SqlKind.BOOLEAN, "DATE": SqlKind.DATE,
    "DECIMAL": SqlKind.NUMBER, "DOUBLE": SqlKind.NUMBER, "FLOAT": SqlKind.NUMBER, "VARIANT": SqlKind.VARIANT,
}  # fmt: skip


def explicit_cast(node: Node) -> Node:
    to = node.args["to"].this.name
    kind = _CAST_KINDS.get(to, SqlKind.UNKNOWN)
    if kind is SqlKind.TEXT:
        # A value of unknown kind may be a VARIANT, whose objects DuckDB would print like Python's.
        return text(mark(node.this, SqlKind.VARIANT) if kind_of(node.this) is SqlKind.UNKNOWN else node.this)
    if to == "ARRAY":
        return array(node.this)
    if to in ("OBJECT", "VARIANT"):
        return variant(node.this)
    if to in _INTEGERS:
        # Snowflake's INT is a NUMBER(38, 0); DuckDB's has 32 bits.
        node.set("to", type_named("BIGINT"))
        kind = SqlKind.NUMBER
    if to in _MOMENTS:
        # Everything is in UTC here, so Snowflake's timestamp types are all the same.
        node.set("to", type_named("TIMESTAMP"))
        kind = SqlKind.MOMENT
    return mark(node, kind)


def _as_compared(node: Node, other: Node) -> Node:
    """A value converted as Snowflake converts it to compare it with another."""
    kind, against = kind_of(node), kind_of(other)
    if kind is SqlKind.VARIANT:
        if against is SqlKind.TEXT:
            json_like = isinstance(other, exp.Literal) and other.name[:1] in "{["
            return (
                text(node) if json_like or not isinstance(other, exp.Literal) else cast(node, "VARCHAR", SqlKind.TEXT)
            )
        if against is SqlKind.NUMBER:
            return number(node)
        if against is SqlKind.BOOLEAN:
            return truth(node)
        if against in TIMES:
            return moment(node)
    # DuckDB infers the type of a literal, but not of a text column.
    if kind is SqlKind.TEXT and not isinstance(node, exp.Literal):
        if against in TIMES:
            return moment(node)
        if against is SqlKind.NUMBER:
            return number(node)
    return node


def comparison(node: Node) -> Node:
    left, right = node.this, node.args["expression"]
    node.set("this", _as_compared(left, right))
    node.set("expression", _as_compared(right, left))
    return mark(node, SqlKind.BOOLEAN)


def in_list(node: Node) -> Node:
    options = node.expressions
    if options:
        node.set("this", _as_compared(node.this, options[0]))
    return mark(node, SqlKind.BOOLEAN)


def between(node: Node) -> Node:
    node.set("this", _as_compared(node.this, node.args["low"]))
    for bound in ("low", "high"):
        node.set(bound, _as_compared(node.args[bound], node.this))
    return mark(node, SqlKind.BOOLEAN)


def pattern(node: Node) -> Node:
    apply(node, text, ("this",))
    return mark(node, SqlKind.BOOLEAN)


def choice(node: Node) -> Node:
    """IFF, and CASE with or without a value after it."""
    if isinstance(node, exp.Case):
        branches = node.args["ifs"]
        if node.this:
            node.set("this", _as_compared(node.this, branches[0].this))
        results = [branch.args["true"] for branch in branches] + [node.args.get("default")]
    else:
        results = [node.args["true"], node.args.get("false")]
    return mark(node, first_kind(results))


def decode(node: Node) -> Node:
    value, *rest = node.expressions
    node.set("expressions", [_as_compared(value, rest[0]), *rest])
    return mark(node, kind_of(rest[1]) if len(rest) > 1 else SqlKind.UNKNOWN)
