"""LogService: the ledger's checkpoints, proofs and published entries, for anybody the door lets in."""

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from hub.rpc import translate
from hub.rpc.answering import Servicer
from hub.rpc.dispatch import CALL_SECONDS, Call
from oncetold.v1 import log_service_pb2 as messages

_LONGEST_WAIT = timedelta(seconds=CALL_SECONDS - 2)
"""So that a wait ends in its own answer, and not because the call does."""


class LogServicer(Servicer):
    """What the use case gives, as messages."""

    async def GetCheckpoint(
        self, request: messages.GetCheckpointRequest, call: Call
    ) -> messages.GetCheckpointResponse:
        shown = await self._hub.log.checkpoint(
            request.min_size, _wait(request.wait), cosigned=request.cosigned
        )
        return messages.GetCheckpointResponse(checkpoint=shown.note, size=shown.checkpoint.size)

    async def GetInclusionProof(
        self, request: messages.GetInclusionProofRequest, call: Call
    ) -> messages.GetInclusionProofResponse:
        proof, entry = await self._hub.log.inclusion_proof(
            translate.uuid(request.position, "ledger_id"),
            request.position.index,
            _wait(request.wait),
            cosigned=request.cosigned,
        )
        return messages.GetInclusionProofResponse(proof=proof, entry=entry)

    async def GetConsistencyProof(
        self, request: messages.GetConsistencyProofRequest, call: Call
    ) -> messages.GetConsistencyProofResponse:
        hashes, new_size = await self._hub.log.consistency_proof(request.old_size, request.new_size)
        return messages.GetConsistencyProofResponse(hashes=hashes, new_size=new_size)

    async def ListEntries(
        self, request: messages.ListEntriesRequest, call: Call
    ) -> messages.ListEntriesResponse:
        return messages.ListEntriesResponse(entries=await self._hub.log.entries(request.first, request.limit))


def _wait(asked: Duration) -> timedelta:
    return min(timedelta(microseconds=asked.ToMicroseconds()), _LONGEST_WAIT)
