"""Two people found a hub by one-use codes; what one person stops, two stand by."""

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from hub.bootstrap import running_hub
from hub.config import ConfigError
from hub.rpc.authentication import ACTING_AGENCY
from hub.serve_settings import ServeSettings
from hub.use_cases.administration import CODES_LAST
from oncetold.v1 import administration_service_pb2 as messages
from oncetold.v1 import (
    agency_service_pb2,
    agreement_service_pb2,
    staff_service_pb2,
)
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from oncetold.v1.agreement_service_pb2_grpc import AgreementServiceStub
from oncetold.v1.certificate_service_pb2_grpc import CertificateServiceStub
from oncetold.v1.staff_service_pb2_grpc import StaffServiceStub
from tests.administrators import AGENCIES, Office, Person, founded, new_codes
from tests.clock import ManualClock
from tests.integration.certificates import revoking
from tests.integration.loopback import Site, adapter_channel, bare, operator_channel, refused, register
from tests.integration.office import (
    NEEDED,
    NOT_THEIRS,
    REGISTER,
    SAME,
    TOO_LATE,
    agency,
    agreement,
    assertion_key,
    dpo,
    serving,
    two,
)


async def test_until_two_are_enrolled_the_hub_is_founded_as_ever(site: Site) -> None:
    async with serving(site, ManualClock()) as (running, channel):
        office = Office(channel, running.hub.ledger.ledger_id)
        first, second = await new_codes(running)
        agencies = AgencyServiceStub(channel)
        await agencies.RegisterAgency(agency("before"))
        assert not (await office.enrol(Person("amina"), first)).founded
        request = agency("between")
        done = await agencies.RegisterAgency(request)
        assert (await office.enrol(Person("bela"), second)).founded
        assert await refused(agencies.RegisterAgency(agency("after"))) == NEEDED
        assert await agencies.RegisterAgency(request) == done, "a repeat is answered as it was then"


async def test_one_key_under_two_names_is_one_person(site: Site) -> None:
    async with serving(site, ManualClock()) as (running, channel):
        office = Office(channel, running.hub.ledger.ledger_id)
        first, second = await new_codes(running)
        amina = Person("amina")
        await office.enrol(amina, first)
        assert await refused(office.enrol(Person("twin", amina.seed), second)) == SAME
        assert (await refused(office.enrol(Person("amina"), second)))[1] == "ALREADY_EXISTS"
        assert (await office.enrol(Person("bela"), second)).founded, "the code is not used up by a refusal"


async def test_a_code_opens_once_and_for_fifteen_minutes(site: Site) -> None:
    clock = ManualClock()
    async with serving(site, clock) as (running, channel):
        office = Office(channel, running.hub.ledger.ledger_id)
        old = await new_codes(running)
        first, second = await new_codes(running)
        assert await refused(office.enrol(Person("amina"), old[0])) == NOT_THEIRS, "a newer pair ends it"
        await office.enrol(Person("amina"), first.lower().replace("-", " "))
        assert await refused(office.enrol(Person("bela"), first)) == NOT_THEIRS, "used"
        assert await refused(office.enrol(Person("bela"), "AAAA-AAAA-AAAA-AAAA")) == NOT_THEIRS
        clock.advance(CODES_LAST)
        assert await refused(office.enrol(Person("bela"), second)) == NOT_THEIRS, "too late"
        assert timedelta(minutes=15) == CODES_LAST
        [code, _] = await new_codes(running)
        clock.advance(CODES_LAST - timedelta(seconds=1))
        assert (await office.enrol(Person("bela"), code)).founded, "just in time"
        with pytest.raises(Exception, match="DECISION_STATE"):
            await new_codes(running)


async def test_nobody_enrols_a_key_that_they_do_not_have(site: Site) -> None:
    async with serving(site, ManualClock()) as (running, channel):
        office = Office(channel, running.hub.ledger.ledger_id)
        [code, _] = await new_codes(running)
        amina, other = Person("amina"), Person("other")
        assert await refused(office.enrol(amina, code, public_key=other.public)) == NOT_THEIRS
        assert await refused(office.enrol(amina, code, name="somebody")) == NOT_THEIRS
        office.ledger_id = uuid4()
        assert await refused(office.enrol(amina, code)) == NOT_THEIRS, "signed for another ledger"


