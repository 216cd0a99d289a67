"""Commands, groups and old names as the help shows them, and what `init` and `demo` do to files."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import run_cli
from triage.cli import RENAMED, cli
from triage.cli.demo import cleared
from triage.cli.lazy import LazyGroup, require
from triage.errors import ConfigError
from triage.settings import StoreSettings, WritebackSettings


def paths(group: LazyGroup, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and group below a group, by the words that are typed."""
    for name, each in group.lazy.items():
        yield (*path, name)
        if isinstance(each, LazyGroup):
            yield from paths(each, (*path, name))


def test_every_command_explains_itself(tmp_path: Path) -> None:
    """Each listed command and group exists and has help."""
    for path in paths(cli):
        ran = run_cli(*path, "--help", directory=tmp_path)
        assert (ran.status, ran.err) == (0, ""), path
        assert f"triage {' '.join(path)}" in ran.out


def test_an_old_name_still_works(tmp_path: Path) -> None:
    """A command that moved into a group answers to its old name, and says its new one once."""
    for old in (*RENAMED, "audit verify", "record export", "world import"):
        ran = run_cli(*old.split(), "--help", directory=tmp_path)
        first = old.split(maxsplit=1)[0]
        new = " ".join(RENAMED[first])
        assert (ran.status, ran.err) == (0, f"`triage {first}` is now `triage {new}`\n")
        assert f"Usage: triage {new}" in ran.out


def test_a_group_takes_what_its_old_command_took(tmp_path: Path) -> None:
    """Options after a group's own name go to the command that had this name before."""
    for old, new in (
        ("export --format xml", "export alerts"),
        ("eval --repeat 0", "eval run"),
        ("eval --compare a.json b.json", "eval compare"),
        ("sandbox --world nowhere", "sandbox serve"),
    ):
        ran = run_cli(*old.split(), directory=tmp_path)
        assert ran.status == 2
        assert ran.err.startswith(f"`triage {old.split()[0]}` is now `triage {new}`\n")
        assert "No such" not in ran.err


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing library is reported with the extra that installs it; any other missing module is a bug and raises."""
    monkeypatch.setitem(sys.modules, "duckdb", None)
    monkeypatch.delitem(sys.modules, "triage.sandbox.lake", raising=False)
    with pytest.raises(ConfigError, match=r"duckdb, which the extra `sandbox` installs"):
        require("triage.sandbox.lake")
    with pytest.raises(ModuleNotFoundError):
        require("triage.no_such_module")


def test_an_unknown_command_is_a_wrong_request(tmp_path: Path) -> None:
    """A typo in a command ends with status 2 and one clear line."""
    ran = run_cli("investigat", directory=tmp_path)
    assert ran.status == 2
    assert "No such command" in ran.err


def test_init_writes_the_example_once(tmp_path: Path) -> None:
    """`triage init` writes a commented file that only the owner reads, and doesn't overwrite one."""
    assert run_cli("init", directory=tmp_path).status == 0
    written = tmp_path / "config.yaml"
    assert written.read_text(encoding="utf-8").startswith("# Configuration of triage.")
    assert written.stat().st_mode & 0o077 == 0
    again = run_cli("init", directory=tmp_path)
    assert again.status == 2
    assert "exists already" in again.err


def test_a_demo_beside_the_real_state_leaves_it_alone(tmp_path: Path) -> None:
    """`triage demo --dir .` clears what an earlier demo left, and no file that a configuration names by default."""
    real = WritebackSettings().audit, StoreSettings().url.removeprefix("sqlite:///"), "audit.jsonl", "triage.db-wal"
    for name in real:
        (tmp_path / name).write_text("real", encoding="utf-8")
    for path in cleared(tmp_path):
        path.write_text("of the demo before", encoding="utf-8")
    store, audit = cleared(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(real)
    assert not {store.name, audit.name} & set(real)


def test_a_demo_where_nothing_can_be_kept(tmp_path: Path) -> None:
    """A file in the directory's place is one line and status 2."""
    (tmp_path / "taken").write_text("", encoding="utf-8")
    ran = run_cli("demo", "--dir", "taken", directory=tmp_path)
    assert ran.status == 2
    assert ran.err == "triage: --dir: taken cannot be used (File exists)\n"
