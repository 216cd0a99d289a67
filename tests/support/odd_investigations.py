"""Investigations that are hard to tell: nothing answered, an event far too big, thirty entities. All invented."""

from datetime import timedelta

from tests.support.investigations import COVERED, END, NOW, START, alert, finding, investigation, value
from triage.domain.alert import Alert, Severity
from triage.domain.coverage import Coverage
from triage.domain.entity import Entity, EntityKind, Role
from triage.domain.evidence import Evidence, Source
from triage.domain.finding import Comparison, CountCitation
from triage.domain.signal import Direction
from triage.domain.verdict import (
    Action,
    ActionKind,
    Analyst,
    AnswerState,
    Disposition,
    Investigation,
    RunbookAnswer,
    Usage,
    Verdict,
)


def suspicious() -> tuple[Alert, Investigation]:
    """A sign-in from a new country, calibrated, priced; the runbook is answered in part."""
    raised = alert(5, "Sign-in from a new country", "Okta.New.Country", "Sign-in from a new country", Severity.MEDIUM)
    row = {
        "p_event_time": "2031-05-06 11:31:00.000",
        "eventType": "user.session.start",
        "actor": {"alternateId": "lena.brandt@kiln.example"},
        "client": {"ipAddress": "192.0.2.80"},
        "outcome": {"result": "SUCCESS"},
    }
    events = Evidence.model_validate(
        {
            "id": "E1",
            "source": Source.EVENTS,
            "key": "events",
            "question": "Which events raised the alert?",
            "log_type": "Okta.SystemLog",
            "rows": (row,),
            "row_count": 1,
        }
    )
    after = Evidence.model_validate(
        {
            "id": "E2",
            "source": Source.TOOL,
            "key": "tool.1",
            "question": "What did lena.brandt@kiln.example do in the hour after?",
            "log_type": "Okta.SystemLog",
            "table": "panther_logs.public.okta_systemlog",
            "sql": "SELECT p_event_time, eventType, client:ipAddress AS ip_address\n"
            "FROM panther_logs.public.okta_systemlog\n"
            "WHERE p_event_time BETWEEN '2031-05-06 11:31:00' AND '2031-05-06 12:31:00'\n"
            "  AND actor:alternateId = 'lena.brandt@kiln.example'\nORDER BY 1\nLIMIT 100",
            "start": NOW - timedelta(minutes=29),
            "end": NOW,
            "columns": ("p_event_time", "eventType", "actor", "ip_address"),
            "rows": (
                {**row, "ip_address": "192.0.2.80"},
                {
                    "p_event_time": "2031-05-06 11:44:10.000",
                    "eventType": "user.mfa.factor.deactivate",
                    "actor": "lena.brandt@kiln.example",
                    "ip_address": "192.0.2.80",
                },
            ),
            "row_count": 2,
            "coverage": COVERED,
        }
    )
    usual = Evidence(
        id="E3",
        source=Source.QUERY,
        key="okta.addresses",
        question="From which addresses does this person work?",
        log_type="Okta.SystemLog",
        table="panther_logs.public.okta_systemlog",
        sql="SELECT client:ipAddress AS address, COUNT(*) AS times FROM panther_logs.public.okta_systemlog "
        "WHERE actor:alternateId = 'lena.brandt@kiln.example' AND p_occurs_since('30 days') GROUP BY 1 LIMIT 100",
        start=START,
        end=END,
        columns=("address", "times"),
        rows=({"address": "198.51.100.7", "times": 240},),
        row_count=1,
        coverage=COVERED,
        measured=True,
    )
    verdict = Verdict(
        as_written=True,
        proposed=Disposition.SUSPICIOUS,
        disposition=Disposition.SUSPICIOUS,
        confidence=0.71,
        calibration="calibrated on 212 outcomes",
        stated=0.8,
        summary="lena.brandt@kiln.example signed in from a new address and removed a factor 13 minutes later.",
        reason="A verified finding is malicious; nothing explains it.",
        findings=(
            finding(
                1,
                "A factor was removed from 192.0.2.80",
                Direction.MALICIOUS,
                value("E2", 1, "eventType", "user.mfa.factor.deactivate"),
            ),
            finding(2, "The sign-in succeeded", Direction.NEUTRAL, value("E1", 0, "outcome.result", "SUCCESS")),
            finding(
                3,
                "Only one other address was used in 30 days",
                Direction.BENIGN,
                CountCitation(evidence="E3", comparison=Comparison.EQUAL, number=1),
            ),
        ),
        runbook=(
            RunbookAnswer(
                step=1,
                text="From where does this person work?",
                state=AnswerState.ANSWERED,
                answer="198.51.100.7",
                evidence=("E3",),
            ),
            RunbookAnswer(step=2, text="Ask the person whether they travel.", state=AnswerState.FOR_A_PERSON),
        ),
        techniques=("T1078", "T1556.006"),
        actions=(
            Action(kind=ActionKind.CONTACT_USER, entity="lena.brandt@kiln.example"),
            Action(kind=ActionKind.REVOKE_SESSIONS, entity="lena.brandt@kiln.example"),
        ),
    )
    return raised, investigation(
        raised.id,
        verdict,
        analyst=Analyst.LLM,
        model="some-model-1",
        usage=Usage(
            turns=4, queries=3, rows=4, prompt_tokens=21_400, completion_tokens=1_100, seconds=44.2, money=0.01234
        ),
        evidence=(events, after, usual),
        entities=(
            Entity(kind=EntityKind.EMAIL, value="lena.brandt@kiln.example", role=Role.ACTOR),
            Entity(kind=EntityKind.IP, value="192.0.2.80", role=Role.SOURCE, facts={"class": "public"}),
        ),
    )


