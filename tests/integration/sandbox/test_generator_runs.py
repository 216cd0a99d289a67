"""Calling the generator: what makes two worlds the same, what makes them differ, and what is refused."""

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.shared import ROOT
from triage.sandbox.generator import generate

NOW = datetime(2026, 3, 12, 16, 20, tzinfo=UTC)


def digest(directory: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(directory.rglob("*.*")):
        total.update(path.relative_to(directory).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def values(path: Path, name: str) -> set[str]:
    return {json.loads(line)[name] for line in path.read_text(encoding="utf-8").splitlines()}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world of seed 5."""
    return generate(tmp_path_factory.mktemp("here"), seed=5, now=NOW, days=18)


def test_the_same_seed_and_now_give_the_same_bytes_in_another_process(here: Path, tmp_path: Path) -> None:
    """Nothing depends on the hash seed of the process, on the order of files or on the clock."""
    program = (
        "import sys; from datetime import datetime; from pathlib import Path;"
        "from triage.sandbox.generator import generate;"
        "generate(Path(sys.argv[1]), seed=5, now=datetime.fromisoformat(sys.argv[2]), days=18)"
    )
    there = tmp_path / "there"
    environment = {**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program, str(there), NOW.isoformat()], check=True, env=environment)

    assert digest(here) == digest(there)


def test_another_seed_gives_another_company(here: Path, tmp_path: Path) -> None:
    """Names, addresses and ids come from the seed; the stories stay, whatever hour and weekday it is."""
    other = generate(tmp_path, seed=2, now=datetime(2026, 5, 10, 3, 5, tzinfo=UTC), days=18)

    assert not values(here / "users.ndjson", "email") & values(other / "users.ndjson", "email")
    assert not values(here / "alerts.ndjson", "id") & values(other / "alerts.ndjson", "id")
    assert values(here / "truth.ndjson", "incident") == values(other / "truth.ndjson", "incident")


@pytest.mark.parametrize(
    ("now", "days", "message"),
    [(NOW.replace(tzinfo=None), 30, "time zone"), (NOW, 17, "at least 18")],
)
def test_a_request_that_makes_no_world_is_refused(tmp_path: Path, now: datetime, days: int, message: str) -> None:
    """A naive time and too short a history are errors, before anything is written."""
    with pytest.raises(ValueError, match=message):
        generate(tmp_path / "world", now=now, days=days)

    assert not (tmp_path / "world").exists()
