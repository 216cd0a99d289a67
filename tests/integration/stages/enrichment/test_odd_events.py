"""Alerts whose events are odd: each is triaged, and what is odd about it is said."""

import json
from datetime import timedelta
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.clocks import START, FakeClock
from tests.support.loopback import FakePanther, respond
from tests.support.notebook import Notebook
from tests.support.panther import connected
from tests.support.wired import playbooks, prompts
from triage.domain.dossier import Dossier
from triage.domain.evidence import MISSING, Evidence, lookup
from triage.domain.untrusted import Fence
from triage.domain.verdict import Analyst, Investigation, Usage
from triage.settings import InvestigationSettings, WritebackSettings
from triage.stages.decision import adjudicate
from triage.stages.enrichment import Enricher
from triage.stages.investigation.briefing import Briefing
from triage.stages.investigation.offline import offline_draft
from triage.stages.reporting.comment import build_report
from triage.stages.verification import verify

NODE: dict[str, Any] = {
    "id": "a-1",
    "title": "A door was left open",
    "severity": "HIGH",
    "status": "OPEN",
    "type": "RULE",
    "createdAt": START.isoformat(),
    "origin": {"__typename": "Detection", "id": "Door.Open", "name": "Door", "detectionType": "RULE"},
}
TIME = f"{START - timedelta(minutes=5):%Y-%m-%d %H:%M:%S.000}"
LOG_TYPES = ["AWS.CloudTrail", "Okta.SystemLog", "GSuite.ActivityEvent", "Azure.Audit", "GitHub.Audit", "Made.Up"]
NAMES = [
    "actor", "alternateId", "userIdentity", "arn", "type", "eventName", "sourceIPAddress", "requestParameters", "target",
    "client", "ipAddress", "outcome", "result", "properties", "parameters", "action", "user", "p_any_ip_addresses",
    "p_any_emails", "p_udm", "sessionContext", "p_event_time", "p_parse_time", "p_log_type", "p_row_id", "eventType",
    "name", "email", "sessionIssuer", "userName", "responseElements", "policyDocument", "errorCode",
]  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["192.0.2.1", "ada@acme.example", "arn:aws:iam::123456789012:user/ada", "\ud800", "\0", "x" * 60_000, "{" * 300,
         '{"a":' * 300, "[" * 5_000, "9" * 5_000, "ConsoleLogin", "user.session.start", "9999-12-31 23:59:59", TIME,
         "0001-01-01T00:00:00+14:00", "1970-01-01 00:00:00.000", "AttachRolePolicy", "{}", "[]", "null"]
    ),
)  # fmt: skip
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=8)), inner, max_size=6),
    ),
    max_leaves=25,
)
EVENTS = st.builds(
    lambda base, more: {**base, **more},
    st.fixed_dictionaries(
        {
            "p_log_type": st.one_of(st.sampled_from(LOG_TYPES), VALUES),
            "p_event_time": st.one_of(st.just(TIME), VALUES),
            "p_parse_time": st.one_of(st.just(TIME), VALUES),
        }
    ),
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=10),
)


async def dossier_of(body: str) -> Dossier:
    """Enrich an alert with the events of an answer as Panther sends it; nothing else is answered."""
    answers = {"Alert": {"alert": NODE}, "AlertEvents": respond(body.encode())}
    clock = FakeClock()
    async with connected(FakePanther(graphql=answers), clock, attempts=1) as (panther, _):
        room = Enricher(panther=panther, playbooks=playbooks(), settings=InvestigationSettings(), clock=clock)
        alert = await panther.alerts.alert("a-1")
        return await room.enrich(alert, now=START, journal=Notebook(), observe=lambda _: None)


def answer_with(*events: str) -> str:
    """Panther's answer with events, each given as JSON."""
    nodes = ", ".join(f'{{"node": {event}}}' for event in events)
    return f'{{"data": {{"alert": {{"events": {{"edges": [{nodes}], "pageInfo": {{"hasNextPage": false}}}}}}}}}}'


