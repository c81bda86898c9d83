"""H32: a charity's laptop is stolen on a Friday, and one of the two who run the hub is on leave.

One person cuts off the key, and then a colleague, each in one action; on Monday two people stand by it.
"""

import asyncio
import time
from contextlib import AsyncExitStack
from uuid import uuid4

import grpc

from hub.bootstrap import running_hub
from oncetold.v1 import administration_service_pb2, agency_service_pb2
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from tests.administrators import founded
from tests.integration.certificates import revoke
from tests.integration.conftest import site
from tests.integration.loopback import Site, adapter_channel, operator_channel, refused
from tests.integration.story import begin, day_and_night, fetch, grant, link, publish

__all__ = ["site"]

CUT: tuple[grpc.StatusCode, str, dict[str, str]] = (
    grpc.StatusCode.UNAUTHENTICATED,
    "CERTIFICATE_REVOKED",
    {},
)
WITHIN = 10.0
"""Seconds; the promise is 60."""


async def test_a_stolen_laptop_on_a_friday_is_cut_off_by_one_person_in_one_action(site: Site) -> None:
    async with running_hub(site.config) as running, AsyncExitStack() as stack:
        story = await begin(site)
        outreach = await stack.enter_async_context(adapter_channel(site, running, story.outreach))
        laptop = await stack.enter_async_context(adapter_channel(site, running, story.hostel))
        await link(outreach, laptop)
        await grant(outreach)
        office, amina, bela = await founded(running, await stack.enter_async_context(operator_channel(site)))
        thief = asyncio.ensure_future(refused(fetch(laptop, story, wait=25)))
        await asyncio.sleep(0.5)
        begun = time.monotonic()

        # Friday night: Bela is on leave. Amina makes one call, and asks nobody.
        await revoke(site, "hostel", story.hostel.public_key_sha256)
        assert await thief == CUT
        assert time.monotonic() - begun < WITHIN
        await publish(outreach)
        assert await refused(fetch(laptop, story)) == CUT

        # What opens a way in still takes two, however late it is.
        let_in = agency_service_pb2.AuthoriseCertificateRequest(
            request_id=str(uuid4()),
            agency_id="hostel",
            uri="spiffe://dev.oncetold/agency/hostel/adapter/2",
            public_key_sha256=bytes(32),
        )
        agencies = AgencyServiceStub(office.channel)
        assert (await refused(agencies.AuthoriseCertificate(let_in)))[1] == "TWO_PEOPLE_NEEDED"

        # Monday: both look at what was stopped, and stand by it.
        asked = administration_service_pb2.ListProposalsRequest()
        [stop] = (await office.stub.ListProposals(asked)).stops
        assert stop.kind == "agency.certificate-revoked.v1"
        ratify = administration_service_pb2.RatifyStopRequest(
            request_id=str(uuid4()), index=stop.position.index
        )
        method = "oncetold.v1.AdministrationService.RatifyStop"
        await office.approve(bela, await office.propose(amina, method, ratify))
        assert not (await office.stub.ListProposals(asked)).stops


async def test_a_colleague_whose_key_was_on_it_is_cut_off_by_one_person_too(site: Site) -> None:
    async with running_hub(site.config) as running, operator_channel(site) as channel:
        office, amina, bela = await founded(running, channel)
        await office.end(bela, by=amina)

        method = "oncetold.v1.AgencyService.AppointPost"
        theft = await refused(office.propose(bela, method, day_and_night("hostel")))
        assert theft[:2] == (grpc.StatusCode.UNAUTHENTICATED, "ADMINISTRATOR")
        listed = await office.stub.ListProposals(administration_service_pb2.ListProposalsRequest())
        assert [stop.kind for stop in listed.stops] == ["administrator.ended.v1"]
