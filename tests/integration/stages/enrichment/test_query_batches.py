"""Several questions in one statement: the answers are those that each question alone would have given."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from tests.support.notebook import Notebook
from tests.support.shared import ROOT
from tests.support.small_lake import ALERT, small_lake
from triage.app import enrichment_settings
from triage.domain.dossier import Dossier
from triage.domain.evidence import Source
from triage.edges.clock import FixedStartClock
from triage.edges.panther.client import connect
from triage.edges.panther.config import PantherConfig
from triage.errors import PantherUnreachable, QueryFailed, QueryTimeout
from triage.ports import Lake, QueryLimits, QueryResult
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import load_world
from triage.settings import InvestigationSettings, Settings
from triage.stages.enrichment import Enricher, load_playbooks

NOW = datetime(2031, 3, 5, 15, tzinfo=UTC)
PLAYBOOKS = load_playbooks([ROOT / "prompts" / "playbooks"])


@dataclass(slots=True)
class WatchedLake:
    """Passes queries on to Panther, notes them, and fails on request."""

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
                found = await room.enrich(alert, now=NOW, journal=Notebook(), observe=lambda _: None)
            return found, list(lake.asked)

    return asyncio.run(run())


def query_answers(dossier: Dossier) -> dict[str, object]:
    """What a reader sees of each query."""
    return {
        entry.key: (entry.sql, entry.columns, entry.rows, entry.row_count, entry.truncated, entry.error)
        for entry in dossier.evidence
        if entry.source is Source.QUERY
    }


def test_batched_questions_get_the_answers_they_would_get_alone(server: SandboxServer) -> None:
    """One statement in place of many changes nothing in the dossier."""
    alone, many = enrich(server, size=1)
    joined, few = enrich(server, size=8)

    assert query_answers(joined) == query_answers(alone)
    assert joined.signals == alone.signals
    assert len(few) <= len(many) / 2


def test_the_questions_of_a_failed_batch_are_asked_one_by_one(server: SandboxServer) -> None:
    """A lake that refuses batches costs time, not answers."""
    alone, _ = enrich(server, size=1)

    for error in (QueryFailed("too complex"), QueryTimeout("too slow")):
        found, _ = enrich(server, size=8, fail=lambda sql, error=error: error if "UNION ALL" in sql else None)  # type: ignore[misc]  # a bound default
        assert query_answers(found) == query_answers(alone)


@pytest.mark.parametrize(("lake", "joined"), [("snowflake", True), ("databricks", False), ("athena", False)])
def test_a_lake_without_batches_is_asked_one_by_one(server: SandboxServer, lake: str, joined: bool) -> None:
    """The configured lake decides: elsewhere each batch would be built only to be refused."""
    panther = {"url": "http://127.0.0.1:1/public/graphql", "token": "t", "lake": lake}
    settings = enrichment_settings(Settings.model_validate({"panther": panther}))
    _, asked = enrich(server, size=settings.questions_per_query)
    assert any("UNION ALL" in sql for sql in asked) is joined


def test_a_question_that_the_lake_refuses_spoils_one_batch_only(server: SandboxServer) -> None:
    """From the second alert on it is asked by itself, and the others are batched."""

    def fail(sql: str) -> Exception | None:
        return QueryFailed("invalid identifier") if "p_any_sha256_hashes" in sql else None

    found, first = enrich(server, size=8, fail=fail)
    _, second = enrich(server, size=8, fail=fail, times=2)

    errors = [entry.key for entry in found.evidence if entry.error]
    assert errors == ["custom_courier.hash_days"]
    assert len(second) < len(first)
    assert sum("UNION ALL" in sql for sql in second) == 1


def test_an_unreachable_panther_is_the_answer_to_every_question(server: SandboxServer) -> None:
    """The questions of the batch are not sent again one by one."""
    found, asked = enrich(
        server,
        size=8,
        fail=lambda sql: PantherUnreachable("no route", operation="lake") if "UNION ALL" in sql else None,
    )

    joined = next(sql for sql in asked if "UNION ALL" in sql)
    unanswered = [entry for entry in found.evidence if entry.error]
    assert len(unanswered) == joined.count("UNION ALL") + 1
    assert all("no route" in entry.error for entry in unanswered)


def test_the_context_of_the_queries_is_evidence_too(server: SandboxServer) -> None:
    """The counted outcomes, Panther's users, the tables and the indicator search follow the queries."""
    found, _ = enrich(server, size=8)

    by_key = {entry.key: entry for entry in found.evidence}
    assert {"outcomes", "users", "tables", "search"} <= set(by_key)
    assert by_key["tables"].rows[0]["table"] == "panther_logs.public.custom_courier"
    assert by_key["outcomes"].measured
    assert [entry.id for entry in found.evidence] == [f"E{n}" for n in range(1, len(found.evidence) + 1)]
