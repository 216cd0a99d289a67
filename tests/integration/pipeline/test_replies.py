"""Asked and answered in Panther's comments: the question, who may answer, the mark, the acknowledgement and the status."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Ran, run_cli, write_config
from tests.support.investigations import NOW, benign, inconclusive
from tests.support.stores import alert, claimed, saved, sqlite_url
from tests.support.tiny_world import ALERTS, write_world
from triage.edges.clock import FixedStartClock
from triage.edges.store import open_store
from triage.pipeline.replies import ReplyReader
from triage.ports import Comment, Mark, PantherUser, Receipt
from triage.sandbox.server import Fault, SandboxServer
from triage.sandbox.world import load_world
from triage.settings import RepliesSettings

ASKED, OTHER = str(ALERTS[0]["id"]), str(ALERTS[1]["id"])
ADA = "user-1"
REPLIES = "replies: {enabled: true}\n"
MOVING = "replies: {enabled: true, status: {benign: RESOLVED, malicious: TRIAGED}}\n"


@pytest.fixture
def panther(tmp_path: Path) -> Iterator[SandboxServer]:
    folder = tmp_path / "world"
    folder.mkdir()
    with SandboxServer(load_world(write_world(folder))) as server:
        yield server


def configure(directory: Path, panther: SandboxServer, more: str = REPLIES) -> None:
    write_config(directory, panther.url)
    path = directory / "config.yaml"
    path.write_text(path.read_text("utf-8") + more, encoding="utf-8")


def run(directory: Path, *more: str) -> Ran:
    ran = run_cli("run", "--once", "--write", *more, directory=directory)
    assert ran.status == 0, ran.err
    return ran


def asked(directory: Path, panther: SandboxServer, more: str = REPLIES) -> str:
    """Investigate, and give the comment that asks."""
    configure(directory, panther, more)
    run(directory)
    return body(panther)


def body(panther: SandboxServer, alert_id: str = ASKED) -> str:
    """Our comment."""
    (ours,) = [each for each in panther.comments(alert_id) if "triage-marker" in str(each["body"])][:1]
    return str(ours["body"])


def marks(directory: Path) -> list[tuple[str, str, str, str]]:
    """Alert, label, note and author of what is marked."""

    async def read() -> tuple[Mark, ...]:
        store = await open_store(f"sqlite:///{directory}/triage.db")
        try:
            return await store.records.marks()
        finally:
            await store.close()

    return [(each.alert_id, each.label, each.note, each.by) for each in asyncio.run(read())]


def writes(panther: SandboxServer) -> list[str]:
    """What was written to Panther."""
    return [
        name or path
        for method, path, name in panther.requests
        if name in {"CreateComment", "UpdateStatus", "Assign"} or (method == "POST" and "/alert-comments/" in path)
    ]


def test_a_comment_asks_only_where_answers_are_read(panther: SandboxServer, tmp_path: Path) -> None:
    """Off by default. Where it is on, the comment ends with the question, to the assignee, and how to answer it."""
    write_config(tmp_path, panther.url)
    run(tmp_path)
    assert "Question" not in body(panther)
    for leftover in tmp_path.glob("triage.db*"):
        leftover.unlink()
    panther.world.alerts[ASKED]["assignee"] = ADA
    comment = asked(tmp_path, panther)
    lines = comment.splitlines()
    assert "Question" in lines[-2]
    assert "Ada Byron: " in lines[-2]
    assert "triage: benign because …, triage: malicious, or triage: again." in lines[-2]
    assert "Whoever takes this alert: " in body(panther, OTHER)


def test_an_answer_becomes_a_mark_and_is_acknowledged(panther: SandboxServer, tmp_path: Path) -> None:
    """At the next poll, with author, time and reason; the one comment is updated, the status stays, nothing is asked again."""
    asked(tmp_path, panther)
    panther.say(ASKED, "<p>triage: benign because it was a <b>drill</b></p>", ADA, is_html=True)
    before = len(panther.requests)
    run(tmp_path)
    asked_lake = [name == "ExecuteQuery" for _, _, name in panther.requests]
    assert any(asked_lake[:before])
    assert not any(asked_lake[before:])
    comment = body(panther)
    assert "says benign, because it was a drill (" in comment
    assert "Question" not in comment
    shown = run_cli("show", ASKED, "--json", directory=tmp_path).json
    assert shown["state"] == "done"
    assert panther.world.alerts[ASKED]["status"] == "OPEN"
    assert marks(tmp_path) == [(ASKED, "benign", "it was a drill", "ada@acme.example")]
    again = writes(panther)
    run(tmp_path)
    assert writes(panther) == again
    assert sum("triage-marker" in str(each["body"]) for each in panther.comments(ASKED)) == 1


@pytest.mark.parametrize(("answer", "status"), [("benign because of a drill", "RESOLVED"), ("malicious", "TRIAGED")])
def test_an_answer_moves_the_status_where_policy_says_so(
    panther: SandboxServer, tmp_path: Path, answer: str, status: str
) -> None:
    """Once, with the answer's author in what is kept of it; a person who opens it again is left alone."""
    asked(tmp_path, panther, MOVING)
    panther.say(ASKED, f"triage: {answer}", ADA)
    run(tmp_path)
    assert panther.world.alerts[ASKED]["status"] == status
    assert panther.world.alerts[OTHER]["status"] == "OPEN"
    assert f"status set to {status}, as ada@acme.example has answered" in str(
        run_cli("show", ASKED, "--json", directory=tmp_path).json
    )
    panther.world.alerts[ASKED]["status"] = "OPEN"
    run(tmp_path)
    assert panther.world.alerts[ASKED]["status"] == "OPEN"
    assert writes(panther).count("UpdateStatus") == 1


