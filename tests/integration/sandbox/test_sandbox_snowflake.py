"""Snowflake SQL in the embedded lake: what queries answer, on rows small enough to check by eye."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.shared import SHARED
from tests.support.tiny_world import write_files
from triage.sandbox.errors import QueryError
from triage.sandbox.lake import DuckLake
from triage.sandbox.world import World, load_world

NOW = "2026-03-10T12:00:00Z"  # a Tuesday

TRAIL: list[dict[str, object]] = [
    {
        "eventName": "GetObject",
        "eventTime": "2026-03-10T11:00:00Z",
        "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/app/i-0a1", "tags": ["a", "b"]},
        "requestParameters": {
            "bucketName": "logs",
            "bytes": 10,
            "ratio": 1.5,
            "dry": True,
            "Key": "Upper",
            "port": "9",
        },
        "sourceIPAddress": "10.0.0.1",
        "readOnly": True,
        "p_event_time": "2026-03-10 11:00:00.000",
        "p_parse_time": "2026-03-10 11:02:30.250",
        "p_log_type": "AWS.CloudTrail",
        "p_row_id": "1",
        "p_any_ip_addresses": ["10.0.0.1", "192.0.2.1"],
        "p_any_usernames": ["app"],
    },
    {
        "eventName": "DeleteTrail",
        "eventTime": "2026-03-09T23:30:00Z",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::1:user/eve", "tags": []},
        "requestParameters": {"bytes": 9, "dry": False, "port": "10"},
        "sourceIPAddress": "192.0.2.1",
        "errorCode": "AccessDenied",
        "readOnly": False,
        "p_event_time": "2026-03-09 23:30:00.000",
        "p_parse_time": "2026-03-09 23:31:00.000",
        "p_log_type": "AWS.CloudTrail",
        "p_row_id": "2",
        "p_any_ip_addresses": ["192.0.2.1"],
        "p_any_usernames": ["eve"],
    },
    {
        "eventName": "ListUsers",
        "eventTime": "2026-03-01T08:15:00Z",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::1:user/eve"},
        "requestParameters": None,
        "sourceIPAddress": "192.0.2.9",
        "readOnly": True,
        "p_event_time": "2026-03-01 08:15:00.000",
        "p_parse_time": "2026-03-01 08:16:00.000",
        "p_log_type": "AWS.CloudTrail",
        "p_row_id": "3",
        "p_any_usernames": ["eve"],
    },
]

HOOKS: list[dict[str, object]] = [
    {
        "repo": "core",
        "commits": [{"id": "c1", "added": ["a.js", "b.js"]}, {"id": "c2", "added": []}],
        "note": "multi\nline",
        "p_event_time": "2026-03-10 10:00:00.000",
        "p_log_type": "Custom.Hook",
    },
    {"repo": "web", "commits": [], "p_event_time": "2026-03-10 10:05:00.000", "p_log_type": "Custom.Hook"},
]

CT = "panther_logs.public.aws_cloudtrail"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckLake]:
    """A lake of three CloudTrail events and two of a custom log type, as recorded."""
    matches = [{**TRAIL[1], "p_alert_id": "A1", "p_rule_id": "Trail.Deleted"}]
    files: dict[str, list[dict[str, object]]] = {
        "alerts": [],
        "rules": [],
        "sources": [{"integrationId": "s1", "integrationLabel": "zoom", "logTypes": ["Zoom.Activity"]}],
        "lake/panther_logs/aws_cloudtrail": TRAIL,
        "lake/panther_logs/custom_hook": HOOKS,
        "lake/panther_rule_matches/aws_cloudtrail": matches,
    }
    root = write_files(tmp_path_factory.mktemp("world"), NOW, files)
    lake = DuckLake(load_world(root, as_recorded=True))
    yield lake
    lake.close()


def rows(lake: DuckLake, sql: str, database: str = "panther_logs") -> list[list[object]]:
    """The answer as lists of values."""
    return [list(row.values()) for row in lake.run(sql, database=database).rows]


ONE_VALUE: list[tuple[str, list[object]]] = [
    # VARIANT: a path gives a VARIANT, and what it meets decides how it compares.
    ("userIdentity:type", ["AssumedRole", "IAMUser", "IAMUser"]),
    ("userIdentity:type = 'IAMUser'", [False, True, True]),
    ("userIdentity:type::string", ["AssumedRole", "IAMUser", "IAMUser"]),
    ("userIdentity:Type", [None, None, None]),
    ("requestParameters:Key", ["Upper", None, None]),
    ("USERIDENTITY:type", ["AssumedRole", "IAMUser", "IAMUser"]),
    ("requestParameters:bytes", [10, 9, None]),
    ("requestParameters:bytes > 9", [True, False, None]),
    ("requestParameters:bytes = '10'", [True, False, None]),
    ("requestParameters:port > 9", [False, True, None]),
    ("requestParameters:port = 9", [True, False, None]),
    ("requestParameters:dry = 'true'", [True, False, None]),
    ("requestParameters:dry = false", [False, True, None]),
    ("NOT requestParameters:dry", [False, True, None]),
    ("requestParameters:ratio + 1", [2.5, None, None]),
    ("requestParameters:bytes::int + 1", [11, 10, None]),
    ("requestParameters:bytes IN (9, 11)", [False, True, None]),
    ("userIdentity:type IN ('IAMUser', 'Root')", [False, True, True]),
    ("requestParameters:bytes BETWEEN 1 AND 9", [False, True, None]),
    ("userIdentity:type != 'null'", [True, True, True]),
    ("userIdentity:tags[0]", ["a", None, None]),
    ("userIdentity:tags[-1]", [None, None, None]),
    ("userIdentity['tags'][1]::string", ["b", None, None]),
    ("GET(userIdentity:tags, 1)", ["b", None, None]),
    ("GET_PATH(userIdentity, 'tags[0]')", ["a", None, None]),
    ("userIdentity:missing IS NULL", [True, True, True]),
    ("requestParameters:bytes IS NOT NULL", [True, True, False]),
    ("userIdentity:tags::string", ['["a","b"]', "[]", None]),
    ("requestParameters::string LIKE '%\"bytes\":9%'", [False, True, None]),
    ("LOWER(userIdentity:type)", ["assumedrole", "iamuser", "iamuser"]),
    ("userIdentity:type || '!'", ["AssumedRole!", "IAMUser!", "IAMUser!"]),
    ("userIdentity:arn LIKE '%user/eve'", [False, True, True]),
    ("userIdentity:arn ILIKE ANY ('%USER/%', 'x')", [False, True, True]),
    ("userIdentity:arn LIKE ANY ('%app%', '%eve')", [True, True, True]),
    ("COALESCE(requestParameters:bucketName, 'none')", ["logs", "none", "none"]),
    ("IFF(userIdentity:type = 'IAMUser', userIdentity:arn, NULL)", [None, *["arn:aws:iam::1:user/eve"] * 2]),
    ("CASE userIdentity:type WHEN 'IAMUser' THEN 1 ELSE 0 END", [0, 1, 1]),
    ("DECODE(userIdentity:type, 'IAMUser', 'person', 'machine')", ["machine", "person", "person"]),
    ("TYPEOF(requestParameters:bytes)", ["INTEGER", "INTEGER", None]),
    ("TYPEOF(userIdentity)", ["OBJECT"] * 3),
    ("IS_ARRAY(userIdentity:tags)", [True, True, None]),
    ("PARSE_JSON('{\"a\": [1, {\"b\": 2}]}'):a[1].b", [2, 2, 2]),
    ("TRY_PARSE_JSON('{') IS NULL", [True, True, True]),
    # Arrays.
    ("ARRAY_CONTAINS('10.0.0.1'::VARIANT, p_any_ip_addresses)", [True, False, None]),
    ("ARRAY_CONTAINS(eventName, ['ListUsers', 'GetObject'])", [True, False, True]),
    ("ARRAY_CONTAINS('a'::VARIANT, userIdentity:tags)", [True, False, None]),
    ("ARRAYS_OVERLAP(p_any_ip_addresses, ARRAY_CONSTRUCT('192.0.2.1', 'x'))", [True, True, None]),
    ("ARRAY_CONTAINS(userIdentity:type, ARRAY_CONSTRUCT('IAMUser', 'Root'))", [False, True, True]),
    ("ARRAY_CONTAINS('IAMUser'::VARIANT, ARRAY_CONSTRUCT(userIdentity:type, eventName))", [False, True, True]),
    ("ARRAYS_OVERLAP(ARRAY_CONSTRUCT(userIdentity:type), ARRAY_CONSTRUCT('IAMUser'))", [False, True, True]),
    ("ARRAY_SIZE(ARRAY_DISTINCT(ARRAY_CONSTRUCT(userIdentity:type, 'IAMUser')))", [2, 1, 1]),
    ("ARRAY_POSITION(userIdentity:type, ARRAY_CONSTRUCT('x', 'IAMUser'))", [None, 1, 1]),
    ("ARRAY_SIZE(p_any_ip_addresses)", [2, 1, None]),
    ("ARRAY_SIZE(userIdentity:tags)", [2, 0, None]),
    ("ARRAY_SIZE(userIdentity:type)", [None, None, None]),
    ("p_any_ip_addresses[1]", ["192.0.2.1", None, None]),
    ("ARRAY_TO_STRING(userIdentity:tags, '+')", ["a+b", "", None]),
    ("ARRAY_SLICE(p_any_ip_addresses, 0, 1)", [["10.0.0.1"], ["192.0.2.1"], None]),
    ("ARRAY_INTERSECTION(p_any_ip_addresses, ARRAY_CONSTRUCT('10.0.0.1'))", [["10.0.0.1"], [], None]),
    ("ARRAY_EXCEPT(userIdentity:tags, ['a'])", [["b"], [], None]),
    ("ARRAY_CAT(p_any_usernames, ['x'])", [["app", "x"], ["eve", "x"], ["eve", "x"]]),
    ("ARRAY_POSITION('192.0.2.1'::VARIANT, p_any_ip_addresses)", [1, 0, None]),
    ("ARRAY_COMPACT(ARRAY_CONSTRUCT(errorCode, 'x'))", [["x"], ["AccessDenied", "x"], ["x"]]),
    ("SPLIT(sourceIPAddress, '.')[0]::int", [10, 192, 192]),
    # Objects leave out what is NULL.
    ("OBJECT_CONSTRUCT('e', errorCode, 'n', eventName)", [{"n": "GetObject"}, {"e": "AccessDenied", "n": "DeleteTrail"}, {"n": "ListUsers"}]),
    ("OBJECT_KEYS(PARSE_JSON('{\"b\": 1, \"a\": 2}'))", [["a", "b"]] * 3),
    # Time.
    ("p_event_time", ["2026-03-10 11:00:00.000", "2026-03-09 23:30:00.000", "2026-03-01 08:15:00.000"]),
    ("eventTime", ["2026-03-10 11:00:00.000", "2026-03-09 23:30:00.000", "2026-03-01 08:15:00.000"]),
    ("p_parse_time::string", ["2026-03-10 11:02:30.250", "2026-03-09 23:31:00.000", "2026-03-01 08:16:00.000"]),
    ("CURRENT_TIMESTAMP()", ["2026-03-10 12:00:00.000"] * 3),
    ("CURRENT_DATE", ["2026-03-10"] * 3),
    ("p_event_time > DATEADD(hour, -6, CURRENT_TIMESTAMP())", [True, False, False]),
    ("p_event_time > CURRENT_TIMESTAMP - INTERVAL '1 day'", [True, True, False]),
    ("p_event_time > '2026-03-09T23:30:00Z'", [True, False, False]),
    ("DATEADD('minute', 30, '2026-03-10T11:45:00Z')", ["2026-03-10 12:15:00.000"] * 3),
    ("DATEADD(day, 1, p_event_time)", ["2026-03-11 11:00:00.000", "2026-03-10 23:30:00.000", "2026-03-02 08:15:00.000"]),
    ("DATEDIFF('minute', p_event_time, p_parse_time)", [2, 1, 1]),
    ("DATEDIFF(day, p_event_time, '2026-03-10')", [0, 1, 9]),
    ("DATEDIFF(week, '2026-03-08', '2026-03-09')", [1, 1, 1]),
    ("TIMEDIFF(s, p_event_time, p_parse_time)", [150, 60, 60]),
    ("DATE_TRUNC('hour', p_event_time)", ["2026-03-10 11:00:00.000", "2026-03-09 23:00:00.000", "2026-03-01 08:00:00.000"]),
    ("DATE_TRUNC('week', p_event_time)", ["2026-03-09 00:00:00.000", "2026-03-09 00:00:00.000", "2026-02-23 00:00:00.000"]),
    ("TIME_SLICE(p_event_time, 20, 'minute')", ["2026-03-10 11:00:00.000", "2026-03-09 23:20:00.000", "2026-03-01 08:00:00.000"]),
    ("TIME_SLICE(p_event_time, 1, 'week')", ["2026-03-09 00:00:00.000", "2026-03-09 00:00:00.000", "2026-02-23 00:00:00.000"]),
    ("TIME_SLICE(p_event_time, 2, 'day')", ["2026-03-10 00:00:00.000", "2026-03-08 00:00:00.000", "2026-02-28 00:00:00.000"]),
    ("TIME_SLICE(p_event_time, 2, 'day', 'END')", ["2026-03-12 00:00:00.000", "2026-03-10 00:00:00.000", "2026-03-02 00:00:00.000"]),
    ("TIME_SLICE(p_event_time, 4, 'week')", ["2026-03-09 00:00:00.000", "2026-03-09 00:00:00.000", "2026-02-09 00:00:00.000"]),
    ("HOUR(p_event_time)", [11, 23, 8]),
    ("DAYOFWEEK(p_event_time)", [2, 1, 0]),
    ("DAYNAME(p_event_time)", ["Tue", "Mon", "Sun"]),
    ("HOUR('2026-03-10 07:00:00')", [7, 7, 7]),
    ("TO_VARCHAR(p_event_time, 'YYYY-MM-DD HH24:MI')", ["2026-03-10 11:00", "2026-03-09 23:30", "2026-03-01 08:15"]),
    ("TO_TIMESTAMP('2026-03-10 11:00:00') = p_event_time", [True, False, False]),
    ("TO_TIMESTAMP(1773140400)", ["2026-03-10 11:00:00.000"] * 3),
    ("TO_TIMESTAMP('1773140400000')", ["2026-03-10 11:00:00.000"] * 3),
    ("TO_DATE(p_event_time)", ["2026-03-10", "2026-03-09", "2026-03-01"]),
    ("p_event_time::date = CURRENT_DATE - 1", [False, True, False]),
    ("'2026-03-10T11:00:00Z'::timestamp_tz = p_event_time", [True, False, False]),
    ("CONVERT_TIMEZONE('UTC', 'America/New_York', p_event_time)", ["2026-03-10 07:00:00.000", "2026-03-09 19:30:00.000", "2026-03-01 03:15:00.000"]),
    # Text.
    ("eventName ILIKE 'get%'", [True, False, False]),
    ("eventName RLIKE 'Get.*'", [True, False, False]),
    ("eventName RLIKE 'Get'", [False, False, False]),
    ("REGEXP_LIKE(eventName, '.*TRAIL', 'i')", [False, True, False]),
    ("REGEXP_SUBSTR(userIdentity:arn, 'user/([a-z]+)', 1, 1, 'e', 1)", [None, "eve", "eve"]),
    ("REGEXP_SUBSTR(sourceIPAddress, '[0-9]+$')", ["1", "1", "9"]),
    ("REGEXP_REPLACE('a1b2', '[0-9]', '')", ["ab"] * 3),
    ("REGEXP_COUNT(sourceIPAddress, '\\\\.')", [3, 3, 3]),
    ("SPLIT_PART(userIdentity:arn, '/', -1)", ["i-0a1", "eve", "eve"]),
    ("SPLIT_PART(sourceIPAddress, '.', 0)", ["10", "192", "192"]),
    ("CONCAT(eventName, errorCode)", [None, "DeleteTrailAccessDenied", None]),
    ("CONTAINS(eventName, 'Trail')", [False, True, False]),
    ("LEN(eventName)", [9, 11, 9]),
    ("STARTSWITH(eventName, 'List')", [False, False, True]),
    ("$$it's$$", ["it's"] * 3),
    # Nothing and numbers.
    ("NVL(errorCode, '-')", ["-", "AccessDenied", "-"]),
    ("ZEROIFNULL(NULL)", [0, 0, 0]),
    ("NULLIF(eventName, 'ListUsers')", ["GetObject", "DeleteTrail", None]),
    ("EQUAL_NULL(errorCode, NULL)", [True, False, True]),
    ("GREATEST(1, NULL)", [None, None, None]),
    ("TRY_TO_NUMBER(sourceIPAddress)", [None, None, None]),
    ("TRY_TO_NUMBER('42')", [42, 42, 42]),
    ("7 / 2", [3.5, 3.5, 3.5]),
    ("DIV0(1, 0)", [0, 0, 0]),
    ("5000000000::int", [5000000000] * 3),
    ("errorCode", [None, "AccessDenied", None]),
    ("vpcEndpointId", [None, None, None]),
]  # fmt: skip


def test_an_expression_means_what_it_means_in_snowflake(lake: DuckLake) -> None:
    """An expression gives, for each of the three events, the value that Snowflake gives."""
    found = {
        expression: rows(lake, f"SELECT {expression} AS x FROM {CT} ORDER BY p_row_id") for expression, _ in ONE_VALUE
    }
    assert found == {expression: [[value] for value in expected] for expression, expected in ONE_VALUE}


STATEMENTS: list[tuple[str, list[list[object]] | int]] = [
    # Where a table is looked up.
    ("SELECT COUNT(*) FROM aws_cloudtrail", [[3]]),
    ("SELECT COUNT(*) FROM public.aws_cloudtrail", [[3]]),
    ("SELECT COUNT(*) FROM PANTHER_LOGS.PUBLIC.AWS_CLOUDTRAIL", [[3]]),
    ("SELECT COUNT(*) FROM panther_rule_matches.public.aws_cloudtrail WHERE p_alert_id = 'A1'", [[1]]),
    ("SELECT COUNT(*) FROM panther_logs.public.zoom_activity", [[0]]),
    (
        "SELECT p_log_type, COUNT(*) FROM panther_views.public.all_logs GROUP BY 1 ORDER BY 1",
        [["AWS.CloudTrail", 3], ["Custom.Hook", 2]],
    ),
    ("SELECT DISTINCT p_db_name FROM panther_views.public.all_databases ORDER BY 1", [["panther_logs"], ["panther_rule_matches"]]),
    (f"SELECT panther_logs.public.aws_cloudtrail.eventName FROM {CT} WHERE aws_cloudtrail.p_row_id = '1'", [["GetObject"]]),
    # Aggregates.
    ("SELECT ARRAY_AGG(errorCode), ARRAY_SIZE(ARRAY_AGG(errorCode)) FROM aws_cloudtrail", [[["AccessDenied"], 1]]),
    ("SELECT ARRAY_AGG(errorCode), LISTAGG(errorCode) FROM aws_cloudtrail WHERE p_row_id = '1'", [[[], ""]]),
    ("SELECT ARRAY_AGG(DISTINCT userIdentity:type) WITHIN GROUP (ORDER BY userIdentity:type) FROM aws_cloudtrail", [[["AssumedRole", "IAMUser"]]]),
    ("SELECT ARRAY_SIZE(ARRAY_UNIQUE_AGG(userIdentity:arn)) FROM aws_cloudtrail", [[2]]),
    ("SELECT LISTAGG(DISTINCT eventName, ', ') WITHIN GROUP (ORDER BY eventName) FROM aws_cloudtrail", [["DeleteTrail, GetObject, ListUsers"]]),
    ("SELECT LISTAGG(userIdentity:tags, '+') WITHIN GROUP (ORDER BY p_row_id) FROM aws_cloudtrail", [['["a","b"]+[]']]),
    ("SELECT LISTAGG(DISTINCT userIdentity:type, '+') WITHIN GROUP (ORDER BY userIdentity:type DESC) FROM aws_cloudtrail", [["IAMUser+AssumedRole"]]),
    ("SELECT COUNT_IF(readOnly), COUNT(DISTINCT userIdentity:arn), SUM(requestParameters:bytes) FROM aws_cloudtrail", [[2, 2, 19]]),
    ("SELECT MAX(requestParameters:bytes), MIN(requestParameters:port), AVG(requestParameters:bytes) FROM aws_cloudtrail", [[10, "10", 9.5]]),
    ("SELECT MIN_BY(eventName, p_event_time), MAX_BY(eventName, p_event_time) FROM aws_cloudtrail", [["ListUsers", "GetObject"]]),
    ("SELECT userIdentity:type t, COUNT(*) n FROM aws_cloudtrail GROUP BY t HAVING n > 1", [["IAMUser", 2]]),
    ("SELECT userIdentity:arn, readOnly, COUNT(*) FROM aws_cloudtrail GROUP BY (userIdentity:arn, readOnly) HAVING COUNT(*) > 1", []),
    (
        "SELECT ARRAY_AGG(DISTINCT userIdentity:type) AS types FROM aws_cloudtrail"
        " HAVING ARRAY_SIZE(types) > 1 AND ARRAY_CONTAINS('IAMUser'::VARIANT, types) AND NOT ARRAY_CONTAINS('Root'::VARIANT, types)",
        1,
    ),
    # Windows.
    ("SELECT eventName FROM aws_cloudtrail QUALIFY ROW_NUMBER() OVER (PARTITION BY userIdentity:type ORDER BY p_event_time DESC) = 1 ORDER BY 1", [["DeleteTrail"], ["GetObject"]]),
    ("SELECT eventName, LAG(eventName) OVER (ORDER BY p_event_time) FROM aws_cloudtrail ORDER BY p_event_time", [["ListUsers", None], ["DeleteTrail", "ListUsers"], ["GetObject", "DeleteTrail"]]),
    ("SELECT p_row_id, COUNT(*) OVER (PARTITION BY userIdentity:arn) AS n FROM aws_cloudtrail QUALIFY n > 1 ORDER BY 1", [["2", 2], ["3", 2]]),
    # NULL is the greatest value.
    ("SELECT errorCode FROM aws_cloudtrail ORDER BY errorCode DESC LIMIT 1", [[None]]),
    ("SELECT errorCode FROM aws_cloudtrail ORDER BY errorCode LIMIT 1", [["AccessDenied"]]),
    ("SELECT p_row_id FROM aws_cloudtrail ORDER BY requestParameters:bytes DESC", [["3"], ["1"], ["2"]]),
    # A kind is known through subqueries, unions and names given on the way.
    ("WITH a AS (SELECT requestParameters:bytes AS n FROM aws_cloudtrail) SELECT n FROM a WHERE n = '10'", [[10]]),
    ("SELECT n + 0.5 FROM (SELECT requestParameters:ratio AS n FROM aws_cloudtrail) WHERE n > 1", [[2.0]]),
    ("SELECT requestParameters:dry AS d, IFF(d, 'dry', 'wet') FROM aws_cloudtrail WHERE p_row_id < 3 ORDER BY p_row_id", [[True, "dry"], [False, "wet"]]),
    ("SELECT requestParameters:bytes AS b FROM aws_cloudtrail WHERE b = '9'", [[9]]),
    ("SELECT eventName FROM aws_cloudtrail WHERE p_row_id = '1' UNION ALL SELECT userIdentity:type FROM aws_cloudtrail WHERE p_row_id = '2'", [["GetObject"], ["IAMUser"]]),
    ("SELECT t.eventName FROM aws_cloudtrail t JOIN custom_hook h ON t.requestParameters:bucketName = h.note OR h.repo = 'web' AND t.userIdentity:type = 'AssumedRole'", [["GetObject"]]),
    ("SELECT eventName FROM aws_cloudtrail WHERE userIdentity:type NOT IN (SELECT 'IAMUser')", [["GetObject"]]),
    ("SELECT eventName FROM aws_cloudtrail a WHERE EXISTS (SELECT 1 FROM aws_cloudtrail b WHERE b.userIdentity:arn = a.userIdentity:arn AND b.p_row_id > a.p_row_id)", [["DeleteTrail"]]),
    # FLATTEN.
    ("SELECT f.index, f.value::string FROM aws_cloudtrail t, LATERAL FLATTEN(input => t.p_any_ip_addresses) f WHERE p_row_id = '1' ORDER BY 1", [[0, "10.0.0.1"], [1, "192.0.2.1"]]),
    ("SELECT value, COUNT(*) FROM aws_cloudtrail, LATERAL FLATTEN(p_any_ip_addresses) GROUP BY value ORDER BY 2 DESC, 1", [["192.0.2.1", 2], ["10.0.0.1", 1]]),
    ("SELECT f.key, f.value FROM aws_cloudtrail t, LATERAL FLATTEN(input => t.userIdentity) f WHERE p_row_id = '3' ORDER BY 1", [["arn", "arn:aws:iam::1:user/eve"], ["type", "IAMUser"]]),
    ("SELECT c.value:id, a.value FROM custom_hook, TABLE(FLATTEN(input => commits)) c, TABLE(FLATTEN(input => c.value:added)) a ORDER BY 2", [["c1", "a.js"], ["c1", "b.js"]]),
    ("SELECT repo, c.value:id FROM custom_hook, LATERAL FLATTEN(input => commits, outer => true) c ORDER BY 1, 2", [["core", "c1"], ["core", "c2"], ["web", None]]),
    ("SELECT repo FROM custom_hook, LATERAL FLATTEN(input => commits) c WHERE c.value:added[0] = 'a.js'", [["core"]]),
    ("SELECT COUNT(*) FROM aws_cloudtrail, LATERAL FLATTEN(input => userIdentity:type)", [[0]]),
    ("SELECT value FROM TABLE(FLATTEN(input => PARSE_JSON('[3, 4]'))) ORDER BY 1", [[3], [4]]),
    ("SELECT f.v FROM aws_cloudtrail, LATERAL FLATTEN(input => userIdentity, path => 'tags') f(s, k, p, i, v, t) ORDER BY 1", [["a"], ["b"]]),
    # Others.
    (
        "WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n WHERE x < 3) SELECT x FROM n ORDER BY x",
        [[1], [2], [3]],
    ),
    ("WITH aws_cloudtrail AS (SELECT * FROM aws_cloudtrail WHERE readOnly) SELECT COUNT(*) FROM aws_cloudtrail", [[2]]),
    ("SELECT SEQ4() FROM TABLE(GENERATOR(ROWCOUNT => 3))", 3),
    ("SELECT TOP 1 eventName FROM aws_cloudtrail ORDER BY p_event_time", [["ListUsers"]]),
    ("SELECT eventName, FROM aws_cloudtrail WHERE p_row_id = '1'", [["GetObject"]]),
    ("SELECT * EXCLUDE (commits) FROM (SELECT repo, commits FROM custom_hook) ORDER BY 1", [["core"], ["web"]]),
    ("SELECT OBJECT_CONSTRUCT(*):repo FROM custom_hook ORDER BY 1", [["core"], ["web"]]),
    ("SELECT x FROM VALUES (1), (2) AS v(x) ORDER BY x", [[1], [2]]),
]  # fmt: skip


def test_a_statement_answers_as_snowflake_does(lake: DuckLake) -> None:
    """A whole statement gives Snowflake's rows (or, where their content does not matter, as many)."""
    answers = {sql: (rows(lake, sql), expected) for sql, expected in STATEMENTS}
    found = {sql: len(answer) if isinstance(expected, int) else answer for sql, (answer, expected) in answers.items()}
    assert found == dict(STATEMENTS)


