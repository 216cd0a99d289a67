"""Where a query's columns come from, and that no disguise makes the actor's text the provider's."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from tests.support.small_lake import event_at, write_lake
from triage.domain.evidence import Evidence, Source
from triage.domain.sql import SqlRefused, parse_read_only
from triage.domain.sql.lineage import Kind, lineage_of
from triage.domain.trust import Trust
from triage.logtypes.origins import AnswerOrigins, origins_of
from triage.sandbox.errors import QueryError
from triage.sandbox.lake import DuckLake
from triage.sandbox.world import load_world

NOW = datetime(2031, 5, 6, 12, tzinfo=UTC)
TABLE = "panther_logs.public.aws_cloudtrail"
BOUND = "p_event_time >= '2031-05-01' AND p_event_time <= '2031-05-06'"
CANARY, CONSTANT, NUMBER = "zqx", "vwk", 424242
RULE = {
    "id": "Cloud.Rule",
    "displayName": "A rule",
    "severity": "HIGH",
    "runbook": "",
    "body": "def rule(event):\n    return True\n",
    "tags": [],
    "logTypes": ["AWS.CloudTrail"],
    "reports": {},
    "dedupPeriodMinutes": 60,
    "threshold": 1,
    "enabled": True,
}


def _event(number: int) -> dict[str, object]:
    name = f"{CANARY}{number % 11}" * 15
    role = "arn:aws:iam::123456789012:role/deploy"
    return event_at(
        NOW - timedelta(days=2, minutes=number),
        number,
        "AWS.CloudTrail",
        eventName=("CreateUser", "ListBuckets", "GetObject")[number % 3],
        sourceIPAddress=f"198.51.100.{number % 5}",
        awsRegion="eu-west-1",
        errorCode=None if number % 4 else "AccessDenied",
        userAgent=name,
        errorMessage=name if number % 4 == 0 else None,
        userIdentity={
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::123456789012:assumed-role/deploy/{name}",
            "principalId": f"AROAEXAMPLE:{name}",
            "sessionContext": {"sessionIssuer": {"arn": role}},
        },
        requestParameters={"name": name, "items": [name]},
    )


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckLake]:
    """Seventeen events whose actor-chosen fields hold a marked text."""
    folder = tmp_path_factory.mktemp("lineage")
    events = [_event(number) for number in range(17)]
    write_lake(folder, now=NOW, rule=RULE, at=NOW - timedelta(hours=3), matched=events[0], others=events[1:])
    found = DuckLake(load_world(folder, as_recorded=True))
    yield found
    found.close()


def answered(lake: DuckLake, sql: str) -> tuple[Evidence, AnswerOrigins | None]:
    """A query's answer, as a tool gives it."""
    query = parse_read_only(sql, now=NOW)
    answer = lake.run(query.sql)
    entry = Evidence(
        id="E1",
        source=Source.TOOL,
        key="tool.query_lake",
        question="?",
        sql=query.sql,
        columns=answer.columns,
        rows=tuple(dict(row) for row in answer.rows),
        row_count=len(answer.rows),
    )
    return entry, origins_of(entry)


PROVIDER = ("eventName", "sourceIPAddress", "awsRegion", "errorCode", "userIdentity:type::string", "p_event_time")
ACTOR = (
    "userAgent",
    "errorMessage",
    "requestParameters:name::string",
    "requestParameters:items[0]::string",
    "userIdentity:arn::string",
    "userIdentity['principalId']::string",
)
NAMES = ("eventName", "sourceIPAddress", "errorCode", "userIdentity", "awsRegion", "a", "b", "userAgent")
names = st.sampled_from(NAMES)


