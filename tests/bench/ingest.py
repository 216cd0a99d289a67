"""Measure polling: `python tests/bench/ingest.py [--sizes 1000 10000 100000] [--rounds 3] [--store postgresql]`.

A bare server in a process of its own holds the alerts as JSON bytes and joins them to pages of 50, which is the most
that Panther's API gives. Against it, in turns and each in a fresh process:

- raw: an httpx loop that fetches the same pages with the same operation and parses each with `response.json()`;
- triage: one poll through the client, polling, selection and a new SQLite file, every alert stored at the end.

Printed for each size: alerts per second of both, the median of the rounds' ratios (how many times as long as raw
httpx), microseconds of processor time per alert of both, which a busy machine blurs less, the peak memory of the polling process, and the milliseconds of a poll that finds nothing new once the store
holds that many: with an empty overlap, and with 50 known alerts in it. The client's own pace
(`panther.requests_per_second`) is lifted, for it would be the only thing measured. `TMPDIR` says where the SQLite file
lies; on a file system in memory the ratio shows the code alone.

`--peer PYTHON`, the interpreter of an environment that has `mcp-panther`, takes that package's client as a third: its tool
lists the same alerts, newest first, over `GET /alerts` of Panther's REST API, and keeps nothing.

`--profile N` polls N alerts once under cProfile and prints where the time goes.
"""

import argparse
import asyncio
import cProfile
import json
import pstats
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, str(Path(__file__).parents[2]))

import httpx

from triage.edges.clock import SystemClock
from triage.edges.panther.client import connect
from triage.edges.panther.config import PantherConfig
from triage.edges.panther.graphql import request_of
from triage.edges.panther.operations import ALERTS
from triage.edges.panther.wire import stamp
from triage.edges.store import open_store
from triage.ingest.poll import poll
from triage.ports import AlertQuery, PantherApi, Store
from triage.settings import IngestSettings

NOW = datetime(2031, 5, 6, 12, 0, tzinfo=UTC)
APART = timedelta(seconds=6)
"""Between two alerts: ten a minute, so that 100,000 are a week's backlog."""
QUIET = timedelta(hours=1)
"""Between the newest alert and `NOW`, longer than the overlap."""
PAGE = 50
DETECTIONS = 300
DENIED = 10
"""Every tenth detection is not wanted; its alerts are stored as skipped."""
LARGEST_INCREASE = 50.0
"""MB of memory that ten times as many alerts may cost."""
LONGEST = 4.0
"""Times as long as raw httpx that a poll may take."""


# ---- the server --------------------------------------------------------------------------------------------------


def node(number: int, created: datetime) -> bytes:
    """An alert in the shape of the list query, about a kilobyte."""
    detection = (number * 7919) % DETECTIONS
    return json.dumps(
        {
            "id": f"{number:032x}",
            "title": f"Role assumed by user-{number % 997} from an unusual network",
            "severity": ("MEDIUM", "HIGH", "LOW", "MEDIUM", "CRITICAL")[detection % 5],
            "status": "OPEN",
            "type": "RULE",
            "createdAt": stamp(created),
            "updatedAt": None,
            "firstEventOccurredAt": stamp(created - timedelta(minutes=4)),
            "lastReceivedEventAt": stamp(created - timedelta(minutes=1)),
            "description": "A role was assumed from a network that this account has not used before. " * 3,
            "runbook": "1. Find out who assumed the role.\n2. Ask whether the network is theirs.\n" * 4,
            "reference": "https://docs.example/detections/role-assumed",
            "origin": {
                "__typename": "Detection",
                "id": f"Standard.Rule.{detection}",
                "name": f"Rule {detection}",
                "detectionType": "RULE",
            },
            "assignee": None,
            "updatedBy": None,
        },
        separators=(",", ":"),
    ).encode()


class Pages(asyncio.Protocol):
    """HTTP/1.1 in its barest form: the alerts between two times, in ascending or descending order."""

    nodes: tuple[bytes, ...] = ()
    times: tuple[str, ...] = ()
    """When each was created, as Panther writes it; such texts sort by time."""

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        if head.startswith(b"GET "):
            answer = self._listed(parse_qs(urlsplit(head.split(b" ", 2)[1].decode()).query))
        else:
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            if len(body) < length:
                return
            answer = self._page(json.loads(body)["variables"]["input"])
        self._buffer = b""
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(answer), answer)
        )

    def _listed(self, asked: dict[str, list[str]]) -> bytes:
        """All alerts over REST, newest first."""
        end = int(asked.get("cursor", [str(len(self.nodes))])[0])
        start = max(end - int(asked["limit"][0]), 0)
        more = b',"next":"%d"' % start if start else b""
        return b'{"results":[%s]%s}' % (b",".join(self.nodes[start:end][::-1]), more)

    def _page(self, asked: dict[str, str]) -> bytes:
        low = bisect_left(self.times, asked["createdAtAfter"])
        high = bisect_right(self.times, asked["createdAtBefore"])
        ascending = asked["sortDir"] == "ascending"
        size = int(asked["pageSize"])
        if ascending:
            start = max(low, int(asked.get("cursor") or 0))
            end = min(start + size, high)
            edges, more = self.nodes[start:end], end < high
        else:
            end = min(high, int(asked.get("cursor") or high))
            start = max(end - size, low)
            edges, more, end = self.nodes[start:end][::-1], start > low, start
        info = b'{"hasNextPage":%s,"endCursor":"%d"}' % (b"true" if more else b"false", end)
        inner = b'},{"node":'.join(edges)
        listed = b'[{"node":%s}]' % inner if edges else b"[]"
        return b'{"data":{"alerts":{"edges":%s,"pageInfo":%s}}}' % (listed, info)


