"""A detection's earlier alerts are listed once for the alerts of a poll, and each alert gets its own part of them."""

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.support.notebook import Notebook
from tests.support.tiny_world import NOW as WORLD_NOW
from tests.support.tiny_world import RULES, alert, write_files
from triage.domain.alert import Alert
from triage.edges.clock import FixedStartClock
from triage.edges.panther.client import connect
from triage.edges.panther.config import PantherConfig
from triage.ports import PantherApi
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import load_world
from triage.settings import InvestigationSettings
from triage.stages.enrichment import SharedCache
from triage.stages.enrichment.asking import Answer, Asker
from triage.stages.enrichment.context import OUTCOME_DAYS, AlertContext
from triage.stages.enrichment.context_rows import PastAlerts, alerts_of_detection

NOW = datetime.fromisoformat(WORLD_NOW).astimezone(UTC)


def served(folder: Path, every: timedelta, count: int) -> SandboxServer:
    """A Panther with so many alerts of one detection, the first one the newest."""
    times = [(NOW - timedelta(hours=1) - every * number).isoformat().replace("+00:00", "Z") for number in range(count)]
    alerts = [
        alert(number, createdAt=at, firstEventOccurredAt=at, updatedAt=at) for number, at in enumerate(times, start=1)
    ]
    return SandboxServer(
        load_world(write_files(folder, WORLD_NOW, {"alerts": alerts, "rules": RULES}), as_recorded=True)
    )


def connected_to(server: SandboxServer, clock: FixedStartClock) -> AbstractAsyncContextManager[PantherApi]:
    """A client of the server."""
    return connect(PantherConfig(url=server.url, token="sandbox-token", requests_per_second=1e6), clock=clock)


def shared_histories(server: SandboxServer, numbers: list[int]) -> tuple[list[Answer], int]:
    """The earlier alerts of some, asked one after the other, and how many pages of alerts were asked for."""

    async def run() -> list[Answer]:
        clock = FixedStartClock(NOW)
        cache, settings = SharedCache(clock), InvestigationSettings()
        found = []
        async with connected_to(server, clock) as panther:
            for number in numbers:
                one = await panther.alerts.alert(f"{number:032x}")
                asker = Asker(Notebook(), lambda _: None, clock, panther.lake, cache, settings, refused_in_batch=set())
                found.append(await AlertContext(panther, one, settings, asker).history())
        return found

    server.requests.clear()
    found = asyncio.run(run())
    return found, sum(operation == "Alerts" for _, _, operation in server.requests)


def own_histories(server: SandboxServer, numbers: list[int]) -> list[JsonValue]:
    """The same from lists that end with the alert itself."""

    async def run() -> list[JsonValue]:
        found = []
        async with connected_to(server, FixedStartClock(NOW)) as panther:
            for number in numbers:
                one = await panther.alerts.alert(f"{number:032x}")
                since = one.created_at - OUTCOME_DAYS
                listed = await alerts_of_detection(panther.alerts, one.detection_id, since=since, before=one.created_at)
                found.append(listed.rows_before(one, since))
        return found

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("every", "count", "pages"),
    [(timedelta(days=1), 40, 1 + 1), (timedelta(hours=6), 260, 3 + 1), (timedelta(hours=1), 120, 3)],
    ids=["few", "more than are listed", "all on a few days"],
)
def test_each_alert_has_the_history_it_would_have_alone(
    tmp_path: Path, every: timedelta, count: int, pages: int
) -> None:
    """The newest is asked about first. Where the shared list ends too soon for an alert, it gets one of its own."""
    numbers = [1, 2, 5, 7, count]
    with served(tmp_path, every, count) as server:
        together, asked = shared_histories(server, numbers)
        alone = own_histories(server, numbers)
    assert [{"rows": list(one.rows), "truncated": one.truncated} for one in together] == alone
    assert max(len(one.rows) for one in together) > 20
    assert asked == pages


def test_an_alert_raised_after_the_list_was_read_is_asked_about_itself(tmp_path: Path) -> None:
    """What was raised in between would be missing."""
    with served(tmp_path, timedelta(hours=1), 5) as server:
        listed = asyncio.run(_listed_before(server, NOW - timedelta(hours=2)))
        newest = asyncio.run(_alert(server, 1))
    assert not listed.serves(newest, NOW - OUTCOME_DAYS)


async def _listed_before(server: SandboxServer, before: datetime) -> PastAlerts:
    async with connected_to(server, FixedStartClock(NOW)) as panther:
        return await alerts_of_detection(panther.alerts, "Door.Open", since=NOW - 2 * OUTCOME_DAYS, before=before)


async def _alert(server: SandboxServer, number: int) -> Alert:
    async with connected_to(server, FixedStartClock(NOW)) as panther:
        return await panther.alerts.alert(f"{number:032x}")
