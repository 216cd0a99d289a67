"""Lineage: for each column of a query's answer, the columns of the lake that it comes from, and under which conditions.

It errs to one side: what it doesn't follow is computed, and a query whose rows it can't account for is `shaped`.
Names are compared without letter case, and a name that several things could mean means all of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from sqlglot import exp
from sqlglot.errors import SqlglotError

from triage.domain.sql.conditions import OPAQUE, Condition, conditions_in
from triage.domain.sql.origin import COMPUTED, BaseColumn, Kind, Origin, Origins, Output, Relation, StarOutput
from triage.domain.sql.syntax import FAILURES, SNOWFLAKE
from triage.domain.sql.values import Values

__all__ = ["BaseColumn", "Condition", "Kind", "Lineage", "Origin", "Origins", "lineage_of"]

_FLATTENED = Relation(tuple(Output(name, COMPUTED) for name in ("seq", "key", "path", "index", "value", "this")))


@dataclass(frozen=True, slots=True)
class Lineage:
    """What the text of a query says about its answer."""

    relation: Relation
    conditions: tuple[Condition, ...]
    """Of every SELECT in it, bounds in time left out."""
    keys: frozenset[Origin]
    """By what rows are grouped or told apart, in any SELECT."""
    tables: tuple[str, ...]
    """Each as often as it is read."""
    shaped: bool
    """The number of rows depends on more than conditions and keys: an inner LIMIT, HAVING, EXCEPT, a cross join, …"""
    combined: bool
    """It joins, or unites several SELECTs."""
    nulls: bool
    """An outer join may leave columns empty."""

    @property
    def rows(self) -> int | None:
        """How many rows the answer has whatever the log holds; `None` if that depends on the log."""
        return self.relation.rows

    def output(self, column: str, columns: Sequence[str]) -> Output:
        """A column of the answer.

        Args:
            column: Its name.
            columns: The names of the answer's columns, in the lake's order.
        """
        outputs = self.relation.outputs
        names = [output.name for output in outputs if isinstance(output, Output) and output.name]
        name = column.lower()
        if len(set(names)) < len(names):
            # The lake renames the second one.
            return Output(name, COMPUTED)
        if not any(isinstance(output, StarOutput) for output in outputs):
            folded = [each.lower() for each in columns]
            if len(folded) == len(outputs) and folded.count(name) == 1:
                found = outputs[folded.index(name)]
                assert isinstance(found, Output)
                return found if found.name in ("", name) else Output(name, COMPUTED)
        return Output(name, self.relation.column(name) or COMPUTED)


@lru_cache(maxsize=256)
def lineage_of(sql: str) -> Lineage | None:
    """The lineage of a statement that the guard has emitted; `None` if it can't be read."""
    try:
        trees = SNOWFLAKE.parse(sql)
        tree = trees[0] if len(trees) == 1 else None
        return _Reading().whole(tree) if isinstance(tree, exp.Query) else None
    except (SqlglotError, *FAILURES):
        return None


