"""The consent index: every committed fact that a decision reads, in memory, tagged with its position.

Folded from ledger entries only. A view of one person is built from the component of linked
registrations. Views, and decisions taken from them, are kept until any fact changes: neither outlives it.
"""

import heapq
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from consent_ledger.erasures import DepartedCopies, DepartedRecords, Erasure, Hold
from consent_ledger.facts import (
    Agreement,
    Exclusion,
    Feed,
    Fragment,
    Grant,
    Marker,
    Opening,
    Person,
    Post,
    Registration,
    Stop,
)
from consent_ledger.vocabulary import DataCategory, PostKind, ServiceType, Term
from hub.projections.administration import Administration
from hub.projections.certificates import CertificateKey, Invitation, KeyOrigin, RevokedKey, agency_named_in
from hub.projections.chosen import Chosen
from hub.projections.emergencies import Emergencies
from hub.projections.hearing import heard, opening, protecting
from hub.projections.places import Places
from hub.projections.sharing import Sharing
from hub.projections.staff import StaffIndex
from hub.projections.tasks import Tasks


@dataclass(frozen=True, slots=True)
class Departed:
    """How an agency left: at which position and when, and what it attested. `feeds` are those that ended."""

    position: int
    at: datetime
    copies: DepartedCopies
    records: DepartedRecords
    feeds: tuple[UUID, ...]


@dataclass(slots=True)
class Agency:
    """Who takes part. `certificates`: by URI name, its keys by their SHA-256 in hexadecimal."""

    agency_id: str
    name: str
    controller_id: str
    service_type: ServiceType
    public_authority: bool
    position: int
    certificates: dict[str, dict[str, CertificateKey]] = field(default_factory=dict)
    revoked: dict[str, RevokedKey] = field(default_factory=dict)
    """Keys that count no more, by their SHA-256."""
    origins: dict[str, list[KeyOrigin]] = field(default_factory=dict)
    """How every key that ever counted came to, by its SHA-256: in each way that it did."""
    feeds: list[UUID] = field(default_factory=list)
    posts: dict[PostKind, Post] = field(default_factory=dict)
    departed: Departed | None = None
    assertion_keys: dict[str, bytes] = field(default_factory=dict)
    """With which it signs for its staff: Ed25519 public keys of 32 bytes, by an id of the agency's own."""
    witness_key: str = ""
    """What its witness cosigns checkpoints with; empty for none."""
    enforcement_powers: bool = True
    """Whether it could act against somebody for where they sleep."""


class LinkState(Term):
    """How far a link has come."""

    OFFERED = "OFFERED"
    PROPOSED = "PROPOSED"
    CONFIRMED = "CONFIRMED"
    UNDONE = "UNDONE"


@dataclass(slots=True)
class Link:
    """An assertion that two registrations are one person."""

    link_id: UUID
    first: UUID
    token_label: str | None
    offered_at: datetime
    second: UUID | None = None
    state: LinkState = LinkState.OFFERED
    changed: int = 0
    stood: bool = False
    """Whether it ever was confirmed."""


def _weight(link: Link) -> tuple[bool, int]:
    return link.stood, link.changed


_FAR_OFF = 2**31
"""More days than any end is told ahead."""


class BoundaryKind(Term):
    """What a moment in time ends or begins."""

    GRANT_BEGINS = "GRANT_BEGINS"
    GRANT_ENDING = "GRANT_ENDING"
    GRANT_EXPIRES = "GRANT_EXPIRES"
    AUTHORITY_ENDS = "AUTHORITY_ENDS"
    AGREEMENT_BEGINS = "AGREEMENT_BEGINS"
    AGREEMENT_LAPSES = "AGREEMENT_LAPSES"
    REVIEW = "REVIEW"
    SPENT = "SPENT"
    ROLE_ENDS = "ROLE_ENDS"
    RELATIONSHIP_ENDS = "RELATIONSHIP_ENDS"
    BREAK_GLASS_ENDS = "BREAK_GLASS_ENDS"
    SHARING_CLOCK_ENDS = "SHARING_CLOCK_ENDS"
    DECISION_EXPIRES = "DECISION_EXPIRES"


