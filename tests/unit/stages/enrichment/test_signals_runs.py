"""Signals about the runs of a role: what may count as the same run as before, and what never does."""

from typing import Any

import pytest

from tests.support.facts import MOMENT, answer, at, signals_of, subject
from triage.domain.evidence import Evidence
from triage.domain.identity import Identity, IdentityKind
from triage.domain.signal import Signal
from triage.stages.enrichment.actor import AlertActor

ROLE = "arn:aws:iam::111122223333:role/deploy"
HOME, AWAY = "203.0.113.1", "198.51.100.7"
ACTS = ("DeleteDBInstance", "DeleteVolume")


def role(**changes: Any) -> AlertActor:
    """A role at work under one credential."""
    given: dict[str, Any] = {
        "identity": ROLE,
        "aliases": (ROLE,),
        "people": (),
        "identities": (Identity.of(IdentityKind.AWS_ROLE_ARN, ROLE),),
        "sessions": ("ASIATODAY",),
        "actions": ACTS[:1],
        "addresses": (HOME,),
    }
    return subject(**{**given, **changes})


def around(*calls: tuple[str, str], address: str = HOME, **changes: Any) -> Evidence:
    """Whose run did what since the alert's first event, the alert's own act among it."""
    rows = [
        {
            "run": run,
            "action": action,
            "address": address,
            "times": 1,
            "since": 1,
            "target": "t",
            "first_seen": at(hours=-1),
            "last_seen": at(hours=-1),
            "first_since": at(hours=-1),
        }
        for run, action in [("this", ACTS[0]), *calls]
    ]
    return answer("runs_around", ["other_run_harm", "run_as_before"], rows, **changes)


def earlier(*, acts: int = 2, days: int = 6, began: float = 28, ended: float = 15, **changes: Any) -> Evidence:
    """Runs before the dwell time that did as many of this run's acts."""
    rows = [
        {
            "action": action,
            "acts": acts,
            "alerted": 1,
            "runs": days,
            "old_runs": days,
            "old_days": days,
            "first_seen": at(days=began),
            "last_seen": at(days=ended),
            "last_old": at(days=ended),
        }
        for action in ACTS[:acts]
    ]
    return answer("earlier_runs", ["run_as_before", "run_unlike"], rows, **changes)


def profile() -> Evidence:
    """Acts that the role has done for long."""
    rows = [
        {"action": action, "days": 9, "old_days": 6, "times": 9, "first_seen": at(days=28), "last_seen": at(days=15)}
        for action in ACTS
    ]
    return answer("actor_profile", ["routine_aftermath", "first_seen_actor"], rows)


def places(*, moving: bool) -> Evidence:
    """Where the role has worked: at one place, or at another in every run."""
    rows = [
        {
            "address": f"203.0.{number}.1",
            "days": 1 if moving else 20,
            "times": 9,
            "first_seen": at(days=15 + number),
            "last_seen": at(days=15 + number - 0.01),
        }
        for number in (range(12) if moving else [113])
    ]
    rows = rows if moving else [{**rows[0], "address": HOME, "first_seen": at(days=28)}]
    return answer("actor_addresses", ["known_address", "new_address"], rows)


def handled(*days: int) -> Evidence:
    """Days on which a rule matched the act, in alerts that nobody has closed."""
    rows = [
        {
            "alert": f"a{day}",
            "action": ACTS[0],
            "same_detection": 1,
            "first_seen": at(days=day),
            "last_seen": at(days=day),
        }
        for day in days
    ]
    return answer("matches_of_actor", ["confirmed_before"], rows)


def found(*evidence: Evidence, who: AlertActor | None = None) -> dict[str, Signal]:
    """The signals of a role's run."""
    return signals_of(who or role(), profile(), *evidence)


SECOND = ("this", ACTS[1])


def test_a_whole_run_as_on_earlier_days_speaks_for_it() -> None:
    """It says on how many days, up to when, and what the run did."""
    signal = found(around(SECOND), earlier(), places(moving=False))["run_as_before"]

    assert "on 6 days up to 2026-02-17: DeleteDBInstance, DeleteVolume." in signal.sentence
    assert signal.vouches


