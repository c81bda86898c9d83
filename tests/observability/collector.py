"""Stand-ins for a collector: one that keeps what it is sent, one that takes connections and never answers."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


@dataclass
class Received:
    """What came in, as the bytes that crossed the network, with the metadata beside them."""

    port: int = 0
    metrics: list[bytes] = field(default_factory=list)
    spans: list[bytes] = field(default_factory=list)
    beside: list[bytes] = field(default_factory=list)

    @property
    def everything(self) -> bytes:
        return b"\n".join([*self.metrics, *self.spans, *self.beside])


class _Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def __init__(self, received: Received) -> None:
        self._received = received

    def Export(self, request, context):  # type: ignore[no-untyped-def]
        self._received.metrics.append(request.SerializeToString())
        self._received.beside.append(repr(context.invocation_metadata()).encode())
        return metrics_service_pb2.ExportMetricsServiceResponse()


class _Traces(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, received: Received) -> None:
        self._received = received

    def Export(self, request, context):  # type: ignore[no-untyped-def]
        self._received.spans.append(request.SerializeToString())
        self._received.beside.append(repr(context.invocation_metadata()).encode())
        return trace_service_pb2.ExportTraceServiceResponse()


@contextmanager
def collector() -> Iterator[Received]:
    """An OTLP collector on a free port of this machine."""
    received = Received()
    server = grpc.server(ThreadPoolExecutor(2))
    serve_metrics: Any = metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server
    serve_traces: Any = trace_service_pb2_grpc.add_TraceServiceServicer_to_server
    serve_metrics(_Metrics(received), server)
    serve_traces(_Traces(received), server)
    received.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield received
    finally:
        server.stop(0).wait()


@contextmanager
def deaf_endpoint() -> Iterator[tuple[int, list[socket.socket]]]:
    """A port that takes every connection and never says a word; and the connections it took."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)
    listening.settimeout(0.1)
    taken: list[socket.socket] = []
    ended = threading.Event()

    def take() -> None:
        while not ended.is_set():
            try:
                taken.append(listening.accept()[0])
            except TimeoutError:
                continue

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1], taken
    finally:
        ended.set()
        thread.join()
        for one in (*taken, listening):
            one.close()
