"""Sealed segments: every fragment of one registration and category side by side, each revision kept.

A segment is a row of chunks under the key of (registration, category), so that destroying that key destroys
it, and a history is a handful of reads. Cell keys are keyed labels: they name neither person nor category.
"""

import base64
import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from consent_ledger.facts import Fragment
from consent_ledger.ledger import KeyOwner, Transaction
from consent_ledger.records import PublishedFragment, RecordPublished
from consent_ledger.vocabulary import DataCategory, HandlingMark, KeyCategory, Level, ServiceType

SEGMENTS = "segment"
RECORDS = "record"
_CHUNK_BYTES = 8 * 1024
_LAST = 2**32 - 1


@dataclass(frozen=True, slots=True)
class StoredFragment:
    """One revision of one fragment with its envelope. `content` is empty when the revision took it away."""

    facts: Fragment
    service_type: ServiceType
    source_system: str
    recorded_at: datetime
    content: bytes


class Segments:
    """Reads and folds segments within one transaction. What is folded is written by `flush`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._folded: dict[tuple[UUID, DataCategory], list[dict[str, Any]]] = {}

    def fold(self, record: RecordPublished, recorded_at: datetime) -> None:
        """Adds a revision's fragments, and says of those it no longer has that they are gone."""
        by_category: dict[DataCategory, list[dict[str, Any]]] = {}
        present = {}
        for fragment in record.fragments:
            present[fragment.fragment_id.hex] = fragment.key_category
            by_category.setdefault(fragment.key_category, []).append(_write(record, fragment, recorded_at))
        _, before = self._record(record.record_id, record.registration_id)
        for fragment_id, category in before.items():
            if fragment_id not in present:
                gone = {"gone": True, "fragment": fragment_id, "revision": record.revision}
                by_category.setdefault(category, []).append(gone)
                present[fragment_id] = category
        key = record.record_id.bytes + record.registration_id.bytes
        owner = KeyOwner(record.registration_id, KeyCategory.CONSENT)
        value = json.dumps([record.revision, present]).encode()
        self._transaction.put(RECORDS, key, self._transaction.vault.seal_cell(owner, key, value))
        for category, items in by_category.items():
            self._folded.setdefault((record.registration_id, category), []).extend(items)

    def flush(self) -> None:
        """Writes what was folded, each segment once."""
        for (registration_id, category), items in self._folded.items():
            self._add(registration_id, category, items)
        self._folded.clear()

    def of_registration(self, registration_id: UUID) -> dict[UUID, list[StoredFragment]]:
        """Every fragment of a registration, each as its revisions, oldest first.

        A last revision with `facts.superseded` set says that the author took the fragment away.
        """
        found: dict[UUID, list[StoredFragment]] = {}
        for item in self._items(registration_id):
            revisions = found.setdefault(UUID(item["fragment"]), [])
            if item.get("gone"):
                last = revisions[-1]
                facts = replace(last.facts, superseded=True, revision=item["revision"])
                revisions.append(replace(last, facts=facts, content=b""))
            else:
                revisions.append(_read(item))
        return found

    def revision_of(self, record_id: UUID, registration_id: UUID) -> int:
        """The record's latest revision on this registration; 0 when there is none."""
        return self._record(record_id, registration_id)[0]

    def fragments_of_record(self, record_id: UUID, registration_id: UUID) -> list[StoredFragment]:
        """The record's fragments as they last were, those taken away included."""
        _, known = self._record(record_id, registration_id)
        stored = self.of_registration(registration_id)
        return [stored[UUID(fragment_id)][-1] for fragment_id in known]

    def _record(self, record_id: UUID, registration_id: UUID) -> tuple[int, dict[str, DataCategory]]:
        """The latest revision, and the key category of every fragment the record ever had."""
        key = record_id.bytes + registration_id.bytes
        sealed = self._transaction.get(RECORDS, key)
        if sealed is None:
            return 0, {}
        owner = KeyOwner(registration_id, KeyCategory.CONSENT)
        revision, fragments = json.loads(self._transaction.vault.open_cell(owner, key, sealed))
        return revision, {one: DataCategory(category) for one, category in fragments.items()}

    def _registration_label(self, registration_id: UUID) -> bytes:
        return self._transaction.vault.label("segment", registration_id.bytes)[:16]

    def _category_label(self, registration_id: UUID, category: DataCategory) -> bytes:
        """Another for each registration, or equal categories could be told from equal labels."""
        return self._transaction.vault.label("segment", registration_id.bytes, category)[:16]

    def _items(self, registration_id: UUID) -> list[dict[str, Any]]:
        """Everything of one registration, oldest first within each category."""
        prefix = self._registration_label(registration_id)
        chunks = self._transaction.scan(SEGMENTS, prefix, limit=1_000_000)
        if not chunks:
            return []
        categories = {self._category_label(registration_id, category): category for category in DataCategory}
        items: list[dict[str, Any]] = []
        for key, sealed in reversed(chunks):
            owner = KeyOwner(registration_id, categories[key[16:32]])
            items += json.loads(b"[" + self._transaction.vault.open_cell(owner, key, sealed) + b"]")
        return items

    def _add(self, registration_id: UUID, category: DataCategory, items: list[dict[str, Any]]) -> None:
        # Chunks are numbered downwards, so that the newest is found first.
        prefix = self._registration_label(registration_id) + self._category_label(registration_id, category)
        owner = KeyOwner(registration_id, category)
        vault = self._transaction.vault
        newest = self._transaction.scan(SEGMENTS, prefix, limit=1)
        number, chunk = _LAST, b""
        if newest:
            key, sealed = newest[0]
            number, chunk = int.from_bytes(key[32:]), vault.open_cell(owner, key, sealed)
        # Item by item, so that a rebuild cuts the chunks where they were cut before.
        for item in items:
            payload = json.dumps(item, separators=(",", ":")).encode()
            if len(chunk) >= _CHUNK_BYTES:
                self._put_chunk(owner, prefix, number, chunk)
                number, chunk = number - 1, b""
            chunk += b"," + payload if chunk else payload
        self._put_chunk(owner, prefix, number, chunk)

    def _put_chunk(self, owner: KeyOwner, prefix: bytes, number: int, chunk: bytes) -> None:
        key = prefix + number.to_bytes(4)
        self._transaction.put(SEGMENTS, key, self._transaction.vault.seal_cell(owner, key, chunk))


