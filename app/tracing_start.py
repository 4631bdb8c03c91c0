"""Where the server meets OpenTelemetry: its SDK is an extra, and is loaded only if the settings name a collector."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.settings import TracingTable
from app.spans import Tracer
from kb.errors import ConfigError


@asynccontextmanager
async def tracing(settings: TracingTable) -> AsyncIterator[Tracer | None]:
    """The tracer, if `[tracing] endpoint` is set; what it still holds is sent at the end. Raises ConfigError."""
    if not settings.endpoint:
        yield None
        return
    try:
        from app.tracing import OpenTelemetryTracer
    except ImportError as exc:
        raise ConfigError("[tracing] needs an extra: pip install 'footnote-kb[tracing]'") from exc
    tracer = OpenTelemetryTracer(settings)
    try:
        yield tracer
    finally:
        await tracer.close()
