"""What the suspect wrote vouches for nobody: the dwell time, alerts on earlier days, and what people made of them."""

from typing import Any

import pytest

from tests.support.facts import answer, at, signals_of, subject
from triage.domain.evidence import Evidence, Source
from triage.domain.signal import Direction, Signal
from triage.stages.enrichment.signals.precedent import Standing, standing_of
from triage.stages.enrichment.signals.weights import WEIGHTS


def days(*back: int) -> Evidence:
    """The actor did this so many days ago."""
    rows = [{"day": at(days=ago)[:10], "times": 1, "refused": 0} for ago in back]
    return answer("action_history", ["routine", "known_automation"], rows, columns=("day", "times", "refused"))


def active(since: int = 25) -> Evidence:
    """The actor does other things, since so many days ago."""
    row = {"action": "ListTrails", "days": 9, "times": 9, "refused": 0, "first_seen": at(days=since)}
    old = 5 if since > 14 else 0
    return answer("actor_profile", ["first_seen_actor"], [{**row, "last_seen": at(days=1), "old_days": old}])


def matches(*back: int, action: str = "StopLogging", same: bool = True) -> Evidence:
    """Rules matched on the actor so many days ago, each in an alert of its own."""
    rows = [
        {
            "rule": "My.Rule" if same else "Other.Rule",
            "alert": f"alert{ago}",
            "day": at(days=ago)[:10],
            "action": action,
            "times": 1,
            "same_detection": int(same),
            "first_seen": at(days=ago),
            "last_seen": at(days=ago),
        }
        for ago in back
    ]
    return answer("matches_of_actor", ["other_alerts"], rows)


def earlier(**statuses: str) -> Evidence:
    """How people left those alerts, such as `alert20="CLOSED"`."""
    rows = [
        {
            "alert_id": name,
            "status": status,
            "severity": "HIGH",
            "updated_by_kind": "user",
            "judged": status in ("RESOLVED", "CLOSED"),
        }
        for name, status in statuses.items()
    ]
    return answer("history", [], rows, source=Source.HISTORY).model_copy(update={"key": "history"})


def weight(found: dict[str, Signal]) -> float:
    """Towards malicious."""
    return sum(each.weight if each.direction is Direction.MALICIOUS else -each.weight for each in found.values())


@pytest.mark.parametrize("rehearsed", [(11, 8, 5), (13, 10, 7, 4, 1), (5,)])
def test_rehearsed_days_change_nothing(rehearsed: tuple[int, ...]) -> None:
    """An act done on some days within the dwell time is as much a first time as one never done."""
    never = signals_of(subject(), days(), active())
    often = signals_of(subject(), days(*rehearsed), active())

    assert "first_seen_action" in often
    assert weight(often) == weight(never)


def test_rehearsed_days_add_nothing_to_a_habit() -> None:
    """Two old days are two old days, whatever was done since."""
    assert weight(signals_of(subject(), days(11, 8, 5, 16, 17), active())) == weight(
        signals_of(subject(), days(16, 17), active())
    )


def test_an_actor_that_appeared_within_the_dwell_time_is_new() -> None:
    """One harmless call days before makes nobody known."""
    found = signals_of(subject(), days(), active(since=4))

    assert "first_seen_actor" in found
    assert found["first_seen_actor"].absence


def test_an_address_used_within_the_dwell_time_is_new() -> None:
    """A test call from the place of the attack, four days ago, is part of it."""

    def place(since: int) -> Evidence:
        row = {"address": "198.51.100.7", "days": 1, "times": 1, "first_seen": at(days=since)}
        return answer("actor_addresses", ["known_address", "new_address"], [{**row, "last_seen": at(days=since)}])

    assert "known_address" in signals_of(subject(), place(20))
    assert "new_address" in signals_of(subject(), place(4))


@pytest.mark.parametrize(
    ("status", "routine"), [("OPEN", False), ("TRIAGED", False), ("RESOLVED", False), ("CLOSED", True), ("", False)]
)
def test_days_under_an_alert_are_no_precedent_unless_people_closed_it_as_invalid(status: str, routine: bool) -> None:
    """What is still open, or was handled, may be the same intruder at work; an unknown status proves nothing."""
    known = [earlier(**dict.fromkeys(("alert16", "alert20", "alert24"), status))] if status else []
    found = signals_of(subject(), days(16, 20, 24), active(), matches(16, 20, 24), *known)

    assert ("routine" in found) is routine
    assert "first_seen_action" not in found


