"""A fresh hub in a process of its own, and the agencies' connections to it: mutual TLS, as in the field."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from adapters.kit.config import HubSettings
from hub import pki
from hub.config import write_config
from oncetold.v1 import (
    agency_service_pb2,
    agreement_service_pb2,
    audit_service_pb2,
    consent_service_pb2,
    log_service_pb2,
    record_service_pb2,
    registration_service_pb2,
    staff_service_pb2,
)
from tests.integration.loopback import Site, make_site, operator_channel

ROOT = Path(__file__).parents[2]
MODULES = (
    agency_service_pb2,
    agreement_service_pb2,
    audit_service_pb2,
    consent_service_pb2,
    log_service_pb2,
    record_service_pb2,
    registration_service_pb2,
    staff_service_pb2,
)
METHODS = {
    method.name: (f"/{service.full_name}/{method.name}", GetMessageClass(method.output_type))
    for module in MODULES
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


@dataclass
class HubBeside:
    """A hub that runs, its authority, and one certificate for each agency."""

    site: Site
    process: "subprocess.Popen[str]"
    port: int
    credentials: Mapping[str, pki.Credentials]
    now: datetime
    """What time it is there."""

    def certificate(self, agency: str) -> tuple[str, bytes]:
        """The URI and the public key's SHA-256 of an agency's adapter."""
        found = self.credentials[agency]
        assert found.uri is not None
        return found.uri, found.public_key_sha256

    def settings(self, agency: str) -> HubSettings:
        """How an agency's adapter connects."""
        found = self.credentials[agency]
        authority = self.site.authority.certificate
        return HubSettings(f"localhost:{self.port}", authority, found.certificate, found.key)

    def advance(self, by: timedelta) -> None:
        """Lets time pass for the hub."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{by.total_seconds()}\n")
        self.process.stdin.flush()
        self.now = datetime.fromisoformat(self.process.stdout.readline().strip())

    def peak_megabytes(self) -> float:
        """The most memory that the hub's process ever had resident."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024


@contextmanager
def hub_beside(folder: Path, agencies: Sequence[str], start: datetime) -> Iterator[HubBeside]:
    """Makes a ledger and certificates in `folder` and serves them until the block ends."""
    site = make_site(folder)
    write_config(site.config)
    credentials = {agency: site.issue(agency) for agency in agencies}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "proto")])}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.world.hub_process", str(site.config.data), start.isoformat()],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdin is not None and process.stdout is not None
        line = process.stdout.readline()
        assert line, "the hub did not start"
        yield HubBeside(site, process, int(line), credentials, start)
        process.stdin.close()
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


class Callers:
    """Speaks for any agency by its certificate, and for the operator through the local socket."""

    def __init__(self, channels: Mapping[str | None, grpc.aio.Channel]) -> None:
        self._methods = {
            (agency, name): channel.unary_unary(
                path,
                request_serializer=_bytes_of,
                response_deserializer=answer.FromString,
            )
            for agency, channel in channels.items()
            for name, (path, answer) in METHODS.items()
        }

    async def call(self, agency: str | None, method: str, request: Any) -> Any:
        """The response; raises what the transport raises."""
        return await self._methods[agency, method](request, timeout=60)


@asynccontextmanager
async def callers(hub: HubBeside) -> AsyncIterator[Callers]:
    """Connections of every agency and of the operator."""
    channels: dict[str | None, grpc.aio.Channel] = {None: operator_channel(hub.site)}
    authority = hub.site.authority.certificate.read_bytes()
    for agency, found in hub.credentials.items():
        tls = grpc.ssl_channel_credentials(authority, found.key.read_bytes(), found.certificate.read_bytes())
        channels[agency] = grpc.aio.secure_channel(f"localhost:{hub.port}", tls)
    try:
        yield Callers(channels)
    finally:
        for channel in channels.values():
            await channel.close()


def _bytes_of(message: Message) -> bytes:
    return message.SerializeToString()
