"""What to import and into which world, and the report of what was imported and what was left out."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from triage.domain.verdict import Disposition
from triage.errors import ConfigError
from triage.sandbox.importing.reading import Limits

MAX_NAMED = 100
"""Problems that are named; the others are counted."""

_LOG_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LABELS = (Disposition.MALICIOUS.value, Disposition.BENIGN.value)


@dataclass(frozen=True, slots=True)
class Logs:
    """Files of one log type."""

    log_type: str
    path: Path
    """A file, or a directory that is walked."""
    delivered: bool = False
    """Whether AWS wrote the files; if so, anything but a CloudTrail record is left out."""

    def __post_init__(self) -> None:
        """Raises ConfigError for a log type that could not be one: its name becomes a file's name."""
        if not _LOG_TYPE.fullmatch(self.log_type):
            raise ConfigError(f"{self.log_type!r} is not a log type such as Okta.SystemLog")

    @classmethod
    def cloudtrail(cls, path: str) -> "Logs":
        """CloudTrail as AWS delivers it."""
        return cls("AWS.CloudTrail", Path(path), delivered=True)

    @classmethod
    def parse(cls, text: str) -> "Logs":
        """Read `LOG_TYPE=PATH`. Raises ConfigError."""
        log_type, divider, path = text.partition("=")
        if not divider or not path:
            raise ConfigError(f"--logs: expected LOG_TYPE=PATH, such as Okta.SystemLog=okta/, not {text!r}")
        return cls(log_type, Path(path))


@dataclass(frozen=True, slots=True)
class AlertAt:
    """An alert over one row."""

    rule: str
    row: str
    verdict: str = ""
    """`malicious` or `benign`; empty: no label."""

    @classmethod
    def parse(cls, text: str) -> "AlertAt":
        """Read `RULE_ID:ROW_ID` or `RULE_ID:ROW_ID=malicious`. Raises ConfigError."""
        named, _, verdict = text.partition("=")
        rule, divider, row = named.rpartition(":")
        if not divider or not rule or not row or (verdict and verdict not in _LABELS):
            raise ConfigError(f"--alert: expected RULE_ID:ROW_ID or RULE_ID:ROW_ID=malicious|benign, not {text!r}")
        return cls(rule, row, verdict)


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """One import."""

    into: Path
    logs: tuple[Logs, ...] = ()
    rules: tuple[Path, ...] = ()
    alert_files: tuple[Path, ...] = ()
    alerts: tuple[AlertAt, ...] = ()
    org: str = ""
    """Empty: that of the world, or `imported` for a new one."""
    now: datetime | None = None
    """The world's moment, aware; by default the first full second after everything in it."""
    time_fields: dict[str, str] = field(default_factory=dict)
    """Dotted path of the time field by log type; the key `""` is for all others."""
    undated: datetime | None = None
    """The time of records that have none, aware; without it they are left out."""
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class ImportProblem:
    """Something that was not imported."""

    file: str
    line: int
    """One-based; in an array of records the number of the record. 0: the file as a whole."""
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}" if self.line else f"{self.file}: {self.reason}"


@dataclass(slots=True)
class ImportReport:
    """Counts of one import; `problems` names the first hundred, `reasons` counts them all."""

    records_read: int = 0
    records_added: dict[str, int] = field(default_factory=dict)
    """New rows by table."""
    duplicates: int = 0
    """Records that were there already: the same log type and content."""
    rules_read: int = 0
    rules_added: int = 0
    rules_changed: int = 0
    rules_by_kind: dict[str, int] = field(default_factory=dict)
    not_detections: dict[str, int] = field(default_factory=dict)
    """YAML files of other kinds (helpers, data models, queries, packs), skipped, by kind."""
    alerts_added: int = 0
    labels_added: int = 0
    labels_changed: int = 0
    alerts: int = 0
    """Alerts that the world now has."""
    labels: int = 0
    """Labels that the world now has."""
    tables: dict[str, int] = field(default_factory=dict)
    """Rows that each touched log table now has."""
    first: str = ""
    last: str = ""
    """Times of the oldest and the newest row of the touched tables; empty where none was."""
    now: str = ""
    head_changed: bool = False
    """Whether a world that was there got another moment or name."""
    skipped_files: int = 0
    """Directory entries that are no log files or point outside of the directory."""
    rejected: int = 0
    """Lines, records, rules, alerts and files that were left out."""
    reasons: Counter[str] = field(default_factory=Counter)
    problems: list[ImportProblem] = field(default_factory=list)

    def reject(self, file: object, line: int, reason: str) -> None:
        """Count what is left out, and name it while there is room."""
        self.rejected += 1
        self.reasons[reason] += 1
        if len(self.problems) < MAX_NAMED:
            self.problems.append(ImportProblem(str(file), line, reason))

    @property
    def changed(self) -> bool:
        """Whether the import added or changed anything."""
        return bool(
            any(self.records_added.values())
            or self.rules_added
            or self.rules_changed
            or self.alerts_added
            or self.labels_added
            or self.labels_changed
            or self.head_changed
        )
