"""Investigations of other kinds of alert: correlation, policy, scheduled rule, unknown log type, provisional. All invented."""

from datetime import timedelta

from tests.support.investigations import COVERED, NOW, START, alert, benign, finding, investigation, value
from triage.domain.alert import Alert, Kind, Severity
from triage.domain.case import CaseLink, CaseMember, case_of
from triage.domain.evidence import Evidence, Source
from triage.domain.finding import Comparison, CountCitation
from triage.domain.flag import RaisedFlag
from triage.domain.signal import Direction
from triage.domain.verdict import AnswerState, Disposition, Investigation, Look, RunbookAnswer, Verdict

WHO = "ines.moreau@kiln.example"
WELDER = "arn:aws:iam::111122223333:role/welder"


def _events(*rows: dict[str, object], log_type: str = "") -> Evidence:
    return Evidence.model_validate(
        {
            "id": "E1",
            "source": Source.EVENTS,
            "key": "events",
            "question": "Which events raised the alert?",
            "log_type": log_type,
            "rows": rows,
            "row_count": len(rows),
        }
    )


def takeover() -> tuple[Alert, Investigation]:
    """A correlation of refused sign-ins, one that succeeded, and an administrator made of a stranger."""
    raised = alert(11, "Sign-in after refusals, then a grant", "Correlation.Grant", "Grant after refusals").model_copy(
        update={"kind": Kind.CORRELATION_RULE}
    )
    okta = {"p_log_type": "Okta.SystemLog", "actor": {"alternateId": WHO}, "client": {"ipAddress": "203.0.113.9"}}
    events = _events(
        {
            **okta,
            "p_event_time": "2031-05-06 11:30:00.000",
            "eventType": "user.session.start",
            "outcome": {"result": "SUCCESS"},
        },
        {
            **okta,
            "p_event_time": "2031-05-06 11:34:00.000",
            "eventType": "user.account.privilege.grant",
            "outcome": {"result": "SUCCESS"},
            "target": [{"alternateId": "k.vance@mail.example", "type": "User"}],
            "debugContext": {"debugData": {"privilegeGranted": "Super administrator"}},
        },
    )
    signed_in = Evidence.model_validate(
        {
            "id": "E2",
            "source": Source.QUERY,
            "key": "okta_sign_in.person_signins",
            "question": "Where did this person sign in to Okta within 24 hours before, with which result?",
            "log_type": "Okta.SystemLog",
            "columns": ("address", "step", "result", "second_factor", "times", "first_seen", "last_seen"),
            "rows": (
                {
                    "address": "203.0.113.9",
                    "step": "user.session.start",
                    "result": "FAILURE",
                    "second_factor": False,
                    "times": 6,
                    "first_seen": "2031-05-06 11:21:00.000",
                    "last_seen": "2031-05-06 11:28:00.000",
                },
                {
                    "address": "203.0.113.9",
                    "step": "user.session.start",
                    "result": "SUCCESS",
                    "second_factor": False,
                    "times": 1,
                    "first_seen": "2031-05-06 11:30:00.000",
                    "last_seen": "2031-05-06 11:30:00.000",
                },
            ),
            "row_count": 2,
            "measured": True,
            "coverage": COVERED,
        }
    )
    after = Evidence.model_validate(
        {
            "id": "E3",
            "source": Source.QUERY,
            "key": "okta_systemlog.derived_after",
            "question": "What did the identities that the act made or reached do in the 24 hours after, and from where?",
            "log_type": "Okta.SystemLog",
            "columns": ("identity", "address", "action", "times", "refused", "target", "first_seen", "last_seen"),
            "rows": (
                {
                    "identity": "k.vance@mail.example",
                    "address": "198.51.100.61",
                    "action": "system.api_token.create",
                    "times": 1,
                    "refused": 0,
                    "target": None,
                    "first_seen": "2031-05-06 11:52:00.000",
                    "last_seen": "2031-05-06 11:52:00.000",
                },
            ),
            "row_count": 1,
            "measured": True,
            "coverage": COVERED,
        }
    )
    known = Evidence.model_validate(
        {
            "id": "E4",
            "source": Source.QUERY,
            "key": "okta_sign_in.person_places",
            "question": "From which addresses has this person signed in before, and since when?",
            "log_type": "Okta.SystemLog",
            "columns": ("address", "days", "times", "first_seen", "last_seen"),
            "rows": ({"address": "198.51.100.20", "days": 19, "times": 64, "first_seen": "2031-04-07 06:10:00.000"},),
            "row_count": 1,
            "measured": True,
            "coverage": COVERED,
            "start": START,
            "end": NOW,
        }
    )
    new = f"{WHO} had not used 203.0.113.9 in the 30 days before, and no second factor was given there."
    refused = "6 sign-ins from 203.0.113.9 were refused before one succeeded."
    used = "k.vance@mail.example, given rights at 11:34, was used at 11:52 from 198.51.100.61."
    verdict = Verdict(
        disposition=Disposition.MALICIOUS,
        confidence=0.9,
        summary="Measured facts point to an attack.",
        reason="no fact answers: Who worked from the unfamiliar place?",
        flags=(
            RaisedFlag(
                name="used_elsewhere",
                asks="Who has what the act made or reached?",
                hard=True,
                decides=True,
                raised=(used,),
                raised_evidence=("E3",),
            ),
            RaisedFlag(
                name="guessed",
                asks="Who was let in after the refusals?",
                hard=True,
                raised=(refused,),
                raised_evidence=("E2",),
            ),
            RaisedFlag(
                name="unverified_place",
                asks="Who worked from the unfamiliar place?",
                hard=True,
                raised=(new,),
                raised_evidence=("E4",),
            ),
        ),
        findings=(
            finding(1, used, Direction.MALICIOUS, value("E3", 0, "address", "198.51.100.61")),
            finding(2, refused, Direction.MALICIOUS, value("E2", 0, "result", "FAILURE")),
            finding(
                3,
                new,
                Direction.MALICIOUS,
                CountCitation(evidence="E4", comparison=Comparison.EQUAL, number=1),
            ),
        ),
        runbook=(
            RunbookAnswer(
                step=1,
                text="Find what the new administrator did",
                state=AnswerState.ANSWERED,
                answer="It created an API token at 11:52",
                evidence=("E3",),
            ),
            RunbookAnswer(step=2, text="Ask HR whether k.vance is hired", state=AnswerState.FOR_A_PERSON),
        ),
    )
    return raised, investigation(raised.id, verdict, evidence=(events, signed_in, after, known))


