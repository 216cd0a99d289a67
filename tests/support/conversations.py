"""An investigation of the tiny world's first alert by a scripted model: with a journal on the heap, or whole in a store."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from tests.support.clocks import FakeClock
from tests.support.llm import ScriptedLlm, call, calling, concluding
from tests.support.notebook import Notebook
from tests.support.panther import TOKEN, config
from tests.support.small_dossier import ALERT_ID, NONCE, dossier
from triage.app import open_app
from triage.domain.selection import Selected
from triage.domain.verdict import Investigation
from triage.edges.clock import FixedStartClock, SystemClock
from triage.edges.llm import open_model
from triage.edges.panther.client import connect
from triage.edges.prompts import load_prompts
from triage.edges.store import open_store
from triage.pipeline.judgement import objections
from triage.pipeline.run import Pipeline
from triage.ports import Claim, Journal, Progress
from triage.sandbox.server import SandboxServer
from triage.settings import InvestigationSettings, LlmSettings, Settings
from triage.stages.investigation import Conclusion, Toolbox, run_investigation
from triage.stages.model_calls import ModelContext

PROMPTS = load_prompts()
DOORS = {"sql": "SELECT door, state FROM panther_logs.public.custom_door ORDER BY door", "reason": "Which doors?"}
NAMES = {"database": "panther_logs"}


_MOST_PROCESSES = 20


async def investigated(
    server: SandboxServer,
    llm: ScriptedLlm,
    journal: Notebook,
    seen: list[Progress] | None = None,
    *,
    more: dict[str, Any] | None = None,
    llm_settings: dict[str, Any] | None = None,
    **settings: Any,
) -> Conclusion:
    """Investigate the tiny alert with a scripted model.

    Args:
        server: The tiny world.
        llm: The model.
        journal: Of the run.
        seen: Receives what a person at a terminal sees.
        more: Further fields of the `ModelContext`.
        llm_settings: Changes to the model's settings.
        settings: Changes to the investigation's.
    """
    clock = FakeClock()
    chosen = InvestigationSettings(**settings)
    async with (
        connect(config(server.rest_url), clock=SystemClock()) as panther,
        open_model(LlmSettings(base_url=llm.url, **(llm_settings or {})), clock=clock) as model,
    ):
        box = Toolbox(dossier(), lake=panther.lake, alerts=panther.alerts, rules=panther.rules, settings=chosen)
        context = ModelContext(
            model=model,
            journal=journal,
            prompts=PROMPTS,
            clock=clock,
            settings=chosen,
            max_output_tokens=1_000,
            **(more or {}),
        )
        return await run_investigation(
            dossier(),
            context,
            toolbox=box,
            nonce=NONCE,
            check=objections,
            observe=(seen if seen is not None else []).append,
        )


def inquisitive(asked: dict[str, Any]) -> Any:
    """Asks two things at once, then one, then concludes from the second answer."""
    answers = sum(message["role"] == "tool" for message in asked["messages"])
    if answers == 0:
        return calling(call("query_lake", DOORS), call("list_tables", NAMES))
    if answers == 2:
        return calling(call("more_events", {"offset": 1}))
    cited = {"kind": "value", "evidence": "E2", "row": 2, "column": "door", "value": 3}
    return concluding(
        verdict="malicious",
        findings=[{"text": "Door 3 is there.", "direction": "malicious", "citations": [cited]}],
    )


# ---- a whole run, in a store of its own ------------------------------------------------------------------------------


def run_settings(panther: str, llm: str, directory: Path | str, **investigation: Any) -> Settings:
    """A configuration for one Panther and one model."""
    return Settings.model_validate(
        {
            "panther": {"url": panther, "token": TOKEN, "requests_per_second": 1e6},
            "llm": {"base_url": llm, "model": "scripted-1", "prices": {"scripted-1": {"input": 1.0, "output": 2.0}}},
            "investigation": investigation,
            "store": {"url": f"sqlite:///{directory}/triage.db"},
        }
    )


class DeadlyJournal:
    """A journal that ends the process, without any warning, after so many journalled steps of the model or its tools."""

    def __init__(self, journal: Journal, after: int) -> None:
        self._journal = journal
        self._left = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def append(self, claim: Claim, key: str, kind: str, payload: JsonValue, *, now: datetime) -> bool:
        kept = await self._journal.append(claim, key, kind, payload, now=now)
        if kind in {"model", "tool"}:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return kept


async def run_alert(
    settings: Settings, now: datetime, *, dies_after: int = 0, alert_id: str = ALERT_ID
) -> Investigation:
    """Triage the tiny world's alert: afresh, or from where a killed process left it."""
    clock = FixedStartClock(now)
    async with open_app(settings, clock=clock, write=False) as app:
        pipeline: Pipeline = app.pipeline
        if dies_after:
            journal: Any = DeadlyJournal(app.store.journal, dies_after)
            pipeline = replace(pipeline, store=replace(app.store, journal=journal))
        record = await app.store.records.find(alert_id)
        if record is None:
            alert = await app.panther.alerts.alert(alert_id)
            await app.store.queue.save([(alert, Selected(reason="a test"))], now=now)
        claim = await app.store.queue.claim("w", now=clock.now(), lease_seconds=0.01, alert_id=alert_id)
        assert claim is not None
        found = await pipeline.triage(claim, observe=lambda _: None, forced=True)
        assert isinstance(found, Investigation)
        return found


async def spent(settings: Settings) -> Any:
    """What the store's book holds."""
    store = await open_store(settings.store.url)
    try:
        return await store.ledger.spent(since=datetime.fromisoformat("2000-01-01T00:00:00+00:00"))
    finally:
        await store.close()


def _forked(panther: str, llm: str, directory: str, now: str, dies_after: int) -> None:
    """Triage in a process of its own again and again, each a minute later, until one is not killed.

    The processes are forked from this one, which has no thread and has imported everything: a start costs nothing.
    """
    settings, moment = run_settings(panther, llm, directory), datetime.fromisoformat(now)
    for number in range(_MOST_PROCESSES):
        child = os.fork()
        if child == 0:
            found = asyncio.run(run_alert(settings, moment + timedelta(minutes=number), dies_after=dies_after))
            print(found.model_dump_json(), flush=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            sys.exit(os.waitstatus_to_exitcode(status))
        print(f"killed by {os.WTERMSIG(status)}", flush=True)
    sys.exit("killed too often")


if __name__ == "__main__":
    _forked(*sys.argv[1:5], dies_after=int(sys.argv[5]))
