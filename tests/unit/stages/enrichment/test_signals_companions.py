"""Signals about what usually comes with an act: how much of a custom it takes, and what proves nothing."""

from typing import Any

import pytest

from tests.support.facts import MOMENT, answer, at, subject
from tests.support.facts import signals_of as all_signals
from triage.domain.argument import raise_flags
from triage.domain.coverage import Coverage
from triage.domain.evidence import Evidence, Source
from triage.domain.signal import Direction, Signal, is_proven
from triage.stages.enrichment.actor import AlertActor
from triage.stages.enrichment.signals.facts import signal as weighed

ACT_ITSELF = "(the act itself)"
ACT, NEXT = "PutBucketVersioning", "PutBucketPolicy"


def custom(**changes: Any) -> dict[str, Any]:
    """How often the next step followed the act on six earlier occasions, and whether it did now."""
    row = {
        "action": NEXT,
        "occasions": 6,
        "old_days": 6,
        "others": 3,
        "on_target": 6,
        "any_occasions": 6,
        "most": 1,
        "just_before": 0,
        "since": 1,
        "since_on_target": 1,
        "since_own": 1,
        "first_day": "2026-02-10",
        "last_day": "2026-02-16",
    }
    return {**row, **changes}


def followups(*rows: dict[str, Any], of: int = 6, **changes: Any) -> Evidence:
    """The answer to what followed on earlier occasions: the act itself first."""
    act = custom(action=ACT_ITSELF, occasions=of, old_days=of, any_occasions=of)
    return answer("usual_followups", ["usual_companion", "missing_companion"], [act, *rows], **changes)


def profile() -> Evidence:
    """What the actor has done for long."""
    rows = [{"action": "ListBuckets", "days": 9, "old_days": 6, "first_seen": at(days=28), "last_seen": at(days=15)}]
    return answer("actor_profile", ["routine_aftermath", "first_seen_actor"], rows)


def after(*actions: str) -> Evidence:
    """What the actor did ten minutes after the act."""
    rows = [
        {
            "action": action,
            "address": "198.51.100.7",
            "times": 1,
            "refused": 0,
            "failed": 0,
            "target": "trail-1",
            "first_seen": at(minutes=-10),
            "last_seen": at(minutes=-10),
        }
        for action in actions
    ]
    return answer("actor_after", ["harmful_aftermath"], rows)


def earlier_alerts(*statuses: str, **changes: Any) -> Evidence:
    """Earlier alerts of the detection, one on each day on which the step followed."""
    rows = [
        {"alert_id": f"a{n}", "status": status, "judged": status == "CLOSED", "created_at": f"2026-02-1{n}T12:00:00Z"}
        for n, status in enumerate(statuses)
    ]
    return answer("history", [], rows, source=Source.HISTORY, **changes).model_copy(update={"key": "history"})


def found(*evidence: Evidence, who: AlertActor | None = None) -> dict[str, Signal]:
    """The proven signals."""
    numbered = [entry.model_copy(update={"id": f"E{index}"}) for index, entry in enumerate((profile(), *evidence), 1)]
    by_id = {entry.id: entry for entry in numbered}
    signals = all_signals(who or subject(actions=(ACT,)), *numbered)
    return {name: signal for name, signal in signals.items() if is_proven(signal, by_id)}


def test_a_custom_explains_the_step_and_says_how_usual_it_is() -> None:
    """What is left of the harm is light, and nothing vouches for the act itself."""
    explained = found(followups(custom()), after(NEXT))
    alone = found(followups(), after(NEXT))

    assert "PutBucketPolicy did so on 6 of 6 earlier occasions" in explained["usual_companion"].sentence
    assert explained["harmful_aftermath"].weight < 0.25 * alone["harmful_aftermath"].weight
    assert not explained["usual_companion"].vouches
    assert "quiet_aftermath" not in explained


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("too few days", {"old_days": 2}),
        ("too few occasions", {"occasions": 2}),
        ("on fewer than most", {"occasions": 3}),
        ("only the actor's own", {"others": 0}),
        ("more of it than ever", {"since": 4, "since_on_target": 4}),
        ("on another target", {"since_on_target": 0}),
    ],
)
def test_less_than_a_custom_explains_nothing(name: str, changes: dict[str, Any]) -> None:
    """Each of the limits holds by itself."""
    signals = found(followups(custom(**changes)), after(NEXT))

    assert "usual_companion" not in signals, name
    assert signals["harmful_aftermath"].weight >= 1, name


