"""An adapter without a certificate: a code, six words heard by somebody, and then a certificate, once."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from hub.bootstrap import running_hub
from hub.config import ConfigError
from hub.enrolment.settings import EnrolmentSettings
from hub.enrolment.words import six_words
from oncetold.v1 import agency_service_pb2, agreement_service_pb2, common_pb2, enrolment_service_pb2
from oncetold.v1 import certificate_service_pb2 as messages
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from oncetold.v1.agreement_service_pb2_grpc import AgreementServiceStub
from oncetold.v1.certificate_service_pb2_grpc import CertificateServiceStub
from tests.clock import ManualClock
from tests.integration.certificates import (
    ISSUING,
    confirming,
    enrolling,
    invite,
    issuing,
    make_key,
    newcomers_door,
    revoke,
)
from tests.integration.loopback import Site, adapter_channel, bare, operator_channel, refused, register
from tests.integration.story import day_and_night, request_id

LIST = agreement_service_pb2.ListAgreementsRequest()
Refusal = tuple[grpc.StatusCode, str, dict[str, str]]
NOT_CONFIRMED: Refusal = (grpc.StatusCode.UNAVAILABLE, "NOT_CONFIRMED", {})
OPENS_NOTHING: Refusal = (grpc.StatusCode.UNAUTHENTICATED, "BAD_ENROLMENT", {})


@pytest.fixture
def site(site: Site) -> Site:
    return issuing(site)


async def test_from_a_code_to_a_certificate_that_speaks_for_the_agency(site: Site) -> None:
    async with running_hub(site.config) as running:
        await register(site, "hostel")
        invitation = await invite(site, "hostel", "2")
        assert site.authority.certificate.read_bytes() == invitation.authorities
        key = make_key()
        async with newcomers_door(site, running) as door, operator_channel(site) as operator:
            # Typed as people type: small letters, spaces, and l for 1.
            typed = invitation.code.lower().replace("-", " ").replace("1", "l").replace("0", "o")
            assert await refused(door.Enrol(enrolling(typed, key))) == NOT_CONFIRMED
            size = running.hub.ledger.submit(lambda transaction: transaction.size).result(10)
            assert await refused(door.Enrol(enrolling(invitation.code, key))) == NOT_CONFIRMED
            assert running.hub.ledger.submit(lambda transaction: transaction.size).result(10) == size

            stub = CertificateServiceStub(operator)
            listed = await stub.ListCertificates(messages.ListCertificatesRequest(agency_id="hostel"))
            assert [(one.uri, one.waiting) for one in listed.invitations] == [(invitation.uri, True)]
            confirmed = await stub.ConfirmEnrolment(confirming("hostel", six_words(key.sha256)))
            assert (confirmed.uri, confirmed.public_key_sha256) == (invitation.uri, key.sha256)

            answer = await door.Enrol(enrolling(invitation.code, key))
            again = await door.Enrol(enrolling(invitation.code, key))
        certificate = x509.load_pem_x509_certificates(answer.certificate)[0]
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert [name.value for name in names] == [invitation.uri], "what was asked for is not looked at"
        assert certificate.not_valid_after_utc - certificate.not_valid_before_utc <= timedelta(
            days=30, minutes=5
        )
        for one in (answer, again):
            credentials = key.keep(site.pki_folder / "enrolled", "hostel-2", one.certificate)
            async with adapter_channel(site, running, credentials) as channel:
                await AgreementServiceStub(channel).ListAgreements(LIST)
                standing = await CertificateServiceStub(channel).GetStanding(messages.GetStandingRequest())
                assert (standing.agency_id, standing.uri) == ("hostel", invitation.uri)
                assert standing.public_key_sha256 == key.sha256
                assert abs(standing.hub_time.ToDatetime(UTC) - datetime.now(UTC)) < timedelta(minutes=1)


async def test_a_code_lets_in_the_first_key_alone_and_no_other_code_any(site: Site) -> None:
    async with running_hub(site.config) as running:
        await register(site, "hostel")
        invitation = await invite(site, "hostel", "2")
        first, thief = make_key(), make_key()
        async with newcomers_door(site, running) as door, operator_channel(site) as operator:
            size = running.hub.ledger.submit(lambda transaction: transaction.size).result(10)
            outcome = await refused(door.Enrol(enrolling("00000-00000-00000-00000", first)))
            assert outcome == OPENS_NOTHING
            grown = running.hub.ledger.submit(lambda transaction: transaction.size).result(10)
            assert grown == size, "whoever guesses makes the ledger grow"
            assert await refused(door.Enrol(enrolling(invitation.code, first))) == NOT_CONFIRMED
            assert await refused(door.Enrol(enrolling(invitation.code, thief))) == OPENS_NOTHING
            stub = CertificateServiceStub(operator)
            outcome = await refused(stub.ConfirmEnrolment(confirming("hostel", six_words(thief.sha256))))
            assert outcome[:2] == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND"), "nobody who waits has these words"
            await stub.ConfirmEnrolment(confirming("hostel", six_words(first.sha256)))
            assert await refused(door.Enrol(enrolling(invitation.code, thief))) == OPENS_NOTHING
            await revoke(site, "hostel", first.sha256)
            assert await refused(door.Enrol(enrolling(invitation.code, first))) == OPENS_NOTHING


async def test_an_invitation_lasts_seven_days(site: Site) -> None:
    clock = ManualClock(datetime.now(UTC))
    async with running_hub(site.config, clock=clock) as running:
        await register(site, "hostel")
        invitation = await invite(site, "hostel", "2")
        key = make_key()
        async with newcomers_door(site, running) as door, operator_channel(site) as operator:
            assert await refused(door.Enrol(enrolling(invitation.code, key))) == NOT_CONFIRMED
            clock.advance(timedelta(days=7))
            assert await refused(door.Enrol(enrolling(invitation.code, key))) == OPENS_NOTHING
            stub = CertificateServiceStub(operator)
            outcome = await refused(stub.ConfirmEnrolment(confirming("hostel", six_words(key.sha256))))
            assert outcome[:2] == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")


async def test_the_agency_invites_and_confirms_its_own_next_adapter(site: Site) -> None:
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(running_hub(site.config))
        hostel, harbour = await register(site, "hostel"), await register(site, "harbour")
        own = await stack.enter_async_context(adapter_channel(site, running, hostel))
        other = await stack.enter_async_context(adapter_channel(site, running, harbour))
        door = await stack.enter_async_context(newcomers_door(site, running))
        request = messages.InviteAdapterRequest(request_id=request_id(), agency_id="hostel", adapter="2")
        outcome = await refused(CertificateServiceStub(other).InviteAdapter(request))
        assert outcome[:2] == (grpc.StatusCode.PERMISSION_DENIED, "OPERATOR_ONLY")
        invitation = await CertificateServiceStub(own).InviteAdapter(request)
        assert (await CertificateServiceStub(own).InviteAdapter(request)).code == invitation.code
        key = make_key()
        assert await refused(door.Enrol(enrolling(invitation.code, key))) == NOT_CONFIRMED
        confirm = confirming("hostel", six_words(key.sha256))
        outcome = await refused(CertificateServiceStub(other).ConfirmEnrolment(confirm))
        assert outcome[:2] == (grpc.StatusCode.PERMISSION_DENIED, "OPERATOR_ONLY")
        await CertificateServiceStub(own).ConfirmEnrolment(confirm)
        assert (await door.Enrol(enrolling(invitation.code, key))).agency_id == "hostel"


async def test_a_feed_may_be_opened_while_its_adapter_is_only_invited(site: Site) -> None:
    async with running_hub(site.config) as running:
        await register(site, "hostel")
        invitation = await invite(site, "hostel", "2")
        subscribe = agency_service_pb2.SubscribeRequest(
            request_id=request_id(),
            agency_id="hostel",
            certificate_uri=invitation.uri,
            service_type=common_pb2.SERVICE_TYPE_HOSTEL,
            purposes=[common_pb2.PURPOSE_DIRECT_SUPPORT],
            categories=[common_pb2.DATA_CATEGORY_ACCOMMODATION],
        )
        key = make_key()
        async with newcomers_door(site, running) as door, operator_channel(site) as operator:
            await AgencyServiceStub(operator).AppointPost(day_and_night("hostel"))
            feed = await AgencyServiceStub(operator).Subscribe(subscribe)
            assert await refused(door.Enrol(enrolling(invitation.code, key))) == NOT_CONFIRMED
            await CertificateServiceStub(operator).ConfirmEnrolment(
                confirming("hostel", six_words(key.sha256))
            )
            assert list((await door.Enrol(enrolling(invitation.code, key))).feed_ids) == [feed.feed_id]


def _broken(rule: str) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    if rule == "format":
        return b"not a request"
    if rule == "key":
        return builder.sign(ed25519.Ed25519PrivateKey.generate(), None).public_bytes(
            serialization.Encoding.DER
        )
    if rule == "key-curve":
        other = ec.generate_private_key(ec.SECP384R1())
        return builder.sign(other, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    whole = bytearray(make_key().request)
    whole[-1] ^= 1
    return bytes(whole)


@pytest.mark.parametrize("broken", ["format", "key", "key-curve", "signature"])
async def test_a_signing_request_that_does_not_hold_is_refused_by_rule(site: Site, broken: str) -> None:
    async with running_hub(site.config) as running:
        await register(site, "hostel")
        invitation = await invite(site, "hostel", "2")
        request = enrolment_service_pb2.EnrolRequest(code=invitation.code, signing_request=_broken(broken))
        async with newcomers_door(site, running) as door:
            status, reason, details = await refused(door.Enrol(request))
        assert (status, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_SIGNING_REQUEST")
        assert details == {"rule": broken.partition("-")[0]}


async def test_the_newcomers_door_serves_nothing_else_and_no_other_door_serves_newcomers(site: Site) -> None:
    async with running_hub(site.config) as running:
        member = await register(site, "hostel")
        invitation = await invite(site, "hostel", "2")
        tls = grpc.ssl_channel_credentials(site.authority.certificate.read_bytes())
        async with grpc.aio.secure_channel(f"localhost:{running.enrolment_port}", tls) as nobody:
            for method in ("AgreementService/ListAgreements", "CertificateService/InviteAdapter"):
                status, reason, _ = await refused(bare(nobody, f"/oncetold.v1.{method}")(b""))
                assert (status, reason) == (grpc.StatusCode.UNIMPLEMENTED, "")
        enrol = enrolling(invitation.code, make_key()).SerializeToString()
        async with adapter_channel(site, running, member) as known, operator_channel(site) as operator:
            for channel in (known, operator):
                outcome = await refused(bare(channel, "/oncetold.v1.EnrolmentService/Enrol")(enrol))
                assert outcome[:2] == (grpc.StatusCode.UNAUTHENTICATED, "UNKNOWN_CERTIFICATE")


async def test_a_wrong_code_costs_the_hub_a_look_and_no_more(site: Site) -> None:
    """Anybody may guess: nothing that is held in memory may have to be made anew for it."""
    async with running_hub(site.config) as running, newcomers_door(site, running) as door:
        await register(site, "hostel")
        before, resets = running.hub.projector.index, list[None]()
        running.hub.ledger.on_reset(lambda: resets.append(None))
        for code in ("0" * 20, "1" * 20, "Z" * 20):
            assert await refused(door.Enrol(enrolling(code, make_key()))) == OPENS_NOTHING
        assert running.hub.projector.index is before and not resets


async def test_a_flood_of_guesses_is_refused_with_a_time_to_wait(site: Site) -> None:
    key = make_key()
    async with running_hub(site.config) as running, newcomers_door(site, running) as door:
        outcomes = await asyncio.gather(*(refused(door.Enrol(enrolling("0" * 20, key))) for _ in range(60)))
        reasons = [reason for _, reason, _ in outcomes]
        assert set(reasons) == {"BAD_ENROLMENT", "TOO_MANY_CALLS"}
        told = [details for _, reason, details in outcomes if reason == "TOO_MANY_CALLS"]
        assert all(int(details["retry_seconds"]) > 0 for details in told)


async def test_without_settings_there_is_no_door_and_nothing_is_signed(site: Site) -> None:
    config = replace(site.config, enrolment=EnrolmentSettings())
    async with running_hub(config) as running:
        member = await register(site, "hostel")
        assert running.enrolment_port is None
        async with adapter_channel(site, running, member) as channel:
            renew = messages.RenewCertificateRequest(
                request_id=request_id(), signing_request=make_key().request
            )
            outcome = await refused(CertificateServiceStub(channel).RenewCertificate(renew))
            assert outcome[1:] == ("BAD_SIGNING_REQUEST", {"rule": "no authority"})
            standing = await CertificateServiceStub(channel).GetStanding(messages.GetStandingRequest())
            assert not standing.renews


@pytest.mark.parametrize("what", ["readable", "foreign", "missing"])
async def test_an_authority_that_cannot_sign_stops_the_hub_at_its_start(site: Site, what: str) -> None:
    key = site.config.data / ISSUING.authority_key
    if what == "readable":
        key.chmod(0o644)
    elif what == "foreign":
        key.write_bytes(site.config.tls.key.read_bytes())
    else:
        key.unlink()
    with pytest.raises(ConfigError) as failure:
        async with running_hub(site.config):
            pass
    assert failure.value.setting == "enrolment"
