"""The committed facts that decisions are made from: values only, no ledger, no clock.

A projection folds ledger entries into these; the policy reads nothing else. Positions order them;
a boundary in time is already an entry of its own, so no fact depends on "now".
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from consent_ledger.sharing import NO_EVIDENCE as NO_EVIDENCE
from consent_ledger.sharing import BasisEvidence as BasisEvidence
from consent_ledger.sharing import PartyBasis as PartyBasis
from consent_ledger.sharing import SharingDecision as SharingDecision
from consent_ledger.vocabulary import (
    CaptureMethod,
    ConfidentialityBasis,
    DataCategory,
    HandlingMark,
    InvolvementGround,
    Level,
    MarkerKind,
    OnEnd,
    PostKind,
    Purpose,
    ServiceType,
)

HARSHNESS = (OnEnd.STOP, OnEnd.RESTRICT, OnEnd.ERASE)
"""From what leaves most to what leaves least."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a choice covers. A refusal's empty purposes or categories, or no recipient, mean every one."""

    purposes: frozenset[Purpose]
    categories: frozenset[DataCategory]
    agency_id: str | None = None
    service_type: ServiceType | None = None
    support_team: bool = False

    def names(self, recipient: "Feed") -> bool:
        """Whether the recipient is meant: by name, as a kind of service, or as one of everyone."""
        if self.agency_id is not None:
            return self.agency_id == recipient.agency_id
        if self.service_type is not None:
            return self.service_type == recipient.service_type
        return True

    def covers(self, purpose: Purpose, category: DataCategory, recipient: "Feed") -> bool:
        """Whether it reaches this use of this content by this recipient."""
        return (
            (not self.purposes or purpose in self.purposes)
            and (not self.categories or category in self.categories)
            and self.names(recipient)
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """How a grant was given, for whoever has to show it. Of all this only `basis` decides anything."""

    given_time: datetime
    effective_from: datetime
    effective_until: datetime
    asked_alone: bool
    service_offered_anyway: bool
    told_may_refuse: bool
    capacity_in_doubt: bool
    basis: BasisEvidence = NO_EVIDENCE
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Proxy:
    """Who spoke for the person, by a pseudonym: of an agency's own, where one is named, or of the agency that
    captured it. `registration_id`: the other client of that agency that it was, whose reference stands there
    alone."""

    reference: str
    agency_id: str | None = None
    registration_id: UUID | None = None


@dataclass(slots=True)
class Grant:
    """A confidentiality basis with its evidence."""

    grant_id: UUID
    registration_id: UUID
    position: int
    captured_by: str
    scope: Scope
    basis: ConfidentialityBasis
    method: CaptureMethod
    notice_id: str
    data_from: datetime | None
    data_until: datetime | None
    evidence: Evidence
    weak: bool
    begun: bool
    expired: bool = False
    withdrawn: bool = False
    reconfirmed: list[tuple[int, str]] = field(default_factory=list)
    given_by: Proxy | None = None

    @property
    def active(self) -> bool:
        """Begun, and neither expired nor withdrawn."""
        return self.begun and not self.expired and not self.withdrawn

    def captured_for_itself(self, agency_id: str) -> bool:
        """Whether only the recipient itself vouches for it."""
        return self.captured_by == agency_id and all(by == agency_id for _, by in self.reconfirmed)


@dataclass(frozen=True, slots=True)
class Stop:
    """A refusal, or a withdrawal of `grant_id`: closes its scope in every earlier grant.

    `at_once`: the person said *now*, so what it covers is taken back without waiting for a window. `quiet`:
    it is never printed.
    """

    registration_id: UUID
    position: int
    scope: Scope
    grant_id: UUID | None
    remove: bool
    at_once: bool = False
    quiet: bool = False


@dataclass(slots=True)
class Exclusion:
    """An agency (a person at it counts as the agency) or a category shut out. `at_once` as of a stop.

    `linked_to_risk`: to somebody the client is at risk from. `workplace`: the client works, volunteers or
    applies there. Neither yields to any decision.
    """

    registration_id: UUID
    position: int
    agency_id: str | None
    staff_reference: str | None
    category: DataCategory | None
    remove: bool
    recorded_by: str
    lifted: bool = False
    at_once: bool = False
    linked_to_risk: bool = False
    workplace: bool = False

    @property
    def may_be_overridden(self) -> bool:
        """Whether a recorded safeguarding decision may open it (VOCABULARY section 5, test 6)."""
        return not (self.linked_to_risk or self.workplace)

    def shuts_out(self, proxy: Proxy) -> bool:
        """Whether it keeps this person from speaking for the client: them, or everybody at their agency."""
        return (
            not self.lifted
            and self.agency_id is not None
            and self.agency_id == proxy.agency_id
            and self.staff_reference in (None, proxy.reference)
        )


@dataclass(slots=True)
class Marker:
    """Protection of an address (no record) or of one record."""

    registration_id: UUID
    position: int
    kind: MarkerKind
    record_id: UUID | None
    placed_by: str
    lifted: bool = False


@dataclass(frozen=True, slots=True)
class Opening:
    """Somebody else's word that an agency works with the person."""

    registration_id: UUID
    position: int
    agency_id: str
    ground: InvolvementGround
    by: str


@dataclass(slots=True)
class Registration:
    """One agency's own reference to a person.

    `erased`: nothing but its id and its agency is known any more. `separable`: its reference is sealed apart
    from the rest, so that it can be erased.
    """

    registration_id: UUID
    agency_id: str
    reference: str
    position: int
    closed: bool = False
    in_error: bool = False
    involvement_ended: int = 0
    restricted: bool = False
    opted_out: bool = False
    death_reported: bool = False
    lead_agency_id: str | None = None
    lead_position: int = 0
    erased: bool = False
    separable: bool = False


@dataclass(frozen=True, slots=True)
class Party:
    """One agency's part in an agreement."""

    bases: dict[Purpose, PartyBasis]
    receives_only: bool


@dataclass(frozen=True, slots=True)
class Row:
    """What an agreement says of one (category, purpose). `retention_days` after it was recorded content is
    erased; 0: the row says nothing of that."""

    on_end: OnEnd
    self_captured_restricted: bool
    retention_days: int = 0


@dataclass(slots=True)
class AgreementVersion:
    """One version; it counts for two agencies once both have signed it."""

    version: int
    parties: dict[str, Party]
    rows: dict[tuple[DataCategory, Purpose], Row]
    notice_id: str
    begun: bool
    lapsed: bool = False
    signed_by: set[str] = field(default_factory=set)
    purposes: frozenset[Purpose] = field(init=False)

    def __post_init__(self) -> None:
        self.purposes = frozenset(purpose for _, purpose in self.rows)


@dataclass(slots=True)
class Agreement:
    """An agreement over its versions, oldest first."""

    agreement_id: str
    versions: list[AgreementVersion] = field(default_factory=list)
    terminated: bool = False

    def row_at_end(
        self, category: DataCategory, purpose: Purpose, origin_agency_id: str, recipient_agency_id: str
    ) -> Row | None:
        """The pair's row in the newest version that both signed: it says how a permission ends."""
        for version in reversed(self.versions):
            row = version.rows.get((category, purpose))
            if row is not None and {origin_agency_id, recipient_agency_id} <= version.signed_by:
                return row
        return None

    def end_of(
        self,
        categories: Iterable[DataCategory],
        purpose: Purpose,
        origin_agency_id: str,
        recipient_agency_id: str,
    ) -> OnEnd | None:
        """What becomes of content of these categories: the harshest that a row says; `None` if none does."""
        rows = (self.row_at_end(one, purpose, origin_agency_id, recipient_agency_id) for one in categories)
        ends = [row.on_end for row in rows if row is not None]
        return max(ends, key=HARSHNESS.index) if ends else None


@dataclass(frozen=True, slots=True)
class Post:
    """Who answers for something at an agency: its own pseudonym for them, and an office number to ring."""

    kind: PostKind
    staff_reference: str
    telephone: str


@dataclass(frozen=True, slots=True)
class Feed:
    """What one agency's adapter subscribes to.

    `retraction_window`: when of a day copies are taken back, in minutes after midnight UTC; `None`: at once.
    `may_have_to_report`: the agency is a public authority, which may have to report somebody's immigration
    status (Nationality, Immigration and Asylum Act 2002, Schedule 3, paragraph 14).
    `has_enforcement_powers`: it could act against somebody for where they sleep.
    """

    feed_id: UUID
    agency_id: str
    certificate_uri: str
    service_type: ServiceType
    purposes: frozenset[Purpose]
    categories: frozenset[DataCategory]
    enforces_person_restriction: bool = False
    retraction_window: int | None = None
    may_have_to_report: bool = False
    has_enforcement_powers: bool = False


@dataclass(frozen=True, slots=True)
class Fragment:
    """What the policy needs to know of one fragment; never its content.

    `risk_to_others`: a judgement that a worker, the public or a child is at risk, so not the client's alone.
    `erased`: it is to be, and only a hold keeps it from being unreadable; what is erased is not there at all.
    `holds_place`: it holds a protected place, anybody's; by whom it is protected, the origin itself first.
    `no_sleep_site`: the location it gives is surely not where the person sleeps without a roof.
    """

    fragment_id: UUID
    record_id: UUID
    registration_id: UUID
    origin_agency_id: str
    categories: tuple[DataCategory, ...]
    envelope_category: DataCategory
    level: Level
    free_text: bool
    third_party: bool
    occurred_at: datetime
    revision: int
    marks: frozenset[HandlingMark]
    solely_about: tuple[UUID, ...] = ()
    superseded: bool = False
    review_overdue: bool = False
    spent: bool = False
    risk_to_others: bool = False
    erased: bool = False
    holds_place: str | None = None
    no_sleep_site: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """The view of one person: the registrations joined by confirmed links, and all that was chosen on them.

    `disputed`: a link was cut but its two ends are still joined through others. `groups`: which registrations
    people joined; between groups stand only links made because name, birth date and NHS number agree.
    `decisions`: what people decided to share, oldest first. `care_of`: records with an address that is given
    out instead of a protected one, each as of one revision: what it is revised to may be the real one.
    `forgotten`: erased registrations that were joined to these.
    """

    registrations: dict[UUID, Registration]
    grants: tuple[Grant, ...]
    stops: tuple[Stop, ...]
    exclusions: tuple[Exclusion, ...]
    markers: tuple[Marker, ...]
    openings: tuple[Opening, ...]
    disputed: bool
    groups: frozenset[frozenset[UUID]]
    decisions: tuple[SharingDecision, ...] = ()
    care_of: frozenset[tuple[UUID, int]] = frozenset()
    forgotten: tuple[Registration, ...] = ()

    def joined_by_people(self, first: UUID, second: UUID) -> bool:
        """Whether somebody, and not only agreeing details, said that both are this person."""
        return any(first in group and second in group for group in self.groups)

    @property
    def restricted(self) -> bool:
        """UK GDPR Article 18: processing is restricted on any registration."""
        return any(one.restricted for one in self.registrations.values())

    @property
    def opted_out(self) -> bool:
        """The national data opt-out is set on any registration."""
        return any(one.opted_out for one in self.registrations.values())

    @property
    def deceased(self) -> bool:
        """Two agencies reported the death: one alone may be a mistake, or malice."""
        every = (*self.registrations.values(), *self.forgotten)
        return len({one.agency_id for one in every if one.death_reported}) >= 2