async def serve(count: int) -> None:
    """Serve so many alerts until standard input ends."""
    first = NOW - QUIET - APART * count
    moments = [first + APART * number for number in range(count)]
    Pages.nodes = tuple(node(number, moment) for number, moment in enumerate(moments))
    Pages.times = tuple(stamp(moment) for moment in moments)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Pages, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


# ---- what is measured, each in a process of its own --------------------------------------------------------------


def settings_for(count: int) -> IngestSettings:
    """A first poll that reaches back to the oldest alert."""
    return IngestSettings(
        lookback=APART * count + QUIET * 2,
        severities=("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO"),
        detections_deny=tuple(f"Standard.Rule.{number}" for number in range(0, DETECTIONS, DENIED)),
        page_size=PAGE,
    )


async def raw(url: str, count: int) -> dict[str, float]:
    """Fetch and parse every page with httpx alone."""
    request, name = request_of(ALERTS)
    assert request.document.loc is not None
    asked = {
        "createdAtAfter": stamp(NOW - settings_for(count).lookback),
        "createdAtBefore": stamp(NOW),
        "pageSize": PAGE,
        "sortBy": "createdAt",
        "sortDir": "ascending",
    }
    payload = {"operationName": name, "query": request.document.loc.source.body, "variables": {"input": asked}}
    seen = 0
    async with httpx.AsyncClient(headers={"x-api-key": "token"}) as client:
        await client.post(url, json={**payload, "variables": {"input": {**asked, "pageSize": 1}}})  # connect
        start, processor = time.perf_counter(), time.process_time()
        while True:
            page = (await client.post(url, json=payload)).json()["data"]["alerts"]
            seen += len(page["edges"])
            if not page["pageInfo"]["hasNextPage"]:
                break
            asked["cursor"] = page["pageInfo"]["endCursor"]
        seconds, processor = time.perf_counter() - start, time.process_time() - processor
    if seen != count:
        raise SystemExit(f"the server gave {seen} of {count} alerts")
    return {"seconds": seconds, "processor": processor}


async def triage(url: str, count: int, database: str) -> dict[str, float]:
    """Poll everything into an empty database, then poll again with nothing new."""
    settings = settings_for(count)
    store = await open_store(database)
    config = PantherConfig(url=url, token="token", requests_per_second=1e9)
    async with connect(config, clock=SystemClock()) as panther:
        await panther.alerts.page(one_alert(settings))  # connect
        start, processor = time.perf_counter(), time.process_time()
        new = await polled(panther, store, settings, NOW)
        seconds, processor = time.perf_counter() - start, time.process_time() - processor
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if new != count:
            raise SystemExit(f"{new} of {count} alerts were stored")
        again = NOW + timedelta(seconds=1)
        empty = await repeated(panther, store, settings, again)
        # The overlap reaches back to the last 50 alerts.
        reach = timedelta(seconds=QUIET.total_seconds()) + APART * PAGE
        known = await repeated(panther, store, settings.model_copy(update={"overlap": reach}), again)
    await store.close()
    return {"seconds": seconds, "processor": processor, "memory": memory, "empty": empty, "known": known}


def one_alert(settings: IngestSettings) -> AlertQuery:
    return AlertQuery(created_after=NOW - settings.lookback, created_before=NOW, page_size=1)


async def polled(panther: PantherApi, store: Store, settings: IngestSettings, now: datetime) -> int:
    found = await poll(panther.alerts, store, settings, now=now, observe=lambda _progress: None)
    if found.problems:
        raise SystemExit(f"the poll had problems: {found.problems[0]}")
    return found.new


async def repeated(panther: PantherApi, store: Store, settings: IngestSettings, now: datetime) -> float:
    """Median milliseconds of a poll that finds nothing new."""
    took = []
    for _ in range(30):
        start = time.perf_counter()
        new = await polled(panther, store, settings, now)
        took.append(time.perf_counter() - start)
        if new:
            raise SystemExit(f"{new} alerts were new though nothing changed")
    return statistics.median(took) * 1000


# ---- taking turns ------------------------------------------------------------------------------------------------


