"""Turns everything that the openai library and its HTTP client raise into a ModelError."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
# How they say that one request alone has more tokens than a minute may have: Groq (413), OpenAI (429).
_OVER_RATE = regex.compile(
    r"(?i)request too large.{0,200}(?:tokens per min|\bTPM\b)|tokens must be reduced|reduce your message size"
)
# How servers say that they have no tools, or no answers in a given schema: OpenAI, Azure, vLLM, Ollama, OpenRouter.
_NO_TOOLS = regex.compile(
    r"(?i)(?:does(?: not|n't)|do not|don't|no endpoints found that|not) support(?:ed|s)? (?:\w+ ){0,2}(?:tools?|functions?)\b"
    r"|(?:tools?|functions?)(?:[ _-](?:use|call(?:s|ing)?))? (?:is|are) not (?:supported|enabled|available)"
    r"|enable-auto-tool-choice|(?:unknown|unrecognized|unsupported|unexpected) .{0,40}['\"`]?\b(?:tools|functions)\b"
)
_NO_SCHEMA = regex.compile(r"(?i)response_format|json_schema|guided (?:json|decoding)|structured outputs?")
# How they say under another status that the key is wrong: Gemini (400), gateways.
_BAD_KEY = regex.compile(
    r"(?i)api[ _-]?key.{0,20}(?:not valid|invalid|not found|expired|incorrect|missing|revoked)"
    r"|(?:invalid|incorrect|expired|missing|no|valid) api[ _-]?key|API_KEY_INVALID|invalid (?:authentication|access token)"
    r"|unauthenticated|authentication (?:fail|error|required)"
)
_NO_MODEL = regex.compile(
    r"(?i)model .{0,80}(?:does not exist|not found|no access|not have access|is not available|not supported for"
    r"|has been (?:deprecated|decommissioned))|unknown model|invalid model|no such model|model_not_found"
)
_STREAMS_ONLY = regex.compile(
    r"(?i)only (?:supports? )?stream|stream(?:ing)?[`'\"]? (?:must|should|is required|needs)|requires? stream|non-?streaming"
)
_RESPONSES_ONLY = regex.compile(r"(?i)v1/responses|responses api")
_FILTER_CODES = frozenset({"content_filter", "invalid_prompt", "content_policy_violation", "data_inspection_failed"})
_FILTER = regex.compile(
    r"(?i)content (?:management |safety )?(?:filter|policy|policies)|responsible ?ai|\bflagged\b|usage polic"
    r"|safety (?:system|settings|filter)|moderation|inappropriate content|blocked .{0,30}safety|the (?:prompt|response) was filtered"
)
_WAIT = regex.compile(
    r"(?i)(?:again|retry) (?:in|after) (?:(\d+)h)?(?:(\d+)m(?!s))?(\d+(?:\.\d+)?) ?(ms|s|sec|second|minute)?"
)
_REFUSED = frozenset({400, 404, 422, 501})
_INVALID = regex.compile(r"(?i)validation errors?\b")
_FORM = frozenset({400, 422})
_FORBIDDEN, _TOO_LARGE, _BUSY, _BROKEN = 403, 413, 429, 500
_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_WORDS: Mapping[int, str] = {
    401: "the model's endpoint refuses the key (401); check llm.api_key",
    402: "the model's endpoint demands payment (402); check the account",
    403: "the model's endpoint forbids this (403); check the key's permissions and llm.model",
    404: "the model's endpoint doesn't know the address or the model (404); check llm.base_url and llm.model",
    405: "the model's endpoint takes no completions at this address (405); check llm.base_url",
    429: "the model's endpoint is busy or its rate limit is reached (429)",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What an endpoint said in place of a completion."""

    status: int
    """Of the response; or the one that an error inside a successful response names."""
    raw: str
    """Its message, whole."""
    cleaned: str
    """The same without secrets, cut, on one line."""
    code: str = ""
    """The server's own, such as `context_length_exceeded`."""
    parameter: str = ""
    """The one that it names in a field of its own."""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_of_parameter(self) -> bool:
        """Whether it may be about the form of the request. Templates that fail answer 500."""
        return self.status in _REFUSED or (self.status == _BROKEN and "role" in self.raw.lower())

    def error(self, clock: Clock) -> ModelError:
        """What it means.

        Args:
            clock: Tells how far away a date in `Retry-After` is.
        """
        failure = self._meaning(clock)
        named = self.parameter.partition(".")[0]
        if failure.status in _REFUSED and not failure.of_alert and named in {"tools", "response_format"}:
            failure.unsupported = named
        return failure

    def _meaning(self, clock: Clock) -> ModelError:
        status, raw = self.status, self.raw
        if status in _REFUSED | {_FORBIDDEN} and (self.code in _FILTER_CODES or _FILTER.search(raw)):
            return self._of(
                "the content filter of the model's endpoint refused the prompt, so a person has to look at this alert",
                of_alert=True,
            )
        if (
            status == _TOO_LARGE
            or (status in {400, 422, 500} and (self.code in _OVERFLOW_CODES or _OVERFLOW.search(raw)))
            or (status == _BUSY and _OVER_RATE.search(raw))
        ):
            return self._of("the prompt is too long for the model", overflow=True)
        if self.code in _QUOTA:
            return self._of(
                "the account of the model's endpoint has no quota left (429); check the account", as_status=402
            )
        if status in _REFUSED and (cause := self._misconfigured()):
            text, counted = cause
            return self._of(text, as_status=counted)
        retryable = status in _RETRYABLE or status >= 500  # noqa: PLR2004 - HTTP
        retryable &= self.headers.get("x-should-retry", "").lower() != "false"
        failure = self._of(_WORDS.get(status, f"the model's endpoint answered {status}"), retryable=retryable)
        if retryable:
            failure.retry_after = _retry_after(self.headers, clock) or _wait_in(raw)
        failure.unsupported = _unsupported(raw) if status in _REFUSED else ""
        return failure

    def _misconfigured(self) -> tuple[str, int] | None:
        """What the operator has to change, and the status that would have said so."""
        if self.status in _FORM and (_BAD_KEY.search(self.raw) or _BAD_KEY.search(self.code)):
            return f"the model's endpoint refuses the key ({self.status}); check llm.api_key", 401
        if _STREAMS_ONLY.search(self.raw):
            return "the model's endpoint only streams, which triage doesn't; check llm.base_url and llm.model", 405
        if _RESPONSES_ONLY.search(self.raw):
            return "the model takes no chat completions (v1/responses only); choose another llm.model", 404
        if _NO_MODEL.search(self.raw) or _NO_MODEL.search(self.code):
            return f"the model's endpoint doesn't offer this model ({self.status}); check llm.model", 404
        return None

    def _of(
        self,
        text: str,
        *,
        as_status: int = 0,
        retryable: bool = False,
        overflow: bool = False,
        of_alert: bool = False,
    ) -> ModelError:
        return ModelError(
            f"{text}: {self.cleaned}" if self.cleaned else text,
            status=as_status or self.status,
            retryable=retryable,
            overflow=overflow,
            of_alert=of_alert,
        )