def policy() -> tuple[Alert, Investigation]:
    """A policy has no events: what is known is the resource and who changed it."""
    raised = alert(12, "S3 bucket is public", "AWS.S3.Public", "S3 bucket is public").model_copy(
        update={"kind": Kind.POLICY}
    )
    who = Evidence.model_validate(
        {
            "id": "E1",
            "source": Source.QUERY,
            "key": "aws_cloudtrail.actor_before",
            "question": "Who changed the resource in the 24 hours before?",
            "log_type": "AWS.CloudTrail",
            "columns": (
                "actor",
                "action",
                "address",
                "harmful",
                "times",
                "refused",
                "target",
                "first_seen",
                "last_seen",
            ),
            "rows": (
                {
                    "actor": WELDER,
                    "action": "DeleteBucketPublicAccessBlock",
                    "address": "198.51.100.20",
                    "harmful": 1,
                    "times": 1,
                    "refused": 0,
                    "target": "kiln-press-photos",
                    "first_seen": "2031-05-06 11:05:00.000",
                    "last_seen": "2031-05-06 11:05:00.000",
                },
            ),
            "row_count": 1,
            "measured": True,
            "coverage": COVERED,
        }
    )
    verdict = Verdict(
        disposition=Disposition.SUSPICIOUS,
        confidence=0.6,
        summary="Measured facts lean towards an attack but don't settle it.",
        flags=(
            RaisedFlag(
                name="unknown_party",
                asks="Who was given data or access?",
                hard=True,
                raised=("The bucket kiln-press-photos is open to everyone.",),
                raised_evidence=("E1",),
            ),
        ),
        findings=(
            finding(
                1,
                "The bucket kiln-press-photos has been open to everyone since 11:05.",
                Direction.MALICIOUS,
                CountCitation(evidence="E1", comparison=Comparison.EQUAL, number=1),
            ),
        ),
    )
    return raised, investigation(raised.id, verdict, evidence=(who,))


