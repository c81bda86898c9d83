"""A log made by the letter of RFC 6962, for tests: it may be slow, and knows every leaf."""

import base64
import hashlib
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.kit.notes import ED25519, SignatureLine, SignedNote, VerifierKey
from adapters.kit.proofs import LogProof, leaf_hash, node_hash

ORIGIN = "oncetold.org/ledger/4c0e3a52-6b0f-4c4e-9f52-0d4a3c1b2a19"


def half(size: int) -> int:
    """The greatest power of two below a size, counted up to."""
    found = 1
    while found * 2 < size:
        found *= 2
    return found


def root_of(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = half(len(leaves))
    return node_hash(root_of(leaves[:k]), root_of(leaves[k:]))


def inclusion(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH of 2.1.1."""
    if len(leaves) == 1:
        return []
    k = half(len(leaves))
    if index < k:
        return [*inclusion(index, leaves[:k]), root_of(leaves[k:])]
    return [*inclusion(index - k, leaves[k:]), root_of(leaves[:k])]


def consistency(old: int, leaves: Sequence[bytes], whole: bool = True) -> list[bytes]:
    """PROOF of 2.1.2; nothing from the empty tree, nor to the same."""
    if old == 0:
        return []
    if old == len(leaves):
        return [] if whole else [root_of(leaves)]
    k = half(len(leaves))
    if old <= k:
        return [*consistency(old, leaves[:k], whole), root_of(leaves[k:])]
    return [*consistency(old - k, leaves[k:], False), root_of(leaves[:k])]


class ToyLog:
    """A log with a key of its own that signs whatever it is told to: honest and forged alike."""

    def __init__(self, seed: int = 1, origin: str = ORIGIN) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.key = VerifierKey(origin, ED25519, self._private.public_key().public_bytes_raw())
        self.entries: list[bytes] = []

    def grow(self, number: int, mark: str = "") -> "ToyLog":
        """More entries; another `mark` makes other ones."""
        self.entries += [f"{mark}{len(self.entries) + one}".encode() for one in range(number)]
        return self

    @property
    def leaves(self) -> list[bytes]:
        return [leaf_hash(entry) for entry in self.entries]

    def sign(self, text: str, name: str | None = None) -> bytes:
        """Any text, signed with the log's key."""
        key = VerifierKey(name or self.key.name, ED25519, self.key.public)
        line = SignatureLine(key.name, key.key_id, self._private.sign(text.encode()))
        return bytes(SignedNote(text.encode(), (line,)))

    def text(self, size: int | None = None, origin: str | None = None) -> str:
        """A checkpoint's text."""
        size = len(self.entries) if size is None else size
        root = base64.b64encode(root_of(self.leaves[:size])).decode()
        return f"{origin or self.key.name}\n{size}\n{root}\n"

    def checkpoint(self, size: int | None = None) -> bytes:
        return self.sign(self.text(size))

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        return consistency(old, self.leaves[:new])

    def proof(self, position: int, size: int | None = None, checkpoint: bytes | None = None) -> bytes:
        """The `.tlog-proof` of the entry at a position, under the checkpoint of a size."""
        size = len(self.entries) if size is None else size
        hashes = inclusion(position - 1, self.leaves[:size])
        return bytes(LogProof(position - 1, tuple(hashes), checkpoint or self.checkpoint(size)))
