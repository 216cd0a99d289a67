"""Every way in which a call can fail, as one of this program's own errors, in one place.

Messages name the operation, the status, Panther's request id and what to do. They never hold the token, a header or
a body; of Panther's own message at most 200 characters are quoted, cleaned.
"""

import os
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Self, TypeVar

import httpx

from triage.domain.clean import printable_sentence
from triage.edges.panther.body import BodyError
from triage.errors import (
    NotFound,
    PantherDenied,
    PantherError,
    PantherProtocolError,
    PantherRefused,
    PantherUnreachable,
)

E = TypeVar("E", bound=PantherError)

_REQUEST_ID_HEADERS = ("x-amzn-requestid", "x-amzn-request-id", "x-request-id", "apigw-requestid")
_REQUEST_ID = re.compile(r"[\w.:=+/-]{1,80}", re.ASCII)
_TRIED = re.compile(r"Connect call failed \('([0-9A-Fa-f.:%]+)'")
"""How asyncio says which address it tried."""
_TRY_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)
_NOT_FOUND = re.compile(r"\b(not ?found|does not exist|no such|unknown id)\b", re.IGNORECASE)


class OutcomeUnknown(PantherUnreachable):
    """A write was sent and its answer is lost or unreadable: it may or may not have taken effect.

    Never retryable: the caller looks at what is there before it writes again.
    """

    outcome_unknown = True


class DeadlineExceeded(PantherUnreachable):
    """A read had no complete answer before its total time was up."""