def missing() -> tuple[Alert, Investigation]:
    """No question has an answer that counts."""
    raised = alert(6, "Bucket policy changed", "AWS.S3.Policy", "Bucket policy changed")
    failed = [
        Evidence(
            id=f"E{number}",
            source=source,
            key=f"key.{number}",
            question=question,
            sql="SELECT 1 FROM panther_logs.public.aws_cloudtrail LIMIT 1" if source is Source.QUERY else "",
            error=error,
        )
        for number, (source, question, error) in enumerate(
            (
                (Source.EVENTS, "Which events raised the alert?", "Panther, AlertEvents: no whole answer within 120 s"),
                (
                    Source.DETECTION,
                    "What does the detection look for?",
                    "Panther refused it: the token lacks View Rules",
                ),
                (Source.QUERY, "Who did this before?", "the query ran longer than 60 s and was cancelled"),
            ),
            start=1,
        )
    ]
    silent = [
        Evidence(
            id=f"E{number}",
            source=Source.QUERY,
            key=f"key.{number}",
            question=question,
            table="panther_logs.public.aws_cloudtrail",
            sql=f"SELECT COUNT(*) FROM panther_logs.public.aws_cloudtrail WHERE eventName = 'X{number}' LIMIT 1",
            start=START,
            end=END,
            coverage=coverage,
        )
        for number, (question, coverage) in enumerate(
            (
                ("Has this actor signed in?", Coverage(source_healthy=False, source_reached_window=False)),
                ("Has anyone read the bucket since?", Coverage(source_healthy=True, table_has_rows=False)),
                ("Is the address known?", Coverage()),
            ),
            start=4,
        )
    ]
    verdict = Verdict(
        disposition=Disposition.INCONCLUSIVE,
        confidence=0.2,
        summary="Nothing that was asked has an answer that counts.",
        reason="No finding held.",
        runbook=(
            RunbookAnswer(step=1, text="Is the bucket public now?", state=AnswerState.NO_ANSWER),
            RunbookAnswer(step=2, text="Ask the owner.", state=AnswerState.FOR_A_PERSON),
        ),
        actions=(Action(kind=ActionKind.COLLECT_LOGS, entity="AWS.CloudTrail"),),
    )
    return raised, investigation(
        raised.id,
        verdict,
        evidence=(*failed, *silent),
        usage=Usage(queries=4, seconds=181.0),
        notes=("the log source CloudTrail is unhealthy since 2031-05-01",),
    )


