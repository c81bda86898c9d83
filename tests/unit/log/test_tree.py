"""Roots and proofs agree with RFC 6962 as it is written, and with another library; no altered one passes."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from consent_ledger.errors import ProofRefused
from consent_ledger.log.tiles import Edge
from consent_ledger.log.tree import (
    EMPTY_ROOT,
    TILE_WIDTH,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from tests.vectors import oracle
from tests.vectors.trees import entry, flipped

MOST = 1400
LEAVES = [leaf_hash(entry(index)) for index in range(MOST)]
SIZES = st.one_of(
    st.integers(1, MOST), st.sampled_from([1, 2, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025])
)
Tiles = Callable[[int, int], bytes]


def grown(size: int) -> tuple[Edge, Tiles]:
    """A tree's edge, and all its tiles."""
    edge, whole = Edge(), {}
    for level, number, hashes in edge.add(LEAVES[:size]):
        whole[level, number] = hashes
    return edge, lambda level, number: whole.get((level, number)) or edge.partial(level)


@settings(max_examples=60, deadline=None)
@given(size=SIZES)
def test_a_root_is_that_of_the_standard(size: int) -> None:
    edge, tiles = grown(size)
    assert edge.root() == root_of(size, tiles) == oracle.root(LEAVES[:size])


def test_the_empty_tree_has_the_hash_of_nothing_for_a_root() -> None:
    assert Edge().root() == EMPTY_ROOT == oracle.root([])


@pytest.mark.parametrize("size", [1, 2, 3, 256, 257, 700])
def test_a_root_is_that_of_another_library(size: int) -> None:
    other = InmemoryTree(algorithm="sha256")
    for index in range(size):
        other.append_entry(entry(index))
    assert grown(size)[0].root() == other.get_root()


@settings(max_examples=80, deadline=None)
@given(size=SIZES, data=st.data())
def test_an_inclusion_proof_is_that_of_the_standard_and_verifies(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    edge, tiles = grown(size)
    proof = inclusion_proof(index, size, tiles)
    assert proof == oracle.path(index, LEAVES[:size])
    verify_inclusion(LEAVES[index], index, size, proof, edge.root())


@settings(max_examples=80, deadline=None)
@given(new=SIZES, data=st.data())
def test_a_consistency_proof_is_that_of_the_standard_and_verifies(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, new))
    tiles = grown(new)[1]
    proof = consistency_proof(old, new, tiles)
    assert proof == oracle.consistency(old, LEAVES[:new])
    verify_consistency(old, new, oracle.root(LEAVES[:old]), oracle.root(LEAVES[:new]), proof)


@settings(max_examples=150, deadline=None)
@given(size=st.integers(2, 300), data=st.data())
def test_no_altered_inclusion_proof_verifies(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    edge, tiles = grown(size)
    proof, leaf, root = inclusion_proof(index, size, tiles), LEAVES[index], edge.root()
    at = data.draw(st.integers(0, len(proof) - 1))
    bit = data.draw(st.integers(0, 255))
    altered = data.draw(
        st.sampled_from(
            [
                (leaf, [*proof[:at], flipped(proof[at], bit), *proof[at + 1 :]], root),
                (leaf, [*proof[:at], *proof[at + 1 :]], root),
                (leaf, [*proof[:at], proof[at], *proof[at:]], root),
                (leaf, [*proof, root], root),
                (flipped(leaf, bit), proof, root),
                (leaf, proof, flipped(root, bit)),
                (LEAVES[(index + 1) % size], proof, root),
            ]
        )
    )
    with pytest.raises(ProofRefused):
        verify_inclusion(altered[0], index, size, altered[1], altered[2])


@settings(max_examples=150, deadline=None)
@given(new=st.integers(2, 300), data=st.data())
def test_no_rewritten_history_is_consistent(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new - 1))
    at = data.draw(st.integers(0, old - 1))
    rewritten = [*LEAVES[:at], leaf_hash(b"another"), *LEAVES[at + 1 : new]]
    old_root = oracle.root(LEAVES[:old])
    for leaves in (LEAVES[:new], rewritten):
        with pytest.raises(ProofRefused):
            proof = oracle.consistency(old, leaves)
            verify_consistency(old, new, old_root, oracle.root(rewritten), proof)


@pytest.mark.parametrize(("index", "size"), [(-1, 4), (4, 4), (0, 0)])
def test_no_proof_of_what_is_not_in_the_tree(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no such leaf"):
        inclusion_proof(index, size, grown(4)[1])


@pytest.mark.parametrize(("old", "new"), [(5, 4), (-1, 4)])
def test_no_proof_that_a_tree_shrank(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="smaller"):
        consistency_proof(old, new, grown(4)[1])


def test_a_tile_that_is_too_short_is_refused() -> None:
    with pytest.raises(ProofRefused):
        root_of(TILE_WIDTH, lambda level, number: b"")


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(0, 700), max_size=6))
def test_an_edge_grows_the_same_in_any_steps(sizes: list[int]) -> None:
    sizes = [size for size in sizes if sum(sizes) <= MOST]
    stepwise, size, tiles = Edge(), 0, []
    for more in sizes:
        tiles += stepwise.add(LEAVES[size : size + more])
        size += more
    once = Edge()
    assert tiles == once.add(LEAVES[:size])
    again = Edge(size, [once.partial(level) for level in range(4)][: 1 + (size > 255) + (size > 65_535)])
    assert stepwise.root() == once.root() == again.root()


@pytest.mark.parametrize(
    ("size", "levels"), [(1, []), (0, [bytes(32)]), (256, [b""]), (256, [b"", bytes(64)])]
)
def test_an_edge_of_another_size_is_refused(size: int, levels: list[bytes]) -> None:
    with pytest.raises(ValueError, match="another size"):
        Edge(size, levels)


def test_a_whole_tile_goes_up_as_one_hash() -> None:
    edge = Edge()
    [(level, number, hashes)] = edge.add(LEAVES[:256])
    assert (level, number, hashes) == (0, 0, b"".join(LEAVES[:256]))
    assert edge.partial(0) == b""
    assert edge.partial(1) == oracle.root(LEAVES[:256])
    assert node_hash(b"a" * 32, b"b" * 32) == oracle.node(b"a" * 32, b"b" * 32)


def test_a_copy_of_an_edge_grows_apart() -> None:
    edge = Edge()
    edge.add(LEAVES[:3])
    copy = edge.copy()
    copy.add(LEAVES[3:9])
    assert (edge.size, edge.root()) == (3, oracle.root(LEAVES[:3]))
    assert (copy.size, copy.root()) == (9, oracle.root(LEAVES[:9]))
