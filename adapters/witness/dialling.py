"""The witness without a port: asks the hub for a checkpoint, cosigns it, hands the line over."""

import time
from collections.abc import Callable

from google.protobuf.duration_pb2 import Duration

from adapters.kit.backoff import Backoff
from adapters.kit.client import Hub
from adapters.kit.errors import HubRefused, ProofRefused
from adapters.kit.log_watcher import compared
from adapters.kit.notes import VerifierKey
from adapters.kit.proofs import Checkpoint
from adapters.witness.signer import Witness
from oncetold.v1.log_service_pb2 import GetCheckpointRequest
from oncetold.v1.witness_service_pb2 import AddCosignatureRequest, AwaitCheckpointRequest

WAIT_SECONDS = 20
EVERY_SECONDS = 45.0
"""A ledger in which nothing happens is cosigned again so often: the hub sees that the witness is there, and
readers that nothing newer was held back from it."""
SHORTEST_WAIT = 1.0


class Dialling:
    """Cosigns one ledger's checkpoints for as long as `run` runs."""

    def __init__(
        self,
        hub: Hub,
        witness: Witness,
        ledger: VerifierKey,
        *,
        backoff: Backoff | None = None,
        on_pause: Callable[[Exception], None] = lambda _: None,
        monotonic: Callable[[], float] = time.monotonic,
        between: Callable[[], None] = lambda: None,
    ) -> None:
        """`between` is called before each look in `run`; what it raises goes on."""
        self._hub = hub
        self._witness = witness
        self._ledger = ledger
        self._backoff = backoff or Backoff(attempts=None)
        self._on_pause = on_pause
        self._monotonic = monotonic
        self._between = between
        self._handed: float | None = None
        self.cosigned = 0

    def run(self) -> None:
        """Until Ctrl-C (KeyboardInterrupt goes on). LogMisbehaved when the ledger contradicts itself:
        nothing more is signed then. Whatever passes by itself is waited out; other refusals go on."""
        while True:
            self._between()
            began = self._monotonic()
            if not self._backoff.call(self.step, on_pause=self._on_pause):
                # A hub that does not wait is still asked no more than once a second.
                time.sleep(max(0.0, SHORTEST_WAIT - (self._monotonic() - began)))

    def step(self, wait_seconds: int = WAIT_SECONDS) -> bool:
        """Cosigns the next checkpoint, or the last one once more when that is due; False for neither."""
        if self._handed is None:
            # A cosignature may have been kept and never arrived: the hub takes it again.
            self._hand_again()
        last = self._witness.latest(self._ledger.name)
        old_size = 0 if last is None else last.size
        request = AwaitCheckpointRequest(old_size=old_size, wait=Duration(seconds=wait_seconds))
        try:
            answer = self._hub.await_checkpoint(request)
        except HubRefused as refusal:
            if refusal.reason == "BEYOND_LEDGER" and last is not None:
                self._look_into(last)
            raise
        if not answer.checkpoint:
            due = self._handed is None or self._monotonic() - self._handed >= EVERY_SECONDS
            return due and self._hand_again()
        try:
            line = self._witness.cosign(answer.checkpoint, old_size, answer.consistency_proof)
        except ProofRefused as refusal:
            if refusal.reason == "CONSISTENCY" and last is not None:
                self._look_into(last)
            raise
        self._hand(self._witness.known(answer.checkpoint).size, str(line))
        return True

    def _hand_again(self) -> bool:
        signed = self._witness.again(self._ledger.name)
        if signed is None:
            return False
        checkpoint, line = signed
        try:
            self._hand(checkpoint.size, str(line))
        except HubRefused as refusal:
            if refusal.reason in ("BEYOND_LEDGER", "BAD_COSIGNATURE"):
                self._look_into(checkpoint)
            raise
        return True

    def _hand(self, size: int, line: str) -> None:
        self._hub.add_cosignature(AddCosignatureRequest(size=size, cosignature=f"{line}\n".encode()))
        self._handed = self._monotonic()
        self.cosigned += 1

    def _look_into(self, last: Checkpoint) -> None:
        """What we signed, the hub does not have. LogMisbehaved if its ledger is another than it was."""
        shown = self._witness.known(self._hub.checkpoint(GetCheckpointRequest()).checkpoint)
        found, proof = compared(self._hub, last, shown)
        if found is not None:
            raise self._witness.evidence.keep(found, last, shown, proof)
