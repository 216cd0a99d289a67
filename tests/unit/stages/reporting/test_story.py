"""The story of an alert: which acts it tells, in which words and order, and what it never tells."""

from datetime import UTC
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.investigations import COVERED, alert, finding, investigation, value
from tests.support.spoiled import HOSTILE
from triage.domain.evidence import Evidence, Source
from triage.domain.signal import Direction
from triage.domain.verdict import Disposition, Investigation, Verdict
from triage.logtypes import phrases_of, shipped_log_types
from triage.logtypes.words import TARGET, holes, spelled_out
from triage.stages.reporting.act import Phase
from triage.stages.reporting.claim import next_steps
from triage.stages.reporting.story import Story, listed, tell_story

AFTER = ("action", "address", "harmful", "times", "refused", "failed", "targets", "target", "first_seen", "last_seen")


def events(*rows: dict[str, Any], log_type: str = "AWS.CloudTrail") -> Evidence:
    full = [{"p_log_type": log_type, **row} for row in rows]
    return Evidence.model_validate(
        {
            "id": "E1",
            "source": Source.EVENTS,
            "key": "events",
            "question": "Which events raised the alert?",
            "rows": full,
            "row_count": len(full),
        }
    )


def call(
    minute: str, action: str, user: str = "mira.holt", address: str = "203.0.113.9", **more: Any
) -> dict[str, Any]:
    return {
        "p_event_time": f"2031-05-06 11:{minute}:00.000",
        "eventName": action,
        "userIdentity": {"arn": f"arn:aws:iam::111122223333:user/{user}", "userName": user},
        "sourceIPAddress": address,
        **more,
    }


def answer(key: str, columns: tuple[str, ...], *rows: dict[str, Any], **more: Any) -> Evidence:
    return Evidence.model_validate(
        {
            "id": "E2",
            "source": Source.QUERY,
            "key": key,
            "question": "What did this actor do after?",
            "log_type": "AWS.CloudTrail",
            "columns": columns,
            "rows": rows,
            "row_count": len(rows),
            "measured": True,
            "coverage": COVERED,
            **more,
        }
    )


def act(action: str, at: str, until: str = "", **more: Any) -> dict[str, Any]:
    return {
        "action": action,
        "address": "203.0.113.9",
        "times": 1,
        "refused": 0,
        "failed": 0,
        "targets": 1,
        "target": None,
        "first_seen": f"2031-05-06 {at}:00.000",
        "last_seen": f"2031-05-06 {until or at}:00.000",
        **more,
    }


def told(*evidence: Evidence, findings: tuple[Any, ...] = (), limit: int = 6) -> Story:
    verdict = Verdict(disposition=Disposition.SUSPICIOUS, confidence=0.5, summary="", findings=findings)
    raised = alert(1, "t", "D", "D")
    found: Investigation = investigation(raised.id, verdict, evidence=evidence)
    return tell_story(raised, found, zone=UTC, limit=limit)


def lines(story: Story) -> list[str]:
    return [f"{line.time} {line.text}" for line in story.lines]


def test_alike_events_are_one_line_with_their_objects() -> None:
    """Fourteen reads of secrets are one act over a span; two objects are named and the others counted."""
    rows = [call(f"{30 + n}", "GetSecretValue", requestParameters={"secretId": f"ledger/{n}"}) for n in range(14)]
    assert lines(told(events(*rows))) == [
        "11:30 to 11:43 mira.holt read secrets ledger/0, ledger/1 and 12 more (GetSecretValue) from 203.0.113.9"
    ]


