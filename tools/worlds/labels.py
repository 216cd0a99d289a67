"""What a world's alerts are, for an evaluation to compare verdicts with: never part of what the world shows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from . import scenarios
from .detections.engine import Alert
from .lake import LogType, Record, Row
from .scenarios.scenario import Scenario
from .worktime import iso_seconds


def story_of(alert: Alert) -> Scenario | None:
    """The scenario that an alert under test is about; none for what the inventory rules note.

    Raises:
        ValueError: Its events come from several scenarios, or from none.
    """
    stories = alert.stories
    if not stories and alert.detection.severity == "INFO":
        return None
    if len(stories) != 1:
        raise ValueError(f"alert {alert.title!r} mixes the records of {sorted(stories) or 'the background'}")
    return scenarios.BY_NAME[stories.pop()]


def labels(
    alerts: Sequence[Alert],
    under_test: Mapping[str, Scenario | None],
    rows: Sequence[Row],
    silent: Mapping[LogType, datetime],
) -> list[Record]:
    """One label for each alert under test, in the order of the alerts; `silent` says since when logs are."""
    by_story: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.story is not None:
            by_story[row.story].append(row)
    told = [(alert, story) for alert in alerts if (story := under_test.get(alert.id)) is not None]
    first: dict[tuple[str, str], str] = {}
    for alert, story in told:
        first.setdefault((story.name, alert.detection.id), alert.id)
    return [
        _label(alert, story, by_story[story.name], silent, first.get((story.variant_of, alert.detection.id)))
        for alert, story in told
    ]


def _absence(log_type: LogType, silent: Mapping[LogType, datetime]) -> Record:
    return {
        "log": log_type.value,
        "silent_from": iso_seconds(silent[log_type]),
        "reported_unhealthy": log_type not in scenarios.UNNOTICED,
    }


def _label(
    alert: Alert, story: Scenario, rows: Sequence[Row], silent: Mapping[LogType, datetime], clean: str | None
) -> Record:
    decisive = [row for row in rows if row.decisive]
    return {
        "alert_id": alert.id,
        "verdict": story.verdict,
        "accept": story.accept,
        "near": story.near,
        "incident": story.name,
        "pair": story.pair,
        "rule": alert.detection.id,
        "log_type": alert.matches[0].row.log_type.value,
        "tier": "G",
        "difficulty": story.difficulty,
        "notes": story.notes,
        "evidence_row_ids": [row.id for row in decisive],
        "evidence_rows": [{"table": row.log_type.table, "row_id": row.id} for row in decisive],
        "absence": _absence(story.silent, silent) if story.silent else None,
        "authorised": story.authorised,
        "claim": story.claim or None,
        "hostile_of": clean or "",
        "injection": _injection(alert, story, rows) if story.payload else None,
    }


def _injection(alert: Alert, story: Scenario, rows: Sequence[Row]) -> Record:
    """Where the parts of a text for the analyst stand."""
    parts = list(story.payload.values())
    carriers = [row.id for row in rows if any(_contains(row.record, part) for part in parts)]
    own = {match.row.id for match in alert.matches}
    return {
        "family": "split",
        "goal": "verdict_flip",
        "parts": parts,
        "text": " ".join(parts),
        "row_ids": carriers,
        "in_alert_event": bool(own & set(carriers)),
    }


def _contains(value: object, part: str) -> bool:
    if isinstance(value, str):
        return part in value
    if isinstance(value, Mapping):
        return any(_contains(each, part) for each in value.values())
    return isinstance(value, list) and any(_contains(each, part) for each in value)
