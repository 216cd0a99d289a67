"""A month of a small company's logs with any number of alerts in it, and what the program makes of each without a model."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.support.cli import write_config
from tests.support.tiny_world import write_files
from tests.support.wired import wired
from triage.domain.alert import Alert
from triage.domain.evidence import Evidence
from triage.domain.signal import Signal, is_proven
from triage.domain.verdict import Disposition, Investigation
from triage.edges.clock import FixedStartClock
from triage.logtypes import table_of
from triage.pipeline.single import claim_alert
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import load_world
from triage.service.worker import LEASE_SECONDS, Tally, Worker
from triage.settings import load_settings

NOW = datetime(2031, 5, 6, 15, tzinfo=UTC)
AT = NOW - timedelta(hours=6)
"""When most alerts' events happened: long enough ago for what followed to have been delivered."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
OFFICE, OUTSIDE, ABROAD = "203.0.113.9", "198.51.100.77", "192.0.2.200"
Columns = dict[str, Any]


def stamp(at: datetime) -> str:
    """As the lake writes a time."""
    return f"{at:%Y-%m-%d %H:%M:%S}.000"


@dataclass
class World:
    """The records of a Panther."""

    logs: dict[str, list[Columns]] = field(default_factory=dict)
    matches: dict[str, list[Columns]] = field(default_factory=dict)
    alerts: dict[str, Columns] = field(default_factory=dict)
    rules: list[Columns] = field(default_factory=list)
    signals: list[Columns] = field(default_factory=list)
    """Matches of rules that raise no alert by themselves."""
    code: dict[str, str] = field(default_factory=dict)
    """Global helpers by name."""
    data_models: list[Columns] = field(default_factory=list)
    profiles: list[Columns] = field(default_factory=list)
    rows: int = 0
    behind: dict[str, timedelta] = field(default_factory=dict)
    """By log type, how long ago its last event was delivered; two minutes where nothing is said."""

    def log(self, log_type: str, at: datetime, columns: Mapping[str, Any], *, every: int = 0) -> Columns:
        """Add an event; with `every`, the same on that many days before as well."""
        for day in range(every, 0, -1):
            self.log(log_type, at - day * DAY, columns)
        self.rows += 1
        event = {
            "p_event_time": stamp(at),
            "p_parse_time": stamp(at + MINUTE),
            "p_log_type": log_type,
            "p_row_id": f"row{self.rows}",
            "p_source_id": log_type,
            "p_source_label": log_type,
            **columns,
        }
        if log_type not in self.logs:
            self.logs[log_type] = []
            self._heartbeat(log_type)
        self.logs[log_type].append(event)
        return event

    def _heartbeat(self, log_type: str) -> None:
        """Somebody else's event every hour shows that the log is delivered."""
        for hour in range(30 * 24):
            at = self._delivered(log_type) - MINUTE - hour * HOUR
            self.rows += 1
            self.logs[log_type].append(
                {
                    "p_event_time": stamp(at),
                    "p_parse_time": stamp(at + MINUTE),
                    "p_log_type": log_type,
                    "p_row_id": f"row{self.rows}",
                    "p_source_id": log_type,
                    "p_any_ip_addresses": ["203.0.113.250"],
                }
            )

    def _delivered(self, log_type: str) -> datetime:
        return NOW - self.behind.get(log_type, 2 * MINUTE)

    def alert(
        self,
        name: str,
        log_type: str,
        *events: Columns,
        at: datetime = AT,
        detection: str = "",
        rule: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> None:
        """Raise an alert on events that are in a log, of a detection of its own if none is named."""
        number = f"{len(self.alerts) + 1:032x}"
        detection = detection or f"Test.{name}"
        self.rules.append(
            {
                "id": detection,
                "displayName": name,
                "severity": "HIGH",
                "runbook": "",
                "body": "def rule(event):\n    return True\n",
                "tags": [],
                "logTypes": [log_type],
                "reports": {},
                "dedupPeriodMinutes": 60,
                "threshold": 1,
                "enabled": True,
                **(rule or {}),
            }
        )
        self.alerts[name] = {
            "id": number,
            "title": name,
            "severity": "HIGH",
            "status": "OPEN",
            "type": "RULE",
            "createdAt": (at + MINUTE).isoformat(),
            "updatedAt": (at + MINUTE).isoformat(),
            "firstEventOccurredAt": at.isoformat(),
            "lastReceivedEventAt": (at + MINUTE).isoformat(),
            "detectionId": detection,
            "detectionType": "RULE",
            "eventCount": len(events),
            **changes,
        }
        self.matches.setdefault(log_type, []).extend(
            {**event, "p_alert_id": number, "p_rule_id": detection} for event in events
        )

    def write(self, folder: Path) -> Path:
        """As the files of an embedded Panther."""
        sources: list[Columns] = [
            {
                "integrationId": log_type,
                "integrationLabel": log_type,
                "integrationType": "http",
                "logTypes": [log_type],
                "isHealthy": True,
                "lastEventReceivedAtTime": self._delivered(log_type).isoformat(),
                "lastEventProcessedAtTime": self._delivered(log_type).isoformat(),
                "createdAtTime": (NOW - 90 * DAY).isoformat(),
            }
            for log_type in sorted(self.logs)
        ]
        files: dict[str, list[Columns]] = {
            "alerts": list(self.alerts.values()),
            "rules": list({rule["id"]: rule for rule in self.rules}.values()),
            "users": [],
            "sources": sources,
            "comments": [],
            "globals": [{"id": name, "body": body} for name, body in self.code.items()],
            "data_models": self.data_models,
            "profiles": self.profiles,
        }
        if self.signals:
            files["lake/panther_signals/correlation_signals"] = self.signals
        for database, tables in (("panther_logs", self.logs), ("panther_rule_matches", self.matches)):
            for log_type, rows in tables.items():
                files[f"lake/{database}/{table_of(log_type)}"] = rows
        return write_files(folder, NOW.isoformat(), files)


@dataclass(frozen=True)
class Found:
    """What became of one alert."""

    investigation: Investigation

    @property
    def verdict(self) -> Disposition:
        return self.investigation.verdict.disposition

    @cached_property
    def evidence(self) -> dict[str, Evidence]:
        return {entry.id: entry for entry in self.investigation.evidence}

    @cached_property
    def facts(self) -> dict[str, Signal]:
        """Those that count, by name."""
        return {each.name: each for each in self.investigation.signals if is_proven(each, self.evidence)}

    def answers(self, question: str) -> list[Evidence]:
        """The answers to a question of the playbooks."""
        return [entry for entry in self.investigation.evidence if entry.key.endswith(f".{question}")]

    @property
    def words(self) -> str:
        """Every fact and finding, and every note."""
        verdict = self.investigation.verdict
        said = [signal.sentence for signal in self.facts.values()]
        said += [checked.finding.text for checked in verdict.findings]
        return "\n".join([*said, verdict.summary, verdict.reason, *self.investigation.notes])


@dataclass(frozen=True)
class Triaged:
    """What became of the alerts of a world."""

    found: Mapping[str, Found]
    failed: Mapping[str, str]
    """Why an alert was not triaged."""

    def __getitem__(self, name: str) -> Found:
        assert name in self.found, f"not triaged: {self.failed.get(name)}"
        return self.found[name]


def triaged(folder: Path, world: World, *, more: str = "") -> Triaged:
    """Start an embedded Panther with the world and triage every open alert, one after the other."""

    async def run(panther: SandboxServer) -> Triaged:
        settings = load_settings(folder / "config.yaml", environment={})
        clock = FixedStartClock(NOW)
        found: dict[str, Found] = {}
        failed: dict[str, str] = {}
        async with wired(settings, clock) as app:
            for name, record in world.alerts.items():
                if record["status"] != "OPEN":
                    continue
                alert: Alert = await app.panther.alerts.alert(record["id"])
                claim = await claim_alert(
                    app.store.queue, alert, reason="test", worker="test", clock=clock, lease_seconds=LEASE_SECONDS
                )
                tally = Tally()
                await Worker(app.pipeline, lambda _: None).finish(claim, tally, forced=True)
                investigation = await app.store.records.investigation(alert.id)
                if investigation is None:
                    failed[name] = tally.errors.get(alert.id, "skipped")
                else:
                    found[name] = Found(investigation)
        return Triaged(found, failed)

    place = folder / "world"
    place.mkdir()
    with SandboxServer(load_world(world.write(place), as_recorded=True)) as panther:
        write_config(folder, panther.url, more=more)
        return asyncio.run(run(panther))


def aws(user: str, action: str, address: str = OFFICE, **more: Any) -> Columns:
    """A call of an IAM user."""
    arn = f"arn:aws:iam::111122223333:user/{user}"
    return {
        "eventName": action,
        "eventSource": "iam.amazonaws.com",
        "sourceIPAddress": address,
        "recipientAccountId": "111122223333",
        "awsRegion": "eu-west-1",
        "userIdentity": {
            "type": "IAMUser",
            "arn": arn,
            "userName": user,
            "principalId": f"AIDA{user.upper()}",
            "accessKeyId": f"AKIA{user.upper()}",
            "accountId": "111122223333",
        },
        "p_any_ip_addresses": [address],
        "p_any_usernames": [user],
        "p_any_aws_arns": [arn],
        **more,
    }


def role(name: str, session: str, action: str, address: str = OFFICE, **more: Any) -> Columns:
    """A call under a role that somebody or something has assumed."""
    issuer = {
        "type": "Role",
        "userName": name,
        "arn": f"arn:aws:iam::111122223333:role/{name}",
        "principalId": f"AROA{name.upper()}",
        "accountId": "111122223333",
    }
    identity = {
        "type": "AssumedRole",
        "principalId": f"AROA{name.upper()}:{session}",
        "arn": f"arn:aws:sts::111122223333:assumed-role/{name}/{session}",
        "accessKeyId": f"ASIA{session.split('@', maxsplit=1)[0].upper()}",
        "accountId": "111122223333",
        "sessionContext": {"sessionIssuer": issuer},
    }
    return {**aws(name, action, address), "userIdentity": identity, "p_any_usernames": [session], **more}


def okta(person: str, action: str, address: str = OFFICE, *, result: str = "SUCCESS", **more: Any) -> Columns:
    """An event of Okta."""
    return {
        "eventType": action,
        "actor": {"alternateId": person, "type": "User", "id": f"00u{person.split('@', maxsplit=1)[0]}"},
        "client": {"ipAddress": address, "geographicalContext": {"country": more.pop("country", "Portugal")}},
        "outcome": {"result": result},
        "target": [],
        "p_any_ip_addresses": [address],
        "p_any_emails": [person],
        **more,
    }
