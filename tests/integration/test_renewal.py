"""An adapter renews its certificate by itself, is warned when it cannot, and never holds half a pair."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.kit.client import Hub
from adapters.kit.config import HubSettings
from adapters.kit.errors import CertificateEnding, HubRefused
from adapters.kit.key_files import OwnKey, finish_replacing, fits, lifetime, replace_pair
from adapters.kit.receipts import ReceiptSigner
from adapters.kit.renewal import Renewal, warning_due
from adapters.kit.sink import PendingReceipt
from hub import pki
from hub.bootstrap import RunningHub, running_hub
from hub.enrolment.words import six_words, word_list
from oncetold.v1.certificate_service_pb2 import ListCertificatesRequest
from oncetold.v1.certificate_service_pb2_grpc import CertificateServiceStub
from tests.integration.certificates import issuing
from tests.integration.loopback import Site, operator_channel, register


@dataclass
class Adapter:
    site: Site
    running: RunningHub
    settings: HubSettings


@asynccontextmanager
async def adapter(site: Site, folder: Path) -> AsyncIterator[Adapter]:
    """One agency's adapter with its files in a folder of its own."""
    async with running_hub(site.config) as running:
        issued = await register(site, "hostel")
        folder.mkdir()
        settings = HubSettings(
            f"localhost:{running.port}", folder / "ca.pem", folder / "agency.pem", folder / "agency.key"
        )
        settings.ca_file.write_bytes(site.authority.certificate.read_bytes())
        settings.certificate_file.write_bytes(issued.certificate.read_bytes())
        settings.key_file.touch(0o600)
        settings.key_file.write_bytes(issued.key.read_bytes())
        yield Adapter(site, running, settings)


async def test_at_two_thirds_of_its_life_the_next_certificate_is_there_and_used(
    site: Site, tmp_path: Path
) -> None:
    async with adapter(issuing(site), tmp_path / "own") as one:
        said: list[Exception] = []

        def work() -> tuple[bytes, bytes]:
            signer = ReceiptSigner.from_file(one.settings.key_file)
            with Hub.connect(one.settings) as hub:
                old = one.settings.certificate_file.read_bytes()
                before = hub.standing().public_key_sha256
                Renewal(hub, one.settings, signer, say=said.append, now=_in(timedelta(days=19)))()
                assert one.settings.certificate_file.read_bytes() == old, "19 of 30 days is too early"
                Renewal(hub, one.settings, signer, say=said.append, now=_in(timedelta(days=20, hours=1)))()
                after = hub.standing().public_key_sha256
            key = OwnKey.read(one.settings.key_file)
            signed = signer.sign(PendingReceipt(1, 1, b"statement")).signature
            key.key.public_key().verify(signed, b"statement", ec.ECDSA(hashes.SHA256()))
            assert key.sha256 == after
            assert fits(one.settings.key_file.read_bytes(), one.settings.certificate_file.read_bytes())
            return before, after

        before, after = await asyncio.to_thread(work)
        assert before != after and not said
        async with operator_channel(one.site) as operator:
            listed = await CertificateServiceStub(operator).ListCertificates(
                ListCertificatesRequest(agency_id="hostel")
            )
        assert {key.public_key_sha256: key.renewed_from for key in listed.keys} == {
            before: b"",
            after: before,
        }


async def test_another_process_of_the_same_adapter_takes_up_what_was_renewed(
    site: Site, tmp_path: Path
) -> None:
    async with adapter(issuing(site), tmp_path / "own") as one:

        def work() -> None:
            with Hub.connect(one.settings) as first, Hub.connect(one.settings) as second:
                waiting = Renewal(
                    second, one.settings, monotonic=iter([0.0, 0.0, 0.0, 9999.0, 9999.0]).__next__
                )
                waiting()
                Renewal(first, one.settings).renew()
                assert second.standing().public_key_sha256 != first.standing().public_key_sha256
                waiting()
                assert second.standing().public_key_sha256 == first.standing().public_key_sha256

        await asyncio.to_thread(work)