WINDOWS = [
    ("p_occurs_since('1 d')", "12"),
    ("p_occurs_since('12 hours')", "1"),
    ("p_occurs_since(90m)", "1"),
    ("p_occurs_since(1 day)", "12"),
    ("p_occurs_since(3600)", "1"),
    ("P_OCCURS_SINCE('2 weeks')", "123"),
    ("p_occurs_since('1 d', t)", "12"),
    ("p_occurs_since(1h, , p_parse_time)", "1"),
    ("p_occurs_since(1h, t, p_parse_time)", "1"),
    ("p_occurs_between('2026-03-01', '2026-03-09 23:30:00')", "23"),
    ("p_occurs_between('2026-03-10T11:00:00Z', current_timestamp)", "1"),
    ("p_occurs_between(current_date - 1, current_timestamp)", "12"),
    ("p_occurs_around('2026-03-09 23:00:00', '30 m')", "2"),
    ("p_occurs_after('2026-03-09T23:30:00Z')", "12"),
    ("p_occurs_before('2026-03-09')", "3"),
    ("eventName <> 'p_occurs_since(''1 h'')'", "123"),
]


def test_panthers_macros_count_from_the_worlds_now(lake: DuckLake) -> None:
    """Each of Panther's time macros, in each of its spellings, selects the events of its window."""
    for condition, found in WINDOWS:
        answer = rows(lake, f"SELECT p_row_id FROM {CT} t WHERE {condition} ORDER BY 1")
        assert "".join(str(row[0]) for row in answer) == found, condition


