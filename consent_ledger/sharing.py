"""What people decide to share when nothing else allows it, and what in law and fact that rests on."""

from dataclasses import dataclass
from datetime import datetime
from enum import auto
from uuid import UUID

from consent_ledger.vocabulary import (
    Article9Condition,
    Article10Condition,
    ConfidentialityBasis,
    DataCategory,
    LawfulBasis,
    Purpose,
    StatutoryDuty,
    Term,
)


class DecisionKind(Term):
    """How people came to decide that something is shared although nothing else allows it."""

    ON_REQUEST = auto()
    SAFEGUARDING = auto()
    EMERGENCY = auto()


@dataclass(frozen=True, slots=True)
class BasisEvidence:
    """What a confidentiality basis other than explicit consent rests on. Empty: nothing was said.

    `reference` points into the capturing agency's own files. `duty_since` is when the duty came into force by
    the law as the hub knew it on recording; `None`: it was not in force.
    """

    reference: str = ""
    told_care_team: bool = False
    decision_maker: str = ""
    authorised_by: str = ""
    recorded_by: str = ""
    duty: StatutoryDuty | None = None
    duty_since: datetime | None = None


NO_EVIDENCE = BasisEvidence()


@dataclass(frozen=True, slots=True)
class PartyBasis:
    """One controller's basis in law for one purpose."""

    lawful_basis: LawfulBasis | None
    article9: Article9Condition | None
    article10: Article10Condition | None


@dataclass(slots=True)
class SharingDecision:
    """The holder's people decided that one other agency gets some of its records of a person, until it ends.

    It stands on the holder's registration. `opens`: which of tests 3, 5, 6, 7 and 8 it answers; `record_ids`:
    for which records test 7. `notice_id`: where it leaves test 5 to the person's own grants, the notice that
    these were given under. `evidence`: what the confidentiality basis rests on.
    """

    decision_id: UUID
    position: int
    registration_id: UUID
    holder_agency_id: str
    recipient_agency_id: str
    purposes: frozenset[Purpose]
    categories: frozenset[DataCategory]
    holder_basis: PartyBasis
    recipient_basis: PartyBasis
    confidentiality_basis: ConfidentialityBasis
    kind: DecisionKind
    opens: frozenset[int]
    record_ids: frozenset[UUID] = frozenset()
    notice_id: str = ""
    evidence: BasisEvidence = NO_EVIDENCE
    recorded_at: datetime | None = None
    ended: bool = False
    expired: bool = False

    @property
    def active(self) -> bool:
        """Neither ended by somebody nor by time."""
        return not self.ended and not self.expired

    @property
    def row_id(self) -> str:
        """What stands in a delivery's terms in an agreement's place."""
        return DECISION_ROW + str(self.decision_id)


DECISION_ROW = "decision:"
"""Begins the id of what a decision, and no agreement, allows. No agreement's id holds a colon."""
