"""The table of flags, and what follows from flags that are raised, answered and open."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.make import alert, dossier, evidence, signal
from triage.domain.argument import argue, argue_alert, with_answers, without_answers
from triage.domain.coverage import Coverage
from triage.domain.finding import CheckedFinding, Finding
from triage.domain.flag import CONTINUITY, EXPLAINS, FLAGS, STRONG_ANSWER
from triage.domain.signal import Direction, Signal
from triage.domain.verdict import Disposition
from triage.stages.enrichment.signals.weights import WEIGHTS

B, S, I, M = Disposition.BENIGN, Disposition.SUSPICIOUS, Disposition.INCONCLUSIVE, Disposition.MALICIOUS  # noqa: E741
ORDER = [B, I, S, M]
ROWS = [evidence(1, {"a": 1})]


def up(name: str, weight: float, **more: Any) -> Signal:
    return signal(weight, name=name, sentence=f"{name} was seen.", **more)


def down(name: str, weight: float = 1.0, **more: Any) -> Signal:
    return signal(weight, Direction.BENIGN, name=name, sentence=f"{name} was seen.", **more)


PLACE = up("new_address_without_sign_in", 2.0)
SIGNED_IN, DEVICE = down("verified_sign_in", vouches=True), down("known_device", 0.7)
QUIET = down("quiet_aftermath", 0.7)
CLOSES = (down("verified_sign_in", vouches=True), down("team_routine", vouches=True))


@pytest.mark.parametrize("name", FLAGS)
def test_each_row_of_the_table(name: str) -> None:
    """Every kind of fact in it raises the flag from its strength on, every other named one answers it, no other does."""
    flag = FLAGS[name]
    for fact, least in flag.raised_by.items():
        raised = {each.name for each in argue([up(fact, least)], ROWS).open}
        assert name in raised, fact
        assert name not in {each.name for each in argue([up(fact, least - 0.05)], ROWS).flags}, fact
        for answer in flag.answered_by:
            enough = flag.least_answer.get(answer, STRONG_ANSWER)
            answered = argue([up(fact, least), down(answer, max(1.0, enough))], ROWS)
            assert name not in {each.name for each in answered.open}, answer
            too_light = enough - 0.05
            assert name in {each.name for each in argue([up(fact, least), down(answer, too_light)], ROWS).open}, answer
        for other in {*WEIGHTS} - flag.answered_by:
            assert name in {each.name for each in argue([up(fact, least), down(other)], ROWS).open}, other
    assert flag.asks.endswith("?")
    assert flag.reason.endswith(".")


def test_the_table_names_facts_that_are_measured() -> None:
    """A name that no rule measures would answer nothing, or never be raised."""
    up_names = {fact for flag in FLAGS.values() for fact in flag.raised_by}
    down_names = {fact for flag in FLAGS.values() for fact in flag.answered_by} | CONTINUITY | EXPLAINS
    assert {name for name in up_names if WEIGHTS[name].direction is not Direction.MALICIOUS} == set()
    assert {name for name in down_names if WEIGHTS[name].direction is not Direction.BENIGN} == set()


def test_what_follows_from_open_flags() -> None:
    """A hard one is suspicious, a soft one inconclusive; with another kind of observation, or with nothing in the
    actor's favour, it is one step graver.
    """
    hard, other, soft, soft_too = (
        up("harmful_aftermath", 1.6), up("failed_then_succeeded", 1.5), up("first_seen_action", 0.9), up("two_places", 0.8)
    )  # fmt: skip
    cases = [
        ((), I),
        (CLOSES, B),
        (CLOSES[:1], I),
        ((hard,), M),
        ((hard, *CLOSES), S),
        ((up("harmful_aftermath", 1.8), *CLOSES), M),  # What few ever do decides by itself.
        ((up("derived_harm", 1.8), *CLOSES), M),
        ((up("derived_harm", 1.8), down("allowed", 3.0, vouches=True)), S),
        ((hard, other, *CLOSES), M),
        ((hard, up("run_unlike", 0.8), *CLOSES), S),
        ((hard, up("off_hours", 0.8), *CLOSES), S),
        # The owner, shown twice, and a log that shows no harm: the purpose need not be known.
        ((SIGNED_IN, DEVICE, QUIET), B),
        ((SIGNED_IN, DEVICE, down("routine_aftermath", 0.3)), B),
        ((SIGNED_IN, DEVICE), I),
        ((SIGNED_IN, QUIET), I),
        ((down("verified_sign_in"), DEVICE, QUIET), I),
        ((SIGNED_IN, DEVICE, down("quiet_aftermath", 0.3)), I),
        ((SIGNED_IN, DEVICE, QUIET, up("new_recipient", 1.8)), M),
        # A strange place and a new act, and nothing that followed: a look, and no proof. With harm it is another matter.
        ((PLACE, soft), M),
        ((PLACE, soft, QUIET), S),
        ((PLACE, soft, up("two_places", 0.8), QUIET), M),
        ((PLACE, soft, down("quiet_aftermath", 0.3)), M),
        ((soft,), S),
        ((soft, down("seen_before")), I),
        ((soft, *CLOSES), B),
        ((soft, soft_too), S),
        ((soft, down("known_address", vouches=True), down("seen_before")), I),
        ((up("new_recipient", 1.8), *CLOSES), M),
        ((up("new_recipient", 1.8), down("known_recipient"), *CLOSES), B),
    ]
    for facts, expected in cases:
        assert argue(facts, ROWS).disposition is expected, [fact.name for fact in facts]


def test_the_worst_actor_decides_and_each_has_flags_of_their_own() -> None:
    """What answers for one answers for no other."""
    facts = [
        *(fact.model_copy(update={"subject": "bot"}) for fact in CLOSES),
        up("harmful_aftermath", 2.0, subject="eve"),
    ]
    found = argue(facts, ROWS)
    assert (found.disposition, found.subject) == (M, "eve")
    assert {flag.subject for flag in found.open} == {"eve"}


def test_a_fact_about_the_whole_alert_raises_one_flag() -> None:
    """And not one for each of its actors, which a judge would have to answer one by one."""
    facts = [
        up("unexamined_actors", 1.0),
        *(down("verified_sign_in", vouches=True, subject=who) for who in ("ada", "eve")),
    ]
    found = argue(facts, ROWS)
    assert [(flag.name, flag.subject) for flag in found.flags] == [("unexamined", "")]
    assert found.disposition is Disposition.SUSPICIOUS


def test_nothing_is_closed_over_a_gap() -> None:
    """Where it is unknown what followed, the argument says so."""
    found = argue(CLOSES, ROWS, gaps=("the log is silent",))
    assert found.disposition is I
    assert "the log is silent" in found.why


def test_a_fact_that_is_not_proven_neither_raises_nor_answers() -> None:
    """Its answer failed, or its absence can't be proven."""
    failed = [evidence(1, error="timed out")]
    assert argue([up("harmful_aftermath", 2.0)], failed).flags == ()


