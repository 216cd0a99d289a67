"""The origins of an expression's value: what keeps a column's own value, what counts, and what makes something up."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlglot import exp

from triage.domain.sql.origin import COMPUTED, BaseColumn, Kind, Origin, Origins

MOST_ORIGINS = 32
"""More ways than this in which a value can come about are taken for a computation."""
_TEXT = frozenset({"VARCHAR", "TEXT", "CHAR", "VARIANT"})
_PART_OF_TIME = (
    exp.TimestampTrunc, exp.DateTrunc, exp.TsOrDsToDate, exp.Hour, exp.Minute, exp.Day, exp.DayOfMonth, exp.DayOfWeek,
    exp.DayOfWeekIso, exp.DayOfYear, exp.Dayname, exp.Month, exp.Monthname, exp.Week, exp.WeekOfYear, exp.Quarter,
    exp.Year,
)  # fmt: skip
_EXTREMES = (exp.Min, exp.Max, exp.AnyValue)


@dataclass(frozen=True, slots=True)
class Values:
    """Gives the origins of expressions within one SELECT."""

    column: Callable[[exp.Column], Origins]
    """Gives the origins of a column's name."""
    counted: Callable[[exp.Expr], frozenset[BaseColumn]]
    """Notes the condition under which a count counts, and gives its columns."""

    def of(self, node: exp.Expr) -> Origins:
        """The origins of a value; `COMPUTED` among them where it isn't known to be anything better."""
        found = self._of(node)
        return found if 0 < len(found) <= MOST_ORIGINS else COMPUTED

    def _of(self, node: exp.Expr) -> Origins:
        match node:
            case exp.Paren() | exp.Alias() | exp.Lower() | exp.Upper():
                return self.of(node.this)
            case exp.Trim() if node.args.get("expression") is None:
                return self.of(node.this)
            case exp.Column():
                return self.column(node)
            case exp.JSONExtract() | exp.Bracket() | exp.Dot():
                return self._path(node)
            case exp.Cast() | exp.TryCast():
                kind = node.args["to"]
                same = kind.this.name in _TEXT and not kind.expressions
                return self.of(node.this) if same else _in_part(self.of(node.this))
            case exp.Coalesce():
                return frozenset().union(*(self.of(each) for each in [node.this, *node.expressions]))
            case exp.Extract():
                return _in_part(self.of(node.expression))
            case _ if isinstance(node, _PART_OF_TIME):
                return _in_part(self.of(node.this))
            case exp.Count() | exp.ApproxDistinct() | exp.CountIf() | exp.Sum() | exp.Avg():
                return self._count(node)
            case _ if isinstance(node, _EXTREMES) and not node.expressions:
                return frozenset().union(*(map(_extreme, self.of(node.this))))
            case _:
                return COMPUTED

    def _path(self, node: exp.Expr) -> Origins:
        keys = keys_of(node)
        inner = node.this
        if keys is None or not isinstance(inner, exp.Column | exp.JSONExtract | exp.Bracket | exp.Dot):
            return COMPUTED
        return frozenset().union(*(_below(origin, keys) for origin in self.of(inner)))

    def _count(self, node: exp.Expr) -> Origins:
        counted = node.this
        condition = counted if isinstance(node, exp.CountIf) else _counting_choice(counted)
        if condition is not None:
            return frozenset({Origin(Kind.COUNT, self.counted(condition))})
        if isinstance(node, exp.Count):
            if isinstance(counted, exp.Star) or (isinstance(counted, exp.Literal) and not node.expressions):
                return frozenset({Origin(Kind.COUNT)})
            parts = counted.expressions if isinstance(counted, exp.Distinct) else [counted, *node.expressions]
        else:
            parts = [counted]
        columns: set[BaseColumn] = set()
        for origin in (origin for part in parts for origin in self.of(part)):
            if origin.kind is Kind.COMPUTED:
                return COMPUTED
            columns |= origin.columns
        return frozenset({Origin(Kind.COUNT, frozenset(columns))})


def _in_part(origins: Origins) -> Origins:
    return frozenset(
        origin if origin.kind in (Kind.COUNT, Kind.COMPUTED) else replace(origin, whole=False) for origin in origins
    )


def _extreme(origin: Origin) -> Origins:
    return frozenset({replace(origin, kind=Kind.EXTREME) if origin.kind is Kind.COLUMN else origin})


def _below(origin: Origin, keys: str) -> Origins:
    if origin.kind is not Kind.COLUMN or not origin.whole:
        return COMPUTED
    below = frozenset(BaseColumn(column.table, f"{column.path}.{keys}") for column in origin.columns)
    return frozenset({replace(origin, columns=below)})


def keys_of(node: exp.Expr) -> str | None:
    """The keys that a path adds to what it starts from; `None` where they are computed."""
    match node:
        case exp.Dot():
            return node.expression.name.lower() if isinstance(node.expression, exp.Identifier) else None
        case exp.Bracket() | exp.GetExtract() | exp.GetIgnoreCase():
            given = node.expressions or [node.expression]
            return str(given[0].this).lower() if len(given) == 1 and isinstance(given[0], exp.Literal) else None
        case exp.JSONExtract() | exp.JSONExtractScalar() if isinstance(node.expression, exp.JSONPath):
            keys = []
            for part in node.expression.expressions[1:]:
                if not isinstance(part, exp.JSONPathKey | exp.JSONPathSubscript) or not isinstance(
                    part.this, str | int
                ):
                    return None
                keys.append(str(part.this).lower())
            return ".".join(keys) or None
        case _:
            return None


def _counting_choice(node: exp.Expr) -> exp.Expr | None:
    """The condition of a choice between 1 and 0, which a sum of it counts."""
    if isinstance(node, exp.Case) and node.this is None and len(node.args["ifs"]) == 1:
        choice, otherwise = node.args["ifs"][0], node.args.get("default")
    elif isinstance(node, exp.If):
        choice, otherwise = node, node.args.get("false")
    else:
        return None
    nothing = otherwise is None or isinstance(otherwise, exp.Null) or _is_number(otherwise, "0")
    found: exp.Expr = choice.this
    return found if nothing and _is_number(choice.args["true"], "1") else None


def _is_number(node: exp.Expr, written: str) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string and str(node.this) == written
