"""Signals about the device at the alert's address."""

import pytest

from tests.support.facts import answer, at, signals_of, subject
from triage.domain.evidence import Evidence
from triage.domain.signal import Signal

NEW = "198.51.100.7"


def device(name: str, *, old_days: int, here: int) -> dict[str, object]:
    """One device, with its days before the dwell time and its sign-ins at the alert's address."""
    return {
        "device": name,
        "days": old_days + 1,
        "times": old_days + here + 1,
        "old_days": old_days,
        "lately_here": here,
        "first_seen": at(days=29),
        "last_seen": at(days=0.1),
    }


def found(*rows: dict[str, object], truncated: bool = False) -> dict[str, Signal]:
    """The signals of somebody who gave a second factor at an address where they have never been."""
    devices = answer("person_devices", ["known_device"], rows, log_type="Okta.SystemLog", truncated=truncated)
    step = {
        "address": NEW,
        "step": "user.authentication.auth_via_mfa",
        "result": "SUCCESS",
        "second_factor": True,
        "times": 1,
        "first_seen": at(days=0.1),
        "last_seen": at(days=0.1),
        "here": 1,
    }
    factor = answer("person_signins", ["verified_sign_in"], [step], log_type="Okta.SystemLog")
    places: Evidence = answer("person_places", ["known_address", "new_address"], [], log_type="Okta.SystemLog")
    return signals_of(subject(addresses=(NEW,)), devices, factor, places)


def test_a_new_place_on_the_own_device_is_a_journey() -> None:
    """And the second factor given there vouches."""
    signals = found(device("d1", old_days=5, here=2), device("d2", old_days=0, here=0))
    assert "used on 5 days by" in signals["known_device"].sentence
    assert "new_device" not in signals
    assert signals["verified_sign_in"].vouches


def test_a_second_factor_given_to_a_strange_device_vouches_for_nobody() -> None:
    """The owner may have been talked into it: the thief's browser stands between them and the service."""
    signals = found(device("d1", old_days=5, here=0), device("strange", old_days=0, here=2))
    assert "on a device that the log has not seen them use" in signals["new_device"].sentence
    assert "strange" not in signals["new_device"].sentence
    assert not signals["verified_sign_in"].vouches


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="no log of devices"),
        pytest.param([device("d1", old_days=5, here=0)], id="none at the address"),
        pytest.param([device("d1", old_days=0, here=2)], id="none known of old"),
    ],
)
def test_where_no_device_is_known_nothing_is_said(rows: list[dict[str, object]]) -> None:
    """A newcomer has no device of their own yet, and an act without a sign-in shows none."""
    assert not {"known_device", "new_device"} & found(*rows).keys()


def test_a_cut_answer_says_nothing() -> None:
    """The device may be among the rows that are missing."""
    rows = (device("d1", old_days=5, here=0), device("strange", old_days=0, here=2))
    assert not {"known_device", "new_device"} & found(*rows, truncated=True).keys()
