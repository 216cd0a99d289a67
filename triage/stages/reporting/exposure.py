"""Assets and risks for an exposure-management platform, one JSON object each.

`schemas/asset.json` and `schemas/risk.json` beside this file define every field; `triage export assets --schema` prints
them. An asset is an address, host, cloud resource, cloud account or user that the alerts of the window name; a risk is one
alert, whatever its type, severity or status, and whether or not this program has investigated it.

Ids are hashes: `asset-` over type and value, `risk-` over the alert's id. They are the same on every machine and every
day, and do not change with a release.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

import regex
from pydantic import JsonValue

from triage.domain.alert import Alert, Kind, Status
from triage.domain.entity import Entity, EntityKind
from triage.domain.redaction import redact
from triage.ports.exposure import SeenAlert, SeenAsset, StoredAsset, StoredRisk
from triage.stages.reporting.records import Cell
from triage.stages.reporting.view import console_link

ASSET_SCHEMA = "triage.asset/2"
RISK_SCHEMA = "triage.risk/2"
NAMED = 100
"""Alerts and detections that an asset's row names; its counts have all."""

_TYPES = {
    EntityKind.IP: "ip",
    EntityKind.HOST: "host",
    EntityKind.ARN: "cloud_arn",
    EntityKind.ACCOUNT: "cloud_account",
    EntityKind.RESOURCE: "resource",
    EntityKind.USER: "user",
    EntityKind.EMAIL: "user",
}
_AS_WRITTEN = frozenset({"cloud_arn", "cloud_resource", "cloud_account", "resource"})
_CLOUDS = {"AWS": "aws", "Amazon": "aws", "Azure": "azure", "GCP": "gcp"}
"""By the vendor that a log type's name begins with."""
_AZURE = regex.compile(r"(?i)/(?:subscriptions|providers|tenants)/.+")
_GOOGLE = regex.compile(r"(?://[a-z0-9.-]+\.googleapis\.com/|(?:projects|folders|organizations)/[^/]+(?:/|$)).*")
_EC2 = regex.compile(r"(?:i|vol|eni|sg|subnet|vpc|ami|snap|rtb|igw|nat)-[0-9a-f]{8,17}")
_CATEGORIES = {
    Kind.RULE: "threat",
    Kind.SCHEDULED_RULE: "threat",
    Kind.CORRELATION_RULE: "correlation",
    Kind.POLICY: "policy_violation",
    Kind.RULE_ERROR: "detection_error",
    Kind.SCHEDULED_RULE_ERROR: "detection_error",
    Kind.CORRELATION_RULE_ERROR: "detection_error",
    Kind.SYSTEM_ERROR: "system_error",
}
_OPENNESS = (Status.OPEN.value, Status.TRIAGED.value, Status.RESOLVED.value, Status.CLOSED.value)
"""The most open first; an unknown status counts as open."""

RISK_COLUMNS = (
    *("id", "category", "type", "severity", "status", "title", "alert_id", "detection_id", "detection_name", "url"),
    *("first_seen", "last_seen", "created_at", "state", "verdict", "confidence", "group", "events_read", "assets"),
)
ASSET_COLUMNS = (
    *("id", "type", "value", "provider", "roles", "facts", "first_seen", "last_seen", "highest_severity", "status"),
    *("alert_count", "statuses", "verdicts", "alerts", "risks", "urls", "detections", "detection_count"),
)


def seen_alert(alert: Alert) -> SeenAlert:
    """What is kept of an alert, its assets aside; its title without secrets."""
    first = alert.moment
    last = max(first, alert.last_event_at or first)
    severity, status, detection = alert.severity.value, alert.status.value, alert.detection_id
    return SeenAlert(
        id=alert.id,
        created_at=alert.created_at,
        first_seen=first,
        last_seen=last,
        severity=severity,
        rank=alert.severity.rank,
        status=status,
        detection_id=detection,
        body=json.dumps(
            {
                "category": _CATEGORIES.get(alert.kind, "other"),
                "type": alert.kind.value,
                "severity": severity,
                "status": status,
                "title": redact(alert.title),
                "detection_id": detection,
                "detection_name": alert.detection_name,
                "first_seen": first.isoformat(),
                "last_seen": last.isoformat(),
                "created_at": alert.created_at.isoformat(),
            }
        ),
        version=alert.last_event_at.isoformat() if alert.last_event_at else "",
    )


def cloud_of(log_types: Iterable[str]) -> str:
    """The cloud whose logs these all are; empty where there are others."""
    clouds = {_CLOUDS.get(name.partition(".")[0], "") for name in log_types}
    return clouds.pop() if len(clouds) == 1 else ""


def assets_in(entities: Iterable[Entity], cloud: str = "") -> tuple[SeenAsset, ...]:
    """The assets among entities; two spellings of one are one, with the roles of both.

    Args:
        entities: Who and what an alert is about.
        cloud: Whose logs they come from: a bucket's name alone doesn't show it.
    """
    found: dict[str, SeenAsset] = {}
    roles: dict[str, set[str]] = {}
    for entity in entities:
        asset = asset_of(entity, cloud)
        if asset is not None:
            found.setdefault(asset.id, asset)
            roles.setdefault(asset.id, set()).update(asset.roles)
    return tuple(
        SeenAsset(each.id, each.type, each.value, each.provider, tuple(sorted(roles[each.id])), each.facts)
        for each in found.values()
    )


