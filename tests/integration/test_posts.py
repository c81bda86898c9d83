"""Posts: the operator or the agency itself says who holds one; the newest counts."""

from pathlib import Path

import grpc
import pytest

from oncetold.v1 import agency_service_pb2, common_pb2
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from tests.integration.loopback import operator_channel, refusal
from tests.integration.story import day_and_night
from tests.twins.stage import Authority, stage


@pytest.fixture
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


async def test_the_newest_appointment_counts_and_each_agency_speaks_for_itself(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world, operator_channel(world.site) as operator:
        hostel = await world.agency("hostel", "HOSTEL")
        await world.agency("clinic", "PRIMARY_CARE")
        await hostel.appoint("SAFEGUARDING_LEAD", "lead-1", "01632 960117")
        await hostel.appoint("SAFEGUARDING_LEAD", "lead-2", "+44 1632 960118")
        await hostel.appoint("DUTY_WORKER", "duty-1", "01632 960119")

        stub = AgencyServiceStub(operator)
        listed = (await stub.ListAgencies(agency_service_pb2.ListAgenciesRequest())).agencies
        held = {agency.agency_id: [one.staff_reference for one in agency.posts] for agency in listed}
        assert held == {"hostel": ["duty-1", "lead-2"], "clinic": []}

        hostel.agency_id = "clinic"
        assert (
            await hostel.refused(hostel.appoint("DUTY_WORKER", "duty-9", "01632 960120")) == "OPERATOR_ONLY"
        )


@pytest.mark.parametrize(
    ("agency_id", "kind", "telephone", "reason"),
    [
        ("elsewhere", 1, "01632 960117", "UNKNOWN_AGENCY"),
        ("hostel", 0, "01632 960117", "INVALID_FIELD"),
        ("hostel", 1, "ring me", "INVALID_FIELD"),
        ("hostel", 5, "", "INVALID_FIELD"),
        ("hostel", 99, "01632 960117", "UNKNOWN_ENUM"),
    ],
)
async def test_what_is_no_appointment_is_refused(
    tmp_path: Path, authority: Authority, agency_id: str, kind: int, telephone: str, reason: str
) -> None:
    async with stage(tmp_path, authority) as world, operator_channel(world.site) as operator:
        await world.agency("hostel", "HOSTEL")
        request = agency_service_pb2.AppointPostRequest(request_id=world.request_id(), agency_id=agency_id)
        request.post.kind = kind  # type: ignore[assignment]
        request.post.staff_reference, request.post.telephone = "lead-1", telephone
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await AgencyServiceStub(operator).AppointPost(request)
        assert refusal(refused.value)[1] == reason


async def test_no_feed_is_opened_for_an_agency_that_nobody_can_ring_at_night(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world, operator_channel(world.site) as operator:
        hostel = await world.agency("hostel", "HOSTEL")
        await hostel.appoint("DUTY_WORKER", "duty-1", "01632 960119")
        stub = AgencyServiceStub(operator)

        def feed() -> agency_service_pb2.SubscribeRequest:
            return agency_service_pb2.SubscribeRequest(
                request_id=world.request_id(),
                agency_id="hostel",
                certificate_uri=hostel.credentials.uri or "",
                service_type=common_pb2.SERVICE_TYPE_HOSTEL,
                purposes=[common_pb2.PURPOSE_DIRECT_SUPPORT],
                categories=[common_pb2.DATA_CATEGORY_ACCOMMODATION],
            )

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Subscribe(feed())
        status, reason, _ = refusal(refused.value)
        assert (status, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NO_DAY_AND_NIGHT_NUMBER")
        [listed] = (await stub.ListAgencies(agency_service_pb2.ListAgenciesRequest())).agencies
        assert not listed.feeds

        await stub.AppointPost(day_and_night("hostel"))
        assert (await stub.Subscribe(feed())).feed_id
