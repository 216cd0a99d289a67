"""A playbook's query: parsed once, filled with typed values as tree nodes, and checked.

The first time it is filled the guard sees the whole statement. Where only its literals can differ later, the statement
is kept and bound by putting other literals into it (`prepared`).
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self

from sqlglot import exp

from triage.domain.sql import syntax, times
from triage.domain.sql.batch import COLUMN_NAME
from triage.domain.sql.guard import ReadOnlyQuery, settle
from triage.domain.sql.policy import DEFAULT, Dialect, SqlPolicy, SqlRefused
from triage.domain.sql.prepared import PLAIN_PLACES, ParameterValue, Prepared, is_plain, prepare
from triage.domain.sql.sources import Sources, sources_in
from triage.domain.sql.tokens import PARAMETER_PREFIX, scan
from triage.domain.window import TimeWindow


class ParameterType(StrEnum):
    """The type of a `:name` in a template."""

    STRING = "string"
    STRINGS = "strings"
    """One or more strings: `IN (:name)`, or an array anywhere else, as in `ARRAYS_OVERLAP(:name, p_any_emails)`."""
    TIMESTAMP = "timestamp"
    """An aware moment."""
    INTEGER = "integer"
    IDENTIFIER = "identifier"
    """A table or column name that the program chose from a list: lower-case letters, digits and underscores."""


BUILT_IN: Mapping[str, ParameterType] = {
    "start": ParameterType.TIMESTAMP,
    "end": ParameterType.TIMESTAMP,
    "limit": ParameterType.INTEGER,
}
"""Available in every template: the window and the row limit."""

_PREPARED = frozenset({ParameterType.STRING, ParameterType.STRINGS, ParameterType.TIMESTAMP})
"""Types of the parameters that a template may declare if its statement is to be kept."""
_MOST_PREPARED = 64
"""Statements kept per template; they differ in which lists have one entry and which have more."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,127}")

_SAMPLE_NOW = datetime(2026, 1, 2, tzinfo=UTC)
_SAMPLES: Mapping[ParameterType, ParameterValue] = {
    ParameterType.STRING: "x",
    ParameterType.STRINGS: ("x", "y"),
    ParameterType.TIMESTAMP: _SAMPLE_NOW - timedelta(hours=1),
    ParameterType.INTEGER: 1,
    ParameterType.IDENTIFIER: "sample_name",
}


