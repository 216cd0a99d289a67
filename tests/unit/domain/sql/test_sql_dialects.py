"""The dialects of other lakes: what is translated, what is refused, and what is true of every emitted statement."""

from collections.abc import Iterator

import pytest
import sqlglot
from sqlglot import exp

from tests.support.clocks import FakeClock
from tests.unit.domain.sql.statements import NOW, OKTA, SINCE, TRAIL, WINDOW, accept, outcome
from triage.domain.sql import (
    Dialect,
    ParameterType,
    QueryTemplate,
    ReadOnlyQuery,
    SqlPolicy,
    SqlRefused,
    in_dialect,
)
from triage.domain.window import TimeWindow
from triage.edges.dialect import TranslatedLake
from triage.errors import QueryFailed
from triage.ports import QueryLimits

BOUND = (
    "p_event_time >= CAST('2026-03-14 12:00:00' AS TIMESTAMP) AND p_event_time <= "
    "CAST('2026-03-15 12:00:00' AS TIMESTAMP)"
)
OTHERS = (Dialect.DATABRICKS, Dialect.ATHENA)


def emit(text: str, dialect: Dialect, *, window: TimeWindow | None = None) -> ReadOnlyQuery:
    return accept(text, policy=SqlPolicy(dialect=dialect), window=window)


def selected(expression: str, dialect: Dialect) -> str:
    """How one selected expression is written."""
    query = emit(f"SELECT {expression} AS v FROM {TRAIL} WHERE {SINCE}", dialect).sql
    return query.removeprefix("SELECT ").split(" AS v FROM ")[0]


def refuse(expression: str, dialect: Dialect) -> SqlRefused:
    with pytest.raises(SqlRefused) as caught:
        emit(f"SELECT {expression} AS v\nFROM {TRAIL} WHERE {SINCE}", dialect)
    return caught.value


STATEMENTS = [
    (
        f"SELECT COUNT(*) AS n FROM {TRAIL} WHERE ARRAY_CONTAINS('1.2.3.4'::VARIANT, p_any_ip_addresses) AND {SINCE}",
        f"SELECT COUNT(*) AS n FROM {TRAIL} WHERE ARRAY_CONTAINS(p_any_ip_addresses, '1.2.3.4') AND {BOUND} LIMIT 1000",
        f"SELECT COUNT(*) AS n FROM panther_logs.aws_cloudtrail WHERE CONTAINS(p_any_ip_addresses, '1.2.3.4') AND {BOUND} LIMIT 1000",
    ),
    (
        f"SELECT IFF(a ILIKE '%x%', 1, 0) AS v, COUNT(*) AS n FROM {TRAIL} WHERE {SINCE} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5",
        f"SELECT IF(a ILIKE '%x%', 1, 0) AS v, COUNT(*) AS n FROM {TRAIL} WHERE {BOUND} GROUP BY 1 ORDER BY 2 DESC NULLS FIRST, 1 NULLS LAST LIMIT 5",
        f"SELECT IF(LOWER(a) LIKE LOWER('%x%'), 1, 0) AS v, COUNT(*) AS n FROM panther_logs.aws_cloudtrail WHERE {BOUND} GROUP BY 1 ORDER BY 2 DESC NULLS FIRST, 1 LIMIT 5",
    ),
    (
        f"SELECT a FROM {TRAIL} WHERE p_event_time >= '2026-03-14T12:00:00Z' AND '2026-03-15 12:00' >= p_event_time LIMIT 5",
        f"SELECT a FROM {TRAIL} WHERE p_event_time >= CAST('2026-03-14 12:00:00' AS TIMESTAMP) AND CAST('2026-03-15 12:00:00' AS TIMESTAMP) >= p_event_time LIMIT 5",
        "SELECT a FROM panther_logs.aws_cloudtrail WHERE p_event_time >= CAST('2026-03-14 12:00:00' AS TIMESTAMP) AND CAST('2026-03-15 12:00:00' AS TIMESTAMP) >= p_event_time LIMIT 5",
    ),
]


def test_each_lake_gets_its_own_dialect() -> None:
    """The same checked tree is written for each lake: plain timestamps, explicit order of NULL, the lake's own names."""
    for text, databricks, athena in STATEMENTS:
        assert emit(text, Dialect.DATABRICKS).sql == databricks
        assert emit(text, Dialect.ATHENA).sql == athena


