"""What Panther lists besides logs and rule alerts: log sources, users, and alerts of other kinds."""

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from .company import Company, Person
from .detections import DETECTIONS
from .detections.rule import Detection, Kind
from .dice import Dice
from .lake import LogType, Record, Row, Source
from .worktime import iso, iso_seconds

_KINDS = {
    LogType.CLOUDTRAIL: "aws-s3",
    LogType.OKTA: "okta",
    LogType.GITHUB: "github",
    LogType.GSUITE: "gsuite",
    LogType.VPCFLOW: "aws-s3",
    LogType.ENTRA: "azure-blob",
    LogType.AZURE: "azure-blob",
    LogType.GCP: "gcs",
    LogType.KUBERNETES: "aws-s3",
    LogType.ENDPOINT: "aws-s3",
    LogType.VAULT_SIGN_IN: "onepassword",
    LogType.VAULT_ITEM: "onepassword",
    LogType.WAREHOUSE_LOGIN: "snowflake",
    LogType.WAREHOUSE_QUERY: "snowflake",
    LogType.ONELOGIN: "onelogin",
}
_IDLE = "Zoom.Activity"
_IDLE_DAYS = 11


def log_sources(company: Company, log_types: Iterable[LogType]) -> dict[LogType, Source]:
    """The source of each log type."""
    return {
        log_type: Source(
            company.dice.child("source", log_type).uuid(), f"{company.org}-{log_type.table.replace('_', '-')}", kind
        )
        for log_type, kind in ((log_type, _KINDS[log_type]) for log_type in log_types)
    }


def sources(
    company: Company,
    live: Mapping[LogType, Source],
    rows: Sequence[Row],
    silent: Mapping[LogType, datetime],
    unnoticed: Container[LogType] = (),
) -> list[Record]:
    """Every source with its health: those that deliver, those that fell silent, and one that nobody uses any more.

    Of a silence in `unnoticed` Panther knows nothing yet: the source is shown as healthy, with the time of its last event.
    """
    now = company.timeline.now
    found = []
    for log_type, source in live.items():
        arrived = max((row.parsed for row in rows if row.log_type is log_type), default=now)
        # A source is asked every few minutes, and answers even where it has nothing that a rule would look at.
        last = (
            arrived
            if log_type in silent
            else now - timedelta(seconds=company.dice.child("poll", log_type).between(20, 240))
        )
        found.append(
            _source(company, source, log_type.value, last, healthy=log_type not in silent or log_type in unnoticed)
        )
    idle = Source(company.dice.child("source", _IDLE).uuid(), f"{company.org}-zoom-activity", "http")
    found.append(_source(company, idle, _IDLE, now - timedelta(days=_IDLE_DAYS, hours=3), healthy=False))
    return found


def _source(company: Company, source: Source, log_type: str, last: datetime, *, healthy: bool) -> Record:
    now = company.timeline.now
    record: Record = {
        "integrationId": source.id,
        "integrationLabel": source.label,
        "integrationType": source.kind,
        "logTypes": [log_type],
        "isEditable": True,
        "isHealthy": healthy,
        "lastEventReceivedAtTime": iso(last),
        "lastEventProcessedAtTime": iso(min(last + timedelta(seconds=9), now)),
        "lastModified": iso(now - timedelta(days=73)),
        "createdAtTime": iso(now - timedelta(days=290)),
    }
    if source.kind == "aws-s3":
        record["awsAccountId"] = company.production
    return record


def analysts(company: Company) -> list[Person]:
    """Those who work on the queue; the first of the team looks after tools and is not among them."""
    return company.team("security")[1:]


def user_id(person: Person) -> str:
    """A person's id in Panther."""
    return Dice("panther user", person.email, person.okta_id).uuid()


def users(company: Company) -> list[Record]:
    """The people with an account in Panther."""
    now = company.timeline.now
    return [
        {
            "id": user_id(person),
            "email": person.email,
            "givenName": person.given,
            "familyName": person.family,
            "createdAt": iso_seconds(now - timedelta(days=300 - 20 * index)),
            "lastLoggedInAt": iso_seconds(now - timedelta(hours=3 + 5 * index)),
            "role": {"id": company.dice.child("panther role").uuid(), "name": "Analyst"},
            "status": "ACTIVE",
            "enabled": True,
        }
        for index, person in enumerate(company.team("security"))
    ]


def _detection(kind: Kind) -> Detection:
    return next(detection for detection in DETECTIONS if detection.kind is kind)


def other_alerts(company: Company) -> list[Record]:
    """Alerts without events: a failed policy, a scheduled rule, a silent source, and a rule that is gone."""
    policy, scheduled = _detection(Kind.POLICY), _detection(Kind.SCHEDULED_RULE)
    someone = company.team("people")[0].email
    idle = {
        "type": "LOG_SOURCE_NO_DATA",
        "relatedComponent": f"{company.org}-zoom-activity",
        "sourceId": company.dice.child("source", _IDLE).uuid(),
        "sourceType": "http",
    }
    title = f"Policy failure: {policy.name} [{company.org}-scratch]"
    gone = Detection("Org.VPN.ParallelSessions", "VPN sessions in parallel", "MEDIUM", "", ())
    found = [
        _bare(company, policy, title, hours=14),
        _bare(company, scheduled, f"Unused account: {someone}", hours=17),
        _bare(company, gone, f"Parallel VPN sessions of {company.team('data')[3].email}", hours=9),
        {
            **_bare(company, gone, f"Source {company.org}-zoom-activity sent nothing for 24 hours", hours=5),
            "severity": "HIGH",
            "type": "SYSTEM_ERROR",
            "detectionType": "SYSTEM",
            "detectionId": None,
            "systemError": idle,
        },
    ]
    for weeks in (1, 2):
        found.append(
            {**_bare(company, scheduled, f"Unused account: {someone}", hours=17 + weeks * 168), "status": "RESOLVED"}
        )
        found.append({**_bare(company, policy, title, hours=14 + weeks * 168), "status": "CLOSED"})
    return found


def _bare(company: Company, detection: Detection, title: str, *, hours: int) -> Record:
    dice = company.dice.child("bare", detection.id, title, hours)
    at = iso(company.timeline.now - timedelta(hours=hours) + dice.minutes(0, 50))
    return {
        "id": dice.hex(32),
        "title": title,
        "description": detection.description,
        "severity": detection.severity,
        "status": "OPEN",
        "type": detection.kind.value,
        "createdAt": at,
        "updatedAt": at,
        "firstEventOccurredAt": None,
        "lastReceivedEventAt": None,
        "detectionId": detection.id,
        "detectionType": detection.kind.value,
        "runbook": detection.runbook_text,
        "reference": "",
        "context": None,
        "eventCount": 0,
        "assignee": None,
        "updatedBy": None,
    }
