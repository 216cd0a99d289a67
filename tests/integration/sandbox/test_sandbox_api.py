"""The embedded Panther over HTTP: GraphQL, REST, permissions, and data-lake queries from start to end."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, GraphQLUnionType
from graphql import build_schema as build

from tests.support.shared import SHARED
from tests.support.tiny_world import write_files
from triage.errors import ConfigError
from triage.sandbox.backend import READ_PERMISSIONS
from triage.sandbox.graphql_api import schema
from triage.sandbox.server import ApiToken, Fault, SandboxOptions, SandboxServer
from triage.sandbox.times import parse_time
from triage.sandbox.world import load_world

FULL = "full-token"
READER = "reader-token"
BLIND = "blind-token"
LATE = "late-token"
TOKENS = (
    ApiToken(FULL),
    ApiToken(READER, READ_PERMISSIONS),
    ApiToken(BLIND, frozenset({"SummaryRead"})),
    ApiToken(LATE, active_after=3600),
)
ALWAYS = {"createdAtAfter": "2026-01-01T00:00:00Z", "createdAtBefore": "2027-01-01T00:00:00Z"}


def _alert(number: int, **fields: object) -> dict[str, object]:
    return {
        "id": f"A{number:02d}",
        "title": f"Trail deleted by eve ({number})",
        "description": "",
        "severity": ("LOW", "MEDIUM", "HIGH")[number % 3],
        "status": "OPEN",
        "type": "RULE",
        "createdAt": f"2026-03-10T08:{number:02d}:00.000Z",
        "updatedAt": None,
        "firstEventOccurredAt": f"2026-03-10T07:{number:02d}:00.000Z",
        "lastReceivedEventAt": f"2026-03-10T07:{number:02d}:30.000Z",
        "detectionId": "Trail.Deleted",
        "detectionType": "RULE",
        "runbook": "Ask eve.",
        "reference": "",
        "context": {"who": "eve"},
        "eventCount": 0,
        "assignee": None,
        "updatedBy": None,
        **fields,
    }


EVENTS: list[dict[str, Any]] = [
    {
        "eventName": "DeleteTrail",
        "n": n,
        "p_event_time": f"2026-03-10 07:00:{n:02d}.000",
        "p_log_type": "AWS.CloudTrail",
        "p_source_id": "S1",
        "p_row_id": str(n),
        "p_any_ip_addresses": ["192.0.2.1"],
        "p_any_usernames": ["eve"],
    }
    for n in range(30)
]
ALERTS = [
    *(_alert(n) for n in range(1, 8)),
    _alert(8, status="CLOSED", assignee="U1", updatedBy={"id": "U1", "type": "user"}, eventCount=30),
    _alert(9, detectionId="Gone.Rule", severity="CRITICAL"),
    _alert(10, type="CORRELATION_RULE", detectionId="Pair", detectionType="CORRELATION_RULE"),
    _alert(11, type="POLICY", detectionId="Bucket.Public", detectionType="POLICY", firstEventOccurredAt=None, lastReceivedEventAt=None),
    _alert(
        12,
        type="SYSTEM_ERROR",
        detectionId=None,
        detectionType="SYSTEM",
        title="Source zoom has no data",
        systemError={"type": "LOG_SOURCE_NO_DATA", "relatedComponent": "zoom", "sourceId": "S2", "sourceType": "http"},
    ),
    _alert(13, type="RULE_ERROR"),
]  # fmt: skip
RULES: list[dict[str, Any]] = [
    {"id": "Trail.Deleted", "displayName": "Trail deleted", "body": "def rule(event): ...", "logTypes": ["AWS.CloudTrail"], "createdAt": "2026-01-01T00:00:00Z"},
    {"id": "Pair", "displayName": "Pair", "detection": "[]", "pythonBody": "x = 1", "createdAt": "2026-01-01T00:00:00Z"},
    {"id": "Daily", "body": "", "scheduledQueries": ["q"], "createdAt": "2026-01-01T00:00:00Z"},
    {"id": "Bucket.Public", "body": "", "resourceTypes": ["AWS.S3.Bucket"], "createdAt": "2026-01-01T00:00:00Z"},
]  # fmt: skip
USERS = [
    {"id": f"U{n}", "email": f"{name}@acme.example", "givenName": name, "familyName": "X", "createdAt": "2026-01-01T00:00:00Z",
     "role": {"id": "R", "name": "Analyst"}, "status": "ACTIVE", "enabled": True}
    for n, name in ((1, "ann"), (2, "bob"))
]  # fmt: skip
SOURCES = [
    {"integrationId": f"S{n}", "integrationLabel": label, "integrationType": "http", "logTypes": [log_type], "isEditable": True,
     "isHealthy": n == 1, "lastEventReceivedAtTime": "2026-03-10T08:00:00Z", "createdAtTime": "2026-01-01T00:00:00Z"}
    for n, label, log_type in ((1, "trail", "AWS.CloudTrail"), (2, "zoom", "Zoom.Activity"))
]  # fmt: skip
COMMENTS = [
    {"id": "C1", "alertId": "A01", "body": "seen", "format": "PLAIN_TEXT", "createdAt": "2026-03-10T09:00:00.000Z",
     "createdBy": {"id": "U1", "type": "user", "email": "ann@acme.example"}}
]  # fmt: skip


class Api:
    """A client of one sandbox."""

    def __init__(self, server: SandboxServer, token: str = FULL) -> None:
        self.server = server
        self.http = httpx.Client(headers={"X-API-Key": token})

    def post(self, query: str, **variables: object) -> dict[str, Any]:
        """The whole GraphQL answer."""
        response = self.http.post(self.server.url, json={"query": query, "variables": variables})
        assert response.status_code == 200
        answer: dict[str, Any] = response.json()
        return answer

    def data(self, query: str, **variables: object) -> Any:
        """The only field of a GraphQL answer without errors."""
        answer = self.post(query, **variables)
        assert "errors" not in answer, answer
        (value,) = answer["data"].values()
        return value

    def rest(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A REST answer."""
        return self.http.request(method, self.server.rest_url + path, **options)

    def run(self, sql: str, **variables: object) -> dict[str, Any]:
        """A data-lake query, waited for."""
        query_id = self.data(EXECUTE, input={"sql": sql, **variables})["id"]
        return self.finish(query_id)

    def finish(self, query_id: str) -> dict[str, Any]:
        """The answer of a query that is over."""
        for _ in range(1000):
            query: dict[str, Any] = self.data(RESULTS, id=query_id, input={})
            if query["status"] != "running":
                return query
            time.sleep(0.005)
        raise AssertionError("the query does not end")


