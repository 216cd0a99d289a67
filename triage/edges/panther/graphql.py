"""GraphQL over our own HTTP client.

gql parses the operations and runs them through its session; its own httpx transport is not used, because it gives
away neither the HTTP status nor `Retry-After` and reads a body of any size.
"""

import json
import logging
import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from gql import Client, GraphQLRequest
from gql.client import AsyncClientSession
from gql.transport.async_transport import AsyncTransport
from gql.transport.exceptions import TransportQueryError
from graphql import ExecutionResult, GraphQLError
from pydantic import JsonValue

from triage.domain.clean import printable_sentence
from triage.edges.panther.complaints import Part, PartKind, complaint_of
from triage.edges.panther.documents import document_of, request_of, values_without
from triage.edges.panther.failures import CallErrors
from triage.edges.panther.http import Call, PantherHttp, Reply
from triage.edges.panther.operations import Operation
from triage.errors import PantherError, PantherRefused

_ROUNDS = 5
"""How often one call is sent at most, each time without what the server says that it lacks; most name it all at once."""
_logger = logging.getLogger(__name__)

_GRAPHQL_STATUSES = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})
"""GraphQL over HTTP allows these for a refused operation, with the usual JSON."""
REFUSAL_STATUSES = _GRAPHQL_STATUSES | {HTTPStatus.OK}
"""Statuses with which Panther itself, rather than a gateway, refuses an operation."""
_DENIED = re.compile(
    r"\b(unauthori[sz]ed|unauthenticated|forbidden|access ?denied|not authori[sz]ed|permission ?denied"
    r"|(lack|miss|insufficient|without|require)\w* (the |a |any )?([\w' ]+ )?permissions?)\b",
    re.IGNORECASE,
)
_NOT_DENIED = re.compile(r"does not exist", re.IGNORECASE)
"""Snowflake says "does not exist or not authorized" about any unknown name."""
_TRANSIENT = re.compile(r"internal|throttl|toomany|too_many|timeout|unavailable|server_?error", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PartialError:
    """One entry of `errors` in an answer that has data too."""

    message: str
    """Panther's own message, cleaned and cut."""
    path: tuple[str | int, ...] = ()
    """Where in the data something is missing."""

    @property
    def field(self) -> str:
        """The path without list positions, such as `alerts.edges.node.origin`; `?` where it is unknown."""
        return printable_sentence(".".join(str(part) for part in self.path if isinstance(part, str)), 80) or "?"


@dataclass(frozen=True, slots=True)
class OperationResult:
    """The result of an operation."""

    data: Mapping[str, JsonValue]
    problems: tuple[PartialError, ...] = ()
    """If there are any, the data is incomplete."""
    left_out: tuple[str, ...] = ()
    """Fields and types that this Panther lacks and was not asked for, such as `Alert.runbook`."""


class PartsUnknown(PantherRefused):
    """The server does not have parts of the operation, and has done nothing."""

    parts: tuple[Part, ...] = ()
    """As the server names them."""


class GraphQL:
    """Runs operations."""

    def __init__(self, http: PantherHttp) -> None:
        # The transport has one deadline for all tries; a second one here would cut it short. It needs no connecting,
        # so the session needs no opening.
        self.clean = http.cleaner.clean
        self._clock = http.clock
        self._missing = http.missing
        self._session = AsyncClientSession(Client(transport=_Transport(http), execute_timeout=None))

    async def execute(
        self,
        operation: Operation,
        variables: Mapping[str, JsonValue] | None = None,
        *,
        seconds: float | None = None,
    ) -> OperationResult:
        """Run one operation; what the server lacks and the operation can do without is left out.

        Args:
            operation: What to run.
            variables: Its variables; nothing is ever pasted into the text.
            seconds: Limit for the call with its retries, below the configured one.

        Returns:
            The data, with the problems where Panther could give only a part.

        Raises:
            PantherDenied: Panther says that the token lacks a permission.
            PantherRefused: `errors` without data, or Panther lacks what the operation needs.
            PantherError: As `PantherHttp.call`.
        """
        start = self._clock.monotonic()
        for _ in range(_ROUNDS):
            left = None if seconds is None else max(seconds - (self._clock.monotonic() - start), 0.0)
            left_out = self._left_out(operation)
            try:
                return await self._send(operation, variables or {}, left_out, left)
            except PartsUnknown as error:
                refusal = error
                self._leave_out(operation, refusal)
                if self._left_out(operation) == left_out:
                    # What it complains about had been left out already.
                    break
        raise refusal

    def lacks(self, operation: Operation) -> bool:
        """Whether `lack` was said of the operation within the last hour; `execute` sends it all the same."""
        return str(document_of(operation).field) in self._missing

    def lack(self, operation: Operation) -> None:
        """Remember that this Panther does not answer the operation, or not to this token."""
        self._missing.add(str(document_of(operation).field))

    def missing_parts(self) -> frozenset[str]:
        """What this Panther has said it lacks, within the last hour, such as `Alert.runbook`."""
        return frozenset(name for name in self._missing.names() if " " not in name)

    async def _send(
        self,
        operation: Operation,
        variables: Mapping[str, JsonValue],
        left_out: frozenset[Part],
        seconds: float | None,
    ) -> OperationResult:
        parsed, name = request_of(operation, left_out)
        values = values_without(operation, variables, left_out)
        request = GraphQLRequest(parsed, variable_values=values, operation_name=name)
        lost = tuple(sorted(str(part) for part in left_out if part.kind in (PartKind.FIELD, PartKind.TYPE)))
        try:
            result = await self._session.execute(
                request, get_execution_result=True, write=operation.write, seconds=seconds
            )
        except TransportQueryError as partial:
            return OperationResult(partial.data or {}, tuple(_problems(partial.errors or ())), lost)
        return OperationResult(result.data or {}, left_out=lost)

    def _left_out(self, operation: Operation) -> frozenset[Part]:
        missing = self._missing.names()
        if not missing:
            return frozenset()
        document = document_of(operation)
        return frozenset(part for part in document.parts if str(part) in missing and not document.needs(part))

    def _leave_out(self, operation: Operation, refusal: PartsUnknown) -> None:
        """Remember what the server lacks. Raises PantherRefused where the operation can't do without it."""
        document = document_of(operation)
        meant = [part for said in refusal.parts for part in document.meant_by(said)]
        needed = sorted({f"`{part}`" for part in meant if document.needs(part)})
        if needed:
            errors = CallErrors(document.name, operation.write, http_status=refusal.status)
            raise errors.refused(
                f"this Panther has no {', '.join(needed)}, which the operation can't do without",
                "see triage panther schema --diff",
            ) from refusal
        if not meant:
            raise refusal
        new = [str(part) for part in meant if self._missing.add(str(part))]
        if new:
            _logger.warning("this Panther has no %s; the program goes on without", ", ".join(sorted(set(new))))


def _problems(errors: Iterable[object]) -> Iterable[PartialError]:
    for error in errors:
        if isinstance(error, GraphQLError):
            yield PartialError(error.message, tuple(error.path or ()))


class _Transport(AsyncTransport):
    """Connects gql to our HTTP client."""

    def __init__(self, http: PantherHttp) -> None:
        self._http = http

    async def connect(self) -> None:
        """Nothing to do: the HTTP client is open already."""

    async def close(self) -> None:
        """Nothing to do: whatever opened the HTTP client closes it."""

    async def execute(
        self, request: GraphQLRequest, *, write: bool = False, seconds: float | None = None
    ) -> ExecutionResult:
        assert request.document.loc is not None
        text = request.document.loc.source.body
        payload = {"operationName": request.operation_name, "query": text, "variables": request.variable_values}
        call = Call(
            operation=request.operation_name or "",
            method="POST",
            url=self._http.config.url,
            content=json.dumps(payload, separators=(",", ":"), allow_nan=False).encode("ascii"),
            write=write,
            read_statuses=_GRAPHQL_STATUSES,
        )
        return await self._http.call(call, lambda reply: self._result(reply, text), seconds=seconds)

    def subscribe(self, request: GraphQLRequest) -> AsyncGenerator[ExecutionResult, None]:
        """Panther has no subscriptions."""
        raise NotImplementedError("Panther's API has no subscriptions")

    def _result(self, reply: Reply, text: str) -> ExecutionResult:
        match reply.value:
            case dict() as body:
                data, listed = body.get("data"), _listed(body.get("errors"))
            case _:
                data, listed = None, []
        errors = [self._error(error, text) for error in listed]
        useful = isinstance(data, dict) and (not errors or any(value is not None for value in data.values()))
        if useful and reply.status not in _GRAPHQL_STATUSES:
            return ExecutionResult(data, errors or None)
        if errors:
            unknown = tuple(part for error in listed if (part := complaint_of(error)))
            if reply.errors.write and len(unknown) < len(errors):
                # A write is sent again only where the server says of nothing else that it went wrong.
                unknown = ()
            raise _refusal(reply, errors, unknown)
        if reply.status in _GRAPHQL_STATUSES:
            raise reply.errors.refused_by_status()
        raise reply.errors.protocol("the answer has no data", "check that panther.url is the GraphQL address")

    def _error(self, error: JsonValue, text: str) -> GraphQLError:
        match error:
            case dict():
                message, path = error.get("message"), error.get("path")
                extensions = error.get("extensions")
                code = (extensions.get("code") if isinstance(extensions, dict) else None) or error.get("errorType")
            case _:
                message, path, code = error, None, None
        steps = [step for step in path if isinstance(step, str | int)] if isinstance(path, list) else None
        return GraphQLError(
            self._http.cleaner.clean(message if isinstance(message, str) else "no message", also=(text,)),
            path=steps,
            extensions={"code": code if isinstance(code, str) else ""},
        )


def _listed(errors: JsonValue) -> list[JsonValue]:
    if isinstance(errors, list):
        return errors
    return [errors] if errors else []


def _refusal(reply: Reply, errors: list[GraphQLError], unknown: tuple[Part, ...]) -> PantherError:
    first = errors[0]
    code, said = str((first.extensions or {}).get("code", "")), first.message
    if _DENIED.search(code) or (_DENIED.search(said) and not _NOT_DENIED.search(said)):
        return reply.errors.denied(f'denied: "{said}"')
    if _TRANSIENT.search(code):
        return reply.errors.lost("the server has trouble")
    refused = reply.errors.refused(f'refused: "{said}"')
    if unknown:
        unknown_parts = PartsUnknown(str(refused), operation=refused.operation, status=refused.status)
        unknown_parts.parts = unknown
        return unknown_parts
    refused.path = tuple(first.path or ())
    return refused
