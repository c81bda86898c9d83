"""Folds protected places into the consent index, and which fragments hold them."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from consent_ledger import domain
from consent_ledger.records import StoredRecord
from consent_ledger.vocabulary import PostKind, TaskKind
from hub.projections.consent_index import ConsentIndex
from hub.projections.places import ProtectedPlace
from hub.projections.tasks import Cause
from hub.projections.touched import Touched, component

RING_WITHIN = timedelta(hours=1)
"""How soon somebody makes sure that a place given out earlier is gone (SAFETY H10)."""


def _protected(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    place = ProtectedPlace(
        event.originator_id,
        event.registration_id,
        event.protected_by,
        frozenset(bytes.fromhex(one) for one in event.tombstones),
        frozenset(event.sizes),
        None if event.care_of is None else (event.care_of, event.care_of_revision),
        event.everyone,
    )
    index.places.add(place)
    index.recorded_times[place.place_id] = at
    touched = _found(index, position, at, place, event)
    touched.registrations |= component(index, place.registration_id).registrations
    return touched


def _looked(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    place = index.places.every[event.originator_id]
    index.places.look(place.place_id, event.through)
    return _found(index, position, at, place, event)


def _found(index: ConsentIndex, position: int, at: datetime, place: ProtectedPlace, event: Any) -> Touched:
    touched = Touched()
    for registration, fragment, revision in event.found:
        registration_id = UUID(registration)
        index.places.found(place.place_id, registration_id, (bytes.fromhex(fragment), revision))
        touched.registrations |= component(index, registration_id).registrations
    _ring(index, position, at, place.place_id, event.to_ring)
    return touched


def _ring(index: ConsentIndex, position: int, at: datetime, place_id: UUID, to_ring: Sequence[str]) -> None:
    for registration in to_ring:
        index.tasks.add(
            Cause(
                TaskKind.PLACE_TO_RING,
                f"{place_id} {registration}",
                str(position),
                UUID(registration),
                PostKind.DATA_PROTECTION_OFFICER,
                at,
                at + RING_WITHIN,
            )
        )


def _lifted(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    touched = Touched()
    for registration_id in index.places.lift(event.originator_id):
        touched.registrations |= component(index, registration_id).registrations
    return touched


def record_published(index: ConsentIndex, event: StoredRecord) -> None:
    """A record told after a place was protected says itself which of its fragments hold it."""
    registration_id = UUID(bytes=event.registration_id)
    for fragment_id, places in event.places:
        for place_id in places:
            index.places.told(place_id, registration_id, (fragment_id, event.revision), event.record_id)


FOLDINGS: dict[type, Callable[[ConsentIndex, int, datetime, Any], Touched]] = {
    domain.Place.Created: _protected,
    domain.Place.Looked: _looked,
    domain.Place.Lifted: _lifted,
}
