"""Published records as ledger entries: a sealed header, and one sealed part per fragment.

The header is sealed under the envelope's category (which service knows the person), each fragment under
its own. Content is bytes to the ledger; only its category matters here.

A header's payload: record's id (16), revision (4), registration's id (16), when it occurred, its review date
and its spent date (8 each, microseconds since 1970; -2^63: none), lengths of class (2) and own id (1), number
of fragments (2), class, own id; then of each fragment its id (16), lengths of its class, subjects and those
it is solely about (2 each), class, and their registrations' ids (16 each). A fragment's part is its content.
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from consent_ledger.entry import Draft, Entry, EntryClass, KeyOwner, Part, microseconds
from consent_ledger.vocabulary import (
    DEFAULT_LEVEL,
    DataCategory,
    HandlingMark,
    KeyCategory,
    Level,
    ServiceType,
)

RECORD = "record.v2"
_FRAGMENT = "fragment.v1"
_DUE = "record-due.v1"
_PLACES = "record-places.v1"

_HEADER = struct.Struct(">16sI16sqqqHBH")
_FRAGMENT_HEADER = struct.Struct(">16sHHH")
_NEVER = -(2**63)
_ID = 16


class RecordClass(NamedTuple):
    """What the policy reads of a record, the same for many records of one service."""

    origin_agency_id: str
    service_type: ServiceType
    envelope_category: DataCategory
    source_system: str
    marks: tuple[HandlingMark, ...]


class FragmentClass(NamedTuple):
    """What the policy reads of a fragment, the same for many. The last two: as in `facts.Fragment`."""

    categories: tuple[DataCategory, ...]
    level: Level
    free_text: bool
    third_party: bool
    risk_to_others: bool
    no_sleep_site: bool = False

    @property
    def key_category(self) -> DataCategory:
        """The strictest category: its key seals the fragment."""
        return _strictest(self.categories)


@lru_cache(maxsize=4096)
def _strictest(categories: tuple[DataCategory, ...]) -> DataCategory:
    return max(sorted(categories), key=lambda category: DEFAULT_LEVEL[category].rank)


@lru_cache(maxsize=4096)
def _write_record_class(kind: RecordClass) -> bytes:
    """As bytes without a NUL; equal classes are equal bytes."""
    return json.dumps([*kind[:4], list(kind.marks)], separators=(",", ":")).encode()


@lru_cache(maxsize=4096)
def _write_fragment_class(kind: FragmentClass) -> bytes:
    """As bytes without a NUL; equal classes are equal bytes."""
    # What `matters_to_decisions` looks for comes last.
    said = (kind.free_text, kind.third_party, kind.no_sleep_site, kind.risk_to_others)
    flags = "".join(letter for letter, is_set in zip("ftno", said, strict=True) if is_set)
    return f"{kind.level}|{flags}|{','.join(kind.categories)}".encode()


@lru_cache(maxsize=4096)
def read_record_class(written: bytes) -> RecordClass:
    """The class that was written."""
    origin, service, envelope, source, marks = json.loads(written)
    return RecordClass(
        origin, ServiceType(service), DataCategory(envelope), source, tuple(map(HandlingMark, marks))
    )


@lru_cache(maxsize=4096)
def read_fragment_class(written: bytes) -> FragmentClass:
    """The class that was written."""
    level, flags, categories = written.decode().split("|")
    return FragmentClass(
        tuple(DataCategory(one) for one in categories.split(",")),
        Level(level),
        "f" in flags,
        "t" in flags,
        "o" in flags,
        "n" in flags,
    )


@dataclass(frozen=True, slots=True)
class PublishedFragment:
    """One category's part of a record. `solely_about`: registrations whose permission it needs as well.

    `risk_to_others`: it says that a worker, the public or a child is at risk. `no_sleep_site`: as in
    `facts.Fragment`.
    """

    fragment_id: UUID
    categories: tuple[DataCategory, ...]
    level: Level
    free_text: bool
    third_party: bool
    content: bytes
    subjects: tuple[UUID, ...] = ()
    solely_about: tuple[UUID, ...] = ()
    risk_to_others: bool = False
    no_sleep_site: bool = False

    @property
    def fragment_class(self) -> FragmentClass:
        """What the policy reads of it."""
        return FragmentClass(
            self.categories,
            self.level,
            self.free_text,
            self.third_party,
            self.risk_to_others,
            self.no_sleep_site,
        )

    @property
    def key_category(self) -> DataCategory:
        """The strictest category: its key seals the fragment."""
        return self.fragment_class.key_category


@dataclass(frozen=True, slots=True)
class RecordPublished:
    """One revision of one record. No fragments: its author withdrew it. `own_id`: how its author calls it."""

    record_id: UUID
    revision: int
    registration_id: UUID
    origin_agency_id: str
    service_type: ServiceType
    envelope_category: DataCategory
    occurred_at: datetime
    source_system: str
    marks: tuple[HandlingMark, ...]
    review_by: datetime | None
    spent_on: datetime | None
    fragments: tuple[PublishedFragment, ...]
    own_id: str = ""
    places: tuple[tuple[UUID, tuple[UUID, ...]], ...] = ()
    """Fragments that hold protected places, and which, by their ids."""

    def draft(self) -> Draft:
        """The entry to append. Its stream is the record, its version the revision."""
        kind = _write_record_class(
            RecordClass(
                self.origin_agency_id,
                self.service_type,
                self.envelope_category,
                self.source_system,
                self.marks,
            )
        )
        own_id = self.own_id.encode()
        header = [
            _HEADER.pack(
                self.record_id.bytes,
                self.revision,
                self.registration_id.bytes,
                microseconds(self.occurred_at),
                _NEVER if self.review_by is None else microseconds(self.review_by),
                _NEVER if self.spent_on is None else microseconds(self.spent_on),
                len(kind),
                len(own_id),
                len(self.fragments),
            ),
            kind,
            own_id,
            *(_fragment_header(fragment) for fragment in self.fragments),
        ]
        owner = KeyOwner(self.registration_id, self.envelope_category)
        parts = [Part(RECORD, b"".join(header), (owner,), fragment_key=True)]
        for fragment in self.fragments:
            category = fragment.key_category
            owners = (self.registration_id, *fragment.subjects)
            parts.append(
                Part(
                    _FRAGMENT,
                    fragment.content,
                    tuple(KeyOwner(owner, category) for owner in owners),
                    fragment_key=True,
                )
            )
        if self.places:
            told = [[one.hex, [place.hex for place in places]] for one, places in self.places]
            # Under the key for choices: it says nothing of the content, and stays when that is erased.
            consent = KeyOwner(self.registration_id, KeyCategory.CONSENT)
            parts.append(Part(_PLACES, json.dumps(told, separators=(",", ":")).encode(), (consent,)))
        return Draft(EntryClass.CLIENT, self.record_id, self.revision, tuple(parts), changes_policy=False)


def _fragment_header(fragment: PublishedFragment) -> bytes:
    kind = _write_fragment_class(fragment.fragment_class)
    counts = (len(kind), len(fragment.subjects), len(fragment.solely_about))
    ids = b"".join(one.bytes for one in (*fragment.subjects, *fragment.solely_about))
    return _FRAGMENT_HEADER.pack(fragment.fragment_id.bytes, *counts) + kind + ids


class StoredPart(NamedTuple):
    """One fragment as its entry holds it, undecoded. `solely_about`: registrations' ids, 16 bytes each."""

    fragment_id: bytes
    fragment_class: bytes
    subjects: bytes
    solely_about: bytes
    content: bytes