async def test_a_hub_that_does_not_renew_leaves_everything_as_it_is_and_a_person_is_warned(
    site: Site, tmp_path: Path
) -> None:
    async with adapter(site, tmp_path / "own") as one:

        def work() -> None:
            kept = {
                path: path.read_bytes() for path in (one.settings.key_file, one.settings.certificate_file)
            }
            with Hub.connect(one.settings) as hub:
                life = lifetime(one.settings.certificate_file.read_bytes())
                for days, told in ((10, None), (17, None), (21, 14), (24, 7), (29, 1), (31, 1)):
                    said: list[Exception] = []
                    Renewal(hub, one.settings, say=said.append, now=_in(timedelta(days=days)))()
                    warned = [error for error in said if isinstance(error, CertificateEnding)]
                    refused = [error.reason for error in said if isinstance(error, HubRefused)]
                    assert warning_due(life, _in(timedelta(days=days))()) == told
                    assert [error.days for error in warned] == ([] if told is None else [29 - days])
                    assert refused == ([] if told is None else ["BAD_SIGNING_REQUEST"])
                hub.standing()
            assert kept == {path: path.read_bytes() for path in kept}

        await asyncio.to_thread(work)


async def test_a_new_authority_arrives_with_the_renewal(site: Site, tmp_path: Path) -> None:
    site = issuing(site)
    async with adapter(site, tmp_path / "own") as one:
        new = pki.create_authority(site.pki_folder / "new", datetime.now(UTC))
        both = site.authority.certificate.read_bytes() + new.certificate.read_bytes()
        site.config.tls.client_authority.write_bytes(both)

        def work() -> None:
            with Hub.connect(one.settings) as hub:
                Renewal(hub, one.settings).renew()
                hub.standing()
            assert one.settings.ca_file.read_bytes() == both

        await asyncio.to_thread(work)


class PowerCut(Exception):
    """Everything stops here."""


@pytest.mark.parametrize("at", range(6))
def test_a_pair_that_is_being_replaced_is_the_old_one_or_the_new_one_after_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    authority = pki.create_authority(tmp_path / "pki", datetime.now(UTC))
    pairs = [
        pki.issue_adapter(authority, tmp_path / "pki", "hostel", datetime.now(UTC), adapter=str(n))
        for n in (1, 2)
    ]
    old, new = ((one.key.read_bytes(), one.certificate.read_bytes()) for one in pairs)
    key, certificate = tmp_path / "agency.key", tmp_path / "agency.pem"
    key.write_bytes(old[0])
    certificate.write_bytes(old[1])
    steps = 0
    replace_file = Path.replace

    def cut_at(path: Path, target: Path) -> Path:
        nonlocal steps
        if steps == at:
            raise PowerCut
        steps += 1
        return replace_file(path, target)

    monkeypatch.setattr(Path, "replace", cut_at)
    try:
        replace_pair(key, certificate, *new)
        done = True
    except PowerCut:
        done = False
    monkeypatch.undo()
    assert done == (at >= 4), "four files are put in place"
    finish_replacing(key, certificate)
    found = (key.read_bytes(), certificate.read_bytes())
    assert found == (old if at < 2 else new)
    assert sorted(path.name for path in tmp_path.glob("agency*")) == ["agency.key", "agency.pem"]


def test_both_sides_say_a_key_in_the_same_six_words() -> None:
    for _ in range(50):
        key = OwnKey.make()
        assert key.words == six_words(key.sha256)
        assert len(key.words) == 6
    assert six_words(bytes(32)) == (word_list()[0],) * 6
    assert six_words(b"\xff" * 32) == (word_list()[-1],) * 6
    # Bit 65 is the last that is spoken, bit 66 the first that is not.
    spoken, not_spoken = bytearray(32), bytearray(32)
    spoken[8], not_spoken[8] = 0b0100_0000, 0b0010_0000
    assert six_words(bytes(spoken)) != six_words(bytes(32)) == six_words(bytes(not_spoken))


def test_each_word_is_known_by_its_first_four_letters() -> None:
    words = word_list()
    assert len({word[:4] for word in words}) == len(words) == 2048
    assert all(word.isascii() and word.islower() and 3 <= len(word) <= 8 for word in words)


def _in(time: timedelta) -> Callable[[], datetime]:
    return lambda: datetime.now(UTC) + time
