"""The sources of a query's output columns: every column, and every key within one, whose text can be in a value.

Unlike `lineage`, which says what a value is known to be, this says what may be in it: it errs towards too many.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from sqlglot import exp
from sqlglot.errors import SqlglotError

from triage.domain.secret_patterns import names_secret
from triage.domain.sql.source import ANY_KEY, KEY_NAME, NOTHING, STAR, TABLE, Relation, Source, any_of, renamed, united
from triage.domain.sql.syntax import FAILURES, SNOWFLAKE
from triage.domain.sql.tokens import PARAMETER_PREFIX
from triage.domain.sql.values import keys_of

_FIRST_ALONE = (
    exp.Window, exp.WithinGroup, exp.Filter, exp.Order, exp.Ordered, exp.IgnoreNulls, exp.RespectNulls, exp.Nullif,
    exp.ArgMax, exp.ArgMin,
)  # fmt: skip
"""Only their first argument is part of the value."""
_KEPT = (
    exp.Paren, exp.Alias, exp.Lower, exp.Upper, exp.Trim, exp.Cast, exp.TryCast, exp.Coalesce, exp.Min, exp.Max,
    exp.AnyValue, exp.ArrayAgg, exp.ParseJSON, exp.JSONFormat, exp.ToVariant, exp.ToChar, exp.FirstValue, exp.LastValue,
    exp.Lag, exp.Lead, exp.Greatest, exp.Least, exp.Distinct,
)  # fmt: skip
"""They keep a value, or objects within it, as they are."""
_CUTTING = (
    exp.RegexpExtract, exp.RegexpExtractAll, exp.RegexpReplace, exp.Split, exp.SplitPart, exp.Substring, exp.Strtok,
    exp.StrtokToArray, exp.Left, exp.Right, exp.ParseUrl,
)  # fmt: skip
_WORD = re.compile(r"[\w-]+")
_COMPARISONS = (exp.EQ, exp.In, exp.Like, exp.ILike, exp.Contains, exp.StartsWith, exp.EndsWith, exp.RegexpLike)


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of a statement's columns."""

    relation: Relation
    named: frozenset[str]
    """Paths that a condition compares with the name of a secret."""

    def of(self, column: str, columns: Sequence[str]) -> Source:
        """The source of a column of the answer.

        Args:
            column: Its name.
            columns: The names of the answer's columns, in the lake's order.
        """
        name, folded = column.lower(), [each.lower() for each in columns]
        places = [place for place, each in enumerate(folded) if each == name]
        found = [self._at(place, len(folded)) for place in places]
        if found and all(each is not None and each[0] in ("", name) for each in found):
            return any_of(each[1] for each in found if each is not None)
        by_name = self.relation.column(name)
        if by_name is not None:
            return by_name
        # The lake has renamed it: it may be any of them.
        return any_of([Source(frozenset({name})), *(source for _, source in self.relation.outputs)])

    def _at(self, place: int, count: int) -> tuple[str, Source] | None:
        """The output at a place, unless a star before and one after it leave that open."""
        outputs = self.relation.outputs
        stars = [number for number, (name, _) in enumerate(outputs) if name == STAR]
        if not stars:
            return outputs[place] if count == len(outputs) else None
        if place < stars[0]:
            return outputs[place]
        from_end = place - count
        return outputs[from_end] if len(outputs) + from_end > stars[-1] else None


@lru_cache(maxsize=256)
def sources_of(sql: str) -> Sources | None:
    """The sources of a statement that the guard has emitted; `None` if it can't be read."""
    try:
        trees = SNOWFLAKE.parse(sql)
    except (SqlglotError, *FAILURES):
        return None
    tree = trees[0] if len(trees) == 1 else None
    return sources_in(tree) if isinstance(tree, exp.Query) else None


def sources_in(tree: exp.Query) -> Sources | None:
    """The sources of a parsed statement; `None` if it is nested too deeply."""
    reading = _Reading()
    try:
        relation = reading.query(tree, {}, None)
    except FAILURES:
        return None
    return Sources(relation, frozenset(reading.named))


