"""Which of a person's devices were at the alert's addresses."""

from dataclasses import dataclass

from triage.domain.base import Row
from triage.domain.evidence import Evidence
from triage.stages.enrichment.signals.facts import Facts, number

OLD_DAYS = 2
"""From how many days before the dwell time on a device is a person's own."""


@dataclass(frozen=True, slots=True)
class DeviceCheck:
    """The devices from which a person signed in at the alert's addresses within the dwell time."""

    entry: Evidence
    own: tuple[Row, ...]
    """Theirs since before the dwell time."""
    new: tuple[Row, ...]
    """Any other, where the person has devices of their own that are known."""


def check_devices(facts: Facts) -> DeviceCheck | None:
    """The first log of sign-ins that knows the devices at the alert's addresses; `None` if none does."""
    for entry in facts.read("known_device", "device", "old_days", "lately_here"):
        here = [row for row in entry.rows if number(row, "lately_here")]
        if here and entry.complete:
            known = any(map(_is_own, entry.rows))
            return DeviceCheck(
                entry,
                tuple(row for row in here if _is_own(row)),
                tuple(row for row in here if known and not _is_own(row)),
            )
    return None


def _is_own(row: Row) -> bool:
    return number(row, "old_days") >= OLD_DAYS