EXECUTE = "mutation Run($input: ExecuteDataLakeQueryInput!) { executeDataLakeQuery(input: $input) { id } }"
CANCEL = "mutation Stop($input: CancelDataLakeQueryInput!) { cancelDataLakeQuery(input: $input) { id } }"
RESULTS = """query Rows($id: ID!, $input: DataLakeQueryResultsInput) { dataLakeQuery(id: $id) {
  id status message startedAt completedAt sql isScheduled issuedBy { ... on APIToken { name } }
  results(input: $input) {
    edges { node } columnInfo { order types } stats { rowCount bytesScanned executionTime } tryAgain
    pageInfo { hasNextPage endCursor hasPreviousPage startCursor } } } }"""
CLOSE = """mutation Close($input: UpdateAlertStatusByIdInput!) {
  updateAlertStatusById(input: $input) { alerts { id status updatedAt } } }"""
LIST = """query List($input: AlertsInput!) { alerts(input: $input) {
  edges { node { id status severity type } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
ALERT = """query One($id: ID!, $events: AlertEventsInput) { alert(id: $id) {
  id title type status createdAt updatedAt firstEventOccurredAt lastReceivedEventAt
  assignee { email } updatedBy { __typename ... on User { email } ... on APIToken { name } }
  origin { __typename ... on Detection { id name detectionType: type } ... on DeletedDetection { id }
           ... on SystemError { errorType: type relatedComponent } }
  events(input: $events) { edges { node } pageInfo { hasNextPage endCursor } } } }"""


@pytest.fixture(scope="module")
def world_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world on disk, which no test changes."""
    matches = [{**event, "p_alert_id": "A08", "p_rule_id": "Trail.Deleted"} for event in EVENTS]
    files = {"alerts": ALERTS, "rules": RULES, "users": USERS, "sources": SOURCES, "comments": COMMENTS}
    lake = {"lake/panther_logs/aws_cloudtrail": EVENTS, "lake/panther_rule_matches/aws_cloudtrail": matches}
    return write_files(tmp_path_factory.mktemp("acme"), "2026-03-10T12:00:00Z", {**files, **lake})


@pytest.fixture(scope="module")
def reading(world_path: Path) -> Iterator[SandboxServer]:
    """A server for tests that only read."""
    with SandboxServer(load_world(world_path, as_recorded=True), SandboxOptions(tokens=TOKENS, max_page=10)) as server:
        yield server


@pytest.fixture
def changing(world_path: Path) -> Iterator[SandboxServer]:
    """A server of its own for a test that writes."""
    with SandboxServer(load_world(world_path, as_recorded=True), SandboxOptions(tokens=TOKENS)) as server:
        yield server


@pytest.fixture
def api(reading: SandboxServer) -> Iterator[Api]:
    """A client that may read everything."""
    api = Api(reading)
    yield api
    api.http.close()


@pytest.fixture
def writer(changing: SandboxServer) -> Iterator[Api]:
    """A client that may also write."""
    api = Api(changing)
    yield api
    api.http.close()


# ---- The schema --------------------------------------------------------------------------------------------------


def test_every_type_and_field_is_panthers_own() -> None:
    """Each type, field, argument, default and enum value exists, with the same type, in the official schema."""
    official_file = SHARED / "reference" / "panther.graphql"
    if not official_file.is_file():
        pytest.skip("Panther's schema is not beside this checkout")
    official = build(official_file.read_text(encoding="utf-8")).type_map
    for name, ours in schema().type_map.items():
        if name.startswith("__"):
            continue
        theirs = official[name]
        assert type(ours) is type(theirs), name
        match ours, theirs:
            case GraphQLEnumType(), GraphQLEnumType():
                assert set(ours.values) == set(theirs.values), name
            case GraphQLUnionType(), GraphQLUnionType():
                assert {kind.name for kind in ours.types} == {kind.name for kind in theirs.types}, name
            case GraphQLInputObjectType(), GraphQLInputObjectType():
                assert {key: (str(field.type), field.default_value) for key, field in ours.fields.items()} == {
                    key: (str(field.type), field.default_value) for key, field in theirs.fields.items()
                }, name
            case ((GraphQLObjectType() | GraphQLInterfaceType()), (GraphQLObjectType() | GraphQLInterfaceType())):
                for key, field in ours.fields.items():
                    same = theirs.fields[key]
                    assert str(field.type) == str(same.type), f"{name}.{key}"
                    assert {k: (str(a.type), a.default_value) for k, a in field.args.items()} == {
                        k: (str(a.type), a.default_value) for k, a in same.args.items()
                    }, f"{name}.{key}"


