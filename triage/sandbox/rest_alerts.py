"""Panther's REST API over one world: alerts, their labels and their comments."""

import re
from typing import cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from triage.sandbox.alerts import FORMATS, STATUSES, Filters
from triage.sandbox.backend import ApiCall, Page, page_of
from triage.sandbox.errors import RequestError
from triage.sandbox.rest_requests import cursor, json_body, limit, listing
from triage.sandbox.times import parse_time
from triage.sandbox.world import Record

_QUALITIES = ("NOISE", "USEFUL")
_MAX_TAGS = 10
_TAG = re.compile(r"[a-z0-9_-]{1,30}")


def _alert_body(alert: Record, call: ApiCall) -> Record:
    fields = (
        "id", "title", "severity", "status", "type", "createdAt", "firstEventOccurredAt", "lastReceivedEventAt",
        "runbook", "context", "eventCount", "updatedBy",
    )  # fmt: skip
    body: Record = {name: alert[name] for name in fields if alert.get(name) is not None}
    body["deliveries"] = []
    if alert.get("assignee"):
        body["assignee"] = {"id": alert["assignee"], "type": "user"}
    if call.backend.alerts.detection(alert) or alert.get("detectionId"):
        body["detection"] = {"id": alert["detectionId"], "type": alert.get("detectionType")}
    error = alert.get("systemError")
    if isinstance(error, dict):
        named = ("type", "sourceId", "sourceType", "detection")
        body["systemError"] = {name: error[name] for name in named if name in error}
    return body


async def get(request: Request, call: ApiCall) -> Response:
    """One alert."""
    call.token.require("AlertRead")
    return JSONResponse(_alert_body(call.backend.alerts.get(request.path_params["id"]), call))


async def patch(request: Request, call: ApiCall) -> Response:
    """Another status or assignee; a field that this generation does not know is ignored."""
    call.token.require("AlertModify")
    body = await json_body(request)
    alert_id = request.path_params["id"]
    call.backend.alerts.get(alert_id)
    status = body.get("status")
    if status is not None and status not in STATUSES:
        raise RequestError(400, f"status must be one of {', '.join(STATUSES)}")
    if "assignee" in body:
        call.backend.alerts.set_assignee([alert_id], cast("str | None", body["assignee"]), call.token)
    if status is not None:
        call.backend.alerts.set_status([alert_id], str(status), call.token)
    return Response(status_code=200)


def _labelled(body: Record, alert: Record) -> Record:
    """An alert with what the definition of July 2026 adds."""
    return body | {name: alert[name] for name in ("quality", "contextTags") if alert.get(name)}


async def get_labelled(request: Request, call: ApiCall) -> Response:
    """One alert with its labels."""
    call.token.require("AlertRead")
    alert = call.backend.alerts.get(request.path_params["id"])
    return JSONResponse(_labelled(_alert_body(alert, call), alert))


async def list_labelled(request: Request, call: ApiCall) -> Response:
    """Alerts of a span with their labels, by quality."""
    call.token.require("AlertRead")
    given = request.query_params
    try:
        after, before = (parse_time(given[name]) for name in ("created-after", "created-before"))
    except (KeyError, ValueError) as error:
        # The real API knows more ways to say a time, and has defaults.
        raise RequestError(400, "created-after and created-before must be RFC 3339 times") from error
    filters = Filters(created_after=after, created_before=before, qualities=given.getlist("quality"))
    page = call.backend.alerts.page(filters, cursor(request), limit(request))
    bodies = [_labelled(_alert_body(alert, call), alert) for alert in page.items]
    return listing(Page(bodies, page.start, page.end))


async def patch_labelled(request: Request, call: ApiCall) -> Response:
    """Labels, then what older generations change: all or nothing is checked first."""
    call.token.require("AlertModify")
    body = await json_body(request)
    quality, tags = body.get("quality"), body.get("contextTags")
    if quality not in (None, "", *_QUALITIES):
        raise RequestError(400, f"quality must be one of {', '.join(_QUALITIES)}")
    if tags is not None and not (isinstance(tags, list) and len(tags) <= _MAX_TAGS and all(map(_is_tag, tags))):
        raise RequestError(400, f"contextTags must be at most {_MAX_TAGS} of {_TAG.pattern}")
    answer = await patch(request, call)
    labels = {name: body[name] for name in ("quality", "contextTags") if body.get(name) is not None}
    if labels:
        call.backend.alerts.label(request.path_params["id"], labels, call.token)
    return answer


def _is_tag(value: object) -> bool:
    return isinstance(value, str) and _TAG.fullmatch(value) is not None


async def list_tags(request: Request, call: ApiCall) -> Response:
    """The context tags that alerts bear."""
    call.token.require("AlertRead")
    found = {
        str(tag)
        for alert in call.backend.world.alerts.values()
        for tag in cast("list[str]", alert.get("contextTags") or [])
    }
    tags = [{"tag": tag, "category": "custom", "managed": False} for tag in sorted(found)]
    return listing(page_of(tags, cursor(request), limit(request)))


async def list_events(request: Request, call: ApiCall) -> Response:
    """The events of an alert."""
    call.token.require("AlertRead")
    alert = call.backend.alerts.get(request.path_params["id"])
    return listing(page_of(call.backend.alerts.events(str(alert["id"])), cursor(request), limit(request)))


# ---- Comments ----------------------------------------------------------------------------------------------------


def _comment_body(comment: Record) -> Record:
    body = dict(comment)
    for field in ("createdBy", "updatedBy"):
        actor = comment.get(field)
        if isinstance(actor, dict):
            body[field] = {"id": actor.get("id"), "type": actor.get("type")}
    return body


async def list_comments(request: Request, call: ApiCall) -> Response:
    """The comments of an alert."""
    call.token.require("AlertRead")
    alert_id = request.query_params.get("alert-id")
    if not alert_id:
        raise RequestError(400, 'missing required parameter "alert-id"')
    page = call.backend.comments.page(alert_id, cursor(request), limit(request))
    return listing(Page([_comment_body(comment) for comment in page.items], page.start, page.end))


async def get_comment(request: Request, call: ApiCall) -> Response:
    """One comment."""
    call.token.require("AlertRead")
    return JSONResponse(_comment_body(call.backend.comments.get(request.path_params["id"])))


async def create_comment(request: Request, call: ApiCall) -> Response:
    """A new comment."""
    call.token.require("AlertModify")
    alert_id, text, format_ = await _comment_fields(request)
    return JSONResponse(_comment_body(call.backend.comments.create(alert_id, text, format_, call.token)))


async def update_comment(request: Request, call: ApiCall) -> Response:
    """Another text for a comment."""
    call.token.require("AlertModify")
    alert_id, text, format_ = await _comment_fields(request)
    comment_id = request.path_params["id"]
    return JSONResponse(_comment_body(call.backend.comments.update(comment_id, alert_id, text, format_, call.token)))


async def _comment_fields(request: Request) -> tuple[str, str, str]:
    body = await json_body(request)
    values = []
    for name in ("alertId", "body", "format"):
        value = body.get(name)
        if not isinstance(value, str):
            raise RequestError(400, f'"{name}" is missing from body')
        values.append(value)
    if values[2] not in FORMATS:
        raise RequestError(400, f"format must be one of {', '.join(FORMATS)}")
    return values[0], values[1], values[2]
