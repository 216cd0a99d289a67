"""What to import, and into which world."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from triage.domain.verdict import Disposition
from triage.errors import ConfigError
from triage.sandbox.importing.reading import Limits

_LOG_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LABELS = (Disposition.MALICIOUS.value, Disposition.BENIGN.value)


@dataclass(frozen=True, slots=True)
class Logs:
    """Files of one log type."""

    log_type: str
    path: Path
    """A file, or a directory that is walked."""
    delivered: bool = False
    """Whether AWS wrote the files: then what is no CloudTrail record is left out."""

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
class Request:
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
    """Dotted path of the time field by log type; the key `""` stands for all others."""
    undated: datetime | None = None
    """The time of records that have none, aware; without it they are left out."""
    limits: Limits = field(default_factory=Limits)