EXPRESSIONS = [
    ("ARRAYS_OVERLAP(p_any_emails, ['a', 'b'])", "ARRAYS_OVERLAP(p_any_emails, ARRAY('a', 'b'))", "ARRAYS_OVERLAP(p_any_emails, ARRAY['a', 'b'])"),
    ("ARRAY_SIZE(a)", "ARRAY_SIZE(a)", "CARDINALITY(a)"),
    ("CONTAINS(a, 'x')", "CONTAINS(a, 'x')", "(STRPOS(a, 'x') > 0)"),
    ("a::int", "CAST(a AS DECIMAL(38, 0))", "CAST(a AS DECIMAL(38, 0))"),
    ("DATEDIFF(hour, a, b)", "DATEDIFF(HOUR, DATE_TRUNC('HOUR', a), DATE_TRUNC('HOUR', b))", "DATE_DIFF('HOUR', DATE_TRUNC('HOUR', a), DATE_TRUNC('HOUR', b))"),
    ("p_event_time > DATEADD(hour, -2, CURRENT_TIMESTAMP)", "p_event_time > CAST('2026-03-15 10:00:00' AS TIMESTAMP)", "p_event_time > CAST('2026-03-15 10:00:00' AS TIMESTAMP)"),
    ("p_event_time::date = CURRENT_DATE", "CAST(p_event_time AS DATE) = CAST('2026-03-15' AS DATE)", "CAST(p_event_time AS DATE) = CAST('2026-03-15' AS DATE)"),
    ("TO_TIMESTAMP('2026-01-02')", "CAST('2026-01-02 00:00:00' AS TIMESTAMP)", "CAST('2026-01-02 00:00:00' AS TIMESTAMP)"),
    ("ROW_NUMBER() OVER (ORDER BY a DESC)", "ROW_NUMBER() OVER (ORDER BY a DESC NULLS FIRST)", "ROW_NUMBER() OVER (ORDER BY a DESC NULLS FIRST)"),
    ("'it''s \\\\ Zoë'", r"'it\'s \\ Zoë'", r"'it''s \ Zoë'"),
]  # fmt: skip


def test_an_expression_with_an_equivalent_is_translated() -> None:
    """An expression with an equivalent in the other engine is written in its dialect."""
    for expression, databricks, athena in EXPRESSIONS:
        assert selected(expression, Dialect.DATABRICKS) == databricks
        assert selected(expression, Dialect.ATHENA) == athena


BOTH_REFUSE = [
    ("REGEXP_SUBSTR(a, 'x')", "LIKE"),
    ("a RLIKE 'x.*'", "LIKE"),
    ("PARSE_JSON(a)", "JSON"),
    ("OBJECT_CONSTRUCT('a', 1)", "JSON"),
    ("TO_TIMESTAMP(a)", "p_event_time"),
    ("TO_TIMESTAMP_NTZ(a, 3)", "p_event_time"),
    ("TRY_TO_TIMESTAMP(a)", "p_event_time"),
    ("TO_DATE(a)", "p_event_time"),
    ("TO_CHAR(a)", "p_event_time"),
    ("a::timestamp_tz", "timestamp"),
    ("a::variant", "VARIANT"),
    ("GREATEST(a, b)", "CASE"),
    ("DAYOFWEEK(a)", "DATE_TRUNC"),
    ("FIRST_VALUE(a) OVER (ORDER BY b)", "MIN_BY"),
    ("a LIKE ANY ('x', 'y')", "OR"),
    ("a ILIKE b", "OR"),
    ("SUBSTR(a, -2)", "1 or more"),
    ("LTRIM(a, 'x')", "REPLACE"),
    ("LISTAGG(DISTINCT a, ',')", "COUNT"),
    ("a[0]", "p_any_"),
    ("HASH(a)", "plain"),
    ("'{{x}} {y'", ""),
    ("'\\u202e'", "Panther"),
    ("* EXCLUDE (b), 1", "name the columns"),
]


@pytest.mark.parametrize("dialect", OTHERS)
def test_an_expression_without_an_equivalent_is_refused_with_a_remedy(dialect: Dialect) -> None:
    """What merely looks alike elsewhere is refused; the message names the lake and what to write instead."""
    for expression, remedy in BOTH_REFUSE:
        error = refuse(expression, dialect)
        assert error.code in {"dialect", "placeholder"}, expression
        assert remedy in str(error), expression
        if error.code == "dialect":
            assert dialect.value in str(error), expression


