"""Links that wait for an agency's word: another redeemed its token (SAFETY H6)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from consent_ledger.access import AccessKind
from hub.projections.consent_index import LinkState
from hub.use_cases.work import Caller, Work


@dataclass(frozen=True, slots=True)
class ProposedLink:
    """What the agency that made the token may know of it: its own reference, and when it made the token."""

    link_id: UUID
    client_reference: str
    token_made: datetime


def list_proposed_links(work: Work, caller: Caller) -> tuple[list[ProposedLink], int]:
    """The links that the caller may confirm, oldest token first, and the access position.

    Never who proposes, of what kind they are, nor when they came. Whoever proposed is shown nothing: it
    would tell when the other side answered. Links made because details agree wait for nobody, and to list
    them would say that somebody else knows the person. Raises `UNKNOWN_AGENCY`.
    """
    agency_id, index = caller.agency(), work.index
    work.require_agency(agency_id)
    access = work.record_access(caller, AccessKind.AUDIT)
    found = [
        ProposedLink(link.link_id, index.registrations[own].reference, link.offered_at)
        for own in index.by_agency[agency_id]
        if not index.registrations[own].erased
        for link in index.links_of[own]
        if link.first == own and link.state is LinkState.PROPOSED
    ]
    return sorted(found, key=lambda one: (one.token_made, one.link_id)), access
