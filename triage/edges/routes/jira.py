"""Issues in Jira: one per alert, found again by its label, changed in place.

Source: Jira Cloud REST API v2 (`POST /issue`, `PUT /issue/{key}`, `GET /search/jql`, `POST /issue/{key}/remotelink`) and
Jira Data Center REST API v2 (the same, with `GET /search`).
"""

import base64
import hashlib
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, Field, ValidationError

from triage.domain.clean import printable_sentence
from triage.domain.redaction import redact
from triage.edges.http import http_client, parse_retry_after
from triage.errors import RouteError
from triage.ports import Clock, Delivery, RouteMessage
from triage.settings import JiraSettings

T = TypeVar("T", bound=BaseModel)

log = logging.getLogger(__name__)

READ_SECONDS = 20.0
LONGEST_WAIT = 3_600.0
_LONGEST_SUMMARY = 255
_LONGEST_BODY = 30_000
_LARGEST = 1_000_000
"""Bytes of an answer."""
_NOT_ACTED = frozenset(
    {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}
)
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE, HTTPStatus.METHOD_NOT_ALLOWED})


class _Issue(BaseModel):
    key: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,99}-[0-9]{1,18}$")
    """It becomes part of a path, so nothing else may."""


class _Found(BaseModel):
    issues: list[_Issue]


class JiraDestination:
    """One project. Implements `ports.Destination`."""

    def __init__(self, name: str, settings: JiraSettings, token: str, clock: Clock) -> None:
        """Open a client; nothing is sent.

        Args:
            name: The route's; part of the label.
            settings: Where the issues belong.
            token: API token of `settings.user`, or without a user a personal access token.
            clock: For dates in `Retry-After`.
        """
        self._name = name
        self._settings = settings
        self._clock = clock
        basic = base64.b64encode(f"{settings.user}:{token}".encode()).decode("ascii")
        headers = {
            "accept": "application/json",
            "authorization": f"Basic {basic}" if settings.user else f"Bearer {token}",
        }
        self._client: httpx.AsyncClient = http_client(
            httpx, urls=[settings.url], headers=headers, connections=2, read_seconds=READ_SECONDS
        )
        self._base = f"{settings.url}/rest/api/2"

    @property
    def kind(self) -> str:
        return "jira"

    @property
    def delivery(self) -> Delivery:
        """Before an issue is created, the one of its alert is looked for."""
        return Delivery.LOOKED_UP

    async def send(self, message: RouteMessage, earlier: RouteMessage | None) -> str:
        """Change the alert's issue, or create it. Implements `ports.Destination.send`."""
        label = self._label(message)
        fields: dict[str, object] = {
            "summary": printable_sentence(message.title, _LONGEST_SUMMARY),
            "description": _as_it_is(message.body),
        }
        key = await self._change(earlier.reference, fields) if earlier is not None and earlier.reference else ""
        # The issue may have been deleted, or its key not be known: a store that was lost, an answer that was.
        if not key and (found := await self._find(label)):
            key = await self._change(found, fields)
        if not key:
            key = await self._create(fields, label)
        await self._link(key, message)
        return key

    async def close(self) -> None:
        await self._client.aclose()

    def _label(self, message: RouteMessage) -> str:
        text = f"{self._name}/{message.alert_id or message.key}"
        return f"triage-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"

    async def _create(self, fields: Mapping[str, object], label: str) -> str:
        settings = self._settings
        more = {"project": {"key": settings.project}, "issuetype": {"name": settings.issue_type}}
        answer = await self._ask("POST", "/issue", body={"fields": {**fields, **more, "labels": [label]}}, writes=True)
        return _read(_Issue, answer, unknown=True).key

    async def _change(self, key: str, fields: Mapping[str, object]) -> str:
        """The issue's key; empty where there is no such issue any more."""
        # Doing this twice does no harm.
        answer = await self._ask("PUT", f"/issue/{key}", body={"fields": fields}, missing=True)
        return "" if answer.status_code in _GONE else key

    async def _find(self, label: str) -> str:
        """The key of the oldest issue with a label; empty where there is none."""
        jql = f'project = "{self._settings.project}" AND labels = "{label}" ORDER BY created ASC'
        query = {"jql": jql, "fields": "summary", "maxResults": "1"}
        answer = await self._ask("GET", "/search/jql", query=query, missing=True)
        if answer.status_code in _GONE:
            # Data Center, which has the older path.
            answer = await self._ask("GET", "/search", query=query)
        issues = _read(_Found, answer).issues
        return issues[0].key if issues else ""

    async def _link(self, key: str, message: RouteMessage) -> None:
        """Link the alert in Panther's console. The issue is there: without the link it is still worth having."""
        if not message.link:
            return
        link = {"globalId": f"panther-alert={message.alert_id}", "object": {"url": message.link, "title": "Alert"}}
        try:
            await self._ask("POST", f"/issue/{key}/remotelink", body=link)
        except RouteError as error:
            log.warning("issue not linked to the alert", extra={"alert_id": message.alert_id, "error": str(error)})

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, str] | None = None,
        writes: bool = False,
        missing: bool = False,
    ) -> httpx.Response:
        """Ask once.

        Args:
            method: Of HTTP.
            path: Below the API's.
            body: As JSON.
            query: Parameters.
            writes: Doing it twice would do harm.
            missing: An answer that there is no such thing is an answer.

        Raises:
            RouteError: It was refused, or nobody knows whether it took effect.
        """
        what = f"Jira, {method} {path.split('?', 1)[0]}"
        arguments: dict[str, Any] = {"params": query} if query else {}
        if body is not None:
            arguments["json"] = body
        try:
            answer = await self._client.request(method, f"{self._base}{path}", **arguments)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise RouteError(f"{what}: no connection ({type(error).__name__})", retryable=True) from error
        except httpx.HTTPError as error:
            text = f"{what}: no answer ({type(error).__name__})"
            raise RouteError(text, retryable=not writes, outcome_unknown=writes) from error
        status = answer.status_code
        if answer.is_success or (missing and status in _GONE):
            return answer
        wait = parse_retry_after(answer.headers.get("retry-after", ""), self._clock, LONGEST_WAIT)
        said = printable_sentence(redact(answer.text[:2_000]), 160) if len(answer.content) < _LARGEST else ""
        text = f"{what}: HTTP {status} {said}".strip()
        if status in _NOT_ACTED:
            raise RouteError(text, retryable=True, retry_after=wait)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RouteError(text, retryable=not writes, outcome_unknown=writes)
        raise RouteError(text)


def _read(kind: type[T], answer: httpx.Response, *, unknown: bool = False) -> T:
    try:
        return kind.model_validate_json(answer.content)
    except ValidationError as error:
        raise RouteError("Jira's answer is not what its API promises", outcome_unknown=unknown) from error


def _as_it_is(text: str) -> str:
    """Text in Jira's markup, in which nothing acts: a block in which it is shown as written."""
    return "{noformat}\n" + text[:_LONGEST_BODY].replace("{noformat}", "{ noformat }") + "\n{noformat}"
