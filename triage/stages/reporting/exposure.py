"""Assets and risks as JSON lines for an exposure-management platform, from the state database alone.

An asset (`triage export assets`), schema `triage.asset/1`:

| field | content |
|---|---|
| `id` | `asset-` and 32 hexadecimal digits of SHA-256 over type and value: the same on every machine and every day |
| `type` | `ip`, `host`, `cloud_arn`, `cloud_account`, `cloud_resource`, `user` |
| `value` | addresses in their canonical form; hosts, names and e-mail addresses in lower case; ARNs as they are |
| `roles` | what it did in the events: `actor`, `source`, `target`, `other` |
| `facts` | what follows from its form, such as the class of an address or the account of an ARN |
| `first_seen`, `last_seen` | earliest first event and latest last event of its alerts, ISO 8601, UTC |
| `highest_severity`, `verdicts` | over its alerts; how many of each verdict |
| `alerts`, `detections`, `risks` | ids, sorted |

A risk (`triage export risks`), schema `triage.risk/1`, is an alert, the most severe first:

| field | content |
|---|---|
| `id` | `risk-` and 32 hexadecimal digits of SHA-256 over the alert's id |
| `category` | `threat`, `correlation`, `policy_violation`, `detection_error`, `system_error`, `other` |
| `type`, `severity`, `status`, `title` | Panther's |
| `alert_id`, `detection_id`, `detection_name`, `url` | references back; `url` only with `writeback.console_url` |
| `state`, `verdict`, `confidence`, `calibration` | this program's; the last three null where there is none yet |
| `group` | the alert whose verdict this one takes, else null |
| `techniques` | MITRE ATT&CK ids |
| `first_seen`, `last_seen` | of its events; `created_at` of the alert |
| `assets` | ids, sorted |

Only the database is read, not Panther. So these are missing: alerts that no poll has listed (created before the first
look-back, or of a severity, status or kind that `ingest` does not ask for), alerts that retention has deleted, changes
in Panther since the last poll, and the assets of alerts that were not investigated (skipped, waiting, failed, or linked
to another alert, which has them).
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address

from pydantic import JsonValue

from triage.domain.alert import Alert, Kind, Severity
from triage.domain.entity import Entity, EntityKind
from triage.domain.verdict import Investigation
from triage.ports import AlertRecord
from triage.stages.reporting.view import console_link

ASSET_SCHEMA = "triage.asset/1"
RISK_SCHEMA = "triage.risk/1"

_TYPES = {
    EntityKind.IP: "ip",
    EntityKind.HOST: "host",
    EntityKind.ARN: "cloud_arn",
    EntityKind.ACCOUNT: "cloud_account",
    EntityKind.RESOURCE: "cloud_resource",
    EntityKind.USER: "user",
    EntityKind.EMAIL: "user",
}
_AS_WRITTEN = frozenset({"cloud_arn", "cloud_resource", "cloud_account"})
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


@dataclass(slots=True)
class _Asset:
    type: str
    value: str
    first: datetime
    last: datetime
    severity: Severity
    roles: set[str] = field(default_factory=set)
    facts: dict[str, str] = field(default_factory=dict)
    verdicts: Counter[str] = field(default_factory=Counter)
    alerts: set[str] = field(default_factory=set)
    detections: set[str] = field(default_factory=set)


class Assets:
    """Collects assets, one investigation after another."""

    def __init__(self) -> None:
        self._found: dict[str, _Asset] = {}

    def add(self, record: AlertRecord, investigation: Investigation | None) -> None:
        """Take in an alert; one without an investigation has no assets."""
        if investigation is None:
            return
        alert = record.alert
        first, last = _seen(alert)
        for entity in investigation.entities:
            named = _named(entity)
            if named is None:
                continue
            name, kind, value = named
            asset = self._found.get(name)
            if asset is None:
                asset = self._found[name] = _Asset(kind, value, first, last, alert.severity)
            asset.first, asset.last = min(asset.first, first), max(asset.last, last)
            asset.severity = max(asset.severity, alert.severity, key=lambda severity: severity.rank)
            asset.roles.add(entity.role.value)
            asset.facts = {**entity.facts, **asset.facts}
            if alert.id not in asset.alerts:
                asset.verdicts[investigation.verdict.disposition.value] += 1
            asset.alerts.add(alert.id)
            if alert.detection_id:
                asset.detections.add(alert.detection_id)

    def rows(self) -> Iterable[dict[str, JsonValue]]:
        """One object per asset, by type and value."""
        for name, asset in sorted(self._found.items(), key=lambda item: (item[1].type, item[1].value)):
            yield {
                "schema": ASSET_SCHEMA,
                "id": name,
                "type": asset.type,
                "value": asset.value,
                "roles": [*sorted(asset.roles)],
                "facts": dict(sorted(asset.facts.items())),
                "first_seen": asset.first.isoformat(),
                "last_seen": asset.last.isoformat(),
                "highest_severity": asset.severity.value,
                "verdicts": dict(sorted(asset.verdicts.items())),
                "alerts": [*sorted(asset.alerts)],
                "detections": [*sorted(asset.detections)],
                "risks": [*sorted(map(risk_id, asset.alerts))],
            }


def risk_row(record: AlertRecord, investigation: Investigation | None, *, console_url: str) -> dict[str, JsonValue]:
    """One alert as a risk."""
    alert = record.alert
    first, last = _seen(alert)
    entities = investigation.entities if investigation else ()
    assets = {named[0] for entity in entities if (named := _named(entity)) is not None}
    return {
        "schema": RISK_SCHEMA,
        "id": risk_id(alert.id),
        "category": _CATEGORIES.get(alert.kind, "other"),
        "type": alert.kind.value,
        "severity": alert.severity.value,
        "status": alert.status.value,
        "title": alert.title,
        "alert_id": alert.id,
        "detection_id": alert.detection_id,
        "detection_name": alert.detection_name,
        "url": console_link(console_url, alert.id) or None,
        "state": record.state.value,
        "verdict": record.verdict.value if record.verdict else None,
        "confidence": record.confidence,
        "calibration": investigation.verdict.calibration if investigation else None,
        "group": record.leader,
        "techniques": [*investigation.verdict.techniques] if investigation else [],
        "first_seen": first.isoformat(),
        "last_seen": last.isoformat(),
        "created_at": alert.created_at.isoformat(),
        "assets": [*sorted(assets)],
    }


def risk_id(alert_id: str) -> str:
    """The id of an alert as a risk."""
    return f"risk-{_digest(alert_id)}"


def asset_id(kind: str, value: str) -> str:
    """The id of an asset, by its type and canonical value."""
    return "asset-" + _digest(f"{kind}\0{value}")


def _named(entity: Entity) -> tuple[str, str, str] | None:
    """Id, type and canonical value; `None` for what is not an asset (a hash, a session, a domain)."""
    kind = _TYPES.get(entity.kind)
    value = entity.value.strip()
    if kind is None or not value:
        return None
    if kind == "ip":
        try:
            value = str(ip_address(value))
        except ValueError:
            return None
    elif kind not in _AS_WRITTEN:
        value = value.casefold()
    return asset_id(kind, value), kind, value


def _seen(alert: Alert) -> tuple[datetime, datetime]:
    first = alert.moment
    return first, max(first, alert.last_event_at or first)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
