"""One element as a partner holds it, and the bytes in which many of them are kept.

A chunk is a row of pieces. Terms are written once, ahead of the first element under them: 0x01, length (2
bytes), JSON. An element is 0x02, flags (1: an earlier version of the element that follows; 2: a stub), number
of its terms in the chunk, its id, the fragment's, the origin's registration, revision, etag, number, kind,
how many rows, and for each since which position.
"""

import json
import struct
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

from consent_ledger.access import StepGroup, StepItem, StepKind, TermRow, read_rows, write_rows
from consent_ledger.vocabulary import HandlingMark, PermissionState

VOID = 2**62
"""Stands for the number of a sending that was lost and never repeated: no acknowledgement reaches it."""
_REMEMBERED = 4
_TERMS_TAG, _HELD_TAG = 1, 2
_TERMS = struct.Struct(">BH")
_HELD = struct.Struct(">BBH16s16s16sI16sQBB")
_EARLIER, _STUB = 1, 2
_KINDS = (StepKind.DISCLOSE, StepKind.CORRECT)


class Terms(NamedTuple):
    """Under what an element may be used: rows in order, marks in order."""

    rows: tuple[TermRow, ...]
    marks: tuple[HandlingMark, ...]

    @property
    def active(self) -> bool:
        """Whether content may be sent."""
        return any(row.state is PermissionState.ACTIVE for row in self.rows)

    def dated(self, since: tuple[int, ...]) -> dict[str, int]:
        """Since when each row stands, by its key."""
        return {row.key: at for row, at in zip(self.rows, since, strict=True)}

    def written(self) -> bytes:
        """Equal terms are equal bytes."""
        return json.dumps([write_rows(self.rows), self.marks], separators=(",", ":")).encode()


NO_TERMS = Terms((), ())


def terms_of(rows: tuple[TermRow, ...], marks: tuple[HandlingMark, ...]) -> Terms:
    """Terms, the same object for equal ones: what stands unchanged is then found without comparing."""
    return _read_terms(Terms(rows, marks).written())


@lru_cache(maxsize=4096)
def _read_terms(written: bytes) -> Terms:
    rows, marks = json.loads(written)
    return Terms(read_rows(rows), tuple(HandlingMark(mark) for mark in marks))


@dataclass(slots=True)
class Held:
    """One element as last sent; ids and the etag are 16 bytes, zeros or empty where nothing is known here.

    `since` says, row by row, at which position it was last sent as active. `stub`: only a warning was sent.
    `earlier` keeps what was sent before, oldest first: the last that the partner acknowledged is what it
    really has, and older ones are for a partner restored from a backup. `chunk` is where it is kept.
    """

    fragment_id: bytes
    origin: bytes
    revision: int
    terms: Terms
    etag: bytes
    sequence: int
    kind: StepKind
    since: tuple[int, ...]
    stub: bool = False
    earlier: list["Held"] = field(default_factory=list)
    chunk: int = -1

    def acknowledged(self, up_to: int) -> "Held | None":
        """The latest version that the partner made durable; `None` when it has none."""
        if self.sequence <= up_to:
            return self
        return next((one for one in reversed(self.earlier) if one.sequence <= up_to), None)


def sent(group: StepGroup, item: StepItem, before: Held | None, position: int, acknowledged: int) -> Held:
    """The element as it now stands at the partner, remembering what stood there."""
    terms = Terms(group.rows, group.marks)
    known = {} if before is None else before.terms.dated(before.since)
    since = tuple(
        position if row.state is PermissionState.ACTIVE else known.get(row.key, position)
        for row in group.rows
    )
    return Held(
        item.fragment_id,
        group.origin,
        item.revision,
        terms,
        item.etag,
        item.sequence,
        group.kind,
        since,
        group.stub,
        [] if before is None else _remembered(before, acknowledged),
        -1 if before is None else before.chunk,
    )


def _remembered(before: Held, acknowledged: int) -> list[Held]:
    """All that is not acknowledged yet, and the last few that are."""
    versions = [one for one in (*before.earlier, replace(before, earlier=[])) if one.sequence != VOID]
    certain = [one for one in versions if one.sequence <= acknowledged]
    return certain[-_REMEMBERED:] + [one for one in versions if one.sequence > acknowledged]


def as_reported(known: Held | None, etag: bytes) -> Held:
    """What the partner says it holds, as the hub last sent exactly that; nothing is known of it otherwise."""
    if known is not None and known.etag == etag:
        return replace(known, sequence=0, chunk=-1)
    if known is not None:
        for index, one in enumerate(known.earlier):
            if one.etag == etag:
                return replace(one, sequence=0, earlier=known.earlier[:index], chunk=-1)
    fragment_id, origin = (bytes(16), b"") if known is None else (known.fragment_id, known.origin)
    return Held(fragment_id, origin, 0, NO_TERMS, etag, 0, StepKind.CORRECT, ())


def write_chunk(elements: list[tuple[bytes, Held]]) -> bytes:
    """Elements by id, as they are kept."""
    pieces: list[bytes] = []
    known: dict[Terms, int] = {}
    for element_id, current in elements:
        for one in (*current.earlier, current):
            number = known.get(one.terms)
            if number is None:
                number = known[one.terms] = len(known)
                written = one.terms.written()
                pieces += (_TERMS.pack(_TERMS_TAG, len(written)), written)
            flags = (_EARLIER if one is not current else 0) | (_STUB if one.stub else 0)
            pieces.append(
                _HELD.pack(
                    _HELD_TAG,
                    flags,
                    number,
                    element_id,
                    one.fragment_id,
                    one.origin,
                    one.revision,
                    one.etag,
                    one.sequence,
                    _KINDS.index(one.kind),
                    len(one.since),
                )
            )
            pieces += [at.to_bytes(8) for at in one.since]
    return b"".join(pieces)


def read_chunk(chunk: bytes, number: int, held: dict[bytes, Held]) -> None:
    """Adds a chunk's elements to those held."""
    terms: list[Terms] = []
    earlier: list[Held] = []
    at, end = 0, len(chunk)
    while at < end:
        if chunk[at] == _TERMS_TAG:
            start = at + _TERMS.size
            at = start + int.from_bytes(chunk[at + 1 : start])
            terms.append(_read_terms(chunk[start:at]))
            continue
        _, flags, kept, element, fragment, origin, revision, etag, sequence, kind, rows = _HELD.unpack_from(
            chunk, at
        )
        start = at + _HELD.size
        at = start + 8 * rows
        since = struct.unpack_from(f">{rows}Q", chunk, start)
        one = Held(
            fragment,
            origin,
            revision,
            terms[kept],
            etag,
            sequence,
            _KINDS[kind],
            since,
            bool(flags & _STUB),
            [],
            number,
        )
        if flags & _EARLIER:
            earlier.append(one)
        else:
            one.earlier, earlier = earlier, []
            held[element] = one
