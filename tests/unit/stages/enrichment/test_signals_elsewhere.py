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


def signed_in(address: str, *, factor: bool = True) -> Evidence:
    """The person's sign-ins of the day: at home, and perhaps at an address half an hour after the alert."""
    rows = [
        {"address": where, "step": "auth", "result": "SUCCESS", "second_factor": given, "times": 1, "first_seen": seen,
         "last_seen": seen}
        for where, given, seen in ((HOME, True, at(hours=2)), (address, factor, at(hours=-0.5)))
    ]  # fmt: skip
    return answer("person_signins", ["verified_sign_in"], rows)


def told(*evidence: Evidence) -> float:
    """How much it says that the actor was elsewhere; 0 where nothing is said."""
    places = answer("actor_addresses", ["known_address", "new_address"], [place(HOME, since=29)])
    more = answer("person_places", ["known_address"], [place(HOME, since=29)]).model_copy(
        update={"key": "okta_sign_in.person_places"}
    )
    signals = signals_of(subject(addresses=(HOME,)), places, more, followed(NEW), *evidence)
    return signals["elsewhere_after"].weight if "elsewhere_after" in signals else 0.0


def test_a_second_factor_given_there_shows_who_it_was_and_its_lack_weighs_more() -> None:
    """A log of sign-ins that watched settles it either way; without one little is known."""
    assert told(signed_in(NEW)) == 0.0
    alone = told()
    assert 0 < alone < 1.5 <= told(signed_in(NEW, factor=False))
    assert told(signed_in("192.0.2.1")) >= 1.5


def test_a_program_that_was_let_in_works_from_its_own_servers() -> None:
    """Under the person's name, and nobody signs in there: it is no second holder of the person's own session."""
    places = answer("actor_addresses", ["known_address", "new_address"], [place(HOME, since=29)])
    who = subject(addresses=(HOME,), actions=("CreateAccessKey",))
    assert "elsewhere_after" not in signals_of(who, places, followed(NEW), signed_in("192.0.2.1"))
