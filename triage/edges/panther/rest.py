"""REST over the same HTTP client, for what Panther's GraphQL lacks."""

import json
import logging
from collections.abc import AsyncGenerator, Mapping
from http import HTTPStatus
from urllib.parse import quote

from pydantic import JsonValue

from triage.edges.panther.failures import unreadable
from triage.edges.panther.http import Call, PantherHttp, Reply
from triage.edges.panther.wire import Trail
from triage.errors import NotFound, PantherDenied, PantherRefused

_UNKNOWN_PATH = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})
_PAGE = 50
"""REST's largest page."""
_logger = logging.getLogger(__name__)


class Rest:
    """GET, POST, PATCH, PUT and DELETE with JSON objects."""

    def __init__(self, http: PantherHttp) -> None:
        self._http = http
        self._missing = http.missing

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

    async def get_later(
        self, path: str, *ids: str, params: Mapping[str, str] | None = None
    ) -> dict[str, JsonValue] | None:
        """As `get`, for a path that came after 2025; `None` where this Panther lacks it or the token may not read it.

        Either is remembered for an hour, in which nothing is asked. 404 for an id says nothing of the path: that is
        NotFound, and a caller who knows better says so by `lack`.

        Raises:
            NotFound: There is nothing of that id, or no such path.
            PantherError: As `PantherHttp.call`.
        """
        if self.lacks(path):
            return None
        try:
            return await self.get(path, *ids, params=params)
        except PantherDenied as error:
            # A gateway answers 403 where it has no such path, too.
            if error.status != HTTPStatus.FORBIDDEN:
                raise
        except PantherRefused as error:
            if error.status not in _UNKNOWN_PATH:
                raise
        self.lack(path)
        return None

    async def pages(
        self, path: str, *, params: Mapping[str, str] | None = None, later: bool = False
    ) -> AsyncGenerator[list[JsonValue], None]:
        """The pages of a list, to the last: half a list is an error.

        Args:
            path: Of the list.
            params: The query string, without cursor and limit.
            later: It came after 2025: where `get_later` gives nothing there are no pages.

        Raises:
            PantherError: As `PantherHttp.call`; an answer without a list, or cursors that repeat.
        """
        trail, cursor = Trail(_operation("GET", path)), ""
        while True:
            asked = {**(params or {}), "limit": str(_PAGE), **({"cursor": cursor} if cursor else {})}
            page = await (self.get_later if later else self.get)(path, params=asked)
            if page is None:
                return
            results, following = page.get("results"), page.get("next")
            if not isinstance(results, list):
                raise unreadable(_operation("GET", path), "the answer has no list of results")
            yield results
            if not isinstance(following, str) or not following:
                return
            trail.follow(following)
            cursor = following

    def lacks(self, path: str) -> bool:
        """Whether this Panther has said within the last hour that it has no such path."""
        return _operation("GET", path) in self._missing

    def lack(self, path: str) -> None:
        """Remember that this Panther has no such path."""
        if self._missing.add(_operation("GET", path)):
            _logger.info("this Panther does not serve %s; the program goes on without", _operation("GET", path))

    def missing_paths(self) -> tuple[str, ...]:
        """Methods and paths that this Panther has said it lacks, within the last hour."""
        return tuple(sorted(name for name in self._missing.names() if " " in name))

    async def post(self, path: str, *ids: str, body: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Write an object, once, and return what Panther made of it. Raises NotFound, PantherError."""
        return await self._call("POST", path, ids, content=_content(body))

    async def patch(self, path: str, *ids: str, body: Mapping[str, JsonValue]) -> None:
        """Change some fields of an object, once. Raises NotFound, PantherError."""
        await self._call("PATCH", path, ids, content=_content(body), may_be_empty=True)

    async def put(self, path: str, *ids: str, body: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Replace an object, once, and return what Panther made of it. Raises NotFound, PantherError."""
        return await self._call("PUT", path, ids, content=_content(body))

    async def delete(self, path: str, *ids: str) -> None:
        """Delete an object, once. Raises NotFound, PantherError."""
        await self._call("DELETE", path, ids, may_be_empty=True)

    async def _call(
        self,
        method: str,
        path: str,
        ids: tuple[str, ...],
        *,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        may_be_empty: bool = False,
    ) -> dict[str, JsonValue]:
        if not all(ids):
            raise NotFound(f"Panther, {method} {path}: the id is empty")
        config = self._http.config
        call = Call(
            operation=_operation(method, path),
            method=method,
            url=config.rest_base + path.format(*map(_segment, ids)),
            params=params or {},
            content=content,
            write=method != "GET",
            may_be_empty=may_be_empty,
            url_key="panther.rest_url" if config.rest_url else "panther.url",
        )
        try:
            return await self._http.call(call, _nothing if may_be_empty else _object)
        except PantherRefused as error:
            if error.status == HTTPStatus.NOT_FOUND and ids:
                raise NotFound(str(error)) from error
            raise


def _operation(method: str, path: str) -> str:
    """Method and path for messages, such as `GET /rules/{id}`."""
    return f"{method} {path.replace('{}', '{id}')}"


def _object(reply: Reply) -> dict[str, JsonValue]:
    if isinstance(reply.value, dict):
        return reply.value
    raise reply.errors.protocol("the answer is not a JSON object", "check that the address is Panther's API")


def _nothing(_reply: Reply) -> dict[str, JsonValue]:
    """Whatever a write answers that needs no answer."""
    return {}


def _content(body: Mapping[str, JsonValue]) -> bytes:
    return json.dumps(dict(body), separators=(",", ":"), allow_nan=False).encode("ascii")


def _segment(text: str) -> str:
    """One path segment; a segment of dots would otherwise lead up the path."""
    encoded = quote(text.encode("utf-8", "backslashreplace"), safe="")
    return encoded.replace(".", "%2E") if not encoded.strip(".") else encoded
