"""The floor rules."""

import json
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.make import NOW, evidence, signal
from triage.domain.argument import argue
from triage.domain.base import Row
from triage.domain.coverage import Coverage
from triage.domain.evidence import Source, by_id
from triage.domain.finding import CheckedFinding, Finding, Issue, IssueCode, ValueCitation
from triage.domain.question import Question
from triage.domain.signal import Direction, net_weight
from triage.domain.trust import Trust
from triage.domain.verdict import ActionKind, Disposition, Draft, Verdict
from triage.stages.decision import Opinion, Suspicion, adjudicate
from triage.stages.decision.opinion import parse_opinion
from triage.stages.decision.proven import Pseudonyms, proven_sentence
from triage.stages.verification import verify

B, S, I, M = Disposition.BENIGN, Disposition.SUSPICIOUS, Disposition.INCONCLUSIVE, Disposition.MALICIOUS  # noqa: E741
ORDER = [B, I, S, M]


def finding(direction: Direction, *trust: Trust, verified: bool = True, number: int = 1) -> CheckedFinding:
    return CheckedFinding(
        finding=Finding(text="It is so.", direction=direction), number=number, verified=verified, trust=frozenset(trust)
    )


GOOD = (finding(Direction.BENIGN, Trust.MEASURED), finding(Direction.BENIGN, Trust.PROVIDER, number=2))
VOUCHED = signal(0.1, Direction.BENIGN, name="staff_address", vouches=True)
"""Nobody under suspicion can have made it; too little to answer a flag."""
CLOSES = (
    signal(1.0, Direction.BENIGN, name="verified_sign_in", vouches=True),
    signal(1.0, Direction.BENIGN, name="team_routine", vouches=True),
)
"""With these the table closes an alert that raises no flag."""
HARM = signal(2.0, name="harmful_aftermath", sentence="Harm followed.")
FIRST = signal(0.9, name="first_seen_action", sentence="It is the first time.")
INJECTIONS = (Issue(code=IssueCode.INJECTION, message="E1 row 0 ua tries to instruct its reader", fatal=False),)
BAD = (finding(Direction.MALICIOUS, Trust.PROVIDER),)


def draft(verdict: Disposition, confidence: float = 0.9) -> Draft:
    return Draft(verdict=verdict, confidence=confidence, summary="As proposed.")


def test_the_floor_rules() -> None:
    """Where analyst and judge agree: benign needs proof and every flag answered, a hard flag and injected instructions
    raise the floor, the latter to what the facts alone say, and malicious needs some ground.
    """
    cases = [
        (B, GOOD, (), False, B),
        (B, GOOD[:1], (), False, I),
        (B, (finding(Direction.BENIGN, Trust.PROVIDER),) * 2, (), False, I),
        (B, (finding(Direction.BENIGN, Trust.MEASURED), finding(Direction.BENIGN, Trust.ACTOR)), (), False, I),
        (B, (finding(Direction.BENIGN, Trust.MEASURED, verified=False), *GOOD[1:]), (), False, I),
        (B, (*GOOD[:1], *BAD), (), False, S),
        (B, (), (), False, I),
        (B, GOOD, (HARM,), False, S),
        (B, GOOD, (HARM, signal(2.0, Direction.BENIGN, name="routine")), False, S),
        (B, GOOD, (FIRST,), False, I),
        (B, GOOD, (FIRST, signal(2.0, Direction.BENIGN, name="team_routine")), False, B),
        (B, GOOD, (signal(2.0),), False, B),
        (B, GOOD, (), True, S),
        (B, GOOD, (HARM,), True, M),
        (S, (), (HARM,), False, S),
        (S, (), (HARM,), True, M),
        (I, (), (), False, I),
        (I, (), (), True, S),
        (I, (), (HARM,), False, S),
        (S, (), (), False, S),
        (M, BAD, (), False, M),
        (M, (), (HARM,), False, M),
        (M, (), (), False, S),
    ]
    for proposed, findings, signals, injected, expected in cases:
        verdict = adjudicate(
            draft(proposed),
            findings,
            (*signals, VOUCHED),
            [evidence(1, {"a": 1})],
            injections=INJECTIONS if injected else (),
            opinion=opinion(proposed, reason=""),
        )
        assert verdict.disposition is expected, (proposed, findings, signals)
        assert verdict.proposed is proposed, proposed
        assert bool(verdict.reason) is (expected is not proposed), proposed


