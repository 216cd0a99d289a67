"""Panther's REST API over one world: detections, alerts and alert comments."""

import re
from collections.abc import Awaitable, Callable
from typing import cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from triage.sandbox import s3_sources
from triage.sandbox.alerts import FORMATS, STATUSES, Filters
from triage.sandbox.backend import ApiCall, Page, page_of
from triage.sandbox.errors import RequestError
from triage.sandbox.s3_sources import json_body
from triage.sandbox.times import parse_time
from triage.sandbox.world import Record

Handler = Callable[[Request, ApiCall], Awaitable[Response]]
"""Answers one request; raises RequestError."""

Work = Callable[[ApiCall], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]

_MAX_LIMIT = 50
QUALITIES = ("NOISE", "USEFUL")
MAX_TAGS = 10
_TAG = re.compile(r"[a-z0-9_-]{1,30}")


def _kind(rule: Record, *, later: bool) -> str:
    """The path under which Panther serves a detection, by the fields that only that kind has.

    The REST definition of 2025 has no path for correlation rules; their record is shaped like a simple rule's.
    """
    for field, path in (
        ("scheduledQueries", "scheduled-rules"),
        ("resourceTypes", "policies"),
        ("detection", "simple-rules"),
    ):
        if field in rule:
            correlates = path == "simple-rules" and "RuleID" in str(rule["detection"])
            return "correlation-rules" if later and correlates else path
    return "rules"


def _detection(path: str, permission: str, *, later: bool = False) -> Handler:
    async def handler(request: Request, call: ApiCall) -> Response:
        call.token.require(permission)
        rule_id = request.path_params["id"]
        rule = call.backend.world.rules.get(rule_id)
        if rule is None or _kind(rule, later=later) != path:
            raise RequestError(404, f"{rule_id} not found")
        if request.query_params.get("include-python") != "true":
            rule = {name: value for name, value in rule.items() if name != "pythonBody"}
        return JSONResponse(rule)

    return handler


def _detections(path: str, *, later: bool = False) -> Handler:
    async def handler(request: Request, call: ApiCall) -> Response:
        call.token.require("RuleRead")
        rules = [rule for rule in call.backend.world.rules.values() if _kind(rule, later=later) == path]
        return _listing(page_of(rules, _cursor(request), _limit(request)))

    return handler


async def _get_global(request: Request, call: ApiCall) -> Response:
    call.token.require("RuleRead")
    found = call.backend.world.globals.get(request.path_params["id"])
    if found is None:
        raise RequestError(404, f"{request.path_params['id']} not found")
    return JSONResponse(found)


async def _list_data_models(request: Request, call: ApiCall) -> Response:
    call.token.require("RuleRead")
    return _listing(page_of(list(call.backend.world.data_models.values()), _cursor(request), _limit(request)))


# ---- Alerts ------------------------------------------------------------------------------------------------------


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


async def _get_alert(request: Request, call: ApiCall) -> Response:
    call.token.require("AlertRead")
    return JSONResponse(_alert_body(call.backend.alerts.get(request.path_params["id"]), call))


async def _patch_alert(request: Request, call: ApiCall) -> Response:
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


async def _get_labelled_alert(request: Request, call: ApiCall) -> Response:
    call.token.require("AlertRead")
    alert = call.backend.alerts.get(request.path_params["id"])
    return JSONResponse(_labelled(_alert_body(alert, call), alert))


async def _list_labelled_alerts(request: Request, call: ApiCall) -> Response:
    call.token.require("AlertRead")
    given = request.query_params
    try:
        after, before = (parse_time(given[name]) for name in ("created-after", "created-before"))
    except (KeyError, ValueError) as error:
        # The real API knows more ways to say a time, and has defaults.
        raise RequestError(400, "created-after and created-before must be RFC 3339 times") from error
    filters = Filters(created_after=after, created_before=before, qualities=given.getlist("quality"))
    page = call.backend.alerts.page(filters, _cursor(request), _limit(request))
    bodies = [_labelled(_alert_body(alert, call), alert) for alert in page.items]
    return _listing(Page(bodies, page.start, page.end))


async def _patch_labels(request: Request, call: ApiCall) -> Response:
    """Labels, then what older generations change: all or nothing is checked first."""
    call.token.require("AlertModify")
    body = await json_body(request)
    quality, tags = body.get("quality"), body.get("contextTags")
    if quality not in (None, "", *QUALITIES):
        raise RequestError(400, f"quality must be one of {', '.join(QUALITIES)}")
    if tags is not None and not (isinstance(tags, list) and len(tags) <= MAX_TAGS and all(map(_is_tag, tags))):
        raise RequestError(400, f"contextTags must be at most {MAX_TAGS} of {_TAG.pattern}")
    answer = await _patch_alert(request, call)
    labels = {name: body[name] for name in ("quality", "contextTags") if body.get(name) is not None}
    if labels:
        call.backend.alerts.label(request.path_params["id"], labels, call.token)
    return answer


def _is_tag(value: object) -> bool:
    return isinstance(value, str) and _TAG.fullmatch(value) is not None


async def _get_tags(request: Request, call: ApiCall) -> Response:
    call.token.require("AlertRead")
    found = {
        str(tag)
        for alert in call.backend.world.alerts.values()
        for tag in cast("list[str]", alert.get("contextTags") or [])
    }
    tags = [{"tag": tag, "managed": False} for tag in sorted(found)]
    return _listing(page_of(tags, _cursor(request), min(_limit(request), _MAX_LIMIT)))