def expressions(columns: tuple[str, ...], *, aggregated: bool = False) -> st.SearchStrategy[str]:
    """Values over some columns, disguised."""
    leaf = st.sampled_from(columns) | st.sampled_from([f"'{CONSTANT}x'", str(NUMBER), "NULL"])

    def wrapped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        pair = st.tuples(inner, inner)
        return st.one_of(
            st.tuples(
                st.sampled_from(["LOWER({})", "UPPER({})", "TRIM({})", "({})", "{}::string", "REVERSE({})",
                                 "SPLIT_PART({}, '/', 3)", "SPLIT_PART({}, ':', 2)", "SUBSTR({}, 1, 60)",
                                 "REPLACE({}, 'a', 'b')", "MIN({}) OVER ()"]),
                inner,
            ).map(lambda found: found[0].format(found[1])),
            pair.map(lambda two: f"COALESCE({two[0]}::string, {two[1]}::string)"),
            pair.map(lambda two: f"CONCAT({two[0]}::string, {two[1]}::string)"),
            pair.map(lambda two: f"{two[0]}::string || {two[1]}::string"),
            pair.map(lambda two: f"CASE WHEN awsRegion = 'eu-west-1' THEN {two[0]}::string ELSE {two[1]}::string END"),
            pair.map(lambda two: f"IFF({two[0]} IS NULL, {two[0]}::string, {two[1]}::string)"),
            pair.map(lambda two: f"NULLIF({two[0]}::string, {two[1]}::string)"),
            pair.map(lambda two: f"GREATEST({two[0]}::string, {two[1]}::string)"),
        )  # fmt: skip

    values = st.recursive(leaf, wrapped, max_leaves=4)
    if not aggregated:
        return values
    functions = [
        "MIN({})",
        "MAX({})",
        "ANY_VALUE({})",
        "LISTAGG({}::string, ',')",
        "COUNT(DISTINCT {})",
        "MAX({}::string)",
    ]
    return st.tuples(st.sampled_from(functions), values).map(lambda found: found[0].format(found[1]))


@st.composite
def selects(draw: st.DrawFn, depth: int = 2) -> tuple[str, tuple[str, ...]]:
    """A SELECT and the names of its columns; what it reads is the table or another such SELECT."""
    kind = draw(st.sampled_from(["table", "subquery", "cte", "join", "union"])) if depth else "table"
    ctes, where = "", f"WHERE {BOUND}"
    columns: tuple[str, ...] = PROVIDER + ACTOR
    match kind:
        case "table":
            source = TABLE
        case "union":
            one, given = draw(selects(depth - 1))
            other, more = draw(selects(depth - 1))
            if len(given) != len(more):
                other = one
            return f"({one}) UNION ALL ({other})", given
        case "join":
            inner, given = draw(selects(depth - 1))
            side = draw(st.sampled_from(["JOIN", "LEFT JOIN"]))
            source = (
                f"{TABLE} AS t {side} ({inner}) AS u ON t.awsRegion::string = u.{draw(st.sampled_from(given))}::string"
            )
            where = "WHERE t.p_event_time >= '2031-05-01' AND t.p_event_time <= '2031-05-06'"
            columns = tuple(f"u.{name}" for name in given) + tuple(f"t.{name}" for name in ("userAgent", "eventName"))
        case _:
            inner, columns = draw(selects(depth - 1))
            source, where = f"({inner}) AS u", ""
            if kind == "cte":
                name = draw(st.sampled_from(["u", "aws_cloudtrail"]))
                ctes, source = f"WITH {name} AS ({inner}) ", name
    star = kind in ("subquery", "cte") and draw(st.booleans())
    aliases = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    aggregated = draw(st.booleans())
    parts = [
        f"{draw(expressions(columns, aggregated=aggregated and place > 0))} AS {alias}"
        for place, alias in enumerate(aliases)
    ]
    if star:
        return f"{ctes}SELECT * FROM {source} {where}", columns
    group = " GROUP BY ALL" if aggregated else ""
    return f"{ctes}SELECT {', '.join(parts)} FROM {source} {where}{group}", tuple(aliases)


