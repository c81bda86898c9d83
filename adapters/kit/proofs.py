"""Checkpoints and the two proofs of a Merkle tree, checked by those who do not trust the hub.

RFC 6962, 2.1; C2SP tlog-checkpoint and tlog-proof. The second implementation, apart from the ledger's: it
rebuilds roots by the recursive definition, where that one follows the bits of an index.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from adapters.kit.errors import ProofRefused
from adapters.kit.notes import SignedNote, VerifierKey, unbase64

EMPTY_ROOT = hashlib.sha256(b"").digest()
LARGEST_SIZE = 2**63 - 1
MOST_HASHES = 63
_FIRST_LINE = "c2sp.org/tlog-proof@v1"
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


def number(text: str) -> int:
    """A size or an index as it is written, without leading zeroes. Raises ValueError."""
    if _NUMBER.fullmatch(text) is None or int(text) > LARGEST_SIZE:
        raise ValueError("no number of entries")
    return int(text)


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a published entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees side by side."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(size: int) -> int:
    """The greatest power of two below `size`: where a tree divides."""
    return 1 << (size - 1).bit_length() - 1


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Is this leaf at `index` (from 0) of the tree of `size` leaves with this root? Raises ProofRefused
    `INCLUSION` otherwise."""
    if not 0 <= index < size or not _hashes(leaf, root, *proof):
        raise ProofRefused("INCLUSION")

    def root_of(index: int, size: int, proof: Sequence[bytes]) -> bytes:
        if size == 1:
            if proof:
                raise ProofRefused("INCLUSION")
            return leaf
        if not proof:
            raise ProofRefused("INCLUSION")
        *below, sibling = proof
        half = _split(size)
        if index < half:
            return node_hash(root_of(index, half, below), sibling)
        return node_hash(sibling, root_of(index - half, size - half, below))

    if root_of(index, size, proof) != root:
        raise ProofRefused("INCLUSION")


def check_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Is the old tree the beginning of the new one? Raises ProofRefused `CONSISTENCY` otherwise."""
    if not 0 <= old_size <= new_size or not _hashes(old_root, new_root, *proof):
        raise ProofRefused("CONSISTENCY")
    for size, root in ((old_size, old_root), (new_size, new_root)):
        if size == 0 and root != EMPTY_ROOT:
            raise ProofRefused("CONSISTENCY")
    if old_size in (0, new_size):
        if proof or (old_size == new_size and old_root != new_root):
            raise ProofRefused("CONSISTENCY")
        return

    if _roots(old_size, new_size, proof, old_root) != (old_root, new_root):
        raise ProofRefused("CONSISTENCY")


def _roots(old: int, new: int, proof: Sequence[bytes], begins: bytes | None) -> tuple[bytes, bytes]:
    """The old and the new root of a subtree; `begins` is its old root while that is all of the old tree."""
    if old == new:
        if begins is not None and not proof:
            return begins, begins
        if begins is None and len(proof) == 1:
            return proof[0], proof[0]
        raise ProofRefused("CONSISTENCY")
    if not proof:
        raise ProofRefused("CONSISTENCY")
    *below, sibling = proof
    half = _split(new)
    if old <= half:
        before, after = _roots(old, half, below, begins)
        return before, node_hash(after, sibling)
    before, after = _roots(old - half, new - half, below, None)
    return node_hash(sibling, before), node_hash(sibling, after)


def old_root_within(old_size: int, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> bytes | None:
    """The root that the tree of `old_size` has within the new tree, as a proof of consistency itself tells;
    None if it tells none. Where the old tree is one whole subtree (a power of two), the proof that tells is
    the one from `old_size + 1`."""
    if not 0 < old_size < new_size or not proof or not _hashes(new_root, *proof):
        return None
    whole = is_whole(old_size)
    try:
        before, after = _roots(old_size + whole, new_size, proof, b"")
    except ProofRefused:
        return None
    if after != new_root:
        return None
    if not whole:
        return before
    # The tree of one entry more is the old one beside that entry, and both hashes are in the proof.
    return next((one for one in proof if node_hash(one, proof[0]) == before), None)


def is_whole(size: int) -> bool:
    """Whether a tree of this size is one subtree without an edge."""
    return size & (size - 1) == 0


def _hashes(*hashes: bytes) -> bool:
    return len(hashes) <= MOST_HASHES + 2 and all(len(one) == 32 for one in hashes)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says it is: so many entries, and this hash over all of them."""

    origin: str
    size: int
    root: bytes
    note: SignedNote
    extended: bool = False
    """It says more than a tree has to. Others' logs may; ours does not, since nobody could audit it."""

    @classmethod
    def parse(cls, note: bytes) -> Self:
        """Takes a checkpoint apart and believes nothing. Raises ProofRefused `NOTE_FORMAT`,
        `CHECKPOINT_FORMAT`."""
        signed = SignedNote.parse(note)
        lines = signed.text.decode().split("\n")[:-1]
        try:
            origin, size, root, *more = lines
            found = cls(origin, number(size), unbase64(root), signed, bool(more))
        except ValueError:
            raise ProofRefused("CHECKPOINT_FORMAT") from None
        if "" in lines or len(found.root) != 32 or (found.size == 0 and found.root != EMPTY_ROOT):
            raise ProofRefused("CHECKPOINT_FORMAT")
        return found

    def __bytes__(self) -> bytes:
        return bytes(self.note)


