"""The first hour: the demo on a terminal and without one, what is left of it, and an interrupt at any moment.

The demo's own company takes half a minute; these run it on a world of four alerts, each in some seconds.
`TRIAGE_GOLDEN=1` writes the golden files anew.
"""

import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.shared import ROOT
from tests.support.terminal import Terminal, check_golden, plain, run
from tests.support.tiny_world import write_world

pytestmark = pytest.mark.slow

ALIKE = {
    r"127\.0\.0\.1:\d+": "127.0.0.1:PORT",
    r"in \d+(\.\d)? s": "in N s",
    r"loading .*/world \.\.\.": "loading WORLD ...",
    r"\d\d:\d\d": "HH:MM",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("of doors") / "world"
    path.mkdir()
    return write_world(path)


def test_the_demo_on_a_terminal(world: Path, tmp_path: Path) -> None:
    """A table is drawn while it works and taken away; what stays is some twenty lines that fit the terminal."""
    with Terminal("demo", "--world", str(world), directory=tmp_path, columns=90) as terminal:
        terminal.wait_for(r"\d of 3 alerts triaged, \d in work")
        ended = terminal.ended()
    assert ended.status == 0
    assert "\x1b[31m" in terminal.raw
    kept = re.split(r"\x1b\[\d+F\x1b\[J", terminal.raw)
    assert len(kept) > 2
    last = plain(kept[-1])
    assert len(last.splitlines()) < 22
    assert max(map(len, last.splitlines())) <= 90
    check_golden("demo-terminal", last, ALIKE)


def test_the_demo_in_a_pipe_and_what_is_left_of_it(world: Path, tmp_path: Path) -> None:
    """A line per alert and no escape sequence; then `list`, `show` and `report` work on the state with its configuration,
    typed as they are printed, also where a name has spaces."""
    ended = run("demo", "--world", str(world), "--dir", "my demo", directory=tmp_path)
    assert ended.status == 0
    assert "\x1b" not in ended.text
    alerts = [line for line in ended.text.splitlines() if " -> " in line]
    assert len(alerts) == 3
    further = re.findall(r"^triage (--config 'my demo/config.yaml' (?:list|show|report).*)$", ended.text, re.MULTILINE)
    assert len(further) == 3
    for command in further:
        shown = run(*shlex.split(command), directory=tmp_path)
        assert (shown.status, "Door 1 left open" in shown.text) == (0, True), command
    page = re.search(r"^open (.+)$", ended.text, re.MULTILINE)
    assert page is not None
    assert "<html" in (tmp_path / shlex.split(page[1])[0]).read_text(encoding="utf-8")


def test_a_demo_leaves_anothers_configuration_alone(world: Path, tmp_path: Path) -> None:
    """Where the directory has a configuration that no demo wrote, nothing is touched."""
    assert run("init", directory=tmp_path).status == 0
    before = (tmp_path / "config.yaml").read_bytes()
    ended = run("demo", "--world", str(world), "--dir", ".", directory=tmp_path)
    assert (ended.status, ended.text) == (2, "triage: --dir: config.yaml is not a demo's; name another directory\n")
    assert (tmp_path / "config.yaml").read_bytes() == before


@pytest.mark.parametrize("moment", [r"loading", r"listens on", r"[1-3] in work", r"carry a comment"])
def test_an_interrupt_is_one_line(moment: str, world: Path, tmp_path: Path) -> None:
    """Ctrl-C while it loads, works or prints: no traceback, and one line at most that says so. Before that Python itself
    may not have started, and what it prints then is not ours."""
    with Terminal("demo", "--world", str(world), directory=tmp_path) as terminal:
        terminal.wait_for(moment)
        terminal.interrupt()
        ended = terminal.ended()
    assert "Traceback" not in ended.text
    assert "Exception" not in ended.text
    if moment == "carry a comment":
        # It may have been over already.
        assert ended.status in (0, 1)
    else:
        assert ended.text.endswith("triage: interrupted\n")
        assert ended.text.count("interrupted") == 1
        assert ended.status == 1


def test_installing_says_what_it_does(tmp_path: Path) -> None:
    """`make demo` shows one line while pip works, and pip's own words if it fails: a checkout that nothing can build, in a
    path with spaces."""
    checkout = tmp_path / "my checkout"
    (checkout / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", checkout)
    shutil.copy(ROOT / "tools" / "install.py", checkout / "tools")
    (checkout / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    command = (str(shutil.which("make")), "demo", f"PYTHON={sys.executable}")
    with Terminal(directory=checkout, command=command, more={"PATH": "/usr/bin:/bin"}) as terminal:
        terminal.wait_for(r"installing into \.venv \(\d+ s\): looking")
        ended = terminal.ended()
    assert ended.status == 2
    assert "pip could not install .[sandbox] into .venv" in ended.text
    assert not (checkout / ".venv" / ".demo").exists()