def of_response(error: openai.APIStatusError, cleaner: ErrorCleaner) -> Refusal:
    """A response whose status is an error's."""
    return _refusal(error.status_code, error.body, cleaner, error.response.headers)


def inside(value: JsonValue, cleaner: ErrorCleaner) -> Refusal | None:
    """The error that some gateways report inside a successful response."""
    body = value[0] if isinstance(value, list) and value else value
    if not isinstance(body, dict) or not body.get("error") or body.get("choices"):
        return None
    error = body["error"]
    code = error.get("code") if isinstance(error, dict) else None
    status = code if isinstance(code, int) and 400 <= code <= 599 else 502  # noqa: PLR2004 - HTTP statuses
    return _refusal(status, body, cleaner, {})


def _refusal(status: int, body: object, cleaner: ErrorCleaner, headers: Mapping[str, str]) -> Refusal:
    raw = message_of(body)
    error = _error_in(body)
    if status == _BROKEN and _INVALID.search(raw):
        # llama-cpp-python answers so to a request whose form it doesn't know.
        status = 422
    code, parameter = error.get("code"), error.get("param")
    return Refusal(
        status=status,
        raw=raw,
        cleaned=cleaner.clean(redact(raw)),
        code=code if isinstance(code, str) else "",
        parameter=parameter if isinstance(parameter, str) else "",
        headers=headers,
    )


def _error_in(body: object) -> Mapping[str, object]:
    """The object that describes the error: the library has unwrapped it in some shapes, and not in others."""
    match body:
        case [first, *_]:
            return _error_in(first)
        case {"error": dict() as error}:
            return error
        case dict():
            return body
        case _:
            return {}


def _unsupported(said: str) -> str:
    """The feature that a refusal says is not there."""
    if _NO_TOOLS.search(said):
        return "tools"
    return "response_format" if _NO_SCHEMA.search(said) else ""


def _wait_in(said: str) -> float | None:
    """Seconds that the words of a refusal ask for, such as "try again in 1m7.5s"."""
    match = _WAIT.search(said)
    if match is None:
        return None
    hours, minutes, number, unit = match.groups()
    scale = {"ms": 0.001, "minute": 60.0}.get((unit or "s").lower(), 1.0)
    seconds = int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(number) * scale
    return min(seconds, _LONGEST_WAIT)


def _retry_after(headers: Mapping[str, str], clock: Clock) -> float | None:
    milliseconds = headers.get("retry-after-ms", "").strip()
    if milliseconds.isascii() and milliseconds.isdigit():
        return min(int(milliseconds[:9]) / 1000, _LONGEST_WAIT)
    return parse_retry_after(headers.get("retry-after", ""), clock, _LONGEST_WAIT)


def message_of(body: object) -> str:
    """The message in an error's body, in any of the usual shapes; empty for an HTML page."""
    match body:
        case [dict() as first, *_]:
            return message_of(first)
        case {"error": {"message": str(text), "metadata": {"raw": str(raw)}}}:
            # A router's own words say nothing; the provider's are beside them.
            return f"{text}: {raw}"
        case {"message": str(text), "metadata": {"raw": str(raw)}}:
            return f"{text}: {raw}"
        case {"error": {"message": str(text)}} | {"message": str(text)} | {"error": str(text)} | {"detail": str(text)}:
            return text
        case {"detail": [{"msg": str(text), **more}, *_]}:
            place = more.get("loc")
            return f"{'.'.join(map(str, place))}: {text}" if isinstance(place, list) else text
        case str(text) if not text.lstrip().startswith("<"):
            return text
        case _:
            return ""


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
