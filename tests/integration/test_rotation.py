"""The hub's certificate and the authority change while adapters work: no call fails, nothing is restarted."""

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest

from hub import pki
from hub.bootstrap import RunningHub, running_hub
from hub.config import ConfigError
from hub.enrolment.settings import EnrolmentSettings
from oncetold.v1 import certificate_service_pb2 as messages
from oncetold.v1.agreement_service_pb2 import ListAgreementsRequest
from oncetold.v1.agreement_service_pb2_grpc import AgreementServiceStub
from oncetold.v1.certificate_service_pb2_grpc import CertificateServiceStub
from tests.integration.certificates import make_key
from tests.integration.loopback import Site, adapter_channel, refused, register
from tests.integration.story import request_id

AGENCIES = 4
SIGNING = EnrolmentSettings("", "pki/signing.pem", "pki/signing.key")


def put(path: Path, content: bytes, mode: int = 0o600) -> None:
    """As an operator should: whole, in one step."""
    beside = path.with_name(f"{path.name}.new")
    beside.write_bytes(content)
    beside.chmod(mode)
    os.replace(beside, path)


@dataclass
class Load:
    """Adapters that call without a pause, each on connections of its own: one stands, the others are new."""

    site: Site
    running: RunningHub
    files: dict[str, tuple[bytes, bytes, bytes]]
    """By agency: the authorities it knows the hub by, its key, its certificate."""
    calls: int = 0
    connections: int = 0
    failed: list[str] = field(default_factory=list)
    stopping: bool = False

    def channel(self, agency_id: str) -> grpc.aio.Channel:
        authorities, key, certificate = self.files[agency_id]
        credentials = grpc.ssl_channel_credentials(authorities, key, certificate)
        self.connections += 1
        # Otherwise channels with the same files share one connection.
        options = [("grpc.use_local_subchannel_pool", 1)]
        return grpc.aio.secure_channel(f"localhost:{self.running.port}", credentials, options)

    async def stands(self, agency_id: str) -> None:
        """Calls on one connection from beginning to end."""
        async with self.channel(agency_id) as channel:
            while not self.stopping:
                await self.call(channel)

    async def connects(self, agency_id: str) -> None:
        """Calls on a new connection each time, with whatever files it has by then."""
        while not self.stopping:
            async with self.channel(agency_id) as channel:
                await self.call(channel)

    async def call(self, channel: grpc.aio.Channel) -> None:
        try:
            await AgreementServiceStub(channel).ListAgreements(ListAgreementsRequest(), timeout=20)
        except grpc.aio.AioRpcError as error:
            self.failed.append(f"{error.code().name} {error.details()}")
        self.calls += 1
        await asyncio.sleep(0)

    async def more(self) -> None:
        """Waits for a good deal of new connections."""
        wanted = self.connections + 3 * AGENCIES
        async with asyncio.timeout(30):
            while self.connections < wanted:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def under_load(site: Site) -> AsyncIterator[Load]:
    async with running_hub(site.config) as running:
        files = {}
        for number in range(AGENCIES):
            issued = await register(site, f"agency-{number}")
            files[f"agency-{number}"] = (
                site.authority.certificate.read_bytes(),
                issued.key.read_bytes(),
                issued.certificate.read_bytes(),
            )
        load = Load(site, running, files)
        working = [
            asyncio.ensure_future(kind(agency_id))
            for agency_id in files
            for kind in (load.stands, load.connects)
        ]
        try:
            yield load
        finally:
            load.stopping = True
            await asyncio.gather(*working)


async def served_with(load: Load) -> bytes:
    """The certificate that a new connection is shown, PEM."""

    def shown() -> bytes:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", load.running.port or 0), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as tls,
        ):
            return ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True) or b"").encode()

    return await asyncio.to_thread(shown)


