"""A role that services share works in runs: what followed is told by credential, and whole runs are compared.

Takes some seconds a case, most of it for starting the server.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.stages.enrichment.test_log_type_questions import AT, NOW, enrich
from tests.support.small_lake import event_at, write_lake
from triage.domain.dossier import Dossier
from triage.domain.signal import Direction, Signal
from triage.domain.verdict import Disposition
from triage.stages.investigation.offline import offline_draft

RUNNER, OUTSIDE = "203.0.113.9", "198.51.100.77"
THIS, OTHER = "ASIATODAY", "ASIAOTHER"
TEARDOWN = ("DeleteDBInstance", "DeleteVolume", "TerminateInstances")
Call = tuple[str, str]
"""A credential and what it did, with `@` and an address where it was not at the runner's."""


def deploy(key: str | None, action: str) -> dict[str, Any]:
    """A call of the role under one credential."""
    name, _, address = action.partition("@")
    session = f"ci-{(key or 'none').lower()}"
    return {
        "eventName": name,
        "eventSource": "ec2.amazonaws.com",
        "sourceIPAddress": address or RUNNER,
        "recipientAccountId": "1",
        "userIdentity": {
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::1:assumed-role/deploy/{session}",
            "principalId": f"AROA1:{session}",
            "accountId": "1",
            **({"accessKeyId": key} if key else {}),
            "sessionContext": {
                "sessionIssuer": {"type": "Role", "arn": "arn:aws:iam::1:role/deploy", "userName": "deploy"}
            },
        },
        "requestParameters": {},
    }


def ada(key: str, action: str) -> dict[str, Any]:
    """A call of a person under one of their sessions."""
    event = deploy(key, action)
    event["userIdentity"] = {
        "type": "AssumedRole",
        "arn": f"arn:aws:sts::1:assumed-role/AWSReservedSSO_Admin/ada@acme.example-{key}",
        "principalId": "AROA2:ada@acme.example",
        "accessKeyId": key,
        "accountId": "1",
        "sessionContext": {"sessionIssuer": {"type": "Role", "userName": "AWSReservedSSO_Admin"}},
    }
    return event


def told(
    folder: Path,
    *,
    usual: Sequence[Sequence[str]],
    act: str,
    then: Sequence[Call] = (),
    before: Sequence[Call] = (),
    days: Sequence[int] = range(1, 28),
    who: Any = deploy,
    key: str | None = THIS,
) -> Dossier:
    """The dossier of an alert on a run.

    Args:
        usual: The acts of each kind of run; each kind ran on every one of the days, under a credential of its own.
        act: What the alert is about.
        then: What followed, from half an hour after it on.
        before: What came before it, within the hour.
        days: So many days before the alert.
        who: Makes the events.
        key: The credential of the alert's event.
    """
    rule = {
        "id": "AWS.Test",
        "displayName": "Something changed",
        "severity": "HIGH",
        "runbook": "",
        "body": "def rule(event):\n    return True\n",
        "tags": [],
        "logTypes": ["AWS.CloudTrail"],
        "reports": {},
        "dedupPeriodMinutes": 60,
        "threshold": 1,
        "enabled": True,
    }
    planned = [
        (AT - timedelta(days=day, minutes=20 * kind - number), who(f"ASIA{day}K{kind}", action))
        for day in days
        for kind, acts in enumerate(usual)
        for number, action in enumerate(acts)
    ]
    planned += [(AT - timedelta(minutes=30 - number), who(*call)) for number, call in enumerate(before)]
    planned += [(AT + timedelta(minutes=31 + number), who(*call)) for number, call in enumerate(then)]
    # Somebody's work of today shows that the log was delivered.
    planned += [(NOW - timedelta(minutes=5), who("ASIALATE", "DescribeInstances"))]
    others = [event_at(at, number, "AWS.CloudTrail", **event) for number, (at, event) in enumerate(planned)]
    one = event_at(AT, 9999, "AWS.CloudTrail", **who(key, act))
    return asyncio.run(enrich(write_lake(folder, now=NOW, rule=rule, at=AT, matched=one, others=others)))


