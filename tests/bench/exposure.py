"""Measure the export of all alerts: `python tests/bench/exposure.py [--sizes 10000 100000] [--rounds 1] [--kills 20]`.

The embedded Panther serves the alerts in a process of its own, in pages of 50, the most that Panther's API gives. Against
it, in turns and each in a fresh process:

- raw: an httpx loop that fetches the same pages with the same operation and parses each with `response.json()`;
- export: `triage export risks --no-events --state FILE --out FILE`, from its start to its exit: start-up, reading, the
  state file, and writing every line.

Printed for each size: alerts per second of both, how many times as long the export took, microseconds of processor time
per alert of both, which a busy machine blurs less, and the export's peak memory. The titles name 2,000 addresses. `--bare`
puts the server of `ingest.py` in the embedded Panther's place; it answers many times faster, so that the export's own
work shows.

Then `--kills` exports of `--kill-size` alerts, their events included, are killed (SIGKILL) again and again at random
moments until one ends. The file of that one is compared with the file of an export that nobody disturbed: each alert
once, none missing.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import httpx

from tests.bench import ingest
from tests.support.tiny_world import RULES, event, write_files
from triage.edges.panther.graphql import request_of
from triage.edges.panther.operations import ALERTS
from triage.edges.panther.wire import stamp
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import load_world

ROOT = Path(__file__).parents[2]
NOW = ingest.NOW
PAGE = 50
WINDOW = timedelta(days=30)
LONGEST = 2.0
"""Times as long as raw httpx that an export may take."""
LARGEST_INCREASE = 50.0
"""MB of memory that ten times as many alerts may cost."""
SEVERITIES = ("INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL")
STATUSES = ("OPEN", "TRIAGED", "RESOLVED", "CLOSED")


# ---- the server --------------------------------------------------------------------------------------------------


def world(directory: Path, count: int, *, events: bool) -> Path:
    """A world of so many alerts within the window; about a kilobyte each."""
    apart = WINDOW * 0.9 / count

    def alerts() -> Iterator[dict[str, object]]:
        for number in range(count):
            created = NOW - WINDOW * 0.95 + apart * number
            yield {
                "id": f"{number:032x}",
                "title": f"Role assumed by user-{number % 997}@kiln.example from 10.0.{number % 8}.{number % 251}",
                "description": "A role was assumed from a network that this account has not used before. " * 3,
                "runbook": "1. Find out who assumed the role.\n2. Ask whether the network is theirs.\n" * 4,
                "reference": "https://docs.example/detections/role-assumed",
                "severity": SEVERITIES[number % 5],
                "status": STATUSES[number % 4],
                "type": ("RULE", "POLICY", "CORRELATION_RULE")[number % 3],
                "createdAt": stamp(created),
                "updatedAt": stamp(created),
                "firstEventOccurredAt": stamp(created - timedelta(minutes=4)),
                "lastReceivedEventAt": stamp(created - timedelta(minutes=1)),
                "detectionId": "Door.Open",
                "detectionType": "RULE",
                "eventCount": 1,
            }

    matches = (
        event(1)
        | {
            "p_row_id": f"m{number}",
            "p_alert_id": f"{number:032x}",
            "p_log_type": "AWS.CloudTrail",
            "sourceIPAddress": f"10.0.{number % 8}.{number % 251}",
            "p_any_aws_arns": [f"arn:aws:s3:::bucket-{number % 500}"],
        }
        for number in range(count if events else 1)
    )
    files = {"alerts": alerts(), "rules": RULES, "lake/panther_rule_matches/aws_cloudtrail": matches}
    return write_files(directory, stamp(NOW), files)


def serve(directory: str, count: int, events: bool) -> None:
    """Serve a world until standard input ends."""
    with SandboxServer(load_world(world(Path(directory), count, events=events), as_recorded=True)) as server:
        print(server.url, flush=True)
        sys.stdin.read()


@contextmanager
def server(count: int, *, events: bool = False, bare: bool = False) -> Iterator[str]:
    """The server's URL."""
    if bare:
        with ingest.server(count) as url:
            yield url
        return
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, __file__, "--serve", directory, str(count), str(int(events))]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
            process.communicate()


# ---- what is measured --------------------------------------------------------------------------------------------


async def raw(url: str, count: int) -> tuple[float, float]:
    """Seconds, and seconds of processor time, to fetch and parse every page with httpx alone."""
    request, name = request_of(ALERTS)
    assert request.document.loc is not None
    asked = {
        "createdAtAfter": stamp(NOW - WINDOW),
        "createdAtBefore": stamp(NOW),
        "pageSize": PAGE,
        "sortBy": "createdAt",
        "sortDir": "ascending",
        "type": "ALERT",
    }
    payload = {"operationName": name, "query": request.document.loc.source.body, "variables": {"input": asked}}
    seen = 0
    start, processor = time.perf_counter(), time.process_time()
    async with httpx.AsyncClient(headers={"x-api-key": "sandbox-token"}, timeout=60) as client:
        while True:
            page = (await client.post(url, json=payload)).json()["data"]["alerts"]
            seen += len(page["edges"])
            if not page["pageInfo"]["hasNextPage"]:
                break
            asked["cursor"] = page["pageInfo"]["endCursor"]
    if seen != count:
        raise SystemExit(f"the server gave {seen} of {count} alerts")
    return time.perf_counter() - start, time.process_time() - processor


