"""What a query may cost beyond its rows: joins that multiply, lists that make rows, aggregates that carry whole rows.

The time bound caps the rows of each table. A join without an equality between columns of two tables reads the product
of two such sets, and so does each list of constants that FROM unfolds.
"""

from collections.abc import Iterable, Iterator

from sqlglot import exp

from triage.domain.sql.bounds import conjuncts
from triage.domain.sql.catalog import resolve
from triage.domain.sql.nodes import Census
from triage.domain.sql.policy import SqlRefused
from triage.domain.sql.spans import FromItem
from triage.domain.sql.syntax import line_of

MAX_FLATTENS = 4
"""LATERAL FLATTENs of one SELECT."""
_MAX_ONE_ROW = 3
"""Entries of one FROM that give one row each."""
_UNFOLDED = (exp.Lateral, exp.TableFromRows)
_EQUALITIES = (exp.EQ, exp.NullSafeEQ, exp.EqualNull)
_AGGREGATES = (
    exp.AggFunc,
    exp.Count,
)
_LIMITING = (exp.Left, exp.Right, exp.Substring, exp.SplitPart, exp.MD5, exp.SHA, exp.SHA2)
"""They give a text of a bounded length, or part of one."""
_ANY = ""
"""Stands for a column that names no table."""

Pair = frozenset[str]


def check_joins(select: exp.Select, items: list[FromItem]) -> None:
    """Every entry of FROM has to be joined to the others by an equality between their columns. Raises SqlRefused.

    Entries of one row are exempt: a SELECT of aggregates alone, or of constants.
    """
    flattens = [item for item in items if isinstance(item.node, _UNFOLDED)]
    constant = [item for item in flattens if item.node.find(exp.Column) is None]
    if len(constant) > 1 or len(flattens) > MAX_FLATTENS:
        raise SqlRefused(
            f"a query may FLATTEN one list of constants and {MAX_FLATTENS} columns; each multiplies the rows",
            code="cross_join",
            line=line_of(flattens[-1].node),
        )
    if len(items) < 2:  # noqa: PLR2004 - nothing to join
        return
    names = [item.name or f"({place})" for place, item in enumerate(items)]
    groups = _Groups(names)
    for name, item in zip(names, items, strict=True):
        if isinstance(item.node, _UNFOLDED):
            inside = {resolve(column.args.get("table")) for column in item.node.find_all(exp.Column)}
            # The list belongs to the row that it is in. A list of constants is a table like any other.
            if inside:
                groups.join(name, next(iter(sorted(inside & groups.names)), names[0]))
        elif _one_row(item.node, select):
            groups.one_row.add(name)
    for name, item in zip(names, items, strict=True):
        if item.join is not None:
            if item.join.args.get("using"):
                groups.join(name, names[0])
            groups.relate(_pairs(item.join.args.get("on")), default=name)
    where = select.args.get("where")
    groups.relate(_pairs(where.this if where is not None else None), default=None)
    lonely = groups.lonely()
    if lonely:
        found = items[names.index(lonely)]
        raise SqlRefused(
            f"{lonely.lower()[:60]} is joined without an equality between its columns and another table's; write "
            "JOIN … ON a.x = b.y (a condition such as a.t > b.t may follow it)",
            code="cross_join",
            line=line_of(found.node),
        )


class _Groups:
    """Entries of FROM, grouped by the equalities between them."""

    def __init__(self, names: list[str]) -> None:
        self.order = names
        self.names = set(names)
        self.one_row: set[str] = set()
        self._group = {name: name for name in names}

    def join(self, one: str, other: str) -> None:
        old, new = self._group[one], self._group[other]
        self._group = {name: new if group == old else group for name, group in self._group.items()}

    def relate(self, pairs: Iterable[Pair], *, default: str | None) -> None:
        """Take up equalities; a column that names no table may be of any entry, `default` among them."""
        for pair in pairs:
            known = sorted(pair & self.names)
            if len(known) > 1:
                for other in known[1:]:
                    self.join(known[0], other)
            elif _ANY in pair:
                first = known[0] if known else self.order[0]
                apart = [name for name in self.order if self._group[name] != self._group[first]]
                if apart:
                    self.join(default if default in apart else apart[0], first)

    def lonely(self) -> str:
        """An entry that multiplies the others; empty if there is none."""
        if len(self.one_row) > _MAX_ONE_ROW:
            return max(self.one_row)
        many = [name for name in self.order if name not in self.one_row]
        return next((name for name in many if self._group[name] != self._group[many[0]]), "")


