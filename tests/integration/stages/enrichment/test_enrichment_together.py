"""Several questions in one statement: the answers are those that each question alone would have given."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from tests.support.shared import ROOT
from tests.support.small_lake import ALERT, small_lake
from triage.app import asked_as
from triage.domain.dossier import Dossier
from triage.domain.evidence import Source
from triage.domain.sql import SqlRefused, parse_read_only
from triage.domain.sql.together import join_queries, split_rows
from triage.domain.window import TimeWindow
from triage.edges.clock import FixedStartClock
from triage.edges.panther.client import connect
from triage.edges.panther.config import PantherConfig
from triage.errors import PantherUnreachable, QueryFailed, QueryTimeout
from triage.ports import Lake, QueryLimits, QueryResult
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import load_world
from triage.settings import InvestigationSettings, Settings
from triage.stages.enrichment import Enricher, load_playbooks
from triage.stages.enrichment.together import columns_of, order_of

NOW = datetime(2031, 3, 5, 15, tzinfo=UTC)
PLAYBOOKS = load_playbooks([ROOT / "prompts" / "playbooks"])
ONE = """SELECT p_log_type AS log_type, COUNT(*) AS times FROM panther_logs.public.okta_systemlog
    WHERE p_event_time BETWEEN '2031-03-01' AND '2031-03-02' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20"""


class NoJournal:
    """Performs each step."""

    async def step(self, key: str, kind: str, perform: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        """Perform."""
        return await perform()


@dataclass(slots=True)
class WatchedLake:
    """Passes queries on to Panther, notes them, and fails where it is told to. Implements what a run asks of a lake."""

    lake: Lake
    fail: Callable[[str], Exception | None]
    asked: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> object:
        return getattr(self.lake, name)

    async def run_query(self, query: object, *, limits: QueryLimits) -> QueryResult:
        """Ask, or fail."""
        sql: str = query.sql  # type: ignore[attr-defined]  # a ReadOnlyQuery; its module is heavy
        self.asked.append(sql)
        error = self.fail(sql)
        if error is not None:
            raise error
        return await self.lake.run_query(query, limits=limits)  # type: ignore[arg-type]  # as above


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    """The small world, served."""
    with SandboxServer(load_world(small_lake(tmp_path_factory.mktemp("small"), now=NOW), as_recorded=True)) as served:
        yield served


def enrich(
    server: SandboxServer, *, size: int, times: int = 1, fail: Callable[[str], Exception | None] = lambda _: None
) -> tuple[Dossier, list[str]]:
    """The dossier of the world's alert, the last of so many, and the statements of that run."""

    async def run() -> tuple[Dossier, list[str]]:
        clock = FixedStartClock(NOW)
        config = PantherConfig(url=server.url, token="sandbox-token", requests_per_second=1e6, attempts=1)
        async with connect(config, clock=clock) as panther:
            lake = WatchedLake(panther.lake, fail)
            room = Enricher(
                panther=replace(panther, lake=lake),  # type: ignore[arg-type]  # the rest is the real one's
                playbooks=PLAYBOOKS,
                settings=InvestigationSettings(questions_per_query=size),
                clock=clock,
            )
            alert = await panther.alerts.alert(ALERT)
            for _ in range(times):
                lake.asked.clear()
                found = await room.enrich(alert, now=NOW, journal=NoJournal(), observe=lambda _: None)
            return found, list(lake.asked)

    return asyncio.run(run())


def answers(dossier: Dossier) -> dict[str, object]:
    """What a reader sees of each query."""
    return {
        entry.key: (entry.sql, entry.columns, entry.rows, entry.row_count, entry.truncated, entry.error)
        for entry in dossier.evidence
        if entry.source is Source.QUERY
    }


def test_joined_questions_get_the_answers_they_would_get_alone(server: SandboxServer) -> None:
    """One statement in place of many changes nothing in the dossier."""
    alone, many = enrich(server, size=1)
    joined, few = enrich(server, size=8)

    assert answers(joined) == answers(alone)
    assert joined.signals == alone.signals
    assert len(few) <= len(many) / 2


def test_a_joint_statement_that_fails_is_asked_question_by_question(server: SandboxServer) -> None:
    """A lake that doesn't take a joint statement costs time, not answers."""
    alone, _ = enrich(server, size=1)

    for error in (QueryFailed("too complex"), QueryTimeout("too slow")):
        found, _ = enrich(server, size=8, fail=lambda sql, error=error: error if "UNION ALL" in sql else None)  # type: ignore[misc]  # a bound default
        assert answers(found) == answers(alone)


@pytest.mark.parametrize(("lake", "joined"), [("snowflake", True), ("databricks", False), ("athena", False)])
def test_a_lake_without_joint_statements_is_asked_one_by_one(server: SandboxServer, lake: str, joined: bool) -> None:
    """What the configuration names decides: elsewhere each joint statement would be built only to be refused."""
    panther = {"url": "http://127.0.0.1:1/public/graphql", "token": "t", "lake": lake}
    settings = asked_as(Settings.model_validate({"panther": panther}))
    _, asked = enrich(server, size=settings.questions_per_query)
    assert any("UNION ALL" in sql for sql in asked) is joined


