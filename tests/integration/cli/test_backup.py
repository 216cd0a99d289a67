"""Backing up and restoring as docs/deploy.md says, by its own commands, while the store is in use."""

import asyncio
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.cli import run_cli
from tests.support.shared import ROOT
from tests.support.stores import alert, migrated_postgres, saved
from tests.support.terminal import environment
from triage.edges.store import open_store


def documented() -> list[str]:
    """The shell blocks of the section, in their order."""
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8").partition("## Back up and restore")[2]
    return re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def shell(script: str, directory: Path, more: Mapping[str, str] | None = None) -> None:
    """Run it as a person would, up to its first failure."""
    ran = subprocess.run(
        ["bash", "-e", "-c", script], cwd=directory, env=environment(more), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def listed(directory: Path) -> set[str]:
    """The ids of the stored alerts, as the command shows them."""
    return {row["alert_id"] for row in run_cli("list", "--json", directory=directory).json}


def configure(directory: Path, url: str) -> None:
    """A configuration that names the store."""
    text = f"panther: {{url: 'http://127.0.0.1:1', token: t}}\nstore: {{url: '{url}'}}\n"
    (directory / "config.yaml").write_text(text, encoding="utf-8")


async def backed_up(url: str, backup: str, directory: Path) -> None:
    """An alert, a backup, another alert; the store is open all the while."""
    store = await open_store(url)
    try:
        await saved(store, alert("before"))
        shell(backup, directory, {"TRIAGE_DATABASE": url})
        await saved(store, alert("after"))
    finally:
        await store.close()


def test_sqlite(tmp_path: Path) -> None:
    """A backup taken while the store is open has what is only in the log beside the file; restored, it is the state."""
    backup, restore, _ = documented()
    url = f"sqlite:///{tmp_path / 'triage.db'}"
    configure(tmp_path, url)
    asyncio.run(backed_up(url, backup, tmp_path))
    assert listed(tmp_path) == {"before", "after"}
    shell(restore, tmp_path)
    assert listed(tmp_path) == {"before"}


def test_postgresql(tmp_path: Path) -> None:
    """A dump of a database in use, restored over what came later."""
    if shutil.which("pg_dump") is None or shutil.which("pg_restore") is None:
        pytest.skip("pg_dump and pg_restore are not here")
    *_, both = documented()
    backup, restore = both.splitlines()
    with migrated_postgres() as url:
        configure(tmp_path, url)
        asyncio.run(backed_up(url, backup, tmp_path))
        assert listed(tmp_path) == {"before", "after"}
        shell(restore, tmp_path, {"TRIAGE_DATABASE": url})
        assert listed(tmp_path) == {"before"}
