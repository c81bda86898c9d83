"""An agency's own word about its staff: which roles they have, and with which of its clients they work."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from consent_ledger.access import AccessKind
from consent_ledger.domain import Agency, Relationship, StaffRole
from consent_ledger.errors import Refused
from consent_ledger.ledger import KeyOwner
from consent_ledger.staff import GivenRole, RelationshipKind, Role
from consent_ledger.vocabulary import DataCategory, KeyCategory
from hub.use_cases.work import ADMINISTRATION, Caller, Work

HANDED_AT_MOST = timedelta(hours=8)
"""What a client hands over is for the session."""


def authorise_assertion_key(
    work: Work, caller: Caller, *, agency_id: str, key_id: str, public_key: bytes
) -> int:
    """Lets a key sign for an agency's staff; returns the entry's position. Raises `UNKNOWN_AGENCY`,
    `ALREADY_EXISTS` for another key under the same id, `INVALID_FIELD` for another agency's key."""
    caller.require_operator()
    work.require_agency(agency_id)
    for known in work.index.agencies.values():
        # With one key two agencies could speak for each other's staff.
        if known.agency_id != agency_id and public_key in known.assertion_keys.values():
            raise Refused("INVALID_FIELD", field="public_key", rule="no other agency's")
    if work.index.agencies[agency_id].assertion_keys.get(key_id, public_key) != public_key:
        raise Refused("ALREADY_EXISTS")
    agency = work.repository.get(Agency, work.vault.opaque_id("agency", agency_id))
    agency.authorise_assertion_key(agency_id, key_id, public_key.hex())
    return work.save(agency, ADMINISTRATION)


def end_assertion_key(work: Work, caller: Caller, *, agency_id: str, key_id: str) -> int:
    """Refuses what a key signs from now on: the operator, or the agency itself. Raises `OPERATOR_ONLY`,
    `UNKNOWN_AGENCY`, `NOT_FOUND`."""
    if caller.agency_id != agency_id:
        caller.require_operator()
    work.require_agency(agency_id)
    if key_id not in work.index.agencies[agency_id].assertion_keys:
        raise Refused("NOT_FOUND")
    agency = work.repository.get(Agency, work.vault.opaque_id("agency", agency_id))
    agency.end_assertion_key(agency_id, key_id, caller.name)
    return work.save(agency, ADMINISTRATION)


def give_role(
    work: Work, caller: Caller, *, staff_reference: str, role: Role, until: datetime | None = None
) -> int:
    """Gives somebody a role, until an end if one is named; the newest counts. Raises `UNKNOWN_AGENCY`,
    `IMPOSSIBLE_TIME`."""
    agency_id = caller.agency()
    work.require_agency(agency_id)
    _require_ahead(work, until)
    given = StaffRole.begin(
        work.new_id(),
        agency_id=agency_id,
        staff_reference=staff_reference,
        role=role,
        until="" if until is None else until.isoformat(),
    )
    return work.save(given, ADMINISTRATION)


def end_role(work: Work, caller: Caller, *, staff_reference: str, role: Role) -> int:
    """Ends a role at once. Raises `NOT_FOUND` for one that is not given."""
    given = work.index.staff.role(caller.agency(), staff_reference, role)
    if given is None:
        raise Refused("NOT_FOUND")
    aggregate = work.repository.get(StaffRole, given.role_id)
    aggregate.end(by_time=False)
    return work.save(aggregate, ADMINISTRATION)


def list_roles(work: Work, caller: Caller) -> tuple[list[GivenRole], list[str], int]:
    """The caller's staff with their roles, its assertion keys' ids, and this look's position. Raises
    `UNKNOWN_AGENCY`."""
    agency_id = caller.agency()
    work.require_agency(agency_id)
    keys = sorted(work.index.agencies[agency_id].assertion_keys)
    return work.index.staff.roles_of(agency_id), keys, work.record_access(caller, AccessKind.AUDIT)


def record_relationship(
    work: Work,
    caller: Caller,
    *,
    client_reference: str,
    staff_reference: str,
    kind: RelationshipKind,
    categories: Sequence[DataCategory] = (),
    until: datetime | None = None,
) -> tuple[UUID, int]:
    """Says that somebody works with one of the caller's clients: its id and position.

    Raises `REFERENCE_NOT_REGISTERED`, `INVALID_FIELD` for categories of anything but what a client hands
    over, `IMPOSSIBLE_TIME`.
    """
    registration = work.registration(caller, client_reference)
    handed = kind is RelationshipKind.HANDED_BY_CLIENT
    if handed != bool(categories):
        raise Refused("INVALID_FIELD", field="categories", rule="what the client hands over")
    if handed:
        latest = work.now + HANDED_AT_MOST
        until = latest if until is None else until
        if until > latest:
            raise Refused("IMPOSSIBLE_TIME", field="until_time", rule="8 hours at most")
    _require_ahead(work, until)
    relationship = Relationship.begin(
        work.new_id(),
        registration_id=registration.registration_id,
        agency_id=registration.agency_id,
        staff_reference=staff_reference,
        kind=kind,
        categories=sorted(categories),
        until="" if until is None else until.isoformat(),
    )
    position = work.save(relationship, KeyOwner(registration.registration_id, KeyCategory.CONSENT))
    return relationship.id, position


def end_relationship(work: Work, caller: Caller, *, relationship_id: UUID) -> int:
    """Ends a relationship at once; again is the same answer. Raises `NOT_FOUND` for one not the caller's."""
    known = work.index.staff.relationships.get(relationship_id)
    if known is None or known.agency_id != caller.agency():
        raise Refused("NOT_FOUND")
    if known.ended_at:
        return known.ended_at
    relationship = work.repository.get(Relationship, relationship_id)
    relationship.end(by_time=False)
    return work.save(relationship, KeyOwner(known.registration_id, KeyCategory.CONSENT))


def _require_ahead(work: Work, until: datetime | None) -> None:
    if until is not None and until <= work.now:
        raise Refused("IMPOSSIBLE_TIME", field="until_time", rule="in the future")