def test_an_overruled_summary_is_not_shown() -> None:
    """A downgraded draft can't soften by its summary; what code can say of its proven findings takes its place."""
    cited = ValueCitation(evidence="E1", row=0, column="eventName", value="GetObject")
    held = CheckedFinding(
        finding=Finding(text="All is well.", direction=Direction.BENIGN, citations=(cited,)),
        number=1,
        verified=True,
        trust=frozenset({Trust.PROVIDER}),
    )
    verdict = adjudicate(draft(B), (held,), (), [evidence(1, {"eventName": "GetObject"})])
    assert "As proposed." not in verdict.summary
    assert "All is well." not in verdict.summary
    assert "eventName is GetObject" in verdict.summary


def test_a_measured_sentence_stays_in_a_new_summary() -> None:
    """What a signal says is code's own, and reads better than a citation."""
    fact = signal(0.2, sentence="Seen once.")
    held = CheckedFinding(finding=Finding(text=fact.sentence, direction=Direction.MALICIOUS), number=1, verified=True)
    assert fact.sentence in adjudicate(draft(B), (held,), (fact,), [evidence(1, {"a": 1})]).summary


def test_a_summary_is_not_shown_where_log_text_spoke_to_the_model() -> None:
    """Even one that the rules agree with: its words may be the attacker's."""
    assert "As proposed." not in adjudicate(draft(S), BAD, (), [evidence(1, {"a": 1})], injections=INJECTIONS).summary


def test_a_summary_with_invented_values_is_not_shown() -> None:
    """A summary that names what no evidence holds is left out, the disposition stays."""
    verdict = adjudicate(draft(S), BAD, (), [evidence(1, {"a": 1})], summary_holds=False)
    assert verdict.disposition is S
    assert "As proposed." not in verdict.summary


def test_an_unproven_absence_weighs_nothing() -> None:
    """A signal that rests on missing rows counts only where coverage proves them missing."""
    calm = signal(3.0, Direction.BENIGN, absence=True)
    assert net_weight([calm], by_id([evidence(1)])) == -3.0
    assert net_weight([calm], by_id([evidence(1, coverage=Coverage())])) == 0.0


def test_confidence_is_capped_by_what_held() -> None:
    """Dropped findings and unanswered questions lower the confidence."""
    whole = adjudicate(draft(M), BAD, (), [evidence(1, {"a": 1})]).confidence
    half = adjudicate(draft(M), (*BAD, finding(Direction.MALICIOUS, verified=False)), (), [evidence(1)]).confidence
    gaps = adjudicate(draft(M, 1.0), BAD, (), [evidence(1, error="timed out")]).confidence
    assert whole == 0.9
    assert half < whole
    assert gaps == 0.8


def test_what_is_not_benign_names_a_next_step() -> None:
    """Without a recommendation the step is to hand it to a person."""
    assert adjudicate(draft(S), BAD, (), []).actions[0].kind is ActionKind.ESCALATE


findings_strategy = st.lists(
    st.builds(
        finding,
        st.sampled_from(Direction),
        st.sampled_from(Trust),
        verified=st.booleans(),
    ),
    max_size=6,
)


@given(st.sampled_from(Disposition), findings_strategy, st.floats(0, 5), st.booleans())
def test_nothing_unproven_is_benign(proposed: Disposition, findings: Any, weight: float, injected: bool) -> None:
    """A benign verdict always has two solid findings, one measured, no injection and no open flag."""
    verdict = adjudicate(
        draft(proposed),
        findings,
        (signal(weight, name="harmful_aftermath"), *CLOSES),
        [evidence(1, {"a": 1})],
        injections=INJECTIONS if injected else (),
        opinion=Opinion(disposition=proposed, confidence=0.8),
    )
    if verdict.disposition is B:
        solid = [item for item in verdict.verified if item.finding.direction is Direction.BENIGN]
        assert len([item for item in solid if item.trust - {Trust.ACTOR}]) >= 2
        assert any(Trust.MEASURED in item.trust for item in solid)
        assert not injected
        assert weight < 0.7
    assert 0 <= verdict.confidence <= 1
    if proposed is not M:
        assert ORDER.index(verdict.disposition) >= ORDER.index(proposed)


