"""Where tiles lie, how many a tree has, and what a bundle of entries is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_ledger.errors import ProofRefused
from consent_ledger.log.tiles import ENTRIES, bundle, parse_path, tile_path, tiles_of, unbundle


@pytest.mark.parametrize(
    ("path", "tile"),
    [
        ("tile/0/x001/x234/067", (0, 1_234_067, 256)),
        ("tile/0/x001/x234/067.p/123", (0, 1_234_067, 123)),
        ("tile/63/000.p/1", (63, 0, 1)),
        ("tile/entries/999", (ENTRIES, 999, 256)),
        ("tile/entries/x001/000.p/255", (ENTRIES, 1000, 255)),
    ],
)
def test_a_path_is_that_of_the_standard(path: str, tile: tuple[int | str, int, int]) -> None:
    assert tile_path(*tile) == path
    assert parse_path(path) == tile


@given(level=st.integers(0, 63), number=st.integers(0, 2**40), width=st.integers(1, 256))
def test_every_path_is_read_as_it_was_written(level: int, number: int, width: int) -> None:
    assert parse_path(tile_path(level, number, width)) == (level, number, width)


@pytest.mark.parametrize(
    "path",
    [
        "", "tile/64/000", "tile/00/000", "tile/0/00", "tile/0/0000", "tile/0/001/067", "tile/0/x000/067",
        "tile/0/067.p/0", "tile/0/067.p/256", "tile/0/067.p/01", "tile/0/067.p/", "/tile/0/067",
        "tile/0/067/",
        "tile/0/../067", "tile/0/x001/x067", "tile/data/000", "tile/0/06\u0667",
    ],
)  # fmt: skip
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ProofRefused):
        parse_path(path)


def test_the_tiles_of_the_standards_example() -> None:
    """70,000 leaves: 273 whole and one of 112; one whole and one of 17; one of 1."""
    tiles = list(tiles_of(70_000))
    assert tiles[0] == (0, 0, 256)
    assert [tile for tile in tiles if tile[2] != 256] == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert sum(level == 0 for level, _, _ in tiles) == 274
    assert list(tiles_of(256)) == [(0, 0, 256), (1, 0, 1)]
    assert list(tiles_of(0)) == []


@given(st.lists(st.binary(max_size=80)))
def test_a_bundle_is_read_as_it_was_written(entries: list[bytes]) -> None:
    assert unbundle(bundle(entries)) == entries


@pytest.mark.parametrize("data", [b"\0", b"\0\1", b"\0\2a", b"\0\1ab"])
def test_a_bundle_that_is_cut_is_refused(data: bytes) -> None:
    with pytest.raises(ProofRefused):
        unbundle(data)


def test_an_entry_may_not_be_longer_than_its_length_can_say() -> None:
    bundle([bytes(65_535)])
    with pytest.raises(ValueError, match="65,535"):
        bundle([bytes(65_536)])
