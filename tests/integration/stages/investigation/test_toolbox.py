"""The model's tools against an embedded Panther on loopback: bounded reads, and failures that say what to change."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.clocks import START
from tests.support.make import COVERED
from tests.support.panther import TOKEN, config
from tests.support.small_dossier import dossier
from tests.support.tiny_world import write_world
from triage.domain.coverage import Coverage
from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence, Source
from triage.domain.finding import AbsenceCitation, Finding
from triage.domain.trust import Trust
from triage.domain.window import TimeWindow
from triage.edges.clock import SystemClock
from triage.edges.panther.client import connect
from triage.ports import QueryLimits, ToolCall
from triage.sandbox.server import ApiToken, Fault, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
from triage.settings import InvestigationSettings
from triage.stages.enrichment.coverage import ToolCoverage
from triage.stages.investigation import ToolAnswer, Toolbox
from triage.stages.investigation.projection import selects_columns_only, spoofed_column
from triage.stages.investigation.values import UNNUMBERED
from triage.stages.verification import verify

pytestmark = pytest.mark.anyio

LIMITS = QueryLimits(rows=50, bytes=100_000, seconds=20)
ALL = "SELECT door, state FROM panther_logs.public.custom_door WHERE p_event_time > '2031-05-01' AND p_event_time < '2031-05-07' ORDER BY door LIMIT 10"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    """The tiny world."""
    world = load_world(write_world(tmp_path_factory.mktemp("doors")), as_recorded=True)
    with SandboxServer(world, SandboxOptions(tokens=(ApiToken(TOKEN),))) as running:
        yield running


async def tools(server: SandboxServer, **more: Any) -> AsyncIterator[Toolbox]:
    async with connect(config(server.rest_url, attempts=1), clock=SystemClock()) as panther:
        yield Toolbox(
            dossier(),
            lake=panther.lake,
            alerts=panther.alerts,
            rules=panther.rules,
            settings=InvestigationSettings(),
            **more,
        )


async def run(
    server: SandboxServer, name: str, arguments: Any, limits: QueryLimits = LIMITS, **more: Any
) -> ToolAnswer:
    """Perform one call."""
    written = arguments if isinstance(arguments, str) else json.dumps(arguments)
    async for box in tools(server, **more):
        return await box.run(ToolCall(id="c", name=name, arguments=written), limits)
    raise AssertionError("unreachable")


async def test_a_query_becomes_evidence(server: SandboxServer) -> None:
    """With the statement as it was sent, its window and its rows; the number comes later."""
    answer = await run(server, "query_lake", {"sql": ALL, "reason": "Which doors?"})
    entry = answer.evidence
    assert entry is not None
    assert (entry.id, entry.source, entry.question) == (UNNUMBERED, "tool", "Which doors?")
    assert entry.rows == ({"door": 1, "state": "open"}, {"door": 2, "state": "open"}, {"door": 3, "state": "open"})
    assert (entry.row_count, entry.truncated, entry.table) == (3, False, "panther_logs.public.custom_door")
    assert entry.log_type == "Custom.Door"
    assert entry.start is not None
    assert "LIMIT 10" in entry.sql
    assert (answer.queries, answer.failed) == (1, False)
    assert not entry.measured


async def test_a_query_without_a_time_gets_the_alerts_window(server: SandboxServer) -> None:
    """And the model is told."""
    answer = await run(server, "query_lake", {"sql": "SELECT door FROM panther_logs.public.custom_door", "reason": "x"})
    assert answer.evidence is not None
    assert answer.evidence.start == START - timedelta(hours=3) - timedelta(days=30)
    assert answer.evidence.end == START
    assert "time bound added" in answer.content


REFUSED: list[tuple[str, str, Any, str]] = [
    ("no SQL", "query_lake", {"sql": "DELETE FROM panther_logs.public.custom_door", "reason": "x"}, "refused and not sent"),
    ("another schema", "query_lake", {"sql": "SELECT 1 FROM snowflake.account_usage.users", "reason": "x"}, "refused and not sent"),
    ("two statements", "query_lake", {"sql": f"{ALL}; SELECT 1", "reason": "x"}, "refused and not sent"),
    ("a column in disguise", "query_lake", {"sql": "SELECT 'ok' AS p_source_label FROM panther_logs.public.custom_door", "reason": "x"}, "without `p_`"),
    ("no reason", "query_lake", {"sql": ALL}, "reason: is missing"),
    ("an unknown field", "query_lake", {"sql": ALL, "reason": "x", "limit": 5}, "limit: is not a field"),
    ("no JSON", "query_lake", "{", "not JSON"),
    ("a list", "query_lake", "[]", "query_lake"),
    ("no tool", "close_alert", {}, "There is no tool 'close_alert'; there are ask, query_lake"),
    ("too many indicators", "search_indicators", {"indicators": ["ab"] * 50, "hours_before": 1, "hours_after": 1}, "indicators"),
    ("too long a time", "search_indicators", {"indicators": ["ab"], "hours_before": 1e9, "hours_after": 1}, "hours_before"),
    ("no such table", "show_columns", {"database": "panther_logs", "table": "none"}, "Not found"),
    ("no such alert", "lookup_alert", {"id": "f" * 32}, "Not found"),
    ("no such detection", "lookup_detection", {"id": "Nothing.Here"}, "no detection"),
    ("no further events", "more_events", {"offset": 900}, "no events from number 900"),
]  # fmt: skip


async def test_what_cannot_be_done_is_said_with_its_remedy(server: SandboxServer) -> None:
    """To the model, as the tool's answer; nothing is evidence."""
    for name, tool, arguments, said in REFUSED:
        answer = await run(server, tool, arguments)
        assert said in answer.content, name
        assert answer.failed, name
        assert answer.evidence is None, name
        assert answer.queries == 0, name