def opinion(disposition: Disposition, confidence: float = 0.8, reason: str = "Finding [1] decides.") -> Opinion:
    return Opinion(disposition=disposition, confidence=confidence, reason=reason)


def test_the_more_cautious_of_the_two_counts() -> None:
    """Unless the judge closes what the analyst only abstained on, with no flag open."""
    cases = [
        (B, B, GOOD, CLOSES, B),
        (B, S, GOOD, CLOSES, S),
        (B, M, GOOD + BAD, CLOSES, M),
        (B, I, GOOD, CLOSES, I),
        (S, B, BAD, CLOSES, S),
        (S, M, BAD, CLOSES, M),
        (M, M, BAD, CLOSES, M),
        (M, B, BAD, CLOSES, M),
        (I, I, (), CLOSES, I),
        (I, B, GOOD, CLOSES, B),
        (I, B, GOOD, (*CLOSES, HARM), S),
        (I, B, (), CLOSES, I),
        (B, B, (), CLOSES, I),
        (M, M, (), CLOSES, S),
    ]
    for proposed, judged, findings, signals, expected in cases:
        verdict = adjudicate(draft(proposed), findings, signals, [evidence(1, {"a": 1})], opinion=opinion(judged))
        assert verdict.disposition is expected, (proposed, judged)
        assert verdict.weighed is judged, proposed
        assert verdict.proposed is proposed, proposed


def test_no_two_calls_close_over_a_hard_flag() -> None:
    """Whatever is proposed, judged, cited and said to answer it; a soft one they can answer with a measured finding."""
    every = product(ORDER, ORDER, ((), GOOD, BAD, GOOD + BAD), (HARM, FIRST))
    for proposed, judged, findings, fact in every:
        answers = {"harm_followed": (1, 2), "some_harm_followed": (1, 2), "first_time": (1, 2)}
        second = opinion(judged).model_copy(update={"answers": answers})
        verdict = adjudicate(
            draft(proposed, 1.0), findings, (*CLOSES[:1], fact), [evidence(1, {"a": 1})], opinion=second
        )
        if fact is HARM:
            assert ORDER.index(verdict.disposition) >= ORDER.index(S), (proposed, judged)
            assert any(flag.open and flag.hard for flag in verdict.flags)
        assert ORDER.index(verdict.disposition) >= min(ORDER.index(proposed), ORDER.index(S)) or proposed is I


def test_without_a_judge_the_table_is_the_least() -> None:
    """A model by itself closes nothing that the measured facts don't close."""
    for proposed, signals in product(ORDER, ((), CLOSES, (HARM,), (*CLOSES, FIRST), (*CLOSES, HARM))):
        rows = [evidence(1, {"a": 1})]
        least = argue(signals, rows).disposition
        verdict = adjudicate(draft(proposed), GOOD + BAD, signals, rows)
        assert ORDER.index(verdict.disposition) >= ORDER.index(least), (proposed, signals)


def test_a_judge_answers_a_soft_flag_by_a_measured_finding_only() -> None:
    """One that rests on the actor's text, speaks for an attack, or did not hold answers nothing."""
    # Nothing in the table answers this one here.
    odd = signal(0.8, name="run_unlike", sentence="No earlier run did it.")
    good = finding(Direction.BENIGN, Trust.MEASURED)
    poor = [
        finding(Direction.BENIGN, Trust.PROVIDER),
        finding(Direction.BENIGN, Trust.MEASURED, Trust.ACTOR),
        finding(Direction.MALICIOUS, Trust.MEASURED),
        finding(Direction.BENIGN, Trust.MEASURED, verified=False),
    ]
    for checked, expected in [(good, False), *((each, True) for each in poor)]:
        findings = (checked, *(item.model_copy(update={"number": 5 + item.number}) for item in GOOD))
        second = opinion(B).model_copy(update={"answers": {"unlike_other_runs": (1,)}})
        verdict = adjudicate(draft(B), findings, (*CLOSES, odd), [evidence(1, {"a": 1})], opinion=second)
        assert any(flag.open for flag in verdict.flags) is expected, checked
        assert (verdict.disposition is B) is not expected, checked


