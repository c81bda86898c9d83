"""Tiles and entry bundles as files (C2SP tlog-tiles v0.1.0), and the tree's growing right edge."""

import re
from collections.abc import Iterable, Iterator, Sequence

from consent_ledger.errors import ProofRefused
from consent_ledger.log.tree import HASH_SIZE, TILE_HEIGHT, TILE_WIDTH, root_over, split

CHECKPOINT_PATH = "checkpoint"
ENTRIES = "entries"
_PATH = re.compile(
    r"tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)
_LENGTH_SIZE = 2
_LONGEST_ENTRY = 0xFFFF


def tile_path(level: int | str, number: int, width: int = TILE_WIDTH) -> str:
    """Where a tile lies, such as `tile/0/x001/x234/067.p/123`. `level`: 0 to 63, or `ENTRIES`."""
    digits = f"{number:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
    return f"tile/{level}/{path}" + ("" if width == TILE_WIDTH else f".p/{width}")


def parse_path(path: str) -> tuple[int | str, int, int]:
    """(level, number, width), the reverse of `tile_path`. Raises `ProofRefused`."""
    found = _PATH.fullmatch(path)
    if found is None:
        raise ProofRefused("tile path")
    level = found[1] if found[1] == ENTRIES else int(found[1])
    number, width = int(found[2].replace("x", "").replace("/", "")), int(found[3] or TILE_WIDTH)
    if tile_path(level, number, width) != path or width > TILE_WIDTH:
        raise ProofRefused("tile path")
    return level, number, width


def tiles_of(size: int) -> Iterator[tuple[int, int, int]]:
    """(level, number, width) of every tile of a tree, level by level."""
    level, hashes = 0, size
    while hashes:
        whole, rest = divmod(hashes, TILE_WIDTH)
        yield from ((level, number, TILE_WIDTH) for number in range(whole))
        if rest:
            yield level, whole, rest
        level, hashes = level + 1, whole


def bundle(entries: Iterable[bytes]) -> bytes:
    """Entries side by side, each after its length. Raises ValueError for one that is too long."""
    framed: list[bytes] = []
    for entry in entries:
        if len(entry) > _LONGEST_ENTRY:
            raise ValueError("an entry has at most 65,535 bytes")
        framed += (len(entry).to_bytes(_LENGTH_SIZE), entry)
    return b"".join(framed)


def unbundle(data: bytes) -> list[bytes]:
    """The reverse of `bundle`. Raises `ProofRefused`."""
    entries, at = [], 0
    while at < len(data):
        start = at + _LENGTH_SIZE
        end = start + int.from_bytes(data[at:start])
        if start > len(data) or end > len(data):
            raise ProofRefused("entry bundle")
        entries.append(data[start:end])
        at = end
    return entries


class Edge:
    """The right edge of a growing tree: of each level those hashes that are no whole tile yet.

    From it alone come the root, and the tiles that become whole as leaves are added.
    """

    def __init__(self, size: int = 0, levels: Sequence[bytes] = ()) -> None:
        """`levels`: each level's partial tile, from 0 up. Raises ValueError if they do not fit the size."""
        self.size = size
        self._levels = [bytearray(level) for level in levels]
        rest = size
        for level in self._levels:
            if len(level) != rest % TILE_WIDTH * HASH_SIZE:
                raise ValueError("an edge of another size")
            rest >>= TILE_HEIGHT
        if rest:
            raise ValueError("an edge of another size")

    @classmethod
    def restored(cls, size: int, leaves: bytes, above: bytes) -> "Edge":
        """From level 0 and what `above` gave. Raises ValueError if they are of another size."""
        levels, rest, at = [leaves] if size else [], size >> TILE_HEIGHT, 0
        while rest:
            width = rest % TILE_WIDTH * HASH_SIZE
            levels.append(above[at : at + width])
            rest, at = rest >> TILE_HEIGHT, at + width
        if at != len(above):
            raise ValueError("an edge of another size")
        return cls(size, levels)

    def above(self) -> bytes:
        """All levels but the lowest, side by side."""
        return b"".join(self._levels[1:])

    def copy(self) -> "Edge":
        """One that grows apart."""
        return Edge(self.size, [bytes(level) for level in self._levels])

    def add(self, leaves: Sequence[bytes]) -> list[tuple[int, int, bytes]]:
        """Adds leaf hashes; returns the tiles that became whole: (level, number, hashes)."""
        whole = []
        for leaf in leaves:
            self.size += 1
            whole += self._add(0, leaf)
        return whole

    def root(self) -> bytes:
        """The tree's root."""
        rest: list[bytes] = []
        for level in self._levels:
            hashes = split(bytes(level)) + rest
            rest = [root_over(hashes)] if hashes else []
        return root_over(rest)

    def partial(self, level: int) -> bytes:
        """A level's hashes that are no whole tile yet; maybe none."""
        return bytes(self._levels[level]) if level < len(self._levels) else b""

    def _add(self, level: int, found: bytes) -> list[tuple[int, int, bytes]]:
        if level == len(self._levels):
            self._levels.append(bytearray())
        hashes = self._levels[level]
        hashes += found
        if len(hashes) < TILE_WIDTH * HASH_SIZE:
            return []
        tile = bytes(hashes)
        hashes.clear()
        number = (self.size >> TILE_HEIGHT * (level + 1)) - 1
        return [(level, number, tile), *self._add(level + 1, root_over(split(tile)))]
