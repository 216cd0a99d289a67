"""Which act undoes which, by their names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.stages.enrichment.signals.inverses import inverses


@pytest.mark.parametrize(
    ("action", "undone"),
    [
        ("GRANT", "REVOKE"),
        ("DROP_USER", "CREATE_USER"),
        ("CreateBucket", "DeleteBucket"),
        ("StopLogging", "StartLogging"),
        ("ScheduleKeyDeletion", "CancelKeyDeletion"),
        ("protected_branch.destroy", "protected_branch.create"),
        ("member_removed", "member_added"),
        ("microsoft.insights/diagnosticsettings/delete", "microsoft.insights/diagnosticsettings/write"),
        ("Add member to group", "Remove member to group"),
    ],
)
def test_an_act_and_its_reverse(action: str, undone: str) -> None:
    """In the letter case of the name, and both ways."""
    assert undone in set(inverses(action))
    assert action in set(inverses(undone))


@pytest.mark.parametrize("action", ["starter.created_by", "Settings", "unlocked", "address", ""])
def test_a_part_of_a_word_is_no_verb(action: str) -> None:
    """`Settings` sets nothing, and an address adds none."""
    assert all("unset" not in found.casefold() and "remove" not in found.casefold() for found in inverses(action))


@given(st.text(max_size=60))
def test_no_name_undoes_itself(action: str) -> None:
    assert action not in set(inverses(action))