@dataclass(frozen=True, slots=True)
class CallErrors:
    """Builds the errors of one call."""

    operation: str
    """The GraphQL operation, or the REST method and path."""
    write: bool = False
    """Whether the call changes something in Panther: then it is never retried."""
    url_key: str = "panther.url"
    """The configuration key that the address comes from."""
    address: str = ""
    """Host and port that the call goes to; empty where the error is not about reaching it."""
    token_key: str = "panther.token"  # noqa: S105 - the name of a key
    """The configuration key that the token comes from."""
    http_status: int | None = None
    """`None` before there is an answer."""
    request_id: str = ""
    """The id by which Panther's support finds the request; empty if there is none or it is malformed."""

    def with_response(self, status: int, headers: Mapping[str, str]) -> Self:
        """The same, once an answer has begun."""
        found = next((headers[name] for name in _REQUEST_ID_HEADERS if name in headers), "")
        return replace(self, http_status=status, request_id=found if _REQUEST_ID.fullmatch(found) else "")

    def exception(self, error: httpx.HTTPError | httpx.StreamError | OSError) -> PantherError:
        """Translate what httpx, or the TLS library beneath it, raised."""
        tls = _tls_error(error) if isinstance(error, httpx.ConnectError) else None
        if isinstance(tls, ssl.SSLCertVerificationError):
            what = f"its TLS certificate was not accepted: {tls.verify_message.rstrip('.')}"
            return self._error(PantherUnreachable, what, f"check {self.url_key}, the proxy and SSL_CERT_FILE")
        if isinstance(error, _NOT_SENT):
            what = "the TLS handshake failed" if tls is not None else "no connection"
            what = "no connection in time" if isinstance(error, httpx.TimeoutException) else what
            reason = _reason(error)
            what = f"{what} ({reason})" if reason else what
            return self._retryable(PantherUnreachable, what, f"check {self.url_key}, the network and the proxy")
        return self.lost("no answer in time" if isinstance(error, httpx.TimeoutException) else "the answer broke off")

    def deadline(self, seconds: float) -> PantherError:
        """The call's total time is up."""
        what = f"no complete answer within {seconds:g} s"
        return self.lost(what) if self.write else self._retryable(DeadlineExceeded, what, "try again later")

    def lost(self, what: str) -> PantherError:
        """The request went out and no usable answer came back."""
        if self.write:
            return self._error(OutcomeUnknown, what, "it may have taken effect: look before writing again")
        return self._retryable(PantherUnreachable, what, "try again later")

    def refused_by_status(self, said: str = "", *, retry_after: float | None = None) -> PantherError:
        """Translate an HTTP status that is not a success.

        Args:
            said: Panther's own message, cleaned; empty where there is none.
            retry_after: Seconds that the server asked for.
        """
        status = self.http_status or 0
        words = f': "{said}"' if said else ""
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return self.denied("the token is wrong, not active yet, or lacks the permission" + words)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            # Nothing was done, whether it was a write or not.
            error: PantherError = self._retryable(
                PantherUnreachable, "too many requests", "lower panther.requests_per_second, or try again later"
            )
            error.retry_after = retry_after
            return error
        if status in _TRY_AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            error = self.lost("the server has trouble")
            error.retry_after = retry_after
            return error
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            what = "a redirect, which is not followed because it would carry the token along"
            return self.refused(what, f"check {self.url_key}")
        remedies: dict[int, str] = {
            HTTPStatus.NOT_FOUND: f"check {'the id or ' if said else ''}{self.url_key}",
            HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "the proxy requires a login: check HTTPS_PROXY",
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "send less",
        }
        what = "not found" if status == HTTPStatus.NOT_FOUND else "refused"
        return self.refused(what + words, remedies.get(status, "check the request"))

    def body(self, error: BodyError) -> PantherError:
        """The answer's body cannot be read."""
        if self.write:
            return self.lost(f"the answer cannot be read: {error}")
        remedy = f"check {self.url_key} and the proxy" if error.retryable else "ask for less at once"
        return self.protocol(f"the answer cannot be used: {error}", remedy, retryable=error.retryable)

    def denied(self, what: str) -> PantherDenied:
        """The token may not do this."""
        return self._error(PantherDenied, what, f"check {self.token_key} and its permissions")

    def refused(self, what: str, remedy: str = "check the request") -> PantherRefused:
        """Panther understood the request and refused it."""
        return self._error(PantherRefused, what, remedy)

    def protocol(self, what: str, remedy: str = "try again later", *, retryable: bool = True) -> PantherError:
        """The answer is not what the schema promises; a read is tried once more, since a gateway may have meddled."""
        if self.write:
            return self.lost(what)
        error = self._error(PantherProtocolError, what, remedy)
        error.retryable = retryable
        return error

    def _retryable(self, kind: type[E], what: str, remedy: str) -> E:
        error = self._error(kind, what, remedy)
        error.retryable = True
        return error

    def _error(self, kind: type[E], what: str, remedy: str) -> E:
        facts = [f"HTTP {self.http_status}"] if self.http_status is not None else []
        facts += [f"request {self.request_id}"] if self.request_id else []
        detail = f" ({', '.join(facts)})" if facts else ""
        # Who can't be reached is asked "where?" first; a refusal came from there and names its request.
        where = f" at {self.address}" if self.address and issubclass(kind, PantherUnreachable) else ""
        message = f"Panther{where}, {self.operation}: {what}{detail}; {remedy}"
        return kind(message, operation=self.operation, status=self.http_status)


def unreadable(operation: str, what: str, *, write: bool = False) -> PantherError:
    """The error for an answer that was read whole but does not hold what it should."""
    return CallErrors(operation, write).protocol(what)


@contextmanager
def not_found_as(what: str) -> Iterator[None]:
    """Raise NotFound with this message in place of a refusal that means that something does not exist."""
    try:
        yield
    except PantherRefused as error:
        if error.status == HTTPStatus.NOT_FOUND or _NOT_FOUND.search(str(error)):
            raise NotFound(what) from error
        raise


def no_alert(alert_id: str) -> str:
    """The message about an alert that Panther does not have."""
    return f"Panther has no alert {printable_sentence(alert_id, 80)!r}"


def _tls_error(error: BaseException) -> ssl.SSLError | None:
    return next((each for each in _causes(error) if isinstance(each, ssl.SSLError)), None)


def _reason(error: BaseException) -> str:
    """Why there is no connection, in the system's words, with the address that was tried; empty where it doesn't say."""
    for each in _causes(error):
        if isinstance(each, socket.gaierror):
            return "the host's name does not resolve"
        if isinstance(each, OSError) and each.errno:
            tried = _TRIED.search(str(each))
            words = os.strerror(each.errno).lower()
            return f"{tried[1]}: {words}" if tried else words
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from, the outermost first."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += current.exceptions if isinstance(current, BaseExceptionGroup) else ()
        waiting.append(current.__cause__ or current.__context__)
