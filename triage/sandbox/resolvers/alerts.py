"""Alerts, their origins and events, and what users do to them."""

from typing import cast

from triage.sandbox.alerts import Filters, graphql_type
from triage.sandbox.backend import ApiCall, page_of
from triage.sandbox.errors import RequestError
from triage.sandbox.resolvers.fields import (
    BEFORE_ANY_EVENT,
    Resolver,
    actor,
    api_token,
    cursor,
    field,
    given,
    moment,
    page_size,
    texts,
    user,
)
from triage.sandbox.resolvers.people import id_of_email
from triage.sandbox.world import Record

# REST gives system errors longer names than the GraphQL enum has.
_SYSTEM_ERRORS = {
    "LOG_SOURCE_NO_DATA": "SOURCE_NO_DATA",
    "LOG_SOURCE_PERMISSIONS_CHECKS": "SOURCE_PERMISSIONS_CHECKS",
    "LOG_SOURCE_LOG_PROCESSING_ERRORS": "SOURCE_LOG_PROCESSING_ERRORS",
    "LOG_SOURCE_CLASSIFICATION_FAILURES": "SOURCE_CLASSIFICATION_FAILURES",
    "LOG_SOURCE_SCANNING_ERRORS": "SOURCE_SCANNING_ERRORS",
}


@field("Query", "alert", "AlertRead")
def _alert(_source: Record, call: ApiCall, arguments: Record) -> object:
    return call.backend.alerts.get(str(arguments["id"]))


@field("Query", "alerts", "AlertRead")
def _alerts(_source: Record, call: ApiCall, arguments: Record) -> object:
    wanted = given(arguments)
    after, before = moment(wanted, "createdAtAfter"), moment(wanted, "createdAtBefore")
    if wanted.get("detectionId") is None and not (after and before):
        raise RequestError(400, "either detectionId or both createdAtAfter and createdAtBefore must be given")
    filters = Filters(
        listing=str(wanted.get("type") or "ALERT"),
        subtypes=texts(wanted, "subtypes"),
        statuses=texts(wanted, "statuses"),
        severities=texts(wanted, "severities"),
        detection_id=cast("str | None", wanted.get("detectionId")),
        created_after=after,
        created_before=before,
        assignees=texts(wanted, "assigneeIds"),
        log_types=texts(wanted, "logTypes"),
        log_sources=texts(wanted, "logSources"),
        resource_types=texts(wanted, "resourceTypes"),
        name_contains=str(wanted.get("nameContains") or ""),
        event_count_min=cast("int | None", wanted.get("eventCountMin")),
        event_count_max=cast("int | None", wanted.get("eventCountMax")),
        descending=wanted.get("sortDir") != "ascending",
    )
    page = call.backend.alerts.page(filters, cursor(wanted), page_size(wanted, call))
    return {"edges": [{"node": alert} for alert in page.items], "pageInfo": page.info()}


@field("Alert", "type")
def _type(alert: Record, _call: ApiCall, _arguments: Record) -> object:
    return graphql_type(alert)


@field("Alert", "deliveries")
def _deliveries(_source: Record, _call: ApiCall, _arguments: Record) -> object:
    return []


def _text_of(name: str) -> Resolver:
    return lambda alert, _call, _arguments: alert.get(name) or ""


for _name in ("description", "reference", "runbook"):
    field("Alert", _name)(_text_of(_name))


@field("Alert", "assignee")
def _assignee(alert: Record, call: ApiCall, _arguments: Record) -> object:
    return user(call.backend, alert.get("assignee"))


@field("Alert", "updatedBy")
def _updated_by(alert: Record, call: ApiCall, _arguments: Record) -> object:
    return actor(alert.get("updatedBy"), call)


@field("Alert", "lastReceivedEventAt")
def _last_received(alert: Record, _call: ApiCall, _arguments: Record) -> object:
    # The official field is never null, though an alert without events (a policy's, a system error) has no such time.
    return alert.get("lastReceivedEventAt") or alert["createdAt"]


@field("Alert", "events")
def _events(alert: Record, call: ApiCall, arguments: Record) -> object:
    wanted = given(arguments)
    page = page_of(call.backend.alerts.events(str(alert["id"])), cursor(wanted), page_size(wanted, call))
    return {"edges": [{"node": event} for event in page.items], "pageInfo": page.info()}


@field("Alert", "origin")
def _origin(alert: Record, call: ApiCall, _arguments: Record) -> object:
    if alert["type"] == "SYSTEM_ERROR":
        error = cast("Record", alert.get("systemError") or {})
        name = str(error.get("type") or "SOURCE_NO_DATA")
        component = "LOG_SOURCE" if error.get("sourceId") else "DETECTION"
        return {"__typename": "SystemError", "type": _SYSTEM_ERRORS.get(name, name), "relatedComponent": component}
    rule = call.backend.alerts.detection(alert)
    if rule is None:
        return {"__typename": "DeletedDetection", "id": alert.get("detectionId") or ""}
    return {
        "__typename": "Detection",
        "id": rule["id"],
        "name": rule.get("displayName") or rule["id"],
        "type": alert.get("detectionType") or "RULE",
        "description": rule.get("description"),
        "createdAt": rule.get("createdAt") or BEFORE_ANY_EVENT,
        "createdBy": actor(rule.get("createdBy"), call),
        "updatedAt": rule.get("lastModified"),
        "updatedBy": None,
    }


@field("Mutation", "updateAlertStatusById", "AlertModify")
def _update_status(_source: Record, call: ApiCall, arguments: Record) -> object:
    change = given(arguments)
    return {"alerts": call.backend.alerts.set_status(texts(change, "ids"), str(change["status"]), call.token)}


@field("Mutation", "updateAlertsAssigneeById", "AlertModify")
def _assign_by_id(_source: Record, call: ApiCall, arguments: Record) -> object:
    change = given(arguments)
    user_id = cast("str | None", change.get("assigneeId"))
    return {"alerts": call.backend.alerts.set_assignee(texts(change, "ids"), user_id, call.token)}


@field("Mutation", "updateAlertsAssigneeByEmail", "AlertModify")
def _assign_by_email(_source: Record, call: ApiCall, arguments: Record) -> object:
    change = given(arguments)
    email = change.get("assigneeEmail")
    user_id = id_of_email(call.backend, str(email)) if email else None
    return {"alerts": call.backend.alerts.set_assignee(texts(change, "ids"), user_id, call.token)}


@field("Mutation", "createAlertComment", "AlertModify")
def _create_comment(_source: Record, call: ApiCall, arguments: Record) -> object:
    asked, backend = given(arguments), call.backend
    comment = backend.comments.create(str(asked["alertId"]), str(asked["body"]), str(asked["format"]), call.token)
    entity = {"__typename": "Alert", **backend.alerts.get(str(asked["alertId"]))}
    return {"comment": {**comment, "createdBy": api_token(call.token, backend), "entity": entity}}
