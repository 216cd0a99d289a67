"""Which alerts are new: overlapping windows, to the last page."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.domain.alert import Alert
from triage.ports import AlertQuery, AlertSource, Listing
from triage.settings import IngestSettings

SKEW = timedelta(days=1)
"""How far into the future a list reaches: Panther's clock may be ahead, and its API wants an upper bound."""

MAX_PAGES = 20_000
"""A listing that is longer than this is a server that never ends."""

_ERRORS = {"RULE_ERROR", "SCHEDULED_RULE_ERROR", "CORRELATION_RULE_ERROR"}


@dataclass(frozen=True, slots=True)
class Batch:
    """One page's worth of alerts."""

    alerts: tuple[Alert, ...]
    problems: tuple[str, ...] = ()


def listings(settings: IngestSettings) -> tuple[Listing, ...]:
    """The listings that the configured alert types need; Panther keeps errors apart."""
    wanted = set(settings.types)
    found = []
    if wanted - _ERRORS - {"SYSTEM_ERROR"}:
        found.append(Listing.ALERT)
    if wanted & _ERRORS:
        found.append(Listing.DETECTION_ERROR)
    if "SYSTEM_ERROR" in wanted:
        found.append(Listing.SYSTEM_ERROR)
    return tuple(found)


def window_start(cursor: datetime | None, *, now: datetime, settings: IngestSettings) -> datetime:
    """Where a poll begins: behind the cursor by the overlap, or at the lookback for the first one.

    A cursor in the future (a clock that was set back) does not leave a gap.
    """
    if cursor is None:
        return now - settings.lookback
    return min(cursor, now) - settings.overlap


async def new_alerts(
    source: AlertSource, listing: Listing, *, start: datetime, now: datetime, settings: IngestSettings
) -> AsyncIterator[Batch]:
    """Read one listing from `start` to its last page, in ascending creation time.

    An alert that Panther dates into the near future is read as well. Pages that repeat and
    cursors that loop end the reading with a problem instead of for ever; an alert on two pages is given once.

    Raises:
        PantherError: the window broke off; the cursor must not move.
    """
    query = AlertQuery(
        # The bound is exclusive on the server.
        created_after=start - timedelta(milliseconds=1),
        created_before=now + SKEW,
        statuses=settings.statuses,
        severities=settings.severities,
        listing=listing,
        page_size=settings.page_size,
    )
    cursor: str | None = None
    seen_cursors: set[str] = set()
    seen_ids: set[str] = set()
    for _ in range(MAX_PAGES):
        page = await source.page(query, cursor)
        fresh = tuple(alert for alert in page.alerts if alert.id not in seen_ids)
        seen_ids.update(alert.id for alert in fresh)
        problems = list(page.problems)
        if page.cursor is not None and page.cursor in seen_cursors:
            problems.append("the alert list repeats a page cursor; reading stopped there")
            yield Batch(fresh, tuple(problems))
            return
        yield Batch(fresh, tuple(problems))
        if page.cursor is None:
            return
        seen_cursors.add(page.cursor)
        cursor = page.cursor
    yield Batch((), (f"the alert list has more than {MAX_PAGES} pages; reading stopped there",))
