"""Work under the name of somebody who has left, by Panther's actor profile."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.facts import ALERT, DETECTION, MOMENT, answer, subject
from triage.domain.argument import argue
from triage.domain.evidence import Evidence, Source
from triage.domain.signal import Direction, Signal
from triage.stages.enrichment.signals import measure

NOW = MOMENT + timedelta(hours=8)


def profiles(*employment: str, **changes: Any) -> Evidence:
    row = {"id": "p", "emails": ["Ada@Example.com"], "usernames": [], "employment": list(employment), **changes}
    return answer("profiles", [], [row], source=Source.USERS, sql="", log_type="").model_copy(
        update={"key": "profiles"}
    )


def found(entry: Evidence, now: Any = NOW) -> list[Signal]:
    return [each for each in measure(ALERT, DETECTION, [subject()], [entry], now=now) if each.name == "departed"]


def test_somebody_who_has_left_is_at_work() -> None:
    """The sentence says whose word it is and of which day; only the operator can say why."""
    (signal,) = found(profiles("Terminated"))
    assert signal.sentence == "ada@example.com has left: Panther's actor profile says terminated (2026-03-04)."
    (flag,) = argue([signal], [profiles("Terminated")]).open
    assert (flag.name, flag.hard) == ("departed", True)


@pytest.mark.parametrize(
    "entry",
    [
        profiles(),
        profiles("active"),
        profiles("terminated", "active"),
        profiles("inactive"),
        profiles("terminated", emails=["bob@example.com"]),
        profiles("terminated", emails="ada@example.com"),
    ],
)
def test_employed_unclear_or_another_person_is_no_fact(entry: Evidence) -> None:
    """To be employed excuses nobody, providers that disagree say nothing, and a profile is of its own person."""
    assert found(entry) == []
    assert not any(
        each.direction is Direction.BENIGN for each in measure(ALERT, DETECTION, [subject()], [entry], now=NOW)
    )


def test_of_an_old_alert_it_says_nothing() -> None:
    """Who has left since was still there then."""
    assert found(profiles("terminated"), MOMENT + timedelta(days=3)) == []
