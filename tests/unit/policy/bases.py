"""One use of one fragment under one confidentiality basis, with nothing else in the way."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from consent_ledger import facts
from consent_ledger.policy.decision import Decision
from consent_ledger.policy.disclosure import may_disclose
from consent_ledger.vocabulary import (
    Article9Condition,
    CaptureMethod,
    ConfidentialityBasis,
    DataCategory,
    InvolvementGround,
    LawfulBasis,
    Level,
    OnEnd,
    Purpose,
    ServiceType,
    StatutoryDuty,
)

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
AT_LEVEL = {
    Level.N: DataCategory.ACCOMMODATION,
    Level.R: DataCategory.PHYSICAL_HEALTH,
    Level.V: DataCategory.SAFEGUARDING_RISK,
}
CATEGORIES = frozenset({*AT_LEVEL.values(), DataCategory.SERVICE_CONTACT})
RECIPIENT = "hostel"
TELLER, READER = UUID(int=1), UUID(int=2)
Basis = ConfidentialityBasis

SHOWN: dict[Basis, facts.BasisEvidence] = {
    Basis.EXPLICIT_CONSENT: facts.NO_EVIDENCE,
    Basis.IMPLIED_CONSENT: facts.BasisEvidence("f/1", told_care_team=True),
    Basis.BEST_INTERESTS: facts.BasisEvidence("f/2", decision_maker="doctor-4"),
    Basis.PUBLIC_INTEREST: facts.BasisEvidence("f/3", authorised_by="lead-1", recorded_by="worker-2"),
    Basis.STATUTORY_DUTY: facts.BasisEvidence(
        "f/4", duty=StatutoryDuty.CARE_ACT_2014_S45, duty_since=datetime(2015, 4, 1, tzinfo=UTC)
    ),
    Basis.COURT_ORDER: facts.BasisEvidence("f/5"),
    Basis.S251: facts.BasisEvidence("f/6"),
    Basis.NOT_CONFIDENTIAL: facts.BasisEvidence("f/7"),
}
"""Each basis with everything it must show."""

OPENS: dict[Basis, str] = {
    Basis.EXPLICIT_CONSENT: "NRV",
    Basis.IMPLIED_CONSENT: "NR",
    Basis.BEST_INTERESTS: "NRV",
    Basis.PUBLIC_INTEREST: "NRV",
    Basis.STATUTORY_DUTY: "NRV",
    Basis.COURT_ORDER: "NRV",
    Basis.S251: "",  # its rows never leave
    Basis.NOT_CONFIDENTIAL: "N",
}
"""The levels that each opens for direct support by an agency that it names (SAFETY H19)."""


@dataclass(frozen=True, slots=True)
class Case:
    """One grant, and what it is asked to open. `lacks` says in words what was taken from its evidence."""

    basis: Basis
    lacks: str = ""
    evidence: facts.BasisEvidence = facts.NO_EVIDENCE
    method: CaptureMethod = CaptureMethod.VERBAL_IN_PERSON
    named: bool = True

    def grant(self, *, position: int = 10, weak: bool = False, agency: str = "outreach") -> facts.Grant:
        """The grant as it stands in a ledger, however it came there."""
        scope = facts.Scope(
            frozenset(Purpose), CATEGORIES, RECIPIENT if self.named else None, support_team=not self.named
        )
        given = facts.Evidence(
            NOW, NOW, NOW + timedelta(days=90), True, True, True, False, self.evidence, recorded_at=NOW
        )
        return facts.Grant(
            UUID(int=100 + position), TELLER, position, agency, scope, self.basis, self.method, "notice-1",
            None, None, given, weak, begun=True,
        )  # fmt: skip


def complete(basis: Basis) -> Case:
    """A grant that lacks nothing."""
    decided = basis is Basis.BEST_INTERESTS
    method = CaptureMethod.BEST_INTERESTS_RECORD if decided else CaptureMethod.VERBAL_IN_PERSON
    return Case(basis, "", SHOWN[basis], method)


def lacking() -> Iterator[Case]:
    """Every basis with one piece of its evidence missing."""
    for basis in Basis:
        whole = complete(basis)
        if basis is not Basis.EXPLICIT_CONSENT:
            yield replace(whole, lacks="reference", evidence=replace(whole.evidence, reference=""))
    implied, decided = complete(Basis.IMPLIED_CONSENT), complete(Basis.BEST_INTERESTS)
    public, duty = complete(Basis.PUBLIC_INTEREST), complete(Basis.STATUTORY_DUTY)
    yield replace(implied, lacks="told", evidence=replace(implied.evidence, told_care_team=False))
    yield replace(decided, lacks="decision maker", evidence=replace(decided.evidence, decision_maker=""))
    yield replace(decided, lacks="a decision's capture", method=CaptureMethod.VERBAL_PHONE)
    yield replace(public, lacks="authoriser", evidence=replace(public.evidence, authorised_by=""))
    yield replace(public, lacks="recorder", evidence=replace(public.evidence, recorded_by=""))
    yield replace(public, lacks="two people", evidence=replace(public.evidence, recorded_by="lead-1"))
    yield replace(duty, lacks="duty", evidence=replace(duty.evidence, duty=None))
    yield replace(duty, lacks="a duty in force", evidence=replace(duty.evidence, duty_since=None))
    later = replace(duty.evidence, duty_since=NOW + timedelta(seconds=1))
    yield replace(duty, lacks="a duty in force already", evidence=later)
    for basis in (Basis.PUBLIC_INTEREST, Basis.STATUTORY_DUTY, Basis.COURT_ORDER):
        yield replace(complete(basis), lacks="an agency named", named=False)


def person(*grants: facts.Grant, stops: tuple[facts.Stop, ...] = (), opened: bool = True) -> facts.Person:
    """Told to one agency, known to another; `opened`: somebody else says that the other works with them."""
    openings = (facts.Opening(TELLER, 5, RECIPIENT, InvolvementGround.REFERRAL, "outreach"),)
    both = {
        TELLER: facts.Registration(TELLER, "outreach", "rosa", 1),
        READER: facts.Registration(READER, RECIPIENT, "room-4", 2),
    }
    group = frozenset({frozenset(both)})
    return facts.Person(both, grants, stops, (), (), openings if opened else (), False, group)


def agreement(basis: LawfulBasis = LawfulBasis.A6_1_C) -> facts.Agreement:
    """Covers every category for every purpose, signed by both."""
    law = facts.PartyBasis(basis, Article9Condition.A9_2_H, None)
    party = facts.Party(dict.fromkeys(Purpose, law), False)
    row = facts.Row(OnEnd.ERASE, False)
    version = facts.AgreementVersion(
        1, {"outreach": party, RECIPIENT: party},
        {(category, purpose): row for category in CATEGORIES for purpose in Purpose},
        "notice-1", begun=True, signed_by={"outreach", RECIPIENT},
    )  # fmt: skip
    return facts.Agreement("isa-1", [version])


def decide(
    whose: facts.Person,
    level: Level,
    purpose: Purpose = Purpose.DIRECT_SUPPORT,
    *,
    law: LawfulBasis = LawfulBasis.A6_1_C,
) -> Decision:
    """The decision about one fragment of that level."""
    fragment = facts.Fragment(
        UUID(int=50), UUID(int=51), TELLER, "outreach", (AT_LEVEL[level],), DataCategory.SERVICE_CONTACT,
        level, False, False, NOW, 1, frozenset(),
    )  # fmt: skip
    feed = facts.Feed(UUID(int=60), RECIPIENT, "urn:x", ServiceType.HOSTEL, frozenset(Purpose), CATEGORIES)
    return may_disclose(fragment, feed, whose.registrations[READER], purpose, whose, [agreement(law)])