@dataclass(frozen=True, slots=True, order=True)
class Boundary:
    """A moment by which something changes; it decides nothing until its entry is appended.

    `subject` is a grant's id, an agreement's id, or a record's; `number` its version or revision, how many
    days before a grant's end, or an age.
    """

    due: datetime
    kind: BoundaryKind
    subject: str
    number: int = 0
    registration_id: UUID | None = None


@dataclass(slots=True)
class Taken:
    """What the index took of one record: at which positions, and whom it told of on which registrations."""

    positions: list[int] = field(default_factory=list)
    told: dict[UUID, set[UUID]] = field(default_factory=dict)


class ConsentIndex:
    """Committed facts and the questions asked of them. `folding.fold` alone changes it."""

    def __init__(self) -> None:
        self.position = 0
        self.agencies: dict[str, Agency] = {}
        self.services: dict[tuple[str, ...], DataCategory] = {}
        self.certificate_owner: dict[str, str] = {}
        self.invitations: dict[str, Invitation] = {}
        self.feeds: dict[UUID, Feed] = {}
        self.agreements: dict[str, Agreement] = {}
        self.agreement_streams: dict[UUID, str] = {}
        self.agreement_contents: dict[tuple[str, int], dict[str, Any]] = {}
        self.registrations: dict[UUID, Registration] = {}
        self.by_reference: dict[tuple[str, str], list[UUID]] = {}
        self.chain_of: dict[UUID, list[UUID]] = {}
        self.by_agency: defaultdict[str, list[UUID]] = defaultdict(list)
        self.by_matching: defaultdict[str, list[UUID]] = defaultdict(list)
        self.matching_of: dict[UUID, str] = {}
        self.by_former: defaultdict[str, list[UUID]] = defaultdict(list)
        self.former_of: dict[UUID, tuple[str, ...]] = {}
        self.links: dict[UUID, Link] = {}
        self.links_of: defaultdict[UUID, list[Link]] = defaultdict(list)
        self.link_tokens: dict[str, UUID] = {}
        self.grants: dict[UUID, Grant] = {}
        self.grants_on: defaultdict[UUID, list[Grant]] = defaultdict(list)
        self.stops_on: defaultdict[UUID, list[Stop]] = defaultdict(list)
        self.chosen_on: defaultdict[UUID, Chosen] = defaultdict(Chosen)
        self.own_words_on: dict[UUID, int] = {}
        self.forgotten: dict[UUID, int] = {}
        """Erased registrations of which nobody had said that they were a mistake: since which position."""
        self.refusals: dict[UUID, Stop] = {}
        self.exclusions: dict[UUID, Exclusion] = {}
        self.exclusions_on: defaultdict[UUID, list[Exclusion]] = defaultdict(list)
        self.markers: dict[UUID, Marker] = {}
        self.markers_on: defaultdict[UUID, list[Marker]] = defaultdict(list)
        self.astray: defaultdict[str, list[Marker]] = defaultdict(list)
        """By agency: markers of its records that were told under a reference made in error."""
        self.openings_on: defaultdict[UUID, list[Opening]] = defaultdict(list)
        self.recorded_times: dict[UUID, datetime] = {}
        self.review_overdue: set[tuple[UUID, int]] = set()
        self.spent: set[tuple[UUID, int]] = set()
        self.passed: set[bytes] = set()
        self.warnings_ended: dict[UUID, int] = {}
        self.warned_anew: dict[UUID, int] = {}
        self.decisions: dict[tuple[UUID, UUID, UUID, bytes], Any] = {}
        self.told_about: defaultdict[UUID, set[UUID]] = defaultdict(set)
        self.taken: dict[bytes, Taken] = {}
        self.taken_on: defaultdict[UUID, set[bytes]] = defaultdict(set)
        self.erasures: dict[UUID, Erasure] = {}
        self.erasures_on: defaultdict[UUID, list[Erasure]] = defaultdict(list)
        self.holds: dict[UUID, Hold] = {}
        self.holds_on: defaultdict[UUID, list[Hold]] = defaultdict(list)
        self.grant_ends: dict[UUID, datetime] = {}
        self.grants_ending: dict[UUID, int] = {}
        self.tasks = Tasks()
        self.places = Places()
        self.emergencies = Emergencies()
        self.administration = Administration()
        self.staff = StaffIndex()
        self.sharing = Sharing()
        self._boundaries: list[Boundary] = []
        self._people: dict[UUID, Person] = {}

    # -- certificates ---------------------------------------------------------------------------

    def agency_of(self, uri: str, public_key_sha256: bytes) -> str | None:
        """The agency a certificate speaks for, by its URI and its key together; `None` for an unknown one."""
        agency_id = self.certificate_owner.get(uri)
        if agency_id is None:
            return None
        return agency_id if public_key_sha256.hex() in self.agencies[agency_id].certificates[uri] else None

    def is_revoked(self, uri: str, public_key_sha256: bytes) -> bool:
        """Whether this key spoke for the agency of the URI once, and was revoked."""
        agency = self.agencies.get(agency_named_in(uri))
        return agency is not None and public_key_sha256.hex() in agency.revoked

    # -- time -----------------------------------------------------------------------------------

    def await_boundary(self, boundary: Boundary) -> None:
        """Keeps a moment that will change a decision."""
        heapq.heappush(self._boundaries, boundary)

    def drop_boundaries(self, subject: str) -> None:
        """Nothing will change with this subject any more."""
        self._boundaries = [one for one in self._boundaries if one.subject != subject]
        heapq.heapify(self._boundaries)

    def due_boundaries(self, now: datetime) -> list[Boundary]:
        """Moments that have passed and still would change something, earliest first."""
        due: dict[Boundary, None] = {}
        waiting = list(self._boundaries)
        while waiting and waiting[0].due <= now:
            boundary = heapq.heappop(waiting)
            if self._still_matters(boundary):
                due[boundary] = None
        return list(due)

    def is_boundary_due(self, now: datetime) -> bool:
        """Whether an entry has to be appended before anything is decided."""
        while self._boundaries and self._boundaries[0].due <= now:
            if self._still_matters(self._boundaries[0]):
                return True
            heapq.heappop(self._boundaries)
        return False

    def _still_matters(self, boundary: Boundary) -> bool:
        match boundary.kind:
            case BoundaryKind.GRANT_BEGINS:
                grant = self.grants[UUID(boundary.subject)]
                return not (grant.begun or grant.withdrawn)
            case BoundaryKind.GRANT_ENDING:
                grant = self.grants[UUID(boundary.subject)]
                return grant.active and boundary.number < self.grants_ending.get(grant.grant_id, _FAR_OFF)
            case BoundaryKind.GRANT_EXPIRES | BoundaryKind.AUTHORITY_ENDS:
                grant = self.grants[UUID(boundary.subject)]
                return not (grant.expired or grant.withdrawn)
            case BoundaryKind.AGREEMENT_BEGINS:
                return not self.agreements[boundary.subject].versions[boundary.number - 1].begun
            case BoundaryKind.AGREEMENT_LAPSES:
                return not self.agreements[boundary.subject].versions[boundary.number - 1].lapsed
            case BoundaryKind.REVIEW:
                return (UUID(boundary.subject), boundary.number) not in self.review_overdue
            case BoundaryKind.SPENT:
                return (UUID(boundary.subject), boundary.number) not in self.spent
            case BoundaryKind.ROLE_ENDS:
                return not self.staff.roles[UUID(boundary.subject)].ended
            case BoundaryKind.RELATIONSHIP_ENDS:
                return not self.staff.relationships[UUID(boundary.subject)].ended
            case BoundaryKind.BREAK_GLASS_ENDS:
                return not self.staff.broken[UUID(boundary.subject)].ended
            case BoundaryKind.SHARING_CLOCK_ENDS:
                return not self.sharing.requests[UUID(boundary.subject)].clock_ended
            case BoundaryKind.DECISION_EXPIRES:
                return self.sharing.decisions[UUID(boundary.subject)].active

    # -- people ---------------------------------------------------------------------------------

    def forget_views(self) -> None:
        """Drops the views of people, and what was decided by them: a fact has changed."""
        self._people.clear()
        self.decisions.clear()

    def component(
        self, registration_id: UUID, *, by_people: bool = False, without: Link | None = None
    ) -> frozenset[UUID]:
        """The registrations joined to this one by confirmed links, itself included.

        `by_people`: only by links that somebody confirmed, none made because details agree. `without`: as if
        that link were undone.
        """
        found, waiting = {registration_id}, [registration_id]
        while waiting:
            for link in self.links_of[waiting.pop()]:
                if link is without or (by_people and link.token_label is None):
                    continue
                if link.state is LinkState.CONFIRMED and link.second is not None and self._stands(link):
                    for end in (link.first, link.second):
                        if end not in found:
                            found.add(end)
                            waiting.append(end)
        return frozenset(found)

    def joined_to(self, registration_id: UUID) -> set[UUID]:
        """Registrations that a confirmed link joins to it, whatever became of either since."""
        near = (one for one in self.links_of.get(registration_id, ()) if one.state is LinkState.CONFIRMED)
        return {end for one in near for end in (one.first, one.second) if end is not None} - {registration_id}

    def _stands(self, link: Link) -> bool:
        return not any(
            self.registrations[end].in_error for end in (link.first, link.second) if end is not None
        )

    def _disputed(self, component: frozenset[UUID]) -> bool:
        """A link was cut and nothing newer joins its two ends, yet they are still joined through others."""
        latest: dict[frozenset[UUID], Link] = {}
        for registration_id in component:
            for link in self.links_of[registration_id]:
                if link.second is None or link.state not in (LinkState.CONFIRMED, LinkState.UNDONE):
                    continue
                ends = frozenset((link.first, link.second))
                known = latest.get(ends)
                # A proposal that nobody needed, of two who are joined already, was no link that was cut.
                if ends <= component and (known is None or _weight(known) < _weight(link)):
                    latest[ends] = link
        return any(link.state is LinkState.UNDONE for link in latest.values())

    def person(self, registration_id: UUID) -> Person:
        """The view of the person a registration belongs to."""
        known = self._people.get(registration_id)
        if known is not None:
            return known
        component = self.component(registration_id)
        order, said_on = sorted(component), heard(self, component)
        view = Person(
            {one: self.registrations[one] for one in order},
            tuple(sorted(opening(self, said_on), key=lambda g: g.position)),
            tuple(sorted((s for one in said_on for s in self.stops_on[one]), key=lambda s: s.position)),
            tuple(exclusion for one in said_on for exclusion in self.exclusions_on[one]),
            protecting(self, said_on),
            tuple(opening for one in order for opening in self.openings_on[one]),
            self._disputed(component),
            frozenset(self.component(one, by_people=True) for one in order),
            tuple(self.sharing.decisions_on(order)),
            care_of=self.places.care_of(order),
            forgotten=tuple(self.registrations[one] for one in said_on if one not in component),
        )
        for one in component:
            self._people[one] = view
        return view

    def dated(self, fragment: Fragment) -> Fragment:
        """The fragment with what has come since it was told: its review and spent dates, its erasure."""
        key = (fragment.record_id, fragment.revision)
        overdue, spent = key in self.review_overdue, key in self.spent
        awaiting = self.awaiting_erasure(fragment.registration_id)
        erased = bool(awaiting) and fragment.fragment_id.bytes in awaiting
        holds_place = self.places.protector(
            fragment.registration_id, fragment.fragment_id.bytes, fragment.revision, fragment.origin_agency_id
        )
        if not (overdue or spent or erased or holds_place):
            return fragment
        return replace(fragment, review_overdue=overdue, spent=spent, erased=erased, holds_place=holds_place)

    def awaiting_erasure(self, registration_id: UUID) -> set[bytes]:
        """Fragments (16 bytes) to be erased that a hold keeps: nobody is given them meanwhile."""
        return {one for erasure in self.erasures_on.get(registration_id, ()) for one in erasure.waiting}

    # -- registrations --------------------------------------------------------------------------

    def current_registration(self, agency_id: str, reference: str) -> Registration | None:
        """The agency's registration under its reference; the newest when one was in error."""
        chain = self.by_reference.get((agency_id, reference))
        return None if chain is None else self.registrations[chain[-1]]

    def pair_of(self, registration_id: UUID) -> UUID:
        """The first registration under the same reference: what an adapter holds is kept by it."""
        return self.chain_of[registration_id][0]

    def current_of_pair(self, pair: UUID) -> Registration:
        """The registration that now stands under the pair's reference."""
        return self.registrations[self.chain_of[pair][-1]]

    def lead_of(self, person: Person) -> str | None:
        """The agency that leads for the person, by the latest appointment."""
        newest = max(person.registrations.values(), key=lambda one: one.lead_position)
        return newest.lead_agency_id
