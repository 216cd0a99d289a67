"""The model and the lake with a span around each call, by OpenTelemetry's conventions for GenAI and for clients."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from triage.domain.sql import ReadOnlyQuery
from triage.domain.window import TimeWindow
from triage.ports import ChatModel, ChatReply, ChatRequest, Clock, Column, Lake, QueryLimits, QueryResult, Table
from triage.ports.tracing import Fact, Span, Tracer

_PROVIDERS = {
    "api.openai.com": "openai",
    "openai.azure.com": "azure.ai.openai",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "amazonaws.com": "aws.bedrock",
    "api.mistral.ai": "mistral_ai",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.x.ai": "x_ai",
    "api.perplexity.ai": "perplexity",
    "api.cohere.ai": "cohere",
}
"""`gen_ai.provider.name` by the end of a host. Source: OpenTelemetry semantic conventions, GenAI attributes."""
_OPENAI = "openai"
"""The API that is spoken, where the provider behind it is not known; `server.address` says where it is."""


class TracedModel:
    """A model whose calls are traced; prompts and replies are not part of it. Implements `ports.ChatModel`."""

    def __init__(self, model: ChatModel, endpoint: str, tracer: Tracer, clock: Clock) -> None:
        """Wrap a model.

        Args:
            model: Asked.
            endpoint: Its URL.
            tracer: Receives spans and measurements.
            clock: Measures.
        """
        self._model = model
        self._tracer = tracer
        self._clock = clock
        where = urlsplit(endpoint)
        host = where.hostname or ""
        self._facts: Mapping[str, Fact] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": next(
                (name for end, name in _PROVIDERS.items() if host == end or host.endswith(f".{end}")), _OPENAI
            ),
            "gen_ai.request.model": model.name,
            "server.address": host,
            "server.port": where.port or (443 if where.scheme == "https" else 80),
        }

    @property
    def name(self) -> str:
        return self._model.name

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Ask; retries are inside the span. Raises ModelError."""
        start = self._clock.monotonic()
        facts: dict[str, Fact] = {**self._facts, "gen_ai.request.max_tokens": request.max_tokens}
        if request.temperature is not None:
            facts["gen_ai.request.temperature"] = request.temperature
        with self._tracer.span(f"chat {self.name}", facts, client=True) as span:
            try:
                reply = await self._model.complete(request)
            except BaseException as error:
                self._measure(start, {"error.type": type(error).__name__})
                raise
            known: dict[str, Fact] = {
                "gen_ai.response.model": reply.model,
                "gen_ai.usage.input_tokens": reply.prompt_tokens,
                "gen_ai.usage.output_tokens": reply.completion_tokens,
                "gen_ai.usage.cache_read.input_tokens": reply.cached_tokens,
                "gen_ai.response.finish_reasons": reply.finish_reason,
                "triage.model.tool_calls": len(reply.tool_calls),
            }
            span.note({name: value for name, value in known.items() if value != ""})
        self._measure(start, {})
        for kind, tokens in (("input", reply.prompt_tokens), ("output", reply.completion_tokens)):
            self._tracer.measure("gen_ai.client.token.usage", tokens, {**self._facts, "gen_ai.token.type": kind})
        return reply

    def _measure(self, start: float, more: Mapping[str, Fact]) -> None:
        seconds = self._clock.monotonic() - start
        self._tracer.measure("gen_ai.client.operation.duration", seconds, {**self._facts, **more})


class TracedLake:
    """A lake whose queries are traced: rows and bytes as numbers; neither statements nor values. Implements `ports.Lake`."""

    def __init__(self, lake: Lake, tracer: Tracer, clock: Clock) -> None:
        self._lake = lake
        self._tracer = tracer
        self._clock = clock

    async def run_query(self, query: ReadOnlyQuery, *, limits: QueryLimits) -> QueryResult:
        """Run one SELECT. Raises as the lake does."""
        start = self._clock.monotonic()
        with self._tracer.span("lake query", {"db.operation.name": "SELECT"}, client=True) as span:
            try:
                result = await self._lake.run_query(query, limits=limits)
            except BaseException as error:
                self._measure("SELECT", start, {"error.type": type(error).__name__})
                raise
            _note(span, result)
        self._measure("SELECT", start, {})
        return result

    async def search(self, indicators: Sequence[str], *, window: TimeWindow, limits: QueryLimits) -> QueryResult:
        """Panther's indicator search. Raises as the lake does."""
        start = self._clock.monotonic()
        facts: Mapping[str, Fact] = {"db.operation.name": "search", "triage.lake.indicators": len(indicators)}
        with self._tracer.span("lake search", facts, client=True) as span:
            try:
                result = await self._lake.search(indicators, window=window, limits=limits)
            except BaseException as error:
                self._measure("search", start, {"error.type": type(error).__name__})
                raise
            _note(span, result)
        self._measure("search", start, {})
        return result

    async def databases(self) -> tuple[str, ...]:
        return await self._lake.databases()

    async def tables(self, database: str) -> tuple[Table, ...]:
        return await self._lake.tables(database)

    async def columns(self, database: str, table: str) -> tuple[Column, ...]:
        return await self._lake.columns(database, table)

    def _measure(self, operation: str, start: float, more: Mapping[str, Fact]) -> None:
        seconds = self._clock.monotonic() - start
        self._tracer.measure("triage.lake.query.duration", seconds, {"db.operation.name": operation, **more})


def _note(span: Span, result: QueryResult) -> None:
    span.note(
        {
            "db.response.returned_rows": result.row_count,
            "triage.lake.rows_kept": len(result.rows),
            "triage.lake.bytes": result.bytes,
            "triage.lake.truncated": result.truncated,
        }
    )
