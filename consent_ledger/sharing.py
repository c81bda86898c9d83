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


class SharingAnswerKind(Term):
    """What a holder's people answer to a request."""

    PERMIT = auto()
    NARROW = auto()
    REFUSE = auto()


class SharingStatus(Term):
    """What the asker is told: the same for refused, for unanswered and for nothing there (SAFETY H6)."""

    WAITING = auto()
    PERMITTED = auto()
    NOT_SHARED = auto()


class SharingPower(Term):
    """By what power in law an agency asks."""

    CARE_ACT_2014 = auto()
    CHILDREN_ACT_1989_2004 = auto()
    HOUSING_ACT_1996 = auto()
    HEALTH_AND_SOCIAL_CARE = auto()
    CRIME_AND_DISORDER_ACT_1998 = auto()
    DATA_PROTECTION_ACT_2018_SCHEDULE_2 = auto()
    COMMON_LAW = auto()
    OTHER = auto()


class RefusalToShare(Term):
    """Why a holder's people do not share: kept for their own record, told to nobody."""

    NOT_NECESSARY = auto()
    NO_BASIS_IN_LAW = auto()
    CONFIDENTIAL = auto()
    RISK_TO_THE_PERSON = auto()
    ASK_THE_PERSON = auto()
    NOT_HELD = auto()


class OverrideRisk(Term):
    """Whom a safeguarding override protects."""

    TO_THE_PERSON = auto()
    TO_A_CHILD = auto()
    TO_OTHERS = auto()


class WhyNoConsent(Term):
    """DPA 2018 Schedule 1 paragraph 18: the three reasons for not having the person's consent."""

    CANNOT_GIVE = auto()
    CANNOT_REASONABLY_BE_OBTAINED = auto()
    WOULD_DEFEAT_PROTECTION = auto()


class ClientTold(Term):
    """Whether the client knows that it is shared."""

    TOLD = auto()
    WOULD_ADD_TO_THE_RISK = auto()
    NOT_REACHED = auto()


@dataclass(slots=True)
class Asked:
    """One request to share, as it stands. `basis` is the asker's; `due` the end of the asker's waiting.

    `position`: of the entry that asks.
    """

    sharing_request_id: UUID
    registration_id: UUID
    agency_id: str
    purposes: frozenset[Purpose]
    categories: frozenset[DataCategory]
    basis: PartyBasis
    power: SharingPower
    asked_at: datetime
    due: datetime
    position: int = 0
    clock_ended: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """The newest answer that one holder gave to a request."""

    agency_id: str
    outcome: SharingAnswerKind
    decision_id: UUID | None


@dataclass(slots=True)
class Override:
    """A safeguarding override that was asked for. `decision_id` is set once a lead authorised it."""

    override_id: UUID
    registration_id: UUID
    agency_id: str
    recipient_agency_id: str
    purposes: frozenset[Purpose]
    categories: frozenset[DataCategory]
    record_ids: frozenset[UUID]
    holder_basis: PartyBasis
    recipient_basis: PartyBasis
    risk: OverrideRisk
    why_no_consent: WhyNoConsent
    told: ClientTold
    until: datetime
    asked_by: str
    asked_at: datetime
    declined: bool = False
    decision_id: UUID | None = None


@dataclass(slots=True)
class Made:
    """What a decision's people see of it besides the fact itself. `answers` is a request or an override."""

    decided_by: str
    decided_at: datetime
    until: datetime
    answers: UUID | None
    countersigned_by: str = ""
