"""An emergency card at an agency's desk, and the night desk of a hospital that opens it."""

from typing import Any

from adapters.kit.assertions import Who
from hub.rpc.authentication import ACTING_AGENCY
from oncetold.v1 import emergency_service_pb2 as messages
from oncetold.v1 import registration_service_pb2
from oncetold.v1.staff_service_pb2_grpc import StaffServiceStub
from tests.integration.loopback import operator_channel
from tests.staff import giving, signer_of
from tests.twins.desk import Desk

NIGHT_NURSE = Who("er-nurse-3", "EMERGENCY_DESK", "EMERGENCY")
LINES = messages.CardLines(
    medicines="Methadone 60 ml every day, from the pharmacy",
    allergies="Penicillin",
    overdose_or_self_harm="Overdosed twice; carries naloxone",
    who_to_ring="Ada at the outreach team",
    how_to_approach="Sit down first, tell me what you do",
)
DETAILS = {"nhs_number": "9434765919", "birth_date": "1988-04-17", "family_name": "Ashdown"}
NUMBER = "01632 960199"


async def agree(
    desk: Desk, reference: str, lines: messages.CardLines = LINES, *, asked_alone: bool = True
) -> Any:
    """The client agrees to a card at the agency's desk."""
    request = messages.AgreeCardRequest(
        request_id=desk.stage.request_id(), client_reference=reference, lines=lines, asked_alone=asked_alone
    )
    request.agreed_time.FromDatetime(desk.stage.clock.now())
    return await desk.ask("EmergencyService/AgreeCard", request, messages.AgreeCardResponse)


async def end(desk: Desk, reference: str) -> Any:
    """The client wants it opened no more."""
    request = messages.EndCardRequest(request_id=desk.stage.request_id(), client_reference=reference)
    return await desk.ask("EmergencyService/EndCard", request, messages.EndCardResponse)


async def on_duty(desk: Desk, who: Who = NIGHT_NURSE) -> None:
    """The agency gives one of its staff a role."""
    async with operator_channel(desk.stage.site) as channel:
        await StaffServiceStub(channel).GiveRole(
            giving(desk.stage.request_id(), who), metadata=((ACTING_AGENCY, desk.agency_id),)
        )


async def open_card(
    desk: Desk,
    reference: str = "",
    *,
    details: dict[str, str] | None = None,
    reason: str = "OVERDOSE_OR_COLLAPSE",
    who: Who | None = NIGHT_NURSE,
) -> messages.OpenCardResponse:
    """One worker, one reason: by the desk's own reference, or by what is known of the person."""
    request = messages.OpenCardRequest(reason=messages.CardReason.Value(f"CARD_REASON_{reason}"))
    if details:
        request.details.CopyFrom(messages.CardDetails(**details))
    else:
        request.client_reference = reference
    metadata: tuple[tuple[str, str], ...] = (("oncetold-assertion", ""),)
    if who is not None:
        stage = desk.stage
        signer = signer_of(
            desk.agency_id,
            stage.hub.ledger.ledger_id,
            desk.credentials.certificate.read_bytes(),
            stage.clock.now,
        )
        metadata = signer.metadata(who, request)
    answer: messages.OpenCardResponse = await desk.ask(
        "EmergencyService/OpenCard", request, messages.OpenCardResponse, metadata=metadata
    )
    return answer


async def openings(desk: Desk, reference: str = "") -> list[messages.CardOpening]:
    """Who opened what, for whoever reviews it."""
    answer = await desk.ask(
        "EmergencyService/ListCardOpenings",
        messages.ListCardOpeningsRequest(client_reference=reference),
        messages.ListCardOpeningsResponse,
    )
    return list(answer.openings)


async def propose_link(desk: Desk, reference: str, other: Desk, theirs: str) -> str:
    """One side made a token and the other redeemed it; nobody has confirmed it."""
    offered = await desk.ask(
        "RegistrationService/CreateLinkToken",
        registration_service_pb2.CreateLinkTokenRequest(
            request_id=desk.stage.request_id(), client_reference=reference
        ),
        registration_service_pb2.CreateLinkTokenResponse,
    )
    await other.ask(
        "RegistrationService/RedeemLinkToken",
        registration_service_pb2.RedeemLinkTokenRequest(
            request_id=desk.stage.request_id(), client_reference=theirs, token=offered.token
        ),
        registration_service_pb2.RedeemLinkTokenResponse,
    )
    return str(offered.link_id)
