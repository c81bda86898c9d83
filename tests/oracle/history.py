"""What happened, as the agencies and the operator said it through the interface, in order.

Terms are plain strings, named as in the contract without their prefix. Every event carries `seq`, an
increasing number (the ledger position will do), and `at`, the hub's recorded time. Times are aware UTC.
Observations carry `seq` from the same numbering, so that the two can be put in one order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple


class FragmentKey(NamedTuple):
    """One category of one record (several categories only for released free text)."""

    agency: str
    record_id: str
    categories: frozenset[str]
    free_text: bool = False


@dataclass(frozen=True, kw_only=True)
class Event:
    """One recorded fact."""

    seq: int
    at: datetime


@dataclass(frozen=True, kw_only=True)
class AgencyRegistered(Event):
    agency: str
    service_type: str
    public_authority: bool = False


@dataclass(frozen=True, kw_only=True)
class FeedOpened(Event):
    feed: str
    agency: str
    service_type: str
    purposes: frozenset[str]
    categories: frozenset[str]
    enforces_person_restriction: bool = False
    window: str = ""  # when of a day (UTC, HH:MM) copies are taken back; "": at once


@dataclass(frozen=True, kw_only=True)
class PostAppointed(Event):
    agency: str
    kind: str
    telephone: str


@dataclass(frozen=True)
class Basis:
    """One controller's basis in law for one purpose; None where the condition is missing."""

    purpose: str
    lawful_basis: str
    article9: str | None = None
    article10: str | None = None


@dataclass(frozen=True)
class Party:
    agency: str
    bases: tuple[Basis, ...]
    receives_only: bool = False


@dataclass(frozen=True)
class Row:
    category: str
    purpose: str
    on_end: str
    self_captured_restricted: bool = False


@dataclass(frozen=True, kw_only=True)
class AgreementDrafted(Event):
    agreement: str
    version: int
    parties: tuple[Party, ...]
    rows: tuple[Row, ...]
    start: datetime
    end: datetime
    notice: str

    @cached_property
    def pairs(self) -> dict[tuple[str, str], Row]:
        """Rows by (purpose, category)."""
        return {(row.purpose, row.category): row for row in self.rows}

    @cached_property
    def bases(self) -> dict[tuple[str, str], Basis]:
        """The parties' bases by (agency, purpose); the first counts."""
        return {
            (party.agency, basis.purpose): basis
            for party in reversed(self.parties)
            for basis in reversed(party.bases)
        }


@dataclass(frozen=True, kw_only=True)
class AgreementSigned(Event):
    agreement: str
    version: int
    agency: str


@dataclass(frozen=True, kw_only=True)
class AgreementTerminated(Event):
    agreement: str


@dataclass(frozen=True, kw_only=True)
class ClientRegistered(Event):
    agency: str
    reference: str


@dataclass(frozen=True, kw_only=True)
class RegistrationClosed(Event):
    agency: str
    reference: str
    reason: str  # CASE_CLOSED or IN_ERROR


@dataclass(frozen=True, kw_only=True)
class LinkConfirmed(Event):
    link: str
    a: tuple[str, str]  # agency, reference: made the token and confirmed
    b: tuple[str, str]  # agency, reference: redeemed it


@dataclass(frozen=True, kw_only=True)
class LinkUndone(Event):
    link: str


@dataclass(frozen=True, kw_only=True)
class InvolvementOpened(Event):
    by_agency: str
    reference: str
    agency: str  # the agency that is named
    ground: str


@dataclass(frozen=True, kw_only=True)
class InvolvementEnded(Event):
    agency: str
    reference: str


@dataclass(frozen=True)
class Recipient:
    """One of an agency, a kind of service, or everyone who supports the person."""

    agency: str | None = None
    service_type: str | None = None
    support_team: bool = False


@dataclass(frozen=True)
class Evidence:
    """What a confidentiality basis rests on; nothing, where nothing was said."""

    reference: str = ""
    told_care_team: bool = False
    decision_maker: str = ""
    authorised_by: str = ""
    recorded_by: str = ""
    duty: str | None = None


@dataclass(frozen=True, kw_only=True)
class GrantRecorded(Event):
    grant: str
    agency: str  # who captured it
    reference: str
    purposes: frozenset[str]
    categories: frozenset[str]
    recipient: Recipient
    basis: str = "EXPLICIT_CONSENT"
    method: str = "WRITTEN_SIGNATURE"
    notice: str = "notice-1"
    given: datetime
    effective_from: datetime | None = None  # None: from when it was recorded
    effective_until: datetime
    data_from: datetime | None = None
    data_until: datetime | None = None
    asked_alone: bool = True
    service_offered_anyway: bool = True
    told_may_refuse: bool = True
    capacity_in_doubt: bool = False
    evidence: Evidence = Evidence()


