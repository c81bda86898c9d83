"""A revoked key is cut off at once: waiting fetches, open connections, on every replica; and told why."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from consent_ledger.access import Accessed, AccessKind, read_access_entry
from hub import pki
from hub.bootstrap import RunningHub, running_hub
from hub.enrolment.words import six_words
from hub.use_cases.hub import FOLLOWED_EVERY
from oncetold.v1 import agreement_service_pb2
from oncetold.v1 import certificate_service_pb2 as messages
from oncetold.v1.agreement_service_pb2_grpc import AgreementServiceStub
from oncetold.v1.certificate_service_pb2_grpc import CertificateServiceStub
from oncetold.v1.log_service_pb2 import GetCheckpointRequest
from oncetold.v1.log_service_pb2_grpc import LogServiceStub
from tests.integration.certificates import (
    confirming,
    enrolling,
    issuing,
    make_key,
    newcomers_door,
    revoke,
    revoking,
)
from tests.integration.loopback import (
    Site,
    adapter_channel,
    make_replica,
    make_site,
    operator_channel,
    refusal,
    refused,
    register,
)
from tests.integration.story import begin, fetch, grant, link, publish, request_id
from tests.postgres import server

REVOKED: tuple[grpc.StatusCode, str, dict[str, str]] = (
    grpc.StatusCode.UNAUTHENTICATED,
    "CERTIFICATE_REVOKED",
    {},
)
LIST = agreement_service_pb2.ListAgreementsRequest()
AT_ONCE = 10.0
"""Seconds; the promise is 60, and a fetch waits 25 by itself."""


@pytest.fixture(params=["sqlite", "postgresql"])
def sites(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Site, Site]]:
    """Where the operator revokes, and where the adapter fetches: two replicas, or one hub for both."""
    if request.param == "sqlite":
        site = make_site(tmp_path)
        yield site, site
        return
    database = server().create_database()
    one = make_site(tmp_path, server().url(database))
    yield one, make_replica(one, tmp_path / "other")
    server().drop_database(database)


async def test_a_key_revoked_while_its_fetch_waits_is_cut_off_and_told(sites: tuple[Site, Site]) -> None:
    here, there = sites
    async with AsyncExitStack() as stack:
        serving = await stack.enter_async_context(running_hub(here.config))
        other = serving if there is here else await stack.enter_async_context(running_hub(there.config))
        story = await begin(here)
        outreach = await stack.enter_async_context(adapter_channel(here, serving, story.outreach))
        hostel = await stack.enter_async_context(adapter_channel(there, other, story.hostel))
        await link(outreach, hostel)
        await grant(outreach)
        fetching = asyncio.ensure_future(refused(fetch(hostel, story, wait=25)))
        await asyncio.sleep(1.0)
        assert not fetching.done()
        begun = time.monotonic()

        position = serving.hub.ledger.submit(lambda transaction: transaction.size).result(10)
        await revoke(here, "hostel", story.hostel.public_key_sha256)
        assert await fetching == REVOKED
        assert time.monotonic() - begun < AT_ONCE

        await publish(outreach)
        assert await refused(fetch(hostel, story)) == REVOKED, "the connection stands, the key does not"
        assert await refused(AgreementServiceStub(hostel).ListAgreements(LIST)) == REVOKED
        told = accesses_behind(serving, position)
        assert {(one.kind, one.code) for one in told if one.agency_id == "hostel"} == {
            (AccessKind.REFUSED, "CERTIFICATE_REVOKED")
        }


async def test_nothing_of_a_key_stands_behind_its_revocation_however_busy_it_is(
    sites: tuple[Site, Site],
) -> None:
    """Six connections ask without a pause; in the order of the ledger nothing follows but refusals."""
    here, there = sites
    async with AsyncExitStack() as stack:
        serving = await stack.enter_async_context(running_hub(here.config))
        other = serving if there is here else await stack.enter_async_context(running_hub(there.config))
        served = dict.fromkeys(("before", "after"), 0)
        for round_ in range(4):
            key = await register(here, "hostel", here.issue("hostel", f"busy-{round_}"))
            asking = messages.ListKeyAccessRequest(
                agency_id="hostel", public_key_sha256=key.public_key_sha256
            )
            asking.since_time.FromDatetime(datetime.now(UTC) + timedelta(seconds=60))
            revoked = asyncio.Event()

            async def busy(
                site: Site,
                running: RunningHub,
                key: pki.Credentials = key,
                asking: messages.ListKeyAccessRequest = asking,
                revoked: asyncio.Event = revoked,
            ) -> None:
                async with adapter_channel(site, running, key) as channel:
                    stub = CertificateServiceStub(channel)
                    while True:
                        began_after = revoked.is_set()
                        try:
                            await stub.ListKeyAccess(asking)
                            assert not began_after, "a call that began after the acknowledgement was served"
                            served["before"] += 1
                        except grpc.aio.AioRpcError as error:
                            assert refusal(error) == REVOKED
                            served["after"] += 1
                            return

            tasks = [asyncio.ensure_future(busy(*at)) for at in ((here, serving), (there, other)) * 3]
            await asyncio.sleep(0.3)
            answer = await revoke(here, "hostel", key.public_key_sha256)
            revoked.set()
            await asyncio.gather(*tasks)
            found = accesses_behind(serving, answer.position.index)
            own = [one.kind for one in found if one.key == key.public_key_sha256.hex()]
            assert set(own) <= {AccessKind.REFUSED}, round_
        assert served["before"] > 20 and served["after"] == 24


async def test_a_replica_that_nobody_told_cuts_the_key_off_within_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL's word of it is lost, and the adapter asks for nothing that the writer would look at."""
    assert FOLLOWED_EVERY <= 30
    monkeypatch.setattr("hub.use_cases.hub.FOLLOWED_EVERY", 0.5)
    monkeypatch.setattr("consent_ledger.ledger.Ledger.listen", lambda ledger, heard: None)
    database = server().create_database()
    here = make_site(tmp_path, server().url(database))
    there = make_replica(here, tmp_path / "other")
    async with running_hub(here.config), running_hub(there.config) as other:
        hostel = await register(here, "hostel")
        async with adapter_channel(there, other, hostel) as channel:
            asking = GetCheckpointRequest()
            # A hub that has just begun signs its first checkpoint a moment later.
            await LogServiceStub(channel).GetCheckpoint(GetCheckpointRequest(wait=Duration(seconds=30)))
            await revoke(here, "hostel", hostel.public_key_sha256)
            async with asyncio.timeout(AT_ONCE):
                while True:
                    try:
                        await LogServiceStub(channel).GetCheckpoint(asking)
                    except grpc.aio.AioRpcError as error:
                        assert refusal(error) == REVOKED
                        break
                    await asyncio.sleep(0.1)
    server().drop_database(database)


