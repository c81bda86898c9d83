"""What an agency asks of the ErasureService, and what the operator does."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from consent_ledger.ledger import Transaction
from hub.rpc.authentication import ACTING_AGENCY
from hub.use_cases.erasure_completion import complete_what_is_gone
from oncetold.v1 import agency_service_pb2
from oncetold.v1 import erasure_service_pb2 as messages
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from oncetold.v1.erasure_service_pb2_grpc import ErasureServiceStub
from tests.integration.loopback import operator_channel
from tests.twins.choices import category
from tests.twins.desk import Desk
from tests.twins.stage import Stage


def scope(reference: str, part: str) -> messages.ErasureScope:
    """`part` is `everything`, `client`, a category in capitals, or a record's own id."""
    if part == "everything":
        return messages.ErasureScope(client_reference=reference, registration=True)
    if part == "client":
        return messages.ErasureScope(client_reference=reference, client=True)
    if part.isupper():
        return messages.ErasureScope(client_reference=reference, category=category(part))
    return messages.ErasureScope(client_reference=reference, record_id=part)


def erase_request(
    world: Stage, reference: str, part: str, ground: str = "CONSENT_WITHDRAWN"
) -> messages.EraseRequest:
    return messages.EraseRequest(
        request_id=world.request_id(),
        scope=scope(reference, part),
        ground=messages.ErasureGround.Value(f"ERASURE_GROUND_{ground}"),
    )


async def erase(desk: Desk, reference: str, part: str, **why: str) -> messages.EraseResponse:
    request = erase_request(desk.stage, reference, part, **why)
    answer: messages.EraseResponse = await desk.ask("ErasureService/Erase", request, messages.EraseResponse)
    return answer


async def erase_client(world: Stage, desk: Desk, reference: str) -> messages.EraseResponse:
    """The operator, for everything that any linked agency recorded."""
    async with operator_channel(world.site) as channel:
        answer: messages.EraseResponse = await ErasureServiceStub(channel).Erase(
            erase_request(world, reference, "client"), metadata=((ACTING_AGENCY, desk.agency_id),)
        )
    return answer


async def hold(
    desk: Desk, reference: str, part: str, ground: str = "LEGAL_CLAIMS", review: datetime | None = None
) -> str:
    """Places a hold; its id."""
    request = messages.PlaceHoldRequest(
        request_id=desk.stage.request_id(),
        scope=scope(reference, part),
        ground=messages.HoldGround.Value(f"HOLD_GROUND_{ground}"),
    )
    request.review_time.FromDatetime(review or desk.stage.clock.now() + timedelta(days=90))
    answer = await desk.ask("ErasureService/PlaceHold", request, messages.PlaceHoldResponse)
    return str(answer.hold_id)


async def lift(desk: Desk, hold_id: str) -> Any:
    request = messages.LiftHoldRequest(request_id=desk.stage.request_id(), hold_id=hold_id)
    return await desk.ask("ErasureService/LiftHold", request, messages.LiftHoldResponse)


async def erasures(desk: Desk) -> messages.ListErasuresResponse:
    answer: messages.ListErasuresResponse = await desk.ask(
        "ErasureService/ListErasures", messages.ListErasuresRequest(), messages.ListErasuresResponse
    )
    return answer


async def certificate(desk: Desk, erasure_id: str) -> messages.GetErasureCertificateResponse:
    answer: messages.GetErasureCertificateResponse = await desk.ask(
        "ErasureService/GetErasureCertificate",
        messages.GetErasureCertificateRequest(erasure_id=erasure_id),
        messages.GetErasureCertificateResponse,
    )
    return answer


async def due(desk: Desk, days: int = 0) -> list[messages.DueForErasure]:
    answer = await desk.ask(
        "ErasureService/ListDueForErasure",
        messages.ListDueForErasureRequest(days=days),
        messages.ListDueForErasureResponse,
    )
    return list(answer.due)


async def depart(desk: Desk, copies: str = "ERASED", records: str = "KEPT") -> Any:
    """The agency says itself that it leaves."""
    request = depart_request(desk, copies, records)
    return await desk.ask("AgencyService/DepartAgency", request, agency_service_pb2.DepartAgencyResponse)


def depart_request(desk: Desk, copies: str, records: str) -> agency_service_pb2.DepartAgencyRequest:
    return agency_service_pb2.DepartAgencyRequest(
        request_id=desk.stage.request_id(),
        agency_id=desk.agency_id,
        copies=agency_service_pb2.DepartedCopies.Value(f"DEPARTED_COPIES_{copies}"),
        records=agency_service_pb2.DepartedRecords.Value(f"DEPARTED_RECORDS_{records}"),
        attested_by="manager-1",
    )


async def depart_by_operator(world: Stage, desk: Desk, copies: str, records: str) -> int:
    """The operator says it; the entry's position."""
    async with operator_channel(world.site) as channel:
        answer = await AgencyServiceStub(channel).DepartAgency(depart_request(desk, copies, records))
    return int(answer.position.index)


async def end_epoch(world: Stage) -> None:
    """The key epoch ends: what was erased in it is beyond recovery, and the ledger says so.

    When that is, the keys' provider says by the machine's time, to which this world's is brought.
    """
    await asyncio.wrap_future(world.hub.ledger.submit(_begin))
    while await asyncio.wrap_future(world.hub.ledger.submit(_step)):
        pass
    behind = datetime.now(UTC) + timedelta(minutes=1) - world.clock.now()
    if behind > timedelta(0):
        world.clock.advance(behind)
    await complete_what_is_gone(world.hub)


def _begin(transaction: Transaction) -> int:
    return transaction.epochs.advance(force=True).remaining


def _step(transaction: Transaction) -> int:
    return transaction.epochs.advance().remaining


def within(world: Stage, question: Any) -> Any:
    """Asks the hub's projections, caught up."""
    return world.hub.look(question)


def registration_of(world: Stage, agency_id: str, reference: str) -> UUID:
    """The id behind a reference: nobody outside learns it."""
    found: list[UUID] = world.hub.projector.index.by_reference[agency_id, reference]
    return found[-1]
