"""Runs that are killed with SIGKILL right after a chosen write to the store or to Panther.

`forker` starts one process that imports everything and then forks a child for each run, before any thread starts: a
start costs a few milliseconds instead of a second and a half. A child wires the program as `triage run --once` does,
with a store and a comment edge that count what they have written. All children of a campaign append to one log, so
that the count goes on from run to run and what was done twice is seen.
"""

import asyncio
import importlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.tiny_world import alert, event, write_world
from tests.support.wired import playbooks, prompts, wired
from tests.support.young import OpenWindows
from triage.edges.clock import FixedStartClock
from triage.edges.process import has_ended, process_name
from triage.edges.routes import open_destination
from triage.ports import Destination, RouteMessage, State, Store
from triage.service.loop import Service
from triage.service.poller import LEASE_SECONDS as POLLER_SECONDS
from triage.service.route_sender import RouteSender
from triage.service.worker import LEASE_SECONDS
from triage.settings import load_settings
from triage.stages.routing import RouteTiming

ROOT = Path(__file__).parents[2]

PROGRESS = frozenset(
    {
        "append",
        "save_receipt",
        "finish",
        "finish_linked",
        "settle",
        "decide",
        "book",
        "create",
        "update",
        "add_message",
        "save_message",
        "mark",
    }
)
"""Writes that bring an alert on; each of these boundaries is met once in a run without kills."""
AROUND = frozenset({"claim", "acquire_lease", "release_lease", "release_ended", "save", "put", "give_back", "enqueue"})
"""Writes that every start repeats."""


@dataclass(frozen=True)
class Plan:
    """When to kill."""

    every: int = 0
    """After each write of `PROGRESS` whose number in the campaign gives `phase` modulo this; 0: never."""
    phase: int = 0
    around: int = 0
    """After this many first writes of each kind of `AROUND`."""
    during: int = 0
    """While this many first comments are on their way to Panther."""
    sending: int = 0
    """While this many first messages of routes are on their way."""
    lease: float = 0.0
    """Work until nothing is left, by leases of so many seconds, whose end alone tells that a process is dead; 0: run
    once, and see from the process table who is dead."""
    forever: bool = False
    """Run unattended, until SIGTERM."""
    open_until: str = ""
    """Until when what the lake was asked is open, in ISO 8601; empty: it has been delivered."""


ROUTE_TIMING = RouteTiming(settle=0.3, first_retry=0.05)
"""The receivers of the tests act on a request at once or never."""


def alert_ids(count: int) -> list[str]:
    return [f"{number:032x}" for number in range(10, 10 + count)]