def test_what_decides_is_named() -> None:
    """The policy and the role, the port and the network, from the parameters of the call."""
    story = told(
        events(
            call(
                "30",
                "AttachRolePolicy",
                requestParameters={"roleName": "batch", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
            ),
            call(
                "31",
                "AuthorizeSecurityGroupIngress",
                requestParameters={
                    "groupId": "sg-1",
                    "ipPermissions": {
                        "items": [{"fromPort": 22, "toPort": 22, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]
                    },
                },
            ),
        )
    )
    assert lines(story) == [
        "11:30 mira.holt attached AdministratorAccess to the role batch (AttachRolePolicy) from 203.0.113.9",
        "11:31 mira.holt opened port 22 of sg-1 to 0.0.0.0/0 (AuthorizeSecurityGroupIngress)",
    ]


def test_parameters_of_a_follow_up_come_from_the_answer_about_them() -> None:
    """Two answers hold the same act; it is told once, with the object of one and the address of the other."""
    parameters = answer(
        "aws_cloudtrail.harm_parameters",
        ("action", "parameters", "times", "target", "first_seen", "last_seen"),
        {
            "action": "AttachRolePolicy",
            "parameters": '{"requestParameters.policyArn":"arn:aws:iam::aws:policy/PowerUserAccess",'
            '"requestParameters.roleName":"batch"}',
            "times": 1,
            "target": "batch",
            "first_seen": "2031-05-06 11:50:00.000",
            "last_seen": "2031-05-06 11:50:00.000",
        },
        id="E3",
    )
    after = answer("aws_cloudtrail.actor_after", AFTER, act("AttachRolePolicy", "11:50", target="batch", harmful=1))
    story = told(events(call("30", "CreateRole", requestParameters={"roleName": "batch"})), after, parameters)
    assert lines(story)[1:] == ["11:50 mira.holt attached PowerUserAccess to the role batch (AttachRolePolicy)"]


def test_before_at_and_after_in_order() -> None:
    """The phases are told apart, whatever the order of the answers; an act of another day has its day."""
    before = answer("aws_cloudtrail.actor_before", AFTER, act("CreateUser", "09:10", target="kay", harmful=1), id="E3")
    early = answer(
        "aws_cloudtrail.actor_before",
        AFTER,
        {**act("CreateAccessKey", "09:00", target="kay", harmful=1), "first_seen": "2031-05-05 23:00:00.000"},
        id="E4",
    )
    after = answer("aws_cloudtrail.actor_after", AFTER, act("DeleteTrail", "12:05", target="audit", harmful=1))
    story = told(events(call("30", "StopLogging", requestParameters={"name": "audit"})), after, before, early)
    assert [line.phase for line in story.lines] == [Phase.BEFORE, Phase.BEFORE, Phase.ALERT, Phase.AFTER]
    assert lines(story)[0].startswith("May 5 23:00 mira.holt created an access key for kay")


def test_harmless_and_refused_acts() -> None:
    """Ordinary reads are left out; what was refused says so; a harmful call that failed altogether is no harm."""
    after = answer(
        "aws_cloudtrail.actor_after",
        AFTER,
        act("DescribeInstances", "11:40"),
        act("ListSecrets", "11:41", times=2, refused=2, failed=2),
        act("DeleteTrail", "11:42", target="audit", harmful=1, failed=1),
    )
    assert lines(told(events(call("30", "StopLogging")), after))[1:] == [
        "11:41 mira.holt listed secrets (ListSecrets), 2 times, refused"
    ]


def test_what_the_models_own_sql_says_is_not_told() -> None:
    """A statement can name any text an event; only a checked finding may say it."""
    forged = answer("tool.1", AFTER, act("DeleteTrail", "11:50", target="audit", harmful=1), source=Source.TOOL)
    cited = finding(1, "The trail was deleted.", Direction.MALICIOUS, value("E2", 0, "action", "DeleteTrail"))
    assert len(lines(told(events(call("30", "StopLogging")), forged, findings=(cited,)))) == 1


def test_no_more_lines_than_wanted_and_the_rest_is_counted() -> None:
    """The alert's own acts keep their place; of the others the gravest are told."""
    after = answer(
        "aws_cloudtrail.actor_after",
        AFTER,
        *(
            act(name, f"11:{40 + n}", harmful=1)
            for n, name in enumerate(["CreateUser", "StopLogging", "GetObject"] * 3)
        ),
    )
    story = told(events(call("30", "CreateRole")), after, limit=3)
    assert len(story.lines) == 3
    assert story.lines[0].text.startswith("mira.holt created a role")
    assert story.left == len(story.acts) - 3


@settings(max_examples=60, deadline=None)
@given(HOSTILE, HOSTILE, HOSTILE)
def test_any_row_is_told_on_one_line(action: str, who: str, target: str) -> None:
    """Whatever a row holds, a line is one line and says where it comes from."""
    after = answer("x.actor_after", AFTER, act(action, "11:50", target=target, harmful=1), subject=who)
    story = told(events(call("30", action, user=who or "x", requestParameters={"name": target})), after)
    for line in story.lines:
        assert "\n" not in line.text
        assert line.evidence in ("E1", "E2")


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("DeleteFlowLogs", "deleted flow logs"),
        ("UpdateFunctionCode20150331v2", "updated function code"),
        ("microsoft.insights/diagnosticsettings/delete", "deleted diagnosticsettings"),
        ("create daemonsets/", "created daemonsets"),
        ("storage.objects.get", "read objects"),
        ("CREATE_USER", "created user"),
        ("5", ""),
        ("", ""),
        ("\x08 0", ""),
    ],
)
def test_an_action_is_read_from_its_name(action: str, said: str) -> None:
    """A verb and a noun, however the log joins them; without a verb nothing is said."""
    assert spelled_out(action) == said