# ---- Alerts ------------------------------------------------------------------------------------------------------


def ids(api: Api, **wanted: object) -> list[str]:
    """The numbers of the alerts that a listing gives, on its first page."""
    listing = api.data(LIST, input={**ALWAYS, "pageSize": 50, "sortDir": "ascending", **wanted})
    return [edge["node"]["id"] for edge in listing["edges"]]


FILTERS: list[tuple[dict[str, object], str]] = [
    ({}, "01 02 03 04 05 06 07 08 09 10"),
    ({"sortDir": "descending"}, "11 10 09 08 07 06 05 04 03 02"),
    ({"statuses": ["CLOSED"]}, "08"),
    ({"statuses": ["TRIAGED", "RESOLVED"]}, ""),
    ({"severities": ["CRITICAL", "HIGH"]}, "02 05 08 09 11"),
    ({"createdAtAfter": "2026-03-10T08:04:00Z", "createdAtBefore": "2026-03-10T08:06:00Z"}, "04 05 06"),
    ({"detectionId": "Gone.Rule"}, "09"),
    ({"type": "SYSTEM_ERROR"}, "12"),
    ({"type": "DETECTION_ERROR"}, "13"),
    ({"subtypes": ["POLICY"]}, "11"),
    ({"subtypes": ["RULE"], "severities": ["MEDIUM"]}, "01 04 07 10"),
    ({"nameContains": "EVE (7"}, "07"),
    ({"assigneeIds": ["U1"]}, "08"),
    ({"eventCountMin": 1}, "08"),
    ({"eventCountMax": 0, "severities": ["HIGH"]}, "02 05 11"),
    ({"logTypes": ["AWS.CloudTrail"], "severities": ["HIGH"]}, "02 05 08"),
    ({"logTypes": ["Okta.SystemLog"]}, ""),
    ({"logSources": ["S1"]}, "08"),
    ({"resourceTypes": ["AWS.S3.Bucket"]}, "11"),
]


def test_alerts_are_filtered_as_asked(api: Api) -> None:
    """Each filter of `AlertsInput` keeps its alerts; errors and system errors are listed apart; pages are capped."""
    for wanted, found in FILTERS:
        assert ids(api, **wanted) == [f"A{number}" for number in found.split()], wanted


def test_pages_follow_each_other_without_gap_or_repetition(api: Api) -> None:
    """Cursors lead through all alerts once; the first page has no start cursor and the last one no end cursor."""
    expected = [f"A{number:02d}" for number in range(1, 12)]
    assert pages(api, "ascending") == expected
    assert pages(api, "descending") == expected[::-1]


def pages(api: Api, direction: str) -> list[str]:
    """The ids of all pages of four alerts, in order."""
    seen: list[str] = []
    cursor = None
    while True:
        page = api.data(LIST, input={**ALWAYS, "pageSize": 4, "sortDir": direction, "cursor": cursor})
        seen += [edge["node"]["id"] for edge in page["edges"]]
        info = page["pageInfo"]
        assert info["startCursor"] == cursor
        assert info["hasPreviousPage"] == (cursor is not None)
        assert info["hasNextPage"] == (info["endCursor"] is not None)
        cursor = info["endCursor"]
        if cursor is None:
            break
    return seen


BAD_LISTINGS: list[tuple[dict[str, object], str]] = [
    ({}, "either detectionId or both createdAtAfter and createdAtBefore"),
    ({"createdAtAfter": "2026-01-01T00:00:00Z"}, "either detectionId or both"),
    ({**ALWAYS, "cursor": "%%%"}, "invalid cursor"),
    ({**ALWAYS, "cursor": "W10"}, "invalid cursor"),
    ({**ALWAYS, "pageSize": -1}, "page size"),
    ({**ALWAYS, "createdAtAfter": "yesterday"}, "createdAtAfter is not"),
    ({**ALWAYS, "statuses": ["OPENED"]}, "AlertStatus"),
]


def test_a_listing_that_panther_refuses_is_an_error_with_status_200(api: Api) -> None:
    """GraphQL errors come with HTTP 200 and no data."""
    for wanted, message in BAD_LISTINGS:
        answer = api.post(LIST, input=wanted)
        assert message in answer["errors"][0]["message"]
        assert not answer.get("data"), wanted