def make_world(folder: Path, count: int, linked: int) -> Path:
    """Alerts with an event each; the last `linked` of them have the title of another one."""
    world = write_world(folder)
    records = [
        alert(number % 9, id=name, title=f"Door number {number % (count - linked)}")
        for number, name in enumerate(alert_ids(count))
    ]
    matches = [
        event(number % 9, p_alert_id=name, p_rule_id="Door.Open") for number, name in enumerate(alert_ids(count))
    ]
    for path, rows in (("alerts", records), ("lake/panther_rule_matches/custom_door", matches)):
        (folder / f"{path}.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return world


# ---- in the child ------------------------------------------------------------------------------------------------


class Tap:
    """Counts writes over all runs of a campaign, and kills this process where the plan says so."""

    def __init__(self, log: Path, plan: Plan) -> None:
        lines = read(log)
        counted = Counter(line.kind for line in lines)
        self._booked = {line.key for line in lines if line.kind == "book"}
        self._plan = plan
        self._counts = counted
        self._progress = sum(count for kind, count in counted.items() if kind in PROGRESS)
        self._file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def done(self, kind: str, key: str = "") -> None:
        """Note a write that has taken effect."""
        if kind == "book" and key in self._booked:
            # A replay books each call again, which changes nothing.
            return
        self._counts[kind.split(":", maxsplit=1)[0]] += 1
        plan, count = self._plan, self._counts[kind]
        at = plan.every and kind in PROGRESS and self._progress % plan.every == plan.phase
        around = kind in AROUND and count <= plan.around
        self._progress += kind in PROGRESS
        self._write(kind, key, killed=bool(at or around))
        if at or around:
            os.kill(os.getpid(), signal.SIGKILL)

    def during(self) -> bool:
        """Whether to kill while this comment is on its way."""
        self._counts["during"] += 1
        return self._counts["during"] <= self._plan.during

    def sending(self) -> bool:
        """Whether to kill while this message is on its way."""
        self._counts["sending"] += 1
        return self._counts["sending"] <= self._plan.sending

    def kill(self, kind: str, key: str) -> None:
        self._write(kind, key, killed=True)
        os.kill(os.getpid(), signal.SIGKILL)

    def _write(self, kind: str, key: str, *, killed: bool) -> None:
        os.write(self._file, json.dumps({"kind": kind, "key": key, "killed": killed}).encode() + b"\n")


@dataclass(frozen=True)
class Line:
    kind: str
    key: str
    killed: bool


def read(log: Path) -> list[Line]:
    if not log.exists():
        return []
    return [Line(**json.loads(line)) for line in log.read_text(encoding="utf-8").splitlines()]


def repeated(lines: Sequence[Line]) -> list[str]:
    """Steps that were done again after their result had been journalled."""
    counted = Counter(line.key for line in lines if line.kind == "append")
    return sorted(key for key, count in counted.items() if count > 1)


def kills(lines: Sequence[Line]) -> Mapping[str, int]:
    """How often a process was killed, by the kind of write before."""
    return Counter(line.kind for line in lines if line.killed)


class TappedPart:
    """A part of the store that tells of each write after it has been committed."""

    def __init__(self, part: Any, tap: Tap) -> None:
        self._part = part
        self._tap = tap

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._part, name)
        if name not in PROGRESS | AROUND:
            return method

        async def tapped(*args: Any, **kwargs: Any) -> Any:
            result = await method(*args, **kwargs)
            # A claim that found nothing, or a write that was refused, has changed nothing.
            if result is not None or name in {
                "put",
                "save_receipt",
                "decide",
                "release_lease",
                "save_message",
                "mark",
                "enqueue",
            }:
                self._tap.done(name, _key(name, args))
            return result

        return tapped


def _key(name: str, args: tuple[Any, ...]) -> str:
    if name in {"append", "book"}:
        return f"{args[0].run_id} {args[1]}"
    first = args[0] if args else ""
    return str(getattr(getattr(first, "alert", None), "id", None) or getattr(first, "key", None) or first)[:80]


class TappedComments:
    """A comment edge that tells of each write after Panther has answered."""

    def __init__(self, comments: Any, tap: Tap) -> None:
        self._comments = comments
        self._tap = tap

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._comments, name)
        if name not in {"create", "update"}:
            return method

        async def tapped(*args: Any, **kwargs: Any) -> Any:
            key = str(args[0] if name == "create" else args[0].alert_id)
            if name == "create" and self._tap.during():
                # Panther may or may not have acted when this process ends.
                asyncio.get_running_loop().call_later(0.01, self._tap.kill, "during", key)
            result = await method(*args, **kwargs)
            self._tap.done(name, key)
            return result

        return tapped


class TappedDestination:
    """A destination on whose way a message may be when the process is killed."""

    def __init__(self, destination: Destination, tap: Tap) -> None:
        self._destination = destination
        self._tap = tap
        self.kind, self.delivery = destination.kind, destination.delivery

    async def send(self, message: RouteMessage, earlier: RouteMessage | None) -> str:
        if self._tap.sending():
            # The other side may or may not have acted when this process ends.
            asyncio.get_running_loop().call_later(0.01, self._tap.kill, "sending", message.key)
        return await self._destination.send(message, earlier)

    async def close(self) -> None:
        await self._destination.close()


async def work(service: Service, plan: Plan) -> None:
    if plan.forever:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await service.run_forever(stop)
        return
    await service.run_once()
    while service.sender is not None:
        open_ = await service.pipeline.store.outbox.count_messages()
        if not any(each.waiting for each in open_.values()):
            break
        await service.pipeline.clock.sleep(0.05)
        await service.sender.drain()
    while plan.lease:
        states = (await service.pipeline.store.queue.status(now=service.pipeline.clock.now())).by_state
        if not {State.QUEUED, State.RUNNING} & states.keys():
            break
        await service.pipeline.clock.sleep(0.1)
        await service.run_once(polls=False)


