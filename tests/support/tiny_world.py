"""A world of four alerts about doors, small enough to read in a cassette. All of it is invented."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

NOW = "2031-05-06T12:00:00.000Z"

RULE: dict[str, Any] = {
    "id": "Door.Open",
    "displayName": "Door left open",
    "severity": "HIGH",
    "description": "A door stood open for ten minutes.",
    "runbook": "Find out who opened the door.",
    "body": "def rule(event):\n    return event.get('state') == 'open'\n",
    "tags": ["Doors"],
    "logTypes": ["Custom.Door"],
    "reports": {"MITRE ATT&CK": ["TA0001:T1078"]},
    "dedupPeriodMinutes": 60,
    "threshold": 1,
    "enabled": True,
    "managed": False,
    "createdAt": "2030-01-01T00:00:00Z",
    "lastModified": "2030-02-01T00:00:00Z",
}

TWICE = """\
- Sequence:
    - {ID: first, RuleID: Door.Open}
    - {ID: second, RuleID: Door.Nightly, MinMatchCount: 2}
  LookbackWindowMinutes: 1800
"""


def without(*names: str) -> dict[str, Any]:
    """The rule without fields that another kind of detection does not have."""
    return {name: value for name, value in RULE.items() if name not in names}


_WITHOUT_BODY = without("body")

RULES = [
    RULE,
    {**_WITHOUT_BODY, "id": "Door.Simple", "detection": "Detection: []\n", "pythonBody": "def rule(event): ..."},
    {**without("logTypes"), "id": "Door.Nightly", "scheduledQueries": ["open doors"]},
    {
        **without("dedupPeriodMinutes", "logTypes", "runbook", "threshold"),
        "id": "Door.Policy",
        "resourceTypes": ["Custom.Door"],
    },
    {**_WITHOUT_BODY, "id": "Door.Twice", "detection": TWICE},
]


def alert(number: int, **changes: Any) -> dict[str, Any]:
    """One alert."""
    return {
        "id": f"{number:032x}",
        "title": f"Door {number} left open",
        "description": RULE["description"],
        "severity": "HIGH",
        "status": "OPEN",
        "type": "RULE",
        "createdAt": f"2031-05-06T10:0{number}:00.000Z",
        "updatedAt": f"2031-05-06T10:0{number}:30.000Z",
        "firstEventOccurredAt": f"2031-05-06T09:0{number}:00.000Z",
        "lastReceivedEventAt": f"2031-05-06T09:0{number}:30.000Z",
        "detectionId": "Door.Open",
        "detectionType": "RULE",
        "runbook": RULE["runbook"],
        "reference": "https://doors.example",
        "context": {"door": number},
        "eventCount": 3,
        **changes,
    }


ALERTS = [
    alert(1),
    alert(2, detectionId="Door.Gone"),
    alert(3, type="CORRELATION_RULE", detectionId="Door.Twice", detectionType="CORRELATION_RULE"),
    alert(4, severity="LOW", status="CLOSED"),
]


def event(number: int, **more: Any) -> dict[str, Any]:
    """One log record."""
    return {
        "door": number,
        "state": "open",
        "p_event_time": f"2031-05-06 09:0{number}:00.000",
        "p_parse_time": f"2031-05-06 09:0{number}:10.000",
        "p_log_type": "Custom.Door",
        "p_row_id": f"row{number}",
        "p_source_id": "source-1",
        "p_source_label": "doors",
        "p_any_ip_addresses": ["192.0.2.7"],
        **more,
    }


LOGS = [event(number) for number in (1, 2, 3)]
MATCHES = [event(number, p_alert_id=f"{1:032x}", p_rule_id="Door.Open") for number in (1, 2, 3)]

USERS = [
    {
        "id": "user-1",
        "email": "ada@acme.example",
        "givenName": "Ada",
        "familyName": "Byron",
        "createdAt": "2030-01-01T00:00:00Z",
        "role": {"id": "role-1", "name": "Analyst"},
        "status": "ACTIVE",
        "enabled": True,
    }
]
SOURCES = [
    {
        "integrationId": "source-1",
        "integrationLabel": "doors",
        "integrationType": "http",
        "logTypes": ["Custom.Door"],
        "isEditable": True,
        "isHealthy": True,
        "lastEventReceivedAtTime": "2031-05-06T11:59:00.000Z",
        "lastEventProcessedAtTime": "2031-05-06T11:59:05.000Z",
        "createdAtTime": "2030-01-01T00:00:00Z",
    }
]
GLOBALS = [{"id": "door_helpers", "body": "def is_open(event):\n    return event.get('state') == 'open'\n"}]
DATA_MODELS = [
    {
        "id": "Doors",
        "logTypes": ["Custom.Door"],
        "enabled": True,
        "mappings": [{"name": "room", "path": "$.door"}, {"name": "who", "method": "who"}],
        "body": "def who(event):\n    return event.get('porter')\n",
    }
]
COMMENTS = [
    {
        "id": "comment-1",
        "alertId": f"{1:032x}",
        "body": "The porter is on his way.",
        "format": "PLAIN_TEXT",
        "createdAt": "2031-05-06T10:30:00.000Z",
        "createdBy": {"id": "user-1", "type": "user"},
    }
]


def write_world(folder: Path) -> Path:
    """Write the world into an empty directory and give its path."""
    return write_files(
        folder,
        NOW,
        {
            "alerts": ALERTS,
            "rules": RULES,
            "users": USERS,
            "sources": SOURCES,
            "comments": COMMENTS,
            "globals": GLOBALS,
            "data_models": DATA_MODELS,
            "lake/panther_logs/custom_door": LOGS,
            "lake/panther_rule_matches/custom_door": MATCHES,
        },
    )


def write_files(folder: Path, now: str, files: Mapping[str, Iterable[Mapping[str, Any]]], *, org: str = "acme") -> Path:
    """Write a world of these records by file name (without `.ndjson`) into a directory and give its path."""
    for name, records in files.items():
        path = folder / f"{name}.ndjson"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    (folder / "world.json").write_text(json.dumps({"now": now, "org": org}), encoding="utf-8")
    return folder