def test_a_status_that_a_person_has_set_stays(panther: SandboxServer, tmp_path: Path) -> None:
    """The answer is marked and acknowledged all the same."""
    asked(tmp_path, panther, MOVING)
    panther.say(ASKED, "triage: malicious", ADA)
    panther.world.alerts[ASKED]["status"] = "CLOSED"
    run(tmp_path)
    assert panther.world.alerts[ASKED]["status"] == "CLOSED"
    assert "UpdateStatus" not in writes(panther)
    assert "says malicious (" in body(panther)


def test_again_investigates_once_more_each_time(panther: SandboxServer, tmp_path: Path) -> None:
    """Under a new run, once for each such comment, whatever the status is; the question stays open."""
    asked(tmp_path, panther)
    first = run_cli("show", ASKED, "--json", directory=tmp_path).json["run_id"]
    panther.world.alerts[ASKED]["status"] = "TRIAGED"
    panther.say(ASKED, "triage: again", ADA)
    run(tmp_path)
    shown = run_cli("show", ASKED, "--json", directory=tmp_path).json
    assert (shown["state"], shown["run_id"] != first) == ("done", True)
    assert "ada@acme[.]example asked for another investigation (" in body(panther)
    assert "Question" in body(panther)
    assert marks(tmp_path) == []
    run(tmp_path)
    assert run_cli("show", ASKED, "--json", directory=tmp_path).json["run_id"] == shown["run_id"]
    panther.say(ASKED, "triage: benign because the second look says so", ADA)
    run(tmp_path)
    assert [label for _, label, _, _ in marks(tmp_path)] == ["benign"]


def test_who_may_not_answer(panther: SandboxServer, tmp_path: Path) -> None:
    """A token, the system, someone unknown, a comment from before the question, one that somebody else has edited, one of
    another alert, a quotation: none of it changes anything."""
    configure(tmp_path, panther, MOVING)
    panther.say(ASKED, "triage: benign because it came first", ADA)
    run(tmp_path)
    before, comment = writes(panther), body(panther)
    by = panther.world.comments
    for kind in ("api-token", "system", "", "alien"):
        by[panther.say(ASKED, f"triage: malicious because {kind} says so", ADA)]["createdBy"] = {
            "id": "x",
            "type": kind,
        }
    by[panther.say(ASKED, "triage: malicious", ADA)]["createdBy"] = {"id": "user", "type": ""}
    del by[panther.say(ASKED, "triage: malicious", ADA)]["createdBy"]
    by[panther.say(ASKED, "triage: malicious", ADA)]["alertId"] = OTHER
    panther.edit(panther.say(ASKED, "I had a look.", ADA), "triage: malicious", "user-2")
    by[panther.say(ASKED, "triage: malicious", ADA)]["updatedAt"] = "2099-01-01T00:00:00Z"
    by[panther.say(ASKED, "triage: malicious", ADA)]["updatedBy"] = {"id": ADA, "type": "api-token"}
    panther.say(ASKED, comment, ADA, is_html=True)
    panther.say(ASKED, f"<blockquote>{comment}</blockquote><p>Who is that?</p>", ADA, is_html=True)
    panther.say(ASKED, "> triage: malicious\n\nIs it?", ADA)
    run(tmp_path)
    assert marks(tmp_path) == []
    assert writes(panther) == before
    assert body(panther) == comment


def test_an_answer_that_is_edited_afterwards_stays_what_it_was(panther: SandboxServer, tmp_path: Path) -> None:
    """By its author or by another: it was read once. A comment that its author corrects before it is read counts."""
    asked(tmp_path, panther)
    name = panther.say(ASKED, "triage: malicous", ADA)
    panther.edit(name, "triage: malicious", ADA)
    run(tmp_path)
    assert [label for _, label, _, _ in marks(tmp_path)] == ["malicious"]
    for editor in (ADA, "user-2"):
        panther.edit(name, "triage: benign because I say so", editor)
        run(tmp_path)
    assert [label for _, label, _, _ in marks(tmp_path)] == ["malicious"]
    assert "says malicious (" in body(panther)