def test_json_paths_are_read_by_databricks_with_a_cast_only() -> None:
    """A path into a VARIANT is the same there once it is cast; Athena has none."""
    assert selected("userIdentity:a.b[0]::string", Dialect.DATABRICKS) == "CAST(userIdentity:a.b[0] AS STRING)"
    assert "needs a cast" in str(refuse("userIdentity:a", Dialect.DATABRICKS))
    assert "starts at a column" in str(refuse("PARSE_IP(a, 'INET'):host::string", Dialect.DATABRICKS))
    assert "p_any_" in str(refuse("userIdentity:a::string", Dialect.ATHENA))


@pytest.mark.parametrize("dialect", OTHERS)
def test_flatten_is_refused(dialect: Dialect) -> None:
    """FLATTEN has no counterpart, and the refusal says what to use."""
    for source in ("LATERAL FLATTEN(input => t.target) f", "TABLE(FLATTEN(input => t.target, outer => TRUE)) f"):
        with pytest.raises(SqlRefused, match="FLATTEN has no equivalent; search arrays with ARRAY_CONTAINS") as caught:
            emit(f"SELECT f.value FROM {OKTA} t, {source} WHERE p_occurs_since('1 d', t)", dialect)
        assert caught.value.code == "dialect"


def test_qualify_is_known_to_one() -> None:
    """Databricks filters window functions as Snowflake does; for Athena they belong into a CTE."""
    text = f"SELECT a FROM {TRAIL} WHERE {SINCE} QUALIFY ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) = 1"
    assert "QUALIFY ROW_NUMBER()" in emit(text, Dialect.DATABRICKS).sql
    with pytest.raises(SqlRefused, match="CTE"):
        emit(text, Dialect.ATHENA)


def test_every_other_check_comes_first() -> None:
    """A query that Snowflake's guard refuses is refused with the same code, whatever the lake's dialect."""
    for code, text in (
        ("schema", "SELECT 1 FROM secrets.public.x"),
        ("unbounded", f"SELECT 1 FROM {TRAIL}"),
        ("multi_statement", "SELECT 1; SELECT 2"),
        ("function", f"SELECT CURRENT_USER FROM {TRAIL} WHERE {SINCE}"),
        ("stage", "SELECT 1 FROM @x"),
    ):
        assert {outcome(text, policy=SqlPolicy(dialect=dialect)) for dialect in Dialect} == {code}


def bounds(select: exp.Select) -> Iterator[str]:
    """The constants that a SELECT's own condition compares its time column with."""
    where = select.args.get("where")
    for part in (
        where.this.flatten() if where is not None and isinstance(where.this, exp.And) else [where and where.this]
    ):
        if isinstance(part, exp.GTE | exp.LTE) and part.this.name.lower() == "p_event_time":
            yield str(part.expression.find(exp.Literal).name)


QUERIES = [
    f"SELECT a, COUNT(*) AS n FROM {TRAIL} WHERE {SINCE} GROUP BY 1 HAVING COUNT(*) > 3 ORDER BY n DESC LIMIT 7",
    f"SELECT a FROM {TRAIL} WHERE b IN ('x', 'y') OR c LIKE 'z%'",
    f"SELECT a FROM {TRAIL} WHERE {SINCE} UNION ALL SELECT b FROM {OKTA} WHERE p_occurs_around('2026-03-14', '1 h') LIMIT 9",
    f"WITH x AS (SELECT a FROM {TRAIL} WHERE {SINCE}) SELECT a FROM x WHERE a NOT IN (SELECT b FROM {OKTA} WHERE {SINCE})",
    f"SELECT t.a FROM {TRAIL} t JOIN {OKTA} o ON t.a = o.b WHERE p_occurs_since('1 d', t) AND p_occurs_since('2 d', o)",
    f"SELECT a FROM {TRAIL} WHERE p_occurs_between('2026-03-01', '2026-03-02') AND a = 'it''s; DROP TABLE x' LIMIT 5",
]


@pytest.mark.parametrize("dialect", list(Dialect))
def test_the_emitted_statement_is_the_same_bounded_read(dialect: Dialect) -> None:
    """In its own dialect each statement is one SELECT of the same tables with the same bounds and limit."""
    for text in QUERIES:
        check_emitted(text, dialect)


