"""What agencies might erase, and what the law may need them to keep."""

from typing import TYPE_CHECKING, Any

from tests.oracle import history as h
from tests.oracle.facts import Record

if TYPE_CHECKING:
    from tests.oracle.generate import World


def erase(world: "World") -> h.Event | None:
    """Often what a hold keeps a part of."""
    named = _around_a_hold(world) if world.facts.holds and world.chance(0.5) else _something(world)
    return None if named is None else world.event(h.Erased, **named)


def hold(world: "World") -> h.Event | None:
    named = _something(world)
    return None if named is None else world.event(h.HoldPlaced, hold=world.name("hold-"), **named)


def lift(world: "World") -> h.Event | None:
    if not world.facts.holds:
        return None
    name, placed = world.random.choice(sorted(world.facts.holds.items()))
    return world.event(h.HoldLifted, hold=name, agency=placed.agency)


def _around_a_hold(world: "World") -> dict[str, Any] | None:
    placed = world.random.choice(sorted(world.facts.holds.values(), key=lambda one: one.hold))
    where = {"agency": placed.agency, "reference": placed.reference}
    for (agency, record_id), record in sorted(world.facts.records.items()):
        told = record.registration
        if (agency, told.reference) != (placed.agency, placed.reference) or told.closed == "IN_ERROR":
            continue
        if placed.record_id == record_id:
            category = world.random.choice(sorted(sorted(record.keys, key=str)[0].categories))
            return {**where, "category": category}
        if any(placed.category in key.categories for key in record.keys):
            return {**where, "record_id": record_id}
    return None


def _something(world: "World") -> dict[str, Any] | None:
    """One record that somebody can read, or one category of what was told under a reference."""
    readable: list[Record] = [
        record
        for record in world.facts.records.values()
        if record.registration.closed != "IN_ERROR" and any(not record.is_unread(key) for key in record.keys)
    ]
    if not readable:
        return None
    record = world.random.choice(readable)
    where = {"agency": record.registration.agency, "reference": record.registration.reference}
    if world.chance(0.6):
        return {**where, "record_id": record.latest.record_id}
    keys = sorted(record.keys, key=str)
    return {**where, "category": world.random.choice(sorted(world.random.choice(keys).categories))}