def facts_of(found: Dossier) -> dict[str, Signal]:
    """The signals by name."""
    return {signal.name: signal for signal in found.signals}


def test_a_teardown_that_ran_on_earlier_days_is_the_same_run(tmp_path: Path) -> None:
    """A pipeline that deletes what it made, as on every day, is ordinary work."""
    found = told(tmp_path, usual=[TEARDOWN], act=TEARDOWN[0], then=[(THIS, action) for action in TEARDOWN[1:]])
    signals = facts_of(found)

    assert signals["run_as_before"].direction is Direction.BENIGN
    assert signals["run_as_before"].vouches
    assert all(action in signals["run_as_before"].sentence for action in TEARDOWN)
    assert not {"harmful_aftermath", "other_run_harm", "run_unlike"} & signals.keys()
    assert offline_draft(found).verdict is Disposition.BENIGN


def test_a_teardown_of_the_last_two_weeks_excuses_nothing(tmp_path: Path) -> None:
    """Whoever holds the role can have run the like for days before it is noticed."""
    found = told(
        tmp_path,
        usual=[TEARDOWN],
        act=TEARDOWN[0],
        then=[(THIS, action) for action in TEARDOWN[1:]],
        days=range(1, 13),
    )

    assert "run_as_before" not in facts_of(found)
    assert "harmful_aftermath" in facts_of(found)


def test_acts_that_no_one_run_did_together_are_no_earlier_run(tmp_path: Path) -> None:
    """Two kinds of run that each did a part of it don't make the whole."""
    found = told(
        tmp_path, usual=[TEARDOWN[:2], TEARDOWN[::2]], act=TEARDOWN[0], then=[(THIS, action) for action in TEARDOWN[1:]]
    )

    assert "run_as_before" not in facts_of(found)


def test_a_run_from_elsewhere_is_not_excused_by_earlier_runs(tmp_path: Path) -> None:
    """Where a role has one place, whoever replays its run from another has its key."""
    act, *rest = (f"{action}@{OUTSIDE}" for action in TEARDOWN)
    found = facts_of(told(tmp_path, usual=[TEARDOWN], act=act, then=[(THIS, action) for action in rest]))

    assert "run_as_before" not in found
    assert "harmful_aftermath" in found


def test_harm_that_is_new_in_a_run_is_named(tmp_path: Path) -> None:
    """The usual teardown, and one act more: before the alert and after it."""
    rest = [(THIS, action) for action in TEARDOWN[1:]]
    (tmp_path / "after").mkdir()
    after = told(tmp_path / "after", usual=[TEARDOWN], act=TEARDOWN[0], then=[*rest, (THIS, "StopLogging")])
    before = told(tmp_path, usual=[TEARDOWN], act=TEARDOWN[0], then=rest, before=[(THIS, "StopLogging")])

    assert (
        facts_of(after)["harmful_aftermath"]
        .sentence.partition(" later ")[2]
        .startswith("this run of the role deploy called StopLogging")
    )
    assert "StopLogging" in facts_of(before)["run_unlike"].sentence
    assert not {"run_as_before"} & (facts_of(after).keys() | facts_of(before).keys())


def test_another_runs_usual_work_is_not_what_followed_this_run(tmp_path: Path) -> None:
    """The nightly clean-up goes on under its own credential; it is shown, and apart."""
    signals = facts_of(
        told(
            tmp_path,
            usual=[("UpdateFunctionCode20150331v2",), ("DeleteSnapshot",)],
            act="UpdateFunctionCode20150331v2",
            then=[(OTHER, "DeleteSnapshot")],
        )
    )

    assert "DeleteSnapshot" in signals["other_runs"].sentence
    assert not {"harmful_aftermath", "routine_aftermath"} & signals.keys()


