"""What followed under the actor's name at another place."""

from typing import Any

import pytest

from tests.support.facts import answer, at, signals_of, subject
from triage.domain.evidence import Evidence

HOME, NEW = "198.51.100.7", "203.0.113.66"


def place(address: str, *, since: float) -> dict[str, Any]:
    """An address of the actor's, in use since so many days before the alert."""
    times = {"first_seen": at(days=since), "last_seen": at(hours=-1)}
    return {"address": address, "days": 5, "times": 9, "refused": 0, "old_days": 4 if since > 14 else 0, **times}


def followed(address: str, **more: Any) -> Evidence:
    """One act after the alert."""
    row = {"action": "git.clone", "address": address, "harmful": 1, "times": 5, "refused": 0, "failed": 0, "targets": 5}
    return answer("actor_after", [], [row | {"first_seen": at(hours=-1), "last_seen": at(hours=-1)} | more])


def found(address: str, *known: dict[str, Any], **more: Any) -> bool:
    """Whether the act is said to come from elsewhere."""
    names = ["known_address", "new_address"]
    places = answer("actor_addresses", names, known or [place(HOME, since=29)])
    return "elsewhere_after" in signals_of(subject(addresses=(HOME,)), places, followed(address, **more))


def test_a_token_that_works_where_its_owner_never_was_is_in_other_hands() -> None:
    """The alert's own act may have come from the owner's desk."""
    assert found(NEW)


@pytest.mark.parametrize(
    ("address", "known", "more"),
    [
        pytest.param(HOME, (), {}, id="the usual place"),
        pytest.param(NEW, (place(HOME, since=29), place(NEW, since=2)), {}, id="used before the alert"),
        pytest.param(NEW, (), {"refused": 5}, id="refused"),
        pytest.param(NEW, (), {"first_seen": at(hours=-20), "last_seen": at(hours=-20)}, id="a day later"),
        pytest.param(NEW, tuple(place(f"192.0.2.{n}", since=29) for n in range(6)), {}, id="somebody on the move"),
        pytest.param("AWS Internal", (), {}, id="no address"),
    ],
)
def test_other_places_say_nothing(address: str, known: tuple[dict[str, Any], ...], more: dict[str, Any]) -> None:
    """Those of the actor, those where nothing was done, and those of whoever has no usual place."""
    assert not found(address, *known, **more)
