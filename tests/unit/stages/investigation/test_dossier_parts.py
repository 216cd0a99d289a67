"""What the dossier leaves out because it is said elsewhere in it."""

from typing import Any

from tests.support.make import evidence
from tests.support.small_dossier import dossier
from triage.domain.entity import Entity, EntityKind, Role
from triage.domain.untrusted import Caps
from triage.stages.investigation.dossier_parts import entity_lines, question_list, rows_within

DAY = (
    {"action": "A", "times": 2, "targets": 1},
    {"action": "B", "times": 1, "targets": 0},
    {"action": "C", "times": 9},
)
HOURS = tuple({name: row[name] for name in ("action", "times")} for row in DAY[:2])


def within(rows: tuple[dict[str, Any], ...], *, table: str = "t", others: tuple[dict[str, Any], ...] = DAY) -> str:
    """Which earlier answer stands for these rows."""
    earlier = evidence(1, *others, source="query", table="t")
    return rows_within(evidence(2, *rows, source="query", table=table), [earlier])


def test_rows_of_a_shorter_window_are_shown_once() -> None:
    """If an earlier answer about the same table has each of them, with every column and value."""
    assert within(HOURS) == "E1"
    assert within(HOURS, table="another") == ""
    assert within(({**HOURS[0], "times": 1}, HOURS[1])) == ""
    assert within(({**HOURS[0], "day": "x"}, HOURS[1])) == ""
    assert within(HOURS[:1]) == ""
    assert within(HOURS, others=DAY * 6) == ""


def test_what_can_be_read_in_a_name_is_not_said_beside_it() -> None:
    """The account of an ARN is in the ARN; what it is the ARN of is not."""
    arn = Entity(
        kind=EntityKind.ARN,
        value="arn:aws:iam::111122223333:user/ada",
        role=Role.ACTOR,
        facts={"account": "111122223333", "identity": "person"},
    )
    text = entity_lines(dossier(entities=(arn,)), Caps())

    assert '"facts":{"identity":"person"}' in text


def test_a_table_is_named_once_in_a_row() -> None:
    """And again after another one."""
    entries = [evidence(number, table=table) for number, table in enumerate(("a", "a", "", "a", "b"), 1)]

    assert [each["table"] for each in question_list(entries)] == ["a", "same", "", "a", "b"]