@dataclass(slots=True)
class _Reading:
    """One statement while it is read."""

    named: set[str] = field(default_factory=set)

    def query(self, query: exp.Expr, names: Mapping[str, Relation], outer: "_Scope | None") -> Relation:
        visible = dict(names)
        with_ = query.args.get("with_")
        for cte in with_.expressions if with_ is not None else ():
            visible[cte.alias.lower()] = renamed(self.query(cte.this, visible, outer), cte)
        match query:
            case exp.Subquery():
                return self.query(query.this, visible, outer)
            case exp.SetOperation():
                return united(self.query(query.this, visible, outer), self.query(query.expression, visible, outer))
            case exp.Select():
                return self.select(query, visible, outer)
            case _:
                return TABLE

    def select(self, select: exp.Select, names: Mapping[str, Relation], outer: "_Scope | None") -> Relation:
        scope = _Scope(self, select, names, outer)
        from_ = select.args.get("from_")
        for item in [*([from_] if from_ is not None else []), *(select.args.get("joins") or [])]:
            scope.add(item.this)
        outputs = tuple(output for projection in select.expressions for output in scope.outputs(projection))
        for node in select.find_all(*_COMPARISONS):
            if any(literal.is_string and names_secret(literal.name) for literal in node.find_all(exp.Literal)):
                self.named |= scope.of_all(node.find_all(exp.Column, exp.JSONExtract)).paths
        return Relation(outputs)


