"""An export that is broken off or killed goes on where it was: nothing is lost, nothing is delivered twice."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.alert_source import ListedAlerts
from tests.support.cli import run_cli, write_config
from tests.support.investigations import alert as raised
from tests.support.terminal import COMMAND, environment
from tests.support.tiny_world import NOW, RULES, alert, event, write_files
from triage.domain.alert import Status
from triage.edges.exposure import ExposureFile
from triage.errors import ConfigError, PantherUnreachable
from triage.pipeline.exposure import ExposureWindow, read_exposure
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
from triage.settings import IngestSettings

COUNT = 230
FIRST = datetime(2031, 5, 1, tzinfo=UTC)
PRESENT = datetime(2031, 5, 6, 12, tzinfo=UTC)
ALL = [f"{number:032x}" for number in range(COUNT)]
ORIGIN = "https://panther.example"


def moment(number: int) -> datetime:
    """Three alerts share each one, so that pages end amid them."""
    return FIRST + timedelta(minutes=number // 3)


# ---- reading -----------------------------------------------------------------------------------------------------


WINDOW = ExposureWindow(now=PRESENT, since=FIRST - timedelta(days=1), reread=timedelta(days=1), events=False)


def listed(count: int) -> ListedAlerts:
    source = ListedAlerts()
    source.add(
        raised(number, "A door", "Door.Open", "Door left open").model_copy(
            update={"created_at": moment(number), "first_event_at": None}
        )
        for number in range(count)
    )
    return source


@pytest.mark.anyio
@given(breaks=st.lists(st.integers(0, 6), max_size=6), size=st.integers(3, 50))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_broken_reading_loses_nothing(breaks: list[int], size: int, tmp_path: Path) -> None:
    """Wherever the list breaks off, the next reading goes on there, and the whole window is stored in the end."""
    path = tmp_path / "s.db"
    path.unlink(missing_ok=True)
    source = listed(60)
    asked = IngestSettings(page_size=size)
    for pages in breaks:
        source.fails_at = len(source.asked) + pages
        with ExposureFile(path, origin=ORIGIN, kept=True) as file:
            before = len(list(file.risks()))
            try:
                await read_exposure(source, file, WINDOW, asked)
            except PantherUnreachable:
                assert file.unfinished() is not None
            assert len(list(file.risks())) >= before
    source.fails_at = None
    with ExposureFile(path, origin=ORIGIN, kept=True) as file:
        await read_exposure(source, file, WINDOW, asked)
        assert {risk.alert_id for risk in file.risks()} == set(source.alerts)
        assert file.unfinished() is None


@pytest.mark.anyio
async def test_a_reading_begins_again_only_at_its_last_moment(tmp_path: Path) -> None:
    """The alerts of the last stored moment are listed again, for a page may have ended amid them; no others are."""
    source = listed(60)
    with ExposureFile(tmp_path / "s.db", origin=ORIGIN, kept=True) as file:
        source.fails_at = 3
        with pytest.raises(PantherUnreachable):
            await read_exposure(source, file, WINDOW, IngestSettings(page_size=10))
        source.fails_at = None
        count = await read_exposure(source, file, WINDOW, IngestSettings(page_size=10))
    assert (count.alerts, count.changed) == (33, 30)


@pytest.mark.anyio
async def test_what_changed_while_it_was_broken_off_is_seen(tmp_path: Path) -> None:
    """A reading that goes on after a week is only as new as its start: the one after it begins a `reread` before that."""
    source = listed(60)
    with ExposureFile(tmp_path / "s.db", origin=ORIGIN, kept=True) as file:
        source.fails_at = 3
        with pytest.raises(PantherUnreachable):
            await read_exposure(
                source, file, replace(WINDOW, now=FIRST + timedelta(hours=1)), IngestSettings(page_size=10)
            )
        first = next(iter(source.alerts.values()))
        source.alerts[first.id] = first.model_copy(update={"status": Status.RESOLVED})
        source.fails_at = None
        later = replace(WINDOW, now=FIRST + timedelta(days=7))
        await read_exposure(source, file, later, IngestSettings(page_size=10))
        await read_exposure(source, file, later, IngestSettings(page_size=10))
        statuses = {risk.alert_id: risk.body["status"] for risk in file.risks()}
    assert statuses[first.id] == "RESOLVED"


@pytest.mark.anyio
async def test_a_narrower_window_forgets_how_far_back_it_was_read(tmp_path: Path) -> None:
    """A reading of a long window that a shorter one has ended is no reading of the long one."""
    source = listed(60)
    narrow = replace(WINDOW, since=FIRST + timedelta(minutes=10))
    with ExposureFile(tmp_path / "s.db", origin=ORIGIN, kept=True) as file:
        source.fails_at = 3
        with pytest.raises(PantherUnreachable):
            await read_exposure(source, file, WINDOW, IngestSettings(page_size=10))
        source.fails_at = None
        await read_exposure(source, file, narrow, IngestSettings(page_size=10))
        assert len(list(file.risks())) == 30
        await read_exposure(source, file, WINDOW, IngestSettings(page_size=10))
        assert len(list(file.risks())) == 60


@pytest.mark.anyio
async def test_a_broken_look_for_changes_goes_on_too(tmp_path: Path) -> None:
    """A later reading that broke off doesn't list again what it has listed."""
    source = listed(60)
    later = replace(WINDOW, now=FIRST + timedelta(minutes=30))
    with ExposureFile(tmp_path / "s.db", origin=ORIGIN, kept=True) as file:
        await read_exposure(source, file, later, IngestSettings(page_size=10))
        source.fails_at = len(source.asked) + 3
        with pytest.raises(PantherUnreachable):
            await read_exposure(source, file, later, IngestSettings(page_size=10))
        source.fails_at = None
        count = await read_exposure(source, file, later, IngestSettings(page_size=10))
    assert (count.alerts, count.changed) == (33, 0)


