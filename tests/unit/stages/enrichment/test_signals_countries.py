"""Signals about countries: where the provider places an actor's addresses."""

import pytest

from tests.support.facts import answer, at, signals_of, subject
from triage.domain.evidence import Evidence
from triage.domain.signal import Signal

HERE, HOME = "198.51.100.7", "203.0.113.9"


def worked(address: str, country: str | None, *, days: int, since: float, until: float) -> dict[str, object]:
    """Work from one address, on so many days, all before or all within the dwell time."""
    return {
        "address": address,
        "days": days,
        "times": 3 * days,
        "first_seen": at(days=since),
        "last_seen": at(days=until),
        "old_days": days if until >= 7 else 0,
        "country": country,
    }


def places(*rows: dict[str, object], truncated: bool = False) -> Evidence:
    """Where the actor worked."""
    return answer("actor_addresses", ["known_address", "new_address", "new_country"], rows, truncated=truncated)


HOME_DAYS = worked(HOME, "DE", days=12, since=28, until=8)
NOW_HERE = worked(HERE, "RO", days=1, since=0, until=0)


def found(evidence: Evidence, *, countries: tuple[str, ...] = ("RO",), refused: bool = False) -> dict[str, Signal]:
    """The signals of work from these countries."""
    return signals_of(subject(addresses=(HERE,), countries=countries, refused=refused), evidence)


def test_a_country_in_which_the_actor_never_worked_is_a_fact() -> None:
    """Twelve days from one country, and now another: the sentence says both."""
    signal = found(places(HOME_DAYS, NOW_HERE))["new_country"]

    assert signal.sentence == "ada@example.com acted from RO, and on 12 earlier days only from DE."
    assert signal.weight == 0.8
    assert signal.citations


def test_refused_acts_are_called_so_and_weigh_less() -> None:
    """Anyone can fail to sign in under anyone's name."""
    signal = found(places(HOME_DAYS), refused=True)["new_country"]

    assert signal.sentence == "ada@example.com was refused from RO, and on 12 earlier days only from DE."
    assert signal.weight == 0.4


def test_a_country_of_the_last_days_is_still_new() -> None:
    """What began within the dwell time may be the same intruder's; the sentence says since when."""
    lately = worked("198.51.100.8", "RO", days=3, since=4, until=2)
    signal = found(places(HOME_DAYS, lately, NOW_HERE))["new_country"]

    assert signal.sentence == (
        "ada@example.com acted from RO, first on 2026-02-28, and on 12 earlier days only from DE."
    )


@pytest.mark.parametrize(
    ("evidence", "countries"),
    [
        (places(HOME_DAYS, worked("198.51.100.8", "ro", days=1, since=20, until=20), NOW_HERE), ("RO",)),
        (places(worked(HOME, "DE", days=2, since=28, until=27), NOW_HERE), ("RO",)),
        (places(worked(HOME, None, days=12, since=28, until=8), NOW_HERE), ("RO",)),
        (places(HOME_DAYS, NOW_HERE, truncated=True), ("RO",)),
        (places(HOME_DAYS, worked(HERE, "DE", days=5, since=25, until=10)), ("RO",)),
        (places(HOME_DAYS, NOW_HERE), ()),
        (places(HOME_DAYS), ("DE",)),
    ],
    ids=["known", "two days", "no country before", "cut", "the same address, placed anew", "none now", "the same"],
)
def test_what_is_not_known_to_be_new_is_no_fact(evidence: Evidence, countries: tuple[str, ...]) -> None:
    """A known country, too short a history, or one that doesn't tell raises nothing."""
    assert "new_country" not in found(evidence, countries=countries)


def test_a_traveller_is_less_strange_in_a_further_country() -> None:
    """Who works from three countries may well be in a fourth; the days are a lower bound over several addresses."""
    rows = [
        worked(f"203.0.113.{index}", name, days=5, since=28, until=8) for index, name in enumerate(("DE", "FR", "US"))
    ]
    signal = found(places(*rows, NOW_HERE))["new_country"]

    assert signal.sentence == "ada@example.com acted from RO, and on at least 5 earlier days only from DE, FR and US."
    assert signal.weight == 0.4
