"""SIGKILL at every boundary between two writes: nothing is lost, no finished step is repeated, one comment each.

The boundaries are counted by the runs themselves (tests/support/crash.py). The suite meets a fixed sample of them; with
`-m exhaustive` it meets every one, of a run over twenty alerts as well.
"""

import asyncio
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from tests.support import crash, stores
from tests.support.background import scripted_model
from tests.support.cli import run_cli
from tests.support.conversations import inquisitive
from tests.support.crash import Crashes, Plan, forker
from tests.support.receivers import FakeJira, Mailbox, Receiver, mailing, receiving
from tests.support.stores import sqlite_url
from triage.domain.verdict import Investigation
from triage.edges.store import open_store
from triage.edges.store.columns import AT_ONCE
from triage.edges.store.tables import alerts as alert_rows
from triage.ports import Spend
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import load_world

pytest_plugins = ["tests.support.store_fixtures"]

CONFIG = """\
panther:
  url: {url}
  token: sandbox-token
  requests_per_second: 1000
ingest:
  lookback: 4h
  poll_interval: 1s
investigation:
  concurrency: {workers}
writeback:
  audit: ""
store:
  url: {store}
"""
LLM = """\
llm:
  base_url: '{url}'
  model: scripted-1
  prices: {{scripted-1: {{input: 1.0, output: 2.0}}}}
"""

Forkers = Sequence["subprocess.Popen[str]"]


def phases(count: int, sample: Sequence[int]) -> list[Any]:
    """All phases of a plan, of which the suite runs a sample and `-m exhaustive` the others."""
    return [phase if phase in sample else pytest.param(phase, marks=pytest.mark.exhaustive) for phase in range(count)]


@pytest.fixture(scope="module")
def forkers() -> Iterator[Forkers]:
    """Two processes that run the program."""
    with forker() as one, forker() as other:
        yield (one, other)


@contextmanager
def killing(
    directory: Path, store_url: str, forkers: Forkers, *, alerts: int, linked: int, workers: int = 1, more: str = ""
) -> Iterator[tuple[SandboxServer, list[Crashes]]]:
    """A sandbox with some alerts, and what runs the program against it."""
    (directory / "world").mkdir()
    world = load_world(crash.make_world(directory / "world", alerts, linked), as_recorded=True)
    with SandboxServer(world) as panther:
        text = CONFIG.format(url=panther.url, store=store_url, workers=workers) + more
        (directory / "config.yaml").write_text(text, encoding="utf-8")
        yield panther, [Crashes(directory, world.clock(), process) for process in forkers]


def assert_all_is_well(panther: SandboxServer, directory: Path, *, alerts: int, linked: int) -> None:
    """Every alert has its verdict and one comment, and nothing that was journalled was done again."""
    rows = run_cli("list", "--json", directory=directory).json
    assert Counter(row["state"] for row in rows) == {
        state: count for state, count in (("done", alerts - linked), ("linked", linked)) if count
    }
    assert all(row["verdict"] for row in rows)
    assert [len(panther.comments(name)) for name in crash.alert_ids(alerts)] == [1] * alerts
    lines = crash.read(directory / "writes.log")
    assert crash.repeated(lines) == []


@pytest.mark.slow
@pytest.mark.parametrize("phase", phases(6, sample=(0, 1)))
def test_sigkill_at_every_boundary(store_url: str, tmp_path: Path, forkers: Forkers, phase: int) -> None:
    """An investigated and a linked alert: over the six phases a process dies after each single write that brings them
    on, and after the first of each kind that every start repeats, and while a comment is on its way.

    Takes about 4 seconds each: every kill is followed by a new process.
    """
    with killing(tmp_path, store_url, forkers, alerts=2, linked=1) as (panther, (crashes, _)):
        crashes.run_to_the_end(Plan(every=6, phase=phase, around=phase == 0, during=phase == 1))

        assert crashes.killed >= 3
        assert_all_is_well(panther, tmp_path, alerts=2, linked=1)
        if phase == 0:
            died = crash.kills(crashes.lines)
            assert {"claim", "acquire_lease", "save", "put", "release_lease"} <= died.keys()


async def look_now(store_url: str) -> int:
    """Let what waits to be looked at again be due, by any clock; returns how many."""
    store = await open_store(store_url)
    try:
        due = update(alert_rows).where(alert_rows.c.look_at.is_not(None)).values(look_at=AT_ONCE, due_at=AT_ONCE)
        changed: int = await store.queue.database.write(lambda connection: connection.execute(due).rowcount)
        return changed
    finally:
        await store.close()


