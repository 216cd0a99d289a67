"""Single expressions: what each means in Snowflake, written for DuckDB.

sqlglot's DuckDB writer knows the names and argument orders. What it cannot know is a value's kind, and Snowflake's rules
depend on it: a VARIANT beside a text compares as text and beside a number as a number, functions on text take a VARIANT's
text, functions on time take a text as a time. Kinds are worked out from the catalogue upwards, one node at a time;
`scopes.py` walks the statement and calls `rewrite` on each node after its children.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlglot import exp

from triage.sandbox.columns import SqlKind
from triage.sandbox.errors import QueryError
from triage.sandbox.sql import comparisons, moments, objects
from triage.sandbox.sql.values import (
    TIMES,
    Node,
    apply,
    array,
    call,
    cast,
    first_kind,
    kind_of,
    mark,
    number,
    text,
    type_named,
    variant,
)


def rewrite(node: Node, now: datetime) -> Node:
    """Translate one node whose children are translated already, and note its kind.

    Args:
        node: Any expression but a query, a column or a table.
        now: The value of CURRENT_TIMESTAMP.

    Raises:
        QueryError: Snowflake has no such function, or this sandbox cannot translate it.
    """
    if isinstance(node, exp.CurrentTimestamp | exp.CurrentDate | exp.Localtime):
        return moments.current_time(node, now)
    cls = type(node)
    if cls not in _FOUND:
        _FOUND[cls] = _rule_for(cls)
    return _FOUND[cls](node)


def _rule_for(cls: type[Node]) -> Callable[[Node], Node]:
    for classes, rule in _RULES:
        if issubclass(cls, classes):
            return rule
    for classes, kind in _RESULT_KINDS:
        if issubclass(cls, classes):
            return partial(mark, kind=kind)
    if issubclass(cls, _SAME_KIND):
        return lambda node: mark(node, first_kind(node.iter_expressions()))
    return lambda node: node


def _arithmetic(node: Node) -> Node:
    if any(kind_of(node.args.get(key)) in TIMES for key in ("this", "expression")):
        return mark(node, SqlKind.MOMENT)
    apply(node, number, ("this", "expression"))
    divisor = node.args.get("expression")
    if isinstance(node, exp.Div) and not (isinstance(divisor, exp.Literal) and divisor.name.strip("0.")):
        # DuckDB gives infinity where Snowflake stops with an error.
        return call("sf_divide", node.this, node.args["expression"], kind=SqlKind.NUMBER)
    return mark(node, SqlKind.NUMBER)


def _measure(node: Node) -> Node:
    apply(node, lambda value: value if isinstance(value, exp.Distinct) else number(value), ("this",))
    return mark(node, SqlKind.NUMBER)


def _of_text(result: SqlKind) -> Callable[[Node], Node]:
    def rule(node: Node) -> Node:
        apply(node, lambda value: value if kind_of(value) is SqlKind.NUMBER else text(value))
        return mark(node, result)

    return rule


def _listagg(node: Node) -> Node:
    holder = node.this if isinstance(node.this, exp.Order) else node
    if isinstance(holder.this, exp.Distinct):
        apply(holder.this, text)
        # DuckDB wants to sort distinct values by exactly what it lists.
        for ordered in holder.expressions if isinstance(holder, exp.Order) else ():
            apply(ordered, text, ("this",))
    else:
        apply(holder, text, ("this",))
    return mark(node, SqlKind.TEXT)


def _anonymous(node: Node) -> Node:
    name = str(node.this).upper()
    arguments = node.expressions
    if len(arguments) == 1:
        argument = arguments[0]
        if name.removeprefix("TRY_") in ("TO_TIMESTAMP", "TO_TIMESTAMP_NTZ", "TO_TIMESTAMP_LTZ", "TO_TIMESTAMP_TZ"):
            if kind_of(argument) in TIMES:
                return cast(argument, "TIMESTAMP", SqlKind.MOMENT)
            return call(
                "sf_try_timestamp" if name.startswith("TRY_") else "sf_timestamp", argument, kind=SqlKind.MOMENT
            )
        if name in ("IS_OBJECT", "IS_VARCHAR", "IS_BOOLEAN", "IS_INTEGER"):
            wanted = exp.Literal.string(name.removeprefix("IS_"))
            return mark(exp.EQ(this=call("sf_typeof", argument), expression=wanted), SqlKind.BOOLEAN)
        if name in ("AS_VARCHAR", "AS_CHAR"):
            return text(argument)
        if name in ("AS_INTEGER", "AS_NUMBER", "AS_DECIMAL", "AS_DOUBLE", "AS_REAL"):
            return mark(exp.TryCast(this=argument, to=type_named("DOUBLE")), SqlKind.NUMBER)
        if name in ("AS_ARRAY", "AS_OBJECT", "TO_OBJECT"):
            return array(argument) if name == "AS_ARRAY" else variant(argument)
        if name == "HASH":
            return call("hash", argument, kind=SqlKind.NUMBER)
    raise QueryError.no_function(name)


def _literal(node: Node) -> Node:
    return mark(node, SqlKind.TEXT if node.args.get("is_string") else SqlKind.NUMBER)


_Classes = tuple[type[Node], ...]

_RULES: tuple[tuple[_Classes, Callable[[Node], Node]], ...] = (
    ((exp.Literal,), _literal),
    ((exp.Cast,), comparisons.explicit_cast),
    ((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.EqualNull), comparisons.comparison),
    ((exp.In,), comparisons.in_list),
    ((exp.Between,), comparisons.between),
    ((exp.Like, exp.ILike, exp.RegexpLike), comparisons.pattern),
    ((exp.Case, exp.If), comparisons.choice),
    ((exp.DecodeCase,), comparisons.decode),
    ((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg), _arithmetic),
    (
        (
            exp.Sum, exp.Avg, exp.Median, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop,
            exp.Abs, exp.Round, exp.Floor, exp.Ceil, exp.Sqrt, exp.Ln, exp.Exp, exp.Sign, exp.Trunc,
            exp.ApproxQuantile, exp.Pow,
        ),
        _measure,
    ),
    ((exp.GroupConcat,), _listagg),
    ((exp.DateDiff, exp.MonthsBetween, exp.Extract), moments.of_time(SqlKind.NUMBER)),
    (
        (
            exp.Hour, exp.Minute, exp.Second, exp.Day, exp.DayOfMonth, exp.DayOfWeek, exp.DayOfWeekIso, exp.DayOfYear,
            exp.Week, exp.WeekOfYear, exp.Month, exp.Quarter, exp.Year, exp.YearOfWeek,
        ),
        moments.of_time(SqlKind.NUMBER),
    ),
    ((exp.Dayname, exp.Monthname), moments.of_time(SqlKind.TEXT)),
    ((exp.DateAdd, exp.TimeAdd, exp.TimestampTrunc, exp.DateTrunc, exp.AddMonths, exp.TimeSlice), moments.of_time(SqlKind.MOMENT)),
    ((exp.LastDay, exp.NextDay, exp.PreviousDay), moments.of_time(SqlKind.DATE)),
    ((exp.UnixToTime,), moments.of_epoch),
    ((exp.ToChar,), moments.to_char),
    ((exp.ConvertTimezone,), moments.convert_timezone),
    (
        (
            exp.Lower, exp.Upper, exp.Trim, exp.Substring, exp.Left, exp.Right, exp.Replace, exp.RegexpExtract,
            exp.RegexpReplace, exp.SplitPart, exp.Strtok, exp.Concat, exp.ConcatWs, exp.DPipe, exp.MD5, exp.SHA,
            exp.SHA2, exp.Initcap, exp.Reverse, exp.Pad, exp.Repeat, exp.Translate, exp.Base64Encode,
            exp.Base64DecodeString, exp.TryBase64DecodeString, exp.Hex, exp.Collate,
        ),
        _of_text(SqlKind.TEXT),
    ),
    ((exp.Length, exp.StrPosition, exp.RegexpCount, exp.RegexpInstr, exp.Levenshtein), _of_text(SqlKind.NUMBER)),
    ((exp.Contains, exp.StartsWith, exp.EndsWith), _of_text(SqlKind.BOOLEAN)),
    ((exp.Split, exp.RegexpExtractAll, exp.StrtokToArray), _of_text(SqlKind.TEXTS)),
    ((exp.JSONExtract,), objects.path),
    ((exp.Bracket, exp.GetExtract), objects.subscript),
    ((exp.ArraySize,), objects.array_size),
    ((exp.ArrayContains,), objects.array_contains),
    ((exp.ArrayOverlaps,), objects.arrays_overlap),
    ((exp.ArrayToString,), objects.array_to_string),
    ((exp.Array,), objects.array_literal),
    (
        (
            exp.ArrayConcat, exp.ArrayCompact, exp.ArrayDistinct, exp.ArrayExcept, exp.ArrayIntersect,
            exp.ArrayPosition, exp.ArraySlice, exp.ArrayAppend, exp.ArrayPrepend, exp.ArrayRemove, exp.ArrayInsert,
            exp.ArraySort, exp.ArrayMin, exp.ArrayMax, exp.Flatten, exp.ArrayFilter, exp.Transform,
        ),
        objects.array_function,
    ),
    ((exp.Struct,), objects.object_construct),
    ((exp.ParseJSON,), objects.parse_json),
    ((exp.JSONKeys,), objects.object_keys),
    ((exp.Typeof,), objects.typeof),
    ((exp.IsArray,), objects.is_array),
    ((exp.JSONFormat,), lambda node: text(node.this)),
    ((exp.ToVariant,), lambda node: variant(node.this)),
    ((exp.ToArray,), lambda node: array(node.this)),
    ((exp.StripNullValue,), lambda node: node.this),
    ((exp.Anonymous,), _anonymous),
)  # fmt: skip

_RESULT_KINDS: tuple[tuple[_Classes, SqlKind], ...] = (
    ((exp.Boolean, exp.Is, exp.Exists, exp.And, exp.Or, exp.Not, exp.CountIf, exp.LogicalOr, exp.LogicalAnd), SqlKind.BOOLEAN),
    (
        (
            exp.Count, exp.ApproxDistinct, exp.Hll, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile, exp.ToNumber,
            exp.ToDouble, exp.Seq4, exp.Rand, exp.BitwiseAnd, exp.BitwiseOr,
        ),
        SqlKind.NUMBER,
    ),
    ((exp.ArrayAgg, exp.ArrayUniqueAgg), SqlKind.LIST),
    ((exp.StrToTime, exp.TimestampFromParts), SqlKind.MOMENT),
    ((exp.DateFromParts, exp.TsOrDsToDate), SqlKind.DATE),
    ((exp.ToBoolean,), SqlKind.BOOLEAN),
    ((exp.Uuid, exp.CurrentUser, exp.CurrentRole, exp.CurrentDatabase), SqlKind.TEXT),
)  # fmt: skip

_SAME_KIND: _Classes = (
    exp.Paren, exp.Alias, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least, exp.Min, exp.Max, exp.AnyValue, exp.Mode,
    exp.ArgMin, exp.ArgMax, exp.First, exp.FirstValue, exp.LastValue, exp.NthValue, exp.Lag, exp.Lead, exp.Distinct,
    exp.IgnoreNulls, exp.Ordered, exp.Nvl2,
)  # fmt: skip
"""Nodes that give one of their arguments; the first one's kind counts, unless one is a VARIANT."""

_FOUND: dict[type[Node], Callable[[Node], Node]] = {}
"""Rules by the class of node, as they are looked up."""
