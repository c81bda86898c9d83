"""OperatorService: what the operator does to the hub itself."""

from hub.rpc.answering import Servicer
from hub.rpc.dispatch import Call
from hub.use_cases.clock import accept_clock
from hub.use_cases.keys import rotate_keys
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
        progress = await rotate_keys(self._hub, call.caller, force=request.force)
        answer = messages.RotateKeysResponse(remaining=progress.remaining)
        if progress.gone_at is not None:
            answer.gone_time.FromDatetime(progress.gone_at)
            self._hub.to_erase.set()
        return answer
