"""The worlds that ship with the program, ready-made: a compressed world directory each.

`python -m tools.worlds --ship` in a checkout remakes them; a test holds them against what the generator makes.
"""

import tarfile
from enum import StrEnum
from pathlib import Path

from triage.errors import ConfigError


class Shipped(StrEnum):
    """Which of them."""

    DEMO = "demo"
    """A company of forty with thirty days of logs of five log types: what `triage demo` works through."""
    EVALUATION = "evaluation"
    """A larger set of labelled scenarios over fifteen log types, most of them in twins."""


def archive_of(world: Shipped) -> Path:
    """The archive in the installation."""
    return Path(__file__).parent / f"{world.value}.tar.xz"


def unpack_world(world: Shipped, into: Path) -> Path:
    """Unpack a world into a directory, made where it is missing, and give its path.

    Its times are those of the day on which it was made; `load_world` moves them. Raises ConfigError.
    """
    try:
        with tarfile.open(archive_of(world)) as archive:
            # Our own archive of plain files; `extractall(filter=...)` is not in every Python 3.11.
            for member in archive:
                content = archive.extractfile(member)
                if content is not None:
                    path = into / member.name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content.read())
    except (OSError, tarfile.TarError) as error:
        raise ConfigError(
            f"the world {world.value!r} cannot be unpacked ({type(error).__name__}); install the program again"
        ) from error
    return into
