"""What a detection is, in memory and as Panther's REST API gives it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from textwrap import dedent

from tools.worlds.lake import LogType, Record
from tools.worlds.worktime import Timeline, iso_seconds


class Kind(StrEnum):
    """Kinds of detection, by the names of Panther's enumeration."""

    RULE = "RULE"
    SCHEDULED_RULE = "SCHEDULED_RULE"
    CORRELATION_RULE = "CORRELATION_RULE"
    POLICY = "POLICY"


class Event(dict[str, object]):
    """A record as a rule's Python sees it."""

    def deep_get(self, *path: str, default: object = None) -> object:
        """The value at a path of keys."""
        found: object = self
        for key in path:
            if not isinstance(found, Mapping):
                return default
            found = found.get(key)
        return default if found is None else found


@dataclass(frozen=True, slots=True)
class Functions:
    """The functions of a rule's Python body."""

    rule: Callable[[Event], bool]
    title: Callable[[Event], str]
    dedup: Callable[[Event], str]
    alert_context: Callable[[Event], Record]


@dataclass(frozen=True, slots=True)
class Detection:
    """One detection; `runbook` a step each, `body` Python with the functions that Panther knows."""

    id: str
    name: str
    severity: str
    description: str
    runbook: tuple[str, ...]
    body: str = ""
    log_type: LogType | None = None
    kind: Kind = Kind.RULE
    techniques: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    reference: str = ""
    dedup_minutes: int = 60
    threshold: int = 1
    summary: tuple[str, ...] = ()
    age_days: int = 200
    extra: Record = field(default_factory=dict)
    """Fields of its kind, such as the queries of a scheduled rule."""

    @property
    def runbook_text(self) -> str:
        return "\n".join(f"{number}. {step}" for number, step in enumerate(self.runbook, start=1))

    @property
    def reports(self) -> Record:
        return {"MITRE ATT&CK": list(self.techniques)} if self.techniques else {}

    def compile(self) -> Functions:
        """Load the body, as Panther loads it; `dedup` falls back on the title."""
        names: dict[str, Callable[[Event], object]] = {}
        exec(compile(dedent(self.body), self.id, "exec"), names)  # noqa: S102 - a constant of this package
        return Functions(
            rule=lambda event: bool(names["rule"](event)),
            title=lambda event: str(names["title"](event)),
            dedup=lambda event: str(names.get("dedup", names["title"])(event)),
            alert_context=lambda event: _as_record(names["alert_context"](event)),
        )

    def as_json(self, timeline: Timeline) -> Record:
        """The shape of Panther's REST API."""
        created = iso_seconds(timeline.now - timedelta(days=self.age_days))
        shared: Record = {
            "id": self.id,
            "displayName": self.name,
            "description": self.description,
            "severity": self.severity,
            "tags": list(self.tags),
            "reports": self.reports,
            "tests": [],
            "enabled": True,
            "managed": False,
            "createdAt": created,
            "lastModified": created,
            "outputIDs": [],
        }
        if self.body:
            shared["body"] = dedent(self.body).lstrip()
        if self.kind is not Kind.POLICY:
            shared |= {
                "runbook": self.runbook_text,
                "logTypes": [self.log_type.value] if self.log_type else [],
                "dedupPeriodMinutes": self.dedup_minutes,
                "threshold": self.threshold,
                "summaryAttributes": list(self.summary),
                "inlineFilters": "",
            }
        return shared | self.extra


def body(rule: str, title: str, context: Mapping[str, str]) -> str:
    """Python with the three functions, each of which returns one expression; those of `context` stand by their key."""
    entries = "".join([f'        "{key}": {value},\n' for key, value in context.items()])
    return (
        f"def rule(event):\n    return {rule}\n\n\n"
        f"def title(event):\n    return {title}\n\n\n"
        f"def alert_context(event):\n    return {{\n{entries}    }}\n"
    )


def _as_record(context: object) -> Record:
    """A context as it is stored: JSON, and its own copy."""
    loaded: Record = json.loads(json.dumps(context))
    return loaded
