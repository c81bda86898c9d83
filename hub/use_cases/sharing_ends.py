"""Records that the time of a request to share, or of a decision, is over."""

from uuid import UUID

from consent_ledger.domain import SharingDecision, SharingRequest
from consent_ledger.ledger import KeyOwner
from consent_ledger.vocabulary import KeyCategory
from hub.projections.consent_index import Boundary, BoundaryKind
from hub.use_cases.work import Work


def end_by_time(work: Work, boundary: Boundary) -> None:
    """Appends the end that a boundary stands for."""
    identity = UUID(boundary.subject)
    if boundary.kind is BoundaryKind.SHARING_CLOCK_ENDS:
        request = work.repository.get(SharingRequest, identity)
        request.end_clock()
        work.save(request, KeyOwner(request.registration_id, KeyCategory.CONSENT))
    else:
        decision = work.repository.get(SharingDecision, identity)
        decision.expire()
        work.save(decision, KeyOwner(decision.registration_id, KeyCategory.CONSENT))