@dataclass(frozen=True, kw_only=True)
class RefusalRecorded(Event):
    refusal: str
    agency: str
    reference: str
    purposes: frozenset[str] = frozenset()  # empty: every one
    categories: frozenset[str] = frozenset()
    recipient: Recipient | None = None  # None: everybody
    at_once: bool = False  # the person said *now*: no window is waited for


@dataclass(frozen=True, kw_only=True)
class GrantWithdrawn(Event):
    grant: str
    by_agency: str
    reference: str  # the withdrawing agency's own
    remove: bool = False
    at_once: bool = False


@dataclass(frozen=True, kw_only=True)
class GrantReconfirmed(Event):
    grant: str
    by_agency: str
    reference: str


@dataclass(frozen=True, kw_only=True)
class ExclusionRecorded(Event):
    exclusion: str
    agency: str
    reference: str
    excluded_agency: str | None = None
    staff: str | None = None  # with excluded_agency: one person there
    category: str | None = None
    remove: bool = False
    at_once: bool = False


@dataclass(frozen=True, kw_only=True)
class ExclusionLifted(Event):
    exclusion: str
    agency: str
    reference: str


@dataclass(frozen=True, kw_only=True)
class MarkerPlaced(Event):
    marker: str
    agency: str
    reference: str
    kind: str
    record_id: str | None = None  # every kind but PROTECTED_ADDRESS


@dataclass(frozen=True, kw_only=True)
class MarkerLifted(Event):
    marker: str
    agency: str
    reference: str


@dataclass(frozen=True, kw_only=True)
class StatusRecorded(Event):
    agency: str
    reference: str
    status: str


@dataclass(frozen=True)
class Risk:
    """What a judgement of risk says that decides something: codes, or None where nothing is said."""

    risk_to: str | None = None
    source: str | None = None
    outcome: str | None = None


@dataclass(frozen=True)
class Part:
    """What one record says in one category, or one released free text. `risk`: it is a judgement of one."""

    categories: frozenset[str]
    free_text: bool = False
    third_party: bool = False
    content: str = ""  # a marker by which a test finds this content again
    risk: Risk | None = None


@dataclass(frozen=True)
class OtherSubject:
    reference: str
    categories: frozenset[str]
    solely_about: bool


@dataclass(frozen=True, kw_only=True)
class RecordPublished(Event):
    agency: str
    reference: str
    record_id: str
    revision: int
    service_type: str
    occurred: datetime
    parts: tuple[Part, ...]
    marks: frozenset[str] = frozenset()
    other_subjects: tuple[OtherSubject, ...] = ()
    review_by: datetime | None = None
    spent_on: datetime | None = None
    withdrawn: bool = False


@dataclass(frozen=True, kw_only=True)
class Erased(Event):
    """One record, or one category of everything told under the reference."""

    agency: str
    reference: str
    record_id: str | None = None
    category: str | None = None


@dataclass(frozen=True, kw_only=True)
class HoldPlaced(Event):
    """The law needs a record, or a category, kept."""

    hold: str
    agency: str
    reference: str
    record_id: str | None = None
    category: str | None = None


@dataclass(frozen=True, kw_only=True)
class HoldLifted(Event):
    hold: str
    agency: str


@dataclass(frozen=True, kw_only=True)
class WarningEnded(Event):
    """The origin's safeguarding lead decided that a warning is no longer needed (5a.5)."""

    agency: str
    record_id: str


History = Sequence[Event]


@dataclass(frozen=True, kw_only=True)
class Observation:
    """Something seen at one feed. `seq` is the access entry's position."""

    seq: int
    feed: str


@dataclass(frozen=True, kw_only=True)
class Delivered(Observation):
    """A DISCLOSE or CORRECT was sent. `rows` are its terms: (purpose, agreement, state)."""

    epoch: int
    sequence: int
    client_reference: str
    key: FragmentKey
    revision: int | None  # None: the terms change, the content stays as held
    rows: frozenset[tuple[str, str, str]]
    ring: str | None = None  # only the warning was sent, with whom to ring


@dataclass(frozen=True, kw_only=True)
class Retracted(Observation):
    """A RETRACT was sent."""

    epoch: int
    sequence: int
    client_reference: str
    key: FragmentKey


@dataclass(frozen=True, kw_only=True)
class Acknowledged(Observation):
    """Everything of the epoch up to `sequence` is durable in the agency's own system."""

    epoch: int
    sequence: int


@dataclass(frozen=True, kw_only=True)
class Restored(Observation):
    """The agency's system went back to what it held at `sequence` of `epoch`: later deliveries are lost."""

    epoch: int
    sequence: int


Observations = Sequence[Observation]
