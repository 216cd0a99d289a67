"""The conditions of a query, one by one: which columns each compares with which literals.

A condition that this can't take apart is `opaque`: nothing that was counted under it is known to be what it seems.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlglot import exp

from triage.domain.sql.origin import TIMES, BaseColumn, Kind, Origin

Resolve = Callable[[exp.Expr], frozenset[Origin]]

_ORDER = (exp.GT, exp.GTE, exp.LT, exp.LTE)
_PATTERN = (exp.Like, exp.ILike, exp.StartsWith, exp.EndsWith, exp.Contains, exp.RegexpLike, exp.ArrayContains)


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison."""

    columns: frozenset[BaseColumn] = frozenset()
    literals: tuple[str, ...] = ()
    """The values that the columns are compared with, as text."""
    exact: bool = False
    """It holds of the rows whose column has one of the literals, or has a value at all; otherwise it may exclude rows,
    order them, match a pattern or relate two tables."""
    opaque: bool = False


OPAQUE = Condition(opaque=True)


def conditions_in(
    clause: exp.Expr | None, resolve: Resolve, *, top: bool = True, negated: bool = False
) -> Iterator[Condition]:
    """The conditions in a boolean expression; bounds on a time column, joined by AND to the rest, are left out.

    Args:
        clause: The expression of a WHERE, an ON, or a count's own condition.
        resolve: Gives the origins of a value.
        top: The expression has to hold, rather than one of several.
        negated: It stands below a NOT.
    """
    match clause:
        case None:
            return
        case exp.Paren():
            yield from conditions_in(clause.this, resolve, top=top, negated=negated)
        case exp.And() | exp.Or():
            still = top and isinstance(clause, exp.And) and not negated
            yield from conditions_in(clause.this, resolve, top=still, negated=negated)
            yield from conditions_in(clause.expression, resolve, top=still, negated=negated)
        case exp.Not():
            yield from conditions_in(clause.this, resolve, top=False, negated=not negated)
        case _:
            found = _condition(clause, resolve, negated)
            if not (top and not negated and _is_time_bound(clause, found)):
                yield found


def _condition(node: exp.Expr, resolve: Resolve, negated: bool) -> Condition:
    match node:
        case exp.EQ() | exp.NEQ() | exp.EqualNull() | exp.NullSafeEQ():
            return _compared([node.this, node.expression], resolve, exact=not negated and not isinstance(node, exp.NEQ))
        case exp.In() if node.args.get("query") is None:
            return _compared([node.this, *node.expressions], resolve, exact=not negated)
        case exp.Is():
            # `NOT x IS NULL`: there is a value.
            return _compared([node.this], resolve, exact=negated and isinstance(node.expression, exp.Null))
        case exp.Between():
            return _compared([node.this, node.args["low"], node.args["high"]], resolve)
        case exp.Column() | exp.Cast() | exp.JSONExtract():
            return _compared([node], resolve, exact=not negated)
        case _ if isinstance(node, _ORDER + _PATTERN):
            return _compared([node.this, node.expression], resolve)
        case _:
            return OPAQUE


def _compared(sides: list[exp.Expr], resolve: Resolve, *, exact: bool = False) -> Condition:
    columns: set[BaseColumn] = set()
    literals: list[str] = []
    named = 0
    for side in sides:
        constants = _constants(side)
        if constants is not None:
            literals += constants
            continue
        named += 1
        origins = resolve(side)
        if any(origin.kind is not Kind.COLUMN for origin in origins) or not origins:
            return OPAQUE
        exact = exact and len(origins) == 1 and all(origin.whole for origin in origins) and _fits(side, literals, sides)
        columns |= {column for origin in origins for column in origin.columns}
    if not columns:
        return OPAQUE
    return Condition(frozenset(columns), tuple(literals), exact and named == 1)


def _fits(side: exp.Expr, literals: list[str], sides: list[exp.Expr]) -> bool:
    """Whether a folded column could equal the literals at all: `LOWER(x) = 'ABC'` never holds."""
    wanted = [*literals, *(text for other in sides if other is not side for text in _constants(other) or ())]
    if side.find(exp.Lower) is not None:
        return all(text == text.lower() for text in wanted)
    return side.find(exp.Upper) is None or all(text == text.upper() for text in wanted)


def _constants(node: exp.Expr) -> list[str] | None:
    """The texts of an expression without columns; `None` if it has some or asks something."""
    if any(node.find_all(exp.Column, exp.Query, exp.Star)):
        return None
    return [str(literal.this) for literal in node.find_all(exp.Literal)]


def _is_time_bound(node: exp.Expr, found: Condition) -> bool:
    return (
        isinstance(node, (*_ORDER, exp.Between))
        # The guard has read the same literals for the query's window.
        and all(isinstance(side, exp.Literal | exp.Column) for side in node.iter_expressions())
        and not found.opaque
        and bool(found.literals)
        and len(found.columns) == 1
        and all(column.path in TIMES for column in found.columns)
    )