@given(st.text())
def test_any_action_can_be_read(action: str) -> None:
    """No name of an action is an error."""
    assert isinstance(spelled_out(action), str)


def test_every_phrase_has_a_form_without_objects() -> None:
    """The last phrase of each entry names nothing or the target at most, so that something can always be said."""
    for file in shipped_log_types():
        for entry in file.words:
            assert set(holes(entry.say[-1])) <= {TARGET}, (file.log_type, entry.say)
    assert phrases_of("AWS.CloudTrail", "attachrolepolicy")


@pytest.mark.parametrize(
    ("names", "said"), [((), ""), (("a",), "a"), (("a", "b"), "a and b"), (("a", "b", "c"), "a, b and c")]
)
def test_lists_read_as_lists(names: tuple[str, ...], said: str) -> None:
    """With one "and", before the last."""
    assert listed(names) == said


def test_what_failed_did_not_happen() -> None:
    """A call that came to nothing without being refused says so, in the alert's events and in an answer."""
    after = answer(
        "aws_cloudtrail.actor_after", AFTER, act("DeleteTrail", "11:42", target="audit", harmful=1, failed=1, times=2)
    )
    own = call("30", "StopLogging", errorCode="TrailNotFoundException", requestParameters={"name": "audit"})
    assert lines(told(events(own), after)) == [
        "11:30 mira.holt stopped the trail audit (StopLogging) from 203.0.113.9, without success",
        "11:42 mira.holt deleted the trail audit (DeleteTrail), 2 times, 1 of them without success",
    ]


def test_only_a_sign_in_is_part_of_the_sign_ins() -> None:
    """An act whose words happen to hold "sign" keeps its line beside refused sign-ins from the same address."""
    okta = {"p_log_type": "Okta.SystemLog", "actor": {"alternateId": "mira@acme.example"}}
    refused = {
        **okta,
        "p_event_time": "2031-05-06 11:30:00.000",
        "eventType": "application.user_membership.add",
        "client": {"ipAddress": "203.0.113.9"},
        "outcome": {"result": "DENY"},
    }
    signed_in = answer(
        "okta_sign_in.person_signins",
        ("address", "step", "result", "second_factor", "times", "first_seen", "last_seen"),
        {
            "address": "203.0.113.9",
            "step": "user.session.start",
            "result": "FAILURE",
            "times": 6,
            "first_seen": "2031-05-06 11:21:00.000",
            "last_seen": "2031-05-06 11:40:00.000",
        },
        log_type="Okta.SystemLog",
    )
    assert any("assigned an app" in line for line in lines(told(events(refused), signed_in)))


def test_no_advice_rests_on_an_act_that_failed() -> None:
    """What came to nothing needs no undoing."""
    own = call("30", "StopLogging", errorCode="TrailNotFoundException", requestParameters={"name": "audit"})
    verdict = Verdict(disposition=Disposition.MALICIOUS, confidence=0.5, summary="")
    raised = alert(1, "t", "D", "D")
    found = investigation(raised.id, verdict, evidence=(events(own),))
    steps = next_steps(found, tell_story(raised, found, zone=UTC), UTC)
    assert not [step for step in steps if "Undo" in step]
