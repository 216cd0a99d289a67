"""Which alerts are taken, and why not."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.make import alert
from tests.support.shared import shared_path
from triage.domain.selection import Linked, Selected, SkipCode, Skipped
from triage.settings import IngestSettings
from triage.stages.selection import decide, filter_alert


def settings(**fields: Any) -> IngestSettings:
    return IngestSettings.model_validate(fields)


@pytest.mark.parametrize(
    ("fields", "changes", "code"),
    [
        ({}, {}, None),
        ({}, {"severity": "LOW"}, SkipCode.SEVERITY),
        ({"severities": ["LOW"]}, {"severity": "LOW"}, None),
        ({}, {"status": "CLOSED"}, SkipCode.STATUS),
        ({"statuses": ["OPEN", "CLOSED"]}, {"status": "CLOSED"}, None),
        ({}, {"kind": "POLICY"}, SkipCode.KIND),
        ({"types": ["POLICY"]}, {"kind": "POLICY"}, None),
        ({"detections_deny": ["Corp.Rule"]}, {}, SkipCode.DENIED),
        ({"detections_allow": ["Other"]}, {}, SkipCode.NOT_ALLOWED),
        ({"detections_allow": ["Corp.Rule"]}, {}, None),
        ({"min_events": 2}, {"event_count": 1}, SkipCode.TOO_FEW_EVENTS),
        ({"min_events": 2}, {"event_count": None}, None),
        ({}, {"severity": "NEW_SEVERITY"}, None),
        ({}, {"status": "NEW_STATUS"}, None),
    ],
)
def test_each_filter_gives_its_reason(fields: dict[str, Any], changes: dict[str, Any], code: SkipCode | None) -> None:
    """A skipped alert names the filter; a value that Panther added later never makes an alert vanish."""
    decision = filter_alert(alert(**changes), settings(**fields))
    assert (decision.code if isinstance(decision, Skipped) else None) == code
    assert decision.reason


@pytest.mark.parametrize(
    ("pattern", "detection", "taken"),
    [
        (r"^(?!AWS).*", "AWS.Root.Activity", False),
        (r"^(?!AWS).*", "Okta.Login", True),
        ("AWS.Root.Activity", "AWS.Root.Activity", True),
        ("AWS.Root.Activity", "AWS.Root.Login", False),
        (
            "GCP.GKE.Kubernetes.Cron.Job.Created.Or.Modified",
            "GCP.GKE.Kubernetes.Cron.Job.Created.Or.Modified",
            True,
        ),
        ("", "anything", True),
    ],
)
def test_the_regex_is_pythons(pattern: str, detection: str, taken: bool) -> None:
    """The documented examples select what they say."""
    decision = filter_alert(alert(detection=detection), settings(detection_id_regex=pattern))
    assert isinstance(decision, Selected) is taken


def test_a_regex_that_runs_away_selects_with_a_warning() -> None:
    """A time-out must not make an alert vanish."""
    before = time.monotonic()
    decision = filter_alert(alert(detection="a" * 400 + "!"), settings(detection_id_regex=r"^(a|a)*$"))
    assert isinstance(decision, Selected)
    assert "took longer" in decision.warning
    assert time.monotonic() - before < 5


def test_hostile_patterns_end_or_are_refused() -> None:
    """Each pattern of the corpus is refused at load, or decides within its time."""
    for line in shared_path("security/regex_hostile.ndjson").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        try:
            chosen = settings(detection_id_regex=case["pattern"])
        except ValueError:
            continue
        assert isinstance(filter_alert(alert(detection=case["subject"]), chosen), Selected | Skipped)


def test_near_duplicates_are_linked_to_the_first() -> None:
    """Same detection and title within the window: one investigation."""
    first, second = alert("a1"), alert("a2", minutes=14)
    decision = decide(second, settings(), [first])
    assert decision == Linked(leader="a1", reason="same detection and title as a1 within 15 minutes")


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"minutes": 16}, {}),
        ({"minutes": 5, "title": "Another"}, {}),
        ({"minutes": 5, "severity": "CRITICAL"}, {}),
        ({"minutes": 5}, {"dedup_window_minutes": 0}),
        ({"minutes": -5}, {}),
    ],
)
def test_what_differs_is_investigated_itself(changes: dict[str, Any], fields: dict[str, Any]) -> None:
    """Too late, another title, a higher severity, no window, or older than the leader: an investigation of its own."""
    assert isinstance(decide(alert("a2", **changes), settings(**fields), [alert("a1")]), Selected)


def test_the_detection_alone_can_be_the_key() -> None:
    """With `dedup_key: detection` titles may differ."""
    decision = decide(alert("a2", minutes=1, title="Another"), settings(dedup_key="detection"), [alert("a1")])
    assert isinstance(decision, Linked)


@given(st.lists(st.tuples(st.floats(0, 200), st.sampled_from("xy")), max_size=20))
def test_every_alert_has_exactly_one_place(arrivals: list[tuple[float, str]]) -> None:
    """Whatever arrives, each alert is a leader or linked to an earlier leader inside the window."""
    leaders = []
    ordered = sorted(enumerate(arrivals), key=lambda item: item[1][0])
    for number, (minutes, title) in ordered:
        item = alert(f"a{number}", minutes=minutes, title=title)
        decision = decide(item, settings(), leaders)
        if isinstance(decision, Linked):
            leader = next(known for known in leaders if known.id == decision.leader)
            assert leader.title == item.title
            assert 0 <= (item.created_at - leader.created_at).total_seconds() <= 900
        else:
            leaders.append(item)
    for first in leaders:
        for second in leaders:
            gap = (second.created_at - first.created_at).total_seconds()
            assert first.id == second.id or first.title != second.title or abs(gap) > 900 or gap == 0 or gap < 0