async def test_ended_is_ended_at_once_and_two_stand_by_it_later(site: Site) -> None:
    async with two(site) as place:
        office, carys = place.office, Person("carys")
        adding = office.adding(carys)
        assert await refused(office.stub.AddAdministrator(adding)) == NEEDED
        method = "oncetold.v1.AdministrationService.AddAdministrator"
        await office.approve(place.bela, await office.propose(place.amina, method, adding))
        proposed = await office.propose(carys, REGISTER, agency())
        await office.end(carys, by=place.bela)

        assert await refused(office.approve(place.amina, proposed)) == TOO_LATE, "the proposer is gone"
        assert await refused(office.propose(carys, REGISTER, agency("other"))) == NOT_THEIRS
        [stop] = (await office.stub.ListProposals(messages.ListProposalsRequest())).stops
        assert stop.kind == "administrator.ended.v1"
        ratify = messages.RatifyStopRequest(request_id=str(uuid4()), index=stop.position.index)
        assert await refused(office.stub.RatifyStop(ratify)) == NEEDED
        method = "oncetold.v1.AdministrationService.RatifyStop"
        await office.approve(place.amina, await office.propose(place.bela, method, ratify))
        assert not (await office.stub.ListProposals(messages.ListProposalsRequest())).stops
        ratify.request_id = str(uuid4())
        assert await refused(office.propose(place.bela, method, ratify)) == TOO_LATE
        known = deepcopy(place.running.hub.projector.index.administration)
        await place.running.hub.rebuild()
        assert place.running.hub.projector.index.administration == known, "folded anew it is the same (I14)"


async def test_with_one_left_nothing_changes_until_somebody_enrols_by_a_new_code(site: Site) -> None:
    async with two(site) as place:
        await place.office.end(place.bela, by=place.amina)
        assert await refused(place.agencies.RegisterAgency(agency())) == NEEDED, "never founded again"
        proposal_id = await place.office.propose(place.amina, REGISTER, agency())
        assert await refused(place.office.approve(place.bela, proposal_id)) == NOT_THEIRS
        [code, _] = await new_codes(place.running)
        dafydd = Person("dafydd")
        await place.office.enrol(dafydd, code)
        await place.office.approve(dafydd, proposal_id)
        assert await place.known() == {"northside"}
        await place.office.end(dafydd, by=place.amina)
        await place.office.end(place.amina, by=place.amina)
        [code, _] = await new_codes(place.running)
        assert (await place.office.enrol(Person("eluned"), code)).founded
        assert await refused(place.agencies.RegisterAgency(agency("other"))) == NEEDED, (
            "nor when nobody is left"
        )


@pytest.mark.parametrize("acting", [(), ((ACTING_AGENCY, "northside"),)])
async def test_an_agreement_ended_by_the_operator_is_a_stop(
    site: Site, acting: tuple[tuple[str, str], ...]
) -> None:
    """Also where they say that they do it for a party: nobody but they says so."""
    async with serving(site, ManualClock()) as (running, channel):
        for one in ("northside", "harbour"):
            await AgencyServiceStub(channel).RegisterAgency(agency(one))
        stub = AgreementServiceStub(channel)
        await stub.DraftAgreement(agreement())
        office, _, _ = await founded(running, channel)
        ending = agreement_service_pb2.TerminateAgreementRequest(
            request_id=str(uuid4()), agreement_id="partnership"
        )
        ended = await stub.TerminateAgreement(ending, metadata=acting)  # one person, at once
        [stop] = (await office.stub.ListProposals(messages.ListProposalsRequest())).stops

        assert (stop.kind, stop.position.index) == ("agreement.terminated.v1", ended.position.index)


