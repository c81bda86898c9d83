"""Where spans and figures go: a page for Prometheus, a collector by OTLP. No call ever waits for either.

Both are off unless named in `hub.toml`, and their libraries come with the extra `telemetry`.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider

from consent_ledger.errors import OnceToldError
from hub.telemetry.calls import Telemetry
from hub.telemetry.page import Page
from hub.telemetry.providers import metering, tracing

SEND_EVERY_SECONDS = 15.0
SEND_SECONDS = 5.0
"""A collector that does not answer for so long has missed what was sent."""
STOP_SECONDS = 3.0
"""So long the last figures may take when the hub stops; a collector that hangs holds it up no longer."""


class TelemetryUnavailable(OnceToldError):
    """An exporter that was asked for cannot start; `setting` and `problem` say which and why."""

    code = "UNAVAILABLE"

    def __init__(self, setting: str, problem: str, next_step: str) -> None:
        self.next_step = next_step
        super().__init__(setting=setting, problem=problem)


@dataclass(slots=True)
class Exporters:
    """Everything that exports for one hub, from `start` to `stop`."""

    telemetry: Telemetry
    page: Page | None = None
    _providers: list[TracerProvider | MeterProvider] = field(default_factory=list)

    @classmethod
    def start(cls, *, prometheus: str = "", otlp: str = "") -> "Exporters":
        """Begins to export to whatever is named: the page's `host:port`, the collector's URL.

        Raises TelemetryUnavailable when the extra is not installed or the page's address is taken.
        """
        readers: list[MetricReader] = []
        content: Callable[[], tuple[str, bytes]] | None = None
        if prometheus:
            reader, content = _prometheus()
            readers.append(reader)
        tracers: TracerProvider | None = None
        if otlp:
            reader, tracers = _otlp(otlp)
            readers.append(reader)
        meters = metering(*readers)
        providers: list[TracerProvider | MeterProvider] = [meters]
        if tracers is not None:
            providers.append(tracers)
        started = cls(Telemetry(tracers, meters), None, providers)
        if content is not None:
            try:
                host, _, port = prometheus.rpartition(":")
                started.page = Page(host.strip("[]"), int(port), content)
            except OSError:
                started.stop()
                raise TelemetryUnavailable(
                    "telemetry.prometheus",
                    "the address is in use or not this machine's",
                    "Stop what listens there, or name another port in hub.toml.",
                ) from None
        return started

    def stop(self) -> None:
        """Sends what is left, for `STOP_SECONDS` at most. To be called from a thread that may wait."""
        if self.page is not None:
            self.page.stop()
        # Daemons: an exporter that hangs in its network ends with the process.
        ending = [
            threading.Thread(target=one.shutdown, name="telemetry-stop", daemon=True)
            for one in self._providers
        ]
        for thread in ending:
            thread.start()
        for thread in ending:
            thread.join(STOP_SECONDS / len(ending))


def _prometheus() -> tuple[MetricReader, Callable[[], tuple[str, bytes]]]:
    client = _module("prometheus_client", "telemetry.prometheus")
    exporter = _module("opentelemetry.exporter.prometheus", "telemetry.prometheus")
    # Its own registry: the common one also tells of the process and its Python.
    registry = client.CollectorRegistry(auto_describe=False)
    reader: MetricReader = exporter.PrometheusMetricReader(
        disable_target_info=True, scope_info_enabled=False, registry=registry
    )

    def content() -> tuple[str, bytes]:
        return client.CONTENT_TYPE_LATEST, client.generate_latest(registry)

    return reader, content


def _otlp(endpoint: str) -> tuple[MetricReader, TracerProvider]:
    setting = "telemetry.otlp"
    metrics = _module("opentelemetry.exporter.otlp.proto.grpc.metric_exporter", setting)
    traces = _module("opentelemetry.exporter.otlp.proto.grpc.trace_exporter", setting)
    asked = {
        "endpoint": endpoint,
        "insecure": urlsplit(endpoint).scheme == "http",
        "timeout": SEND_SECONDS,
    }
    reader = PeriodicExportingMetricReader(
        metrics.OTLPMetricExporter(**asked),
        export_interval_millis=SEND_EVERY_SECONDS * 1000,
        export_timeout_millis=SEND_SECONDS * 1000,
    )
    return reader, tracing(traces.OTLPSpanExporter(**asked))


def _module(name: str, setting: str) -> Any:
    """A module of the extra `telemetry`: a hub that exports nothing does without it."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise TelemetryUnavailable(
            setting,
            "its libraries are not installed",
            "Install the extra: pip install 'oncetold[hub,telemetry]', or remove the setting.",
        ) from None
