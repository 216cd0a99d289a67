"""Worlds of one log type and one alert, small enough to write down in a test."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from triage.logtypes import table_of

LOG_TYPE = "Custom.Courier"
"""A log type of which no file speaks, so that the generic questions have something to read."""
RULE = {
    "id": "Custom.Courier.NewParcel",
    "displayName": "Parcel with an unknown program",
    "severity": "MEDIUM",
    "runbook": "Find out who sent the parcel.",
    "body": "def rule(event):\n    return event['kind'] == 'program'\n",
    "tags": [],
    "logTypes": [LOG_TYPE],
    "reports": {},
    "dedupPeriodMinutes": 60,
    "threshold": 1,
    "enabled": True,
}
ALERT = "c0" * 16


def event_at(at: datetime, number: int, log_type: str, **columns: object) -> dict[str, object]:
    """An event as the lake stores it."""
    moment = at.strftime("%Y-%m-%d %H:%M:%S.000")
    return {
        **columns,
        "p_event_time": moment,
        "p_parse_time": moment,
        "p_log_type": log_type,
        "p_row_id": f"row{number}",
        "p_source_id": "source",
        "p_source_label": "source",
    }


def _parcel(at: datetime, number: int, kind: str) -> dict[str, object]:
    return event_at(
        at,
        number,
        LOG_TYPE,
        kind=kind,
        sender="mira@acme.example",
        p_any_ip_addresses=["198.51.100.24"],
        p_any_usernames=["mira"],
        p_any_emails=["mira@acme.example"],
        p_any_sha256_hashes=["ab" * 32] if kind == "program" else [],
    )


def small_lake(folder: Path, *, now: datetime) -> Path:
    """Write a world of a log type that is not known into an empty directory and give its path."""
    start = now - timedelta(days=12)
    letters = [_parcel(start + timedelta(hours=7 * number), number, "letter") for number in range(40)]
    at = now - timedelta(hours=3)
    return write_lake(folder, now=now, rule=RULE, at=at, matched=_parcel(at, 99, "program"), others=letters)


def write_lake(
    folder: Path,
    *,
    now: datetime,
    rule: Mapping[str, Any],
    at: datetime,
    matched: Mapping[str, object],
    others: Sequence[Mapping[str, object]],
) -> Path:
    """Write a world of one alert into an empty directory and give its path.

    Args:
        now: The world's clock.
        rule: The detection; its first log type is that of the events.
        at: When the event happened on which the alert was raised.
        matched: That event.
        others: What else the table holds.
    """
    log_type = rule["logTypes"][0]
    table = table_of(log_type)
    match = {**matched, "p_alert_id": ALERT, "p_rule_id": rule["id"]}
    alert = {
        "id": ALERT,
        "title": rule["displayName"],
        "severity": rule["severity"],
        "status": "OPEN",
        "type": "RULE",
        "createdAt": (at + timedelta(minutes=2)).isoformat(),
        "firstEventOccurredAt": at.isoformat(),
        "lastReceivedEventAt": at.isoformat(),
        "detectionId": rule["id"],
        "detectionType": "RULE",
        "eventCount": 1,
    }
    source = {
        "integrationId": "source",
        "integrationLabel": "source",
        "integrationType": "http",
        "logTypes": [log_type],
        "isHealthy": True,
        "lastEventReceivedAtTime": now.isoformat(),
        "lastEventProcessedAtTime": now.isoformat(),
        "createdAtTime": (now - timedelta(days=12)).isoformat(),
    }
    files = {
        "alerts": [alert],
        "rules": [rule],
        "users": [],
        "sources": [source],
        "comments": [],
        f"lake/panther_logs/{table}": [*others, matched],
        f"lake/panther_rule_matches/{table}": [match],
        "lake/panther_signals/correlation_signals": [match],
    }
    for name, records in files.items():
        path = folder / f"{name}.ndjson"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    (folder / "world.json").write_text(json.dumps({"now": now.isoformat(), "org": "acme"}), encoding="utf-8")
    return folder