@dataclass(frozen=True, slots=True)
class TrustRule:
    """Which checkpoints are believed: signed by this log, and cosigned by so many of these witnesses."""

    log: VerifierKey
    witnesses: tuple[VerifierKey, ...] = ()
    needed: int = 0

    def believed(self, note: bytes) -> Checkpoint:
        """The checkpoint. Raises ProofRefused `NOTE_FORMAT`, `CHECKPOINT_FORMAT`, `ORIGIN`, `SIGNATURE`,
        `NOT_SIGNED`, `TOO_FEW_WITNESSES`."""
        checkpoint = Checkpoint.parse(note)
        if checkpoint.origin != self.log.name:
            raise ProofRefused("ORIGIN")
        if checkpoint.note.signed_by(self.log) is None:
            raise ProofRefused("NOT_SIGNED")
        if checkpoint.extended:
            raise ProofRefused("CHECKPOINT_FORMAT")
        cosigners = checkpoint.note.cosigners(self.witnesses)
        # The log is no witness of itself, whatever key it was given to be one.
        if sum(key.public != self.log.public for key in cosigners) < self.needed:
            raise ProofRefused("TOO_FEW_WITNESSES")
        return checkpoint


@dataclass(frozen=True, slots=True)
class LogProof:
    """A `.tlog-proof` file taken apart: where an entry stands, and under which checkpoint."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    @classmethod
    def parse(cls, proof: bytes) -> Self:
        """Raises ProofRefused `PROOF_FORMAT`; believes nothing."""
        head, found, checkpoint = proof.partition(b"\n\n")
        try:
            lines = iter(head.decode("utf-8").split("\n"))
            parsed = cls._parsed(lines, checkpoint)
        except (ValueError, StopIteration):
            raise ProofRefused("PROOF_FORMAT") from None
        if not found or len(parsed.hashes) > MOST_HASHES or any(len(one) != 32 for one in parsed.hashes):
            raise ProofRefused("PROOF_FORMAT")
        return parsed

    @classmethod
    def _parsed(cls, lines: Iterator[str], checkpoint: bytes) -> Self:
        if next(lines) != _FIRST_LINE:
            raise ValueError("another format")
        line = next(lines)
        extra = None
        if line.startswith("extra "):
            extra, line = unbase64(line.removeprefix("extra ")), next(lines)
        if not line.startswith("index "):
            raise ValueError("no index")
        index = number(line.removeprefix("index "))
        return cls(index, tuple(unbase64(one) for one in lines), checkpoint, extra)

    def __bytes__(self) -> bytes:
        lines = [_FIRST_LINE]
        if self.extra is not None:
            lines.append("extra " + base64.b64encode(self.extra).decode())
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(one).decode() for one in self.hashes]
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.checkpoint


def check_proof(proof: bytes, entry: bytes, position: int, rule: TrustRule) -> Checkpoint:
    """Is this entry in the log at `position` (from 1)? Answers the checkpoint that says so, which the rule
    believes. Raises ProofRefused; `POSITION` for a proof of another place."""
    parsed = LogProof.parse(proof)
    if parsed.index != position - 1:
        raise ProofRefused("POSITION")
    checkpoint = rule.believed(parsed.checkpoint)
    check_inclusion(leaf_hash(entry), parsed.index, checkpoint.size, parsed.hashes, checkpoint.root)
    return checkpoint