async def test_a_query_that_the_lake_refuses_tells_the_columns(server: SandboxServer) -> None:
    """The failure is evidence without an answer; the remedy names what exists."""
    sql = "SELECT dor FROM panther_logs.public.custom_door"
    answer = await run(server, "query_lake", {"sql": sql, "reason": "x"})
    assert answer.evidence is not None
    assert not answer.evidence.answered
    assert "DOR" in answer.evidence.error
    assert "Columns of panther_logs.public.custom_door:" in answer.content
    assert "state" in answer.content
    assert (answer.queries, answer.failed) == (1, True)


async def test_a_panther_that_does_not_answer_is_told_as_such(server: SandboxServer) -> None:
    """The investigation goes on without this answer."""
    server.fail("ExecuteQuery", Fault(403, b'{"message": "Forbidden"}'))
    answer = await run(server, "query_lake", {"sql": ALL, "reason": "x"})
    assert "Panther gave no answer" in answer.content
    assert answer.failed


async def test_limits_hold(server: SandboxServer) -> None:
    """Rows and bytes are cut, and that is marked."""
    few = await run(server, "query_lake", {"sql": ALL, "reason": "x"}, QueryLimits(rows=2, bytes=100_000, seconds=20))
    assert few.evidence is not None
    assert len(few.evidence.rows) == 2
    assert few.evidence.truncated
    small = await run(server, "more_events", {"offset": 0}, QueryLimits(rows=50, bytes=400, seconds=20))
    assert small.evidence is not None
    assert len(small.evidence.rows) < 3
    assert small.evidence.truncated


async def test_an_absence_is_worth_what_its_coverage_says(server: SandboxServer) -> None:
    """Measured where the answer has no rows; without a measure it proves nothing."""
    asked: list[tuple[str, TimeWindow]] = []

    async def coverage(table: str, window: TimeWindow) -> tuple[Coverage, int]:
        asked.append((table, window))
        return COVERED, 1

    empty = ALL.replace("WHERE", "WHERE state = 'shut' AND")
    answer = await run(server, "query_lake", {"sql": empty, "reason": "x"}, coverage=coverage)
    assert answer.evidence is not None
    assert answer.evidence.coverage.proves_absence
    assert asked[0][0] == "panther_logs.public.custom_door"
    bare = await run(server, "query_lake", {"sql": empty, "reason": "x"})
    assert bare.evidence is not None
    assert not bare.evidence.coverage.proves_absence


async def test_the_other_tools_answer(server: SandboxServer) -> None:
    """Search, names, events, alerts and detections."""
    found = await run(server, "search_indicators", {"indicators": ["192.0.2.7"], "hours_before": 24, "hours_after": 24})
    assert found.evidence is not None
    assert found.evidence.row_count > 0
    tables = await run(server, "list_tables", {"database": "panther_logs"})
    assert "custom_door (Custom.Door)" in tables.content
    columns = await run(server, "show_columns", {"database": "panther_logs", "table": "custom_door"})
    assert "state" in columns.content
    events = await run(server, "more_events", {"offset": 1})
    assert events.evidence is not None
    assert [row["door"] for row in events.evidence.rows] == [2, 3]
    other = await run(server, "lookup_alert", {"id": f"{2:032x}"})
    assert other.evidence is not None
    assert other.evidence.rows[0]["title"] == "Door 2 left open"
    detection = await run(server, "lookup_detection", {"id": "Door.Open"})
    assert detection.evidence is not None
    assert "def rule" in str(detection.evidence.rows[0]["body"])
    related = await run(server, "related_alerts", {"detection_id": "Door.Open", "days": 30})
    assert related.evidence is not None
    assert all(row["id"] != f"{1:032x}" for row in related.evidence.rows)


