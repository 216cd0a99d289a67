"""Run the labelled alerts of a world through the whole program, served by the embedded Panther."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from pydantic import JsonValue, ValidationError

from triage.domain.evidence import Evidence, Source
from triage.domain.finding import ValueCitation
from triage.domain.selection import Selected
from triage.domain.verdict import Analyst, Disposition, Investigation
from triage.edges.clock import SystemClock
from triage.errors import ConfigError, QueryFailed, TriageError
from triage.evaluation.labels import Label
from triage.evaluation.outcome import Investigator, Outcome, Ran
from triage.ports import Column, Lake, Progress, QueryResult, Table
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
from triage.settings import AllowedActivity, Settings
from triage.wiring import App, open_app

LEASE_SECONDS = 24 * 3600.0
"""Nobody else works on an evaluation's store."""

ALLOWED_FILE = "allowed.yaml"
"""The operator's list of a world, as `investigation.allowed` of a configuration has it."""


class StillClock(SystemClock):
    """A clock that stands, so that two evaluations ask the same questions. Sleeping takes real time."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        """The moment it stands at."""
        return self._now


class NoLake:
    """A lake that answers nothing: what remains is the alert alone. Implements `ports.Lake`."""

    async def run_query(self, *_given: object, **_named: object) -> QueryResult:
        """Raises QueryFailed, always."""
        raise QueryFailed("this run has no data lake")

    async def search(self, *_given: object, **_named: object) -> QueryResult:
        """Raises QueryFailed, always."""
        raise QueryFailed("this run has no data lake")

    async def databases(self) -> tuple[str, ...]:
        """None."""
        return ()

    async def tables(self, *_given: object, **_named: object) -> tuple[Table, ...]:
        """None."""
        return ()

    async def columns(self, *_given: object, **_named: object) -> tuple[Column, ...]:
        """None."""
        return ()


def allowed_of(world: Path) -> tuple[AllowedActivity, ...]:
    """What a world's operator has authorised. Raises ConfigError."""
    path = world / ALLOWED_FILE
    if not path.is_file():
        return ()
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8")) or []
        return tuple(AllowedActivity.model_validate(entry) for entry in entries)
    except (yaml.YAMLError, ValidationError, TypeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected a list as in investigation.allowed") from error


def _settings(settings: Settings, server: SandboxServer, store: Path, world: Path) -> Settings:
    panther = settings.panther.model_copy(update={"url": server.url, "rest_url": "", "requests_per_second": 1e6})
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
    progress: Callable[[str], None] = lambda _text: None,
) -> Ran:
    """Investigate every labelled alert of a world.

    Args:
        world: A world directory; its recorded times are kept.
        labels: What is right; only who counts is investigated.
        settings: Whose model, prompts, playbooks and limits are used; Panther and store are the evaluation's own.
        repeat: Investigations of each alert.
        alert_only: Without the data lake.
        progress: Told of each alert that ended.

    Raises:
        ConfigError, NotFound: the world or a label is wrong.
    """
    loaded = load_world(world, as_recorded=True)
    wanted = [label for label in labels if label.counts]
    missing = [label.alert_id for label in wanted if label.alert_id not in loaded.alerts]
    if missing:
        raise ConfigError(f"{len(missing)} labelled alerts are not in the world {world}, such as {missing[0]}")
    async with AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="triage-eval-")))
        server = stack.enter_context(SandboxServer(loaded, SandboxOptions(any_token=True)))
        clock = StillClock(loaded.now)
        lake: Lake | None = NoLake() if alert_only else None
        app = await stack.enter_async_context(
            open_app(_settings(settings, server, scratch / "eval.db", world), clock=clock, write=False, lake=lake)
        )
        run = _Run(app, progress, total=len(wanted) * repeat)
        for number in range(1, repeat + 1):
            # One pass after the other: an alert is claimed by one worker at a time.
            work = iter([(label, number) for label in wanted])
            async with asyncio.TaskGroup() as group:
                for worker in range(app.settings.investigation.concurrency):
                    group.create_task(run.drain(work, f"eval/{worker}"))
    order = {label.alert_id: place for place, label in enumerate(wanted)}
    outcomes = sorted(run.outcomes, key=lambda outcome: (order[outcome.alert_id], outcome.repeat))
    return Ran(run.investigator(), tuple(outcomes), run.seconds)