def is_marked(value: Any) -> bool:
    """Whether a cell holds text that the actor chose, or a constant of the query."""
    text = str(value).casefold()
    return any(mark in text or mark[::-1] in text for mark in (CANARY, CONSTANT, str(NUMBER)))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
    deadline=None,
    max_examples=400,
)
@given(written=selects())
@example(written=(f"SELECT 'vwkx' AS a, a AS eventName FROM {TABLE} WHERE {BOUND}", ()))
@example(written=(f"SELECT 'vwkx' AS eventName, eventName FROM {TABLE} WHERE {BOUND}", ()))
@example(written=(f"SELECT *, 'vwkx' AS eventName FROM {TABLE} WHERE {BOUND}", ()))
@example(written=("WITH u AS (SELECT 'vwkx' AS eventName) SELECT * FROM u", ()))
@example(
    written=(
        f"SELECT f.value AS eventName FROM {TABLE} AS t, LATERAL FLATTEN(input => t.requestParameters:items) AS f WHERE t.{BOUND}",
        (),
    )
)
@example(written=(f"SELECT eventName FROM {TABLE} WHERE {BOUND} UNION SELECT userAgent FROM {TABLE} WHERE {BOUND}", ()))
@example(written=(f"SELECT LENGTH(userAgent) + {NUMBER} AS errorCode FROM {TABLE} WHERE {BOUND}", ()))
@example(
    written=(
        f"SELECT SUM({NUMBER}) AS n, SUM(IFF(eventName = 'CreateUser', {NUMBER}, 0)) AS m FROM {TABLE} WHERE {BOUND}",
        (),
    )
)
@example(
    written=(f"SELECT (SELECT MAX(userAgent) FROM {TABLE} WHERE {BOUND}) AS eventName FROM {TABLE} WHERE {BOUND}", ())
)
def test_no_disguise_makes_the_actors_text_the_providers(lake: DuckLake, written: tuple[str, Any]) -> None:
    """Run for real: no cell that holds the actor's text or the query's constant comes out as provider or measured."""
    try:
        entry, origins = answered(lake, f"{written[0]} LIMIT 50")
    except (SqlRefused, QueryError):
        assume(False)
        return
    if origins is None:
        return
    for row in entry.rows:
        for column, value in row.items():
            if is_marked(value):
                assert origins.trust_of(column, value) is Trust.ACTOR, (entry.sql, column, value)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT eventName FROM {t}", Trust.PROVIDER),
        ("SELECT LOWER(eventName) AS x FROM {t}", Trust.PROVIDER),
        ("SELECT userIdentity:sessionContext.sessionIssuer.arn::string AS role FROM {t}", Trust.PROVIDER),
        ("SELECT DATE_TRUNC('day', p_event_time) AS day FROM {t}", Trust.PROVIDER),
        ("SELECT COALESCE(eventName, awsRegion) AS x FROM {t}", Trust.PROVIDER),
        ("WITH u AS (SELECT eventName AS e FROM {t}) SELECT e FROM u", Trust.PROVIDER),
        ("SELECT userAgent AS eventName FROM {t}", Trust.ACTOR),
        ("SELECT eventName AS errorCode FROM {t}", Trust.ACTOR),
        ("SELECT COALESCE(eventName, userAgent) AS x FROM {t}", Trust.ACTOR),
        ("SELECT CASE WHEN eventName = 'CreateUser' THEN awsRegion ELSE eventName END AS x FROM {t}", Trust.ACTOR),
        ("SELECT COUNT(*) AS n FROM {t}", Trust.MEASURED),
        ("SELECT COUNT(DISTINCT eventName) AS n FROM {t}", Trust.MEASURED),
        ("SELECT COUNT_IF(eventName = 'CreateUser') AS n FROM {t}", Trust.MEASURED),
        ("SELECT SUM(IFF(errorCode IS NOT NULL, 1, 0)) AS n FROM {t}", Trust.MEASURED),
        ("SELECT MIN(p_event_time) AS first FROM {t}", Trust.MEASURED),
        ("SELECT COUNT(*) AS n FROM {t} AND sourceIPAddress = '198.51.100.1'", Trust.MEASURED),
        ("SELECT SUM(n) AS n FROM (SELECT COUNT(*) AS n FROM {t} GROUP BY eventName)", Trust.MEASURED),
        ("SELECT COUNT(*) AS n FROM {t} AND userAgent LIKE '%zqx%'", Trust.ACTOR),
        ("SELECT COUNT(DISTINCT userAgent) AS n FROM {t}", Trust.ACTOR),
        ("SELECT COUNT_IF(userAgent LIKE '%zqx%') AS n FROM {t}", Trust.ACTOR),
        ("SELECT COUNT(*) + 40 AS n FROM {t}", Trust.ACTOR),
        ("SELECT SUM(40) AS n FROM {t}", Trust.ACTOR),
        ("SELECT MAX(userAgent) AS n FROM {t}", Trust.ACTOR),
        ("SELECT COUNT(*) AS n FROM (SELECT eventName FROM {t} LIMIT 3)", Trust.ACTOR),
        ("SELECT COUNT(*) AS n FROM {t} AND eventName IN (SELECT userAgent FROM {t})", Trust.ACTOR),
        ("SELECT COUNT(*) AS n FROM {t} GROUP BY userAgent HAVING COUNT(*) > 1", Trust.ACTOR),
        ("SELECT COUNT(*) AS n FROM {t} AND 1 = 1", Trust.ACTOR),
    ],
)
def test_what_the_model_asks_counts_for_what_it_is(lake: DuckLake, sql: str, expected: Trust) -> None:
    """A base column keeps its class under any name; a count over the provider's fields is measured; the rest is not."""
    entry, origins = answered(lake, sql.replace("{t}", f"{TABLE} WHERE {BOUND}") + " LIMIT 50")
    assert origins is not None
    assert entry.rows
    column = entry.columns[0]
    value = next((row[column] for row in entry.rows if row[column] is not None), None)
    assert origins.trust_of(column, value) is expected, origins.lineage


