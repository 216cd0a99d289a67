"""What is traced of model and lake, kept by the SDK's in-memory exporters."""

import re
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.trace import SpanKind, StatusCode

from tests.support.clocks import START, FakeClock
from tests.support.llm import Script, ScriptedLlm, completion
from tests.support.loopback import FakePanther
from tests.support.panther import connected
from tests.support.shared import ROOT
from tests.support.telemetry import Kept, kept
from triage.domain.sql import ReadOnlyQuery
from triage.domain.window import TimeWindow
from triage.edges.llm import open_model
from triage.edges.telemetry import TracedLake, TracedModel, open_tracer
from triage.edges.telemetry.otel import OTHER, otlp_providers
from triage.edges.telemetry.traced import _PROVIDERS
from triage.errors import ConfigError, ModelError, QueryFailed
from triage.ports import ChatRequest, Message, QueryLimits
from triage.ports.tracing import NO_TRACER
from triage.settings import LlmSettings, TelemetrySettings

SECRET = "mira.holt@acme.example opened the vault"
REQUEST = ChatRequest(messages=(Message(role="user", content=SECRET),), max_tokens=77, temperature=0.0)
QUERY = ReadOnlyQuery(sql=f"SELECT '{SECRET}' LIMIT 1", tables=(), limit=1, window=None)
WINDOW = TimeWindow(START - timedelta(hours=1), START)


async def ask(traced: Kept, script: Script) -> None:
    async with ScriptedLlm(script) as server:
        settings = LlmSettings.model_validate(
            {"base_url": server.url, "api_key": "sk-0123456789abcdef", "model": "m/1"}
        )
        clock = FakeClock()
        async with open_model(settings, clock=clock) as model:
            await TracedModel(model, settings.endpoint, traced.tracer, clock).complete(REQUEST)


def answered(*rows: Any) -> FakePanther:
    results = {
        "columnInfo": {"order": ["n"]},
        "edges": [{"node": row} for row in rows],
        "pageInfo": {"hasNextPage": False, "endCursor": None},
        "stats": {"rowCount": len(rows)},
        "tryAgain": False,
    }
    done = {"dataLakeQuery": {"status": "succeeded", "message": "", "results": results}}
    return FakePanther(graphql={"ExecuteQuery": {"executeDataLakeQuery": {"id": "q-1"}}, "QueryResults": [done]})


@pytest.mark.anyio
async def test_a_model_call_is_a_span_by_the_conventions() -> None:
    """Operation, provider, model, limits, tokens and how it finished; neither prompt nor reply."""
    body = completion(f"I saw that {SECRET}", prompt_tokens=70, completion_tokens=30)
    with kept() as traced:
        await ask(traced, [body])
        (span,) = traced.spans
        (seconds,) = traced.points("gen_ai.client.operation.duration")
        tokens = {
            point.attributes["gen_ai.token.type"]: point.sum for point in traced.points("gen_ai.client.token.usage")
        }
    assert (span.name, span.kind, span.status.status_code) == ("chat m/1", SpanKind.CLIENT, StatusCode.UNSET)
    facts = dict(span.attributes or {})
    assert isinstance(facts.pop("server.port"), int)
    assert facts == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m/1",
        "gen_ai.request.max_tokens": 77,
        "gen_ai.request.temperature": 0.0,
        "gen_ai.response.model": "scripted-1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 70,
        "gen_ai.usage.output_tokens": 30,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "triage.model.tool_calls": 0,
        "server.address": "127.0.0.1",
    }
    assert (seconds.count, tokens) == (1, {"input": 70, "output": 30})


@pytest.mark.anyio
async def test_a_failed_model_call_is_a_span_without_its_message() -> None:
    """Its type alone: an endpoint's message may quote the prompt."""
    with kept() as traced:
        with pytest.raises(ModelError):
            await ask(traced, [(400, {}, {"error": {"message": f"refused: {SECRET}"}})])
        (span,) = traced.spans
        (seconds,) = traced.points("gen_ai.client.operation.duration")
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description is None
    assert (dict(span.attributes or {})["error.type"], span.events) == ("ModelError", ())
    assert seconds.attributes["error.type"] == "ModelError"
    assert SECRET not in span.to_json()


def test_the_names_are_those_of_the_conventions() -> None:
    """Attributes, providers and metrics of GenAI are spelled as the SDK's copy of the conventions spells them."""
    known = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI_")}
    known |= {value for name, value in vars(gen_ai_metrics).items() if name.startswith("GEN_AI_")}
    sources = [path.read_text("utf-8") for path in (ROOT / "triage").rglob("*.py")]
    used = {name for text in sources for name in re.findall(r'"(gen_ai\.[a-z_.]+)"', text)}
    assert len(used) > 12
    assert used <= known
    assert set(_PROVIDERS.values()) <= {each.value for each in gen_ai_attributes.GenAiProviderNameValues}


