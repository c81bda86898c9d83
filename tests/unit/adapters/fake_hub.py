"""A small hub for adapter tests: real gRPC on loopback, one feed, and the contract's rules that an adapter
meets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from oncetold.v1 import delivery_service_pb2 as delivery
from oncetold.v1 import delivery_service_pb2_grpc, record_service_pb2_grpc, registration_service_pb2_grpc
from oncetold.v1 import record_service_pb2 as record
from oncetold.v1 import registration_service_pb2 as registration
from oncetold.v1.common_pb2 import LedgerPosition

FEED = "7f1c1de0-4f0a-4c3b-9d7e-0f6f5b1e2a3c"
CODES = {
    "STALE_REVISION": grpc.StatusCode.ABORTED,
    "FETCH_IN_PROGRESS": grpc.StatusCode.ABORTED,
    "EPOCH_CHANGED": grpc.StatusCode.FAILED_PRECONDITION,
    "UNAVAILABLE": grpc.StatusCode.UNAVAILABLE,
    "REFERENCE_NOT_REGISTERED": grpc.StatusCode.NOT_FOUND,
    "REQUEST_ID_REUSED": grpc.StatusCode.ALREADY_EXISTS,
    "STORAGE_FULL": grpc.StatusCode.RESOURCE_EXHAUSTED,
}


def refuse(context: grpc.ServicerContext, reason: str, **metadata: str) -> None:
    detail = AnyMessage()
    detail.Pack(ErrorInfo(reason=f"ERROR_REASON_{reason}", domain="oncetold.org", metadata=metadata))
    code = CODES.get(reason, grpc.StatusCode.INVALID_ARGUMENT)
    status = Status(code=code.value[0], message="words that an adapter does not show", details=[detail])
    context.abort_with_status(rpc_status.to_status(status))


class FakeHub(
    delivery_service_pb2_grpc.DeliveryServiceServicer,
    record_service_pb2_grpc.RecordServiceServicer,
):
    """Set `before` to a callable to interfere with calls: it gets the method's name and the context."""

    def __init__(self, receipt_key: ec.EllipticCurvePublicKey) -> None:
        self.receipt_key = receipt_key
        self.before: Callable[[str, grpc.ServicerContext], None] = lambda method, context: None
        # deliveries
        self.epoch, self.acknowledged, self.last_sequence = 1, 0, 0
        self.queue: list[delivery.Delivery] = []
        self.on_reconcile: Callable[[list[delivery.Holding]], None] = lambda holdings: None
        self.fetches: list[delivery.FetchDeliveriesRequest] = []
        self.receipts: dict[int, delivery.RetractionStatement] = {}
        self.sent: dict[int, tuple[int, delivery.Delivery]] = {}
        self.pages: list[delivery.ReconcileHoldingsRequest] = []
        # publications
        self.references: set[str] = set()
        self.records: dict[str, list[record.Record]] = {}
        self.answers: dict[str, tuple[bytes, int]] = {}
        self.refused: dict[str, str] = {}
        self.batches: list[record.PublishRecordsRequest] = []
        self.index = 0

    def queue_delivery(self, **step: Any) -> delivery.Delivery:
        self.last_sequence += 1
        item = delivery.Delivery(sequence=self.last_sequence, client_reference="c-1", **step)
        self.queue.append(item)
        return item

    def position(self) -> LedgerPosition:
        self.index += 1
        return LedgerPosition(ledger_id="1b671a64-40d5-491e-99b0-da01ff1f3341", index=self.index)

    def FetchDeliveries(
        self, request: delivery.FetchDeliveriesRequest, context: grpc.ServicerContext
    ) -> delivery.FetchDeliveriesResponse:
        self.before("FetchDeliveries", context)
        self.fetches.append(request)
        if request.epoch != self.epoch or request.acknowledge < self.acknowledged:
            refuse(context, "EPOCH_CHANGED", epoch=str(self.epoch))
        if request.acknowledge > self.last_sequence:
            refuse(context, "NEVER_SENT")
        for receipt in request.receipts:
            self.check_receipt(receipt, context)
        for item in self.queue:
            due = item.sequence <= request.acknowledge and item.HasField("retract")
            if due and item.sequence not in self.receipts:
                refuse(context, "BAD_RECEIPT")
        self.queue = [item for item in self.queue if item.sequence > request.acknowledge]
        self.acknowledged = request.acknowledge
        batch = self.queue[: request.max_items]
        self.sent |= {item.sequence: (self.epoch, item) for item in batch}
        return delivery.FetchDeliveriesResponse(deliveries=batch, access=self.position())

    def check_receipt(self, receipt: delivery.RetractionReceipt, context: grpc.ServicerContext) -> None:
        try:
            self.receipt_key.verify(receipt.signature, receipt.statement, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            refuse(context, "BAD_RECEIPT")
        said = delivery.RetractionStatement.FromString(receipt.statement)
        epoch, item = self.sent.get(receipt.sequence, (0, delivery.Delivery()))
        received = hashlib.sha256(item.SerializeToString()).digest()
        stated = (said.feed_id, said.epoch, said.sequence, said.fragment_id, said.delivery_sha256)
        if stated != (FEED, epoch, item.sequence, item.retract.fragment_id, received):
            refuse(context, "BAD_RECEIPT")
        self.receipts[item.sequence] = said

    def ReconcileHoldings(
        self, request: delivery.ReconcileHoldingsRequest, context: grpc.ServicerContext
    ) -> delivery.ReconcileHoldingsResponse:
        self.before("ReconcileHoldings", context)
        self.pages.append(request)
        if not request.last_page:
            return delivery.ReconcileHoldingsResponse(access=self.position())
        self.epoch += 1
        self.acknowledged = self.last_sequence
        self.queue = []
        self.on_reconcile([held for page in self.pages for held in page.holdings])
        return delivery.ReconcileHoldingsResponse(
            epoch=self.epoch, acknowledge=self.acknowledged, access=self.position()
        )

    def RegisterClient(
        self, request: registration.RegisterClientRequest, context: grpc.ServicerContext
    ) -> registration.RegisterClientResponse:
        self.before("RegisterClient", context)
        self.references.add(request.client_reference)
        return registration.RegisterClientResponse(position=self.position())

    def GetHistory(self, request: record.GetHistoryRequest, context: grpc.ServicerContext) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "an adapter keeps what it is sent")

    def PublishRecords(
        self, request: record.PublishRecordsRequest, context: grpc.ServicerContext
    ) -> record.PublishRecordsResponse:
        self.before("PublishRecords", context)
        self.batches.append(request)
        body = request.SerializeToString(deterministic=True)
        if request.request_id in self.answers:
            if self.answers[request.request_id][0] != body:
                refuse(context, "REQUEST_ID_REUSED")
            return record.PublishRecordsResponse(positions=[self.position() for _ in request.records])
        for one in request.records:
            if one.client_reference not in self.references:
                refuse(context, "REFERENCE_NOT_REGISTERED")
            if one.record_id in self.refused:
                refuse(context, self.refused[one.record_id], field="records.content")
            expected = len(self.records.get(one.record_id, [])) + 1
            if one.revision != expected:
                refuse(context, "STALE_REVISION", expected=str(expected))
        for one in request.records:
            self.records.setdefault(one.record_id, []).append(one)
        self.answers[request.request_id] = (body, len(request.records))
        return record.PublishRecordsResponse(positions=[self.position() for _ in request.records])

    def add_to(self, server: grpc.Server) -> None:
        delivery_service_pb2_grpc.add_DeliveryServiceServicer_to_server(self, server)
        record_service_pb2_grpc.add_RecordServiceServicer_to_server(self, server)
        # An adapter calls one of its methods only.
        registration_service_pb2_grpc.add_RegistrationServiceServicer_to_server(
            _Registrations(self),  # type: ignore[arg-type]
            server,
        )


class _Registrations:
    """Every method of the service exists; only RegisterClient answers."""

    def __init__(self, hub: FakeHub) -> None:
        self.RegisterClient = hub.RegisterClient

    def __getattr__(self, method: str) -> Any:
        return lambda request, context: context.abort(grpc.StatusCode.UNIMPLEMENTED, method)


@contextmanager
def serving(hub: FakeHub, credentials: grpc.ServerCredentials | None = None) -> Iterator[str]:
    """Serves the hub on a free loopback port; answers the address."""
    server = grpc.server(ThreadPoolExecutor(4))
    hub.add_to(server)
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
