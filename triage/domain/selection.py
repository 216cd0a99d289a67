"""What selection decides about an alert, always with its reason."""

from enum import StrEnum
from typing import Literal

from triage.domain.base import Value


class SkipCode(StrEnum):
    """Why an alert is not investigated; `triage queue select --explain` counts by these."""

    KIND = "type"
    STATUS = "status"
    SEVERITY = "severity"
    LOG_TYPE = "log_type"
    REGEX = "detection_regex"
    DENIED = "denied"
    NOT_ALLOWED = "not_allowed"
    TOO_FEW_EVENTS = "too_few_events"
    CLOSED_MEANWHILE = "closed_meanwhile"
    GONE = "gone"
    QUARANTINED = "quarantined"


class Selected(Value):
    """Worth an investigation."""

    outcome: Literal["selected"] = "selected"
    reason: str = "selected"
    warning: str = ""
    """Something the filters could not decide; the alert is selected all the same."""


class Skipped(Value):
    outcome: Literal["skipped"] = "skipped"
    code: SkipCode
    reason: str


class Linked(Value):
    """Belongs to the investigation of an earlier alert of its group."""

    outcome: Literal["linked"] = "linked"
    leader: str
    """Alert id that is investigated."""
    reason: str
    tried: tuple[str, ...] = ()
    """Other leaders whose investigations it was found not to belong to."""


Decision = Selected | Skipped | Linked
