"""Seeded random questions: a small world in which much is permitted, and then a few things happen to it."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from consent_ledger import facts
from consent_ledger.sharing import SharingDecision
from consent_ledger.vocabulary import (
    DEFAULT_LEVEL,
    ENVELOPE_CATEGORY,
    Article9Condition,
    Article10Condition,
    CaptureMethod,
    ConfidentialityBasis,
    DataCategory,
    InvolvementGround,
    LawfulBasis,
    Level,
    OnEnd,
    Purpose,
    ServiceType,
    StatutoryDuty,
    Term,
)
from tests.policy_cases.question import Question

Kind = TypeVar("Kind", bound=Term)
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
CATEGORIES = (
    DataCategory.ACCOMMODATION, DataCategory.SERVICE_CONTACT, DataCategory.PHYSICAL_HEALTH,
    DataCategory.SUBSTANCE_USE, DataCategory.OFFENDING, DataCategory.SAFEGUARDING_RISK,
    DataCategory.IMMIGRATION, DataCategory.CONTACT_LOCATION, DataCategory.FAMILY,
)  # fmt: skip
PURPOSES = (
    Purpose.DIRECT_SUPPORT, Purpose.CARE_COORDINATION, Purpose.REFERRAL_ELIGIBILITY, Purpose.SAFEGUARDING,
    Purpose.EMERGENCY, Purpose.RESEARCH, Purpose.SERVICE_IMPROVEMENT_EVALUATION, Purpose.EMPLOYMENT,
)  # fmt: skip
OFTEN = (6, 4, 4, 4, 3, 1, 1, 1)
ENVELOPES = (
    ServiceType.HOSTEL,
    ServiceType.SUBSTANCE_USE,
    ServiceType.PROBATION,
    ServiceType.IMMIGRATION_ADVICE,
)
READERS = (ServiceType.HOSTEL, ServiceType.HOUSING, ServiceType.EMPLOYMENT, ServiceType.SUBSTANCE_USE)
NOTICES = ("notice-1", "notice-2")


@dataclass
class Somebody:
    """One person's facts while they are made."""

    registrations: dict[UUID, facts.Registration] = field(default_factory=dict)
    grants: list[facts.Grant] = field(default_factory=list)
    stops: list[facts.Stop] = field(default_factory=list)
    exclusions: list[facts.Exclusion] = field(default_factory=list)
    markers: list[facts.Marker] = field(default_factory=list)
    openings: list[facts.Opening] = field(default_factory=list)
    decisions: list[SharingDecision] = field(default_factory=list)
    care_of: list[tuple[UUID, int]] = field(default_factory=list)
    disputed: bool = False
    groups: list[set[UUID]] = field(default_factory=list)

    def view(self) -> facts.Person:
        """As decisions see them: everything in the order of its position."""

        def ordered(told: list) -> tuple:  # type: ignore[type-arg]
            return tuple(sorted(told, key=lambda one: one.position))

        return facts.Person(
            self.registrations,
            ordered(self.grants),
            ordered(self.stops),
            tuple(self.exclusions),
            tuple(self.markers),
            ordered(self.openings),
            self.disputed,
            frozenset(frozenset(group) for group in self.groups),
            ordered(self.decisions),
            frozenset(self.care_of),
        )


