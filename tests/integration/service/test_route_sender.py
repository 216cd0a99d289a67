"""The outbox and its sender, with real stores and receivers on loopback: what is held, summarised, tried again, given up."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.clocks import FakeClock, FastClock
from tests.support.receivers import FakeJira, Mailbox, Received, Receiver, Reply, mailing, receiving
from triage.domain.verdict import Disposition
from triage.edges.audit import AuditFile, verify_audit
from triage.edges.routes import open_destination
from triage.errors import StoreError
from triage.ports import Clock, MessageState, RouteCounts, RouteMessage, Store
from triage.service.route_sender import RouteSender
from triage.settings import RoutesSettings
from triage.stages.routing import RouteTiming

pytestmark = pytest.mark.anyio
pytest_plugins = ["tests.support.store_fixtures"]

HOUR = 3_600


def message(
    number: int = 1, run: int = 1, verdict: Disposition = Disposition.MALICIOUS, **more: object
) -> RouteMessage:
    plain = RouteMessage(
        key=f"soc:a{number}:r{run}",
        route="soc",
        alert_id=f"a{number}",
        run_id=f"r{run}",
        title=f"{verdict.value} {number}",
        body="what happened",
        verdict=verdict,
        link="",
        digest=f"d{run}",
        gist=f"g{run}",
        created_at=FakeClock().now() + timedelta(seconds=number + 100 * run),
    )
    return replace(plain, **more)  # type: ignore[arg-type]


@asynccontextmanager
async def sending(
    store: Store, clock: Clock, url: str, *, audit: AuditFile | None = None, name: str = "p", **more: object
) -> AsyncIterator[RouteSender]:
    """A sender with one route, `soc`."""
    route = {"name": "soc", "url_env": "X", "url": url, **more}
    settings = RoutesSettings.model_validate({"enabled": True, "to": [route]})
    destination = open_destination(settings.to[0], clock)
    yield RouteSender(settings, {"soc": destination}, store.outbox, store.values, clock, name, audit)
    await destination.close()


async def states(store: Store, number: int = 1) -> list[MessageState]:
    return [each.state for each in await store.outbox.messages_of(f"a{number}")]


async def test_a_message_is_sent_once(store: Store, tmp_path: Path) -> None:
    """However often it is added and the outbox is drained; before and after, the audit log has a line."""
    clock, log = FakeClock(), tmp_path / "audit.jsonl"
    with receiving(Receiver()) as receiver:
        url = receiver.url.replace("http", "json")
        async with sending(store, clock, url, audit=AuditFile(log, values=store.values)) as sender:
            assert await store.outbox.add_message(message(), now=clock.now())
            assert not await store.outbox.add_message(message(), now=clock.now())
            await sender.drain()
            await sender.drain()
            assert not await store.outbox.add_message(message(), now=clock.now())
            await sender.drain()
    assert len(receiver.received) == 1
    assert await states(store) == [MessageState.DONE]
    assert await store.outbox.count_messages() == {"soc": RouteCounts(done=1)}
    lines = log.read_text(encoding="utf-8").splitlines()
    assert ['"outcome": "sending"' in line or '"outcome": "done"' in line for line in lines] == [True, True]
    assert all('"action": "route.send"' in line and url not in line for line in lines)
    assert verify_audit(log).intact


async def test_without_a_line_in_the_audit_log_nothing_is_sent(store: Store, tmp_path: Path) -> None:
    """The message waits, and is sent when the log can be written again."""
    clock, log = FakeClock(), tmp_path / "audit.jsonl"
    log.mkdir()
    with receiving(Receiver()) as receiver:
        url = receiver.url.replace("http", "json")
        async with sending(store, clock, url, audit=AuditFile(log)) as sender:
            await store.outbox.add_message(message(), now=clock.now())
            with pytest.raises(StoreError):
                await sender.drain()
            assert receiver.received == []
            assert await states(store) == [MessageState.WAITING]
            log.rmdir()
            await sender.drain()
    assert len(receiver.received) == 1


async def test_a_further_result_refers_to_the_first(store: Store) -> None:
    """A channel that cannot change a message gets another one, which says what was said before."""
    clock = FakeClock()
    with receiving(Receiver()) as receiver:
        async with sending(store, clock, receiver.url.replace("http", "json")) as sender:
            await store.outbox.add_message(message(verdict=Disposition.SUSPICIOUS), now=clock.now())
            await sender.drain()
            await store.outbox.add_message(message(run=2), now=clock.now())
            await sender.drain()
    first, second = (request.json for request in receiver.received)
    assert "Update" not in first["title"] + first["message"]
    assert second["title"] == "Update: malicious 1"
    assert second["message"].startswith("Update: the message of 2031-05-06 12:00 UTC about this alert said suspicious.")


async def test_jira_has_one_issue_for_both_results(store: Store) -> None:
    """The second changes it, under the name that the receipt keeps."""
    clock, fake = FakeClock(), FakeJira()
    with receiving(Receiver(reply=fake)) as receiver:
        jira = {"url": receiver.url, "project": "SEC", "user": fake.user}
        async with sending(store, clock, fake.token, jira=jira) as sender:
            for run in (1, 2):
                await store.outbox.add_message(message(run=run, title=f"result {run}"), now=clock.now())
                await sender.drain()
    assert [fields["summary"] for fields in fake.issues.values()] == ["result 2"]
    assert [each.reference for each in await store.outbox.messages_of("a1")] == ["SEC-1", "SEC-1"]


async def test_a_newer_result_takes_the_place_of_one_that_waits(store: Store) -> None:
    """Nobody reads a verdict that no longer holds."""
    clock = FakeClock()
    with receiving(Receiver()) as receiver:
        async with sending(store, clock, receiver.url.replace("http", "json")) as sender:
            await store.outbox.add_message(message(run=1), now=clock.now())
            await store.outbox.add_message(message(run=2, title="the newer"), now=clock.now())
            await sender.drain()
    assert [request.json["title"] for request in receiver.received] == ["the newer"]
    assert await states(store) == [MessageState.REPLACED, MessageState.DONE]


async def test_in_quiet_hours_messages_wait_and_none_is_lost(store: Store) -> None:
    """They are sent one by one when the hours are over."""
    clock = FakeClock()
    with receiving(Receiver()) as receiver:
        async with sending(store, clock, receiver.url.replace("http", "json"), quiet_hours="11:00-14:00") as sender:
            for number in (1, 2, 3):
                await store.outbox.add_message(message(number), now=clock.now())
            await sender.drain()
            clock.advance(2 * HOUR - 1)
            await sender.drain()
            assert receiver.received == []
            clock.advance(1)
            await sender.drain()
    assert [request.json["title"][-1] for request in receiver.received] == ["1", "2", "3"]


async def test_what_is_over_the_cap_comes_as_one_summary(store: Store) -> None:
    """Two are sent, three wait for an hour and come together; the summary counts for the cap as well."""
    clock = FakeClock()
    with receiving(Receiver()) as receiver:
        async with sending(store, clock, receiver.url.replace("http", "json"), hourly_cap=2) as sender:
            for number, verdict in enumerate([*Disposition, Disposition.BENIGN], start=1):
                await store.outbox.add_message(message(number, verdict=verdict), now=clock.now())
            await sender.drain()
            assert len(receiver.received) == 2
            clock.advance(HOUR - 1)
            await sender.drain()
            assert len(receiver.received) == 2
            clock.advance(2)
            await sender.drain()
    assert [request.json["title"].partition(":")[0] for request in receiver.received[2:]] == ["3 results"]
    text = receiver.received[2].json["message"]
    assert all(f"(alert a{number})" in text for number in (3, 4, 5))
    counts = (await store.outbox.count_messages())["soc"]
    assert (counts.waiting, counts.failed, counts.done) == (0, 0, 3)


async def test_one_alone_over_the_cap_is_sent_as_it_is(store: Store) -> None:
    """A summary of one would only hide it."""
    clock = FakeClock()
    with receiving(Receiver()) as receiver:
        async with sending(store, clock, receiver.url.replace("http", "json"), hourly_cap=1) as sender:
            for number in (1, 2):
                await store.outbox.add_message(message(number), now=clock.now())
            await sender.drain()
            clock.advance(HOUR + 1)
            await sender.drain()
    assert [request.json["title"] for request in receiver.received] == ["malicious 1", "malicious 2"]


async def test_a_destination_that_is_away_gets_it_later(store: Store) -> None:
    """A limit is waited out, and the alert was done all the while."""
    clock, answers = FakeClock(), [(429, b""), (503, b""), (200, b"")]
    with receiving(Receiver(reply=lambda _request: answers.pop(0))) as receiver:
        async with sending(store, clock, receiver.url.replace("http", "json")) as sender:
            await store.outbox.add_message(message(), now=clock.now())
            for seconds in (0, 29, 1, 119, 1):
                clock.advance(seconds)
                await sender.drain()
    assert len(receiver.received) == 3
    assert await states(store) == [MessageState.DONE]


async def test_a_refusal_is_given_up_and_can_be_sent_again(store: Store) -> None:
    """It is in the dead-letter list with its reason, until somebody has mended the cause."""
    clock, answers = FakeClock(), [(403, b""), (200, b"")]
    with receiving(Receiver(reply=lambda _request: answers.pop(0))) as receiver:
        async with sending(store, clock, receiver.url.replace("http", "json")) as sender:
            await store.outbox.add_message(message(), now=clock.now())
            await sender.drain()
            (dead,) = await store.outbox.failed_messages()
            assert "403" in dead.error
            clock.advance(HOUR)
            await sender.drain()
            assert len(receiver.received) == 1
            assert await store.outbox.retry_messages(["other"], now=clock.now()) == 0
            assert await store.outbox.retry_messages(["soc"], now=clock.now()) == 1
            await sender.drain()
    assert await states(store) == [MessageState.DONE]
    assert await store.outbox.failed_messages() == ()


async def test_a_mail_whose_answer_was_lost_is_not_sent_twice(store: Store) -> None:
    """Nothing tells whether it arrived: it is given up, and the list says so."""
    clock = FakeClock()
    with mailing(Mailbox(answers=False)) as mailbox:
        url = f"mailto://127.0.0.1:{mailbox.port}?from=triage@example.com&to=soc@example.com"
        async with sending(store, clock, url) as sender:
            await store.outbox.add_message(message(), now=clock.now())
            for _ in range(5):
                await sender.drain()
                clock.advance(HOUR)
    assert len(mailbox.messages) == 1
    (dead,) = await store.outbox.failed_messages("soc")
    assert dead.error.startswith("it may have arrived")


@pytest.mark.parametrize("kind", ["mail", "webhook", "jira"])
async def test_whose_sender_died_on_the_way(store: Store, kind: str) -> None:
    """Mail is given up, a webhook gets the same key once more, and in Jira it is looked for first."""
    clock, fake = FakeClock(), FakeJira()
    with mailing(Mailbox()) as mailbox, receiving(Receiver(reply=fake)) as jira, receiving(Receiver()) as webhook:
        urls = {
            "mail": f"mailto://127.0.0.1:{mailbox.port}?from=triage@example.com&to=soc@example.com",
            "webhook": webhook.url.replace("http", "json"),
            "jira": fake.token,
        }
        more = {"jira": {"url": jira.url, "project": "SEC", "user": fake.user}} if kind == "jira" else {}
        async with sending(store, clock, urls[kind], **more) as sender:
            await store.outbox.add_message(message(), now=clock.now())
            await sender.drain()
            # The receipt is lost: the row is as the dead sender had left it.
            sent = replace(message(), state=MessageState.SENT, sent_at=clock.now(), attempts=1)
            await store.outbox.save_message(sent, now=clock.now())
            await sender.drain()
            clock.advance(121)
            await sender.drain()
    if kind == "mail":
        assert (len(mailbox.messages), await states(store)) == (1, [MessageState.FAILED])
        return
    assert await states(store) == [MessageState.DONE]
    if kind == "jira":
        assert list(fake.issues) == ["SEC-1"]
    else:
        one, again = webhook.received
        assert one.json["dedup_key"] == again.json["dedup_key"]


async def test_two_processes_never_send_the_same_message(store: Store) -> None:
    """One of them holds the route; the other finds it taken, or finds nothing left."""
    clock = FakeClock()
    with receiving(Receiver()) as receiver:
        url = receiver.url.replace("http", "json")
        async with sending(store, clock, url, name="one") as one, sending(store, clock, url, name="two") as two:
            for number in range(1, 6):
                await store.outbox.add_message(message(number), now=clock.now())
            await two.values.acquire_lease("route:soc", "two", now=clock.now(), seconds=60)
            await one.drain()
            assert receiver.received == []
            await two.drain()
            await one.drain()
    assert len({request.json["dedup_key"] for request in receiver.received}) == len(receiver.received) == 5


async def test_one_bad_route_does_not_keep_the_others(store: Store) -> None:
    """Each route has its own turn."""
    clock = FakeClock()
    with receiving(Receiver(reply=lambda _request: (503, b""))) as away, receiving(Receiver()) as here:
        addresses = {"bad": away.url, "good": here.url}
        routes = [{"name": name, "url_env": "X", "url": url.replace("http", "json")} for name, url in addresses.items()]
        settings = RoutesSettings.model_validate({"to": routes})
        destinations = {route.name: open_destination(route, clock) for route in settings.to}
        sender = RouteSender(settings, destinations, store.outbox, store.values, clock, "p")
        for name in addresses:
            await store.outbox.add_message(message(key=f"{name}:a1:r1", route=name), now=clock.now())
        await sender.drain()
    assert len(here.received) == 1
    counts = await store.outbox.count_messages()
    assert (counts["bad"].waiting, counts["good"].done) == (1, 1)


async def test_retention_keeps_what_was_given_up(store: Store) -> None:
    """What is over goes with its time; what nobody has read yet stays."""
    clock = FakeClock()
    changes: list[Callable[[RouteMessage], RouteMessage]] = [
        lambda each: replace(each, state=MessageState.DONE),
        lambda each: replace(each, state=MessageState.FAILED),
        lambda each: each,
    ]
    for number, change in enumerate(changes, start=1):
        await store.outbox.add_message(message(number), now=clock.now())
        await store.outbox.save_message(change(message(number)), now=clock.now())
    await store.records.prune(clock.now() + timedelta(days=1))
    assert [await states(store, number) for number in (1, 2, 3)] == [[], [MessageState.FAILED], [MessageState.WAITING]]


async def test_it_sends_unattended_and_a_stop_lets_the_message_in_flight_arrive(store: Store) -> None:
    """What is on its way when the stop comes is finished; what waits behind it is left for the next process."""
    clock, under_way = FastClock(pace=20), threading.Event()

    def slowly(_request: Received) -> Reply:
        under_way.set()
        time.sleep(0.3)
        return 200, b""

    with receiving(Receiver(reply=slowly)) as receiver:
        async with sending(store, clock, receiver.url.replace("http", "json")) as sender:
            stop = asyncio.Event()
            running = asyncio.create_task(sender.run(stop))
            for number in (1, 2):
                await store.outbox.add_message(message(number), now=clock.now())
            await asyncio.to_thread(under_way.wait, 10)
            stop.set()
            await asyncio.wait_for(running, 10)
    assert len(receiver.received) == 1
    assert [await states(store, number) for number in (1, 2)] == [[MessageState.DONE], [MessageState.WAITING]]


async def test_a_destination_that_takes_too_long_keeps_no_route(store: Store) -> None:
    """All requests of one message have to end well before the lease does."""
    clock = FakeClock()

    def waits(_request: Received) -> Reply:
        time.sleep(0.5)
        return 200, b"{}"

    with receiving(Receiver(reply=waits)) as receiver:
        jira = {"url": receiver.url, "project": "SEC"}
        async with sending(store, clock, "jira-token-0123456789", jira=jira) as sender:
            hasty = replace(sender, timing=RouteTiming(send=0.1))
            await store.outbox.add_message(message(), now=clock.now())
            await hasty.drain()
    (waiting,) = await store.outbox.open_messages("soc")
    assert waiting.error == "no answer within 0.1 s"
    assert waiting.due_at == clock.now() + timedelta(seconds=120)
    assert RouteTiming().send < RouteTiming().lease


@pytest.mark.parametrize("died", [False, True])
async def test_a_newer_result_waits_for_a_search_that_may_know_of_the_first(store: Store, died: bool) -> None:
    """The answer to the first is lost, or its sender has died, and a second result comes before the issue can be found:
    in the end there is one issue, and it says what the second result says."""
    clock, fake = FakeClock(), FakeJira(lose=1, indexed=False)
    with receiving(Receiver(reply=fake)) as receiver:
        jira = {"url": receiver.url, "project": "SEC", "user": fake.user}
        async with sending(store, clock, fake.token, jira=jira) as sender:
            await store.outbox.add_message(message(run=1, title="result 1"), now=clock.now())
            await sender.drain()
            if died:
                sent = replace(message(), state=MessageState.SENT, sent_at=clock.now(), attempts=1)
                await store.outbox.save_message(sent, now=clock.now())
            await store.outbox.add_message(message(run=2, title="result 2"), now=clock.now())
            for seconds in (0, 60, 59):
                clock.advance(seconds)
                await sender.drain()
            fake.indexed = True
            for seconds in (2, 120, 120):
                clock.advance(seconds)
                await sender.drain()
    assert [fields["summary"] for fields in fake.issues.values()] == ["result 2"]
    assert await states(store) == [MessageState.REPLACED, MessageState.DONE]
