"""Provisional verdicts and the second look, over the embedded Panther and a real store.

About twenty seconds: every test runs the program two to four times.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import run_cli, write_config
from tests.support.clocks import START
from tests.support.small_lake import ALERT
from tests.support.wired import wired
from tests.support.young import TABLE, OpenWindows, call, write_young_world
from triage.edges.clock import FixedStartClock
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import load_world
from triage.service.loop import Service
from triage.service.worker import Tally
from triage.settings import load_settings

NOW = START
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@dataclass
class Desk:
    """A deployment with one young alert, run whenever a test says, at the time that it says."""

    directory: Path
    panther: SandboxServer
    opens: timedelta | None = 4 * HOUR
    """For how long after the alert's event its aftermath is open."""

    def run(self, at: datetime) -> Tally:
        """Poll once and work until nothing is due, at that time."""

        async def once() -> Tally:
            settings = load_settings(self.directory / "config.yaml", environment={})
            self.panther.world.clock = lambda: at
            async with wired(settings, FixedStartClock(at)) as app:
                pipeline = replace(app.pipeline, enricher=OpenWindows(app.pipeline.enricher, self._until))
                return await Service(pipeline=pipeline, observe=lambda _: None, name="desk").run_once()

        return asyncio.run(once())

    def _until(self, now: datetime) -> datetime | None:
        ends = NOW - 5 * MINUTE + self.opens if self.opens else now
        return ends if ends > now else None

    def comments(self) -> list[str]:
        return [str(item["body"]) for item in self.panther.comments(ALERT)]

    def comment(self) -> str:
        """The only one."""
        (body,) = self.comments()
        return body

    def show(self) -> dict[str, Any]:
        shown: dict[str, Any] = run_cli("show", ALERT, "--json", directory=self.directory).json
        return shown

    def grow(self, at: datetime, count: int, **changes: object) -> None:
        """Panther adds an event to the alert."""
        event = call(at, 100 + count, "CreateAccessKey")
        self.panther.deliver("panther_logs", TABLE, event)
        self.panther.deliver(
            "panther_rule_matches", TABLE, {**event, "p_alert_id": ALERT, "p_rule_id": "Cloud.KeyMade"}
        )
        self.panther.world.alerts[ALERT].update(
            lastReceivedEventAt=at.isoformat(), eventCount=count, updatedAt=at.isoformat(), **changes
        )

    def harm(self, at: datetime) -> None:
        """What the user does after the event arrives in the lake."""
        for number, (action, source) in enumerate(
            (
                ("StopLogging", "cloudtrail.amazonaws.com"),
                ("DeleteTrail", "cloudtrail.amazonaws.com"),
                ("AttachUserPolicy", "iam.amazonaws.com"),
            )
        ):
            self.panther.deliver("panther_logs", TABLE, call(at + number * MINUTE, 200 + number, action, source))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    folder = tmp_path / "world"
    folder.mkdir()
    with SandboxServer(load_world(write_young_world(folder, now=NOW), as_recorded=True)) as panther:
        write_config(tmp_path, panther.url)
        yield Desk(tmp_path, panther)


def test_harm_that_arrives_later_is_found_by_the_second_look(desk: Desk) -> None:
    """A young alert's verdict says until when it is provisional; then the alert is looked at again, and its one comment
    has the harder verdict and says what changed. Before that, nothing is due, and `run --once` ends."""
    assert desk.run(NOW).done == 1
    shown = desk.show()
    assert shown["verdict"] == "benign"
    assert (shown["provisional_until"], shown["look_at"]) == ("2031-05-06T15:55:00+00:00", "2031-05-06T15:55:00+00:00")
    provisional = "Provisional until 15:55 UTC: what followed the event could not have been seen yet."
    assert f"{provisional} The alert will be looked at again then." in desk.comment()
    assert provisional in run_cli("show", ALERT, directory=desk.directory).out
    status = run_cli("status", "--json", directory=desk.directory).json
    assert (status["states"], status["second_looks"]) == ({"done": 1}, 1)

    desk.harm(NOW + 20 * MINUTE)
    assert desk.run(NOW + 3 * HOUR).done == 0
    assert desk.run(NOW + 6 * HOUR).done == 1

    shown = desk.show()
    assert shown["verdict"] != "benign"
    assert (shown["provisional_until"], shown["look_at"], shown["look"]["number"]) == (None, None, 2)
    assert f"Second look at 18:00 UTC: {shown['verdict']}, was benign." in desk.comment()
    assert "Provisional" not in desk.comment()
    assert desk.run(NOW + 8 * HOUR).done == 0