@dataclass(slots=True)
class _Scope:
    """The names that one SELECT can use."""

    reading: _Reading
    select: exp.Select
    names: Mapping[str, Relation]
    outer: "_Scope | None"
    items: dict[str, Relation] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    """Aliases that are being followed."""

    def add(self, node: exp.Expr) -> None:
        """Add an entry of FROM or JOIN."""
        name = node.alias_or_name.lower() or f"({len(self.items)})"
        exploded = node.find(exp.Explode) if isinstance(node, exp.Lateral | exp.TableFromRows) else None
        if isinstance(node, exp.Table):
            known = self.names.get(node.name.lower()) if node.args.get("db") is None else None
            self.items[name] = renamed(known or TABLE, node)
        elif isinstance(node, exp.Subquery):
            self.items[name] = renamed(self.reading.query(node.this, self.names, self.outer), node)
        else:
            self.items[name] = self._flattened(exploded) if exploded is not None else TABLE

    def _flattened(self, node: exp.Explode) -> Relation:
        given = {each.name.lower(): each.expression for each in node.find_all(exp.Kwarg)}
        whole = self.of(given.get("input", node.this))
        path = given.get("path")
        if isinstance(path, exp.Literal):
            whole = whole.below(path.name.lower())
        value, keys = whole.flat.below(ANY_KEY), whole.flat.below(KEY_NAME)
        harmless = tuple((name, NOTHING) for name in ("seq", "path", "index"))
        return Relation((("key", replace(keys, made=False)), ("value", value), ("this", whole), *harmless))

    # ---- values --------------------------------------------------------------------------------------------------

    def of_all(self, nodes: Iterable[exp.Expr]) -> Source:
        return any_of(map(self.of, nodes))

    def of(self, node: exp.Expr) -> Source:
        """What may be in a value."""
        match node:
            case exp.Query():
                found = self.reading.query(node, self.names, self)
                return any_of(source for _, source in found.outputs)
            case exp.Column():
                return self._column(node)
            case exp.JSONExtract() | exp.JSONExtractScalar() | exp.Bracket() | exp.Dot() | exp.GetExtract():
                return self.of(node.this).below(_keys(node))
            case exp.GetIgnoreCase():
                return self.of(node.this).below(_keys(node))
            case exp.Case():
                default = node.args.get("default")
                branches = [each.args["true"] for each in node.args["ifs"]]
                return self.of_all([*branches, *([default] if default is not None else [])])
            case exp.If() | exp.Nvl2():
                return self.of_all(each for name in ("true", "false") if (each := node.args.get(name)) is not None)
            case exp.Struct() if all(isinstance(each, exp.PropertyEQ) for each in node.expressions):
                return Source(
                    parts=tuple((each.this.name.lower(), self.of(each.expression)) for each in node.expressions)
                )
            case exp.StarMap():
                return Source(parts=tuple(each for item in self.items.values() for each in item.outputs))
            case exp.Predicate() | exp.Connector() | exp.Not() | exp.Literal():
                return NOTHING
            case _ if isinstance(node, _FIRST_ALONE):
                return self.of(node.this)
            case _:
                found_in = self.of_all(node.iter_expressions())
                beginning = isinstance(node, exp.Left) and found_in.parts
                if isinstance(node, _KEPT) or beginning or not (found_in.paths or found_in.parts):
                    return found_in
                return self._made(node, found_in.flat)

    def _made(self, node: exp.Expr, source: Source) -> Source:
        if not isinstance(node, _CUTTING):
            return replace(source, made=True)
        # What follows `password=` in a text is under that name.
        texts = [each.name for each in node.find_all(exp.Literal) if each.is_string]
        words = [word.lower() for text in texts for word in _WORD.findall(text) if names_secret(word)]
        paths = source.paths | {f"{path}.{word}" for path in source.paths for word in words}
        return Source(paths, made=True, cut=True)

    def _column(self, node: exp.Column) -> Source:
        name = node.name.lower()
        if name.startswith(PARAMETER_PREFIX):
            return NOTHING
        table = node.args.get("table")
        scope: _Scope | None = self
        while scope is not None and table is not None and node.args.get("db") is None:
            item = scope.items.get(table.name.lower())
            if item is not None:
                return item.column(name) or Source(frozenset({name}))
            scope = scope.outer
        return Source(frozenset({name})) if table is not None else self.named(name)

    def named(self, name: str) -> Source:
        """A name without a table: a column of any item, or an alias of the same SELECT."""
        # A name that a subquery gives is no column of a table beside it: the lake would refuse both.
        given = [source for item in self.items.values() for each, source in item.outputs if each == name]
        found = given or [source for item in self.items.values() if (source := item.column(name)) is not None]
        if not given:
            for projection in self.select.expressions:
                if isinstance(projection, exp.Alias) and projection.alias.lower() == name and name not in self.open:
                    self.open.add(name)
                    found.append(self.of(projection.this))
                    self.open.discard(name)
        if found:
            return any_of(found)
        return self.outer.named(name) if self.outer is not None else Source(frozenset({name}))

    # ---- columns -------------------------------------------------------------------------------------------------

    def outputs(self, projection: exp.Expr) -> Iterator[tuple[str, Source]]:
        star = projection if isinstance(projection, exp.Star) else projection.this
        if isinstance(star, exp.Star) and isinstance(projection, exp.Star | exp.Column):
            yield from self._star(projection, star)
        elif isinstance(projection, exp.Alias):
            yield projection.alias.lower(), self.of(projection.this)
        else:
            yield projection.name.lower() if isinstance(projection, exp.Column) else "", self.of(projection)

    def _star(self, projection: exp.Expr, star: exp.Star) -> Iterator[tuple[str, Source]]:
        changed = [*(star.args.get("replace") or []), *(star.args.get("rename") or [])]
        given = {each.alias.lower(): self.of(each.this) for each in changed}
        gone = {each.name.lower() for each in star.args.get("except_") or []} | set(given)
        table = projection.args.get("table") if isinstance(projection, exp.Column) else None
        for name in [table.name.lower()] if table is not None else list(self.items):
            for each, source in self.items.get(name, TABLE).outputs:
                if each == STAR and given:
                    # Where among the columns of the table a renamed one is, isn't known.
                    yield from given.items()
                if each not in gone:
                    yield each, source
                elif each in given:
                    yield each, given[each]


def _keys(node: exp.Expr) -> str:
    """The keys of a path; of a computed key, the texts that it is made of."""
    found = keys_of(node)
    if found is not None:
        return found
    given = node.expressions if isinstance(node, exp.Bracket) else [node.expression]
    literals = [each for key in given for each in key.find_all(exp.Literal)]
    return "".join(each.name for each in literals if each.is_string).lower() or ANY_KEY
