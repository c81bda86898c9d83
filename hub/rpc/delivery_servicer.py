"""DeliveryService: what an agency's own system should hold, one step of the difference at a time."""

from datetime import timedelta

from hub.rpc import translate
from hub.rpc.answering import Servicer
from hub.rpc.dispatch import Call
from hub.rpc.elements import delivery
from hub.rpc.receipts import verified
from hub.use_cases import deliver
from oncetold.v1 import delivery_service_pb2 as messages


class DeliveryServicer(Servicer):
    """Fetching, acknowledging, receipts, and reconciling what is held."""

    async def FetchDeliveries(
        self, request: messages.FetchDeliveriesRequest, call: Call
    ) -> messages.FetchDeliveriesResponse:
        now = self._hub.ledger.clock.now()
        batch = await deliver.fetch_deliveries(
            self._hub,
            call.caller,
            feed_id=translate.uuid(request, "feed_id"),
            epoch=request.epoch,
            acknowledge=request.acknowledge,
            receipts=[verified(receipt, call.caller, now) for receipt in request.receipts],
            max_items=request.max_items,
            wait=timedelta(microseconds=request.wait.ToMicroseconds()),
        )
        return messages.FetchDeliveriesResponse(
            deliveries=[delivery(sending) for sending in batch.sendings],
            access=self.position(batch.access),
            more=batch.more,
        )
