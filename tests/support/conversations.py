"""An investigation of the tiny world's first alert by a scripted model: with a journal on the heap, or whole in a store."""

from datetime import datetime
from pathlib import Path
from typing import Any

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
from triage.ports import Progress
from triage.sandbox.server import SandboxServer
from triage.settings import InvestigationSettings, LlmSettings, Settings
from triage.stages.investigation import Conclusion, Toolbox, run_investigation
from triage.stages.model_calls import ModelContext

PROMPTS = load_prompts()
DOORS = {"sql": "SELECT door, state FROM panther_logs.public.custom_door ORDER BY door", "reason": "Which doors?"}
NAMES = {"database": "panther_logs"}


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


async def run_alert(settings: Settings, now: datetime) -> Investigation:
    """Triage the tiny world's alert."""
    clock = FixedStartClock(now)
    async with open_app(settings, clock=clock, write=False) as app:
        alert = await app.panther.alerts.alert(ALERT_ID)
        await app.store.queue.save([(alert, Selected(reason="a test"))], now=now)
        claim = await app.store.queue.claim("w", now=clock.now(), lease_seconds=60, alert_id=ALERT_ID)
        assert claim is not None
        found = await app.pipeline.triage(claim, observe=lambda _: None, forced=True)
        assert isinstance(found, Investigation)
        return found


async def spent(settings: Settings) -> Any:
    """What the store's book holds."""
    store = await open_store(settings.store.url)
    try:
        return await store.ledger.spent(since=datetime.fromisoformat("2000-01-01T00:00:00+00:00"))
    finally:
        await store.close()
