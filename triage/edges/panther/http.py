"""The HTTP calls of one token: each is rate-limited, bounded in time and size, and retried where that is safe."""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar

import httpx
from pydantic import JsonValue

from triage.edges.http import ErrorCleaner, RetryPolicy, host_of, http_client, parse_retry_after
from triage.edges.panther.body import ACCEPTED_ENCODING, BodyError, parse_json, read_body
from triage.edges.panther.config import PantherConfig
from triage.edges.panther.failures import CallErrors
from triage.edges.panther.missing import Missing
from triage.errors import PantherError, PantherProtocolError
from triage.ports import Clock

T = TypeVar("T")

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 20.0
_ATTEMPTS_BY_ERROR: Mapping[type[Exception], int] = {PantherProtocolError: 2}
"""A request whose answer makes no sense is repeated at most once."""
_ERROR_BYTES = 64 * 1024
"""How much of a refusal is read to find its message."""
_POOLED = 8
"""Connections of one client. For every request httpcore's pool looks at each pair of its connections: with 64 in one
pool that took more time than everything else of an alert."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request and what may be done with it."""

    operation: str
    """Name for messages: the GraphQL operation, or the REST method and path."""
    method: str
    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    """JSON, where there is a body."""
    write: bool = False
    """It changes something in Panther, so it is sent only once, whatever happens."""
    may_be_empty: bool = False
    """A success need not have a body; it then reads as null."""
    read_statuses: frozenset[int] = frozenset()
    """Error statuses whose JSON body the caller reads itself."""
    url_key: str = "panther.url"
    """The configuration key that `url` comes from."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete, parsed answer."""

    status: int
    value: JsonValue
    errors: CallErrors
    """Builds errors about the content."""


class RateLimiter:
    """At most so many calls per second, after a first burst of one second's worth."""

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._interval = 1.0 / per_second
        self._burst = max(1.0 - self._interval, 0.0)
        self._clock = clock
        self._next = -math.inf

    async def wait(self) -> None:
        """Wait for this call's turn; calls go in the order in which they ask."""
        now = self._clock.monotonic()
        # The turn is taken before the wait, so that no lock is needed.
        turn = max(self._next, now - self._burst)
        self._next = turn + self._interval
        if turn > now:
            await self._clock.sleep(turn - now)


@dataclass(slots=True)
class _Pool:
    """A client and its connections."""

    client: httpx.AsyncClient
    connections: int
    busy: int = 0


class PantherHttp:
    """Sends calls with one token. Use as an async context manager.

    GraphQL queries, starting a data-lake query and REST GET are retried; writes never are (see `Call.write`).
    """

    def __init__(self, config: PantherConfig, clock: Clock) -> None:
        self.config = config
        self.clock = clock
        self.cleaner = ErrorCleaner((config.token,))
        self.missing = Missing(clock)
        whole, rest = divmod(config.concurrency, _POOLED)
        self._pools = tuple(_Pool(_client_of(config, size), size) for size in (*[_POOLED] * whole, rest) if size)
        self._retries = RetryPolicy(config.attempts, _FIRST_PAUSE, _LONGEST_PAUSE)
        self._limiter = RateLimiter(config.requests_per_second, clock)
        self._slots = asyncio.Semaphore(config.concurrency)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for pool in self._pools:
            await pool.client.aclose()

    async def call(self, call: Call, parse: Callable[[Reply], T], *, seconds: float | None = None) -> T:
        """Send a call and read its answer.

        Args:
            call: What to send.
            parse: Turns the answer into a result; a retryable PantherError from it is retried too.
            seconds: Limit for the call with its retries, below the configured one. Waiting for a free slot, which
                only our own other calls can prolong, does not count.

        Raises:
            PantherUnreachable: No connection or no whole answer in time; `OutcomeUnknown` for a write.
            PantherDenied: 401, 403.
            PantherRefused: Another 4xx, or a redirect.
            PantherProtocolError: Not the JSON that was promised, or too much of it.
        """
        total = self.config.total_seconds if seconds is None else min(seconds, self.config.total_seconds)
        errors = CallErrors(call.operation, call.write, call.url_key, host_of(call.url), self.config.token_key)
        async with self._slots:
            try:
                async with asyncio.timeout(total):
                    if call.write:
                        return await self._attempt(call, errors, parse)
                    attempts = self._retries.retrying(self.clock, seconds=total, limits=_ATTEMPTS_BY_ERROR)
                    return await attempts(self._attempt, call, errors, parse)
            except TimeoutError as error:
                raise errors.deadline(total) from error

    async def _attempt(self, call: Call, errors: CallErrors, parse: Callable[[Reply], T]) -> T:
        await self._limiter.wait()
        headers = {"content-type": "application/json"} if call.content is not None else None
        # There is always one: there are never more calls than connections. The first, so that few stay open.
        pool = next(pool for pool in self._pools if pool.busy < pool.connections)
        request = pool.client.build_request(
            call.method, call.url, params=dict(call.params) or None, content=call.content, headers=headers
        )
        pool.busy += 1
        try:
            # The client's own limit is for each single read: a byte now and then would hold the call for ever.
            async with asyncio.timeout(self.config.read_seconds):
                response = await pool.client.send(request, stream=True)
                try:
                    errors = errors.with_response(response.status_code, response.headers)
                    reply = await self._read(call, errors, response)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise errors.exception(httpx.ReadTimeout("", request=request)) from error
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            raise errors.exception(error) from error
        finally:
            pool.busy -= 1
        return parse(reply)

    async def _read(self, call: Call, errors: CallErrors, response: httpx.Response) -> Reply:
        if not response.is_success and response.status_code not in call.read_statuses:
            raise await self._refusal(errors, response)
        try:
            encoding = response.headers.get("content-encoding", "")
            body = await read_body(response, encoding, self.config.max_response_bytes)
            value = None if call.may_be_empty and not body else parse_json(body)
        except BodyError as error:
            raise (errors.body(error) if response.is_success else errors.refused_by_status()) from error
        return Reply(response.status_code, value, errors)

    async def _refusal(self, errors: CallErrors, response: httpx.Response) -> PantherError:
        headers = response.headers
        wait = parse_retry_after(headers.get("retry-after", ""), self.clock, self.config.max_retry_after)
        said = ""
        # A gateway's page is never read; Panther's own refusals are short JSON.
        if response.is_client_error and "json" in headers.get("content-type", ""):
            try:
                body = await read_body(response, headers.get("content-encoding", ""), _ERROR_BYTES)
                said = self.cleaner.clean(message_of(parse_json(body)))
            except (BodyError, httpx.HTTPError):
                said = ""
        return errors.refused_by_status(said, retry_after=wait)


def _client_of(config: PantherConfig, connections: int) -> httpx.AsyncClient:
    client: httpx.AsyncClient = http_client(
        httpx,
        urls=(config.url, config.rest_base),
        headers={**config.headers, "accept": "application/json", "accept-encoding": ACCEPTED_ENCODING},
        connections=connections,
        connect_seconds=config.connect_seconds,
        read_seconds=config.read_seconds,
    )
    return client


def message_of(value: JsonValue) -> str:
    """The text of a JSON error, whichever of the usual shapes it has."""
    match value:
        case {"message": str(text)} | {"errorMessage": str(text)} | {"error": str(text)}:
            return text
        case {"errors": [{"message": str(text)}, *_]}:
            return text
        case _:
            return ""
