"""Alerts on an absence: whether the awaited act came after all, on the same target."""

import pytest

from tests.support.facts import ALERT, MOMENT, NOW, answer, at, subject
from triage.domain.alert import DetectionOrigin
from triage.domain.detection import Detection
from triage.domain.evidence import Evidence
from triage.domain.signal import Direction, Signal
from triage.stages.enrichment.signals import measure
from triage.stages.enrichment.signals.awaited import awaited, words

OPENED = "Door.Opened.NOT.FOLLOWED.BY.DoorClosed"
BODY = '[{"Group":[{"ID":"A","RuleID":"Door.Opened"},{"ID":"B","RuleID":"Porter.DoorClosed","Absence":true}]}]'
YAML = "Detection:\n  - Group:\n      - ID: A\n        RuleID: Door.Opened\n      - ID: B\n        RuleID: Porter.DoorClosed\n        Absence: true\n"


def follow_up(action: str, target: str, *, targets: int = 1, refused: int = 0, ago: float = -3.0) -> Evidence:
    """What the actor did some hours after the alert."""
    row = {
        "action": action,
        "address": "198.51.100.7",
        "times": 1,
        "refused": refused,
        "targets": targets,
        "target": target,
        "first_seen": at(hours=ago),
        "last_seen": at(hours=ago),
    }
    return answer("actor_after", ["harmful_aftermath"], [row])


def found_in(entry: Evidence, *, detection: str = OPENED, body: str = "") -> dict[str, Signal]:
    """The signals of an alert of this detection on `door-7`."""
    alert = ALERT.model_copy(update={"origin": DetectionOrigin(id=detection)})
    who = subject(targets=("door-7",), actions=("door.opened",), last=MOMENT)
    signals = measure(alert, Detection(id=detection, body=body), [who], [entry], now=NOW)
    return {signal.name: signal for signal in signals}


def test_an_awaited_act_that_came_late_refutes_the_alert() -> None:
    """The rule waited an hour, the door was closed after three."""
    signal = found_in(follow_up("door.closed", "door-7"))["awaited_came"]

    assert signal.direction is Direction.BENIGN
    assert signal.citations


@pytest.mark.parametrize(
    "entry",
    [
        follow_up("door.closed", "door-8"),
        follow_up("door.closed", "door-7", targets=2),
        follow_up("door.closed", "door-7", refused=1),
        follow_up("door.closed", "door-7", ago=2),
        follow_up("window.closed", "door-7"),
    ],
)
def test_another_target_a_refusal_an_earlier_or_another_act_refutes_nothing(entry: Evidence) -> None:
    """Closing one door says nothing about another."""
    assert "awaited_came" not in found_in(entry)


def test_an_alert_on_something_that_happened_awaits_nothing() -> None:
    """Only a detection that names an absence has anything to wait for."""
    assert found_in(follow_up("door.closed", "door-7"), detection="Door.Opened.FOLLOWED.BY.Door.Closed") == {}


@pytest.mark.parametrize("body", [BODY, YAML])
def test_the_rules_text_names_what_is_awaited(body: str) -> None:
    """The rule marked `Absence`, as JSON or as YAML, whatever the detection is called."""
    assert awaited("Mine", body, "Porter.Log") == (words("DoorClosed"),)
    assert awaited("Mine", body.replace("true", "false"), "Porter.Log") == ()


def test_the_providers_own_name_is_no_part_of_the_act() -> None:
    """A rule is called by its provider, in whatever capitals; the log doesn't repeat that in each act."""
    body = BODY.replace("Porter.DoorClosed", "Firstdoor.Gate.Closed")

    assert awaited("Mine", body, "FirstDoor.Audit") == (frozenset({"gate", "closed"}),)


def test_words_are_told_apart_however_a_name_joins_them() -> None:
    """Rules and log types spell the same act in their own ways."""
    assert words("repo.archived") == words("RepoArchived") == words("repo_archived")
    assert words("StopInstances") == words("stop.instance")
    assert words("DisableMFADevice") == {"disable", "mfa", "device"}
