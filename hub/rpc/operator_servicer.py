"""OperatorService: what the operator does to the hub itself."""

from uuid import uuid4

from consent_ledger.epochs import Progress
from consent_ledger.ledger import Transaction
from hub.rpc.answering import Servicer
from hub.rpc.dispatch import Call
from hub.use_cases.clock import accept_clock
from hub.use_cases.keys import begin_epoch, rotate_keys
from oncetold.v1 import operator_service_pb2 as messages


class OperatorServicer(Servicer):
    """Answers while the clock is in doubt, when every use case refuses."""

    async def AcceptClock(
        self, request: messages.AcceptClockRequest, call: Call
    ) -> messages.AcceptClockResponse:
        answer = messages.AcceptClockResponse(in_doubt=await accept_clock(self._hub, call.caller))
        answer.hub_time.FromDatetime(self._hub.ledger.clock.now())
        return answer

    async def RotateKeys(
        self, request: messages.RotateKeysRequest, call: Call
    ) -> messages.RotateKeysResponse:
        if request.force and (call.run is not None or await self._hub.look(self._founded)):
            # Which two people want; what was begun the hub goes on with by itself.
            request.request_id = request.request_id or str(uuid4())
            return await self.once(call, request, _left, begin_epoch)
        progress = await rotate_keys(self._hub, call.caller, force=request.force)
        answer = messages.RotateKeysResponse(remaining=progress.remaining)
        if progress.gone_at is not None:
            answer.gone_time.FromDatetime(progress.gone_at)
            self._hub.to_erase.set()
        return answer

    def _founded(self, transaction: Transaction) -> bool:
        return self._hub.projector.index.administration.founded


def _left(progress: Progress) -> messages.RotateKeysResponse:
    return messages.RotateKeysResponse(remaining=progress.remaining)
