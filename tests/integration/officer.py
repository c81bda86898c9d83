"""An agency's data protection officer, who reads what is being taken back."""

from adapters.kit.assertions import Who
from hub import pki
from hub.bootstrap import RunningHub
from oncetold.v1 import audit_service_pb2
from oncetold.v1.audit_service_pb2_grpc import AuditServiceStub
from oncetold.v1.staff_service_pb2_grpc import StaffServiceStub
from tests.integration.loopback import Site, adapter_channel
from tests.staff import giving, new_request_id

OFFICER = Who("officer-1", "DATA_PROTECTION_OFFICER")


async def taken_back(
    site: Site, running: RunningHub, credentials: pki.Credentials, reference: str
) -> list[audit_service_pb2.Disclosure]:
    """What was or is to be taken back of one client of the agency."""
    async with adapter_channel(site, running, credentials, OFFICER) as channel:
        await StaffServiceStub(channel).GiveRole(giving(new_request_id(), OFFICER))
        request = audit_service_pb2.ListRetractionsRequest(client_reference=reference)
        answer = await AuditServiceStub(channel).ListRetractions(request)
        return list(answer.retractions)
