"""Three days in fast motion of a service that polls and takes the webhook's calls, with faults on both.

`python -m pytest -m exhaustive -s tests/integration/service/test_webhook_days.py` prints the figures of
`docs/measurements.md`.
"""

import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.cable import cable
from tests.support.week import START, Plan, Running, WeekClock, name_of, serve_world, settings, write_world
from triage.sandbox.server import Fault, SandboxServer
from triage.sandbox.times import parse_time
from triage.sandbox.world import Record
from triage.web.webhook import HEADER, PATH

HOUR = 3_600.0
SECRET = "a-secret-of-the-destination-0123456789"
LIMITED = Fault(status=429, headers=(("Retry-After", "5"),))
Hours = tuple[float, float]
OUTAGES: dict[Hours, Fault] = {
    (6, 8): Fault(status=503),
    (26, 27.5): LIMITED,
    (36, 38): Fault(status=502, body=b"<html>"),
}
"""Hours in which Panther answers everything with a fault."""
REFUSED: list[Hours] = [(14, 16), (50, 51)]
"""Hours in which nothing listens at Panther's address."""
DOWN: list[Hours] = [
    (4, 4.5),
    (9.5, 10),
    (15, 15.3),
    (20, 21),
    (26.5, 26.7),
    (31, 31.2),
    (33, 34),
    (41, 41.5),
    (47, 48),
    (62, 63),
]
"""Hours in which the service is down, from a SIGKILL on."""
UNKNOWN = 30
"""Ids that Panther doesn't know; `f` first, so that they are no alert's."""


class Raised(dict[str, Record]):
    """Panther's alerts; one that has not been raised yet can't be read by its id."""

    def __init__(self, alerts: dict[str, Record], now: Callable[[], datetime]) -> None:
        super().__init__(alerts)
        self.now = now
        self.missed = 0

    def get(self, key: str, default: Any = None) -> Any:
        """An alert by its id."""
        found = super().get(key)
        if found is None or parse_time(str(found["createdAt"])) > self.now():
            self.missed += 1
            return default
        return found


@dataclass(frozen=True, slots=True)
class Calls:
    """Which alerts are announced how; seconds from the beginning of the days."""

    plan: Plan

    def created(self, number: int) -> float:
        return (self.plan.created(number) - START).total_seconds()

    def kind(self, number: int) -> int:
        """0 to 2: not announced; each kind has alerts that are wanted and such as are not."""
        return number // 2 % 9

    def only_called(self, number: int) -> bool:
        """Whether Panther's list never shows an alert, while Panther and the service are up when it is announced."""
        hour = self.created(number) / HOUR
        calm = all(not begin - 0.25 < hour < end + 0.25 for begin, end in [*OUTAGES, *REFUSED, *DOWN])
        return self.kind(number) == 3 and calm

    def only_forged(self, number: int) -> bool:
        """Whether an alert is not in the list either, and those who announce it don't know the secret."""
        return number // 2 % 27 == 0

    def kills(self, number: int) -> bool:
        """Whether the service is killed soon after the call."""
        return self.kind(number) == 8 and not self.plan.dull(number)

    def of(self, number: int, chance: random.Random) -> list[float]:
        """When an alert is announced."""
        prompt = self.created(number) + 30
        early = self.created(number) - chance.uniform(300, 1_200)
        late = self.created(number) + chance.uniform(2, 6) * HOUR
        return {
            3: [prompt],
            4: [late],
            5: [early],
            6: [early, prompt],
            7: [prompt, prompt, prompt + 60, prompt + HOUR, late],
            8: [prompt],
        }.get(self.kind(number), [])