def check_emitted(text: str, dialect: Dialect) -> None:
    snowflake = accept(text, window=WINDOW)
    query = emit(text, dialect, window=WINDOW)
    assert in_dialect(snowflake, dialect, now=NOW).sql == query.sql
    trees = sqlglot.parse(query.sql, dialect=dialect.value)
    assert len(trees) == 1
    tree = trees[0]
    assert isinstance(tree, exp.Select | exp.SetOperation)
    assert int(tree.args["limit"].expression.name) == query.limit == snowflake.limit
    assert (query.tables, query.window, query.notes) == (snowflake.tables, snowflake.window, snowflake.notes)
    assert query.dialect is dialect
    found = {".".join(part.name for part in table.parts) for table in tree.find_all(exp.Table)} - {"x"}
    wanted = {name.replace(".public.", ".") if dialect is Dialect.ATHENA else name for name in query.tables}
    assert found == wanted
    for select in tree.find_all(exp.Select):
        if any(isinstance(table, exp.Table) and table.db for table in [select.args["from_"].this]):
            assert len(list(bounds(select))) == 2 or "t." in query.sql


def test_a_template_is_bound_in_the_lakes_dialect() -> None:
    """A playbook's question loads in Snowflake's SQL and is filled for the lake, or refused when it is filled."""
    policy = SqlPolicy(dialect=Dialect.ATHENA)
    good = QueryTemplate.parse(
        f"SELECT a FROM {TRAIL} WHERE p_occurs_between(:start, :end) AND a IN (:names) LIMIT :limit",
        parameters={"names": ParameterType.STRINGS},
        policy=policy,
    )
    query = good.bind({"names": ["it's", "b"]}, window=WINDOW, limit=5, now=NOW)
    assert query.sql == (
        "SELECT a FROM panther_logs.aws_cloudtrail WHERE p_event_time >= CAST('2026-03-12 12:00:00' AS TIMESTAMP) AND "
        "p_event_time <= CAST('2026-03-15 12:00:00' AS TIMESTAMP) AND a IN ('it''s', 'b') LIMIT 5"
    )
    path = QueryTemplate.parse(f"SELECT a:b::string AS b FROM {TRAIL}", policy=policy)
    with pytest.raises(SqlRefused, match="on athena"):
        path.bind({}, window=WINDOW, limit=5, now=NOW)


@pytest.mark.anyio
async def test_a_lake_receives_its_own_dialect_or_nothing() -> None:
    """Before another lake each query is translated; one without an equal fails with the reason and is not sent."""
    sent: list[str] = []

    class Listening:
        async def run_query(self, query: ReadOnlyQuery, *, limits: QueryLimits) -> None:
            sent.append(query.sql)

    lake = TranslatedLake(Listening(), "athena", FakeClock(NOW))  # type: ignore[arg-type]  # only one method is called
    limits = QueryLimits(rows=5, bytes=1000, seconds=5)
    await lake.run_query(accept(f"SELECT a FROM {TRAIL} WHERE {SINCE}"), limits=limits)
    assert sent == [f"SELECT a FROM panther_logs.aws_cloudtrail WHERE {BOUND} LIMIT 1000"]
    with pytest.raises(QueryFailed, match=r"not sent: .*on athena, JSON paths"):
        await lake.run_query(accept(f"SELECT a:b FROM {TRAIL} WHERE {SINCE}"), limits=limits)
    assert len(sent) == 1


@pytest.mark.parametrize("dialect", [Dialect.DATABRICKS, Dialect.ATHENA])
@pytest.mark.parametrize(
    "value", ["a -- b", "--", "x---y", "it''s -- x", "{{ p_occurs_since }} --", "-- ; DROP TABLE x"]
)
def test_a_value_that_looks_like_a_comment_is_a_value(dialect: Dialect, value: str) -> None:
    """`--` and what else Panther could act on in a text is written in parts, which the engine joins to the same value."""
    value = value.replace("}}", "")
    query = accept(f"SELECT a FROM {TRAIL} WHERE {SINCE} AND userAgent = '{value}' LIMIT 5")

    sql = in_dialect(query, dialect, now=NOW).sql

    assert "--" not in sql
    assert "p_occurs_since" not in sql
    compared = next(node for node in sqlglot.parse_one(sql, dialect=dialect.value).find_all(exp.EQ))
    assert "".join(piece.name for piece in compared.expression.find_all(exp.Literal, bfs=False)) == value.replace(
        "''", "'"
    )
