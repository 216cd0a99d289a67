"""A template's statement that was guarded once, bound again by putting other literals into the places of the values.

The guard's verdict on a filled template depends on its tree and on a few values: the times that bound a table, the limit,
and whether a list has one entry or more. `prepare` keeps a guarded statement only where nothing else can matter: no
macro, no bound or limit that the guard added or changed, times compared with a time column directly, values only where
their text is written the same whatever it is. The statement that it gives for other values then has the tokens of the
guarded one; each new literal is checked to be exactly one, and size, windows and limit are checked anew. Everything else
goes the whole way, which also words the refusals.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from sqlglot import exp

from triage.domain.sql import syntax, times
from triage.domain.sql.bounds import Bound, conjuncts
from triage.domain.sql.characters import check_size
from triage.domain.sql.guard import MOST_LITERALS, ReadOnlyQuery, Settled, hull
from triage.domain.sql.policy import SqlPolicy, SqlRefused
from triage.domain.sql.tokens import check_literal
from triage.domain.window import TimeWindow

LIMIT = "limit"
"""The parameter of the statement's own limit."""

ParameterValue = str | int | datetime | Sequence[str]
"""The values that parameters take."""

Values = Mapping[str, ParameterValue]
"""Of every parameter, with `start`, `end` and `limit`."""

PLAIN_PLACES = frozenset(
    {
        exp.EQ,
        exp.NEQ,
        exp.GT,
        exp.GTE,
        exp.LT,
        exp.LTE,
        exp.In,
        exp.Like,
        exp.ILike,
        exp.RegexpLike,
        exp.Array,
        exp.Limit,
    }
)
"""Parents under which a literal is parsed and written in the same way whatever its text."""

_COMPARED = (exp.Between, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ)
"""What `bounds.read` reads."""
_EQUALITIES = (exp.EQ, exp.NullSafeEQ, exp.EqualNull, exp.In)
"""What `joins` reads."""


@dataclass(frozen=True, slots=True)
class _Edge:
    """One end of a table's time bound: a parameter's moment, or always the same one."""

    moment: datetime | str
    later: timedelta = timedelta()

    def at(self, values: Values) -> datetime:
        """Raises OverflowError beyond the calendar."""
        moment = values[self.moment] if isinstance(self.moment, str) else self.moment
        assert isinstance(moment, datetime)
        return moment.astimezone(UTC) + self.later


@dataclass(frozen=True, slots=True)
class Prepared:
    """A guarded statement without its values. Make it with `prepare`."""

    texts: tuple[str, ...]
    """Before, between and after the values."""
    names: tuple[str, ...]
    """The parameters whose values stand between them; a list's with commas."""
    fixed: int
    """Literals that are the template's own."""
    tables: tuple[str, ...]
    edges: tuple[tuple[tuple[_Edge, ...], tuple[_Edge, ...]], ...]
    """Of each bounded table, its starts and its ends."""
    own_limit: int | None
    """The statement's limit where it is no parameter."""

    def bound(self, values: Values, *, policy: SqlPolicy, now: datetime) -> ReadOnlyQuery | None:
        """The statement with these values; `None` where the guard has to see it, and to say why it refuses it.

        Args:
            values: Of the declared types; `is_plain`.
            policy: The template's, with the caller's limit as `max_limit`.
            now: The present, aware.
        """
        limit = self.own_limit if self.own_limit is not None else values[LIMIT]
        literals = self.fixed + sum(_size(values[name]) for name in self.names)
        if not isinstance(limit, int) or limit > policy.max_limit or literals > MOST_LITERALS:
            return None
        try:
            windows = [_window(starts, ends, values, now.astimezone(UTC)) for starts, ends in self.edges]
            texts = {name: _text(values[name]) for name in set(self.names)}
            filled = [text + texts[name] for text, name in zip(self.texts[:-1], self.names, strict=True)]
            sql = "".join([*filled, self.texts[-1]])
            check_size(sql, policy)
        except (OverflowError, SqlRefused):
            return None
        if not all(timedelta() <= end - start <= policy.max_window for start, end in windows):
            return None
        return ReadOnlyQuery(sql, self.tables, limit, hull([TimeWindow(start, end) for start, end in windows]))


def _size(value: ParameterValue) -> int:
    return len(value) if isinstance(value, list | tuple) else 1


def _text(value: ParameterValue) -> str:
    """A value as `syntax.emit` writes its literals. Raises SqlRefused where one isn't exactly one literal."""
    match value:
        case int():
            return str(value)
        case datetime():
            return _literal(times.written(value))
        case str():
            return _literal(value)
    return ", ".join(map(_literal, value))


@lru_cache(maxsize=8192)
def _literal(text: str) -> str:
    literal = syntax.string_text(text)
    check_literal(literal)
    return literal


def _window(starts: Sequence[_Edge], ends: Sequence[_Edge], values: Values, now: datetime) -> tuple[datetime, datetime]:
    """As `spans` reads it; its end may be before its start."""
    start = max(edge.at(values) for edge in starts)
    return start, min([*(edge.at(values) for edge in ends), max(now, start)])


