"""WitnessService: what a partner agency's witness cosigns, and its cosignatures."""

from datetime import timedelta

from hub.rpc.answering import Servicer
from hub.rpc.dispatch import Call
from oncetold.v1 import witness_service_pb2 as messages


class WitnessServicer(Servicer):
    """What the use case gives, as messages."""

    async def AwaitCheckpoint(
        self, request: messages.AwaitCheckpointRequest, call: Call
    ) -> messages.AwaitCheckpointResponse:
        wait = timedelta(microseconds=request.wait.ToMicroseconds())
        offer = await self._hub.witnesses.await_checkpoint(call.caller, request.old_size, wait)
        if offer is None:
            return messages.AwaitCheckpointResponse()
        return messages.AwaitCheckpointResponse(checkpoint=offer.note, consistency_proof=offer.proof)

    async def AddCosignature(
        self, request: messages.AddCosignatureRequest, call: Call
    ) -> messages.AddCosignatureResponse:
        await self._hub.witnesses.add_cosignature(call.caller, request.size, request.cosignature)
        return messages.AddCosignatureResponse()
