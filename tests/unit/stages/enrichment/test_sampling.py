"""Which of an alert's many events are kept."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.facts import ALERT
from triage.domain.base import Row
from triage.stages.enrichment.event_faults import event_notes
from triage.stages.enrichment.sampling import keep_rare


def event(number: int, actor: str = "bot", action: str = "ListBuckets") -> Row:
    """A CloudTrail event."""
    return {
        "p_log_type": "AWS.CloudTrail",
        "p_row_id": str(number),
        "eventName": action,
        "sourceIPAddress": "192.0.2.1",
        "userIdentity": {"arn": f"arn:aws:iam::111122223333:user/{actor}"},
    }


def test_the_intruder_after_120_events_of_a_bot_is_kept() -> None:
    """Panther lists by arrival; the one event that differs is read all the same."""
    rows = [*(event(number) for number in range(120)), event(120, "eve", "StopLogging")]
    kept, whole = keep_rare(rows, 100)

    assert len(kept) == 100
    assert kept[-1]["eventName"] == "StopLogging"
    assert whole


def test_a_log_type_without_terms_is_told_apart_by_its_indicators() -> None:
    """The fields that Panther adds say who and from where."""
    rows: list[Row] = [{"p_log_type": "Made.Up", "p_any_usernames": ["bot"], "number": number} for number in range(30)]
    rows.append({"p_log_type": "Made.Up", "p_any_usernames": ["eve"]})

    assert keep_rare(rows, 5)[0][-1]["p_any_usernames"] == ["eve"]


def test_more_kinds_than_can_be_kept_are_a_cut() -> None:
    """Then some actor, act or address is not among them, and nothing may be called benign."""
    assert not keep_rare([event(number, f"user{number}") for number in range(9)], 8)[1]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), max_size=60), st.integers(1, 30))
def test_each_kind_is_kept_in_order(given_rows: list[tuple[str, str]], limit: int) -> None:
    """Never more than the limit, in Panther's order, each kind at least once where they fit."""
    rows = [event(number, actor, action) for number, (actor, action) in enumerate(given_rows)]
    kept, whole = keep_rare(rows, limit)
    numbers = [int(str(row["p_row_id"])) for row in kept]

    assert len(kept) == min(limit, len(rows))
    assert numbers == sorted(set(numbers))
    if whole:
        assert {(given_rows[number]) for number in numbers} == set(given_rows)


def test_events_left_out_are_noted() -> None:
    """Whether they were read and resemble those kept, or were not read at all."""
    rows = [event(number) for number in range(2)]

    assert list(event_notes(ALERT, rows, (), read=2, cut=False)) == []
    assert "at least one of each" in next(iter(event_notes(ALERT, rows, (), read=5, cut=False)))
    assert "there are more" in next(iter(event_notes(ALERT, rows, (), read=5, cut=True)))
