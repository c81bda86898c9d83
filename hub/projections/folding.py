"""Folds ledger entries into the consent index and says whom each one touches."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from consent_ledger.entry import moment
from consent_ledger.records import RecordDue, StoredRecord, ids_of
from hub.projections import (
    folding_administration,
    folding_choices,
    folding_emergencies,
    folding_erasures,
    folding_parties,
    folding_people,
    folding_places,
    folding_sharing,
    folding_staff,
    folding_tasks,
)
from hub.projections.consent_index import Boundary, BoundaryKind, ConsentIndex, Taken
from hub.projections.touched import Touched, component


def fold(index: ConsentIndex, position: int, at: datetime, event: object) -> Touched:
    """Folds one entry's event. An event that changes no decision touches nobody."""
    folding = _FOLDINGS.get(type(event))
    if folding is None:
        return Touched()
    touched = folding(index, position, at, event)
    if not isinstance(event, StoredRecord):
        index.forget_views()
    folding_tasks.follow(index, position, at, event)
    folding_administration.follow(index, position, at, event)
    return touched


def _record_published(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    record, registration_id = str(UUID(bytes=event.record_id)), UUID(bytes=event.registration_id)
    for due, kind in ((event.review_by, BoundaryKind.REVIEW), (event.spent_on, BoundaryKind.SPENT)):
        if due is not None:
            index.await_boundary(Boundary(moment(due), kind, record, event.revision, registration_id))
    taken = index.taken.setdefault(event.record_id, Taken())
    taken.positions.append(position)
    told = taken.told.setdefault(registration_id, set())
    index.taken_on[registration_id].add(event.record_id)
    for fragment in event.fragments:
        for other in ids_of(fragment.solely_about):
            told.add(other)
            index.told_about[other].add(registration_id)
    folding_places.record_published(index, event)
    # Whom a record may concern the projector knows: it does not change what is decided.
    return Touched()


def _record_due(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    due = index.review_overdue if event.kind == BoundaryKind.REVIEW else index.spent
    due.add((event.record_id, event.revision))
    index.passed.add(event.record_id.bytes)
    return component(index, event.registration_id)


_FOLDINGS: dict[type, Callable[[ConsentIndex, int, datetime, Any], Touched]] = {
    **folding_administration.FOLDINGS,
    **folding_parties.FOLDINGS,
    **folding_people.FOLDINGS,
    **folding_places.FOLDINGS,
    **folding_choices.FOLDINGS,
    **folding_erasures.FOLDINGS,
    **folding_tasks.FOLDINGS,
    **folding_staff.FOLDINGS,
    **folding_sharing.FOLDINGS,
    **folding_emergencies.FOLDINGS,
    StoredRecord: _record_published,
    RecordDue: _record_due,
}
