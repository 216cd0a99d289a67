"""Signals about the place of a service that moves between machines: judged by network, and by how often it moves."""

from typing import Any

import pytest

from tests.support.facts import answer, at, signals_of, subject
from triage.domain.evidence import Evidence
from triage.domain.signal import Signal

ROLE = "arn:aws:iam::111122223333:role/deploy"
NEAR, FOREIGN = "203.0.113.77", "198.51.100.7"


def moved(number: int, *, every: int = 2, since: int = 40, network: str = "203.0.113") -> Evidence:
    """A service that worked from so many addresses, a day each, every so many days."""
    rows = [
        {
            "address": f"{network}.{index + 1}",
            "days": 1,
            "times": 6,
            "first_seen": at(days=since - every * index),
            "last_seen": at(days=since - every * index - 0.01),
        }
        for index in range(number)
    ]
    return answer("actor_addresses", ["known_address", "new_address"], rows)


def stayed(number: int) -> Evidence:
    """A service that works from the same addresses every day."""
    rows = [
        {
            "address": f"203.0.113.{index + 1}",
            "days": 40,
            "times": 90,
            "first_seen": at(days=40),
            "last_seen": at(days=8),
        }
        for index in range(number)
    ]
    return answer("actor_addresses", ["known_address", "new_address"], rows)


def found(address: str, places: Evidence, *, people: tuple[str, ...] = ()) -> dict[str, Signal]:
    """The signals of work from an address."""
    return signals_of(subject(identity=ROLE, aliases=(ROLE,), people=people, addresses=(address,)), places)


def test_a_pipelines_thirteenth_address_in_its_network_is_not_new() -> None:
    """A role that comes from twelve addresses of a network is neither new nor known at the next one."""
    assert not {"new_address", "new_address_without_sign_in", "known_address"} & found(NEAR, moved(12)).keys()


def test_a_service_that_moves_with_every_run_weighs_little_in_a_foreign_network() -> None:
    """The foreign network still counts, less than for a service that stays where it is."""
    moving, staying = found(FOREIGN, moved(12))["new_address"], found(FOREIGN, stayed(2))["new_address"]

    assert 0 < moving.weight < 0.3 * staying.weight


def test_a_service_with_one_usual_machine_is_judged_by_address() -> None:
    """The neighbour of the only machine may be anyone's."""
    assert "new_address" in found(NEAR, stayed(1))


def test_a_person_is_judged_by_address() -> None:
    """People don't move between machines, however many addresses they have had."""
    assert "new_address" in found(NEAR, moved(12), people=("ada@example.com",))


@pytest.mark.parametrize("since", [5, 3])
def test_addresses_within_the_dwell_time_excuse_nothing(since: int) -> None:
    """Whoever holds a stolen key can be there for a week before it is noticed."""
    lately = moved(12, every=0, since=since)
    usual = stayed(2)
    places = usual.model_copy(update={"rows": (*usual.rows, *lately.rows)})

    assert found(NEAR, lately)["new_address"].weight == found(FOREIGN, lately)["new_address"].weight
    assert found(FOREIGN, places)["new_address"].weight == found(FOREIGN, usual)["new_address"].weight


def test_a_network_of_ipv6_is_the_first_64_bits() -> None:
    """Providers give a customer at least so much."""
    rows = [
        {
            "address": f"2001:db8:0:1::{index + 1}",
            "days": 2,
            "times": 4,
            "first_seen": at(days=30),
            "last_seen": at(days=20),
        }
        for index in range(6)
    ]
    places = answer("actor_addresses", ["known_address", "new_address"], rows)

    assert "new_address" not in found("2001:db8:0:1:aa::9", places)
    assert "new_address" in found("2001:db8:0:2::9", places)


def onward(**more: Any) -> Evidence:
    """What the machines of the alert connected to: one for weeks, one since an hour after it."""
    known = {
        "source": "10.0.0.5",
        "target": "10.0.0.8",
        "port": 443,
        "first_seen": at(days=25),
        "last_seen": at(hours=1),
    }
    new = {
        "source": "10.0.0.5",
        "target": "10.0.0.9",
        "port": 22,
        "first_seen": at(hours=-1),
        "last_seen": at(hours=-1),
    }
    return answer("onward", ["lateral_movement"], [known, new | more])


def test_a_machine_that_was_reached_and_goes_on_soon_is_a_stepping_stone() -> None:
    """What was refused was not reached; what begins the next day, or was always there, has another reason."""
    assert "lateral_movement" in signals_of(subject(), onward())
    assert "lateral_movement" not in signals_of(subject(refused=True), onward())
    assert "lateral_movement" not in signals_of(subject(), onward(first_seen=at(hours=-15), last_seen=at(hours=-15)))
    assert "lateral_movement" not in signals_of(subject(), onward(first_seen=at(days=20)))
