"""The embedded Panther's S3 log sources over REST. They are kept with the other sources, in the names that both APIs use."""

import uuid

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from triage.sandbox.backend import ApiCall
from triage.sandbox.errors import RequestError
from triage.sandbox.rest_requests import json_body
from triage.sandbox.times import iso
from triage.sandbox.world import Record

TYPE = "aws-s3"
_SETTINGS = (
    *("integrationLabel", "s3PrefixLogTypes", "managedBucketNotifications", "logProcessingRole", "logStreamType"),
    *("kmsKey", "logStreamTypeOptions"),
)
_NEW = ("awsAccountId", "s3Bucket")
_OPTIONAL = frozenset({"kmsKey", "logStreamTypeOptions"})
_STREAM_TYPES = ("Auto", "JSON", "JsonArray", "Lines", "XML", "CloudWatchLogs")
_ACCOUNT_DIGITS = 12


async def get(request: Request, call: ApiCall) -> Response:
    """One source."""
    call.token.require("LogSourceRead")
    return JSONResponse(_shown(_found(request, call)))


async def create(request: Request, call: ApiCall) -> Response:
    """A new source; its label must be free."""
    call.token.require("LogSourceModify")
    body = _checked(await json_body(request), (*_NEW, *_SETTINGS), call)
    account = str(body["awsAccountId"])
    if not account.isdigit() or len(account) != _ACCOUNT_DIGITS:
        raise RequestError(400, "awsAccountId must have 12 digits")
    name = str(uuid.uuid4())
    record: Record = {
        **body,
        "integrationId": name,
        "integrationType": TYPE,
        "logTypes": _log_types(body),
        "isEditable": True,
        "isHealthy": True,
        "lastEventReceivedAtTime": None,
        "lastEventProcessedAtTime": None,
        "createdAtTime": iso(call.backend.world.stamp()),
    }
    call.backend.world.sources[name] = record
    return JSONResponse(_shown(record), status_code=201)


async def update(request: Request, call: ApiCall) -> Response:
    """Other settings for a source."""
    call.token.require("LogSourceModify")
    record = _found(request, call)
    body = _checked(await json_body(request), _SETTINGS, call, besides=str(record["integrationId"]))
    for name in _OPTIONAL - body.keys():
        record.pop(name, None)
    record.update(body, logTypes=_log_types(body))
    return JSONResponse(_shown(record))


async def delete(request: Request, call: ApiCall) -> Response:
    """One source less. The definition has no 404 here."""
    call.token.require("LogSourceModify")
    try:
        record = _found(request, call)
    except RequestError as error:
        raise RequestError(400, str(error)) from error
    del call.backend.world.sources[str(record["integrationId"])]
    return Response(status_code=204)


def _found(request: Request, call: ApiCall) -> Record:
    name = request.path_params["id"]
    record = call.backend.world.sources.get(name)
    if record is None or record.get("integrationType") != TYPE:
        raise RequestError(404, f"S3 source {name} not found")
    return record


def _checked(body: Record, names: tuple[str, ...], call: ApiCall, *, besides: str = "") -> Record:
    missing = [name for name in names if name not in body and name not in _OPTIONAL]
    if missing:
        raise RequestError(400, f'"{missing[0]}" is missing from body')
    if body["logStreamType"] not in _STREAM_TYPES:
        raise RequestError(400, f"logStreamType must be one of {', '.join(_STREAM_TYPES)}")
    label = body["integrationLabel"]
    if any(each["integrationLabel"] == label and key != besides for key, each in call.backend.world.sources.items()):
        raise RequestError(409, f"a source labelled {label} exists")
    return {name: body[name] for name in names if name in body}


def _log_types(body: Record) -> list[str]:
    mappings = body["s3PrefixLogTypes"]
    if not isinstance(mappings, list) or not all(isinstance(each, dict) for each in mappings):
        raise RequestError(400, "s3PrefixLogTypes must be a list of objects")
    return list(dict.fromkeys(name for each in mappings for name in each.get("logTypes", [])))


def _shown(record: Record) -> Record:
    names = ("integrationId", *_NEW, *_SETTINGS)
    return {name: record[name] for name in names if record.get(name) is not None}
