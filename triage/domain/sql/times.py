"""Times in a query: what a constant expression evaluates to at a given moment, and how a moment is written as SQL."""

import calendar
import re
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta

from sqlglot import exp

OFFSET_USAGE = "a positive whole number of seconds, or one with s, m, h, d or w, such as '90 m', '6 h' or '1 day'"

IS_MOMENT = "moment"
"""Key in a node's `meta` that marks a literal written by `literal`."""

_DIGITS = 18
"""Whole numbers with more digits are not read; they would overflow in the lake as well."""

_OFFSET = re.compile(r"\s*([0-9]{1,9})\s*([a-z]*)\s*", re.IGNORECASE)
_INTERVAL = re.compile(r"\s*(-?[0-9]{1,9})\s*([a-z]+)?\s*", re.IGNORECASE)

_SECONDS = {
    **dict.fromkeys(("", "s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "wk", "week", "weeks"), 604_800),
}
"""The units of Panther's macros (Panther documentation, Data Explorer, "Macros")."""

_UNITS = {
    **{name: timedelta(seconds=seconds) for name, seconds in _SECONDS.items() if name not in {"", "m"}},
    "mi": timedelta(minutes=1),
    "hh": timedelta(hours=1),
    "dd": timedelta(days=1),
    "dayofmonth": timedelta(days=1),
    "ms": timedelta(milliseconds=1),
    "millisecond": timedelta(milliseconds=1),
    "milliseconds": timedelta(milliseconds=1),
    "us": timedelta(microseconds=1),
    "microsecond": timedelta(microseconds=1),
    "microseconds": timedelta(microseconds=1),
}
_MONTHS = {
    **dict.fromkeys(("month", "months", "mon", "mons", "mm"), 1),
    **dict.fromkeys(("quarter", "quarters", "qtr", "qtrs", "q"), 3),
    **dict.fromkeys(("year", "years", "y", "yr", "yrs", "yy", "yyyy"), 12),
}

TIMESTAMPS = frozenset(
    {
        exp.DataType.Type.TIMESTAMP,
        exp.DataType.Type.TIMESTAMPNTZ,
        exp.DataType.Type.TIMESTAMPLTZ,
        exp.DataType.Type.TIMESTAMPTZ,
        exp.DataType.Type.DATETIME,
    }
)
_CONVERSIONS = frozenset(
    {"TO_TIMESTAMP", "TO_TIMESTAMP_NTZ", "TO_TIMESTAMP_LTZ", "TO_TIMESTAMP_TZ", "TRY_TO_TIMESTAMP", "TO_DATE", "DATE"}
)


def offset(text: str) -> timedelta | None:
    """Read the offset of a macro; `None` if it is malformed or zero."""
    found = _OFFSET.fullmatch(text)
    if found is None:
        return None
    seconds = _SECONDS.get(found.group(2).lower())
    if seconds is None or int(found.group(1)) == 0:
        return None
    return timedelta(seconds=int(found.group(1)) * seconds) if int(found.group(1)) * seconds < 10**11 else None


def literal(moment: datetime) -> exp.Literal:
    """Write a moment in the form in which Panther stores times: UTC, without a zone.

    Compared with a column, the string takes the column's type. `dialects.translate` adds a cast for engines that need one.
    """
    found = exp.Literal.string(written(moment))
    found.meta[IS_MOMENT] = True
    return found


def written(moment: datetime) -> str:
    """The text of `literal`."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")


def typed(moment: datetime) -> exp.Cast:
    """Write a moment with a cast, so that it is a timestamp anywhere in a query."""
    return exp.Cast(this=literal(moment), to=exp.DataType(this=exp.DataType.Type.TIMESTAMPNTZ))


def is_fixed(expression: exp.Expr) -> bool:
    """Whether a constant expression gives the same moment whenever it is evaluated."""
    return expression.find(exp.CurrentTimestamp, exp.CurrentDate) is None


CONSTANTS = (
    exp.CurrentTimestamp,
    exp.CurrentDate,
    exp.Cast,
    exp.TsOrDsToDate,
    exp.Anonymous,
    exp.ConvertTimezone,
    exp.DateAdd,
    exp.TimeAdd,
    exp.TimestampAdd,
    exp.Add,
    exp.Sub,
    exp.TimestampTrunc,
    exp.DateTrunc,
)
"""Kinds of expression, besides strings, that `moment` may be able to evaluate."""


def is_date(expression: exp.Expr) -> bool:
    """Whether a constant time has the type DATE."""
    match expression:
        case exp.CurrentDate() | exp.TsOrDsToDate():
            return True
        case exp.Cast():
            return is_date_type(expression.args.get("to"))
        case exp.Anonymous():
            return expression.name.upper() in {"TO_DATE", "DATE"}
        case exp.Add() | exp.Sub() | exp.Paren():
            return is_date(expression.this)
        case _:
            return False


def is_timestamp_type(kind: exp.Expr | None) -> bool:
    return isinstance(kind, exp.DataType) and kind.this in TIMESTAMPS


def is_date_type(kind: exp.Expr | None) -> bool:
    return isinstance(kind, exp.DataType) and kind.this is exp.DataType.Type.DATE


def is_time_type(kind: exp.Expr | None) -> bool:
    return is_timestamp_type(kind) or is_date_type(kind)


def moment(expression: exp.Expr, now: datetime) -> datetime | None:  # noqa: PLR0911  (one case per kind of node)
    """The value of an expression at `now`, aware and in UTC; `None` if it isn't a constant time or isn't supported."""
    try:
        match expression:
            case exp.Literal() if expression.is_string:
                return _written(expression.name)
            case exp.Paren():
                return moment(expression.this, now)
            case exp.CurrentTimestamp():
                return now
            case exp.CurrentDate() if expression.args.get("this") is None:
                return _midnight(now)
            case exp.Cast() | exp.TryCast():
                return _cast(expression, now)
            case exp.TsOrDsToDate() if _only_this(expression):
                inner = moment(expression.this, now)
                return None if inner is None else _midnight(inner)
            case exp.Anonymous() if expression.name.upper() in _CONVERSIONS and len(expression.expressions) == 1:
                return moment(expression.expressions[0], now)
            case exp.ConvertTimezone() if _is_utc(expression):
                return moment(expression.args["timestamp"], now)
            case exp.DateAdd() | exp.TimeAdd() | exp.TimestampAdd():
                return _shift(moment(expression.this, now), expression.args.get("expression"), unit_of(expression))
            case exp.Add() | exp.Sub():
                return _arithmetic(expression, now)
            case exp.TimestampTrunc() | exp.DateTrunc():
                return _truncate(moment(expression.this, now), unit_of(expression))
            case _:
                return None
    except (OverflowError, ValueError):
        return None


def difference_floor(now: datetime, count: int, unit: str) -> datetime | None:
    """A moment no later than any that is at most `count` unit boundaries before `now`."""
    try:
        return _moved(now, -(count + 1), unit)
    except (OverflowError, ValueError):
        return None


def unit_of(expression: exp.Expr) -> str:
    """The time unit of a date function, in lower case; empty if it has none."""
    unit = expression.args.get("unit")
    return unit.name.lower() if isinstance(unit, exp.Expr) else ""


def integer(expression: exp.Expr | None) -> int | None:
    """The value of an integer literal, with or without a minus sign; `None` for anything else."""
    if isinstance(expression, exp.Paren):
        return integer(expression.this)
    if isinstance(expression, exp.Neg):
        value = integer(expression.this)
        return None if value is None else -value
    if isinstance(expression, exp.Literal) and expression.name.isascii() and expression.name.isdecimal():
        return int(expression.name) if len(expression.name) <= _DIGITS else None
    return None


def _only_this(expression: exp.Expr) -> bool:
    return all(key in {"this", "safe"} or value is None for key, value in expression.args.items())


def _written(text: str) -> datetime | None:
    """Parse a time; one without a zone is UTC, as in Panther's macros."""
    cleaned = re.sub(r"\s+(?=(?:Z|[+-][0-9]{2}:?[0-9]{2})$)", "", text.strip(), flags=re.IGNORECASE)
    cleaned = re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", cleaned)
    if not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", cleaned):
        return None
    try:
        found = datetime.fromisoformat(cleaned)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _cast(expression: exp.Expr, now: datetime) -> datetime | None:
    kind = expression.args.get("to")
    inner = moment(expression.this, now)
    if inner is None:
        return None
    if is_date_type(kind):
        return _midnight(inner)
    return inner if is_timestamp_type(kind) else None


def _is_utc(expression: exp.Expr) -> bool:
    source, target = expression.args.get("source_tz"), expression.args.get("target_tz")
    zones = [zone for zone in (source, target) if zone is not None]
    return all(isinstance(zone, exp.Literal) and zone.name.upper() in {"UTC", "ETC/UTC"} for zone in zones)


def _arithmetic(expression: exp.Expr, now: datetime) -> datetime | None:
    base = moment(expression.this, now)
    sign = 1 if isinstance(expression, exp.Add) else -1
    step = expression.args.get("expression")
    if isinstance(step, exp.Interval):
        return _interval(base, step, sign)
    count = integer(step)
    return None if base is None or count is None else base + timedelta(days=sign * count)


def _interval(base: datetime | None, interval: exp.Interval, sign: int) -> datetime | None:
    if base is None or not isinstance(interval.this, exp.Literal):
        return None
    parts = interval.this.name.split(",")
    if len(parts) > 1 and unit_of(interval):
        return None
    for part in parts:
        found = _INTERVAL.fullmatch(part)
        if found is None:
            return None
        unit = (found.group(2) or unit_of(interval) or "s").lower()
        moved = _moved(base, sign * int(found.group(1)), unit)
        if moved is None:
            return None
        base = moved
    return base


def _shift(base: datetime | None, count: exp.Expr | None, unit: str) -> datetime | None:
    steps = integer(count)
    return None if base is None or steps is None else _moved(base, steps, unit)


def _moved(base: datetime, count: int, unit: str) -> datetime | None:
    if unit in _UNITS:
        return base + count * _UNITS[unit]
    if unit not in _MONTHS:
        return None
    months = base.year * 12 + base.month - 1 + count * _MONTHS[unit]
    year, month = divmod(months, 12)
    if not MINYEAR <= year <= MAXYEAR:
        return None
    day = min(base.day, calendar.monthrange(year, month + 1)[1])
    return base.replace(year=year, month=month + 1, day=day)


def _truncate(base: datetime | None, unit: str) -> datetime | None:
    if base is None:
        return None
    if unit in _UNITS:
        size = _UNITS[unit]
        if size > timedelta(days=1):
            return _midnight(base) - timedelta(days=base.weekday())
        return base - (base - _midnight(base)) % size
    if unit in _MONTHS:
        width = _MONTHS[unit]
        return _midnight(base).replace(month=(base.month - 1) // width * width + 1, day=1)
    return None