def test_a_question_that_the_lake_refuses_spoils_one_statement_only(server: SandboxServer) -> None:
    """From the second alert on it is asked by itself, and the others go together."""

    def fail(sql: str) -> Exception | None:
        return QueryFailed("invalid identifier") if "p_any_sha256_hashes" in sql else None

    found, first = enrich(server, size=8, fail=fail)
    _, second = enrich(server, size=8, fail=fail, times=2)

    errors = [entry.key for entry in found.evidence if entry.error]
    assert errors == ["custom_courier.hash_days"]
    assert len(second) < len(first)
    assert sum("UNION ALL" in sql for sql in second) == 1


def test_an_unreachable_panther_is_said_for_every_question(server: SandboxServer) -> None:
    """Nobody asks one by one where nothing can be reached."""
    found, asked = enrich(
        server,
        size=8,
        fail=lambda sql: PantherUnreachable("no route", operation="lake") if "UNION ALL" in sql else None,
    )

    joined = next(sql for sql in asked if "UNION ALL" in sql)
    unanswered = [entry for entry in found.evidence if entry.error]
    assert len(unanswered) == joined.count("UNION ALL") + 1
    assert all("no route" in entry.error for entry in unanswered)


def test_what_surrounds_the_queries_is_evidence_too(server: SandboxServer) -> None:
    """The sum of outcomes, Panther's users, the tables and the indicator search stand behind the queries."""
    found, _ = enrich(server, size=8)

    by_key = {entry.key: entry for entry in found.evidence}
    assert {"outcomes", "users", "tables", "search"} <= set(by_key)
    assert by_key["tables"].rows[0]["table"] == "panther_logs.public.custom_courier"
    assert by_key["outcomes"].measured
    assert [entry.id for entry in found.evidence] == [f"E{n}" for n in range(1, len(found.evidence) + 1)]


def test_the_columns_and_the_order_of_a_question_are_read_from_its_sql() -> None:
    """Commas in parentheses and texts part nothing; an order by name can't be restored and is not read."""
    sql = "SELECT COALESCE(a, ', b AS c') AS x, COUNT(*) AS n FROM t ORDER BY 2 DESC, 1 LIMIT :limit"

    assert columns_of(sql) == ("x", "n")
    assert order_of(sql) == ((1, True), (0, False))
    assert order_of("SELECT a AS x FROM t ORDER BY x LIMIT :limit") == ()
    assert columns_of("SELECT a, b AS x FROM t") == ()
    assert columns_of(f"SELECT a AS {'x' * 64} FROM t") == (), "join_queries would refuse it"


def test_a_joint_statement_passes_the_guard_unchanged() -> None:
    """What is added around checked queries is itself one bounded read of the same tables."""
    query = parse_read_only(ONE, now=NOW)
    joint = join_queries([(query, ("log_type", "times"))] * 3)

    again = parse_read_only(joint.sql, now=NOW)
    assert again.sql == joint.sql
    assert again.tables == joint.tables == query.tables
    assert (again.limit, again.window) == (joint.limit, query.window)


@pytest.mark.parametrize("name", ["", "a b", 'a"', "a'", "A", "1a", "a;", "a" * 70])
def test_only_plain_column_names_are_joined(name: str) -> None:
    """Whatever could mean something else in SQL is refused."""
    query = parse_read_only(ONE, now=NOW)

    with pytest.raises(SqlRefused):
        join_queries([(replace(query), (name,))])


VALUES = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=20)
ROWS = st.lists(st.tuples(st.integers(0, 2), st.fixed_dictionaries({"a": VALUES, "b": VALUES})), max_size=20)


@given(ROWS)
def test_taking_a_joint_answer_apart_loses_and_mixes_nothing(rows: list[tuple[int, dict[str, JsonValue]]]) -> None:
    """Each row goes to its question, NULL columns included, whether the lake gives text or an object."""
    sent: list[dict[str, JsonValue]] = [
        {
            "QUESTION": str(number),
            "ANSWER": json.dumps({name: value for name, value in row.items() if value is not None})
            if number
            else {name: value for name, value in row.items() if value is not None},
        }
        for number, row in rows
    ]

    split = split_rows(sent, [("a", "b")] * 3)

    assert [list(part) for part in split] == [[row for number, row in rows if number == place] for place in range(3)]


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"question": "5", "answer": "{}"},
        {"question": "x", "answer": "{}"},
        {"question": "0", "answer": "[]"},
        {"question": "0", "answer": '{"a":' + "[" * 100_000 + "]" * 100_000 + "}"},
    ],
    ids=["empty", "not asked", "no number", "no object", "deep"],
)
def test_what_is_no_joint_answer_is_an_error(row: dict[str, JsonValue]) -> None:
    """A strange row makes the questions be asked one by one."""
    with pytest.raises(ValueError, match=r"question|row"):
        split_rows([row], [("a",)])


def test_the_joint_window_spans_all_questions() -> None:
    """The window of a joint statement is the hull of its parts'."""
    first = parse_read_only(ONE, now=NOW)
    later = replace(first, window=TimeWindow(NOW - timedelta(days=1), NOW))

    joint = join_queries([(first, ("a",)), (later, ("a",))])

    assert first.window is not None
    assert joint.window == TimeWindow(first.window.start, NOW)
