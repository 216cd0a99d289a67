"""Every exception that this program raises on purpose.

TriageError
├── ConfigError            the configuration is wrong: what, where, what is allowed
├── NotFound               the alert, investigation or world asked for does not exist
├── AlertBusy              another process is working on the alert asked for
├── PantherError           Panther gave no usable answer (retryable or not)
│   ├── PantherUnreachable     no connection, no answer in time, or an answer that broke off
│   ├── PantherDenied          the token is wrong, not active yet, or lacks a permission
│   ├── PantherRefused         Panther understood the request and refused it
│   └── PantherProtocolError   the answer is not what the official schema promises
├── QueryFailed            the data lake could not run a query
│   └── QueryTimeout           still running after its budget; cancelled on the server
├── SqlRefused             a query is not a bounded read (in `domain.sql`)
├── ModelError             the language model gave no usable answer (retryable or not)
├── RouteError             a destination of `routes` did not take a message (retryable or not)
├── PromptError            a prompt template is missing or broken
└── StoreError             the state database cannot be used

Each of the program's three audiences learns of a failure in its own way: the operator gets one of these, the model
gets a tool result, and the reader of a comment gets a note in the report.
"""


class TriageError(Exception):
    """An expected failure; the text says what to do about it."""

    retryable = False
    """Whether the same request may succeed later."""

    retry_after: float | None = None
    """Seconds to wait before that, if the server asked for it."""


class ConfigError(TriageError):
    """The configuration is wrong. One line: the key, its line, what is allowed."""


class NotFound(TriageError):
    """What was asked for does not exist."""


class AlertBusy(TriageError):
    """Another process is working on the alert that was asked for."""


class PantherError(TriageError):
    """Panther gave no usable answer."""

    outcome_unknown = False
    """A write was sent and its answer lost: it may have happened. Look before writing again."""

    def __init__(
        self,
        message: str,
        *,
        operation: str = "",
        status: int | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        """Name the failed operation.

        Args:
            message: What happened and what to do, free of secrets and of response bodies.
            operation: The GraphQL operation or the REST method and path.
            status: HTTP status, where there was one.
            retryable: Whether the same request may succeed later.
            retry_after: Seconds, as the server asked.
        """
        super().__init__(message)
        self.operation = operation
        self.status = status
        self.retryable = retryable
        self.retry_after = retry_after


class PantherUnreachable(PantherError):
    """No connection, no answer in time, or an answer that broke off."""


class PantherDenied(PantherError):
    """The token is wrong, not active yet, or lacks a permission."""


class PantherRefused(PantherError):
    """Panther understood the request and refused it (wrong input, unknown id)."""

    path: tuple[str | int, ...] = ()
    """Where in the answer the trouble was, such as `alerts`, `edges`, 3, `node`; empty where Panther doesn't say."""


class PantherProtocolError(PantherError):
    """The answer is not what the official schema promises."""


class QueryFailed(TriageError):
    """The data lake could not run a query; the text is the lake's own message, cut and cleaned."""


class QueryTimeout(QueryFailed):
    """A query still ran after its budget; it has been cancelled on the server."""


class ModelError(TriageError):
    """The language model gave no usable answer."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        overflow: bool = False,
        unsupported: str = "",
        of_alert: bool = False,
    ) -> None:
        """Say what the endpoint did.

        Args:
            message: What happened and what to do.
            status: HTTP status, where there was one.
            retryable: Whether the same request may succeed later.
            retry_after: Seconds, as the server asked.
            overflow: The prompt was too long for the model.
            unsupported: `tools` or `response_format`, where the endpoint refused a request for it.
            of_alert: The alert's own text brought it about (a content filter, a refusal, too long a prompt); other
                alerts may get through.
        """
        super().__init__(message)
        self.status = status
        self.retryable = retryable
        self.retry_after = retry_after
        self.overflow = overflow
        self.unsupported = unsupported
        self.of_alert = of_alert


class RouteError(TriageError):
    """A destination of `routes` did not take a message."""

    def __init__(
        self, message: str, *, retryable: bool = False, retry_after: float | None = None, outcome_unknown: bool = False
    ) -> None:
        """Say what the destination did.

        Args:
            message: What happened, free of addresses and tokens.
            retryable: It has certainly not acted, and the same message may get through later.
            retry_after: Seconds, as the server asked.
            outcome_unknown: The answer was lost: the message may have arrived.
        """
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after
        self.outcome_unknown = outcome_unknown


class PromptError(TriageError):
    """A prompt template is missing, broken, or lacks a variable."""


class StoreError(TriageError):
    """The state database cannot be opened or written."""


def errors_in(group: BaseExceptionGroup[BaseException]) -> list[TriageError]:
    """The errors in a task group's exception, however deeply nested; none if any of them is not a TriageError."""
    if group.split(TriageError)[1] is not None:
        return []
    found: list[TriageError] = []
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found += errors_in(error)
        elif isinstance(error, TriageError):
            found.append(error)
    return found
