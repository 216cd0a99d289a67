"""The section `replies`: what people answer in Panther's comments."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from triage.settings.section import Section
from triage.settings.values import Interval, StatusName, status_name


class RepliesSettings(Section):
    enabled: bool = False
    """Comments end with a question where the verdict hangs on a person, and the answer is read."""
    within: Interval = timedelta(days=7)
    """How long after a verdict answers are looked for."""
    status: dict[Literal["malicious", "benign"], Annotated[StatusName, BeforeValidator(status_name)]] = Field(
        default_factory=dict
    )
    """The status that an alert gets by the answer; empty: it is left to people."""

    @field_validator("status")
    @classmethod
    def _not_invalid(cls, value: dict[str, str]) -> dict[str, str]:
        if value.get("malicious") == "CLOSED":
            raise ValueError('CLOSED is Panther\'s "Invalid"; a malicious alert can be OPEN, TRIAGED or RESOLVED')
        return value
