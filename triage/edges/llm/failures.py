"""Turns everything that the openai library and its HTTP client raise into a ModelError."""

from collections.abc import Mapping

import openai
import regex
from pydantic import JsonValue

from triage.domain.redaction import redact
from triage.edges.http import ErrorCleaner, parse_retry_after
from triage.errors import ModelError
from triage.ports import Clock

_LONGEST_WAIT = 120.0
"""Seconds: the longest `Retry-After` that is followed."""
_RETRYABLE = frozenset({408, 409, 425, 429})
_OVERFLOW_CODES = frozenset({"context_length_exceeded", "string_above_max_length", "request_too_large"})
# How servers say that a prompt is too long: OpenAI, Azure, vLLM, llama.cpp, Ollama, OpenRouter, Anthropic, Gemini.
_OVERFLOW = regex.compile(
    r"(?i)context(?: |_)?(?:length|size|window)|maximum context|prompt is too long|too many (?:input )?tokens"
    r"|input (?:is|was) too long|exceeds? the (?:maximum|available|model'?s?) .{0,40}(?:tokens|context)"
    r"|reduce the length of the (?:messages|prompt|input)|token (?:count|limit).{0,60}exceed"
)
# How servers say that they have no tools, or no answers in a given schema: OpenAI, Azure, vLLM, Ollama, OpenRouter.
_NO_TOOLS = regex.compile(
    r"(?i)(?:does(?: not|n't)|do not|don't|no endpoints found that|not) support(?:ed|s)? (?:\w+ ){0,2}(?:tools?|functions?)\b"
    r"|(?:tools?|functions?)(?:[ _-](?:use|call(?:s|ing)?))? (?:is|are) not (?:supported|enabled|available)"
    r"|enable-auto-tool-choice|(?:unknown|unrecognized|unsupported|unexpected) .{0,40}['\"`]?\b(?:tools|functions)\b"
)
_NO_SCHEMA = regex.compile(r"(?i)response_format|json_schema|guided (?:json|decoding)|structured outputs?")
_REFUSED = frozenset({400, 404, 422, 501})
_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_WORDS: Mapping[int, str] = {
    401: "the model's endpoint refuses the key (401); check llm.api_key",
    402: "the model's endpoint demands payment (402); check the account",
    403: "the model's endpoint forbids this (403); check the key's permissions and llm.model",
    404: "the model's endpoint doesn't know the address or the model (404); check llm.base_url and llm.model",
    405: "the model's endpoint takes no completions at this address (405); check llm.base_url",
    413: "the request is too large for the model's endpoint (413)",
    429: "the model's endpoint is busy or its rate limit is reached (429)",
}


def of_status(error: openai.APIStatusError, clock: Clock, cleaner: ErrorCleaner) -> ModelError:
    """A refusal, or a failure of the server."""
    said = cleaner.clean(redact(message_of(error.body)))
    failure = from_status(error.status_code, error.code or "", said, error.response.headers, clock)
    if error.status_code in _REFUSED and parameter_of(error).partition(".")[0] in {"tools", "response_format"}:
        failure.unsupported = parameter_of(error).partition(".")[0]
    return failure


def from_status(status: int, code: str, said: str, headers: Mapping[str, str], clock: Clock) -> ModelError:
    """What an HTTP status with its message means.

    Args:
        status: Of the response; or the one that an error inside a successful response names.
        code: The server's own code, such as `context_length_exceeded`.
        said: Its message, cleaned.
        headers: Of the response.
        clock: Tells how far away a date in `Retry-After` is.
    """
    overflow = status in {400, 413, 422, 500} and (code in _OVERFLOW_CODES or _OVERFLOW.search(said) is not None)
    quota = code in _QUOTA
    may_retry = headers.get("x-should-retry", "").lower() != "false"
    retryable = may_retry and not overflow and not quota and (status in _RETRYABLE or status >= 500)  # noqa: PLR2004 - HTTP
    text = _WORDS.get(status, f"the model's endpoint answered {status}")
    if quota:
        text = "the account of the model's endpoint has no quota left (429); check the account"
    if overflow:
        text = "the prompt is too long for the model"
    return ModelError(
        f"{text}: {said}" if said else text,
        status=status if not quota else 402,
        retryable=retryable,
        retry_after=_retry_after(headers, clock) if retryable else None,
        overflow=overflow,
        unsupported="" if overflow or status not in _REFUSED else _unsupported(said),
    )


def _unsupported(said: str) -> str:
    """The feature that a refusal says is not there."""
    if _NO_TOOLS.search(said):
        return "tools"
    return "response_format" if _NO_SCHEMA.search(said) else ""


def _retry_after(headers: Mapping[str, str], clock: Clock) -> float | None:
    milliseconds = headers.get("retry-after-ms", "").strip()
    if milliseconds.isascii() and milliseconds.isdigit():
        return min(int(milliseconds[:9]) / 1000, _LONGEST_WAIT)
    return parse_retry_after(headers.get("retry-after", ""), clock, _LONGEST_WAIT)


def message_of(body: object) -> str:
    """The message in an error's body, in any of the usual shapes; empty for an HTML page."""
    match body:
        case {"error": {"message": str(text)}} | {"message": str(text)} | {"error": str(text)} | {"detail": str(text)}:
            return text
        case {"detail": [{"msg": str(text)}, *_]}:
            return text
        case str(text) if not text.lstrip().startswith("<"):
            return text
        case _:
            return ""


def parameter_of(error: openai.APIStatusError) -> str:
    """The parameter that a refusal names; empty where it names none."""
    return error.param if isinstance(error.param, str) else ""


def inside(value: JsonValue, clock: Clock, cleaner: ErrorCleaner) -> ModelError | None:
    """The error that some gateways report inside a successful response."""
    if not isinstance(value, dict) or not value.get("error") or value.get("choices"):
        return None
    error = value["error"]
    code = error.get("code") if isinstance(error, dict) else None
    status = code if isinstance(code, int) and 400 <= code <= 599 else 502  # noqa: PLR2004 - HTTP statuses
    said = cleaner.clean(redact(message_of(value)))
    return from_status(status, code if isinstance(code, str) else "", said, {}, clock)


def unreachable(error: Exception, seconds: float) -> ModelError:
    """No connection, no answer in time, or an answer that broke off."""
    if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
        return ModelError(
            f"the model's endpoint gave no complete answer within {seconds:g} s (llm.timeout)", retryable=True
        )
    return ModelError(
        f"the model's endpoint can't be reached ({type(error).__name__}); check llm.base_url and the network",
        retryable=True,
    )
