"""Measure the state database: `python tests/bench/disk.py [DATABASE]`.

Without an argument the demo runs first (about a minute), in a directory of its own. For an SQLite file it prints what
each table and its indexes take, per investigated alert and per alert that is only known; what the JSON would take
without compression; and the largest kinds of journal entries. The last line has the figures of the formula in
`docs/operations.md`.
"""

import argparse
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.shared import ROOT
from triage.edges.store.columns import unpack

KNOWN = ("alerts",)
"""Tables with a row for each alert, investigated or not."""
FIXED = {"sqlite_schema", "schema_migrations", "named_values", "leases"}
"""These don't grow with the alerts, and neither does an empty table."""


def demo(directory: Path) -> Path:
    """Let the demo fill a database."""
    subprocess.run(
        [sys.executable, "-m", "triage", "demo"],
        cwd=directory,
        env={"PYTHONPATH": str(ROOT)},
        stdout=sys.stderr,
        check=True,
    )
    return directory / "triage-demo" / "demo.db"


def show(path: Path) -> None:
    """Print the tables."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        owner = dict(connection.execute("SELECT name, tbl_name FROM sqlite_master"))
        pages: Counter[str] = Counter()
        for name, size in connection.execute("SELECT name, SUM(pgsize) FROM dbstat GROUP BY name"):
            pages[owner.get(name, name)] += size
        alerts = connection.execute("SELECT COUNT(*) FROM alerts").fetchone()[0]
        runs = connection.execute("SELECT COUNT(*) FROM investigations").fetchone()[0]
        empty = {name for name in set(owner.values()) if not connection.execute(f"SELECT 1 FROM {name}").fetchone()}
        kinds: dict[str, list[int]] = {}
        results = [("(result)", each) for (each,) in connection.execute("SELECT investigation FROM investigations")]
        for kind, stored in (*results, *connection.execute("SELECT kind, payload FROM journal")):
            sums = kinds.setdefault(kind, [0, 0, 0])
            sums[:] = [sums[0] + 1, sums[1] + len(stored), sums[2] + len(unpack(stored))]
    print(f"{path.name}: {alerts} alerts, {runs} investigations\n")
    print(f"{'table with its indexes':<28}{'kB':>10}{'kB each':>10}")
    for name, size in pages.most_common():
        each = alerts if name in KNOWN else runs
        print(f"{name:<28}{size / 1000:>10.0f}" + (f"{size / 1000 / each:>10.1f}" if name not in FIXED | empty else ""))
    print(f"\n{'kind of JSON':<28}{'number':>10}{'kB stored':>10}{'plain':>10}")
    for kind, (count, stored, plain) in sorted(kinds.items(), key=lambda item: -item[1][1])[:8]:
        print(f"{kind:<28}{count:>10}{stored / 1000:>10.0f}{plain / 1000:>10.0f}")
    known = sum(pages[name] for name in KNOWN) / alerts
    fixed = sum(pages[name] for name in FIXED | empty)
    more = (pages.total() - fixed - known * alerts) / runs
    print(f"\nknown alert {known / 1000:.1f} kB, investigation {more / 1000:.1f} kB, fixed {fixed / 1000:.0f} kB")


def main() -> None:
    """Measure a database, the demo's by default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", nargs="?", type=Path)
    database: Path | None = parser.parse_args().database
    if database is not None:
        show(database)
        return
    with tempfile.TemporaryDirectory() as directory:
        show(demo(Path(directory)))


if __name__ == "__main__":
    main()