async def test_a_key_that_the_operator_ends_is_a_stop_and_an_agencys_own_is_none(
    site: Site,
) -> None:
    async with running_hub(site.config) as running:
        credentials, other = await register(site, "northside"), await register(site, "harbour")
        async with operator_channel(site) as channel:
            staff = StaffServiceStub(channel)
            for key_id in ("theirs", "ours"):
                await staff.AuthoriseAssertionKey(assertion_key("harbour", key_id))
            office, _, _ = await founded(running, channel)
            await CertificateServiceStub(channel).RevokeCertificate(
                revoking("northside", credentials.public_key_sha256)
            )
            ended = staff_service_pb2.EndAssertionKeyRequest(
                request_id=str(uuid4()), agency_id="harbour", key_id="ours"
            )
            await staff.EndAssertionKey(ended)
            async with adapter_channel(site, running, other) as own:
                ended.key_id, ended.request_id = "theirs", str(uuid4())
                await StaffServiceStub(own).EndAssertionKey(ended)
                await CertificateServiceStub(own).RevokeCertificate(
                    revoking("harbour", other.public_key_sha256)
                )
            listed = await office.stub.ListProposals(messages.ListProposalsRequest())

        kinds = [one.kind for one in listed.stops]
        assert kinds == ["agency.certificate-revoked.v1", "agency.assertion-key-ended.v1"]


async def test_an_agency_does_for_itself_what_needs_nobody_else(site: Site) -> None:
    async with running_hub(site.config) as running:
        credentials = await register(site, "northside")
        async with operator_channel(site) as channel:
            office, _, _ = await founded(running, channel)
            appoint = agency_service_pb2.AppointPostRequest(
                request_id=str(uuid4()), agency_id="northside", post=dpo()
            )
            accept = messages.AcceptFileRootRequest(
                request_id=str(uuid4()), agency_id="northside", accepted_by="dpo-1"
            )
            method = "oncetold.v1.AdministrationService.AcceptFileRoot"
            async with adapter_channel(site, running, credentials) as own:
                path = f"/{method.rpartition('.')[0]}/AcceptFileRoot"
                assert (await refused(bare(own, path)(accept.SerializeToString())))[1] == "NOT_FOUND"
                await AgencyServiceStub(own).AppointPost(appoint)
                accept.request_id = str(uuid4())
                await bare(own, path)(accept.SerializeToString())
                listing = bare(own, f"/{method.rpartition('.')[0]}/ListProposals")
                assert (await refused(listing(b"")))[1] == "OPERATOR_ONLY"
            listed = await office.stub.ListAdministrators(messages.ListAdministratorsRequest())
            assert listed.file_root_accepted


async def test_production_serves_nobody_before_two_people_and_a_word_for_the_root_key(site: Site) -> None:
    production = replace(site.config, serve=ServeSettings(production=True))
    with pytest.raises(ConfigError) as lacking:
        await running_hub(production).__aenter__()
    assert "administrators" in lacking.value.problem
    clock = ManualClock()
    alone = running_hub(production, clock=clock, adapters=False)
    async with alone as running, operator_channel(site) as channel:
        office, amina, bela = await founded(running, channel)
        await office.approve(bela, await office.propose(amina, REGISTER, agency()))
    with pytest.raises(ConfigError) as lacking:
        await running_hub(production, clock=clock).__aenter__()
    assert "root key" in lacking.value.problem
    async with running_hub(production, clock=clock, adapters=False), operator_channel(site) as channel:
        office = Office(channel, office.ledger_id)
        appoint = agency_service_pb2.AppointPostRequest(
            request_id=str(uuid4()), agency_id="northside", post=dpo()
        )
        await office.approve(bela, await office.propose(amina, f"{AGENCIES}.AppointPost", appoint))
        accept = messages.AcceptFileRootRequest(
            request_id=str(uuid4()), agency_id="northside", accepted_by="dpo-1"
        )
        method = "oncetold.v1.AdministrationService.AcceptFileRoot"
        await office.approve(bela, await office.propose(amina, method, accept))
    async with running_hub(production, clock=clock) as running:
        assert running.port
