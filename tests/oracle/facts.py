"""A history read once: who is registered and linked, and every choice in its place. Decides nothing."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from tests.oracle import history as h
from tests.oracle.terms import ENFORCING, envelope_of


@dataclass(eq=False)
class Registration:
    """One agency's own reference to a person. After a closed case it may be registered anew."""

    agency: str
    reference: str
    begun: int
    seq: int  # when it was last registered
    closed: str | None = None
    ended: int = 0  # when involvement last ended
    links: set["Link"] = field(default_factory=set)
    grants: list[h.GrantRecorded] = field(default_factory=list)
    refusals: list[h.RefusalRecorded] = field(default_factory=list)
    withdrawals: list[tuple[h.GrantWithdrawn, h.GrantRecorded]] = field(default_factory=list)
    exclusions: dict[str, h.ExclusionRecorded] = field(default_factory=dict)
    lifted: list[h.ExclusionRecorded] = field(default_factory=list)
    addresses: set[str] = field(default_factory=set)  # protecting markers in place
    statuses: set[str] = field(default_factory=set)
    openings: list[h.InvolvementOpened] = field(default_factory=list)
    records: list["Record"] = field(default_factory=list)


@dataclass(eq=False)
class Link:
    a: Registration
    b: Registration
    seq: int
    undone: bool = False


@dataclass(eq=False)
class Record:
    """A record with all its revisions, oldest first, and the kinds of marker on it."""

    registration: Registration
    revisions: list[h.RecordPublished] = field(default_factory=list)
    others: list[Registration | None] = field(default_factory=list)  # of the latest revision's other subjects
    markers: set[str] = field(default_factory=set)  # marker ids
    warning_ended: int = 0  # when its safeguarding lead last said so
    erased: dict[h.FragmentKey, int] = field(default_factory=dict)  # when each was last
    waiting: set[h.FragmentKey] = field(default_factory=set)  # to be erased, and held

    def is_gone(self, key: h.FragmentKey) -> bool:
        """Hard case 8: erased and not told anew, or only a hold keeps it from being."""
        return key in self.waiting or self.erased.get(key, 0) > self.latest.seq

    def is_unread(self, key: h.FragmentKey) -> bool:
        """Nobody can tell any more what it said: since it was erased it was not told again."""
        told = [one.seq for one in self.revisions if key in {self.key(part) for part in one.parts}]
        return key in self.waiting or self.erased.get(key, 0) > max(told, default=0)

    def touches(self, key: h.FragmentKey, category: str | None) -> bool:
        """Whether a category is the fragment's, or its envelope's when it was last told."""
        told = [one for one in self.revisions if key in {self.key(part) for part in one.parts}]
        return category is None or category in key.categories | {envelope_of(told[-1].service_type)}

    @property
    def keys(self) -> set[h.FragmentKey]:
        """Every fragment it ever had."""
        return {self.key(part) for one in self.revisions for part in one.parts}

    @property
    def latest(self) -> h.RecordPublished:
        return self.revisions[-1]

    def key(self, part: h.Part) -> h.FragmentKey:
        latest = self.latest
        return h.FragmentKey(latest.agency, latest.record_id, part.categories, part.free_text)


@dataclass
class Agreement:
    versions: dict[int, h.AgreementDrafted] = field(default_factory=dict)
    signed: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    terminated: bool = False

    def signed_by(self, *agencies: str) -> list[h.AgreementDrafted]:
        """The versions that all of them signed, oldest first."""
        return [self.versions[n] for n in sorted(self.versions) if set(agencies) <= self.signed[n]]


@dataclass(eq=False)
class Person:
    """The registrations joined by links (R1)."""

    registrations: frozenset[Registration]

    @cached_property
    def disputed(self) -> bool:
        latest: dict[frozenset[Registration], Link] = {}
        for link in {link for one in self.registrations for link in one.links}:
            pair = frozenset({link.a, link.b})
            if pair not in latest or latest[pair].seq < link.seq:
                latest[pair] = link
        return any(link.undone and pair <= self.registrations for pair, link in latest.items())

    @cached_property
    def agencies(self) -> frozenset[str]:
        return frozenset(one.agency for one in self.registrations)

    @cached_property
    def grants(self) -> list[h.GrantRecorded]:
        return [grant for one in self.registrations for grant in one.grants]

    @cached_property
    def refusals(self) -> list[h.RefusalRecorded]:
        return [refusal for one in self.registrations for refusal in one.refusals]

    @cached_property
    def withdrawals(self) -> list[tuple[h.GrantWithdrawn, h.GrantRecorded]]:
        return [withdrawal for one in self.registrations for withdrawal in one.withdrawals]

    @cached_property
    def exclusions(self) -> list[h.ExclusionRecorded]:
        return [exclusion for one in self.registrations for exclusion in one.exclusions.values()]

    @cached_property
    def openings(self) -> list[h.InvolvementOpened]:
        return [opening for one in self.registrations for opening in one.openings]

    @cached_property
    def records(self) -> list[Record]:
        return [record for one in self.registrations for record in one.records]

    @cached_property
    def address_protected(self) -> bool:
        return any(one.addresses for one in self.registrations)

    @cached_property
    def processing_restricted(self) -> bool:
        return any("PROCESSING_RESTRICTED" in one.statuses for one in self.registrations)

    @cached_property
    def deceased(self) -> bool:
        return len({one.agency for one in self.registrations if "DEATH_REPORTED" in one.statuses}) >= 2


