"""Spans and counts of calls that cannot hold a person's words (I11).

What leaves the process is written anew from an allow-list: attributes whose name and value are both
known. Events (an exception's message and stack trace are such), the text of a status, links and
whatever else an instrumentation adds are left behind; so is the name of any span but our own.

Nothing is measured unless somebody hands `Telemetry` providers, made by `tracing` and `metering`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.metrics import MeterProvider, NoOpMeterProvider
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter
from opentelemetry.sdk.metrics import MeterProvider as SdkMeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.metrics.view import DropAggregation, View
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import (
    NoOpTracerProvider,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TracerProvider,
)

SCOPE = "oncetold.hub"
CALLS = "oncetold.calls"
METHOD, STATUS, REASON = "rpc.method", "rpc.grpc.status_code", "oncetold.reason"

_METHOD_NAME = re.compile(r"oncetold\.v1\.[A-Za-z]{1,40}\.[A-Za-z]{1,40}")
ALLOWED: Mapping[str, re.Pattern[str]] = {
    METHOD: _METHOD_NAME,
    STATUS: re.compile(r"[0-9]|1[0-6]"),
    REASON: re.compile(r"[A-Z][A-Z_]{1,39}"),
}
"""Attributes by name, with what their values look like. Everything else is dropped."""

Attributes = Mapping[str, str | int]


class Call:
    """What is told of one call: nothing but how it ended."""

    def __init__(self) -> None:
        self.status = 1  # CANCELLED, until it has ended otherwise
        self.reason = ""

    def ended(self, status: int, reason: str = "") -> None:
        """Its gRPC status, and the name of an ErrorReason without its prefix."""
        self.status, self.reason = status, reason


class Telemetry:
    """One span and one count for each call; by default neither."""

    def __init__(self, tracers: TracerProvider | None = None, meters: MeterProvider | None = None) -> None:
        self._tracer = (tracers or NoOpTracerProvider()).get_tracer(SCOPE)
        meter = (meters or NoOpMeterProvider()).get_meter(SCOPE)
        self._calls = meter.create_counter(CALLS, unit="{call}", description="Calls by how they ended.")

    @contextmanager
    def call(self, method: str) -> Iterator[Call]:
        """Measures one call of a method of the contract, by its full name."""
        call = Call()
        # A root of its own: no context comes from a caller, and none is handed on.
        span = self._tracer.start_span(
            method, Context(), SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        )
        try:
            yield call
        finally:
            told: dict[str, str | int] = {METHOD: method, STATUS: call.status}
            if call.reason:
                told[REASON] = call.reason
            span.set_attributes(told)
            if call.status:
                span.set_status(StatusCode.ERROR)
            span.end()
            self._calls.add(1, told)


class Bare(SpanExporter):
    """Hands spans to another exporter, each written anew from what is allowed."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([_bare(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def tracing(exporter: SpanExporter) -> SdkTracerProvider:
    """A provider whose spans reach the exporter bare."""
    provider = SdkTracerProvider(resource=_resource())
    provider.add_span_processor(BatchSpanProcessor(Bare(exporter)))
    return provider


def metering(reader: MetricReader) -> SdkMeterProvider:
    """A provider that counts calls by allowed attributes, and nothing else."""
    return SdkMeterProvider(
        [reader],
        resource=_resource(),
        # An exemplar holds the attributes that a view drops.
        exemplar_filter=AlwaysOffExemplarFilter(),
        views=[
            View(instrument_name=CALLS, meter_name=SCOPE, attribute_keys=set(ALLOWED)),
            View(instrument_name="*", aggregation=DropAggregation()),
        ],
    )


def _resource() -> Resource:
    # Not Resource.create: it adds the environment's, where a command line or a path may stand.
    return Resource({SERVICE_NAME: SCOPE})


def _bare(span: ReadableSpan) -> ReadableSpan:
    ours = span.instrumentation_scope is not None and span.instrumentation_scope.name == SCOPE
    named = ours and _METHOD_NAME.fullmatch(span.name) is not None
    return ReadableSpan(
        name=span.name if named else "other",
        context=_bare_context(span.context),
        parent=_bare_context(span.parent),
        resource=_resource(),
        attributes=_allowed(span.attributes),
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
    )


def _bare_context(context: SpanContext | None) -> SpanContext | None:
    if context is None:
        return None
    # Without its trace state, which is another's free text.
    return SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags)


def _allowed(attributes: Mapping[str, object] | None) -> Attributes:
    return {
        name: value
        for name, value in (attributes or {}).items()
        if isinstance(value, str | int) and name in ALLOWED and ALLOWED[name].fullmatch(str(value))
    }
