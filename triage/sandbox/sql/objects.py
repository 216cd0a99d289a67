"""Paths into VARIANTs, arrays, objects, and the rows that FLATTEN makes of them."""

from sqlglot import exp, parse_one

from triage.sandbox.columns import Columns, SqlKind
from triage.sandbox.errors import QueryError
from triage.sandbox.sql.values import Node, apply, array, call, cast, kind_of, mark, step, text, type_named, variant


def path(node: Node) -> Node:
    result: Node = node.this
    for part in node.args["expression"].expressions:
        if isinstance(part, exp.JSONPathRoot):
            continue
        if not isinstance(part, exp.JSONPathKey | exp.JSONPathSubscript) or not isinstance(part.this, str | int):
            raise QueryError.unsupported("wildcards in a path")
        result = step(result, part.this)
    return result


def subscript(node: Node) -> Node:
    index = node.expressions[0] if isinstance(node, exp.Bracket) else node.args["expression"]
    if isinstance(index, exp.Literal):
        return step(node.this, index.name if index.is_string else int(index.name))
    if kind_of(index) is SqlKind.NUMBER:
        position = exp.Add(this=index, expression=exp.Literal.number(1))
        return call("list_extract", call("sf_list", node.this), position, kind=SqlKind.VARIANT)
    return call("variant_extract", variant(node.this), text(index), kind=SqlKind.VARIANT)


def array_size(node: Node) -> Node:
    return call("len", array(node.this), kind=SqlKind.NUMBER)


def _plain(node: Node) -> Node:
    """The value inside `'x'::VARIANT`."""
    return node.this if isinstance(node, exp.Cast) and node.to.is_type("VARIANT") else node


def _comparable(node: Node) -> Node:
    """A value to look for in a list; see `sf_list`."""
    return call("variant_normalize", variant(node), kind=SqlKind.VARIANT)


def array_contains(node: Node) -> Node:
    values, wanted = node.this, _plain(node.args["expression"])
    if kind_of(values) is SqlKind.TEXTS:
        return call("list_contains", values, text(wanted), kind=SqlKind.BOOLEAN)
    return call("list_contains", call("sf_list", values), _comparable(wanted), kind=SqlKind.BOOLEAN)


def arrays_overlap(node: Node) -> Node:
    sides = [node.this, node.args["expression"]]
    if any(kind_of(side) is not SqlKind.TEXTS for side in sides):
        sides = [call("sf_list", side) for side in sides]
    return call("list_has_any", *sides, kind=SqlKind.BOOLEAN)


def array_function(node: Node) -> Node:
    """Functions from arrays to an array or an element. An element argument is converted to the array's kind."""
    keys = ["this"]
    if isinstance(node, exp.ArrayExcept):
        keys.append("expression")
    if isinstance(node, exp.ArrayConcat | exp.ArrayIntersect):
        keys.append("expressions")
    operands = [item for key in keys for item in _as_list(node.args.get(key))]
    kind = SqlKind.TEXTS if all(kind_of(item) is SqlKind.TEXTS for item in operands) else SqlKind.LIST
    apply(node, (lambda item: item) if kind is SqlKind.TEXTS else (lambda item: call("sf_list", item)), keys)
    if isinstance(node, exp.ArrayPosition | exp.ArrayAppend | exp.ArrayPrepend | exp.ArrayRemove | exp.ArrayInsert):
        wanted = _plain(node.args["expression"])
        node.set("expression", text(wanted) if kind is SqlKind.TEXTS else _comparable(wanted))
    if isinstance(node, exp.ArrayPosition):
        return mark(node, SqlKind.NUMBER)
    if isinstance(node, exp.ArrayMin | exp.ArrayMax):
        return mark(node, SqlKind.TEXT if kind is SqlKind.TEXTS else SqlKind.VARIANT)
    return mark(node, kind)


def _as_list(value: object) -> list[Node]:
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, Node)]


def array_to_string(node: Node) -> Node:
    apply(node, array, ("this",))
    return mark(node, SqlKind.TEXT)


def array_literal(node: Node) -> Node:
    kinds = {kind_of(item) for item in node.expressions}
    if len(kinds) > 1:
        apply(node, variant, ("expressions",))
    return mark(node, SqlKind.TEXTS if kinds == {SqlKind.TEXT} else SqlKind.LIST)


def object_construct(node: Node) -> Node:
    """OBJECT_CONSTRUCT leaves out keys whose value is NULL, and so does a merge patch."""
    pairs: list[Node] = []
    for pair in node.expressions:
        if not isinstance(pair, exp.PropertyEQ):
            raise QueryError.unsupported("OBJECT_CONSTRUCT without pairs of key and value")
        key = pair.this if isinstance(pair.this, exp.Literal) else exp.Literal.string(pair.this.name)
        value = pair.args["expression"]
        pairs += [key, text(value) if kind_of(value) is SqlKind.MOMENT else value]
    return call("sf_object", call("json_object", *pairs), kind=SqlKind.VARIANT)


def parse_json(node: Node) -> Node:
    kind = exp.TryCast if node.args.get("safe") else exp.Cast
    json = kind(this=text(node.this), to=type_named("JSON"))
    return cast(json, "VARIANT", SqlKind.VARIANT)


def object_keys(node: Node) -> Node:
    return call("json_keys", call("to_json", node.this), kind=SqlKind.TEXTS)


def typeof(node: Node) -> Node:
    return call("sf_typeof", node.this, kind=SqlKind.TEXT)


def is_array(node: Node) -> Node:
    return mark(exp.EQ(this=typeof(node), expression=exp.Literal.string("ARRAY")), SqlKind.BOOLEAN)


FLATTENED: Columns = {
    "seq": SqlKind.NUMBER,
    "key": SqlKind.TEXT,
    "path": SqlKind.TEXT,
    "index": SqlKind.NUMBER,
    "value": SqlKind.VARIANT,
    "this": SqlKind.VARIANT,
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
    """A SELECT with one row for each element of the value; none for NULL or anything but an array or object."""
    if kind_of(value) in (SqlKind.TEXTS, SqlKind.LIST) and not recursive:
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