@dataclass(slots=True)
class _Reading:
    """One query while it is read."""

    conditions: list[Condition] = field(default_factory=list)
    keys: set[Origin] = field(default_factory=set)
    tables: list[str] = field(default_factory=list)
    shaped: bool = False
    combined: bool = False
    nulls: bool = False

    def whole(self, tree: exp.Query) -> Lineage:
        relation = self.query(tree, {}, outermost=True)
        return Lineage(
            relation,
            tuple(self.conditions),
            frozenset(self.keys),
            tuple(self.tables),
            self.shaped,
            self.combined,
            self.nulls,
        )

    def query(self, query: exp.Expr, names: Mapping[str, Relation], *, outermost: bool = False) -> Relation:
        visible = dict(names)
        with_ = query.args.get("with_")
        for cte in with_.expressions if with_ is not None else ():
            visible[cte.alias.lower()] = _renamed(self.query(cte.this, visible), cte)
        limited = query.args.get("limit") is not None and not outermost
        self.shaped = self.shaped or limited or query.args.get("offset") is not None
        match query:
            case exp.Subquery():
                return self.query(query.this, visible)
            case exp.Select():
                found = self.select(query, visible)
            case exp.SetOperation():
                found = self.united(query, visible)
            case _:
                self.shaped = True
                return Relation((StarOutput(""),))
        # An explicit LIMIT below the rows that there always are cuts them.
        return found if query.args.get("limit") is None or outermost else Relation(found.outputs)

    def united(self, query: exp.SetOperation, names: Mapping[str, Relation]) -> Relation:
        one, other = self.query(query.this, names), self.query(query.expression, names)
        self.combined = True
        self.shaped = self.shaped or not isinstance(query, exp.Union)
        plain = [
            (mine, theirs)
            for mine, theirs in zip(one.outputs, other.outputs, strict=False)
            if isinstance(mine, Output) and isinstance(theirs, Output)
        ]
        if not len(plain) == len(one.outputs) == len(other.outputs):
            self.keys |= COMPUTED
            return Relation((StarOutput(""),))
        outputs = tuple(Output(mine.name, mine.origins | theirs.origins) for mine, theirs in plain)
        if query.args.get("distinct"):
            self.keys |= {origin for output in outputs for origin in output.origins}
            return Relation(outputs)
        rows = one.rows + other.rows if one.rows is not None and other.rows is not None else None
        return Relation(outputs, rows if isinstance(query, exp.Union) else None)

    # ---- one SELECT ----------------------------------------------------------------------------------------------

    def select(self, select: exp.Select, names: Mapping[str, Relation]) -> Relation:
        scope = _Scope(self, select)
        from_, joins = select.args.get("from_"), select.args.get("joins") or []
        if from_ is not None:
            self.item(scope, from_.this, names)
        for join in joins:
            self.item(scope, join.this, names)
            self.join(scope, join)
        where = select.args.get("where")
        # Above the SELECT that reads the table, a bound is no part of the window that coverage speaks of.
        direct = all(any(isinstance(each, StarOutput) for each in item.outputs) for item in scope.items.values())
        self.conditions += conditions_in(where.this if where is not None else None, scope.values.of, top=direct)
        filtered = bool(where or joins or select.args.get("having") or select.args.get("qualify"))
        self.shaped = self.shaped or bool(select.args.get("having") or select.args.get("qualify"))
        outputs = tuple(output for projection in select.expressions for output in scope.outputs(projection))
        grouped = select.args.get("group")
        if grouped is not None:
            self.group(scope, grouped, outputs)
        if select.args.get("distinct") is not None:
            self.key_by(outputs)
        counts = any(map(_aggregates, select.expressions))
        if grouped is None and counts and not select.args.get("having") and not select.args.get("qualify"):
            return Relation(outputs, 1)
        inner = [relation.rows for relation in scope.items.values()]
        fixed = grouped is None and not filtered and len(inner) <= 1 and select.args.get("distinct") is None
        return Relation(outputs, (inner[0] if inner else 1) if fixed else None)

    def item(self, scope: "_Scope", node: exp.Expr, names: Mapping[str, Relation]) -> None:
        """Add an entry of FROM or JOIN to a SELECT's scope."""
        name = node.alias_or_name.lower()
        if isinstance(node, exp.Table):
            plain = node.args.get("db") is None
            known = names.get(node.name.lower()) if plain else None
            if known is None and not plain:
                table = ".".join(
                    part.name.lower() for part in (node.args.get("catalog"), node.args["db"], node.this) if part
                )
                self.tables.append(table)
                known = Relation((StarOutput(table),))
            scope.items[name] = _renamed(known or Relation((StarOutput(""),)), node)
        elif isinstance(node, exp.Subquery):
            scope.items[name or f"({len(scope.items)})"] = _renamed(self.query(node.this, names), node)
        else:
            # FLATTEN: a row for each item of a list.
            self.shaped = True
            scope.items[name or f"({len(scope.items)})"] = _FLATTENED

    def join(self, scope: "_Scope", join: exp.Join) -> None:
        self.combined = True
        self.nulls = self.nulls or str(join.args.get("side") or "").upper() in ("LEFT", "RIGHT", "FULL")
        condition, using = join.args.get("on"), join.args.get("using") or []
        if condition is None and not using:
            self.shaped = True
        self.conditions += conditions_in(condition, scope.values.of)
        for name in using:
            origins = scope.named(name.name.lower())
            same = all(origin.kind is Kind.COLUMN for origin in origins)
            columns = frozenset(column for origin in origins for column in origin.columns)
            self.conditions.append(Condition(columns) if same and columns else OPAQUE)

    def group(self, scope: "_Scope", group: exp.Expr, outputs: Sequence[Output | StarOutput]) -> None:
        if group.args.get("all") or any(isinstance(each, exp.Literal) for each in group.expressions):
            self.key_by([output for output in outputs if not _is_count(output)])
        else:
            self.keys |= {origin for each in group.expressions for origin in scope.values.of(each)}
        if any(group.args.get(name) for name in ("cube", "rollup", "grouping_sets")):
            self.shaped = True

    def key_by(self, outputs: Sequence[Output | StarOutput]) -> None:
        for output in outputs:
            self.keys |= output.origins if isinstance(output, Output) else COMPUTED


