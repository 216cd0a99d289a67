"""Run the labelled alerts of a world through the whole program, served by the embedded Panther."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import RootModel

from triage.app import App, open_app
from triage.domain.yaml_lines import read_yaml
from triage.edges.clock import SystemClock
from triage.errors import TriageError
from triage.evaluation.labels import Label
from triage.evaluation.offline_panther import NoLake
from triage.evaluation.outcome import (
    LEASE_SECONDS,
    AlertOutcome,
    EvaluationRun,
    Finished,
    investigate_all,
    investigate_claim,
    labels_that_count,
    with_investigation,
)
from triage.pipeline.single import claim_alert
from triage.ports import Lake
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
from triage.settings import AllowedActivity, Settings

ALLOWED_FILE = "allowed.yaml"
"""The operator's list of a world, as `investigation.allowed` of a configuration has it."""


class FrozenClock(SystemClock):
    """A clock whose time never moves, so that two evaluations ask the same questions. Sleeping takes real time."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        """Always the same moment."""
        return self._now


def allowed_of(world: Path) -> tuple[AllowedActivity, ...]:
    """What a world's operator has authorised: a list as in `investigation.allowed`. Raises ConfigError."""
    path = world / ALLOWED_FILE
    if not path.is_file():
        return ()
    file = read_yaml(path)
    return () if file.value is None else file.validate(RootModel[tuple[AllowedActivity, ...]]).root


def _settings(settings: Settings, server: SandboxServer, store: Path, world: Path) -> Settings:
    # The embedded Panther, whatever the user's own is like.
    changes = {"url": server.url, "rest_url": "", "auth": "x-api-key", "lake": "snowflake", "requests_per_second": 1e6}
    panther = settings.panther.model_copy(update=changes)
    investigation = settings.investigation.model_copy(update={"allowed": allowed_of(world)})
    return settings.model_copy(
        update={
            "panther": panther,
            "investigation": investigation,
            "store": settings.store.model_copy(update={"url": f"sqlite:///{store}"}),
        }
    )


async def evaluate(
    world: Path,
    labels: Sequence[Label],
    settings: Settings,
    *,
    repeat: int = 1,
    alert_only: bool = False,
    progress: Callable[[Finished], None] = lambda _finished: None,
) -> EvaluationRun:
    """Investigate every labelled alert of a world.

    Args:
        world: A world directory; it keeps its recorded times.
        labels: What is right; only who counts is investigated.
        settings: Whose model, prompts, playbooks and limits are used; Panther and store are the evaluation's own.
        repeat: Investigations of each alert.
        alert_only: Without the data lake.
        progress: Called for each finished alert.

    Raises:
        ConfigError, NotFound: the world or a label is wrong.
    """
    loaded = load_world(world, as_recorded=True)
    wanted = labels_that_count(labels, loaded.alerts, missing=f"are not in the world {world}")
    async with AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="triage-eval-")))
        server = stack.enter_context(SandboxServer(loaded, SandboxOptions(any_token=True)))
        clock = FrozenClock(loaded.now)
        lake: Lake | None = NoLake() if alert_only else None
        app = await stack.enter_async_context(
            open_app(_settings(settings, server, scratch / "eval.db", world), clock=clock, write=False, lake=lake)
        )
        return await investigate_all(
            wanted,
            partial(_investigate, app),
            app.settings,
            repeat=repeat,
            unlabelled=len(labels) - len(wanted),
            progress=progress,
        )


async def _investigate(app: App, label: Label, base: AlertOutcome, worker: int) -> AlertOutcome:
    try:
        alert = await app.panther.alerts.alert(label.alert_id)
        base = base.model_copy(update={"detection": alert.detection_id, "severity": alert.severity.value})
        claim = await claim_alert(
            app.store.queue,
            alert,
            reason="evaluation",
            worker=f"eval/{worker}",
            clock=app.clock,
            lease_seconds=LEASE_SECONDS,
            fresh=True,
        )
        investigation = await investigate_claim(app.pipeline, claim)
    except TriageError as error:
        return base.model_copy(update={"error": str(error)[:500]})
    return with_investigation(base, investigation, label)