def scheduled() -> tuple[Alert, Investigation]:
    """The row of a scheduled query has columns of its own, and no log type."""
    raised = alert(13, "Many downloads", "Query.Downloads", "Downloads per person", Severity.MEDIUM).model_copy(
        update={"kind": Kind.SCHEDULED_RULE}
    )
    events = _events({"person": WHO, "downloads": 412, "p_event_time": "2031-05-06 11:30:00.000"})
    usual = Evidence.model_validate(
        {
            "id": "E2",
            "source": Source.QUERY,
            "key": "gsuite_activityevent.usual_amount",
            "question": "How many downloads a day are usual for this person?",
            "log_type": "GSuite.ActivityEvent",
            "columns": ("day", "times"),
            "rows": ({"day": "2031-05-01", "times": 388}, {"day": "2031-04-24", "times": 402}),
            "row_count": 2,
            "measured": True,
            "coverage": COVERED,
        }
    )
    verdict = Verdict(
        disposition=Disposition.INCONCLUSIVE,
        confidence=0.5,
        summary="The measured facts don't settle this alert.",
        reason="what followed is unknown: no log of downloads is here",
        findings=(
            finding(
                1,
                f"{WHO} downloaded as much on 2 earlier Thursdays.",
                Direction.BENIGN,
                CountCitation(evidence="E2", comparison=Comparison.EQUAL, number=2),
            ),
        ),
    )
    return raised, investigation(raised.id, verdict, evidence=(events, usual))


def unknown_log() -> tuple[Alert, Investigation]:
    """A log of which nothing is known: its events can't be told, only counted."""
    raised = alert(14, "Badge used twice", "Acme.Badge.Twice", "Badge used twice", Severity.LOW)
    events = _events(
        {"p_log_type": "Acme.Badges", "p_event_time": "2031-05-06 11:30:00.000", "door": "north", "badge": "4711"},
        {"p_log_type": "Acme.Badges", "p_event_time": "2031-05-06 11:31:00.000", "door": "south", "badge": "4711"},
        log_type="Acme.Badges",
    )
    verdict = Verdict(
        disposition=Disposition.INCONCLUSIVE,
        confidence=0.3,
        summary="The measured facts don't settle this alert.",
        reason="nothing is known of the log type Acme.Badges, so nobody's habits could be measured",
    )
    return raised, investigation(raised.id, verdict, evidence=(events,))


def provisional() -> tuple[Alert, Investigation]:
    """A benign verdict whose aftermath could not have been seen yet."""
    raised, found = benign()
    until = found.finished_at + timedelta(hours=3)
    verdict = found.verdict.model_copy(update={"provisional_until": until})
    return raised, found.model_copy(update={"verdict": verdict, "look": Look(again_at=until)})


def three() -> tuple[Alert, Investigation]:
    """One attack over three alerts of different detections; this one carries the analysis."""
    raised, found = takeover()
    at = raised.first_event_at or NOW
    members = (
        CaseMember(
            alert_id=raised.id, title=raised.title, detection="Correlation.Grant", at=at, verdict=Disposition.MALICIOUS
        ),
        CaseMember(
            alert_id=f"{21:032x}",
            title="Sign-in from a new country",
            detection="Okta.New.Country",
            at=at - timedelta(minutes=9),
            verdict=Disposition.SUSPICIOUS,
        ),
        CaseMember(
            alert_id=f"{22:032x}", title="API token created", detection="Okta.Token", at=at + timedelta(minutes=22)
        ),
    )
    links = (
        CaseLink(one=raised.id, other=members[1].alert_id, why=f"{WHO} acted in both within 2 hours"),
        CaseLink(
            one=raised.id,
            other=members[2].alert_id,
            why="k.vance@mail.example, given rights in one, acted in the other",
        ),
    )
    return raised, found.model_copy(update={"case": case_of(members, links)})
