"""Measure an alert's way through the program: `python tests/bench/investigation.py [--alerts 1,1,10,50] [--profile]`.

An embedded Panther (300 ms a call, 2 s a query) and a scripted model (3 s a turn) run in a process of their own; the
program under test is this one. Its lake has seen every statement in an unmeasured round before and answers from memory
then: on the same cores its own work would otherwise be measured as the program's waits. The model asks two queries in its first turn and concludes in its second from a fixed
recipe: it understands nothing, so these figures say what the program costs, not how good a verdict is.

The first alert of a log type pays for reading that log's questions; ask for `1` several times to see the difference.

Printed for each number of alerts at once: wall time, its ratio to the critical path (the calls that have to wait for
each other, and nothing else), CPU time of this process and peak memory an alert; then the prompt's size and the share
of it that two alerts of one detection have in common from its first byte on. Tokens are bytes divided by 4.
"""

import argparse
import asyncio
import cProfile
import itertools
import json
import multiprocessing
import os
import pstats
import re
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.llm import ScriptedLlm, call, calling, completion, concluding, recipe
from tests.support.loopback import Answer, respond
from tools.worlds import generate
from triage.app import App, open_app
from triage.domain.alert import Alert
from triage.domain.selection import Selected
from triage.domain.verdict import Investigation
from triage.edges.clock import FixedStartClock
from triage.ports import AlertQuery, Progress
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
from triage.settings import Settings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=7)
"""The program's clock. Windows that ended at the present would make each round's statements new."""
API, QUERY, MODEL = 0.3, 2.0, 3.0
_TABLE = re.compile(r"\[(panther_logs\.public\.\w+)\]")


# ---- the other process: Panther and the model ------------------------------------------------------------------------