def test_an_alert_on_another_act_spoils_no_habit() -> None:
    """The rows of the day belong to no alert; that something else was alerted on is another matter."""
    found = signals_of(subject(), days(16, 20, 24), active(), matches(16, 20, 24, action="CreateUser", same=False))

    assert "routine" in found


def test_a_handled_alert_on_the_same_act_speaks_for_neither_side() -> None:
    """RESOLVED is how some teams file incidents and others what they expected; the reader learns of it, with its day."""
    found = signals_of(subject(), days(11, 8, 5), active(), matches(5), earlier(alert5="RESOLVED"))

    assert found["confirmed_before"].direction is Direction.NEUTRAL
    assert at(days=5)[:10] in found["confirmed_before"].sentence


def test_peoples_latest_word_counts() -> None:
    """What was handled before the like was closed as invalid is a precedent again; afterwards it isn't."""
    alerts = (days(16, 20, 24), active(), matches(16, 20, 24))
    settled = signals_of(subject(), *alerts, earlier(alert24="RESOLVED", alert20="RESOLVED", alert16="CLOSED"))
    reopened = signals_of(subject(), *alerts, earlier(alert24="CLOSED", alert20="CLOSED", alert16="RESOLVED"))

    assert settled["routine"].vouches
    assert not settled["dismissed_before"].vouches
    assert "confirmed_before" in reopened
    assert "dismissed_before" not in reopened


def test_a_program_that_closes_alerts_judges_nothing() -> None:
    """Closed over the API, as this program may do itself, is no person's judgement; Panther closes INFO by itself."""
    by_program = {"status": "CLOSED", "severity": "HIGH", "judged": False}

    assert standing_of(by_program) is Standing.UNSETTLED
    assert standing_of({**by_program, "severity": "INFO"}) is Standing.IGNORED


def test_a_habit_vouches_for_nobody_where_the_matches_are_cut() -> None:
    """Which days are under an alert is then unknown."""
    cut = matches(3).model_copy(update={"truncated": True})

    assert signals_of(subject(), days(16, 20, 24), active())["routine"].vouches
    assert not signals_of(subject(), days(16, 20, 24), active(), cut)["routine"].vouches


def test_refusals_rehearsed_days_before_are_still_refusals() -> None:
    """Knocking on the same doors last week makes it no part of the work."""
    row = {"action": "GetSecretValue", "days": 3, "times": 9, "refused": 9, "first_seen": at(days=8)}
    before = {"action": "GetSecretValue", "address": "198.51.100.7", "times": 4, "refused": 4, "target": "x"}
    around = {**before, "first_seen": at(hours=1), "last_seen": at(hours=1)}

    def profile(old: int) -> Evidence:
        known = {**row, "last_seen": at(days=5), "old_days": old, "old_refused": old}
        return answer("actor_profile", ["first_seen_actor", "refused"], [known])

    assert "refused" in signals_of(subject(), profile(0), answer("actor_before", ["refused"], [around]))
    assert "refused" not in signals_of(subject(), profile(2), answer("actor_before", ["refused"], [around]))


def colleagues(address_share: int, days_before: int = 4) -> list[Evidence]:
    """Somebody else did it to the target on so many old days, so often of four from the suspect's address."""
    seen = {"first_seen": at(days=25), "last_seen": at(days=2), "old_days": days_before}
    row = {"action": "StopLogging", "actor": "bob@example.com", "days": 4, "times": 4, "from_here": address_share}
    others = {"actor": "bob@example.com", "days": 4, "times": 4, "on_target": 4, **seen}
    return [
        answer("action_others", ["team_routine"], [others]),
        answer("target_history", ["team_routine"], [{**row, **seen}]),
    ]


@pytest.mark.parametrize(("given", "rota"), [((0, 4), True), ((4, 4), False), ((0, 1), False)])
def test_a_rota_is_other_peoples_from_other_places_for_longer(given: tuple[int, int], rota: bool) -> None:
    """A second account at the suspect's own unfamiliar address is no colleague, nor is one of last week."""
    assert ("team_routine" in signals_of(subject(), days(), active(), *colleagues(*given))) is rota