@dataclass(frozen=True, slots=True, eq=False)
class QueryTemplate:
    """A query with typed parameters. Create one with `parse`."""

    text: str
    """As the author wrote it."""
    parameters: Mapping[str, ParameterType]
    """The declared ones, without `start`, `end` and `limit`."""
    policy: SqlPolicy
    _tree: exp.Query
    _proven: set[str] = field(default_factory=set)
    """Shapes of filled statements that were verified; see `guard.settle`."""
    _prepared: dict[tuple[bool, ...], Prepared | None] = field(default_factory=dict)
    """By which lists have one entry and whether the limit is one; `None` where the guard has to see each statement."""
    _sources: list[Sources | None] = field(default_factory=list)
    """Found out when they are first wanted."""

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        parameters: Mapping[str, ParameterType] | None = None,
        policy: SqlPolicy = DEFAULT,
        tried: bool = True,
    ) -> Self:
        """Parse a template, and make sure that it is one bounded read once it is filled.

        A template that loads may still be refused when it is filled for a lake other than Snowflake.

        Args:
            text: SQL in Snowflake's dialect. `:name` is a parameter; a JSON path's colon touches its column.
            parameters: The type of each name besides `start`, `end` and `limit`; each must occur.
            policy: What it may read.
            tried: Fill it with sample values once, so that a template that can't be filled is refused here and not by
                `bind`. Takes longer than everything else.

        Raises:
            SqlRefused: with the line if it is known.
        """
        declared = dict(parameters or {})
        for name in declared:
            if not _NAME.fullmatch(name) or name in BUILT_IN:
                raise SqlRefused(
                    f"parameter {name[:60]!r}: names are lower-case words other than {', '.join(BUILT_IN)}",
                    code="parameter",
                )
        scanned = scan(text, policy, parameters=frozenset(declared) | frozenset(BUILT_IN))
        unused = sorted(set(declared) - scanned.parameters)
        if unused:
            raise SqlRefused(f"parameter :{unused[0]} is declared but does not occur", code="parameter")
        template = cls(text, declared, policy, syntax.parse(scanned.text, scanned.tokens))
        if tried:
            window = TimeWindow(_SAMPLE_NOW - min(timedelta(days=1), policy.max_window), _SAMPLE_NOW)
            samples = {name: _SAMPLES[kind] for name, kind in declared.items()}
            template.bind(samples, window=window, limit=policy.max_limit, now=_SAMPLE_NOW, dialect=Dialect.SNOWFLAKE)
        return template

    def bind(
        self,
        values: Mapping[str, ParameterValue],
        *,
        window: TimeWindow,
        limit: int,
        now: datetime,
        dialect: Dialect | None = None,
    ) -> ReadOnlyQuery:
        """Fill the template.

        Args:
            values: One value of the right type for each declared parameter.
            window: `:start` and `:end`; also the bound of a table that has none in the template.
            limit: `:limit`, and the highest LIMIT of the statement, in rows.
            now: The present, aware.
            dialect: The lake's dialect, if it isn't the policy's.

        Raises:
            SqlRefused: a value is missing, of the wrong type or empty, or the filled query is refused.
        """
        if set(values) != set(self.parameters):
            odd = sorted(set(values) ^ set(self.parameters))
            raise SqlRefused(f"missing or unknown parameter: {', '.join(odd)[:200]}", code="parameter")
        if limit < 1:
            raise SqlRefused("the limit must be at least 1", code="limit")
        filled: dict[str, ParameterValue] = {**values, "start": window.start, "end": window.end, "limit": limit}
        policy = replace(
            self.policy, max_limit=min(limit, self.policy.max_limit), dialect=dialect or self.policy.dialect
        )
        case = self._case(filled, policy.dialect, now)
        kept = self._prepared.get(case) if case is not None else None
        if kept is not None and (query := kept.bound(filled, policy=policy, now=now)) is not None:
            return query
        types = {**self.parameters, **BUILT_IN}
        for name, value in filled.items():
            _nodes(name, types[name], value)  # so that a value of the wrong type is reported first
        tree, names = copy_of(self._tree)
        holes = [name for name in names if name.name.startswith(PARAMETER_PREFIX)]
        placed = syntax.guarded(lambda: _fill(holes, types, filled))
        # A value whose text the parser reads, such as a path, may be refused though another one was not.
        proven = self._proven if placed is not None else None
        settled = settle(tree, policy=policy, window=window, now=now, proven=proven)
        if case is not None and case not in self._prepared and len(self._prepared) < _MOST_PREPARED:
            self._prepared[case] = (
                prepare(settled, filled, placed=placed, policy=policy, now=now) if placed is not None else None
            )
        return settled.query

    def _case(self, values: Mapping[str, ParameterValue], dialect: Dialect, now: datetime) -> tuple[bool, ...] | None:
        """Under which a statement with these values is kept; `None` if it isn't."""
        if dialect is not Dialect.SNOWFLAKE or not _PREPARED.issuperset(self.parameters.values()):
            return None
        if self._tree.args.get("limit") is None:
            return None  # the guard adds the highest, which differs
        if not all(_fits(kind, values[name]) for name, kind in self.parameters.items()) or not is_plain(values, now):
            return None
        lists = [name for name, kind in self.parameters.items() if kind is ParameterType.STRINGS]
        return values["limit"] == 1, *(len(values[name]) == 1 for name in lists)  # type: ignore[arg-type]  # lists by their type

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the result's columns, in order; empty unless each has an alias that needs no quotes."""
        names = [item.alias if isinstance(item, exp.Alias) else "" for item in self._tree.selects]
        return tuple(names) if all(map(COLUMN_NAME.fullmatch, names)) and len(set(names)) == len(names) else ()

    @property
    def sources(self) -> Sources | None:
        """Where its columns come from, whatever values it is filled with; `None` if it is nested too deeply."""
        if not self._sources:
            self._sources.append(sources_in(self._tree))
        return self._sources[0]

    @property
    def row_order(self) -> tuple[tuple[int, bool], ...]:
        """The order of the rows: positions of columns, counted from 0, and whether descending.

        Empty unless ORDER BY gives it as positions of the query's columns (`ORDER BY 2 DESC, 1`).
        """
        order = self._tree.args.get("order")
        items = order.expressions if order is not None else []
        found = [
            (int(item.this.name) - 1, bool(item.args.get("desc")))
            for item in items
            if isinstance(item.this, exp.Literal) and item.this.is_int
        ]
        fits = len(found) == len(items) and all(0 <= place < len(self._tree.selects) for place, _ in found)
        return tuple(found) if fits else ()


