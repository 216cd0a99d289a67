"""Signals about places: known, new, vouched for, shared, two at once."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.facts import MOMENT, answer, at, signals_of, subject
from triage.domain.coverage import Coverage
from triage.domain.evidence import Evidence

HERE, HOME = "198.51.100.7", "203.0.113.9"


def places(**since: float) -> Evidence:
    """Since how many days the actor works from where."""
    names = {"here": HERE, "home": HOME}
    rows = [
        {"address": names[name], "days": 3, "times": 5, "first_seen": at(days=ago), "last_seen": at(hours=1)}
        for name, ago in since.items()
    ]
    return answer("actor_addresses", ["known_address", "new_address"], rows)


def person(**since: float) -> Evidence:
    """Since how many days the person signs in from where."""
    return places(**since).model_copy(update={"key": "okta_sign_in.person_places"})


def sign_in(
    address: str,
    *,
    hours: float = 2,
    second_factor: bool = True,
    result: str = "SUCCESS",
    times: int = 1,
    step: str = "auth",
) -> dict[str, object]:
    """One kind of sign-in."""
    seen = at(hours=hours)
    return {
        "address": address,
        "step": step,
        "result": result,
        "second_factor": second_factor,
        "times": times,
        "first_seen": seen,
        "last_seen": at(hours=hours - 0.1),
    }


def sign_ins(*rows: dict[str, object]) -> Evidence:
    """The person's sign-ins of the day."""
    return answer("person_signins", ["verified_sign_in", "failed_then_succeeded"], rows)


def test_the_usual_address_is_known() -> None:
    """An address in use for weeks weighs a little towards benign."""
    found = signals_of(subject(), places(here=20))

    assert "known_address" in found
    assert "new_address" not in found


def test_an_address_of_two_days_is_not_yet_known() -> None:
    """What is younger than three days may belong to the same intrusion."""
    found = signals_of(subject(), places(here=2, home=20))

    assert "known_address" not in found


def test_a_second_factor_at_a_new_address_vouches_for_it() -> None:
    """A new place with a verified sign-in shortly before is no stranger's."""
    found = signals_of(subject(), places(home=20), person(home=20), sign_ins(sign_in(HERE)))

    assert "verified_sign_in" in found
    assert not {"new_address", "new_address_without_sign_in"} & set(found)


@pytest.mark.parametrize(
    "row",
    [
        sign_in(HOME),
        sign_in(HERE, hours=-1),
        sign_in(HERE, hours=40),
        sign_in(HERE, result="FAILURE"),
    ],
)
def test_other_sign_ins_vouch_for_nothing(row: dict[str, object]) -> None:
    """A sign-in elsewhere, afterwards, long ago or refused leaves the new address unexplained."""
    found = signals_of(subject(), places(home=20), person(home=20), sign_ins(row))

    assert "new_address_without_sign_in" in found
    assert "verified_sign_in" not in found


def test_a_password_alone_is_weaker_than_a_second_factor() -> None:
    """A sign-in without a second factor leaves the address new, with less weight."""
    found = signals_of(subject(), places(home=20), person(home=20), sign_ins(sign_in(HERE, second_factor=False)))

    assert found["new_address"].weight < 1.0


@pytest.mark.parametrize(
    "refusal",
    [
        sign_in(HERE, hours=3, result="FAILURE", times=9, second_factor=False),
        sign_in(HERE, hours=3, result="FAILURE", times=4, second_factor=False, step="user.mfa.okta_verify.deny_push"),
    ],
)
def test_a_sign_in_after_a_burst_of_refusals_vouches_for_nobody(refusal: dict[str, object]) -> None:
    """Guessing and prompt bombing end in a success that is the intruder's."""
    found = signals_of(subject(), places(home=20), person(home=20), sign_ins(refusal, sign_in(HERE)))

    assert {"failed_then_succeeded", "new_address_without_sign_in"} <= set(found)
    assert "verified_sign_in" not in found


def test_a_session_name_vouches_for_nobody() -> None:
    """The e-mail in a role's session name is chosen by whoever assumed it, so no sign-in is asked for it."""
    role = "arn:aws:iam::1:role/deploy"
    found = signals_of(subject(identity=role, people=()), places(home=20), sign_ins())

    assert "verified_sign_in" not in found
    assert found["new_address"].weight > 1.0


