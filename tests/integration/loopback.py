"""A real hub on loopback, with certificates of a development authority."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from adapters.kit.assertions import Who
from hub import pki
from hub.bootstrap import RunningHub, create_hub
from hub.config import Config, TlsFiles
from oncetold.v1 import agency_service_pb2, common_pb2
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from tests.staff import NAVIGATOR, Signing, agency_named, hire, signer_of


@dataclass
class Site:
    """A data folder with a ledger, an authority and the hub's certificate."""

    config: Config
    authority: pki.Authority
    pki_folder: Path

    def issue(self, agency_id: str, adapter: str = "1") -> pki.Credentials:
        return pki.issue_adapter(
            self.authority, self.pki_folder, agency_id, datetime.now(UTC), adapter=adapter
        )


def make_site(folder: Path, ledger: str = "") -> Site:
    """A new hub's data folder, ready to serve on a free port; `ledger` as in `hub.toml`."""
    data = folder / "hub"
    now = datetime.now(UTC)
    authority = pki.create_authority(data / "pki", now)
    hub = pki.issue_server(authority, data / "pki", now)
    tls = TlsFiles(hub.certificate, hub.key, authority.certificate)
    config = Config(data, "127.0.0.1:0", tls, ledger=ledger)
    create_hub(config)
    return Site(config, authority, data / "pki")


def make_replica(site: Site, folder: Path) -> Site:
    """Another hub's data folder over the same ledger, with the same root key and certificates.

    The keys of epochs lie in one folder for both, as a mounted one would be.
    """
    folder.mkdir(mode=0o700)
    shutil.copy2(site.config.root_key, folder / site.config.root_key.name)
    epochs = f"{site.config.root_key.name}.epochs"
    (folder / epochs).symlink_to(site.config.data / epochs)
    return Site(replace(site.config, data=folder), site.authority, site.pki_folder)


@asynccontextmanager
async def adapter_channel(
    site: Site, running: RunningHub, credentials: pki.Credentials | None, who: Who = NAVIGATOR
) -> AsyncIterator[grpc.aio.Channel]:
    """A connection as an adapter makes it; without credentials, one without a client certificate.

    Where a call needs it, its agency vouches for `who`.
    """
    tls = grpc.ssl_channel_credentials(
        site.authority.certificate.read_bytes(),
        *((credentials.key.read_bytes(), credentials.certificate.read_bytes()) if credentials else ()),
    )
    signing = []
    if credentials is not None and credentials.uri:
        pem = credentials.certificate.read_bytes()
        signer = signer_of(
            agency_named(credentials), running.hub.ledger.ledger_id, pem, running.hub.ledger.clock.now
        )
        signing.append(Signing(signer, who))
    async with grpc.aio.secure_channel(f"localhost:{running.port}", tls, interceptors=signing) as channel:
        yield channel


def operator_channel(site: Site) -> grpc.aio.Channel:
    """The operator's connection."""
    return grpc.aio.insecure_channel(f"unix:{site.config.admin_socket}")


async def register(site: Site, agency_id: str, credentials: pki.Credentials | None = None) -> pki.Credentials:
    """Registers an agency with a certificate, as the operator does."""
    credentials = credentials or site.issue(agency_id)
    async with operator_channel(site) as channel:
        stub = AgencyServiceStub(channel)
        await stub.RegisterAgency(
            agency_service_pb2.RegisterAgencyRequest(
                request_id=str(uuid4()),
                agency_id=agency_id,
                name=agency_id.title(),
                controller_id=agency_id,
                service_type=common_pb2.SERVICE_TYPE_HOSTEL,
            )
        )
        assert credentials.uri is not None
        await stub.AuthoriseCertificate(
            agency_service_pb2.AuthoriseCertificateRequest(
                request_id=str(uuid4()),
                agency_id=agency_id,
                uri=credentials.uri,
                public_key_sha256=credentials.public_key_sha256,
            )
        )
        await hire(channel, agency_id)
    return credentials


def bare(channel: grpc.aio.Channel, path: str) -> Any:
    """A method called with bytes as they are."""
    return channel.unary_unary(path)


def refusal(error: grpc.aio.AioRpcError) -> tuple[grpc.StatusCode, str, dict[str, str]]:
    """Status, reason and details of a refused call."""
    info = error_details_pb2.ErrorInfo()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            whole = status_pb2.Status.FromString(value)
            assert whole.details[0].Unpack(info)
            assert info.domain == "oncetold.org"
    return error.code(), info.reason.removeprefix("ERROR_REASON_"), dict(info.metadata)


async def refused(call: Any) -> tuple[grpc.StatusCode, str, dict[str, str]]:
    """Awaits a call that has to be refused; returns status, reason and details."""
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await call
    return refusal(failure.value)
