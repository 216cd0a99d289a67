"""The enrichment room against the embedded Panther and a generated world.

Takes about eight seconds, most of it for making the world and loading it.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import pytest

from tests.support.notebook import Notebook
from tests.support.shared import ROOT
from tests.support.worlds import DEMO_NOW, demo_world
from triage.domain.alert import Alert
from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence, Source
from triage.domain.verdict import Disposition
from triage.edges.clock import FixedStartClock
from triage.edges.panther.client import connect
from triage.edges.panther.config import PantherConfig
from triage.errors import PantherError, QueryTimeout
from triage.ports import Progress, QueryLimits, QueryResult, RunJournal
from triage.sandbox.server import Fault, SandboxServer
from triage.sandbox.world import load_world
from triage.settings import InvestigationSettings
from triage.stages.enrichment import Enricher, Playbooks, SharedCache, load_playbooks
from triage.stages.investigation.offline import offline_draft
from triage.stages.verification import verify

NOW = DEMO_NOW
PLAYBOOKS = ROOT / "prompts" / "playbooks"


@cache
def shipped() -> Playbooks:
    """The playbooks of the project; queries stay parsed from test to test."""
    return load_playbooks([PLAYBOOKS])


@pytest.fixture(scope="module")
def truth_and_server() -> Iterator[tuple[list[dict[str, str]], SandboxServer]]:
    """The demo's world, served."""
    path = demo_world()
    truth = [json.loads(line) for line in (path / "truth.ndjson").read_text(encoding="utf-8").splitlines()]
    with SandboxServer(load_world(path, as_recorded=True)) as server:
        yield truth, server


def enrich(
    server: SandboxServer,
    alert_id: str,
    *,
    journal: RunJournal | None = None,
    change: Callable[[Enricher], Enricher] = lambda room: room,
    told: list[Progress] | None = None,
    settings: InvestigationSettings | None = None,
) -> Dossier:
    """The dossier of one alert."""

    async def run() -> Dossier:
        clock = FixedStartClock(NOW)
        config = PantherConfig(url=server.url, token="sandbox-token", requests_per_second=1e6, attempts=1)
        async with connect(config, clock=clock) as panther:
            room = Enricher(
                panther=panther,
                playbooks=shipped(),
                settings=settings or InvestigationSettings(),
                clock=clock,
                cache=SharedCache(clock),
            )
            alert: Alert = await panther.alerts.alert(alert_id)
            seen = told if told is not None else []
            return await change(room).enrich(alert, now=NOW, journal=journal or Notebook(), observe=seen.append)

    return asyncio.run(run())


World = tuple[list[dict[str, str]], SandboxServer]


def an_alert(world: World, rule: str) -> str:
    """An alert under test of a rule."""
    return next(label["alert_id"] for label in world[0] if label["rule"] == rule)


def by_key(dossier: Dossier) -> dict[str, Evidence]:
    """Evidence by key."""
    return {entry.key: entry for entry in dossier.evidence}


def test_the_dossier_numbers_its_evidence_in_the_order_of_the_questions(truth_and_server: World) -> None:
    """E1 holds the events, then detection, history, comments, sources, then the playbooks' answers."""
    told: list[Progress] = []
    found = enrich(truth_and_server[1], an_alert(truth_and_server, "AWS.CloudTrail.LoggingStopped"), told=told)

    assert [entry.id for entry in found.evidence] == [f"E{number}" for number in range(1, len(found.evidence) + 1)]
    assert [entry.key for entry in found.evidence[:5]] == ["events", "detection", "history", "comments", "sources"]
    assert found.evidence[0].source is Source.EVENTS
    assert found.events
    assert found.log_types == ("AWS.CloudTrail",)
    assert "aws_cloudtrail.action_history" in by_key(found)
    assert all(entry.answered for entry in found.evidence)
    assert len(told) >= len(found.evidence) - 1
    assert all(progress.ok for progress in told)


@pytest.mark.parametrize(
    "rule",
    [
        "AWS.CloudTrail.LoggingStopped",
        "Okta.APIToken.Created",
        "GitHub.DeployKey.Added",
        "GSuite.Drive.SharedOutside",
        "AWS.VPCFlow.LargeOutbound",
    ],
)
def test_each_of_the_five_log_types_gets_measured_answers_with_rows(truth_and_server: World, rule: str) -> None:
    """At least three playbook questions of the alert's own log have rows and are counts of ours."""
    found = enrich(truth_and_server[1], an_alert(truth_and_server, rule))
    own = [entry for entry in found.evidence if entry.source is Source.QUERY and entry.log_type == found.log_types[0]]

    assert [entry.error for entry in found.evidence if not entry.answered and not entry.not_asked] == []
    assert sum(bool(entry.rows) and entry.measured for entry in own) >= 3
    assert found.signals
    assert found.entities


