"""Measure the team's pages over a large store: `python tests/bench/team_pages.py [--alerts 20000] [--investigated 1000]`.

The alerts are spread over 30 days, the investigated ones over the last of them; each of those has the evidence of a
crowded page, and shares a session with the next. Each page is asked for `--rounds` times over HTTP on loopback, by a
process of its own; the table has the median, the slowest, the size, and the longest time for which a task that wakes
every 5 ms on the server's event loop had to wait: what the workers of the same process would feel.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import httpx

from tests.support.odd_investigations import crowded
from tests.support.stores import HOLDS, NOW, SELECTED, SKIPPED, alert, sqlite_url
from tests.support.team import settings_for
from triage.domain.case import KeyKind, LinkKey
from triage.edges.clock import FixedStartClock
from triage.edges.store import open_store
from triage.web.pages import team_pages
from triage.web.server import bound, listening, url_of

MONTH = timedelta(days=30)
PAGES = (
    "/",
    "/?verdict=malicious",
    "/?text=nothing+has+this+name",
    "/alerts/n0",
    "/cases",
    "/cases?since=90d",
    "/report?since=8h",
    "/report?since=7d",
    "/agreement",
    "/status",
)


async def fill(directory: Path, count: int, investigated: int) -> None:
    """A store with `count` alerts, the newest of them investigated and marked."""
    store = await open_store(sqlite_url(directory))
    minutes = MONTH.total_seconds() / 60 / count
    for start in range(0, count, 500):
        some = range(start, min(start + 500, count))
        await store.queue.save(
            [
                (alert(f"n{place}", minutes=int(place * minutes)), SELECTED if place < investigated else SKIPPED)
                for place in some
            ],
            now=NOW,
        )
    _, result = crowded()
    for place in range(investigated):
        claim = await store.queue.claim("w", now=NOW, lease_seconds=HOLDS, alert_id=f"n{place}")
        assert claim is not None
        at = claim.alert.created_at
        key = LinkKey(kind=KeyKind.SESSION, value=f"session-0123456789-{place // 2}", first=at, last=at)
        changes = {"run_id": claim.run_id, "alert_id": claim.alert.id, "links": (key,)}
        await store.queue.finish(claim, result.model_copy(update=changes), now=NOW)
        await store.records.mark(claim.alert.id, "benign", "a drill", by="mira", now=NOW)
    await store.close()


def visit(url: str, rounds: int, pipe: Any) -> None:
    """Ask for every page, from a process of its own; sends times and sizes."""
    with httpx.Client(base_url=url, timeout=600) as client:
        client.get("/alerts/n0")
        for path in PAGES:
            times, size = [], 0
            for _ in range(rounds):
                start = time.perf_counter()
                answer = client.get(path)
                times.append(time.perf_counter() - start)
                assert answer.status_code == 200, answer.text[:500]
                size = len(answer.content)
            pipe.send((path, times, size))
    pipe.send(None)


async def measure(directory: Path, rounds: int) -> None:
    settings = settings_for(directory)
    store = await open_store(settings.store.url)
    stalls: list[float] = []

    async def watch() -> None:
        while True:
            start = time.perf_counter()
            await asyncio.sleep(0.005)
            stalls.append(time.perf_counter() - start - 0.005)

    print(f"{'page':<32}{'median ms':>10}{'slowest':>10}{'kB':>8}{'longest wait ms':>18}")
    with bound("127.0.0.1", 0) as listener:
        pages = team_pages(settings, store, FixedStartClock(NOW), host="127.0.0.1")
        async with listening(listener, pages):
            watching = asyncio.create_task(watch())
            ours, theirs = multiprocessing.Pipe()
            visitor = multiprocessing.get_context("spawn").Process(
                target=visit, args=(url_of(listener), rounds, theirs)
            )
            visitor.start()
            while (found := await asyncio.to_thread(ours.recv)) is not None:
                path, times, size = found
                longest = max(stalls, default=0.0)
                stalls.clear()
                print(
                    f"{path:<32}{1000 * statistics.median(times):>10.0f}{1000 * max(times):>10.0f}{size / 1000:>8.0f}"
                    f"{1000 * longest:>18.0f}",
                    flush=True,
                )
            watching.cancel()
            visitor.join()
    await store.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--alerts", type=int, default=20_000)
    parser.add_argument("--investigated", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="triage-bench-") as name:
        asyncio.run(fill(Path(name), options.alerts, options.investigated))
        asyncio.run(measure(Path(name), options.rounds))


if __name__ == "__main__":
    main()