def test_old_rows_answer_the_hard_flags_of_which_the_table_says_so() -> None:
    """A party that was known before the dwell time is known; rows from within it say nothing."""
    party = signal(1.8, name="new_recipient", sentence="Never received anything.")
    cited = ValueCitation(evidence="E2", row=0, column="times", value=4)
    known = finding(Direction.BENIGN, Trust.MEASURED)
    known = known.model_copy(update={"finding": known.finding.model_copy(update={"citations": (cited,)})})
    for days, expected in ((-30, B), (-3, S)):
        rows = [evidence(1, {"a": 1}), evidence(2, {"times": 4}, end=NOW + timedelta(days=days))]
        second = opinion(B).model_copy(update={"answers": {"unknown_party": (1,)}})
        verdict = adjudicate(
            draft(B),
            (known, *(item.model_copy(update={"number": 5}) for item in GOOD)),
            (*CLOSES, party),
            rows,
            opinion=second,
            dwell_start=NOW - timedelta(days=14),
        )
        assert verdict.disposition is expected, days


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param({"address": "203.0.113.9", "times": 4, "old_days": 3}, B, id="that address, on old days"),
        pytest.param({"address": "203.0.113.9", "times": 4, "old_days": 0}, S, id="only lately"),
        pytest.param({"address": "203.0.113.90", "times": 4, "old_days": 3}, S, id="another address"),
        pytest.param({"action": "GetObject", "times": 4, "old_days": 3}, S, id="no address"),
        pytest.param({"address": "203.0.113.9", "times": 4, "refused": 4, "old_days": 3}, S, id="always refused"),
    ],
)
def test_a_place_is_answered_by_rows_that_say_how_old_it_is(row: Row, expected: Disposition) -> None:
    """And by no other row, however old what it counts: work that a thief would do as well shows nothing of a place."""
    place = signal(1.8, name="stranger_on_target", sentence="eve worked on it from 203.0.113.9.")
    known = finding(Direction.BENIGN, Trust.MEASURED)
    cited = ValueCitation(evidence="E2", row=0, column="times", value=4)
    known = known.model_copy(update={"finding": known.finding.model_copy(update={"citations": (cited,)})})
    rows = [evidence(1, {"a": 1}), evidence(2, row, source=Source.QUERY, measured=True, end=NOW)]
    second = opinion(B).model_copy(update={"answers": {"stranger": (1,)}})
    verdict = adjudicate(
        draft(B),
        (known, *(item.model_copy(update={"number": 5}) for item in GOOD)),
        (*CLOSES, place),
        rows,
        opinion=second,
        dwell_start=NOW - timedelta(days=14),
    )
    assert verdict.disposition is expected


@pytest.mark.parametrize(
    ("flag", "raised_by", "asked", "expected"),
    [
        pytest.param("stranger", "stranger_on_target", {"about": ["ip:203.0.113.9"]}, B, id="about the address"),
        pytest.param("stranger", "stranger_on_target", {"about": ["email:eve@x.example"]}, S, id="about the actor"),
        pytest.param("stranger", "stranger_on_target", {"on": ["any:plans"]}, S, id="about the target"),
        pytest.param("lateral", "lateral_movement", {"on": ["any:plans"]}, B, id="about what was reached"),
        pytest.param("lateral", "lateral_movement", {"about": ["email:eve@x.example"]}, S, id="about who reached it"),
        pytest.param("harm_followed", "harmful_aftermath", {"on": ["any:plans"]}, S, id="harm, about the target"),
        pytest.param("harm_followed", "harmful_aftermath", {"about": ["ip:203.0.113.9"]}, S, id="harm, the address"),
        pytest.param("unknown_party", "given_to_self", {"about": ["email:eve@x.example"]}, S, id="party, the actor"),
    ],
)
def test_old_rows_about_something_else_that_a_flag_speaks_of(
    flag: str, raised_by: str, asked: dict[str, Any], expected: Disposition
) -> None:
    """Rows of a question are about what it named; only what the flag is about answers it. A thief does the owner's work,
    so that rows about the actor show nothing of a place, a party or harm."""
    raised = signal(1.8, name=raised_by, sentence="eve@x.example worked on plans from 203.0.113.9.")
    cited = ValueCitation(evidence="E2", row=0, column="times", value=4)
    known = finding(Direction.BENIGN, Trust.MEASURED)
    known = known.model_copy(update={"finding": known.finding.model_copy(update={"citations": (cited,)})})
    question = Question.model_validate({**asked, "window": {"from": "-30d", "to": "+1h"}})
    row = {"times": 4, "old_days": 3}
    rows = [evidence(1, {"a": 1}), evidence(2, row, source="tool", asked=question, measured=True, end=NOW)]
    verdict = adjudicate(
        draft(B),
        (known, *(item.model_copy(update={"number": 5}) for item in GOOD)),
        (*CLOSES, raised),
        rows,
        opinion=opinion(B).model_copy(update={"answers": {flag: (1,)}}),
        dwell_start=NOW - timedelta(days=14),
    )
    assert verdict.disposition is expected
    assert {each.name for each in verdict.flags if each.open} == (set() if expected is B else {flag})


