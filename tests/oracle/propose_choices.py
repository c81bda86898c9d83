"""What a person might choose, and what might protect them."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.oracle import history as h
from tests.oracle.evidence import SHOWN, goes_too_far, may_open
from tests.oracle.facts import Registration
from tests.oracle.generate_terms import CATEGORIES, CONFIDENCES, PURPOSES
from tests.oracle.terms import VERY_RESTRICTED, concerns_others, envelope_of, level_of

if TYPE_CHECKING:
    from tests.oracle.generate import World


def grant(world: "World") -> h.Event | None:
    one = world.one()
    if one is None:
        return None
    partners = [agency for agency in world.agencies if agency != one.agency]
    running = _running(world, one.agency, partners)
    if not running:
        return None
    version, partner = world.random.choice(running)
    purposes = world.some(sorted({row.purpose for row in version.rows}))
    covered = [
        category
        for category in CATEGORIES
        if all((purpose, category) in version.pairs for purpose in purposes)
    ]
    recipient = _recipient(world, one.agency, partner)
    if recipient.agency is None:
        covered = [category for category in covered if category not in VERY_RESTRICTED]
    if not covered:
        return None
    envelopes = {envelope_of(service) for service in world.facts.service_types.values()}
    categories = set(world.some(covered, 4)) | (envelopes & set(covered) if world.chance(0.9) else set())
    basis = world.random.choice(CONFIDENCES)
    pressed = world.chance(0.2)
    late = world.chance(0.1)
    begins = world.now + timedelta(days=2) if world.chance(0.15) else None
    period = world.chance(0.15)
    method = "IMPORTED_LEGACY" if world.chance(0.08) else "VERBAL_IN_PERSON"
    proposed = world.event(
        h.GrantRecorded,
        grant=world.name("g"),
        agency=one.agency,
        reference=one.reference,
        purposes=frozenset(purposes),
        categories=frozenset(categories),
        recipient=recipient,
        basis=basis,
        method="BEST_INTERESTS_RECORD" if basis == "BEST_INTERESTS" and world.chance(0.9) else method,
        notice=version.notice if world.chance(0.92) else "notice-3",
        given=world.now - timedelta(days=1 if late else 0),
        effective_from=begins,
        effective_until=(begins or world.now) + timedelta(days=world.random.choice((2, 14, 90, 365))),
        data_from=world.now - timedelta(days=20) if period else None,
        data_until=world.now - timedelta(days=world.random.randint(0, 3)) if period else None,
        asked_alone=not (pressed and world.chance(0.5)),
        service_offered_anyway=not (pressed and world.chance(0.5)),
        told_may_refuse=not (pressed and world.chance(0.5)),
        capacity_in_doubt=world.chance(0.04),
        evidence=_evidence(world, basis),
    )
    assert isinstance(proposed, h.GrantRecorded)
    return _narrowed(proposed) if world.chance(0.95) else proposed


def _running(world: "World", agency: str, partners: list[str]) -> list[tuple[h.AgreementDrafted, str]]:
    """The newest versions in force that the agency and a partner signed."""
    return [
        (version, partner)
        for partner in partners
        for agreement in world.facts.agreements.values()
        if not agreement.terminated
        for version in agreement.signed_by(agency, partner)[-1:]
        if version.start <= world.now < version.end
    ]


def share_risk(world: "World") -> h.Event | None:
    """Somebody whose risk to others is on file says yes: one agency may know of it."""
    told = [
        (one, record, other)
        for one in world.open()
        for record in one.records
        if any(concerns_others(part) for part in record.latest.parts)
        for other in world.colleagues(one)
    ]
    if not told:
        return None
    one, record, other = world.random.choice(told)
    running = _running(world, one.agency, [other.agency])
    if not running:
        return None
    version, partner = world.random.choice(running)
    return world.event(
        h.GrantRecorded,
        grant=world.name("g"),
        agency=one.agency,
        reference=one.reference,
        purposes=frozenset(world.some(sorted({row.purpose for row in version.rows}), 2)),
        categories=frozenset({"SAFEGUARDING_RISK", envelope_of(record.latest.service_type)}),
        recipient=h.Recipient(agency=partner),
        notice=version.notice,
        given=world.now,
        effective_until=world.now + timedelta(days=world.random.choice((2, 90))),
        evidence=SHOWN["EXPLICIT_CONSENT"],
    )


def _evidence(world: "World", basis: str) -> h.Evidence:
    """What the basis rests on; now and then something is wanting."""
    shown = SHOWN[basis]
    if world.chance(0.9) or basis == "EXPLICIT_CONSENT":
        return shown
    wanting: dict[str, object] = {
        "reference": "",
        "told_care_team": False,
        "decision_maker": "",
        "authorised_by": shown.recorded_by,
        "recorded_by": "",
        "duty": world.random.choice((None, "CHILDREN_ACT_2004_S16LA")),
    }
    field = world.random.choice(sorted(wanting))
    return replace(shown, **{field: wanting[field]})  # type: ignore[arg-type]


def _narrowed(grant: h.GrantRecorded) -> h.GrantRecorded:
    """No wider than its basis can open; the person's own word where nothing would be left of it."""
    if not goes_too_far(grant):
        return grant
    purposes = frozenset(one for one in grant.purposes if may_open(grant, one, "N")) or grant.purposes
    categories = frozenset(
        one
        for one in grant.categories
        if any(may_open(grant, purpose, level_of(one, False)) for purpose in purposes)
    )
    narrowed = replace(grant, purposes=purposes, categories=categories or grant.categories)
    if not goes_too_far(narrowed):
        return narrowed
    return replace(grant, basis="EXPLICIT_CONSENT", evidence=SHOWN["EXPLICIT_CONSENT"])


