"""A card is agreed at one agency and opened at another's emergency desk; its words are planted too."""

from datetime import UTC, datetime
from uuid import UUID

import grpc

from adapters.kit.assertions import Who
from hub import pki
from hub.rpc.authentication import ACTING_AGENCY
from oncetold.v1 import audit_service_pb2, emergency_service_pb2
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from oncetold.v1.audit_service_pb2_grpc import AuditServiceStub
from oncetold.v1.emergency_service_pb2_grpc import EmergencyServiceStub
from oncetold.v1.staff_service_pb2_grpc import StaffServiceStub
from tests.integration.loopback import Site, operator_channel
from tests.integration.story import day_and_night, request_id
from tests.privacy import person
from tests.staff import giving, signer_of

NURSE = Who("nurse-3", "EMERGENCY_DESK", "EMERGENCY")


async def card_opened(site: Site, channels: dict[str, grpc.aio.Channel], clinic: pki.Credentials) -> None:
    """The outreach team's card, opened at the clinic by reference and by details."""
    async with operator_channel(site) as channel:
        await AgencyServiceStub(channel).AppointPost(day_and_night("outreach"))
        await StaffServiceStub(channel).GiveRole(
            giving(request_id(), NURSE), metadata=((ACTING_AGENCY, "clinic"),)
        )
    agreed = emergency_service_pb2.AgreeCardRequest(
        request_id=request_id(),
        client_reference=person.REFERENCES["outreach"],
        lines=emergency_service_pb2.CardLines(
            medicines=person.MEDICINES, who_to_ring=f"{person.WORKER}, {person.PHONE}"
        ),
        asked_alone=True,
    )
    agreed.agreed_time.FromDatetime(datetime.now(UTC))
    await EmergencyServiceStub(channels["outreach"]).AgreeCard(agreed)
    ledger = await AuditServiceStub(channels["clinic"]).GetLedger(audit_service_pb2.GetLedgerRequest())
    signer = signer_of("clinic", UUID(ledger.ledger_id), clinic.certificate.read_bytes())
    details = emergency_service_pb2.CardDetails(
        nhs_number=person.NHS_NUMBER, birth_date=person.BIRTH_DATE, family_name=person.FAMILY
    )
    for asked in (
        emergency_service_pb2.OpenCardRequest(client_reference=person.REFERENCES["clinic"]),
        emergency_service_pb2.OpenCardRequest(details=details),
    ):
        asked.reason = emergency_service_pb2.CARD_REASON_ILLNESS_OR_INJURY
        answer = await EmergencyServiceStub(channels["clinic"]).OpenCard(
            asked, metadata=signer.metadata(NURSE, asked)
        )
        assert [card.lines.medicines for card in answer.cards] == [person.MEDICINES]
