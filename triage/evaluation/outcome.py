"""What came of labelled alerts, and the loop over them that worlds and records share."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from triage.domain.base import Value
from triage.domain.evidence import Evidence, Source
from triage.domain.finding import ValueCitation
from triage.domain.verdict import Disposition, Investigation
from triage.evaluation.labels import Label

UNPAID = "the day's budget is used up: the model was not asked"
"""Why an alert has no verdict of the model's."""


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
    """Records that the label names and that stand in the evidence."""
    prior: Disposition | None = None
    """What the past of the detection alone would say: how most of its earlier alerts ended."""
    queries: int = 0
    tokens: int = 0
    money: float = 0.0
    not_recorded: int = 0
    """From a record: questions that it has no answer to."""


@dataclass(frozen=True, slots=True)
class Investigator:
    """Who was evaluated."""

    analyst: str
    model: str
    prompts: str
    """Digest over the templates."""


@dataclass(frozen=True, slots=True)
class EvaluationRun:
    """What an evaluation has run."""

    investigator: Investigator
    outcomes: tuple[AlertOutcome, ...]
    """By the order of the labels, then by repeat."""
    seconds: Mapping[tuple[str, int], float] = field(default_factory=dict)
    """Wall time by alert and repeat; not part of what is reproducible."""
    unlabelled: int = 0
    """Alerts that were left out because nobody has said what is right."""


Investigate = Callable[[Label, int, int], Awaitable[AlertOutcome]]
"""Investigates one alert once: its label, the number of the repeat from 1, and the number of the worker."""


async def investigate_all(
    labels: Sequence[Label],
    investigate: Investigate,
    *,
    repeat: int,
    workers: int,
    progress: Callable[[str], None],
) -> tuple[tuple[AlertOutcome, ...], dict[tuple[str, int], float]]:
    """Investigate every labelled alert, several at once.

    Args:
        labels: The alerts, in the order of the result.
        investigate: Called once for each alert and repeat; one pass over all alerts after the other, since an alert is
            investigated by one worker at a time.
        repeat: Investigations of each alert.
        workers: Investigations at once.
        progress: Called with a line for each alert that ended.

    Returns:
        The outcomes by label, then by repeat; and the wall seconds of each by alert id and repeat.
    """
    outcomes: dict[tuple[str, int], AlertOutcome] = {}
    seconds: dict[tuple[str, int], float] = {}

    async def drain(work: Iterator[tuple[Label, int]], worker: int) -> None:
        for label, number in work:
            started = time.monotonic()
            outcome = await investigate(label, number, worker)
            seconds[label.alert_id, number] = time.monotonic() - started
            outcomes[label.alert_id, number] = outcome
            ended = outcome.verdict.value if outcome.verdict else f"failed: {outcome.error}"
            progress(f"{len(outcomes)}/{len(labels) * repeat} {label.alert_id}: {ended}")

    for number in range(1, repeat + 1):
        work = iter([(label, number) for label in labels])
        async with asyncio.TaskGroup() as group:
            for worker in range(workers):
                group.create_task(drain(work, worker))
    ordered = tuple(outcomes[label.alert_id, number] for label in labels for number in range(1, repeat + 1))
    return ordered, seconds


def outcome_of(base: AlertOutcome, investigation: Investigation, label: Label) -> AlertOutcome:
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
            "money": usage.money,
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
