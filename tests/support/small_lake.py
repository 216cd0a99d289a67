"""A world of one log type that no playbook knows, so that the generic questions have something to read."""

import json
from datetime import datetime, timedelta
from pathlib import Path

LOG_TYPE = "Custom.Courier"
TABLE = "custom_courier"
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


def _event(at: datetime, number: int, kind: str) -> dict[str, object]:
    moment = at.strftime("%Y-%m-%d %H:%M:%S.000")
    return {
        "kind": kind,
        "sender": "mira@acme.example",
        "p_event_time": moment,
        "p_parse_time": moment,
        "p_log_type": LOG_TYPE,
        "p_row_id": f"parcel{number}",
        "p_source_id": "courier",
        "p_source_label": "courier",
        "p_any_ip_addresses": ["198.51.100.24"],
        "p_any_usernames": ["mira"],
        "p_any_emails": ["mira@acme.example"],
        "p_any_sha256_hashes": ["ab" * 32] if kind == "program" else [],
    }


def small_lake(folder: Path, *, now: datetime) -> Path:
    """Write the world into an empty directory and give its path."""
    start = now - timedelta(days=12)
    letters = [_event(start + timedelta(hours=7 * number), number, "letter") for number in range(40)]
    at = now - timedelta(hours=3)
    parcel = _event(at, 99, "program")
    match = {**parcel, "p_alert_id": ALERT, "p_rule_id": RULE["id"]}
    alert = {
        "id": ALERT,
        "title": "Parcel with an unknown program",
        "severity": "MEDIUM",
        "status": "OPEN",
        "type": "RULE",
        "createdAt": (at + timedelta(minutes=2)).isoformat(),
        "firstEventOccurredAt": at.isoformat(),
        "lastReceivedEventAt": at.isoformat(),
        "detectionId": RULE["id"],
        "detectionType": "RULE",
        "eventCount": 1,
    }
    source = {
        "integrationId": "courier",
        "integrationLabel": "courier",
        "integrationType": "http",
        "logTypes": [LOG_TYPE],
        "isHealthy": True,
        "lastEventReceivedAtTime": now.isoformat(),
        "lastEventProcessedAtTime": now.isoformat(),
        "createdAtTime": start.isoformat(),
    }
    files = {
        "alerts": [alert],
        "rules": [RULE],
        "users": [],
        "sources": [source],
        "comments": [],
        f"lake/panther_logs/{TABLE}": [*letters, parcel],
        f"lake/panther_rule_matches/{TABLE}": [match],
        "lake/panther_signals/correlation_signals": [match],
    }
    for name, records in files.items():
        path = folder / f"{name}.ndjson"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    (folder / "world.json").write_text(json.dumps({"now": now.isoformat(), "org": "acme"}), encoding="utf-8")
    return folder