def huge() -> tuple[Alert, Investigation]:
    """Hundreds of events of hundreds of fields, sixty findings, ninety entities: more than a comment may hold."""
    raised = alert(7, "Many things at once: " + "and another " * 60, "AWS.Many", "Many things", Severity.CRITICAL)
    padding = {f"requestParameters.field{number:03}": "x" * 700 for number in range(300)}
    rows = tuple(
        {
            "p_event_time": f"2031-05-06 11:{place // 60:02}:{place % 60:02}.000",
            "eventName": f"PutObject{place % 7}",
            "userIdentity": {"userName": f"worker-{place % 45:02}"},
            "sourceIPAddress": f"198.51.100.{place % 45}",
            **(padding if place == 0 else {}),
        }
        for place in range(200)
    )
    events = Evidence.model_validate(
        {
            "id": "E1",
            "source": Source.EVENTS,
            "key": "events",
            "question": "Which events raised the alert?",
            "log_type": "AWS.CloudTrail",
            "rows": rows,
            "row_count": 5_000,
            "truncated": True,
        }
    )
    others = tuple(
        Evidence(
            id=f"E{number}",
            source=Source.QUERY,
            key=f"key.{number}",
            question=f"How often did worker-{number:02} do this before?",
            table="panther_logs.public.aws_cloudtrail",
            sql=f"SELECT COUNT(*) AS n FROM panther_logs.public.aws_cloudtrail WHERE userIdentity:userName = "
            f"'worker-{number:02}' AND p_occurs_since('30 days') LIMIT 1",
            start=START,
            end=END,
            rows=({"n": number},),
            row_count=1,
            coverage=COVERED,
            measured=True,
        )
        for number in range(2, 42)
    )
    verdict = Verdict(
        disposition=Disposition.MALICIOUS,
        confidence=0.88,
        summary="Forty-five workers wrote objects at once. " + "Nobody has seen this before " * 40 + ".",
        reason="Sixty verified findings are malicious.",
        findings=tuple(
            finding(
                number,
                f"worker-{number % 45:02} wrote from 198.51.100.{number % 45}, which it had never done before, "
                + "and went on to do so for a long time " * 8,
                Direction.MALICIOUS,
                value("E1", number, "sourceIPAddress", f"198.51.100.{number % 45}"),
            )
            for number in range(1, 61)
        ),
        techniques=tuple(f"T{1000 + number}" for number in range(30)),
        actions=tuple(Action(kind=ActionKind.BLOCK_ADDRESS, entity=f"198.51.100.{number}") for number in range(30)),
    )
    entities = tuple(
        entity
        for number in range(45)
        for entity in (
            Entity(kind=EntityKind.USER, value=f"worker-{number:02}", role=Role.ACTOR),
            Entity(kind=EntityKind.IP, value=f"198.51.100.{number}", role=Role.SOURCE),
        )
    )
    return raised, investigation(
        raised.id,
        verdict,
        evidence=(events, *others),
        entities=entities,
        usage=Usage(queries=40, rows=240, bytes=400_000, seconds=95.0),
        notes=("the alert has 5,000 events, of which 200 were read",),
    )


def crowded() -> tuple[Alert, Investigation]:
    """Thirty entities in four roles, tied by several findings and events."""
    raised, found = huge()
    events = found.evidence[0].model_copy(
        update={
            "rows": tuple(
                {
                    "p_event_time": f"2031-05-06 1{place % 2}:0{place % 10}:00.000",
                    "eventName": "AssumeRole",
                    "userIdentity": {"arn": f"arn:aws:iam::111122223333:user/team-{place % 5}/worker-{place % 6:02}"},
                    "sourceIPAddress": f"203.0.113.{place % 8}",
                    "resources": [f"bucket-with-a-rather-long-name-for-reports-{place % 9}", "everything"],
                }
                for place in range(40)
            ),
            "row_count": 40,
            "truncated": False,
        }
    )
    entities = (
        *(
            Entity(
                kind=EntityKind.ARN, value=f"arn:aws:iam::111122223333:user/team-{n % 5}/worker-{n:02}", role=Role.ACTOR
            )
            for n in range(6)
        ),
        *(Entity(kind=EntityKind.IP, value=f"203.0.113.{n}", role=Role.SOURCE) for n in range(8)),
        *(
            Entity(kind=EntityKind.RESOURCE, value=f"bucket-with-a-rather-long-name-for-reports-{n}", role=Role.TARGET)
            for n in range(9)
        ),
        *(Entity(kind=EntityKind.HOST, value=f"host-{n:020}", role=Role.OTHER) for n in range(7)),
    )
    verdict = found.verdict.model_copy(
        update={
            "summary": "Several roles were assumed. From several addresses.",
            "findings": (
                finding(
                    1,
                    "worker-01 and worker-02 worked from 203.0.113.1",
                    Direction.MALICIOUS,
                    value("E1", 1, "sourceIPAddress", "203.0.113.1"),
                ),
                finding(
                    2,
                    "worker-03 read bucket-with-a-rather-long-name-for-reports-3",
                    Direction.MALICIOUS,
                    value("E1", 3, "sourceIPAddress", "203.0.113.3"),
                ),
                finding(
                    3,
                    "worker-04 always works from 203.0.113.4",
                    Direction.BENIGN,
                    value("E1", 4, "sourceIPAddress", "203.0.113.4"),
                ),
                finding(
                    4,
                    "host-00000000000000000003 joins 203.0.113.5 and 203.0.113.6",
                    Direction.NEUTRAL,
                    value("E1", 5, "sourceIPAddress", "203.0.113.5"),
                ),
            ),
            "actions": found.verdict.actions[:3],
            "techniques": (),
        }
    )
    return raised.model_copy(update={"title": "Roles assumed"}), found.model_copy(
        update={"evidence": (events, *found.evidence[1:4]), "entities": entities, "verdict": verdict}
    )
