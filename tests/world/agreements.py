"""The area's agreements: most agencies share a rich one, six stand in the ways that withhold everything.

The six are those with the fewest clients: in no agreement; in an unsigned one; in one that was ended; in one
with a single other agency; in a narrow one; in one whose parties state no Article 9 or 10 condition.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from tests.oracle import history as h
from tests.oracle.generate_terms import CATEGORIES
from tests.world.planner import Planner

NOTICE = "area-notice-1"
YEARS = timedelta(days=730)
SOON = timedelta(days=20)
"""When the eligibility and safeguarding agreements lapse, after the start."""

SUPPORT = ("DIRECT_SUPPORT", "CARE_COORDINATION")
FEED_PURPOSES = (*SUPPORT, "ASSESSMENT_REUSE", "REFERRAL_ELIGIBILITY", "SAFEGUARDING")
HEALTH = ("PHYSICAL_HEALTH", "MENTAL_HEALTH", "SUBSTANCE_USE", "SEXUAL_HEALTH")
STAYS = {"IDENTITY": "STOP", "SERVICE_CONTACT": "STOP"} | dict.fromkeys(HEALTH, "RESTRICT")


@dataclass(frozen=True)
class Places:
    """Which agency stands where. `core` shares the area's agreement."""

    core: tuple[str, ...]
    in_none: str
    unsigned: str
    ended: str
    paired: str
    narrow: str
    without_conditions: str

    @property
    def few(self) -> tuple[str, ...]:
        """Those of the core that also deal with the agencies outside it."""
        return self.core[:4]

    def agreed(self, one: str, other: str) -> str:
        """Where a grant between the two may lie: "AREA", "NARROW" or, with no signed agreement, ""."""
        for outer, inner in ((one, other), (other, one)):
            if outer == self.narrow:
                return "NARROW" if inner in self.few else ""
            if outer in (self.ended, self.without_conditions):
                return "AREA" if inner in self.few else ""
            if outer == self.paired:
                return "AREA" if inner == self.core[0] else ""
        return "AREA" if {one, other} <= set(self.core) else ""

    @classmethod
    def of(cls, clients: Mapping[str, int]) -> "Places":
        """Places agencies by how many clients they have; at least eight of them."""
        by_size = sorted(clients, key=lambda agency: (-clients[agency], agency))
        return cls(tuple(by_size[:-6]), *by_size[-6:])


def founding(planner: Planner, service_types: Mapping[str, str], places: Places) -> Iterator[h.Event]:
    """Agencies, one feed each, agreements and their signatures."""
    public = {agency for agency in service_types if planner.chance(0.4)}
    for agency, service in service_types.items():
        yield planner.event(
            h.AgencyRegistered, agency=agency, service_type=service, public_authority=agency in public
        )
        yield planner.event(
            h.FeedOpened,
            feed=f"feed-{agency}",
            agency=agency,
            service_type=service,
            purposes=frozenset(FEED_PURPOSES),
            categories=frozenset(CATEGORIES),
            enforces_person_restriction=planner.chance(0.5),
        )
    for draft, signers in _agreements(planner, places, public):
        yield draft
        for agency in signers:
            yield planner.event(
                h.AgreementSigned, agreement=draft.agreement, version=draft.version, agency=agency
            )


def _agreements(
    planner: Planner, places: Places, public: set[str]
) -> Iterator[tuple[h.AgreementDrafted, tuple[str, ...]]]:
    core = places.core
    half, third = core[: len(core) // 2 + 1], core[::3]
    few = places.few

    def draft(
        name: str,
        agencies: tuple[str, ...],
        purposes: tuple[str, ...],
        categories: tuple[str, ...],
        *,
        on_end: str | None = None,
        basis: str | None = None,
        article9: str | None = "A9_2_H",
        article10: str | None = "SCH1_P18",
        lasts: timedelta = YEARS,
        only_receives: str = "",
    ) -> h.AgreementDrafted:
        parties = []
        for agency in agencies:
            stated = basis or planner.random.choice(
                ("A6_1_E", "A6_1_C") if agency in public else ("A6_1_F", "A6_1_E", "A6_1_C")
            )
            bases = tuple(h.Basis(purpose, stated, article9, article10) for purpose in purposes)
            parties.append(h.Party(agency, bases, agency == only_receives))
        rows = tuple(
            h.Row(category, purpose, on_end or STAYS.get(category, "ERASE"), planner.chance(0.3))
            for category in categories
            for purpose in purposes
        )
        event = planner.event(
            h.AgreementDrafted,
            agreement=name,
            version=1,
            parties=tuple(parties),
            rows=rows,
            start=planner.start - timedelta(days=1),
            end=planner.start + lasts,
            notice=NOTICE,
        )
        assert isinstance(event, h.AgreementDrafted)
        return event

    everything = CATEGORIES
    basics = ("IDENTITY", "SERVICE_CONTACT", "ACCOMMODATION", "MONEY_WORK")
    yield draft("area", core, SUPPORT, everything, only_receives=core[-1]), core
    health = draft(
        "health", half, ("DIRECT_SUPPORT",), (*HEALTH, *basics[:2]), on_end="RESTRICT", basis="A6_1_C"
    )
    yield health, half
    eligibility = draft(
        "eligibility",
        half,
        ("REFERRAL_ELIGIBILITY",),
        (*basics, "OFFENDING", "EQUALITY"),
        on_end="ERASE",
        basis="A6_1_C",
        lasts=SOON,
    )
    yield eligibility, half
    safeguarding = draft(
        "safeguarding",
        core,
        ("SAFEGUARDING",),
        ("SAFEGUARDING_RISK", "DOMESTIC_ABUSE", "FAMILY", "SERVICE_CONTACT"),
        basis="A6_1_C",
        lasts=SOON,
    )
    yield safeguarding, core
    consent = draft(
        "by-consent",
        third,
        ("ASSESSMENT_REUSE",),
        everything,
        on_end="STOP",
        basis="A6_1_A",
        article9="A9_2_A",
    )
    yield consent, third
    yield draft("research", core, ("RESEARCH",), basics, basis="A6_1_C"), core
    yield draft("unsigned", (*few, places.unsigned), SUPPORT, everything), few
    yield draft("ended", (*few, places.ended), SUPPORT, everything), (*few, places.ended)
    pair = (core[0], places.paired)
    yield draft("pair", pair, SUPPORT, everything), pair
    narrow_parties = (*few, places.narrow)
    yield draft("narrow", narrow_parties, ("DIRECT_SUPPORT",), basics[:3], on_end="STOP"), narrow_parties
    bare_parties = (*few, places.without_conditions)
    bare = draft("bare", bare_parties, SUPPORT, everything, article9=None, article10=None)
    yield bare, bare_parties
