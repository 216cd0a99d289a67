"""A young alert about a cloud user, whose aftermath arrives later."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tests.support.small_lake import event_at, write_lake
from triage.domain.alert import Alert
from triage.domain.dossier import Dossier
from triage.ports import Observer, RunJournal
from triage.stages.enrichment import Enricher

LOG_TYPE = "AWS.CloudTrail"
TABLE = "aws_cloudtrail"
RULE = {
    "id": "Cloud.KeyMade",
    "displayName": "Access key created",
    "severity": "MEDIUM",
    "runbook": "Ask who made the key.",
    "body": "def rule(event):\n    return event['eventName'] == 'CreateAccessKey'\n",
    "tags": [],
    "logTypes": [LOG_TYPE],
    "reports": {},
    "dedupPeriodMinutes": 60,
    "threshold": 1,
    "enabled": True,
}
ARN = "arn:aws:iam::210987654321:user/mira"


def call(at: datetime, number: int, action: str, source: str = "iam.amazonaws.com") -> dict[str, object]:
    """One call of the user."""
    return event_at(
        at,
        number,
        LOG_TYPE,
        eventName=action,
        eventSource=source,
        eventTime=at.strftime("%Y-%m-%d %H:%M:%S.000"),
        sourceIPAddress="198.51.100.24",
        userAgent="aws-cli/2.15",
        awsRegion="eu-central-1",
        recipientAccountId="210987654321",
        readOnly=False,
        userIdentity={
            "type": "IAMUser",
            "userName": "mira",
            "arn": ARN,
            "principalId": "AIDA210987654321MIRA",
            "accountId": "210987654321",
        },
        requestParameters={"userName": "mira"},
        p_any_ip_addresses=["198.51.100.24"],
        p_any_usernames=["mira"],
        p_any_aws_arns=[ARN],
        p_any_aws_account_ids=["210987654321"],
    )


def write_young_world(folder: Path, *, now: datetime) -> Path:
    """A world whose one alert is five minutes old."""
    at = now - timedelta(minutes=5)
    # Older than any dwell time, so that the habit counts.
    earlier = [
        call(at - timedelta(days=day, minutes=day), 10 + day, "CreateAccessKey" if day % 2 else "ListUsers")
        for day in range(15, 29)
    ]
    return write_lake(folder, now=now, rule=RULE, at=at, matched=call(at, 1, "CreateAccessKey"), others=earlier)


@dataclass(frozen=True)
class OpenWindows:
    """Enrichment whose questions about what followed say that their windows are open until some time.

    Stands where the enricher stands; everything else is the enricher's.
    """

    inner: Enricher
    until: Callable[[datetime], datetime | None]
    """Given the run's moment; `None`: everything has been delivered."""
    keys: str = "after"
    """Part of the names of these questions."""

    async def enrich(self, alert: Alert, *, now: datetime, journal: RunJournal, observe: Observer) -> Dossier:
        dossier = await self.inner.enrich(alert, now=now, journal=journal, observe=observe)
        until = self.until(now)
        evidence = tuple(
            entry.model_copy(
                update={
                    "coverage": entry.coverage.model_copy(
                        update={"open_until": until if self.keys in entry.key else None}
                    )
                }
            )
            for entry in dossier.evidence
        )
        return dossier.model_copy(update={"evidence": evidence})
