"""Sends spans and measurements by OTLP over HTTP, as the standard OTEL_ variables say."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import regex
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span as OpenSpan
from opentelemetry.trace import SpanKind, Status, StatusCode

import triage
from triage.errors import ConfigError
from triage.ports.tracing import NO_FACTS, Fact, Span

CLOSE_SECONDS = 5.0
"""For what is still to be sent when the program ends."""
OTHER = "_OTHER"
"""In place of a string that is no identifier: whatever it is, it is not sent."""
_IDENTIFIER = regex.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@+-]{0,119}")
_LISTS = frozenset({"gen_ai.response.finish_reasons"})
"""Attributes that the conventions make lists."""
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = tuple(4.0**power for power in range(14))
_HISTOGRAMS = {
    "gen_ai.client.operation.duration": ("s", _SECONDS, "Duration of a model call, retries included."),
    "gen_ai.client.token.usage": ("{token}", _TOKENS, "Tokens of a model call."),
    "triage.lake.query.duration": ("s", _SECONDS, "Duration of a query of the data lake."),
}
"""Unit, bounds of the buckets, and meaning. Source: OpenTelemetry semantic conventions, GenAI metrics."""


def otlp_providers() -> tuple[TracerProvider, MeterProvider]:
    """Providers that send to `OTEL_EXPORTER_OTLP_ENDPOINT`. Raises ConfigError."""
    named = {"service.name": "triage", "service.version": triage.__version__}
    # What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say goes before ours.
    resource = Resource.create(named).merge(OTELResourceDetector().detect())
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    if protocol != "http/protobuf":
        raise ConfigError(f"OTEL_EXPORTER_OTLP_PROTOCOL: {protocol[:40]!r} is not there; write http/protobuf")
    traces = TracerProvider(resource=resource, shutdown_on_exit=False)
    if _exported("OTEL_TRACES_EXPORTER"):
        traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    readers: list[MetricReader] = []
    if _exported("OTEL_METRICS_EXPORTER"):
        readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
    return traces, MeterProvider(resource=resource, metric_readers=readers, shutdown_on_exit=False)


def _exported(variable: str) -> bool:
    value = os.environ.get(variable, "") or "otlp"
    if value not in ("otlp", "none"):
        raise ConfigError(f"{variable}: {value[:40]!r} is not there; write otlp or none")
    return value == "otlp"


class OtelTracer:
    """Implements `ports.tracing.Tracer`."""

    def __init__(self, traces: TracerProvider, metrics: MeterProvider) -> None:
        """Report to providers, which are shut down by `close`; the process's global ones stay as they are."""
        self._traces = traces
        self._metrics = metrics
        self._tracer = traces.get_tracer("triage", triage.__version__)
        meter = metrics.get_meter("triage", triage.__version__)
        self._histograms = {
            name: meter.create_histogram(name, unit, text, explicit_bucket_boundaries_advisory=bounds)
            for name, (unit, bounds, text) in _HISTOGRAMS.items()
        }

    @contextmanager
    def span(self, name: str, facts: Mapping[str, Fact] = NO_FACTS, *, client: bool = False) -> Iterator[Span]:
        """Implements `Tracer.span`."""
        with self._tracer.start_as_current_span(
            name,
            kind=SpanKind.CLIENT if client else SpanKind.INTERNAL,
            attributes=_attributes(facts),
            # The text of an exception may quote a log or a server.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield _OtelSpan(span)
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise

    def measure(self, name: str, value: float, facts: Mapping[str, Fact]) -> None:
        """Implements `Tracer.measure`."""
        self._histograms[name].record(value, _attributes(facts))

    async def close(self) -> None:
        """Send what is left, for a few seconds; what a collector does not take by then is lost."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        # Threads that the process does not wait for: against a collector that takes requests and never answers, the SDK
        # goes on for a minute.
        ends = (self._traces.shutdown, self._metrics.shutdown)
        threads = [threading.Thread(target=end, name="telemetry", daemon=True) for end in ends]
        deadline = time.monotonic() + CLOSE_SECONDS
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0.0))


class _OtelSpan:
    def __init__(self, span: OpenSpan) -> None:
        self._span = span

    def note(self, facts: Mapping[str, Fact]) -> None:
        """Implements `Span.note`."""
        self._span.set_attributes(_attributes(facts))


def _attributes(facts: Mapping[str, Fact]) -> dict[str, Fact | list[str]]:
    safe = {name: _safe(value) for name, value in facts.items()}
    return {name: [str(value)] if name in _LISTS else value for name, value in safe.items()}


def _safe(value: Fact) -> Fact:
    if isinstance(value, str) and _IDENTIFIER.fullmatch(value) is None:
        return OTHER
    return value
