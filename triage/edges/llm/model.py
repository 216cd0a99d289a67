"""A chat model over the openai library. Import it through `triage.edges.llm.open_model`: the library is slow to import."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import cast
from urllib.parse import parse_qsl

import httpx2
import openai
from openai.types.chat import ChatCompletionMessageParam
from pydantic import JsonValue

from triage.edges.http import ErrorCleaner, RetryPolicy, http_client
from triage.edges.llm.failures import Refusal, inside, of_response, unreachable
from triage.edges.llm.quirks import EndpointQuirks, QuirkMemory
from triage.edges.llm.wire import left_out, message_bodies, reply_of, request_body
from triage.errors import ModelError
from triage.ports import ChatReply, ChatRequest, Clock, Message, Values
from triage.settings import LlmSettings

_WINDOW_WORD = "heron-"
_WINDOW_TOKENS = 1_000
"""Of the answer: room for a model that thinks first."""
EMPTY = "the model's replies are empty; `triage check --model` shows what its endpoint can do"
OPENAI_URL = "https://api.openai.com/v1"
MAX_RESPONSE_BYTES = 4_000_000
_ERROR_BYTES = 64_000
_RETRIES = RetryPolicy(attempts=4, first_pause=1.0, longest_pause=30.0)
_ADAPTATIONS = 10
"""Forms of one request that are tried; what a refusal has taught is never tried again."""
_NO_KEY = "none"
"""Local servers need no key, but the library wants one."""
_CONNECTIONS = 16
"""At least so many to the endpoint."""
_OPERATORS = frozenset({401, 402, 403, 405})
_SHORT = 4_000
"""Bytes of a prompt below which a low count of its tokens means nothing."""
_BYTES_PER_TOKEN = 9
"""More than a token holds in any text of ours; a prompt with fewer tokens was cut."""


class OpenAiModel:
    """Implements `ports.ChatModel`. Opened by `open_model`."""

    def __init__(self, client: openai.AsyncOpenAI, settings: LlmSettings, memory: QuirkMemory, clock: Clock) -> None:
        """Ask through an open client of the library."""
        self._client = client
        self._settings = settings
        self._clock = clock
        self._memory = memory
        self._seconds = settings.timeout.total_seconds()
        headers = (value.get_secret_value() for value in settings.headers.values())
        # The library sends the key as a bearer's unless each request says otherwise.
        self._headers = cast("Mapping[str, str]", {"Authorization": openai.Omit()} if settings.api_key_header else {})
        self._cleaner = ErrorCleaner((settings.api_key.get_secret_value(), *headers))

    @property
    def name(self) -> str:
        """As configured."""
        return self._settings.model

    @property
    def quirks(self) -> EndpointQuirks:
        """What is known of the endpoint now."""
        return self._memory.quirks

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Ask once.

        Retried, at most three times: 408, 409, 429 and 5xx, connections that fail, answers that take longer than
        `llm.timeout`, bodies that are no JSON and empty replies; with growing pauses and jitter, or as the server says.
        A refusal that names a part of the request is answered by asking without it or in another form, and that is
        remembered. A model that has spent its output on thinking is asked once more, with more room.

        Raises:
            ModelError: With its HTTP status, whether it may pass, and whether the prompt was too long.
            StoreError: What is known of the endpoint can't be read or written.
        """
        await self._memory.load()
        if request.temperature is None and self._settings.temperature is not None:
            request = request.model_copy(update={"temperature": self._settings.temperature})
        reply = await self._retrying(request)
        more = self._settings.thinking_tokens
        if is_cut(reply) and more > request.max_tokens:
            again = await self._retrying(request.model_copy(update={"max_tokens": more}))
            reply = _both(again, reply)
        if is_cut(reply) and is_empty(reply):
            raise ModelError(
                f"the model spent all {max(more, request.max_tokens)} output tokens without an answer; raise "
                "llm.max_output_tokens and llm.thinking_tokens, or lower llm.reasoning_effort",
                status=200,
            )
        self._check_window(request, reply)
        return reply

    async def find_window(self, chars: int) -> str:
        """Whether the endpoint reads a prompt of this length whole: a word at its beginning is asked for at its end.

        An endpoint that repeats the word although it counts few tokens counts otherwise, which is remembered.

        Returns:
            What is wrong; empty if nothing is.

        Raises:
            ModelError: It refuses the question for another reason than its length.
            StoreError: What is known of the endpoint can't be read or written.
        """
        await self._memory.load()
        word = f"{_WINDOW_WORD}{self._clock.token(3)}"
        filler = "\n".join(f"{number}: nothing of interest." for number in range(chars // 30))
        request = ChatRequest(
            messages=(
                Message(role="system", content=f"The code word is {word}. Whoever asks for it gets it."),
                Message(role="user", content=f"{filler}\n\nWhat is the code word? Answer with it alone."),
            ),
            max_tokens=max(self._settings.max_output_tokens, _WINDOW_TOKENS),
        )
        try:
            reply = await self._retrying(request)
        except ModelError as error:
            if not error.overflow:
                raise
            return f"a prompt of {chars:,} characters does not fit; long dossiers are cut until they do ({error})"
        try:
            self._check_window(request, reply)
        except ModelError as error:
            if word not in reply.content:
                return str(error)
            await self._memory.learn(self.quirks.model_copy(update={"counts_prompt": False}))
        if word not in reply.content:
            return f"the model does not repeat a word from the beginning of a prompt of {chars:,} characters"
        return ""

    async def _retrying(self, request: ChatRequest) -> ChatReply:
        return await _RETRIES.retrying(self._clock)(self._adapting, request)

    async def _adapting(self, request: ChatRequest) -> ChatReply:
        """Ask, and ask again in another form where the endpoint refuses a part of the request by name."""
        for _ in range(_ADAPTATIONS):
            quirks = self._memory.quirks
            answer = await self._ask(request, quirks)
            if isinstance(answer, ChatReply):
                if is_empty(answer) and not is_cut(answer):
                    raise ModelError(EMPTY, status=200, retryable=True)
                without = left_out(request, quirks)
                return answer.model_copy(update={"without": without}) if without else answer
            failure = answer.error(self._clock)
            if failure.overflow or failure.of_alert or failure.status in _OPERATORS or not answer.is_of_parameter:
                raise failure
            adapted = quirks.adapted(answer.raw, answer.parameter, kept=self._memory.kept)
            if adapted is None:
                raise failure
            await self._memory.learn(adapted)
        raise ModelError("the model's endpoint refuses every form of the request; check llm.model", status=400)

    async def _ask(self, request: ChatRequest, quirks: EndpointQuirks) -> ChatReply | Refusal:
        messages = [cast("ChatCompletionMessageParam", body) for body in message_bodies(request.messages, quirks)]
        extra = request_body(request, quirks, reasoning_effort=self._settings.reasoning_effort)
        create = self._client.chat.completions.with_streaming_response.create
        try:
            async with (
                asyncio.timeout(self._seconds),
                create(
                    model=self._settings.model, messages=messages, extra_body=extra, extra_headers=self._headers
                ) as response,
            ):
                body = await _read(response.iter_bytes())
        except openai.APIStatusError as error:
            return of_response(error, self._cleaner)
        except (openai.APIConnectionError, httpx2.HTTPError, httpx2.StreamError, OSError, TimeoutError) as error:
            raise unreachable(_cause(error), self._seconds) from error
        except openai.OpenAIError as error:
            raise ModelError(f"the openai library could not ask ({type(error).__name__})") from error
        return self._reply(body)

    def _reply(self, body: bytes) -> ChatReply | Refusal:
        try:
            value: JsonValue = json.loads(body)
        except (ValueError, RecursionError) as error:
            if body.lstrip().startswith((b"data:", b"event:", b":")):
                raise ModelError(
                    "the model's endpoint only streams, which triage doesn't; check llm.base_url and llm.model",
                    status=200,
                ) from error
            raise ModelError(
                "the model's endpoint did not answer in JSON; check llm.base_url (it usually ends in /v1)",
                retryable=True,
            ) from error
        return inside(value, self._cleaner) or reply_of(value)

    def _check_window(self, request: ChatRequest, reply: ChatReply) -> None:
        """Refuse a reply to a prompt that the server has cut without a word.

        Raises:
            ModelError: As for a prompt that was too long, which a smaller one may mend.
        """
        sent = sum(len(message.content.encode("utf-8", "replace")) for message in request.messages)
        # Some servers don't count what they have read from their cache.
        read = reply.prompt_tokens + reply.cached_tokens
        if not self.quirks.counts_prompt or not read or sent < _SHORT or sent <= _BYTES_PER_TOKEN * read:
            return
        raise ModelError(
            f"the model's server cut the prompt: it counts {read} tokens of about {sent // 4}. Raise its context window "
            "(Ollama: num_ctx or OLLAMA_CONTEXT_LENGTH; llama.cpp: --ctx-size; vLLM: --max-model-len); if it counts "
            "otherwise, set llm.quirks.counts_prompt: false",
            status=200,
            overflow=True,
        )


def is_empty(reply: ChatReply) -> bool:
    """Whether a reply neither says nor calls anything."""
    return not reply.content.strip() and not reply.tool_calls and not reply.refusal


def is_cut(reply: ChatReply) -> bool:
    """Whether a reply ended at the limit of output tokens before it said or called anything whole."""
    if reply.finish_reason != "length":
        return False
    return is_empty(reply) or not all(_is_json(call.arguments) for call in reply.tool_calls)


def _is_json(text: str) -> bool:
    try:
        json.loads(text or "{}")
    except (ValueError, RecursionError):
        return False
    return True


def _both(last: ChatReply, first: ChatReply) -> ChatReply:
    """A reply with what the one before it has cost."""
    names = ("prompt_tokens", "completion_tokens", "cached_tokens")
    return last.model_copy(update={name: getattr(last, name) + getattr(first, name) for name in names})


@asynccontextmanager
async def opened(
    settings: LlmSettings, *, clock: Clock, at_once: int, values: Values | None
) -> AsyncIterator[OpenAiModel]:
    """See `triage.edges.llm.open_model`; nothing is sent yet."""
    base, _, query = (settings.base_url or OPENAI_URL).partition("?")
    key = settings.api_key.get_secret_value()
    headers = {name: value.get_secret_value() for name, value in settings.headers.items()}
    if settings.api_key_header:
        headers[settings.api_key_header] = key
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
        api_key=key or _NO_KEY,
        base_url=base,
        http_client=http,
        max_retries=0,
        default_headers={"accept-encoding": "gzip, identity", **headers},
        default_query=dict(parse_qsl(query, keep_blank_values=True)),
    )
    try:
        yield OpenAiModel(client, settings, QuirkMemory(settings, values, clock), clock)
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
