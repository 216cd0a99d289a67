"""What a user waits for and what repeats, as ratios of processor time in one run: `python tests/bench/speed.py [--demo]`.

- `bind`: a shipped question bound the whole way through the guard, over the same bound again with new values (median
  over questions);
- `lake`: a batch of shipped questions translated as a whole, over the same questions with other values later;
- `list`, `status`, `check`: a whole command on an empty state, over a process that only imports click, pydantic and
  sqlalchemy (median of three); `check` asks an embedded Panther in another process, which answers at once;
- `filled`: `triage list` over 5,000 stored alerts, over the same floor;
- `ingest`: a poll of 1,000 alerts into a new SQLite file, over a raw httpx loop that parses the same pages (median of
  three, each side in a process of its own);
- `alert`: an alert after the first of its log type, by a scripted model, over the same floor (median of six alerts, the
  least of three rounds);
- `requests`: what an alert with its comment costs Panther without reads again (`requests.py`); a count, not a ratio;
- `demo` (with `--demo`, a minute): `triage demo` over the same floor.

Processor time, because other programs on a machine stretch the clock's.
"""

import asyncio
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench import history, ingest
from tests.support.cli import write_config
from tests.support.stores import sqlite_url
from tests.support.tiny_world import write_world
from triage.app import open_app
from triage.domain.selection import Selected
from triage.domain.sql import ParameterType, ParameterValue, QueryTemplate
from triage.domain.sql.batch import batch_queries
from triage.domain.window import TimeWindow
from triage.edges.clock import FixedStartClock
from triage.logtypes import shipped_log_types
from triage.stages.enrichment import load_playbooks

ROOT = Path(__file__).parents[2]
BASELINE = {
    "bind": 170.0,
    "lake": 23.0,
    "list": 1.7,
    "status": 1.7,
    "check": 5.5,
    "filled": 2.2,
    "ingest": 9.0,
    "alert": 0.65,
    "requests": 15.64,
    "demo": 107.0,
}
"""Figures of 2026-11-30 (`ingest` of 2026-12-01), against which the slow tier compares."""
EXACT = frozenset({"requests"})
"""Counts, which no load changes."""
FASTER = frozenset({"bind", "lake"})
"""Ratios of the slow way over the fast one; of the others less is better."""

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WINDOW = TimeWindow(NOW - timedelta(days=7), NOW)
FLOOR = [sys.executable, "-c", "import click, pydantic, sqlalchemy; pydantic.BaseModel"]


def templates() -> list[QueryTemplate]:
    """The template of every thirtieth shipped question, over all log types."""
    playbooks = load_playbooks([ROOT / "prompts" / "playbooks"], proven=[ROOT / "prompts" / "playbooks"])
    found: dict[str, QueryTemplate] = {}
    for file in shipped_log_types():
        if file.terms:
            for asked in playbooks.questions_for([file.log_type], kinds=[], tags=[], detection_id="x"):
                found.setdefault(asked.template.text, asked.template)
    return list(found.values())[::30]


def values(template: QueryTemplate, word: str) -> dict[str, ParameterValue]:
    """A value of each parameter."""
    kinds: dict[ParameterType, ParameterValue] = {
        ParameterType.STRINGS: (word, f"{word}2"),
        ParameterType.TIMESTAMP: NOW,
    }
    return {name: kinds.get(kind, word) for name, kind in template.parameters.items()}


def seconds(work: Callable[[], object], times: int = 3) -> float:
    """The least processor time of several runs."""
    found = []
    for _ in range(times):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def bind_ratio(asked: Sequence[QueryTemplate]) -> tuple[float, float]:
    """Whole way over bound again, and the latter's milliseconds."""
    ratios, costs = [], []
    for template in asked:
        given = values(template, "first")
        template.bind(given, window=WINDOW, limit=50, now=NOW)
        whole = seconds(
            lambda t=template, g=given: replace(t, _prepared={}, _proven=set()).bind(
                g, window=WINDOW, limit=50, now=NOW
            )
        )  # type: ignore[misc]  # bound defaults
        given_anew = [values(template, f"other{number}") for number in range(3)]
        again = min(
            seconds(lambda t=template, o=other: t.bind(o, window=WINDOW, limit=50, now=NOW), 1)  # type: ignore[misc]  # bound defaults
            for other in given_anew
        )
        ratios.append(whole / again)
        costs.append(again * 1000)
    return median(ratios), median(costs)


def lake_ratio(asked: Sequence[QueryTemplate]) -> float:
    """A batch's own translation over that of one whose questions were translated before."""
    from triage.sandbox.columns import SqlKind  # noqa: PLC0415 - needs the extra `sandbox`
    from triage.sandbox.sql.repeated import Translator  # noqa: PLC0415
    from triage.sandbox.sql.translate import translate  # noqa: PLC0415

    def batch(word: str) -> str:
        parts = [(each.bind(values(each, word), window=WINDOW, limit=50, now=NOW), each.columns) for each in asked]
        return batch_queries([part for part in parts if part[1]][:10]).sql

    first, other = batch("first"), batch("other")
    tables = {tuple(word.split(".public.")) for word in first.replace("(", " ").split() if ".public." in word}
    catalog = {table: {"p_event_time": SqlKind.MOMENT} for table in tables}
    translator = Translator(catalog)  # type: ignore[arg-type]  # pairs of names
    translator.translate(first, database="panther_logs", now=NOW)
    whole = seconds(lambda: translate(other, catalog, database="panther_logs", now=NOW))  # type: ignore[arg-type]  # as above
    return whole / seconds(lambda: translator.translate(other, database="panther_logs", now=NOW))