def late(answer: Answer, seconds: float) -> Answer:
    """The same answer after a while."""

    async def wait(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await answer(writer)

    return wait


def turn(asked: dict[str, Any]) -> dict[str, Any]:
    """Two queries, then the recipe's conclusion; a request without `conclude` is the second model's, for one word."""
    text = "\n".join(message["content"] or "" for message in asked["messages"] if message["role"] == "user")
    size = len(json.dumps(asked, ensure_ascii=False).encode())
    names = {tool["function"]["name"] for tool in asked.get("tools", ())}
    if "conclude" not in names:
        found = another_result(asked)
    elif any(message["role"] == "tool" for message in asked["messages"]) or "query_lake" not in names:
        found = concluding(recipe(text))
    else:
        table = _TABLE.search(text)
        name = table[1] if table else "panther_logs.public.aws_cloudtrail"
        sql = f"SELECT p_event_time, p_log_type FROM {name} ORDER BY p_event_time DESC LIMIT"
        found = calling(
            call("query_lake", {"sql": f"{sql} 5", "reason": "What happened last?"}),
            call("query_lake", {"sql": f"{sql} 20", "reason": "What happened before?"}),
        )
    found["usage"]["prompt_tokens"] = size // 4
    return found


def another_result(asked: dict[str, Any]) -> dict[str, Any]:
    """The least that the schema of the one tool, or of the reply, takes."""
    tool = asked["tools"][0]["function"] if asked.get("tools") else None
    schema = tool["parameters"] if tool else asked.get("response_format", {}).get("json_schema", {}).get("schema", {})
    given = {name: least(node) for name, node in schema.get("properties", {}).items()}
    return completion(calls=[call(tool["name"], given)]) if tool else completion(json.dumps(given))


def least(node: dict[str, Any]) -> Any:
    """A value for one property."""
    if "enum" in node:
        return "suspicious" if "suspicious" in node["enum"] else node["enum"][0]
    kinds = {"string": "The findings say so [1].", "number": 0.5, "integer": 1, "array": [], "object": {}}
    return kinds.get(node.get("type", ""))


def other_process(pipe: Connection, world: str) -> None:
    """Serve until told to stop; gives the addresses, then the model's requests."""
    loaded = load_world(Path(world), as_recorded=True)
    options = SandboxOptions(api_latency=API, query_latency=QUERY, remember=True)

    async def serve() -> list[dict[str, Any]]:
        llm = ScriptedLlm(lambda asked: late(respond(turn(asked)), MODEL))
        with SandboxServer(loaded, options) as panther:
            async with llm:
                pipe.send((panther.url, llm.url))
                await asyncio.to_thread(pipe.recv)
        return llm.requests

    pipe.send(asyncio.run(serve()))


# ---- this process ----------------------------------------------------------------------------------------------------


def settings(panther: str, llm: str, directory: str, concurrency: int, *, patient: bool = False) -> Settings:
    """As shipped, but for the pace: 50 alerts make about 4,000 calls, which the default would stretch to 80 seconds.

    `patient`: nothing is given up, however long the embedded Panther, one process, takes over the questions of many alerts.
    """
    longer = {"max_seconds": 36_000, "query_seconds": 3_600} if patient else {}
    return Settings.model_validate(
        {
            "panther": {"url": panther, "token": "sandbox-token", "requests_per_second": 1e6, "concurrency": 64}
            | ({"timeout": "900s"} if patient else {}),
            "llm": {"base_url": llm, "model": "scripted-1"},
            "investigation": {"concurrency": concurrency, **longer},
            "store": {"url": f"sqlite:///{directory}/triage.db"},
        }
    )


class Watch:
    """Peak memory while it runs."""

    def __init__(self) -> None:
        self.start = self.peak = resident()

    async def run(self) -> None:
        """Look every 50 ms."""
        while True:
            self.peak = max(self.peak, resident())
            await asyncio.sleep(0.05)


def resident() -> int:
    """Bytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def one(app: App, alert_id: str) -> Investigation:
    """One alert, from its claim to its verdict."""
    now = app.clock.now()
    await app.store.queue.enqueue(alert_id, now=now, fresh=True)
    claim = await app.store.queue.claim("bench", now=now, lease_seconds=3600, alert_id=alert_id)
    assert claim is not None

    def observe(progress: Progress) -> None:
        pass

    found = await app.pipeline.triage(claim, observe=observe, forced=True)
    assert isinstance(found, Investigation)
    return found


async def critical_path(app: App, found: Investigation) -> float:
    """Seconds of the calls of one run that have to wait for each other.

    The alert; its events; one query (started, run, read); then each turn of the model, and for each turn that called
    tools one query more.
    """
    keys = [key for key, _, _ in await app.store.journal.entries(found.run_id)]
    turns = sum(key.startswith(("model/", "adjudicat")) for key in keys)
    tools = len({key.split("/")[1] for key in keys if key.startswith("tools/")})
    return 2 * API + (1 + tools) * (QUERY + 2 * API) + turns * MODEL


async def rehearse(panther: str, llm: str, count: int) -> None:
    """Ask everything once, in a store of its own."""
    with tempfile.TemporaryDirectory() as directory:
        clock = FixedStartClock(LATER)
        async with open_app(settings(panther, llm, directory, count), clock=clock, write=False) as app:
            alerts = await listed(app)
            await app.store.queue.save([(alert, Selected(reason="bench")) for alert in alerts], now=clock.now())
            await asyncio.gather(*(one(app, alert.id) for alert in alerts[:count]))


async def listed(app: App) -> list[Alert]:
    """Every alert that has events, newest first."""
    alerts: list[Alert] = []
    cursor = None
    while True:
        page = await app.panther.alerts.page(AlertQuery(ascending=False), cursor)
        alerts += [alert for alert in page.alerts if alert.first_event_at is not None]
        cursor = page.cursor
        if cursor is None:
            return alerts


async def measure(panther: str, llm: str, counts: list[int], profiled: bool) -> None:
    """Warm up with one alert, then each number at once."""
    await rehearse(panther, llm, max(counts))
    with tempfile.TemporaryDirectory() as directory:
        clock = FixedStartClock(LATER)
        async with open_app(settings(panther, llm, directory, max(counts)), clock=clock, write=False) as app:
            alerts = await listed(app)
            await app.store.queue.save([(alert, Selected(reason="bench")) for alert in alerts], now=clock.now())
            start, cpu = time.monotonic(), time.process_time()
            await one(app, alerts[-1].id)
            print(
                f"warm-up (imports, probe): {time.monotonic() - start:.1f} s wall, {time.process_time() - cpu:.2f} s CPU"
            )
            print(
                f"load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores (above 1: the waits are the machine's)"
            )
            print(
                f"{'at once':>8}{'wall s':>9}{'path s':>9}{'ratio':>8}{'CPU ms/alert':>14}{'MB/alert':>10}{'slowest':>9}"
            )
            singles = 0
            for count in counts:
                ids = [alerts[place % len(alerts)].id for place in range(count)]
                if count == 1:
                    ids = [alerts[singles % len(alerts)].id]
                    singles += 1
                if len(set(ids)) < count:
                    print(f"the world has only {len(alerts)} alerts with events", file=sys.stderr)
                    ids = list(dict.fromkeys(ids))
                watch = Watch()
                watcher = asyncio.create_task(watch.run())
                profile = cProfile.Profile() if profiled else None
                if profile:
                    profile.enable()
                start, cpu = time.monotonic(), time.process_time()
                walls: list[float] = []

                async def timed(alert_id: str, begin: float, walls: list[float]) -> Investigation:
                    found = await one(app, alert_id)
                    walls.append(time.monotonic() - begin)
                    return found

                done = await asyncio.gather(*(timed(alert_id, start, walls) for alert_id in ids))
                wall, spent = time.monotonic() - start, time.process_time() - cpu
                if profile:
                    profile.disable()
                watcher.cancel()
                paths = [await critical_path(app, found) for found in done]
                path = statistics.median(paths)
                grown = (watch.peak - watch.start) / len(ids) / 1e6
                print(
                    f"{len(ids):>8}{statistics.median(walls):>9.1f}{path:>9.1f}{statistics.median(walls) / path:>8.2f}"
                    f"{1000 * spent / len(ids):>14.0f}{grown:>10.1f}{wall:>9.1f}",
                    flush=True,
                )
                if profile:
                    pstats.Stats(profile).sort_stats("tottime").print_stats(35)


def alike(first: str, second: str) -> int:
    """Characters that two texts have in common from the first one on."""
    return next(
        (place for place, (one, other) in enumerate(zip(first, second, strict=False)) if one != other),
        min(len(first), len(second)),
    )


def prompts(requests: list[dict[str, Any]]) -> None:
    """Sizes of the prompts, and what two of one detection share."""
    openings = [asked for asked in requests if len(asked["messages"]) == 2 and len(asked.get("tools", ())) > 1]
    tokens = sorted(len(json.dumps(asked, ensure_ascii=False).encode()) // 4 for asked in openings)
    if not tokens:
        return
    p95 = tokens[min(len(tokens) - 1, int(0.95 * len(tokens)))]
    print(f"\nprompt of the first turn: median {statistics.median(tokens):.0f}, p95 {p95} tokens, {len(tokens)} alerts")
    by_detection: dict[str, list[str]] = defaultdict(list)
    for asked in openings:
        # Providers lay a prompt out as tools, then messages.
        text = json.dumps(asked["tools"]) + "".join(message["content"] for message in asked["messages"])
        user = asked["messages"][1]["content"]
        by_detection[user[: user.index("# Questions")]].append(text)
    shares = []
    for texts in by_detection.values():
        for first, second in itertools.pairwise(texts):
            if first != second:
                shares.append(alike(first, second) / len(second))
    if shares:
        print(
            f"identical prefix of two alerts of one detection: median {statistics.median(shares):.0%}, "
            f"from {min(shares):.0%} to {max(shares):.0%}, {len(shares)} pairs"
        )
    asked = openings[0]
    parts = {
        "tools": len(json.dumps(asked["tools"])),
        "instructions": len(asked["messages"][0]["content"]),
        "detection": asked["messages"][1]["content"].index("# Questions"),
        "questions": asked["messages"][1]["content"].index("# Alert")
        - asked["messages"][1]["content"].index("# Questions"),
        "rest": len(asked["messages"][1]["content"]) - asked["messages"][1]["content"].index("# Alert"),
    }
    print("bytes of one prompt: " + ", ".join(f"{name} {size}" for name, size in parts.items()))


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alerts", default="1,1,1,10,50", help="Numbers of alerts at once; each 1 is another alert.")
    parser.add_argument("--profile", action="store_true", help="Print where this process spends its time.")
    parser.add_argument("--world", default="", help="A world's directory; else one is generated.")
    given = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as scratch:
        world = given.world or str(generate(Path(scratch) / "world", seed=1, now=NOW))
        here, there = context.Pipe()
        child = context.Process(target=other_process, args=(there, world), daemon=True)
        child.start()
        panther, llm = here.recv()
        try:
            asyncio.run(measure(panther, llm, [int(part) for part in given.alerts.split(",")], given.profile))
        finally:
            here.send("stop")
            requests = here.recv()
            child.join(10)
    prompts(requests)


if __name__ == "__main__":
    main()
