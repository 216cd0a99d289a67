"""Evaluate recorded investigations: each is replayed and compared with its label, without Panther."""

from collections.abc import Callable, Sequence
from pathlib import Path

from triage.errors import ConfigError
from triage.evaluation.labels import Label
from triage.evaluation.outcome import (
    AlertOutcome,
    EvaluationRun,
    Finished,
    investigate_all,
    labels_that_count,
    with_investigation,
)
from triage.evaluation.record import CaseRecord, load_record
from triage.evaluation.replay import replay
from triage.settings import Settings


def load_records(directory: Path) -> tuple[CaseRecord, ...]:
    """Read every `*.json` of a directory, by name.

    Raises ConfigError: no directory, no record in it, a file that isn't one, an alert recorded twice.
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
    progress: Callable[[Finished], None] = lambda _finished: None,
) -> EvaluationRun:
    """Investigate every labelled alert again from its record.

    Args:
        cases: The records.
        labels: What is right; only who counts is investigated.
        settings: Whose model, prompts, playbooks and limits are used. Its Panther and its store are not touched.
        repeat: Investigations of each alert.
        alert_only: Without what the data lake has answered.
        progress: Called for each finished alert.

    Raises:
        ConfigError, PromptError: a label, the configuration, a template or a playbook is wrong.
    """
    known = {case.alert.id: case for case in cases}
    wanted = labels_that_count(labels, known, missing="have no record")

    async def investigate(label: Label, base: AlertOutcome, _worker: int) -> AlertOutcome:
        case = known[label.alert_id]
        replayed, investigation = await replay(case, settings, alert_only=alert_only)
        base = base.model_copy(
            update={
                "detection": case.alert.detection_id or label.rule,
                "severity": case.alert.severity.value,
                "not_recorded": len(replayed.not_recorded),
                "error": replayed.error,
            }
        )
        return base if investigation is None else with_investigation(base, investigation, label)

    return await investigate_all(
        wanted,
        investigate,
        settings,
        repeat=repeat,
        unlabelled=len(known.keys() | {label.alert_id for label in labels}) - len(wanted),
        progress=progress,
    )
