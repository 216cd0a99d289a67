"""Signals about the sign-in behind an act whose own log holds no addresses."""

from tests.support.facts import answer, at, signals_of, subject
from triage.domain.evidence import Evidence
from triage.domain.signal import Signal

HOME, ELSEWHERE = "203.0.113.9", "198.51.100.7"
NAMES = ["known_address", "new_address", "new_address_without_sign_in"]


def sign_in(address: str, *, since: float, until: float, password: bool = False, **more: object) -> dict[str, object]:
    """Sign-ins of one kind from one address, from so many days before the alert to so many."""
    return {
        "address": address,
        "password_alone": password,
        "days": 3,
        "times": 3,
        "refused": 0,
        "first_seen": at(days=since),
        "last_seen": at(days=until),
        "old_days": 3 if since > 14 else 0,
        **more,
    }


USUAL = sign_in(HOME, since=29, until=2)
USUAL_TODAY = sign_in(HOME, since=29, until=0.1)


def sign_ins(*rows: dict[str, object], truncated: bool = False) -> Evidence:
    """What the product's log of sign-ins holds of the actor."""
    return answer("logins", NAMES, rows, log_type="Snowflake.LoginHistory", truncated=truncated)


def found(evidence: Evidence, addresses: tuple[str, ...] = ()) -> dict[str, Signal]:
    """The signals of an act in a log without addresses."""
    return signals_of(subject(addresses=addresses, log_type="Snowflake.QueryHistory"), evidence)


def test_a_password_from_a_new_place_is_a_strangers_way_in() -> None:
    """Whoever has only the password signs in from their own machine; the owner's sign-ins show more."""
    strange = sign_in(ELSEWHERE, since=0.01, until=0.01, password=True)
    signal = found(sign_ins(USUAL_TODAY, strange))["new_address_without_sign_in"]

    assert signal.sentence == (
        "ada@example.com signed in to Snowflake from 198.51.100.7 with a password alone, where the usual sign-ins show "
        "more than a password, and had not used 198.51.100.7 in the 30 days before."
    )
    assert signal.weight == 2.0
    assert signal.citations


def test_a_new_place_with_the_usual_factor_is_only_new() -> None:
    """People travel, and their identity provider vouches for them."""
    signals = found(sign_ins(USUAL, sign_in(ELSEWHERE, since=0.01, until=0.01)))

    assert "new_address" in signals
    assert "new_address_without_sign_in" not in signals


def test_a_password_that_is_always_enough_shows_nothing() -> None:
    """Where no sign-in ever showed more, one with a password alone is as good as the others."""
    usual = sign_in(HOME, since=29, until=2, password=True)
    signals = found(sign_ins(usual, sign_in(ELSEWHERE, since=0.01, until=0.01, password=True)))

    assert "new_address" in signals
    assert "new_address_without_sign_in" not in signals


def test_a_place_that_began_within_the_dwell_time_is_no_usual_one() -> None:
    """An intruder of last week signs in again; the sentence says up to when the place was unknown."""
    signal = found(sign_ins(USUAL, sign_in(ELSEWHERE, since=5, until=0.1, password=True)))[
        "new_address_without_sign_in"
    ]

    assert signal.sentence.endswith("had not used 198.51.100.7 in the 24 days before 2026-02-27.")


def test_the_usual_place_with_a_factor_is_continuity() -> None:
    """All sign-ins that can have opened the session came from the actor's own places."""
    signal = found(sign_ins(USUAL_TODAY))["known_address"]

    assert signal.vouches
    assert signal.sentence == (
        "ada@example.com signed in to Snowflake only from addresses used since before the last 14 days, such as "
        "203.0.113.9."
    )


def test_a_password_alone_at_the_usual_place_vouches_for_nobody() -> None:
    """Malware on the person's own machine has the password, too."""
    assert not found(sign_ins(sign_in(HOME, since=29, until=0.1, password=True)))["known_address"].vouches


def test_a_cut_answer_shows_no_continuity() -> None:
    """The sign-in from elsewhere may be among the rows that aren't there."""
    assert "known_address" not in found(sign_ins(USUAL_TODAY, truncated=True))


def test_sign_ins_that_came_later_or_failed_opened_no_session() -> None:
    """Only a success before the act can have led to it."""
    refused = sign_in(ELSEWHERE, since=0.01, until=0.01, password=True, refused=3)
    later = sign_in(ELSEWHERE, since=-0.1, until=-0.1, password=True)

    assert set(found(sign_ins(USUAL, refused, later))) & {"new_address", "new_address_without_sign_in"} == set()


def test_without_a_usual_place_nothing_is_new() -> None:
    """Of somebody whose sign-ins began yesterday no place is known."""
    assert found(sign_ins(sign_in(ELSEWHERE, since=1, until=0.1, password=True))) == {}


def test_a_log_with_addresses_is_judged_by_them() -> None:
    """The act's own address says more than the sign-ins of the day."""
    strange = sign_in(ELSEWHERE, since=0.01, until=0.01, password=True)

    assert "new_address_without_sign_in" not in found(sign_ins(USUAL_TODAY, strange), addresses=(HOME,))