def asset_of(entity: Entity, cloud: str = "") -> SeenAsset | None:
    """An entity as an asset; `None` for what is none: a hash, a domain, or the session of a role."""
    kind = _TYPES.get(entity.kind)
    value = entity.value.strip()
    if kind is None or not value or (value.startswith("arn:") and ":sts:" in value[:24]):
        return None
    provider = _provider(kind, value, entity) or (cloud if kind in ("cloud_account", "resource") else "")
    if kind == "resource" and provider:
        kind = "cloud_resource"
    if kind == "ip":
        try:
            value = str(ip_address(value))
        except ValueError:
            return None
    elif kind not in _AS_WRITTEN or provider == "azure":
        # Azure's ids mean the same in any case, and its logs mix them.
        value = value.casefold()
    facts = {name: text for name, text in entity.facts.items() if name not in ("derived", "also")}
    also = entity.facts.get("also", "").split()
    texts = json.dumps(facts, sort_keys=True)
    return SeenAsset(asset_id(kind, value), kind, value, provider, (entity.role.value, *also), texts)


def _provider(kind: str, value: str, entity: Entity) -> str:
    """The cloud that a value belongs to, where its form shows it."""
    match kind:
        case "cloud_arn":
            return "aws"
        case "cloud_account" if any("aws" in field.casefold() for field in entity.fields):
            return "aws"
        case "resource" if _AZURE.fullmatch(value):
            return "azure"
        case "resource" if _GOOGLE.fullmatch(value):
            return "gcp"
        case "resource" if _EC2.fullmatch(value):
            return "aws"
        case _:
            return ""


def risk_row(risk: StoredRisk, *, console_url: str) -> dict[str, JsonValue]:
    """One alert as a risk; its fields are those of `schemas/risk.json`."""
    known = risk.verdict
    return {
        "schema": RISK_SCHEMA,
        "id": risk_id(risk.alert_id),
        "alert_id": risk.alert_id,
        **risk.body,
        "url": console_link(console_url, risk.alert_id) or None,
        "state": known.state if known else None,
        "verdict": known.verdict if known else None,
        "confidence": known.confidence if known else None,
        "group": known.leader if known else None,
        "events_read": risk.events_read,
        "assets": [*risk.assets],
    }


def asset_row(asset: StoredAsset, *, console_url: str) -> dict[str, JsonValue]:
    """One asset; its fields are those of `schemas/asset.json`."""
    roles: set[str] = set()
    statuses: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    detections: dict[str, None] = {}
    newest: list[str] = []
    severity, rank = "", -1
    for seen in asset.sightings:
        roles.update(seen.roles)
        statuses[seen.status] += 1
        if seen.verdict:
            verdicts[seen.verdict] += 1
        if seen.detection_id:
            detections[seen.detection_id] = None
        if len(newest) < NAMED:
            newest.append(seen.alert_id)
        if seen.rank > rank:
            severity, rank = seen.severity, seen.rank
    return {
        "schema": ASSET_SCHEMA,
        "id": asset.id,
        "type": asset.type,
        "value": asset.value,
        "provider": asset.provider or None,
        "roles": [*sorted(roles)],
        "facts": dict(sorted(asset.facts.items())),
        "first_seen": asset.first_seen,
        "last_seen": asset.last_seen,
        "highest_severity": severity,
        "status": min(statuses, key=_openness),
        "alert_count": statuses.total(),
        "statuses": dict(sorted(statuses.items())),
        "verdicts": dict(sorted(verdicts.items())),
        "alerts": [*newest],
        "risks": [*map(risk_id, newest)],
        "urls": [console_link(console_url, alert_id) for alert_id in newest] if console_url else [],
        "detections": [*sorted(detections)[:NAMED]],
        "detection_count": len(detections),
    }


def _openness(status: str) -> int:
    return _OPENNESS.index(status) if status in _OPENNESS else 0


def csv_cells(row: Mapping[str, JsonValue], columns: Iterable[str]) -> tuple[Cell, ...]:
    """A row as the cells of a CSV line; lists are joined by ` | `, objects are `name=value`."""
    return tuple(map(_cell, map(row.get, columns)))


def _cell(value: JsonValue) -> Cell:
    match value:
        case dict():
            return " | ".join(f"{name}={item}" for name, item in value.items())
        case list():
            return " | ".join(map(str, value))
        case bool():
            return "true" if value else "false"
        case _:
            return value


@cache
def schema_text(kind: Literal["asset", "risk"]) -> str:
    """The JSON Schema of one line of `triage export assets` or `triage export risks`."""
    return (Path(__file__).parent / "schemas" / f"{kind}.json").read_text(encoding="utf-8")


def risk_id(alert_id: str) -> str:
    """The id of an alert as a risk."""
    return f"risk-{_digest(alert_id)}"


def asset_id(kind: str, value: str) -> str:
    """The id of an asset, by its type and canonical value."""
    return "asset-" + _digest(f"{kind}\0{value}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