def test_an_answer_that_was_accepted_stands_beside_the_tables() -> None:
    """It closes the flag that it names and no other."""
    said = CheckedFinding(finding=Finding(text="They were on call."), number=1, verified=True)
    found = argue([up("off_hours", 0.8), up("two_places", 0.8)], ROWS)
    after = with_answers(found, {("odd_hour", ""): (said,), ("haul", ""): (said,), ("two_holders", "eve"): (said,)})
    assert {flag.name for flag in after.open} == {"two_holders"}


FACTS = st.lists(
    st.builds(
        lambda name, weight: signal(
            weight, WEIGHTS[name].direction, name=name, sentence=f"{name} {weight}", vouches=bool(WEIGHTS[name].vouches)
        ),
        st.sampled_from(sorted(WEIGHTS)),
        st.floats(0.1, 3.0),
    ),
    max_size=8,
)


@given(FACTS, st.sampled_from(sorted(name for name in WEIGHTS if WEIGHTS[name].direction is Direction.MALICIOUS)))
def test_a_fact_against_never_softens(facts: list[Signal], name: str) -> None:
    """Whatever else is known: with one more fact towards malicious the table is at least as severe."""
    before = argue(facts, ROWS).disposition
    after = argue([*facts, signal(2.5, name=name, sentence="One more.")], ROWS).disposition
    assert ORDER.index(after) >= ORDER.index(before)


@given(FACTS)
def test_benign_means_that_every_flag_is_answered(facts: list[Signal]) -> None:
    """And that something vouches which no suspect can have made."""
    found = argue(facts, ROWS)
    if found.disposition is B:
        assert not found.open
        assert any(fact.vouches and fact.name in CONTINUITY for fact in facts)
    assert (not found.open_hard) or ORDER.index(found.disposition) >= ORDER.index(S)
    assert 0 < found.confidence < 1


def test_a_soft_flag_is_not_raised_beside_a_hard_one_for_the_same_fact() -> None:
    """Harm of full weight raises the hard flag alone; what is only some harm still raises the soft one beside it."""
    grave = up("harmful_aftermath", 1.5)
    assert {flag.name for flag in argue([grave], ROWS).flags} == {"harm_followed"}
    lesser = signal(0.8, name="other_run_harm", sentence="Another run did the like.")
    assert {flag.name for flag in argue([grave, lesser], ROWS).flags} == {"harm_followed", "some_harm_followed"}
    assert {flag.name for flag in argue([lesser], ROWS).flags} == {"some_harm_followed"}


def test_a_rejected_answer_leaves_the_flag_open() -> None:
    """Only the named flag is open again, and rejecting one that isn't raised changes nothing."""
    argument = argue([up("protection_off", 0.5), down("reverted"), *CLOSES], ROWS)
    assert argument.open == ()
    assert [flag.name for flag in without_answers(argument, {"protection_off"}).open] == ["protection_off"]
    assert without_answers(argument, {"stranger"}) == argument


def test_it_waits_where_only_time_is_missing() -> None:
    """A healthy log that has shown the first quarter of an hour; not one that is silent, cut, or too young to have."""
    moment = alert().moment
    early = {
        "source_healthy": True,
        "source_reached_window": False,
        "table_has_rows": True,
        "control_has_rows": True,
        "open_until": moment + timedelta(hours=4),
        "proven_until": moment + timedelta(minutes=20),
    }
    cases: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
        ({}, {}, True),
        ({"source_healthy": False}, {}, False),
        ({"open_until": None}, {}, False),
        ({"alarms": ("SOURCE_NO_DATA",)}, {}, False),
        ({"proven_until": moment + timedelta(minutes=5)}, {}, False),
        ({}, {"truncated": True}, False),
        ({}, {"error": "timed out"}, False),
    ]
    for covered, fields, waits in cases:
        entry = evidence(1, signals=("quiet_aftermath",), coverage=Coverage(**early | covered), **fields)
        found = argue_alert(dossier(entry))
        assert found.gaps
        assert found.waits is waits, (covered, fields)
    assert not argue_alert(dossier(evidence(1, signals=("quiet_aftermath",)))).waits


def test_the_operators_word_needs_no_second_fact() -> None:
    """A flag that it doesn't answer stays open all the same."""
    word = down("allowed", 4.0, vouches=True)
    assert argue([word], ROWS).disposition is B
    assert argue([down("verified_sign_in", vouches=True)], ROWS).disposition is I
    assert argue([word, up("derived_used", 2.0)], ROWS).disposition is M
