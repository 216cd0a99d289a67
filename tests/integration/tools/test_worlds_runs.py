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
from tests.support.worlds import shipped
from tools.worlds import generate
from tools.worlds.ship import pack
from triage.sandbox.shipped import Shipped

NOW = datetime(2026, 3, 12, 16, 20, tzinfo=UTC)


def digests(directory: Path) -> dict[str, str]:
    return {
        path.relative_to(directory).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*.*"))
    }


def values(path: Path, name: str) -> set[str]:
    return {json.loads(line)[name] for line in path.read_text(encoding="utf-8").splitlines()}


@pytest.mark.slow
@pytest.mark.parametrize("world", list(Shipped))
def test_what_ships_is_what_the_generator_makes(world: Shipped, tmp_path: Path) -> None:
    """Made again in another process, each shipped world has the same bytes: `make worlds` was run after a change.

    Nothing depends on the hash seed of the process, on the order of files or on the clock. Takes 5 and 10 seconds: a month
    of logs is generated.
    """
    program = "import sys; from pathlib import Path; from tools.worlds.ship import Shipped, make; make(Shipped(sys.argv[1]), Path(sys.argv[2]))"
    environment = {**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program, world.value, str(tmp_path)], check=True, env=environment)

    assert digests(tmp_path) == digests(shipped(world))


def test_packing_is_the_same_everywhere(tmp_path: Path) -> None:
    """An archive holds names and contents, and nothing of the machine that packed it."""
    for folder, order in (("one", ("b.txt", "a.txt")), ("two", ("a.txt", "b.txt"))):
        (tmp_path / folder / "lake").mkdir(parents=True)
        for name in order:
            (tmp_path / folder / "lake" / name).write_text(name, encoding="utf-8")

    assert pack(tmp_path / "one") == pack(tmp_path / "two")


@pytest.mark.slow
def test_another_seed_gives_another_company(tmp_path: Path) -> None:
    """Names, addresses and ids come from the seed; the stories stay, whatever hour and weekday it is.

    Takes about 5 seconds: a world is generated.
    """
    other = generate(tmp_path, seed=2, now=datetime(2026, 5, 10, 3, 5, tzinfo=UTC), days=18)
    here = shipped(Shipped.DEMO)

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
