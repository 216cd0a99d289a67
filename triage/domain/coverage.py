"""What an absence is worth: "no rows" proves something only where rows would have been seen."""

from datetime import datetime
from typing import Self

from triage.domain.alert import Moment
from triage.domain.base import Value


class Coverage(Value):
    """Whether the asked table could have answered. `None` means: not known, which proves nothing."""

    source_healthy: bool | None = None
    """Every log source that feeds the table reports itself healthy, and none has an active alarm."""
    source_reached_window: bool | None = None
    """The table delivered past the end of the window that was wanted, by more than its usual delivery lag."""
    table_has_rows: bool | None = None
    """The table has rows of anyone in the asked window, or, where that reaches past the alert, since it."""
    control_has_rows: bool | None = None
    """A positive control for this kind of entity returned rows there."""
    last_event_at: Moment | None = None
    """When the source last delivered anything."""
    value_fits: bool | None = None
    """The asked value is of a kind that the column holds; `None` where the question names no identity."""
    value_found: bool | None = None
    """The alert's own events hold a value of the asked kind, and the same search finds it there; False: it may be missed
    where it occurs; `None`: the value is not searched for by what Panther extracts."""
    proven_until: Moment | None = None
    """Up to when an absence is proven, where that is earlier than the end of the asked window."""
    open_until: Moment | None = None
    """When the last row of the asked window will have been delivered, if that is still to come; `None`: it has been."""
    alarms: tuple[str, ...] = ()
    """Active alarms of the log sources, such as `SOURCE_NO_DATA`."""
    alarm_minutes: int | None = None
    """Minutes of silence after which the no-data alarm of a source that feeds the table comes, the longest of them; no
    alarm says nothing of a shorter silence."""
    overdue: bool = False
    """A source has been silent for longer than that, and there is no alarm: it counts as unhealthy."""

    @property
    def proves_absence(self) -> bool:
        """Whether "no rows" may support a claim about the whole window that was wanted."""
        return bool(
            self.source_healthy
            and self.source_reached_window
            and self.table_has_rows
            and self.control_has_rows
            and self._searchable
        )

    def proves_until(self, moment: datetime) -> bool:
        """Whether "no rows" may support a claim about the asked window up to a moment."""
        if self.proves_absence:
            return True
        return self._searchable and self.proven_until is not None and self.proven_until >= moment

    def of_search(self, *, value_fits: bool | None, value_found: bool | None) -> Self:
        """The same with what is known of the value that was searched for; `None` leaves what there is.

        Where it may be missed, an absence is proven up to no moment.
        """
        changed = {"value_fits": value_fits, "value_found": value_found}
        update: dict[str, object] = {name: value for name, value in changed.items() if value is not None}
        if False in (value_fits, value_found):
            update["proven_until"] = None
        return self.model_copy(update=update)

    @property
    def _searchable(self) -> bool:
        """Whether a row with the value would have been found."""
        return self.value_fits is not False and self.value_found is not False

    def with_control(self, rows: int | None) -> Self:
        """The same with what a control found: whether acts of anyone fit what was asked for.

        Args:
            rows: Of the control's answer; `None` if it has none.
        """
        if rows is None:
            return self.model_copy(update={"control_has_rows": None})
        return self if rows else self.model_copy(update={"control_has_rows": False, "proven_until": None})

    @property
    def gaps(self) -> tuple[str, ...]:
        """What is missing for an absence to count, in words for the report."""
        return self._gaps(until="; the absence is proven until then")

    @property
    def gaps_after(self) -> tuple[str, ...]:
        """The same beside words that say up to when the absence is proven."""
        return self._gaps(until="")

    def _gaps(self, *, until: str) -> tuple[str, ...]:
        found = []
        if self.value_fits is False:
            found.append("the log names people in another way than the name that was searched for")
        if self.value_found is False:
            found.append(
                "the log may hold the value in a field that is not searched: Panther extracts only some as indicators, and "
                "no event of the alert shows that it extracts this kind"
            )
        if self.alarms:
            found.append(f"the log source has an active alarm ({', '.join(map(_alarm_text, self.alarms))})")
        elif self.overdue:
            found.append("the log source has been silent for longer than its no-data alarm allows")
        elif self.source_healthy is False:
            found.append("the log source is unhealthy")
        elif self.source_healthy is None:
            found.append("the health of the log source is unknown")
        found += self._delivery_gaps(until) if self.value_fits is not False else []
        if self.table_has_rows is False:
            found.append("the table has no rows at all in the window")
        elif self.table_has_rows is None:
            found.append("it is unknown whether the table has rows in the window")
        if self.control_has_rows is False:
            found.append("a control search for this kind of entity found nothing")
        elif self.control_has_rows is None and self.table_has_rows:
            found.append("no control search was possible for this kind of entity")
        return tuple(found)

    @property
    def _noticed(self) -> str:
        """How soon Panther would notice a silence that it has not noticed yet."""
        if self.alarm_minutes is None or self.alarms or self.overdue:
            return ""
        return f" (its no-data alarm comes after {_span_text(self.alarm_minutes)} of silence)"

    def _delivery_gaps(self, proven: str) -> list[str]:
        found = []
        if self.open_until is not None:
            found.append(f"rows may still arrive until {_time_text(self.open_until)}")
        if self.proven_until is not None:
            found.append(f"delivered only up to {_time_text(self.proven_until)}{proven}")
        elif self.source_reached_window is False and self.open_until is None:
            last = self.last_event_at
            when = "up to the end of the window" if last is None else f"since {_time_text(last)}"
            found.append(f"the log source delivered nothing {when}{self._noticed}")
        if self.proven_until is not None and self.open_until is None and self.last_event_at is not None:
            since = _time_text(self.last_event_at)
            found.append(f"the log source has been silent since {since}, longer than usual{self._noticed}")
        if self.source_reached_window is None and self.source_healthy and self.table_has_rows:
            found.append("it is unknown up to when the log source delivered")
        return found


def _time_text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _span_text(minutes: int) -> str:
    """`45 min`, `6 h`, `2 d`: whole hours and days where they fit."""
    for unit, size in (("d", 1_440), ("h", 60)):
        if minutes >= size and not minutes % size:
            return f"{minutes // size} {unit}"
    return f"{minutes} min"


def _alarm_text(name: str) -> str:
    return "no data arrives" if name == "SOURCE_NO_DATA" else name.replace("_", " ").lower()