def test_a_computed_column_is_nobodys_word() -> None:
    """Only rows whose columns are the table's own keep its log type, and with it the trust in its fields."""
    cases = [
        ("SELECT door, state FROM t", True),
        ("SELECT * FROM t", True),
        ("SELECT t.door AS door FROM t", True),
        ("SELECT door AS sourceIPAddress FROM t", False),
        ("SELECT 'x' AS state FROM t", False),
        ("SELECT COUNT(*) AS n FROM t", False),
        ("SELECT state FROM t GROUP BY state", False),
        ("WITH t AS (SELECT 'x' AS state) SELECT state FROM t", False),
        ("SELECT state FROM (SELECT 'x' AS state) AS t", False),
        ("SELECT state FROM t UNION ALL SELECT 'x' AS state FROM t", False),
        ("SELECT a:b::STRING AS b FROM t", False),
    ]
    for sql, plain in cases:
        assert selects_columns_only(sql) is plain, sql


def test_panthers_own_names_cannot_be_taken() -> None:
    """They count as the provider's word in every log type."""
    cases = [
        ("SELECT p_event_time FROM t", ""),
        ("SELECT p_event_time AS p_event_time FROM t", ""),
        ("SELECT 'x' AS p_source_label FROM t", "p_source_label"),
        ("SELECT door AS P_LOG_TYPE FROM t", "P_LOG_TYPE"),
        ("WITH u AS (SELECT 'x' AS p_row_id FROM t) SELECT p_row_id FROM u", "p_row_id"),
        ("WITH u(p_row_id) AS (SELECT 'x' FROM t) SELECT p_row_id FROM u", "p_row_id"),
    ]
    for sql, name in cases:
        assert spoofed_column(sql) == name, sql


async def test_the_models_own_absences_are_measured(server: SandboxServer) -> None:
    """With one query for a table that the dossier doesn't know, once; without one where it does. The window counts."""
    empty = {"sql": ALL.replace("WHERE", "WHERE state = 'shut' AND"), "reason": "x"}
    async with connect(config(server.rest_url, attempts=1), clock=SystemClock()) as panther:

        def measure(known: Dossier) -> ToolCoverage:
            return ToolCoverage(
                known, lake=panther.lake, sources=panther.sources, history=timedelta(days=30), seconds=20
            )

        def box(known: Dossier, coverage: ToolCoverage) -> Toolbox:
            settings = InvestigationSettings()
            return Toolbox(
                known,
                lake=panther.lake,
                alerts=panther.alerts,
                rules=panther.rules,
                settings=settings,
                coverage=coverage,
            )

        call = ToolCall(id="c", name="query_lake", arguments=json.dumps(empty))
        unknown = box(dossier(), measure(dossier()))
        first, second = await unknown.run(call, LIMITS), await unknown.run(call, LIMITS)
        assert (first.queries, second.queries) == (2, 1)
        assert first.evidence is not None
        assert first.evidence.coverage.table_has_rows is True
        rhythm = Evidence(id="E2", source=Source.QUERY, key="rhythm.custom_door", question="?")
        told = dossier(evidence=(*dossier().evidence, rhythm))
        quiet = await box(told, measure(told)).run(call, LIMITS)
        assert quiet.queries == 1
        assert quiet.evidence is not None
        assert not quiet.evidence.coverage.proves_absence
        other, queries = await measure(dossier())("panther_signals.public.x", unknown.window)
        assert (other.proves_absence, queries) == (False, 0)


def test_an_absence_that_the_model_asked_for_is_no_count_of_ours() -> None:
    """It may be true of anything that nobody has; it holds, but a benign verdict can't rest on it."""
    covered = Coverage(source_healthy=True, source_reached_window=True, table_has_rows=True, control_has_rows=True)
    for source, trust in ((Source.TOOL, Trust.ACTOR), (Source.QUERY, Trust.MEASURED)):
        entry = Evidence(id="E1", source=source, key="x", question="?", coverage=covered)
        (checked,) = verify([Finding(text="Nothing.", citations=(AbsenceCitation(evidence="E1"),))], [entry])
        assert checked.verified
        assert checked.trust == {trust}


async def test_an_answer_that_fills_its_limit_may_be_cut(server: SandboxServer) -> None:
    """So only lower bounds on its rows can hold; the one row of a count is whole."""
    full = await run(server, "query_lake", {"sql": ALL.replace("LIMIT 10", "LIMIT 3"), "reason": "x"})
    assert full.evidence is not None
    assert full.evidence.truncated
    counted = ALL.replace("SELECT door, state", "SELECT COUNT(*) AS n").replace("ORDER BY door LIMIT 10", "LIMIT 1")
    whole = await run(server, "query_lake", {"sql": counted, "reason": "x"})
    assert whole.evidence is not None
    assert not whole.evidence.truncated
