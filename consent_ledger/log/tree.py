"""The Merkle tree of RFC 6962: roots, and proofs that an entry is in a tree and that a tree only grew.

Proofs are made from tiles: 256 hashes side by side, eight levels of the tree apart (C2SP tlog-tiles).
Checking one takes nothing but the proof itself, and is strict about its length.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256

from consent_ledger.errors import ProofRefused

HASH_SIZE = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
EMPTY_ROOT = sha256(b"").digest()
_PYRAMIDS_KEPT = 64
"""Of tiles that are looked into, the nodes over their hashes: about 40 KiB each."""

Tiles = Callable[[int, int], bytes]
"""(level, number) -> the tile's hashes side by side; of the last tile of a level, as many as there are."""


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 ‖ entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


def root_over(hashes: Sequence[bytes]) -> bytes:
    """The root over hashes side by side; only the last may be of a smaller tree than the others."""
    level = list(hashes)
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        pairs = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]


def split(tile: bytes) -> list[bytes]:
    """A tile's hashes one by one."""
    return [tile[at : at + HASH_SIZE] for at in range(0, len(tile), HASH_SIZE)]


@lru_cache(_PYRAMIDS_KEPT)
def pyramid(tile: bytes) -> tuple[tuple[bytes, ...], ...]:
    """A tile's hashes, then the nodes over each two of them, and so on; who has no neighbour is left out."""
    levels = [tuple(split(tile))]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append(tuple(node_hash(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)))
    return tuple(levels)


def root_of(size: int, tiles: Tiles) -> bytes:
    """The root of the tree of `size` leaves."""
    return _range_root(0, size, tiles)


def inclusion_proof(index: int, size: int, tiles: Tiles) -> list[bytes]:
    """The audit path of the leaf at `index`, from its sibling to the root's child (RFC 6962, 2.1.1).

    Raises ValueError unless 0 <= index < size.
    """
    if not 0 <= index < size:
        raise ValueError("the tree has no such leaf")
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _left_size(end - start)
        if index < middle:
            path.append(_range_root(middle, end, tiles))
            end = middle
        else:
            path.append(_range_root(start, middle, tiles))
            start = middle
    return path[::-1]


def consistency_proof(old: int, new: int, tiles: Tiles) -> list[bytes]:
    """That the tree of `old` leaves is the beginning of that of `new` (RFC 6962, 2.1.2).

    Empty from size 0 and between equal sizes. Raises ValueError unless 0 <= old <= new.
    """
    if not 0 <= old <= new:
        raise ValueError("the old tree is the smaller one")
    if old in (0, new):
        return []
    path, start, end, whole = [], 0, new, True
    while end != old:
        middle = start + _left_size(end - start)
        if old <= middle:
            path.append(_range_root(middle, end, tiles))
            end = middle
        else:
            path.append(_range_root(start, middle, tiles))
            start, whole = middle, False
    if not whole:
        path.append(_range_root(start, end, tiles))
    return path[::-1]


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that a proof leads to. Raises `ProofRefused` if it is not exactly as long as it has to be."""
    if not 0 <= index < size:
        raise ProofRefused("index")
    _require_hashes((leaf, *proof))
    inner = (index ^ (size - 1)).bit_length()
    if len(proof) != inner + (index >> inner).bit_count():
        raise ProofRefused("length")
    found = leaf
    for place, sibling in enumerate(proof):
        is_left = place < inner and not index >> place & 1
        found = node_hash(found, sibling) if is_left else node_hash(sibling, found)
    return found


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raises `ProofRefused` unless the leaf is at `index` in the tree of this size and root."""
    if root_from_inclusion(leaf, index, size, proof) != root:
        raise ProofRefused("root")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raises `ProofRefused` unless the tree of `new` leaves begins with that of `old` (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= new:
        raise ProofRefused("size")
    _require_hashes((old_root, new_root, *proof))
    if old in (0, new):
        if proof:
            raise ProofRefused("length")
        if old_root != (EMPTY_ROOT if old == 0 else new_root):
            raise ProofRefused("old root")
        return
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    if len(path) != _consistency_length(node, last):
        raise ProofRefused("length")
    old_found = new_found = path[0]
    for sibling in path[1:]:
        if node & 1 or node == last:
            old_found = node_hash(sibling, old_found)
            new_found = node_hash(sibling, new_found)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            new_found = node_hash(new_found, sibling)
        node, last = node >> 1, last >> 1
    if old_found != old_root:
        raise ProofRefused("old root")
    if new_found != new_root:
        raise ProofRefused("new root")


def _consistency_length(node: int, last: int) -> int:
    """How many hashes lead from a node to the root, itself among them."""
    length = 1
    while last:
        if node & 1 or node == last:
            length += 1
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            length += 1
        node, last = node >> 1, last >> 1
    return length


def _require_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(one) != HASH_SIZE for one in hashes):
        raise ProofRefused("hash size")


def _left_size(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def _range_root(start: int, end: int, tiles: Tiles) -> bytes:
    """The root over leaves `start` to `end`; `start`: a multiple of a power of two not below their number."""
    found: list[bytes] = []
    while start < end:
        height = (end - start).bit_length() - 1
        found.append(_perfect_root(start, height, tiles))
        start += 1 << height
    if not found:
        return EMPTY_ROOT
    root = found.pop()
    while found:
        root = node_hash(found.pop(), root)
    return root


def _perfect_root(start: int, height: int, tiles: Tiles) -> bytes:
    """The root over 2^height leaves from `start`, which is a multiple of that."""
    level, above = divmod(height, TILE_HEIGHT)
    first = start >> level * TILE_HEIGHT
    number, at = divmod(first, TILE_WIDTH)
    tile = tiles(level, number)
    if len(tile) < (at + (1 << above)) * HASH_SIZE:
        raise ProofRefused("tile too short")
    return pyramid(tile)[above][at >> above]
