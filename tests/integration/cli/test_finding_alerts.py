"""Finding alerts again: by the beginning of an id, by filters; marks; and what a mistyped id or command is answered with."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.cli.test_cli_queue import prepare
from tests.support.cli import run_cli
from tests.support.stores import NOW, SKIPPED, alert, claimed, investigation, saved
from triage.domain.alert import DetectionOrigin, Severity
from triage.domain.verdict import Disposition
from triage.ports import Store

ROOT_LOGIN = DetectionOrigin(id="AWS.Root.Activity", name="Root was used")
AGES = {"abc1": 1, "abc2": 30}
"""Hours since the triage of an alert ended."""


async def three(store: Store) -> None:
    """Two alerts with verdicts, the second done a day ago by the clock on the wall; and a skipped one."""
    now = datetime.now(UTC)
    await saved(store, alert("abc1", origin=ROOT_LOGIN, severity=Severity.HIGH))
    await store.queue.finish(
        claim := await claimed(store), investigation(claim, Disposition.MALICIOUS), now=now - timedelta(hours=1)
    )
    await saved(store, alert("abc2"))
    claim = await claimed(store, alert_id="abc2")
    await store.queue.finish(claim, investigation(claim), now=now - timedelta(hours=30))
    await saved(store, alert("xyz9"), decision=SKIPPED)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    prepare(tmp_path, three)
    return tmp_path


def test_the_beginning_of_an_id_will_do(directory: Path) -> None:
    """Every command on a stored alert takes as much of its id as no other alert shares."""
    for arguments in (("show", "xyz"), ("mark", "abc1", "true-positive"), ("queue", "retry", "xy")):
        ran = run_cli(*arguments, directory=directory)
        assert ran.status == 0, ran.err
    assert run_cli("show", "xyz", "--json", directory=directory).json["alert_id"] == "xyz9"


def test_a_beginning_that_several_ids_share(directory: Path) -> None:
    """They are listed, and nothing is done."""
    ran = run_cli("show", "abc", directory=directory)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == "triage: abc is how several alerts begin: abc2, abc1; write one more character\n"


def test_a_mistyped_id_is_answered_with_the_nearest(directory: Path) -> None:
    """With nothing near, the line says how to investigate an alert that is not stored."""
    ran = run_cli("show", "xzy9", directory=directory)
    assert (ran.status, ran.err) == (2, "triage: alert xzy9 is not in the state database, did you mean xyz9?\n")
    assert "triage investigate 77777" in run_cli("show", "77777", directory=directory).err


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ((), {"abc1", "abc2", "xyz9"}),
        (("--verdict", "malicious"), {"abc1"}),
        (("--verdict", "MALICIOUS", "--verdict", "benign"), {"abc1", "abc2"}),
        (("--state", "skipped"), {"xyz9"}),
        (("--state", "done"), {"abc1", "abc2"}),
        (("--severity", "high"), {"abc1"}),
        (("--detection", "root"), {"abc1"}),
        (("--detection", "ROOT WAS"), {"abc1"}),
        (("--triaged-since", "2h", "--state", "done"), {"abc1"}),
        (("--triaged-since", "2d", "--state", "done"), {"abc1", "abc2"}),
        (("--verdict", "malicious", "--severity", "medium"), set()),
    ],
)
def test_list_filters(options: tuple[str, ...], names: set[str], directory: Path) -> None:
    """By verdict, state, severity, detection and the end of triage; several values of one are alternatives."""
    rows = run_cli("list", *options, "--json", directory=directory).json
    assert {row["alert_id"] for row in rows} == names
    if not names:
        assert run_cli("list", *options, directory=directory).out == "no stored alert matches\n"


def test_a_mark_can_be_taken_back(directory: Path) -> None:
    """The last word counts; unmarking leaves none; both words of the earlier version are still read."""
    for words, stored in (
        (("false-positive", "--note", "a drill"), "benign"),
        (("true-positive",), "malicious"),
        (("benign",), "benign"),
    ):
        ran = run_cli("mark", "abc1", *words, "--json", directory=directory)
        assert ran.json == {"alert_id": "abc1", "mark": stored, "changed": True}
    assert run_cli("mark", "abc1", "unmark", directory=directory).err == "alert abc1 is no longer marked\n"
    assert run_cli("mark", "abc1", "unmark", "--json", directory=directory).json["changed"] is False
    exported = run_cli("export", "alerts", "--format", "csv", directory=directory).out
    assert "malicious" in exported
    assert "a drill" not in exported


def test_what_is_queued_again_and_deleted_as_json(directory: Path) -> None:
    """Both say which or how many in one document."""
    assert run_cli("queue", "retry", "xyz9", "--json", directory=directory).json == {
        "queued": ["xyz9"],
        "busy": [],
        "unknown": 0,
    }
    later = (NOW + timedelta(days=900)).isoformat()
    pruned = run_cli("queue", "prune", "--older-than", "1d", "--dry-run", "--json", "--now", later, directory=directory)
    assert pruned.json["dry_run"] is True


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("investigat", "triage investigate"),
        ("lst", "triage list"),
        ("selct", "triage queue select"),
        ("agreemnt", "triage eval agreement"),
        ("queue selct", "triage queue select"),
        ("export alrts", "triage export alerts"),
    ],
)
def test_a_mistyped_command_is_answered_with_the_one_that_is_meant(typed: str, meant: str, tmp_path: Path) -> None:
    """Also where the command stands in a group that was not typed."""
    ran = run_cli(*typed.split(), directory=tmp_path)
    assert ran.status == 2
    assert f"No such command {typed.rsplit(maxsplit=1)[-1]!r}, did you mean `{meant}`?" in ran.err


def test_a_table_ends_after_so_many_lines(directory: Path) -> None:
    """The newest alerts are listed; a line on stderr says that there are more. Without a limit JSON has them all."""
    cut = run_cli("list", "--limit", "2", directory=directory)
    assert ("abc1" in cut.out, "abc2" in cut.out, "xyz9" in cut.out) == (False, True, True)
    assert cut.err == "only the newest 2 are listed; --limit 0 lists all\n"
    for enough in ("3", "0"):
        ran = run_cli("list", "--limit", enough, directory=directory)
        assert ("abc1" in ran.out, ran.err) == (True, "")
    assert len(run_cli("list", "--json", directory=directory).json) == 3
    assert [row["alert_id"] for row in run_cli("list", "--json", "--limit", "1", directory=directory).json] == ["xyz9"]
    assert run_cli("list", "--json", "--state", "failed", directory=directory).out == "[]\n"


def test_rows_are_printed_as_a_whole_list_would_be(directory: Path) -> None:
    """One JSON document, indented as everywhere, though the rows are written one by one."""
    out = run_cli("list", "--json", directory=directory).out
    assert out == json.dumps(json.loads(out), indent=2) + "\n"