def _nodes(name: str, kind: ParameterType, value: ParameterValue) -> list[exp.Expr]:
    """Turn a value into literals. Raises SqlRefused if it doesn't have the declared type."""
    match kind:
        case ParameterType.STRING if isinstance(value, str):
            return [_string(name, value)]
        case ParameterType.STRINGS if not isinstance(value, str | int | datetime) and len(value) > 0:
            return [_string(name, item) for item in value]
        case ParameterType.TIMESTAMP if isinstance(value, datetime) and value.utcoffset() is not None:
            return [times.typed(value)]
        case ParameterType.INTEGER if isinstance(value, int) and not isinstance(value, bool):
            number = exp.Literal.number(abs(value))
            return [exp.Neg(this=number) if value < 0 else number]
        case ParameterType.IDENTIFIER if isinstance(value, str) and _IDENTIFIER.fullmatch(value):
            return [exp.to_identifier(value, quoted=False)]
    raise SqlRefused(f"parameter :{name} needs a value of type {kind.value}", code="parameter")


def _string(name: str, value: object) -> exp.Expr:
    if not isinstance(value, str):
        raise SqlRefused(f"parameter :{name} needs strings", code="parameter")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise SqlRefused(f"parameter :{name} contains half of a surrogate pair", code="parameter") from error
    return exp.Literal.string(value)


def _fits(kind: ParameterType, value: ParameterValue) -> bool:
    match kind:
        case ParameterType.STRING:
            return isinstance(value, str)
        case ParameterType.STRINGS:
            return isinstance(value, list | tuple)
        case _:
            return isinstance(value, datetime)


def _fill(
    holes: Sequence[exp.Identifier], types: Mapping[str, ParameterType], values: Mapping[str, ParameterValue]
) -> Counter[str] | None:
    """Put the values in.

    Returns:
        How many literals of each parameter there are now; `None` if one is where its text could matter.
    """
    placed: Counter[str] = Counter()
    plain = True
    for hole in holes:
        name = hole.name.removeprefix(PARAMETER_PREFIX)
        # Created for each occurrence: the library takes longer to copy a node than to create one.
        nodes = _nodes(name, types[name], values[name])
        if types[name] is ParameterType.IDENTIFIER:
            hole.replace(nodes[0])
            continue
        column = hole.parent
        if type(column) is not exp.Column or set(column.args) > {"this"}:
            raise SqlRefused(
                f"parameter :{name} is in a place where only a name is allowed",
                code="parameter",
                line=syntax.line_of(hole),
            )
        for node in nodes:
            literal = node.this if isinstance(node, exp.Cast) else node
            literal.meta[syntax.PARAMETER] = name
        _put(column, types[name], nodes)
        placed[name] += len(nodes)
        plain = plain and (types[name] is ParameterType.TIMESTAMP or type(nodes[0].parent) in PLAIN_PLACES)
    return placed if plain else None


def _put(column: exp.Column, kind: ParameterType, nodes: list[exp.Expr]) -> None:
    parent = column.parent
    if kind is not ParameterType.STRINGS:
        column.replace(nodes[0])
    elif isinstance(parent, exp.In) and column.arg_key == "field":
        parent.set("field", None)
        parent.set("expressions", nodes)
    elif isinstance(parent, exp.In) and column.arg_key == "expressions":
        column.replace(nodes)
    else:
        column.replace(exp.Array(expressions=nodes))


def copy_of(tree: exp.Query) -> tuple[exp.Query, list[exp.Identifier]]:
    """Copy a tree node by node; also return the copy's identifiers, those nearer to the root first.

    The library's own copy takes several times as long, because it deep-copies the position of each name.
    """
    root = type(tree)()
    names: list[exp.Identifier] = []
    pairs: list[tuple[exp.Expr, exp.Expr]] = [(tree, root)]
    for node, twin in pairs:
        if node.meta:
            twin.meta.update(node.meta)
        if node.comments:
            twin.comments = [*node.comments]
        if type(twin) is exp.Identifier:
            names.append(twin)
        for key, value in node.args.items():
            if isinstance(value, exp.Expr):
                twin.args[key] = child = type(value)()
                child.parent, child.arg_key = twin, key
                pairs.append((value, child))
            elif type(value) is list:
                twin.args[key] = items = []
                for place, item in enumerate(value):
                    if not isinstance(item, exp.Expr):
                        items.append(item)
                        continue
                    child = type(item)()
                    child.parent, child.arg_key, child.index = twin, key, place
                    items.append(child)
                    pairs.append((item, child))
            else:
                twin.args[key] = value
    return root, names
