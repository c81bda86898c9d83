"""Who of an agency's staff may read what: roles, relationships and break-glass, as facts of the ledger."""

from dataclasses import dataclass
from enum import auto
from uuid import UUID

from consent_ledger.vocabulary import DataCategory, Level, Term


class Role(Term):
    """What somebody does at their agency (VOCABULARY 4.8)."""

    NAVIGATOR = auto()
    PEER_MENTOR = auto()
    EMERGENCY_DESK = auto()
    KEYWORKER = auto()
    SAFEGUARDING_LEAD = auto()
    CALDICOTT_GUARDIAN = auto()
    DATA_PROTECTION_OFFICER = auto()
    AGENCY_ADMIN = auto()
    ANALYST = auto()


LEVEL_OF_ROLE = {Role.NAVIGATOR: Level.V, Role.SAFEGUARDING_LEAD: Level.V, Role.KEYWORKER: Level.R}
"""The most sensitive level that a role reads (ruling 30). A peer mentor reads what was handed to them."""


class RelationshipKind(Term):
    """Why somebody works with a client."""

    CASELOAD = auto()
    SERVICE_EPISODE = auto()
    HANDED_BY_CLIENT = auto()


class BreakGlassReason(Term):
    """Why somebody reads without a relationship."""

    VITAL_INTERESTS = auto()
    SERIOUS_RISK_TO_OTHERS = auto()
    COURT_OR_DUTY = auto()


class ReadingLimit(Term):
    """How a member of staff's view is narrowed. It follows from the agency's own facts alone."""

    FULL = auto()
    UP_TO_R = auto()
    HANDED_ONLY = auto()
    NO_RELATIONSHIP = auto()
    NO_ROLE = auto()


@dataclass(slots=True)
class GivenRole:
    """A role that an agency gave to one of its staff, by its own pseudonym for them.

    `until`: its end, ISO 8601; empty for none. That it has passed counts once `ended` says so.
    """

    role_id: UUID
    agency_id: str
    staff_reference: str
    role: Role
    position: int
    until: str = ""
    ended: bool = False


@dataclass(slots=True)
class Relationship:
    """Somebody works with the client of one registration. `categories`: what the client handed them;
    `until` as of a role."""

    relationship_id: UUID
    registration_id: UUID
    agency_id: str
    staff_reference: str
    kind: RelationshipKind
    categories: frozenset[DataCategory]
    position: int
    until: str = ""
    ended: bool = False
    ended_at: int = 0


@dataclass(slots=True)
class BreakGlass:
    """One member of staff reads about one registration without a relationship, for a few hours."""

    break_glass_id: UUID
    registration_id: UUID
    agency_id: str
    staff_reference: str
    reason: BreakGlassReason
    position: int
    ended: bool = False
