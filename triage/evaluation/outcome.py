"""The outcomes of labelled alerts, and the loop over them that worlds and records share."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from triage.domain.base import Value
from triage.domain.evidence import Evidence, Source
from triage.domain.finding import ValueCitation
from triage.domain.selection import Skipped
from triage.domain.verdict import Analyst, Disposition, Investigation
from triage.edges.prompts import load_prompts
from triage.errors import ConfigError, TriageError
from triage.evaluation.labels import Label
from triage.pipeline.run import Pipeline
from triage.ports import Claim, Observer
from triage.settings import Settings

LEASE_SECONDS = 24 * 3600.0
"""Nobody else works on an evaluation's store."""


class AlertOutcome(Value):
    """One alert, investigated once."""

    alert_id: str
    repeat: int = 1
    """Which of several investigations of the same alert; from 1."""
    detection: str = ""
    log_types: tuple[str, ...] = ()
    severity: str = ""
    verdict: Disposition | None = None
    """`None` where the investigation failed."""
    error: str = ""
    confidence: float = 0.0
    proposed: Disposition | None = None
    """What the analyst drafted, before the rules."""
    verified: int = 0
    """Findings that held."""
    dropped: int = 0
    cited_rows: int = 0
    """Different log records that verified findings cite."""
    cited_decisive: int = 0
    """Of these, records that the label names."""
    decisive_seen: int = 0
    """Records that the label names and that are in the evidence."""
    prior: Disposition | None = None
    """What the detection's history alone suggests: how most of its earlier alerts ended."""
    queries: int = 0
    tokens: int = 0
    money: float = 0.0
    not_recorded: int = 0
    """In a replay: questions that the record has no answer to."""


@dataclass(frozen=True, slots=True)
class EvaluationRun:
    """Everything that one pass of an evaluation has found."""

    analyst: str
    model: str
    prompts: str
    """Digest over the templates."""
    outcomes: tuple[AlertOutcome, ...]
    """In the order of the labels, then by repeat."""
    seconds: Mapping[tuple[str, int], float] = field(default_factory=dict)
    """Wall time by alert and repeat; not part of what is reproducible."""
    unlabelled: int = 0
    """Alerts left out because no one has said what is right."""


@dataclass(frozen=True, slots=True)
class Finished:
    """One more investigation of an evaluation is over."""

    number: int
    """How many are."""
    of: int
    """How many there will be in this pass."""
    alert_id: str
    ended: str
    """The verdict, or why there is none."""

    def __str__(self) -> str:
        """One line."""
        return f"{self.number}/{self.of} {self.alert_id}: {self.ended}"


Investigate = Callable[[Label, AlertOutcome, int], Awaitable[AlertOutcome]]
"""Investigates one alert once: its label, the outcome to fill in, and the number of the worker."""


def labels_that_count(labels: Sequence[Label], known: Collection[str], *, missing: str) -> list[Label]:
    """The labels that say what is right.

    Args:
        labels: All of them.
        known: Ids of the alerts that can be investigated.
        missing: What an error says of the labelled alerts that can't.

    Raises ConfigError: some can't.
    """
    wanted = [label for label in labels if label.counts]
    unknown = [label.alert_id for label in wanted if label.alert_id not in known]
    if unknown:
        raise ConfigError(f"{len(unknown)} labelled alerts {missing}, such as {unknown[0]}")
    return wanted


async def investigate_all(
    labels: Sequence[Label],
    investigate: Investigate,
    settings: Settings,
    *,
    repeat: int,
    unlabelled: int,
    progress: Callable[[Finished], None],
) -> EvaluationRun:
    """Investigate every labelled alert, several at once.

    Args:
        labels: The alerts, in the order of the result.
        investigate: Called once for each alert and repeat; one pass over all alerts after the other, since only one
            worker at a time investigates an alert. A TriageError becomes the outcome's error.
        settings: Whose analyst and prompts are evaluated, and how many investigations run at once.
        repeat: Investigations of each alert.
        unlabelled: Alerts left out because no one has said what is right.
        progress: Called for each finished alert.

    Raises PromptError where the templates cannot be loaded.
    """
    outcomes: dict[tuple[str, int], AlertOutcome] = {}
    seconds: dict[tuple[str, int], float] = {}

    async def drain(work: Iterator[tuple[Label, int]], worker: int) -> None:
        for label, number in work:
            started = time.monotonic()
            base = AlertOutcome(alert_id=label.alert_id, repeat=number, detection=label.rule)
            outcome = await investigate(label, base, worker)
            seconds[label.alert_id, number] = time.monotonic() - started
            outcomes[label.alert_id, number] = outcome
            ended = outcome.verdict.value if outcome.verdict else f"failed: {outcome.error}"
            progress(Finished(len(outcomes), len(labels) * repeat, label.alert_id, ended))

    for number in range(1, repeat + 1):
        work = iter([(label, number) for label in labels])
        async with asyncio.TaskGroup() as group:
            for worker in range(settings.investigation.concurrency):
                group.create_task(drain(work, worker))
    return EvaluationRun(
        analyst=(Analyst.LLM if settings.uses_llm else Analyst.OFFLINE).value,
        model=settings.llm.model if settings.uses_llm else "",
        prompts=load_prompts(settings.investigation.prompts).digest,
        outcomes=tuple(outcomes[label.alert_id, number] for label in labels for number in range(1, repeat + 1)),
        seconds=seconds,
        unlabelled=unlabelled,
    )


async def investigate_claim(
    pipeline: Pipeline, claim: Claim, *, observe: Observer = lambda _progress: None
) -> Investigation:
    """Investigate one claimed alert for an evaluation.

    Raises TriageError: it failed, was skipped, or the model was not asked: what the offline analyst says in its place
    is not to be counted as the model's.
    """
    result = await pipeline.triage(claim, observe=observe, forced=True)
    if isinstance(result, Skipped):
        raise TriageError(result.reason)
    if pipeline.model is not None and result.analyst is Analyst.OFFLINE:
        raise TriageError("the day's budget is used up: the model was not asked")
    return result


def with_investigation(base: AlertOutcome, investigation: Investigation, label: Label) -> AlertOutcome:
    """The outcome with everything that an evaluation counts of an investigation."""
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
            "money": usage.money,
        }
    )


def _of_alert(entry: Evidence) -> bool:
    return entry.source is Source.EVENTS and bool(entry.log_type)


def prior_of(evidence: Sequence[Evidence]) -> Disposition | None:
    """What the detection's history alone suggests; `None` if no one has judged any of its alerts."""
    rows: list[dict[str, JsonValue]] = [
        row for entry in evidence if entry.source is Source.HISTORY for row in entry.rows if row.get("judged")
    ]
    if not rows:
        return None
    closed = sum(row.get("status") == "CLOSED" for row in rows)
    return Disposition.BENIGN if closed * 2 >= len(rows) else Disposition.MALICIOUS
