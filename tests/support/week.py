"""Days of a service in some minutes: a world with an alert every few minutes, and the process that triages it.

The clock runs fast in all processes alike, so whatever is waited for takes its part of the real time. An alert is one
of a burst with the same title, of which one is investigated; most bursts are not severe enough.
"""

import asyncio
import json
import os
import signal
import time
import urllib.request
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.support.clocks import FastClock
from tests.support.forked import context
from tests.support.tiny_world import RULE, SOURCES, USERS, alert, event, write_files
from tests.support.wired import wired
from triage.edges.process import has_ended, process_name
from triage.sandbox.server import ApiToken, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
from triage.service.announced import AnnouncedAlerts
from triage.service.loop import Service
from triage.settings import Settings
from triage.web import server as web
from triage.web.metrics import Metrics
from triage.web.webhook import Webhook

START = datetime(2031, 5, 6, tzinfo=UTC)
DETECTIONS = 40
SHORTEST = 0.02
"""Real seconds that a wait takes at least: on a fast clock an idle worker would ask the database without pause."""


class WeekClock(FastClock):
    """A fast clock whose waits are no busy loops."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(max(seconds / self._pace, SHORTEST))


@dataclass(frozen=True, slots=True)
class Plan:
    """Days of so many alerts, at so many seconds of them in each real one."""

    alerts: int
    days: float
    pace: float
    burst: int = 4
    """Alerts of one title."""
    worthwhile: int = 5
    """Every so manieth burst is severe enough."""

    @property
    def seconds(self) -> float:
        """Of the days."""
        return self.days * 86_400

    def created(self, number: int) -> datetime:
        """When an alert was raised."""
        return START + timedelta(seconds=number * self.seconds / self.alerts)

    def dull(self, number: int) -> bool:
        """Whether the filters leave an alert out."""
        return number // self.burst % self.worthwhile != 0

    def wanted(self) -> list[str]:
        """The alerts that are to be commented on."""
        return [name_of(number) for number in range(self.alerts) if not self.dull(number)]


def name_of(number: int) -> str:
    """An alert's id."""
    return f"{number + 1:032x}"


def write_world(folder: Path, plan: Plan) -> Path:
    """All alerts of the days; a listing shows those that have been raised."""
    alerts, matches = [], []
    for number in range(plan.alerts):
        burst, created = number // plan.burst, plan.created(number)
        moment = f"{created - timedelta(minutes=5):%Y-%m-%d %H:%M:%S}.000"
        stamp = f"{created:%Y-%m-%dT%H:%M:%S}.000Z"
        detection = f"Door.Open{burst % DETECTIONS}"
        alerts.append(
            alert(0)
            | {
                "id": name_of(number),
                "title": f"Door {burst} left open",
                "severity": "LOW" if plan.dull(number) else "HIGH",
                "createdAt": stamp,
                "updatedAt": stamp,
                "firstEventOccurredAt": f"{created - timedelta(minutes=5):%Y-%m-%dT%H:%M:%S}.000Z",
                "lastReceivedEventAt": f"{created - timedelta(minutes=5):%Y-%m-%dT%H:%M:%S}.000Z",
                "detectionId": detection,
                "eventCount": 1,
            }
        )
        seen = {"p_event_time": moment, "p_parse_time": moment, "p_row_id": f"row{number}"}
        matches.append(event(burst, **seen, p_alert_id=name_of(number), p_rule_id=detection))
    logs = [
        {name: value for name, value in each.items() if name not in ("p_alert_id", "p_rule_id")} for each in matches
    ]
    rules = [{**RULE, "id": f"Door.Open{number}"} for number in range(DETECTIONS)]
    files: dict[str, Any] = {"alerts": alerts, "rules": rules, "users": USERS, "sources": SOURCES}
    files |= {"lake/panther_logs/custom_door": logs, "lake/panther_rule_matches/custom_door": matches}
    return write_files(folder, f"{START:%Y-%m-%dT%H:%M:%S}.000Z", files)


def serve_world(folder: Path, clock: WeekClock) -> SandboxServer:
    """The embedded Panther, whose clock is the week's."""
    world = replace(load_world(folder, as_recorded=True), clock=clock.now)
    return SandboxServer(world, SandboxOptions(tokens=(ApiToken("good"),), query_latency=0.0))


def settings(url: str, database: Path, **sections: Any) -> Settings:
    """A service whose limits in seconds fit the fast clock; retention after three days, unless a section says otherwise.

    No second looks: they would double the time.
    """
    return Settings.model_validate(
        {
            "panther": {"url": url, "token": "good", "requests_per_second": 1_000},
            "ingest": {"lookback": "24h", "poll_interval": "10m", "token_grace": "6h", "second_look": "off"},
            "investigation": {"concurrency": 3, "query_seconds": 40_000, "max_seconds": 400_000},
            "writeback": {"enabled": True, "audit": ""},
            "store": {"url": f"sqlite:///{database}", "keep": "3d"},
        }
        | sections
    )


async def _serve(configured: Settings, clock: WeekClock, place: Path) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    metrics = Metrics("USD")
    async with wired(configured, clock) as app:
        announced = webhook = None
        if configured.webhook.enabled:
            announced = AnnouncedAlerts(app.pipeline.alerts, app.store, configured.ingest, clock)
            webhook = Webhook(configured.webhook.secret.get_secret_value(), announced.announce, clock)
        service = Service(
            pipeline=app.pipeline,
            observe=lambda _progress: None,
            name=process_name(),
            has_ended=has_ended,
            on_done=lambda _alert, result: metrics.ended(result),
            lease_seconds=4 * 3_600,
            poller_lease_seconds=4 * 3_600,
            announced=announced,
        )
        with web.bound("127.0.0.1", 0) as socket:
            async with web.serving(socket, app.store, service.health, metrics, clock, webhook=webhook):
                place.write_text(web.url_of(socket), encoding="utf-8")  # noqa: ASYNC240 - a few bytes
                await service.run_forever(stop)


def _run(configured: Settings, clock: WeekClock, place: Path) -> None:
    asyncio.run(_serve(configured, clock, place))


class Running:
    """One process of the service."""

    def __init__(self, configured: Settings, clock: WeekClock, place: Path) -> None:
        """Start it, and wait until it answers."""
        place.unlink(missing_ok=True)
        self.started_at = clock.now()
        self._process = context.Process(target=_run, args=(configured, clock, place))
        self._process.start()
        deadline = time.monotonic() + 120
        while not (place.exists() and place.read_text(encoding="utf-8")):
            assert self._process.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        self.url = place.read_text(encoding="utf-8")

    def metrics(self) -> dict[tuple[str, str], float]:
        """Values by name and the value of the one label."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=60) as answer:
            text = answer.read().decode()
        return {
            (sample.name, next(iter(sample.labels.values()), "")): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def health(self) -> tuple[int, list[str]]:
        """Status and reasons."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=60) as answer:
                return answer.status, json.loads(answer.read())["reasons"]
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())["reasons"]

    def memory(self) -> float:
        """Resident, in MB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmRSS:")[1].split()[0]) / 1_000

    def end(self, number: int) -> int | None:
        """Send a signal and wait for the end; its exit status."""
        assert self._process.pid is not None
        os.kill(self._process.pid, number)
        self._process.join(60)
        return self._process.exitcode
