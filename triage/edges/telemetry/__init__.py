"""Traces and metrics by OpenTelemetry, off by default.

`traced` wraps the model and the lake, `otel` sends what they and the stages report. It needs the extra `otel`, and is
imported only where `telemetry.enabled` is set.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from triage.edges.telemetry.traced import TracedLake, TracedModel
from triage.errors import ConfigError
from triage.ports.tracing import Tracer
from triage.resources import how_to_install
from triage.settings import TelemetrySettings

__all__ = ["TracedLake", "TracedModel", "open_tracer"]


@asynccontextmanager
async def open_tracer(settings: TelemetrySettings) -> AsyncIterator[Tracer | None]:
    """What sends spans and metrics until the block ends; `None` where telemetry is off.

    Raises:
        ConfigError: The extra is not installed, or an OTEL_ variable asks for what is not there.
    """
    if not settings.enabled:
        yield None
        return
    try:
        from triage.edges.telemetry.otel import OtelTracer, otlp_providers  # noqa: PLC0415 - an extra, and slow
    except ImportError as error:
        raise ConfigError(f"telemetry.enabled needs the extra `otel`: {how_to_install('otel')}") from error
    tracer = OtelTracer(*otlp_providers())
    try:
        yield tracer
    finally:
        await tracer.close()
