"""A week in fast motion: one service and the embedded Panther, with outages, kills, retention, and a restored backup.

`python -m pytest -m exhaustive -s tests/integration/service/test_week.py` prints the figures of `docs/measurements.md`.
"""

import random
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.week import START, Plan, Running, WeekClock, serve_world, settings, write_world
from triage.sandbox.server import Fault, SandboxServer

HOUR = 3_600.0
DAY = 24 * HOUR
LOG = 5_000_000
"""Bytes of SQLite's log of the last writes."""
KEPT_DAYS = 5
"""From then on as much is deleted as comes: retention is after three days, once a day."""


@dataclass
class Week:
    """What happens in it, and what was seen."""

    plan: Plan
    clock: WeekClock
    panther: SandboxServer
    database: Path
    place: Path
    running: Running | None = None
    processes: int = 0
    sizes: list[tuple[float, int]] = field(default_factory=list)
    """Time of the week in seconds, and bytes on disk."""
    by_formula: float = 0
    """The most bytes that the formula has given for what was kept."""
    memory: list[tuple[int, float, float]] = field(default_factory=list)
    """Process, seconds since it started, MB."""
    degraded: list[str] = field(default_factory=list)

    def start(self) -> None:
        self.running = Running(settings(self.panther.url, self.database), self.clock, self.place)
        self.processes += 1

    @property
    def process(self) -> Running:
        assert self.running is not None
        return self.running

    def restart(self, number: int) -> None:
        status = self.process.end(number)
        assert status == (0 if number == signal.SIGTERM else -number)
        self.start()

    def look(self) -> None:
        files = self.database.parent.glob(f"{self.database.name}*")
        self.sizes.append((self.clock.monotonic(), sum(path.stat().st_size for path in files)))
        known, runs = self.ask("SELECT (SELECT COUNT(*) FROM alerts), (SELECT COUNT(*) FROM investigations)")[0]
        self.by_formula = max(self.by_formula, 3_000 * int(str(known)) + 60_000 * int(str(runs)) + LOG)
        lived = (self.clock.now() - self.process.started_at).total_seconds()
        self.memory.append((self.processes, lived, self.process.memory()))

    def outage(self, fault: Fault, *, hours: float) -> None:
        """Panther answers everything with a fault for some time, and /healthz says so meanwhile."""
        self.panther.fail("", fault, times=1_000_000)
        ends = self.clock.monotonic() + hours * HOUR * self.plan.days / 7
        reasons: list[str] = []
        while self.clock.monotonic() < ends:
            status, found = self.process.health()
            reasons += found if status == 503 else []
            time.sleep(0.2)
        self.panther._faults.clear()
        assert any("polling fails" in reason for reason in reasons)
        self.degraded.append(reasons[-1])

    def backup(self, path: Path) -> None:
        """By SQLite itself, while the service works."""
        with closing(sqlite3.connect(self.database)) as source, closing(sqlite3.connect(path)) as target:
            source.backup(target)

    def restore(self, path: Path) -> None:
        self.process.end(signal.SIGKILL)
        for file in self.database.parent.glob(f"{self.database.name}*"):
            file.unlink()
        path.rename(self.database)
        self.start()

    def ask(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(statement, values).fetchall()


def events_of(week: Week) -> list[tuple[float, Callable[[], object]]]:
    """When what happens, by the clock of the week in seconds; the last two days are left alone."""
    chance, copy, scale = random.Random(17), week.database.with_name("backup.db"), week.plan.days / 7
    lost = Fault(status=504, after_work=True)
    happens: list[tuple[float, Callable[[], object]]] = [
        (0.5, lambda: week.outage(Fault(status=503), hours=3)),
        (1.2, lambda: week.outage(Fault(status=401), hours=2)),
        (1.6, lambda: week.panther.fail("CreateComment", lost, times=3)),
        (2.2, lambda: week.panther.fail("AlertEvents", Fault(status=429, headers=(("Retry-After", "5"),)), times=40)),
        (2.5, lambda: week.outage(Fault(status=502, body=b"<html>"), hours=6)),
        (3.0, lambda: week.backup(copy)),
        (3.4, lambda: week.restore(copy)),
        (3.9, lambda: week.panther.fail("", Fault(status=500), times=25)),
    ]
    happens += [(chance.uniform(0.1, 5), lambda: week.restart(signal.SIGKILL)) for _ in range(8)]
    happens += [(chance.uniform(0.1, 5), lambda: week.restart(signal.SIGTERM)) for _ in range(4)]
    happens += [(hour / 24, week.look) for hour in range(3, 7 * 24, 3)]
    return [(at * DAY * scale, act) for at, act in sorted(happens, key=lambda each: each[0])]


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize("plan", [Plan(alerts=5_000, days=7, pace=1_000)], ids=["5,000 alerts"])
def test_a_week(plan: Plan, tmp_path: Path) -> None:
    """No alert is lost or commented on twice, memory and disk stay flat, and the metrics agree with the database.

    Takes about 10 minutes.
    """
    (tmp_path / "world").mkdir()
    (tmp_path / "state").mkdir()
    folder = write_world(tmp_path / "world", plan)
    clock = WeekClock(START, pace=plan.pace)
    with serve_world(folder, clock) as panther:
        week = Week(plan, clock, panther, tmp_path / "state" / "triage.db", tmp_path / "url")
        began = time.monotonic()
        # The world took some of the week to load.
        clock._began = began
        week.start()
        try:
            for at, act in events_of(week):
                while clock.monotonic() < at:
                    time.sleep(0.05)
                act()
            settle(week)
            real = time.monotonic() - began
            check(week, real)
        finally:
            week.process.end(signal.SIGKILL)


def settle(week: Week) -> None:
    """Wait for the end of the week, and until nothing is left to do."""
    deadline = time.monotonic() + 600
    done = f"{week.plan.created(week.plan.alerts)}"
    while True:
        states = dict(week.ask("SELECT state, COUNT(*) FROM alerts GROUP BY state"))
        waiting = sum(int(str(states.get(name, 0))) for name in ("queued", "running"))
        due = week.ask("SELECT COUNT(*) FROM alerts WHERE verdict IS NULL AND state = 'linked'")[0][0]
        if week.clock.now().isoformat(" ") > done and not waiting and not due and newest(week):
            return
        assert time.monotonic() < deadline, (states, due, week.process.health())
        time.sleep(0.5)


def newest(week: Week) -> bool:
    """Whether the last alert that is wanted has been read."""
    return bool(week.ask("SELECT 1 FROM alerts WHERE id = ?", week.plan.wanted()[-1]))


def ours(panther: SandboxServer, name: str) -> int:
    """Comments by a token."""
    authors = [comment["createdBy"] for comment in panther.comments(name)]
    return sum(isinstance(author, dict) and author["type"] == "api-token" for author in authors)


def check(week: Week, real: float) -> None:
    """Look at what the week has left, and print the figures."""
    plan, panther = week.plan, week.panther
    counts = {name: ours(panther, name) for name in plan.wanted()}
    lost = [name for name, count in counts.items() if count == 0]
    twice = [name for name, count in counts.items() if count > 1]
    failed = week.ask("SELECT id, error FROM alerts WHERE state = 'failed'")

    metrics = week.process.metrics()
    states = {str(state): int(str(n)) for state, n in week.ask("SELECT state, COUNT(*) FROM alerts GROUP BY state")}
    stored = {state: metrics["triage_alerts_stored", state] for state in states}
    since = int((week.process.started_at.timestamp()) * 1e6)
    done = week.ask("SELECT COUNT(*) FROM investigations WHERE finished_at >= ?", since)[0][0]

    last = [(lived, mb) for process, lived, mb in week.memory if process == week.processes]
    warm = [mb for lived, mb in last if lived >= 0.25 * DAY * plan.days / 7]
    day = DAY * plan.days / 7
    before, after = (
        [size for at, size in week.sizes if first * day <= at < (first + 1) * day]
        for first in (KEPT_DAYS, KEPT_DAYS + 1)
    )
    investigations = int(str(week.ask("SELECT COUNT(*) FROM investigations")[0][0]))
    print(
        f"\n{plan.alerts} alerts in {plan.days} days, {real:.0f} s by the clock, {week.processes} processes;"
        f" lost {len(lost)}, twice {len(twice)}, failed {len(failed)}"
        f"\nkept at the end: {states}, {investigations} investigations"
        f"\ndisk at most {max(before) / 1e6:.1f} MB on day {KEPT_DAYS + 1}, {max(after) / 1e6:.1f} on day {KEPT_DAYS + 2};"
        f" by the formula {week.by_formula / 1e6:.1f}"
        f"\nmemory of the last process: {min(warm):.0f} to {max(warm):.0f} MB, last {warm[-1]:.0f}"
        f"\ninvestigated by the last process: {done}; metrics {metrics['triage_alerts_total', 'done']:.0f}"
        f"\n/healthz meanwhile: {week.degraded}"
    )
    assert (lost, twice, failed) == ([], [], [])
    assert stored == states
    assert metrics["triage_alerts_total", "done"] == done
    assert metrics["triage_alerts_total", "failed"] == metrics["triage_poll_failures_total", ""] == 0
    assert metrics["triage_queue_depth", ""] == 0
    assert max(warm) - min(warm) < 30
    assert max(after) < 1.1 * max(before)
    assert max(after) < week.by_formula
