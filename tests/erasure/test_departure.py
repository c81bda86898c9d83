"""An agency leaves: nothing is sent to it, its word answers what it owed, what it told stays or goes (I6)."""

from pathlib import Path

import grpc
import pytest

from hub.rpc.authentication import ACTING_AGENCY
from hub.use_cases.upkeep import erase_due
from oncetold.v1.agency_service_pb2 import DepartAgencyResponse, ListAgenciesRequest
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from oncetold.v1.registration_service_pb2 import RegisterClientRequest
from oncetold.v1.registration_service_pb2_grpc import RegistrationServiceStub
from tests.erasure.asking import depart, depart_by_operator, depart_request, hold
from tests.integration.loopback import operator_channel, refused
from tests.twins.cast import Cast, bedded_down, cast, dose
from tests.twins.colleague import taken_back
from tests.twins.stage import Authority, stage

SHARED = ("ACCOMMODATION", "SERVICE_CONTACT", "PHYSICAL_HEALTH")


async def told(c: Cast) -> None:
    """The street team told the hostel two things; one of them is to be given back and was not yet."""
    await c.outreach.grant("rosa", SHARED, to="hostel")
    await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
    await c.outreach.publish("rosa", "dose-1", assessment=dose("40mg"))
    await c.hostel.drain()
    await c.outreach.exclude("rosa", kind="PHYSICAL_HEALTH", remove=True)
    await c.hostel.fetch()
    assert len(c.hostel.receipts) == 1


@pytest.mark.parametrize(
    ("copies", "outcome", "overdue"),
    [("ERASED", 1, False), ("RETAINED_OWN_BASIS", 3, False), ("UNKNOWN", 0, True)],
)
async def test_what_it_attests_answers_what_it_owed(
    tmp_path: Path, authority: Authority, copies: str, outcome: int, overdue: bool
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        await told(c)
        await depart(c.hostel, copies)
        taken = await taken_back(c.outreach, "rosa")
        assert [(one.outcome, one.overdue) for one in taken] == [(outcome, overdue)] * 2, (
            "what was to be given back, and what it held by right until it left"
        )
        await world.hub.rebuild()
        assert await taken_back(c.outreach, "rosa") == taken


async def test_nothing_is_sent_to_it_or_recorded_by_it_any_more(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        await told(c)
        position = await depart_by_operator(world, c.hostel, "ERASED", "KEPT")
        size = await world.size()
        status, reason, _ = await refused(c.hostel.fetch())
        assert (status, reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNKNOWN_CERTIFICATE")
        await c.outreach.publish("rosa", "visit-2", contact=bedded_down())
        assert await world.size() <= size + 2
        status, reason, _ = await refused(c.outreach.grant("mia", SHARED, to="hostel"))
        assert (status, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "AGENCY_DEPARTED")
        async with operator_channel(world.site) as channel:
            again = await AgencyServiceStub(channel).DepartAgency(depart_request(c.hostel, "UNKNOWN", "KEPT"))
            assert again.position.index == position, "it left once"
            listed = await AgencyServiceStub(channel).ListAgencies(ListAgenciesRequest())
            [hostel] = [one for one in listed.agencies if one.agency_id == "hostel"]
            assert hostel.departed and not hostel.feeds and not hostel.certificate_uris
            registering = RegistrationServiceStub(channel).RegisterClient(
                RegisterClientRequest(request_id=world.request_id(), client_reference="room-9"),
                metadata=((ACTING_AGENCY, "hostel"),),
            )
            status, reason, _ = await refused(registering)
            assert (status, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "AGENCY_DEPARTED")


async def test_nobody_leaves_for_another(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        request = depart_request(c.hostel, "ERASED", "ERASED")
        asked = c.outreach.ask("AgencyService/DepartAgency", request, DepartAgencyResponse)
        status, reason, _ = await refused(asked)
        assert (status, reason) == (grpc.StatusCode.PERMISSION_DENIED, "OPERATOR_ONLY")


@pytest.mark.parametrize("records", ["KEPT", "ERASED"])
async def test_what_it_published_stays_or_goes(tmp_path: Path, authority: Authority, records: str) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        await told(c)
        await hold(c.outreach, "mia", "everything")
        await c.hostel.drain()
        assert len(c.hostel.store) == 1
        await depart_by_operator(world, c.outreach, "ERASED", records)
        erased = await erase_due(world.hub)
        came = await c.hostel.drain()
        if records == "KEPT":
            assert (erased, came, len(c.hostel.store)) == (0, [], 1)
        else:
            assert c.hostel.store == {}
            assert world.hub.projector.index.by_reference.keys() >= {("outreach", "mia")}, "mia is held"
            assert ("outreach", "rosa") not in world.hub.projector.index.by_reference
            assert await erase_due(world.hub) == 0
