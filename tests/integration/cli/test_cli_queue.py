"""`triage list`, `status`, `queue retry` and `queue prune`: what they show and change, without Panther."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.cli import run_cli, write_config
from tests.support.stores import HOLDS, NOW, SELECTED, SKIPPED, alert, claimed, investigation, saved, sqlite_url
from triage.domain.polling import STATUS, PollStatus
from triage.domain.selection import Linked
from triage.edges.store import open_store
from triage.ports import Spend, Store
from triage.service.poller import prune
from triage.service.status import POLLER
from triage.stages.writeback import PAUSED

HOUR = timedelta(hours=1)
AT = ("--now", NOW.isoformat())


def prepare(directory: Path, *steps: Callable[[Store], Awaitable[object]]) -> None:
    """A configuration, and a store in which something has happened."""
    text = f"panther: {{url: 'http://127.0.0.1:1', token: t}}\nstore: {{url: '{sqlite_url(directory)}'}}\n"
    (directory / "config.yaml").write_text(text, encoding="utf-8")

    async def act() -> None:
        store = await open_store(sqlite_url(directory))
        for step in steps:
            await step(store)
        await store.close()

    asyncio.run(act())


async def busy(store: Store) -> None:
    """One of everything."""
    await saved(store, alert("done"))
    claim = await claimed(store)
    await store.ledger.book(
        claim, "model/1", Spend(calls=2, prompt_tokens=900, completion_tokens=100, money=0.5), now=NOW
    )
    await store.queue.finish(claim, investigation(claim), now=NOW)
    await saved(store, alert("follower"), decision=Linked(leader="done", reason="same title"))
    await store.queue.save([(alert("waits"), SELECTED)], now=NOW - 2 * HOUR)
    await saved(store, alert("broken"), alert("works"), alert("leads", minutes=1))
    await saved(store, alert("later", minutes=1), decision=Linked(leader="leads", reason="same title"))
    await store.queue.give_back(
        await claimed(store, alert_id="broken"), now=NOW, error="the model\nrefuses", failed=True
    )
    await claimed(store, "host/7/0", alert_id="works")
    await store.values.acquire_lease(POLLER, "host/7", now=NOW, seconds=HOLDS)
    await store.values.put(PAUSED, True, now=NOW)
    poll = PollStatus(
        attempted_at=NOW - HOUR,
        succeeded_at=NOW - 26 * HOUR,
        error="Panther, Alerts: the server has trouble",
        failures=3,
        backlog_from=NOW - 100 * HOUR,
        backlog_to=NOW - 50 * HOUR,
        backlog_windows=9,
        problems=("alert x has no id",),
    )
    await store.values.put(STATUS, poll.model_dump(mode="json"), now=NOW)


def test_the_status_of_nothing(tmp_path: Path) -> None:
    """A store that was never used has a status, too."""
    prepare(tmp_path)

    page = run_cli("status", directory=tmp_path)
    document = run_cli("status", "--json", directory=tmp_path).json

    assert page.status == 0
    assert "0 waiting; 0 in flight" in page.out
    assert "never" in page.out
    assert (document["queued"], document["poll"], document["poller"], document["failures"]) == (0, None, None, [])


@pytest.fixture(scope="module")
def busy_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one of everything, for commands that change nothing."""
    directory = tmp_path_factory.mktemp("busy")
    prepare(directory, busy)
    return directory


def test_the_status_page(busy_directory: Path) -> None:
    """Queue, workers, rates, polling with its trouble, backlog, spend, pause and failures, each on a line of its own."""
    page = run_cli("status", *AT, directory=busy_directory).out

    for text in (
        "2 waiting, the oldest for 2 h; 1 in flight",
        "1 ready to take a verdict, 1 waiting for one",
        "1 investigated, 0 linked, 0 skipped, 1 failed",
        "poller     host/7",
        "3 failed in a row (1 h ago): Panther, Alerts: the server has trouble; last complete 1 d 2 h ago",
        "9 windows to read, 2031-05-02 08:00 to 2031-05-04 10:00",
        "not read: alert x has no id",
        "paused; `triage writeback resume` continues",
        "0.50 USD (1,000 tokens, 2 calls) today, 0.50 USD (1,000 tokens, 2 calls) in total",
        "works  host/7/0  for 0 s",
        "Failed: 1 (`triage list --failed`; `triage queue retry --all` tries again)",
        "broken  0 s ago  the model refuses",
    ):
        assert text in page, text


