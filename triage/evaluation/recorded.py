"""Evaluate on recorded investigations: each one again from its record, held against its label. No Panther is asked."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from triage.domain.verdict import Analyst
from triage.edges.prompts import load_prompts
from triage.errors import ConfigError
from triage.evaluation.labels import Label
from triage.evaluation.outcome import AlertOutcome, EvaluationRun, Investigator, investigate_all, outcome_of
from triage.evaluation.record import CaseRecord, load_record
from triage.evaluation.replay import replay
from triage.settings import Settings


def load_records(directory: Path) -> tuple[CaseRecord, ...]:
    """Read every `*.json` of a directory, by name.

    Raises ConfigError: no directory, no record in it, a file that is none, an alert that stands twice.
    """
    if not directory.is_dir():
        raise ConfigError(f"--alerts: {directory} is not a directory")
    found: dict[str, CaseRecord] = {}
    for path in sorted(directory.glob("*.json")):
        case = load_record(path)
        if case.alert.id in found:
            raise ConfigError(f"{path}: alert {case.alert.id} is recorded twice in {directory}")
        found[case.alert.id] = case
    if not found:
        raise ConfigError(f"--alerts: {directory} holds no record; `triage eval record export ALERT --file` writes one")
    return tuple(found.values())


async def evaluate_records(
    cases: Sequence[CaseRecord],
    labels: Sequence[Label],
    settings: Settings,
    *,
    repeat: int = 1,
    alert_only: bool = False,
    progress: Callable[[str], None] = lambda _text: None,
) -> EvaluationRun:
    """Investigate every labelled alert again from its record.

    Args:
        cases: The records.
        labels: What is right; only who counts is investigated.
        settings: Whose model, prompts, playbooks and limits are used. Its Panther and its store are not touched.
        repeat: Investigations of each alert.
        alert_only: Without what the data lake has answered.
        progress: Told of each alert that ended.

    Raises:
        ConfigError, PromptError: a label, the configuration, a template or a playbook is wrong.
    """
    known = {case.alert.id: case for case in cases}
    wanted = [label for label in labels if label.counts]
    missing = [label.alert_id for label in wanted if label.alert_id not in known]
    if missing:
        raise ConfigError(f"{len(missing)} labelled alerts have no record, such as {missing[0]}")
    outcomes, seconds = await investigate_all(
        wanted,
        partial(_replay, known, settings, alert_only=alert_only),
        repeat=repeat,
        workers=settings.investigation.concurrency,
        progress=progress,
    )
    investigator = Investigator(
        analyst=(Analyst.LLM if settings.uses_llm else Analyst.OFFLINE).value,
        model=settings.llm.model if settings.uses_llm else "",
        prompts=load_prompts(settings.investigation.prompts).digest,
    )
    unlabelled = len(known.keys() | {label.alert_id for label in labels}) - len(wanted)
    return EvaluationRun(investigator, outcomes, seconds, unlabelled=unlabelled)


async def _replay(
    known: Mapping[str, CaseRecord], settings: Settings, label: Label, number: int, _worker: int, *, alert_only: bool
) -> AlertOutcome:
    case = known[label.alert_id]
    replayed, investigation = await replay(case, settings, alert_only=alert_only)
    base = AlertOutcome(
        alert_id=case.alert.id,
        repeat=number,
        detection=case.alert.detection_id or label.rule,
        severity=case.alert.severity.value,
        not_recorded=len(replayed.not_recorded),
    )
    if investigation is None:
        return base.model_copy(update={"error": replayed.error})
    return outcome_of(base, investigation, label)