def _recipient(world: "World", capturing: str, partner: str) -> h.Recipient:
    kind = world.random.random()
    if kind < 0.6:
        return h.Recipient(agency=partner)
    if kind < 0.72:
        return h.Recipient(agency=capturing)  # its own word for itself
    if kind < 0.84:
        feeds = [one for one in world.facts.feeds.values() if one.agency == partner]
        return h.Recipient(service_type=world.random.choice(feeds).service_type)
    return h.Recipient(support_team=True)


def _known_grants(world: "World") -> list[tuple[h.GrantRecorded, list[Registration]]]:
    """Grants not withdrawn, with the open registrations of the person they are about."""
    return [
        (grant, here)
        for name, grant in world.facts.grants.items()
        if name not in world.facts.withdrawn
        and (here := sorted(
            (one for one in world.facts.person(world.facts.grant_places[name]).registrations
             if one.closed is None), key=lambda one: one.seq))
    ]  # fmt: skip


def withdraw(world: "World") -> h.Event | None:
    known = _known_grants(world)
    if not known:
        return None
    risky = [(grant, here) for grant, here in known if "SAFEGUARDING_RISK" in grant.categories]
    grant, here = world.random.choice(risky if risky and world.chance(0.4) else known)
    own = [one for one in here if one is world.facts.grant_places[grant.grant]]
    by = own[0] if own and world.chance(0.7) else world.random.choice(here)
    return world.event(
        h.GrantWithdrawn,
        grant=grant.grant,
        by_agency=by.agency,
        reference=by.reference,
        remove=world.chance(0.25),
        at_once=world.chance(0.15),
    )


def reconfirm(world: "World") -> h.Event | None:
    candidates = [
        (grant, one)
        for grant, here in _known_grants(world)
        if grant.recipient.agency is not None
        for one in here
        if one.agency != grant.recipient.agency
        and (one is world.facts.grant_places[grant.grant] or grant.agency == grant.recipient.agency)
    ]
    if not candidates:
        return None
    grant, by = world.random.choice(candidates)
    return world.event(h.GrantReconfirmed, grant=grant.grant, by_agency=by.agency, reference=by.reference)


def refuse(world: "World") -> h.Event | None:
    one = world.one()
    if one is None:
        return None
    who = world.random.choice([*world.agencies, ""])
    return world.event(
        h.RefusalRecorded,
        refusal=world.name("r"),
        agency=one.agency,
        reference=one.reference,
        purposes=frozenset(world.some(PURPOSES, 1, 2) if world.chance(0.6) else ()),
        categories=frozenset(world.some(CATEGORIES, 1, 4) if world.chance(0.8) else ()),
        recipient=h.Recipient(agency=who) if who else None,
        at_once=world.chance(0.15),
    )


def exclude(world: "World") -> h.Event | None:
    one = world.one()
    if one is None:
        return None
    kind = world.random.choice(("agency", "person", "category", "category"))
    return world.event(
        h.ExclusionRecorded,
        exclusion=world.name("x"),
        agency=one.agency,
        reference=one.reference,
        excluded_agency=world.random.choice(world.agencies) if kind != "category" else None,
        staff="staff-7" if kind == "person" else None,
        category=world.random.choice(CATEGORIES) if kind == "category" else None,
        remove=world.chance(0.3),
        at_once=world.chance(0.15),
    )


def lift_exclusion(world: "World") -> h.Event | None:
    standing = [(one, name) for one in world.open() for name in one.exclusions]
    if not standing:
        return None
    one, name = world.random.choice(standing)
    return world.event(h.ExclusionLifted, exclusion=name, agency=one.agency, reference=one.reference)


def mark(world: "World") -> h.Event | None:
    one = world.one()
    if one is None:
        return None
    kind = world.random.choice(
        ("PROTECTED_ADDRESS", "THIRD_PARTY", "SERIOUS_HARM", "PRIVILEGED", "CRIME_PREJUDICE")
    )
    record = world.random.choice(one.records) if one.records else None
    if kind != "PROTECTED_ADDRESS" and record is None:
        return None
    return world.event(
        h.MarkerPlaced,
        marker=world.name("m"),
        agency=one.agency,
        reference=one.reference,
        kind=kind,
        record_id=record.latest.record_id if record and kind != "PROTECTED_ADDRESS" else None,
    )


def unmark(world: "World") -> h.Event | None:
    standing = [
        marker
        for name, marker in world.facts.markers.items()
        if (place := world.facts.current[marker.agency, marker.reference]).closed is None
        and (
            name in place.addresses
            or (
                marker.record_id is not None
                and name in world.facts.records[marker.agency, marker.record_id].markers
            )
        )
    ]
    if not standing:
        return None
    marker = world.random.choice(standing)
    return world.event(h.MarkerLifted, marker=marker.marker, agency=marker.agency, reference=marker.reference)


def status(world: "World") -> h.Event | None:
    one = world.one()
    if one is None:
        return None
    ends = {
        "PROCESSING_RESTRICTED": "RESTRICTION_LIFTED",
        "DATA_OPT_OUT": "DATA_OPT_IN",
        "DEATH_REPORTED": "DEATH_REPORT_WITHDRAWN",
    }
    marked = [other for other in world.open() if other.statuses]
    if marked and world.chance(0.6):
        one = world.random.choice(marked)
    status = world.random.choice(sorted(one.statuses)) if one.statuses else ""
    status = ends[status] if status else world.random.choice(list(ends))
    return world.event(h.StatusRecorded, agency=one.agency, reference=one.reference, status=status)