def test_the_status_document(busy_directory: Path) -> None:
    """The same as JSON, under names that stay."""
    document = run_cli("status", "--json", *AT, directory=busy_directory).json

    assert document == {
        "at": document["at"],
        "states": {"done": 1, "failed": 1, "linked": 2, "queued": 2, "running": 1},
        "queued": 2,
        "oldest_queued_seconds": 7200.0,
        "links_waiting": 1,
        "links_due": 1,
        "second_looks": 0,
        "comments_open": 0,
        "in_flight": [{"alert_id": "works", "worker": "host/7/0", "since": NOW.isoformat(), "leader": ""}],
        "in_flight_by_worker": {"host/7/0": 1},
        "last_hour": {"done": 1, "linked": 0, "skipped": 0, "failed": 1},
        "last_day": {"done": 1, "linked": 0, "skipped": 0, "failed": 1},
        "poller": "host/7",
        "poll": document["poll"],
        "paused": True,
        "routes": {},
        "model_out_of_use": None,
        "spend": {
            "currency": "USD",
            "today": document["spend"]["total"],
            "total": {
                "calls": 2,
                "prompt_tokens": 900,
                "cached_tokens": 0,
                "completion_tokens": 100,
                "money": 0.5,
                "tokens": 1000,
            },
        },
        "failed": 1,
        "failures": [{"alert_id": "broken", "error": "the model\nrefuses", "at": NOW.isoformat()}],
        "pruned_at": None,
    }
    assert document["at"].startswith(NOW.isoformat()[:19])
    assert document["poll"]["failures"] == 3
    assert document["poll"]["backlog_windows"] == 9


def test_one_unknown_alert_does_not_stop_the_others(tmp_path: Path) -> None:
    """The known ones are queued, whatever their place in the list; the unknown one is named, and the status is 1."""
    prepare(tmp_path, busy)
    ran = run_cli("queue", "retry", "broken", "nobody", "done", *AT, directory=tmp_path)
    assert ran.status == 1
    assert "2 queued again" in ran.out
    assert "nobody" in ran.err
    states = {row["alert_id"]: row["state"] for row in run_cli("list", "--json", directory=tmp_path).json}
    assert (states["broken"], states["done"]) == ("queued", "queued")


def test_the_list_shows_what_each_alert_cost(busy_directory: Path, tmp_path: Path) -> None:
    """Tokens and money of the model calls are in the table and in the JSON; without any there are no such columns."""
    ran = run_cli("list", directory=busy_directory)
    head, _, *lines = ran.out.splitlines()
    assert head.split()[-3:] == ["tokens", "USD", "why"]
    assert [line for line in lines if "1,000" in line and "0.50" in line] == [
        line for line in lines if " done " in line
    ]
    rows = {row["alert_id"]: row for row in run_cli("list", "--json", directory=busy_directory).json}
    assert (rows["done"]["tokens"], rows["done"]["money"]) == (1_000, 0.5)
    assert (rows["waits"]["tokens"], rows["waits"]["money"]) == (0, 0.0)
    prepare(tmp_path, lambda store: saved(store, alert("waits")))
    assert run_cli("list", directory=tmp_path).out.splitlines()[0].split()[-2:] == ["seconds", "why"]