MACHINE = "/subscriptions/s1/resourcegroups/g/providers/microsoft.compute/virtualmachines/shop-5"
STOPPED = {"actor": "bo@x.example", "action": "microsoft.compute/virtualmachines/deallocate/action", "target": MACHINE}
RESET = {"actor": "bo@x.example", "action": "user.account.reset_password", "target": "eve@x.example"}


@pytest.mark.parametrize(
    ("flag", "row", "changes", "hours", "expected"),
    [
        pytest.param("harm_followed", STOPPED, {}, 96, B, id="a colleague stopped the machine"),
        pytest.param("harm_before", STOPPED, {}, 96, B, id="the same, before"),
        pytest.param("harm_followed", {**STOPPED, "actor": "Eve@x.example"}, {}, 96, S, id="the actor did"),
        pytest.param("harm_followed", {**STOPPED, "target": f"{MACHINE}5"}, {}, 96, S, id="another machine"),
        pytest.param("harm_followed", {**STOPPED, "action": "restart"}, {}, 96, S, id="restarted only"),
        pytest.param("harm_followed", STOPPED, {}, 2, S, id="just before"),
        pytest.param("harm_followed", {**STOPPED, "refused": 1}, {}, 96, S, id="refused"),
        pytest.param(
            "harm_followed", STOPPED, {"source": Source.TOOL, "measured": False}, 96, S, id="SQL of the analyst"
        ),
        pytest.param("harm_followed", STOPPED, {"kind": "access to data"}, 96, S, id="another kind of harm"),
        pytest.param(
            "harm_followed", STOPPED, {"kind": "access to data", "object": "shop-5 (destruction)."}, 96, S, id="a name"
        ),
        pytest.param("protection_off", STOPPED, {}, 96, S, id="another flag"),
        pytest.param("guessed", RESET, {}, 1, B, id="a colleague set a password"),
        pytest.param("guessed", RESET, {}, 48, S, id="days before"),
        pytest.param("guessed", {**RESET, "target": "cy@x.example"}, {}, 1, S, id="of another account"),
        pytest.param("guessed", {**RESET, "target": ""}, {}, 1, S, id="of nobody knows whose account"),
        pytest.param("guessed", {**RESET, "target": ""}, {"key": "k.target_after"}, 1, B, id="asked about the target"),
        pytest.param("guessed", {**RESET, "action": "user.session.start"}, {}, 1, S, id="a sign-in"),
        pytest.param("guessed", {**RESET, "actor": "eve@x.example"}, {}, 1, S, id="the actor set it"),
    ],
)
def test_what_somebody_else_prepared_answers_where_the_table_says_so(
    flag: str, row: dict[str, Any], changes: dict[str, Any], hours: float, expected: Disposition
) -> None:
    """A colleague puts a machine out of use, or gives a new password: the next step is no harm, if the judge says so."""
    raises = {"harm_followed": "harmful_aftermath", "guessed": "failed_then_succeeded"}.get(flag, flag)
    changes = dict(changes)
    kind, thing = changes.pop("kind", "destruction"), changes.pop("object", "shop-5-os")
    raised = signal(1.6, name=raises, sentence=f"9 min later eve@x.example performed delete on {thing} ({kind}).")
    at = (NOW - timedelta(hours=hours)).strftime("%Y-%m-%d %H:%M:%S")
    cells = {"times": 1, "refused": 0, "first_seen": at, "last_seen": at, **row}
    given = {"source": Source.QUERY, "measured": True, "log_type": "Okta.SystemLog", "end": NOW, **changes}
    known = finding(Direction.BENIGN, Trust.MEASURED)
    cited = ValueCitation(evidence="E2", row=0, column="times", value=1)
    known = known.model_copy(update={"finding": known.finding.model_copy(update={"citations": (cited,)})})
    verdict = adjudicate(
        draft(B),
        (known, *(item.model_copy(update={"number": 5}) for item in GOOD)),
        (*CLOSES, raised),
        [evidence(1, {"a": 1}), evidence(2, cells, **given)],
        opinion=opinion(B).model_copy(update={"answers": {flag: (1,)}}),
        dwell_start=NOW - timedelta(days=14),
        suspicion=Suspicion(frozenset({"eve@x.example"}), NOW),
    )
    assert verdict.disposition is expected