class World:
    """Three agencies, a person whom all know, somebody else of whom some content is solely about."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.origin, self.recipient, self.third = self.random.sample(("ash", "beech", "cedar", "dogwood"), 3)
        self.reader = self.random.choice(READERS)
        self.records = [self.id() for _ in range(2)]
        self.person = self._somebody()
        self.other = self._somebody()
        self.agreements = [self.agreement("isa-1")]
        for whom in (self.person, self.other):
            if self.chance(0.9):
                whom.grants.append(self.grant(whom, plain=True))

    # What is told

    def questions(self) -> Iterator[Question]:
        """Several fragments, each for several purposes."""
        person, other = self.person.view(), self.other.view()
        feed_id = self.id()
        feed = facts.Feed(
            feed_id, self.recipient, "urn:x", self.reader, frozenset(self.some(PURPOSES, 3)),
            frozenset(self.some(CATEGORIES, 6)) if self.chance(0.3) else frozenset(CATEGORIES),
            may_have_to_report=self.chance(0.4), has_enforcement_powers=feed_id.int % 5 < 2,
        )  # fmt: skip
        own = next(one for one in person.registrations.values() if one.agency_id == self.recipient)
        for _ in range(4):
            fragment = self._fragment()
            others = (other,) if fragment.solely_about else ()
            registration: facts.Registration | None = own
            if self.chance(0.03):
                registration = self.random.choice([None, next(iter(other.registrations.values()))])
            for purpose in self.random.choices(PURPOSES, OFTEN, k=5):
                yield Question(fragment, feed, registration, purpose, person, tuple(self.agreements), others)

    def _fragment(self) -> facts.Fragment:
        origin = self.recipient if self.chance(0.02) else self.origin
        told_on = next(one for one in self.person.registrations.values() if one.agency_id == origin)
        held = self.some(CATEGORIES, 1, 2 if self.chance(0.25) else 1)
        free_text = self.chance(0.1)
        level = max((DEFAULT_LEVEL[one] for one in held), key=lambda one: one.rank)
        about = next(iter(self.other.registrations))
        fragment_id = self.id()
        return facts.Fragment(
            fragment_id, self.random.choice(self.records), told_on.registration_id, origin, tuple(held),
            ENVELOPE_CATEGORY[self.random.choices(ENVELOPES, (9, 2, 1, 1))[0]],
            Level.V if free_text else level, free_text, free_text and self.chance(0.3), self.moment(),
            1, frozenset(), (about,) if self.chance(0.12) else (),
            superseded=self.chance(0.01), review_overdue=self.chance(0.02), spent=self.chance(0.08),
            erased=self.chance(0.01), holds_place=self.third if self.chance(0.02) else None,
            no_sleep_site=fragment_id.int % 5 < 2,
        )  # fmt: skip

    # What somebody says

    def grant(self, whom: Somebody, *, plain: bool = False) -> facts.Grant:
        """A plain one opens nearly everything to the recipient; any other is as it comes."""
        basis = (
            ConfidentialityBasis.EXPLICIT_CONSENT
            if plain or self.chance(0.4)
            else self.pick(ConfidentialityBasis)
        )
        scope = facts.Scope(frozenset(PURPOSES), frozenset(CATEGORIES), self.recipient)
        if not plain:
            scope = self.scope(named=0.75)
        by = (
            self.origin
            if plain
            else self.random.choices((self.origin, self.recipient, self.third), (3, 3, 1))[0]
        )
        method = CaptureMethod.ESIGNATURE
        if basis is ConfidentialityBasis.BEST_INTERESTS and self.chance(0.8):
            method = CaptureMethod.BEST_INTERESTS_RECORD
        elif not plain and self.chance(0.1):
            method = CaptureMethod.IMPORTED_LEGACY
        return facts.Grant(
            self.id(), self.random.choice(list(whom.registrations)), self.at(20), by, scope, basis, method,
            NOTICES[0] if plain or self.chance(0.85) else NOTICES[1],
            None if plain or self.chance(0.85) else self.moment(),
            None if plain or self.chance(0.85) else self.moment(),
            facts.Evidence(NOW, NOW, NOW, True, True, True, False, self.evidence(), self.moment()),
            weak=not plain and self.chance(0.15),
            begun=plain or self.chance(0.93),
            expired=not plain and self.chance(0.07),
            reconfirmed=[
                (self.at(20), self.random.choice((self.origin, self.recipient, self.third)))
                for _ in range(0 if plain or self.chance(0.7) else 1)
            ],
        )  # fmt: skip

    def evidence(self) -> facts.BasisEvidence:
        """Mostly all that any basis has to show."""
        return facts.BasisEvidence(
            "file" if self.chance(0.93) else "",
            self.chance(0.9),
            "doctor" if self.chance(0.9) else "",
            "lead" if self.chance(0.93) else "",
            self.random.choices(("worker", "lead", ""), (9, 1, 1))[0],
            None if self.chance(0.08) else self.pick(StatutoryDuty),
            None if self.chance(0.08) else self.moment(),
        )

    def scope(self, *, named: float) -> facts.Scope:
        """Some purposes and categories; one agency by name, a kind of service, or the whole team."""
        held = frozenset(self.some(PURPOSES, 1)), frozenset(self.some(CATEGORIES, 1))
        if self.chance(named):
            return facts.Scope(*held, self.random.choices((self.recipient, self.third), (4, 1))[0])
        if self.chance(0.5):
            return facts.Scope(*held, None, self.random.choice((self.reader, ServiceType.PRISON)))
        return facts.Scope(*held, support_team=True)

    def agreement(self, agreement_id: str) -> facts.Agreement:
        """One version that all three signed, with a row for nearly every pair."""
        law = facts.PartyBasis(LawfulBasis.A6_1_C, Article9Condition.A9_2_H, Article10Condition.SCH1_P18)
        everybody = (self.origin, self.recipient, self.third)
        rows = {
            (category, purpose): facts.Row(OnEnd.ERASE, self.chance(0.3))
            for category in CATEGORIES
            for purpose in PURPOSES
            if self.chance(0.97)
        }
        parties = {one: facts.Party(dict.fromkeys(PURPOSES, law), False) for one in everybody}
        return facts.Agreement(
            agreement_id,
            [facts.AgreementVersion(1, parties, rows, NOTICES[0], begun=True, signed_by=set(everybody))],
        )

    def _somebody(self) -> Somebody:
        whom = Somebody()
        for agency in (self.origin, self.recipient, self.third):
            one = facts.Registration(self.id(), agency, agency + "-ref", self.at(1, 20))
            whom.registrations[one.registration_id] = one
        whom.groups = [set(whom.registrations)]
        if self.chance(0.9):
            first = next(iter(whom.registrations))
            whom.openings.append(self.opening(first, self.origin, 20))
        return whom

    def opening(self, registration_id: UUID, by: str, since: int) -> facts.Opening:
        ground = InvolvementGround.REFERRAL
        return facts.Opening(registration_id, self.at(since), self.recipient, ground, by)

    # Chance

    def id(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    def at(self, first: int, last: int = 1_000_000) -> int:
        """A position. That two are equal is one chance in a million, and then they are of one entry."""
        return self.random.randrange(first, last)

    def moment(self) -> datetime:
        return NOW + timedelta(days=self.random.randrange(-3, 4))

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def pick(self, of: type[Kind]) -> Kind:
        return self.random.choice(list(of))

    def some(self, of: Sequence[Any], at_least: int, at_most: int = 99) -> list[Any]:
        return self.random.sample(of, self.random.randint(at_least, min(at_most, len(of))))
