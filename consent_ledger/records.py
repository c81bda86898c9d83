"""Published records as ledger entries: a sealed header, and one sealed part per fragment.

The header is sealed under the envelope's category (which service knows the person), each fragment under
its own. Content is bytes to the ledger; only its category matters here.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from consent_ledger.entry import Draft, Entry, EntryClass, KeyOwner, Part
from consent_ledger.vocabulary import (
    DEFAULT_LEVEL,
    DataCategory,
    HandlingMark,
    KeyCategory,
    Level,
    ServiceType,
)

_RECORD = "record.v1"
_FRAGMENT = "fragment.v1"
_DUE = "record-due.v1"


_HEADER = (
    "record_id",
    "revision",
    "registration_id",
    "origin_agency_id",
    "service_type",
    "envelope_category",
    "occurred_at",
    "source_system",
    "marks",
    "review_by",
    "spent_on",
)
_FRAGMENT_HEADER = (
    "fragment_id",
    "categories",
    "level",
    "free_text",
    "third_party",
    "subjects",
    "solely_about",
    "risk_to_others",
)


@dataclass(frozen=True, slots=True)
class PublishedFragment:
    """One category's part of a record. `solely_about`: registrations whose permission it needs as well.

    `risk_to_others`: it says that a worker, the public or a child is at risk.
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

    @property
    def key_category(self) -> DataCategory:
        """The strictest category: its key seals the fragment."""
        return max(sorted(self.categories), key=lambda category: DEFAULT_LEVEL[category].rank)


@dataclass(frozen=True, slots=True)
class RecordPublished:
    """One revision of one record. No fragments: its author withdrew it."""

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

    def draft(self) -> Draft:
        """The entry to append. Its stream is the record, its version the revision."""
        header = {name: getattr(self, name) for name in _HEADER}
        header["fragments"] = [
            {name: getattr(fragment, name) for name in _FRAGMENT_HEADER} for fragment in self.fragments
        ]
        parts = [_part(_RECORD, header, KeyOwner(self.registration_id, self.envelope_category))]
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
        return Draft(EntryClass.CLIENT, self.record_id, self.revision, tuple(parts), changes_policy=False)


@dataclass(frozen=True, slots=True)
class RecordDue:
    """A judgement's review date (`REVIEW`) or a conviction's spent date (`SPENT`) has passed."""

    record_id: UUID
    revision: int
    registration_id: UUID
    kind: str

    def draft(self, stream_id: UUID) -> Draft:
        """The entry to append, on a stream of its own."""
        part = _part(_DUE, asdict(self), KeyOwner(self.registration_id, KeyCategory.CONSENT))
        return Draft(EntryClass.CLIENT, stream_id, 1, (part,), changes_policy=True)


def _json_value(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def _part(schema: str, value: dict[str, Any], owner: KeyOwner) -> Part:
    return Part(schema, json.dumps(value, default=_json_value, separators=(",", ":")).encode(), (owner,))


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _read_record(entry: Entry) -> RecordPublished:
    header: dict[str, Any] = json.loads(entry.parts[0].payload)
    fragments = tuple(
        PublishedFragment(
            UUID(one["fragment_id"]),
            tuple(DataCategory(category) for category in one["categories"]),
            Level(one["level"]),
            one["free_text"],
            one["third_party"],
            part.payload,
            tuple(UUID(subject) for subject in one["subjects"]),
            tuple(UUID(subject) for subject in one["solely_about"]),
            one.get("risk_to_others", False),
        )
        for one, part in zip(header["fragments"], entry.parts[1:], strict=True)
    )
    return RecordPublished(
        UUID(header["record_id"]),
        header["revision"],
        UUID(header["registration_id"]),
        header["origin_agency_id"],
        ServiceType(header["service_type"]),
        DataCategory(header["envelope_category"]),
        datetime.fromisoformat(header["occurred_at"]),
        header["source_system"],
        tuple(HandlingMark(mark) for mark in header["marks"]),
        _time(header["review_by"]),
        _time(header["spent_on"]),
        fragments,
    )


def _read_due(entry: Entry) -> RecordDue:
    value = json.loads(entry.parts[0].payload)
    return RecordDue(
        UUID(value["record_id"]), value["revision"], UUID(value["registration_id"]), value["kind"]
    )


_READERS: dict[str, Callable[[Entry], RecordPublished | RecordDue]] = {
    _RECORD: _read_record,
    _DUE: _read_due,
}


def read_record_entry(entry: Entry) -> RecordPublished | RecordDue | None:
    """What the entry says of a record; `None` if it is of another kind."""
    reader = _READERS.get(entry.parts[0].schema)
    return None if reader is None else reader(entry)
