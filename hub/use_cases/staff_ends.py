"""Records that the time of a role, a relationship or a break-glass is over."""

from uuid import UUID

from consent_ledger.domain import BreakGlass, Relationship, StaffRole
from consent_ledger.ledger import KeyOwner
from consent_ledger.vocabulary import KeyCategory
from hub.projections.consent_index import Boundary, BoundaryKind
from hub.use_cases.work import ADMINISTRATION, Work


def end_by_time(work: Work, boundary: Boundary) -> None:
    """Appends the end that a boundary stands for."""
    identity = UUID(boundary.subject)
    if boundary.kind is BoundaryKind.ROLE_ENDS:
        role = work.repository.get(StaffRole, identity)
        role.end(by_time=True)
        work.save(role, ADMINISTRATION)
    elif boundary.kind is BoundaryKind.RELATIONSHIP_ENDS:
        relationship = work.repository.get(Relationship, identity)
        relationship.end(by_time=True)
        work.save(relationship, KeyOwner(relationship.registration_id, KeyCategory.CONSENT))
    else:
        broken = work.repository.get(BreakGlass, identity)
        broken.end()
        work.save(broken, KeyOwner(broken.registration_id, KeyCategory.CONSENT))
