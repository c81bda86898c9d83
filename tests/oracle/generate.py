"""Seeded random histories over a small world, as commands that an agency could give.

Every proposal is valid as far as the contract says: a grant lies within a signed agreement in force, a
revision is the next one, whoever acts has an open registration. A harness plays each proposal to the
product and, when it was accepted, calls `accept`; one that the product refuses is dropped and never
happened. Ids (`grant`, `exclusion`, ...) are the world's own; the harness keeps the product's beside them.

    world = World(seed=7)
    for event in world.founding():
        play(event); world.accept(event)
    for _ in range(60):
        step = world.propose()
        if isinstance(step, Wait): clock.advance(step.by); world.wait(step.by)
        elif play(step): world.accept(step)

A record's parts become contract content like this: categories become an assessment's answers, free text
its comment; a third-party part a note with `third_party`, whose flag is the SERVICE_CONTACT part.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from tests.oracle import history as h
from tests.oracle.decide import VERY_RESTRICTED, envelope_of
from tests.oracle.facts import Facts, Record, Registration

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CATEGORIES = (
    "IDENTITY",
    "CONTACT_LOCATION",
    "EQUALITY",
    "ACCOMMODATION",
    "PHYSICAL_HEALTH",
    "MENTAL_HEALTH",
    "SUBSTANCE_USE",
    "OFFENDING",
    "DOMESTIC_ABUSE",
    "SEXUAL_HEALTH",
    "SAFEGUARDING_RISK",
    "IMMIGRATION",
    "MONEY_WORK",
    "FAMILY",
    "OWN_STORY",
    "SERVICE_CONTACT",
)
PURPOSES = ("DIRECT_SUPPORT", "CARE_COORDINATION", "REFERRAL_ELIGIBILITY", "SAFEGUARDING")
SERVICES = ("HOSTEL", "SUBSTANCE_USE", "HOUSING", "MENTAL_HEALTH", "PRIMARY_CARE", "NAVIGATION")
BASES = (*("A6_1_E", "A6_1_C", "A6_1_D") * 3, "A6_1_A", "A6_1_F", "A6_1_EA")
CONFIDENCES = (
    *("EXPLICIT_CONSENT",) * 6,
    "IMPLIED_CONSENT",
    "IMPLIED_CONSENT",
    "BEST_INTERESTS",
    "PUBLIC_INTEREST",
    "STATUTORY_DUTY",
    "COURT_ORDER",
    "S251",
    "NOT_CONFIDENTIAL",
)
WAITS = (
    timedelta(minutes=5),
    timedelta(hours=3),
    timedelta(days=1),
    timedelta(days=2),
    timedelta(days=7),
)


@dataclass(frozen=True)
class Wait:
    """Time passes."""

    by: timedelta


class World:
    """A few agencies and people; proposes what might happen next."""

    def __init__(self, seed: int, agencies: int | None = None, people: int | None = None) -> None:
        self.random = random.Random(seed)
        self.now = START
        self.history: list[h.Event] = []
        self.facts = Facts([])
        self.agencies = [f"agency-{n}" for n in range(agencies or self.random.randint(3, 5))]
        self.people = people or self.random.randint(2, 4)
        self.notices = ("notice-1", "notice-2")
        self._seq = 0
        self._names = 0

    # What the harness calls

    def founding(self) -> Iterator[h.Event]:
        """The world's first days. Accept each event before asking for the next: later ones build on it."""
        publics: set[str] = set()
        for n, agency in enumerate(self.agencies):
            service = SERVICES[n % len(SERVICES)]
            if public := self._chance(0.4):
                publics.add(agency)
            yield self._event(
                h.AgencyRegistered, agency=agency, service_type=service, public_authority=public
            )
            yield self._feed(agency, service)
        for name in ("isa-1", "isa-2"):
            yield self._draft(name, 1, self.agencies, publics, timedelta(), generous=name == "isa-1")
            for agency in self.agencies:
                yield self._event(h.AgreementSigned, agreement=name, version=1, agency=agency)
        for person in range(self.people):
            here = [agency for agency in self.agencies if self._chance(0.85)]
            for agency in here:
                yield self._event(h.ClientRegistered, agency=agency, reference=f"{agency}-p{person}")
            for a, b in pairwise(here):
                if self._chance(0.95):
                    ends = ((a, f"{a}-p{person}"), (b, f"{b}-p{person}"))
                    yield self._event(h.LinkConfirmed, link=self._name("l"), a=ends[0], b=ends[1])
        for act in (self.record, self.grant, self.involve):
            for _ in range(3 * self.people):
                event = act()
                if event is not None:
                    yield event

    def propose(self) -> h.Event | Wait:
        """One thing that might happen now."""
        while True:
            (act,) = self.random.choices([act for act, _ in self._acts], [weight for _, weight in self._acts])
            step = act(self)
            if step is not None:
                return step

    def accept(self, event: h.Event) -> None:
        """The product accepted it: it happened."""
        self.history.append(event)
        self.facts = Facts(self.history)

    def wait(self, by: timedelta) -> None:
        self.now += by

    def tick(self) -> int:
        """The next number in the one order of events and observations."""
        self._seq += 1
        return self._seq

    # Bits

    def _event(self, kind: type[h.Event], /, **fields: Any) -> h.Event:
        return kind(seq=self.tick(), at=self.now, **fields)

    def _name(self, prefix: str) -> str:
        self._names += 1
        return f"{prefix}{self._names}"

    def _some(self, of: tuple[str, ...] | list[str], at_least: int = 1, at_most: int = 99) -> list[str]:
        return self.random.sample(of, self.random.randint(min(at_least, len(of)), min(at_most, len(of))))

    def _chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def _open(self) -> list[Registration]:
        return [one for one in self.facts.registrations if one.closed is None]

    def _one(self) -> Registration | None:
        open_ones = self._open()
        return self.random.choice(open_ones) if open_ones else None

    def _colleagues(self, registration: Registration) -> list[Registration]:
        """Open registrations of the same person at other agencies."""
        person = self.facts.person(registration)
        return sorted(
            (one for one in person.registrations if one.closed is None and one.agency != registration.agency),
            key=lambda one: one.seq,
        )

    # Agencies and agreements

    def _feed(self, agency: str, service: str) -> h.Event:
        everything = self._chance(0.7)
        return self._event(
            h.FeedOpened,
            feed=self._name("feed-"),
            agency=agency,
            service_type=service if self._chance(0.8) else self.random.choice(SERVICES),
            purposes=frozenset(PURPOSES if everything else self._some(PURPOSES, 2)),
            categories=frozenset(CATEGORIES if everything else self._some(CATEGORIES, 10)),
            enforces_person_restriction=self._chance(0.5),
        )

    def _draft(
        self,
        name: str,
        version: int,
        agencies: list[str],
        publics: set[str],
        starts_in: timedelta,
        generous: bool,
    ) -> h.Event:
        purposes = self._some(PURPOSES, 3 if generous else 1, 4 if generous else 3)
        listed = CATEGORIES if generous else self._some(CATEGORIES, 8)
        rows = [
            h.Row(category, purpose, self.random.choice(("STOP", "RESTRICT", "ERASE")), self._chance(0.3))
            for category in listed
            for purpose in purposes
            if generous or self._chance(0.9)
        ] or [h.Row("SERVICE_CONTACT", purposes[0], "STOP")]
        parties = tuple(
            h.Party(
                agency,
                tuple(self._basis(purpose, agency in publics, generous) for purpose in purposes),
                not generous and self._chance(0.15),
            )
            for agency in agencies
        )
        start = self.now + starts_in
        return self._event(
            h.AgreementDrafted,
            agreement=name,
            version=version,
            parties=parties,
            rows=tuple(rows),
            start=start,
            end=start + timedelta(days=self.random.choice((365, 365, 365, 30) if generous else (60, 20, 5))),
            notice=self.notices[0] if self._chance(0.8) else self.notices[1],
        )

    def _basis(self, purpose: str, public: bool, generous: bool) -> h.Basis:
        basis = self.random.choice(BASES[:-2] if public else BASES)
        complete = generous or self._chance(0.6)
        article9 = "A9_2_A" if self._chance(0.05) else "A9_2_H"
        return h.Basis(purpose, basis, article9 if complete else None, "SCH1_P18" if complete else None)

    def _newest(self, name: str) -> h.AgreementDrafted:
        versions = self.facts.agreements[name].versions
        return versions[max(versions)]

    def draft(self) -> h.Event | None:
        new = self._chance(0.4)
        name = self._name("isa-") if new else self.random.choice(sorted(self.facts.agreements))
        agreement = self.facts.agreements.get(name)
        if agreement is not None and agreement.terminated:
            return None
        version = 1 if agreement is None else max(agreement.versions) + 1
        publics = {
            one.agency for one in self.history if isinstance(one, h.AgencyRegistered) and one.public_authority
        }
        starts_in = timedelta(days=3) if self._chance(0.2) else timedelta()
        generous = name == "isa-1" or self._chance(0.5)
        return self._draft(name, version, self._some(self.agencies, 2), publics, starts_in, generous)

    def sign(self) -> h.Event | None:
        waiting = [
            (name, newest.version, party.agency)
            for name, agreement in sorted(self.facts.agreements.items())
            if not agreement.terminated
            for newest in [self._newest(name)]
            for party in newest.parties
            if party.agency not in agreement.signed[newest.version]
        ]
        if not waiting:
            return None
        name, version, agency = self.random.choice(waiting)
        return self._event(h.AgreementSigned, agreement=name, version=version, agency=agency)

    def terminate(self) -> h.Event | None:
        live = sorted(name for name, one in self.facts.agreements.items() if not one.terminated)
        name = self.random.choice(live) if live else None
        if name is None or (name == "isa-1" and not self._chance(0.2)):
            return None
        return self._event(h.AgreementTerminated, agreement=name)

    # Registrations

    def register(self) -> h.Event | None:
        """An agency meets one of the people, or the same person again under another reference."""
        agency, person = self.random.choice(self.agencies), self.random.randrange(self.people)
        reference = f"{agency}-p{person}"
        if (agency, reference) in self.facts.current:
            reference = f"{reference}-{self._name('again-')}"
        return self._event(h.ClientRegistered, agency=agency, reference=reference)

    def close(self) -> h.Event | None:
        one = self._one()
        if one is None:
            return None
        reason = self.random.choice(("CASE_CLOSED", "CASE_CLOSED", "IN_ERROR"))
        return self._event(h.RegistrationClosed, agency=one.agency, reference=one.reference, reason=reason)

    def link(self) -> h.Event | None:
        a, b = self._one(), self._one()
        if a is None or b is None or a.agency == b.agency:
            return None
        if any(link.b in (a, b) and link.a in (a, b) and not link.undone for link in a.links):
            return None
        same = a.reference.split("-p")[1][0] == b.reference.split("-p")[1][0]
        if not same and not self._chance(0.1):  # a wrong match is made now and then
            return None
        ends = (a.agency, a.reference), (b.agency, b.reference)
        return self._event(h.LinkConfirmed, link=self._name("l"), a=ends[0], b=ends[1])

    def unlink(self) -> h.Event | None:
        standing = [
            name
            for name, link in self.facts.links.items()
            if not link.undone and None in (link.a.closed, link.b.closed)
        ]
        return self._event(h.LinkUndone, link=self.random.choice(standing)) if standing else None

    def involve(self) -> h.Event | None:
        one = self._one()
        if one is None:
            return None
        return self._event(
            h.InvolvementOpened,
            by_agency=one.agency,
            reference=one.reference,
            agency=self.random.choice([agency for agency in self.agencies if agency != one.agency]),
            ground=self.random.choice(("REFERRAL", "EMERGENCY", "SAFEGUARDING")),
        )

    def end_involvement(self) -> h.Event | None:
        one = self._one()
        if one is None:
            return None
        return self._event(h.InvolvementEnded, agency=one.agency, reference=one.reference)

    # Choices

    def grant(self) -> h.Event | None:
        one = self._one()
        if one is None:
            return None
        partners = [agency for agency in self.agencies if agency != one.agency]
        running = [
            (version, partner)
            for partner in partners
            for agreement in self.facts.agreements.values()
            if not agreement.terminated
            for version in agreement.signed_by(one.agency, partner)[-1:]
            if version.start <= self.now < version.end
        ]
        if not running:
            return None
        version, partner = self.random.choice(running)
        purposes = self._some(sorted({row.purpose for row in version.rows}))
        covered = [
            category
            for category in CATEGORIES
            if all((purpose, category) in version.pairs for purpose in purposes)
        ]
        recipient = self._recipient(one.agency, partner)
        if recipient.agency is None:
            covered = [category for category in covered if category not in VERY_RESTRICTED]
        if not covered:
            return None
        envelopes = {envelope_of(service) for service in self.facts.service_types.values()}
        categories = set(self._some(covered, 4)) | (envelopes & set(covered) if self._chance(0.9) else set())
        pressed = self._chance(0.2)
        late = self._chance(0.1)
        begins = self.now + timedelta(days=2) if self._chance(0.15) else None
        period = self._chance(0.15)
        return self._event(
            h.GrantRecorded,
            grant=self._name("g"),
            agency=one.agency,
            reference=one.reference,
            purposes=frozenset(purposes),
            categories=frozenset(categories),
            recipient=recipient,
            basis=self.random.choice(CONFIDENCES),
            method="IMPORTED_LEGACY" if self._chance(0.08) else "VERBAL_IN_PERSON",
            notice=version.notice if self._chance(0.92) else "notice-3",
            given=self.now - timedelta(days=1 if late else 0),
            effective_from=begins,
            effective_until=(begins or self.now) + timedelta(days=self.random.choice((2, 14, 90, 365))),
            data_from=self.now - timedelta(days=20) if period else None,
            data_until=self.now - timedelta(days=self.random.randint(0, 3)) if period else None,
            asked_alone=not (pressed and self._chance(0.5)),
            service_offered_anyway=not (pressed and self._chance(0.5)),
            told_may_refuse=not (pressed and self._chance(0.5)),
            capacity_in_doubt=self._chance(0.04),
        )

    def _recipient(self, capturing: str, partner: str) -> h.Recipient:
        kind = self.random.random()
        if kind < 0.6:
            return h.Recipient(agency=partner)
        if kind < 0.72:
            return h.Recipient(agency=capturing)  # its own word for itself
        if kind < 0.84:
            feeds = [one for one in self.facts.feeds.values() if one.agency == partner]
            return h.Recipient(service_type=self.random.choice(feeds).service_type)
        return h.Recipient(support_team=True)

    def _known_grants(self) -> list[tuple[h.GrantRecorded, list[Registration]]]:
        """Grants not withdrawn, with the open registrations of the person they are about."""
        return [
            (grant, here)
            for name, grant in self.facts.grants.items()
            if name not in self.facts.withdrawn
            and (here := sorted(
                (one for one in self.facts.person(self.facts.grant_places[name]).registrations
                 if one.closed is None), key=lambda one: one.seq))
        ]  # fmt: skip

    def withdraw(self) -> h.Event | None:
        known = self._known_grants()
        if not known:
            return None
        grant, here = self.random.choice(known)
        own = [one for one in here if one is self.facts.grant_places[grant.grant]]
        by = own[0] if own and self._chance(0.7) else self.random.choice(here)
        return self._event(
            h.GrantWithdrawn,
            grant=grant.grant,
            by_agency=by.agency,
            reference=by.reference,
            remove=self._chance(0.25),
        )

    def reconfirm(self) -> h.Event | None:
        candidates = [
            (grant, one)
            for grant, here in self._known_grants()
            if grant.recipient.agency is not None
            for one in here
            if one.agency != grant.recipient.agency
            and (one is self.facts.grant_places[grant.grant] or grant.agency == grant.recipient.agency)
        ]
        if not candidates:
            return None
        grant, by = self.random.choice(candidates)
        return self._event(h.GrantReconfirmed, grant=grant.grant, by_agency=by.agency, reference=by.reference)

    def refuse(self) -> h.Event | None:
        one = self._one()
        if one is None:
            return None
        who = self.random.choice([*self.agencies, ""])
        return self._event(
            h.RefusalRecorded,
            refusal=self._name("r"),
            agency=one.agency,
            reference=one.reference,
            purposes=frozenset(self._some(PURPOSES, 1, 2) if self._chance(0.6) else ()),
            categories=frozenset(self._some(CATEGORIES, 1, 4) if self._chance(0.8) else ()),
            recipient=h.Recipient(agency=who) if who else None,
        )

    def exclude(self) -> h.Event | None:
        one = self._one()
        if one is None:
            return None
        kind = self.random.choice(("agency", "person", "category", "category"))
        return self._event(
            h.ExclusionRecorded,
            exclusion=self._name("x"),
            agency=one.agency,
            reference=one.reference,
            excluded_agency=self.random.choice(self.agencies) if kind != "category" else None,
            staff="staff-7" if kind == "person" else None,
            category=self.random.choice(CATEGORIES) if kind == "category" else None,
            remove=self._chance(0.3),
        )

    def lift_exclusion(self) -> h.Event | None:
        standing = [(one, name) for one in self._open() for name in one.exclusions]
        if not standing:
            return None
        one, name = self.random.choice(standing)
        return self._event(h.ExclusionLifted, exclusion=name, agency=one.agency, reference=one.reference)

    def mark(self) -> h.Event | None:
        one = self._one()
        if one is None:
            return None
        kind = self.random.choice(
            ("PROTECTED_ADDRESS", "THIRD_PARTY", "SERIOUS_HARM", "PRIVILEGED", "CRIME_PREJUDICE")
        )
        record = self.random.choice(one.records) if one.records else None
        if kind != "PROTECTED_ADDRESS" and record is None:
            return None
        return self._event(
            h.MarkerPlaced,
            marker=self._name("m"),
            agency=one.agency,
            reference=one.reference,
            kind=kind,
            record_id=record.latest.record_id if record and kind != "PROTECTED_ADDRESS" else None,
        )

    def unmark(self) -> h.Event | None:
        standing = [
            marker
            for name, marker in self.facts.markers.items()
            if (place := self.facts.current[marker.agency, marker.reference]).closed is None
            and (
                name in place.addresses
                or (
                    marker.record_id is not None
                    and name in self.facts.records[marker.agency, marker.record_id].markers
                )
            )
        ]
        if not standing:
            return None
        marker = self.random.choice(standing)
        return self._event(
            h.MarkerLifted, marker=marker.marker, agency=marker.agency, reference=marker.reference
        )

    def status(self) -> h.Event | None:
        one = self._one()
        if one is None:
            return None
        ends = {
            "PROCESSING_RESTRICTED": "RESTRICTION_LIFTED",
            "DATA_OPT_OUT": "DATA_OPT_IN",
            "DEATH_REPORTED": "DEATH_REPORT_WITHDRAWN",
        }
        marked = [other for other in self._open() if other.statuses]
        if marked and self._chance(0.6):
            one = self.random.choice(marked)
        status = self.random.choice(sorted(one.statuses)) if one.statuses else ""
        status = ends[status] if status else self.random.choice(list(ends))
        return self._event(h.StatusRecorded, agency=one.agency, reference=one.reference, status=status)

    # Records

    def record(self) -> h.Event | None:
        one = self._one()
        if one is None:
            return None
        return self._record(one, self._name("rec-"), 1, None)

    def correct(self) -> h.Event | None:
        record = self._correctable()
        if record is None:
            return None
        latest = record.latest
        return self._record(record.registration, latest.record_id, latest.revision + 1, latest.service_type)

    def withdraw_record(self) -> h.Event | None:
        record = self._correctable()
        if record is None:
            return None
        latest = record.latest
        return self._event(
            h.RecordPublished,
            agency=latest.agency,
            reference=latest.reference,
            record_id=latest.record_id,
            revision=latest.revision + 1,
            service_type=latest.service_type,
            occurred=latest.occurred,
            parts=(),
            withdrawn=True,
        )

    def _correctable(self) -> Record | None:
        live = [
            record
            for record in self.facts.records.values()
            if not record.latest.withdrawn and record.registration.closed is None
        ]
        return self.random.choice(live) if live else None

    def _record(self, one: Registration, name: str, revision: int, service: str | None) -> h.Event:
        if service is None:  # a first revision: usually the agency's own kind of service
            own = self.facts.service_types[one.agency]
            service = own if self._chance(0.8) else self.random.choice([*SERVICES, "IMMIGRATION_ADVICE"])
        others = tuple(
            h.OtherSubject(other.reference, frozenset(self._some(CATEGORIES, 2, 8)), self._chance(0.6))
            for other in self._open()
            if other.agency == one.agency and other is not one and self._chance(0.1)
        )
        late = self.random.random()
        return self._event(
            h.RecordPublished,
            agency=one.agency,
            reference=one.reference,
            record_id=name,
            revision=revision,
            service_type=service,
            occurred=self.now - timedelta(days=self.random.randint(0, 30), hours=1),
            parts=self._parts(f"{name}/{revision}"),
            marks=frozenset({"DELAU"} if self._chance(0.2) else ()),
            other_subjects=others,
            review_by=self.now + timedelta(days=self.random.randint(1, 9)) if late < 0.1 else None,
            spent_on=self.now + timedelta(days=self.random.randint(1, 9)) if late > 0.9 else None,
        )

    def _parts(self, stamp: str) -> tuple[h.Part, ...]:
        if self._chance(0.06):
            words = frozenset(self._some(CATEGORIES[:15], 1, 3))
            flag = h.Part(frozenset({"SERVICE_CONTACT"}), content="third-party")
            return (h.Part(words, free_text=True, third_party=True, content=f"{stamp}/words"), flag)
        parts = [
            h.Part(frozenset({category}), content=f"{stamp}/{category}")
            for category in self._some(CATEGORIES, 1, 5)
        ]
        if self._chance(0.25):
            words = frozenset(self._some(CATEGORIES, 1, 3))
            parts.append(h.Part(words, free_text=True, content=f"{stamp}/words"))
        return tuple(parts)

    def pass_time(self) -> Wait:
        """Mostly some while; now and then to just before or exactly onto a boundary."""
        boundaries = [
            boundary
            for event in self.history
            for name in ("effective_from", "effective_until", "start", "end", "review_by", "spent_on")
            if (boundary := getattr(event, name, None)) is not None
            and self.now < boundary < self.now + timedelta(days=15)
        ]
        if boundaries and self._chance(0.5):
            early = timedelta(seconds=1) if self._chance(0.3) else timedelta()
            return Wait(self.random.choice(boundaries) - self.now - early)
        return Wait(self.random.choice(WAITS))

    _acts: tuple[tuple[Callable[["World"], h.Event | Wait | None], int], ...] = (
        (record, 50),
        (correct, 16),
        (withdraw_record, 3),
        (grant, 60),
        (withdraw, 14),
        (reconfirm, 10),
        (refuse, 5),
        (exclude, 5),
        (lift_exclusion, 5),
        (mark, 5),
        (unmark, 5),
        (status, 5),
        (involve, 25),
        (end_involvement, 3),
        (link, 10),
        (unlink, 3),
        (register, 4),
        (close, 1),
        (draft, 4),
        (sign, 14),
        (terminate, 1),
        (pass_time, 16),
    )
