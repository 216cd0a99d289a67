"""Until when an entry of the operator's list holds."""

import pytest

from tests.support.facts import answer, signals_of, subject
from triage.domain.evidence import Source
from triage.settings import InvestigationSettings


@pytest.mark.parametrize(("until", "holds"), [("9999-12-31", True), ("2001-01-01", False), ("", True)])
def test_an_entry_may_hold_for_as_long_as_there_are_dates(until: str, holds: bool) -> None:
    """The last day of the calendar is a common way to say: without an end."""
    listed = {"actors": ["ada@example.com"], "reason": "break-glass", **({"until": until} if until else {})}
    allowed = InvestigationSettings.model_validate({"allowed": [listed]}).allowed
    events = answer("events", (), [{"p_event_time": "x"}], source=Source.EVENTS)

    assert ("allowed" in signals_of(subject(), events, allowed=allowed)) is holds
