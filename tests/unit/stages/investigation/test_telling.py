"""Which rows of a list that doesn't fit the model reads."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from triage.domain.untrusted import Caps
from triage.stages.investigation.shown_rows import show_answer
from triage.stages.investigation.telling import telling_first

MOMENT = datetime(2026, 3, 4, 12, tzinfo=UTC)
EARLY, LATE = "2026-03-01 08:00:00.000", "2026-03-04 12:30:00.000"


def row(action: str, *, refused: int = 0, first: str = EARLY) -> dict[str, Any]:
    """A count."""
    return {"action": action, "times": 3, "refused": refused, "first_seen": first}


def test_harm_refusals_changes_and_first_times_come_before_reads() -> None:
    """A list of harmless reads does not push the decisive row out of the prompt."""
    reads = [row(f"Describe{number}") for number in range(40)]
    rows = [*reads, row("TagResource"), row("GetObject", refused=2), row("CreateAccessKey", first=LATE)]

    order = telling_first(rows, "AWS.CloudTrail", moment=MOMENT)
    text, shown = show_answer(rows, order, Caps(field=100, row=400, rows=4, chars=2_000))

    assert order[:3] == [42, 41, 40]
    assert shown == (0, 40, 41, 42)
    assert text.splitlines()[-1].startswith("[42]")


def test_records_keep_their_order() -> None:
    """What is no count has been chosen before."""
    rows: list[dict[str, Any]] = [
        {"p_event_time": LATE, "eventName": name} for name in ("GetObject", "CreateAccessKey")
    ]
    assert telling_first(rows, "AWS.CloudTrail", moment=None) == [0, 1]


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["action", "refused", "first_seen"]), st.text() | st.integers()), max_size=20
    )
)
def test_every_row_is_ranked_once(rows: list[dict[str, Any]]) -> None:
    """Whatever a row holds."""
    assert sorted(telling_first(rows, "AWS.CloudTrail", moment=MOMENT)) == list(range(len(rows)))
