"""Holds what the hub signs after a kill against all that it signed before, as an agency's own check does."""

from typing import Any

from adapters.kit.notes import VerifierKey
from adapters.kit.proofs import Checkpoint, TrustRule, check_consistency, node_hash
from consent_ledger.ledger import Ledger
from consent_ledger.log.signing import signing_key
from oncetold.v1.log_service_pb2 import GetCheckpointRequest, GetConsistencyProofRequest
from tests.faults.town import Town

AGENCY = "hostel"


class TreeHead:
    """Every checkpoint that was seen. The key is the one that the ledger began with."""

    def __init__(self, ledger: Ledger) -> None:
        key = ledger.submit(lambda transaction: signing_key(transaction, ledger.ledger_id)).result(60)
        self._rule = TrustRule(VerifierKey.parse(str(key.verifier)))
        self._seen: list[Checkpoint] = []

    async def look(self, town: Town) -> None:
        """Asks for the newest one: it is signed, no smaller than the last, and continues that."""
        note = (await town.call(AGENCY, "GetCheckpoint", GetCheckpointRequest())).checkpoint
        shown = self._rule.believed(note)
        if self._seen:
            last = self._seen[-1]
            assert shown.size >= last.size, "the log ran back"
            sizes: dict[str, Any] = {"old_size": last.size, "new_size": shown.size}
            request = GetConsistencyProofRequest(**sizes)
            proof = (await town.call(AGENCY, "GetConsistencyProof", request)).hashes
            check_consistency(last.size, last.root, shown.size, shown.root, proof)
        self._seen.append(shown)

    def judge(self, leaves: list[bytes]) -> int:
        """Each was the root over the first entries that the ledger holds in the end. How many there were."""
        for one in self._seen:
            assert one.size <= len(leaves), "more was signed than is there"
            if one.size:
                assert one.root == _root(leaves[: one.size]), f"another tree of {one.size} was signed"
        return len(self._seen)


def _root(leaves: list[bytes]) -> bytes:
    """The root of RFC 6962, level by level: a node without a sibling goes up as it is."""
    level = leaves
    while len(level) > 1:
        pairs = [node_hash(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]
