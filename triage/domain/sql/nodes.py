"""Check every node of the tree against the allow-lists."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlglot import exp

from triage.domain.sql import catalog, macros
from triage.domain.sql.policy import SqlRefused
from triage.domain.sql.syntax import line_of

_REMEDIES = {
    "Placeholder": "write the value itself",
    "Parameter": "write the value itself",
    "SessionParameter": "write the value itself",
    "Fetch": "write LIMIT",
    "Values": "write the values with IN (…) or an array",
    "MatchRecognize": "use window functions (LAG, LEAD, ROW_NUMBER) with QUALIFY",
    "Pivot": "use COUNT_IF or conditional sums",
    "TableSample": "use LIMIT",
    "Lambda": "use LATERAL FLATTEN",
    "DynamicIdentifier": "write the table's name",
}

_CONTEXT = "session context may not be read; only CURRENT_TIMESTAMP and CURRENT_DATE are allowed"


_LEAVES = frozenset({exp.Literal, exp.Identifier, exp.Null, exp.Boolean, exp.JSONPathRoot, exp.Var})
"""Allowed kinds that have no child nodes."""


@dataclass(slots=True)
class Census:
    """What `check_nodes` found that later checks need."""

    macros: list[exp.Anonymous] = field(default_factory=list)
    limits: list[exp.Expr] = field(default_factory=list)
    """Each LIMIT and OFFSET."""
    queries: list[exp.Query] = field(default_factory=list)
    """Each SELECT, set operation and parenthesized query, including the whole statement."""
    whole_rows: list[exp.Expr] = field(default_factory=list)
    """Each `*` within an object, which stands for all columns of a row."""
    collecting: list[exp.Expr] = field(default_factory=list)
    """Each aggregate that keeps every value it sees."""
    tables: int = 0
    """How many nodes name a table or a CTE."""


def check_nodes(tree: exp.Query) -> Census:
    """Check every node once. Raises SqlRefused for one that is not on the lists."""
    census = Census()
    classes = catalog.CLASSES
    arguments = catalog.ARGUMENTS
    stack: list[exp.Expr] = [tree]
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind in _LEAVES:
            continue
        if kind not in classes:
            if kind is not exp.Anonymous:
                raise _not_listed(node)
        elif kind in arguments:
            _check_arguments(node, arguments[kind])
        if kind in _CHECKS:
            _CHECKS[kind](node, census)
        for value in node.args.values():
            if isinstance(value, exp.Expr):
                stack.append(value)
            elif type(value) is list:
                stack += [item for item in value if isinstance(item, exp.Expr)]
    return census


def _not_listed(node: exp.Expr) -> SqlRefused:
    name = type(node).__name__
    if isinstance(node, exp.Func):
        name = node.sql_name()
        remedy = _CONTEXT if name.startswith(("CURRENT_", "LOCALTIME")) else _function_remedy(name)
        return SqlRefused(f"function {name} is not allowed; {remedy}", code="function", line=line_of(node))
    remedy = _REMEDIES.get(name, "leave it out")
    return SqlRefused(f"{name} is not allowed in a query; {remedy}", code="expression", line=line_of(node))


def _function_remedy(name: str) -> str:
    if name == "DYNAMIC_IDENTIFIER":
        return "write the name itself, without IDENTIFIER(…)"
    if name in {"GENERATOR", "SEQ4", "GENERATE_SERIES", "UNIFORM", "RAND", "REPEAT", "PAD", "SPACE", "RANDSTR"}:
        return "a query reads logs and may not generate rows or text"
    return "use plain string, date, array, object, aggregate or window functions"


_CLAUSES = {
    "match": "MATCH_RECOGNIZE is not allowed; use window functions (LAG, LEAD, ROW_NUMBER) with QUALIFY",
    "connect": "CONNECT BY is not allowed; write each step as a CTE",
    "into": "INTO is not allowed; a query only reads",
    "locks": "FOR UPDATE is not allowed; a query only reads",
    "sample": "SAMPLE is not allowed: it would make counts wrong; use LIMIT",
    "pivots": "PIVOT is not allowed; use COUNT_IF or conditional sums",
    "when": "time travel (AT, BEFORE) is not allowed; bound p_event_time",
    "changes": "CHANGES is not allowed; bound p_event_time",
    "method": "NATURAL and ASOF joins are not allowed; write JOIN … ON …",
    "recursive": "recursive CTEs are not allowed",
    "join_mark": "(+) is not allowed; write LEFT JOIN … ON …",
}


def _check_arguments(node: exp.Expr, allowed: frozenset[str]) -> None:
    for key, value in node.args.items():
        if key not in allowed and value not in (None, False, [], ""):
            clause = key.rstrip("_").upper().replace("_", " ")
            message = _CLAUSES.get(key, f"{type(node).__name__} with {clause} is not allowed; leave it out")
            raise SqlRefused(message, code="clause", line=line_of(node))


def _check_anonymous(node: exp.Expr, census: Census) -> None:
    name = node.name.upper()
    if name in macros.NAMES and isinstance(node, exp.Anonymous):
        census.macros.append(node)
    elif name not in catalog.UNTYPED:
        raise SqlRefused(
            f"function {node.name[:60]} is not allowed; {_function_remedy(name)}", code="function", line=line_of(node)
        )
    if not isinstance(node.this, str):
        raise SqlRefused(f"write the function name {name} without quotes", code="function", line=line_of(node))


def _check_dot(node: exp.Expr, _census: Census) -> None:
    """`a.b` after a bracket is a path into an object; `database.schema.function(…)` calls a user-defined function."""
    inner = node.args.get("expression")
    if type(inner) is exp.Identifier:
        _check_column(inner, _census)
    else:
        raise SqlRefused(
            "functions with a database or schema in front are not allowed", code="function", line=line_of(node)
        )


def _check_explode(node: exp.Expr, _census: Census) -> None:
    if type(node.parent) not in {exp.Lateral, exp.TableFromRows}:
        raise SqlRefused(
            "FLATTEN belongs in FROM: write …, LATERAL FLATTEN(input => column) AS f", code="table_function"
        )


def _check_rows(node: exp.Expr, _census: Census) -> None:
    if type(node.this) is not exp.Explode:
        inner = ""
        if isinstance(node.this, exp.Expr):
            inner = node.this.name or (node.this.sql_name() if isinstance(node.this, exp.Func) else "")
        raise SqlRefused(
            f"TABLE({inner[:60]}…) is not allowed; name the table, or use LATERAL FLATTEN", code="table_function"
        )


def _check_kwarg(node: exp.Expr, _census: Census) -> None:
    if node.name.lower() not in catalog.FLATTEN_ARGUMENTS or type(node.parent) is not exp.Explode:
        raise SqlRefused(f"the named argument {node.name[:60]} is not allowed here", code="function")


def _check_in(node: exp.Expr, _census: Census) -> None:
    if not node.expressions and node.args.get("query") is None:
        raise SqlRefused("IN () is empty; list the values", code="syntax", line=line_of(node))


def _check_join(node: exp.Expr, _census: Census) -> None:
    side = str(node.args.get("side") or "").upper()
    kind = str(node.args.get("kind") or "").upper()
    if side not in catalog.JOIN_SIDES or kind not in catalog.JOIN_KINDS:
        raise SqlRefused(
            f"a {kind or side} join is not allowed; use JOIN, LEFT JOIN, RIGHT JOIN or FULL JOIN",
            code="clause",
            line=line_of(node),
        )


def _check_column(node: exp.Expr, _census: Census) -> None:
    """NEXTVAL of a sequence parses as a column, and reading it advances the sequence."""
    if node.name.upper() in {"NEXTVAL", "CURRVAL"}:
        raise SqlRefused("sequences may not be read", code="expression", line=line_of(node))


def _check_type(node: exp.Expr, _census: Census) -> None:
    if node.args.get("kind") is not None or not isinstance(node.this, exp.DataType.Type):
        raise SqlRefused("this type is not allowed in a cast", code="expression")


def _count_limit(node: exp.Expr, census: Census) -> None:
    census.limits.append(node)


def _count_query(node: exp.Expr, census: Census) -> None:
    if isinstance(node, exp.Query):
        census.queries.append(node)
    if isinstance(node, exp.Select) and not node.expressions:
        raise SqlRefused("a SELECT names no columns", code="syntax", line=line_of(node))
    if isinstance(node, exp.SetOperation) and not (
        isinstance(node.this, exp.Query) and isinstance(node.expression, exp.Query)
    ):
        raise SqlRefused("UNION, EXCEPT and INTERSECT join SELECTs", code="syntax", line=line_of(node))


def _check_alias(node: exp.Expr, _census: Census) -> None:
    """`(SHOW TABLES)` parses as a column with an alias."""
    if type(node.parent) not in {exp.Select, exp.Star}:
        raise SqlRefused(
            "part of an expression has an alias; only whole columns of a SELECT may have one",
            code="syntax",
            line=line_of(node),
        )


def _check_tuple(node: exp.Expr, _census: Census) -> None:
    if not node.expressions and type(node.parent) is not exp.GroupingSets:
        raise SqlRefused("() is empty; write what belongs there", code="syntax", line=line_of(node))


def _count_table(_node: exp.Expr, census: Census) -> None:
    census.tables += 1


def _count_whole_row(node: exp.Expr, census: Census) -> None:
    census.whole_rows.append(node)


def _count_collecting(node: exp.Expr, census: Census) -> None:
    census.collecting.append(node)


_CHECKS: dict[type[exp.Expr], Callable[[exp.Expr, Census], None]] = {
    exp.Anonymous: _check_anonymous,
    exp.Dot: _check_dot,
    exp.Explode: _check_explode,
    exp.TableFromRows: _check_rows,
    exp.Lateral: _check_rows,
    exp.Kwarg: _check_kwarg,
    exp.In: _check_in,
    exp.Alias: _check_alias,
    exp.Tuple: _check_tuple,
    exp.Join: _check_join,
    exp.Column: _check_column,
    exp.DataType: _check_type,
    exp.Limit: _count_limit,
    exp.Offset: _count_limit,
    exp.Select: _count_query,
    exp.Union: _count_query,
    exp.Except: _count_query,
    exp.Intersect: _count_query,
    exp.Subquery: _count_query,
    exp.Table: _count_table,
    exp.StarMap: _count_whole_row,
    **{kind: _count_collecting for kind in catalog.CLASSES if issubclass(kind, catalog.COLLECTING)},
}
