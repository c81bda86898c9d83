"""What agencies might record, correct and take back."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.oracle import history as h
from tests.oracle.decide import Case
from tests.oracle.facts import Record, Registration
from tests.oracle.generate_terms import CATEGORIES, SERVICES
from tests.oracle.terms import concerns_others

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
    stamp = f"{name}/{revision}"
    judged = revision > 1 and any(part.risk for part in world.facts.records[one.agency, name].latest.parts)
    parts = _judgement(world, stamp) if world.chance(0.8 if judged else 0.15) else _parts(world, stamp)
    age = timedelta(days=world.random.randint(0, 30), hours=1)
    if any(part.risk is not None and part.risk.source == "alleged" for part in parts):
        age += timedelta(days=330)  # so that some allegation ends within a history
    return world.event(
        h.RecordPublished,
        agency=one.agency,
        reference=one.reference,
        record_id=name,
        revision=revision,
        service_type=service,
        occurred=world.now - age,
        parts=parts,
        marks=frozenset({"DELAU"} if world.chance(0.2) else ()),
        other_subjects=others,
        review_by=world.now + timedelta(days=world.random.randint(1, 9)) if late < 0.1 else None,
        spent_on=world.now + timedelta(days=world.random.randint(1, 9)) if late > 0.9 else None,
    )


def _judgement(world: "World", stamp: str) -> tuple[h.Part, ...]:
    """A judgement of risk, and sometimes what kind of risk, in a category of its own."""
    risk = h.Risk(
        risk_to=world.random.choice(("worker", "worker", "public", "child", "self", "from-others", None)),
        source=world.random.choice(("told", "observed", "alleged", "alleged", None)),
        outcome="unfounded" if world.chance(0.2) else None,
    )
    if risk.risk_to is None and risk.source is None:
        risk = replace(risk, outcome="unfounded")  # it has to say something
    parts = [h.Part(frozenset({"SAFEGUARDING_RISK"}), content=f"{stamp}/risk", risk=risk)]
    if world.chance(0.3):
        kind = world.random.choice(("DOMESTIC_ABUSE", "SEXUAL_HEALTH"))
        parts.append(h.Part(frozenset({kind}), content=f"{stamp}/{kind}"))
    return tuple(parts)


def end_warning(world: "World") -> h.Event | None:
    """A safeguarding lead lets a warning go, once nobody is permitted the judgement itself any more."""
    judged = [
        (record, part)
        for record in world.facts.records.values()
        for part in record.latest.parts
        if concerns_others(part)
    ]
    if not judged:
        return None
    record, part = world.random.choice(judged)
    if record.markers:
        # Behind a marker grants stand on, and the end of one of them asks the lead anew: `test_warnings.py`.
        return None
    person = world.facts.person(record.registration)
    for feed in world.facts.feeds.values():
        case = Case(world.facts, feed, world.now, person)
        here = [one for one in person.registrations if one.agency == feed.agency]
        if any(case.rows(one, record, part) for one in here):
            return None
    return world.event(h.WarningEnded, agency=record.latest.agency, record_id=record.latest.record_id)


def _parts(world: "World", stamp: str) -> tuple[h.Part, ...]:
    if world.chance(0.06):
        words = frozenset(world.some(CATEGORIES[:15], 1, 3))
        flag = h.Part(frozenset({"SERVICE_CONTACT"}), third_party=True, content="third-party")
        return (h.Part(words, free_text=True, third_party=True, content=f"{stamp}/words"), flag)
    parts = [
        h.Part(frozenset({category}), content=f"{stamp}/{category}")
        for category in world.some(CATEGORIES, 1, 5)
    ]
    if world.chance(0.25):
        words = frozenset(world.some(CATEGORIES, 1, 3))
        parts.append(h.Part(words, free_text=True, content=f"{stamp}/words"))
    return tuple(parts)
