"""The command line as it looks on terminals of several widths, with and without colour, and to a shell.

Real processes; `TRIAGE_GOLDEN=1` writes the golden files anew.
"""

import re
import subprocess
from pathlib import Path

import pytest

from tests.integration.cli.test_cli_queue import busy, prepare
from tests.support.terminal import COMMAND, SECONDS, Terminal, check_golden, environment, plain, run
from tests.support.tiny_world import write_world

pytestmark = pytest.mark.slow

READING = (("list",), ("status",), ("report", "--now", "2031-05-06T12:30:00Z"), ("cases",), ("show", "done"))
COLOUR = re.compile(r"\x1b\[\d+m")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("state")
    prepare(path, busy)
    return path


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_table_fits_its_terminal(columns: int, directory: Path) -> None:
    """No line of `triage list` is longer than the terminal is wide; in a pipe nothing is cut."""
    with Terminal("list", directory=directory, columns=columns) as terminal:
        ended = terminal.ended()
    assert ended.status == 0
    assert max(map(len, ended.text.splitlines())) <= columns
    check_golden(f"list-{columns}", ended.text, {})
    if columns == 120:
        check_golden("list-pipe", run("list", directory=directory).text, {})


def test_colour_is_for_terminals(directory: Path) -> None:
    """Verdicts have colours on a terminal; none with NO_COLOR, and none in a pipe."""
    with Terminal("list", directory=directory) as terminal:
        terminal.ended()
    assert COLOUR.search(terminal.raw)
    with Terminal("list", directory=directory, more={"NO_COLOR": "1"}) as terminal:
        ended = terminal.ended()
    assert not COLOUR.search(terminal.raw)
    assert "\x1b" not in run("list", directory=directory).text
    assert ended.status == 0


def test_commands_that_read_need_no_panther(directory: Path) -> None:
    """They read the state alone: the Panther of this configuration answers nothing."""
    for command in READING:
        ended = run(*command, directory=directory)
        assert ended.status == 0, ended.text


def test_what_a_mistyped_command_says(directory: Path) -> None:
    """A command, an option, a choice and an id: what is wrong, and the word that was probably meant."""
    told = []
    for line in ("lisst", "list --verdct benign", "list --verdict benin", "queue retri", "show dome", "mark done tp"):
        ended = run(*line.split(), directory=directory)
        assert ended.status == 2
        told.append(f"$ triage {line}\n{ended.text}")
    check_golden("mistyped", "".join(told), {})


def completions(words: str, directory: Path) -> set[str]:
    """What bash is offered after these words."""
    position = words.count(" ")
    ran = subprocess.run(
        COMMAND,
        cwd=directory,
        env=environment({"_TRIAGE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(position)}),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ran.stderr == ""
    return {line.split(",", 1)[1] for line in ran.stdout.splitlines() if "," in line}


def test_a_shell_completes_commands_options_and_alerts(directory: Path) -> None:
    """As docs/operations.md sets it up: commands, groups, options, choices, and the ids of stored alerts."""
    assert completions("triage li", directory) == {"list"}
    assert {"select", "retry", "prune"} == completions("triage queue ", directory)
    assert "--verdict" in completions("triage list --ver", directory)
    assert completions("triage list --verdict mal", directory) == {"malicious"}
    assert completions("triage show l", directory) == {"later", "leads"}
    assert completions("triage show l", directory.parent) == set()
    for shell in ("bash", "zsh", "fish"):
        script = subprocess.run(
            COMMAND,
            env=environment({"_TRIAGE_COMPLETE": f"{shell}_source"}),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        ).stdout
        assert "_TRIAGE_COMPLETE" in script


def test_an_evaluation_shows_how_far_it_is(tmp_path: Path) -> None:
    """On a terminal a bar with an estimate, taken away at the end; elsewhere a line per alert; `--limit` takes a part."""
    world = tmp_path / "world"
    world.mkdir()
    write_world(world)
    labels = "".join(
        f'{{"alert_id": "{number:032x}", "verdict": "{verdict}"}}\n'
        for number, verdict in ((1, "benign"), (2, "malicious"), (3, "benign"))
    )
    (world / "truth.ndjson").write_text(labels, encoding="utf-8")
    arguments = ("eval", "run", "--world", str(world), "--offline", "--no-alert-only", "--limit", "2")
    with Terminal(*arguments, directory=tmp_path) as terminal:
        terminal.wait_for(r"alerts: #+\.* [12]/2, \d+ s, about \d+ s left")
        ended = terminal.ended()
    assert ended.status == 0
    assert "alerts: #" not in plain(re.split(r"\x1b\[\d+F\x1b\[J", terminal.raw)[-1])
    assert "2 of 3 alerts" in ended.text
    piped = run(*arguments, directory=tmp_path)
    assert len(re.findall(r"^[12]/2 0{31}\d: \w+$", piped.text, re.MULTILINE)) == 2
