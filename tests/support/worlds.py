"""The worlds that ship, unpacked once for all tests of a worker."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.worlds.ship import MOMENTS
from triage.sandbox.shipped import Shipped, unpack_world

DEMO_NOW = MOMENTS[Shipped.DEMO]
EVALUATION_NOW = MOMENTS[Shipped.EVALUATION]

_KEPT: list["TemporaryDirectory[str]"] = []
"""Removed when the worker ends."""


@cache
def shipped(world: Shipped) -> Path:
    """The directory of a shipped world. Tests read it and leave it as it is."""
    scratch = TemporaryDirectory(prefix="triage-tests-")
    _KEPT.append(scratch)
    return unpack_world(world, Path(scratch.name))


def demo_world() -> Path:
    """The demo's company: five log types."""
    return shipped(Shipped.DEMO)


def evaluation_world() -> Path:
    """The labelled set: fifteen log types."""
    return shipped(Shipped.EVALUATION)
