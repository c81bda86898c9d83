"""What one person, known to several agencies, chooses and is protected from."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from tests.oracle import history as h
from tests.oracle.evidence import SHOWN, is_admissible
from tests.oracle.generate_terms import CATEGORIES
from tests.oracle.terms import NORMAL, VERY_RESTRICTED
from tests.world.agreements import NOTICE, SUPPORT, YEARS, Places
from tests.world.planner import Planner

Place = tuple[str, str]  # agency, its own reference
BASICS = ("IDENTITY", "SERVICE_CONTACT", "ACCOMMODATION", "MONEY_WORK")
ENVELOPES = ("SERVICE_CONTACT", "SUBSTANCE_USE", "MENTAL_HEALTH")


def choices(
    planner: Planner, places: Places, home: Place, others: list[Place], kin: list[Place]
) -> Iterator[h.Event]:
    """Grants first, then what closes them again. `kin` are all other registrations beside `home`."""
    for place in kin:
        if planner.chance(0.75):
            yield planner.event(
                h.InvolvementOpened,
                by_agency=home[0],
                reference=home[1],
                agency=place[0],
                ground=planner.random.choice(("REFERRAL", "REFERRAL", "EMERGENCY", "SAFEGUARDING")),
            )
    for by, to in [(home, place) for place in others] + [(place, home) for place in others]:
        if planner.chance(0.85 if by == home else 0.5):
            yield from _named(planner, places, by, to)
    for place in others:
        if place[0] in places.core and planner.chance(0.1):  # the recipient's own word for itself
            yield _grant(planner, place, h.Recipient(agency=place[0]), SUPPORT, BASICS)
    yield from _wide(planner, places, home)
    yield from _stops(planner, places, home, others, kin)


def _named(planner: Planner, places: Places, by: Place, to: Place) -> Iterator[h.Event]:
    """A grant from one agency that names another, mostly generous; later some more for other purposes."""
    recipient, core = h.Recipient(agency=to[0]), places.core
    match places.agreed(by[0], to[0]):
        case "":
            return
        case "NARROW":
            yield _grant(planner, by, recipient, ("DIRECT_SUPPORT",), BASICS[:3])
            return
    kind = planner.random.random()
    categories: tuple[str, ...] = CATEGORIES
    if kind > 0.92:
        categories = tuple(c for c in CATEGORIES if c in NORMAL)
    elif kind > 0.75:
        categories = tuple(c for c in CATEGORIES if c not in VERY_RESTRICTED)
    elif kind > 0.55:
        categories = (*BASICS[:2], *(c for c in CATEGORIES if c not in BASICS[:2] and planner.chance(0.6)))
    purposes = SUPPORT if planner.chance(0.9) else SUPPORT[1:]
    yield _grant(planner, by, recipient, purposes, categories)
    half, third = core[: len(core) // 2 + 1], core[::3]
    if by[0] in half and to[0] in half and planner.chance(0.5):
        yield _grant(planner, by, recipient, ("REFERRAL_ELIGIBILITY",), (*BASICS, "OFFENDING", "EQUALITY"))
    if by[0] in third and to[0] in third and planner.chance(0.6):
        yield _grant(planner, by, recipient, ("ASSESSMENT_REUSE",), CATEGORIES)
    if by[0] in core and to[0] in core and planner.chance(0.3):
        risky = ("SAFEGUARDING_RISK", "DOMESTIC_ABUSE", "FAMILY", "SERVICE_CONTACT")
        yield _grant(planner, by, recipient, ("SAFEGUARDING",), risky, basis="STATUTORY_DUTY")


def _grant(
    planner: Planner,
    by: Place,
    recipient: h.Recipient,
    purposes: tuple[str, ...],
    categories: tuple[str, ...],
    basis: str | None = None,
) -> h.Event:
    start, kind = planner.start, planner.random.random()
    pressed = planner.chance(0.05)
    period = planner.chance(0.08)
    planned = planner.event(
        h.GrantRecorded,
        grant=planner.name("grant-"),
        agency=by[0],
        reference=by[1],
        purposes=frozenset(purposes),
        categories=frozenset(categories),
        recipient=recipient,
        basis=basis or planner.random.choice(
            ("EXPLICIT_CONSENT",) * 12 + ("IMPLIED_CONSENT", "BEST_INTERESTS", "PUBLIC_INTEREST", "S251")
        ),
        method="IMPORTED_LEGACY" if kind < 0.03 else "VERBAL_IN_PERSON",
        notice=NOTICE if planner.chance(0.96) else "area-notice-0",
        given=start - timedelta(days=1) if planner.chance(0.03) else start,
        effective_from=start + timedelta(days=1) if planner.chance(0.05) else None,
        effective_until=start + (timedelta(days=1, hours=1) if kind > 0.94 else YEARS / 2),
        data_from=start - timedelta(days=1300) if period else None,
        data_until=start - timedelta(days=40) if period else None,
        asked_alone=not pressed,
        service_offered_anyway=True,
        told_may_refuse=True,
        capacity_in_doubt=planner.chance(0.02),
    )  # fmt: skip
    assert isinstance(planned, h.GrantRecorded)
    return _with_its_evidence(planned)


def _with_its_evidence(grant: h.GrantRecorded) -> h.GrantRecorded:
    """What its basis rests on; a basis that cannot carry so much becomes the person's own word."""
    method = "BEST_INTERESTS_RECORD" if grant.basis == "BEST_INTERESTS" else grant.method
    shown = replace(grant, evidence=SHOWN[grant.basis], method=method)
    own = replace(grant, basis="EXPLICIT_CONSENT", evidence=SHOWN["EXPLICIT_CONSENT"])
    return shown if is_admissible(shown) else own