@dataclass
class Days:
    """What happens in them, and what was seen."""

    plan: Plan
    clock: WeekClock
    panther: SandboxServer
    database: Path
    place: Path
    port: int = 0
    """Where Panther's address is."""
    wire: ExitStack = field(default_factory=ExitStack)
    running: Running | None = None
    kills: int = 0
    at_work: int = 0
    """Kills that interrupted an investigation."""
    announced: Counter[str] = field(default_factory=Counter)
    """Calls with the secret, by alert."""
    answers: Counter[int] = field(default_factory=Counter)
    """Of calls, by status; 0: there was none."""
    waited: list[float] = field(default_factory=list)
    """Real seconds from a call to the alert's being stored, of those that the list doesn't show."""
    degraded: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    """Operations that were to fail and were not asked for."""

    @property
    def process(self) -> Running:
        assert self.running is not None
        return self.running

    def start(self) -> None:
        sections = {
            "ingest": {"lookback": "24h", "poll_interval": "10m", "token_grace": "6h", "second_look": "off"},
            "store": {"url": f"sqlite:///{self.database}"},
            "webhook": {"secret": SECRET},
        }
        url = f"http://127.0.0.1:{self.port}{urlsplit(self.panther.url).path}"
        self.running = Running(settings(url, self.database, **sections), self.clock, self.place)

    def kill(self) -> None:
        self.at_work += bool(self.ask("SELECT 1 FROM alerts WHERE state = 'running'"))
        self.kills += 1
        assert self.process.end(signal.SIGKILL) == -signal.SIGKILL

    def call(self, alert_id: str, secret: str = SECRET) -> int:
        """Announce an alert as Panther does, but once only."""
        self.announced[alert_id] += secret == SECRET
        # What a call says of the alert is not believed.
        said = {"id": "Door.Open", "alertId": alert_id, "severity": "CRITICAL", "title": "New Alert"}
        try:
            status = httpx.post(
                f"{self.process.url}{PATH}", json=said, headers={HEADER: secret}, timeout=60
            ).status_code
        except httpx.TransportError:
            status = 0
        self.answers[status] += 1
        return status

    def call_and_see(self, alert_id: str) -> None:
        """Announce an alert that the list doesn't show, and wait until it is stored."""
        began = time.monotonic()
        assert self.call(alert_id) == httpx.codes.ACCEPTED
        while not self.ask("SELECT 1 FROM alerts WHERE id = ?", alert_id):
            assert time.monotonic() < began + 60
            time.sleep(0.02)
        self.waited.append(time.monotonic() - began)

    def call_and_kill(self, alert_id: str, after: float) -> None:
        """Announce an alert and kill the service so many seconds later, whether or not it has read the alert."""
        if not self.call(alert_id):
            return  # It is down already.
        time.sleep(after)
        self.kill()
        self.start()

    def plug(self) -> None:
        """Panther is at its address."""
        url = self.wire.enter_context(cable(self.panther.url, self.port)).url
        self.port = urlsplit(url).port or 0

    def restore(self) -> None:
        """An outage ends, of which /healthz knows."""
        self.degraded += [reason for reason in self.process.health()[1] if "polling fails" in reason]
        self.unused += [operation for operation, _ in self.panther._faults.copy() if operation]
        self.panther._faults.clear()

    def ask(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.database, timeout=60)) as connection:
            return connection.execute(statement, values).fetchall()


def events_of(days: Days, calls: Calls) -> list[tuple[float, Callable[[], object]]]:
    """When what happens, in seconds from the beginning."""
    chance, fail = random.Random(72), days.panther.fail
    happens: list[tuple[float, Callable[[], object]]] = [
        (10.5 * HOUR, partial(fail, "CreateComment", Fault(status=504, after_work=True), times=3)),
        (30 * HOUR, partial(fail, "CreateComment", Fault(status=504, after_work=True), times=3)),
        (44 * HOUR, partial(fail, "AlertEvents", LIMITED, times=20)),
        (58 * HOUR, partial(fail, "", Fault(status=500), times=15)),
    ]
    for (begin, end), fault in OUTAGES.items():
        happens += [(begin * HOUR, partial(fail, "", fault, times=1_000_000)), (end * HOUR, days.restore)]
    for begin, end in REFUSED:
        happens += [(begin * HOUR, days.wire.close), (end * HOUR, days.restore), (end * HOUR, days.plug)]
    for begin, end in DOWN:
        happens += [(begin * HOUR, days.kill), (end * HOUR, days.start)]
    for number in range(days.plan.alerts):
        act: Callable[[str], object] = days.call
        if calls.only_called(number):
            act = days.call_and_see
        elif calls.kills(number):
            act = partial(days.call_and_kill, after=chance.choice([0, 0.02, 0.1, 0.2, 0.3, 0.4]))
        happens += [(at, partial(act, name_of(number))) for at in calls.of(number, chance)]
        if calls.kind(number) == 0:
            forged = partial(days.call, name_of(number), SECRET[:-1])
            happens += [(calls.created(number) + after, forged) for after in (30, HOUR)]
    for number in range(UNKNOWN):
        happens.append((chance.uniform(0, days.plan.seconds), partial(days.call, f"f{number:031x}")))
    return sorted((each for each in happens if 0 <= each[0] < days.plan.seconds), key=lambda each: each[0])


