"""Measure what reads a month of history: `python tests/bench/history.py [--sizes 10000 100000] [--rounds 3]`.

For each size a SQLite file is filled with so many alerts over 30 days: a tenth investigated (each with 32 questions,
journal, spend and what links it to another alert; every fifth marked by a person), a fifth linked to one of those, two
in a thousand given up, the rest skipped. Then each command runs in a process of its own: median seconds by the clock
from its start to its exit, the most memory that it held, and the lines that it printed.

`eval agreement` lists the month in Panther again, 50 alerts a request; a bare server answers at once, so that the time
is this program's. The row `panther's list` is the same reading without the store. `prune 1 day` is what a service that
runs deletes each day; `prune 14 days` is done once, when `store.keep` is shortened.
"""

import argparse
import asyncio
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench import ingest
from tests.support.odd_investigations import crowded
from tests.support.stores import HOLDS, NOW, alert, sqlite_url
from triage.domain.alert import Alert, DetectionOrigin, Severity
from triage.domain.case import KeyKind, LinkKey
from triage.domain.selection import Decision, Linked, Selected, SkipCode, Skipped
from triage.domain.verdict import Disposition, Investigation
from triage.edges.panther.wire import stamp
from triage.edges.store import open_store
from triage.ports import State, Store

ROOT = Path(__file__).parents[2]
MONTH = timedelta(days=30)
BATCH = 1_000
DETECTIONS = 300
STEPS = 12
"""Journal entries of an investigation, and the bytes of each, packed."""
STEP_BYTES = 3_000
QUESTIONS = 32
INVESTIGATED, LINKED, FAILED = 0, (1, 2), 3
"""The places of ten in a row; the others are skipped."""
CONFIG = """\
panther: {{url: "{url}", token: token, requests_per_second: 100000}}
store: {{url: "{store}"}}
"""
LONGEST = 2.0
"""Seconds that a command may take."""


# ---- the store ---------------------------------------------------------------------------------------------------


def name_of(place: int) -> str:
    return f"{place * 2654435761 % 2**32:08x}{place:024x}"


def created(place: int, count: int) -> datetime:
    """The newest has the place 0."""
    return NOW - MONTH * (place / count) - timedelta(minutes=1)


def one_alert(place: int, count: int) -> Alert:
    """About a kilobyte, as Panther's list has it."""
    detection = place * 7919 % DETECTIONS
    return alert(
        name_of(place),
        title=f"Role assumed by user-{place % 997} from an unusual network",
        severity=tuple(Severity)[1 + detection % 4],
        created_at=created(place, count),
        first_event_at=created(place, count) - timedelta(minutes=4),
        description="A role was assumed from a network that this account has not used before. " * 3,
        runbook="1. Find out who assumed the role.\n2. Ask whether the network is theirs.\n" * 4,
        reference="https://docs.example/detections/role-assumed",
        origin=DetectionOrigin(id=f"Standard.Rule.{detection}", name=f"Rule {detection}"),
    )


def decision_of(place: int) -> Decision:
    if place % 10 == INVESTIGATED or fails(place):
        return Selected()
    if place % 10 in LINKED:
        return Linked(leader=name_of(place - place % 10), reason="same title within 15 minutes")
    return Skipped(code=SkipCode.SEVERITY, reason="its severity LOW is not wanted")


def fails(place: int) -> bool:
    return place % 10 == FAILED and place % 500 == FAILED


