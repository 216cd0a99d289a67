"""`POST /panther` beside a running service and the embedded Panther: what Panther announces starts at once, and nothing
that strangers send does anything."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from tests.support.tiny_world import ALERTS, alert, write_world
from triage.app import App, open_app
from triage.edges.clock import SystemClock
from triage.ports import State
from triage.sandbox.server import Fault, SandboxServer
from triage.sandbox.world import load_world
from triage.service.announced import MAX_WAITING, AnnouncedAlerts
from triage.service.loop import Service
from triage.service.status import ProcessHealth
from triage.settings import Settings, parse_settings
from triage.web.metrics import Metrics
from triage.web.server import LOOPBACK, bound, serving, url_of
from triage.web.webhook import BURST, HEADER, MAX_BODY, Webhook

pytestmark = pytest.mark.anyio

SECRET = "a-secret-of-the-destination-0123456789"
OPEN, CLOSED = ALERTS[0]["id"], ALERTS[3]["id"]


def call(alert_id: str | None = OPEN, **changes: Any) -> dict[str, Any]:
    """What Panther's Custom Webhook sends: `id` is the detection's."""
    return {
        "id": "Door.Open",
        "alertId": alert_id,
        "createdAt": "2031-05-06T10:01:00Z",
        "severity": "HIGH",
        "type": "RULE",
        "link": f"https://acme.example/alerts/{alert_id}",
        "title": "New Alert: Door 1 left open",
        "name": "Door left open",
        "alertContext": {"door": 1},
        "description": "",
        "runbook": "",
        "tags": ["Doors"],
        "version": None,
        **changes,
    }


@dataclass(frozen=True, slots=True)
class Running:
    """A service that takes calls but does not poll."""

    app: App
    panther: SandboxServer
    client: httpx.AsyncClient
    url: str
    started: dict[str, float]
    """When each alert's first step began, by the loop's clock."""

    async def announce(self, *calls: dict[str, Any], secret: str = SECRET) -> list[httpx.Response]:
        """Send calls at once."""
        headers = {HEADER: secret}
        return await asyncio.gather(*(self.client.post("/panther", json=each, headers=headers) for each in calls))

    async def states(self) -> dict[str, State]:
        """What is stored."""
        return {record.alert.id: record.state for record in await self.app.store.records.newest()}

    async def until_ended(self, count: int) -> dict[str, State]:
        """Wait until so many alerts are stored, and none is worked on or waits."""
        async with asyncio.timeout(60):
            while True:
                found = await self.states()
                if len(found) >= count and not {State.QUEUED, State.RUNNING} & {*found.values()}:
                    return found
                await asyncio.sleep(0.02)

    def asked(self, operation: str) -> int:
        """How often Panther was asked for something."""
        return sum(name == operation for _, _, name in self.panther.requests)


@pytest.fixture
def panther(tmp_path: Path) -> Iterator[SandboxServer]:
    folder = tmp_path / "world"
    folder.mkdir()
    with SandboxServer(load_world(write_world(folder))) as server:
        yield server


def settings_for(directory: Path, panther: SandboxServer, ingest: str = "") -> Settings:
    text = f"""\
panther: {{url: "{panther.url}", token: sandbox-token, requests_per_second: 1000}}
ingest: {{lookback: 4h, poll_interval: 1h, {ingest}}}
writeback: {{audit: ""}}
store: {{url: "sqlite:///{directory}/triage.db"}}
webhook: {{secret: {SECRET}}}
"""
    return parse_settings(text, name="config.yaml", environment={})


@asynccontextmanager
async def running(
    directory: Path, panther: SandboxServer, ingest: str = "", *, workers: int = 2
) -> AsyncIterator[Running]:
    """The service with its webhook, as `triage run --no-poll --listen 0` has them."""
    clock = SystemClock()
    settings = settings_for(directory, panther, ingest)
    started: dict[str, float] = {}
    async with open_app(settings, clock=clock, write=False) as app:
        announced = AnnouncedAlerts(app.pipeline.alerts, app.store, settings.ingest, clock)

        def observe(progress: Any) -> None:
            started.setdefault(progress.alert_id, asyncio.get_running_loop().time())

        service = Service(pipeline=app.pipeline, observe=observe, name="test/1", announced=announced)
        webhook = Webhook(SECRET, announced.announce, clock)
        stop = asyncio.Event()
        work = asyncio.create_task(service.run_forever(stop, polls=False, workers=workers))
        with bound(LOOPBACK, 0) as listener:
            async with (
                serving(listener, app.store, service.health, Metrics("USD"), clock, webhook=webhook),
                httpx.AsyncClient(base_url=url_of(listener), timeout=30) as client,
            ):
                yield Running(app, panther, client, url_of(listener), started)
        stop.set()
        await work


async def test_an_announced_alert_starts_within_a_second(panther: SandboxServer, tmp_path: Path) -> None:
    """No poll is needed: the call is answered at once, the alert read by its id, and an idle worker woken."""
    async with running(tmp_path, panther) as service:
        await asyncio.sleep(0.3)  # the workers have found nothing and rest
        called = asyncio.get_running_loop().time()
        (answer,) = await service.announce(call())
        assert (answer.status_code, answer.json()) == (202, {"accepted": True, "alertId": OPEN})
        assert await service.until_ended(1) == {OPEN: State.DONE}
        assert service.started[OPEN] - called < 1.0


async def test_what_the_call_says_of_the_alert_is_not_believed(panther: SandboxServer, tmp_path: Path) -> None:
    """Severity, title and detection come from Panther's API; an alert that the filters leave out stays out."""
    async with running(tmp_path, panther) as service:
        lie = call(OPEN, severity="INFO", id="Another.Rule", title="Ignore this")
        await service.announce(lie, call(CLOSED, severity="CRITICAL"))
        assert await service.until_ended(2) == {OPEN: State.DONE, CLOSED: State.SKIPPED}
        record = await service.app.store.records.find(OPEN)
        assert record is not None
        assert (record.alert.title, record.alert.detection_id) == (ALERTS[0]["title"], "Door.Open")
        skipped = await service.app.store.records.find(CLOSED)
        assert skipped is not None
        assert "status CLOSED is not among ingest.statuses" in skipped.decision.reason


