"""What several tests of the sandbox share."""

from collections.abc import Iterator

import pytest

from tests.support.shared import SHARED
from triage.sandbox.lake import DuckLake
from triage.sandbox.world import World, load_world


@pytest.fixture(scope="session")
def shared_lakes() -> Iterator[list[tuple[World, DuckLake]]]:
    """The shared worlds as recorded, each with its lake; loading takes a few seconds. Skips where they are absent."""
    worlds = SHARED / "worlds"
    if not worlds.is_dir():
        pytest.skip("the shared worlds are not beside this checkout")
    found = [load_world(path, as_recorded=True) for path in sorted(worlds.iterdir()) if path.is_dir()]
    lakes = [(world, DuckLake(world)) for world in found]
    yield lakes
    for _, lake in lakes:
        lake.close()