class StoredRecord(NamedTuple):
    """One revision of one record as its entry holds it: ids of 16 bytes, moments in microseconds.

    `places`: of each fragment that holds protected places, its id and theirs.
    """

    record_id: bytes
    revision: int
    registration_id: bytes
    occurred_at: int
    review_by: int | None
    spent_on: int | None
    record_class: bytes
    fragments: list[StoredPart]
    own_name: bytes
    places: tuple[tuple[bytes, tuple[UUID, ...]], ...] = ()

    @property
    def own_id(self) -> str:
        """How its author calls it."""
        return self.own_name.decode()

    @property
    def agency_id(self) -> str:
        """Whose record it is."""
        return read_record_class(self.record_class).origin_agency_id

    @property
    def matters_to_decisions(self) -> bool:
        """Whether more follows from it than its content: a date to wait for, another's say, a risk, place."""
        if self.review_by is not None or self.spent_on is not None or self.places:
            return True
        # A replay asks this of every record, and a generator costs as much as all else here.
        for one in self.fragments:  # noqa: SIM110
            if one.solely_about or b"o|" in one.fragment_class[:8]:
                return True
        return False


def read_record(entry: Entry) -> StoredRecord | None:
    """The record that the entry publishes, without what is erased of it; `None` if it is of another kind, or
    all of it is erased."""
    parts = entry.parts
    if parts[0].schema != RECORD:
        return None
    header = parts[0].payload
    record_id, revision, registration, occurred, review, spent, length, named, count = _HEADER.unpack_from(
        header
    )
    named_at = _HEADER.size + length
    at = named_at + named
    named_end = at
    fragments = []
    for part in parts[1 : count + 1]:
        fragment_id, size, subjects, solely = _FRAGMENT_HEADER.unpack_from(header, at)
        at += _FRAGMENT_HEADER.size
        ids = at + size
        middle, end = ids + subjects * _ID, ids + (subjects + solely) * _ID
        if part.schema == _FRAGMENT:  # what was erased is not there
            fragments.append(
                StoredPart(fragment_id, header[at:ids], header[ids:middle], header[middle:end], part.payload)
            )
        at = end
    return StoredRecord(
        record_id,
        revision,
        registration,
        occurred,
        None if review == _NEVER else review,
        None if spent == _NEVER else spent,
        header[_HEADER.size : named_at],
        fragments,
        header[named_at:named_end],
        _read_places(parts[count + 1 :]) if len(parts) > count + 1 else (),
    )


