"""What an absence is worth: "no rows" proves something only where rows would have been seen."""

from triage.domain.alert import Moment
from triage.domain.base import Value


class Coverage(Value):
    """Whether the asked table could have answered. `None` means: not known, which proves nothing."""

    source_healthy: bool | None = None
    """Every log source that feeds the table reports itself healthy."""
    source_reached_window: bool | None = None
    """The source's last event lies at or after the end of the asked window (or the present, if earlier)."""
    table_has_rows: bool | None = None
    """The table has rows of anyone in the asked window."""
    control_has_rows: bool | None = None
    """A positive control for this kind of entity returned rows in the window."""
    last_event_at: Moment | None = None
    """When the source last delivered anything."""
    value_fits: bool | None = None
    """The asked value is of a kind that the column holds; `None` where the question names no identity."""
    proven_until: Moment | None = None
    """Up to when an absence is proven, where that is earlier than the end of the asked window."""
    open_until: Moment | None = None
    """When the last row of the asked window will have been delivered, if that is still to come; `None`: it has been."""

    @property
    def proves_absence(self) -> bool:
        """Whether "no rows" may support a claim."""
        return bool(
            self.source_healthy
            and self.source_reached_window is not False
            and self.table_has_rows
            and self.control_has_rows is not False
            and self.value_fits is not False
        )

    @property
    def gaps(self) -> tuple[str, ...]:
        """What is missing for an absence to count, in words for the report."""
        found = []
        if self.source_healthy is False:
            found.append("the log source is unhealthy")
        elif self.source_healthy is None:
            found.append("the health of the log source is unknown")
        if self.source_reached_window is False:
            found.append("the log source delivered nothing up to the end of the window")
        if self.table_has_rows is False:
            found.append("the table has no rows at all in the window")
        elif self.table_has_rows is None:
            found.append("it is unknown whether the table has rows in the window")
        if self.control_has_rows is False:
            found.append("a control search for this kind of entity found nothing")
        if self.value_fits is False:
            found.append("the log names people in another way than the name that was searched for")
        return tuple(found)
