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
from tests.oracle import propose_agreements as agreements
from tests.oracle import propose_choices as choices
from tests.oracle import propose_erasures as erasures
from tests.oracle import propose_records as records
from tests.oracle import propose_registrations as registrations
from tests.oracle.facts import Facts, Registration
from tests.oracle.generate_terms import SERVICES
from tests.oracle.terms import review_end

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
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
            if public := self.chance(0.4):
                publics.add(agency)
            yield self.event(h.AgencyRegistered, agency=agency, service_type=service, public_authority=public)
            yield agreements.feed(self, agency, service)
            if self.chance(0.7):
                yield agreements.appoint(self, agency)
        for name in ("isa-1", "isa-2"):
            yield agreements.drafted(
                self, name, 1, self.agencies, publics, timedelta(), generous=name == "isa-1"
            )
            for agency in self.agencies:
                yield self.event(h.AgreementSigned, agreement=name, version=1, agency=agency)
        for person in range(self.people):
            here = [agency for agency in self.agencies if self.chance(0.85)]
            for agency in here:
                yield self.event(h.ClientRegistered, agency=agency, reference=f"{agency}-p{person}")
            for a, b in pairwise(here):
                if self.chance(0.95):
                    ends = ((a, f"{a}-p{person}"), (b, f"{b}-p{person}"))
                    yield self.event(h.LinkConfirmed, link=self.name("l"), a=ends[0], b=ends[1])
        for act in (records.record, choices.grant, registrations.involve):
            for _ in range(3 * self.people):
                event = act(self)
                if event is not None:
                    yield event

    def propose(self) -> h.Event | Wait:
        """One thing that might happen now."""
        while True:
            (act,) = self.random.choices([act for act, _ in ACTS], [weight for _, weight in ACTS])
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

    def event(self, kind: type[h.Event], /, **fields: Any) -> h.Event:
        return kind(seq=self.tick(), at=self.now, **fields)

    def name(self, prefix: str) -> str:
        self._names += 1
        return f"{prefix}{self._names}"

    def some(self, of: tuple[str, ...] | list[str], at_least: int = 1, at_most: int = 99) -> list[str]:
        return self.random.sample(of, self.random.randint(min(at_least, len(of)), min(at_most, len(of))))

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def open(self) -> list[Registration]:
        return [one for one in self.facts.registrations if one.closed is None]

    def one(self) -> Registration | None:
        open_ones = self.open()
        return self.random.choice(open_ones) if open_ones else None

    def colleagues(self, registration: Registration) -> list[Registration]:
        """Open registrations of the same person at other agencies."""
        person = self.facts.person(registration)
        return sorted(
            (one for one in person.registrations if one.closed is None and one.agency != registration.agency),
            key=lambda one: one.seq,
        )

    def pass_time(self) -> Wait:
        """Mostly some while; now and then to just before or exactly onto a boundary."""
        boundaries = [
            boundary
            for event in self.history
            for name in ("effective_from", "effective_until", "start", "end", "review_by", "spent_on")
            if (boundary := getattr(event, name, None)) is not None
            and self.now < boundary < self.now + timedelta(days=15)
        ]
        boundaries += [
            end
            for record in self.facts.records.values()
            if (end := review_end(record.latest)) is not None
            and self.now < end < self.now + timedelta(days=15)
        ]
        if boundaries and self.chance(0.5):
            early = timedelta(seconds=1) if self.chance(0.3) else timedelta()
            return Wait(self.random.choice(boundaries) - self.now - early)
        return Wait(self.random.choice(WAITS))


ACTS: tuple[tuple[Callable[[World], h.Event | Wait | None], int], ...] = (
    (records.record, 50),
    (records.correct, 16),
    (records.withdraw_record, 3),
    (records.end_warning, 8),
    (erasures.erase, 3),
    (erasures.hold, 2),
    (erasures.lift, 3),
    (choices.grant, 60),
    (choices.share_risk, 20),
    (choices.withdraw, 14),
    (choices.reconfirm, 10),
    (choices.refuse, 5),
    (choices.exclude, 5),
    (choices.lift_exclusion, 5),
    (choices.mark, 5),
    (choices.unmark, 5),
    (choices.status, 5),
    (registrations.involve, 25),
    (registrations.end_involvement, 3),
    (registrations.link, 14),
    (registrations.unlink, 8),
    (registrations.register, 4),
    (registrations.close, 1),
    (agreements.draft, 4),
    (agreements.sign, 14),
    (agreements.terminate, 1),
    (agreements.appoint, 2),
    (World.pass_time, 16),
)
"""What may happen, and how often next to the rest."""