@dataclass(slots=True)
class _Scope:
    """The names that one SELECT can use."""

    reading: _Reading
    select: exp.Select
    items: dict[str, Relation] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    """Aliases that are being followed."""

    @property
    def values(self) -> Values:
        return Values(self.column, self.counted)

    def column(self, node: exp.Column) -> Origins:
        name = node.name.lower()
        if isinstance(node.this, exp.Star):
            return COMPUTED
        if node.args.get("db") is not None:
            full = ".".join(
                part.name.lower() for part in (node.args.get("catalog"), node.args["db"], node.args["table"]) if part
            )
            known = full in self.reading.tables
            return frozenset({Origin(Kind.COLUMN, frozenset({BaseColumn(full, name)}))}) if known else COMPUTED
        if node.args.get("table") is not None:
            item = self.items.get(node.args["table"].name.lower())
            return (item.column(name) if item is not None else COMPUTED) or COMPUTED
        return self.named(name)

    def named(self, name: str) -> Origins:
        """A name without a table: every item may have it, and so may an alias of the same SELECT."""
        found = frozenset[Origin]().union(*(item.column(name) for item in self.items.values()))
        for projection in self.select.expressions:
            if isinstance(projection, exp.Alias) and projection.alias.lower() == name and name not in self.open:
                self.open.add(name)
                found |= self.values.of(projection.this)
                self.open.discard(name)
        return found or COMPUTED

    def counted(self, condition: exp.Expr) -> frozenset[BaseColumn]:
        found = list(conditions_in(condition, self.values.of, top=False))
        self.reading.conditions += found
        return frozenset(column for each in found for column in each.columns)

    def outputs(self, projection: exp.Expr) -> Iterator[Output | StarOutput]:
        star = projection if isinstance(projection, exp.Star) else projection.this
        if isinstance(star, exp.Star) and isinstance(projection, exp.Star | exp.Column):
            yield from self._star(projection, star)
        elif isinstance(projection, exp.Alias):
            yield Output(projection.alias.lower(), self.values.of(projection.this))
        else:
            name = projection.name.lower() if isinstance(projection, exp.Column) else ""
            yield Output(name, self.values.of(projection))

    def _star(self, projection: exp.Expr, star: exp.Star) -> Iterator[Output | StarOutput]:
        if star.args.get("replace") or star.args.get("rename"):
            yield StarOutput("")
            return
        table = projection.args.get("table") if isinstance(projection, exp.Column) else None
        wanted = [table.name.lower()] if table is not None else list(self.items)
        for name in wanted:
            item = self.items.get(name)
            yield from item.outputs if item is not None else (StarOutput(""),)


def _renamed(relation: Relation, holder: exp.Expr) -> Relation:
    """A relation under an alias; one that renames the columns hides where they come from."""
    alias = holder.args.get("alias")
    if isinstance(alias, exp.TableAlias) and alias.args.get("columns"):
        return Relation((StarOutput(""),), relation.rows)
    return relation


def _is_count(output: Output | StarOutput) -> bool:
    return isinstance(output, Output) and all(origin.kind in (Kind.COUNT, Kind.EXTREME) for origin in output.origins)


def _aggregates(projection: exp.Expr) -> bool:
    return any(
        not isinstance(found.parent, exp.Window)
        and found.find_ancestor(exp.Query) is projection.find_ancestor(exp.Query)
        for found in projection.find_all(exp.AggFunc)
    )
