"""Make a world and write it as a directory."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import yaml

from . import aftermath, background, cast, detections, listing, scenarios
from .company import Company
from .detections.engine import Alert, raise_alerts
from .dice import Dice
from .labels import labels, story_of
from .lake import Lake, LogType, Record, Row, Scribe
from .sets import Set
from .worktime import DAY, Timeline, iso_seconds, stamp

_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

ALLOWED_FILE = "allowed.yaml"
"""The operator's list, in the world's directory."""

LEAST_DAYS = 18
"""Scenarios rest on events of up to two weeks before."""


def generate(directory: Path, *, seed: int = 1, now: datetime, days: int = 30, which: Set = Set.DEMO) -> Path:
    """Write a world into a directory, made where it is missing.

    Args:
        directory: Receives `world.json`, `alerts.ndjson`, `rules.ndjson`, `sources.ndjson`, `users.ndjson`,
            `comments.ndjson`, `lake/<database>/<table>.ndjson`, and the labels in `truth.ndjson`, which is no part of
            what the world shows. The evaluation set has `allowed.yaml`, too: the operator's list, as it stands below
            `investigation.allowed` in a configuration.
        seed: Chooses names, addresses, times and ids; the stories are the same.
        now: The present of the world; nothing in it is later. Aware, taken to the second.
        days: How far back the logs reach, at least `LEAST_DAYS`; the volume is in proportion.
        which: The small set of scenarios or the large one.

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
    stories = scenarios.of(which)
    for post in [story.post for story in stories if story.post is not None and story.post.travels]:
        person = post.person(company)
        company.travel(person, timeline.local_date(post.at(company), person.office.offset), 3, near=post.near)
    roles = [story.role for story in stories if story.role is not None]
    parts = cast.choose(company, roles, trips=not which.unseen)
    sources = listing.log_sources(company, which.log_types)
    lake = Lake(seed, timeline, sources)
    if not which.unseen:
        lake.silent_from[LogType.GITHUB] = parts.code_silent_from
    if which is Set.EVALUATION and parts.taken_over is not None:
        lake.silent_from |= scenarios.silences(parts.taken_over)
    scribe = Scribe(company, lake, Dice("world", seed))
    background.fill(scribe.aside("background"), parts.taken_over)
    scenarios.play(scribe.aside("scenarios"), parts, which)

    rows = lake.sorted()
    rules = detections.of(which)
    alerts = raise_alerts(rows, seed, timeline.now, rules)
    under_test = {alert.id: story_of(alert) for alert in alerts if alert.created > timeline.now - DAY}
    handled = aftermath.handle(alerts, set(under_test), company)
    extra = listing.other_alerts(company)
    truth = labels(alerts, under_test, rows, lake.silent_from)
    _check(truth, {story.name for story in stories})

    directory.mkdir(parents=True, exist_ok=True)
    (directory / "world.json").write_text(
        json.dumps({"now": iso_seconds(timeline.now), "org": company.org}, indent=1) + "\n", encoding="utf-8"
    )
    listed = sorted([*handled.alerts, *extra], key=lambda alert: (str(alert["createdAt"]), str(alert["id"])))
    _write(directory / "alerts.ndjson", listed)
    _write(directory / "rules.ndjson", (detection.as_json(timeline) for detection in rules))
    _write(directory / "sources.ndjson", listing.sources(company, sources, rows, lake.silent_from, scenarios.UNNOTICED))
    _write(directory / "users.ndjson", listing.users(company))
    _write(directory / "comments.ndjson", handled.comments)
    _write(directory / "truth.ndjson", truth)
    _write_lake(directory / "lake", rows, alerts, which)
    if which is Set.EVALUATION:
        text = yaml.safe_dump(scenarios.allowed(parts), sort_keys=False, width=100)
        (directory / ALLOWED_FILE).write_text(text, encoding="utf-8", newline="\n")
    return directory


def _check(truth: list[Record], names: set[str]) -> None:
    """Every scenario has raised an alert."""
    missing = sorted(names - {str(label["incident"]) for label in truth})
    if missing:
        raise ValueError(f"no alert about {', '.join(missing)}")


def _write_lake(directory: Path, rows: list[Row], alerts: list[Alert], which: Set) -> None:
    matches: dict[LogType, list[Record]] = {log_type: [] for log_type in which.log_types}
    logs: dict[LogType, list[Record]] = {log_type: [] for log_type in which.log_types}
    for row in rows:
        logs[row.log_type].append(row.record)
    signals: list[Record] = []
    for alert in alerts:
        for match in alert.matches:
            columns = _match_columns(alert, match.context)
            matches[match.row.log_type].append({**match.row.record, **columns})
            common = {name: value for name, value in match.row.record.items() if name.startswith("p_")}
            signals.append({**common, **columns})
    for log_type in which.log_types:
        table = f"{log_type.table}.ndjson"
        _write(directory / "panther_logs" / table, logs[log_type])
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
