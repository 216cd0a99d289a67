"""Rewriting a query keeps its meaning: the embedded lake returns the same rows for the author's text and for ours."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from triage.domain.sql import parse_read_only
from triage.domain.window import TimeWindow
from triage.sandbox.lake import DuckLake
from triage.sandbox.world import load_world

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
TRAIL = "panther_logs.public.aws_cloudtrail"
WINDOW = TimeWindow(NOW - timedelta(days=20), NOW)

EVENTS = [
    {
        "eventName": name,
        "userIdentity": {"type": kind, "arn": f"arn:aws:iam::1:user/{user}", "tags": tags},
        "requestParameters": {"bucketName": 'it\'s \\ a "bucket"', "bytes": size, "Key.with dots": user},
        "sourceIPAddress": address,
        "errorCode": error,
        "p_event_time": f"2026-03-{day:02d} {hour:02d}:15:00.000",
        "p_parse_time": f"2026-03-{day:02d} {hour:02d}:16:00.000",
        "p_log_type": "AWS.CloudTrail",
        "p_row_id": str(number),
        "p_any_ip_addresses": [address, "192.0.2.1"],
    }
    for number, (name, kind, user, tags, size, address, error, day, hour) in enumerate(
        [
            ("GetObject", "IAMUser", "eve", ["a", "b"], 10, "10.0.0.1", None, 10, 11),
            ("GetObject", "IAMUser", "eve", [], 20, "10.0.0.2", None, 10, 10),
            ("DeleteTrail", "AssumedRole", "app", ["c"], 5, "192.0.2.9", "AccessDenied", 9, 23),
            ("ListUsers", "IAMUser", "bob", [], None, "10.0.0.1", None, 1, 8),
            ("ConsoleLogin", "Root", "root", ["a"], 7, "198.51.100.7", "Failure", 2, 9),
        ]
    )
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckLake]:
    """Five CloudTrail events, as recorded."""
    root = tmp_path_factory.mktemp("world")
    (root / "world.json").write_text(json.dumps({"now": NOW.isoformat(), "org": "test"}))
    for name in ("alerts", "rules", "sources"):
        (root / f"{name}.ndjson").write_text("")
    file = root / "lake" / "panther_logs" / "aws_cloudtrail.ndjson"
    file.parent.mkdir(parents=True)
    file.write_text("\n".join(map(json.dumps, EVENTS)))
    lake = DuckLake(load_world(root, as_recorded=True))
    yield lake
    lake.close()


EXPRESSIONS = [
    "userIdentity:type",
    "userIdentity:tags[0]::string",
    "GET_PATH(userIdentity, 'tags[0]')",
    'requestParameters:"Key.with dots"',
    "requestParameters:bytes + 1",
    "requestParameters:bytes BETWEEN 6 AND 10",
    "userIdentity:arn ILIKE ANY ('%EVE', '%bob%')",
    "userIdentity:arn NOT LIKE '%user/e%'",
    "userIdentity:type NOT IN ('Root', 'AssumedRole')",
    "eventName NOT IN (SELECT 'ListUsers')",
    "errorCode IS NOT NULL AND NOT errorCode = 'Failure'",
    "NVL(errorCode, 'none') || '/' || eventName",
    "IFF(requestParameters:bytes > 9, 'big', 'small')",
    "DECODE(userIdentity:type, 'Root', 1, 0)",
    "CASE WHEN eventName = 'GetObject' THEN 1 WHEN errorCode IS NULL THEN 2 ELSE 3 END",
    "DATEDIFF('minute', p_event_time, CURRENT_TIMESTAMP)",
    "DATE_TRUNC('hour', p_event_time)",
    "DATEADD(day, -1, p_event_time)",
    "TIME_SLICE(p_event_time, 15, 'minute')",
    "HOUR(p_event_time) * 60 + EXTRACT(minute FROM p_event_time)",
    "ARRAY_CONTAINS('192.0.2.9'::VARIANT, p_any_ip_addresses)",
    "ARRAYS_OVERLAP(p_any_ip_addresses, ARRAY_CONSTRUCT('10.0.0.2', 'x'))",
    "ARRAY_SIZE(userIdentity:tags)",
    "SPLIT(userIdentity:arn, ':')[5]::string",
    "SPLIT_PART(userIdentity:arn, '/', -1)",
    "REGEXP_SUBSTR(sourceIPAddress, '[0-9]+\\\\.[0-9]+')",
    "eventName RLIKE '.*User.*'",
    "requestParameters:bucketName = 'it''s \\\\ a \"bucket\"'",
    '$$it\'s \\ a "bucket"$$ = requestParameters:bucketName',
    "ROW_NUMBER() OVER (PARTITION BY userIdentity:arn ORDER BY p_event_time DESC)",
    "COUNT(*) OVER (PARTITION BY eventName)",
    "LAG(eventName) OVER (ORDER BY p_event_time)",
    "p_occurs_since('2 d')",
    "NOT p_occurs_between('2026-03-01', '2026-03-05')",
]
STATEMENTS = [
    f"SELECT eventName, COUNT(*) AS n, MIN(p_event_time), MAX(p_event_time) FROM {TRAIL} WHERE p_occurs_since('9 d') "
    "GROUP BY eventName HAVING n > 0 ORDER BY n DESC, 1",
    f"SELECT f.value::string AS ip, COUNT(*) FROM {TRAIL} t, LATERAL FLATTEN(input => t.p_any_ip_addresses) f "
    "GROUP BY 1 ORDER BY 2 DESC, 1",
    f"WITH seen AS (SELECT DISTINCT sourceIPAddress FROM {TRAIL} WHERE p_occurs_between('2026-03-01', '2026-03-09')) "
    f"SELECT p_row_id FROM {TRAIL} WHERE p_occurs_since('3 d') AND sourceIPAddress NOT IN (SELECT * FROM seen) ORDER BY 1",
    f"SELECT a.p_row_id, b.p_row_id FROM {TRAIL} a LEFT JOIN {TRAIL} b ON a.userIdentity:arn = b.userIdentity:arn AND "
    "a.p_row_id <> b.p_row_id ORDER BY 1, 2",
    f"SELECT eventName FROM {TRAIL} WHERE p_occurs_since('1 d') UNION ALL SELECT userIdentity:type::string FROM {TRAIL} "
    "WHERE p_occurs_around('2026-03-02 09:00:00', '1 h') ORDER BY 1",
    f"SELECT p_row_id FROM {TRAIL} WHERE eventName = 'GetObject' OR errorCode = 'Failure' ORDER BY 1",
    f"SELECT p_row_id FROM {TRAIL} QUALIFY ROW_NUMBER() OVER (PARTITION BY eventName ORDER BY p_event_time) = 1 ORDER BY 1",
    f"SELECT p_row_id FROM {TRAIL} WHERE p_event_time >= DATEADD(hour, -30, CURRENT_TIMESTAMP()) ORDER BY 1 LIMIT 2",
    f"SELECT ARRAY_AGG(DISTINCT eventName) WITHIN GROUP (ORDER BY eventName), LISTAGG(DISTINCT errorCode, '|') WITHIN "
    f"GROUP (ORDER BY errorCode), COUNT_IF(errorCode IS NULL), COUNT(DISTINCT userIdentity:arn) FROM {TRAIL}",
]  # fmt: skip


def test_a_statement_answers_as_its_author_meant(lake: DuckLake) -> None:
    """The emitted statement gives the same rows, also when bounds were added that exclude nothing."""
    for text in [*(f"SELECT {found} AS v FROM {TRAIL} ORDER BY p_row_id" for found in EXPRESSIONS), *STATEMENTS]:
        emitted = parse_read_only(text, window=WINDOW, now=NOW).sql
        wanted, found = (
            [list(row.values()) for row in lake.run(sql, database="panther_logs").rows] for sql in (text, emitted)
        )
        assert wanted, text
        assert found == wanted, text