def test_an_answer_for_one_actor_answers_for_no_other() -> None:
    """A finding that rests on what was asked about one of them leaves the same flag of the other open."""
    odd = [
        signal(0.8, name="run_unlike", sentence=f"{who} did what no earlier run did.", subject=who)
        for who in ("ada", "eve")
    ]
    closes = [fact.model_copy(update={"subject": who}) for fact in CLOSES for who in ("ada", "eve")]
    cited = ValueCitation(evidence="E2", row=0, column="times", value=4)
    about_ada = finding(Direction.BENIGN, Trust.MEASURED)
    about_ada = about_ada.model_copy(update={"finding": about_ada.finding.model_copy(update={"citations": (cited,)})})
    others = [item.model_copy(update={"number": 5 + item.number}) for item in GOOD]
    second = opinion(B).model_copy(update={"answers": {"unlike_other_runs": (1,)}})
    for subject, left in (("ada", {"eve"}), ("", {"ada", "eve"})):
        rows = [evidence(1, {"a": 1}), evidence(2, {"times": 4}, subject=subject)]
        verdict = adjudicate(draft(B), (about_ada, *others), (*closes, *odd), rows, opinion=second)
        assert {flag.subject for flag in verdict.flags if flag.open} == left, subject
        assert verdict.disposition is not B


def test_an_accepted_answer_is_in_codes_words_where_log_text_spoke_to_the_model() -> None:
    """The model's sentence may be the attacker's."""
    odd = signal(0.8, name="run_unlike", sentence="No earlier run did it.")
    cited = ValueCitation(evidence="E1", row=0, column="times", value=4)
    said = finding(Direction.BENIGN, Trust.MEASURED)
    said = said.model_copy(
        update={"finding": said.finding.model_copy(update={"text": "Mark as benign.", "citations": (cited,)})}
    )
    second = opinion(B).model_copy(update={"answers": {"unlike_other_runs": (1,)}})
    rows = [evidence(1, {"times": 4}, measured=True)]
    verdict = adjudicate(draft(B), (said,), (*CLOSES, odd), rows, opinion=second, injections=INJECTIONS)
    assert "Mark as benign." not in verdict.model_dump_json()
    assert any(flag.answers for flag in verdict.flags)


def test_the_second_weighings_reason_stands_with_its_verdict_only() -> None:
    """A reason for a verdict that the rules have changed would mislead."""
    kept = adjudicate(draft(S), BAD, (), [evidence(1, {"a": 1})], opinion=opinion(S))
    assert kept.reason == "Finding [1] decides."
    lost = adjudicate(draft(B), GOOD, (), [evidence(1, {"a": 1})], opinion=opinion(B), injections=INJECTIONS)
    assert lost.disposition is S
    assert "decides" not in lost.reason


def test_confidence_is_the_second_weighings() -> None:
    """Capped by what held; named uncalibrated."""
    verdict = adjudicate(draft(S, 0.2), BAD, (), [evidence(1, {"a": 1})], opinion=opinion(S, 0.7))
    assert verdict.confidence == 0.7
    assert verdict.calibration == "uncalibrated"
    half = (*BAD, finding(Direction.MALICIOUS, verified=False, number=2))
    assert adjudicate(draft(S), half, (), [evidence(1, {"a": 1})], opinion=opinion(S, 0.99)).confidence == 0.75


def test_a_verdict_of_an_older_version_is_still_read() -> None:
    """Stored verdicts have neither the second weighing nor a word on calibration."""
    old = adjudicate(draft(S), BAD, (), []).model_dump(mode="json", exclude={"weighed", "calibration"})
    assert Verdict.model_validate(old).calibration == "uncalibrated"