def result_of(place: int, of: Alert, run_id: str) -> Investigation:
    """A crowded investigation with as many questions as enrichment asks."""
    _, result = crowded()
    evidence = [
        each.model_copy(update={"id": f"E{number + 1}", "key": f"{each.key}.{number}"})
        for number in range(QUESTIONS)
        for each in (result.evidence[number % len(result.evidence)],)
    ]
    key = LinkKey(kind=KeyKind.SESSION, value=f"session-{place // 20}", first=of.created_at, last=of.created_at)
    verdict = result.verdict.model_copy(update={"disposition": tuple(Disposition)[place // 10 % 4]})
    changes = {"run_id": run_id, "alert_id": of.id, "evidence": tuple(evidence), "links": (key,), "verdict": verdict}
    return result.model_copy(update=changes)


async def fill(directory: Path, count: int) -> None:
    """Alerts as polls store them; one investigation for each verdict is finished, and the others are its copies."""
    store = await open_store(sqlite_url(directory))
    for start in range(0, count, BATCH):
        some = range(start, min(start + BATCH, count))
        await store.queue.save([(one_alert(place, count), decision_of(place)) for place in some], now=NOW - MONTH)
    patterns = [await finished(store, place) for place in range(0, 40, 10)]
    await store.close()
    with sqlite3.connect(directory / "state.db") as database:
        copy(database, count, patterns)
    database.close()


async def finished(store: Store, place: int) -> str:
    claim = await store.queue.claim("w", now=NOW - MONTH, lease_seconds=HOLDS, alert_id=name_of(place))
    assert claim is not None
    assert await store.queue.finish(claim, result_of(place, claim.alert, claim.run_id), now=NOW)
    return name_of(place)


def copy(database: sqlite3.Connection, count: int, patterns: Sequence[str]) -> None:
    """Give every alert that was selected what its pattern has, in the columns that the store has today."""
    chance = random.Random(1)
    database.execute("PRAGMA synchronous = OFF")

    def row(table: str, name: str) -> dict[str, object]:
        cursor = database.execute(
            f"SELECT * FROM {table} WHERE {'id' if table == 'alerts' else 'alert_id'} = ?", [name]
        )
        return dict(zip([each[0] for each in cursor.description], cursor.fetchone(), strict=True))

    done = {name: [row(table, name) for table in ("investigations", "briefs", "alerts")] for name in patterns}
    blobs = [chance.randbytes(STEP_BYTES) for _ in range(STEPS)]
    for place in range(count):
        at = int((created(place, count) - datetime(1970, 1, 1, tzinfo=NOW.tzinfo)).total_seconds() * 1e6)
        name, run = name_of(place), f"{name_of(place)}.1"
        if fails(place):
            database.execute(
                "UPDATE alerts SET state = ?, error = 'Panther: 502', due_at = NULL, queued_at = NULL, ended_at = ? WHERE id = ?",
                [State.FAILED, at, name],
            )
        elif place % 10 == INVESTIGATED:
            investigation, brief, alerts = done[patterns[place // 10 % 4]]
            if name not in done:
                _insert(database, "investigations", {**investigation, "id": None, "alert_id": name, "run_id": run})
                _insert(database, "briefs", {**brief, "alert_id": name})
            names = ("state", "verdict", "confidence", "seconds", "due_at", "queued_at", "epoch", "look_at", "look_by")
            database.execute(
                f"UPDATE alerts SET ended_at = ?, {', '.join(f'{each} = ?' for each in names)} WHERE id = ?",
                [at, *(alerts[each] for each in names), name],
            )
            key = {"kind": "session", "value": f"session-{place // 20}", "first_at": at, "last_at": at, "log_type": ""}
            database.execute("DELETE FROM case_keys WHERE alert_id = ?", [name])
            _insert(database, "case_keys", {"alert_id": name, **key})
            step = {"id": None, "alert_id": name, "run_id": run, "kind": "x", "schema_version": 1, "epoch": 1}
            for number, payload in enumerate(blobs):
                _insert(database, "journal", {**step, "key": f"s{number}", "written_at": at, "payload": payload})
            cost = {"calls": 3, "prompt": 9_000, "cached": 0, "completion": 900, "money": 0.03}
            _insert(database, "spend", {"run_id": run, "key": "turn", "alert_id": name, "at": at, **cost})
            if place % 50 == 0:
                mark = {"label": "benign", "note": "a drill", "said_by": "mira", "at": at}
                _insert(database, "marks", {"alert_id": name, **mark})
    # Linked alerts take their leader's verdict.
    database.execute(
        "UPDATE alerts SET (verdict, confidence, ended_at) = (SELECT led.verdict, led.confidence, led.ended_at"
        " FROM alerts AS led WHERE led.id = alerts.leader) WHERE leader <> ''"
    )
    database.execute("UPDATE alerts SET updated_at = created_at, ended_at = coalesce(ended_at, created_at)")
    database.commit()
    # As a service of weeks has it.
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _insert(database: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    database.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


# ---- Panther ------------------------------------------------------------------------------------------------------


class List(ingest.Pages):
    """The alert list, and no REST API beside it."""

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET "):
            self._transport.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
        else:
            super().data_received(data)


async def serve(count: int) -> None:
    """Serve a month of alerts, of which people have closed one in three, until standard input ends."""
    nodes, times = [], []
    for place in reversed(range(count)):
        at = created(place, count)
        node = json.loads(ingest.node(place, at))
        closed = {"status": "CLOSED", "updatedBy": {"__typename": "User", "id": "u1"}, "updatedAt": stamp(NOW)}
        node |= {"id": name_of(place), **(closed if place % 3 == 0 else {})}
        nodes.append(json.dumps(node, separators=(",", ":")).encode())
        times.append(stamp(at))
    List.nodes, List.times = tuple(nodes), tuple(times)
    assert bisect_left(times, times[0]) == 0
    loop = asyncio.get_running_loop()
    server = await loop.create_server(List, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


@contextmanager
def panther(count: int) -> Iterator[str]:
    """The server's URL."""
    command = [sys.executable, __file__, "--serve", str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/public/graphql"
        process.communicate()


# ---- the commands -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    """One process."""

    seconds: float
    processor: float
    """Seconds of processor time, which other programs on the machine stretch less."""
    memory: float
    """MB at most."""
    lines: int


def commands() -> dict[str, list[str]]:
    """By the name of the row; those that delete come last, and run once."""
    now = ["--now", NOW.isoformat()]
    return {
        "list": ["list"],
        "list --json": ["list", "--json"],
        "list --verdict": ["list", "--verdict", "malicious"],
        "list --failed": ["list", "--failed"],
        "show": ["show", name_of(0)],
        "status": ["status", *now],
        "report": ["report", "--since", "30d", *now],
        "cases": ["cases", "--since", "30d", *now],
        "export alerts --csv": ["export", "alerts", "--format", "csv", "--since", "30d", *now],
        "eval agreement": ["eval", "agreement", "--since", "30d", *now],
        "prune --dry-run": ["queue", "prune", "--older-than", "29d", "--dry-run", *now],
        "prune 1 day": ["queue", "prune", "--older-than", "29d", *now],
        "prune 14 days": ["queue", "prune", "--older-than", "15d", *now],
    }


ONCE = ("prune 1 day", "prune 14 days")


def run(directory: Path, arguments: Sequence[str]) -> Run:
    """Start the program, wait for its end."""
    with (directory / "out").open("wb") as out:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "triage", *arguments],
            cwd=directory,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=out,
            stderr=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"triage {' '.join(arguments)} ended with {process.returncode}")
    with (directory / "out").open("rb") as out:
        # One by one: the memory of this process counts as the next one's.
        lines = sum(1 for _ in out)
    return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, lines)


def measure(count: int, rounds: int, only: Sequence[str]) -> dict[str, Run]:
    """Each command's median."""
    found: dict[str, Run] = {}
    with tempfile.TemporaryDirectory(prefix="triage-bench-") as name, panther(count) as url:
        directory = Path(name)
        start = time.perf_counter()
        # A child's memory counts from this process's on, which stays small.
        subprocess.run([sys.executable, __file__, "--fill", name, str(count)], check=True)
        size = (directory / "state.db").stat().st_size / 1e6
        print(
            f"\n{count:,} alerts: a file of {size:,.0f} MB, filled in {time.perf_counter() - start:.0f} s", flush=True
        )
        (directory / "config.yaml").write_text(CONFIG.format(url=url, store=sqlite_url(directory)), encoding="utf-8")
        for row, arguments in commands().items():
            if only and row not in only:
                continue
            runs = [run(directory, arguments) for _ in range(1 if row in ONCE else rounds)]
            found[row] = Run(
                statistics.median(each.seconds for each in runs),
                statistics.median(each.processor for each in runs),
                max(each.memory for each in runs),
                runs[0].lines,
            )
            shown = found[row]
            print(
                f"{row:<22}{shown.seconds:>8.2f} s{shown.processor:>8.2f} s cpu{shown.memory:>8.0f} MB{shown.lines:>9} lines",
                flush=True,
            )
    return found


def grown(found: dict[int, dict[str, Run]]) -> None:
    """How each command's time grows with the month; a bar is as long as the time over that of the first size."""
    first, *_ = found.values()
    print("\nseconds, and times the first size")
    for row, run in first.items():
        for count, rows in found.items():
            ratio = rows[row].seconds / run.seconds
            print(
                f"{row if rows is first else '':<22}{count:>9,}{rows[row].seconds:>8.2f}  {'#' * round(4 * ratio)} {ratio:.1f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000], help="alerts")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each command")
    parser.add_argument("--only", nargs="+", default=[], choices=list(commands()), metavar="ROW")
    options = parser.parse_args()
    found = {count: measure(count, options.rounds, options.only) for count in options.sizes}
    grown(found)
    slow = [
        f"{row} at {count:,}" for count, rows in found.items() for row, each in rows.items() if each.seconds > LONGEST
    ]
    print(f"\nover {LONGEST:g} s: {', '.join(slow) or 'none'}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(serve(int(sys.argv[2])))
    elif sys.argv[1:2] == ["--fill"]:
        asyncio.run(fill(Path(sys.argv[2]), int(sys.argv[3])))
    else:
        main()
