"""Every way in which a call can fail, as one of this program's own errors, in one place.

Messages name the operation, the status, Panther's request id and what to do. They never hold the token, a header or
a body; of Panther's own words at most 200 characters pass, cleaned.
"""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from triage.edges.panther.body import BodyError
from triage.errors import (
    PantherDenied,
    PantherError,
    PantherProtocolError,
    PantherRefused,
    PantherUnreachable,
)

_REQUEST_ID_HEADERS = ("x-amzn-requestid", "x-amzn-request-id", "x-request-id", "apigw-requestid")
_REQUEST_ID = re.compile(r"[\w.:=+/-]{1,80}", re.ASCII)
_TRY_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)


class OutcomeUnknown(PantherUnreachable):
    """A write was sent and its answer is lost or unreadable: it may or may not have taken effect.

    Never retryable: the caller looks at what is there before it writes again.
    """

    outcome_unknown = True


class Overtime(PantherUnreachable):
    """A read had no whole answer before its total time was up."""


@dataclass(frozen=True, slots=True)
class Failing:
    """Builds the errors of one call."""

    operation: str
    """The GraphQL operation, or the REST method and path."""
    write: bool
    """Whether the call changes something in Panther: then it is never retried."""
    url_key: str = "panther.url"
    """The configuration key that the address comes from."""

    def exception(self, error: httpx.HTTPError | httpx.StreamError | OSError, status: int | None) -> PantherError:
        """Translate what httpx, or the TLS library beneath it, raised."""
        tls = _tls_error(error) if isinstance(error, httpx.ConnectError) else None
        if isinstance(tls, ssl.SSLCertVerificationError):
            what = f"its TLS certificate was not accepted: {tls.verify_message.rstrip('.')}"
            return self._unreachable(what, f"check {self.url_key}, the proxy and SSL_CERT_FILE", retryable=False)
        if isinstance(error, _NOT_SENT):
            what = "the TLS handshake failed" if tls is not None else "no connection"
            what = "no connection in time" if isinstance(error, httpx.TimeoutException) else what
            return self._unreachable(what, f"check {self.url_key}, the network and the proxy", retryable=True)
        what = "no answer in time" if isinstance(error, httpx.TimeoutException) else "the answer broke off"
        return self.lost(what, status=status)

    def deadline(self, seconds: float) -> PantherError:
        """The call's total time is up."""
        what = f"no whole answer within {seconds:g} s"
        if self.write:
            return self.lost(what, status=None)
        return Overtime(self._message(what, "try again later", None, ""), operation=self.operation, retryable=True)

    def lost(self, what: str, *, status: int | None, request_id: str = "") -> PantherError:
        """The request went out and no usable answer came back."""
        if self.write:
            message = self._message(what, "it may have taken effect: look before writing again", status, request_id)
            return OutcomeUnknown(message, operation=self.operation, status=status, retryable=False)
        return self._unreachable(what, "try again later", retryable=True, status=status, request_id=request_id)

    def status(
        self, status: int, headers: Mapping[str, str], said: str = "", *, retry_after: float | None = None
    ) -> PantherError:
        """Translate an HTTP status that is not a success.

        Args:
            status: The HTTP status.
            headers: The answer's headers; only the request id is taken from them.
            said: Panther's own cleaned words, where there are any.
            retry_after: Seconds that the server asked for.
        """
        words = f': "{said}"' if said else ""
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            what = "the token is wrong, not active yet, or lacks the permission" + words
            return self.denied(what, status=status, request_id=request_id(headers))
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            # Nothing was done, whether it was a write or not.
            return self._unreachable(
                "too many requests",
                "lower the pace, or try again later",
                retryable=True,
                status=status,
                request_id=request_id(headers),
                retry_after=retry_after,
            )
        if status in _TRY_AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            error = self.lost("the server has trouble", status=status, request_id=request_id(headers))
            error.retry_after = retry_after
            return error
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            what = "a redirect, which is not followed because it would carry the token along"
            return self.refused(what, f"check {self.url_key}", status=status, request_id=request_id(headers))
        remedies: dict[int, str] = {
            HTTPStatus.NOT_FOUND: f"check {'the id or ' if said else ''}{self.url_key}",
            HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "the proxy wants a login: check HTTPS_PROXY",
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "send less",
        }
        remedy = remedies.get(status, "check the request")
        what = "not found" + words if status == HTTPStatus.NOT_FOUND else "refused" + words
        return self.refused(what, remedy, status=status, request_id=request_id(headers))

    def body(self, error: BodyError, status: int, headers: Mapping[str, str]) -> PantherError:
        """The answer's body cannot be read."""
        if self.write:
            return self.lost(f"the answer cannot be read: {error}", status=status, request_id=request_id(headers))
        remedy = f"check {self.url_key} and the proxy" if error.retryable else "ask for less at once"
        return self.protocol(
            f"the answer cannot be used: {error}",
            remedy,
            status=status,
            request_id=request_id(headers),
            retryable=error.retryable,
        )

    def denied(self, what: str, *, status: int | None, request_id: str = "") -> PantherDenied:
        message = self._message(what, "check panther.token and its permissions", status, request_id)
        return PantherDenied(message, operation=self.operation, status=status)

    def refused(self, what: str, remedy: str, *, status: int | None, request_id: str = "") -> PantherRefused:
        return PantherRefused(self._message(what, remedy, status, request_id), operation=self.operation, status=status)

    def protocol(
        self, what: str, remedy: str, *, status: int | None, request_id: str = "", retryable: bool = True
    ) -> PantherError:
        """The answer is not what the schema promises; asked for once more, since a gateway may have meddled."""
        if self.write:
            return self.lost(what, status=status, request_id=request_id)
        return PantherProtocolError(
            self._message(what, remedy, status, request_id),
            operation=self.operation,
            status=status,
            retryable=retryable,
        )

    def _unreachable(
        self,
        what: str,
        remedy: str,
        *,
        retryable: bool,
        status: int | None = None,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> PantherUnreachable:
        return PantherUnreachable(
            self._message(what, remedy, status, request_id),
            operation=self.operation,
            status=status,
            retryable=retryable,
            retry_after=retry_after,
        )

    def _message(self, what: str, remedy: str, status: int | None, request: str) -> str:
        facts = [f"HTTP {status}"] if status is not None else []
        facts += [f"request {request}"] if request else []
        detail = f" ({', '.join(facts)})" if facts else ""
        return f"Panther, {self.operation}: {what}{detail}; {remedy}"


def request_id(headers: Mapping[str, str]) -> str:
    """The id under which Panther's support finds the request; empty where there is none or it is odd."""
    found = next((headers[name] for name in _REQUEST_ID_HEADERS if name in headers), "")
    return found if _REQUEST_ID.fullmatch(found) else ""


def _tls_error(error: BaseException) -> ssl.SSLError | None:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        if isinstance(current, ssl.SSLError):
            return current
        seen.add(id(current))
        current = current.__cause__ or current.__context__
    return None
