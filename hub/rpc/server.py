"""The hub's two doors: mutual TLS for agencies' adapters, a local socket for the operator.

Both serve the same contract. Reflection and channelz stay off; the health service is on.
"""

import asyncio
import os
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import TypeVar

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from hub.config import MAX_SOCKET_PATH, Config, ConfigError
from hub.rpc.credentials import RotatingFiles
from hub.rpc.dispatch import MAX_MESSAGE_BYTES, Dispatcher

T = TypeVar("T")

STOP_SECONDS = 5.0
"""How long calls under way may go on when the hub stops."""

OPTIONS: tuple[tuple[str, int], ...] = (
    # Twice what is accepted, so that a message a little too large is refused with our reason.
    ("grpc.max_receive_message_length", 2 * MAX_MESSAGE_BYTES),
    # Without this a second hub would share the port in silence.
    ("grpc.so_reuseport", 0),
    # As few as RFC 9113 recommends; calls that are just ending count too, and what is beyond is turned away
    # by gRPC itself, to be tried again. What an agency may use is counted by the hub (`limits`).
    ("grpc.max_concurrent_streams", 100),
    # An adapter's line is pinged when it is quiet, so that one that was cut does not stay for ever; whoever
    # pings the hub more often than this is hung up on.
    ("grpc.keepalive_time_ms", 120_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 300_000),
    ("grpc.http2.max_ping_strikes", 2),
    # Whoever connects and never shakes hands is let go.
    ("grpc.server_handshake_timeout_ms", 20_000),
    ("grpc.max_metadata_size", 8 * 1024),
    ("grpc.absolute_max_metadata_size", 8 * 1024),
)
MAX_CONCURRENT_CALLS = 4096
"""Over all connections, waiting fetches included; more are refused at once instead of queueing. What each
agency may use of the hub is counted before that (`limits`)."""


async def to_its_end(work: Awaitable[T]) -> T:
    """Waits for what must not be left half-done; a cancellation meanwhile is raised afterwards."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


class Door:
    """One gRPC server with the contract's services and health."""

    def __init__(self, dispatcher: Dispatcher, servicers: Mapping[ServiceDescriptor, object]) -> None:
        self._server = grpc.aio.server(options=OPTIONS, maximum_concurrent_rpcs=MAX_CONCURRENT_CALLS)
        self._health = health.aio.HealthServicer()
        self._names = ["", *sorted(service.full_name for service in servicers)]
        self._server.add_generic_rpc_handlers(
            tuple(dispatcher.handler_for(service, servicer) for service, servicer in servicers.items())
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)

    def bind_tls(self, config: Config) -> int:
        """Listens for adapters; returns the port. Raises ConfigError."""
        return self._bind("listen", config.listen, RotatingFiles(config.tls, asks_for_certificate=True))

    def bind_newcomers(self, config: Config) -> int:
        """Listens for whoever has no certificate yet; returns the port. Raises ConfigError."""
        files = RotatingFiles(config.tls, asks_for_certificate=False)
        return self._bind("enrolment.listen", config.enrolment.listen, files)

    def _bind(self, setting: str, address: str, files: RotatingFiles) -> int:
        try:
            return self._server.add_secure_port(address, files.credentials())
        except RuntimeError:
            raise ConfigError(
                setting,
                "the address is in use or not this machine's",
                "Stop what listens there, or name another port in hub.toml.",
            ) from None

    def bind_local(self, socket: Path) -> None:
        """Listens for the operator on a Unix socket in a folder of mode 0700. Raises ConfigError."""
        if len(os.fsencode(socket)) > MAX_SOCKET_PATH:
            raise ConfigError(
                "data", f"its path is too long for a socket ({MAX_SOCKET_PATH} bytes)", "Use a shorter path."
            )
        # The folder guards the socket: gRPC creates it readable by all.
        socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        socket.parent.chmod(0o700)
        try:
            self._server.add_insecure_port(f"unix:{socket}")
        except RuntimeError:
            raise ConfigError("data", "its socket cannot be opened", "Check the folder's owner.") from None

    async def start(self) -> None:
        """Begins to serve, and says so to whoever asks after its health."""
        # A server abandoned half-started cannot be stopped either.
        await to_its_end(self._server.start())
        for name in self._names:
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self) -> None:
        """Takes no new calls, lets those under way finish for a while, then ends them."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(STOP_SECONDS)
