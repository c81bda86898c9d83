"""Keeps an eye on the ledger for an agency that is no witness: does it still hold what it said it held?

The last checkpoint seen lies in a file of its own, so that a hub cannot show one ledger today and another
tomorrow. Where it does, both of its signed statements are kept, and nothing of it is believed any more.
"""

from collections.abc import Sequence
from pathlib import Path

from google.protobuf.duration_pb2 import Duration

from adapters.kit.client import Hub
from adapters.kit.durable import held_alone, read_kept, write_durably
from adapters.kit.errors import HubRefused, ProofRefused, StateUnusable
from adapters.kit.evidence import (
    NOT_CONSISTENT,
    OTHER_BEGINNING,
    RAN_BACK,
    EvidenceFolder,
    contradiction,
)
from adapters.kit.proofs import Checkpoint, TrustRule, check_proof, is_whole
from oncetold.v1.common_pb2 import LedgerPosition
from oncetold.v1.log_service_pb2 import (
    GetCheckpointRequest,
    GetConsistencyProofRequest,
    GetInclusionProofRequest,
)

WAIT_SECONDS = 20


def compared(hub: Hub, first: Checkpoint, second: Checkpoint) -> tuple[str | None, Sequence[bytes]]:
    """How what the hub shows now contradicts what it showed first, None if it does not, and its proof.

    A smaller checkpoint may merely be old: then the hub can still prove that the one seen first continues it.
    Raises HubRefused and HubUnreachable when it answers nothing; that proves nothing either.
    """
    older, newer = sorted((first, second), key=lambda one: one.size)
    proof: Sequence[bytes] = ()
    if 0 < older.size < newer.size:
        try:
            request = GetConsistencyProofRequest(old_size=older.size, new_size=newer.size)
            proof = tuple(hub.consistency_proof(request).hashes)
        except HubRefused as refusal:
            if refusal.reason != "BEYOND_LEDGER" or second.size > first.size:
                raise
            return RAN_BACK, ()
    found = contradiction(older, newer, proof)
    if found == NOT_CONSISTENT and is_whole(older.size) and older.size + 1 < newer.size:
        # This proof cannot tell the old root, and the next one can: then nobody's word is needed.
        request = GetConsistencyProofRequest(old_size=older.size + 1, new_size=newer.size)
        telling = tuple(hub.consistency_proof(request).hashes)
        if contradiction(older, newer, telling) == OTHER_BEGINNING:
            found, proof = OTHER_BEGINNING, telling
    return (RAN_BACK if found is not None and second.size < first.size else found), proof


class LogWatcher:
    """The last checkpoint that this agency saw, and everything that has to follow from it."""

    def __init__(self, hub: Hub, rule: TrustRule, state: Path) -> None:
        """`state` is the file of the last checkpoint; evidence goes into the folder `evidence` beside it."""
        self._hub = hub
        self._rule = rule
        self._state = state
        self.evidence = EvidenceFolder(state.parent / "evidence")

    def seen(self) -> Checkpoint | None:
        """The last checkpoint seen; None before the first. StateUnusable if the file is not what it was."""
        kept = read_kept(self._state)
        if kept is None:
            return None
        try:
            return TrustRule(self._rule.log).believed(kept)
        except ProofRefused:
            raise StateUnusable(
                f"{self._state.name} holds no checkpoint of this ledger.",
                "If the hub began a new ledger, its operator says so and gives you its key: then move the"
                " file away. If not, keep it and ask the operator.",
            ) from None

    def look(self) -> Checkpoint:
        """Asks for the newest checkpoint and compares. Answers the largest that is believed.

        LogMisbehaved, with evidence kept, if the ledger forked or ran back; ProofRefused for what is not
        signed as the rule asks.
        """
        answer = self._hub.checkpoint(GetCheckpointRequest(cosigned=self._rule.needed > 0))
        return self._follow(self._rule.believed(answer.checkpoint))

    def prove(self, position: LedgerPosition, *, wait_seconds: int = WAIT_SECONDS) -> tuple[bytes, bytes]:
        """The `.tlog-proof` of an entry and the entry, checked: it stands in the ledger, and that ledger is
        the one we know. LogMisbehaved, ProofRefused, HubRefused otherwise."""
        answer = self._hub.inclusion_proof(
            GetInclusionProofRequest(
                position=position,
                wait=Duration(seconds=wait_seconds),
                cosigned=self._rule.needed > 0,
            )
        )
        self._follow(check_proof(answer.proof, answer.entry, position.index, self._rule))
        return answer.proof, answer.entry

    def _follow(self, shown: Checkpoint) -> Checkpoint:
        with held_alone(self._state.with_name(f".{self._state.name}.lock")):
            last = self.seen()
            if last is None:
                write_durably(self._state, bytes(shown))
                return shown
            found, proof = compared(self._hub, last, shown)
            if found is not None:
                raise self.evidence.keep(found, last, shown, proof)
            if shown.size <= last.size:
                return last
            write_durably(self._state, bytes(shown))
            return shown
