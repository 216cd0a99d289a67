"""What people did with the alerts: who closed which, as what, and what they wrote.

Outcomes are mixed within every rule, as they are in a queue that several people work on: a past outcome says that
somebody decided, and little about the next alert of the rule.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .company import Company, Person
from .detections.engine import Alert
from .dice import Dice
from .lake import Record
from .listing import analysts, user_id
from .scenarios.scenario import EXERCISE
from .worktime import iso

_OUTCOMES = ("CLOSED", "RESOLVED", "CLOSED", "RESOLVED", "TRIAGED", "CLOSED")
_COMMENTED = 0.45
_REMARKS = (
    "Talked to the person named in the title, they remember it.",
    "Went through the hour before and after. Ticket OPS-{number}.",
    "Handed over to the day shift with the rows attached.",
    "Second one this month, see the earlier one for the background.",
    "Asked the owner of the system, answer is in OPS-{number}.",
    "Took longer than it should have: the runbook's first step needs a saved query.",
)
_STAGED = "Staged by the security team, announced in OPS-{number}; cleaned up with them."


@dataclass(frozen=True, slots=True)
class Handled:
    """Alerts and comments in the shape of Panther's API."""

    alerts: list[Record] = field(default_factory=list)
    comments: list[Record] = field(default_factory=list)


def handle(alerts: Sequence[Alert], under_test: set[str], company: Company) -> Handled:
    """Close every alert but those under test, which stay open and untouched."""
    done = Handled()
    seen: Counter[str] = Counter()
    people = analysts(company)
    for alert in alerts:
        record = _record(alert)
        done.alerts.append(record)
        if alert.id in under_test:
            continue
        dice = company.dice.child("aftermath", alert.id)
        if alert.detection.severity == "INFO":
            record |= {"status": "RESOLVED", "updatedAt": iso(alert.created + timedelta(minutes=5))}
            continue
        at = min(alert.created + dice.minutes(12, 900), company.timeline.now - timedelta(hours=1))
        person = dice.pick(people)
        staged = EXERCISE in alert.stories
        turn = company.dice.child("outcomes", alert.detection.id).between(0, 5) + seen[alert.detection.id]
        seen[alert.detection.id] += 1
        status = "RESOLVED" if staged else _OUTCOMES[turn % len(_OUTCOMES)]
        record |= _decision(person, at, status, dice)
        if staged or dice.chance(_COMMENTED):
            remark = (_STAGED if staged else dice.pick(_REMARKS)).format(number=dice.between(1000, 4999))
            done.comments.append(_comment(alert, person, at, remark, dice))
    return done


def _record(alert: Alert) -> Record:
    detection = alert.detection
    return {
        "id": alert.id,
        "title": alert.title,
        "description": detection.description,
        "severity": detection.severity,
        "status": "OPEN",
        "type": detection.kind.value,
        "createdAt": iso(alert.created),
        "updatedAt": iso(max(alert.created, alert.last)),
        "firstEventOccurredAt": iso(alert.first),
        "lastReceivedEventAt": iso(alert.last),
        "detectionId": detection.id,
        "detectionType": detection.kind.value,
        "runbook": detection.runbook_text,
        "reference": detection.reference,
        "context": alert.context,
        "eventCount": len(alert.matches),
        "assignee": None,
        "updatedBy": None,
    }


def _decision(person: Person, at: datetime, status: str, dice: Dice) -> Record:
    by = user_id(person)
    return {
        "status": status,
        "updatedAt": iso(at),
        "updatedBy": {"id": by, "type": "user"},
        "assignee": by if dice.chance(0.3) else None,
    }


def _comment(alert: Alert, person: Person, at: datetime, body: str, dice: Dice) -> Record:
    return {
        "id": dice.hex(24),
        "alertId": alert.id,
        "body": body,
        "format": "PLAIN_TEXT",
        "createdAt": iso(at),
        "createdBy": {"id": user_id(person), "type": "user", "email": person.email},
    }