async def run(directory: Path, now: datetime, plan: Plan) -> None:
    """One run to its end, or to its kill."""
    clock, tap = FixedStartClock(now), Tap(directory / "writes.log", plan)
    settings = load_settings(directory / "config.yaml", environment={})

    def seen_store(store: Store) -> Store:
        parts: dict[str, Any] = {
            name: TappedPart(getattr(store, name), tap)
            for name in ("queue", "journal", "records", "ledger", "values", "outbox")
        }
        return replace(store, **parts)

    def seen_comments(comments: Any) -> Any:
        return TappedComments(comments, tap)

    async with wired(settings, clock, seen_store=seen_store, seen_comments=seen_comments) as app:
        ends = datetime.fromisoformat(plan.open_until) if plan.open_until else now
        enricher = OpenWindows(app.pipeline.enricher, lambda _now: ends if ends > now else None, keys="")
        sender = None
        if settings.routes.enabled:
            opened = {
                route.name: TappedDestination(open_destination(route, clock), tap) for route in settings.routes.to
            }
            outbox, values = app.store.outbox, app.store.values
            sender = RouteSender(settings.routes, opened, outbox, values, clock, process_name(), timing=ROUTE_TIMING)
        service = Service(
            pipeline=replace(app.pipeline, enricher=enricher),
            sender=sender,
            observe=lambda _progress: None,
            name=process_name(),
            has_ended=(lambda _name: False) if plan.lease else has_ended,
            lease_seconds=plan.lease or LEASE_SECONDS,
            poller_lease_seconds=plan.lease or POLLER_SECONDS,
        )
        await work(service, plan)
        for destination in sender.destinations.values() if sender else ():
            await destination.close()


# ---- the process that forks --------------------------------------------------------------------------------------


def serve() -> None:
    """Fork a child for each line of stdin, wait for it, and print how it ended."""
    # What every child needs and no run changes; this library alone takes a second.
    importlib.import_module("openai")
    importlib.import_module("triage.edges.routes.apprise_destination")
    prompts()
    playbooks()
    running = 0
    # Signals are for the child; this process ends with its input.
    signal.signal(signal.SIGTERM, lambda *_: os.kill(running, signal.SIGTERM))
    signal.signal(signal.SIGUSR1, lambda *_: os.kill(running, signal.SIGKILL))
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            status = 1
            try:
                asyncio.run(run(Path(order["directory"]), datetime.fromisoformat(order["now"]), Plan(**order["plan"])))
                status = 0
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        running = child
        _, ended = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(ended), flush=True)


@dataclass
class Crashes:
    """Runs of one campaign."""

    directory: Path
    start: datetime
    """The world's present moment."""
    process: "subprocess.Popen[str]"
    runs: int = 0
    killed: int = 0
    lines: list[Line] = field(default_factory=list)

    def run(self, plan: Plan) -> int:
        """One run, whose clock begins ten seconds behind the one before; gives its exit status."""
        self.begin(plan)
        return self.end()

    def begin(self, plan: Plan) -> None:
        now = self.start + timedelta(seconds=10 * self.runs)
        order = {"directory": str(self.directory), "now": now.isoformat(), "plan": asdict(plan)}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        self.runs += 1

    def end(self) -> int:
        """Wait until the run has ended."""
        assert self.process.stdout is not None
        status = int(self.process.stdout.readline())
        self.killed += status == -signal.SIGKILL
        return status

    def run_to_the_end(self, plan: Plan, *, most: int = 2_000) -> None:
        """Run again after each kill, until one run ends by itself."""
        for _ in range(most):
            status = self.run(plan)
            if status != -signal.SIGKILL:
                assert status == 0, "a run failed by itself"
                break
        self.lines = read(self.directory / "writes.log")

    def kill(self) -> None:
        """Kill the run that was begun."""
        self.process.send_signal(signal.SIGUSR1)


@contextmanager
def forker() -> Iterator["subprocess.Popen[str]"]:
    """The process that forks, for any number of campaigns, one after the other."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.crash"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        yield process
    finally:
        process.communicate()


if __name__ == "__main__":
    serve()
