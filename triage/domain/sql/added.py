"""Conditions added to a SELECT, and windows in words."""

from datetime import timedelta

from sqlglot import exp

from triage.domain.window import TimeWindow


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


def span(window: TimeWindow) -> str:
    return f"{window.start:%Y-%m-%d %H:%M:%S} to {window.end:%Y-%m-%d %H:%M:%S} UTC"


def length(span: timedelta) -> str:
    return f"{span.days} days" if span >= timedelta(days=2) else f"{span.total_seconds() / 3600:.0f} hours"
