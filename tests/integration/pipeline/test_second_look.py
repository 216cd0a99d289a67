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
RANKS = ("benign", "inconclusive", "suspicious", "malicious")


@dataclass
class Desk:
    """A deployment with one young alert, run whenever a test says, at the time that it says."""

    directory: Path
    panther: SandboxServer
    opens: timedelta | None = 4 * HOUR
    """For how long after the alert's event its aftermath is open."""

    def configure(self, more: str = "", *, ingest: str = "") -> None:
        """Add to the configuration."""
        write_config(self.directory, self.panther.url, more=more)
        path = self.directory / "config.yaml"
        path.write_text(path.read_text(encoding="utf-8").replace("ingest:\n", f"ingest:\n{ingest}"), encoding="utf-8")

    def run(self, at: datetime) -> Tally:
        """Poll once and work until nothing is due, at that time."""

        async def once() -> Tally:
            settings = load_settings(self.directory / "config.yaml", environment={})
            self.panther.world.clock = lambda: at
            delivered = {"lastEventReceivedAtTime": at.isoformat(), "lastEventProcessedAtTime": at.isoformat()}
            self.panther.world.sources["source"].update(delivered)
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
                ("CreateLoginProfile", "iam.amazonaws.com"),
                ("DeleteFlowLogs", "ec2.amazonaws.com"),
                ("DeleteDetector", "guardduty.amazonaws.com"),
                ("DeleteDBInstance", "rds.amazonaws.com"),
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
    shown = before = desk.show()
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
    assert RANKS.index(shown["verdict"]) > RANKS.index(before["verdict"])
    assert (shown["provisional_until"], shown["look_at"], shown["look"]["number"]) == (None, None, 2)
    assert f"Second look at 18:00 UTC: {shown['verdict']}, was {before['verdict']}." in desk.comment()
    assert "Provisional" not in desk.comment()
    assert desk.run(NOW + 8 * HOUR).done == 0


def test_where_nothing_followed_the_comment_is_updated_once(desk: Desk) -> None:
    """Whoever read that the verdict is provisional learns that it no longer is; after that nothing is due."""
    desk.run(NOW)
    before = desk.show()["verdict"]

    assert desk.run(NOW + 5 * HOUR).done == 1

    now = desk.show()["verdict"]
    said = "still " + now + ", and no longer provisional" if now == before else f"{now}, was {before}"
    assert f"Second look at 17:00 UTC: {said}." in desk.comment()
    assert desk.run(NOW + 30 * HOUR).done == 0


def test_an_alert_that_grows_is_looked_at_again_once_it_is_quiet(desk: Desk) -> None:
    """Each new event puts the look off; then one look sees all of them, and the comment counts them. After two looks the
    alert is left alone, whatever is added."""
    desk.opens = None
    desk.run(NOW)
    assert desk.show()["look_at"] is None
    desk.grow(NOW + 3 * MINUTE, 2)
    assert desk.run(NOW + 4 * MINUTE).done == 0
    assert desk.show()["look_at"][:16] == "2031-05-06T12:14"
    desk.grow(NOW + 9 * MINUTE, 4)
    assert desk.run(NOW + 12 * MINUTE).done == 0

    assert desk.run(NOW + 23 * MINUTE).done == 1

    shown = desk.show()
    assert shown["look"]["changes"] == ["3 events were added"]
    assert f"Second look at 12:23 UTC: still {shown['verdict']}; 3 events were added." in desk.comment()
    for number in (1, 2):
        at = NOW + number * HOUR
        desk.grow(at, 4 + number)
        desk.run(at + MINUTE)
        assert desk.run(at + 30 * MINUTE).done == (number == 1)
    assert desk.show()["look"]["number"] == 3
    assert "Third look" in desk.comment()


def test_growth_without_an_end_is_looked_at_after_an_hour(desk: Desk) -> None:
    """An alert that never is quiet is looked at an hour after its first change."""
    desk.opens = None
    desk.run(NOW)
    done = []
    for number in range(1, 9):
        at = NOW + number * 9 * MINUTE
        desk.grow(at, 1 + number)
        done.append(desk.run(at + MINUTE).done)
    assert sum(done) == 1
    assert done.index(1) == 7


