"""Measure the queue: `python tests/bench/store_queue.py [--seconds 5] [--steps 5]`.

A worker claims an alert, journals some steps of 500 bytes and finishes it; each of these is one durable transaction,
and the table counts them per second. The floor is the driver alone (sqlite3 with the same pragmas, psycopg) with the
very statements and transactions of the store, recorded from one alert and replayed on the others of a second database,
by the same number of processes; it makes no value, checks no result and starts no thread. Disks change their pace from
second to second, so floor and store take turns of half a second; rates and ratio are medians over the turns. Then
alerts saved per second, in batches. `TMPDIR` says where the data lies; on a file system in memory the ratio shows the
code alone.

PostgreSQL is a private server with fsync on, or the one that TRIAGE_TEST_POSTGRES names. (Not `queue.py`: a script's
directory is searched first, and the standard library's `queue` must be found there.)
"""

import argparse
import asyncio
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import psycopg
import pytest
from sqlalchemy import Engine, event

from tests.support import postgres
from tests.support.stores import HOLDS, NOW, SELECTED, alert, investigation
from triage.domain.alert import Alert
from triage.edges.store import open_store
from triage.ports import Store

TEXT = "x" * 500
TURN = 0.5
"""Seconds that one side measures before the other does."""


def batches(prefix: str, count: int, size: int) -> Iterator[list[Alert]]:
    for start in range(0, count, size):
        yield [
            alert(f"{prefix}-{number}", minutes=number % 1_000, description=TEXT)
            for number in range(start, start + size)
        ]


async def fill(url: str, prefix: str, count: int, size: int) -> float:
    """Save new alerts; gives alerts per second."""
    store = await open_store(url)
    stock = list(batches(prefix, count, size))
    start = time.perf_counter()
    for batch in stock:
        await store.queue.save([(each, SELECTED) for each in batch], now=NOW)
    rate = count / (time.perf_counter() - start)
    await store.close()
    return rate


# ---- what is measured, each in a process of its own --------------------------------------------------------------


async def work(url: str, name: str, steps: int, tasks: int) -> None:
    """Work through the queue turn by turn; prints the number of transactions of each."""
    store = await open_store(url)
    while turn():
        end = time.perf_counter() + TURN
        counts = await asyncio.gather(*(one_worker(store, f"{name}-{task}", end, steps) for task in range(tasks)))
        print(sum(counts), flush=True)
    await store.close()


async def one_worker(store: Store, name: str, end: float, steps: int) -> int:
    count = 0
    while time.perf_counter() < end:
        claim = await store.queue.claim(name, now=NOW, lease_seconds=HOLDS)
        if claim is None:
            raise SystemExit("the queue ran empty: more --stock, please")
        for step in range(steps):
            await store.journal.append(claim, f"step {step}", "query", TEXT, now=NOW)
        await store.queue.finish(claim, investigation(claim), now=NOW)
        count += steps + 2
    return count


Statement = tuple[str, Any]
"""SQL and its parameters, as the driver gets them."""
Names = tuple[str, str]
"""An alert's id and its run's."""


async def recorded(url: str, steps: int) -> list[list[Statement]]:
    """What the store sends for one alert, transaction by transaction; and, last, the id and run that it was about."""
    transactions: list[list[Statement]] = []

    def note(_connection: object, _cursor: object, sql: str, parameters: Any, _context: object, _many: bool) -> None:
        statement = (sql, parameters)
        # The library tells both engines of one database.
        if not sql.startswith("BEGIN") and transactions[-1][-1:] != [statement]:
            transactions[-1].append(statement)

    store = await open_store(url)
    event.listen(Engine, "before_cursor_execute", note)
    try:
        transactions.append([])
        claim = await store.queue.claim("recorder", now=NOW, lease_seconds=HOLDS)
        if claim is None:
            raise SystemExit("the queue is empty")
        for step in range(steps):
            transactions.append([])
            await store.journal.append(claim, f"step {step}", "query", TEXT, now=NOW)
        transactions.append([])
        await store.queue.finish(claim, investigation(claim), now=NOW)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
        await store.close()
    return [*transactions, [(claim.alert.id, claim.run_id)]]


def renamed(parameters: Any, old: Names, new: Names) -> Any:
    """A statement's parameters for another alert."""
    other = dict(zip(old, new, strict=True))
    if isinstance(parameters, dict):
        return {name: other.get(value, value) for name, value in parameters.items()}
    return tuple(other.get(value, value) for value in parameters)


