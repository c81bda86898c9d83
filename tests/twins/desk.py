"""An agency at its desk: every call it makes and, byte for byte, everything it gets to see."""

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import grpc
import pytest

from adapters.kit.receipts import ReceiptSigner
from adapters.kit.sink import PendingReceipt
from hub import pki
from oncetold.v1 import (
    agency_service_pb2,
    audit_service_pb2,
    common_pb2,
    consent_service_pb2,
    delivery_service_pb2,
    record_service_pb2,
    records_pb2,
    registration_service_pb2,
    task_service_pb2,
)
from tests.integration.loopback import refusal
from tests.staff import relate
from tests.twins.choices import Choices

if TYPE_CHECKING:
    from tests.twins.stage import Stage


@dataclass(frozen=True, slots=True)
class Seen:
    """One call as the agency saw it: what it asked, what it was told, by how much the ledger grew."""

    method: str
    asked: bytes
    answered: bytes
    error: tuple[str, str, tuple[tuple[str, bytes | str], ...]] | None
    grew: int
    woken: bool = False


@dataclass
class Desk(Choices):
    """One agency with its certificate, its feed and its own store."""

    agency_id: str
    service_type: Any
    feed_id: str
    channel: grpc.aio.Channel
    credentials: pki.Credentials
    stage: "Stage"
    seen: list[Seen] = field(default_factory=list)
    store: dict[str, delivery_service_pb2.Element] = field(default_factory=dict)
    retracted: list[delivery_service_pb2.Delivery] = field(default_factory=list)
    bookmark: int = 0
    epoch: int = 1
    receipts: list[delivery_service_pb2.RetractionReceipt] = field(default_factory=list)
    nobodys: set[str] = field(default_factory=set)
    """References of which nobody has said yet that the agency's navigator works with them."""

    async def ask(
        self,
        method: str,
        request: Any,
        answer: Any,
        *,
        woken: bool = False,
        metadata: tuple[tuple[str, str], ...] = (),
    ) -> Any:
        """Calls `Service/Method`, writes down what was seen, and answers or raises as gRPC does."""
        call: Any = self.channel.unary_unary(
            f"/oncetold.v1.{method}",
            request_serializer=lambda message: message.SerializeToString(deterministic=True),
            response_deserializer=bytes,
        )
        asked = request.SerializeToString(deterministic=True)
        before = await self.stage.size()
        try:
            answered = await call(request, metadata=metadata)
        except grpc.aio.AioRpcError as failure:
            error = (
                str(failure.code()),
                failure.details() or "",
                tuple((str(key), value) for key, value in failure.trailing_metadata() or ()),
            )
            grew = await self.stage.size() - before
            self.seen.append(Seen(method, asked, b"", error, grew, woken))
            raise
        grew = await self.stage.size() - before
        self.seen.append(Seen(method, asked, answered, None, grew, woken))
        return answer.FromString(answered)

    # -- people -------------------------------------------------------------------------------------

    async def register(self, reference: str, **details: str) -> Any:
        """Registers a person under the agency's own reference, with details to match by if given."""
        request = registration_service_pb2.RegisterClientRequest(
            request_id=self.stage.request_id(), client_reference=reference
        )
        if details:
            request.matching_details.CopyFrom(registration_service_pb2.MatchingDetails(**details))
        answer = await self.ask(
            "RegistrationService/RegisterClient", request, registration_service_pb2.RegisterClientResponse
        )
        self.nobodys.add(reference)
        return answer

    async def link(self, reference: str, other: "Desk", theirs: str) -> str:
        """Both sides say that it is one person; the link's id."""
        messages = registration_service_pb2
        made = await self.ask(
            "RegistrationService/CreateLinkToken",
            messages.CreateLinkTokenRequest(request_id=self.stage.request_id(), client_reference=reference),
            messages.CreateLinkTokenResponse,
        )
        await other.ask(
            "RegistrationService/RedeemLinkToken",
            messages.RedeemLinkTokenRequest(
                request_id=self.stage.request_id(), client_reference=theirs, token=made.token
            ),
            messages.RedeemLinkTokenResponse,
        )
        await self.confirm(made.link_id)
        return str(made.link_id)

    async def confirm(self, link_id: str) -> Any:
        messages = registration_service_pb2
        return await self.ask(
            "RegistrationService/ConfirmLink",
            messages.ConfirmLinkRequest(request_id=self.stage.request_id(), link_id=link_id),
            messages.ConfirmLinkResponse,
        )

    async def unlink(self, link_id: str) -> Any:
        messages = registration_service_pb2
        return await self.ask(
            "RegistrationService/UndoLink",
            messages.UndoLinkRequest(request_id=self.stage.request_id(), link_id=link_id),
            messages.UndoLinkResponse,
        )

    async def say_involved(self, reference: str, agency_id: str, ground: str = "REFERRAL") -> Any:
        """Says that an agency works with the person."""
        messages = registration_service_pb2
        request = messages.OpenInvolvementRequest(
            request_id=self.stage.request_id(),
            client_reference=reference,
            agency_id=agency_id,
            ground=messages.InvolvementGround.Value(f"INVOLVEMENT_GROUND_{ground}"),
        )
        return await self.ask(
            "RegistrationService/OpenInvolvement", request, messages.OpenInvolvementResponse
        )

    # -- records ------------------------------------------------------------------------------------

    async def publish(
        self,
        reference: str,
        record_id: str,
        *,
        revision: int = 1,
        occurred: datetime | None = None,
        review_by: datetime | None = None,
        others: Iterable[record_service_pb2.OtherSubject] = (),
        **content: Any,
    ) -> Any:
        """Publishes one record, e.g. `contact=Contact(...)`; without content its author takes it back."""
        record = record_service_pb2.Record(
            record_id=record_id,
            revision=revision,
            client_reference=reference,
            service_type=self.service_type,
            source_system="case-book",
            other_subjects=others,
        )
        record.occurred_time.FromDatetime(occurred or self.stage.clock.now() - timedelta(hours=2))
        if review_by is not None:
            record.review_by_time.FromDatetime(review_by)
        if content:
            record.content.CopyFrom(records_pb2.RecordContent(**content))
        return await self.ask(
            "RecordService/PublishRecords",
            record_service_pb2.PublishRecordsRequest(request_id=self.stage.request_id(), records=[record]),
            record_service_pb2.PublishRecordsResponse,
        )

    async def history(self, reference: str) -> record_service_pb2.GetHistoryResponse:
        """The live view of one person, by the agency's navigator, who works with everybody."""
        if reference in self.nobodys:
            self.nobodys.remove(reference)
            await relate(self.channel, reference, request_id=self.stage.request_id)
        answer: record_service_pb2.GetHistoryResponse = await self.ask(
            "RecordService/GetHistory",
            record_service_pb2.GetHistoryRequest(feed_id=self.feed_id, client_reference=reference),
            record_service_pb2.GetHistoryResponse,
        )
        return answer

    async def close(self, reference: str, reason: str = "CASE_CLOSED") -> Any:
        """Ends the agency's work with the person, or takes the registration back."""
        messages = registration_service_pb2
        request = messages.CloseRegistrationRequest(
            request_id=self.stage.request_id(),
            client_reference=reference,
            reason=messages.ClosingReason.Value(f"CLOSING_REASON_{reason}"),
        )
        return await self.ask(
            "RegistrationService/CloseRegistration", request, messages.CloseRegistrationResponse
        )

    async def status(self, reference: str, status: str) -> Any:
        """Records a fact about the person that changes what may be shared."""
        request = consent_service_pb2.RecordStatusRequest(
            request_id=self.stage.request_id(),
            client_reference=reference,
            status=consent_service_pb2.PersonStatus.Value(f"PERSON_STATUS_{status}"),
        )
        return await self.ask(
            "ConsentService/RecordStatus", request, consent_service_pb2.RecordStatusResponse
        )

    async def list_disclosures(self, reference: str) -> audit_service_pb2.ListDisclosuresResponse:
        answer: audit_service_pb2.ListDisclosuresResponse = await self.ask(
            "AuditService/ListDisclosures",
            audit_service_pb2.ListDisclosuresRequest(client_reference=reference),
            audit_service_pb2.ListDisclosuresResponse,
        )
        return answer

    async def explain(self, record_id: str, to: str) -> audit_service_pb2.ExplainDecisionResponse:
        answer: audit_service_pb2.ExplainDecisionResponse = await self.ask(
            "AuditService/ExplainDecision",
            audit_service_pb2.ExplainDecisionRequest(
                record_id=record_id, recipient_agency_id=to, purpose=common_pb2.PURPOSE_DIRECT_SUPPORT
            ),
            audit_service_pb2.ExplainDecisionResponse,
        )
        return answer

    async def refused(self, call: Any) -> str:
        """Awaits a call that has to be refused; what it was told is written down like any answer."""
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call
        return refusal(failure.value)[1]

    def waiting(self, seconds: float) -> "Waiting":
        """A fetch that waits while other things happen."""
        return Waiting(self, seconds)

    # -- tasks --------------------------------------------------------------------------------------

    async def appoint(self, post: str, staff: str, telephone: str) -> Any:
        """Says who holds a post at the agency."""
        request = agency_service_pb2.AppointPostRequest(
            request_id=self.stage.request_id(), agency_id=self.agency_id
        )
        request.post.kind = agency_service_pb2.PostKind.Value(f"POST_KIND_{post}")
        request.post.staff_reference, request.post.telephone = staff, telephone
        return await self.ask("AgencyService/AppointPost", request, agency_service_pb2.AppointPostResponse)

    async def tasks(self, reference: str = "") -> list[task_service_pb2.Task]:
        """What somebody has to look at, the most urgent first."""
        answer: task_service_pb2.ListTasksResponse = await self.ask(
            "TaskService/ListTasks",
            task_service_pb2.ListTasksRequest(client_reference=reference),
            task_service_pb2.ListTasksResponse,
        )
        return list(answer.tasks)

    async def complete(self, task_id: str, outcome: str, staff: str = "k-7", **of_a_breach: Any) -> Any:
        """Says what came of a task."""
        request = task_service_pb2.CompleteTaskRequest(
            request_id=self.stage.request_id(),
            task_id=task_id,
            outcome=task_service_pb2.TaskOutcome.Value(f"TASK_OUTCOME_{outcome}"),
            staff_reference=staff,
        )
        if of_a_breach:
            request.breach.CopyFrom(task_service_pb2.BreachAnswer(**of_a_breach))
        return await self.ask("TaskService/CompleteTask", request, task_service_pb2.CompleteTaskResponse)

    # -- deliveries ---------------------------------------------------------------------------------

    async def fetch(
        self, *, max_items: int = 64, wait: float = 0, lose: bool = False
    ) -> list[delivery_service_pb2.Delivery]:
        """Fetches once and applies what comes; `lose`: the answer never arrives."""
        request = delivery_service_pb2.FetchDeliveriesRequest(
            feed_id=self.feed_id,
            epoch=self.epoch,
            acknowledge=self.bookmark,
            receipts=self.receipts,
            max_items=max_items,
        )
        request.wait.FromMilliseconds(int(wait * 1000))
        began = asyncio.get_running_loop().time()
        answer = await self.ask(
            "DeliveryService/FetchDeliveries", request, delivery_service_pb2.FetchDeliveriesResponse
        )
        if wait and asyncio.get_running_loop().time() - began < wait * 0.8:
            self.seen[-1] = Seen(**{**_fields(self.seen[-1]), "woken": True})
        if not lose:
            self.receipts = []
            for delivery in answer.deliveries:
                self._apply(delivery)
        return list(answer.deliveries)

    async def drain(self, *, max_items: int = 64) -> list[delivery_service_pb2.Delivery]:
        """Fetches until nothing comes and everything is acknowledged."""
        every: list[delivery_service_pb2.Delivery] = []
        while came := await self.fetch(max_items=max_items):
            every += came
        if self.receipts:
            await self.fetch()
        return every

    def _apply(self, delivery: delivery_service_pb2.Delivery) -> None:
        assert delivery.sequence > self.bookmark, "a number is never used twice"
        self.bookmark = delivery.sequence
        match delivery.WhichOneof("step"):
            case "disclose":
                self.store[delivery.disclose.fragment_id] = delivery.disclose
            case "correct" if delivery.correct.HasField("replacement"):
                self.store[delivery.correct.fragment_id] = delivery.correct.replacement
            case "correct":
                self.store[delivery.correct.fragment_id].terms.CopyFrom(delivery.correct.terms)
            case _:
                self.store.pop(delivery.retract.fragment_id, None)
                self.retracted.append(delivery)
                self.receipts.append(self._receipt(delivery))

    def _receipt(self, delivery: delivery_service_pb2.Delivery) -> delivery_service_pb2.RetractionReceipt:
        """What the agency signs once the copy is gone."""
        statement = delivery_service_pb2.RetractionStatement(
            feed_id=self.feed_id,
            epoch=self.epoch,
            sequence=delivery.sequence,
            fragment_id=delivery.retract.fragment_id,
            delivery_sha256=hashlib.sha256(delivery.SerializeToString(deterministic=True)).digest(),
            outcome=delivery_service_pb2.RETRACTION_OUTCOME_ERASED,
            looked_at=["live-rows", "no-version-history", "no-search-index", "no-backups"],
        )
        statement.done_time.FromDatetime(self.stage.clock.now())
        pending = PendingReceipt(
            self.epoch, delivery.sequence, statement.SerializeToString(deterministic=True)
        )
        return ReceiptSigner.from_file(self.credentials.key).sign(pending)

    async def feed_status(self) -> audit_service_pb2.GetFeedStatusResponse:
        answer: audit_service_pb2.GetFeedStatusResponse = await self.ask(
            "AuditService/GetFeedStatus",
            audit_service_pb2.GetFeedStatusRequest(feed_id=self.feed_id),
            audit_service_pb2.GetFeedStatusResponse,
        )
        return answer


class Waiting:
    """A fetch under way: `begun` once the hub has it, `answer` when it comes back."""

    def __init__(self, desk: Desk, seconds: float) -> None:
        self._feed = UUID(desk.feed_id)
        self._hub = desk.stage.hub
        self.answer = asyncio.ensure_future(desk.fetch(wait=seconds))

    @property
    def begun(self) -> Any:
        return self._wait()

    async def _wait(self) -> None:
        while self._feed not in self._hub.fetching:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)


def _fields(seen: Seen) -> dict[str, Any]:
    return {name: getattr(seen, name) for name in Seen.__slots__}
