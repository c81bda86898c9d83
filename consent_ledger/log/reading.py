"""Reads the log as it is stored, and believes nothing of it: every tile is checked against the one above.

Stored are whole tiles from level 1 up. Those of level 0 are the entries' own leaf hashes, which stand beside
them already; the right edge is held in memory, checked when it was made.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Protocol

from consent_ledger.body import published
from consent_ledger.errors import EntryCorrupt, LogDamaged, ProofRefused
from consent_ledger.log.checkpoint import Checkpoint
from consent_ledger.log.proof import Proof
from consent_ledger.log.tiles import Edge
from consent_ledger.log.tree import (
    HASH_SIZE,
    TILE_HEIGHT,
    TILE_WIDTH,
    Tiles,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    pyramid,
    verify_inclusion,
)
from consent_ledger.store.port import StoredEntry

_KEPT = 512
"""Checked tiles kept in memory: 8 KiB each."""


class LogRows(Protocol):
    """What of a transaction, or of a view of the database, is needed to read the log."""

    def rows(self, after: int, through: int) -> list[StoredEntry]: ...

    def leaf_hashes(self, after: int, through: int) -> list[bytes]: ...

    def tile(self, level: int, number: int) -> bytes | None: ...


class TileCache:
    """Tiles that were checked: they never change."""

    def __init__(self, most: int = _KEPT) -> None:
        self._tiles: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._most = most

    def get(self, level: int, number: int) -> bytes | None:
        tile = self._tiles.get((level, number))
        if tile is not None:
            self._tiles.move_to_end((level, number))
        return tile

    def keep(self, level: int, number: int, tile: bytes) -> None:
        self._tiles[level, number] = tile
        if len(self._tiles) > self._most:
            self._tiles.popitem(last=False)

    def clear(self) -> None:
        self._tiles.clear()


class CheckedTiles:
    """The tiles of the tree that ends at `edge`, within one transaction. A `tree.Tiles`."""

    def __init__(
        self,
        transaction: LogRows,
        edge: Edge,
        cache: TileCache,
        unwritten: Mapping[tuple[int, int], bytes] | None = None,
    ) -> None:
        """`unwritten`: tiles that are made and not stored yet."""
        self._transaction = transaction
        self._edge = edge
        self._cache = cache
        self._unwritten = unwritten or {}

    def __call__(self, level: int, number: int) -> bytes:
        """Raises `LogDamaged` for a tile that is not the one whose root stands above it."""
        whole = self._edge.size >> TILE_HEIGHT * (level + 1)
        if number >= whole:
            return self._edge.partial(level) if number == whole else b""
        tile = self._cache.get(level, number)
        if tile is None:
            tile = self._stored(level, number)
            above, at = divmod(number, TILE_WIDTH)
            expected = self(level + 1, above)[at * HASH_SIZE : (at + 1) * HASH_SIZE]
            if len(tile) != TILE_WIDTH * HASH_SIZE or pyramid(tile)[TILE_HEIGHT][0] != expected:
                raise LogDamaged(level=level, tile=number)
            self._cache.keep(level, number, tile)
        return tile

    def _stored(self, level: int, number: int) -> bytes:
        if level:
            tile = self._unwritten.get((level, number)) or self._transaction.tile(level, number)
            return tile or b""
        after = number * TILE_WIDTH
        return b"".join(self._transaction.leaf_hashes(after, after + TILE_WIDTH))


def published_rows(rows: Sequence[StoredEntry], after: int) -> list[bytes]:
    """The entries of rows that stand behind position `after` without a gap, made anew from what is stored.

    Raises `EntryCorrupt` for the first that is missing or not what was appended.
    """
    entries = []
    for position, row in enumerate(rows, start=after + 1):
        if row[0] != position:
            raise EntryCorrupt(position)
        entries.append(published(row))
    return entries


def prove_inclusion(
    transaction: LogRows, tiles: Tiles, checkpoint: Checkpoint, note: bytes, position: int
) -> tuple[bytes, bytes]:
    """The `.tlog-proof` of the entry at a position that the checkpoint covers, and the entry.

    It is verified before it is given away: `EntryCorrupt` if it does not lead to the signed root.
    """
    index = position - 1
    entries = published_rows(transaction.rows(index, position), index)
    if not entries:
        raise EntryCorrupt(position)
    hashes = inclusion_proof(index, checkpoint.size, tiles)
    try:
        verify_inclusion(leaf_hash(entries[0]), index, checkpoint.size, hashes, checkpoint.root)
    except ProofRefused as error:
        raise EntryCorrupt(position) from error
    return bytes(Proof(index, tuple(hashes), note)), entries[0]


def prove_consistency(tiles: Tiles, old: int, new: int) -> list[bytes]:
    """That the tree of the first `new` entries begins with that of the first `old`."""
    return consistency_proof(old, new, tiles)


def list_entries(transaction: LogRows, tiles: CheckedTiles, size: int, first: int, limit: int) -> list[bytes]:
    """Entries from position `first` on, at most `limit` and none beyond `size`. Raises `EntryCorrupt`."""
    after, through = first - 1, min(first - 1 + limit, size)
    entries = published_rows(transaction.rows(after, through), after)
    if len(entries) != max(through - after, 0):
        raise EntryCorrupt(after + len(entries) + 1)
    for index, entry in enumerate(entries, start=after):
        number, at = divmod(index, TILE_WIDTH)
        if tiles(0, number)[at * HASH_SIZE : (at + 1) * HASH_SIZE] != leaf_hash(entry):
            raise EntryCorrupt(index + 1)
    return entries
