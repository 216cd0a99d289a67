"""Linked alerts: they take their leader's verdict, or turn out not to belong to it. Through the whole program.

About ten seconds: some tests run the program two or three times, each with a poll and several investigations.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Ran, run_cli, write_config
from tests.support.tiny_world import alert, event, write_world
from triage.app import open_app
from triage.domain.selection import Selected
from triage.edges.clock import SystemClock
from triage.ingest.poll import poll
from triage.pipeline.linked import LinkedOutcome
from triage.sandbox.server import Fault, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
from triage.settings import load_settings

ADA = {"actor": "ada@acme.example", "source_ip": "192.0.2.7"}
BOB = {"actor": "bob@acme.example", "source_ip": "192.0.2.8"}
CAT = {"actor": "cat@acme.example", "source_ip": "192.0.2.9"}


def name(number: int) -> str:
    return f"{number:032x}"


@contextmanager
def doors(folder: Path, *people: dict[str, str], **changes: dict[str, Any]) -> Iterator[SandboxServer]:
    """A Panther with one alert a minute for each of the people, all of one detection and title."""
    folder.mkdir()
    world = write_world(folder)
    lines = [
        alert(number, **{"title": "A door"} | changes.get(f"a{number}", {})) for number in range(1, len(people) + 1)
    ]
    matches = [
        event(number, p_alert_id=name(number), p_rule_id="Door.Open", p_any_ip_addresses=[who["source_ip"]], **who)
        for number, who in enumerate(people, start=1)
    ]
    (folder / "alerts.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    (folder / "lake/panther_rule_matches/custom_door.ndjson").write_text(
        "".join(json.dumps(line) + "\n" for line in matches), encoding="utf-8"
    )
    with SandboxServer(load_world(world), SandboxOptions(query_latency=0.0)) as panther:
        yield panther


def run(directory: Path, panther: SandboxServer, more: str = "", *options: str) -> Ran:
    """Poll and work until nothing is left."""
    write_config(directory, panther.url, more=f"writeback:\n  console_url: https://console.example\n{more}")
    ran = run_cli("run", "--once", "--write", *options, directory=directory)
    assert ran.status == 0, ran.err
    return ran


def listed(directory: Path) -> dict[int, dict[str, Any]]:
    rows = run_cli("list", "--json", directory=directory).json
    return {int(row["alert_id"], 16): row for row in rows}


def keyed(directory: Path, key: str) -> None:
    """Add a dedup key to the configuration that is there."""
    path = directory / "config.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("ingest:\n", f"ingest:\n  dedup_key: {key}\n"), encoding="utf-8")


def ours(panther: SandboxServer, number: int) -> list[str]:
    return [item["body"] for item in panther.comments(name(number)) if item["createdBy"]["type"] == "api-token"]


def test_a_linked_alert_takes_the_verdict_and_points_to_it(tmp_path: Path) -> None:
    """Same title, same people: one investigation; the second alert gets a short comment that names the first. However
    often the leader is investigated, each alert keeps one comment."""
    with doors(tmp_path / "world", ADA, ADA) as panther:
        run(tmp_path, panther)
        rows = listed(tmp_path)
        assert (rows[1]["state"], rows[2]["state"]) == ("done", "linked")
        assert rows[2]["group"] == name(1)
        assert rows[2]["verdict"] == rows[1]["verdict"]
        (comment,) = ours(panther, 2)
        for said in (
            name(1),
            str(rows[1]["verdict"]).capitalize(),
            "detection and title",
            "ada@acme",
            "192.0.2.7",
            "/alerts-and-errors/",
        ):
            assert said in comment
        assert len(comment) < len(ours(panther, 1)[0])
        shown = run_cli("list", directory=tmp_path).out.splitlines()
        places = [line.split()[:2] for line in shown if "A door" in line]
        assert places == [[name(1), "HIGH"], ["+", name(2)]]

        assert run_cli("investigate", name(1), "--write", directory=tmp_path).status == 0
        run(tmp_path, panther)
        assert [len(ours(panther, number)) for number in (1, 2)] == [1, 1]
        assert listed(tmp_path)[2]["state"] == "linked"


def test_a_secret_in_a_title_is_in_neither_comment(tmp_path: Path) -> None:
    """A rule's title quotes the event: the investigated alert's comment and the pointer to it are both without it."""
    token = f"ghp_{'a1B2c3' * 6}"
    title = {"title": f"A door, token {token}"}
    with doors(tmp_path / "world", ADA, ADA, a1=title, a2=title) as panther:
        run(tmp_path, panther)
        rows = listed(tmp_path)
        assert (rows[1]["state"], rows[2]["state"]) == ("done", "linked")
        comments = [*ours(panther, 1), *ours(panther, 2)]
        assert len(comments) == 2
        assert all(token not in comment for comment in comments)
        assert "redacted GitHub token" in comments[1]


def test_pointers_can_be_turned_off(tmp_path: Path) -> None:
    """Without them the linked alert takes the verdict in silence."""
    with doors(tmp_path / "world", ADA, ADA) as panther:
        run(tmp_path, panther, "  pointers: false\n")
        assert ours(panther, 2) == []
        assert listed(tmp_path)[2]["verdict"]


@pytest.mark.parametrize("key", ["title", "entities"])
def test_other_leaders_are_tried_first(tmp_path: Path, key: str) -> None:
    """Three people, five alerts: each person is investigated once, the reason names who is new, and the others join their
    own."""
    with doors(tmp_path / "world", ADA, BOB, CAT, BOB, CAT) as panther:
        write_config(tmp_path, panther.url)
        keyed(tmp_path, key)
        ran = run_cli("run", "--once", "--write", directory=tmp_path)
        assert ran.status == 0, ran.err
        rows = listed(tmp_path)
        assert {number: row["group"] for number, row in rows.items()} == {
            1: None, 2: None, 3: None, 4: name(2), 5: name(3),
        }  # fmt: skip
        assert {number: row["state"] for number, row in rows.items()} == {
            1: "done", 2: "done", 3: "done", 4: "linked", 5: "linked",
        }  # fmt: skip
        assert [len(ours(panther, number)) for number in rows] == [1] * 5
        assert "bob@acme.example is new" in rows[2]["reason"]
        assert "Not investigated separately" not in ours(panther, 2)[0]


def test_with_the_detection_as_key_people_do_not_matter(tmp_path: Path) -> None:
    """The operator asked for one investigation per detection, and gets it without a look at the events."""
    with doors(tmp_path / "world", ADA, BOB, CAT, a2={"title": "Another door"}) as panther:
        write_config(tmp_path, panther.url)
        keyed(tmp_path, "detection")
        assert run_cli("run", "--once", directory=tmp_path).status == 0
        rows = listed(tmp_path)
        assert [rows[number]["state"] for number in (1, 2, 3)] == ["done", "linked", "linked"]


def test_a_higher_severity_is_investigated_itself(tmp_path: Path) -> None:
    """Whoever looks at a critical alert wants more than a pointer to a high one."""
    with doors(tmp_path / "world", ADA, ADA, ADA, a2={"severity": "CRITICAL"}) as panther:
        run(tmp_path, panther)
        rows = listed(tmp_path)
        assert [rows[number]["state"] for number in (1, 2, 3)] == ["done", "done", "linked"]


def test_a_linked_alert_that_a_person_closes_is_left_alone(tmp_path: Path) -> None:
    """Closed between the poll and its turn: it is skipped, says so, and gets no comment."""
    with doors(tmp_path / "world", ADA, ADA) as panther:
        write_config(tmp_path, panther.url)
        first = run_cli("run", "--once", "--write", directory=tmp_path)
        assert first.status == 0, first.err
        assert run_cli("investigate", name(1), directory=tmp_path).status == 0
        panther.world.alerts[name(2)]["status"] = "RESOLVED"
        before = ours(panther, 2)
        assert run_cli("run", "--once", "--write", directory=tmp_path).status == 0
        row = listed(tmp_path)[2]
        assert row["state"] == "skipped"
        assert "RESOLVED before its turn" in row["reason"]
        assert ours(panther, 2) == before


def test_where_the_leader_is_closed_the_next_one_leads(tmp_path: Path) -> None:
    """A person closes the first of three before its turn: the second is investigated, the third points to it."""
    with doors(tmp_path / "world", ADA, ADA, ADA) as panther:
        write_config(tmp_path, panther.url)
        asyncio.run(poll_only(tmp_path))
        assert [row["group"] for row in listed(tmp_path).values()] == [name(1), name(1), None]
        panther.world.alerts[name(1)]["status"] = "RESOLVED"
        assert run_cli("run", "--once", "--write", directory=tmp_path).status == 0
        rows = listed(tmp_path)
        assert [rows[number]["state"] for number in (1, 2, 3)] == ["skipped", "done", "linked"]
        assert rows[3]["group"] == name(2)
        assert [len(ours(panther, number)) for number in rows] == [1, 1, 0]


async def poll_only(directory: Path) -> None:
    clock = SystemClock()
    settings = load_settings(directory / "config.yaml", environment={})
    async with open_app(settings, clock=clock, write=False) as app:
        await poll(app.panther.alerts, app.store, settings.ingest, now=clock.now(), observe=lambda _progress: None)


async def a_claimed_follower(directory: Path, panther: SandboxServer, **changes: Any) -> LinkedOutcome:
    """Take the second alert's step by hand, with settings of one's own."""
    clock = SystemClock()
    settings = load_settings(directory / "config.yaml", environment={})
    async with open_app(settings, clock=clock, write=True) as app:
        claim = await app.store.queue.claim("w", now=clock.now(), lease_seconds=60, alert_id=name(2))
        assert claim is not None
        assert claim.leader == name(1)
        panther.fail("AlertEvents", Fault(**changes), times=1)
        return await app.pipeline.finish_linked(claim, observe=lambda _progress: None)


def test_an_alert_whose_events_cannot_be_read_is_investigated_itself(tmp_path: Path) -> None:
    """What cannot be compared is not assumed to be the same."""
    with doors(tmp_path / "world", ADA, ADA) as panther:
        write_config(tmp_path, panther.url)
        asyncio.run(poll_only(tmp_path))
        assert run_cli("investigate", name(1), directory=tmp_path).status == 0
        outcome = asyncio.run(a_claimed_follower(tmp_path, panther, status=400, body=b"{}"))
        assert isinstance(outcome.decision, Selected)
        assert "events cannot be read" in outcome.decision.reason
        assert ours(panther, 2) == []
        assert listed(tmp_path)[2]["state"] == "queued"