async def _get_events(request: Request, call: ApiCall) -> Response:
    call.token.require("AlertRead")
    alert = call.backend.alerts.get(request.path_params["id"])
    return _listing(page_of(call.backend.alerts.events(str(alert["id"])), _cursor(request), _limit(request)))


async def _get_alarm(request: Request, call: ApiCall) -> Response:
    call.token.require("LogSourceRead")
    source_id, type_ = request.path_params["id"], request.path_params["type"]
    if type_ != "SOURCE_NO_DATA":
        raise RequestError(400, 'value of type must be one of "SOURCE_NO_DATA"')
    alarms = call.backend.world.sources.get(source_id, {}).get("alarms")
    alarm = alarms.get(type_) if isinstance(alarms, dict) else None
    if not isinstance(alarm, dict):
        raise RequestError(404, f"alarm {type_} of source {source_id} not found")
    return JSONResponse({"type": type_, **alarm})


async def _get_queries(request: Request, call: ApiCall) -> Response:
    call.token.require("DataAnalyticsRead")
    return _listing(page_of(list(call.backend.world.queries.values()), _cursor(request), _limit(request)))


async def _get_query(request: Request, call: ApiCall) -> Response:
    call.token.require("DataAnalyticsRead")
    query = call.backend.world.queries.get(request.path_params["id"])
    if query is None:
        raise RequestError(404, f"query {request.path_params['id']} not found")
    return JSONResponse(query)


# ---- Comments ----------------------------------------------------------------------------------------------------


def _comment_body(comment: Record) -> Record:
    body = dict(comment)
    for field in ("createdBy", "updatedBy"):
        actor = comment.get(field)
        if isinstance(actor, dict):
            body[field] = {"id": actor.get("id"), "type": actor.get("type")}
    return body


async def _get_comments(request: Request, call: ApiCall) -> Response:
    call.token.require("AlertRead")
    alert_id = request.query_params.get("alert-id")
    if not alert_id:
        raise RequestError(400, 'missing required parameter "alert-id"')
    page = call.backend.comments.page(alert_id, _cursor(request), _limit(request))
    return _listing(Page([_comment_body(comment) for comment in page.items], page.start, page.end))


async def _get_comment(request: Request, call: ApiCall) -> Response:
    call.token.require("AlertRead")
    return JSONResponse(_comment_body(call.backend.comments.get(request.path_params["id"])))


async def _create_comment(request: Request, call: ApiCall) -> Response:
    call.token.require("AlertModify")
    alert_id, text, format_ = await _comment_fields(request)
    return JSONResponse(_comment_body(call.backend.comments.create(alert_id, text, format_, call.token)))


async def _update_comment(request: Request, call: ApiCall) -> Response:
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


# ---- Requests and answers ----------------------------------------------------------------------------------------


def _cursor(request: Request) -> str | None:
    return request.query_params.get("cursor") or None


def _limit(request: Request) -> int:
    text = request.query_params.get("limit") or "25"
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MAX_LIMIT:
        raise RequestError(400, f"limit must be between 1 and {_MAX_LIMIT}")
    return int(text)


def _listing(page: Page[Record]) -> Response:
    body: Record = {"results": list(page.items)}
    if page.end:
        body["next"] = page.end
    return JSONResponse(body)


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/rules", _detections("rules")),
    ("GET", "/scheduled-rules", _detections("scheduled-rules")),
    ("GET", "/simple-rules", _detections("simple-rules")),
    ("GET", "/rules/{id}", _detection("rules", "RuleRead")),
    ("GET", "/scheduled-rules/{id}", _detection("scheduled-rules", "RuleRead")),
    ("GET", "/simple-rules/{id}", _detection("simple-rules", "RuleRead")),
    ("GET", "/policies/{id}", _detection("policies", "PolicyRead")),
    ("GET", "/globals/{id}", _get_global),
    ("GET", "/data-models", _list_data_models),
    ("GET", "/alerts/{id}", _get_alert),
    ("PATCH", "/alerts/{id}", _patch_alert),
    ("GET", "/alerts/{id}/events", _get_events),
    ("GET", "/alert-comments", _get_comments),
    ("POST", "/alert-comments", _create_comment),
    ("GET", "/alert-comments/{id}", _get_comment),
    ("POST", "/alert-comments/{id}", _update_comment),
    ("GET", "/queries", _get_queries),
    ("GET", "/queries/{id}", _get_query),
)
"""Method, path and handler; the handlers raise RequestError."""

LATER_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/simple-rules", _detections("simple-rules", later=True)),
    ("GET", "/simple-rules/{id}", _detection("simple-rules", "RuleRead", later=True)),
    ("GET", "/correlation-rules", _detections("correlation-rules", later=True)),
    ("GET", "/correlation-rules/{id}", _detection("correlation-rules", "RuleRead", later=True)),
    ("GET", "/log-source-alarms/{id}/{type}", _get_alarm),
    ("POST", "/log-sources/s3", s3_sources.create),
    ("GET", "/log-sources/s3/{id}", s3_sources.get),
    ("PUT", "/log-sources/s3/{id}", s3_sources.update),
    ("DELETE", "/log-sources/s3/{id}", s3_sources.delete),
    ("GET", "/alert-context-tags", _get_tags),
    ("GET", "/alerts", _list_labelled_alerts),
    ("GET", "/alerts/{id}", _get_labelled_alert),
    ("PATCH", "/alerts/{id}", _patch_labels),
)
"""What came after 2025, before the older route of the same path: the definition of July 2026. Alarms stand in a source's
record, by type, under `alarms`."""