_ENDS_STATUS = {
    "RESTRICTION_LIFTED": "PROCESSING_RESTRICTED",
    "DATA_OPT_IN": "DATA_OPT_OUT",
    "DEATH_REPORT_WITHDRAWN": "DEATH_REPORTED",
}


class Facts:
    """Everything a history says, up to its end."""

    def __init__(self, history: Iterable[h.Event]) -> None:
        self.service_types: dict[str, str] = {}
        self.enforcing: set[str] = set()  # agencies that could act against somebody for where they sleep
        self.feeds: dict[str, h.FeedOpened] = {}
        self.rung: dict[str, str] = {}  # the telephone of each agency's safeguarding lead
        self.agreements: dict[str, Agreement] = defaultdict(Agreement)
        self.registrations: list[Registration] = []
        self.current: dict[tuple[str, str], Registration] = {}
        self.all_of: dict[tuple[str, str], list[Registration]] = defaultdict(list)  # oldest first
        self.links: dict[str, Link] = {}
        self.grants: dict[str, h.GrantRecorded] = {}
        self.grant_places: dict[str, Registration] = {}
        self.withdrawn: dict[str, h.GrantWithdrawn] = {}
        self.reconfirmed: dict[str, list[h.GrantReconfirmed]] = defaultdict(list)
        self.exclusion_places: dict[str, Registration] = {}
        self.markers: dict[str, h.MarkerPlaced] = {}
        self.records: dict[tuple[str, str], Record] = {}
        self.holds: dict[str, h.HoldPlaced] = {}  # those not lifted
        self._people: dict[Registration, Person] = {}
        for event in history:
            self._read(event)

    def person(self, registration: Registration) -> Person:
        """The person whom a registration is about, as linked at the end of the history."""
        if registration not in self._people:
            found, waiting = {registration}, [registration]
            while waiting:
                one = waiting.pop()
                for link in one.links:
                    other = link.b if link.a is one else link.a
                    cut = link.undone or "IN_ERROR" in (one.closed, other.closed)
                    if not cut and other not in found:
                        found.add(other)
                        waiting.append(other)
            person = Person(frozenset(found))
            for one in found:
                self._people[one] = person
        return self._people[registration]

    def in_force(self, origin: str, recipient: str, now: datetime) -> Iterator[h.AgreementDrafted]:
        """R3: the effective version of each agreement that runs between the two."""
        for agreement in self.agreements.values():
            # One signed ahead of its start replaces nothing yet.
            signed = [one for one in agreement.signed_by(origin, recipient) if one.start <= now]
            if not agreement.terminated and signed and signed[-1].start <= now < signed[-1].end:
                parties = {party.agency: party for party in signed[-1].parties}
                left_out = all(party.agency != recipient for party in agreement.signed_by(origin)[-1].parties)
                if not left_out and not parties[origin].receives_only:
                    yield signed[-1]

    def _read(self, event: h.Event) -> None:
        match event:
            case h.AgencyRegistered():
                self.service_types[event.agency] = event.service_type
                if event.public_authority or event.service_type in ENFORCING:
                    self.enforcing.add(event.agency)
            case h.FeedOpened():
                self.feeds[event.feed] = event
            case h.PostAppointed():
                if event.kind == "SAFEGUARDING_LEAD":
                    self.rung[event.agency] = event.telephone
            case h.AgreementDrafted():
                self.agreements[event.agreement].versions[event.version] = event
            case h.AgreementSigned():
                self.agreements[event.agreement].signed[event.version].add(event.agency)
            case h.AgreementTerminated():
                self.agreements[event.agreement].terminated = True
            case h.ClientRegistered():
                known = self.current.get((event.agency, event.reference))
                if known is not None and known.closed == "CASE_CLOSED":
                    known.closed, known.seq = None, event.seq
                elif known is None or known.closed:
                    fresh = Registration(event.agency, event.reference, event.seq, event.seq)
                    self.current[event.agency, event.reference] = fresh
                    self.all_of[event.agency, event.reference].append(fresh)
                    self.registrations.append(fresh)
            case h.RegistrationClosed():
                self.current[event.agency, event.reference].closed = event.reason
            case h.LinkConfirmed():
                link = Link(self.current[event.a], self.current[event.b], event.seq)
                self.links[event.link] = link
                link.a.links.add(link)
                link.b.links.add(link)
            case h.LinkUndone():
                link = self.links[event.link]
                link.undone, link.seq = True, event.seq  # the latest word on the pair
            case h.InvolvementOpened():
                self.current[event.by_agency, event.reference].openings.append(event)
            case h.InvolvementEnded():
                self.current[event.agency, event.reference].ended = event.seq
            case h.GrantRecorded():
                place = self.current[event.agency, event.reference]
                self.grants[event.grant] = event
                self.grant_places[event.grant] = place
                place.grants.append(event)
            case h.RefusalRecorded():
                self.current[event.agency, event.reference].refusals.append(event)
            case h.GrantWithdrawn():
                self._withdraw(event)
            case h.GrantReconfirmed():
                self.reconfirmed[event.grant].append(event)
            case h.ExclusionRecorded():
                place = self.current[event.agency, event.reference]
                self.exclusion_places[event.exclusion] = place
                place.exclusions[event.exclusion] = event
            case h.ExclusionLifted():
                place = self.exclusion_places[event.exclusion]
                gone = place.exclusions.pop(event.exclusion, None)
                if gone is not None:
                    place.lifted.append(gone)
            case h.MarkerPlaced():
                self.markers[event.marker] = event
                if event.kind == "PROTECTED_ADDRESS":
                    self.current[event.agency, event.reference].addresses.add(event.marker)
                else:
                    assert event.record_id is not None
                    self.records[event.agency, event.record_id].markers.add(event.marker)
            case h.MarkerLifted():
                placed = self.markers[event.marker]
                for one in self.registrations:
                    one.addresses.discard(event.marker)
                if placed.record_id is not None:
                    self.records[placed.agency, placed.record_id].markers.discard(event.marker)
            case h.StatusRecorded():
                statuses = self.current[event.agency, event.reference].statuses
                if event.status in _ENDS_STATUS:
                    statuses.discard(_ENDS_STATUS[event.status])
                else:
                    statuses.add(event.status)
            case h.HoldPlaced():
                self.holds[event.hold] = event
            case h.HoldLifted():
                self._lift(self.holds.pop(event.hold, None), event.seq)
            case h.Erased():
                for record, key in self._named(event):
                    if self._is_held(record, key):
                        record.waiting.add(key)
                    else:
                        record.waiting.discard(key)
                        record.erased[key] = event.seq
            case h.WarningEnded():
                self.records[event.agency, event.record_id].warning_ended = event.seq
            case h.RecordPublished():
                known_record = self.records.get((event.agency, event.record_id))
                if known_record is None:
                    known_record = Record(self.current[event.agency, event.reference])
                    self.records[event.agency, event.record_id] = known_record
                    known_record.registration.records.append(known_record)
                known_record.revisions.append(event)
                known_record.others = [
                    self.current.get((event.agency, other.reference)) for other in event.other_subjects
                ]
            case _:
                raise TypeError(type(event).__name__)

    def _withdraw(self, event: h.GrantWithdrawn) -> None:
        """Said twice is once, unless more is said. It is said of the grant, and by whoever stands at another
        agency's desk: were these found to be two, it is both's."""
        place = self.grant_places[event.grant]
        said = [one for one, grant in place.withdrawals if grant.grant == event.grant]
        more = event.remove and not any(one.remove for one in said)
        more = more or (event.at_once and not any(one.at_once for one in said))
        if said and not more:
            return
        self.withdrawn.setdefault(event.grant, event)
        elsewhere = [] if event.by_agency == place.agency else self.person(place).registrations
        self._people.clear()  # links go on changing
        for one in [place, *(one for one in elsewhere if one.agency == event.by_agency)]:
            one.withdrawals.append((event, self.grants[event.grant]))

    def _named(self, scope: h.Erased | h.HoldPlaced) -> Iterator[tuple[Record, h.FragmentKey]]:
        """What an erasure or a hold means, of what was told and not erased yet."""
        places = self.all_of[scope.agency, scope.reference]
        for (agency, record_id), record in self.records.items():
            if agency != scope.agency or scope.record_id not in (None, record_id):
                continue
            if scope.record_id is not None or record.registration in places:
                for key in record.keys:
                    gone = key not in record.waiting and record.is_unread(key)
                    if not gone and record.touches(key, scope.category):
                        yield record, key

    def _is_held(self, record: Record, key: h.FragmentKey) -> bool:
        return any((record, key) in list(self._named(hold)) for hold in self.holds.values())

    def _lift(self, hold: h.HoldPlaced | None, seq: int) -> None:
        """What waited for it alone is erased by its end."""
        for record, key in [] if hold is None else list(self._named(hold)):
            if key in record.waiting and not self._is_held(record, key):
                record.waiting.discard(key)
                record.erased[key] = seq
