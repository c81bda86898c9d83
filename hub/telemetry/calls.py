"""A span, a count and a duration for each call: by method and by how it ended, never by whose it was."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache

from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, MeterProvider, NoOpMeterProvider, Observation
from opentelemetry.trace import NoOpTracerProvider, SpanKind, StatusCode, TracerProvider

from hub.telemetry.allow_list import METHOD, REASON, SCOPE, STATUS, Attributes, allowed
from hub.telemetry.figures import Figures


class Call:
    """What is told of one call: nothing but how it ended."""

    def __init__(self) -> None:
        self.status = 1  # CANCELLED, until it has ended otherwise
        self.reason = ""

    def ended(self, status: int, reason: str = "") -> None:
        """Its gRPC status, and the name of an ErrorReason without its prefix."""
        self.status, self.reason = status, reason


class Telemetry:
    """What a hub measures; by default nothing. `figures` is told of commits, outcomes and standings."""

    def __init__(self, tracers: TracerProvider | None = None, meters: MeterProvider | None = None) -> None:
        self._tracer = (tracers or NoOpTracerProvider()).get_tracer(SCOPE)
        meter = (meters or NoOpMeterProvider()).get_meter(SCOPE)
        self._ended: dict[tuple[tuple[str, str | int], ...], int] = {}
        meter.create_observable_counter(
            "oncetold.calls", [self._calls], unit="{call}", description="Calls by how they ended."
        )
        self._durations = meter.create_histogram(
            "rpc.server.call.duration", unit="s", description="Duration of calls, a fetch's waiting included."
        )
        self.figures = Figures(meter)

    @contextmanager
    def call(self, method: str) -> Iterator[Call]:
        """Measures one call of a method of the contract, by its full name."""
        call = Call()
        # A root of its own: no context comes from a caller, and none is handed on.
        span = self._tracer.start_span(
            method, Context(), SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        )
        began = time.perf_counter()
        try:
            yield call
        finally:
            seconds = time.perf_counter() - began
            told = _told(method, call.status, call.reason)
            span.set_attributes(told)
            if call.status:
                span.set_status(StatusCode.ERROR)
            span.end()
            # Counted here: the SDK's own counter takes a hundred times as long, on every call.
            ended = tuple(told.items())
            self._ended[ended] = self._ended.get(ended, 0) + 1
            self._durations.record(seconds, _told(method, call.status, ""))

    def _calls(self, options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(number, dict(ended)) for ended, number in list(self._ended.items())]


@lru_cache(maxsize=4096)
def _told(method: str, status: int, reason: str) -> Attributes:
    """Methods are the contract's and reasons our own: whatever else came would be dropped here."""
    return allowed({METHOD: method, STATUS: status} | ({REASON: reason} if reason else {}))