def test_an_alerts_origin_says_what_raised_it(api: Api) -> None:
    """Detections, deleted detections, correlation rules and system errors each come as the official union has them."""
    origins = {number: api.data(ALERT, id=f"A{number}") for number in ("01", "09", "10", "12")}
    assert origins["01"]["origin"] == {
        "__typename": "Detection",
        "id": "Trail.Deleted",
        "name": "Trail deleted",
        "detectionType": "RULE",
    }
    assert origins["09"]["origin"] == {"__typename": "DeletedDetection", "id": "Gone.Rule"}
    # The official enum of alert types lacks correlation rules; its detection types have them.
    assert origins["10"]["type"] == "RULE"
    assert origins["10"]["origin"]["detectionType"] == "CORRELATION_RULE"
    assert origins["12"]["origin"] == {
        "__typename": "SystemError",
        "errorType": "SOURCE_NO_DATA",
        "relatedComponent": "LOG_SOURCE",
    }


def test_missing_times_of_events_stay_missing_where_the_schema_allows(api: Api) -> None:
    """A policy's alert has no first event; the last one's time, never null officially, is the alert's own."""
    alert = api.data(ALERT, id="A11")
    assert alert["firstEventOccurredAt"] is None
    assert alert["lastReceivedEventAt"] == alert["createdAt"]


def test_an_alerts_events_come_page_by_page(api: Api) -> None:
    """Events are JSON objects in recorded order, 25 on a page unless asked, and never more than the server's cap."""
    first = api.data(ALERT, id="A08", events={"pageSize": 7})["events"]
    second = api.data(ALERT, id="A08", events={"pageSize": 30, "cursor": first["pageInfo"]["endCursor"]})["events"]
    assert [edge["node"]["n"] for edge in first["edges"]] == list(range(7))
    assert [edge["node"]["n"] for edge in second["edges"]] == list(range(7, 17))
    assert first["edges"][0]["node"]["p_any_usernames"] == ["eve"]
    assert api.data(ALERT, id="A01")["events"]["edges"] == []


def test_people_are_named(api: Api) -> None:
    """Assignees and editors are users; users are found by id and by address in any case."""
    alert = api.data(ALERT, id="A08")
    assert alert["assignee"] == {"email": "ann@acme.example"}
    assert alert["updatedBy"] == {"__typename": "User", "email": "ann@acme.example"}
    assert [user["id"] for user in api.data("{ users { id role { name } } }")] == ["U1", "U2"]
    assert api.data('{ userById(id: "U2") { email } }') == {"email": "bob@acme.example"}
    assert api.data('{ userByEmail(email: "BOB@acme.example") { id } }') == {"id": "U2"}
    assert "not found" in api.post('{ userById(id: "U9") { email } }')["errors"][0]["message"]


def test_sources_tell_their_health(api: Api) -> None:
    """All sources, one source, and null for an unknown one."""
    listing = api.data("{ sources { edges { node { integrationId isHealthy logTypes } } pageInfo { hasNextPage } } }")
    assert [edge["node"]["isHealthy"] for edge in listing["edges"]] == [True, False]
    assert api.data('{ source(id: "S2") { integrationLabel lastEventReceivedAtTime } }')["integrationLabel"] == "zoom"
    assert api.data('{ source(id: "S9") { integrationLabel } }') is None


# ---- Changes -----------------------------------------------------------------------------------------------------


def test_a_status_change_shows_who_made_it_and_when(writer: Api) -> None:
    """Status, editor and time of the last edit change together, for GraphQL and REST alike."""
    changed = writer.data(CLOSE, input={"ids": ["A01", "A02"], "status": "RESOLVED"})["alerts"]
    assert [alert["status"] for alert in changed] == ["RESOLVED", "RESOLVED"]
    assert changed[0]["updatedAt"] < changed[1]["updatedAt"]
    assert writer.data(ALERT, id="A01")["updatedBy"] == {"__typename": "APIToken", "name": "sandbox"}
    assert writer.rest("GET", "/alerts/A01").json()["updatedBy"]["type"] == "api-token"

    assert writer.rest("PATCH", "/alerts/A01", json={"status": "CLOSED", "assignee": "U2"}).content == b""
    alert = writer.data(ALERT, id="A01")
    assert (alert["status"], alert["assignee"]) == ("CLOSED", {"email": "bob@acme.example"})


def test_an_unknown_alert_stops_a_change_of_several(writer: Api) -> None:
    """Nothing changes where one of the alerts does not exist."""
    answer = writer.post(CLOSE, input={"ids": ["A01", "A99"], "status": "RESOLVED"})
    assert answer["errors"][0]["errorType"] == "NotFound"
    assert writer.data(ALERT, id="A01")["status"] == "OPEN"


def test_alerts_are_assigned_by_id_and_by_address(writer: Api) -> None:
    """Both mutations assign; leaving the person out unassigns."""
    by_email = """mutation A($input: UpdateAlertsAssigneeByEmailInput!) {
      updateAlertsAssigneeByEmail(input: $input) { alerts { assignee { id } } } }"""
    by_id = """mutation A($input: UpdateAlertsAssigneeByIdInput!) {
      updateAlertsAssigneeById(input: $input) { alerts { assignee { id } } } }"""
    assert writer.data(by_email, input={"ids": ["A01"], "assigneeEmail": "bob@acme.example"})["alerts"] == [
        {"assignee": {"id": "U2"}}
    ]
    assert writer.data(by_id, input={"ids": ["A01"]})["alerts"] == [{"assignee": None}]
    assert "errors" in writer.post(by_id, input={"ids": ["A01"], "assigneeId": "U9"})