async def test_certificates_and_the_authority_rotate_under_load_without_a_failed_call(
    site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hub.rpc.credentials")
    site = signing_apart(site)
    tls, data = site.config.tls, site.config.data
    async with under_load(site) as load:
        await load.more()
        before = await served_with(load)

        # The hub's own certificate, by the same authority.
        again = pki.issue_server(site.authority, tmp_path / "again", datetime.now(UTC))
        put(tls.key, again.key.read_bytes())
        await asyncio.sleep(0.2)  # meanwhile they do not fit together
        assert await served_with(load) == before
        put(tls.certificate, again.certificate.read_bytes())
        await load.more()
        assert await served_with(load) == again.certificate.read_bytes() != before

        # A new authority: known beside the old first, then the one that signs.
        new = pki.create_authority(tmp_path / "new", datetime.now(UTC))
        both = site.authority.certificate.read_bytes() + new.certificate.read_bytes()
        put(tls.client_authority, both)
        await load.more()
        put(data / SIGNING.authority_key, new.key.read_bytes())
        put(data / SIGNING.authority, new.certificate.read_bytes())
        # The adapters renew, one after the other, and go on with both authorities.
        for agency_id in list(load.files):
            load.files[agency_id] = await renewed(load, agency_id, both)
            await load.more()

        # The hub shows a certificate of the new authority; adapters know both.
        server = pki.issue_server(new, tmp_path / "server", datetime.now(UTC))
        put(tls.key, server.key.read_bytes())
        put(tls.certificate, server.certificate.read_bytes())
        await load.more()
        assert await served_with(load) == server.certificate.read_bytes()

        # The old authority goes: whoever has nothing newer is let in no more, and everybody has.
        put(tls.client_authority, new.certificate.read_bytes())
        await load.more()
        late = site.issue("late")
        async with adapter_channel(site, load.running, late) as channel:
            status, _, _ = await refused(
                AgreementServiceStub(channel).ListAgreements(ListAgreementsRequest())
            )
            assert status is grpc.StatusCode.UNAVAILABLE
        calls, connections = load.calls, load.connections
    assert load.failed == []
    told = [getattr(record, "event", "") for record in caplog.records if record.name == "hub.rpc.credentials"]
    # Between the key and its certificate nothing fits, twice; said once each time, however many connect.
    assert told.count("TLS_FILES_UNUSABLE") in (1, 2)
    assert told.count("TLS_FILES_READ") == 4
    assert calls > 10 * AGENCIES and connections > 10 * AGENCIES


async def renewed(load: Load, agency_id: str, authorities: bytes) -> tuple[bytes, bytes, bytes]:
    key = make_key()
    request = messages.RenewCertificateRequest(request_id=request_id(), signing_request=key.request)
    async with load.channel(agency_id) as channel:
        answer = await CertificateServiceStub(channel).RenewCertificate(request)
    assert answer.authorities == authorities
    kept = key.keep(load.site.pki_folder / "own", agency_id, answer.certificate)
    return answer.authorities, kept.key.read_bytes(), kept.certificate.read_bytes()


def signing_apart(site: Site) -> Site:
    """A hub whose signing authority lies in files of its own, beside those it believes."""
    data = site.config.data
    put(data / SIGNING.authority, site.authority.certificate.read_bytes())
    put(data / SIGNING.authority_key, site.authority.key.read_bytes())
    return replace(site, config=replace(site.config, enrolment=SIGNING))


async def test_an_authority_whose_files_do_not_fit_yet_is_not_used(site: Site, tmp_path: Path) -> None:
    site = signing_apart(site)
    new = pki.create_authority(tmp_path / "new", datetime.now(UTC))
    async with under_load(site) as load:
        old = site.authority.certificate.read_bytes()
        put(site.config.data / SIGNING.authority_key, new.key.read_bytes())
        _, _, certificate = await renewed(load, "agency-0", old)
        assert certificate.endswith(old)
        put(site.config.data / SIGNING.authority, new.certificate.read_bytes())
        _, _, certificate = await renewed(load, "agency-1", old)
        assert certificate.endswith(new.certificate.read_bytes())
    assert load.failed == []


@pytest.mark.parametrize("what", ["key", "certificate"])
async def test_files_that_do_not_fit_stop_the_hub_at_its_start(site: Site, tmp_path: Path, what: str) -> None:
    other = pki.issue_server(site.authority, tmp_path / "other", datetime.now(UTC))
    files = site.config.tls
    target, source = (files.key, other.key) if what == "key" else (files.certificate, other.certificate)
    put(target, source.read_bytes())
    with pytest.raises(ConfigError) as failure:
        async with running_hub(site.config):
            pass
    assert failure.value.setting == "tls"
