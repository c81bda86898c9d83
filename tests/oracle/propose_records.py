"""What agencies might record, correct and take back."""

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.oracle import history as h
from tests.oracle.facts import Record, Registration
from tests.oracle.generate_terms import CATEGORIES, SERVICES

if TYPE_CHECKING:
    from tests.oracle.generate import World


def record(world: "World") -> h.Event | None:
    one = world.one()
    if one is None:
        return None
    return _record(world, one, world.name("rec-"), 1, None)


def correct(world: "World") -> h.Event | None:
    record = _correctable(world)
    if record is None:
        return None
    latest = record.latest
    return _record(world, record.registration, latest.record_id, latest.revision + 1, latest.service_type)


def withdraw_record(world: "World") -> h.Event | None:
    record = _correctable(world)
    if record is None:
        return None
    latest = record.latest
    return world.event(
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


def _correctable(world: "World") -> Record | None:
    live = [
        record
        for record in world.facts.records.values()
        if not record.latest.withdrawn and record.registration.closed is None
    ]
    return world.random.choice(live) if live else None


def _record(world: "World", one: Registration, name: str, revision: int, service: str | None) -> h.Event:
    if service is None:  # a first revision: usually the agency's own kind of service
        own = world.facts.service_types[one.agency]
        service = own if world.chance(0.8) else world.random.choice([*SERVICES, "IMMIGRATION_ADVICE"])
    others = tuple(
        h.OtherSubject(other.reference, frozenset(world.some(CATEGORIES, 2, 8)), world.chance(0.6))
        for other in world.open()
        if other.agency == one.agency and other is not one and world.chance(0.1)
    )
    late = world.random.random()
    return world.event(
        h.RecordPublished,
        agency=one.agency,
        reference=one.reference,
        record_id=name,
        revision=revision,
        service_type=service,
        occurred=world.now - timedelta(days=world.random.randint(0, 30), hours=1),
        parts=_parts(world, f"{name}/{revision}"),
        marks=frozenset({"DELAU"} if world.chance(0.2) else ()),
        other_subjects=others,
        review_by=world.now + timedelta(days=world.random.randint(1, 9)) if late < 0.1 else None,
        spent_on=world.now + timedelta(days=world.random.randint(1, 9)) if late > 0.9 else None,
    )


def _parts(world: "World", stamp: str) -> tuple[h.Part, ...]:
    if world.chance(0.06):
        words = frozenset(world.some(CATEGORIES[:15], 1, 3))
        flag = h.Part(frozenset({"SERVICE_CONTACT"}), content="third-party")
        return (h.Part(words, free_text=True, third_party=True, content=f"{stamp}/words"), flag)
    parts = [
        h.Part(frozenset({category}), content=f"{stamp}/{category}")
        for category in world.some(CATEGORIES, 1, 5)
    ]
    if world.chance(0.25):
        words = frozenset(world.some(CATEGORIES, 1, 3))
        parts.append(h.Part(words, free_text=True, content=f"{stamp}/words"))
    return tuple(parts)
