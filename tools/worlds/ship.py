"""Pack the worlds that ship with the program. The same generator gives the same bytes."""

import io
import lzma
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from triage.sandbox.shipped import Shipped, archive_of

from .sets import Set
from .world import generate

SEED = 1
MOMENTS = {
    Shipped.DEMO: datetime(2026, 3, 4, 15, tzinfo=UTC),
    Shipped.EVALUATION: datetime(2026, 11, 20, 12, tzinfo=UTC),
}
"""The present of each world, in the middle of a working day."""


def make(world: Shipped, into: Path) -> Path:
    """Generate one of the shipped worlds into a directory."""
    return generate(into, seed=SEED, now=MOMENTS[world], which=Set(world.value))


def pack(directory: Path) -> bytes:
    """A directory as a compressed archive; names in order, and nothing of the machine that packs it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(path for path in directory.rglob("*") if path.is_file()):
            entry = tarfile.TarInfo(path.relative_to(directory).as_posix())
            entry.size, entry.mode = path.stat().st_size, 0o644
            with path.open("rb") as file:
                archive.addfile(entry, file)
    return lzma.compress(buffer.getvalue(), preset=9)


def ship() -> None:
    """Remake every shipped world in the checkout."""
    for world in Shipped:
        with tempfile.TemporaryDirectory() as scratch:
            archive_of(world).write_bytes(pack(make(world, Path(scratch))))
