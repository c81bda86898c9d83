"""Appends the entries of moments that have passed, before anything is decided by them."""

from uuid import UUID

from consent_ledger.domain import Agreement, Grant
from consent_ledger.ledger import KeyOwner
from consent_ledger.records import RecordDue
from consent_ledger.vocabulary import KeyCategory
from hub.projections.consent_index import Boundary, BoundaryKind
from hub.use_cases import sharing_ends, staff_ends
from hub.use_cases.work import ADMINISTRATION, Work


def settle(work: Work) -> None:
    """Records every beginning, end and review date that has passed: time decides nothing by itself (I12)."""
    grants: dict[UUID, Grant] = {}
    agreements: dict[str, Agreement] = {}
    for boundary in work.index.due_boundaries(work.now):
        match boundary.kind:
            case (
                BoundaryKind.GRANT_BEGINS
                | BoundaryKind.GRANT_ENDING
                | BoundaryKind.GRANT_EXPIRES
                | BoundaryKind.AUTHORITY_ENDS
            ):
                grant_id = UUID(boundary.subject)
                grant = grants.setdefault(grant_id, work.repository.get(Grant, grant_id))
                if boundary.kind is BoundaryKind.GRANT_BEGINS:
                    grant.begin_effect()
                elif boundary.kind is BoundaryKind.GRANT_ENDING:
                    grant.approach_end(boundary.number)
                elif boundary.kind is BoundaryKind.AUTHORITY_ENDS:
                    grant.end_authority(boundary.number)
                else:
                    grant.expire()
            case BoundaryKind.AGREEMENT_BEGINS | BoundaryKind.AGREEMENT_LAPSES:
                if boundary.subject not in agreements:
                    agreements[boundary.subject] = work.repository.get(
                        Agreement, agreement_stream(work, boundary.subject)
                    )
                agreement = agreements[boundary.subject]
                if boundary.kind is BoundaryKind.AGREEMENT_BEGINS:
                    agreement.begin_version(boundary.number)
                else:
                    agreement.lapse(boundary.number)
            case BoundaryKind.REVIEW | BoundaryKind.SPENT:
                _record_due(work, boundary)
            case BoundaryKind.ROLE_ENDS | BoundaryKind.RELATIONSHIP_ENDS | BoundaryKind.BREAK_GLASS_ENDS:
                staff_ends.end_by_time(work, boundary)
            case BoundaryKind.SHARING_CLOCK_ENDS | BoundaryKind.DECISION_EXPIRES:
                sharing_ends.end_by_time(work, boundary)
    for grant_id, grant in grants.items():
        owner = KeyOwner(work.index.grants[grant_id].registration_id, KeyCategory.CONSENT)
        work.save(grant, owner)
    for agreement in agreements.values():
        work.save(agreement, ADMINISTRATION)


def agreement_stream(work: Work, agreement_id: str) -> UUID:
    """The stream an agreement is kept on."""
    return work.vault.opaque_id("agreement", agreement_id)


def _record_due(work: Work, boundary: Boundary) -> None:
    assert boundary.registration_id is not None
    due = RecordDue(UUID(boundary.subject), boundary.number, boundary.registration_id, boundary.kind)
    work.append(due.draft(work.new_id()))