@pytest.mark.parametrize(("log_types", "state"), [("Custom.Door", State.DONE), ("AWS.CloudTrail", State.SKIPPED)])
async def test_log_types_are_asked_of_the_list(
    panther: SandboxServer, tmp_path: Path, log_types: str, state: State
) -> None:
    """An alert does not say of which log types it is; Panther's list does, as in a poll."""
    async with running(tmp_path, panther, f"log_types: [{log_types}]") as service:
        await service.announce(call())
        assert await service.until_ended(1) == {OPEN: state}


async def test_a_repeated_call_changes_nothing(panther: SandboxServer, tmp_path: Path) -> None:
    """The alert is investigated once, and Panther is not asked again for what is stored."""
    async with running(tmp_path, panther) as service:
        await service.announce(call(), call(), call())
        await service.until_ended(1)
        before, record = len(panther.requests), await service.app.store.records.find(OPEN)
        answers = await service.announce(*[call()] * 20)
        assert {answer.status_code for answer in answers} == {202}
        await asyncio.sleep(0.3)
        assert len(panther.requests) == before
        assert await service.app.store.records.find(OPEN) == record


async def test_alerts_of_one_group_become_one_investigation(panther: SandboxServer, tmp_path: Path) -> None:
    """Announced together, the later ones are linked to the first, as in a poll."""
    for number in (5, 6, 7):
        same = alert(number, title=ALERTS[0]["title"], createdAt=f"2031-05-06T10:01:0{number}.000Z")
        moved = json.loads(panther.world.shift(json.dumps(same)))
        panther.world.alerts[same["id"]] = moved
    ids = [OPEN, *(f"{number:032x}" for number in (5, 6, 7))]
    async with running(tmp_path, panther) as service:
        await service.announce(*map(call, reversed(ids)))
        found = await service.until_ended(4)
        assert found == {OPEN: State.DONE, **dict.fromkeys(ids[1:], State.LINKED)}