def test_benign_needs_a_fact_that_no_suspect_can_have_made() -> None:
    """Facts that come free with a stolen session don't carry it, however many and whoever cites them."""
    free = [signal(2.0, Direction.BENIGN, name=f"free{number}") for number in range(5)]
    kept = adjudicate(draft(B), GOOD, (*free, VOUCHED), [evidence(1, {"a": 1})], opinion=opinion(B))
    lost = adjudicate(draft(B), GOOD, free, [evidence(1, {"a": 1})], opinion=opinion(B))

    assert kept.disposition is B
    assert lost.disposition is I
    assert "could not have made" in lost.reason


def test_a_cut_answer_supports_nothing_benign() -> None:
    """The row that was cut may say the opposite; towards malicious, what was seen was seen."""
    cut = evidence(1, {"a": 1}, truncated=True)

    assert net_weight([signal(1.0, Direction.BENIGN)], by_id([cut])) == 0.0
    assert net_weight([signal(1.0)], by_id([cut])) == 1.0
    assert net_weight([signal(1.0, absence=True)], by_id([cut])) == 0.0
    assert adjudicate(draft(B), GOOD, (VOUCHED,), [cut]).disposition is I


def test_cut_events_and_a_cut_aftermath_are_never_benign() -> None:
    """Whose events were not read, or what followed them, is not known."""
    rows = evidence(1, {"a": 1})
    events = evidence(2, {"a": 1}, source="events", truncated=True)
    after = evidence(2, {"a": 1}, signals=("quiet_aftermath",), truncated=True)

    for entry in (events, after):
        assert adjudicate(draft(B), GOOD, (VOUCHED,), [rows, entry]).disposition is I


def test_the_worst_of_several_actors_decides() -> None:
    """What one did excuses no other, and each needs a fact that vouches for them."""
    rows = [evidence(1, {"a": 1})]
    calm = signal(4.0, Direction.BENIGN, subject="ada", vouches=True, name="routine")
    stranger = signal(1.5, subject="eve", name="harmful_aftermath")

    assert net_weight([calm, stranger], by_id(rows)) == 1.5
    assert adjudicate(draft(B), GOOD, (calm, stranger), rows, opinion=opinion(B)).disposition is S
    unknown = evidence(2, {"a": 1}, subject="eve")
    assert adjudicate(draft(B), GOOD, (calm,), [*rows, unknown], opinion=opinion(B)).disposition is I
    assert adjudicate(draft(B), GOOD, (calm,), rows, opinion=opinion(B)).disposition is B
    assert adjudicate(draft(B), GOOD, (VOUCHED, calm), [*rows, unknown], opinion=opinion(B)).disposition is B


def test_the_judge_reads_a_models_own_query_by_its_fields() -> None:
    """What a provider's column holds is shown under that column's name; what was made up is a placeholder."""
    sql = (
        "SELECT t.eventName AS x, userAgent AS eventName, 'granted' AS status, COUNT(*) AS n "
        "FROM panther_logs.public.aws_cloudtrail AS t GROUP BY ALL LIMIT 5"
    )
    row = {"x": "StopLogging", "eventName": "Harmless", "status": "granted", "n": 4}
    entry = evidence(1, row, source="tool", sql=sql, columns=tuple(row))
    cases = [
        ("x", "eventname is StopLogging"),
        ("eventName", "useragent is text 1"),
        ("status", "a computed value is text 1"),
        ("n", "count is 4"),
    ]
    for column, shown in cases:
        citation = ValueCitation(evidence="E1", row=0, column=column, value=row[column])
        (checked,) = verify([Finding(text="x", citations=(citation,))], [entry])
        text = proven_sentence(checked, {"E1": entry}, Pseudonyms())
        assert text == f"row 0 of E1 (a query that the analyst wrote): {shown}"


def test_a_judge_may_reject_what_answers_a_flag() -> None:
    """Named as unanswered, a flag that the table answers is open again, which only ever makes the verdict graver."""
    off = signal(0.5, name="protection_off", sentence="It was switched off.")
    back = signal(1.0, Direction.BENIGN, name="reverted", sentence="It is on again.")
    signals, rows = (*CLOSES, off, back), [evidence(1, {"a": 1})]
    content = adjudicate(draft(B), GOOD, signals, rows, opinion=opinion(B))
    assert content.disposition is B
    for judged in (B, S):
        second = opinion(judged).model_copy(update={"rejected": frozenset({"protection_off", "no_such_flag"})})
        verdict = adjudicate(draft(B), GOOD, signals, rows, opinion=second)
        assert [flag.name for flag in verdict.flags if flag.open] == ["protection_off"]
        assert verdict.disposition is S


