"""What each of the eight confidentiality bases must show, and the most that it can ever open (SAFETY H19).

Explicit consent shows itself: the notice, the three questions, the capture. Every other basis is somebody's
claim; without its evidence it is refused when recorded, and opens nothing if it stands in a ledger all the
same.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from consent_ledger.facts import BasisEvidence, Grant, Scope
from consent_ledger.vocabulary import (
    DEFAULT_LEVEL,
    CaptureMethod,
    ConfidentialityBasis,
    DataCategory,
    Level,
    Purpose,
)

CONSENT = frozenset({ConfidentialityBasis.EXPLICIT_CONSENT, ConfidentialityBasis.IMPLIED_CONSENT})
"""The bases that rest on the person's own yes, and so can be WEAK."""

_MUST_NAME_THE_AGENCY = frozenset(
    {
        ConfidentialityBasis.PUBLIC_INTEREST,
        ConfidentialityBasis.STATUTORY_DUTY,
        ConfidentialityBasis.COURT_ORDER,
    }
)
_DECIDED_FOR_THE_PERSON = frozenset(
    {CaptureMethod.BEST_INTERESTS_RECORD, CaptureMethod.PROXY_LPA_HW, CaptureMethod.PROXY_DEPUTY}
)
_PURPOSES: Mapping[ConfidentialityBasis, frozenset[Purpose]] = {
    ConfidentialityBasis.IMPLIED_CONSENT: frozenset({Purpose.DIRECT_SUPPORT, Purpose.CARE_COORDINATION}),
    ConfidentialityBasis.S251: frozenset({Purpose.SERVICE_IMPROVEMENT_EVALUATION, Purpose.RESEARCH}),
}
_HIGHEST_LEVEL: Mapping[ConfidentialityBasis, Level] = {
    ConfidentialityBasis.IMPLIED_CONSENT: Level.R,
    ConfidentialityBasis.NOT_CONFIDENTIAL: Level.N,
}


def missing(
    basis: ConfidentialityBasis,
    method: CaptureMethod,
    scope: Scope,
    evidence: BasisEvidence,
    recorded_at: datetime | None,
) -> str | None:
    """The first thing that the basis lacks, as a field of the contract's Grant; `None`: it lacks nothing."""
    if basis == ConfidentialityBasis.EXPLICIT_CONSENT:
        return None
    if not evidence.reference:
        return "evidence.reference"
    match basis:
        case ConfidentialityBasis.IMPLIED_CONSENT if not evidence.told_care_team:
            return "evidence.told_care_team"
        case ConfidentialityBasis.BEST_INTERESTS if not evidence.decision_maker:
            return "evidence.decision_maker"
        case ConfidentialityBasis.BEST_INTERESTS if method not in _DECIDED_FOR_THE_PERSON:
            return "capture_method"
        case ConfidentialityBasis.PUBLIC_INTEREST if not evidence.authorised_by:
            return "evidence.authorised_by"
        # Nobody authorises what they record themselves: two people have looked at it.
        case ConfidentialityBasis.PUBLIC_INTEREST if evidence.recorded_by in ("", evidence.authorised_by):
            return "evidence.recorded_by"
        case ConfidentialityBasis.STATUTORY_DUTY if not _binding(evidence, recorded_at):
            return "evidence.duty"
    if basis in _MUST_NAME_THE_AGENCY and scope.agency_id is None:
        return "scope.agency_id"
    return None


def shown(grant: Grant) -> bool:
    """Whether a recorded grant has the evidence its basis needs."""
    evidence = grant.evidence
    return missing(grant.basis, grant.method, grant.scope, evidence.basis, evidence.recorded_at) is None


def can_open(basis: ConfidentialityBasis, purpose: Purpose, level: Level) -> bool:
    """Whether the basis ever opens content of this level for this purpose."""
    purposes = _PURPOSES.get(basis)
    highest = _HIGHEST_LEVEL.get(basis, Level.V)
    return (purposes is None or purpose in purposes) and level.rank <= highest.rank


def beyond(
    basis: ConfidentialityBasis, purposes: Iterable[Purpose], categories: Iterable[DataCategory]
) -> str | None:
    """The field of a scope that goes further than the basis can ever open; `None` when all of it can."""
    if any(not can_open(basis, purpose, Level.N) for purpose in purposes):
        return "scope.purposes"
    highest = _HIGHEST_LEVEL.get(basis, Level.V)
    if any(DEFAULT_LEVEL[category].rank > highest.rank for category in categories):
        return "scope.categories"
    return None


def _binding(evidence: BasisEvidence, recorded_at: datetime | None) -> bool:
    """Whether a duty is named that was in force when the grant was recorded."""
    if evidence.duty is None or evidence.duty_since is None or recorded_at is None:
        return False
    return evidence.duty_since <= recorded_at
