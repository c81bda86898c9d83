"""What may leave the process in a span or a figure: names and values that are both known beforehand (I11).

Everything that leaves is written anew from this list. Events (an exception's message and stack trace are
such), the text of a status, links and whatever else an instrumentation adds are left behind; so is the
name of any span but our own.
"""

import re
from collections.abc import Mapping, Sequence

from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, Status

SCOPE = "oncetold.hub"
METHOD, STATUS, REASON = "rpc.method", "rpc.grpc.status_code", "oncetold.reason"
OUTCOME, FAILURE = "oncetold.outcome", "oncetold.failure"
AGENCY, FEED = "oncetold.agency", "oncetold.feed"

_METHOD_NAME = re.compile(r"oncetold\.v1\.[A-Za-z]{1,40}\.[A-Za-z]{1,40}")
ALLOWED: Mapping[str, re.Pattern[str]] = {
    METHOD: _METHOD_NAME,
    STATUS: re.compile(r"[0-9]|1[0-6]"),
    REASON: re.compile(r"[A-Z][A-Z_]{1,39}"),
    OUTCOME: re.compile(r"PERMIT|DENY|REVIEW"),
    FAILURE: re.compile(r"[A-Z][A-Za-z]{1,39}"),
    # An agency and its feed are no person: the operator names them, and lag alone is told of them.
    AGENCY: re.compile(r"[a-z0-9][a-z0-9-]{0,39}"),
    FEED: re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
}
"""Attributes by name, with what their values look like. Everything else is dropped."""

Attributes = Mapping[str, str | int]


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


def resource() -> Resource:
    """What the process says of itself: the service's name."""
    # Not Resource.create: it adds the environment's, where a command line or a path may stand.
    return Resource({SERVICE_NAME: SCOPE})


def allowed(attributes: Mapping[str, object] | None) -> Attributes:
    """What may be told of these attributes."""
    return {
        name: value
        for name, value in (attributes or {}).items()
        if isinstance(value, str | int) and name in ALLOWED and ALLOWED[name].fullmatch(str(value))
    }


def _bare(span: ReadableSpan) -> ReadableSpan:
    ours = span.instrumentation_scope is not None and span.instrumentation_scope.name == SCOPE
    named = ours and _METHOD_NAME.fullmatch(span.name) is not None
    return ReadableSpan(
        name=span.name if named else "other",
        context=_bare_context(span.context),
        parent=_bare_context(span.parent),
        resource=resource(),
        attributes=allowed(span.attributes),
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
