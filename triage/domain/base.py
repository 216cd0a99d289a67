"""What every value has in common."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, JsonValue, StringConstraints

Row = Mapping[str, JsonValue]
"""One record of the lake: column name to JSON value."""


EvidenceId = Annotated[str, StringConstraints(pattern=r"^E[1-9][0-9]{0,4}$")]
"""Number of an answer in a run's ledger, such as `E3`."""


class Value(BaseModel):
    """A frozen value that can be journalled as JSON and read back equal."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OpenEnum(StrEnum):
    """Names that Panther may add to: an unknown one is kept as it came, never an error.

    An unknown member compares equal to its text and is not listed when the class is iterated.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = value
        member._value_ = value
        return member

    @property
    def known(self) -> bool:
        """Whether this program has a meaning for the value."""
        return self._name_ in type(self).__members__