def _read_places(rest: Sequence[Part]) -> tuple[tuple[bytes, tuple[UUID, ...]], ...]:
    if not rest or rest[0].schema != _PLACES:
        return ()
    told = json.loads(rest[0].payload)
    return tuple((bytes.fromhex(one), tuple(UUID(place) for place in places)) for one, places in told)


class PlacedFragment(NamedTuple):
    """Where in its entry a fragment stands, and whose keys open it. Ids are 16 bytes; `subjects` many."""

    part: int
    fragment_id: bytes
    kind: FragmentClass
    subjects: bytes


def placed_fragments(entry: Entry) -> list[PlacedFragment]:
    """The fragments of a record's entry that are not erased, with the numbers of their parts."""
    record = read_record(entry)
    if record is None:
        return []
    numbers = [at for at, part in enumerate(entry.parts) if part.schema == _FRAGMENT]
    return [
        PlacedFragment(number, one.fragment_id, read_fragment_class(one.fragment_class), one.subjects)
        for number, one in zip(numbers, record.fragments, strict=True)
    ]


def ids_of(joined: bytes) -> tuple[UUID, ...]:
    """Ids that were written side by side."""
    return tuple(UUID(bytes=joined[at : at + _ID]) for at in range(0, len(joined), _ID))


@dataclass(frozen=True, slots=True)
class RecordDue:
    """A judgement's review date (`REVIEW`) or a conviction's spent date (`SPENT`) has passed."""

    record_id: UUID
    revision: int
    registration_id: UUID
    kind: str

    def draft(self, stream_id: UUID) -> Draft:
        """The entry to append, on a stream of its own."""
        payload = json.dumps(asdict(self), default=str, separators=(",", ":")).encode()
        part = Part(_DUE, payload, (KeyOwner(self.registration_id, KeyCategory.CONSENT),))
        return Draft(EntryClass.CLIENT, stream_id, 1, (part,), changes_policy=True)


def read_due(entry: Entry) -> RecordDue | None:
    """The date that the entry says has passed; `None` if it is of another kind."""
    if entry.parts[0].schema != _DUE:
        return None
    value = json.loads(entry.parts[0].payload)
    return RecordDue(
        UUID(value["record_id"]), value["revision"], UUID(value["registration_id"]), value["kind"]
    )
