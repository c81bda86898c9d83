"""Every aggregate of the ledger, imported here so that a fresh process can read what another wrote."""

from eventsourcing.domain import CanMutateAggregate

from consent_ledger.domain.administration import (
    Administrator,
    AdministratorCodes,
    FileRootAcceptance,
    Proposal,
    Ratification,
    WindDownAuthorisation,
)
from consent_ledger.domain.agency import Agency
from consent_ledger.domain.agreement import Agreement
from consent_ledger.domain.base import RecordedAggregate, recording_time
from consent_ledger.domain.clock_acceptance import ClockAcceptance
from consent_ledger.domain.consent import Exclusion, Grant, Marker, OwnWord, Refusal
from consent_ledger.domain.emergency_card import CardOpening, EmergencyCard
from consent_ledger.domain.erasure import Erasure, Hold
from consent_ledger.domain.ledger_origin import LedgerOrigin
from consent_ledger.domain.place import PLACE_DETAILS, Place
from consent_ledger.domain.registration import DETAILS, Details, Involvement, Link, Registration
from consent_ledger.domain.sharing import SharingAnswer, SharingDecision, SharingOverride, SharingRequest
from consent_ledger.domain.staff import BreakGlass, Relationship, StaffRole
from consent_ledger.domain.task import Task

AGGREGATES: tuple[type[RecordedAggregate], ...] = (
    Agency,
    Agreement,
    Registration,
    Link,
    Involvement,
    Grant,
    OwnWord,
    Refusal,
    Exclusion,
    Marker,
    Task,
    ClockAcceptance,
    AdministratorCodes,
    Administrator,
    Proposal,
    Ratification,
    FileRootAcceptance,
    WindDownAuthorisation,
    Erasure,
    Hold,
    LedgerOrigin,
    Place,
    EmergencyCard,
    CardOpening,
    StaffRole,
    Relationship,
    BreakGlass,
    SharingRequest,
    SharingAnswer,
    SharingOverride,
    SharingDecision,
)

TOPICS: dict[str, type] = {aggregate.TOPIC: aggregate for aggregate in AGGREGATES} | {
    nested.TOPIC: nested
    for aggregate in AGGREGATES
    for nested in vars(aggregate).values()
    if isinstance(nested, type) and issubclass(nested, CanMutateAggregate) and hasattr(nested, "TOPIC")
}
"""The closed set of what a row may name, by its stored topic."""

__all__ = [
    "AGGREGATES",
    "DETAILS",
    "PLACE_DETAILS",
    "TOPICS",
    "Administrator",
    "AdministratorCodes",
    "Agency",
    "Agreement",
    "BreakGlass",
    "CardOpening",
    "ClockAcceptance",
    "Details",
    "EmergencyCard",
    "Erasure",
    "Exclusion",
    "FileRootAcceptance",
    "Grant",
    "Hold",
    "Involvement",
    "LedgerOrigin",
    "Link",
    "Marker",
    "OwnWord",
    "Place",
    "Proposal",
    "Ratification",
    "RecordedAggregate",
    "Refusal",
    "Registration",
    "Relationship",
    "SharingAnswer",
    "SharingDecision",
    "SharingOverride",
    "SharingRequest",
    "StaffRole",
    "Task",
    "WindDownAuthorisation",
    "recording_time",
]
