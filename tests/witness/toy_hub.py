"""A hub that shows whatever log it is given: honest, cut back, altered, or another to each."""

from adapters.kit.client import Hub
from adapters.kit.errors import HubRefused
from adapters.kit.notes import SignatureLine, VerifierKey
from oncetold.v1.log_service_pb2 import (
    GetCheckpointRequest,
    GetCheckpointResponse,
    GetConsistencyProofRequest,
    GetConsistencyProofResponse,
    GetInclusionProofRequest,
    GetInclusionProofResponse,
)
from oncetold.v1.witness_service_pb2 import (
    AddCosignatureRequest,
    AddCosignatureResponse,
    AwaitCheckpointRequest,
    AwaitCheckpointResponse,
)
from tests.unit.adapters.merkle import ToyLog


def refused(reason: str) -> HubRefused:
    return HubRefused(reason, {}, "", retryable=False)


class ToyHub(Hub):
    """The calls that are about the log, answered in this process. `log` may be exchanged at any time."""

    def __init__(self, log: ToyLog, authorised: VerifierKey | None = None) -> None:
        self.log = log
        self.authorised = authorised
        self.cosigned: list[tuple[int, int]] = []
        """Size, and the time that the witness stated."""
        self.forged: list[bytes] | None = None
        """Given instead of a proof of consistency."""

    def checkpoint(self, request: GetCheckpointRequest) -> GetCheckpointResponse:
        return GetCheckpointResponse(checkpoint=self.log.checkpoint(), size=len(self.log.entries))

    def inclusion_proof(self, request: GetInclusionProofRequest) -> GetInclusionProofResponse:
        index = request.position.index
        return GetInclusionProofResponse(proof=self.log.proof(index), entry=self.log.entries[index - 1])

    def consistency_proof(self, request: GetConsistencyProofRequest) -> GetConsistencyProofResponse:
        if request.new_size > len(self.log.entries):
            raise refused("BEYOND_LEDGER")
        return GetConsistencyProofResponse(
            hashes=self._proof(request.old_size, request.new_size), new_size=request.new_size
        )

    def await_checkpoint(self, request: AwaitCheckpointRequest) -> AwaitCheckpointResponse:
        size = len(self.log.entries)
        if request.old_size > size:
            raise refused("BEYOND_LEDGER")
        if request.old_size == size:
            return AwaitCheckpointResponse()
        return AwaitCheckpointResponse(
            checkpoint=self.log.checkpoint(), consistency_proof=self._proof(request.old_size, size)
        )

    def add_cosignature(self, request: AddCosignatureRequest) -> AddCosignatureResponse:
        if request.size > len(self.log.entries):
            raise refused("BEYOND_LEDGER")
        line = SignatureLine.parse(request.cosignature.decode().removesuffix("\n"))
        signed_at = (
            self.authorised.verifies(self.log.text(request.size).encode(), line.signature)
            if self.authorised is not None
            else None
        )
        if signed_at is None:
            raise refused("BAD_COSIGNATURE")
        self.cosigned.append((request.size, signed_at))
        return AddCosignatureResponse()

    def _proof(self, old: int, new: int) -> list[bytes]:
        return self.log.consistency(old, new) if self.forged is None else self.forged