REFUSED = [
    ("SELECT * FROM panther_logs.public.nothing", "Object 'PANTHER_LOGS.PUBLIC.NOTHING' does not exist"),
    ("SELECT * FROM panther_logs.aws_cloudtrail", "does not exist or not authorized"),
    ("SELECT * FROM snowflake.account_usage.users", "does not exist or not authorized"),
    ("SELECT eventNam FROM aws_cloudtrail", "invalid identifier 'EVENTNAM'"),
    ("SELECT t.nope FROM aws_cloudtrail t", "invalid identifier 'NOPE'"),
    ("SELECT FROBNICATE(eventName) FROM aws_cloudtrail", "Unknown function FROBNICATE"),
    ("SELEC 1", "syntax error"),
    ("SELECT 'open", "syntax error"),
    ("SELECT 1; SELECT 2", "Actual statement count 2"),
    ("DELETE FROM aws_cloudtrail", "Unsupported feature 'DELETE'"),
    ("CREATE TABLE x AS SELECT 1", "Unsupported feature 'CREATE'"),
    ("SELECT * FROM '/etc/passwd'", "SQL compilation error"),
    ("SELECT * FROM read_text('/etc/passwd')", "SQL compilation error"),
    ("SELECT * FROM TABLE(read_csv('/etc/passwd'))", "SQL compilation error"),
    ("SELECT 1 / 0", "Division by zero"),
    ("SELECT 1 / (readOnly::int - readOnly::int) FROM aws_cloudtrail", "Division by zero"),
    ("SELECT eventName::int FROM aws_cloudtrail", "100038"),
    ("SELECT * FROM aws_cloudtrail WHERE userIdentity:type > 5", "100038"),
    ("SELECT * FROM aws_cloudtrail WHERE p_occurs_since('soon')", "'soon' is not a time offset"),
    ("SELECT * FROM aws_cloudtrail WHERE p_occurs_since()", "takes 1 argument"),
    ("SELECT * FROM aws_cloudtrail WHERE p_occurs_since('1 d'", "missing ')'"),
    ("-- pragma: template\nSELECT 1", "templates"),
    ("SELECT * FROM aws_cloudtrail MATCH_RECOGNIZE(ORDER BY p_event_time PATTERN (a) DEFINE a AS true)", "MATCH_RECOGNIZE"),
    (
        "WITH c0 AS (SELECT 1 x), "
        + ", ".join(f"c{n} AS (SELECT a.x FROM c{n - 1} a, c{n - 1} b)" for n in range(1, 41))
        + " SELECT * FROM c40",
        "more than 2000 tables",
    ),
    ("SELECT " + "(" * 3000 + "1" + ")" * 3000, "SQL compilation error"),
]  # fmt: skip


