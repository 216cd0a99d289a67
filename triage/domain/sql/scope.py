"""Every SELECT in a query: which tables it reads, and that each of them has a time bound."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from triage.domain.sql.catalog import LakeTable, lake_table, resolve
from triage.domain.sql.joins import check_aggregates, check_joins
from triage.domain.sql.nodes import Census
from triage.domain.sql.policy import SqlRefused
from triage.domain.sql.spans import FromItem, Reads, check_bounds
from triage.domain.sql.syntax import line_of

MAX_CTES = 32
MAX_READS = 128
"""Tables read after every CTE is expanded where it is used. A chain of self-joined CTEs doubles it at each step."""


def survey(tree: exp.Query, census: Census, reads: Reads) -> None:
    """Check the tables of a query and its subqueries, and add missing bounds to the tree. Raises SqlRefused."""
    inner: dict[int, list[exp.Query]] = {}
    for query in census.queries:
        holder = query.parent
        while holder is not None and not isinstance(holder, exp.Query | exp.CTE):
            holder = holder.parent
        if isinstance(holder, exp.Query):
            inner.setdefault(id(holder), []).append(query)
    _query(tree, {}, _Visit(inner, reads))
    if reads.named_in_from != census.tables:
        raise SqlRefused("a table is named outside FROM and JOIN", code="expression")
    if not reads.tables:
        raise SqlRefused("the query reads no table; name one, or leave the query out", code="no_table")
    check_aggregates(census)


@dataclass(frozen=True, slots=True)
class _Visit:
    inner: Mapping[int, list[exp.Query]]
    """The queries directly inside a query, apart from its CTEs, by the `id` of the outer one."""
    reads: Reads


def _query(query: exp.Expr, names: Mapping[str, int], visit: _Visit) -> int:
    """Check one query, given the CTEs it can see, and return the number of tables that it reads when it runs."""
    names = _ctes(query, names, visit)
    reads = visit.reads
    if isinstance(query, exp.Subquery):
        if not isinstance(query.this, exp.Query):
            raise SqlRefused("parentheses in FROM hold a SELECT; name tables without them", code="expression")
        return _query(query.this, names, visit)
    if not isinstance(query, exp.Select | exp.SetOperation):
        raise SqlRefused("only SELECT is allowed", code="not_select", line=line_of(query))
    items, total = _items(query, names, reads)
    for nested in visit.inner.get(id(query), ()):
        total += _query(nested, names, visit)
    if isinstance(query, exp.Select):
        check_joins(query, items)
        check_bounds(query, items, reads)
    if total > MAX_READS:
        raise SqlRefused(
            f"with its CTEs expanded the query reads more than {MAX_READS} tables; join each CTE once", code="cte"
        )
    return max(total, 1)


def _ctes(query: exp.Expr, names: Mapping[str, int], visit: _Visit) -> Mapping[str, int]:
    with_ = query.args.get("with_")
    if with_ is None:
        return names
    seen: set[str] = set()
    visible = dict(names)
    for cte in with_.expressions:
        alias = cte.args["alias"]
        name = resolve(alias.this)
        if name in seen or name in names:
            raise SqlRefused(
                f"two CTEs are called {alias.name[:60]}; give each its own name", code="cte", line=line_of(cte)
            )
        seen.add(name)
        visit.reads.ctes += 1
        if visit.reads.ctes > MAX_CTES:
            raise SqlRefused(f"more than {MAX_CTES} CTEs", code="cte", line=line_of(cte))
        # A CTE sees only earlier ones, not itself: Snowflake runs a recursive CTE even without the word RECURSIVE.
        visible[name] = _query(cte.this, visible, visit)
    return visible


def _items(query: exp.Expr, names: Mapping[str, int], reads: Reads) -> tuple[list[FromItem], int]:
    """The entries of FROM and JOIN, in order, and the number of tables read through the ones that are plain names."""
    from_ = query.args.get("from_")
    joins: list[exp.Join] = query.args.get("joins") or []
    found: list[FromItem] = []
    total = 0
    taken: set[str] = set()
    if from_ is None:
        return found, total
    for join in [None, *joins]:
        node: exp.Expr = from_.this if join is None else join.this
        table: LakeTable | None = None
        if type(node) is exp.Table:
            table, count = _table(node, names, reads)
            total += count
        elif not isinstance(node, exp.Subquery | exp.Lateral | exp.TableFromRows):
            raise SqlRefused(
                "FROM takes tables, CTEs, subqueries and LATERAL FLATTEN", code="expression", line=line_of(node)
            )
        alias = resolve(node.args["alias"].this) if node.args.get("alias") else ""
        name = alias or (resolve(node.this) if type(node) is exp.Table else "")
        if name and name in taken:
            raise SqlRefused(
                f"two tables in FROM are called {name.lower()[:60]}; give each its own alias",
                code="alias",
                line=line_of(node),
            )
        taken.add(name)
        found.append(FromItem(node, name, bool(alias), table, join))
    return found, total


def _table(table: exp.Table, names: Mapping[str, int], reads: Reads) -> tuple[LakeTable | None, int]:
    reads.named_in_from += 1
    alias = table.args.get("alias")
    if table.args.get("db") is None and table.args.get("catalog") is None:
        count = names.get(resolve(table.this))
        if count is not None:
            return None, count
    base = lake_table(table, reads.policy)
    if alias is not None and alias.args.get("columns"):
        # Renaming could pass off another column as p_event_time.
        raise SqlRefused("a table's alias may not rename its columns", code="alias", line=line_of(table))
    reads.tables.setdefault(base.name)
    return base, 1