@pytest.mark.slow
@pytest.mark.parametrize("phase", phases(6, sample=(0, 3)))
def test_sigkill_at_every_boundary_of_a_second_look(
    store_url: str, tmp_path: Path, forkers: Forkers, phase: int
) -> None:
    """An alert with a provisional verdict and one that is linked to it: while the first is looked at again and the other
    follows, a process dies after each write. Each has one comment, which is no longer provisional.

    Takes about 6 seconds each: every kill is followed by a new process.
    """
    with killing(tmp_path, store_url, forkers, alerts=2, linked=1) as (panther, (crashes, _)):
        until = (crashes.start + timedelta(hours=1)).isoformat()
        crashes.run_to_the_end(Plan(open_until=until))
        comments = [panther.comments(name)[0]["body"] for name in crash.alert_ids(2)]
        assert all("Provisional until" in str(body) for body in comments)
        assert asyncio.run(look_now(store_url)) == 1
        crashes.start += timedelta(hours=2)

        crashes.run_to_the_end(Plan(every=6, phase=phase, around=phase == 0, open_until=until))

        assert crashes.killed >= 3
        assert_all_is_well(panther, tmp_path, alerts=2, linked=1)
        comments = [panther.comments(name)[0]["body"] for name in crash.alert_ids(2)]
        assert all("Second look" in str(body) and "Provisional until" not in str(body) for body in comments)
        status = run_cli("status", "--json", directory=tmp_path).json
        assert (status["second_looks"], status["links_due"]) == (0, 0)
        shown = run_cli("show", crash.alert_ids(2)[0], "--json", directory=tmp_path).json
        assert (shown["look"]["number"], shown["provisional_until"]) == (2, None)


@dataclass(frozen=True)
class Ended:
    """How an investigation of one alert ended."""

    found: Investigation
    steps: list[str]
    """Keys of the model's turns and tool calls."""
    spent: Spend


async def ended(store_url: str) -> Ended:
    store = await open_store(store_url)
    try:
        (name,) = crash.alert_ids(1)
        found = await store.records.investigation(name)
        assert found is not None
        entries = await store.journal.entries(found.run_id)
        spent = await store.ledger.spent(since=datetime(2000, 1, 1, tzinfo=UTC))
        return Ended(found, sorted(key for key, kind, _ in entries if kind in {"model", "tool"}), spent)
    finally:
        await store.close()


def conversation(directory: Path, forkers: Forkers, plan: Plan) -> Ended:
    """Have a model that uses tools investigate one alert, in as many processes as the plan takes."""
    directory.mkdir()
    with scripted_model(inquisitive) as model:
        more = LLM.format(url=model.url)
        with killing(directory, sqlite_url(directory), forkers, alerts=1, linked=0, more=more) as (
            panther,
            (crashes, _),
        ):
            crashes.run_to_the_end(plan)

            assert crashes.killed >= 3 * bool(plan.every)
            assert_all_is_well(panther, directory, alerts=1, linked=0)
        booked = {line.key for line in crashes.lines if line.kind == "book"}
        # A process may die between an answer and its journal entry; only then the same is asked again.
        cut_short = sum(line.killed for line in crashes.lines if line.kind == "book")
        assert len(booked) <= len(model.requests) <= len(booked) + cut_short
        found = asyncio.run(ended(sqlite_url(directory)))
        assert found.spent.calls == len(booked) > 0
    return found


@pytest.mark.slow
@pytest.mark.parametrize("phase", phases(4, sample=(0,)))
def test_a_killed_conversation_goes_on_where_it_stopped(tmp_path: Path, forkers: Forkers, phase: int) -> None:
    """Over the phases a process dies after each write: an answer that was journalled is never asked for again, each is
    booked once, and steps, evidence and verdict are those of an undisturbed run.

    Takes about 20 seconds each: every kill is followed by a new process.
    """
    whole = conversation(tmp_path / "whole", forkers, Plan())
    killed = conversation(tmp_path / "killed", forkers, Plan(every=4, phase=phase))

    assert len(whole.steps) > 5
    assert killed.steps == whole.steps
    # Until when it is provisional counts from the moment at which each of the two runs began.
    verdicts = [run.found.verdict.model_copy(update={"provisional_until": None}) for run in (killed, whole)]
    assert verdicts[0] == verdicts[1]
    waits = [run.found.verdict.provisional_until - run.found.started_at for run in (killed, whole)]
    assert waits[0] == waits[1]
    assert [entry.rows for entry in killed.found.evidence if entry.source == "tool"] == [
        entry.rows for entry in whole.found.evidence if entry.source == "tool"
    ]
    assert killed.found.usage.prompt_tokens == whole.found.usage.prompt_tokens
    assert killed.spent == whole.spent
    assert killed.spent.prompt_tokens == killed.found.usage.prompt_tokens
    assert killed.spent.money == pytest.approx(killed.found.usage.money)