async def test_another_key_of_the_same_name_goes_on(site: Site) -> None:
    site = issuing(site)
    async with running_hub(site.config) as running:
        first = await register(site, "hostel")
        async with adapter_channel(site, running, first) as channel:
            second = await renewed(site, running, channel)
            async with adapter_channel(site, running, second) as new:
                await AgreementServiceStub(new).ListAgreements(LIST)
                await AgreementServiceStub(channel).ListAgreements(LIST)  # they overlap
                sooner = datetime.now(UTC) + timedelta(minutes=1)
                request = revoking("hostel", first.public_key_sha256)
                request.compromised_since_time.FromDatetime(sooner)
                # Ahead of now by less than clocks may differ, and after the renewal: that one was no thief's.
                async with operator_channel(site) as operator:
                    answer = await CertificateServiceStub(operator).RevokeCertificate(request)
                assert list(answer.public_keys_sha256) == [first.public_key_sha256]
                assert await refused(AgreementServiceStub(channel).ListAgreements(LIST)) == REVOKED
                await AgreementServiceStub(new).ListAgreements(LIST)


async def test_what_a_thief_renewed_goes_with_the_key(site: Site) -> None:
    site = issuing(site)
    async with running_hub(site.config) as running:
        first = await register(site, "hostel")
        async with adapter_channel(site, running, first) as channel:
            second = await renewed(site, running, channel)
            async with adapter_channel(site, running, second) as thief:
                third = await renewed(site, running, thief, "third")
                answer = await revoke(site, "hostel", first.public_key_sha256)
                assert set(answer.public_keys_sha256) == {
                    one.public_key_sha256 for one in (first, second, third)
                }
                assert await refused(AgreementServiceStub(thief).ListAgreements(LIST)) == REVOKED


