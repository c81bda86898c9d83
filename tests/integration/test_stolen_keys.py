"""What came of a stolen key is known for ever, and revoked with it, whatever became of the keys between."""

from datetime import UTC, datetime, timedelta

import grpc

from hub import pki
from hub.bootstrap import RunningHub, running_hub
from hub.enrolment.words import six_words
from oncetold.v1 import agreement_service_pb2
from oncetold.v1 import certificate_service_pb2 as messages
from oncetold.v1.agreement_service_pb2_grpc import AgreementServiceStub
from oncetold.v1.certificate_service_pb2_grpc import CertificateServiceStub
from tests.integration.certificates import (
    MadeKey,
    confirming,
    enrolling,
    issuing,
    make_key,
    newcomers_door,
    revoke,
    revoking,
)
from tests.integration.loopback import Site, adapter_channel, operator_channel, refused, register
from tests.integration.story import request_id

LIST = agreement_service_pb2.ListAgreementsRequest()
REVOKED = "CERTIFICATE_REVOKED"


async def reason(channel: grpc.aio.Channel) -> str:
    """Why a call with this key is refused."""
    return (await refused(AgreementServiceStub(channel).ListAgreements(LIST)))[1]


async def renewed(
    site: Site, running: RunningHub, by: pki.Credentials, stem: str, key: MadeKey | None = None
) -> pki.Credentials:
    """A further key of the same name, asked for with this one."""
    key = key or make_key()
    async with adapter_channel(site, running, by) as channel:
        answer = await CertificateServiceStub(channel).RenewCertificate(
            messages.RenewCertificateRequest(request_id=request_id(), signing_request=key.request)
        )
    return key.keep(site.pki_folder / "renewed", stem, answer.certificate)


async def let_in(
    site: Site, running: RunningHub, by: pki.Credentials, key: MadeKey, adapter: str
) -> pki.Credentials:
    """A key under another name of the agency's, invited and confirmed with this one."""
    async with adapter_channel(site, running, by) as channel, newcomers_door(site, running) as door:
        stub = CertificateServiceStub(channel)
        invitation = await stub.InviteAdapter(
            messages.InviteAdapterRequest(request_id=request_id(), agency_id="hostel", adapter=adapter)
        )
        assert (await refused(door.Enrol(enrolling(invitation.code, key))))[1] == "NOT_CONFIRMED"
        await stub.ConfirmEnrolment(confirming("hostel", six_words(key.sha256)))
        certificate = (await door.Enrol(enrolling(invitation.code, key))).certificate
    return key.keep(site.pki_folder / "thief", adapter, certificate)


async def test_what_a_thief_let_in_goes_with_a_key_that_was_replaced_before(site: Site) -> None:
    """The operator's first thought is another key; that the old one had been stolen is learnt later."""
    site = issuing(site)
    async with running_hub(site.config) as running:
        first = await register(site, "hostel")
        beside = await let_in(site, running, first, make_key(), "9")
        now = datetime.now(UTC)
        await register(
            site, "hostel", pki.issue_adapter(site.authority, site.pki_folder / "anew", "hostel", now)
        )
        async with adapter_channel(site, running, first) as thief:
            assert await reason(thief) == "UNKNOWN_CERTIFICATE"
        answer = await revoke(site, "hostel", first.public_key_sha256)
        assert list(answer.public_keys_sha256) == [first.public_key_sha256, beside.public_key_sha256]
        for stolen in (first, beside):
            async with adapter_channel(site, running, stolen) as thief:
                assert await reason(thief) == REVOKED


async def test_a_thief_does_not_wash_a_key_by_enrolling_it_again(site: Site) -> None:
    """It vouches for itself under another name: where it came from first stays known."""
    site = issuing(site)
    async with running_hub(site.config) as running:
        first = await register(site, "hostel")
        key = make_key()
        second = await renewed(site, running, first, "second", key)
        third = await let_in(site, running, second, key, "9")
        answer = await revoke(site, "hostel", first.public_key_sha256)
        assert list(answer.public_keys_sha256) == [first.public_key_sha256, key.sha256]
        for washed in (second, third):
            async with adapter_channel(site, running, washed) as thief:
                assert await reason(thief) == REVOKED


async def test_what_came_of_a_revoked_key_goes_with_the_one_ahead_of_both(site: Site) -> None:
    """A renewal was revoked by itself, from too late a day: what it had renewed goes with the first key."""
    site = issuing(site)
    async with running_hub(site.config) as running:
        first = await register(site, "hostel")
        second = await renewed(site, running, first, "second")
        third = await renewed(site, running, second, "third")
        request = revoking("hostel", second.public_key_sha256)
        request.compromised_since_time.FromDatetime(datetime.now(UTC) + timedelta(minutes=1))
        async with operator_channel(site) as operator:
            await CertificateServiceStub(operator).RevokeCertificate(request)
        answer = await revoke(site, "hostel", first.public_key_sha256)
        assert list(answer.public_keys_sha256) == [first.public_key_sha256, third.public_key_sha256]
        async with adapter_channel(site, running, third) as thief:
            assert await reason(thief) == REVOKED
