"""The log of a ledger that is read beside its hub, for the commands that export, prove and check it."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from consent_ledger.errors import LogDamaged, NoCheckpoint, ProofRefused
from consent_ledger.log.checkpoint import Checkpoint, open_checkpoint
from consent_ledger.log.checkpointer import CHECKPOINT_STATE, EDGE_STATE
from consent_ledger.log.note import VerifierKey
from consent_ledger.log.reading import CheckedTiles, TileCache
from consent_ledger.log.signing import VKEY_STATE
from consent_ledger.log.tiles import Edge
from consent_ledger.log.tree import TILE_WIDTH
from consent_ledger.store.port import Reader, StoredEntry

T = TypeVar("T")


class StoredLog:
    """What a reader finds. Every answer is one view of the database, and checked up to the checkpoint."""

    def __init__(self, reader: Reader) -> None:
        """Raises `NoCheckpoint`, or `LogDamaged` if what is stored does not lead to the one that is."""
        self._reader = reader
        self._cache = TileCache()
        self.note, self.checkpoint, self.vkey, self._edge = self.viewed(self._opened)

    def viewed(self, read: Callable[["StoredLog"], T]) -> T:
        """Reads in one view of the database."""
        self._reader.begin()
        try:
            return read(self)
        finally:
            self._reader.rollback()

    def tiles(self) -> CheckedTiles:
        """Within a view."""
        return CheckedTiles(self, self._edge, self._cache)

    def rows(self, after: int, through: int) -> list[StoredEntry]:
        """Within a view: rows with after < position <= through, unchecked."""
        return self._reader.entries(after, through)

    def leaf_hashes(self, after: int, through: int) -> list[bytes]:
        """Within a view: unchecked."""
        return self._reader.leaf_hashes(after, through)

    def tile(self, level: int, number: int) -> bytes | None:
        """Within a view: unchecked."""
        return self._reader.tile(level, number)

    def _opened(self, _: object) -> tuple[bytes, Checkpoint, VerifierKey, Edge]:
        note, vkey = self._reader.state(CHECKPOINT_STATE), self._reader.state(VKEY_STATE)
        if note is None or vkey is None:
            raise NoCheckpoint()
        try:
            key = VerifierKey.parse(vkey.decode())
            checkpoint = open_checkpoint(note, key).checkpoint
            size = checkpoint.size
            leaves = b"".join(self.leaf_hashes(size - size % TILE_WIDTH, size))
            edge = Edge.restored(size, leaves, self._reader.state(EDGE_STATE) or b"")
        except (ProofRefused, ValueError) as error:
            raise LogDamaged(reason="checkpoint") from error
        if edge.root() != checkpoint.root:
            raise LogDamaged(reason="edge")
        return note, checkpoint, key, edge

    def covered(self, note: bytes, witnesses: Sequence[VerifierKey]) -> Checkpoint:
        """What another note of this log signs, once all its lines verify. Raises `ProofRefused`."""
        checkpoint = open_checkpoint(note, self.vkey, witnesses).checkpoint
        if checkpoint.size > self.checkpoint.size:
            raise ProofRefused("beyond the newest checkpoint")
        return checkpoint
