"""What has to go so that content can be read no more: keys to destroy, keys to renew, segments to write anew.

A fragment's key is destroyed wherever it is wrapped. Whoever's key wrapped it gets a new one, or old copies
of the key table would go on opening it after the epoch's end; and what the old key sealed besides, the
segments, is sealed under the new one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from consent_ledger.ledger import KeyOwner
from consent_ledger.records import ids_of, placed_fragments, read_record, read_record_class
from consent_ledger.vocabulary import DataCategory, KeyCategory
from hub.use_cases.work import Work


class Told(NamedTuple):
    """One fragment that can be read. `categories`: its own, then its envelope's."""

    fragment_id: bytes
    registration_id: UUID
    record_id: UUID
    categories: tuple[DataCategory, ...]


def told_on(work: Work, registrations: Iterable[UUID]) -> list[Told]:
    """Every fragment of these registrations that can be read, those taken away by their author included."""
    return [
        Told(
            fragment_id,
            registration_id,
            UUID(bytes=item.record_id),
            (*item.kind.fragment.categories, item.kind.record.envelope_category),
        )
        for registration_id in registrations
        for fragment_id, item in work.segments.fragments(registration_id).latest.items()
    ]


@dataclass(slots=True)
class Unreading:
    """One command's destruction. `gone`: registrations of which nothing is left, not even the reference."""

    keys: dict[int, list[bytes]] = field(default_factory=dict)
    renewed: set[KeyOwner] = field(default_factory=set)
    fragments: frozenset[bytes] = frozenset()
    gone: tuple[UUID, ...] = ()

    def key_ids(self) -> list[bytes]:
        """The ids of all fragments' keys that are destroyed, in order."""
        return [key_id for position in sorted(self.keys) for key_id in self.keys[position]]


def unreading(work: Work, doomed: Sequence[Told], gone: Sequence[UUID]) -> Unreading:
    """How to make these fragments unreadable, in all their revisions. A record of which nothing else is left
    loses its header too: when, where and by what name of its author's it was told."""
    ids = frozenset(one.fragment_id for one in doomed)
    found = Unreading(fragments=ids, gone=tuple(gone))
    for record_id in dict.fromkeys(one.record_id for one in doomed):
        _unread_record(work, record_id, ids, found)
    return found


def _unread_record(work: Work, record_id: UUID, ids: frozenset[bytes], found: Unreading) -> None:
    revisions = []
    nothing_left = True
    for entry in work.transaction.stream(record_id):
        record = read_record(entry)
        if record is not None:
            placed = placed_fragments(entry)
            revisions.append((entry.position, record, placed))
            nothing_left = nothing_left and all(one.fragment_id in ids for one in placed)
    for position, record, placed in revisions:
        parts = {one.part for one in placed if one.fragment_id in ids}
        registration_id = UUID(bytes=record.registration_id)
        for one in placed:
            if one.part in parts:
                owners = (registration_id, *ids_of(one.subjects))
                found.renewed.update(KeyOwner(owner, one.kind.key_category) for owner in owners)
        if nothing_left:
            parts.add(0)
            envelope = read_record_class(record.record_class).envelope_category
            found.renewed.add(KeyOwner(registration_id, envelope))
        keys = work.transaction.part_keys(position) if parts else []
        own = [key_id for part, (key_id, is_own) in enumerate(keys) if part in parts and is_own]
        if own:
            found.keys[position] = own


def carry_out(work: Work, what: Unreading) -> None:
    """Has it done once the entry that says so is appended, in the same transaction."""
    separable = [one for one in what.gone if work.index.registrations[one].separable]
    destroyed = {KeyOwner(one, category) for one in what.gone for category in DataCategory}
    destroyed |= {KeyOwner(one, KeyCategory.LINK) for one in separable}
    destroyed |= {KeyOwner(one, KeyCategory.PLACE) for one in what.gone}
    renewed = sorted(what.renewed - destroyed, key=str)
    segments = work.segments
    kept = {}
    for owner in renewed:
        assert owner.registration_id is not None
        category = DataCategory(owner.category)
        kept[owner] = segments.taken_out(owner.registration_id, category, what.fragments)
    for registration_id in what.gone:
        segments.drop(registration_id)

    def destroy() -> None:
        work.transaction.erase_keys(
            categories=sorted(destroyed, key=str),
            fragments=[(position, what.keys[position]) for position in sorted(what.keys)],
            rotate=renewed,
        )
        for owner, pieces in kept.items():
            assert owner.registration_id is not None
            segments.put_back(owner.registration_id, DataCategory(owner.category), pieces)

    work.when_appended(destroy)