def test_a_query_whose_number_of_rows_is_fixed() -> None:
    """Aggregates alone give one row whatever the log holds."""
    cases = [
        ("SELECT COUNT(*) FROM a.b.c", 1),
        ("SELECT COUNT(*) FROM a.b.c UNION ALL SELECT COUNT(*) FROM a.b.c", 2),
        ("SELECT * FROM (SELECT COUNT(*) AS n FROM a.b.c)", 1),
        ("SELECT COUNT(*) FROM a.b.c GROUP BY x", None),
        ("SELECT COUNT(*) FROM a.b.c HAVING COUNT(*) > 2", None),
        ("SELECT x FROM a.b.c", None),
        ("SELECT COUNT(*) OVER () FROM a.b.c", None),
    ]
    for sql, rows in cases:
        found = lineage_of(sql)
        assert found is not None
        assert found.rows == rows, sql


def test_an_absence_that_could_not_fail_is_known() -> None:
    """A condition asks for what its field can hold and the alert names, once; anything else proves no absence."""
    event = {"sourceIPAddress": "198.51.100.1", "userIdentity": {"userName": "mira"}, "eventName": "ListBuckets"}
    known = Evidence(
        id="E1", source=Source.EVENTS, key="events", question="?", log_type="AWS.CloudTrail", rows=(event,), row_count=1
    )
    cases = [
        ("sourceIPAddress = '198.51.100.1'", True),
        ("userIdentity:userName::string = 'mira'", True),
        ("eventName IN ('CreateUser', 'ListBuckets')", True),
        ("sourceIPAddress = '198.51.100.1' AND eventName = 'StopLogging' AND errorCode IS NOT NULL", True),
        ("sourceIPAddress = '203.0.113.200'", False),
        ("eventName = 'NoSuchCall'", False),
        ("eventName = 'stoplogging'", False),
        ("LOWER(eventName) = 'StopLogging'", False),
        ("userIdentity:userName::string = '198.51.100.1'", False),
        ("eventName = 'CreateUser' AND eventName = 'StopLogging'", False),
        ("eventName <> 'StopLogging'", False),
        ("NOT eventName = 'StopLogging'", False),
        ("eventName IS NULL", False),
        ("eventName LIKE 'Stop%'", False),
        ("userAgent = 'mira'", False),
        ("1 = 0", False),
    ]
    for condition, proves in cases:
        sql = parse_read_only(f"SELECT eventName FROM {TABLE} WHERE {BOUND} AND {condition} LIMIT 5", now=NOW).sql
        entry = Evidence(id="E2", source=Source.TOOL, key="tool.query_lake", question="?", sql=sql)
        origins = origins_of(entry, (known, entry))
        assert origins is not None
        assert origins.proves_absence((known, entry)) is proves, condition


def test_what_cannot_be_read_has_no_lineage() -> None:
    """Nothing is known of it, so nothing of it is trusted."""
    assert lineage_of("SELECT [redacted") is None
    found = lineage_of("SELECT * RENAME (userAgent AS eventName) FROM a.b.c")
    assert found is not None
    assert {origin.kind for origin in found.output("eventName", ()).origins} == {Kind.COMPUTED}