@pytest.mark.parametrize("secret", ["", SECRET[:-1], SECRET + "x", SECRET.upper(), "\xfc"])
async def test_a_forged_call_does_nothing(
    panther: SandboxServer, tmp_path: Path, secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the secret there is no body read, nothing asked, and one line in the log however many come."""
    async with running(tmp_path, panther) as service:
        headers = {HEADER.encode(): secret.encode("latin-1")}
        for _ in range(5):
            answer = await service.client.post("/panther", json=call(), headers=headers)
            assert answer.status_code == 401
        assert SECRET not in answer.text
        await asyncio.sleep(0.2)
        assert await service.states() == {}
        assert not panther.requests
    assert sum("refused 1 calls of the webhook" in record.message for record in caplog.records) == 1
    assert SECRET not in caplog.text


async def test_the_secret_given_twice_or_elsewhere_is_none(panther: SandboxServer, tmp_path: Path) -> None:
    """A header that comes twice, the address and the body are no places for it."""
    async with running(tmp_path, panther) as service:
        post = service.client.post
        twice = await post("/panther", json=call(), headers=[(HEADER, SECRET), (HEADER, SECRET)])
        bearer = await post("/panther", json=call(), headers={"Authorization": f"Bearer {SECRET}"})
        elsewhere = await post(f"/panther?secret={SECRET}", json=call(secret=SECRET))
        assert [each.status_code for each in (twice, bearer, elsewhere)] == [401, 401, 401]
        assert (await service.client.get("/panther", headers={HEADER: SECRET})).status_code == 405
        assert await service.states() == {}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not JSON", 400),
        (b"[]", 400),
        (b"\xff\xfe", 400),
        (b"[" * 50_000, 400),
        (b'{"alertId": 7}', 400),
        (b'{"alertId": ""}', 400),
        (b'{"alertId": "a b"}', 400),
        (b'{"alertId": "a\\u202eb"}', 400),
        (json.dumps({"alertId": "x" * 129}).encode(), 400),
        (json.dumps({"alertId": OPEN, "alertContext": "x" * MAX_BODY}).encode(), 413),
        (b"{}", 202),
        (b'{"id": "A.Policy", "alertId": null}', 202),
    ],
)
async def test_what_is_no_alert_is_answered_and_forgotten(
    panther: SandboxServer, tmp_path: Path, body: bytes, status: int
) -> None:
    """Malformed and oversized calls are refused, one of a policy is taken; none asks Panther anything."""
    async with running(tmp_path, panther) as service:
        answer = await service.client.post("/panther", content=body, headers={HEADER: SECRET})
        assert (answer.status_code, answer.json()["accepted"]) == (status, False)
        assert answer.json()["reason"]
        assert not panther.requests
        assert await service.states() == {}


async def test_a_body_that_never_comes_holds_nothing_up(panther: SandboxServer, tmp_path: Path) -> None:
    """A stranger who promises a gigabyte is answered before sending it."""
    async with running(tmp_path, panther) as service:
        host, port = service.url.removeprefix("http://").split(":")

        def promise() -> bytes:
            with contextlib.closing(socket.create_connection((host, int(port)), timeout=10)) as peer:
                peer.sendall(b"POST /panther HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
                return peer.recv(100)

        assert (await asyncio.to_thread(promise)).startswith(b"HTTP/1.1 401 ")


async def test_an_unknown_alert_is_forgotten(panther: SandboxServer, tmp_path: Path) -> None:
    """Such as that of the console's button "Send Test Alert": nothing is stored, and the next call works."""
    async with running(tmp_path, panther) as service:
        await service.announce(call("Test.Alert"), call("0" * 32))
        await service.announce(call())
        assert await service.until_ended(1) == {OPEN: State.DONE}


@pytest.mark.parametrize("ingest", ["", "log_types: [Custom.Door]"])
async def test_an_old_alert_is_left_to_the_poll(panther: SandboxServer, tmp_path: Path, ingest: str) -> None:
    """One from before the lookback, announced again: with log types, all alerts from it on would be listed."""
    panther.world.alerts[OPEN].update(createdAt="2020-01-01T00:00:00.000Z")
    async with running(tmp_path, panther, ingest) as service:
        await service.announce(call(), call(ALERTS[1]["id"]))
        assert set(await service.until_ended(1)) == {ALERTS[1]["id"]}
        await asyncio.sleep(0.3)
        assert set(await service.states()) == {ALERTS[1]["id"]}


async def test_a_panther_that_is_away_leaves_it_to_the_poll(panther: SandboxServer, tmp_path: Path) -> None:
    """The service goes on, the alert is not stored, and another call brings it."""
    async with running(tmp_path, panther) as service:
        panther.fail("Alert", Fault(status=403), times=1)
        await service.announce(call())
        await asyncio.sleep(0.5)
        assert service.asked("Alert") == 1
        assert await service.states() == {}
        await service.announce(call())
        assert await service.until_ended(1) == {OPEN: State.DONE}


class Frozen(SystemClock):
    """Time stands still."""

    def monotonic(self) -> float:
        return 7.0


async def test_there_is_an_end_to_how_many_are_taken(panther: SandboxServer, tmp_path: Path) -> None:
    """Above a burst, and while a thousand wait to be read, a call gets 429 and when to come again."""
    settings = settings_for(tmp_path, panther)
    async with open_app(settings, clock=SystemClock(), write=False) as app:
        announced = AnnouncedAlerts(app.pipeline.alerts, app.store, settings.ingest, app.clock)
        assert all(announced.announce(f"a{number}") for number in range(MAX_WAITING))
        assert not announced.announce("one-more")
        assert announced.announce("a0")
        full = Webhook(SECRET, announced.announce, Frozen())
        with bound(LOOPBACK, 0) as listener:
            async with (
                serving(listener, app.store, ProcessHealth(), Metrics("USD"), app.clock, webhook=full),
                httpx.AsyncClient(base_url=url_of(listener), headers={HEADER: SECRET}) as client,
            ):
                waits = await client.post("/panther", json=call("one-more"))
                assert "too many alerts wait" in waits.json()["reason"]
                statuses = [(await client.post("/panther", json=call("a0"))).status_code for _ in range(BURST)]
                stranger = await client.post("/panther", json=call(), headers={HEADER: "x"})
    assert (waits.status_code, waits.headers["retry-after"]) == (429, "30")
    assert statuses == [202] * (BURST - 1) + [429]
    assert stranger.status_code == 401


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps).map(str.encode)
)
def test_every_body_has_an_answer(body: bytes) -> None:
    """Whatever is sent with the secret: 202, 400 or 413, and only ids in printable ASCII are announced."""
    announced: list[str] = []

    def take(alert_id: str) -> bool:
        announced.append(alert_id)
        return True

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {"type": "http", "method": "POST", "path": "/panther", "headers": [(b"x-triage-secret", SECRET.encode())]}
    answer = asyncio.run(Webhook(SECRET, take, SystemClock()).answer(Request(scope, receive)))
    assert answer.status_code in {202, 400, 413}
    assert all(each.isascii() and each.isprintable() and " " not in each for each in announced)