def test_a_refusal_is_worded_as_snowflake_words_it(lake: DuckLake) -> None:
    """A statement that Snowflake refuses, or that would leave the world, fails with a message that says why."""
    for sql, message in REFUSED:
        with pytest.raises(QueryError) as caught:
            lake.run(sql)
        assert message in str(caught.value), sql[:60]


_FRAGMENTS = r"""
    SELECT * FROM aws_cloudtrail WHERE GROUP BY ORDER LIMIT 1 ( ) , . : [ 0 ] 'x' " -- /* */
    p_occurs_since('1 d') p_occurs_between( userIdentity:type ::string AND NOT IN LATERAL FLATTEN(input
    => value) QUALIFY OVER WITH a AS = $$ \ ARRAY_AGG( OBJECT_CONSTRUCT(*) CASE WHEN THEN END UNION ALL
"""
_WORDS = st.sampled_from(_FRAGMENTS.split())


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(_WORDS, max_size=14).map(" ".join)))
def test_any_text_runs_or_is_refused(lake: DuckLake, text: str) -> None:
    """Whatever is sent, the answer is rows or a QueryError."""
    for sql in (text, f"SELECT {text}", f"SELECT 1 FROM aws_cloudtrail WHERE {text}"):
        try:
            lake.run(sql)
        except QueryError as error:
            assert str(error)  # noqa: PT017 - both outcomes are right


