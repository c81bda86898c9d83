"""Two witnesses lay their checkpoints side by side: a log with two faces cannot explain them."""

from collections.abc import Sequence

from adapters.kit.client import Hub
from adapters.kit.errors import HubRefused
from adapters.kit.evidence import NOT_CONSISTENT, EvidenceFolder
from adapters.kit.log_watcher import compared
from adapters.kit.notes import VerifierKey
from adapters.kit.proofs import Checkpoint, TrustRule


def compare(
    hub: Hub, log: VerifierKey, first: bytes, second: bytes, evidence: EvidenceFolder
) -> tuple[Checkpoint, Checkpoint]:
    """The two checkpoints, the smaller first: one ledger.

    The hub is asked for the proof where their sizes differ, and is not believed. LogMisbehaved, with evidence
    kept, for two faces, and when the hub has no proof that it is one; ProofRefused for what the log did not
    sign.
    """
    rule = TrustRule(log)  # each carries its own witness's line, and needs no other
    older, newer = sorted((rule.believed(first), rule.believed(second)), key=lambda one: one.size)
    found: str | None
    proof: Sequence[bytes]
    try:
        found, proof = compared(hub, older, newer)
    except HubRefused as refusal:
        if refusal.reason != "BEYOND_LEDGER":
            raise
        # It signed a ledger of that size, and now has none of which it could prove anything.
        found, proof = NOT_CONSISTENT, ()
    if found is not None:
        raise evidence.keep(found, older, newer, proof)
    return older, newer
