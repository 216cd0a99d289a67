"""The allow-lists: which kinds of expression and which functions a query may use.

A function is on the list if all it does is compute a value from its arguments. Left out on purpose: anything that reads
or sets the session, reads files, stages, other queries or metadata, generates rows or long values (GENERATOR, SEQ4,
REPEAT, RPAD, RANDSTR, ARRAY_GENERATE_RANGE), calls a model, or is chosen at run time.

Regular expressions and the collecting aggregates (ARRAY_AGG, LISTAGG, OBJECT_AGG) are on the list: hunting needs
them, the rows they see are bounded by the time bound, and the lake caps each query's seconds, rows and bytes.
"""

from dataclasses import dataclass

from sqlglot import exp

from triage.domain.sql.policy import SqlPolicy, SqlRefused
from triage.domain.sql.syntax import line_of

_STRUCTURE = """
    Select From Where Group Having Qualify Order Ordered Limit Offset With CTE Subquery Union Except Intersect Join
    Table TableAlias TableFromRows Lateral Explode Kwarg Alias Star Column Identifier Literal Boolean Null Var Dot
    Paren Tuple Distinct Cube Rollup GroupingSets
    And Or Not EQ NEQ GT GTE LT LTE Is In Between Like ILike Escape Any All Exists NullSafeEQ NullSafeNEQ EqualNull
    Add Sub Mul Div Mod IntDiv Neg DPipe Bracket Case If Cast TryCast DataType DataTypeParam Interval
    JSONExtract JSONPath JSONPathRoot JSONPathKey JSONPathSubscript JSONKeyValue PropertyEQ
    Window WindowSpec WithinGroup IgnoreNulls RespectNulls Filter
"""

_FUNCTIONS = """
    Abs AddMonths AnyValue ApproxDistinct ApproxQuantile ApproxTopK ArgMax ArgMin Array ArrayAgg ArrayAppend
    ArrayCompact ArrayConcat ArrayConstructCompact ArrayContains ArrayDistinct ArrayExcept ArrayIntersect ArrayMax
    ArrayMin ArrayOverlaps ArrayPosition ArrayPrepend ArrayRemove ArraySize ArraySlice ArraySort ArrayToString
    ArrayUnionAgg ArrayUniqueAgg ArraysZip Ascii Avg Base64DecodeString Base64Encode BitwiseAnd BitwiseAndAgg
    BitwiseLeftShift BitwiseNot BitwiseOr BitwiseOrAgg BitwiseRightShift BitwiseXor Booland Boolnot Boolor ByteLength
    Ceil CheckJson Chr Coalesce Concat ConcatWs Contains ConvertTimezone Corr Count CountIf CovarPop CovarSamp CumeDist
    CurrentDate CurrentTimestamp DateAdd DateDiff DateFromParts DateTrunc Day DayOfMonth DayOfWeek DayOfWeekIso
    DayOfYear Dayname DecodeCase DenseRank EndsWith Exp Extract FirstValue Flatten Floor GetExtract GetIgnoreCase
    Greatest GroupConcat Grouping GroupingId HashAgg Hex HexDecodeString Hll Hour Initcap IsArray IsNullValue
    JSONFormat JSONKeys JSONObject JarowinklerSimilarity Kurtosis Lag LastDay LastValue Lead Least Left Length
    Levenshtein Ln Log LogicalAnd LogicalOr Lower MD5 Max Median Min Minute Mode Month Monthname MonthsBetween NextDay
    NthValue Ntile Nullif Nvl2 ObjectAgg ObjectInsert ParseIp ParseJSON ParseUrl PercentRank PercentileCont
    PercentileDisc Pow PreviousDay Quarter Rank RegexpCount RegexpExtract RegexpExtractAll RegexpInstr RegexpLike
    RegexpReplace Replace Reverse Right Round RowNumber SHA SHA2 Second Sign Skewness Soundex Split SplitPart Sqrt
    StartsWith Stddev StddevPop StddevSamp StrPosition StrToTime StripNullValue Strtok StrtokToArray Struct StarMap
    Stuff Substring Sum TimeAdd TimeSlice TimestampAdd TimestampDiff TimestampFromParts TimestampTrunc ToArray
    ToBoolean ToChar ToDouble ToNumber ToVariant Translate Trim Trunc TryBase64DecodeString TryHexDecodeString
    TsOrDsToDate TsOrDsToTime Typeof Unicode UnixToTime Upper Variance VariancePop Week WeekOfYear WidthBucket Year
"""

NAMES = frozenset((_STRUCTURE + _FUNCTIONS).split())
"""Names of the parser's node classes; one that the installed version lacks is skipped."""

CLASSES: frozenset[type[exp.Expr]] = frozenset(
    found for name in NAMES if isinstance(found := getattr(exp, name, None), type)
)

COLLECTING = (exp.ArrayAgg, exp.ObjectAgg, exp.ArrayUniqueAgg, exp.ArrayUnionAgg, exp.GroupConcat)
"""Aggregates that keep every value they see."""

