"""Time bounds: which comparisons limit a table's rows in time, and to which window; and conditions added to a SELECT."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlglot import exp

from triage.domain.sql import times
from triage.domain.window import TimeWindow


@dataclass(frozen=True, slots=True)
class Bound:
    """One comparison of a time column with a constant time."""

    predicate: exp.Expr
    column: exp.Column
    start: datetime | None
    """Excludes rows before it."""
    end: datetime | None
    """Excludes rows after it."""
    fixed: bool
    """Whether the start is a fixed date, so that a window without an end grows every day."""


def conjuncts(condition: exp.Expr | None) -> Iterator[exp.Expr]:
    """The conjuncts of a condition: the parts joined by AND."""
    stack = [condition] if condition is not None else []
    while stack:
        node = stack.pop()
        if isinstance(node, exp.And):
            stack += [node.args["expression"], node.this]
        elif isinstance(node, exp.Paren):
            stack.append(node.this)
        else:
            yield node


def bounds_in(condition: exp.Expr | None, now: datetime) -> Iterator[Bound]:
    """The bounds among the conjuncts; nothing inside an OR or a NOT counts."""
    for part in conjuncts(condition):
        found = read(part, now)
        if found is not None:
            yield found


def bounds_in_branches(condition: exp.Expr | None, now: datetime) -> Iterator[Bound]:
    """The bounds in the branches of an OR."""
    stack = [part for part in conjuncts(condition) if isinstance(part, exp.Or)]
    while stack:
        node = stack.pop()
        for side in (node.this, node.args["expression"]):
            yield from bounds_in(side, now)
            stack += [part for part in conjuncts(side) if isinstance(part, exp.Or)]


def read(predicate: exp.Expr, now: datetime) -> Bound | None:
    """Read one comparison; `None` if it doesn't bound a column by a constant time."""
    match predicate:
        case exp.Between() if not predicate.args.get("symmetric"):
            return _between(predicate, now)
        case exp.GT() | exp.GTE() | exp.LT() | exp.LTE() | exp.EQ():
            return _comparison(predicate, now)
        case _:
            return None


def _between(predicate: exp.Between, now: datetime) -> Bound | None:
    found = _column(predicate.this)
    start = times.moment(predicate.args["low"], now)
    if found is None or start is None:
        return None
    column, step = found
    end = times.moment(predicate.args["high"], now)
    fixed = times.is_fixed(predicate.args["low"])
    return Bound(predicate, column, start, _later(end, step), fixed)


def _comparison(predicate: exp.Expr, now: datetime) -> Bound | None:
    left, right = predicate.this, predicate.args["expression"]
    kind = type(predicate)
    if isinstance(left, exp.DateDiff) and kind in {exp.LT, exp.LTE}:
        return _difference(predicate, left, right, now)
    found = _column(left)
    if found is None:
        found, right = _column(right), left
        kind = _MIRRORED[kind]
    constant = times.moment(right, now) if found is not None else None
    if found is None or constant is None:
        return None
    column, step = found
    fixed = times.is_fixed(right)
    if kind in {exp.GT, exp.GTE}:
        return Bound(predicate, column, constant, None, fixed)
    if kind is exp.LT:
        return Bound(predicate, column, None, constant if step is not None else None, fixed)
    start = constant if kind is exp.EQ else None
    return Bound(predicate, column, start, _later(constant, step), fixed)


_MIRRORED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
    exp.EQ: exp.EQ,
}


def _difference(predicate: exp.Expr, difference: exp.DateDiff, limit: exp.Expr, now: datetime) -> Bound | None:
    """`DATEDIFF(HOUR, column, CURRENT_TIMESTAMP) < 24`."""
    found = _column(difference.args["expression"])
    reference = times.moment(difference.this, now)
    count = times.integer(limit)
    if found is None or reference is None or count is None:
        return None
    start = times.difference_floor(reference, count, times.unit_of(difference))
    return None if start is None else Bound(predicate, found[0], start, None, times.is_fixed(difference.this))


def _column(expression: exp.Expr) -> tuple[exp.Column, timedelta | None] | None:
    """The column in a comparison, and by how much a row's time may exceed the compared value.

    That is a day for `column::date`, and `None` for a value truncated to a unit, for which only a lower bound is known.
    """
    match expression:
        case exp.Column() if type(expression.this) is exp.Identifier:
            return expression, timedelta()
        case exp.Paren():
            return _column(expression.this)
        case exp.Cast() if times.is_timestamp_type(expression.args.get("to")):
            return _column(expression.this)
        case exp.Cast() if times.is_date_type(expression.args.get("to")):
            inner = _column(expression.this)
            return None if inner is None else (inner[0], timedelta(days=1))
        case exp.TsOrDsToDate():
            inner = _column(expression.this)
            return None if inner is None else (inner[0], timedelta(days=1))
        case exp.TimestampTrunc() | exp.DateTrunc():
            inner = _column(expression.this)
            return None if inner is None else (inner[0], None)
        case _:
            return None


def _later(end: datetime | None, step: timedelta | None) -> datetime | None:
    if end is None or step is None:
        return None
    try:
        return end + step
    except OverflowError:
        return None


def add_where(select: exp.Select, conditions: list[exp.Expr]) -> None:
    where = select.args.get("where")
    if where is None:
        select.set("where", exp.Where(this=exp.And(this=conditions[0], expression=conditions[1])))
    else:
        where.set("this", both(where.this, conditions))


def both(condition: exp.Expr, more: list[exp.Expr]) -> exp.Expr:
    result = exp.Paren(this=condition) if isinstance(condition, exp.Or | exp.Xor) else condition
    for part in more:
        result = exp.And(this=result, expression=part)
    return result


def window_text(window: TimeWindow) -> str:
    return f"{window.start:%Y-%m-%d %H:%M:%S} to {window.end:%Y-%m-%d %H:%M:%S} UTC"


def duration_text(span: timedelta) -> str:
    return f"{span.days} days" if span >= timedelta(days=2) else f"{span.total_seconds() / 3600:.0f} hours"
