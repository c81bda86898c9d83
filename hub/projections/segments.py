"""Sealed segments: every fragment of one registration and category side by side, each revision kept.

A segment is a row of chunks under the key of (registration, category), so that destroying that key destroys
it, and a history is a handful of reads. Cell keys are keyed labels: they name neither person nor category.

A chunk is a row of pieces. What many fragments have in common, their class, is written once in each chunk,
ahead of the first fragment that has it: 0x01, length (2 bytes), then record class, NUL, fragment class, NUL,
ids of registrations it is solely about. A fragment is 0x02, number of its class in the chunk, revision,
when it occurred and was recorded (microseconds), its id, its record's id, length, content. One that its
author took away is 0x03, its id, the revision that lacks it.
"""

import struct
from collections.abc import Container, Iterator
from functools import lru_cache
from uuid import UUID

from consent_ledger.ledger import KeyOwner, Transaction
from consent_ledger.records import (
    StoredRecord,
    read_fragment_class,
    read_record,
)
from consent_ledger.vocabulary import DataCategory
from hub.projections.fragments import Fragments, Item, ItemClass, StoredFragment, item_class, stored_fragment
from hub.projections.tails import Tail, Tails, Waiting

SEGMENTS = "segment"
_LAST = 2**32 - 1
_CLASS_TAG, _ITEM_TAG, _GONE_TAG = 1, 2, 3
_CLASS = struct.Struct(">BH")
_ITEM = struct.Struct(">BBIqq16s16sI")
_GONE = struct.Struct(">B16sI")
Piece = bytes | tuple[bytes, bytes]
"""A fragment's revision with its class, or that its author took it away: as the chunk's format has them."""
_as_read = tuple.__new__
"""Makes an item without the cost of its constructor: a long story has hundreds."""
_ID = 16
_ALL_CATEGORIES = b"".join(category.encode().ljust(_ID, b"\0")[:_ID] for category in DataCategory)
_PLACES = {category: _ID + at * _ID for at, category in enumerate(DataCategory)}
"""Where each category's label stands behind its registration's."""
_CATEGORIES = {place: category for category, place in _PLACES.items()}