def process_seconds(command: Sequence[str], directory: Path) -> float:
    """Processor time of a whole process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    before = os.times()
    subprocess.run(command, cwd=directory, env=environment, check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def start_ratios() -> dict[str, float]:
    """Of `list`, `status` and `check`."""
    triage = [sys.executable, "-m", "triage"]
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        world = str(write_world(directory / "world"))
        serve = [*triage, "sandbox", "serve", "--world", world]
        server = subprocess.Popen(serve, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert server.stdout is not None
            write_config(directory, server.stdout.readline().split()[-1])
            floor = median(process_seconds(FLOOR, directory) for _ in range(5))
            found = {}
            for command in ("check", "list", "status"):
                found[command] = median(process_seconds([*triage, command], directory) for _ in range(3)) / floor
            return found
        finally:
            server.terminate()
            # Reads what is left and closes the pipe.
            server.communicate()


def filled_ratio() -> float:
    """Of `list` on a store of a month."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        asyncio.run(history.fill(directory, 5_000))
        text = history.CONFIG.format(url="http://127.0.0.1:1", store=sqlite_url(directory))
        (directory / "config.yaml").write_text(text, encoding="utf-8")
        floor = median(process_seconds(FLOOR, directory) for _ in range(5))
        command = [sys.executable, "-m", "triage", "list"]
        return median(process_seconds(command, directory) for _ in range(3)) / floor


def ingest_ratio() -> float:
    """Of polling, by the processor's time."""
    found = ingest.compare(1_000, 3)
    return found.processor / found.raw_processor


def floor_seconds() -> float:
    """Processor time of the process that only imports."""
    with tempfile.TemporaryDirectory() as name:
        return median(process_seconds(FLOOR, Path(name)) for _ in range(5))


async def again_seconds(panther: str, llm: str, *, alerts: int = 6, rounds: int = 3) -> list[float]:
    """Processor time of alerts, each the least of its rounds after a first one."""
    from tests.bench.investigation import LATER, listed, one, settings  # noqa: PLC0415 - needs the extra `sandbox`

    spent: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as directory:
        async with open_app(settings(panther, llm, directory, 1), clock=FixedStartClock(LATER), write=False) as app:
            found = (await listed(app))[:alerts]
            await app.store.queue.save([(alert, Selected(reason="bench")) for alert in found], now=app.clock.now())
            for number in range(rounds + 1):
                for alert in found:
                    start = time.process_time()
                    await one(app, alert.id)
                    if number:
                        spent.setdefault(alert.id, []).append(time.process_time() - start)
    return [min(each) for each in spent.values()]


def alert_ratio() -> float:
    """Of an alert after the first of its log type."""
    from tests.bench.requests import serve  # noqa: PLC0415 - needs the extra `sandbox`
    from tools.worlds import generate  # noqa: PLC0415

    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    with tempfile.TemporaryDirectory() as name:
        world = str(generate(Path(name) / "world", seed=1, now=NOW))
        child = context.Process(target=serve, args=(there, world, 0.0), daemon=True)
        child.start()
        try:
            return median(asyncio.run(again_seconds(*here.recv()))) / floor_seconds()
        finally:
            here.send("stop")
            child.join(10)


def requests_of_an_alert() -> float:
    """A count, whatever the load."""
    from tests.bench.requests import counted  # noqa: PLC0415 - needs the extra `sandbox`

    (found,) = counted(["offline, comments"]).values()
    return round(found.exact / found.alerts, 2)


def demo_ratio() -> float:
    """Of `triage demo`."""
    with tempfile.TemporaryDirectory() as name:
        floor = median(process_seconds(FLOOR, Path(name)) for _ in range(5))
        return process_seconds([sys.executable, "-m", "triage", "demo"], Path(name)) / floor


def measured(*, demo: bool) -> dict[str, float]:
    """All ratios by name."""
    asked = templates()
    ratio, cost = bind_ratio(asked)
    print(f"bind again: {cost:.3f} ms (median over {len(asked)} questions)")
    found = {
        "bind": ratio,
        "lake": lake_ratio(asked),
        **start_ratios(),
        "filled": filled_ratio(),
        "ingest": ingest_ratio(),
        "alert": alert_ratio(),
        "requests": requests_of_an_alert(),
    }
    return {**found, "demo": demo_ratio()} if demo else found


def main() -> None:
    """Measure and print."""
    for name, ratio in measured(demo="--demo" in sys.argv[1:]).items():
        print(f"{name:<8} {ratio:6.2f}   (2026-11-30: {BASELINE[name]:.2f})")


if __name__ == "__main__":
    main()