def test_retrying_by_name_and_all(tmp_path: Path) -> None:
    """A failed alert is queued with all its attempts; one that is worked on is left alone, with status 1."""
    prepare(tmp_path, busy)

    busy_one = run_cli("queue", "retry", "works", "broken", *AT, directory=tmp_path)
    document = run_cli("status", "--json", *AT, directory=tmp_path).json
    none = run_cli("queue", "retry", "--all", *AT, directory=tmp_path)

    assert (busy_one.status, busy_one.out) == (1, "1 queued again\n")
    assert "works is being worked on" in busy_one.err
    assert document["states"]["queued"] == 3
    assert document["failed"] == 0
    assert (none.status, none.out) == (0, "0 queued again\n")


WRONG = [
    (("queue", "retry"), "--all"),
    (("queue", "retry", "--all", "x"), "--all"),
    (("queue", "retry", "nobody"), "nobody is not in the state database"),
    (("queue", "retry", "not an id"), "neither an alert ID"),
    (("queue", "prune", "--older-than", "soon"), "--older-than"),
    (("queue", "prune", "--older-than", "0s"), "above zero"),
    (("list", "--since", "0h"), "above zero"),
    (("report", "--since", "0h"), "above zero"),
    (("export", "alerts", "--since", "0h"), "above zero"),
    (("export", "assets", "--since", "0h"), "above zero"),
    (("export", "risks", "--since", "0h"), "above zero"),
]


def test_wrong_requests(tmp_path: Path) -> None:
    """One line that says what is wrong, and status 2."""
    prepare(tmp_path)

    for arguments, message in WRONG:
        ran = run_cli(*arguments, directory=tmp_path)

        assert ran.status == 2, arguments
        assert message in ran.err, arguments
        assert len(ran.err.splitlines()) == 1, arguments


async def aged(store: Store) -> None:
    for days in (500, 100, 10):
        then = NOW - timedelta(days=days)
        await store.queue.save([(alert(f"d{days}", created_at=then), SKIPPED)], now=then)


def test_pruning(tmp_path: Path) -> None:
    """By `store.keep` or by an age; a dry run only counts; the status says when it was done."""
    prepare(tmp_path, aged)

    assert run_cli("queue", "prune", "--older-than", "90d", "--dry-run", *AT, directory=tmp_path).out == (
        "2 alerts would be deleted\n"
    )
    assert run_cli("queue", "prune", *AT, directory=tmp_path).out == "1 alerts deleted\n"
    assert run_cli("queue", "prune", "--older-than", "90d", *AT, directory=tmp_path).out == "1 alerts deleted\n"
    assert [row["alert_id"] for row in run_cli("list", "--json", directory=tmp_path).json] == ["d10"]
    document = run_cli("status", "--json", *AT, directory=tmp_path).json
    # The clock runs on from the time it was set to.
    assert document["pruned_at"].startswith(NOW.isoformat()[:19])
    assert "last applied 0 s ago" in run_cli("status", *AT, directory=tmp_path).out


def test_what_is_kept_for_ever_is_pruned_by_age_only(tmp_path: Path) -> None:
    """`store.keep: 0s` deletes nothing; the command then needs an age."""
    prepare(tmp_path, aged, lambda store: prune(store, now=NOW, keep=timedelta(days=450)))
    config = tmp_path / "config.yaml"
    config.write_text(config.read_text().replace("state.db'}", "state.db', keep: 0s}"), encoding="utf-8")

    assert "store.keep is 0s" in run_cli("queue", "prune", directory=tmp_path).err
    assert run_cli("queue", "prune", "--older-than", "90d", *AT, directory=tmp_path).out == "1 alerts deleted\n"


def test_an_empty_list_says_whether_it_is_a_filters(tmp_path: Path) -> None:
    """`triage list --failed` does not claim that nothing was ever seen."""
    write_config(tmp_path, "http://127.0.0.1:9/public/graphql")
    assert run_cli("list", directory=tmp_path).out == "no alerts seen yet\n"
    assert run_cli("list", "--failed", directory=tmp_path).out == "no stored alert matches\n"
    assert run_cli("list", "--since", "1h", "--json", directory=tmp_path).json == []
