"""Statements that the guard must refuse or accept, and how tests ask it."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.shared import SHARED
from triage.domain.sql import ReadOnlyQuery, SqlPolicy, SqlRefused, parse_read_only
from triage.domain.window import TimeWindow

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)
WINDOW = TimeWindow(NOW - 3 * DAY, NOW)
TRAIL = "panther_logs.public.aws_cloudtrail"
OKTA = "panther_logs.public.okta_systemlog"
SINCE = "p_occurs_since('1 d')"


def accept(
    text: str, *, policy: SqlPolicy | None = None, window: TimeWindow | None = None, now: datetime = NOW
) -> ReadOnlyQuery:
    return parse_read_only(text, policy=policy or SqlPolicy(), window=window, now=now)


def refuse(text: str, *, policy: SqlPolicy | None = None, window: TimeWindow | None = None) -> SqlRefused:
    with pytest.raises(SqlRefused) as caught:
        accept(text, policy=policy, window=window)
    return caught.value


def outcome(text: str, *, policy: SqlPolicy | None = None, window: TimeWindow | None = None) -> str:
    """`accepted`, or the code of the refusal."""
    try:
        accept(text, policy=policy, window=window)
    except SqlRefused as error:
        return error.code
    return "accepted"


def where(condition: str) -> str:
    return f"SELECT eventName FROM {TRAIL} WHERE {condition}"


def corpus(name: str) -> list[dict[str, str]]:
    """The rows of a shared corpus; the test is skipped if it is missing."""
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"{name} is not next to the project ({SHARED})")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


HOSTILE: list[tuple[str, str]] = [
    # More or other than one SELECT.
    ("multi_statement", f"{where(SINCE)}; DELETE FROM {TRAIL}"),
    ("multi_statement", f"{where(SINCE)};{where(SINCE)}"),
    ("multi_statement", f"{where(SINCE)};;\n;SELECT 1;"),
    ("not_select", f"DELETE FROM {TRAIL} WHERE {SINCE}"),
    ("not_select", f"UPDATE {TRAIL} SET eventName = 'x' WHERE {SINCE}"),
    ("not_select", f"INSERT INTO {TRAIL} SELECT * FROM {OKTA} WHERE {SINCE}"),
    ("not_select", f"MERGE INTO {TRAIL} USING {OKTA} ON 1 = 1 WHEN MATCHED THEN DELETE"),
    ("not_select", f"CREATE TABLE x AS {where(SINCE)}"),
    ("not_select", f"DROP TABLE {TRAIL}"),
    ("not_select", f"TRUNCATE TABLE {TRAIL}"),
    ("not_select", "ALTER SESSION SET TIMEZONE = 'UTC'"),
    ("not_select", "USE ROLE accountadmin"),
    ("not_select", "SET x = 1"),
    ("not_select", "SHOW TABLES"),
    ("not_select", f"DESCRIBE TABLE {TRAIL}"),
    ("not_select", f"EXPLAIN {where(SINCE)}"),
    ("not_select", "CALL some_procedure()"),
    ("not_select", "BEGIN RETURN 1; END"),
    ("not_select", "EXECUTE IMMEDIATE 'DROP TABLE x'"),
    ("not_select", "VALUES (1)"),
    ("not_select", "Here is the query you asked for"),
    ("empty", ""),
    ("empty", "  -- nothing but words\n ; "),
    ("syntax", f"SELECT FROM WHERE {TRAIL}"),
    ("syntax", f"WITH d AS (DELETE FROM {TRAIL} RETURNING *) SELECT * FROM d"),
    ("syntax", where(f"{SINCE} AND eventName IN ()")),
    ("syntax", f"SELECT FROM {TRAIL} WHERE {SINCE}"),
    ("character", f"{where(SINCE)}\n```"),
    ("character", f"```sql\n{where(SINCE)}\n```"),
    # Characters.
    ("character", f"SELECT 1 \x00 FROM {TRAIL} WHERE {SINCE}"),
    ("character", f"SELECT 'a\x1b[2J' FROM {TRAIL} WHERE {SINCE}"),
    ("character", f"SELECT 'a\u202eb' FROM {TRAIL} WHERE {SINCE}"),
    ("character", f"SELECT 'a\u2066b' FROM {TRAIL} WHERE {SINCE}"),
    ("character", f"SEL\u200bECT 1 FROM {TRAIL} WHERE {SINCE}"),
    ("character", f"SELECT '\U000e0041' FROM {TRAIL} WHERE {SINCE}"),
    ("character", f"SELECT\u00a01 FROM {TRAIL} WHERE {SINCE}"),
    ("character", f"SELECT \uff41 FROM {TRAIL} WHERE {SINCE}"),
    ("character", f"SELECT 1 AS éclair FROM {TRAIL} WHERE {SINCE}"),
    ("character", f'SELECT 1 AS "éclair" FROM {TRAIL} WHERE {SINCE}'),
    ("character", f"SELECT `eventName` FROM {TRAIL} WHERE {SINCE}"),
    ("character", "SELECT '\ud800'"),
    ("unterminated", f"SELECT 'x FROM {TRAIL} WHERE {SINCE}"),
    ("unterminated", f"SELECT 1 /* FROM {TRAIL} WHERE p_occurs_since(1)"),
    ("escape", where(SINCE + r" AND eventName RLIKE '\d+'")),
    ("escape", where(SINCE + r" AND eventName = '\101'")),
    # Stages, variables, templates, parameters.
    ("stage", "SELECT * FROM @~/x.csv"),
    ("stage", f"SELECT metadata FROM @my_stage, {TRAIL} WHERE {SINCE}"),
    ("variable", f"SELECT $1 FROM {TRAIL} WHERE {SINCE}"),
    ("variable", where(f"{SINCE} AND eventName = $name")),
    ("parameter", where(f"{SINCE} AND eventName = ?")),
    ("parameter", where(f"{SINCE} AND eventName = :name")),
    ("placeholder", where("p_occurs_since('{{ window }}')")),
    ("placeholder", where(SINCE + " AND eventName = '{% raw %}'")),
    ("placeholder", where(SINCE + " AND {condition}")),
    ("pragma", f"-- pragma: template\n{where(SINCE)}"),
    ("pragma", f"{where(SINCE)} /* Pragma : template */"),
    ("operator", f"SELECT data->>'a' FROM {TRAIL} WHERE {SINCE}"),
    ("operator", f"SELECT FILTER(a, x -> x > 1) FROM {TRAIL} WHERE {SINCE}"),
    ("name", f"SELECT __triage_x FROM {TRAIL} WHERE {SINCE}"),
    ("name", f"SELECT 1 AS \"p_occurs_since('9 d')\" FROM {TRAIL} WHERE {SINCE}"),
    # Parentheses without a query or a value.
    ("syntax", f"(SHOW TABLES) UNION ALL SELECT 1 FROM {TRAIL} WHERE {SINCE}"),
    ("syntax", f"({OKTA}) UNION ALL SELECT 1 FROM {TRAIL} WHERE {SINCE}"),
    ("syntax", f"() UNION ALL SELECT 1 FROM {TRAIL} WHERE {SINCE}"),
    ("syntax", f"SELECT (SHOW TABLES) FROM {TRAIL} WHERE {SINCE}"),
    ("syntax", f"SELECT COALESCE(eventName AS x, 1) FROM {TRAIL} WHERE {SINCE}"),
    ("syntax", f"SELECT 1 FROM {TRAIL} WHERE {SINCE} ORDER BY ()"),
    # Functions.
    ("function", f"SELECT SYSTEM$TYPEOF(eventName) FROM {TRAIL} WHERE {SINCE}"),
    ("function", f'SELECT "SYSTEM$WAIT"(5) FROM {TRAIL} WHERE {SINCE}'),
    ("function", f"SELECT CURRENT_USER FROM {TRAIL} WHERE {SINCE}"),
    ("function", f"SELECT CURRENT_ROLE() FROM {TRAIL} WHERE {SINCE}"),
    ("function", f"SELECT LAST_QUERY_ID() FROM {TRAIL} WHERE {SINCE}"),
    ("function", f"SELECT GET_DDL('view', 'x') FROM {TRAIL} WHERE {SINCE}"),
    ("function", f"SELECT GETVARIABLE('x') FROM {TRAIL} WHERE {SINCE}"),
    ("function", f"SELECT REPEAT('x', 1000000000) FROM {TRAIL} WHERE {SINCE}"),
    ("function", f"SELECT RPAD('x', 100000000) FROM {TRAIL} WHERE {SINCE}"),
    ("function", f"SELECT RANDOM() FROM {TRAIL} WHERE {SINCE}"),
    ("function", f"SELECT SEQ4() FROM {TRAIL} WHERE {SINCE}"),
    ("function", f"SELECT ARRAY_GENERATE_RANGE(0, 100000000) FROM {TRAIL} WHERE {SINCE}"),
    ("function", f"SELECT BUILD_SCOPED_FILE_URL(stage, 'x') FROM {TRAIL} WHERE {SINCE}"),
    ("function", f"SELECT FILE_URL_FROM_ANYWHERE(1) FROM {TRAIL} WHERE {SINCE}"),
    ("function", f"SELECT panther_logs.public.lower(eventName) FROM {TRAIL} WHERE {SINCE}"),
    ("function", f"SELECT snowflake.cortex.complete('m', eventName) FROM {TRAIL} WHERE {SINCE}"),
    ("function", f"SELECT AI_COMPLETE('m', eventName) FROM {TRAIL} WHERE {SINCE}"),
    ("expression", f"SELECT my_sequence.NEXTVAL FROM {TRAIL} WHERE {SINCE}"),
    # Table functions and sources.
    ("table_function", "SELECT * FROM TABLE('panther_logs.public.aws_cloudtrail')"),
    ("table_function", "SELECT * FROM TABLE(RESULT_SCAN('01be5f14'))"),
    ("table_function", "SELECT * FROM TABLE(GENERATOR(ROWCOUNT => 1000000000))"),
    ("table_function", "SELECT * FROM TABLE(information_schema.query_history())"),
    ("table_function", "SELECT * FROM LATERAL my_function(1)"),
    ("table_function", f"SELECT FLATTEN(target) FROM {OKTA} WHERE {SINCE}"),
    ("function", "SELECT * FROM IDENTIFIER('panther_logs.public.aws_cloudtrail')"),
    ("schema", f"SELECT * FROM aws_cloudtrail WHERE {SINCE}"),
    ("schema", f"SELECT * FROM public.aws_cloudtrail WHERE {SINCE}"),
    ("schema", f"SELECT * FROM panther_logs.private.aws_cloudtrail WHERE {SINCE}"),
    ("schema", f"SELECT * FROM panther_logs.information_schema.tables WHERE {SINCE}"),
    ("schema", f"SELECT * FROM snowflake.account_usage.users WHERE {SINCE}"),
    ("schema", f'SELECT * FROM "SNOWFLAKE"."ACCOUNT_USAGE"."USERS" WHERE {SINCE}'),
    ("schema", f'SELECT * FROM "panther_logs".public.aws_cloudtrail WHERE {SINCE}'),
    ("schema", f"{where(SINCE)} UNION ALL SELECT name FROM snowflake.account_usage.users"),
    ("schema", f"{where(SINCE)} ORDER BY (SELECT MAX(name) FROM snowflake.account_usage.users)"),
    (
        "schema",
        f"{where(SINCE)} UNION ALL {where(SINCE)} ORDER BY (SELECT MAX(name) FROM snowflake.account_usage.users)",
    ),
    ("schema", where(f"{SINCE} AND eventName IN (SELECT name FROM secrets.public.names)")),
    ("schema", where(f"{SINCE} AND EXISTS (SELECT 1 FROM secrets.public.names)")),
    ("schema", f"SELECT (SELECT MAX(name) FROM secrets.public.names) FROM {TRAIL} WHERE {SINCE}"),
    (
        "schema",
        f"SELECT 1 FROM {TRAIL} t, LATERAL FLATTEN(input => (SELECT ARRAY_AGG(x) FROM a.public.b)) f WHERE {SINCE}",
    ),
    ("schema", f"WITH aws_cloudtrail AS (SELECT * FROM snowflake.account_usage.users) SELECT * FROM {TRAIL}"),
    # Clauses.
    ("clause", where(f"{SINCE} FOR UPDATE")),
    ("clause", f"SELECT eventName INTO x FROM {TRAIL} WHERE {SINCE}"),
    ("clause", f"SELECT * FROM {TRAIL} AT(OFFSET => -3600) WHERE {SINCE}"),
    ("clause", f"SELECT * FROM {TRAIL} SAMPLE (10) WHERE {SINCE}"),
    ("clause", f"SELECT * FROM {TRAIL} WHERE {SINCE} CONNECT BY PRIOR a = b"),
    ("clause", f"SELECT * FROM {TRAIL} a NATURAL JOIN {OKTA} b WHERE {SINCE}"),
    ("expression", f"SELECT * FROM {TRAIL} WHERE {SINCE} FETCH FIRST 5 ROWS ONLY"),
    ("expression", f"SELECT * FROM (VALUES (1), (2)) AS v, {TRAIL} WHERE {SINCE}"),
    ("clause", "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r"),
    ("schema", "WITH r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r"),
    ("cte", f"WITH a AS ({where(SINCE)}), a AS (SELECT 1) SELECT * FROM a"),
    ("cte", f"WITH a AS ({where(SINCE)}) SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a)"),
    ("alias", f"SELECT * FROM {TRAIL} AS t(a, p_event_time) WHERE {SINCE}"),
    ("alias", f"SELECT * FROM {TRAIL} t, {OKTA} t WHERE t.p_event_time > CURRENT_DATE"),
    # Bounds that are none.
    ("unbounded", f"SELECT * FROM {TRAIL}"),
    ("unbounded", f"SELECT * FROM {TRAIL} LIMIT 5"),
    ("unbounded", where(f"{SINCE} OR 1 = 1")),
    ("unbounded", where(f"NOT {SINCE}")),
    ("unbounded", where(f"NOT (NOT {SINCE})")),
    ("unbounded", where(f"CASE WHEN eventName = 'x' THEN {SINCE} ELSE TRUE END")),
    ("unbounded", where(f"COALESCE({SINCE}, TRUE)")),
    ("unbounded", where("p_event_time IS NOT NULL")),
    ("unbounded", where("p_event_time <> '2026-03-01'")),
    ("unbounded", where("p_event_time <= CURRENT_TIMESTAMP")),
    ("unbounded", where("p_occurs_before('2026-03-01')")),
    ("unbounded", where("p_event_time >= p_parse_time")),
    ("unbounded", where("p_event_time >= (SELECT MIN(p_event_time))")),
    ("unbounded", where("eventTime >= DATEADD(day, -1, CURRENT_TIMESTAMP)")),
    ("unbounded", where("p_occurs_since('1 d', , eventTime)")),
    ("unbounded", f"SELECT * FROM {TRAIL} HAVING p_event_time > CURRENT_DATE"),
    ("unbounded", f"SELECT * FROM {TRAIL} QUALIFY p_event_time > CURRENT_DATE"),
    ("alias", f"SELECT CURRENT_TIMESTAMP AS p_event_time FROM {TRAIL} WHERE {SINCE}"),
    ("alias", f"SELECT * REPLACE (CURRENT_TIMESTAMP AS p_event_time) FROM {TRAIL} WHERE {SINCE}"),
    ("unbounded", f"{where(SINCE)} UNION ALL SELECT eventType FROM {OKTA}"),
    ("unbounded", f"SELECT * FROM (SELECT * FROM {TRAIL}) WHERE {SINCE}"),
    ("unbounded", f"WITH a AS (SELECT * FROM {TRAIL}) SELECT * FROM a WHERE {SINCE}"),
    ("unbounded", where(f"{SINCE} AND eventName IN (SELECT eventType FROM {OKTA})")),
    ("unbounded", f"SELECT * FROM {TRAIL} a JOIN {OKTA} b ON a.x = b.x WHERE a.p_event_time > CURRENT_DATE"),
    ("unbounded", f"SELECT * FROM {TRAIL} a JOIN {OKTA} b ON a.x = b.x WHERE {SINCE}"),
    (
        "unbounded",
        f"SELECT * FROM {TRAIL} a LEFT JOIN (SELECT 1 AS y) b ON a.x = b.y AND a.p_event_time > CURRENT_DATE",
    ),
    (
        "unbounded",
        f"WITH aws_cloudtrail AS (SELECT 1 AS p_event_time) SELECT * FROM aws_cloudtrail, {OKTA} "
        "WHERE aws_cloudtrail.p_event_time > '2026-03-14'",
    ),
    ("unbounded", f"SELECT 1 FROM {TRAIL} a JOIN (SELECT 1 AS p_event_time) b USING (p_event_time) WHERE {SINCE}"),
    ("unbounded", f'SELECT CURRENT_TIMESTAMP AS "p_event_time" FROM {TRAIL} WHERE "p_event_time" > CURRENT_DATE'),
    (
        "unbounded",
        f'SELECT 1 FROM {TRAIL} t, LATERAL FLATTEN(input => t.x) AS f(SEQ, KEY, PATH, INDEX, "p_event_time", THIS) '
        'WHERE "p_event_time" > CURRENT_DATE',
    ),
    ("unbounded", where("(p_event_time, eventName) > ('2026-03-14', 'x')")),
    ("unbounded", where("p_event_time >= '2026-03-14' IS NOT NULL")),
    ("unbounded", where("(p_event_time >= '2026-03-14') = TRUE")),
    # Windows that are too long.
    ("window", where("p_occurs_since('91 d')")),
    ("window", where("p_occurs_since('20 weeks')")),
    ("window", where("p_occurs_since(9999999)")),
    ("window", where("p_event_time > '1970-01-01'")),
    ("window", where("p_occurs_after('2025-01-01')")),
    ("window", where("p_event_time >= DATEADD(year, -1, CURRENT_TIMESTAMP)")),
    ("window", where("p_event_time >= CURRENT_TIMESTAMP - INTERVAL '200 days'")),
    ("window", where("p_occurs_between('1970-01-01', '2100-01-01')")),
    ("window", where("p_occurs_between('2026-03-10', '2026-03-01')")),
    ("window", where("DATEDIFF(day, p_event_time, CURRENT_TIMESTAMP) < 400")),
    # Macros.
    ("macro", where("p_occurs_since()")),
    ("macro", where("p_occurs_since('soon')")),
    ("macro", where("p_occurs_since('-1 d')")),
    ("macro", where("p_occurs_since('0 d')")),
    ("macro", where("p_occurs_since('1 fortnight')")),
    ("macro", where("p_occurs_since('1 d', t, c, x)")),
    ("macro", where("p_occurs_since('1 d', 'alias')")),
    ("macro", where("p_occurs_since('1 d', , lower(x))")),
    ("macro", where("p_occurs_since('1 d'")),
    ("macro", where("p_occurs_between('2026-03-01')")),
    ("macro", where("p_occurs_between('yesterday', 'today')")),
    ("macro", where("p_occurs_around('2026-03-01', )")),
    ("macro", where("p_occurs_around(eventTime, '1 h')")),
    ("name", where('"P_OCCURS_SINCE"(1)')),
    # Size.
    ("size", where(SINCE) + " " * 20_000),
    ("size", " UNION ALL ".join(["SELECT 1"] * 60)),
    ("nesting", "SELECT " + "(" * 40 + "1" + ")" * 40),
    ("nesting", "SELECT " + "(end" * 40 + ")" * 40),
    ("nesting", "SELECT " + "NOT " * 40 + "TRUE"),
    ("nesting", "SELECT " + "CASE WHEN TRUE THEN " * 40 + "1" + " END" * 40),
    ("size", "SELECT " + ",".join(["1"] * 4000)),
    ("no_table", "SELECT 1"),
    ("no_table", "SELECT CURRENT_TIMESTAMP UNION ALL SELECT MD5('x')"),
    ("no_table", "SELECT COUNT(*) FROM TABLE(FLATTEN(input => ARRAY_CONSTRUCT(1, 2, 3))) f"),
    (
        "cross_join",
        f"SELECT COUNT(*) FROM {TRAIL} t"
        + "".join(f", LATERAL FLATTEN(input => ARRAY_CONSTRUCT(1, 2, 3)) f{n}" for n in range(10))
        + f" WHERE {SINCE}",
    ),
    ("cross_join", f"SELECT 1 FROM {TRAIL} a JOIN {OKTA} b ON a.x <> b.x"),
    ("cross_join", f"SELECT 1 FROM {TRAIL} a JOIN {OKTA} b ON TRUE"),
    ("cross_join", f"SELECT 1 FROM {TRAIL} a JOIN {OKTA} b ON a.x = a.x"),
    ("cross_join", f"SELECT 1 FROM {TRAIL} a JOIN {OKTA} b ON a.x = b.x OR TRUE"),
    ("cross_join", f"SELECT 1 FROM {TRAIL} a JOIN {OKTA} b ON a.x = b.x OR a.y <> b.y"),
    ("cross_join", f"SELECT 1 FROM {TRAIL} a JOIN {OKTA} b ON NOT a.x = b.x"),
    ("cross_join", f"SELECT 1 FROM {TRAIL} a JOIN {OKTA} b ON b.p_event_time > a.p_event_time"),
    ("cross_join", f"SELECT 1 FROM {TRAIL} a JOIN {OKTA} b ON a.x = b.x JOIN {OKTA} c ON a.x = b.x"),
    ("cross_join", f"SELECT 1 FROM {TRAIL} a CROSS JOIN {OKTA} b"),
    ("cross_join", f"SELECT 1 FROM {TRAIL} a, {OKTA} b WHERE a.x = 'k' AND b.x = 'k'"),
    (
        "cross_join",
        f"WITH s AS (SELECT x FROM {TRAIL} WHERE {SINCE}) SELECT 1 FROM {TRAIL} a CROSS JOIN s WHERE {SINCE}",
    ),
    ("aggregate", f"SELECT ARRAY_AGG(OBJECT_CONSTRUCT(*)) FROM {TRAIL} WHERE {SINCE}"),
    ("aggregate", f"SELECT ARRAY_AGG(o) FROM (SELECT OBJECT_CONSTRUCT(*) AS o FROM {TRAIL} WHERE {SINCE})"),
    ("aggregate", f"SELECT LISTAGG(requestParameters::string, ',') FROM {TRAIL} WHERE {SINCE}"),
    ("size", where(SINCE + " AND (" + " OR ".join(f"a = {n}" for n in range(1400)) + ")")),
    (
        "alias",
        f"SELECT DATE_TRUNC('hour', p_event_time) AS p_event_time FROM {TRAIL} WHERE p_event_time >= '2026-03-14'",
    ),
    ("cross_join", "SELECT 1 FROM (SELECT 1) a, (SELECT 1) b, (SELECT 1) c, (SELECT 1) d, (SELECT 1) e"),
    (
        "cross_join",
        f"SELECT 1 FROM {TRAIL} a {' '.join(f'JOIN {OKTA} t{n} ON {on}' for n, on in enumerate(['TRUE', '1 = 1', 't2.x = t2.x', 'a.x = 1']))}",
    ),
    # Forms that the parser reads twice at each level: thirty levels would never end.
    ("cross_join", f"SELECT 1 FROM {TRAIL} a" + f" LEFT JOIN {OKTA} b" * 40),
    ("cross_join", "SELECT 1 FROM a" + " JOIN f(a" * 20 + ")" * 20),
    ("cross_join", "SELECT a FROM b WHERE c" + " mod JOIN using" * 40),
    ("nesting", "SELECT " + "ARRAY[" * 28 + "1" + "]" * 28),
    ("nesting", "SELECT " + "OBJECT(" * 28 + "1" + ")" * 28),
    ("nesting", "SELECT a::" + "STRUCT(" * 28 + "a INT" + ")" * 28),
    ("nesting", "SELECT " + "(VARCHAR(" * 14 + "1" + "))" * 14),
    ("nesting", "SELECT " + "JSON_OBJECT(" * 28 + "1" + ")" * 28),
    ("nesting", "SELECT 1 FROM a WHERE " + "TUPLE( b LIMIT " * 28 + "1" + ")" * 28),
    (
        "cte",
        f"WITH c0 AS ({where(SINCE)}), "
        + ", ".join(f"c{n} AS (SELECT a.x FROM c{n - 1} a JOIN c{n - 1} b ON a.x = b.x)" for n in range(1, 12))
        + " SELECT * FROM c11",
    ),
    ("cte", "WITH " + ", ".join(f"c{n} AS (SELECT {n})" for n in range(40)) + " SELECT 1"),
    ("limit", where(f"{SINCE} LIMIT NULL")),
    ("limit", where(f"{SINCE} LIMIT (SELECT 5)")),
    ("limit", where(f"{SINCE} LIMIT 5 OFFSET (SELECT 1)")),
    ("limit", f"SELECT * FROM ({where(SINCE)} LIMIT 1 + 1)"),
]


BENIGN: list[str] = [
    where(SINCE),
    where("p_occurs_since(90m)"),
    where("p_occurs_since(3600)"),
    where("p_occurs_since(1 hour)"),
    where("P_Occurs_Since('7 days')"),
    where("p_occurs_since('2w')"),
    where("p_occurs_since('96 hrs', aws_cloudtrail)"),
    where("p_occurs_since('1 d', , p_parse_time)"),
    where("p_occurs_between('2026-02-01', '2026-02-03')"),
    where("p_occurs_between('2026-02-01T00:00:00Z', '2026-02-03 10:30:00.123456789')"),
    where("p_occurs_between(current_date - 1, current_timestamp)"),
    where("p_occurs_between(DATEADD(hour, -6, p_current_timestamp()), p_current_timestamp())"),
    where("p_occurs_around('2026-03-14 10:00:00', '30 m')"),
    where("p_occurs_after('2026-03-14') AND p_occurs_before('2026-03-15')"),
    where("p_occurs_between('2021-01-01', '2021-01-02')"),
    where("p_event_time >= '2026-03-14'"),
    where("p_event_time BETWEEN '2026-03-01' AND '2026-03-14'"),
    where("'2026-03-14' <= p_event_time"),
    where("(p_event_time > DATEADD('hour', -6, CURRENT_TIMESTAMP()))"),
    where("p_event_time > CURRENT_TIMESTAMP - INTERVAL '1 hour, 30 minutes'"),
    where("p_event_time >= TO_TIMESTAMP_NTZ('2026-03-14 00:00:00')"),
    where("p_event_time >= '2026-03-14'::timestamp_ntz AND p_event_time::date <= '2026-03-15'::date"),
    where("p_event_time >= DATE_TRUNC('day', DATEADD(month, -1, CURRENT_TIMESTAMP))"),
    where("DATE_TRUNC('hour', p_event_time) >= '2026-03-14'"),
    where("DATEDIFF(hour, p_event_time, CURRENT_TIMESTAMP) <= 24"),
    where(f"{SINCE} AND (eventName = 'a' OR eventName = 'b')"),
    where(f"{SINCE} AND eventName IN ('DeleteTrail', 'DROP TABLE x', 'it''s; --')"),
    where(f"{SINCE} AND eventName LIKE '%@%' AND data:\"@type\" = '$1'"),
    where(f"{SINCE} AND eventName RLIKE '\\\\d+' AND userAgent ILIKE ANY ('%curl%', '%wget%')"),
    where(f"{SINCE} AND eventName = 'Zoë — naïve “quotes” 😀'"),
    where(f"{SINCE} -- a comment — with odd “characters”\n AND eventName = 'x' // another\n /* and\n more */"),
    f"{where(SINCE)};\n;",
    f"SELECT userIdentity:sessionContext.sessionIssuer.arn::string AS a, target[0]:id FROM {TRAIL} WHERE {SINCE}",
    f"SELECT * EXCLUDE (p_row_id), t.eventName AS n FROM {TRAIL} t WHERE {SINCE}",
    f"SELECT COUNT(DISTINCT eventName) FROM {TRAIL} WHERE {SINCE} GROUP BY ALL HAVING COUNT(*) > 1 ORDER BY 1 DESC",
    f"SELECT a, ROW_NUMBER() OVER (PARTITION BY a ORDER BY b DESC) AS n FROM {TRAIL} WHERE {SINCE} QUALIFY n = 1",
    f"SELECT f.value:id FROM {OKTA} t, LATERAL FLATTEN(input => t.target, outer => TRUE) f WHERE {SINCE}",
    f"SELECT f.value FROM {OKTA}, TABLE(FLATTEN(input => target)) f WHERE {SINCE}",
    f"SELECT 1 FROM {TRAIL} WHERE {SINCE} UNION ALL (SELECT 2 FROM {OKTA} WHERE {SINCE}) ORDER BY 1 LIMIT 5",
    f"SELECT eventName FROM {TRAIL} WHERE {SINCE} MINUS SELECT eventType FROM {OKTA} WHERE {SINCE}",
    f"WITH a AS ({where(SINCE)}), b AS (SELECT * FROM a) SELECT * FROM b JOIN a ON a.eventName = b.eventName",
    f"SELECT * FROM {TRAIL} a JOIN {OKTA} b ON a.x = b.x WHERE p_occurs_since('1 d', a) AND p_occurs_since('2 d', b)",
    f"SELECT * FROM {TRAIL} a JOIN {OKTA} b ON a.x = b.x AND b.p_event_time > CURRENT_DATE WHERE a.p_event_time > CURRENT_DATE",
    f"SELECT * FROM {TRAIL} a LEFT JOIN {OKTA} b ON a.x = b.x AND b.p_event_time > CURRENT_DATE WHERE a.p_event_time > CURRENT_DATE",
    f"SELECT * FROM {TRAIL} a JOIN panther_lookups.public.tor_exit_nodes b ON a.sourceIPAddress = b.ip WHERE {SINCE}",
    f"SELECT p_alert_id FROM panther_rule_matches.public.aws_cloudtrail WHERE {SINCE} AND p_alert_id = 'a'",
    f"SELECT p_rule_id FROM panther_signals.public.correlation_signals WHERE {SINCE}",
    f"SELECT * FROM PANTHER_LOGS.PUBLIC.AWS_CLOUDTRAIL WHERE {SINCE}",
    f'SELECT * FROM "PANTHER_LOGS"."PUBLIC"."AWS_CLOUDTRAIL" WHERE {SINCE}',
    f"SELECT {TRAIL}.eventName FROM {TRAIL} WHERE {TRAIL}.p_event_time > CURRENT_DATE",
    f"SELECT p_event_time AS p_event_time, * FROM {TRAIL} WHERE {SINCE}",
    f"SELECT TOP 5 eventName FROM {TRAIL} WHERE {SINCE}",
    f"SELECT LISTAGG(DISTINCT eventName, ',') WITHIN GROUP (ORDER BY eventName) FROM {TRAIL} WHERE {SINCE}",
    f"SELECT $$it's \\ fine$$ FROM {TRAIL} WHERE {SINCE}",
    f"SELECT IFF(NOT {SINCE}, 'old', 'new') FROM {TRAIL} WHERE p_occurs_since('3 d')",
    "SELECT ARRAY_CONTAINS('1.2.3.4'::VARIANT, p_any_ip_addresses), ARRAYS_OVERLAP(p_any_emails, ['a', 'b']), "
    "HAVERSINE(1, 2, 3, 4), PARSE_IP(x, 'INET'), TRY_TO_NUMBER(x), TRY_PARSE_JSON(x):y, MAX_BY(a, b), OBJECT_KEYS(o) "
    f"FROM {TRAIL} WHERE {SINCE}",
]