def test_the_last_of_several_answers_counts(panther: SandboxServer, tmp_path: Path) -> None:
    """Where two come between two polls."""
    asked(tmp_path, panther)
    panther.say(ASKED, "triage: malicious", ADA)
    panther.say(ASKED, "<p>triage: benign because I was wrong</p>", ADA)  # HTML, whatever its format says
    run(tmp_path)
    assert [label for _, label, _, _ in marks(tmp_path)] == ["benign"]


def test_what_is_answered_or_old_is_not_read_again(panther: SandboxServer, tmp_path: Path) -> None:
    """One request for each open question, none for the others, none without the setting, none in a dry run."""
    asked(tmp_path, panther)

    def reads(*more: str) -> int:
        before = len(panther.requests)
        run(tmp_path, *more)
        return sum(
            (method, path) == ("GET", "/public/v1/alert-comments") or (method, path) == ("GET", "/alert-comments")
            for method, path, _ in list(panther.requests)[before:]
        )

    assert reads() == 3
    run_cli("mark", ASKED, "false-positive", directory=tmp_path)
    assert reads() == 2
    assert reads("--dry-run") == 0
    configure(tmp_path, panther, "replies: {enabled: true, within: 1s}\n")
    time.sleep(1.1)
    assert reads() == 0
    configure(tmp_path, panther, "")
    assert reads() == 0


def test_a_dry_run_says_what_an_answer_would_do(panther: SandboxServer, tmp_path: Path) -> None:
    """What was read and not followed yet is printed; nothing is written."""
    asked(tmp_path, panther, MOVING)
    panther.say(ASKED, "triage: benign because of a drill", ADA)
    run_cli("run", "--once", "--write", "--workers", "0", directory=tmp_path)
    before = writes(panther)
    ran = run(tmp_path, "--dry-run")
    assert f"dry run: would set {ASKED} to RESOLVED, as ada@acme.example has answered" in ran.err
    assert writes(panther) == before
    assert panther.world.alerts[ASKED]["status"] == "OPEN"


def test_a_panther_that_fails_leaves_it_to_the_next_poll(panther: SandboxServer, tmp_path: Path) -> None:
    """The poll itself has worked; no answer is lost. Where users can't be listed, the author is an id."""
    asked(tmp_path, panther)
    panther.say(ASKED, "triage: malicious", ADA)
    panther.fail("GET /alert-comments", Fault(status=403), times=1)
    run(tmp_path)
    assert marks(tmp_path) == []
    panther.fail("Users", Fault(status=403), times=1)
    run(tmp_path)
    assert [(label, by) for _, label, _, by in marks(tmp_path)] == [("malicious", ADA)]


class Counting:
    """A Panther of which only comments are asked; implements what is used of `ports.Comments` and `ports.Users`."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def list(self, alert_id: str) -> tuple[Comment, ...]:
        self.asked.append(alert_id)
        return ()

    async def users(self) -> tuple[PantherUser, ...]:
        return ()


async def _always() -> bool:
    return True


@pytest.mark.anyio
async def test_a_poll_reads_some_and_all_get_their_turn(tmp_path: Path) -> None:
    """Twenty a poll, around the circle; a process that polls next goes on where the last one stopped. Verdicts that need
    nobody, alerts without our comment and marked ones cost nothing."""
    store = await open_store(sqlite_url(tmp_path))
    _, undecided = inconclusive()
    _, clear = benign()
    for number in range(50):
        kept = clear if number >= 45 else undecided
        await saved(store, alert(f"a{number:02}"))
        claim = await claimed(store, alert_id=f"a{number:02}")
        result = kept.model_copy(update={"run_id": claim.run_id, "alert_id": claim.alert.id})
        await store.queue.finish(claim, result, now=NOW)
        if number != 44:
            await store.values.save_receipt(Receipt(f"comment:a{number:02}", "done", f"c{number}", "", NOW), now=NOW)
    await store.records.mark("a43", "benign", by="mira", now=NOW)
    panther, clock = Counting(), FixedStartClock(NOW)
    for asked in (20, 40, 59):
        reader = ReplyReader(panther, panther, store, RepliesSettings(enabled=True), clock)  # type: ignore[arg-type]
        assert await reader.read(_always) == 0
        assert len(panther.asked) == asked
    assert panther.asked[:43] == [f"a{number:02}" for number in range(43)]
    assert panther.asked[43:] == [f"a{number:02}" for number in range(16)]
    await store.close()
