"""Members of staff at an agency's desk: their roles, whom they work with, and what they get to see."""

from datetime import datetime, timedelta
from typing import Any

from adapters.kit.assertions import Who
from hub.rpc.authentication import ACTING_AGENCY
from oncetold.v1 import common_pb2, record_service_pb2, staff_service_pb2
from oncetold.v1.staff_service_pb2_grpc import StaffServiceStub
from tests.integration.loopback import operator_channel
from tests.staff import giving, signer_of
from tests.twins.choices import categories
from tests.twins.desk import Desk

KEYWORKER = Who("key-1", "KEYWORKER")
PEER = Who("peer-1", "PEER_MENTOR")
LEAD = Who("lead-1", "SAFEGUARDING_LEAD")
NURSE = Who("nurse-1", "EMERGENCY_DESK", "EMERGENCY")
COLLEAGUE = Who("nurse-2", "EMERGENCY_DESK", "EMERGENCY")


async def give(desk: Desk, *people: Who) -> None:
    """The agency gives them their roles."""
    async with operator_channel(desk.stage.site) as operator:
        for who in people:
            await StaffServiceStub(operator).GiveRole(
                giving(desk.stage.request_id(), who), metadata=((ACTING_AGENCY, desk.agency_id),)
            )


async def works_with(
    desk: Desk,
    who: Who,
    reference: str,
    kind: str = "CASELOAD",
    *,
    handed: tuple[str, ...] = (),
    until: datetime | None = None,
) -> staff_service_pb2.RecordRelationshipResponse:
    """The agency says that somebody works with a client."""
    request = staff_service_pb2.RecordRelationshipRequest(
        request_id=desk.stage.request_id(),
        client_reference=reference,
        staff_reference=who.staff_reference,
        kind=staff_service_pb2.RelationshipKind.Value(f"RELATIONSHIP_KIND_{kind}"),
        categories=categories(handed),
    )
    if until is not None:
        request.until_time.FromDatetime(until)
    answer: staff_service_pb2.RecordRelationshipResponse = await StaffServiceStub(
        desk.channel
    ).RecordRelationship(request)
    return answer


async def sees(desk: Desk, who: Who, reference: str) -> record_service_pb2.GetHistoryResponse:
    """What somebody at the desk is shown of a client."""
    request = record_service_pb2.GetHistoryRequest(feed_id=desk.feed_id, client_reference=reference)
    answer: record_service_pb2.GetHistoryResponse = await _as(
        desk, who, "RecordService/GetHistory", request, record_service_pb2.GetHistoryResponse
    )
    return answer


async def breaks_glass(
    desk: Desk, who: Who, reference: str, reason: str = "VITAL_INTERESTS"
) -> staff_service_pb2.BreakGlassResponse:
    """Somebody at the desk says why they have to read."""
    request = staff_service_pb2.BreakGlassRequest(
        request_id=desk.stage.request_id(),
        client_reference=reference,
        reason=staff_service_pb2.BreakGlassReason.Value(f"BREAK_GLASS_REASON_{reason}"),
    )
    answer: staff_service_pb2.BreakGlassResponse = await _as(
        desk, who, "StaffService/BreakGlass", request, staff_service_pb2.BreakGlassResponse
    )
    return answer


async def _as(desk: Desk, who: Who, method: str, request: Any, answer: Any) -> Any:
    stage = desk.stage
    pem = desk.credentials.certificate.read_bytes()
    signer = signer_of(desk.agency_id, stage.hub.ledger.ledger_id, pem, stage.clock.now)
    return await desk.ask(method, request, answer, metadata=signer.metadata(who, request))


def told(answer: record_service_pb2.GetHistoryResponse) -> list[str]:
    """Which categories the elements of a view hold, one line for each, and the view's limit first."""
    limit = record_service_pb2.ReadingLimit.Name(answer.narrowed).removeprefix("READING_LIMIT_")
    lines = [
        " ".join(
            common_pb2.DataCategory.Name(one).removeprefix("DATA_CATEGORY_") for one in element.categories
        )
        for element in answer.elements
    ]
    return [limit, *sorted(lines)]


FOUR_HOURS = timedelta(hours=4)
