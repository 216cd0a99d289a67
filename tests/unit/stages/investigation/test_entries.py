"""What the model reads of the dossier's answers beside their rows."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.clocks import START
from tests.support.make import evidence
from tests.support.small_dossier import NONCE
from triage.domain.coverage import Coverage
from triage.domain.evidence import Evidence
from triage.domain.untrusted import Caps, Fence
from triage.stages.investigation.entries import DossierEvidence, EntryWriter

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
NOW = START + 7 * DAY
UNKNOWN = Coverage(source_healthy=False)


def written(*entries: Evidence) -> DossierEvidence:
    """A dossier's evidence, of an alert at `START`."""
    return EntryWriter(Fence(NONCE), START, NOW).dossier(entries, Caps())


def asked(number: int, *rows: dict[str, Any], start: timedelta, end: timedelta, **fields: Any) -> Evidence:
    """An answer about a window around the alert."""
    return evidence(number, *rows, start=START + start, end=START + end, table="t", **fields)


def test_answers_without_rows_share_a_line_by_what_they_prove() -> None:
    """Each with its window; none has a block."""
    found = written(
        asked(1, start=-30 * DAY, end=-SECOND),
        asked(2, start=-30 * DAY, end=-12 * HOUR, coverage=UNKNOWN),
        asked(3, start=timedelta(), end=7 * DAY, coverage=UNKNOWN),
        asked(4, start=-DAY, end=timedelta(hours=2, minutes=1, seconds=3)),
        evidence(5, source="comments"),
    )

    assert found.rest == (
        "E1 (-30d to -1s), E4 (-1d to +2h1m3s): no rows; the absence is proven.",
        "E2 (-30d to -12h), E3 (+0s to now): no rows; the absence is not proven (the log source is unhealthy; it is unknown "
        "whether the table has rows in the window).",
        "E5: no rows.",
    )
    assert found.rows == ""


def test_an_answer_that_was_cut_to_nothing_says_so() -> None:
    """It is no absence."""
    assert written(asked(1, start=-DAY, end=-SECOND, truncated=True, row_count=3)).rest == (
        "E1: 3 rows, none stored (cut).",
    )


def test_rows_that_are_in_another_answer_have_a_line() -> None:
    """And no block."""
    rows = ({"action": "A", "times": 1}, {"action": "B", "times": 2})
    found = written(asked(1, *rows, start=-DAY, end=-SECOND), asked(2, *rows, start=-HOUR, end=-SECOND))
    assert found.rest == ("E2: its 2 rows are all among those of E1.",)
    assert "## E2" not in found.rows


def test_what_was_not_asked_says_why_between_markers() -> None:
    """A lake's error is others' words."""
    found = written(evidence(1, error="not asked: x"), evidence(2, error="<bad>"))
    assert found.unanswered.splitlines()[1:-1] == ['{"E1":"not asked: x"}', '{"E2":"\\u003cbad\\u003e"}']


def test_rows_stand_under_what_is_known_of_the_answer() -> None:
    """All between one pair of markers, since no row can begin a line as a heading does."""
    found = written(
        asked(1, {"a": "x\n## E9 0 rows"}, start=-DAY, end=-SECOND),
        asked(2, *({"a": number} for number in range(20)), start=-DAY, end=-SECOND),
    )
    lines = found.rows.splitlines()
    assert lines[1] == "## E1 window -1d to -1s; 1 row."
    assert lines[3] == "## E2 window -1d to -1s; 20 rows; rows 0 to 11 shown."
    assert sum(line.startswith("## ") for line in lines) == 2
    assert sum(f"DATA {NONCE}" in line for line in lines) == 2


@pytest.mark.parametrize(
    ("key", "source", "row", "said"),
    [
        ("usual_companions.usual_followups", "query", {"occasions": 3}, "An occasion is a day"),
        ("history", "history", {"status": "CLOSED"}, 'CLOSED is Panther\'s "Invalid"'),
    ],
)
def test_columns_that_nobody_understands_are_explained_once(
    key: str, source: str, row: dict[str, Any], said: str
) -> None:
    """However many answers have them."""
    found = written(evidence(1, row, key=key, source=source), evidence(2, row, {**row, "x": 1}, key=key, source=source))
    assert found.rows.count(said) == 1