class Segments:
    """Reads and folds segments within one transaction. What is folded is written by `flush`."""

    def __init__(self, transaction: Transaction, tails: Tails | None = None) -> None:
        self._transaction = transaction
        self._tails = tails = Tails() if tails is None else tails
        self._waiting: Waiting = tails.waiting if tails.replaying else {}

    # -- reading --------------------------------------------------------------------------------

    def fragments(self, registration_id: UUID, without: Container[DataCategory] = frozenset()) -> Fragments:
        """A registration's fragments. Those sealed under the categories `without` are not even opened."""
        found = Fragments()
        labels = self._labels(registration_id.bytes)
        chunks = self._transaction.scan(SEGMENTS, labels[:_ID], limit=1_000_000)
        if not chunks:
            return found
        vault = self._transaction.vault
        categories = {labels[at : at + _ID]: category for category, at in _PLACES.items()}
        sealed: dict[DataCategory, list[tuple[bytes, bytes]]] = {}
        for key, value in reversed(chunks):
            category = categories[key[16:32]]
            if category not in without:
                sealed.setdefault(category, []).append((key, value))
        for category, cells in sealed.items():
            for chunk in vault.open_cells(KeyOwner(registration_id, category), cells):
                _read_chunk(chunk, found)
        return found

    def holds_any(self, registration_id: UUID) -> bool:
        """Whether anything is told of the registration that its author has not taken away."""
        return any(not item.gone for item in self.fragments(registration_id).latest.values())

    def of_registration(self, registration_id: UUID) -> dict[UUID, list[StoredFragment]]:
        """Every fragment of a registration, each as its revisions, oldest first.

        A last revision with `facts.superseded` set says that the author took the fragment away.
        """
        found = self.fragments(registration_id)
        return {
            UUID(bytes=fragment_id): [
                stored_fragment(fragment_id, registration_id, one)
                for one in (*found.earlier.get(fragment_id, ()), last)
            ]
            for fragment_id, last in found.latest.items()
        }

    def record(self, record_id: UUID) -> StoredRecord | None:
        """The record's latest revision; `None` when there is no such record."""
        entries = self._transaction.stream(record_id)
        return read_record(entries[-1]) if entries else None

    def fragments_of_record(self, record_id: UUID, registration_id: UUID) -> list[StoredFragment]:
        """The record's fragments as they last were, those taken away included."""
        return [
            stored_fragment(fragment_id, registration_id, item)
            for fragment_id, item in self.fragments(registration_id).latest.items()
            if item.record_id == record_id.bytes
        ]

    # -- folding --------------------------------------------------------------------------------

    def fold(self, record: StoredRecord, recorded_at: int) -> None:
        """Adds a revision's fragments, and says of those it no longer has that they are gone."""
        record_id, revision, registration, occurred_at = record[:4]
        for fragment_id, written, _, solely_about, content in record.fragments:
            tail = self._tail(registration, _place_of(written))
            number = _class_in(tail, b"\x00".join((record.record_class, written, solely_about)))
            tail.chunk += _ITEM.pack(
                _ITEM_TAG, number, revision, occurred_at, recorded_at, fragment_id, record_id, len(content)
            )
            tail.chunk += content
        if revision > 1:
            self._fold_gone(record)

    def _fold_gone(self, record: StoredRecord) -> None:
        present = {one.fragment_id for one in record.fragments}
        before = read_record(self._transaction.stream(UUID(bytes=record.record_id))[record.revision - 2])
        # What was erased is not there, and so is not gone either.
        stayed = before is not None and before.registration_id == record.registration_id
        for one in before.fragments if before is not None and stayed else ():
            if one.fragment_id not in present:
                tail = self._tail(record.registration_id, _place_of(one.fragment_class))
                tail.chunk += _GONE.pack(_GONE_TAG, one.fragment_id, record.revision)

    def flush(self, *, at_the_end: bool = True) -> bool:
        """Writes what was folded. False where some of it waits in memory, as it may until a replay's end."""
        tails = self._tails
        if tails.replaying and not at_the_end:
            if not tails.too_much_waits:
                return False
            if not tails.too_many_wait:
                self._cut()
                return False
        tails.replaying = False
        while self._waiting:
            (registration_id, place), tail = self._waiting.popitem()
            if tail.chunk:
                self._put_chunk(registration_id, place, tail)
                tails.keep(self._prefix(registration_id, place), tail.number, tail.classes)
        return True

    def _cut(self) -> None:
        """Writes the chunks that wait though they are not full: shorter ones cost less than reading them."""
        for (registration_id, place), tail in self._waiting.items():
            if tail.chunk:
                self._put_chunk(registration_id, place, tail)
                self._waiting[registration_id, place] = Tail(tail.number - 1, bytearray(), {})
        self._tails.complete = False

    # -- erasing --------------------------------------------------------------------------------

    def taken_out(
        self, registration_id: UUID, category: DataCategory, without: Container[bytes]
    ) -> list[Piece]:
        """What one segment holds but for the fragments `without`, oldest first: to be put back."""
        prefix = self._prefix(registration_id.bytes, _PLACES[category])
        cells = self._transaction.scan(SEGMENTS, prefix, limit=1_000_000)
        if not cells:
            return []
        chunks = self._transaction.vault.open_cells(KeyOwner(registration_id, category), cells[::-1])
        return [piece for chunk in chunks for piece in _pieces(chunk) if _fragment_of(piece) not in without]

    def put_back(self, registration_id: UUID, category: DataCategory, pieces: list[Piece]) -> None:
        """Writes one segment anew, under the key that its owner gets: what its cells held before is gone."""
        prefix = self._prefix(registration_id.bytes, _PLACES[category])
        self._delete(prefix)
        tail = Tail(_LAST, bytearray(), {})
        chunks = [tail]
        for piece in pieces:
            if tail.is_full:
                tail = Tail(tail.number - 1, bytearray(), {})
                chunks.append(tail)
            _append(tail, piece)
        owner = KeyOwner(registration_id, category)
        for one in chunks if pieces else ():
            key = prefix + one.number.to_bytes(4)
            self._transaction.put_renewed(SEGMENTS, key, owner, bytes(one.chunk))

    def drop(self, registration_id: UUID) -> None:
        """Nothing is left of the registration."""
        self._delete(self._labels(registration_id.bytes)[:_ID])

    def _delete(self, prefix: bytes) -> None:
        for key, _ in self._transaction.scan(SEGMENTS, prefix, limit=1_000_000):
            self._transaction.delete(SEGMENTS, key)

    def _prefix(self, registration_id: bytes, place: int) -> bytes:
        """What a segment's keys begin with."""
        labels = self._labels(registration_id)
        return labels[:_ID] + labels[place : place + _ID]

    def _labels(self, registration_id: bytes) -> bytes:
        """The registration's, then each category's: another for each registration, or equal categories could
        be told from equal labels."""
        labels = self._tails.labels(registration_id)
        if labels is None:
            vault = self._transaction.vault
            labels = vault.label("segment", registration_id)[:_ID]
            labels += vault.opaque_ids("segment", registration_id, blocks=_ALL_CATEGORIES)
            self._tails.keep_labels(registration_id, labels)
        return labels

    def _tail(self, registration_id: bytes, place: int) -> Tail:
        """The chunk that the segment's next piece belongs to."""
        tail = self._waiting.get((registration_id, place))
        if tail is None:
            tail = self._newest(registration_id, place)
        elif tail.is_full:
            self._put_chunk(registration_id, place, tail)
        else:
            return tail
        # Decided piece by piece, so that a rebuild cuts the chunks where they were cut before.
        if tail.is_full:
            tail = Tail(tail.number - 1, bytearray(), {})
        self._waiting[registration_id, place] = tail
        return tail

    def _newest(self, registration_id: bytes, place: int) -> Tail:
        # Chunks are numbered downwards, so that the newest is found first.
        prefix = self._prefix(registration_id, place)
        owner = KeyOwner(UUID(bytes=registration_id), _CATEGORIES[place])
        known = self._tails.get(prefix)
        if known is not None:
            key = prefix + known[0].to_bytes(4)
            sealed = self._transaction.get(SEGMENTS, key)
            if sealed is not None:
                chunk = self._transaction.vault.open_cell(owner, key, sealed)
                return Tail(known[0], bytearray(chunk), known[1])
        newest = [] if self._tails.complete else self._transaction.scan(SEGMENTS, prefix, limit=1)
        if not newest:
            return Tail(_LAST, bytearray(), {})
        key, sealed = newest[0]
        chunk = self._transaction.vault.open_cell(owner, key, sealed)
        return Tail(int.from_bytes(key[32:]), bytearray(chunk), _classes_of(chunk))

    def _put_chunk(self, registration_id: bytes, place: int, tail: Tail) -> None:
        key = self._prefix(registration_id, place) + tail.number.to_bytes(4)
        owner = KeyOwner(UUID(bytes=registration_id), _CATEGORIES[place])
        self._transaction.put(SEGMENTS, key, self._transaction.vault.seal_cell(owner, key, bytes(tail.chunk)))


