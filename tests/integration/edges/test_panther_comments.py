"""Comments, status and assignee."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.loopback import FakePanther, respond
from tests.support.panther import TOKEN, connected
from triage.domain.alert import Actor, Status
from triage.edges.panther.failures import OutcomeUnknown
from triage.errors import NotFound, PantherProtocolError, PantherRefused
from triage.ports import Comment, Comments

pytestmark = pytest.mark.anyio

LIST = ("GET", "/alert-comments")
REST = {
    "id": "c-1",
    "alertId": "a-1",
    "body": "<b>found</b>",
    "format": "HTML",
    "createdAt": "2031-05-06T11:00:00Z",
    "createdBy": {"id": "u-1", "type": "user", "email": "ada@acme.example"},
}
COMMENT = Comment(
    id="c-1",
    alert_id="a-1",
    body="<b>found</b>",
    format="HTML",
    created_at=datetime(2031, 5, 6, 11, tzinfo=UTC),
    created_by=Actor(id="u-1", kind="user", email="ada@acme.example"),
)


async def test_the_list_goes_to_its_last_page() -> None:
    """Each comment once, even where pages overlap."""
    second = {**REST, "id": "c-2", "body": None, "createdBy": None}
    pages = [
        {"results": [REST, None], "next": "p2"},
        {"results": [], "next": "p3"},
        {"results": [REST, second], "next": ""},
    ]
    fake = FakePanther(rest={LIST: pages})
    async with connected(fake) as (panther, _):
        port: Comments = panther.comments
        found = await port.list("a-1")
    assert found == (COMMENT, Comment(id="c-2", alert_id="a-1", body="", format="HTML", created_at=COMMENT.created_at))
    assert [query.get("cursor") for _, query in fake.calls] == [None, "p2", "p3"]
    assert fake.calls[0][1] == {"alert-id": "a-1", "limit": "50"}


@pytest.mark.parametrize(
    ("pages", "error", "says"),
    [
        ([{"results": [REST], "next": "p"}], PantherProtocolError, "cursors repeat"),
        ([{"results": None}], PantherProtocolError, "no list of results"),
        ([{"results": [{"body": "x"}]}], PantherProtocolError, "`id`: missing"),
        ([respond({"message": "alert not found"}, 404)], NotFound, "no alert 'a-1'"),
        ([respond({"message": "bad limit"}, 400)], PantherRefused, 'refused: "bad limit"'),
    ],
)
async def test_half_a_list_is_an_error(pages: Any, error: type[Exception], says: str) -> None:
    """Who looks for an own comment must not take a broken list for one without it."""
    async with connected(FakePanther(rest={LIST: pages})) as (panther, _):
        with pytest.raises(error, match=says):
            await panther.comments.list("a-1")


async def test_a_body_that_is_no_text_can_still_be_searched() -> None:
    """REST's definition gives the body no type."""
    odd = {**REST, "body": {"html": "marker-1"}}
    async with connected(FakePanther(rest={LIST: {"results": [odd]}})) as (panther, _):
        (found,) = await panther.comments.list("a-1")
    assert "marker-1" in found.body


async def test_a_comment_is_created_once() -> None:
    """Through GraphQL; text that UTF-8 cannot carry is escaped."""
    made = {**{name: REST[name] for name in ("id", "body", "format", "createdAt")}, "createdBy": None}
    fake = FakePanther(graphql={"CreateComment": {"createAlertComment": {"comment": made}}})
    async with connected(fake) as (panther, _):
        found = await panther.comments.create("a-1", "<b>found</b>\ud800", "HTML")
    assert found == COMMENT.model_copy(update={"created_by": Actor()})
    given = {"alertId": "a-1", "body": "<b>found</b>\\ud800", "format": "HTML"}
    assert fake.calls == [("CreateComment", {"input": given})]


async def test_a_comment_is_replaced() -> None:
    """Through REST, with the alert it belongs to."""
    fake = FakePanther(rest={("POST", "/alert-comments/c-1"): {**REST, "body": "new", "format": "PLAIN_TEXT"}})
    async with connected(fake) as (panther, _):
        found = await panther.comments.update(COMMENT, "new", "PLAIN_TEXT")
        assert found.body == "new"
        for unknown, why in (("c-9", "not found"), ("", "the id is empty")):
            with pytest.raises(NotFound, match=why):
                await panther.comments.update(COMMENT.model_copy(update={"id": unknown}), "new", "PLAIN_TEXT")
    assert fake.calls[0] == ("POST /alert-comments/c-1", {"alertId": "a-1", "body": "new", "format": "PLAIN_TEXT"})


async def test_status_and_assignee() -> None:
    """Each names its alert, and the answer must name it too."""
    fake = FakePanther(
        graphql={
            "UpdateStatus": {"updateAlertStatusById": {"alerts": [{"id": "a-1", "status": "TRIAGED"}]}},
            "Assign": {"updateAlertsAssigneeByEmail": {"alerts": [{"id": "a-1"}]}},
        }
    )
    async with connected(fake) as (panther, _):
        await panther.comments.set_status("a-1", Status.TRIAGED)
        await panther.comments.assign("a-1", "ada@acme.example")
    assert fake.calls == [
        ("UpdateStatus", {"input": {"ids": ["a-1"], "status": "TRIAGED"}}),
        ("Assign", {"input": {"ids": ["a-1"], "assigneeEmail": "ada@acme.example"}}),
    ]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"updateAlertStatusById": {"alerts": []}}, NotFound),
        ({"updateAlertStatusById": {"alerts": None}}, OutcomeUnknown),
        (respond({"errors": [{"message": "alert not found"}]}), NotFound),
        (respond({"errors": [{"message": "no such status"}, {"message": "x"}]}), NotFound),
        (respond({"errors": [{"message": "bad status"}]}), PantherRefused),
        (respond({}, 500), OutcomeUnknown),
    ],
)
async def test_an_update_that_did_not_happen_is_told_from_one_that_may_have(
    answer: Any, error: type[Exception]
) -> None:
    """Only the latter has an unknown outcome."""
    async with connected(FakePanther(graphql={"UpdateStatus": answer})) as (panther, server):
        with pytest.raises(error) as caught:
            await panther.comments.set_status("a-1", Status.TRIAGED)
        assert type(caught.value) is error
        assert getattr(caught.value, "outcome_unknown", False) is (error is OutcomeUnknown)
        assert len(server.requests) == 1


@pytest.mark.parametrize("auth", ["x-api-key", "bearer"])
async def test_every_call_carries_the_token_in_its_header(auth: str) -> None:
    """GraphQL and REST alike."""
    async with connected([respond({"results": []})], auth=auth) as (panther, server):
        await panther.comments.list("a-1")
    (request,) = server.requests
    if auth == "bearer":
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert "x-api-key" not in request.headers
    else:
        assert request.headers["x-api-key"] == TOKEN
        assert "authorization" not in request.headers