def _wide(planner: Planner, places: Places, home: Place) -> Iterator[h.Event]:
    """For everyone who supports the person, and for a kind of service."""
    if home[0] not in places.core:
        return
    restricted = tuple(category for category in CATEGORIES if category not in VERY_RESTRICTED)
    if planner.chance(0.3):
        yield _grant(planner, home, h.Recipient(support_team=True), SUPPORT, restricted)
    if planner.chance(0.1):
        housing = h.Recipient(service_type="HOUSING")
        yield _grant(planner, home, housing, SUPPORT, (*BASICS, *ENVELOPES[1:]))
    if planner.chance(0.06):  # takes part in research, then opts out
        for recipient in places.core:
            if recipient != home[0]:
                named = h.Recipient(agency=recipient)
                yield _grant(planner, home, named, ("RESEARCH",), BASICS, basis="PUBLIC_INTEREST")
        where = {"agency": home[0], "reference": home[1]}
        yield planner.event(h.StatusRecorded, status="DATA_OPT_OUT", **where)


def _stops(
    planner: Planner, places: Places, home: Place, others: list[Place], kin: list[Place]
) -> Iterator[h.Event]:
    where = {"agency": home[0], "reference": home[1]}
    if planner.chance(0.06):
        yield planner.event(
            h.RefusalRecorded,
            refusal=planner.name("refusal-"),
            categories=frozenset(planner.some(CATEGORIES, 0, 3)),
            recipient=h.Recipient(agency=others[0][0]) if others and planner.chance(0.5) else None,
            **where,
        )
    if planner.chance(0.1) and kin:
        agency = planner.random.choice(kin)[0]
        kind = planner.random.choice(("agency", "person", "category"))
        yield planner.event(
            h.ExclusionRecorded,
            exclusion=planner.name("exclusion-"),
            excluded_agency=None if kind == "category" else agency,
            staff="staff-7" if kind == "person" else None,
            category=planner.random.choice(CATEGORIES[1:15]) if kind == "category" else None,
            remove=planner.chance(0.5),
            **where,
        )
    if planner.chance(0.06):
        marker = planner.name("marker-")
        yield planner.event(h.MarkerPlaced, marker=marker, kind="PROTECTED_ADDRESS", **where)
        if planner.chance(0.2):
            yield planner.event(h.MarkerLifted, marker=marker, **where)
    if planner.chance(0.02):
        yield planner.event(h.StatusRecorded, status="PROCESSING_RESTRICTED", **where)
    if planner.chance(0.03):
        yield planner.event(h.StatusRecorded, status="DEATH_REPORTED", **where)
        if kin and planner.chance(0.6):
            agency, reference = kin[0]
            yield planner.event(h.StatusRecorded, agency=agency, reference=reference, status="DEATH_REPORTED")
    if planner.chance(0.03) and kin:
        agency, reference = planner.random.choice(kin)
        yield planner.event(h.InvolvementEnded, agency=agency, reference=reference)
