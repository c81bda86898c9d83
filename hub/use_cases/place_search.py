"""Finds protected places in what somebody wrote, by keyed labels alone."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple
from uuid import UUID

from consent_ledger.ledger import Transaction
from consent_ledger.places import candidates
from consent_ledger.vault import Vault
from hub.projections.consent_index import ConsentIndex
from hub.projections.fragments import Item
from hub.projections.holdings import Holdings
from hub.projections.places import ProtectedPlace
from hub.projections.segments import Segments
from hub.records.strings import strings_in


class Found(NamedTuple):
    """One revision of one fragment that holds a place; ids of 16 bytes but the registration's."""

    registration_id: UUID
    fragment_id: bytes
    revision: int

    def written(self) -> list[str | int]:
        """As the place's entry has it."""
        return [self.registration_id.hex, self.fragment_id.hex(), self.revision]


def tombstone(vault: Vault, spelling: str) -> bytes:
    """The keyed label of one spelling."""
    return vault.label("place", spelling)


def places_in(index: ConsentIndex, vault: Vault, texts: Iterable[str]) -> frozenset[UUID]:
    """The protected places, anybody's, that these texts name."""
    sizes = index.places.sizes
    if not sizes:
        return frozenset()
    return frozenset(chain.from_iterable(map(index.places.named, _tombstones_in(vault, texts, sizes))))


def _tombstones_in(vault: Vault, texts: Iterable[str], sizes: frozenset[int]) -> Iterator[bytes]:
    for run in {run for text in texts for run in candidates(text, sizes)}:
        yield tombstone(vault, run)


def written_in(content: bytes, origin_agency_id: str, source_system: str) -> Iterator[str]:
    """All that a recipient could read a place from: the content, and what its envelope says of its source."""
    yield origin_agency_id
    yield source_system
    yield from strings_in(content)


def names(vault: Vault, places: Iterable[ProtectedPlace], item: Item) -> bool:
    """Whether a fragment names one of these places: asked as it goes out, while nobody has looked yet."""
    kind = item.kind.record
    return any(
        not place.tombstones.isdisjoint(
            _tombstones_in(
                vault, written_in(item.content, kind.origin_agency_id, kind.source_system), place.sizes
            )
        )
        for place in places
    )


def found_on(
    index: ConsentIndex, transaction: Transaction, registrations: Iterable[UUID], place: ProtectedPlace
) -> list[Found]:
    """The fragments told on these registrations, in all their revisions, that hold the place."""
    segments = Segments(transaction)
    found = []
    for registration_id in registrations:
        told = segments.fragments(registration_id)
        for fragment_id, last in told.latest.items():
            for item in (*told.earlier.get(fragment_id, ()), last):
                told_so = (fragment_id, item.revision)
                if item.gone or index.places.is_known(place.place_id, registration_id, told_so):
                    continue
                if names(transaction.vault, (place,), item):
                    found.append(Found(registration_id, fragment_id, item.revision))
    return found


def given_to(index: ConsentIndex, transaction: Transaction, found: Iterable[Found]) -> list[UUID]:
    """The registrations of other agencies under which such a fragment stands in what they were given."""
    holdings = Holdings(transaction)
    wanted: dict[UUID, set[bytes]] = {}
    for one in found:
        wanted.setdefault(one.registration_id, set()).add(one.fragment_id)
    given = set()
    for registration_id, fragments in wanted.items():
        for member in index.component(registration_id):
            registration = index.registrations[member]
            pair = index.pair_of(member)
            for feed_id in index.agencies[registration.agency_id].feeds:
                held = holdings.held_about(feed_id, pair)
                if any(one.fragment_id in fragments for one in held.values()):
                    given.add(index.current_of_pair(pair).registration_id)
    return sorted(given)
