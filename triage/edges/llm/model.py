"""A chat model over the openai library. Import it through `triage.edges.llm.open_model`: the library is slow to import."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import httpx2
import openai
from openai.types.chat import ChatCompletionMessageParam
from pydantic import JsonValue

from triage.edges.http import ErrorCleaner, RetryPolicy, http_client
from triage.edges.llm.failures import inside, message_of, of_status, parameter_of, unreachable
from triage.edges.llm.wire import EndpointQuirks, message_body, reply_of, request_body
from triage.errors import ModelError
from triage.ports import ChatReply, ChatRequest, Clock
from triage.settings import LlmSettings

OPENAI_URL = "https://api.openai.com/v1"
MAX_RESPONSE_BYTES = 4_000_000
_ERROR_BYTES = 64_000
_RETRIES = RetryPolicy(attempts=4, first_pause=1.0, longest_pause=30.0)
_ADAPTATIONS = 4
_NO_KEY = "none"
"""Local servers need no key, but the library wants one."""
_CONNECTIONS = 16
"""At least so many to the endpoint."""
_REFUSED = frozenset({400, 422})


class OpenAiModel:
    """Implements `ports.ChatModel`. Opened by `open_model`."""

    def __init__(self, client: openai.AsyncOpenAI, settings: LlmSettings, clock: Clock) -> None:
        """Ask through an open client of the library."""
        self._client = client
        self._settings = settings
        self._clock = clock
        self._seconds = settings.timeout.total_seconds()
        self._cleaner = ErrorCleaner((settings.api_key.get_secret_value(),))
        own = not settings.base_url or "api.openai.com" in settings.base_url
        self._quirks = EndpointQuirks(output_key="max_completion_tokens" if own else "max_tokens")

    @property
    def name(self) -> str:
        """As configured."""
        return self._settings.model

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Ask once.

        Retried, at most three times: 408, 409, 429 and 5xx, connections that fail, answers that take longer than
        `llm.timeout` and bodies that are no JSON; with growing pauses and jitter, or as `Retry-After` says. A refusal
        that names `max_tokens`, `temperature`, `tool_choice` or `strict` is answered by asking without it, and that
        is remembered.

        Raises:
            ModelError: With its HTTP status, whether it may pass, and whether the prompt was too long.
        """
        if request.temperature is None and self._settings.temperature is not None:
            request = request.model_copy(update={"temperature": self._settings.temperature})
        return await _RETRIES.retrying(self._clock)(self._adapting, request)

    async def _adapting(self, request: ChatRequest) -> ChatReply:
        """Ask, and ask again without a parameter that the endpoint refuses by name."""
        for _ in range(_ADAPTATIONS):
            quirks = self._quirks
            try:
                reply = await self._ask(request, quirks)
            except openai.APIStatusError as error:
                failure = of_status(error, self._clock, self._cleaner)
                adapted = None
                if error.status_code in _REFUSED and not failure.overflow:
                    adapted = quirks.adapted(message_of(error.body), parameter_of(error))
                if adapted is None:
                    raise failure from error
                self._quirks = adapted
            else:
                left_out = quirks.left_out(request)
                return reply.model_copy(update={"without": left_out}) if left_out else reply
        raise ModelError("the model's endpoint refuses every form of the request; check llm.model", status=400)

    async def _ask(self, request: ChatRequest, quirks: EndpointQuirks) -> ChatReply:
        messages = [cast("ChatCompletionMessageParam", message_body(message)) for message in request.messages]
        create = self._client.chat.completions.with_streaming_response.create
        try:
            async with (
                asyncio.timeout(self._seconds),
                create(
                    model=self._settings.model, messages=messages, extra_body=request_body(request, quirks)
                ) as response,
            ):
                body = await _read(response.iter_bytes())
        except openai.APIStatusError:
            raise
        except (openai.APIConnectionError, httpx2.HTTPError, httpx2.StreamError, OSError, TimeoutError) as error:
            raise unreachable(_cause(error), self._seconds) from error
        except openai.OpenAIError as error:
            raise ModelError(f"the openai library could not ask ({type(error).__name__})") from error
        return self._reply(body)

    def _reply(self, body: bytes) -> ChatReply:
        try:
            value: JsonValue = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise ModelError(
                "the model's endpoint did not answer in JSON; check llm.base_url (it usually ends in /v1)",
                retryable=True,
            ) from error
        failure = inside(value, self._clock, self._cleaner)
        if failure is not None:
            raise failure
        return reply_of(value)


@asynccontextmanager
async def opened(settings: LlmSettings, *, clock: Clock, at_once: int) -> AsyncIterator[OpenAiModel]:
    """See `triage.edges.llm.open_model`; nothing is sent yet."""
    base = settings.base_url or OPENAI_URL
    http: httpx2.AsyncClient = http_client(
        httpx2,
        urls=(base,),
        headers={},
        connections=max(_CONNECTIONS, at_once),
        # A model may think that long before its first byte.
        read_seconds=settings.timeout.total_seconds(),
    )
    http.event_hooks = {"request": [], "response": [_bound_errors]}
    client = openai.AsyncOpenAI(
        api_key=settings.api_key.get_secret_value() or _NO_KEY,
        base_url=base,
        http_client=http,
        max_retries=0,
        default_headers={"accept-encoding": "gzip, identity"},
    )
    try:
        yield OpenAiModel(client, settings, clock)
    finally:
        await client.close()


async def _bound_errors(response: httpx2.Response) -> None:
    """The library reads an error's body whole; a large one is cut before that."""
    if response.is_success:
        return
    stream = response.stream

    class Bounded(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            left = _ERROR_BYTES
            assert isinstance(stream, httpx2.AsyncByteStream)
            async for chunk in stream:
                yield chunk[:left]
                left -= len(chunk)
                if left <= 0:
                    return

        async def aclose(self) -> None:
            assert isinstance(stream, httpx2.AsyncByteStream)
            await stream.aclose()

    response.stream = Bounded()


async def _read(chunks: AsyncIterator[bytes]) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > MAX_RESPONSE_BYTES:
            raise ModelError(f"the model's reply is larger than {MAX_RESPONSE_BYTES // 1_000_000} MB", status=200)
        parts.append(chunk)
    return b"".join(parts)


def _cause(error: Exception) -> Exception:
    """The cause of the library's own exception: its name says more."""
    return error.__cause__ if isinstance(error.__cause__, Exception) else error
