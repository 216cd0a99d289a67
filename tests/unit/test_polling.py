"""Which alerts are new."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.support.make import NOW, alert
from triage.domain.alert import Alert
from triage.errors import PantherUnreachable
from triage.ports import AlertPage, AlertQuery, Events, Listing
from triage.settings import IngestSettings
from triage.stages.polling import listings, new_alerts, window_start

pytestmark = pytest.mark.anyio
SETTINGS = IngestSettings()


class Scripted:
    """Panther's alert list as a script of pages; stands at the port, where the network begins."""

    def __init__(self, *pages: AlertPage | Exception) -> None:
        self.pages = list(pages)
        self.asked: list[tuple[AlertQuery, str | None]] = []

    async def page(self, query: AlertQuery, cursor: str | None = None) -> AlertPage:
        self.asked.append((query, cursor))
        page = self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]
        if isinstance(page, Exception):
            raise page
        return page

    async def alert(self, alert_id: str) -> Alert:
        raise AssertionError(alert_id)

    async def events(self, alert_id: str, *, limit: int, max_bytes: int) -> Events:
        raise AssertionError(alert_id)


async def read(source: Scripted) -> tuple[list[str], list[str]]:
    found: list[str] = []
    problems: list[str] = []
    async for batch in new_alerts(source, Listing.ALERT, start=NOW, now=NOW, settings=SETTINGS):
        found += [item.id for item in batch.alerts]
        problems += batch.problems
    return found, problems


def page(ids: Sequence[str], cursor: str | None, *problems: str) -> AlertPage:
    return AlertPage(tuple(alert(name) for name in ids), cursor, tuple(problems))


async def test_reads_to_the_last_page() -> None:
    """Every page is read, an empty one in the middle too, and each alert is given once."""
    source = Scripted(page(["a", "b"], "1"), page([], "2"), page(["b", "c"], None, "a node was null"))
    assert await read(source) == (["a", "b", "c"], ["a node was null"])
    assert [cursor for _, cursor in source.asked] == [None, "1", "2"]


async def test_asks_for_what_is_enabled_in_ascending_order() -> None:
    """Status and severity go to the server, and the order lets the cursor move forward."""
    source = Scripted(page([], None))
    await read(source)
    query = source.asked[0][0]
    assert query.ascending
    assert query.statuses == ("OPEN",)
    assert query.severities == ("CRITICAL", "HIGH", "MEDIUM")
    assert query.created_before is not None
    assert query.created_before > NOW
    assert query.created_after is not None
    assert query.created_after < NOW


async def test_a_cursor_that_loops_ends_with_a_problem() -> None:
    """A server that repeats its cursor for ever is left, and it is said."""
    found, problems = await read(Scripted(page(["a"], "same")))
    assert found == ["a"]
    assert "repeats a page cursor" in problems[0]


async def test_a_window_that_breaks_off_is_an_error() -> None:
    """What was read stays with the caller, who must not move the cursor."""
    source = Scripted(page(["a"], "1"), PantherUnreachable("gone"))
    with pytest.raises(PantherUnreachable):
        await read(source)


def test_windows_overlap() -> None:
    """A poll reaches behind the last one; the first one reaches back by the lookback; a clock set back leaves no gap."""
    assert window_start(None, now=NOW, settings=SETTINGS) == NOW - timedelta(hours=24)
    assert window_start(NOW, now=NOW, settings=SETTINGS) == NOW - timedelta(minutes=15)
    ahead = NOW + timedelta(hours=1)
    assert window_start(ahead, now=NOW, settings=SETTINGS) == NOW - timedelta(minutes=15)


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        (["RULE"], ["ALERT"]),
        (["RULE", "RULE_ERROR"], ["ALERT", "DETECTION_ERROR"]),
        (["SYSTEM_ERROR"], ["SYSTEM_ERROR"]),
    ],
)
def test_only_the_needed_listings_are_asked(types: list[str], expected: list[str]) -> None:
    """Errors are listed apart by Panther and asked for only when wanted."""
    assert [item.value for item in listings(IngestSettings.model_validate({"types": types}))] == expected
