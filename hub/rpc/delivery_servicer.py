"""DeliveryService: what an agency's own system should hold, one step of the difference at a time."""

from datetime import timedelta
from uuid import UUID

from hub.rpc import elements, translate
from hub.rpc.answering import Servicer
from hub.rpc.dispatch import Call
from hub.rpc.receipts import verified
from hub.use_cases import deliver
from hub.use_cases.reconcile import Reported, reconcile_holdings
from oncetold.v1 import delivery_service_pb2 as messages


class DeliveryServicer(Servicer):
    """Fetching, acknowledging, receipts, and reconciling what is held."""

    async def FetchDeliveries(self, request: messages.FetchDeliveriesRequest, call: Call) -> bytes:
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
        rest = messages.FetchDeliveriesResponse(access=self.position(batch.access), more=batch.more)
        return elements.deliveries(batch.sendings, batch.feed) + rest.SerializeToString(deterministic=True)

    async def ReconcileHoldings(
        self, request: messages.ReconcileHoldingsRequest, call: Call
    ) -> messages.ReconcileHoldingsResponse:
        def written(reconciled: tuple[int, int, int]) -> messages.ReconcileHoldingsResponse:
            epoch, acknowledge, access = reconciled
            return messages.ReconcileHoldingsResponse(
                epoch=epoch, acknowledge=acknowledge, access=self.position(access)
            )

        return await self.once(
            call,
            request,
            written,
            reconcile_holdings,
            feed_id=translate.uuid(request, "feed_id"),
            holdings=[
                Reported(UUID(holding.fragment_id), holding.etag, holding.client_reference)
                for holding in request.holdings
            ],
            page=request.page,
            last_page=request.last_page,
            bookmark=request.bookmark,
        )
