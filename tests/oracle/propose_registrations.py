"""Who might come to be known, linked and worked with."""

from typing import TYPE_CHECKING

from tests.oracle import history as h

if TYPE_CHECKING:
    from tests.oracle.generate import World


def register(world: "World") -> h.Event | None:
    """An agency meets one of the people, or the same person again under another reference."""
    agency, person = world.random.choice(world.agencies), world.random.randrange(world.people)
    reference = f"{agency}-p{person}"
    if (agency, reference) in world.facts.current:
        reference = f"{reference}-{world.name('again-')}"
    return world.event(h.ClientRegistered, agency=agency, reference=reference)


def close(world: "World") -> h.Event | None:
    one = world.one()
    if one is None:
        return None
    reason = world.random.choice(("CASE_CLOSED", "CASE_CLOSED", "IN_ERROR"))
    return world.event(h.RegistrationClosed, agency=one.agency, reference=one.reference, reason=reason)


def link(world: "World") -> h.Event | None:
    a, b = world.one(), world.one()
    if a is None or b is None or a.agency == b.agency:
        return None
    if any(link.b in (a, b) and link.a in (a, b) and not link.undone for link in a.links):
        return None
    same = a.reference.split("-p")[1][0] == b.reference.split("-p")[1][0]
    if not same and not world.chance(0.1):  # a wrong match is made now and then
        return None
    ends = (a.agency, a.reference), (b.agency, b.reference)
    return world.event(h.LinkConfirmed, link=world.name("l"), a=ends[0], b=ends[1])


def unlink(world: "World") -> h.Event | None:
    standing = [
        name
        for name, link in world.facts.links.items()
        if not link.undone and None in (link.a.closed, link.b.closed)
    ]
    return world.event(h.LinkUndone, link=world.random.choice(standing)) if standing else None


def involve(world: "World") -> h.Event | None:
    one = world.one()
    if one is None:
        return None
    return world.event(
        h.InvolvementOpened,
        by_agency=one.agency,
        reference=one.reference,
        agency=world.random.choice([agency for agency in world.agencies if agency != one.agency]),
        ground=world.random.choice(("REFERRAL", "EMERGENCY", "SAFEGUARDING")),
    )


def end_involvement(world: "World") -> h.Event | None:
    one = world.one()
    if one is None:
        return None
    return world.event(h.InvolvementEnded, agency=one.agency, reference=one.reference)