def test_one_session_at_two_places_at_once_has_two_holders() -> None:
    """Overlapping use of a session from an unknown and a usual address weighs heavily; one after the other doesn't."""

    def used(first: float, last: float) -> Evidence:
        rows = [
            {"session": "s", "address": HOME, "times": 4, "first_seen": at(hours=5), "last_seen": at(hours=0)},
            {"session": "s", "address": HERE, "times": 4, "first_seen": at(hours=first), "last_seen": at(hours=last)},
        ]
        return answer("session_addresses", ["session_two_places"], rows)

    assert "session_two_places" in signals_of(subject(), places(home=20), used(2, -1))
    assert "session_two_places" not in signals_of(subject(), places(home=20), used(-1, -2))


def test_an_office_that_others_use_is_less_strange() -> None:
    """An address from which several colleagues have worked for long weighs less when it is new to one of them."""
    rows = [
        {
            "actor": name,
            "address": HERE,
            "days": 5,
            "times": 9,
            "refused": 0,
            "first_seen": at(days=20),
            "last_seen": at(days=1),
        }
        for name in ("bob", "eve")
    ]
    office = answer("address_others", ["shared_address"], rows)
    known = (places(home=20), person(home=20), sign_ins(sign_in(HOME)))
    alone = signals_of(subject(), *known)["new_address_without_sign_in"]
    shared = signals_of(subject(), *known, office)["new_address_without_sign_in"]

    assert shared.weight < alone.weight


def test_a_pool_of_addresses_has_no_usual_place() -> None:
    """Who works from a dozen addresses is not strange at one more."""
    rows = [
        {"address": f"192.0.2.{number}", "days": 3, "times": 5, "first_seen": at(days=20), "last_seen": at(days=1)}
        for number in range(12)
    ]
    pool = answer("actor_addresses", ["known_address", "new_address"], rows)

    assert signals_of(subject(), pool)["new_address"].weight < 0.6


def test_a_sign_in_log_that_was_not_watching_says_nothing_of_missing_sign_ins() -> None:
    """An empty answer without coverage leaves the address merely new."""
    blind = sign_ins().model_copy(update={"coverage": Coverage()})
    found = signals_of(subject(), places(home=20), person(home=20), blind)

    assert "new_address" in found
    assert "new_address_without_sign_in" not in found


def test_a_second_factor_that_was_denied_again_and_again_verifies_nothing_even_at_home() -> None:
    """Four denied prompts within an hour and then a success are prompt bombing, whatever the address history."""
    denied = sign_in(HERE, hours=2.5, result="FAILURE", times=4)
    found = signals_of(subject(), places(here=20), person(here=20), sign_ins(denied, sign_in(HERE)))

    assert "verified_sign_in" not in found
    assert "failed_then_succeeded" in found


def test_prompts_denied_at_the_telephone_count_for_the_address_that_got_in() -> None:
    """The telephone that denies has an address of its own."""
    denied = sign_in(HOME, hours=2.5, times=3, step="user.mfa.okta_verify.deny_push", second_factor=False)
    found = signals_of(subject(), places(home=20), person(home=20), sign_ins(denied, sign_in(HERE)))

    assert "verified_sign_in" not in found
    assert found["failed_then_succeeded"].weight == pytest.approx(1.5)


def test_a_sign_in_hours_before_the_bombing_still_verifies_its_own_place() -> None:
    """Who signed in here in the morning is not unverified by prompts that somebody else's attempts caused later."""
    denied = sign_in("192.0.2.66", hours=1, result="FAILURE", times=4)
    found = signals_of(subject(), places(home=20), person(home=20), sign_ins(sign_in(HERE, hours=6), denied))

    assert "verified_sign_in" in found


def test_a_few_wrong_codes_over_a_day_are_clumsiness() -> None:
    """Three failed factors spread over many hours do not make a success suspect."""
    slips = {**sign_in(HERE, hours=12, result="FAILURE", times=3), "last_seen": at(hours=3)}
    found = signals_of(subject(), places(home=20), person(home=20), sign_ins(slips, sign_in(HERE)))

    assert "verified_sign_in" in found
    assert "failed_then_succeeded" not in found


def test_a_success_after_the_refusal_that_raised_the_alert_is_a_fact() -> None:
    """One refusal raised the alert; six minutes later the same, never-seen address got in."""
    refused = sign_in(HERE, hours=0, result="FAILURE", second_factor=False)
    success = sign_in(HERE, hours=-0.1, second_factor=False)
    alert = subject(actions=("ConsoleLogin",), refused=True)

    assert "failed_then_succeeded" in signals_of(alert, places(home=20), sign_ins(refused, success))
    assert "failed_then_succeeded" not in signals_of(alert, places(home=20), sign_ins(refused))
    assert "failed_then_succeeded" not in signals_of(
        alert, places(home=20), sign_ins(refused, sign_in(HOME, hours=-0.1, second_factor=False))
    )


