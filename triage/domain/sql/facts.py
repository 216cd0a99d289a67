"""What two readings of one statement have in common, whichever language it is written in."""

from collections import Counter

from sqlglot import exp

from triage.domain.sql import times

_SHAPE = (
    exp.Select,
    exp.SetOperation,
    exp.Subquery,
    exp.Join,
    exp.Where,
    exp.Having,
    exp.And,
    exp.Or,
    exp.Not,
    exp.EQ,
    exp.NEQ,
    exp.GTE,
    exp.LT,
    exp.LTE,
    exp.Between,
    exp.In,
    exp.Limit,
)
_UNIT_HOLDERS = (
    exp.Interval,
    exp.DateAdd,
    exp.DateDiff,
    exp.TimestampAdd,
    exp.TimestampTrunc,
    exp.DateTrunc,
    exp.JSONPath,
)
"""Their strings name units or paths, which each language writes in its own way."""


def facts(tree: exp.Expr | None) -> tuple[object, ...]:
    """What must be the same on both sides of the written text: shape, names, conditions, strings, times and limit."""
    if not isinstance(tree, exp.Select | exp.SetOperation):
        return ()
    kinds: Counter[str] = Counter()
    for node in tree.walk():
        match node:
            case exp.Table() | exp.Column():
                kinds[f"{type(node).__name__} {'.'.join(part.name.lower() for part in node.parts)}"] += 1
            case exp.Literal() if node.is_string and not isinstance(node.parent, _UNIT_HOLDERS):
                kinds[f"'{node.name}"] += 1
            case exp.Cast() if isinstance(node.this, exp.Literal) and times.is_time_type(node.to):
                kinds[f"{node.this.name}::{times.is_date_type(node.to)}"] += 1
            case _ if isinstance(node, _SHAPE):
                kinds[type(node).__name__] += 1
    limit = tree.args.get("limit")
    return type(tree), kinds, limit.expression.name if limit is not None else None