def configured(directory: Path, url: str) -> None:
    """The client's own pace is lifted, for it would be the only thing measured."""
    text = f"panther: {{url: '{url}', token: sandbox-token, requests_per_second: 100000}}\n"
    (directory / "config.yaml").write_text(text + f"store: {{url: 'sqlite:///{directory}/triage.db'}}\n")


def start(directory: Path, out: str, *, events: bool) -> subprocess.Popen[bytes]:
    """Start an export in a process of its own."""
    command = [sys.executable, "-m", "triage", "export", "risks", "--state", "state.db", "--out", out]
    command += ["--events" if events else "--no-events", "--since", "30d", "--now", stamp(NOW)]
    return subprocess.Popen(command, cwd=directory, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE)


@dataclass(frozen=True, slots=True)
class Exported:
    """One export, undisturbed."""

    seconds: float
    processor: float
    """Seconds of processor time."""
    memory: float
    """Peak, in MB."""
    ids: list[str]
    """The alerts of its lines."""


def export(url: str, count: int, *, events: bool = False) -> Exported:
    """Run an export to its end."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        configured(directory, url)
        began = time.perf_counter()
        process = start(directory, "risks.jsonl", events=events)
        assert process.stderr is not None
        said = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(said)
        found = ids(directory / "risks.jsonl")
    if len(found) != count or len(set(found)) != count:
        raise SystemExit(f"{len(found)} lines of {len(set(found))} alerts, not {count}")
    return Exported(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, found)


def ids(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line)["alert_id"] for line in file]


@dataclass(frozen=True, slots=True)
class Killed:
    """What killing one export again and again has shown."""

    kills: int
    lost: int
    repeated: int


def killed(url: str, whole: list[str], seconds: float, chance: random.Random) -> Killed:
    """Kill exports on one state file until one ends, and compare what all of them wrote with an undisturbed one.

    Each process has a file of its own name, so that a line that two of them deliver shows.
    """
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        configured(directory, url)
        kills = 0
        while True:
            process = start(directory, f"{kills}.jsonl", events=True)
            assert process.stderr is not None
            # Start-up takes a part of it; the last ones fall into the writing.
            limit = chance.uniform(0.3, 1.1) * seconds / (1 + kills % 3)
            try:
                _, said = process.communicate(timeout=max(limit, 0.5))
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                process.communicate()
                kills += 1
                continue
            if process.returncode:
                raise SystemExit(said.decode())
            break
        found = [name for path in sorted(directory.glob("*.jsonl")) for name in ids(path)]
    return Killed(kills, len(set(whole) - set(found)), len(found) - len(set(found)))


def main(sizes: list[int], rounds: int, kills: int, kill_size: int, seed: int, *, bare: bool) -> None:
    print(f"{'alerts':>8}{'raw/s':>9}{'export/s':>10}{'times raw':>11}{'raw cpu us':>12}{'cpu us':>8}{'peak MB':>9}")
    ratios, memory = [], {}
    for count in sizes:
        with server(count, bare=bare) as url:
            for _ in range(rounds):
                seconds, processor = measured_raw(url, count)
                ours = export(url, count)
                memory[count] = ours.memory
                ratios.append(ours.seconds / seconds)
                rates = f"{count / seconds:>9.0f}{count / ours.seconds:>10.0f}{ratios[-1]:>11.2f}"
                each = f"{processor / count * 1e6:>12.0f}{ours.processor / count * 1e6:>8.0f}"
                print(f"{count:>8}{rates}{each}{ours.memory:>9.0f}", flush=True)
    if ratios:
        print(f"\nlongest: {max(ratios):.2f} times raw httpx (target {LONGEST:g})")
    if 10_000 in memory and 100_000 in memory:
        increase = memory[100_000] - memory[10_000]
        print(f"memory from 10,000 to 100,000 alerts: {increase:+.0f} MB (target under {LARGEST_INCREASE:g})")
    if not kills:
        return
    chance = random.Random(seed)
    with server(kill_size, events=True) as url:
        whole = export(url, kill_size, events=True)
        found: list[Killed] = []
        while sum(each.kills for each in found) < kills:
            found.append(killed(url, whole.ids, whole.seconds, chance))
    print(
        f"{len(found)} exports of {kill_size} alerts with their events, killed {sum(each.kills for each in found)} times: "
        f"{sum(each.lost for each in found)} alerts lost, {sum(each.repeated for each in found)} repeated"
    )


def measured_raw(url: str, count: int) -> tuple[float, float]:
    """The raw loop in a process of its own."""
    command = [sys.executable, __file__, "--raw", url, str(count)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    seconds, processor = json.loads(ran.stdout)
    return seconds, processor


if __name__ == "__main__":
    assert datetime.now(UTC) < NOW
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], int(sys.argv[3]), sys.argv[4] == "1")
    elif sys.argv[1:2] == ["--raw"]:
        print(json.dumps(asyncio.run(raw(sys.argv[2], int(sys.argv[3])))))
    else:
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000], help="alerts")
        parser.add_argument("--rounds", type=int, default=1, help="turns of each side")
        parser.add_argument("--kills", type=int, default=20, help="at least so many; 0: none")
        parser.add_argument("--kill-size", type=int, default=2_000, help="alerts of the exports that are killed")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--bare", action="store_true", help="measure against a server that does nothing else")
        options = parser.parse_args()
        main(options.sizes, options.rounds, options.kills, options.kill_size, options.seed, bare=options.bare)
