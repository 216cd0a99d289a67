"""When a verdict is provisional, and what tells that an alert has changed."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.stores import NOW, alert
from triage.domain.alert import Severity
from triage.domain.coverage import Coverage
from triage.domain.evidence import Evidence, Source
from triage.domain.look import AlertSeen
from triage.domain.verdict import Disposition, Verdict
from triage.pipeline.second_look import LONGEST_OPEN, provisional

HOUR = timedelta(hours=1)
VERDICT = Verdict(disposition=Disposition.BENIGN, confidence=0.9, summary="Nothing unusual.")
hours = st.integers(-30, 60)


def evidence(hour: int | None) -> Evidence:
    until = None if hour is None else NOW + hour * HOUR
    return Evidence(
        id="E1", source=Source.QUERY, key="k", question="What followed?", coverage=Coverage(open_until=until)
    )


@given(ends=st.lists(st.none() | hours, max_size=4), last=st.none() | st.integers(-60, 1))
def test_a_verdict_is_provisional_until_the_last_window_closes(ends: list[int | None], last: int | None) -> None:
    """At most a day after the alert's last event, never until a time that has passed, and not at all where all has been
    delivered."""
    raised = alert(last_event_at=None if last is None else NOW + last * HOUR)

    until = provisional(VERDICT, map(evidence, ends), raised, now=NOW).provisional_until

    known = [NOW + hour * HOUR for hour in ends if hour is not None]
    latest = (raised.last_event_at or raised.moment) + LONGEST_OPEN
    assert until == (min(max(known), latest) if known and min(max(known), latest) > NOW else None)


@pytest.mark.parametrize(
    ("before", "now", "changes"),
    [
        ({"events": 3}, {"events": 3}, ()),
        ({"events": 3}, {"events": 4}, ("1 event was added",)),
        ({"events": 3}, {"events": 1203}, ("1,200 events were added",)),
        ({"events": 3, "last_event_at": NOW}, {"events": 3, "last_event_at": NOW}, ()),
        ({"last_event_at": NOW}, {"last_event_at": NOW + HOUR}, ("events were added",)),
        ({}, {"last_event_at": NOW}, ("events were added",)),
        ({"last_event_at": NOW}, {"last_event_at": NOW - HOUR}, ()),
        ({"last_event_at": NOW}, {}, ()),
        ({"events": 3}, {"severity": Severity.HIGH}, ("its severity is HIGH, was LOW",)),
    ],
)
def test_what_panther_has_changed(before: dict[str, object], now: dict[str, object], changes: tuple[str, ...]) -> None:
    """Counts where both are known, else the time of the last event; and the severity."""
    one, other = (AlertSeen.model_validate({"severity": Severity.LOW} | values) for values in (before, now))
    assert one.changes(other) == changes