def _pairs(condition: exp.Expr | None) -> set[Pair]:
    """The pairs of tables between whose columns a condition demands an equality, in every branch of an OR."""
    found: set[Pair] = set()
    for part in conjuncts(condition):
        match part:
            case exp.Or():
                found |= _pairs(part.this) & _pairs(part.expression)
            case exp.In() if part.expressions:
                sides = [_pair(part.this, each) for each in part.expressions]
                found |= {pair for pair in sides if pair is not None and sides.count(pair) == len(sides)}
            case _ if isinstance(part, _EQUALITIES):
                pair = _pair(part.this, part.expression)
                found |= {pair} if pair is not None else set()
    return found


def _pair(left: exp.Expr, right: exp.Expr) -> Pair | None:
    """The tables of two sides that have no table in common; `None` where one side names no column."""
    one, other = _tables(left), _tables(right)
    if not one or not other or (one & other - {_ANY}) or left == right:
        return None
    return frozenset(one | other)


def _tables(side: exp.Expr) -> set[str]:
    return {resolve(column.args.get("table")) for column in side.find_all(exp.Column)}


def _one_row(node: exp.Expr, select: exp.Select) -> bool:
    """Whether an entry of FROM has one row: constants, aggregates without GROUP BY, or LIMIT 1."""
    query = node.this if isinstance(node, exp.Subquery) else _cte(node, select)
    if not isinstance(query, exp.Select):
        return False
    if query.args.get("from_") is None or str(_limit(query)) == "1":
        return True
    return (
        query.args.get("group") is None
        and bool(query.expressions)
        and all(_aggregated(projection) for projection in query.expressions)
    )


def _limit(query: exp.Select) -> exp.Expr | None:
    limit = query.args.get("limit")
    return limit.args.get("expression") if isinstance(limit, exp.Limit) else None


def _cte(node: exp.Expr, select: exp.Select) -> exp.Expr | None:
    """The query of the CTE that a table names, looked for from the inside out."""
    if not isinstance(node, exp.Table) or node.args.get("db") is not None:
        return None
    name = resolve(node.this)
    holder: exp.Expr | None = select
    while holder is not None:
        with_ = holder.args.get("with_")
        for cte in with_.expressions if with_ is not None else ():
            if resolve(cte.args["alias"].this) == name:
                found: exp.Expr = cte.this
                return found
        holder = holder.parent
    return None


def _aggregated(projection: exp.Expr) -> bool:
    """Whether a projection is one value for all rows: every column in it is inside an aggregate that is no window."""
    aggregates = [node for node in projection.find_all(*_AGGREGATES) if node.find_ancestor(exp.Window) is None]
    inside = {id(column) for node in aggregates for column in node.find_all(exp.Column)}
    stars = projection.find(exp.Star) is not None and not aggregates
    return bool(aggregates) and not stars and all(id(column) in inside for column in projection.find_all(exp.Column))


def check_aggregates(census: Census) -> None:
    """No aggregate may carry whole rows, or text without a bound. Raises SqlRefused."""
    whole = {resolve(alias.args["alias"]) for star in census.whole_rows for alias in _ancestors(star, exp.Alias)}
    for node in census.collecting:
        carries = node.find(exp.StarMap, exp.Star) is not None or any(
            resolve(column.this) in whole for column in node.find_all(exp.Column)
        )
        if carries:
            raise SqlRefused(
                "an aggregate may not carry whole rows; select the rows themselves, or name the few columns",
                code="aggregate",
                line=line_of(node),
            )
        if isinstance(node, exp.GroupConcat) and node.find(exp.Distinct, *_LIMITING) is None:
            raise SqlRefused(
                "LISTAGG joins every row's text; write LISTAGG(DISTINCT column, ', ') or LISTAGG(LEFT(column, 200), ', ')",
                code="aggregate",
                line=line_of(node),
            )


def _ancestors(node: exp.Expr, kind: type[exp.Expr]) -> Iterator[exp.Expr]:
    holder = node.parent
    while holder is not None:
        if isinstance(holder, kind):
            yield holder
        holder = holder.parent