def test_columns_keep_the_tables_case_and_aliases_their_own(lake: DuckLake) -> None:
    """`SELECT *` and plain columns have the table's case, aliases the case as written, computed columns their text."""
    result = lake.run(
        "SELECT EVENTNAME, p_row_id AS RowId, userIdentity:type, COUNT(*) OVER (), eventname"
        " FROM aws_cloudtrail WHERE p_row_id = '1'"
    )
    assert result.columns == ("eventName", "RowId", "userIdentity:type", "COUNT(*) OVER ()", "eventName_2")
    assert result.types["userIdentity:type"] == "VARIANT"
    star = lake.run("select * from aws_cloudtrail limit 1")
    assert star.columns[:2] == ("eventName", "eventTime")
    assert star.types["eventTime"] == "TIMESTAMP_NTZ"
    assert star.types["p_any_ip_addresses"] == "ARRAY"


def test_tables_without_events_have_the_standard_columns(lake: DuckLake) -> None:
    """A log type of a source has its table, and every log table one of rule matches, before anything arrives."""
    assert lake.run("SELECT p_any_ip_addresses FROM panther_logs.public.zoom_activity").rows == ()
    assert lake.run("SELECT p_alert_id, repo FROM panther_rule_matches.public.custom_hook").rows == ()
    assert lake.run("SELECT p_rule_id FROM panther_signals.public.correlation_signals").rows == ()