def test_comments_are_made_listed_and_changed(writer: Api) -> None:
    """A comment made by GraphQL or REST is listed, oldest first, page by page, and can be given a new body."""
    mutation = """mutation Say($input: CreateAlertCommentInput!) { createAlertComment(input: $input) {
      comment { id body format createdAt createdBy { __typename } entity { ... on Alert { id } } } } }"""
    made = writer.data(mutation, input={"alertId": "A01", "body": "<b>hi</b>", "format": "HTML"})["comment"]
    assert (made["format"], made["createdBy"], made["entity"]) == ("HTML", {"__typename": "APIToken"}, {"id": "A01"})
    plain = writer.data(mutation, input={"alertId": "A01", "body": "plain"})["comment"]
    assert plain["format"] == "PLAIN_TEXT"
    last = writer.rest(
        "POST", "/alert-comments", json={"alertId": "A01", "body": "rest", "format": "PLAIN_TEXT"}
    ).json()
    assert last["createdBy"]["type"] == "api-token"

    first = writer.rest("GET", "/alert-comments", params={"alert-id": "A01", "limit": "3"}).json()
    rest = writer.rest("GET", "/alert-comments", params={"alert-id": "A01", "cursor": first["next"]}).json()
    assert [comment["body"] for comment in first["results"] + rest["results"]] == ["seen", "<b>hi</b>", "plain", "rest"]
    assert "next" not in rest
    assert first["results"][0]["createdBy"] == {"id": "U1", "type": "user"}

    path = f"/public/v1/alert-comments/{last['id']}"
    updated = writer.rest("POST", path, json={"alertId": "A01", "body": "better", "format": "HTML"}).json()
    assert updated["updatedAt"] > updated["createdAt"]
    assert writer.rest("GET", path).json() == updated
    assert [comment["body"] for comment in writer.server.comments("A01")][-1] == "better"
    assert writer.rest("GET", "/alert-comments", params={"alert-id": "A02"}).json() == {"results": []}


BAD_REST: list[tuple[str, str, object, int]] = [
    ("GET", "/rules/nothing", None, 404),
    ("GET", "/rules/Pair", None, 404),
    ("GET", "/policies/Trail.Deleted", None, 404),
    ("GET", "/alerts/A99", None, 404),
    ("GET", "/alerts/A99/events", None, 404),
    ("PATCH", "/alerts/A99", {"status": "OPEN"}, 404),
    ("PATCH", "/alerts/A01", {"status": "DONE"}, 400),
    ("PATCH", "/alerts/A01", {"assignee": "U9"}, 404),
    ("GET", "/alert-comments", None, 400),
    ("GET", "/alert-comments?alert-id=A01&limit=51", None, 400),
    ("GET", "/alert-comments?alert-id=A01&limit=x", None, 400),
    ("GET", "/alert-comments?alert-id=A01&cursor=zz", None, 400),
    ("GET", "/alert-comments/C9", None, 404),
    ("POST", "/alert-comments", {"alertId": "A01", "body": "x"}, 400),
    ("POST", "/alert-comments", {"alertId": "A01", "body": "x", "format": "MARKDOWN"}, 400),
    ("POST", "/alert-comments", {"alertId": "A01", "body": "", "format": "HTML"}, 400),
    ("POST", "/alert-comments", {"alertId": "A99", "body": "x", "format": "HTML"}, 404),
    ("POST", "/alert-comments/C1", {"alertId": "A02", "body": "x", "format": "HTML"}, 404),
    ("POST", "/alert-comments", [], 400),
    ("DELETE", "/alert-comments/C1", None, 405),
    ("GET", "/nowhere", None, 404),
]


def test_rest_refuses_with_a_message(api: Api) -> None:
    """Unknown ids give 404, wrong input 400, both with a JSON message."""
    for method, path, body, status in BAD_REST:
        response = api.rest(method, path, json=body) if body is not None else api.rest(method, path)
        assert response.status_code == status, (method, path, body)
        assert response.json()["message"]


def test_each_kind_of_detection_has_its_path(api: Api) -> None:
    """Detections are served under the path of their kind, from both bases, and without generated Python by default."""
    for path, field in (
        ("/rules/Trail.Deleted", "body"),
        ("/simple-rules/Pair", "detection"),
        ("/scheduled-rules/Daily", "scheduledQueries"),
        ("/policies/Bucket.Public", "resourceTypes"),
    ):
        for base in ("", "/public/v1"):
            record = api.rest("GET", base + path).json()
            assert field in record
            assert "pythonBody" not in record
    assert "pythonBody" in api.rest("GET", "/simple-rules/Pair?include-python=true").json()


def test_an_alerts_detail_has_what_graphql_lacks(api: Api) -> None:
    """REST gives context and event count, and tells correlation rules and system errors apart."""
    alert = api.rest("GET", "/alerts/A08").json()
    assert (alert["context"], alert["eventCount"]) == ({"who": "eve"}, 30)
    assert alert["detection"] == {"id": "Trail.Deleted", "type": "RULE"}
    assert alert["assignee"] == {"id": "U1", "type": "user"}
    assert api.rest("GET", "/alerts/A10").json()["type"] == "CORRELATION_RULE"
    broken = api.rest("GET", "/alerts/A12").json()
    assert "detection" not in broken
    assert broken["systemError"] == {"type": "LOG_SOURCE_NO_DATA", "sourceId": "S2", "sourceType": "http"}
    events = api.rest("GET", "/alerts/A08/events", params={"limit": "20"}).json()
    more = api.rest("GET", "/alerts/A08/events", params={"cursor": events["next"]}).json()
    assert [event["n"] for event in events["results"] + more["results"]] == list(range(30))