def test_a_flood_of_sign_ins_does_not_hide_those_from_the_alerts_address() -> None:
    """Those from there come first; that rows of other addresses were cut takes nothing from what they show."""
    places = answer("person_places", ["known_address"], [usual("192.0.2.9")], 1)
    flood = [signed(f"2001:db8::{number:x}", here=0) for number in range(3)]
    cut = answer(
        "person_signins", ["verified_sign_in"], [signed("198.51.100.7", "FAILURE", here=4), *flood], 2, truncated=True
    )
    unknown = answer(
        "person_signins", ["verified_sign_in"], [signed("198.51.100.7", "FAILURE", here=4)], 2, truncated=True
    )

    assert "new_address_without_sign_in" in signals_of(subject(), places, cut)
    assert "new_address_without_sign_in" not in signals_of(subject(), places, unknown)


def usual(address: str) -> dict[str, Any]:
    """A row of a place of long standing."""
    return {
        "address": address,
        "days": 9,
        "times": 40,
        "first_seen": at(days=29),
        "last_seen": at(days=1),
        "old_days": 5,
    }


def signed(address: str, result: str = "SUCCESS", *, here: int) -> dict[str, Any]:
    """A row of a sign-in after the alert."""
    return {
        "address": address,
        "step": "5",
        "result": result,
        "second_factor": False,
        "times": 1,
        "first_seen": at(minutes=-5),
        "last_seen": at(minutes=-5),
        "here": here,
    }


def test_a_quiet_log_of_sign_ins_is_known_up_to_its_last_delivery() -> None:
    """Where few people sign in nothing comes for hours, which the sentence says; of a dead source nothing is claimed."""
    quiet = Coverage(
        source_healthy=True,
        source_reached_window=False,
        table_has_rows=True,
        control_has_rows=True,
        proven_until=MOMENT - timedelta(hours=3),
    )
    late = sign_ins(sign_in(HOME, hours=4))
    known = signals_of(subject(), places(home=20), person(home=20), late.model_copy(update={"coverage": quiet}))
    dead = quiet.model_copy(update={"source_healthy": False})
    blind = signals_of(subject(), places(home=20), person(home=20), late.model_copy(update={"coverage": dead}))

    sentence = known["new_address_without_sign_in"].sentence
    assert sentence.endswith("in the 14 hours before, as far as these logs are known, up to 09:00 UTC.")
    assert "new_address_without_sign_in" not in blind
    assert "new_address" in blind


def test_nobody_worked_where_every_attempt_was_refused() -> None:
    """Anyone can try a door under anyone's name; what succeeds from there afterwards is another matter."""
    refused = {**sign_in(HERE, hours=0, result="FAILURE"), "action": "login", "refused": 1}
    got_in = {**sign_in(HERE, hours=-1), "action": "login", "refused": 0}

    def weight(*rows: dict[str, object], **changes: Any) -> float:
        after = answer("actor_after", ["harmful_aftermath"], rows)
        known = (places(home=20), person(home=20), sign_ins(sign_in(HOME)), after)
        return signals_of(subject(**changes), *known)["new_address_without_sign_in"].weight

    assert weight(refused, refused=True) < 1.0 <= weight(refused, got_in, refused=True)
    assert weight(refused) == 2.0


def at_the_address(**more: Any) -> Evidence:
    """Who signed in at the alert's address, by a log that knows the actor under no name."""
    row = {"person": "ada@example.com", "address": HERE, "days": 20, "successes": 40, "failures": 9,
           "failures_lately": 0, "second_factor_lately": 1, "first_seen": at(days=25), "last_seen": at(hours=2)}  # fmt: skip
    return answer("address_signins", ["address_signed_in", "staff_address"], [row | more])


def test_what_was_refused_weeks_ago_says_nothing_of_todays_second_factor() -> None:
    """A month holds a few failed sign-ins of everybody; those of the last hours count, and so do its second factors."""
    who = subject(identity="ada", aliases=("ada",), people=())
    assert signals_of(who, places(here=20), at_the_address())["known_address"].vouches
    assert not signals_of(who, places(here=20), at_the_address(failures_lately=9))["known_address"].vouches
    assert not signals_of(who, places(here=20), at_the_address(second_factor_lately=0))["known_address"].vouches
