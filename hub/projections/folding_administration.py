"""Folds administrators, proposals and stops into the consent index. They touch nobody's deliveries."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from consent_ledger import domain
from hub.projections.administration import NEEDED, Administrator, Proposal, ProposalState, Stop
from hub.projections.consent_index import ConsentIndex
from hub.projections.touched import Touched

OPERATOR = "operator"
"""How the ledger names the operator where an entry says who did it."""
_STOPS = {
    domain.Administrator.Ended: None,
    domain.Agency.AssertionKeyEnded: "ended_by",
    domain.Agency.CertificateRevoked: "revoked_by",
    domain.Agreement.Terminated: "by",
}
"""What one person may do at once, and two stand by later: it only ever takes something away. With each, where
it says who did it: what an agency does for itself needs nobody's word, what an administrator does always."""


def follow(index: ConsentIndex, position: int, at: datetime, event: object) -> None:
    """Notes a stop by the operator, once two people are needed for everything else."""
    kind = type(event)
    if kind not in _STOPS or not index.administration.founded:
        return
    who = _STOPS[kind]
    if who is None or getattr(event, who) == OPERATOR:
        topic: str = kind.TOPIC  # type: ignore[attr-defined]
        index.administration.stops[position] = Stop(position, topic, at)


def _codes_issued(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    until = datetime.fromisoformat(event.until)
    index.administration.codes = dict.fromkeys(event.labels, until)
    return Touched()


def _enrolled(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    known = index.administration
    known.administrators[event.name] = Administrator(event.name, bytes.fromhex(event.public_key), position)
    known.codes.pop(event.code, None)
    known.founded = known.founded or len(known.standing) >= NEEDED
    return Touched()


def _ended(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    index.administration.administrators[event.name].ended = position
    return Touched()


def _proposed(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    index.administration.proposals[event.proposal_id] = Proposal(
        event.proposal_id, event.method, event.by, position, datetime.fromisoformat(event.until)
    )
    return Touched()


def _settled(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    approved = isinstance(event, domain.Proposal.Approved)
    state = ProposalState.APPROVED if approved else ProposalState.WITHDRAWN
    index.administration.proposals[event.proposal_id].state = state
    return Touched()


def _ratified(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    index.administration.stops[event.position].ratified = position
    return Touched()


def _file_root_accepted(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    index.administration.file_root_accepted = position
    return Touched()


def _wind_down_authorised(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    index.administration.wind_down_until = datetime.fromisoformat(event.until)
    return Touched()


FOLDINGS: dict[type, Callable[[ConsentIndex, int, datetime, Any], Touched]] = {
    domain.AdministratorCodes.Created: _codes_issued,
    domain.Administrator.Created: _enrolled,
    domain.Administrator.Ended: _ended,
    domain.Proposal.Created: _proposed,
    domain.Proposal.Approved: _settled,
    domain.Proposal.Withdrawn: _settled,
    domain.Ratification.Created: _ratified,
    domain.FileRootAcceptance.Created: _file_root_accepted,
    domain.WindDownAuthorisation.Created: _wind_down_authorised,
}
