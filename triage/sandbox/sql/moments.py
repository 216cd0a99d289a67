"""Functions on points in time. Everything in the lake is in UTC."""

from collections.abc import Callable
from datetime import datetime

from sqlglot import exp

from triage.sandbox.columns import SqlKind
from triage.sandbox.errors import QueryError
from triage.sandbox.sql.values import Node, apply, call, cast, kind_of, mark, moment, text
from triage.sandbox.times import lake_time


def current_time(node: Node, now: datetime) -> Node:
    literal = exp.Literal.string(lake_time(now))
    if isinstance(node, exp.CurrentDate):
        return cast(cast(literal, "TIMESTAMP", SqlKind.MOMENT), "DATE", SqlKind.DATE)
    type_, kind = ("TIME", SqlKind.UNKNOWN) if isinstance(node, exp.Localtime) else ("TIMESTAMP", SqlKind.MOMENT)
    return cast(literal, type_, kind)


def of_time(result: SqlKind) -> Callable[[Node], Node]:
    def rule(node: Node) -> Node:
        keys = ("this", "expression") if isinstance(node, exp.DateDiff | exp.MonthsBetween) else ("this",)
        apply(node, moment, ("expression",) if isinstance(node, exp.Extract) else keys)
        return mark(node, result)

    return rule


def of_epoch(node: Node) -> Node:
    """TO_TIMESTAMP of an epoch: a number is in seconds; the unit of a text is guessed from its size."""
    if node.args.get("scale") is None and kind_of(node.this) is SqlKind.TEXT:
        return call("sf_timestamp", node.this, kind=SqlKind.MOMENT)
    return mark(node, SqlKind.MOMENT)


_TIME_FORMATS = {
    "YYYY": "%Y", "YY": "%y", "MMMM": "%B", "MON": "%b", "MM": "%m", "DD": "%d", "DY": "%a", "HH24": "%H",
    "HH12": "%I", "MI": "%M", "SS": "%S", "FF3": "%g", "FF6": "%f", "FF": "%n", "AM": "%p", "PM": "%p",
}  # fmt: skip


def to_char(node: Node) -> Node:
    pattern = node.args.get("format")
    if pattern is None:
        return text(node.this)
    if not isinstance(pattern, exp.Literal) or not pattern.is_string:
        raise QueryError.unsupported("TO_VARCHAR with a computed or numeric format")
    rest, converted = pattern.name, ""
    while rest:
        token = next((name for name in _TIME_FORMATS if rest.upper().startswith(name)), "")
        if not token and rest[0].isalnum() and rest[0].upper() != "T":
            raise QueryError.unsupported(f"time format {pattern.name}")
        converted += _TIME_FORMATS[token] if token else rest[0].replace('"', "")
        rest = rest[len(token) or 1 :]
    return call("strftime", moment(node.this), exp.Literal.string(converted), kind=SqlKind.TEXT)


def convert_timezone(node: Node) -> Node:
    apply(node, moment, ("timestamp",))
    if node.args.get("source_tz") is None:
        node.set("source_tz", exp.Literal.string("UTC"))
    return mark(node, SqlKind.MOMENT)
