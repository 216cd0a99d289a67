"""SQL values, their kinds and the names of columns: conversions that Snowflake makes implicitly and DuckDB doesn't."""

from collections.abc import Callable, Iterable
from functools import lru_cache

from sqlglot import exp

from triage.sandbox.columns import SqlKind

Node = exp.Expr
ARRAYS = (SqlKind.TEXTS, SqlKind.LIST)
TIMES = (SqlKind.MOMENT, SqlKind.DATE)


def kind_of(node: object) -> SqlKind:
    """The kind that `rewrite` found for a node."""
    if isinstance(node, Node):
        found = node.meta.get("kind")
        if isinstance(found, SqlKind):
            return found
    return SqlKind.UNKNOWN


def mark(node: Node, kind: SqlKind) -> Node:
    """Note a node's kind."""
    node.meta["kind"] = kind
    return node


def call(name: str, *arguments: Node, kind: SqlKind = SqlKind.UNKNOWN) -> Node:
    """A DuckDB function call."""
    return mark(exp.Anonymous(this=name, expressions=list(arguments)), kind)


@lru_cache(maxsize=64)
def _type(name: str) -> exp.DataType:
    return exp.DataType.build(name, dialect="duckdb")


def type_named(name: str) -> exp.DataType:
    """A DuckDB type. The library parses the name each time."""
    return _type(name).copy()


def cast(node: Node, type_: str, kind: SqlKind) -> Node:
    """A DuckDB cast."""
    return mark(exp.Cast(this=node, to=type_named(type_)), kind)


def text(node: Node) -> Node:
    """The value as Snowflake writes it where text is needed."""
    kind = kind_of(node)
    if kind in (SqlKind.TEXT, SqlKind.UNKNOWN):
        return node
    if kind is SqlKind.VARIANT:
        return call("sf_text", node, kind=SqlKind.TEXT)
    if kind is SqlKind.MOMENT:
        return call("sf_moment", node, kind=SqlKind.TEXT)
    if kind in ARRAYS:
        node = call("to_json", node)
    return cast(node, "VARCHAR", SqlKind.TEXT)


def number(node: Node) -> Node:
    """A VARIANT or a text as a number; as in Snowflake, other text fails the query."""
    return cast(node, "DOUBLE", SqlKind.NUMBER) if kind_of(node) in (SqlKind.VARIANT, SqlKind.TEXT) else node


def truth(node: Node) -> Node:
    """A VARIANT as a condition."""
    return cast(node, "BOOLEAN", SqlKind.BOOLEAN) if kind_of(node) is SqlKind.VARIANT else node


def moment(node: Node) -> Node:
    """A text or a VARIANT as a point in time."""
    return cast(node, "TIMESTAMP", SqlKind.MOMENT) if kind_of(node) in (SqlKind.VARIANT, SqlKind.TEXT) else node


def variant(node: Node) -> Node:
    """The value as a VARIANT."""
    return node if kind_of(node) is SqlKind.VARIANT else cast(node, "VARIANT", SqlKind.VARIANT)


def array(node: Node) -> Node:
    """A VARIANT as an array; NULL where it holds none."""
    return node if kind_of(node) in ARRAYS else call("sf_list", node, kind=SqlKind.LIST)


def step(node: Node, key: str | int) -> Node:
    """One step into a VARIANT: a key, case-sensitive, or a zero-based index; NULL where there is nothing."""
    literal = exp.Literal.string(key) if isinstance(key, str) else exp.Literal.number(key + 1)
    if isinstance(key, int) and key < 0:
        return mark(exp.null(), SqlKind.VARIANT)
    return call("variant_extract", variant(node), literal, kind=SqlKind.VARIANT)


def apply(node: Node, convert: Callable[[Node], Node], keys: Iterable[str] = ()) -> None:
    """Convert the named arguments of a node (all of them by default) in place."""
    for key in tuple(keys) or tuple(node.args):
        value = node.args.get(key)
        if isinstance(value, list):
            node.set(key, [convert(item) if isinstance(item, Node) else item for item in value])
        elif isinstance(value, Node):
            node.set(key, convert(value))


def first_kind(nodes: Iterable[object]) -> SqlKind:
    """The kind of a value that may be any of these: VARIANT if one is, else the first that is known."""
    kinds = [kind_of(node) for node in nodes if not isinstance(node, exp.Null)]
    if SqlKind.VARIANT in kinds:
        return SqlKind.VARIANT
    return next((kind for kind in kinds if kind is not SqlKind.UNKNOWN), SqlKind.UNKNOWN)


def named(projection: Node) -> Node:
    """Name a computed column as Snowflake does: by its own text."""
    if isinstance(projection, exp.Alias | exp.Column | exp.Star):
        return projection
    return exp.alias_(projection, _title(projection), quoted=True)


def _title(node: Node) -> str:
    if isinstance(node, exp.JSONExtract):
        title = _title(node.this)
        for position, part in enumerate(node.args["expression"].expressions[1:]):
            if isinstance(part, exp.JSONPathSubscript):
                title += f"[{part.this}]"
            else:
                title += (":" if position == 0 else ".") + str(part.this)
        return title
    return node.name if isinstance(node, exp.Column) else node.sql(dialect="snowflake")
