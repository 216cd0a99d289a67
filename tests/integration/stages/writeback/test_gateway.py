"""Policy, status, assignee, announcement, dry run and pause: through the command line against the embedded Panther."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.cli import run_cli, write_config
from tests.support.tiny_world import ALERTS, write_world
from triage.sandbox.server import Fault, SandboxServer
from triage.sandbox.world import load_world

FIRST = ALERTS[0]["id"]


@pytest.fixture
def panther(tmp_path: Path) -> Iterator[SandboxServer]:
    folder = tmp_path / "world"
    folder.mkdir()
    with SandboxServer(load_world(write_world(folder))) as server:
        yield server


def configure(directory: Path, panther: SandboxServer, **writeback: object) -> None:
    write_config(directory, panther.url)
    path = directory / "config.yaml"
    path.write_text(path.read_text(encoding="utf-8") + f"writeback: {json.dumps(writeback)}\n", encoding="utf-8")


def ours(panther: SandboxServer, alert_id: str = FIRST) -> list[str]:
    return [str(item["body"]) for item in panther.comments(alert_id) if item["createdBy"]["type"] == "api-token"]


def investigate(directory: Path, *more: str) -> dict[str, object]:
    ran = run_cli("investigate", FIRST, "--write", "--json", *more, directory=directory)
    assert ran.status == 0, ran.err
    found: dict[str, object] = ran.json
    return found


def writes(panther: SandboxServer) -> list[str]:
    return [name for _, _, name in panther.requests if name in {"CreateComment", "UpdateStatus", "Assign"}]


def comment_writes(panther: SandboxServer) -> int:
    updates = [True for method, path, _ in panther.requests if method == "POST" and "/alert-comments/" in path]
    return writes(panther).count("CreateComment") + len(updates)


def test_a_verdict_that_is_not_wanted_gets_no_comment(panther: SandboxServer, tmp_path: Path) -> None:
    """The investigation is kept, says why there is no comment, and the run is not unfinished."""
    configure(tmp_path, panther, verdicts=["malicious"])
    shown = investigate(tmp_path)
    assert shown["verdict"] != "malicious"
    assert "not in writeback.verdicts" in json.dumps(shown)
    assert ours(panther) == []


def test_a_paused_comment_follows_after_resume(panther: SandboxServer, tmp_path: Path) -> None:
    """`triage writeback pause` stops writing in every process; the alert is done, and its comment is written later, once."""
    configure(tmp_path, panther)
    assert run_cli("writeback", "pause", directory=tmp_path).status == 0
    assert run_cli("run", "--once", "--write", directory=tmp_path).status == 0
    assert writes(panther) == []
    rows = {row["alert_id"]: row for row in run_cli("list", "--json", directory=tmp_path).json}
    assert rows[FIRST]["state"] == "done"
    assert rows[FIRST]["verdict"]
    assert run_cli("writeback", "resume", directory=tmp_path).status == 0
    later, much_later = ((panther.world.now + timedelta(minutes=minutes)).isoformat() for minutes in (20, 40))
    asked = len(panther.requests)
    assert run_cli("run", "--once", "--write", "--now", later, directory=tmp_path).status == 0
    assert len(ours(panther)) == 1
    queries = [name for _, _, name in list(panther.requests)[asked:] if name == "ExecuteDataLakeQuery"]
    assert queries == [], "the journal gives everything but the comment"
    assert run_cli("run", "--once", "--write", "--now", much_later, directory=tmp_path).status == 0
    assert len(ours(panther)) == 1


def test_status_and_assignee_follow_the_verdict(panther: SandboxServer, tmp_path: Path) -> None:
    """Where policy allows it the alert is changed once, every write is in the audit log, and an edited line is found."""
    user = next(iter(panther.world.users.values()))
    every = dict.fromkeys(("malicious", "suspicious", "benign"), "TRIAGED")
    configure(
        tmp_path,
        panther,
        status=every,
        status_min_confidence=0.0,
        assign=dict.fromkeys(every, str(user["email"])),
    )
    shown = investigate(tmp_path)
    moved = shown["verdict"] != "inconclusive"
    assert panther.world.alerts[FIRST]["status"] == ("TRIAGED" if moved else "OPEN")
    assert writes(panther).count("UpdateStatus") == moved
    assert writes(panther).count("Assign") == moved
    path = tmp_path / "triage-audit.jsonl"
    log = [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]
    assert {line["outcome"] for line in log} == {"sending", "done"}
    assert len(log) == 2 * (1 + 2 * moved)
    assert run_cli("writeback", "audit", directory=tmp_path).status == 0
    path.write_text(path.read_text(encoding="ascii").replace("comment.create", "comment.update", 1), encoding="ascii")
    edited = run_cli("writeback", "audit", "--json", directory=tmp_path)
    assert edited.status == 1
    assert edited.json["broken"][0]["line"] == 1


def test_labels_follow_the_verdict_before_the_status(panther: SandboxServer, tmp_path: Path) -> None:
    """Tags and status of one verdict are both set, each write in the audit log; a dry run says the same and sends nothing."""
    verdicts = ("malicious", "suspicious", "benign")
    alerts = {name: record for name, record in panther.world.alerts.items() if record["status"] == "OPEN"}
    configure(
        tmp_path,
        panther,
        tags={name: [f"triage-{name}"] for name in verdicts},
        status=dict.fromkeys(verdicts, "TRIAGED"),
        status_min_confidence=0.0,
    )
    dry = run_cli("investigate", FIRST, "--dry-run", directory=tmp_path)
    assert not any("contextTags" in record for record in alerts.values())
    shown = investigate(tmp_path)
    moved = shown["verdict"] != "inconclusive"
    assert alerts[FIRST].get("contextTags") == ([f"triage-{shown['verdict']}"] if moved else None)
    assert alerts[FIRST]["status"] == ("TRIAGED" if moved else "OPEN")
    assert (f"would tag {FIRST} triage-{shown['verdict']}" in dry.err) is moved
    log = [json.loads(line) for line in (tmp_path / "triage-audit.jsonl").read_text(encoding="ascii").splitlines()]
    actions = [line["action"] for line in log if line["outcome"] == "done"]
    assert actions == ["comment.create", *(["alert.tags", "alert.status"] if moved else [])]


def test_an_announcement_becomes_the_result(panther: SandboxServer, tmp_path: Path) -> None:
    """The result replaces the announcement in the same comment, even where that was the last one of the day's cap."""
    configure(tmp_path, panther, started=True, daily_cap=1)
    investigate(tmp_path)
    (body,) = ours(panther)
    assert "Investigation started" not in body
    made = [entry for entry in panther.requests if entry[2] == "CreateComment"]
    updated = [entry for entry in panther.requests if entry[0] == "POST" and "/alert-comments/" in entry[1]]
    assert (len(made), len(updated)) == (1, 1)