async def test_what_a_thief_let_in_beside_itself_goes_with_the_key(site: Site) -> None:
    site = issuing(site)
    async with running_hub(site.config) as running:
        first = await register(site, "hostel")
        enrolled = make_key()
        async with adapter_channel(site, running, first) as thief, newcomers_door(site, running) as door:
            stub = CertificateServiceStub(thief)
            invitation = await stub.InviteAdapter(
                messages.InviteAdapterRequest(request_id=request_id(), agency_id="hostel", adapter="9")
            )
            assert (await refused(door.Enrol(enrolling(invitation.code, enrolled))))[1] == "NOT_CONFIRMED"
            await stub.ConfirmEnrolment(confirming("hostel", six_words(enrolled.sha256)))
            certificate = (await door.Enrol(enrolling(invitation.code, enrolled))).certificate
        answer = await revoke(site, "hostel", first.public_key_sha256)
        assert list(answer.public_keys_sha256) == [first.public_key_sha256, enrolled.sha256]
        second = enrolled.keep(site.pki_folder / "thief", "second", certificate)
        async with adapter_channel(site, running, second) as channel:
            assert await refused(AgreementServiceStub(channel).ListAgreements(LIST)) == REVOKED


async def test_a_revoked_key_never_comes_back(site: Site) -> None:
    async with running_hub(site.config) as running:
        lost = await register(site, "hostel")
        async with adapter_channel(site, running, lost) as channel:
            await LogServiceStub(channel).GetCheckpoint(GetCheckpointRequest())
            await revoke(site, "hostel", lost.public_key_sha256)
            # The door alone looks here: no command that would read the ledger's end.
            assert await refused(LogServiceStub(channel).GetCheckpoint(GetCheckpointRequest())) == REVOKED
        again = await revoke(site, "hostel", lost.public_key_sha256)
        assert list(again.public_keys_sha256) == [lost.public_key_sha256]
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await register(site, "hostel", lost)
        assert failure.value.code() is grpc.StatusCode.UNAUTHENTICATED
        async with adapter_channel(site, running, lost) as channel:
            assert await refused(AgreementServiceStub(channel).ListAgreements(LIST)) == REVOKED


async def test_an_agency_revokes_its_own_keys_and_nobody_elses(site: Site) -> None:
    async with running_hub(site.config) as running:
        hostel, harbour = await register(site, "hostel"), await register(site, "harbour")
        async with adapter_channel(site, running, hostel) as channel:
            stub = CertificateServiceStub(channel)
            for unknown in (harbour.public_key_sha256, bytes(32)):
                outcome = await refused(stub.RevokeCertificate(revoking("hostel", unknown)))
                assert outcome[:2] == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND"), "another's and unknown, alike"
            outcome = await refused(stub.RevokeCertificate(revoking("harbour", harbour.public_key_sha256)))
            assert outcome[:2] == (grpc.StatusCode.PERMISSION_DENIED, "OPERATOR_ONLY")
            await stub.RevokeCertificate(revoking("hostel", hostel.public_key_sha256))
            assert await refused(AgreementServiceStub(channel).ListAgreements(LIST)) == REVOKED
        async with adapter_channel(site, running, harbour) as channel:
            await AgreementServiceStub(channel).ListAgreements(LIST)