def test_another_severity_is_a_reason_to_look_again(desk: Desk) -> None:
    """The comment says what it is and what it was."""
    desk.opens = None
    desk.run(NOW)
    desk.panther.world.alerts[ALERT].update(severity="HIGH", updatedAt=(NOW + MINUTE).isoformat())
    desk.run(NOW + 2 * MINUTE)

    assert desk.run(NOW + 13 * MINUTE).done == 1

    assert "its severity is HIGH, was MEDIUM." in desk.comment()


@pytest.mark.parametrize("status", ["RESOLVED", "CLOSED", "TRIAGED"])
def test_what_a_person_has_ended_is_not_looked_at_again(desk: Desk, status: str) -> None:
    """The alert keeps its verdict and its comment; one that a person has only taken on is looked at all the same."""
    desk.run(NOW)
    before = desk.comment()
    desk.panther.world.alerts[ALERT].update(status=status, updatedBy={"id": "user-1", "type": "user"})

    tally = desk.run(NOW + 5 * HOUR)

    ended = status != "TRIAGED"
    assert (tally.done, tally.skipped) == ((0, 1) if ended else (1, 0))
    assert (desk.comment() == before) is ended
    shown = desk.show()
    assert (shown["state"], shown["look_at"], shown["look"]["number"]) == ("done", None, 1 if ended else 2)
    assert desk.run(NOW + 6 * HOUR).skipped == 0


def test_second_looks_can_be_turned_off(desk: Desk) -> None:
    """The verdict is provisional all the same, and does not promise anything."""
    desk.configure(ingest="  second_look: off\n")
    desk.run(NOW)
    assert "Provisional until 15:55 UTC" in desk.comment()
    assert "looked at again" not in desk.comment()
    desk.grow(NOW + MINUTE, 2)
    desk.run(NOW + 2 * MINUTE)

    assert desk.run(NOW + 6 * HOUR).done == 0


def test_a_comment_that_waits_and_a_second_look_do_not_disturb_each_other(desk: Desk) -> None:
    """Quiet hours put the first comment off until before the look: it is written then, by the run that had the verdict,
    and the look comes in its own time."""
    desk.configure("writeback:\n  quiet_hours: '11:00-13:00'\n")
    desk.run(NOW)
    assert desk.comments() == []
    assert desk.run(NOW + 2 * HOUR).done == 1
    assert "Provisional until 15:55 UTC" in desk.comment()
    assert desk.show()["look"]["number"] == 1

    assert desk.run(NOW + 5 * HOUR).done == 1

    assert "Second look at 17:00 UTC" in desk.comment()


def test_a_look_that_policy_keeps_quiet_writes_the_newest_verdict_later(desk: Desk) -> None:
    """Where quiet hours outlast the look, one comment is written after them, with the verdict of the look."""
    desk.configure("writeback:\n  quiet_hours: '11:00-20:00'\n")
    desk.run(NOW)
    desk.run(NOW + 5 * HOUR)
    assert desk.comments() == []

    desk.run(NOW + 9 * HOUR)

    assert "Second look at 17:00 UTC" in desk.comment()


def test_an_alert_whose_status_is_no_longer_asked_for_is_still_seen_to_grow(desk: Desk) -> None:
    """A person has taken it on, and Panther adds events: it is listed all the same, and looked at again."""
    desk.opens = None
    desk.run(NOW)
    world = desk.panther.world
    world.alerts[ALERT]["status"] = "TRIAGED"
    desk.grow(NOW + 25 * MINUTE, 2)
    desk.run(NOW + 26 * MINUTE)

    assert desk.run(NOW + 40 * MINUTE).done == 1

    assert "1 event was added." in desk.comment()
    assert run_cli("status", "--json", directory=desk.directory).json["states"] == {"done": 1}
