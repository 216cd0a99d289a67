"""A collector of OpenTelemetry on loopback, and a tracer that keeps what it is told in memory."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.support.receivers import Received, Receiver, receiving
from triage.edges.telemetry.otel import OtelTracer


@dataclass(frozen=True)
class Collected:
    """One span as it came over the wire."""

    name: str
    id: bytes
    parent: bytes
    facts: Mapping[str, Any]
    failed: bool
    events: int


@contextmanager
def collector() -> Iterator[Receiver]:
    """Takes whatever is exported."""
    with receiving(Receiver(lambda _request: (200, b""))) as receiver:
        yield receiver


def spans(received: list[Received]) -> list[Collected]:
    """The spans of every export."""
    return [
        Collected(
            span.name,
            span.span_id,
            span.parent_span_id,
            {each.key: _value(each.value) for each in span.attributes},
            span.status.code == 2,
            len(span.events),
        )
        for request in received
        if request.target == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(request.body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def resource_of(received: list[Received]) -> Mapping[str, Any]:
    """What the exporting process calls itself."""
    first = next(request for request in received if request.target == "/v1/traces")
    (resource,) = ExportTraceServiceRequest.FromString(first.body).resource_spans
    return {each.key: _value(each.value) for each in resource.resource.attributes}


def metrics(received: list[Received]) -> Mapping[str, list[tuple[Mapping[str, Any], int, float]]]:
    """By name, of every data point: its attributes, its count and its sum."""
    found: dict[str, list[tuple[Mapping[str, Any], int, float]]] = {}
    for request in received:
        if request.target != "/v1/metrics":
            continue
        for resource in ExportMetricsServiceRequest.FromString(request.body).resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found[metric.name] = [
                        ({each.key: _value(each.value) for each in point.attributes}, point.count, point.sum)
                        for point in metric.histogram.data_points
                    ]
    return found


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [_value(each) for each in value.array_value.values] if kind == "array_value" else getattr(value, kind)


@dataclass(frozen=True)
class Kept:
    """A tracer and what it was told."""

    tracer: OtelTracer
    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    def points(self, name: str) -> list[Any]:
        """The data points of a metric."""
        data = self.reader.get_metrics_data()
        assert data is not None
        return [
            point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@contextmanager
def kept() -> Iterator[Kept]:
    """A tracer over the SDK's in-memory exporters."""
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    traces = TracerProvider(shutdown_on_exit=False)
    traces.add_span_processor(SimpleSpanProcessor(exporter))
    meters = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
    yield Kept(OtelTracer(traces, meters), exporter, reader)
    traces.shutdown()
    meters.shutdown()
