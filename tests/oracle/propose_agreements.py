"""What operators and agencies might agree."""

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.oracle import history as h
from tests.oracle.generate_terms import BASES, CATEGORIES, PURPOSES, SERVICES, WINDOWS

if TYPE_CHECKING:
    from tests.oracle.generate import World


def feed(world: "World", agency: str, service: str) -> h.Event:
    everything = world.chance(0.7)
    return world.event(
        h.FeedOpened,
        feed=world.name("feed-"),
        agency=agency,
        service_type=service if world.chance(0.8) else world.random.choice(SERVICES),
        purposes=frozenset(PURPOSES if everything else world.some(PURPOSES, 2)),
        categories=frozenset(CATEGORIES if everything else world.some(CATEGORIES, 10)),
        enforces_person_restriction=world.chance(0.5),
        window=world.random.choice(WINDOWS),
    )


def appoint(world: "World", agency: str | None = None) -> h.Event:
    """Somebody new to ring, or to do the work."""
    return world.event(
        h.PostAppointed,
        agency=agency or world.random.choice(world.agencies),
        kind="SAFEGUARDING_LEAD" if world.chance(0.7) else "DUTY_WORKER",
        telephone=f"0121 {world.random.randrange(1000, 9999)}",
    )


def drafted(
    world: "World",
    name: str,
    version: int,
    agencies: list[str],
    publics: set[str],
    starts_in: timedelta,
    generous: bool,
) -> h.Event:
    purposes = world.some(PURPOSES, 3 if generous else 1, 4 if generous else 3)
    listed = CATEGORIES if generous else world.some(CATEGORIES, 8)
    rows = [
        h.Row(category, purpose, _on_end(world, category), world.chance(0.3))
        for category in listed
        for purpose in purposes
        if generous or world.chance(0.9)
    ] or [h.Row("SERVICE_CONTACT", purposes[0], "STOP")]
    parties = tuple(
        h.Party(
            agency,
            tuple(_basis(world, purpose, agency in publics, generous) for purpose in purposes),
            not generous and world.chance(0.15),
        )
        for agency in agencies
    )
    start = world.now + starts_in
    return world.event(
        h.AgreementDrafted,
        agreement=name,
        version=version,
        parties=parties,
        rows=tuple(rows),
        start=start,
        end=start
        + timedelta(
            days=world.random.choice((365, 365, 365, 30 if version > 1 else 365) if generous else (60, 20, 5))
        ),
        notice=world.notices[0] if world.chance(0.8) else world.notices[1],
    )


def _on_end(world: "World", category: str) -> str:
    """A risk is mostly to be erased: then only a warning may stay of it."""
    if category == "SAFEGUARDING_RISK" and world.chance(0.6):
        return "ERASE"
    return world.random.choice(("STOP", "RESTRICT", "ERASE"))


def _basis(world: "World", purpose: str, public: bool, generous: bool) -> h.Basis:
    basis = world.random.choice(BASES[:-2] if public else BASES)
    complete = generous or world.chance(0.6)
    article9 = "A9_2_A" if world.chance(0.05) else "A9_2_H"
    return h.Basis(purpose, basis, article9 if complete else None, "SCH1_P18" if complete else None)


def _newest(world: "World", name: str) -> h.AgreementDrafted:
    versions = world.facts.agreements[name].versions
    return versions[max(versions)]


def draft(world: "World") -> h.Event | None:
    new = world.chance(0.4)
    name = world.name("isa-") if new else world.random.choice(sorted(world.facts.agreements))
    agreement = world.facts.agreements.get(name)
    if agreement is not None and agreement.terminated:
        return None
    version = 1 if agreement is None else max(agreement.versions) + 1
    publics = {
        one.agency for one in world.history if isinstance(one, h.AgencyRegistered) and one.public_authority
    }
    starts_in = timedelta(days=3) if world.chance(0.2) else timedelta()
    generous = name == "isa-1" or world.chance(0.5)
    return drafted(world, name, version, world.some(world.agencies, 2), publics, starts_in, generous)


def sign(world: "World") -> h.Event | None:
    waiting = [
        (name, newest.version, party.agency)
        for name, agreement in sorted(world.facts.agreements.items())
        if not agreement.terminated
        for newest in [_newest(world, name)]
        for party in newest.parties
        if party.agency not in agreement.signed[newest.version]
    ]
    if not waiting:
        return None
    name, version, agency = world.random.choice(waiting)
    return world.event(h.AgreementSigned, agreement=name, version=version, agency=agency)


def terminate(world: "World") -> h.Event | None:
    live = sorted(name for name, one in world.facts.agreements.items() if not one.terminated)
    name = world.random.choice(live) if live else None
    if name is None or (name == "isa-1" and not world.chance(0.2)):
        return None
    return world.event(h.AgreementTerminated, agreement=name)
