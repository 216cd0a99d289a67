"""Where a value of a query's answer comes from."""

from dataclasses import dataclass
from enum import StrEnum

TIMES = frozenset({"p_event_time", "p_parse_time"})
"""Columns of Panther that bound a query in time."""


class Kind(StrEnum):
    COLUMN = "column"
    """A column's own value, from one row."""
    EXTREME = "extreme"
    """The least or greatest of a column's own values."""
    COUNT = "count"
    """A number of rows or of distinct values, or a sum or average of numbers."""
    COMPUTED = "computed"
    """Everything else: a constant, a text put together, a choice between values."""


@dataclass(frozen=True, slots=True)
class BaseColumn:
    """A column of a table of the lake, or a path into it."""

    table: str
    """Fully qualified, lower case."""
    path: str
    """Dotted, lower case, with list indexes: `target.0.id`."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One way in which a value can come about; a value has several where it is the first of some, or from a UNION."""

    kind: Kind
    columns: frozenset[BaseColumn] = frozenset()
    """The column, or what was counted."""
    whole: bool = True
    """The column's value as it is, but for letter case and type; otherwise a part of it, such as the day of a time."""


COMPUTED = frozenset({Origin(Kind.COMPUTED)})
Origins = frozenset[Origin]


@dataclass(frozen=True, slots=True)
class Output:
    """One column of an answer."""

    name: str
    """Lower case; empty where the lake makes one up."""
    origins: Origins


@dataclass(frozen=True, slots=True)
class StarOutput:
    """All columns of a table; of no table where they were renamed or replaced."""

    table: str


@dataclass(frozen=True, slots=True)
class Relation:
    """What a SELECT, a CTE or a table gives."""

    outputs: tuple[Output | StarOutput, ...]
    rows: int | None = None
    """How many rows it has whatever the log holds, such as the one of `SELECT COUNT(*)`; `None` if that depends."""

    def column(self, name: str) -> Origins:
        """The origins of a column by its name, in lower case; empty if there is none of that name."""
        found: set[Origin] = set()
        for output in self.outputs:
            if isinstance(output, StarOutput):
                found |= (
                    {Origin(Kind.COLUMN, frozenset({BaseColumn(output.table, name)}))} if output.table else COMPUTED
                )
            elif output.name == name:
                found |= output.origins
        return frozenset(found)
