"""What means the same on Snowflake, Databricks and Athena, why the rest does not, and how two versions are compared.

Sources: the SQL references of Snowflake, Databricks SQL and Trino (Athena's engine). Differences that decide what is
left out: NULLs in GREATEST, LEAST and collected arrays; positions in arrays and of weekdays; anchoring and syntax of
regular expressions; the text of numbers, times and JSON; the default frame of FIRST_VALUE and LAST_VALUE.
"""

from collections import Counter
from collections.abc import Mapping

from sqlglot import exp

from triage.domain.sql import times

_STRUCTURE = """
    Select From Where Group Having Order Ordered Limit Offset With CTE Subquery Union Except Intersect Join
    Table TableAlias Alias Star Column Identifier Literal Boolean Null Var Paren Tuple Distinct
    And Or Not EQ NEQ GT GTE LT LTE Is In Between Like ILike Escape Exists NullSafeEQ NullSafeNEQ
    Add Sub Mul Div Mod Neg DPipe Case If Cast TryCast DataType DataTypeParam Interval Array Window WindowSpec Filter
"""

_FUNCTIONS = """
    Abs ApproxDistinct ArgMax ArgMin ArrayContains ArrayOverlaps ArraySize Avg Ceil Coalesce Concat Contains Count
    CountIf DateAdd DateDiff DateTrunc Day DenseRank Extract Floor Hour Lag Lead Left Length LogicalAnd LogicalOr Lower
    Max Min Minute Month Nullif Ntile Quarter Rank Replace Round RowNumber Second StartsWith Stddev StddevPop StddevSamp
    StrPosition Substring Sum TimestampAdd TimestampTrunc Trim Upper Variance VariancePop Year
"""

TRANSLATABLE = frozenset((_STRUCTURE + _FUNCTIONS).split())
"""Names of the parser's node classes."""

_DATABRICKS = """
    JSONExtract JSONPath JSONPathRoot JSONPathKey JSONPathSubscript ArrayAgg Qualify SplitPart EndsWith Median
"""

ONLY_DATABRICKS = frozenset(_DATABRICKS.split())

_TYPE = exp.DataType.Type

CASTS: Mapping[str, frozenset[object]] = {
    "text": frozenset({_TYPE.VARCHAR, _TYPE.TEXT, _TYPE.CHAR}),
    "whole": frozenset({_TYPE.INT, _TYPE.BIGINT, _TYPE.SMALLINT, _TYPE.TINYINT}),
    "number": frozenset({_TYPE.DECIMAL, _TYPE.DOUBLE, _TYPE.FLOAT}),
    "time": frozenset({_TYPE.DATE, _TYPE.TIMESTAMP, _TYPE.TIMESTAMPNTZ, _TYPE.DATETIME}),
    "truth": frozenset({_TYPE.BOOLEAN}),
}

_FLATTEN = "FLATTEN has no equivalent; search arrays with ARRAY_CONTAINS or ARRAYS_OVERLAP"
_REGEX = "regular expressions match differently; use LIKE or ILIKE"
_JSON = "JSON is not built or parsed the same way; select the column itself"
_TIMES = (
    "times are parsed from text and numbers differently; compare p_event_time with a literal time, or cast to timestamp"
)

_REASONS: Mapping[str, str] = {
    **dict.fromkeys(("Explode", "Lateral", "TableFromRows", "Kwarg", "Flatten"), _FLATTEN),
    **dict.fromkeys(
        ("RegexpLike", "RegexpExtract", "RegexpExtractAll", "RegexpReplace", "RegexpCount", "RegexpInstr"), _REGEX
    ),
    **dict.fromkeys(("ParseJSON", "JSONObject", "JSONFormat", "JSONKeys", "CheckJson", "Struct", "ObjectAgg"), _JSON),
    **dict.fromkeys(
        ("StrToTime", "UnixToTime", "TsOrDsToDate", "TsOrDsToTime", "ToChar", "TimestampFromParts", "DateFromParts"),
        _TIMES,
    ),
    **dict.fromkeys(
        ("JSONExtract", "JSONPath", "JSONPathRoot", "JSONPathKey", "JSONPathSubscript", "Dot", "Bracket", "GetExtract"),
        "JSON paths (column:key) and positions (column[0]) are not read the same way; use whole columns and the p_any_ fields",
    ),
    **dict.fromkeys(
        ("Any", "All"), "LIKE ANY and comparisons with ANY are not translated; join the conditions with OR"
    ),
    "Qualify": "QUALIFY is not supported; put the window function into a CTE and filter it with WHERE",
    "SplitPart": "SPLIT_PART gives NULL where Snowflake gives an empty string; use LIKE",
    "ArrayAgg": "ARRAY_AGG treats NULL and empty groups differently; use COUNT, MIN and MAX",
    "GroupConcat": "LISTAGG is not translated; use COUNT(DISTINCT …), MIN and MAX",
    "WithinGroup": "WITHIN GROUP is not translated; use COUNT, MIN, MAX and AVG",
    **dict.fromkeys(("Greatest", "Least"), "GREATEST and LEAST treat NULL differently; use CASE"),
    **dict.fromkeys(
        ("DayOfWeek", "DayOfWeekIso", "Dayname", "Week"), "weekdays are numbered differently; group by DATE_TRUNC"
    ),
    **dict.fromkeys(
        ("FirstValue", "LastValue", "NthValue"),
        "FIRST_VALUE and LAST_VALUE have another default frame; use MIN_BY or MAX_BY",
    ),
}


def reason(node: exp.Expr) -> str:
    """Why a node has no translation, and what to write instead."""
    name = type(node).__name__
    if isinstance(node, exp.Anonymous):
        if node.name.upper().startswith(("TO_TIME", "TO_DATE", "TRY_TO_", "DATE")):
            return f"{node.name.upper()}: {_TIMES}"
        return (
            f"{node.name.upper()} is not supported, or gives a different result; use plain comparisons and aggregates"
        )
    if name in _REASONS:
        return _REASONS[name]
    shown = node.sql_name() if isinstance(node, exp.Func) else name
    return f"{shown} is not translated, because it may give a different result; use plain comparisons and aggregates"


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
"""Their strings are units or paths, which each dialect writes in its own way."""


def facts(tree: exp.Expr | None) -> tuple[object, ...]:
    """What must be the same in a tree and in its emitted text: shape, names, conditions, strings, times and limit."""
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