@pytest.mark.slow
@pytest.mark.exhaustive
def test_polls_and_calls_with_faults_on_both(tmp_path: Path) -> None:
    """Each alert that the filters select is investigated once and has one comment, whoever announced it, and no other.

    Takes about 4 minutes: the clock runs a thousand times faster, and more would leave the investigations no time.
    """
    (tmp_path / "world").mkdir()
    (tmp_path / "state").mkdir()
    plan = Plan(alerts=300, days=3, pace=1_080, burst=1, worthwhile=2)
    calls = Calls(plan)
    clock = WeekClock(START, pace=plan.pace)
    panther = serve_world(write_world(tmp_path / "world", plan), clock)
    alerts = panther.world.alerts = Raised(panther.world.alerts, clock.now)
    unlisted = [number for number in range(plan.alerts) if calls.only_called(number) or calls.only_forged(number)]
    # The server sorts its list when it starts.
    kept = {name: alerts.pop(name) for name in map(name_of, unlisted)}
    with panther:
        alerts.update(kept)
        days = Days(plan, clock, panther, tmp_path / "state" / "triage.db", tmp_path / "url")
        with days.wire:
            days.plug()
            began = time.monotonic()
            # The world took some of the time to load.
            clock._began = began
            days.start()
            try:
                for at, act in events_of(days, calls):
                    while clock.monotonic() < at:
                        time.sleep(0.02)
                    act()
                settle(days, calls)
                check(days, calls, alerts, time.monotonic() - began)
            finally:
                days.process.end(signal.SIGKILL)


def wanted(calls: Calls) -> list[str]:
    """The alerts that are to be commented on."""
    numbers = range(calls.plan.alerts)
    return [name_of(n) for n in numbers if not calls.plan.dull(n) and not calls.only_forged(n)]


def settle(days: Days, calls: Calls) -> None:
    """Wait for the end of the days, until nothing is left to do, and for four polls more."""
    deadline = time.monotonic() + 120
    while True:
        missing = {*wanted(calls)} - {name for (name,) in days.ask("SELECT id FROM alerts WHERE state = 'done'")}
        if days.clock.monotonic() > days.plan.seconds and not missing:
            break
        assert time.monotonic() < deadline, (missing, days.process.health())
        time.sleep(0.5)
    time.sleep(2 * HOUR / days.plan.pace)


def check(days: Days, calls: Calls, alerts: Raised, real: float) -> None:
    """Look at what the days have left, and print the figures."""
    plan, chosen = days.plan, wanted(calls)
    numbers = range(plan.alerts)
    comments = {name: len(days.panther.comments(name)) for name in alerts}
    investigated = dict(days.ask("SELECT alert_id, COUNT(*) FROM investigations GROUP BY alert_id"))
    runs = dict(days.ask("SELECT alert_id, COUNT(DISTINCT run_id) FROM journal GROUP BY alert_id"))
    stored = dict(days.ask("SELECT id, state FROM alerts"))
    lost = [name for name in chosen if not comments[name]]
    twice = [name for name in chosen if comments[name] > 1 or investigated[name] > 1 or runs[name] > 1]
    only_called = [name_of(n) for n in numbers if calls.only_called(n)]
    only_forged = [name_of(n) for n in numbers if calls.only_forged(n)]
    only_polled = [name_of(n) for n in numbers if calls.kind(n) < 3 and not calls.only_forged(n)]
    both = [[name for name in names if name in {*chosen}] for names in (only_called, only_polled)]
    print(
        f"\n{plan.alerts} alerts in {plan.days * 24} hours, {len(chosen)} wanted; {real:.0f} s by the clock"
        f"\ncalls: {days.answers.total()}, {days.answers[202]} taken, {days.answers[401]} forged and refused,"
        f" {days.answers[0]} while the service was down; {(days.announced - Counter({*days.announced})).total()} repeated;"
        f" {alerts.missed} reads of what Panther didn't have"
        f"\nkills {days.kills}, {days.at_work} of them while an alert was investigated; outages {len(days.degraded)}"
        f"\nwanted and only called {len(both[0])}, stored after at most {max(days.waited):.2f} s;"
        f" only polled {len(both[1])}; only forged {len(only_forged)}"
        f"\nlost {len(lost)}, twice {len(twice)}; states {Counter(stored.values())}"
    )
    assert (lost, twice) == ([], [])
    assert {name for name, count in comments.items() if count} == {*investigated} == {*chosen}
    assert {name for name, state in stored.items() if state == "done"} == {*chosen}
    assert {*stored.values()} == {"done", "skipped"}
    assert {*stored} <= {*alerts} - {*only_forged}
    assert {*only_called} <= {*stored}
    assert min(map(len, both)) > 0
    assert {*days.answers} == {0, 202, 401}
    assert len(days.degraded) == len(OUTAGES) + len(REFUSED)
    assert days.at_work
    assert not days.unused
    assert not days.panther._faults