# ---- Tokens ------------------------------------------------------------------------------------------------------


def test_a_token_that_is_unknown_or_not_active_yet_is_forbidden(reading: SandboxServer) -> None:
    """Both APIs answer 403 with the gateway's message, which does not say why."""
    wrong: list[dict[str, str]] = [
        {}, {"X-API-Key": "wrong"}, {"X-API-Key": LATE}, {"Authorization": "Bearer wrong"},
    ]  # fmt: skip
    for headers in wrong:
        for response in (
            httpx.post(reading.url, json={"query": "{ users { id } }"}, headers=headers),
            httpx.get(f"{reading.rest_url}/rules/Trail.Deleted", headers=headers),
        ):
            assert (response.status_code, response.json()) == (403, {"message": "Forbidden"}), headers


def test_a_token_may_come_as_a_bearer(reading: SandboxServer) -> None:
    """`Authorization: Bearer` is as good as `X-API-Key`."""
    headers = {"Authorization": f"Bearer {FULL}"}
    response = httpx.post(reading.url, json={"query": "{ users { id } }"}, headers=headers)
    assert response.json()["data"]["users"]


DENIED = [
    (BLIND, '{ alert(id: "A01") { id } }', "alert on type Query"),
    (BLIND, "{ users { id } }", "users on type Query"),
    (BLIND, "{ sources { pageInfo { hasNextPage } } }", "sources on type Query"),
    (BLIND, "{ dataLakeDatabases { name } }", "dataLakeDatabases on type Query"),
    (BLIND, 'mutation { executeDataLakeQuery(input: {sql: "SELECT 1"}) { id } }', "executeDataLakeQuery on type Mutation"),
    (READER, 'mutation { createAlertComment(input: {alertId: "A01", body: "x"}) { comment { id } } }', "createAlertComment"),
    (READER, "mutation { updateAlertStatusById(input: {ids: [], status: OPEN}) { alerts { id } } }", "updateAlertStatusById"),
]  # fmt: skip


def test_a_missing_permission_is_a_graphql_error(reading: SandboxServer) -> None:
    """Without the permission there are no data and one `Unauthorized` error, with HTTP 200."""
    for token, query, what in DENIED:
        api = Api(reading, token)
        answer = api.post(query)
        api.http.close()
        assert answer["data"] is None
        assert answer["errors"][0]["errorType"] == "Unauthorized"
        assert f"Not Authorized to access {what}" in answer["errors"][0]["message"]


def test_a_missing_permission_is_403_in_rest(reading: SandboxServer) -> None:
    """REST refuses reading and writing apart."""
    blind, reader = Api(reading, BLIND), Api(reading, READER)
    comment = {"alertId": "A01", "body": "x", "format": "HTML"}
    statuses = [
        blind.rest("GET", "/rules/Trail.Deleted").status_code,
        blind.rest("GET", "/policies/Bucket.Public").status_code,
        blind.rest("GET", "/alerts/A01").status_code,
        blind.rest("GET", "/alert-comments/C1").status_code,
        reader.rest("POST", "/alert-comments", json=comment).status_code,
        reader.rest("PATCH", "/alerts/A01", json={"status": "OPEN"}).status_code,
        reader.rest("GET", "/alert-comments/C1").status_code,
    ]
    blind.http.close()
    reader.http.close()
    assert statuses == [403, 403, 403, 403, 403, 403, 200]


def test_a_token_does_not_show_its_value() -> None:
    """Secrets stay out of representations."""
    assert "full-token" not in repr(SandboxOptions(tokens=TOKENS))


# ---- Data lake ---------------------------------------------------------------------------------------------------


def test_a_query_runs_and_gives_its_rows_in_pages(api: Api) -> None:
    """A finished query has rows, columns with types, statistics and pages."""
    query = api.run("SELECT n, p_event_time FROM panther_logs.public.aws_cloudtrail ORDER BY n")
    assert (query["status"], query["message"], query["isScheduled"]) == ("succeeded", "", False)
    results = query["results"]
    assert results["edges"][3]["node"] == {"n": 3, "p_event_time": "2026-03-10 07:00:03.000"}
    assert results["columnInfo"] == {
        "order": ["n", "p_event_time"],
        "types": {"n": "NUMBER", "p_event_time": "TIMESTAMP_NTZ"},
    }
    assert results["stats"]["rowCount"] == 30
    assert results["stats"]["bytesScanned"] > 0
    assert results["pageInfo"]["hasNextPage"] is False

    first = api.data(RESULTS, id=query["id"], input={"pageSize": 20})["results"]
    second = api.data(RESULTS, id=query["id"], input={"cursor": first["pageInfo"]["endCursor"]})["results"]
    assert [edge["node"]["n"] for edge in first["edges"] + second["edges"]] == list(range(30))


