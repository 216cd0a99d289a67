"""Panther's REST API over one world: its routes; detections, alarms and saved queries."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from triage.sandbox import rest_alerts, s3_sources
from triage.sandbox.backend import ApiCall, page_of
from triage.sandbox.errors import RequestError
from triage.sandbox.rest_requests import Handler, cursor, limit, listing
from triage.sandbox.world import Record


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
        return listing(page_of(rules, cursor(request), limit(request)))

    return handler


async def _get_global(request: Request, call: ApiCall) -> Response:
    call.token.require("RuleRead")
    found = call.backend.world.globals.get(request.path_params["id"])
    if found is None:
        raise RequestError(404, f"{request.path_params['id']} not found")
    return JSONResponse(found)


async def _list_data_models(request: Request, call: ApiCall) -> Response:
    call.token.require("RuleRead")
    return listing(page_of(list(call.backend.world.data_models.values()), cursor(request), limit(request)))


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
    return listing(page_of(list(call.backend.world.queries.values()), cursor(request), limit(request)))


async def _get_query(request: Request, call: ApiCall) -> Response:
    call.token.require("DataAnalyticsRead")
    query = call.backend.world.queries.get(request.path_params["id"])
    if query is None:
        raise RequestError(404, f"query {request.path_params['id']} not found")
    return JSONResponse(query)


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
    ("GET", "/alerts/{id}", rest_alerts.get),
    ("PATCH", "/alerts/{id}", rest_alerts.patch),
    ("GET", "/alerts/{id}/events", rest_alerts.list_events),
    ("GET", "/alert-comments", rest_alerts.list_comments),
    ("POST", "/alert-comments", rest_alerts.create_comment),
    ("GET", "/alert-comments/{id}", rest_alerts.get_comment),
    ("POST", "/alert-comments/{id}", rest_alerts.update_comment),
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
    ("GET", "/alert-context-tags", rest_alerts.list_tags),
    ("GET", "/alerts", rest_alerts.list_labelled),
    ("GET", "/alerts/{id}", rest_alerts.get_labelled),
    ("PATCH", "/alerts/{id}", rest_alerts.patch_labelled),
)
"""What came after 2025, before the older route of the same path: the definition of July 2026. Alarms stand in a source's
record, by type, under `alarms`."""
