"""Vectors of the two proofs of a tree: right ones, and forged ones of many kinds, each with why."""

from collections.abc import Iterator, Sequence
from typing import Any

from tests.vectors import oracle

Case = dict[str, Any]

SIZES = (1, 2, 3, 4, 5, 7, 8, 11, 16, 17, 255, 256, 257, 600)
OTHER = bytes([0xFF]) * 32


def entry(index: int) -> bytes:
    """A published entry's size, and nothing random."""
    return bytes([1, index % 2]) + index.to_bytes(48)


def leaves(size: int) -> list[bytes]:
    return [oracle.leaf(entry(index)) for index in range(size)]


def flipped(data: bytes, bit: int = 0) -> bytes:
    """The same bytes but for one bit."""
    return (int.from_bytes(data) ^ 1 << bit).to_bytes(len(data))


def sides(index: int, size: int) -> list[bool]:
    """On which side each hash of an audit path is put: all that a proof says of index and size."""
    found = []
    while size > 1:
        k = 1
        while k * 2 < size:
            k *= 2
        found.append(index < k)
        index, size = (index, k) if index < k else (index - k, size - k)
    return found


def inclusion() -> Iterator[Case]:
    tree = leaves(max(SIZES))
    for size in SIZES:
        some = tree[:size]
        for index in sorted({0, 1, size // 2, size - 2, size - 1} & set(range(size))):
            yield _inclusion(
                "right", "", some[index], index, size, oracle.path(index, some), oracle.root(some)
            )
    for size, index in ((7, 3), (8, 5), (11, 10), (257, 256), (600, 300)):
        yield from _forged_inclusion(tree[:size], index)


def _forged_inclusion(tree: Sequence[bytes], index: int) -> Iterator[Case]:
    size, leaf, root = len(tree), tree[index], oracle.root(tree)
    path = oracle.path(index, tree)

    def forged(family: str, why: str, **changed: Any) -> Case:
        given: dict[str, Any] = {
            "leaf": leaf,
            "index": index,
            "size": size,
            "proof": path,
            "root": root,
        } | changed
        return _inclusion(family, why, **given)

    yield forged("leaf altered", "one bit of the leaf hash", leaf=flipped(leaf, 77))
    yield forged("root altered", "one bit of the root", root=flipped(root, 255))
    for at in sorted({0, len(path) // 2, len(path) - 1}):
        proof = [*path[:at], flipped(path[at], 8), *path[at + 1 :]]
        yield forged("hash altered", f"one bit of hash {at}", proof=proof)
        yield forged("hash left out", f"without hash {at}", proof=[*path[:at], *path[at + 1 :]])
        yield forged("hash twice", f"hash {at} stands twice", proof=[*path[:at], path[at], *path[at:]])
        yield forged("hash exchanged", f"hash {at} is another", proof=[*path[:at], OTHER, *path[at + 1 :]])
    yield forged("hash added", "one more at the end", proof=[*path, OTHER])
    yield forged("hash added", "the leaf itself first", proof=[leaf, *path])
    yield forged("hash added", "the root at the end", proof=[*path, root])
    yield forged("proof empty", "nothing leads to the root", proof=[])
    if len(path) > 1:
        yield forged("proof reversed", "from the root down", proof=path[::-1])
        yield forged("hashes exchanged", "first and last", proof=[path[-1], *path[1:-1], path[0]])
    yield forged("short hash", "31 bytes", proof=[path[0][:31], *path[1:]])
    yield forged("long hash", "33 bytes", proof=[path[0] + b"\0", *path[1:]])
    yield forged("short root", "31 bytes of the root", root=root[:31])
    yield forged("leaf of another size", "33 bytes", leaf=leaf + b"\0")
    for other in sorted({0, index - 1, index + 1, size - 1, index ^ 1} - {index}):
        if 0 <= other < size:
            yield forged("another index", f"index {other}", index=other)
    yield forged(
        "another's proof", "a neighbour's path", proof=oracle.path(index ^ 1 if index ^ 1 < size else 0, tree)
    )
    yield forged("index beyond", "the tree has no such leaf", index=size)
    yield forged("index beyond", "index plus a power of two", index=index + (1 << len(path)))
    yield forged("index beyond", "2 to the 62nd", index=1 << 62)
    yield forged("size zero", "an empty tree holds nothing", size=0)
    for other in (size - 1, size + 1, size * 2, size + 256):
        if sides(index, other) != sides(index, size):
            yield forged("another size", f"size {other}", size=other)
    yield forged("root of another size", "the root one leaf ago", root=oracle.root(tree[:-1]))
    yield forged("root of another tree", "leaves exchanged", root=oracle.root([*tree[::-1]]))
    if len(path) > 1 and index & 1:
        node = oracle.node(tree[index - 1], leaf)
        yield forged(
            "node as leaf", "an inner node given as a leaf, with its place", leaf=node, proof=path[1:]
        )
    yield forged("leaf as root", "the leaf is its own proof", root=leaf)
    yield forged("entry for its hash", "hashed without the leading zero", leaf=_unprefixed(index))


def _unprefixed(index: int) -> bytes:
    from hashlib import sha256

    return sha256(entry(index)).digest()


def consistency() -> Iterator[Case]:
    tree = leaves(max(SIZES))
    for old in (0, *SIZES):
        for new in SIZES:
            if old <= new:
                proof = oracle.consistency(old, tree[:new])
                yield _consistency(
                    "right", "", old, new, oracle.root(tree[:old]), oracle.root(tree[:new]), proof
                )
    for old, new in ((3, 7), (4, 7), (6, 8), (8, 16), (255, 257), (256, 600), (300, 600)):
        yield from _forged_consistency(tree, old, new)


def _forged_consistency(tree: Sequence[bytes], old: int, new: int) -> Iterator[Case]:
    old_root, new_root = oracle.root(tree[:old]), oracle.root(tree[:new])
    path = oracle.consistency(old, tree[:new])

    def forged(family: str, why: str, **changed: Any) -> Case:
        given: dict[str, Any] = {
            "old": old,
            "new": new,
            "old_root": old_root,
            "new_root": new_root,
            "proof": path,
        } | changed
        return _consistency(family, why, **given)

    yield forged("old root altered", "one bit", old_root=flipped(old_root, 100))
    yield forged("new root altered", "one bit", new_root=flipped(new_root, 100))
    for at in sorted({0, len(path) // 2, len(path) - 1}):
        yield forged(
            "hash altered", f"one bit of hash {at}", proof=[*path[:at], flipped(path[at], 3), *path[at + 1 :]]
        )
        yield forged("hash left out", f"without hash {at}", proof=[*path[:at], *path[at + 1 :]])
        yield forged("hash twice", f"hash {at} stands twice", proof=[*path[:at], path[at], *path[at:]])
    yield forged("hash added", "one more at the end", proof=[*path, OTHER])
    yield forged("hash added", "the old root first", proof=[old_root, *path])
    yield forged("hash added", "the new root at the end", proof=[*path, new_root])
    yield forged("proof empty", "nothing connects the two", proof=[])
    if len(path) > 1:
        yield forged("proof reversed", "from the root down", proof=path[::-1])
    yield forged("short hash", "31 bytes", proof=[path[0][:31], *path[1:]])
    yield forged("short root", "31 bytes of the old root", old_root=old_root[:31])
    yield forged("roots exchanged", "old for new", old_root=new_root, new_root=old_root)
    yield forged("sizes exchanged", "the log shrank", old=new, new=old)
    yield forged("equal sizes", "two roots of one size", old=new)
    yield forged("equal sizes", "two roots of one size, and no proof", old=new, proof=[])
    yield forged("equal sizes", "a proof where none is needed", old=new, old_root=new_root)
    yield forged("old size zero", "a proof where none is needed", old=0)
    yield forged("old size zero", "the root of something", old=0, proof=[])
    shorter = oracle.consistency(old - 1, tree[:new])
    yield forged("another's proof", "from one leaf before", proof=shorter)
    forked = [*tree[: old - 1], OTHER, *tree[old:new]]
    yield forged("fork", "the last old leaf is another", new_root=oracle.root(forked))
    yield forged(
        "fork",
        "with the fork's own proof",
        new_root=oracle.root(forked),
        proof=oracle.consistency(old, forked),
    )
    missing = tree[1 : new + 1]
    yield forged(
        "entry removed", "the first", new_root=oracle.root(missing), proof=oracle.consistency(old, missing)
    )
    added = [OTHER, *tree[: new - 1]]
    yield forged(
        "entry added", "before the first", new_root=oracle.root(added), proof=oracle.consistency(old, added)
    )
    swapped = [tree[1], tree[0], *tree[2:new]]
    yield forged(
        "entries exchanged",
        "the first two",
        new_root=oracle.root(swapped),
        proof=oracle.consistency(old, swapped),
    )
    yield forged(
        "root of another size", "the new root is one leaf short", new_root=oracle.root(tree[: new - 1])
    )


def _inclusion(
    family: str, why: str, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> Case:
    return {
        "valid": family == "right", "family": family, "why": why, "leaf": leaf.hex(), "index": index,
        "size": size, "proof": [one.hex() for one in proof], "root": root.hex(),
    }  # fmt: skip


def _consistency(
    family: str, why: str, old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> Case:
    return {
        "valid": family == "right", "family": family, "why": why, "old_size": old, "new_size": new,
        "old_root": old_root.hex(), "new_root": new_root.hex(), "proof": [one.hex() for one in proof],
    }  # fmt: skip
