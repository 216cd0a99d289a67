"""Which alerts are taken, and why not."""

import asyncio
import json
from typing import Any

import pytest

from tests.support.make import alert
from tests.support.shared import shared_path
from triage.domain.entity import Entity, EntityKind, Role
from triage.domain.selection import Linked, Selected, SkipCode, Skipped
from triage.ingest.selection import Match, check_link, expression, filter_alert, link, match_all, still_wanted
from triage.ingest.selection.expression import PATIENCE, REMEMBERED
from triage.settings import IngestSettings

pytestmark = pytest.mark.anyio


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


RUNAWAY = r"^(a|a)*$"


def test_a_regex_that_runs_away_selects_with_a_warning() -> None:
    """A time-out must not make an alert vanish."""
    decision = filter_alert(alert(detection="a" * 400 + "!"), settings(detection_id_regex=RUNAWAY))
    assert isinstance(decision, Selected)
    assert "took longer than 50 ms" in decision.warning


async def test_a_regex_that_runs_away_leaves_the_loop_running() -> None:
    """The search is in another thread and lets go of the interpreter: a task of this loop gets its turns meanwhile."""
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    other = asyncio.create_task(turn())
    found = await match_all(RUNAWAY, ["a" * 300 + "!"])
    other.cancel()
    assert set(found.values()) == {Match.TIMED_OUT}
    assert turns > 50


async def test_many_alerts_of_one_detection_cost_one_search() -> None:
    """What an expression gives on an id is remembered, and what it remembers is bounded."""
    first = await match_all("^Corp", ["Corp.Rule", "Other", "Corp.Rule"])
    assert first == {"Corp.Rule": Match.FOUND, "Other": Match.NOT_FOUND}
    for start in range(0, 3 * REMEMBERED, 1000):
        await match_all("^Corp", [f"Rule.{number}" for number in range(start, start + 1000)])
    assert len(expression._known) <= REMEMBERED
    assert len(expression._slow) <= REMEMBERED


async def test_an_id_that_times_out_again_and_again_is_no_longer_tried() -> None:
    """One time-out may be the machine's fault; after three the answer is remembered, and still selects."""
    name = "a" * 310 + "!"
    for _ in range(PATIENCE):
        assert (RUNAWAY, name) not in expression._known
        await match_all(RUNAWAY, [name])
    assert expression._known[RUNAWAY, name] is Match.TIMED_OUT
    decision = filter_alert(alert(detection=name), settings(detection_id_regex=RUNAWAY))
    assert isinstance(decision, Selected)
    assert decision.warning


@pytest.mark.parametrize(
    ("pattern", "place"), [("a(b", "position 1|position 3"), ("[z-a]", "position"), ("AWS.*+{2,1}", "position")]
)
def test_an_invalid_pattern_is_refused_with_its_position(pattern: str, place: str) -> None:
    """At load, not at the first alert."""
    with pytest.raises(ValueError, match=place):
        settings(detection_id_regex=pattern)


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
    decision = link(second, [first], settings())
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
    assert link(alert("a2", **changes), [alert("a1")], settings(**fields)) is None


def test_the_detection_alone_can_be_the_key() -> None:
    """With `dedup_key: detection` titles may differ."""
    decision = link(alert("a2", minutes=1, title="Another"), [alert("a1")], settings(dedup_key="detection"))
    assert isinstance(decision, Linked)


def test_a_leader_that_was_tried_is_not_tried_again() -> None:
    """The next one in the window takes its place, and what was tried stays noted."""
    leaders = [alert("a1"), alert("a2", minutes=1, severity="CRITICAL")]
    found = link(alert("a3", minutes=2), leaders, settings(), tried=("a1",))
    assert found is not None
    assert (found.leader, found.tried) == ("a2", ("a1",))
    assert link(alert("a3", minutes=2), leaders, settings(), tried=("a1", "a2")) is None


def test_entities_are_grouped_by_detection_at_first() -> None:
    """The list has no events: who acted is compared when the leader is done."""
    decision = link(alert("a2", minutes=1, title="Another"), [alert("a1")], settings(dedup_key="entities"))
    assert isinstance(decision, Linked)


def test_a_log_type_is_what_panther_lists_under_it() -> None:
    """The alert itself doesn't say."""
    chosen = settings(log_types=["AWS.CloudTrail"])
    assert isinstance(filter_alert(alert(), chosen), Selected)
    skipped = filter_alert(alert(), chosen, of_log_type=False)
    assert isinstance(skipped, Skipped)
    assert skipped.code is SkipCode.LOG_TYPE


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({}, None, ""),
        ({"status": "RESOLVED"}, SkipCode.CLOSED_MEANWHILE, "someone set the status to RESOLVED before its turn"),
        ({"status": "RESOLVED", "kind": "POLICY"}, SkipCode.CLOSED_MEANWHILE, "RESOLVED"),
        ({"event_count": 1}, SkipCode.TOO_FEW_EVENTS, "1 events"),
        ({"severity": "LOW"}, None, ""),
    ],
)
def test_when_its_turn_comes_status_and_events_count(changes: dict[str, Any], code: SkipCode | None, said: str) -> None:
    """Whatever else has changed on an alert that was selected, a person's closing it is respected, and said."""
    found = still_wanted(alert(**changes), settings(min_events=2))
    assert (found.code if found else None) is code
    assert said in (found.reason if found else "")


def _entity(kind: str, value: str, role: Role = Role.ACTOR, **facts: str) -> Entity:
    return Entity(kind=EntityKind(kind), value=value, role=role, facts=facts)


ADA_IS = _entity("email", "ada@acme.example")
HERE = _entity("ip", "192.0.2.7", Role.SOURCE)


@pytest.mark.parametrize(
    ("key", "mine", "leaders", "belongs"),
    [
        ("title", (ADA_IS, HERE), (ADA_IS, HERE), True),
        ("title", (ADA_IS,), (ADA_IS, HERE), True),
        ("title", (ADA_IS, HERE), (ADA_IS,), False),
        ("title", (_entity("email", "Ada@Acme.example"),), (ADA_IS,), True),
        ("title", (), (ADA_IS,), True),
        ("title", (_entity("resource", "door", Role.TARGET),), (ADA_IS,), True),
        ("title", (_entity("access_key", "ASIAXXXXXXXXXXXXXXXX"),), (), True),
        ("title", (_entity("access_key", "AKIAXXXXXXXXXXXXXXXX"),), (), False),
        ("title", (_entity("user", "session-17", identity="session"),), (), True),
        ("entities", (ADA_IS,), (ADA_IS, HERE), True),
        ("entities", (), (ADA_IS,), False),
        ("entities", (ADA_IS, HERE), (ADA_IS,), False),
        ("detection", (ADA_IS, HERE), (), True),
    ],
)
def test_what_must_agree(key: str, mine: tuple[Entity, ...], leaders: tuple[Entity, ...], belongs: bool) -> None:
    """Who acted and from where decides; targets and what is made anew for each session don't."""
    found = check_link(mine, leaders, settings(dedup_key=key))
    assert found.belongs is belongs
    assert found.reason
