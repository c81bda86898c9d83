"""OpenTelemetry's providers, made so that only what the allow-list knows gets through them."""

from collections.abc import Sequence

from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter
from opentelemetry.sdk.metrics import MeterProvider as SdkMeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.metrics.view import DropAggregation, ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from hub.telemetry.allow_list import (
    AGENCY,
    FAILURE,
    FEED,
    METHOD,
    OUTCOME,
    REASON,
    SCOPE,
    STATUS,
    Bare,
    resource,
)

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_COMMANDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

INSTRUMENTS: dict[str, tuple[set[str], Sequence[float]]] = {
    "oncetold.calls": ({METHOD, STATUS, REASON}, ()),
    "rpc.server.call.duration": ({METHOD, STATUS}, _SECONDS),
    "oncetold.commit.commands": (set(), _COMMANDS),
    "oncetold.commit.duration": (set(), _SECONDS),
    "oncetold.commit.entries": (set(), ()),
    "oncetold.storage.failures": ({FAILURE}, ()),
    "oncetold.policy.outcomes": ({OUTCOME}, ()),
    "oncetold.ledger.size": (set(), ()),
    "oncetold.dirty.pairs": (set(), ()),
    "oncetold.retractions.open": (set(), ()),
    "oncetold.retractions.overdue": (set(), ()),
    "oncetold.clock.in_doubt": (set(), ()),
    "oncetold.storage.failed": (set(), ()),
    "oncetold.log.failed": (set(), ()),
    "oncetold.standing.age": (set(), ()),
    "oncetold.feed.lag": ({AGENCY, FEED}, ()),
    "oncetold.feed.silence": ({AGENCY, FEED}, ()),
    "oncetold.witness.lag": ({AGENCY}, ()),
}
"""Every figure there is: its attributes, and a histogram's bounds. Another instrument is dropped whole."""


def tracing(exporter: SpanExporter) -> SdkTracerProvider:
    """A provider whose spans reach the exporter bare. A full queue drops spans: no call waits for it."""
    provider = SdkTracerProvider(resource=resource(), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Bare(exporter)))
    return provider


def metering(*readers: MetricReader) -> SdkMeterProvider:
    """A provider of the known figures by their allowed attributes, and nothing else.

    The readers' limit on series (the SDK's 2,000 for each figure) is a second fence: methods, statuses and
    reasons are the contract's, so no caller can make a series.
    """
    views = [
        View(
            instrument_name=name,
            meter_name=SCOPE,
            attribute_keys=keys,
            aggregation=ExplicitBucketHistogramAggregation(bounds) if bounds else None,
        )
        for name, (keys, bounds) in INSTRUMENTS.items()
    ]
    return SdkMeterProvider(
        readers,
        resource=resource(),
        shutdown_on_exit=False,
        # An exemplar holds the attributes that a view drops.
        exemplar_filter=AlwaysOffExemplarFilter(),
        views=[*views, View(instrument_name="*", aggregation=DropAggregation())],
    )
