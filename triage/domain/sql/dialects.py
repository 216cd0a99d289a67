"""Translation of a checked query for the other engines that Panther runs on, Databricks and Athena, or a refusal.

The input is Snowflake SQL that has passed every check. An expression is translated only if the other engine gives the
same result; one that merely looks the same (regular expressions, GREATEST with NULLs, DAYOFWEEK, LIKE with a backslash,
FLATTEN, JSON paths on Athena) is refused with what to write instead. Constant times become plain timestamps first, so
the result doesn't depend on macros or on the engine's clock and time zone.

Athena has no schema between database and table, so `public` is dropped there.
"""

import re
from collections.abc import Callable
from datetime import datetime

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect as SqlglotDialect
from sqlglot.errors import ErrorLevel
from sqlglot.tokenizer_core import TokenType

from triage.domain.sql import times
from triage.domain.sql.characters import HAZARD
from triage.domain.sql.policy import Dialect, SqlPolicy, SqlRefused
from triage.domain.sql.syntax import FAILURES, line_of, plain, source
from triage.domain.sql.translatable import CASTS, ONLY_DATABRICKS, TRANSLATABLE, facts, reason

_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)
_QUOTED = frozenset({TokenType.STRING, TokenType.RAW_STRING, TokenType.IDENTIFIER})
_TEXT_HAZARD = re.compile(r"p(?=_occurs_|_current_timestamp)|\{(?=[{%#])|-(?=-)", re.IGNORECASE)
"""A character of `HAZARD` that is one only for what follows it."""
_UNITS = frozenset({"second", "minute", "hour", "day", "week", "month", "quarter", "year"})


def translate(tree: exp.Query, policy: SqlPolicy, now: datetime) -> str:
    """Write a checked tree in the policy's dialect, read it back, and compare.

    Args:
        tree: A query that the guard has checked, with its bounds and its limit. It is not modified.
        policy: Its `dialect`, `max_bytes` and names of time columns apply.
        now: The value of CURRENT_TIMESTAMP, aware.

    Raises:
        SqlRefused: `dialect`, with what the engine lacks and what to write instead; or `size`.
    """
    copy = tree.copy()
    work = _Translation(policy, now)
    _write_in(copy)
    work.fold(copy)
    work.check(copy)
    work.rewrite(copy)
    _split_strings(copy)
    target = SqlglotDialect.get_or_raise(policy.dialect.value)
    try:
        text = target.generator(comments=False, unsupported_level=ErrorLevel.RAISE).generate(copy)
        tokens = target.tokenize(text)
        again = target.parser().parse(tokens, text)
    except FAILURES as error:
        raise SqlRefused(
            f"the query has no {policy.dialect.value} form: {plain(str(error))[:200]}", code="dialect"
        ) from error
    if len(again) != 1 or facts(again[0]) != facts(copy):
        raise SqlRefused(
            f"the query reads differently as {policy.dialect.value} SQL; write it more simply", code="dialect"
        )
    if len(text.encode()) > policy.max_bytes:
        raise SqlRefused(f"the query is longer than {policy.max_bytes} bytes; ask for less at once", code="size")
    for token in tokens:
        if token.token_type in _QUOTED and not _harmless(source(text, token)):
            raise SqlRefused(
                f"a string holds text that Panther could act on (a macro, a template, a comment) or invisible characters, "
                f"and {policy.dialect.value} has no safe way to write it; search for a part of it",
                code="dialect",
            )
    return text


def _write_in(tree: exp.Query) -> None:
    """Write `x <> ALL (SELECT …)`, which is how the parser reads Snowflake's NOT IN, and `x = ANY (SELECT …)` as IN."""
    for node in list(tree.find_all(exp.All, exp.Any)):
        comparison, query = node.parent, node.this
        if isinstance(query, exp.Query) and node.arg_key == "expression":
            if not isinstance(query, exp.Subquery):
                query = exp.Subquery(this=query)
            if isinstance(node, exp.All) and isinstance(comparison, exp.NEQ):
                comparison.replace(exp.Not(this=exp.In(this=comparison.this, query=query)))
            elif isinstance(node, exp.Any) and isinstance(comparison, exp.EQ):
                comparison.replace(exp.In(this=comparison.this, query=query))


def _split_strings(tree: exp.Query) -> None:
    """Write a string that holds a comment's `--`, a template's brace or a macro's name as two that are joined.

    Snowflake has escapes for such a string; the other engines have none that Panther's text passes would leave alone.
    """
    for node in list(tree.find_all(exp.Literal)):
        if not node.is_string or not _TEXT_HAZARD.search(node.name):
            continue
        broken = _TEXT_HAZARD.sub(lambda found: f"{found[0]}\x00", node.name)
        pieces = [exp.Literal.string(piece) for piece in broken.split("\x00")]
        joined: exp.Expr = pieces[0]
        for piece in pieces[1:]:
            joined = exp.DPipe(this=joined, expression=piece, safe=True)
        node.replace(exp.Paren(this=joined))