@contextmanager
def server(count: int) -> Iterator[str]:
    """The server's URL."""
    command = [sys.executable, __file__, "--serve", str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/public/graphql"
        process.communicate()


@contextmanager
def database(kind: str) -> Iterator[str]:
    """The URL of an empty one."""
    if kind == "postgresql":
        # Its programs are the tests' own concern.
        from tests.support import postgres  # noqa: PLC0415

        with postgres.database() as url:
            yield url
        return
    with tempfile.TemporaryDirectory() as directory:
        yield f"sqlite:///{directory}/state.db"


def measure(kind: str, url: str, count: int, store: str = "sqlite") -> dict[str, float]:
    """Run one measurement in a fresh process."""
    with database(store) as place:
        return printed([sys.executable, __file__, "--measure", kind, url, str(count), place])


def measure_peer(python: str, url: str, count: int) -> dict[str, float]:
    """The same with the peer's client."""
    return printed([python, str(Path(__file__).with_name("peer_alerts.py")), url.partition("/public")[0], str(count)])


def printed(command: Sequence[str]) -> dict[str, float]:
    """What a program prints as JSON."""
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(ran.stdout)
    return found


@dataclass(frozen=True, slots=True)
class Result:
    """Medians over the rounds."""

    raw_rate: float
    rate: float
    ratio: float
    raw_processor: float
    processor: float
    memory: float
    empty: float
    known: float
    peer: float
    """Times raw; 0: not measured."""
    peer_processor: float


def compare(count: int, rounds: int, store: str = "sqlite", peer: str = "") -> Result:
    """Raw httpx, the poll and the peer, if there is one, in turns."""
    with server(count) as url:
        turns, peers = [], []
        for _ in range(rounds):
            turns.append((measure("raw", url, count), measure("triage", url, count, store)))
            if peer:
                peers.append(measure_peer(peer, url, count))

    def median(name: str) -> float:
        return statistics.median(ours[name] for _, ours in turns)

    return Result(
        raw_rate=statistics.median(count / bare["seconds"] for bare, _ in turns),
        rate=statistics.median(count / ours["seconds"] for _, ours in turns),
        ratio=statistics.median(ours["seconds"] / bare["seconds"] for bare, ours in turns),
        raw_processor=statistics.median(bare["processor"] / count for bare, _ in turns) * 1e6,
        processor=median("processor") / count * 1e6,
        memory=median("memory"),
        empty=median("empty"),
        known=median("known"),
        peer=statistics.median(
            theirs["seconds"] / bare["seconds"] for (bare, _), theirs in zip(turns, peers, strict=True)
        )
        if peers
        else 0,
        peer_processor=statistics.median(theirs["processor"] / count for theirs in peers) * 1e6 if peers else 0,
    )


def profile(count: int) -> None:
    """Print where a poll of so many alerts spends its time, the store's threads left out."""
    with server(count) as url, database("sqlite") as place, cProfile.Profile() as profiler:
        asyncio.run(triage(url, count, place))
    pstats.Stats(profiler).sort_stats("tottime").print_stats(45)


def main(sizes: list[int], rounds: int, store: str, peer: str) -> None:
    head = f"{'alerts':>8}{'raw/s':>9}{'triage/s':>10}{'times raw':>11}{'raw cpu us':>12}{'cpu us':>8}"
    print(f"{head}{'peak MB':>9}{'empty ms':>10}{'known ms':>10}")
    found: dict[int, Result] = {}
    for count in sizes:
        result = found[count] = compare(count, rounds, store, peer)
        print(
            f"{count:>8}{result.raw_rate:>9.0f}{result.rate:>10.0f}{result.ratio:>11.2f}"
            f"{result.raw_processor:>12.0f}{result.processor:>8.0f}{result.memory:>9.0f}{result.empty:>10.2f}{result.known:>10.2f}",
            flush=True,
        )
        if peer:
            print(f"{'':>8}the peer: {result.peer:.2f} times raw httpx, {result.peer_processor:.0f} us", flush=True)
    least = min(found.values(), key=lambda result: 1 / result.rate)
    print("\nseconds for 10,000 alerts; a bar is as long as the figure over the least")
    for count, result in found.items():
        print(f"{count:>8} alerts {10_000 / result.rate:>7.2f}  {'#' * round(8 * least.rate / result.rate)}")
    ratios = [result.ratio for result in found.values()]
    print(f"\nlongest: {max(ratios):.2f} times raw httpx (target {LONGEST:g})")
    if 10_000 in found and 100_000 in found:
        increase = found[100_000].memory - found[10_000].memory
        print(f"memory from 10,000 to 100,000 alerts: {increase:+.0f} MB (target under {LARGEST_INCREASE:g})")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(serve(int(sys.argv[2])))
    elif sys.argv[1:2] == ["--measure"]:
        kind, place, number, target = sys.argv[2:]
        done = raw(place, int(number)) if kind == "raw" else triage(place, int(number), target)
        print(json.dumps(asyncio.run(done)))
    else:
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="alerts")
        parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
        parser.add_argument("--store", choices=["sqlite", "postgresql"], default="sqlite")
        parser.add_argument("--peer", default="", metavar="PYTHON", help="an interpreter that has mcp-panther")
        parser.add_argument("--profile", type=int, metavar="N", help="profile one poll of N alerts instead")
        options = parser.parse_args()
        if options.profile:
            profile(options.profile)
        else:
            main(options.sizes, options.rounds, options.store, options.peer)