@pytest.mark.slow
def test_sigkill_here_and_there_in_a_longer_run(store_url: str, tmp_path: Path, forkers: Forkers) -> None:
    """Ten alerts on three workers, a kill after every 43rd write.

    Takes about 8 seconds: some five processes share the work.
    """
    with killing(tmp_path, store_url, forkers, alerts=10, linked=3, workers=3) as (panther, (crashes, _)):
        crashes.run_to_the_end(Plan(every=43, phase=20))

        assert crashes.killed >= 3
        assert_all_is_well(panther, tmp_path, alerts=10, linked=3)


ROUTES = """\
routes:
  enabled: true
  match: all
  to:
  - {{name: tickets, url_file: {directory}/jira, jira: {{url: '{jira}', project: SEC, user: triage@example.com}}}}
  - {{name: hook, url_file: {directory}/hook}}
  - {{name: mail, url_file: {directory}/mail}}
"""


REPLIES = "replies: {enabled: true, status: {benign: RESOLVED}}\n"


@pytest.mark.slow
@pytest.mark.parametrize("phase", phases(6, sample=(0, 3)))
def test_sigkill_at_every_boundary_of_an_answer(store_url: str, tmp_path: Path, forkers: Forkers, phase: int) -> None:
    """Three alerts, of which a person calls one benign, one malicious, and has one investigated again, and a death after
    each write that this brings about: each answer is marked, acknowledged and followed once, none is lost or repeated.

    Takes about 10 seconds each: every kill is followed by a new process.
    """
    with killing(tmp_path, store_url, forkers, alerts=3, linked=0, more=REPLIES) as (panther, (crashes, _)):
        crashes.run_to_the_end(Plan())
        benign, malicious, again = crash.alert_ids(3)
        assert all("Question" in str(panther.comments(name)[0]["body"]) for name in (benign, malicious, again))
        panther.say(benign, "triage: benign because it was a drill", "user-1")
        panther.say(malicious, "triage: malicious", "user-1")
        panther.say(again, "triage: again", "user-1")

        crashes.run_to_the_end(Plan(every=6, phase=phase, around=phase == 0))
        for _ in range(2):
            crashes.run_to_the_end(Plan())

        assert crashes.killed >= 2
        assert crash.repeated(crashes.lines) == []
        for name, says in (
            (benign, "says benign, because it was a drill"),
            (malicious, "says malicious"),
            (again, "asked"),
        ):
            ours = [str(each["body"]) for each in panther.comments(name) if "triage-marker" in str(each["body"])]
            assert len(ours) == 1
            assert says in ours[0]
        assert [panther.world.alerts[name]["status"] for name in (benign, malicious, again)] == [
            "RESOLVED",
            "OPEN",
            "OPEN",
        ]
        assert sum(name == "UpdateStatus" for _, _, name in panther.requests) == 1
        labels, runs = asyncio.run(marked(store_url))
        assert labels == {benign: "benign", malicious: "malicious"}
        assert runs == {benign: 1, malicious: 1, again: 2}
    print(f"{crashes.killed} kills")  # for docs/measurements.md


async def marked(store_url: str) -> tuple[dict[str, str], dict[str, int]]:
    """Marks, and how many runs each alert has had."""
    store = await open_store(store_url)
    try:
        marks = {mark.alert_id: mark.label for mark in await store.records.marks()}
        query = select(alert_rows.c.id, alert_rows.c.run_number)
        rows = await store.queue.database.read(lambda connection: connection.execute(query).all())
        return marks, {row.id: row.run_number for row in rows}
    finally:
        await store.close()