def triage(body: str) -> tuple[Dossier, str]:
    """The whole way of an alert without a model: its dossier and the comment. The prompt is rendered as well."""
    dossier = anyio.run(dossier_of, body)
    draft = offline_draft(dossier)
    verdict = adjudicate(draft, verify(draft.findings, dossier.evidence), dossier.signals, dossier.evidence)
    investigation = Investigation(
        run_id="r1",
        alert_id=dossier.alert.id,
        analyst=Analyst.OFFLINE,
        prompt_digest="d",
        started_at=START,
        finished_at=START,
        verdict=verdict,
        evidence=dossier.evidence,
        signals=dossier.signals,
        entities=dossier.entities,
        usage=Usage(),
        notes=dossier.notes,
    )
    stored = Investigation.model_validate_json(investigation.model_dump_json())
    assert stored.evidence == dossier.evidence
    Briefing(prompts(), Fence("5f1e0c77a2d94b36"), ()).dossier(dossier, chars=60_000, turns=3, queries=3)
    report = build_report(dossier.alert, stored, prompts=prompts(), settings=WritebackSettings(), currency="USD")
    return dossier, report.html


def faults_of(dossier: Dossier) -> Evidence | None:
    return next((entry for entry in dossier.evidence if entry.key == "event_faults"), None)


def odd(**columns: object) -> str:
    """An event of the alert's log that is ordinary but for some columns."""
    return json.dumps({"p_log_type": "Okta.SystemLog", "p_event_time": TIME, "p_parse_time": TIME, **columns})


def nested(depth: int, *, as_list: bool = False) -> str:
    deep = "[" * depth + "]" * depth if as_list else '{"a": ' * depth + "1" + "}" * depth
    return odd(eventType="user.session.start").replace('"user.session.start"', f'"user.session.start", "more": {deep}')


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (nested(200), "nested so deeply"),
        (nested(10_000), "nested so deeply"),
        (nested(10_000, as_list=True), "nested so deeply"),
        (odd(ratio=float("nan")), "a number that JSON does not have"),
        (odd(message="x" * 5_000_000), "larger than what is kept"),
        (odd(p_event_time="1970-01-01 00:00:00"), "says 1970-01-01 00:00; Panther parsed it 61 years later"),
        (odd(p_event_time="9999-12-31 23:59:59"), "says 9999-12-31 23:59; Panther parsed it 7973 years earlier"),
        (odd(p_event_time="2031-04-16 08:00:00"), "says 2031-04-16 08:00; Panther parsed it 20 days later"),
        (odd(p_event_time="soon"), "has a time that cannot be read"),
        (odd(p_event_time=None), "has no time"),
        (odd(p_log_type=["Okta.SystemLog"]), "a log type that is no text"),
        (odd(p_any_ip_addresses="192.0.2.1"), "no list in an indicator column"),
        (odd(actor=["ada"], client="here", outcome=[], target={"id": 1}), ""),
        (odd(message="\ud800\0").replace("message", "\\udfff"), ""),
        ('{"p_log_type": "Okta.SystemLog", "actor": 1, "actor": {"alternateId": "ada@acme.example"}}', "has no time"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
def test_an_odd_event_is_triaged_and_its_fault_is_evidence(event: str, said: str) -> None:
    """With a note in the report that names the row; the windows lie around the alert."""
    dossier, comment = triage(answer_with(odd(eventType="user.session.start"), event))

    assert len(dossier.events) == 2
    assert comment
    faults = faults_of(dossier)
    if said:
        assert faults is not None
        assert any(said in str(row["fault"]) and row["row"] == 1 for row in faults.rows)
        assert any(said in note for note in dossier.notes)
    else:
        assert faults is None
    assert all(START - timedelta(days=120) < entry.start < START for entry in dossier.evidence if entry.start)


@settings(max_examples=25, deadline=None)
@given(st.lists(EVENTS, min_size=1, max_size=3))
def test_whatever_the_events_hold_the_alert_is_triaged(events: list[dict[str, Any]]) -> None:
    """From Panther's answer to the stored investigation, the prompt and the comment, without an exception."""
    dossier, comment = triage(answer_with(*map(json.dumps, events)))

    assert len(dossier.events) == len(events)
    assert comment


def test_an_index_of_thousands_of_digits_finds_nothing() -> None:
    """A citation's column is the model's own text."""
    assert lookup({"items": [1]}, "items." + "0" * 5_000) is MISSING
    assert lookup({"items": [1]}, "items.0") == 1