def test_a_failed_query_has_a_message_and_no_results(api: Api) -> None:
    """Executing always gives an id; the failure shows when the query is polled."""
    query = api.run("SELECT * FROM nothing")
    assert (query["status"], query["results"]) == ("failed", None)
    assert query["message"].startswith("002003 (42S02): SQL compilation error:\nObject 'NOTHING' does not exist")


def test_the_default_database_can_be_named(api: Api) -> None:
    """`databaseName` decides where unqualified tables are."""
    assert api.run("SELECT p_alert_id FROM aws_cloudtrail LIMIT 1", databaseName="panther_rule_matches.public")[
        "results"
    ]
    assert api.run("SELECT p_alert_id FROM aws_cloudtrail LIMIT 1")["status"] == "failed"


def test_a_slow_query_runs_until_it_is_cancelled(world_path: Path) -> None:
    """While it runs a query has no results; cancelled, it stays cancelled, and cancelling a finished one changes nothing."""
    options = SandboxOptions(tokens=TOKENS, query_latency=3600)
    with SandboxServer(load_world(world_path, as_recorded=True), options) as server:
        api = Api(server)
        query_id = api.data(EXECUTE, input={"sql": "SELECT 1 AS x"})["id"]
        running = api.data(RESULTS, id=query_id, input={})
        assert (running["status"], running["results"], running["completedAt"]) == ("running", None, None)
        assert api.data(CANCEL, input={"id": query_id}) == {"id": query_id}
        assert api.data(CANCEL, input={"id": query_id}) == {"id": query_id}
        cancelled = api.data(RESULTS, id=query_id, input={})
        assert (cancelled["status"], cancelled["results"]) == ("cancelled", None)
        assert cancelled["completedAt"]
        api.http.close()


def test_a_busy_query_is_stopped_by_cancelling(api: Api) -> None:
    """Cancelling interrupts the work itself: the server is free for the next query at once."""
    busy = "SELECT COUNT(*) FROM TABLE(GENERATOR(ROWCOUNT => 4000000)) a, TABLE(GENERATOR(ROWCOUNT => 4000000)) b"
    query_ids = [api.data(EXECUTE, input={"sql": busy})["id"] for _ in range(4)]
    for query_id in query_ids:
        api.data(CANCEL, input={"id": query_id})
    assert api.run("SELECT 1 AS x")["results"]["edges"] == [{"node": {"x": 1}}]
    assert api.finish(query_ids[0])["status"] == "cancelled"


def test_an_unknown_query_is_an_error(api: Api) -> None:
    """Polling or cancelling what was never started is refused."""
    assert api.post(RESULTS, id="q9", input={})["errors"][0]["errorType"] == "NotFound"
    assert api.post(CANCEL, input={"id": "q9"})["errors"][0]["errorType"] == "NotFound"


def test_indicators_are_found_in_every_table(api: Api) -> None:
    """An indicator search counts events by table, field and value, with the first and last time."""
    mutation = (
        "mutation S($input: ExecuteIndicatorSearchQueryInput!) { executeIndicatorSearchQuery(input: $input) { id } }"
    )
    window = {"startTime": "2026-03-10T00:00:00Z", "endTime": "2026-03-10T07:00:09.000Z"}
    query_id = api.data(mutation, input={"indicators": ["192.0.2.1", "eve", "nobody"], **window})["id"]
    found = [edge["node"] for edge in api.finish(query_id)["results"]["edges"]]
    assert [(row["p_db_name"], row["indicator_name"], row["indicator"], row["matches"]) for row in found] == [
        ("panther_logs", "p_any_ip_addresses", "192.0.2.1", 10),
        ("panther_logs", "p_any_usernames", "eve", 10),
        ("panther_rule_matches", "p_any_ip_addresses", "192.0.2.1", 10),
        ("panther_rule_matches", "p_any_usernames", "eve", 10),
    ]
    assert found[0]["p_log_type"] == "AWS.CloudTrail"
    assert found[0]["last_event_time"] == "2026-03-10 07:00:09.000"

    narrow = {"indicatorName": "p_any_usernames", "databases": ["panther_logs.public"], "tables": ["aws_cloudtrail"]}
    query_id = api.data(mutation, input={"indicators": ["eve"], **window, **narrow})["id"]
    assert [edge["node"]["matches"] for edge in api.finish(query_id)["results"]["edges"]] == [10]
    query_id = api.data(mutation, input={"indicators": ["eve"], **window, "indicatorName": "TextSearch"})["id"]
    assert api.finish(query_id)["status"] == "failed"


def test_the_lake_describes_itself(api: Api) -> None:
    """Databases, tables and columns are listed under Panther's names, page by page."""
    names = [database["name"] for database in api.data("{ dataLakeDatabases { name } }")]
    assert names == [
        "panther_logs.public",
        "panther_rule_matches.public",
        "panther_signals.public",
        "panther_views.public",
    ]
    tables = api.data('{ dataLakeDatabase(name: "panther_logs.public") { tables { name logType } } }')["tables"]
    assert {table["name"]: table["logType"] for table in tables} == {
        "aws_cloudtrail": "AWS.CloudTrail",
        "zoom_activity": "Zoom.Activity",
    }
    columns = api.data(
        "query C($input: DataLakeDatabaseTableInput!) { dataLakeDatabaseTable(input: $input) { columns { name type } } }",
        input={"databaseName": "panther_logs", "tableName": "AWS_CloudTrail"},
    )["columns"]
    kinds = {column["name"]: column["type"] for column in columns}
    assert kinds["p_event_time"] == "TIMESTAMP_NTZ"
    assert kinds["userIdentity"] == "VARIANT"
    listing = """query T($input: DataLakeDatabaseTablesInput!) { dataLakeDatabaseTables(input: $input) {
      edges { node { name } } pageInfo { hasNextPage endCursor } } }"""
    page = api.data(listing, input={"databaseName": "panther_logs.public", "pageSize": 1})
    rest = api.data(listing, input={"databaseName": "panther_logs.public", "cursor": page["pageInfo"]["endCursor"]})
    assert [edge["node"]["name"] for edge in page["edges"] + rest["edges"]] == ["aws_cloudtrail", "zoom_activity"]
    assert "not found" in api.post('{ dataLakeDatabase(name: "x") { name } }')["errors"][0]["message"]


