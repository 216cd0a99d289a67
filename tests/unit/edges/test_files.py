"""Files by name: bounded, private, and never through a link."""

import os
from pathlib import Path

import pytest

from tests.support.cli import run_cli
from triage.edges.files import read_bounded, readable_by_others, write_private
from triage.errors import ConfigError


def test_what_is_written_is_the_owners_alone(tmp_path: Path) -> None:
    """Whatever the umask allows; a file that exists keeps its mode."""
    before = os.umask(0)
    try:
        write_private(tmp_path / "page.html", "first")
    finally:
        os.umask(before)
    assert (tmp_path / "page.html").stat().st_mode & 0o777 == 0o600
    assert readable_by_others([tmp_path / "page.html", tmp_path / "absent"]) == ()
    (tmp_path / "page.html").chmod(0o644)

    write_private(tmp_path / "page.html", "second")

    assert readable_by_others([tmp_path / "page.html"]) == (tmp_path / "page.html",)
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == "second"


def test_a_link_is_neither_read_nor_written(tmp_path: Path) -> None:
    """What it points to stays as it is; the message says what is wrong."""
    (tmp_path / "victim").write_text("kept", encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "victim")
    with pytest.raises(ConfigError, match="is a link"):
        write_private(tmp_path / "link", "lost")
    with pytest.raises(ConfigError, match="is a link"):
        read_bounded(tmp_path / "link", 100)
    assert (tmp_path / "victim").read_text(encoding="utf-8") == "kept"


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    """One byte more is refused."""
    (tmp_path / "file").write_bytes(b"x" * 100)
    assert read_bounded(tmp_path / "file", 100) == b"x" * 100
    with pytest.raises(ConfigError, match="larger"):
        read_bounded(tmp_path / "file", 99)


def test_init_writes_through_no_link(tmp_path: Path) -> None:
    """Also where an existing file is to be overwritten."""
    (tmp_path / "victim").write_text("kept", encoding="utf-8")
    (tmp_path / "config.yaml").symlink_to(tmp_path / "victim")

    ran = run_cli("init", "--force", directory=tmp_path)

    assert ran.status == 2
    assert "is a link" in ran.err
    assert (tmp_path / "victim").read_text(encoding="utf-8") == "kept"