def _write(record: RecordPublished, fragment: PublishedFragment, recorded_at: datetime) -> dict[str, Any]:
    return {
        "fragment": fragment.fragment_id.hex,
        "record": record.record_id.hex,
        "registration": record.registration_id.hex,
        "origin": record.origin_agency_id,
        "revision": record.revision,
        "service": record.service_type,
        "envelope": record.envelope_category,
        "source": record.source_system,
        "occurred": record.occurred_at.isoformat(),
        "recorded": recorded_at.isoformat(),
        "marks": list(record.marks),
        "categories": list(fragment.categories),
        "level": fragment.level,
        "free_text": fragment.free_text,
        "third_party": fragment.third_party,
        "solely_about": [one.hex for one in fragment.solely_about],
        "risk_to_others": fragment.risk_to_others,
        "content": base64.b64encode(fragment.content).decode(),
    }


def _read(item: dict[str, Any]) -> StoredFragment:
    return StoredFragment(
        Fragment(
            UUID(item["fragment"]),
            UUID(item["record"]),
            UUID(item["registration"]),
            item["origin"],
            tuple(DataCategory(one) for one in item["categories"]),
            DataCategory(item["envelope"]),
            Level(item["level"]),
            item["free_text"],
            item["third_party"],
            datetime.fromisoformat(item["occurred"]),
            item["revision"],
            frozenset(HandlingMark(one) for one in item["marks"]),
            tuple(UUID(one) for one in item["solely_about"]),
            risk_to_others=item["risk_to_others"],
        ),
        ServiceType(item["service"]),
        item["source"],
        datetime.fromisoformat(item["recorded"]),
        base64.b64decode(item["content"]),
    )