@pytest.mark.parametrize(
    ("endpoint", "provider"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://acme.openai.azure.com/openai/v1", "azure.ai.openai"),
        ("https://bedrock-runtime.eu-central-1.amazonaws.com/openai/v1", "aws.bedrock"),
        ("https://notapi.mistral.ai.evil.example/v1", "openai"),
        ("http://localhost:11434/v1", "openai"),
    ],
)
@pytest.mark.anyio
async def test_the_provider_is_told_by_the_host(endpoint: str, provider: str) -> None:
    """One that the conventions name; else that of the API that is spoken."""

    class Model:
        name = "m"

        async def complete(self, _request: ChatRequest) -> Any:
            raise ModelError("none")

    with kept() as traced:
        with pytest.raises(ModelError):
            await TracedModel(Model(), endpoint, traced.tracer, FakeClock()).complete(REQUEST)
        assert (traced.spans[0].attributes or {})["gen_ai.provider.name"] == provider


@pytest.mark.anyio
async def test_a_query_is_a_span_with_counts() -> None:
    """Rows, bytes and whether any were cut; neither the statement nor a value."""
    clock = FakeClock()
    with kept() as traced:
        async with connected(answered({"n": SECRET}, {"n": 2}), clock) as (panther, _):
            result = await TracedLake(panther.lake, traced.tracer, clock).run_query(QUERY, limits=QueryLimits(rows=1))
        (span,) = traced.spans
        (point,) = traced.points("triage.lake.query.duration")
    assert (span.name, span.kind) == ("lake query", SpanKind.CLIENT)
    assert dict(span.attributes or {}) == {
        "db.operation.name": "SELECT",
        "db.response.returned_rows": 2,
        "triage.lake.rows_kept": 1,
        "triage.lake.bytes": result.bytes,
        "triage.lake.truncated": True,
    }
    assert point.sum == pytest.approx(result.seconds)
    assert SECRET not in span.to_json()


@pytest.mark.anyio
async def test_a_failed_query_is_a_span_without_its_message() -> None:
    """A lake's message quotes the statement."""
    failed = {"dataLakeQuery": {"status": "failed", "message": f"near '{SECRET}'", "results": None}}
    fake = FakePanther(graphql={"ExecuteQuery": {"executeDataLakeQuery": {"id": "q-1"}}, "QueryResults": [failed]})
    with kept() as traced:
        async with connected(fake) as (panther, _):
            with pytest.raises(QueryFailed, match="vault"):
                await TracedLake(panther.lake, traced.tracer, FakeClock()).run_query(QUERY, limits=QueryLimits())
        (span,) = traced.spans
    assert (span.attributes or {})["error.type"] == "QueryFailed"
    assert SECRET not in span.to_json()


@given(st.text(max_size=200))
def test_a_text_that_is_no_identifier_is_never_an_attribute(text: str) -> None:
    """Whatever a fact holds: a string with a space, a quote or another sign is replaced whole."""
    with kept() as traced:
        with traced.tracer.span("enrich", {"triage.alert.id": text}) as span:
            span.note({"triage.outcome": text})
        (span_made,) = traced.spans
    values = dict(span_made.attributes or {})
    assert values["triage.alert.id"] == values["triage.outcome"]
    assert values["triage.alert.id"] == (
        text if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.:/@+-]{0,119}", text) else OTHER
    )


def test_spans_nest_and_an_exception_is_its_type() -> None:
    """The span around is the parent, also where the block ends with an exception that quotes a log."""
    with kept() as traced:
        with pytest.raises(ValueError, match="vault"), traced.tracer.span("outer"), traced.tracer.span("inner"):
            raise ValueError(SECRET)
        inner, outer = traced.spans
    assert inner.parent is not None
    assert outer.context is not None
    assert inner.parent.span_id == outer.context.span_id
    assert {(span.attributes or {})["error.type"] for span in (inner, outer)} == {"ValueError"}
    assert SECRET not in inner.to_json() + outer.to_json()


def test_without_telemetry_nothing_is_kept() -> None:
    """The stages report to something that does nothing."""
    with NO_TRACER.span("enrich", {"triage.look": 1}) as span:
        span.note({"triage.evidence": 1})
    NO_TRACER.measure("gen_ai.client.token.usage", 1, {})


@pytest.mark.anyio
async def test_it_is_off_by_default() -> None:
    """Then nothing is opened, whatever the environment says."""
    async with open_tracer(TelemetrySettings()) as tracer:
        assert tracer is None


@pytest.mark.anyio
async def test_a_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says which extra, and how it is installed."""
    monkeypatch.delitem(sys.modules, "triage.edges.telemetry.otel", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ConfigError, match=r"telemetry\.enabled needs the extra `otel`"):
        async with open_tracer(TelemetrySettings(enabled=True)):
            pass


def test_the_program_does_without_the_library() -> None:
    """Nothing of OpenTelemetry is imported where telemetry is off."""
    code = (
        "import sys, triage.app, triage.cli.run; assert not [n for n in sys.modules if n.startswith('opentelemetry')]"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_METRICS_EXPORTER", "prometheus"),
    ],
)
def test_an_exporter_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    """Rather than sending nothing without a word."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=f"{variable}: '{value}' is not there"):
        otlp_providers()