@lru_cache(maxsize=4096)
def _place_of(fragment_class: bytes) -> int:
    """The place of the category whose key seals fragments of the class."""
    return _PLACES[read_fragment_class(fragment_class).key_category]


def _class_in(tail: Tail, kind: bytes) -> int:
    """The number of a class in its chunk, where it is written when it is new."""
    number = tail.classes.get(kind)
    if number is None:
        number = tail.classes[kind] = len(tail.classes)
        tail.chunk += _CLASS.pack(_CLASS_TAG, len(kind)) + kind
    return number


def _append(tail: Tail, item: Piece) -> None:
    if isinstance(item, bytes):
        tail.chunk += item
        return
    kind, written = item
    number = _class_in(tail, kind)
    at = len(tail.chunk) + 1
    tail.chunk += written
    tail.chunk[at] = number


def _pieces(chunk: bytes) -> Iterator[Piece]:
    """A chunk's pieces as they are folded: each fragment with its class."""
    kinds: list[bytes] = []
    at = 0
    while at < len(chunk):
        start = at
        if chunk[at] == _CLASS_TAG:
            at += _CLASS.size + int.from_bytes(chunk[at + 1 : at + _CLASS.size])
            kinds.append(chunk[start + _CLASS.size : at])
        elif chunk[at] == _ITEM_TAG:
            at += _ITEM.size + int.from_bytes(chunk[at + _ITEM.size - 4 : at + _ITEM.size])
            yield kinds[chunk[start + 1]], chunk[start:at]
        else:
            at += _GONE.size
            yield chunk[start:at]


def _fragment_of(piece: Piece) -> bytes:
    if isinstance(piece, bytes):
        return bytes(_GONE.unpack(piece)[1])
    return bytes(_ITEM.unpack_from(piece[1])[5])


def _classes_of(chunk: bytes) -> dict[bytes, int]:
    classes: dict[bytes, int] = {}
    at = 0
    while at < len(chunk):
        if chunk[at] == _ITEM_TAG:
            at += _ITEM.size + int.from_bytes(chunk[at + _ITEM.size - 4 : at + _ITEM.size])
        elif chunk[at] == _CLASS_TAG:
            at += _CLASS.size
            length = int.from_bytes(chunk[at - 2 : at])
            classes[chunk[at : at + length]] = len(classes)
            at += length
        else:
            at += _GONE.size
    return classes


def _read_chunk(chunk: bytes, found: Fragments) -> None:
    latest, earlier = found.latest, found.earlier
    kinds: list[ItemClass] = []
    at, end, size, unpack = 0, len(chunk), _ITEM.size, _ITEM.unpack_from
    while at < end:
        tag = chunk[at]
        if tag == _ITEM_TAG:
            _, kind, revision, occurred, recorded, fragment, record, length = unpack(chunk, at)
            start = at + size
            at = start + length
            before = latest.get(fragment)
            if before is not None:
                earlier.setdefault(fragment, []).append(before)
            latest[fragment] = _as_read(
                Item, (kinds[kind], revision, occurred, recorded, record, chunk, start, at, False)
            )
        elif tag == _CLASS_TAG:
            start = at + _CLASS.size
            at = start + int.from_bytes(chunk[at + 1 : start])
            kinds.append(item_class(chunk[start:at]))
        else:
            _, fragment, revision = _GONE.unpack_from(chunk, at)
            at += _GONE.size
            last = latest[fragment]
            earlier.setdefault(fragment, []).append(last)
            latest[fragment] = last._replace(revision=revision, stop=last.start, gone=True)
