"""Proofs as files (C2SP tlog-proof): an entry's index, its audit path, and the checkpoint it leads to."""

from collections.abc import Sequence
from dataclasses import dataclass

from consent_ledger.errors import ProofRefused
from consent_ledger.log.checkpoint import OpenedCheckpoint, decimal, open_checkpoint
from consent_ledger.log.note import MOST_BYTES, VerifierKey, decode64, encode64
from consent_ledger.log.tree import HASH_SIZE, leaf_hash, verify_inclusion

FIRST_LINE = "c2sp.org/tlog-proof@v1"
_MOST_HASHES = 63


@dataclass(frozen=True, slots=True)
class Proof:
    """One `.tlog-proof` file taken apart. `extra` is nobody's word: it is not signed."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def __bytes__(self) -> bytes:
        lines = [FIRST_LINE]
        if self.extra is not None:
            lines.append(f"extra {encode64(self.extra)}")
        lines += [f"index {self.index}", *map(encode64, self.hashes), "", ""]
        return "\n".join(lines).encode() + self.checkpoint

    @classmethod
    def parse(cls, data: bytes) -> "Proof":
        """Raises `ProofRefused` for what is no proof."""
        if len(data) > 2 * MOST_BYTES:
            raise ProofRefused("proof too long")
        head, blank, checkpoint = data.partition(b"\n\n")
        if not blank:
            raise ProofRefused("proof")
        try:
            lines = head.decode().split("\n")
        except UnicodeDecodeError:
            raise ProofRefused("not UTF-8") from None
        if lines.pop(0) != FIRST_LINE:
            raise ProofRefused("first line")
        extra = decode64(lines.pop(0)[6:]) if lines and lines[0].startswith("extra ") else None
        if not lines or not lines[0].startswith("index "):
            raise ProofRefused("index")
        index = decimal(lines.pop(0)[6:])
        hashes = tuple(map(decode64, lines))
        if len(hashes) > _MOST_HASHES or any(len(one) != HASH_SIZE for one in hashes):
            raise ProofRefused("hash size")
        return cls(index, hashes, checkpoint, extra)


def verify_proof(
    data: bytes, entry: bytes, log: VerifierKey, witnesses: Sequence[VerifierKey] = ()
) -> tuple[Proof, OpenedCheckpoint]:
    """That this entry is in this log. Raises `ProofRefused`. Whose position it is, the index says."""
    proof = Proof.parse(data)
    opened = open_checkpoint(proof.checkpoint, log, witnesses)
    checkpoint = opened.checkpoint
    verify_inclusion(leaf_hash(entry), proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return proof, opened