class _Run:
    """The state of one evaluation under way."""

    def __init__(self, app: App, progress: Callable[[str], None], *, total: int) -> None:
        self.app = app
        self.progress = progress
        self.total = total
        self.outcomes: list[Outcome] = []
        self.seconds: dict[tuple[str, int], float] = {}

    def investigator(self) -> Investigator:
        model = self.app.pipeline.model
        return Investigator(
            analyst=(Analyst.OFFLINE if model is None else Analyst.LLM).value,
            model="" if model is None else model.name,
            prompts=self.app.pipeline.prompts.digest,
        )

    async def drain(self, work: Iterator[tuple[Label, int]], worker: str) -> None:
        for label, number in work:
            started = time.monotonic()
            outcome = await self._one(label, number, worker)
            self.seconds[label.alert_id, number] = time.monotonic() - started
            self.outcomes.append(outcome)
            said = outcome.verdict.value if outcome.verdict else f"failed: {outcome.error}"
            self.progress(f"{len(self.outcomes)}/{self.total} {label.alert_id}: {said}")

    async def _one(self, label: Label, number: int, worker: str) -> Outcome:
        app, now = self.app, self.app.clock.now()
        base = Outcome(alert_id=label.alert_id, repeat=number, detection=label.rule)
        try:
            alert = await app.panther.alerts.alert(label.alert_id)
            base = base.model_copy(update={"detection": alert.detection_id, "severity": alert.severity.value})
            await app.store.save_alerts([(alert, Selected(reason="evaluation"))], now=now)
            await app.store.enqueue(alert.id, now=now, fresh=True)
            claim = await app.store.claim(worker, now=now, lease_seconds=LEASE_SECONDS, alert_id=alert.id)
            if claim is None:
                return base.model_copy(update={"error": "the alert could not be claimed"})
            result = await app.pipeline.triage(claim, observe=_quiet, forced=True)
        except TriageError as error:
            return base.model_copy(update={"error": str(error)[:500]})
        if not isinstance(result, Investigation):
            return base.model_copy(update={"error": result.reason})
        return outcome_of(base, result, label)


def _quiet(_progress: Progress) -> None:
    pass


def outcome_of(base: Outcome, investigation: Investigation, label: Label) -> Outcome:
    """Count what an evaluation looks at."""
    verdict, usage = investigation.verdict, investigation.usage
    rows = {entry.id: entry.rows for entry in investigation.evidence}
    cited = {
        row_id
        for checked in verdict.verified
        for citation in checked.finding.citations
        if isinstance(citation, ValueCitation) and citation.row < len(rows.get(citation.evidence, ()))
        for row_id in [rows[citation.evidence][citation.row].get("p_row_id")]
        if isinstance(row_id, str)
    }
    decisive = set(label.evidence_row_ids)
    seen = {row.get("p_row_id") for entry in investigation.evidence for row in entry.rows}
    return base.model_copy(
        update={
            "log_types": tuple(sorted({entry.log_type for entry in investigation.evidence if _of_alert(entry)})),
            "verdict": verdict.disposition,
            "confidence": verdict.confidence,
            "proposed": verdict.proposed,
            "verified": len(verdict.verified),
            "dropped": verdict.dropped,
            "cited_rows": len(cited),
            "cited_decisive": len(cited & decisive),
            "decisive_seen": len(seen & decisive),
            "prior": prior_of(investigation.evidence),
            "queries": usage.queries,
            "tokens": usage.prompt_tokens + usage.completion_tokens,
            "money": getattr(usage, "money", 0.0),
        }
    )


def _of_alert(entry: Evidence) -> bool:
    return entry.source is Source.EVENTS and bool(entry.log_type)


def prior_of(evidence: Sequence[Evidence]) -> Disposition | None:
    """What the past of the detection alone would say; `None` where nobody has judged one of its alerts."""
    rows: list[dict[str, JsonValue]] = [
        row for entry in evidence if entry.source is Source.HISTORY for row in entry.rows if row.get("judged")
    ]
    if not rows:
        return None
    closed = sum(row.get("status") == "CLOSED" for row in rows)
    return Disposition.BENIGN if closed * 2 >= len(rows) else Disposition.MALICIOUS
