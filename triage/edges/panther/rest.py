"""REST over the same HTTP client, for what Panther's GraphQL lacks."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from pydantic import JsonValue

from triage.edges.panther.http import Call, PantherHttp, Reply
from triage.errors import NotFound, PantherRefused


class Rest:
    """GET and POST with JSON objects."""

    def __init__(self, http: PantherHttp) -> None:
        self._http = http

    async def get(self, path: str, *ids: str, params: Mapping[str, str] | None = None) -> dict[str, JsonValue]:
        """Fetch an object; retried.

        Args:
            path: Such as `/rules` or `/rules/{}`.
            ids: Fill the `{}`; percent-encoded, since a rule's id may hold slashes and spaces.
            params: The query string.

        Raises:
            NotFound: There is nothing of that id.
            PantherError: As `PantherHttp.call`.
        """
        return await self._call("GET", path, ids, params=params)

    async def post(self, path: str, *ids: str, body: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Write an object, once, and return what Panther made of it. Raises NotFound, PantherError."""
        content = json.dumps(dict(body), separators=(",", ":"), allow_nan=False).encode("ascii")
        return await self._call("POST", path, ids, content=content)

    async def _call(
        self,
        method: str,
        path: str,
        ids: tuple[str, ...],
        *,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> dict[str, JsonValue]:
        if not all(ids):
            raise NotFound(f"Panther, {method} {path}: the id is empty")
        config = self._http.config
        call = Call(
            operation=f"{method} {path.format(*('{id}' for _ in ids))}",
            method=method,
            url=config.rest_base + path.format(*map(_segment, ids)),
            params=params or {},
            content=content,
            write=method != "GET",
            url_key="panther.rest_url" if config.rest_url else "panther.url",
        )
        try:
            return await self._http.call(call, _object)
        except PantherRefused as error:
            if error.status == HTTPStatus.NOT_FOUND and ids:
                raise NotFound(str(error)) from error
            raise


def _object(reply: Reply) -> dict[str, JsonValue]:
    if isinstance(reply.value, dict):
        return reply.value
    raise reply.errors.protocol("the answer is not a JSON object", "check that the address is Panther's API")


def _segment(text: str) -> str:
    """One path segment; a segment of dots would otherwise lead up the path."""
    encoded = quote(text.encode("utf-8", "backslashreplace"), safe="")
    return encoded.replace(".", "%2E") if not encoded.strip(".") else encoded
