"""Which routes a result takes: a table of cases, and properties of matching and precedence."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.make import alert, evidence
from tests.support.stores import NOW
from triage.domain.alert import Severity
from triage.domain.case import CaseMember, case_of
from triage.domain.evidence import Source
from triage.domain.flag import RaisedFlag
from triage.domain.route import Conditions, ConfidenceWord, Precedence, RoutedResult, choose
from triage.domain.verdict import Analyst, Disposition, Investigation, Verdict

M, S, N, B = Disposition.MALICIOUS, Disposition.SUSPICIOUS, Disposition.INCONCLUSIVE, Disposition.BENIGN


def result(**changes: object) -> RoutedResult:
    values: dict[str, object] = {
        "verdict": M,
        "confidence": "high",
        "severity": Severity.HIGH,
        "detection": "AWS.Root.Activity",
        "tags": ("T1098", "Identity"),
    }
    return RoutedResult.model_validate(values | changes)


@pytest.mark.parametrize(
    ("conditions", "meets"),
    [
        (Conditions(), True),
        (Conditions(verdicts=(M, S)), True),
        (Conditions(verdicts=(B,)), False),
        (Conditions(confidence=("high",)), True),
        (Conditions(confidence=("low", "medium")), False),
        (Conditions(severities=(Severity.HIGH,)), True),
        (Conditions(severities=(Severity.CRITICAL,)), False),
        (Conditions(detections=("aws.*",)), True),
        (Conditions(detections=("Okta.*",)), False),
        (Conditions(tags=("T1098*",)), True),
        (Conditions(tags=("T1562*", "identity")), True),
        (Conditions(tags=("T1562*",)), False),
        (Conditions(case=False), True),
        (Conditions(case=True), False),
        (Conditions(verdicts=(M,), severities=(Severity.LOW,)), False),
    ],
)
def test_conditions(conditions: Conditions, meets: bool) -> None:
    """All that are given have to hold; globs are compared without regard to case."""
    assert (conditions.unmet(result()) == ()) is meets


def test_a_severity_that_nobody_knows_counts_as_the_most_severe() -> None:
    """What Panther may add is never routed to where nobody looks."""
    unknown = result(severity=Severity("APOCALYPTIC"))
    assert Conditions(severities=(Severity.CRITICAL,)).unmet(unknown) == ()
    assert Conditions(severities=(Severity.LOW,)).unmet(unknown) != ()


def test_the_order_is_that_of_panthers_destinations() -> None:
    """Finding, detection, verdict, severity, anything, whatever the order in the file."""
    routes = [
        ("anything", Conditions()),
        ("severity", Conditions(severities=(Severity.HIGH,))),
        ("verdict", Conditions(verdicts=(M,))),
        ("detection", Conditions(detections=("AWS.*",))),
        ("finding", Conditions(tags=("T1098",))),
    ]
    for first in range(len(routes)):
        choices = choose(routes[: len(routes) - first], result())
        assert choices[0].name == routes[len(routes) - first - 1][0]
        assert [choice.chosen for choice in choices] == [True] + [False] * (len(choices) - 1)
    assert all(choice.chosen for choice in choose(routes, result(), "all"))


def test_routes_of_one_rank_stand_as_written() -> None:
    """The file's order decides, and the second says who came first."""
    one, two = choose([("b", Conditions(verdicts=(M,))), ("a", Conditions(verdicts=(M, S)))], result())
    assert (one.name, one.chosen, two.chosen) == ("b", True, False)
    assert two.why == "matches, but b comes first"


def test_what_is_read_of_an_investigation() -> None:
    """Verdict, confidence in words, open flags, the detection's tags and techniques, and whether there is a case.

    A technique that only the analyst names counts for nothing, nor does a flag that is answered.
    """
    row = {"id": "Corp.Rule", "tags": ["Corp", "T1098"], "techniques": ["T1098", "T1136"]}
    flags = (
        RaisedFlag(name="unverified_place", asks="?"),
        RaisedFlag(name="new_key", asks="?", answers=("It was she.",)),
    )
    members = [CaseMember(alert_id=name, title="t", detection="d", at=NOW) for name in ("a1", "a2")]
    found = Investigation(
        run_id="r",
        alert_id="a1",
        analyst=Analyst.OFFLINE,
        started_at=NOW,
        finished_at=NOW,
        verdict=Verdict(disposition=S, confidence=0.6, summary="s", techniques=("T1562.008",), flags=flags),
        evidence=(evidence(1, row, source=Source.DETECTION),),
        case=case_of(members, ()),
    )
    read = RoutedResult.of(alert(), found)
    assert (read.verdict, read.confidence, read.severity, read.detection) == (S, "medium", Severity.HIGH, "Corp.Rule")
    assert read.tags == ("unverified_place", "Corp", "T1098", "T1136")
    assert read.case


WORDS = st.sampled_from(["AWS.Root", "Okta.Admin", "T1098", "identity", "*", "aws.*", "t1*"])
CONDITIONS = st.builds(
    Conditions,
    verdicts=st.lists(st.sampled_from(Disposition), max_size=2).map(tuple),
    confidence=st.lists(st.sampled_from(get_args(ConfidenceWord)), max_size=2).map(tuple),
    severities=st.lists(st.sampled_from(Severity), max_size=2).map(tuple),
    detections=st.lists(WORDS, max_size=2).map(tuple),
    tags=st.lists(WORDS, max_size=2).map(tuple),
    case=st.none() | st.booleans(),
)
RESULTS = st.builds(
    RoutedResult,
    verdict=st.sampled_from(Disposition),
    confidence=st.sampled_from(get_args(ConfidenceWord)),
    severity=st.sampled_from([*Severity, Severity("NEW")]),
    detection=st.sampled_from(["", "AWS.Root", "Okta.Admin"]),
    tags=st.lists(st.sampled_from(["T1098", "identity"]), max_size=2).map(tuple),
    case=st.booleans(),
)
ROUTES = st.lists(CONDITIONS, max_size=5).map(lambda all_: [(f"r{number}", each) for number, each in enumerate(all_)])


@given(ROUTES, RESULTS)
def test_the_first_is_one_of_all_and_none_of_a_higher_rank_matches(
    routes: list[tuple[str, Conditions]], found: RoutedResult
) -> None:
    """`first` takes one exactly where `all` takes any, and it is the best of these; every route is explained once."""
    conditions = dict(routes)
    everything = choose(routes, found, "all")
    first = choose(routes, found, "first")
    assert sorted(choice.name for choice in first) == sorted(conditions)
    assert [choice.name for choice in first] == [choice.name for choice in everything]
    matching = [choice.name for choice in everything if choice.chosen]
    taken = [choice.name for choice in first if choice.chosen]
    assert taken == matching[:1]
    assert set(matching) == {name for name, each in routes if not each.unmet(found)}
    ranks = [conditions[name].precedence for name in matching]
    assert ranks == sorted(ranks)
    assert all(choice.why for choice in everything)


@given(CONDITIONS, RESULTS)
def test_fewer_conditions_match_no_less(conditions: Conditions, found: RoutedResult) -> None:
    """Taking one condition away never makes a route miss what it matched; without any it matches everything."""
    if conditions.unmet(found):
        return
    for name in Conditions.model_fields:
        without = conditions.model_copy(update={name: Conditions.model_fields[name].default})
        assert without.unmet(found) == ()
    assert Conditions().unmet(found) == ()
    assert Conditions().precedence is Precedence.ANYTHING
