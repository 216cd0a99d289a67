"""Whole statements: which tables they read, what kind each column has, and the joins that DuckDB writes differently."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlglot import exp

from triage.sandbox.columns import Columns, SqlKind
from triage.sandbox.errors import QueryError
from triage.sandbox.sql.objects import DEFAULT_NAMES, FLATTENED, flatten_rows
from triage.sandbox.sql.rules import rewrite
from triage.sandbox.sql.values import Node, call, kind_of, mark, named, step
from triage.sandbox.world import LakeTable

_NAMES = (exp.Identifier, exp.DataType, exp.Var, exp.JSONPath)
_AGGREGATES = (exp.Window, exp.WithinGroup, exp.Filter)


_MOST_TABLES = 2_000
"""A few common table expressions that each join the one before with itself make any number of tables; DuckDB would try
to expand them all, which cannot be interrupted."""


class Relation(dict[str, SqlKind]):
    """What a table, a subquery or a common table expression gives: kinds by lower-case column name."""

    def __init__(self, columns: Columns, size: int = 1) -> None:
        """Note how many tables it reads once everything is expanded. Raises QueryError above the limit."""
        super().__init__(columns)
        self.size = size
        if size > _MOST_TABLES:
            raise QueryError.unsupported(f"more than {_MOST_TABLES} tables in one statement")


@dataclass(slots=True)
class Scope:
    """The names that one SELECT can see."""

    sources: dict[str, Relation] = field(default_factory=dict)
    """Columns by table alias, all in lower case."""
    aliases: Columns = field(default_factory=dict)
    """Names that the SELECT list has given so far; Snowflake lets later expressions use them."""
    outer: "Scope | None" = None
    size: int = 0
    """Tables read so far."""

    def add(self, alias: str, relation: Relation) -> None:
        """Note a source."""
        self.sources[alias] = relation
        self.size += relation.size

    def kind(self, column: exp.Column) -> SqlKind:
        """The kind of a column by its name, as far as it is known."""
        name, table = column.name.lower(), column.table.lower()
        sources = [self.sources[table]] if table in self.sources else [] if table else list(self.sources.values())
        for columns in sources:
            if name in columns:
                return columns[name]
        if not table and name in self.aliases:
            return self.aliases[name]
        return self.outer.kind(column) if self.outer else SqlKind.UNKNOWN


class Binder:
    """Translates one statement in place."""

    def __init__(self, catalog: Mapping[LakeTable, Columns], *, database: str, now: datetime) -> None:
        """Prepare for one statement.

        Args:
            catalog: Columns of every table, in the table's own case.
            database: Where unqualified names are looked up.
            now: The value of CURRENT_TIMESTAMP.
        """
        self.tables: set[LakeTable] = set()
        self._catalog = catalog
        self._database = database
        self._now = now
        self._mentioned: set[str] = set()
        self._unnamed = 0

    def statement(self, node: exp.Query) -> None:
        """Translate a whole statement in place."""
        self._mentioned = {column.name.lower() for column in node.find_all(exp.Column)}
        if any(not isinstance(star.parent, exp.Count) for star in node.find_all(exp.Star)):
            self._mentioned.add("*")
        self.query(node, {})

    def query(self, node: Node, ctes: Mapping[str, Relation], outer: Scope | None = None) -> Relation:
        """Translate a query and everything in it.

        Returns:
            Its output columns by lower-case name.
        """
        visible = dict(ctes)
        with_ = node.args.get("with_")
        for cte in with_.expressions if with_ else ():
            if with_ and with_.args.get("recursive"):
                visible[cte.alias.lower()] = Relation({})
            relation = self.query(cte.this, visible, outer)
            visible[cte.alias.lower()] = _renamed(relation, cte.args.get("alias"))
        if isinstance(node, exp.Subquery):
            return self.query(node.this, visible, outer)
        if isinstance(node, exp.SetOperation):
            left = self.query(node.this, visible, outer)
            right = self.query(node.args["expression"], visible, outer)
            scope = Scope(sources={"": left}, outer=outer)
            self._clauses(node, scope, visible, skip={"with_", "this", "expression"})
            columns = {
                name: SqlKind.VARIANT if SqlKind.VARIANT in (kind, other) else kind
                for (name, kind), other in zip(left.items(), _padded(right, len(left)), strict=True)
            }
            return Relation(columns, left.size + right.size)
        if isinstance(node, exp.Select):
            return self._select(node, visible, outer)
        raise QueryError.unsupported(type(node).__name__.upper())

    def _select(self, node: exp.Select, ctes: Mapping[str, Relation], outer: Scope | None) -> Relation:
        for unsupported, name in (("match", "MATCH_RECOGNIZE"), ("into", "INTO"), ("connect", "CONNECT BY")):
            if node.args.get(unsupported):
                raise QueryError.unsupported(name)
        scope = Scope(outer=outer)
        if node.args.get("from_"):
            self._source(node.args["from_"], scope, ctes)
        for join in node.args.get("joins") or ():
            self._join(join, scope, ctes)
        if node.args.get("laterals"):
            raise QueryError.unsupported("LATERAL VIEW")
        projections = []
        for projection in node.expressions:
            translated = self._expression(named(projection), scope, ctes)
            if isinstance(translated, exp.Alias):
                scope.aliases.setdefault(translated.alias.lower(), kind_of(translated))
            projections.append(translated)
        node.set("expressions", projections)
        self._clauses(node, scope, ctes, skip={"with_", "from_", "joins", "expressions"})
        return Relation(_outputs(node, scope), max(1, scope.size))

    def _clauses(self, node: Node, scope: Scope, ctes: Mapping[str, Relation], *, skip: set[str]) -> None:
        for key, value in list(node.args.items()):
            if key in skip:
                continue
            if isinstance(value, Node):
                node.set(key, self._expression(value, scope, ctes))
            elif isinstance(value, list):
                node.set(key, [self._expression(v, scope, ctes) if isinstance(v, Node) else v for v in value])

    def _expression(self, node: Node, scope: Scope, ctes: Mapping[str, Relation]) -> Node:
        """Translate an expression from its leaves upwards."""
        if isinstance(node, _NAMES):
            return node
        if isinstance(node, exp.Query):
            outputs = self.query(node, ctes, scope)
            scope.size += outputs.size
            return mark(node, next(iter(outputs.values()), SqlKind.UNKNOWN))
        if isinstance(node, exp.StarMap):
            return self._whole_row(scope)
        self._clauses(node, scope, ctes, skip=set())
        if isinstance(node, exp.Group):
            # `GROUP BY (a, b)` is two columns to Snowflake and one row value to DuckDB.
            listed = node.expressions
            node.set(
                "expressions",
                [part for item in listed for part in (item.expressions if isinstance(item, exp.Tuple) else [item])],
            )
        if isinstance(node, exp.Column):
            return mark(node, scope.kind(node))
        node = mark(node, kind_of(node.this)) if isinstance(node, _AGGREGATES) else rewrite(node, self._now)
        core = node
        while isinstance(core, _AGGREGATES):
            core = core.this
        if isinstance(node.parent, _AGGREGATES) and node.arg_key == "this":
            return node
        if isinstance(core, exp.ArrayAgg | exp.ArrayUniqueAgg):
            # Over no rows Snowflake gives an empty array, and an empty text for LISTAGG.
            return mark(exp.Coalesce(this=node, expressions=[exp.Array(expressions=[])]), SqlKind.LIST)
        if isinstance(core, exp.GroupConcat):
            return mark(exp.Coalesce(this=node, expressions=[exp.Literal.string("")]), SqlKind.TEXT)
        return node

    def _whole_row(self, scope: Scope) -> Node:
        if len(scope.sources) != 1:
            raise QueryError.unsupported("OBJECT_CONSTRUCT(*) over several tables")
        row = exp.column(exp.to_identifier(next(iter(scope.sources)), quoted=True))
        return call("sf_object", call("to_json", row), kind=SqlKind.VARIANT)

    # ---- Tables --------------------------------------------------------------------------------------------------

    def _join(self, join: exp.Join, scope: Scope, ctes: Mapping[str, Relation]) -> None:
        self._source(join, scope, ctes)
        if isinstance(join.this, exp.Lateral):
            outer = bool(join.this.meta.get("outer")) or join.side == "LEFT"
            condition = join.args.get("on") or exp.true()
            join.set("kind", None)
            join.set("side", "LEFT" if outer else "INNER")
            join.set("on", condition)
        on = join.args.get("on")
        if on:
            join.set("on", self._expression(on, scope, ctes))

    def _source(self, holder: Node, scope: Scope, ctes: Mapping[str, Relation]) -> None:
        """Translate the source in FROM or JOIN, and note its columns under its alias."""
        node = holder.this
        self._unnamed += 1
        alias = node.alias_or_name.lower() or f"_{self._unnamed}"
        for joined in node.args.get("joins") or () if isinstance(node, exp.Table) else ():
            self._join(joined, scope, ctes)
        if isinstance(node, exp.Table):
            scope.add(alias, _renamed(self._table(node, ctes), node.args.get("alias")))
        elif isinstance(node, exp.Subquery):
            scope.add(alias, _renamed(self.query(node, ctes, scope), node.args.get("alias")))
        elif isinstance(node, exp.Lateral | exp.TableFromRows) and isinstance(node.this, exp.Explode):
            flattened = self._flatten(node, scope, ctes, lateral=isinstance(holder, exp.Join))
            holder.set("this", flattened)
            scope.add(flattened.alias.lower(), _renamed(Relation(FLATTENED), node.args.get("alias")))
        elif isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
            scope.add(alias, self.query(node.this, ctes, scope))
        elif isinstance(node, exp.TableFromRows) and isinstance(node.this, exp.Generator):
            scope.add(alias, Relation({}))
        elif isinstance(node, exp.Values):
            names = node.args["alias"].columns if node.args.get("alias") else []
            scope.add(alias, Relation({name.name.lower(): SqlKind.UNKNOWN for name in names}))
        else:
            raise QueryError.unsupported(f"table function {node.sql(dialect='snowflake')[:80]}")

    def _table(self, node: exp.Table, ctes: Mapping[str, Relation]) -> Relation:
        if not isinstance(node.this, exp.Identifier):
            raise QueryError.unsupported(f"table function {node.sql(dialect='snowflake')[:80]}")
        name, schema, database = node.name.lower(), node.db.lower(), node.catalog.lower()
        if not schema and name in ctes:
            return ctes[name]
        table = (database or self._database, name)
        if schema not in ("", "public") or table not in self._catalog:
            raise QueryError.no_table(".".join(part for part in (node.catalog, node.db, node.name) if part))
        self.tables.add(table)
        for key, part in (("catalog", table[0]), ("db", "public"), ("this", name)):
            node.set(key, exp.to_identifier(part, quoted=True))
        return Relation({column.lower(): kind for column, kind in self._catalog[table].items()})

    def _flatten(self, node: Node, scope: Scope, ctes: Mapping[str, Relation], *, lateral: bool) -> Node:
        """FLATTEN as a lateral subquery with one row for each element of an array or each key of an object."""
        arguments = {"input": node.this.this}
        for argument in (node.this.this, *node.this.expressions):
            if isinstance(argument, exp.Kwarg):
                arguments[argument.this.name.lower()] = argument.args["expression"]
        value = self._expression(arguments["input"], scope, ctes)
        for key in filter(None, arguments["path"].name.split(".") if "path" in arguments else ()):
            value = step(value, key)
        given = node.args.get("alias")
        renames = given is not None and [column.name for column in given.columns] not in ([], DEFAULT_NAMES)
        wanted = set(FLATTENED) if renames or "*" in self._mentioned else self._mentioned & set(FLATTENED)
        select = flatten_rows(value, wanted or {"value"}, recursive=_is_true(arguments.get("recursive")))
        self._unnamed += 1
        name = given.name if given and given.name != "_flattened" else f"_flattened{self._unnamed}"
        columns = [
            exp.to_identifier(column.name, quoted=True) for column in (given.columns if renames and given else ())
        ]
        alias = exp.TableAlias(this=exp.to_identifier(name, quoted=True), columns=columns)
        if not lateral:
            return exp.Subquery(this=select, alias=alias)
        joined = exp.Lateral(this=exp.Subquery(this=select), alias=alias)
        joined.meta["outer"] = _is_true(arguments.get("outer"))
        return joined


def _is_true(node: Node | None) -> bool:
    return isinstance(node, exp.Boolean) and bool(node.this)


def _renamed(relation: Relation, alias: Node | None) -> Relation:
    """Columns under the names that an alias such as `AS t(a, b)` gives them."""
    names = [column.name.lower() for column in alias.columns] if isinstance(alias, exp.TableAlias) else []
    if not names:
        return relation
    return Relation(dict(zip(names, relation.values(), strict=False)), relation.size)


def _padded(columns: Columns, length: int) -> list[SqlKind]:
    return [*columns.values(), *[SqlKind.UNKNOWN] * length][:length]


def _outputs(select: exp.Select, scope: Scope) -> Columns:
    columns: Columns = {}
    for projection in select.expressions:
        if projection.is_star:
            table = projection.args["table"].name.lower() if projection.args.get("table") else ""
            for source in [scope.sources[table]] if table in scope.sources else scope.sources.values():
                columns |= source
        else:
            columns[projection.alias_or_name.lower()] = kind_of(projection)
    return columns