_UNTYPED = """
    AS_ARRAY AS_BOOLEAN AS_CHAR AS_DATE AS_DOUBLE AS_INTEGER AS_NUMBER AS_OBJECT AS_VARCHAR BITSHIFTLEFT BITSHIFTRIGHT
    CONDITIONAL_CHANGE_EVENT CONDITIONAL_TRUE_EVENT DATE HASH HAVERSINE IS_BOOLEAN IS_CHAR IS_INTEGER IS_OBJECT
    IS_VARCHAR OBJECT_DELETE OBJECT_PICK RATIO_TO_REPORT TO_DATE TO_OBJECT TO_TIME TO_TIMESTAMP TO_TIMESTAMP_LTZ
    TO_TIMESTAMP_NTZ TO_TIMESTAMP_TZ TRUNC TRUNCATE TRY_TO_DATE TRY_TO_TIMESTAMP TRY_TO_TIMESTAMP_NTZ
"""

UNTYPED = frozenset(_UNTYPED.split())
"""Functions that the parser has no class for and keeps by name."""

_SET_OPERATION = frozenset({"with_", "this", "expression", "distinct", "order", "limit", "offset"})

ARGUMENTS: dict[type[exp.Expr], frozenset[str]] = {
    exp.Select: frozenset(
        {
            "with_",
            "expressions",
            "distinct",
            "from_",
            "joins",
            "where",
            "group",
            "having",
            "qualify",
            "order",
            "limit",
            "offset",
        }
    ),
    exp.Union: _SET_OPERATION,
    exp.Except: _SET_OPERATION,
    exp.Intersect: _SET_OPERATION,
    exp.With: frozenset({"expressions"}),
    exp.CTE: frozenset({"this", "alias"}),
    exp.Subquery: frozenset({"this", "alias"}),
    exp.Table: frozenset({"this", "db", "catalog", "alias"}),
    exp.TableFromRows: frozenset({"this", "alias"}),
    exp.Lateral: frozenset({"this", "alias"}),
    exp.Join: frozenset({"this", "on", "using", "side", "kind"}),
    exp.Limit: frozenset({"expression"}),
    exp.Distinct: frozenset({"expressions"}),
    exp.Column: frozenset({"this", "table", "db", "catalog"}),
    exp.In: frozenset({"this", "expressions", "query"}),
    exp.Cast: frozenset({"this", "to"}),
    exp.TryCast: frozenset({"this", "to", "safe", "requires_string"}),
}
"""Parts that a structural expression may have. Any other part is a clause that is not allowed, such as INTO, FOR
UPDATE, CONNECT BY, SAMPLE, PIVOT, AT (time travel), NATURAL or RECURSIVE."""

FLATTEN_ARGUMENTS = frozenset({"input", "path", "outer", "recursive", "mode"})

JOIN_KINDS = frozenset({"", "INNER", "OUTER", "CROSS"})
JOIN_SIDES = frozenset({"", "LEFT", "RIGHT", "FULL"})


@dataclass(frozen=True, slots=True)
class LakeTable:
    """A table of the lake."""

    name: str
    """Fully qualified, lower case."""
    panther: bool
    """In one of Panther's databases; otherwise in a schema that the operator added."""
    bounded: bool
    """Whether a query must bound it in time."""


def resolve(identifier: exp.Expr | None) -> str:
    """The name as Snowflake resolves it: upper case unless quoted."""
    if not isinstance(identifier, exp.Identifier):
        return ""
    return str(identifier.this) if identifier.args.get("quoted") else str(identifier.this).upper()


def lake_table(table: exp.Table, policy: SqlPolicy) -> LakeTable:
    """Check a table's name against the policy. Raises SqlRefused."""
    parts = [table.args.get("catalog"), table.args.get("db"), table.this]
    written = ".".join(part.name for part in parts if isinstance(part, exp.Expr))
    if not all(type(part) is exp.Identifier for part in parts):
        raise SqlRefused(
            f"{written[:120]} is neither a CTE nor a full table name; write database.schema.table, such as "
            "panther_logs.public.aws_cloudtrail",
            code="schema",
            line=line_of(table),
        )
    resolved = [resolve(part) for part in parts]
    if any(name != name.upper() for name in resolved):
        raise SqlRefused(f"write {written[:120]} without quotes", code="schema", line=line_of(table))
    database, schema, name = (name.lower() for name in resolved)
    full = f"{database}.{schema}.{name}"
    panther = database in policy.databases and schema == "public"
    if not panther and f"{database}.{schema}" not in policy.extra_schemas:
        known = ", ".join(sorted([f"{found}.public" for found in policy.databases] + list(policy.extra_schemas)))
        raise SqlRefused(
            f"{full[:120]} may not be read; allowed are {known}. Use the tools, not SQL, to list tables and columns.",
            code="schema",
            line=line_of(table),
        )
    return LakeTable(full, panther, not ({database, full} & policy.unbounded))
