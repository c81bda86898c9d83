"""Spans and figures of a hub that cannot hold a person's words (I11). The only room that knows OpenTelemetry.

`allow_list` says what may leave, `calls` measures calls, `figures` the ledger and what it stands at,
`exporters` sends to a collector and serves Prometheus' page. Nothing is measured unless an exporter is set.
"""

from hub.telemetry.allow_list import METHOD, REASON, SCOPE, STATUS, Bare
from hub.telemetry.calls import Telemetry
from hub.telemetry.exporters import Exporters, TelemetryUnavailable
from hub.telemetry.providers import metering, tracing

__all__ = [
    "METHOD",
    "REASON",
    "SCOPE",
    "STATUS",
    "Bare",
    "Exporters",
    "Telemetry",
    "TelemetryUnavailable",
    "metering",
    "tracing",
]
