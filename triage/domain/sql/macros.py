"""Panther's time macros, expanded to plain bounds.

Panther would expand them itself, but the explicit form is exact: the window that was checked is the window that runs,
a repeated or replayed question covers the same span, an evaluation at a past moment can't see later events, and the
other engines need no macros of their own. `p_occurs_since` gets an upper bound at `now` for the same reason.
"""

from datetime import datetime, timedelta

from sqlglot import exp

from triage.domain.sql import times
from triage.domain.sql.policy import SqlPolicy
from triage.domain.sql.refusal import SqlRefused
from triage.domain.sql.syntax import line_of

NAMES = frozenset(
    {
        "P_OCCURS_SINCE",
        "P_OCCURS_BETWEEN",
        "P_OCCURS_AROUND",
        "P_OCCURS_AFTER",
        "P_OCCURS_BEFORE",
        "P_CURRENT_TIMESTAMP",
    }
)

_FLAT = (exp.And, exp.Or, exp.Where, exp.Join, exp.Paren)
"""Where `a AND b` may stand without parentheses."""


def expand(calls: list[exp.Anonymous], *, policy: SqlPolicy, now: datetime) -> None:
    """Replace macro calls in their tree. Raises SqlRefused for a malformed one."""
    for call in calls:
        name = call.name.upper()
        if not isinstance(call.this, str):
            raise _malformed(call, "write the macro's name without quotes")
        if name == "P_CURRENT_TIMESTAMP":
            call.replace(exp.CurrentTimestamp())
    for call in calls:
        if call.name.upper() != "P_CURRENT_TIMESTAMP":
            condition = _condition(call, call.name.upper(), policy, now)
            flat = isinstance(call.parent, _FLAT) or not isinstance(condition, exp.And)
            call.replace(condition if flat else exp.Paren(this=condition))


def _condition(call: exp.Anonymous, name: str, policy: SqlPolicy, now: datetime) -> exp.Expr:
    arguments: list[exp.Expr] = list(call.expressions)
    given = 2 if name in {"P_OCCURS_BETWEEN", "P_OCCURS_AROUND"} else 1
    if not given <= len(arguments) <= given + 2:
        raise _malformed(call, f"it takes {given} to {given + 2} arguments")
    column = _column(call, arguments[given:])
    match name:
        case "P_OCCURS_SINCE":
            span = _offset(call, arguments[0])
            if span > policy.max_window:
                days = policy.max_window.days
                raise SqlRefused(
                    f"p_occurs_since reaches further back than {days} days; write p_occurs_since('{days} d') or less",
                    code="window",
                    line=line_of(call),
                )
            return _between(column, times.literal(now - span), times.literal(now))
        case "P_OCCURS_BETWEEN":
            return _between(column, _time(call, arguments[0], now), _time(call, arguments[1], now))
        case "P_OCCURS_AROUND":
            middle = times.moment(arguments[0], now)
            span = _offset(call, arguments[1])
            if middle is None:
                raise _malformed(call, "its first argument must be a time such as '2026-01-31 10:00:00'")
            try:
                return _between(column, times.literal(middle - span), times.literal(middle + span))
            except OverflowError as error:
                raise _malformed(call, "the window leaves the calendar") from error
        case "P_OCCURS_AFTER":
            return exp.GTE(this=column, expression=_time(call, arguments[0], now))
        case _:
            return exp.LTE(this=column, expression=_time(call, arguments[0], now))


def _between(column: exp.Column, start: exp.Expr, end: exp.Expr) -> exp.And:
    return exp.And(this=exp.GTE(this=column, expression=start), expression=exp.LTE(this=column.copy(), expression=end))


def _offset(call: exp.Anonymous, argument: exp.Expr) -> timedelta:
    span = times.offset(argument.name) if isinstance(argument, exp.Literal) else None
    if span is None:
        raise _malformed(call, f"its offset must be {times.OFFSET_USAGE}")
    return span


def _time(call: exp.Anonymous, argument: exp.Expr, now: datetime) -> exp.Expr:
    """A bound of the window: a constant becomes its moment, a column of another source stays a column."""
    found = times.moment(argument, now)
    if found is not None:
        return times.literal(found)
    if isinstance(argument, exp.Column) and type(argument.this) is exp.Identifier:
        return argument.copy()
    raise _malformed(
        call, "its times must be written such as '2026-01-31 10:00:00', or computed from CURRENT_TIMESTAMP"
    )


def _column(call: exp.Anonymous, arguments: list[exp.Expr]) -> exp.Column:
    names: list[exp.Identifier | None] = []
    for argument in arguments:
        if isinstance(argument, exp.Null):
            names.append(None)
        elif (
            isinstance(argument, exp.Column)
            and set(argument.args) <= {"this"}
            and type(argument.this) is exp.Identifier
        ):
            names.append(argument.this.copy())
        else:
            raise _malformed(
                call, "the alias and the column are plain names, as in p_occurs_since('1 d', t, start_time)"
            )
    alias = names[0] if names else None
    column = names[1] if len(names) > 1 else None
    return exp.Column(this=column or exp.to_identifier("p_event_time"), table=alias)


def _malformed(call: exp.Anonymous, why: str) -> SqlRefused:
    return SqlRefused(f"{call.name.lower()}: {why}", code="macro", line=line_of(call))