def test_the_default_database_is_where_unqualified_names_are_looked_up(lake: DuckLake) -> None:
    """`databaseName` may be given with or without its schema."""
    for name in ("panther_rule_matches", "panther_rule_matches.public"):
        assert rows(lake, "SELECT COUNT(*) FROM aws_cloudtrail", name) == [[1]]


def test_a_lake_that_remembers_asks_once_per_statement(tmp_path: Path) -> None:
    """The same text in the same database gets the first answer again; other text, and other lakes, ask anew."""
    write_files(tmp_path, NOW, {"alerts": [], "rules": [], "lake/panther_logs/aws_cloudtrail": TRAIL})
    counting = "SELECT COUNT(*) FROM aws_cloudtrail"
    found = {}
    for remember in (True, False):
        lake = DuckLake(load_world(tmp_path, as_recorded=True), remember=remember)
        before = rows(lake, counting)
        lake.tables.connection.execute("DELETE FROM panther_logs.public.aws_cloudtrail")
        found[remember] = (before, rows(lake, counting), rows(lake, f"{counting} WHERE TRUE"))
        lake.close()
    assert found == {True: ([[3]], [[3]], [[0]]), False: ([[3]], [[0]], [[0]])}


def test_published_queries_run_on_the_shared_worlds(shared_lakes: list[tuple[World, DuckLake]]) -> None:
    """Of Panther's published queries, all whose tables a world has run, but for templates and unrecorded columns."""
    expected = ("does not exist", "templates", "invalid identifier", "MATCH_RECOGNIZE")
    for file, field, at_least in (("data/queries.ndjson", "query", 37), ("security/sql_benign.ndjson", "sql", 25)):
        lines = (SHARED / file).read_text(encoding="utf-8").splitlines()
        refusals = [_refusals(shared_lakes, json.loads(line)[field]) for line in lines]
        failed = [found for found in refusals if found]
        assert [found for found in failed if not any(word in text for text in found for word in expected)] == []
        assert len(refusals) - len(failed) >= at_least


def _refusals(lakes: list[tuple[World, DuckLake]], sql: str) -> list[str]:
    """Why each lake refuses a statement; empty where one of them runs it."""
    found = []
    for _, lake in lakes:
        try:
            lake.run(sql)
        except QueryError as error:
            found.append(str(error))
        else:
            return []
    return found