@pytest.mark.parametrize(
    ("name", "runs"),
    [
        ("one day only", earlier(days=1)),
        ("within a few days", earlier(began=18, ended=15)),
        ("a part of it", earlier(acts=1)),
    ],
)
def test_too_few_or_too_little_is_no_earlier_run(name: str, runs: Evidence) -> None:
    """The days must be several and far enough apart, and each run must have done all of it."""
    assert "run_as_before" not in found(around(SECOND), runs, places(moving=False)), name


def test_days_of_open_alerts_are_no_earlier_runs() -> None:
    """What nobody has judged may have been the same intruder."""
    free = found(around(SECOND), earlier(days=3), places(moving=False), handled())
    spoilt = found(around(SECOND), earlier(days=3), places(moving=False), handled(16, 17))

    assert "run_as_before" in free
    assert "run_as_before" not in spoilt


def test_a_run_whose_own_acts_were_cut_is_not_compared() -> None:
    """What was cut may be the act that no earlier run did."""
    assert "run_as_before" not in found(around(SECOND, truncated=True), earlier(), places(moving=False))


def test_a_call_without_a_credential_is_not_compared_away() -> None:
    """It may be this run's, and no earlier run is known to have made it."""
    assert "run_as_before" not in found(around(SECOND, ("unknown", "StopLogging")), earlier(), places(moving=False))


def test_a_new_place_excuses_a_run_only_where_every_run_has_one() -> None:
    """A hosted runner is somewhere else each time; a machine of one's own isn't."""
    who = role(addresses=(AWAY,))
    moving = found(around(SECOND, address=AWAY), earlier(), places(moving=True), who=who)
    staying = found(around(SECOND, address=AWAY), earlier(), places(moving=False), who=who)

    assert 0 < moving["run_as_before"].weight < 1.0
    assert not moving["run_as_before"].vouches
    assert "run_as_before" not in staying
    assert moving["harmful_aftermath"].weight < 0.3 * staying["harmful_aftermath"].weight


def test_what_another_run_does_at_a_new_place_counts() -> None:
    """Habit excuses a role's work where the role works."""
    usual = found(around(("other", ACTS[1])), earlier(), places(moving=False))
    away = found(around(("other", ACTS[1]), address=AWAY), earlier(), places(moving=False))

    assert {"other_runs", "other_run_harm"} & usual.keys() == {"other_runs"}
    assert {"other_runs", "other_run_harm"} & away.keys() == {"other_run_harm"}


def test_where_no_answer_tells_runs_apart_the_role_is_judged_as_a_whole() -> None:
    """A failed question takes no harm away."""
    row = {"action": "StopLogging", "address": HOME, "times": 1, "refused": 0, "first_seen": at(hours=-1)}
    after = answer("actor_after", ["harmful_aftermath"], [row])
    signal = found(after, around(error="timed out"), places(moving=False))["harmful_aftermath"]

    assert signal.sentence == (
        "60 min later the role deploy called StopLogging (blinding of logs or protections), in this run or another."
    )


def test_harm_of_a_person_has_no_run() -> None:
    """A person's several sessions are all theirs."""
    row = {"action": "StopTrail", "address": AWAY, "times": 1, "refused": 0, "first_seen": at(hours=-1)}
    after = answer("actor_after", ["harmful_aftermath"], [{**row, "action": "DeleteTrail"}])

    assert signals_of(subject(moment=MOMENT), after)["harmful_aftermath"].sentence.startswith(
        "60 min later ada@example.com called DeleteTrail"
    )


def test_the_odd_hour_of_this_run_says_nothing_of_another() -> None:
    """What another run does at its own usual place is the role's work, whenever this one was at work."""
    hours = answer("actor_hours", ["off_hours"], [{"hour": hour, "days": 9, "times": 9} for hour in range(2, 6)])
    signals = found(around(("other", ACTS[1])), earlier(), places(moving=False), hours)

    assert "off_hours" in signals
    assert {"other_runs", "other_run_harm"} & signals.keys() == {"other_runs"}