def is_plain(values: Values, now: datetime) -> bool:
    """Whether the values are of the very types that a prepared statement takes; others are the whole way's to judge."""
    return now.utcoffset() is not None and all(
        type(value) in {str, int}
        or (isinstance(value, datetime) and value.utcoffset() is not None)
        or (type(value) in {list, tuple} and bool(value) and all(type(item) is str for item in value))  # type: ignore[union-attr]  # a list or a tuple by then
        for value in values.values()
    )


def prepare(
    settled: Settled, values: Values, *, placed: Counter[str], policy: SqlPolicy, now: datetime
) -> Prepared | None:
    """Keep a guarded statement for other values; `None` where more than their literals would differ.

    Args:
        settled: The statement that these values gave.
        values: Those of every parameter; `is_plain`.
        placed: How many literals each parameter has in the tree.
        policy: As for `Prepared.bound`.
        now: The present.
    """
    written, reads = settled.written, settled.reads
    # The statement ends with its limit, which is therefore a literal.
    named = Counter(filter(None, written.parameters))
    last = written.parameters[written.slotted[1][-1]]
    if reads.notes or settled.census.macros or named != placed or last not in {"", LIMIT}:
        return None
    edges = [each for bounds in reads.bounds if (each := _edges(bounds, values)) is not None]
    if len(edges) < len(reads.bounds) or not all(_is_readable(query, policy) for query in settled.census.queries):
        return None
    texts, names = _parts(written, values)
    made = Prepared(
        texts,
        names,
        fixed=written.parameters.count(""),
        tables=settled.query.tables,
        edges=tuple(edges),
        own_limit=None if last else settled.query.limit,
    )
    return made if made.bound(values, policy=policy, now=now) == settled.query else None


def _parts(written: syntax.Written, values: Values) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The text around the values, and their parameters; the template's own literals belong to the text."""
    texts, names, left = [""], list[str](), 0
    for before, number in zip(written.slotted[0], written.slotted[1], strict=False):
        name = written.parameters[number]
        if left:  # within a list, whose commas are written anew
            left -= 1
            continue
        texts[-1] += before
        if not name:
            texts[-1] += written.literals[number]
            continue
        texts.append("")
        names.append(name)
        left = _size(values[name]) - 1
    texts[-1] += written.slotted[0][-1]
    return tuple(texts), tuple(names)


def _edges(bounds: Sequence[Bound], values: Values) -> tuple[tuple[_Edge, ...], tuple[_Edge, ...]] | None:
    starts: list[_Edge] = []
    ends: list[_Edge] = []
    for bound in bounds:
        for moment, key, found in ((bound.start, "low", starts), (bound.end, "high", ends)):
            if moment is None:
                continue
            edge = _edge(bound.predicate, key, moment, values)
            if edge is None:
                return None
            found.append(edge)
    return tuple(starts), tuple(ends)


def _edge(predicate: exp.Expr, key: str, moment: datetime, values: Values) -> _Edge | None:
    """Where one end of a bound comes from; `None` where it is neither a parameter nor always the same."""
    sides = (
        [predicate.args[key]] if isinstance(predicate, exp.Between) else [predicate.this, predicate.args["expression"]]
    )
    names = [name for side in sides if (name := _parameter(side))]
    if names:
        value = values[names[0]]
        return _Edge(names[0], moment - value) if isinstance(value, datetime) else None
    return _Edge(moment) if times.is_fixed(predicate) and not any(map(_has_parameter, sides)) else None


def _parameter(side: exp.Expr) -> str:
    """The parameter whose moment an expression is; empty if it is anything else."""
    return (
        str(side.this.meta.get(syntax.PARAMETER, ""))
        if type(side) is exp.Cast and type(side.this) is exp.Literal
        else ""
    )


def _has_parameter(node: exp.Expr) -> bool:
    return any(literal.meta.get(syntax.PARAMETER) for literal in node.find_all(exp.Literal))


def _is_readable(query: exp.Query, policy: SqlPolicy) -> bool:
    """Whether the guard reads the bounds and joins of one SELECT alike whatever the values are."""
    where = query.args.get("where")
    conditions = [where.this] if where is not None else []
    conditions += [join.args["on"] for join in query.args.get("joins") or () if join.args.get("on") is not None]
    known = {name.upper() for name in policy.time_columns | policy.extra_time_columns}
    for part in (part for condition in conditions for part in conjuncts(condition)):
        if not _has_parameter(part):
            continue
        if isinstance(part, _COMPARED) and any(column.name.upper() in known for column in part.find_all(exp.Column)):
            sides = [value for value in part.args.values() if isinstance(value, exp.Expr)]
            if any(_has_parameter(side) and not _parameter(side) for side in sides):
                return False
        if query.args.get("joins") and any(map(_may_equal, part.find_all(*_EQUALITIES))):
            return False
    return True


def _may_equal(node: exp.Expr) -> bool:
    """Whether a comparison of columns holds a parameter, whose value may make its sides alike."""
    others = node.expressions if isinstance(node, exp.In) else [node.expression]
    return (
        _has_parameter(node)
        and node.this.find(exp.Column) is not None
        and any(other.find(exp.Column) for other in others)
    )