def test_a_cut_answer_explains_and_misses_nothing() -> None:
    """What was cut may be the other occasions."""
    assert "usual_companion" not in found(followups(custom(), truncated=True), after(NEXT))
    assert "missing_companion" not in found(followups(custom(since=0, since_on_target=0, since_own=0), truncated=True))


@pytest.mark.parametrize(
    ("statuses", "explains"), [(["CLOSED"] * 6, True), (["OPEN"] * 3, True), (["OPEN"] * 4, False)]
)
def test_days_of_open_alerts_are_no_precedents(statuses: list[str], explains: bool) -> None:
    """Whoever was not caught then did the same; three days must remain."""
    signals = found(followups(custom()), after(NEXT), earlier_alerts(*statuses))

    assert ("usual_companion" in signals) is explains


def test_unread_earlier_alerts_leave_no_precedents() -> None:
    """One of those that were not read may be open."""
    assert "usual_companion" not in found(followups(custom()), after(NEXT), earlier_alerts("CLOSED", truncated=True))


def missed(**changes: Any) -> dict[str, Any]:
    """The step did not come."""
    return custom(since=0, since_on_target=0, since_own=0, **changes)


def test_a_missing_step_counts_where_its_absence_is_proven() -> None:
    """A source that may still deliver proves nothing."""
    open_still = Coverage(source_healthy=True, table_has_rows=True, control_has_rows=True, proven_until=MOMENT)

    assert found(followups(missed()))["missing_companion"].weight <= 0.5
    assert "missing_companion" not in found(followups(missed(), coverage=open_still))
    assert "missing_companion" not in found(followups(missed(), coverage=Coverage()))


def test_days_of_open_alerts_show_what_is_left_out_now() -> None:
    """They excuse nothing, which is another matter: whoever raised those alerts did all of the work."""
    assert "missing_companion" in found(followups(missed()), earlier_alerts(*["OPEN"] * 6))


@pytest.mark.parametrize(
    ("name", "row", "of"),
    [
        ("it came just before", missed(just_before=1), 6),
        ("it came on fewer than nearly all", missed(occasions=6), 8),
        ("too few occasions", missed(occasions=3, old_days=3), 3),
        ("it is done every day", missed(any_occasions=60), 6),
        ("it is a mere read", missed(action="ListBuckets"), 6),
    ],
)
def test_nothing_is_missing_that_need_not_have_come(name: str, row: dict[str, Any], of: int) -> None:
    """Each of the limits holds by itself."""
    assert "missing_companion" not in found(followups(row, of=of)), name


def test_a_refused_act_misses_no_second_step() -> None:
    """Nothing was done that would need it."""
    assert "missing_companion" not in found(followups(missed()), who=subject(actions=(ACT,), refused=True))


def test_what_is_usual_is_no_looking_around() -> None:
    """Steps new to the actor that the team always takes together are one piece of work."""
    steps = (NEXT, "PutBucketLogging", "PutBucketTagging")
    fresh = found(followups(), after(ACT, *steps))
    usual = found(followups(*(custom(action=step) for step in steps)), after(ACT, *steps))

    assert "first_time_burst" in fresh
    assert "first_time_burst" not in usual


FLOW_LOGS = "DeleteFlowLogs"


def torn_down(who: AlertActor, *evidence: Evidence, **changes: Any) -> Signal | None:
    """The fact that what the protection was on is gone."""
    return teardown_signals(who, *evidence, **changes).get("torn_down")


def teardown_signals(who: AlertActor, *evidence: Evidence, **changes: Any) -> dict[str, Signal]:
    """What is measured after two earlier teardowns a week apart."""
    own = {
        "others": 0,
        "occasions": 2,
        "old_days": 2,
        "own_days": 2,
        "own_first": at(days=23)[:10],
        "own_last": at(days=16)[:10],
    }
    rows = [custom(action=ACT_ITSELF, **own), custom(**{"action": "DeleteVpc", **own, **changes})]
    given = answer("usual_followups", ["torn_down"], rows)
    return all_signals(who, given, profile(), *evidence)


def test_a_usual_teardown_takes_the_protection_with_what_it_protected() -> None:
    """Every earlier occasion of the actor's own ended so, on days a week apart before the dwell time, and so did this."""
    found = torn_down(subject(actions=(FLOW_LOGS,)))

    assert found is not None
    assert found.direction is Direction.BENIGN
    assert found.sentence.startswith("DeleteVpc followed within an hour, as on 2 days")
    assert not found.vouches


