"""Alarms of log sources, from a Panther that serves them and from one of the generation before."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.clocks import FakeClock
from tests.support.panther import TOKEN, config
from tests.support.tiny_world import write_world
from triage.edges.panther.client import connect
from triage.sandbox.server import ApiToken, Fault, SandboxOptions, SandboxServer
from triage.sandbox.world import World, load_world

pytestmark = pytest.mark.anyio


def world(folder: Path, *alarms: dict[str, Any]) -> World:
    """A world with one source for each given set of alarms."""
    loaded = load_world(write_world(folder), as_recorded=True)
    (known,) = loaded.sources.values()
    loaded.sources = {
        f"s{number}": {**known, "integrationId": f"s{number}", "alarms": alarm} for number, alarm in enumerate(alarms)
    }
    return loaded


def served(folder: Path, *alarms: dict[str, Any], generation: Any = "2026") -> SandboxServer:
    """The world's server."""
    return SandboxServer(world(folder, *alarms), SandboxOptions(tokens=(ApiToken(TOKEN),), generation=generation))


ALARM = {"SOURCE_NO_DATA": {"state": "ALARM", "minutesThreshold": 60}}
QUIET = {"SOURCE_NO_DATA": {"state": "OK", "minutesThreshold": 60}}


def asked(server: SandboxServer) -> int:
    """How often an alarm was asked for."""
    return sum("/log-source-alarms/" in path for _, path, _ in server.requests)


async def test_a_source_has_its_active_alarm(tmp_path: Path) -> None:
    """Only one in the state ALARM is active; a source without an alarm has none, and is asked for again."""
    with served(tmp_path, {}, ALARM, QUIET) as server:
        async with connect(config(server.rest_url), clock=FakeClock()) as panther:
            first = await panther.sources.sources()
            again = await panther.sources.sources()
        assert [source.alarms for source in first] == [(), ("SOURCE_NO_DATA",), ()]
        assert [source.alarm_minutes for source in first] == [None, 60, 60]
        assert again == first
        assert asked(server) == 6


async def test_an_older_panther_is_asked_once(tmp_path: Path) -> None:
    """Its answer is 404; nothing is raised, and nothing is asked a second time."""
    with served(tmp_path, ALARM, QUIET, generation="2025") as server:
        async with connect(config(server.rest_url), clock=FakeClock()) as panther:
            first = await panther.sources.sources()
            once = asked(server)
            again = await panther.sources.sources()
        assert [source.alarms for source in (*first, *again)] == [(), (), (), ()]
        assert asked(server) == once == 2


async def test_an_upgraded_panther_is_noticed(tmp_path: Path) -> None:
    """An hour later its alarms are asked for again."""
    clock = FakeClock()
    with served(tmp_path, ALARM, QUIET) as server:
        for source in ("s0", "s1"):
            missing = Fault(status=404, body=b'{"message":"Not Found"}')
            server.fail(f"GET /log-source-alarms/{source}/SOURCE_NO_DATA", missing)
        async with connect(config(server.rest_url), clock=clock) as panther:
            before = [await panther.sources.sources() for _ in range(2)]
            assert asked(server) == 2
            clock.advance(3600)
            after = await panther.sources.sources()
        assert [source.alarms for found in before for source in found] == [()] * 4
        assert [source.alarms for source in after] == [("SOURCE_NO_DATA",), ()]


async def test_a_token_without_the_permission_is_asked_once(tmp_path: Path) -> None:
    """403 settles it with the first source, and the sources are known all the same."""
    with served(tmp_path, QUIET, ALARM) as server:
        server.fail("GET /log-source-alarms/s0/SOURCE_NO_DATA", Fault(status=403, body=b'{"message":"Forbidden"}'))
        async with connect(config(server.rest_url), clock=FakeClock()) as panther:
            found = [await panther.sources.sources(), await panther.sources.sources()]
        assert [source.alarms for source in found[0]] == [(), ()]
        assert found[0] == found[1]
        assert asked(server) == 1


@pytest.mark.parametrize("status", [400, 500])
async def test_a_source_whose_alarm_cannot_be_read_hides_no_other(tmp_path: Path, status: int) -> None:
    """A cloud account is refused, a server may have trouble: the others' alarms are known."""
    with served(tmp_path, ALARM, ALARM) as server:
        server.fail("GET /log-source-alarms/s0/SOURCE_NO_DATA", Fault(status=status, body=b'{"message":"x"}'), times=9)
        async with connect(config(server.rest_url), clock=FakeClock()) as panther:
            found = await panther.sources.sources()
        assert [source.alarms for source in found] == [(), ("SOURCE_NO_DATA",)]


@pytest.mark.parametrize("minutes", [None, 0, -5, "60", True, 1.5])
async def test_a_threshold_without_sense_is_none(tmp_path: Path, minutes: object) -> None:
    """The state counts all the same."""
    with served(tmp_path, {"SOURCE_NO_DATA": {"state": "ALARM", "minutesThreshold": minutes}}) as server:
        async with connect(config(server.rest_url), clock=FakeClock()) as panther:
            (found,) = await panther.sources.sources()
    assert (found.alarms, found.alarm_minutes) == (("SOURCE_NO_DATA",), None)