def test_a_restart_reads_the_journal_and_asks_nothing(truth_and_server: World) -> None:
    """A second run over the same journal gives the same dossier without a single question."""
    alert = an_alert(truth_and_server, "Okta.APIToken.Created")
    journal = Notebook()
    first = enrich(truth_and_server[1], alert, journal=journal)
    asked = len(journal.performed)
    second = enrich(truth_and_server[1], alert, journal=journal)

    assert len(journal.performed) == asked
    assert second == first


def test_a_failed_question_is_evidence_that_says_so(truth_and_server: World) -> None:
    """A query that times out costs its own answer, nothing else."""

    class Slow:
        """Times out on one question."""

        def __init__(self, inner: object) -> None:
            self.inner = inner

        def __getattr__(self, name: str) -> object:
            return getattr(self.inner, name)

        async def run_query(self, query: object, *, limits: QueryLimits) -> QueryResult:
            """Fail where the actor's hours are asked."""
            if "HOUR(" in query.sql:  # type: ignore[attr-defined]  # a query of the guard
                raise QueryTimeout("still running after 60 s")
            result: QueryResult = await self.inner.run_query(query, limits=limits)  # type: ignore[attr-defined]  # the real lake
            return result

    told: list[Progress] = []
    found = enrich(
        truth_and_server[1],
        an_alert(truth_and_server, "AWS.CloudTrail.LoggingStopped"),
        change=lambda room: replace(room, panther=replace(room.panther, lake=Slow(room.panther.lake))),  # type: ignore[arg-type]  # forwards the rest
        told=told,
    )

    failed = [entry for entry in found.evidence if not entry.answered]
    assert [entry.key for entry in failed] == ["aws_cloudtrail.actor_hours"]
    assert "still running" in failed[0].error
    assert sum(not progress.ok for progress in told) == 1


def test_a_panther_that_does_not_give_the_events_is_tried_later(truth_and_server: World) -> None:
    """Without its events nothing can be said of an alert, so the error reaches whoever retries."""
    _, server = truth_and_server
    server.fail("AlertEvents", Fault(status=503), times=1)

    with pytest.raises(PantherError) as caught:
        enrich(server, an_alert(truth_and_server, "AWS.CloudTrail.LoggingStopped"))

    assert caught.value.retryable


def test_a_detection_that_cannot_be_read_leaves_the_rest(truth_and_server: World) -> None:
    """A denied rule is evidence with an error; the queries go on."""
    _, server = truth_and_server
    # Another rule than in the test above, whose cancelled requests may still be on their way.
    rule = "AWS.EC2.SnapshotSharedOutside"
    server.fail(f"GET /rules/{rule}", Fault(status=500), times=1)

    found = by_key(enrich(server, an_alert(truth_and_server, rule)))
    assert not found["detection"].answered
    assert found["aws_cloudtrail.action_history"].answered


def test_the_budget_of_queries_holds(truth_and_server: World) -> None:
    """Past the budget questions are left out, with a note."""
    settings = InvestigationSettings(max_queries=5)
    found = enrich(truth_and_server[1], an_alert(truth_and_server, "Okta.APIToken.Created"), settings=settings)

    asked = [
        entry
        for entry in found.evidence
        if entry.source is Source.QUERY
        and not entry.key.startswith("rhythm.")
        and not entry.key.endswith(".identities")
    ]
    assert len(asked) == 5
    assert any("budget of 5 queries" in note for note in found.notes)


def test_every_finding_of_the_offline_analyst_is_verified(truth_and_server: World) -> None:
    """What the offline analyst cites is there, on several alerts; a silent log gives neither extreme."""
    labels = [*truth_and_server[0][:3], *(label for label in truth_and_server[0] if label.get("absence"))]
    for label in labels:
        dossier = enrich(truth_and_server[1], label["alert_id"])
        draft = offline_draft(dossier)

        assert draft.findings
        wrong = [checked for checked in verify(draft.findings, dossier.evidence) if not checked.verified]
        assert not wrong
        if label.get("absence"):
            assert draft.verdict in {Disposition.INCONCLUSIVE, Disposition.SUSPICIOUS}