def replay(cursor: Any, begin: str, url: str, steps: int) -> None:
    """Do again turn by turn what the store does for an alert; prints the number of transactions of each.

    Args:
        cursor: The driver's, on a connection that leaves transactions to us.
        begin: How one begins.
        url: A database with the store's schema and a stock of alerts.
        steps: Journalled steps of an alert.
    """
    (look, *take), *others, names = asyncio.run(recorded(url, steps))
    ((alert_id, run),) = names
    while turn():
        count, end = 0, time.perf_counter() + TURN
        while time.perf_counter() < end:
            cursor.execute(begin)
            row = cursor.execute(*look).fetchone()
            if row is None:
                raise SystemExit("the floor's queue ran empty: more --stock, please")
            new = (row[0], row[2])
            for place, transaction in enumerate((take, *others)):
                if place:
                    cursor.execute(begin)
                for sql, parameters in transaction:
                    cursor.execute(sql, renamed(parameters, (alert_id, run), new))
                cursor.execute("COMMIT")
            count += 1 + len(others)
        print(count, flush=True)


def replay_sqlite(url: str, steps: int) -> None:
    """Through sqlite3."""
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=15)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    replay(connection.cursor(), "BEGIN IMMEDIATE", url, steps)
    connection.close()


def replay_postgres(url: str, steps: int) -> None:
    """Through psycopg."""
    with psycopg.connect(url, autocommit=True) as connection:
        replay(connection.cursor(), "BEGIN", url, steps)


def turn() -> bool:
    """Wait for this process's next turn; false after the last."""
    return bool(sys.stdin.readline())


# ---- taking turns ------------------------------------------------------------------------------------------------


def start(*arguments: str) -> "subprocess.Popen[str]":
    """Start a measurement of this file."""
    command = [sys.executable, __file__, "--measure", *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def take_turn(processes: Sequence["subprocess.Popen[str]"]) -> float:
    """Let processes work at once; gives their transactions per second together."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    total = 0
    for process in processes:
        assert process.stdout is not None
        total += int(process.stdout.readline())
    return total / TURN


def compare(
    url: str, floor_url: str, *, processes: int, tasks: int, steps: int, seconds: float
) -> tuple[float, float, float]:
    """Medians over the turns: the store's rate, the floor's, and their ratio."""
    floor = [start("floor", floor_url, str(steps)) for _ in range(processes)]
    store = [start("store", url, str(number), str(steps), str(tasks)) for number in range(processes)]
    take_turn(floor), take_turn(store)  # warm
    turns = [(take_turn(store), take_turn(floor)) for _ in range(max(1, round(seconds / TURN)))]
    for process in (*floor, *store):
        process.communicate()
    return (
        statistics.median(rate for rate, _ in turns),
        statistics.median(rate for _, rate in turns),
        statistics.median(rate / bare for rate, bare in turns),
    )


# ---- the table ---------------------------------------------------------------------------------------------------


@contextmanager
def databases() -> Iterator[list[tuple[str, str, str]]]:
    """Engine, the store's database, the floor's."""
    with tempfile.TemporaryDirectory() as directory:
        found = [("sqlite", f"sqlite:///{directory}/state.db", f"sqlite:///{directory}/floor.db")]
        try:
            with postgres.database(durable=True) as url, postgres.database(durable=True) as floor:
                yield [*found, ("postgresql", url, floor)]
        except pytest.skip.Exception as reason:
            print(f"PostgreSQL is left out: {reason}\n")
            yield found


def main(seconds: float, steps: int, stock: int) -> None:
    with databases() as found:
        print(
            f"{'engine':<12}{'processes':>10}{'tasks':>7}{'claims/s':>10}{'steps/s':>10}{'all/s':>9}{'floor/s':>9}{'ratio':>8}"
        )
        for engine, url, floor_url in found:
            for processes, tasks in ((1, 1), (1, 4)) if engine == "sqlite" else ((1, 1), (1, 4), (2, 1), (4, 1)):
                for place in (url, floor_url):
                    asyncio.run(fill(place, f"{processes}-{tasks}", round(stock * (seconds + 1)), 500))
                rate, floor, ratio = compare(
                    url, floor_url, processes=processes, tasks=tasks, steps=steps, seconds=seconds
                )
                claims, journalled = rate / (steps + 2), rate * steps / (steps + 2)
                print(
                    f"{engine:<12}{processes:>10}{tasks:>7}{claims:>10.0f}{journalled:>10.0f}{rate:>9.0f}{floor:>9.0f}"
                    f"{ratio:>8.2f}",
                    flush=True,
                )
        print(f"\n{'engine':<12}{'batch':>7}{'alerts saved/s':>16}")
        for engine, url, _ in found:
            for size in (50, 500):
                print(
                    f"{engine:<12}{size:>7}{asyncio.run(fill(url, f'batch-{size}', 20_000, size)):>16.0f}", flush=True
                )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        kind, place, *rest = sys.argv[2:]
        if kind == "store":
            asyncio.run(work(place, rest[0], int(rest[1]), int(rest[2])))
        else:
            (replay_postgres if place.startswith("postgresql") else replay_sqlite)(place, int(rest[0]))
    else:
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--seconds", type=float, default=5.0, help="length of each measurement")
        parser.add_argument("--steps", type=int, default=5, help="journalled steps per alert")
        parser.add_argument("--stock", type=int, default=1_000, help="alerts queued per second of measurement")
        options = parser.parse_args()
        main(options.seconds, options.steps, options.stock)