def _harmless(literal: str) -> bool:
    """Whether the only unusual characters in a string are visible ones outside ASCII."""
    return all(not found.isascii() and found.isprintable() for found in HAZARD.findall(literal))


class _Translation:
    """The translation of one query."""

    def __init__(self, policy: SqlPolicy, now: datetime) -> None:
        self.policy = policy
        self.now = now
        self.athena = policy.dialect is Dialect.ATHENA
        self.time_columns = policy.time_columns | policy.extra_time_columns

    def refuse(self, node: exp.Expr, message: str) -> SqlRefused:
        return SqlRefused(f"on {self.policy.dialect.value}, {message}", code="dialect", line=line_of(node))

    def fold(self, tree: exp.Query) -> None:
        """Replace each constant time with a timestamp."""
        stack: list[exp.Expr] = [tree]
        while stack:
            node = stack.pop()
            if node is not tree and self._is_time(node):
                found = times.moment(node, self.now)
                if found is not None:
                    node.replace(_stamp(found, date=times.is_date(node)))
                    continue
            stack += list(node.iter_expressions())

    def _is_time(self, node: exp.Expr) -> bool:
        if isinstance(node, exp.Literal):
            return node.is_string and self._compared_with_time(node)
        return isinstance(node, times.CONSTANTS)

    def _compared_with_time(self, node: exp.Expr) -> bool:
        """Whether it is compared with a time column. Not every engine converts such a string to a timestamp."""
        parent = node.parent
        while isinstance(parent, exp.Paren):
            node, parent = parent, parent.parent
        if bool(node.meta.get(times.IS_MOMENT)):
            return True
        if not isinstance(parent, _COMPARISONS):
            return False
        sides = [side for side in parent.iter_expressions() if side is not node]
        return any(
            isinstance(side.unnest(), exp.Column) and side.unnest().name.lower() in self.time_columns for side in sides
        )

    def check(self, tree: exp.Query) -> None:
        """Refuse what has no equivalent in the engine."""
        for node in tree.walk():
            name = type(node).__name__
            if name in TRANSLATABLE or (name in ONLY_DATABRICKS and not self.athena):
                check = _CHECKS.get(type(node))
                if check is not None:
                    check(self, node)
                continue
            raise self.refuse(node, reason(node))

    def rewrite(self, tree: exp.Query) -> None:
        """Rewrite what the SQL library translates wrongly or not at all."""
        for node in list(tree.walk()):
            if isinstance(node, exp.Cast):
                self._cast(node)
            elif isinstance(node, exp.ArrayOverlaps):
                node.replace(_call("ARRAYS_OVERLAP", node.this, node.expression))
            elif isinstance(node, exp.ArraySize):
                node.replace(_call("CARDINALITY" if self.athena else "ARRAY_SIZE", node.this))
            elif isinstance(node, exp.Contains) and self.athena:
                place = _call("STRPOS", node.this, node.expression)
                node.replace(exp.Paren(this=exp.GT(this=place, expression=exp.Literal.number(0))))
            elif isinstance(node, exp.DateDiff) and not self.athena:
                unit = node.args["unit"]
                for key in ("this", "expression"):
                    node.set(key, exp.TimestampTrunc(this=node.args[key], unit=unit.copy()))
            elif isinstance(node, exp.Ordered):
                # Snowflake sorts NULL as the highest value.
                node.set("nulls_first", bool(node.args.get("desc")))
        if self.athena:
            for named in list(tree.find_all(exp.Table, exp.Column)):
                if named.args.get("catalog") is not None:
                    named.set("db", named.args["catalog"])
                    named.set("catalog", None)

    def _cast(self, node: exp.Cast) -> None:
        kind = node.to.this
        if kind is exp.DataType.Type.VARIANT:
            node.replace(node.this)
        elif kind in times.TIMESTAMPS:
            node.set("to", exp.DataType(this=exp.DataType.Type.TIMESTAMP))
        elif kind in CASTS["whole"]:
            # Snowflake's whole numbers have 38 digits.
            node.set("to", exp.DataType.build("DECIMAL(38, 0)"))

    def cast(self, node: exp.Expr) -> None:
        kind = node.args["to"].this
        if kind is exp.DataType.Type.VARIANT:
            if not isinstance(node.parent, exp.ArrayContains) or not isinstance(node.this, exp.Literal):
                raise self.refuse(node, "VARIANT has no equivalent; leave the cast out")
        elif not any(kind in kinds for kinds in CASTS.values()):
            raise self.refuse(
                node, f"a cast to {kind.value} is not translated; cast to string, double, date or timestamp"
            )

    def path(self, node: exp.Expr) -> None:
        """`column:key.key[0]::string` works the same in Databricks; without the cast a comparison fails."""
        parts = node.args["expression"]
        plain_path = isinstance(parts, exp.JSONPath) and all(
            (type(part) is exp.JSONPathKey and isinstance(part.this, str))
            or (type(part) is exp.JSONPathSubscript and isinstance(part.this, int))
            for part in parts.expressions[1:]
        )
        if not plain_path or type(node.this) is not exp.Column:
            raise self.refuse(node, "a JSON path starts at a column and has plain keys, as in column:key.key")
        if not isinstance(node.parent, exp.Cast):
            raise self.refuse(node, "a JSON path needs a cast: column:key::string")

    def like(self, node: exp.Expr) -> None:
        pattern = node.args["expression"]
        if not isinstance(pattern, exp.Literal):
            raise self.refuse(node, "LIKE takes one literal pattern; join several with OR")
        if not self.athena and "\\" in pattern.name:
            raise self.refuse(node, "a backslash in a LIKE pattern is an escape; write _ in its place")

    def substring(self, node: exp.Expr) -> None:
        start = times.integer(node.args.get("start"))
        if start is None or start < 1:
            raise self.refuse(node, "SUBSTR takes a literal start of 1 or more")

    def split_part(self, node: exp.Expr) -> None:
        if not times.integer(node.args.get("part_index")):
            raise self.refuse(node, "SPLIT_PART takes a literal position: 1 or more, or negative to count from the end")

    def unit(self, node: exp.Expr) -> None:
        if times.unit_of(node) not in _UNITS:
            raise self.refuse(node, f"the time unit must be one of {', '.join(sorted(_UNITS))}")

    def interval(self, node: exp.Expr) -> None:
        if times.integer(exp.Literal.number(node.this.name) if isinstance(node.this, exp.Literal) else None) is None:
            raise self.refuse(node, "an interval has one whole number and one unit, as in INTERVAL '1 day'")
        self.unit(node)

    def extract(self, node: exp.Expr) -> None:
        if node.name.lower() not in _UNITS - {"week"}:
            raise self.refuse(node, "EXTRACT takes year, quarter, month, day, hour, minute or second")

    def trim(self, node: exp.Expr) -> None:
        if node.args.get("expression") is not None:
            raise self.refuse(node, "TRIM removes spaces only; use REPLACE")

    def group(self, node: exp.Expr) -> None:
        if node.args.get("all") is not None and self.athena:
            raise self.refuse(node, "GROUP BY ALL is not supported; name the columns")

    def star(self, node: exp.Expr) -> None:
        if any(value for value in node.args.values()):
            raise self.refuse(node, "* takes no EXCLUDE, REPLACE or RENAME; name the columns")

    def collect(self, node: exp.Expr) -> None:
        if isinstance(node.parent, exp.WithinGroup):
            raise self.refuse(node, "ARRAY_AGG takes no order; sort the rows")

    def select(self, node: exp.Expr) -> None:
        if not node.args.get("from_") and node.args.get("where"):
            raise self.refuse(node, "WHERE needs a FROM")


