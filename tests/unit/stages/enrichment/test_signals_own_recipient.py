"""Signals about an outsider who was given something, and works on it from the actor's own address."""

from typing import Any

import pytest

from tests.support.facts import answer, at, signals_of, subject
from triage.domain.argument import raise_flags
from triage.domain.evidence import Evidence

SHARES = subject(
    log_type="GSuite.ActivityEvent",
    actions=("change_user_access",),
    targets=("doc-1",),
    recipients=("mail.example.net",),
    receivers=("a.private@mail.example.net",),
)


def opened(who: str = "a.private@mail.example.net", **more: Any) -> Evidence:
    """What others did to the target afterwards."""
    row = {"actor": who, "action": "view", "address": "198.51.100.7", "times": 2, "refused": 0}
    seen = at(minutes=-6)
    return answer("target_after", ["given_to_self"], [{**row, "first_seen": seen, "last_seen": seen, **more}])


def colleague(who: str) -> dict[str, Any]:
    """Somebody else who has long worked from the same address."""
    return {"actor": who, "days": 9, "old_days": 5, "times": 30, "first_seen": at(days=25), "last_seen": at(days=1)}


def test_somebody_who_sends_data_to_themselves() -> None:
    """It says who opened what from where, and asks for the party that was given it."""
    found = signals_of(SHARES, opened())["given_to_self"]

    assert found.sentence == (
        "6 min later a.private@mail.example.net, who had received something from ada@example.com, performed view from "
        "198.51.100.7, the address of ada@example.com."
    )
    (flag,) = raise_flags([found])
    assert (flag.name, flag.decides) == ("unknown_party", True)


@pytest.mark.parametrize(
    "answers",
    [
        [opened("bo@example.com")],
        [opened("someone@mail.example.net")],
        [opened(address="203.0.113.9")],
        [opened(refused=2)],
        [opened(), answer("address_others", [], [colleague("bo@mail.example.net")])],
    ],
    ids=["a colleague", "not the recipient", "from elsewhere", "refused", "of a domain that works here"],
)
def test_nobody_else_is_the_actor(answers: list[Evidence]) -> None:
    """Colleagues share an address, and an outsider at home is an outsider."""
    assert "given_to_self" not in signals_of(SHARES, *answers)


def test_at_an_address_that_many_share_it_raises_no_flag_by_itself() -> None:
    """A guest in the office has the office's address."""
    office = answer("address_others", ["shared_address"], [colleague("bo@example.com"), colleague("cy@example.com")])

    assert raise_flags([signals_of(SHARES, opened(), office)["given_to_self"]]) == []


def acts(action: str, **more: Any) -> Evidence:
    """One act of whoever was given something, an hour later and never before."""
    row = {"actor": "bo", "action": action, "harmful": 1, "times": 1, "failed": 0, "refused": 0, "days": 1, "old_days": 0,
           "since": 1, "address": "192.0.2.1", "first_seen": at(hours=-1), "last_seen": at(hours=-1),
           "first_since": at(hours=-1)}  # fmt: skip
    return answer("recipient_acts", [], [row | more])


def test_what_the_receiver_does_for_the_first_time_is_harm() -> None:
    """Where no file says what the act led to; what they did long ago, or what harms nobody, is none."""
    who = subject(receivers=("bo",))
    found = signals_of(who, acts("CreateAccessKey"))["recipient_harm"]
    assert found.sentence == (
        "60 min later bo, who had received something from ada@example.com, called CreateAccessKey (a way back in), new since "
        "2026-02-18."
    )
    assert "recipient_harm" not in signals_of(who, acts("CreateAccessKey", old_days=2))
    assert "recipient_harm" not in signals_of(who, acts("ListTrails"))
