"""What the handlers of Panther's REST API share: reading a request, writing a page."""

import json
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from triage.sandbox.backend import ApiCall, Page
from triage.sandbox.errors import RequestError
from triage.sandbox.world import Record

Handler = Callable[[Request, ApiCall], Awaitable[Response]]
"""Answers one request; raises RequestError."""

_MAX_LIMIT = 50


def cursor(request: Request) -> str | None:
    """Where a page starts; `None` for the first."""
    return request.query_params.get("cursor") or None


def limit(request: Request) -> int:
    """How long a page may be. Raises RequestError (400)."""
    text = request.query_params.get("limit") or "25"
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MAX_LIMIT:
        raise RequestError(400, f"limit must be between 1 and {_MAX_LIMIT}")
    return int(text)


def listing(page: Page[Record]) -> Response:
    """A page as a body."""
    body: Record = {"results": list(page.items)}
    if page.end:
        body["next"] = page.end
    return JSONResponse(body)


async def json_body(request: Request) -> Record:
    """The JSON object of a request. Raises RequestError (400)."""
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise RequestError(400, "the body is not JSON") from error
    if not isinstance(body, dict):
        raise RequestError(400, "the body is not a JSON object")
    return body
