"""Folds ledger entries into the consent index and says whom each one touches."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from consent_ledger.records import RecordDue, RecordPublished
from hub.projections import folding_choices, folding_parties, folding_people
from hub.projections.consent_index import Boundary, BoundaryKind, ConsentIndex
from hub.projections.touched import Touched, component


def fold(index: ConsentIndex, position: int, at: datetime, event: object) -> Touched:
    """Folds one entry's event. An event that changes no decision touches nobody."""
    folding = _FOLDINGS.get(type(event))
    if folding is None:
        return Touched()
    touched = folding(index, position, at, event)
    if not isinstance(event, RecordPublished):
        index.forget_views()
    return touched


def _record_published(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    record = str(event.record_id)
    for due, kind in ((event.review_by, BoundaryKind.REVIEW), (event.spent_on, BoundaryKind.SPENT)):
        if due is not None:
            index.await_boundary(Boundary(due, kind, record, event.revision, event.registration_id))
    for fragment in event.fragments:
        for other in fragment.solely_about:
            index.told_about[other].add(event.registration_id)
    # Its own agency is never sent it, so only the others' pairs can change.
    return Touched(
        {
            one
            for one in index.component(event.registration_id)
            if index.registrations[one].agency_id != event.origin_agency_id
        }
    )


def _record_due(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    due = index.review_overdue if event.kind == BoundaryKind.REVIEW else index.spent
    due.add((event.record_id, event.revision))
    return component(index, event.registration_id)


_FOLDINGS: dict[type, Callable[[ConsentIndex, int, datetime, Any], Touched]] = {
    **folding_parties.FOLDINGS,
    **folding_people.FOLDINGS,
    **folding_choices.FOLDINGS,
    RecordPublished: _record_published,
    RecordDue: _record_due,
}
