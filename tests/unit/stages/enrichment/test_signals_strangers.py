"""Whose account an unknown address was that worked on the target after the alert's act."""

from typing import Any

from tests.support.facts import answer, at, signals_of, subject
from triage.domain.argument import argue
from triage.domain.detection import Detection
from triage.domain.evidence import Evidence, Source, by_id
from triage.domain.signal import Direction, Signal
from triage.stages.decision import facts_of

OLD = {"address": "198.51.100.9", "actors": 1, "actor": "lee", "times": 30, "refused": 0, "on_target": 4}
NEW = {"address": "203.0.113.4", "actors": 1, "actor": "kim", "times": 3, "refused": 0, "on_target": 2}
TITLES = ("Protection off by kim", "Protection off by kimberly", "Protection off by kim")


def places(**changes: Any) -> Evidence:
    rows = [
        OLD | {"first_seen": at(days=25), "last_seen": at(hours=2)},
        NEW | changes | {"first_seen": at(hours=-1), "last_seen": at(hours=-2)},
    ]
    return answer("target_places", ["stranger_on_target"], rows)


def worked(who: str) -> Evidence:
    row = {"action": "push", "actor": who, "days": 9, "times": 12, "old_days": 6}
    return answer("target_history", [], [row | {"first_seen": at(days=20), "last_seen": at(days=1)}])


def alerts(*titles: str) -> Evidence:
    rows = [
        {"alert_id": f"b{number}", "title": title, "created_at": at(days=number), "status": "OPEN"}
        for number, title in enumerate(titles, 1)
    ]
    return answer("x", [], rows, source=Source.HISTORY, measured=False).model_copy(update={"key": "history"})


def found(*entries: Evidence) -> dict[str, Signal]:
    return signals_of(subject(), *entries)


def test_a_known_account_at_an_unknown_address_is_said_beside_the_flag() -> None:
    """Its alerts are named, of that account alone; the flag stays as open as it was."""
    entries = [places(), worked("kim"), alerts(*TITLES)]
    signals = found(*entries)
    assert signals["stranger_known"].sentence == (
        f"203.0.113.4 was used by kim, an account at work on the target since {at(days=20)[:10]} or earlier, whom 2 other "
        f"alerts of this detection name, the last of {at(days=1)[:10]} (b1)."
    )
    assert signals["stranger_known"].direction is Direction.MALICIOUS
    assert argue([signals["stranger_known"]], [places()]).flags == ()
    numbered = [entry.model_copy(update={"id": f"E{number}"}) for number, entry in enumerate(entries, 1)]
    argument = argue([*signals.values()], numbered)
    assert "stranger" in {flag.name for flag in argument.open_hard}
    given: Any = facts_of((), [*signals.values()], numbered, [], Detection(id="x"), injected=False, argument=argument)
    (flag,) = [flag for flag in given["flags"] if flag["flag"] == "stranger"]
    assert len(flag["see_as_well"]) == 1
    assert by_id(numbered).keys() >= set(signals["stranger_known"].evidence)


def test_a_colleague_whom_the_act_does_not_touch_is_no_stranger() -> None:
    """Somebody long at work on the target goes on there from a new place: that is a question about them."""
    signals = found(places(), worked("kim"))
    assert "stranger_known" in signals
    assert "stranger_on_target" not in signals
    assert "stranger_on_target" in found(places(), worked("lee"))
    fresh = answer("target_history", [], [{"action": "push", "actor": "kim", "days": 2, "times": 3, "old_days": 0}])
    assert "stranger_on_target" in found(places(), fresh)


def test_nothing_is_said_of_an_account_that_nothing_knows() -> None:
    """One that never worked here and has no alert, or an address of several accounts, is no known account."""
    assert "stranger_known" not in found(places(), worked("lee"), alerts("Protection off by kimberly"))
    assert "stranger_known" not in found(places(actors=2), worked("kim"), alerts(*TITLES))
    assert "stranger_on_target" in found(places(actors=2), worked("kim"))
    assert "stranger_known" in found(places(), worked("kim"))
    assert "stranger_known" in found(places(), alerts("Protection off by kim"))


def test_an_application_that_everybody_signs_in_to_has_no_strangers() -> None:
    """One more who comes to it has nothing to do with a sign-in of the alert's; a repository of many is still one's own."""
    history = answer(
        "target_history",
        [],
        [
            {
                "action": "x",
                "actor": f"p{n}",
                "days": 9,
                "old_days": 6,
                "first_seen": at(days=20),
                "last_seen": at(days=1),
            }
            for n in range(15)
        ],
    )
    for log_type, action, said in (
        ("Azure.Audit", "sign-in none", False),
        ("GitHub.Audit", "protected_branch.destroy", True),
    ):
        who = subject(log_type=log_type, actions=(action,), targets=("office",))
        assert ("stranger_on_target" in signals_of(who, places(), history)) is said