def test_two_exports_do_not_share_a_file(tmp_path: Path) -> None:
    """The second one is refused while the first one runs."""
    with (
        ExposureFile(tmp_path / "s.db", origin=ORIGIN, kept=True),
        pytest.raises(ConfigError, match="in use by another export"),
    ):
        ExposureFile(tmp_path / "s.db", origin=ORIGIN, kept=True)
    with ExposureFile(tmp_path / "s.db", origin=ORIGIN, kept=True) as file:
        assert file.complete() is None


# ---- delivering --------------------------------------------------------------------------------------------------


@pytest.fixture
def panther(tmp_path: Path) -> Iterator[SandboxServer]:
    """A Panther with 230 alerts, five pages of them, and an event for each."""
    (tmp_path / "world").mkdir()
    files = {
        "alerts": [alert(1, id=name, createdAt=moment(number).isoformat()) for number, name in enumerate(ALL)],
        "rules": RULES,
        "lake/panther_rule_matches/custom_door": [event(1, p_row_id=name, p_alert_id=name) for name in ALL],
    }
    world = load_world(write_files(tmp_path / "world", NOW, files), as_recorded=True)
    with SandboxServer(world, SandboxOptions()) as server:
        write_config(tmp_path, server.url)
        yield server


def delivered(folder: Path) -> list[str]:
    """The alerts in all files."""
    files = sorted(folder.glob("*.jsonl"))
    return [json.loads(line)["alert_id"] for path in files for line in path.read_text(encoding="utf-8").splitlines()]


def arguments(out: str) -> tuple[str, ...]:
    return ("export", "risks", "--now", NOW, "--state", "s.db", "--out", out)


@pytest.mark.slow
def test_a_killed_export_delivers_each_alert_once(panther: SandboxServer, tmp_path: Path) -> None:
    """Killed after so many requests, each time under another file name; the events of no alert are read twice over.

    About 15 seconds: seven processes.
    """
    for number, requests in enumerate((1, 20, 60, 100, 150, 200)):
        panther.requests.clear()
        with subprocess.Popen(
            [*COMMAND, *arguments(f"{number}.jsonl")], cwd=tmp_path, env=environment(), stderr=subprocess.DEVNULL
        ) as process:
            while process.poll() is None and len(panther.requests) < requests:
                time.sleep(0.001)
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
    assert run_cli(*arguments("last.jsonl"), directory=tmp_path).status == 0
    assert sorted(delivered(tmp_path)) == ALL


@pytest.mark.parametrize("renamed", [True, False])
def test_a_kill_around_the_renaming_repeats_nothing(panther: SandboxServer, tmp_path: Path, renamed: bool) -> None:
    """A whole file counts as delivered, also if the program was killed before it could say so; a part never does."""
    assert run_cli(*arguments("risks.jsonl"), directory=tmp_path).status == 0
    written = tmp_path / "risks.jsonl"
    with ExposureFile(tmp_path / "s.db", origin=panther.url, kept=True) as file:
        # As just before the end of the run: the rows are pending, the file is about to get its name.
        file.changed("risk", iter([(name, f"{name} again") for name in ALL]), lambda _content: None)
        file.delivering("risk", tmp_path / "again.jsonl", written)
    if renamed:
        written.rename(tmp_path / "again.jsonl")
    ran = run_cli(*arguments("again.jsonl"), directory=tmp_path)
    assert ran.status == 0, ran.err
    assert ("is whole" in ran.err) is renamed
    with ExposureFile(tmp_path / "s.db", origin=panther.url, kept=True) as file:
        left = file.changed("risk", iter([(name, f"{name} again") for name in ALL]), lambda _content: None)
    assert left == (0 if renamed else COUNT)