@pytest.mark.slow
@pytest.mark.parametrize("phase", phases(6, sample=(0, 1)))
def test_sigkill_at_every_boundary_of_what_is_sent_on(
    store_url: str, tmp_path: Path, forkers: Forkers, phase: int
) -> None:
    """Two results for three routes, and a death after each write and while messages are on their way: Jira has one issue
    for each, a webhook has each with one key, and a mail has come once or is in the list of what was given up.

    Takes about 10 seconds each: every kill is followed by a new process.
    """
    fake = FakeJira()
    with receiving(Receiver(reply=fake)) as jira, receiving(Receiver()) as hook, mailing(Mailbox()) as mailbox:
        addresses = {
            "jira": fake.token,
            "hook": hook.url.replace("http", "json"),
            "mail": f"mailto://127.0.0.1:{mailbox.port}?from=triage@example.com&to=soc@example.com",
        }
        for name, address in addresses.items():
            (tmp_path / name).write_text(address, encoding="utf-8")
        more = ROUTES.format(directory=tmp_path, jira=jira.url)
        with killing(tmp_path, store_url, forkers, alerts=3, linked=1, more=more) as (panther, (crashes, _)):
            crashes.run_to_the_end(Plan(every=6, phase=phase, around=phase == 0, sending=3 * (phase == 1)))

            assert crashes.killed >= 3
            assert_all_is_well(panther, tmp_path, alerts=3, linked=1)
    investigated = crash.alert_ids(3)[:2]
    # Looked up: none is lost, none is doubled.
    labels = [fields["labels"][0] for fields in fake.issues.values()]
    assert len(labels) == len(set(labels)) == len(investigated)
    # With a key: none is lost, and what came twice has the same key.
    keys = {(request.json["alert_id"], request.json["dedup_key"]) for request in hook.received}
    assert sorted(alert_id for alert_id, _ in keys) == investigated
    # At most once: none is doubled, and what may be missing is listed.
    given_up = run_cli("routes", "failed", "--json", directory=tmp_path).json
    assert {each["route"] for each in given_up} <= {"mail"}
    for name in investigated:
        came = sum(f"alert {name}" in text for text in mailbox.messages)
        assert came <= 1
        assert came == 1 or name in [each["alert_id"] for each in given_up]
    if phase == 1:
        assert crash.kills(crashes.lines)["sending"] == 3
    print(  # for docs/measurements.md
        f"{crashes.killed} kills; Jira {len(labels)} of {len(investigated)}; webhook {len(keys)} in {len(hook.received)}; "
        f"mail {len(mailbox.messages)}, given up {len(given_up)}"
    )


@pytest.mark.exhaustive
@pytest.mark.parametrize("phase", range(6))
def test_sigkill_at_every_boundary_of_a_longer_run(
    store_url: str, tmp_path: Path, forkers: Forkers, phase: int
) -> None:
    """Twenty alerts on one worker: the six phases together meet every write once.

    Takes about a minute each: some sixty processes share the work.
    """
    with killing(tmp_path, store_url, forkers, alerts=20, linked=5) as (panther, (crashes, _)):
        crashes.run_to_the_end(Plan(every=6, phase=phase, around=2 * (phase == 0), during=2 * (phase == 1)))

        assert crashes.killed >= 50
        assert_all_is_well(panther, tmp_path, alerts=20, linked=5)


@pytest.mark.slow
def test_another_process_finishes_what_a_killed_one_left(
    postgres_database: str, tmp_path: Path, forkers: Forkers
) -> None:
    """Two processes share one PostgreSQL; one is killed in the midst of its work, and the leases alone tell the other.

    Takes about 10 seconds: the lease of three seconds has to run out.
    """
    stores.empty(postgres_database)
    with killing(tmp_path, postgres_database, forkers, alerts=8, linked=2, workers=2) as (panther, (one, other)):
        one.begin(Plan(lease=3.0, every=25, phase=24))
        wait_for(lambda: len(crash.read(tmp_path / "writes.log")) > 10)
        other.begin(Plan(lease=3.0))

        assert one.end() == -signal.SIGKILL
        assert other.end() == 0
        assert_all_is_well(panther, tmp_path, alerts=8, linked=2)
        workers = {line.key.rpartition("/")[0] for line in crash.read(tmp_path / "writes.log") if line.kind == "claim"}
        assert len(workers) == 2


@pytest.mark.slow
def test_another_process_polls_when_the_poller_is_killed(
    postgres_database: str, tmp_path: Path, forkers: Forkers
) -> None:
    """One of two processes polls; when it dies, the other one does, and takes up what was reopened
    meanwhile.

    Takes about 8 seconds: the lease of two seconds has to run out.
    """
    stores.empty(postgres_database)
    with killing(tmp_path, postgres_database, forkers, alerts=2, linked=0) as (panther, (one, other)):
        first, second = crash.alert_ids(2)
        panther.world.alerts[second]["status"] = "RESOLVED"
        one.begin(Plan(lease=2.0, forever=True))
        wait_for(lambda: len(panther.comments(first)) == 1)
        other.begin(Plan(lease=2.0, forever=True))
        one.kill()
        panther.world.alerts[second]["status"] = "OPEN"
        wait_for(lambda: len(panther.comments(second)) == 1)
        other.process.send_signal(signal.SIGTERM)

        assert (one.end(), other.end()) == (-signal.SIGKILL, 0)
        assert_all_is_well(panther, tmp_path, alerts=2, linked=0)


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something has happened."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
