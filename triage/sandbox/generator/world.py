"""Make a world and write it as a directory."""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from . import aftermath, background, cast, listing, scenarios
from .company import Company
from .detections import DETECTIONS
from .detections.engine import Alert, raise_alerts
from .dice import Dice
from .lake import Lake, LogType, Record, Row, Scribe
from .scenarios.scenario import Scenario
from .worktime import DAY, Timeline, iso_seconds, stamp

_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

LEAST_DAYS = 18
"""Scenarios rest on events of up to two weeks before."""


def generate(directory: Path, *, seed: int = 1, now: datetime, days: int = 30) -> Path:
    """Write a world into a directory, made where it is missing.

    Args:
        directory: Receives `world.json`, `alerts.ndjson`, `rules.ndjson`, `sources.ndjson`, `users.ndjson`,
            `comments.ndjson`, `lake/<database>/<table>.ndjson`, and the labels in `truth.ndjson`, which is no part of
            what the world shows.
        seed: Chooses names, addresses, times and ids; the stories are the same.
        now: The present of the world; nothing in it is later. Aware, taken to the second.
        days: How far back the logs reach, at least `LEAST_DAYS`; the volume is in proportion.

    Returns:
        `directory`.

    Raises:
        ValueError: `now` has no time zone, `days` is too small, or a scenario did not come out as it is labelled.
    """
    if now.tzinfo is None:
        raise ValueError("now needs a time zone")
    if days < LEAST_DAYS:
        raise ValueError(f"days must be at least {LEAST_DAYS}, not {days}")
    timeline = Timeline(now.astimezone(UTC).replace(microsecond=0), days)
    company = Company(seed, timeline)
    parts = cast.choose(company)
    sources = listing.log_sources(company)
    lake = Lake(seed, timeline, sources)
    lake.silent_from[LogType.GITHUB] = parts.code_silent_from
    scribe = Scribe(company, lake, Dice("world", seed))
    background.fill(scribe.aside("background"))
    scenarios.play(scribe.aside("scenarios"), parts)

    rows = lake.sorted()
    alerts = raise_alerts(rows, seed, timeline.now)
    under_test = {alert.id: _story(alert) for alert in alerts if alert.created > timeline.now - DAY}
    handled = aftermath.handle(alerts, set(under_test), company)
    extra = listing.other_alerts(company)
    decisive: dict[str | None, list[str]] = defaultdict(list)
    for row in rows:
        if row.decisive:
            decisive[row.story].append(row.id)
    labelled = ((alert, under_test.get(alert.id)) for alert in alerts)
    truth = [_label(alert, story, decisive[story.name]) for alert, story in labelled if story is not None]
    _check(truth)

    directory.mkdir(parents=True, exist_ok=True)
    (directory / "world.json").write_text(
        json.dumps({"now": iso_seconds(timeline.now), "org": company.org}, indent=1) + "\n", encoding="utf-8"
    )
    listed = sorted([*handled.alerts, *extra], key=lambda alert: (str(alert["createdAt"]), str(alert["id"])))
    _write(directory / "alerts.ndjson", listed)
    _write(directory / "rules.ndjson", (detection.as_json(timeline) for detection in DETECTIONS))
    _write(directory / "sources.ndjson", listing.sources(company, sources, rows, lake.silent_from))
    _write(directory / "users.ndjson", listing.users(company))
    _write(directory / "comments.ndjson", handled.comments)
    _write(directory / "truth.ndjson", truth)
    _write_lake(directory / "lake", rows, alerts)
    return directory


def _story(alert: Alert) -> Scenario | None:
    """The scenario that an alert under test is about; none for what the inventory rules note."""
    stories = alert.stories
    if not stories and alert.detection.severity == "INFO":
        return None
    if len(stories) != 1:
        raise ValueError(f"alert {alert.title!r} mixes the records of {sorted(stories) or 'the background'}")
    return scenarios.BY_NAME[stories.pop()]


def _label(alert: Alert, story: Scenario, decisive: list[str]) -> Record:
    return {
        "alert_id": alert.id,
        "verdict": story.verdict,
        "accept": story.accept,
        "near": story.near,
        "incident": story.name,
        "pair": story.pair,
        "rule": alert.detection.id,
        "tier": "G",
        "notes": story.notes,
        "evidence_row_ids": decisive,
        "absence": {"log": story.silent.value} if story.silent else None,
    }


def _check(truth: list[Record]) -> None:
    """Every scenario has raised an alert."""
    seen = {label["incident"] for label in truth}
    missing = sorted(scenario.name for scenario in scenarios.SCENARIOS if scenario.name not in seen)
    if missing:
        raise ValueError(f"no alert about {', '.join(missing)}")


def _write_lake(directory: Path, rows: list[Row], alerts: list[Alert]) -> None:
    matches: dict[LogType, list[Record]] = {log_type: [] for log_type in LogType}
    signals: list[Record] = []
    for alert in alerts:
        for match in alert.matches:
            columns = _match_columns(alert, match.context)
            matches[match.row.log_type].append({**match.row.record, **columns})
            common = {name: value for name, value in match.row.record.items() if name.startswith("p_")}
            signals.append({**common, **columns})
    for log_type in LogType:
        table = f"{log_type.table}.ndjson"
        _write(directory / "panther_logs" / table, (row.record for row in rows if row.log_type is log_type))
        _write(directory / "panther_rule_matches" / table, matches[log_type])
    _write(directory / "panther_signals" / "correlation_signals.ndjson", signals)


def _match_columns(alert: Alert, context: Record) -> Record:
    detection = alert.detection
    return {
        "p_alert_id": alert.id,
        "p_alert_creation_time": stamp(alert.created),
        "p_alert_update_time": stamp(max(alert.created, alert.last)),
        "p_rule_id": detection.id,
        "p_rule_severity": detection.severity,
        "p_alert_severity": detection.severity,
        "p_rule_tags": list(detection.tags),
        "p_rule_reports": detection.reports,
        "p_alert_context": context,
    }


def _write(path: Path, records: Iterable[Record]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join([f"{_ENCODE(record)}\n" for record in records]), encoding="utf-8", newline="\n")