@pytest.mark.parametrize(("closed", "expected"), [(True, True), (False, False)])
def test_an_event_is_judged_once_for_all_alerts_that_it_raised(closed: bool, expected: bool) -> None:
    """One deletion raises two detections; who closes one of the alerts as invalid has judged the deletion."""
    days = ((23, "a"), (16, "b"))
    matches = [
        {"alert": f"{name}{same}", "action": FLOW_LOGS, "same_detection": same, "first_seen": at(days=day)}
        for day, name in days
        for same in (0, 1)
    ]
    status = [
        {"alert_id": f"{name}{same}", "status": "CLOSED" if closed and not same else "RESOLVED", "judged": True}
        for _, name in days
        for same in (0, 1)
    ]
    past = answer("x", [], status, source=Source.HISTORY, measured=False).model_copy(update={"key": "history"})
    found = torn_down(subject(actions=(FLOW_LOGS,)), answer("matches_of_actor", ["confirmed_before"], matches), past)
    assert (found is not None) is expected


def test_the_end_of_a_usual_teardown_is_no_harm_of_its_own() -> None:
    """It is what the act was the first step of; the end of an unusual one weighs in full."""
    row = {"action": "DeleteVpc", "address": "198.51.100.7", "times": 1, "refused": 0, "target": "vpc-1"}
    seen = {"first_seen": at(minutes=-2), "last_seen": at(minutes=-2)}
    after_it = answer("actor_after", ["harmful_aftermath"], [row | seen])

    def weight(**changes: Any) -> float:
        return teardown_signals(subject(actions=(FLOW_LOGS,)), after_it, **changes)["harmful_aftermath"].weight

    assert weight() < 0.5 < weight(own_days=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"own_days": 0, "own_first": None, "own_last": None, "others": 2},
        {"own_days": 1, "own_last": at(days=23)[:10]},
        {"own_first": at(days=17)[:10]},
        {"since": 0},
        {"since": 3},
        {"action": "DeleteBucket"},
        {"action": "DeleteTrail"},
    ],
    ids=["colleagues", "not always", "days in a row", "not now", "more than ever", "another thing", "another log"],
)
def test_another_teardown_answers_nothing(changes: dict[str, Any]) -> None:
    """A first one above all: whoever covers tracks can delete what they worked on, too."""
    assert torn_down(subject(actions=(FLOW_LOGS,)), **changes) is None


def test_a_protection_of_no_one_thing_does_not_go_with_it() -> None:
    """A trail records the whole account, whatever is deleted after it was stopped."""
    assert torn_down(subject(actions=("StopLogging",))) is None
    assert torn_down(subject(actions=(FLOW_LOGS, "StopLogging"))) is None


def test_a_bucket_is_the_one_that_the_protection_was_on() -> None:
    """Both calls name it, so another bucket's deletion explains nothing."""
    who = subject(actions=("DeleteBucketEncryption",))
    same = {"action": "DeleteBucket", "since": 1, "since_on_target": 1}
    assert torn_down(who, **same) is not None
    assert torn_down(who, **{**same, "since_on_target": 0}) is None


def test_a_teardown_that_was_handled_or_is_open_is_no_precedent() -> None:
    """One of the two days has an open alert on the act."""
    row = {
        "rule": "My.Rule",
        "alert": "a0",
        "day": at(days=16)[:10],
        "action": FLOW_LOGS,
        "times": 1,
        "same_detection": 1,
    }
    matched = answer("matches_of_actor", [], [{**row, "first_seen": at(days=16), "last_seen": at(days=16)}])
    assert torn_down(subject(actions=(FLOW_LOGS,)), matched) is None


def test_a_first_teardown_leaves_the_protection_off() -> None:
    """In the table of flags: the usual one answers, and a first one is still open."""
    entry = answer("usual_followups", ["torn_down"], [custom()])
    off = weighed("protection_off", "DeleteFlowLogs switched off a log.", [entry])
    down = weighed("torn_down", "DeleteVpc followed, as on earlier days.", [entry])
    (first,), (usual,) = raise_flags([off]), raise_flags([off, down])
    assert first.hard
    assert first.open
    assert not usual.open


def test_what_others_do_in_the_hour_is_no_step_of_this_actors_work() -> None:
    """A colleague's clean-up on a shared object neither explains this actor's act nor stands for the one left out."""
    colleagues = custom(since=2, since_on_target=2, since_own=0, most=3)

    assert "usual_companion" not in found(followups(colleagues))
    assert "missing_companion" in found(followups(colleagues))
