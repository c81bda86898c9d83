"""Folds staff into the consent index. What staff may read changes no delivery, so nobody is touched."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from consent_ledger import domain
from consent_ledger.staff import (
    BreakGlass,
    BreakGlassReason,
    GivenRole,
    Relationship,
    RelationshipKind,
    Role,
)
from consent_ledger.vocabulary import DataCategory, PostKind, TaskKind
from consent_ledger.working_days import working_days_later
from hub.projections.consent_index import Boundary, BoundaryKind, ConsentIndex
from hub.projections.tasks import Cause
from hub.projections.touched import Touched

_TO_LOOK_AT = 2
"""Working days in which somebody looks whether it was in order."""


def _key_authorised(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    index.agencies[event.agency_id].assertion_keys[event.key_id] = bytes.fromhex(event.public_key)
    return Touched()


def _key_ended(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    index.agencies[event.agency_id].assertion_keys.pop(event.key_id, None)
    return Touched()


def _role_given(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    given = GivenRole(
        event.originator_id, event.agency_id, event.staff_reference, Role(event.role), position, event.until
    )
    index.staff.give(given)
    _await_end(index, BoundaryKind.ROLE_ENDS, event)
    return Touched()


def _role_ended(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    index.staff.roles[event.originator_id].ended = True
    return Touched()


def _related(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    relationship = Relationship(
        event.originator_id,
        event.registration_id,
        event.agency_id,
        event.staff_reference,
        RelationshipKind(event.kind),
        frozenset(DataCategory(one) for one in event.categories),
        position,
        event.until,
    )
    index.staff.relate(relationship)
    _await_end(index, BoundaryKind.RELATIONSHIP_ENDS, event)
    return Touched()


def _relationship_ended(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    relationship = index.staff.relationships[event.originator_id]
    relationship.ended, relationship.ended_at = True, position
    return Touched()


def _glass_broken(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    broken = BreakGlass(
        event.originator_id,
        event.registration_id,
        event.agency_id,
        event.staff_reference,
        BreakGlassReason(event.reason),
        position,
    )
    index.staff.break_glass(broken)
    _await_end(index, BoundaryKind.BREAK_GLASS_ENDS, event)
    for registration_id in sorted(index.component(broken.registration_id)):
        if not index.registrations[registration_id].in_error:
            index.tasks.add(_to_look_at(broken, registration_id, at))
    return Touched()


def _to_look_at(broken: BreakGlass, registration_id: UUID, at: datetime) -> Cause:
    """For the data protection officers of whoever knows the person, the reader's own among them."""
    return Cause(
        TaskKind.BREAK_GLASS_OPENED,
        str(broken.break_glass_id),
        str(broken.position),
        registration_id,
        PostKind.DATA_PROTECTION_OFFICER,
        at,
        working_days_later(at, _TO_LOOK_AT),
    )


def _glass_ended(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    index.staff.broken[event.originator_id].ended = True
    return Touched()


def _await_end(index: ConsentIndex, kind: BoundaryKind, event: Any) -> None:
    if event.until:
        index.await_boundary(Boundary(datetime.fromisoformat(event.until), kind, str(event.originator_id)))


FOLDINGS: dict[type, Callable[[ConsentIndex, int, datetime, Any], Touched]] = {
    domain.Agency.AssertionKeyAuthorised: _key_authorised,
    domain.Agency.AssertionKeyEnded: _key_ended,
    domain.StaffRole.Created: _role_given,
    domain.StaffRole.Ended: _role_ended,
    domain.Relationship.Created: _related,
    domain.Relationship.Ended: _relationship_ended,
    domain.BreakGlass.Created: _glass_broken,
    domain.BreakGlass.Ended: _glass_ended,
}