async def test_what_a_key_was_given_is_listed_for_its_agency_and_counted_for_the_operator(site: Site) -> None:
    async with running_hub(site.config) as running:
        began = datetime.now(UTC) - timedelta(minutes=1)
        story = await begin(site)
        second = await register(site, "hostel", site.issue("hostel", "2"))
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
            operator_channel(site) as operator,
        ):
            await link(outreach, hostel)
            await grant(outreach)
            await publish(outreach)
            batch = await fetch(hostel, story)
            request = messages.ListKeyAccessRequest(
                agency_id="hostel", public_key_sha256=story.hostel.public_key_sha256
            )
            request.since_time.FromDatetime(began)

            async with adapter_channel(site, running, second) as another:
                await CertificateServiceStub(another).ListKeyAccess(request)  # is that key's, not this one's
            listed = await CertificateServiceStub(hostel).ListKeyAccess(request)
            counted = await CertificateServiceStub(operator).ListKeyAccess(request)

            [fetched] = [one for one in listed.accesses if one.given]
            assert [one.kind for one in listed.accesses] == ["FETCH"]
            assert (fetched.kind, fetched.client_reference) == ("FETCH", "hos-3")
            assert fetched.given == len(batch.deliveries) == 1
            assert fetched.position == batch.access
            assert not counted.accesses
            assert (counted.given, counted.next) == (1, 0)
            assert counted.calls == listed.calls + 1, "the listing itself is an access of that key"

            request.since_time.FromDatetime(fetched.recorded_time.ToDatetime(UTC) + timedelta(microseconds=1))
            later = await CertificateServiceStub(hostel).ListKeyAccess(request)
            assert not any(one.given for one in later.accesses), "it was before"
            request.public_key_sha256 = story.outreach.public_key_sha256
            outcome = await refused(CertificateServiceStub(hostel).ListKeyAccess(request))
            assert outcome[:2] == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
            request.agency_id = "outreach"
            outcome = await refused(CertificateServiceStub(hostel).ListKeyAccess(request))
            assert outcome[:2] == (grpc.StatusCode.PERMISSION_DENIED, "OPERATOR_ONLY")


async def test_a_list_longer_than_a_page_is_whole(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.use_cases.key_access.LOOKED_AT", 3)
    async with running_hub(site.config) as running:
        began = datetime.now(UTC) - timedelta(minutes=1)
        story = await begin(site)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            for _ in range(4):
                await fetch(hostel, story)
            request = messages.ListKeyAccessRequest(
                agency_id="outreach", public_key_sha256=story.outreach.public_key_sha256
            )
            request.agency_id, request.public_key_sha256 = "hostel", story.hostel.public_key_sha256
            request.since_time.FromDatetime(began)
            kinds: list[str] = []
            for _ in range(100):
                page = await CertificateServiceStub(hostel).ListKeyAccess(request)
                kinds += [one.kind for one in page.accesses]
                if not page.next:
                    break
                assert page.next > request.after
                request.after = page.next
            assert kinds.count("FETCH") == 4


def accesses_behind(running: RunningHub, position: int) -> list[Accessed]:
    """What was answered after an entry, in the ledger's order."""
    entries = running.hub.ledger.submit(lambda transaction: transaction.entries(position)).result(10)
    return [found for entry in entries if (found := read_access_entry(entry)) is not None]


async def renewed(
    site: Site, running: RunningHub, channel: grpc.aio.Channel, stem: str = "renewed"
) -> pki.Credentials:
    key = make_key()
    answer = await CertificateServiceStub(channel).RenewCertificate(
        messages.RenewCertificateRequest(request_id=request_id(), signing_request=key.request)
    )
    return key.keep(site.pki_folder / "renewed", stem, answer.certificate)
