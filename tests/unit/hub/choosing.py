"""Whatever may be chosen about one person, in any order, folded without a ledger."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from consent_ledger.domain import Exclusion, Grant, Link, OwnWord, Refusal
from tests.unit.hub.folded import CONTACT, HEALTH, RISK, Facts

AGENCIES = ("clinic", "pharmacy", "outreach", "hostel")
CATEGORIES = (HEALTH, CONTACT, RISK, "MENTAL_HEALTH")
PURPOSES = ("DIRECT_SUPPORT", "CARE_COORDINATION")
SERVICES = ("NAVIGATION", "PRIMARY_CARE", "HOSTEL")


class History:
    """Whatever may be chosen about one person at four agencies, three of them linked, in any order."""

    def __init__(self, facts: Facts, seed: int) -> None:
        self.facts = facts
        self.any = random.Random(seed)
        self.grants: list[Grant] = []
        self.exclusions: list[Exclusion] = []
        self.links: list[Link] = []

    def some(self, among: tuple[str, ...], least: int = 0) -> list[str]:
        return self.any.sample(among, self.any.randint(least, len(among)))

    def recipient(self) -> dict[str, Any]:
        kind = self.any.choice(("agency", "agency", "service", "team"))
        agency, service = self.any.choice(AGENCIES), self.any.choice(SERVICES)
        return {
            "agency_id": agency if kind == "agency" else None,
            "service_type": service if kind == "service" else None,
            "support_team": kind == "team",
        }

    def step(self) -> None:
        happens: Callable[[], None] = self.any.choices(
            (self.grant, self.end, self.refuse, self.exclude, self.lift, self.link, self.unlink, self.other),
            (40, 18, 12, 10, 7, 3, 4, 6),
        )[0]
        happens()

    def grant(self) -> None:
        at = self.any.choice(AGENCIES)
        bases = ("EXPLICIT_CONSENT", "EXPLICIT_CONSENT", "IMPLIED_CONSENT", "PUBLIC_INTEREST")
        proxied = self.any.random() < 0.3
        grant = Grant.begin(
            uuid4(),
            registration_id=self.facts.registrations[at],
            captured_by=at,
            purposes=self.some(PURPOSES, 1),
            categories=self.some(CATEGORIES, 1),
            **self.recipient(),
            confidentiality_basis=self.any.choice(bases),
            capture_method=self.any.choice(("ESIGNATURE", "ESIGNATURE", "PARENTAL_RESPONSIBILITY")),
            notice_id="notice-1",
            given_time=self.facts.now,
            effective_from=self.facts.now + timedelta(days=self.any.choice((0, 0, 0, 5))),
            effective_until=self.facts.now + timedelta(days=90),
            data_from=None,
            data_until=None,
            asked_alone=True,
            service_offered_anyway=True,
            told_may_refuse=True,
            capacity_in_doubt=False,
            weak=self.any.random() < 0.2,
            evidence_reference="E-1",
            told_care_team=True,
            decision_maker="d-1",
            authorised_by="a-1",
            recorded_by="r-1",
            duty=None,
            duty_since=None,
            given_by=self.any.choice(("p-1", "p-2")) if proxied else "",
            given_by_agency="hostel" if proxied else None,
            given_by_registration=None,
            sixteenth_birthday="",
            lacks_capacity_reference="",
        )
        self.facts.save(grant)
        self.grants.append(grant)

    def end(self) -> None:
        if self.grants:
            grant = self.grants[self.any.randrange(len(self.grants))]
            known = self.facts.index.grants[grant.id]
            if not known.begun and not known.withdrawn and self.any.random() < 0.5:
                self.facts.change(grant, "begin_effect")
            elif not known.withdrawn and self.any.random() < 0.6:
                self.facts.change(grant, "withdraw", self.any.choice(AGENCIES), False, False, False)
            elif known.active:
                self.facts.change(grant, "expire")

    def refuse(self) -> None:
        everybody = {"agency_id": None, "service_type": None, "support_team": False}
        self.facts.save(
            Refusal.begin(
                uuid4(),
                registration_id=self.facts.registrations[self.any.choice(AGENCIES)],
                purposes=self.some(PURPOSES),
                categories=self.some(CATEGORIES),
                **self.any.choice((everybody, self.recipient())),
                at_once=False,
                quiet=False,
            )
        )

    def exclude(self) -> None:
        at, agency = self.any.choice(AGENCIES), self.any.choice((None, *AGENCIES))
        exclusion = Exclusion.begin(
            uuid4(),
            registration_id=self.facts.registrations[at],
            recorded_by=at,
            agency_id=agency,
            staff_reference=None if agency is None else self.any.choice((None, "p-1")),
            category=self.any.choice(CATEGORIES) if agency is None else None,
            remove=False,
            at_once=False,
            linked_to_risk=False,
            ground=None,
        )
        self.facts.save(exclusion)
        self.exclusions.append(exclusion)

    def lift(self) -> None:
        if self.exclusions:
            exclusion = self.exclusions.pop(self.any.randrange(len(self.exclusions)))
            exclusion.lift()
            self.facts.save(exclusion)

    def link(self) -> None:
        first, second = self.any.sample(AGENCIES, 2)
        link = Link.begin(uuid4(), registration_id=self.facts.registrations[first], token_label=str(uuid4()))
        link.redeem(self.facts.registrations[second])
        link.confirm("CONFIRMED")
        self.facts.save(link)
        self.links.append(link)

    def unlink(self) -> None:
        if self.links:
            link = self.links.pop()
            link.undo("clinic", [])
            self.facts.save(link)

    def other(self) -> None:
        """A child's own word, or a registration forgotten."""
        at = self.facts.registrations[self.any.choice(AGENCIES)]
        if self.any.random() < 0.5:
            word = OwnWord.begin(uuid4(), registration_id=at, assessment_reference="A-1", recorded_by="r-1")
            self.facts.save(word)
        elif self.any.random() < 0.2:
            self.facts.index.registrations[at].erased = True
            self.facts.index.forget_views()
