"""The log tables of a world while it is being made."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .company import Company
from .dice import Dice
from .worktime import Timeline, stamp

Record = dict[str, object]
"""One log record, ready for JSON."""


class LogType(StrEnum):
    """The log types of a world, by Panther's names."""

    CLOUDTRAIL = "AWS.CloudTrail"
    OKTA = "Okta.SystemLog"
    GITHUB = "GitHub.Audit"
    GSUITE = "GSuite.ActivityEvent"
    VPCFLOW = "AWS.VPCFlow"
    ENTRA = "Azure.Audit"
    AZURE = "Azure.MonitorActivity"
    GCP = "GCP.AuditLog"
    KUBERNETES = "Amazon.EKS.Audit"
    ENDPOINT = "Crowdstrike.FDREvent"
    VAULT_SIGN_IN = "OnePassword.SignInAttempt"
    VAULT_ITEM = "OnePassword.ItemUsage"
    WAREHOUSE_LOGIN = "Snowflake.LoginHistory"
    WAREHOUSE_QUERY = "Snowflake.QueryHistory"
    ONELOGIN = "OneLogin.Events"

    @property
    def table(self) -> str:
        """Name of the table in each database of the lake."""
        return self.value.lower().replace(".", "_")


# Seconds from an event to its row, by log type: sources that ship files are slower than those that are asked.
_DELAYS = {
    LogType.CLOUDTRAIL: (90, 290),
    LogType.OKTA: (15, 60),
    LogType.GITHUB: (20, 80),
    LogType.GSUITE: (60, 240),
    LogType.VPCFLOW: (180, 420),
    LogType.ENTRA: (60, 240),
    LogType.AZURE: (90, 300),
    LogType.GCP: (20, 90),
    LogType.KUBERNETES: (40, 150),
    LogType.ENDPOINT: (120, 400),
    LogType.VAULT_SIGN_IN: (60, 200),
    LogType.VAULT_ITEM: (60, 200),
    LogType.WAREHOUSE_LOGIN: (200, 500),
    LogType.WAREHOUSE_QUERY: (200, 500),
    LogType.ONELOGIN: (30, 120),
}


@dataclass(frozen=True, slots=True)
class Source:
    """A log source as Panther lists it."""

    id: str
    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class Indicators:
    """What Panther lifts out of a record into its `p_any_` columns."""

    ips: Iterable[str] = ()
    usernames: Iterable[str] = ()
    emails: Iterable[str] = ()
    arns: Iterable[str] = ()
    accounts: Iterable[str] = ()
    traces: Iterable[str] = ()
    actors: Iterable[str] = ()
    domains: Iterable[str] = ()
    instances: Iterable[str] = ()
    sha256: Iterable[str] = ()

    def columns(self) -> Record:
        """The columns, each sorted and without repeats; empty ones are left out."""
        columns = {
            "p_any_ip_addresses": self.ips,
            "p_any_usernames": self.usernames,
            "p_any_emails": self.emails,
            "p_any_aws_arns": self.arns,
            "p_any_aws_account_ids": self.accounts,
            "p_any_aws_instance_ids": self.instances,
            "p_any_trace_ids": self.traces,
            "p_any_actor_ids": self.actors,
            "p_any_domain_names": self.domains,
            "p_any_sha256_hashes": self.sha256,
        }
        return {
            name: values for name, found in columns.items() if found and (values := sorted(set(filter(None, found))))
        }


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A row of the lake, with what only the generator may know about it."""

    log_type: LogType
    at: datetime
    parsed: datetime
    id: str
    record: Record
    story: str | None
    """The scenario that wrote it; never written out."""

    decisive: bool
    """Whether it decides that scenario; never written out."""


class Lake:
    """Rows of all log types, in the order in which they were written."""

    def __init__(self, seed: int, timeline: Timeline, sources: dict[LogType, Source]) -> None:
        self.rows: list[Row] = []
        self.silent_from: dict[LogType, datetime] = {}
        """Log types whose source stopped delivering; what happened later never arrived."""
        self._timeline = timeline
        self._sources = sources
        self._dice = Dice("lake", seed)

    def add(
        self, log_type: LogType, at: datetime, record: Record, found: Indicators, *, story: str | None, decisive: bool
    ) -> None:
        """Take in one record, unless it lies before the first day, after `now`, or in its source's silence."""
        parsed = at + self._dice.seconds(*_DELAYS[log_type])
        row_id = self._dice.hex(32)
        silent_from = self.silent_from.get(log_type)
        silenced = silent_from is not None and at >= silent_from
        if at < self._timeline.start or parsed > self._timeline.now or silenced:
            if story is not None and not silenced:
                raise ValueError(f"scenario {story} writes a {log_type} record at {at}, outside of its world")
            return
        source = self._sources[log_type]
        record |= {
            "p_event_time": stamp(at),
            "p_parse_time": stamp(parsed),
            "p_log_type": log_type.value,
            "p_row_id": row_id,
            "p_schema_version": 0,
            "p_source_id": source.id,
            "p_source_label": source.label,
            **found.columns(),
        }
        self.rows.append(Row(log_type, at, parsed, row_id, record, story, decisive))

    def sorted(self) -> list[Row]:
        """All rows by event time; those of the same instant by row id."""
        return sorted(self.rows, key=lambda row: (row.at, row.id))


@dataclass(frozen=True, slots=True)
class Scribe:
    """What a routine or a scenario needs in order to write its logs."""

    company: Company
    lake: Lake
    dice: Dice
    story: str | None = None
    """The scenario being written, if it is one."""

    ids: Dice = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", self.dice.child("ids"))

    @property
    def timeline(self) -> Timeline:
        return self.company.timeline

    def write(self, log_type: LogType, at: datetime, record: Record, found: Indicators, *, decisive: bool) -> None:
        """Add one record to the lake."""
        self.lake.add(log_type, at, record, found, story=self.story, decisive=decisive)

    def aside(self, *key: str | int) -> "Scribe":
        """The same, with draws of its own."""
        return Scribe(self.company, self.lake, self.dice.child(*key), self.story)