# ---- The server --------------------------------------------------------------------------------------------------


def test_the_server_remembers_what_it_was_asked(changing: SandboxServer, writer: Api) -> None:
    """Method, path and operation name of each request are there for tests."""
    writer.data(ALERT, id="A01")
    writer.rest("GET", "/rules/Trail.Deleted")
    assert list(changing.requests) == [("POST", "/public/graphql", "One"), ("GET", "/rules/Trail.Deleted", "")]


def test_faults_take_the_place_of_answers(changing: SandboxServer, writer: Api) -> None:
    """A fault answers the operation it names, as often as it is asked to, before or after the work is done."""
    changing.fail("One", Fault(503, b"<html>", (("Retry-After", "1"),)))
    changing.fail("POST /alert-comments", Fault(502, after_work=True))
    response = writer.http.post(changing.url, json={"query": ALERT, "variables": {"id": "A01"}})
    assert (response.status_code, response.headers["retry-after"], response.content) == (503, "1", b"<html>")
    assert writer.data(ALERT, id="A01")["id"] == "A01"
    body = {"alertId": "A02", "body": "lost answer", "format": "HTML"}
    assert writer.rest("POST", "/alert-comments", json=body).status_code == 502
    assert [comment["body"] for comment in changing.comments("A02")] == ["lost answer"]


def test_a_malformed_request_is_400(api: Api) -> None:
    """What is no GraphQL request is refused as AppSync refuses it."""
    for content in (b"not json", b"[]", b'{"query": 7}'):
        response = api.http.post(api.server.url, content=content)
        assert response.status_code == 400
        assert response.json()["errors"][0]["errorType"] == "MalformedHttpRequestException", content


def test_a_wrong_query_names_what_is_wrong(api: Api) -> None:
    """Unknown fields and syntax errors are validation errors."""
    for query in ("{ nope }", "{ users {", "query A { users { id } } query B { users { id } }"):
        assert api.post(query)["errors"][0]["errorType"] == "ValidationError"


def test_a_taken_port_is_a_configuration_error(reading: SandboxServer, world_path: Path) -> None:
    """The message names host and port."""
    with pytest.raises(ConfigError, match=f"127.0.0.1 port {reading.port}"):
        SandboxServer(load_world(world_path), SandboxOptions(port=reading.port))


def test_times_are_of_the_present_by_default(world_path: Path) -> None:
    """Served without further ado, the world's last alerts are hours old, in both APIs and in the lake."""
    with SandboxServer(load_world(world_path)) as server:
        api = Api(server, "sandbox-token")
        query = api.run("SELECT COUNT(*) AS n FROM aws_cloudtrail WHERE p_occurs_since('6 h')")
        assert query["results"]["edges"] == [{"node": {"n": 30}}]
        age = datetime.now(UTC) - parse_time(api.rest("GET", "/alerts/A01").json()["createdAt"])
        assert timedelta(hours=3) < age < timedelta(hours=5)
        assert datetime.now(UTC) - parse_time(query["startedAt"]) < timedelta(hours=1)
        api.http.close()


def test_the_shared_worlds_are_served() -> None:
    """Each shared world lists all its alerts of every kind, with origins and events, and no error."""
    shared = SHARED / "worlds"
    if not shared.is_dir():
        pytest.skip("the shared worlds are not beside this checkout")
    query = LIST.replace(
        "id status severity type", "id origin { __typename } events { edges { node } } updatedBy { __typename }"
    )
    for path in sorted(path for path in shared.iterdir() if path.is_dir()):
        world = load_world(path)
        with SandboxServer(world) as server:
            api = Api(server, "sandbox-token")
            seen = set()
            for listing in ("ALERT", "DETECTION_ERROR", "SYSTEM_ERROR"):
                cursor = None
                while True:
                    bounds = {"createdAtAfter": "2001-01-01T00:00:00Z", "createdAtBefore": "2098-01-01T00:00:00Z"}
                    page = api.data(query, input={**bounds, "type": listing, "cursor": cursor, "pageSize": 50})
                    seen |= {edge["node"]["id"] for edge in page["edges"]}
                    cursor = page["pageInfo"]["endCursor"]
                    if not cursor:
                        break
            assert seen == set(world.alerts)
            for alert_id in [alert_id for alert_id, alert in world.alerts.items() if alert["type"] != "RULE"]:
                assert api.rest("GET", f"/alerts/{alert_id}").status_code == 200
            api.http.close()
