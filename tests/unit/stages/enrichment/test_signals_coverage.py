"""Signals that rest on what is not there: the proven part counts, a cut answer proves nothing."""

from datetime import datetime, timedelta
from typing import Any

from tests.support.facts import MOMENT, PROVEN, answer, at, signals_of, subject
from triage.domain.coverage import Coverage
from triage.domain.evidence import Evidence, by_id
from triage.domain.finding import AbsenceCitation, Finding
from triage.domain.signal import Direction, is_proven
from triage.stages.verification import verify

COLUMNS = ("action", "address", "times", "refused", "target", "first_seen", "last_seen")
ITSELF: dict[str, Any] = {
    "action": "StopLogging",
    "address": "198.51.100.7",
    "times": 1,
    "refused": 0,
    "target": "trail-1",
    "first_seen": at(hours=0),
    "last_seen": at(hours=0),
}


def part(until: datetime) -> Coverage:
    """A window of which a part was delivered."""
    return PROVEN.model_copy(
        update={"source_reached_window": False, "proven_until": until, "open_until": MOMENT + timedelta(hours=5)}
    )


def soon_after(coverage: Coverage, **changes: Any) -> Evidence:
    """What the actor did in the four hours after: nothing but the alert's own act."""
    return answer("actor_soon_after", ["quiet_aftermath", "reverted"], [ITSELF], number=1, coverage=coverage, **changes)


def test_quiet_counts_as_long_as_was_watched() -> None:
    """An hour of the four was delivered: half of what a watch of two hours would weigh, and the sentence says so."""
    whole = signals_of(subject(), soon_after(PROVEN))["quiet_aftermath"]
    entry = soon_after(part(MOMENT + timedelta(hours=1)))
    found = signals_of(subject(), entry)["quiet_aftermath"]

    assert found.weight == round(whole.weight / 2, 3)
    assert "From the alert until 13:00 UTC, AWS.CloudTrail shows" in found.sentence
    assert is_proven(found, {"E1": entry})


def test_quiet_is_not_proven_while_nothing_later_has_come() -> None:
    """A minute after the alert its own row is the newest one."""
    young = PROVEN.model_copy(update={"source_reached_window": False, "open_until": MOMENT + timedelta(hours=5)})
    entry = soon_after(young, end=MOMENT + timedelta(minutes=1))
    found = signals_of(subject(), entry)

    assert "quiet_aftermath" not in found or not is_proven(found["quiet_aftermath"], {"E1": entry})


def test_a_cut_answer_proves_no_quiet() -> None:
    """Neither where the watch itself was cut, nor where the list of what followed was."""
    entry = soon_after(PROVEN, truncated=True)
    found = signals_of(subject(), entry)
    assert "quiet_aftermath" not in found or not is_proven(found["quiet_aftermath"], {"E1": entry})

    listed = answer("actor_after", ["harmful_aftermath"], [ITSELF], truncated=True)
    assert "quiet_aftermath" not in signals_of(subject(), soon_after(PROVEN), listed)


def test_never_before_needs_no_more_than_the_time_before_the_alert() -> None:
    """The last minutes before a young alert may still be on their way; hours that are missing may hold it."""
    past = {"end": MOMENT - timedelta(seconds=1), "columns": ("day", "address", "times", "refused")}
    for missing, proven in ((timedelta(minutes=10), True), (timedelta(hours=3), False)):
        empty = answer("action_history", ["routine", "first_seen_action"], [], coverage=part(MOMENT - missing), **past)
        profile = answer(
            "actor_profile",
            ["first_seen_actor"],
            [{"action": "ListTrails", "days": 9, "times": 30, "refused": 0, "first_seen": at(days=30)}],
            end=MOMENT - timedelta(hours=12),
        )
        found = signals_of(subject(), empty, profile)["first_seen_action"]
        numbered = by_id(
            entry.model_copy(update={"id": f"E{number}"}) for number, entry in enumerate((empty, profile), 1)
        )
        assert is_proven(found, numbered) is proven


def test_a_cut_history_is_no_first_time() -> None:
    """What isn't among the rows of a cut answer may be among those that were left out."""
    cut = answer("action_history", ["routine", "first_seen_action"], [{"day": at()[:10], "times": 1}], truncated=True)
    profile = answer(
        "actor_profile",
        ["first_seen_actor"],
        [{"action": "ListTrails", "days": 9, "times": 30, "refused": 0, "first_seen": at(days=30)}],
    )
    assert "first_seen_action" not in signals_of(subject(), cut, profile)


def test_a_finding_may_cite_an_absence_up_to_when_it_is_proven() -> None:
    """The whole window is not proven, the first hour is; a cut answer proves neither."""
    entry = answer("q", [], [], coverage=part(MOMENT + timedelta(hours=1)), columns=COLUMNS)

    def holds(entry: Evidence, until: datetime | None) -> bool:
        citation = AbsenceCitation(evidence="E1", until=until)
        finding = Finding(text="Nothing followed.", direction=Direction.NEUTRAL, citations=(citation,))
        return verify([finding], [entry])[0].verified

    assert not holds(entry, None)
    assert holds(entry, MOMENT + timedelta(hours=1))
    assert not holds(entry, MOMENT + timedelta(hours=2))
    assert not holds(entry.model_copy(update={"truncated": True}), MOMENT + timedelta(hours=1))
