"""Each thing that keeps an adapter from its hub is found over real TLS, named, and explained."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from adapters.kit.config import HubSettings
from adapters.kit.doctor import Symptom, examine
from hub import pki
from hub.bootstrap import RunningHub, running_hub
from tests.integration.certificates import issuing, revoke
from tests.integration.loopback import Site, register

HOUR = timedelta(hours=1)


@dataclass
class Patient:
    """An adapter beside a hub that runs."""

    site: Site
    running: RunningHub
    credentials: pki.Credentials

    @property
    def settings(self) -> HubSettings:
        return self.with_files(self.credentials)

    def with_files(self, credentials: pki.Credentials) -> HubSettings:
        return HubSettings(
            f"localhost:{self.running.port}",
            self.site.authority.certificate,
            credentials.certificate,
            credentials.key,
        )

    async def examined(
        self, settings: HubSettings | None = None, feed_id: str | None = None, clock: timedelta = timedelta(0)
    ) -> list[Symptom]:
        """By a doctor whose clock is off by so much."""
        return await asyncio.to_thread(
            examine, settings or self.settings, feed_id, now=lambda: datetime.now(UTC) + clock
        )


@asynccontextmanager
async def patient(site: Site, *, renews: bool = True) -> AsyncIterator[Patient]:
    site = issuing(site) if renews else site
    async with running_hub(site.config) as running:
        yield Patient(site, running, await register(site, "hostel"))


def wrong(found: list[Symptom]) -> list[tuple[str, str]]:
    """What is wrong, each with a next step."""
    ill = [one for one in found if one.code]
    assert all(one.next_step for one in ill)
    return [(one.subject, one.code) for one in ill]


async def test_where_all_is_well_it_says_so_of_each_thing(site: Site) -> None:
    async with patient(site) as one:
        found = await one.examined()
    assert wrong(found) == []
    assert [found.subject for found in found] == [
        "certificate",
        "connection",
        "clock",
        "revocation",
        "version",
    ]


@pytest.mark.parametrize(("clock", "way"), [(HOUR, "60 minutes ahead of"), (-HOUR, "60 minutes behind")])
async def test_a_clock_an_hour_off_is_told_from_everything_else(
    site: Site, clock: timedelta, way: str
) -> None:
    async with patient(site) as one:
        # A certificate that has been there for a while: an hour does not bring it out of its days.
        old = pki.issue_adapter(
            one.site.authority, one.site.pki_folder / "old", "hostel", datetime.now(UTC) - timedelta(days=3)
        )
        await register(one.site, "hostel", old)
        found = await one.examined(one.with_files(old), clock=clock)
    assert wrong(found) == [("clock", "CLOCK_WRONG")]
    assert any(way in symptom.said for symptom in found)


async def test_a_clock_behind_a_new_certificate_is_the_clocks_fault(site: Site) -> None:
    async with patient(site) as one:
        assert wrong(await one.examined(clock=-HOUR)) == [("clock", "CLOCK_WRONG")]


async def test_an_expired_certificate_is_found_before_anything_is_sent(site: Site) -> None:
    async with patient(site) as one:
        then = datetime.now(UTC) - timedelta(days=40)
        expired = pki.issue_adapter(one.site.authority, one.site.pki_folder / "old", "hostel", then)
        found = await one.examined(one.with_files(expired))
        ending = await one.examined(clock=timedelta(days=29, hours=12))
    assert wrong(found) == [("certificate", "CERTIFICATE_EXPIRED")]
    assert wrong(ending)[0] == ("certificate", "CERTIFICATE_ENDING")
    assert not ending[0].urgent


async def test_a_wrong_name_says_which_would_be_right(site: Site) -> None:
    async with patient(site) as one:
        found = await one.examined(replace(one.settings, server_name="hub.example.org"))
        nowhere = await one.examined(replace(one.settings, address="hub.invalid:7443"))
    assert wrong(found) == [("name", "HUB_CERTIFICATE_NAME")]
    assert "localhost" in found[-1].said
    assert wrong(nowhere) == [("name", "HUB_NAME_UNKNOWN")]


async def test_a_closed_port_and_one_where_something_else_answers(site: Site) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = taken.getsockname()[1]
        async with patient(site) as one:
            found = await one.examined(replace(one.settings, address=f"localhost:{closed}"))
            assert wrong(found) == [("port", "PORT_CLOSED")]

            async def speaks_clear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.read(10)
                writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                writer.close()

            async with await asyncio.start_server(speaks_clear, "127.0.0.1", 0) as other:
                port = other.sockets[0].getsockname()[1]
                found = await one.examined(replace(one.settings, address=f"localhost:{port}"))
    assert wrong(found) == [("port", "NOT_TLS")]


async def test_a_revoked_key_is_told_from_one_nobody_knows(site: Site) -> None:
    async with patient(site) as one:
        stranger = one.site.issue("stranger")
        found = await one.examined(one.with_files(stranger))
        assert wrong(found) == [("certificate", "UNKNOWN_CERTIFICATE")]
        await revoke(one.site, "hostel", one.credentials.public_key_sha256)
        assert wrong(await one.examined()) == [("revocation", "CERTIFICATE_REVOKED")]


async def test_another_authoritys_certificate_and_another_authoritys_hub(site: Site, tmp_path: Path) -> None:
    async with patient(site) as one:
        other = pki.create_authority(tmp_path / "other", datetime.now(UTC))
        foreign = pki.issue_adapter(other, tmp_path / "other", "hostel", datetime.now(UTC))
        found = await one.examined(one.with_files(foreign))
        assert wrong(found) == [("certificate", "CERTIFICATE_NOT_ACCEPTED")]
        found = await one.examined(replace(one.settings, ca_file=other.certificate))
        assert wrong(found) == [("connection", "HUB_CA_UNKNOWN")]


async def test_a_hub_whose_own_certificate_ended_is_not_blamed_on_the_adapter(site: Site) -> None:
    then = datetime.now(UTC) - timedelta(days=40)
    usage = ExtendedKeyUsageOID.SERVER_AUTH
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    ended = pki.issue(site.authority, site.pki_folder / "ended", "hub", names, usage, then)
    tls = replace(site.config.tls, certificate=ended.certificate, key=ended.key)
    async with patient(replace(site, config=replace(site.config, tls=tls))) as one:
        found = await one.examined()
    assert wrong(found) == [("connection", "HUB_CERTIFICATE_EXPIRED")]
    assert f"{then + timedelta(days=30):%Y-%m-%d}" in found[-1].said


async def test_versions_that_differ_and_a_feed_of_another_certificate(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.kit.doctor.version", lambda _: "99.1.0")
    async with patient(site, renews=False) as one:
        found = await one.examined(feed_id="0f6a4d38-0000-4000-8000-000000000000")
    assert wrong(found) == [
        ("version", "VERSION_DIFFERS"),
        ("feed", "FEED_UNKNOWN"),
        ("renewal", "NOT_RENEWED"),
    ]
    assert [one.urgent for one in found if one.code] == [False, True, False]