def test_one_runs_harm_is_not_hidden_by_anothers_habit(tmp_path: Path) -> None:
    """A deployment that deletes snapshots, as only the clean-up does, is no routine."""
    signals = facts_of(
        told(
            tmp_path,
            usual=[("UpdateFunctionCode20150331v2",), ("DeleteSnapshot",)],
            act="UpdateFunctionCode20150331v2",
            then=[(THIS, "DeleteSnapshot")],
        )
    )

    assert "so far the work of other runs" in signals["harmful_aftermath"].sentence
    assert not {"routine_aftermath", "quiet_aftermath", "run_as_before"} & signals.keys()


@pytest.mark.parametrize("what", ["AttachRolePolicy", f"DeleteSnapshot@{OUTSIDE}"])
def test_a_new_session_hides_no_harm(tmp_path: Path, what: str) -> None:
    """What the role never did, or does from where it never was, weighs the same under another credential."""
    usual, act = [("UpdateFunctionCode20150331v2", "DeleteSnapshot")], "UpdateFunctionCode20150331v2"
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    same = facts_of(told(tmp_path / "one", usual=usual, act=act, then=[(THIS, "AttachRolePolicy")]))
    other = facts_of(told(tmp_path / "other", usual=usual, act=act, then=[(OTHER, what)]))

    assert f"another run of the role deploy called {what.partition('@')[0]}" in other["other_run_harm"].sentence
    assert not {"quiet_aftermath", "harmful_aftermath"} & other.keys()
    if what == "AttachRolePolicy":
        assert other["other_run_harm"].weight == same["harmful_aftermath"].weight


def test_a_session_that_this_run_makes_is_this_run(tmp_path: Path) -> None:
    """Whoever lets a role assume itself goes on in a session of their own making."""

    def chained(key: str | None, action: str) -> dict[str, Any]:
        event = deploy(key, action)
        return (
            event | {"responseElements": {"credentials": {"accessKeyId": OTHER}}} if action == "AssumeRole" else event
        )

    signals = facts_of(
        told(
            tmp_path,
            usual=[("AssumeRole",), ("DeleteSnapshot",)],
            act="AssumeRole",
            then=[(OTHER, "DeleteSnapshot")],
            who=chained,
        )
    )

    assert "later this run of the role deploy called DeleteSnapshot" in signals["harmful_aftermath"].sentence


def test_without_a_credential_it_stays_with_the_role_and_says_so(tmp_path: Path) -> None:
    """Events that name no credential may belong to any run."""
    named = facts_of(
        told(tmp_path, usual=[("ListBuckets",)], act="ModifyVpcAttribute", then=[(OTHER, "CreateAccessKey")], key=None)
    )

    assert "in this run or another" in named["harmful_aftermath"].sentence


def test_a_persons_several_sessions_are_all_theirs(tmp_path: Path) -> None:
    """What a person does in another session followed all the same, and no runs are asked about."""
    found = told(
        tmp_path, usual=[("ListBuckets",)], act="ModifyVpcAttribute", then=[(OTHER, "CreateAccessKey")], who=ada
    )

    assert facts_of(found)["harmful_aftermath"].sentence == (
        "31 min later ada@acme.example called CreateAccessKey (a way back in)."
    )
    assert not [entry.key for entry in found.evidence if entry.key.endswith(("runs_around", "earlier_runs"))]


def test_a_flood_of_other_runs_makes_nothing_quiet(tmp_path: Path) -> None:
    """Where other runs fill the answer, the role is judged as a whole, and what was cut is not called harmless."""
    flood = [(OTHER, f"DeleteSnapshot@192.0.2.{number}") for number in range(1, 205)]
    found = told(
        tmp_path,
        usual=[("UpdateFunctionCode20150331v2", "DeleteSnapshot")],
        act="UpdateFunctionCode20150331v2",
        then=[*flood, (OTHER, "AttachRolePolicy")],
    )

    assert next(entry for entry in found.evidence if entry.key.endswith(".runs_around")).truncated
    assert not {"quiet_aftermath", "other_runs"} & facts_of(found).keys()
    assert offline_draft(found).verdict is not Disposition.BENIGN