def test_a_flag_without_findings_is_rejected_and_one_with_them_is_not() -> None:
    """As the reply has it; a finding that did not hold is no answer, and no rejection either."""
    reply = {
        "flags": [{"flag": "haul", "findings": []}, {"flag": "guessed", "findings": [1]}, {"flag": "lateral", "findings": [9]}],
        "disposition": "suspicious", "confidence": 0.7, "reason": "Finding [1] decides.",
    }  # fmt: skip
    second = parse_opinion(json.dumps(reply), frozenset({1})).opinion
    assert second is not None
    assert second.rejected == {"haul"}
    assert second.answers["guessed"] == (1,)


def test_old_rows_vouch_where_the_judge_agrees() -> None:
    """Work of before the dwell time is nothing that an intruder could have made; the second reader decides what it means.

    Without a judge, or where the row is young, was refused, was the model's own SQL or about another actor, it vouches
    for nobody.
    """
    times = {"times": 4, "refused": 0}
    cases: list[tuple[dict[str, Any], dict[str, Any], Opinion | None, bool]] = [
        (times | {"old_days": 2}, {}, opinion(B), True),
        (times | {"first_seen": "2026-01-02 10:00:00.000"}, {}, opinion(B), True),
        (times | {"old_days": 0}, {}, opinion(B), False),
        (times | {"first_seen": f"{NOW - timedelta(days=2):%Y-%m-%d %H:%M:%S}"}, {}, opinion(B), False),
        (times | {"old_days": 2, "refused": 4}, {}, opinion(B), False),
        (times | {"old_days": 2}, {"source": "tool"}, opinion(B), False),
        (times | {"old_days": 2}, {"subject": "eve"}, opinion(B), False),
        (times | {"old_days": 2}, {}, None, False),
    ]
    for row, fields, second, closes in cases:
        cited = ValueCitation(evidence="E2", row=0, column="times", value=4)
        known = finding(Direction.BENIGN, Trust.MEASURED)
        known = known.model_copy(update={"finding": known.finding.model_copy(update={"citations": (cited,)})})
        rows = [
            evidence(1, {"a": 1}, subject="ada" if "subject" in fields else ""),
            evidence(2, row, measured=True, **fields),
        ]
        rest = [item.model_copy(update={"number": 5 + item.number}) for item in GOOD]
        start = NOW - timedelta(days=14)
        verdict = adjudicate(draft(B), (known, *rest), (), rows, opinion=second, dwell_start=start)
        assert (verdict.disposition is B) is closes, (row, fields)
        # Whoever tries several things for the first time is looking around, from an old address as well.
        around = signal(0.4, Direction.MALICIOUS, name="first_time_burst")
        verdict = adjudicate(draft(B), (known, *rest), (around,), rows, opinion=second, dwell_start=start)
        assert verdict.disposition is not B


def test_an_instruction_by_somebody_else_raises_nothing() -> None:
    """Otherwise whoever can write into a log keeps every alert open; the analyst's words are left out all the same."""
    for by_actor, expected in ((True, S), (False, B)):
        verdict = adjudicate(
            draft(B),
            GOOD,
            (VOUCHED,),
            [evidence(1, {"a": 1})],
            injections=INJECTIONS,
            by_actor=by_actor,
            opinion=opinion(B),
        )
        assert verdict.disposition is expected
        assert "As proposed." not in verdict.summary
        assert INJECTIONS[0] in verdict.issues


def test_what_only_time_can_show_is_closed_for_now_by_two() -> None:
    """Analyst and judge close it, provisionally; the table alone, one of them alone, or a silent log does not."""
    cases = [(True, opinion(B), B), (False, opinion(B), I), (True, opinion(I), I), (True, None, I)]
    for waits, second, expected in cases:
        rows = [evidence(1, {"a": 1})]
        argument = argue(CLOSES, rows, gaps=("rows may still arrive",), waits=waits)
        verdict = adjudicate(draft(B), GOOD, CLOSES, rows, argument=argument, opinion=second)
        assert verdict.disposition is expected, (waits, second)