def test_what_vouches_says_why_a_suspect_cannot_make_it() -> None:
    """Only facts towards benign vouch; those that whoever holds a stolen session has for free never do."""
    vouching = {name for name, known in WEIGHTS.items() if known.vouches}

    assert all(WEIGHTS[name].direction is Direction.BENIGN for name in vouching)
    assert all(len(WEIGHTS[name].vouches) > 10 for name in vouching)
    free = {"quiet_aftermath", "reverted", "seen_before", "known_address", "common_here", "routine_aftermath"}
    assert not vouching & free


def test_volume_makes_no_aftermath_quieter() -> None:
    """Any number of harmless calls afterwards leaves the same facts."""

    def after(count: int) -> dict[str, Signal]:
        rows: list[dict[str, Any]] = [
            {"action": f"Describe{number}", "address": "198.51.100.7", "times": 1, "refused": 0, "target": None}
            for number in range(count)
        ]
        seen = {"first_seen": at(hours=-1), "last_seen": at(hours=-1)}
        return signals_of(subject(), answer("actor_soon_after", ["quiet_aftermath"], [{**row, **seen} for row in rows]))

    assert after(150)["quiet_aftermath"].weight == after(1)["quiet_aftermath"].weight


def test_reports_about_the_actor_are_no_habit_of_theirs() -> None:
    """That a product found something on earlier days, too, is nothing that the actor did, nor a first time."""
    who = subject(log_type="GitHub.Audit", actions=("secret_scanning_alert.create",))

    for history in (days(16, 20, 24), days()):
        found = signals_of(who, history, active(), *colleagues(0))
        assert not {"routine", "seen_before", "first_seen_action", "team_routine"} & set(found)


def test_the_root_user_has_no_habits() -> None:
    """An account for emergencies is not excused by having been used before."""
    root = "arn:aws:iam::111122223333:root"

    assert "routine" in signals_of(subject(), days(16, 20, 24), active())
    assert "routine" not in signals_of(subject(identity=root), days(16, 20, 24), active())
    assert "first_seen_action" in signals_of(subject(identity=root), days(), active())


@pytest.mark.parametrize("enrolled", [False, True])
def test_a_factor_enrolled_within_the_dwell_time_vouches_for_nobody(enrolled: bool) -> None:
    """Whoever has the password enrols a factor of their own and gives it from then on."""
    here = {"address": "198.51.100.7", "times": 1, "first_seen": at(hours=2), "last_seen": at(hours=2)}
    given = {**here, "step": "user.authentication.auth_via_mfa", "result": "SUCCESS", "second_factor": True}
    places = {**here, "days": 4, "second_factor": 4, "first_seen": at(days=5)}
    rows = [{**here, "first_seen": at(days=6), "last_seen": at(days=6)}] if enrolled else []
    found = signals_of(
        subject(),
        answer("person_signins", ["verified_sign_in"], [given], log_type="Okta.SystemLog"),
        answer("factors_enrolled", ["factor_enrolled"], rows, columns=("address", "times", "first_seen", "last_seen")),
    )
    usual = signals_of(
        subject(),
        answer("person_places", ["known_address", "new_address"], [places], log_type="Okta.SystemLog"),
        answer("factors_enrolled", ["factor_enrolled"], rows, columns=("address", "times", "first_seen", "last_seen")),
    )

    assert found["verified_sign_in"].vouches is not enrolled
    assert ("known_address" in usual) is not enrolled


def test_the_days_that_are_said_are_those_of_the_answer() -> None:
    """Of all earlier days, those that count are told apart, with what makes the others no precedents."""
    some = signals_of(subject(), days(2, 5, 20), active())["seen_before"].sentence
    assert f"on 3 earlier days, first on {at(days=20)[:10]}; 1 of them before the last 14 days" in some
    spoilt = signals_of(subject(), days(16, 20), active(), matches(16))["seen_before"].sentence
    assert "on 2 earlier days" in spoilt
    assert spoilt.endswith("; 1 of them clear of open or handled alerts.")
    habit = signals_of(subject(), days(2, 16, 18, 25), active())["routine"].sentence
    assert f"on 4 days from {at(days=25)[:10]} to {at(days=2)[:10]}; 3 of them before the last 14 days." in habit
    assert "of them" not in signals_of(subject(), days(20), active())["seen_before"].sentence
