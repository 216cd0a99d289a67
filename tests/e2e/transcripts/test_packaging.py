"""What the program says where a part of it is not installed, in a directory whose name has spaces.

`TRIAGE_GOLDEN=1` writes the golden file anew.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.terminal import SECONDS, check_golden, environment

pytestmark = pytest.mark.slow

WITHOUT = """\
import asyncio, sys
sys.modules[sys.argv.pop(1)] = None
from triage.__main__ import main
main()
"""
"""The command without one library; asyncio's own modules of this system are imported before."""


def without(missing: str, command: str, directory: Path) -> str:
    """What is typed and what is printed; each of these ends with status 2."""
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT, missing, *command.split()],
        cwd=directory,
        env=environment({"PANTHER_API_TOKEN": "t"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert ran.returncode == 2, ran.stdout
    return f"$ triage {command}    # without {missing}\n{ran.stdout}"


def test_what_a_missing_part_says(tmp_path: Path) -> None:
    """Each extra is named with what to install, from a checkout and from a wheel; a system that is no Unix as such."""
    directory = tmp_path / "my triage"
    directory.mkdir()
    (directory / "config.yaml").write_text(
        "panther: {url: 'http://127.0.0.1:1', token: '${PANTHER_API_TOKEN}'}\n", encoding="utf-8"
    )
    (directory / "postgres.yaml").write_text(
        "panther: {url: 'http://127.0.0.1:1', token: t}\nstore: {url: 'postgresql://triage@127.0.0.1:1/triage'}\n",
        encoding="utf-8",
    )
    told = [
        without("duckdb", "demo", directory),
        without("duckdb", "sandbox serve", directory),
        without("matplotlib", "eval run --html page.html", directory),
        without("uvicorn", "run --listen 9464", directory),
        without("prometheus_client", "run --listen 9464", directory),
        without("psycopg", "--config postgres.yaml status", directory),
        without("fcntl", "run", directory),
    ]
    check_golden("packaging", "\n".join(told), {})
