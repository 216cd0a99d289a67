"""What a detection's text refers to is looked up and shown with it."""

import json
from typing import Any

import pytest

from tests.integration.true_evidence.world import AT, DAY, MINUTE, Found, World, aws, triaged
from triage.domain.evidence import Source
from triage.stages.enrichment.rule_background import ALL_CHARS

AWS = "AWS.CloudTrail"
BODY = """
from acme_helpers import is_staff, context

def rule(event):
    return not is_staff(event.udm("actor_user"))

def alert_context(event):
    return context(event)
"""
CODE = "def is_staff(name):\n    return name.endswith('@acme.example')\n\ndef context(event):\n    return {}\n"
MODEL = {"id": "AWS", "logTypes": [AWS], "enabled": True, "mappings": [{"name": "actor_user", "path": "userIdentity"}]}
CORRELATION = [
    {
        "Sequence": [
            {"ID": "a", "RuleID": "Door.Opened", "MinMatchCount": 3},
            {"ID": "b", "RuleID": "Door.Closed", "Absence": True},
        ],
        "LookbackWindowMinutes": 10_080,
    }
]


def correlation(**changes: Any) -> dict[str, Any]:
    return {"detection": json.dumps(CORRELATION), "body": None, **changes}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Found]:
    folder = tmp_path_factory.mktemp("background")
    world = World(code={"acme_helpers": CODE, "long_helpers": f"def long(e):\n    return {'x' * 9_000!r}\n"})
    world.data_models.append(MODEL)
    world.rules.append(
        {"id": "Door.Opened", "logTypes": ["GitHub.Audit"], "body": "def rule(e): ...", "description": "It opened."}
    )
    world.alert("helped", AWS, world.log(AWS, AT, aws("ada", "GetUser")), rule={"body": BODY})
    world.alert("alone", AWS, world.log(AWS, AT, aws("bob", "GetUser")))
    gone = "from gone_helpers import f\ndef rule(e): return f(e)"
    world.alert("gone", AWS, world.log(AWS, AT, aws("cid", "GetUser")), rule={"body": gone})
    long = "from long_helpers import long\ndef rule(e): return long(e)"
    world.alert("long", AWS, world.log(AWS, AT, aws("dan", "GetUser")), rule={"body": long})
    kind = {"type": "CORRELATION_RULE", "detectionType": "CORRELATION_RULE"}
    world.alert(
        "correlated", AWS, world.log(AWS, AT, aws("eve", "GetUser")), rule=correlation(createAlert=False, reference="https://acme.example/r"), **kind
    )  # fmt: skip
    world.alert("without events", AWS, rule=correlation(logTypes=[]), **kind)
    early = {**aws("eve", "GetUser"), "p_event_time": f"{AT - 5 * DAY:%Y-%m-%d %H:%M:%S}.000"}
    row = {
        **early,
        "p_parse_time": early["p_event_time"],
        "p_log_type": AWS,
        "p_row_id": "s1",
        "p_rule_id": "Door.Opened",
    }
    world.signals.append(row)
    done = triaged(folder, world)
    assert not done.failed
    return dict(done.found)


def detection_row(one: Found) -> dict[str, Any]:
    (entry,) = [entry for entry in one.investigation.evidence if entry.source is Source.DETECTION]
    return dict(entry.rows[0])


def test_what_decides_in_a_helper_is_shown_with_the_rule(found: dict[str, Found]) -> None:
    """The function that the rule calls, and where the log type keeps the field; not what only a context needs."""
    assert detection_row(found["helped"])["uses"] == [
        "helper acme_helpers.is_staff:\ndef is_staff(name):\n    return name.endswith('@acme.example')",
        "field AWS.CloudTrail: actor_user:\nuserIdentity",
    ]


@pytest.mark.parametrize("name", ["alone", "gone"])
def test_a_rule_that_refers_to_nothing_that_is_there_shows_nothing(name: str, found: dict[str, Found]) -> None:
    """And one that stands alone costs no request."""
    assert "uses" not in detection_row(found[name])


def test_a_long_text_is_cut(found: dict[str, Found]) -> None:
    """A helper may be of any length; the rule's own text is what counts."""
    (text,) = detection_row(found["long"])["uses"]
    assert text.endswith("…")
    assert len(text) < ALL_CHARS


def test_a_correlation_shows_what_it_correlates(found: dict[str, Found]) -> None:
    """Which parts matched how often, which did not, in which order, how far back, and the text of those that are there."""
    row = detection_row(found["correlated"])
    assert row["parts"] == ["Door.Opened matched 3 times or more", "Door.Closed did not match"]
    assert (row["parts_in_order"], row["looks_back_minutes"]) == (True, 10_080)
    assert (row["signals_only"], row["reference"]) == (True, "https://acme.example/r")
    assert row["uses"] == ["part Door.Opened:\nIt opened.\ndef rule(e): ..."]


def test_parts_are_sought_as_far_back_as_the_rule_looks(found: dict[str, Found]) -> None:
    """A rule that looks back a week may have found its first part five days before."""
    (entry,) = found["correlated"].answers("rule_parts")
    assert entry.start is not None
    assert entry.start <= AT - 7 * DAY + MINUTE
    assert [row["rule"] for row in entry.rows] == ["Door.Opened"]


def test_an_alert_without_events_is_about_the_logs_of_its_parts(found: dict[str, Found]) -> None:
    """A correlation raises alerts that have no events of their own; its parts say which logs to look into."""
    rows = [row for each in found["without events"].investigation.evidence if each.key == "tables" for row in each.rows]
    assert [row["log_type"] for row in rows] == ["GitHub.Audit"]