def _stamp(moment: datetime, *, date: bool) -> exp.Cast:
    if not date:
        return exp.Cast(this=times.literal(moment), to=exp.DataType(this=exp.DataType.Type.TIMESTAMP))
    return exp.Cast(this=exp.Literal.string(f"{moment:%Y-%m-%d}"), to=exp.DataType(this=exp.DataType.Type.DATE))


def _call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=list(arguments))


_CHECKS: dict[type[exp.Expr], Callable[[_Translation, exp.Expr], None]] = {
    exp.Cast: _Translation.cast,
    exp.TryCast: _Translation.cast,
    exp.JSONExtract: _Translation.path,
    exp.Like: _Translation.like,
    exp.ILike: _Translation.like,
    exp.Substring: _Translation.substring,
    exp.SplitPart: _Translation.split_part,
    exp.DateAdd: _Translation.unit,
    exp.TimestampAdd: _Translation.unit,
    exp.DateDiff: _Translation.unit,
    exp.TimestampTrunc: _Translation.unit,
    exp.DateTrunc: _Translation.unit,
    exp.Interval: _Translation.interval,
    exp.Extract: _Translation.extract,
    exp.Trim: _Translation.trim,
    exp.Group: _Translation.group,
    exp.Star: _Translation.star,
    exp.ArrayAgg: _Translation.collect,
    exp.Select: _Translation.select,
}
