"""The rule, scheduled rule, correlation rule or policy behind an alert, and what its text refers to."""

from typing import Literal

from pydantic import Field

from triage.domain.alert import Moment, Severity
from triage.domain.base import Value


class Detection(Value):
    """A detection's text and metadata.

    Source: Panther REST definition, `RuleAPI.Rule`, `ScheduledRuleAPI.ScheduledRule`, `SimpleRuleAPI.SimpleRule`,
    `PolicyAPI.Policy`; that of July 2026, `CorrelationRuleAPI.CorrelationRule`.
    """

    id: str
    name: str = ""
    type: str = "RULE"
    """`RULE`, `SCHEDULED_RULE`, `SIMPLE_RULE`, `CORRELATION_RULE` or `POLICY`."""
    severity: Severity | None = None
    description: str = ""
    runbook: str = ""
    reference: str = ""
    body: str = ""
    """Python, or the YAML of a simple rule or a correlation rule."""
    tags: tuple[str, ...] = ()
    log_types: tuple[str, ...] = ()
    reports: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Framework name to ids, such as `{"MITRE ATT&CK": ("TA0005:T1562.008",)}`."""
    dedup_minutes: int | None = None
    threshold: int | None = None
    enabled: bool | None = None
    create_alert: bool | None = None
    """False: a match is a signal for correlation rules, and no alert of its own."""
    managed: bool | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    deleted: bool = False
    """Panther no longer has it: only the id is known."""

    @property
    def techniques(self) -> tuple[str, ...]:
        """MITRE ATT&CK technique ids such as `T1562.008`, in the detection's order, each once."""
        found = (part for entry in self.reports.get("MITRE ATT&CK", ()) for part in entry.split(":"))
        return tuple(dict.fromkeys(part.strip() for part in found if part.strip().startswith("T1")))


class FieldMapping(Value):
    """Where a log type keeps what a rule asks for by a common name; a path into the event, or a method."""

    name: str
    path: str = ""
    method: str = ""


class DataModel(Value):
    """What `event.udm(name)` means for a log type. Source: Panther REST definition, `DataModelAPI.DataModel`."""

    id: str
    log_types: tuple[str, ...] = ()
    enabled: bool = True
    mappings: tuple[FieldMapping, ...] = ()
    body: str = ""
    """Python of the methods."""


class RuleText(Value):
    """A text that a detection refers to: a rule that it correlates, a helper that it calls, a field of a data model."""

    kind: Literal["part", "helper", "field"]
    name: str
    text: str
    log_types: tuple[str, ...] = ()
    """That a part reads."""
