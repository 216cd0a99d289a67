"""Hours of the day in which nothing is sent."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


def quiet_until(now: datetime, hours: str, timezone: str) -> datetime | None:
    """When the quiet hours around a moment end, in UTC; `None` outside them.

    Args:
        now: The moment.
        hours: Such as `22:00-06:00`; empty: none.
        timezone: Such as `Europe/Berlin`.
    """
    if not hours:
        return None
    start, end = (time.fromisoformat(part) for part in hours.split("-"))
    zone = ZoneInfo(timezone)
    local = now.astimezone(zone)
    at = local.time().replace(tzinfo=None)
    inside = start <= at < end if start < end else at >= start or at < end
    if not inside:
        return None
    day = local.date() if at < end else local.date() + timedelta(days=1)
    ends = datetime.combine(day, end, zone).astimezone(UTC)
    # Where clocks go back, the hour before the end comes twice, and the first end is already past.
    return ends if ends > now else ends + timedelta(hours=1)
