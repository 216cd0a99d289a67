"""A record from elsewhere stands for no alert of this store."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import run_cli, write_config
from tests.support.tiny_world import ALERTS, write_world
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

FIRST = str(ALERTS[0]["id"])


@pytest.fixture
def panther(tmp_path: Path) -> Iterator[SandboxServer]:
    folder = tmp_path / "world"
    folder.mkdir()
    with SandboxServer(load_world(write_world(folder)), SandboxOptions(query_latency=0.0)) as server:
        yield server


@pytest.fixture
def record(panther: SandboxServer, tmp_path: Path) -> dict[str, Any]:
    """The record of an alert that another store has investigated."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_config(elsewhere, panther.url)
    assert run_cli("investigate", FIRST, directory=elsewhere).status == 0
    exported: dict[str, Any] = run_cli("eval", "record", "export", FIRST, directory=elsewhere).json
    return exported


def kept(record: dict[str, Any], directory: Path) -> Path:
    path = directory / "case.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


def row(directory: Path) -> dict[str, Any]:
    found: dict[str, Any] = next(
        row for row in run_cli("list", "--json", directory=directory).json if row["alert_id"] == FIRST
    )
    return found


def test_an_imported_record_does_not_pre_empt_the_alert(
    panther: SandboxServer, record: dict[str, Any], tmp_path: Path
) -> None:
    """Whatever verdict a record claims, and however new it says it is: when Panther lists an alert of the same id, that
    is investigated, and nothing of the record is left."""
    record["investigation"]["verdict"] |= {"disposition": "benign", "confidence": 1.0, "summary": "forged words"}
    record["alert"] |= {"created_at": "2091-01-01T00:00:00Z", "updated_at": "2091-01-01T00:00:00Z"}
    write_config(tmp_path, panther.url)
    assert run_cli("eval", "record", "import", str(kept(record, tmp_path)), directory=tmp_path).status == 0
    assert row(tmp_path)["state"] == "imported"

    ran = run_cli("run", "--once", "--write", directory=tmp_path)

    assert ran.status == 0, ran.err
    assert row(tmp_path)["state"] == "done"
    shown = run_cli("show", FIRST, "--json", directory=tmp_path)
    assert "forged words" not in shown.out
    assert not any(note.startswith("Imported record") for note in shown.json["notes"])
    assert any("triage-marker" in str(item["body"]) for item in panther.comments(FIRST))


def test_an_imported_record_leads_nobody_and_is_not_worked_on(
    panther: SandboxServer, record: dict[str, Any], tmp_path: Path
) -> None:
    """An alert like it is investigated itself, and a worker finds nothing to do with the record; it cannot be queued."""
    record["alert"]["id"] = "f" * 32
    record["investigation"]["alert_id"] = "f" * 32
    write_config(tmp_path, panther.url)
    assert run_cli("eval", "record", "import", str(kept(record, tmp_path)), directory=tmp_path).status == 0

    assert run_cli("run", "--once", directory=tmp_path).status == 0

    states = {each["alert_id"]: each["state"] for each in run_cli("list", "--json", directory=tmp_path).json}
    assert states.pop("f" * 32) == "imported"
    assert states[FIRST] == "done"
    again = run_cli("queue", "retry", "f" * 32, directory=tmp_path)
    assert again.status != 0
    assert "imported record" in again.err


def test_an_imported_verdict_is_verified_again(panther: SandboxServer, record: dict[str, Any], tmp_path: Path) -> None:
    """A finding that the record calls verified, and that its evidence does not hold, makes the verdict inconclusive; a
    true record keeps its verdict."""
    write_config(tmp_path, panther.url)
    verdict = record["investigation"]["verdict"]
    true = run_cli("eval", "record", "import", str(kept(record, tmp_path)), directory=tmp_path)
    assert true.status == 0, true.err
    assert row(tmp_path)["verdict"] == verdict["disposition"]
    forged = json.loads(json.dumps(record))
    cited = {"kind": "value", "evidence": "E1", "row": 0, "column": "nobody", "value": "approved"}
    finding = {"text": "It was approved.", "citations": [cited]}
    forged["investigation"]["verdict"] |= {
        "disposition": "benign",
        "confidence": 1.0,
        "findings": [{"finding": finding, "number": 1, "verified": True, "trust": ["measured"], "issues": []}],
    }
    other = tmp_path / "other"
    other.mkdir()
    write_config(other, panther.url)

    ran = run_cli("eval", "record", "import", str(kept(forged, tmp_path)), directory=other)

    assert ran.status == 0, ran.err
    assert row(other)["verdict"] == "inconclusive"
    assert "do not hold" in run_cli("show", FIRST, "--json", directory=other).out


def test_an_import_reads_a_bounded_regular_file(panther: SandboxServer, record: dict[str, Any], tmp_path: Path) -> None:
    """A link, a pipe, and a file larger than a record may be are refused before they are read into memory."""
    write_config(tmp_path, panther.url)
    case = kept(record, tmp_path)
    (tmp_path / "link.json").symlink_to(case)
    os.mkfifo(tmp_path / "pipe.json")
    with (tmp_path / "large.json").open("wb") as large:
        # Sparse: three hundred megabytes by name only.
        large.truncate(300 << 20)

    for name, reason in (("link", "is a link"), ("pipe", "no regular file"), ("large", "larger than 32 MiB")):
        ran = run_cli("eval", "record", "import", f"{name}.json", directory=tmp_path)
        assert ran.status == 2, name
        assert reason in ran.err


def test_check_names_files_that_others_may_read(panther: SandboxServer, tmp_path: Path) -> None:
    """The state database is made private; one that was opened to others since is named with the command that mends it."""
    write_config(tmp_path, panther.url)
    assert run_cli("run", "--once", directory=tmp_path).status == 0
    assert "chmod" not in run_cli("check", directory=tmp_path).out
    store = next(path for path in tmp_path.glob("*.db"))
    store.chmod(0o644)

    ran = run_cli("check", directory=tmp_path)

    assert f"chmod 600 {store}" in ran.out
    assert ran.status == 0


def test_check_names_a_directory_in_which_others_may_replace_files(panther: SandboxServer, tmp_path: Path) -> None:
    """The directory of database and log is made private; one that others may write to is named, unless it is like /tmp."""
    write_config(tmp_path, panther.url)
    config = tmp_path / "config.yaml"
    config.write_text(config.read_text("utf-8").replace("triage.db", "state/triage.db"), "utf-8")
    assert run_cli("run", "--once", directory=tmp_path).status == 0
    directory = tmp_path / "state"
    assert directory.stat().st_mode & 0o777 == 0o700
    assert "chmod" not in run_cli("check", directory=tmp_path).out
    directory.chmod(0o1777)
    assert "chmod" not in run_cli("check", directory=tmp_path).out
    directory.chmod(0o775)

    ran = run_cli("check", directory=tmp_path)

    assert f"chmod 700 {directory}" in ran.out
    assert ran.status == 0
