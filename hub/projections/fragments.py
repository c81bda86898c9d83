"""Fragments as segments hold them: what is read of a chunk, and what is made of it."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from consent_ledger.entry import moment
from consent_ledger.facts import Fragment
from consent_ledger.records import (
    FragmentClass,
    RecordClass,
    ids_of,
    read_fragment_class,
    read_record_class,
)
from consent_ledger.vocabulary import ServiceType


class ItemClass(NamedTuple):
    """What fragments have in common that are decided alike. `key` is the class as it was written."""

    key: bytes
    record: RecordClass
    fragment: FragmentClass
    solely_about: tuple[UUID, ...]


@lru_cache(maxsize=4096)
def item_class(written: bytes) -> ItemClass:
    record, fragment, solely = written.split(b"\x00", 2)
    return ItemClass(written, read_record_class(record), read_fragment_class(fragment), ids_of(solely))


class Item(NamedTuple):
    """One revision of one fragment: its content is `chunk[start:stop]`. `gone`: its author took it away."""

    kind: ItemClass
    revision: int
    occurred_at: int
    recorded_at: int
    record_id: bytes
    chunk: bytes
    start: int
    stop: int
    gone: bool

    @property
    def content(self) -> bytes:
        """A serialised RecordContent; empty once taken away."""
        return self.chunk[self.start : self.stop]

    def facts(self, fragment_id: bytes, registration_id: UUID) -> Fragment:
        """What the policy reads of it, but for the dates that have passed."""
        record, fragment = self.kind.record, self.kind.fragment
        return Fragment(
            UUID(bytes=fragment_id),
            UUID(bytes=self.record_id),
            registration_id,
            record.origin_agency_id,
            fragment.categories,
            record.envelope_category,
            fragment.level,
            fragment.free_text,
            fragment.third_party,
            moment(self.occurred_at),
            self.revision,
            frozenset(record.marks),
            self.kind.solely_about,
            superseded=self.gone,
            risk_to_others=fragment.risk_to_others,
            no_sleep_site=fragment.no_sleep_site,
        )


@dataclass(slots=True)
class Fragments:
    """A registration's fragments by id, 16 bytes: each as it last was, and where it changed also as it was
    before, oldest first."""

    latest: dict[bytes, Item] = field(default_factory=dict)
    earlier: dict[bytes, list[Item]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredFragment:
    """One revision of one fragment with its envelope. `content` is empty when the revision took it away."""

    facts: Fragment
    service_type: ServiceType
    source_system: str
    recorded_at: datetime
    content: bytes


def stored_fragment(fragment_id: bytes, registration_id: UUID, item: Item) -> StoredFragment:
    """A revision with its envelope."""
    record = item.kind.record
    return StoredFragment(
        item.facts(fragment_id, registration_id),
        record.service_type,
        record.source_system,
        moment(item.recorded_at),
        item.content,
    )
