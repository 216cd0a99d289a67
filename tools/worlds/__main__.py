"""`python -m tools.worlds DIR [--seed N] [--set demo|evaluation|unseen|unseen-a|unseen-b|unseen-c|unseen-d]`, or `... --ship`."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from .sets import Set
from .ship import ship
from .world import generate


def main() -> None:
    """Write one world into a directory, or remake those that ship."""
    parser = argparse.ArgumentParser(prog="python -m tools.worlds", description=main.__doc__)
    parser.add_argument("directory", nargs="?", type=Path, help="receives the world")
    parser.add_argument("--seed", type=int, default=1, help="chooses names, addresses, times and ids (default: 1)")
    parser.add_argument("--set", dest="which", choices=[each.value for each in Set], default=Set.EVALUATION.value)
    parser.add_argument("--days", type=int, default=30, help="how far back the logs reach (default: 30)")
    parser.add_argument(
        "--now", type=datetime.fromisoformat, default=datetime.now(UTC), help="the world's present (default: now)"
    )
    parser.add_argument("--ship", action="store_true", help="remake the worlds that ship with the program")
    given = parser.parse_args()
    if given.ship == (given.directory is not None):
        parser.error("name a directory, or give --ship")
    if given.ship:
        ship()
        return
    now = given.now if given.now.tzinfo else given.now.replace(tzinfo=UTC)
    generate(given.directory, seed=given.seed, now=now, days=given.days, which=Set(given.which))


if __name__ == "__main__":
    main()