def test_an_announcement_that_fails_stops_nothing(panther: SandboxServer, tmp_path: Path) -> None:
    """The result is written all the same."""
    configure(tmp_path, panther, started=True)
    panther.fail("CreateComment", Fault(status=400, body=b"{}"), times=1)
    investigate(tmp_path)
    assert len(ours(panther)) == 1


def test_a_dry_run_prints_what_would_be_sent(panther: SandboxServer, tmp_path: Path) -> None:
    """The body to the letter, and nothing is written, not even to the audit log."""
    configure(tmp_path, panther)
    ran = run_cli("investigate", FIRST, "--dry-run", directory=tmp_path)
    assert ran.status == 0, ran.err
    assert "dry run: would create a comment on" in ran.err
    assert "triage-marker: v1" in ran.err
    assert writes(panther) == []
    assert not (tmp_path / "triage-audit.jsonl").exists()


def test_a_dry_run_over_the_queue(panther: SandboxServer, tmp_path: Path) -> None:
    """`run --dry-run` triages what is there and prints each comment; nothing is written, whatever the policy says."""
    configure(tmp_path, panther, enabled=True)
    ran = run_cli("run", "--once", "--dry-run", directory=tmp_path)
    assert ran.status == 0, ran.err
    assert ran.err.count("dry run: would create a comment on") >= 2
    assert writes(panther) == []


def test_a_pause_holds_an_update_too(panther: SandboxServer, tmp_path: Path) -> None:
    """While writing is paused the existing comment stays unchanged, whatever else policy says about the new one."""
    configure(tmp_path, panther)
    investigate(tmp_path)
    before = (ours(panther), comment_writes(panther))
    configure(tmp_path, panther, verdicts=["malicious"], min_severity="CRITICAL")
    assert run_cli("writeback", "pause", directory=tmp_path).status == 0
    shown = investigate(tmp_path)
    assert shown["verdict"] != "malicious"
    assert "writing is paused" in json.dumps(shown)
    assert (ours(panther), comment_writes(panther)) == before


def test_no_status_without_the_comment(panther: SandboxServer, tmp_path: Path) -> None:
    """Where Panther refuses the comment, status and assignee stay unchanged: no one could tell why they had changed."""
    user = next(iter(panther.world.users.values()))
    every = ("malicious", "suspicious", "benign")
    policy = {"status": dict.fromkeys(every, "TRIAGED"), "status_min_confidence": 0.0}
    configure(tmp_path, panther, **policy, assign=dict.fromkeys(every, str(user["email"])))
    panther.fail("CreateComment", Fault(status=400, body=b"{}"), times=1)
    ran = run_cli("investigate", FIRST, "--write", "--json", directory=tmp_path)
    assert ran.json["verdict"] != "inconclusive"
    assert writes(panther) == ["CreateComment"]
    assert panther.world.alerts[FIRST]["status"] == "OPEN"
    investigate(tmp_path)
    assert panther.world.alerts[FIRST]["status"] == "TRIAGED", "with the comment it moves"


def test_a_dry_run_knows_the_alert(panther: SandboxServer, tmp_path: Path) -> None:
    """With the comment on hold a dry run sets no status either, and a status that is already set is not set again."""
    every = dict.fromkeys(("malicious", "suspicious", "benign"), "TRIAGED")
    policy = {"status": every, "status_min_confidence": 0.0}
    configure(tmp_path, panther, **policy, min_severity="CRITICAL")
    held = run_cli("investigate", FIRST, "--dry-run", directory=tmp_path)
    assert "dry run: no comment on" in held.err
    assert "dry run: would set" not in held.err
    configure(tmp_path, panther, **policy)
    assert (
        f"dry run: would set {FIRST} to TRIAGED" in run_cli("investigate", FIRST, "--dry-run", directory=tmp_path).err
    )
    investigate(tmp_path)
    again = run_cli("investigate", FIRST, "--dry-run", directory=tmp_path)
    assert "dry run: would update comment" in again.err
    assert "dry run: would set" not in again.err
