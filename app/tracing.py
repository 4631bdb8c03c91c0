"""Traces for OpenTelemetry, sent to a collector by OTLP over HTTP, from a thread of its own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.settings import TracingTable
from app.spans import Fact
from kb.logs import request_id

# What was seen is sent at the end of the server's life, if the collector takes it within this.
FLUSH_SECONDS = 3
_SEND_SECONDS = 5


class OpenTelemetryTracer:
    """See app.spans.Tracer. Not registered as the process's own tracer: no library's spans are sent."""

    def __init__(self, settings: TracingTable) -> None:
        headers = {"Authorization": settings.authorization.get_secret_value()} if settings.authorization else None
        exporter = OTLPSpanExporter(endpoint=settings.endpoint, headers=headers, timeout=_SEND_SECONDS)
        # A caller may continue its own trace here, and cannot have more of ours taken than we want.
        share = TraceIdRatioBased(settings.share)
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": settings.service_name}),
            sampler=ParentBased(share, remote_parent_sampled=share),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("footnote")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(self, name: str, *, parent: str = "", **facts: Fact) -> Iterator["OpenTelemetrySpan"]:
        """See app.spans.Tracer."""
        context = self._propagator.extract({"traceparent": parent}) if parent else None
        span = OpenTelemetrySpan(self._tracer.start_span(name, context=context, attributes=_named(facts)))
        try:
            yield span
        except BaseException as exc:
            span.fail(exc)
            raise
        finally:
            span.end()

    async def close(self) -> None:
        """Send what is left, and stop."""
        await asyncio.to_thread(self._provider.force_flush, FLUSH_SECONDS * 1000)
        await asyncio.to_thread(self._provider.shutdown)


class OpenTelemetrySpan:
    """See app.spans.Span."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        if (asked := request_id.get()) is not None:
            span.set_attribute("footnote.request_id", asked)

    def note(self, **facts: Fact) -> None:
        """See app.spans.Span."""
        self._span.set_attributes(_named(facts))

    @contextmanager
    def current(self) -> Iterator[None]:
        """See app.spans.Span."""
        with trace.use_span(self._span, end_on_exit=False, record_exception=False, set_status_on_exception=False):
            yield

    def fail(self, error: BaseException) -> None:
        """Note the class alone: an exception's words may repeat what a page or a person wrote."""
        kind = type(error).__name__
        self._span.set_attribute("error.type", kind)
        self._span.set_status(trace.StatusCode.ERROR, kind)

    def end(self) -> None:
        """It is over."""
        self._span.end()


def _named(facts: dict[str, Fact]) -> dict[str, Fact]:
    """Names of the conventions have dots; our own begin with the product's."""
    return {(name.replace("__", ".") if "__" in name else f"footnote.{name}"): fact for name, fact in facts.items()}
