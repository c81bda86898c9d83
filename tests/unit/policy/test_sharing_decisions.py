"""What a decision by people opens and what it never does, and that the list of rows says the same as the
single question. Each control is taken out once, by itself, and the table must notice."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

import pytest

from consent_ledger import facts
from consent_ledger.policy import (
    agreement,
    disclosure,
    may_disclose,
    permitted_rows,
    running,
    sharing_decision,
)
from consent_ledger.policy import evidence as evidence_of_bases
from consent_ledger.policy.decision import Decision
from consent_ledger.sharing import DecisionKind
from consent_ledger.vocabulary import (
    Article9Condition,
    Article10Condition,
    DataCategory,
    HandlingMark,
    LawfulBasis,
    Level,
    MarkerKind,
    Purpose,
    Reason,
    ServiceType,
)
from tests.unit.policy.bases import NOW, READER, RECIPIENT, SHOWN, TELLER, Basis, complete, person

RECORD = UUID(int=51)
LAW = facts.PartyBasis(LawfulBasis.A6_1_C, Article9Condition.A9_2_G, Article10Condition.SCH1_P18)
HEALTH, SUPPORT = DataCategory.PHYSICAL_HEALTH, Purpose.DIRECT_SUPPORT


def decided(
    kind: DecisionKind = DecisionKind.ON_REQUEST,
    basis: Basis = Basis.PUBLIC_INTEREST,
    *,
    opens: Iterable[int] = (3, 5, 6, 7, 8),
    categories: Iterable[DataCategory] = (HEALTH,),
    records: Iterable[UUID] = (),
    position: int = 10,
    holder_law: facts.PartyBasis = LAW,
    recipient_law: facts.PartyBasis = LAW,
    evidence: facts.BasisEvidence | None = None,
    notice_id: str = "",
) -> facts.SharingDecision:
    """The outreach team shares with the hostel."""
    return facts.SharingDecision(
        UUID(int=900 + position), position, TELLER, "outreach", RECIPIENT, frozenset({SUPPORT}),
        frozenset(categories), holder_law, recipient_law, basis, kind, frozenset(opens), frozenset(records),
        notice_id, SHOWN[basis] if evidence is None else evidence, NOW,
    )  # fmt: skip


@dataclass
class World:
    """One fragment, its teller, whoever else it is about, and who asks for what."""

    decisions: tuple[facts.SharingDecision, ...] = ()
    teller: facts.Person = field(default_factory=lambda: person(opened=False))
    others: tuple[facts.Person, ...] = ()
    purpose: Purpose = SUPPORT
    categories: tuple[DataCategory, ...] = (HEALTH,)
    envelope: DataCategory = DataCategory.SERVICE_CONTACT
    fragment: dict[str, object] = field(default_factory=dict)
    agreements: tuple[facts.Agreement, ...] = ()

    def ask(self) -> Decision:
        """The single question; the list of rows has to say the same."""
        fragment = facts.Fragment(
            UUID(int=50), RECORD, TELLER, "outreach", self.categories, self.envelope, Level.R, False, False,
            NOW, 1, frozenset[HandlingMark](),
        )  # fmt: skip
        fragment = replace(fragment, **self.fragment)  # type: ignore[arg-type]
        feed = facts.Feed(
            UUID(int=60), RECIPIENT, "urn:x", ServiceType.HOSTEL, frozenset(Purpose), frozenset(DataCategory)
        )
        whose = replace(self.teller, decisions=self.decisions)
        own = whose.registrations.get(READER)
        answer = may_disclose(fragment, feed, own, self.purpose, whose, self.agreements, self.others)
        if own is not None:
            both = running(self.agreements, "outreach", RECIPIENT)
            rows = permitted_rows(fragment, feed, own, whose, both, self.others)
            assert answer.permitted == any(purpose is self.purpose for purpose, _ in rows)
        return answer

    @property
    def opens(self) -> bool:
        return self.ask().permitted


def shut_out(**said: object) -> facts.Exclusion:
    exclusion = facts.Exclusion(TELLER, 6, RECIPIENT, None, None, False, "outreach")
    return replace(exclusion, **said)  # type: ignore[arg-type]


def marked(kind: MarkerKind) -> facts.Marker:
    record = None if kind is MarkerKind.PROTECTED_ADDRESS else RECORD
    return facts.Marker(TELLER, 7, kind, record, "outreach")


def stopped(position: int, grant_id: UUID | None = None) -> facts.Stop:
    return facts.Stop(TELLER, position, facts.Scope(frozenset(), frozenset()), grant_id, False)


def of(teller: facts.Person | None = None, **said: object) -> facts.Person:
    return replace(teller or person(opened=False), **said)  # type: ignore[arg-type]


def registered(**said: object) -> facts.Person:
    whose = person(opened=False)
    own = replace(whose.registrations[READER], **said)  # type: ignore[arg-type]
    return replace(whose, registrations={**whose.registrations, READER: own})


ON_REQUEST, SAFEGUARDING, EMERGENCY = DecisionKind
BARE = replace(LAW, lawful_basis=None)
NO_NINE, NO_TEN = replace(LAW, article9=None), replace(LAW, article10=None)
JOINT: dict[str, object] = {"solely_about": (UUID(int=77),)}
ADDRESS = (DataCategory.CONTACT_LOCATION,)

CASES: dict[str, tuple[World, bool]] = {
    # what it opens
    "nobody decided anything": (World(), False),
    **{f"{kind}: no agreement, no grant": (World((decided(kind),)), True) for kind in DecisionKind},
    "the neutral envelope goes along": (World((decided(),), envelope=DataCategory.SERVICE_CONTACT), True),
    "a telling envelope does not": (World((decided(),), envelope=DataCategory.DOMESTIC_ABUSE), False),
    "a telling envelope that is named": (
        World(
            (decided(categories=(HEALTH, DataCategory.DOMESTIC_ABUSE)),), envelope=DataCategory.DOMESTIC_ABUSE
        ),
        True,
    ),
    "appointments are not named by the envelope": (
        World((decided(),), categories=(DataCategory.SERVICE_CONTACT,)),
        False,
    ),
    "another category": (World((decided(),), categories=(DataCategory.MONEY_WORK,)), False),
    "one category of two": (World((decided(),), categories=(HEALTH, DataCategory.FAMILY)), False),
    "another purpose": (World((decided(),), purpose=Purpose.SAFEGUARDING), False),
    "employment": (
        World((replace(decided(), purposes=frozenset(Purpose)),), purpose=Purpose.EMPLOYMENT),
        False,
    ),
    "immigration": (
        World(
            (decided(SAFEGUARDING, categories=DataCategory),), categories=(DataCategory.IMMIGRATION,)
        ),
        False,
    ),
    "an envelope that tells of immigration": (
        World((decided(SAFEGUARDING, categories=DataCategory),), envelope=DataCategory.IMMIGRATION),
        False,
    ),
    "somebody else's decision": (World((replace(decided(), holder_agency_id="clinic"),)), False),
    "for somebody else": (World((replace(decided(), recipient_agency_id="clinic"),)), False),
    "ended": (World((replace(decided(), ended=True),)), False),
    "expired": (World((replace(decided(), expired=True),)), False),
    "ended, and decided again": (World((replace(decided(), ended=True), decided(position=11))), True),
    "no row of its own": (World((decided(opens=(5, 8)),)), False),
    # test 1 and 2: never
    "identity in dispute": (World((decided(SAFEGUARDING),), of(disputed=True)), False),
    "not registered with this person": (
        World((decided(SAFEGUARDING),), of(registrations={TELLER: person().registrations[TELLER]})),
        False,
    ),
    "erased": (World((decided(SAFEGUARDING),), fragment={"erased": True}), False),
    "superseded": (World((decided(SAFEGUARDING),), fragment={"superseded": True}), False),
    "past its review": (World((decided(SAFEGUARDING),), fragment={"review_overdue": True}), False),
    "restricted": (World((decided(SAFEGUARDING),), registered(restricted=True)), False),
    # test 4: both bases, with their conditions, on the decision itself
    "the holder's basis": (World((decided(holder_law=BARE),)), False),
    "the recipient's basis": (World((decided(recipient_law=BARE),)), False),
    "the holder's Article 9 condition": (World((decided(SAFEGUARDING, holder_law=NO_NINE),)), False),
    "the recipient's Article 9 condition": (World((decided(SAFEGUARDING, recipient_law=NO_NINE),)), False),
    "an Article 10 condition": (
        World(
            (decided(categories=(DataCategory.OFFENDING,), recipient_law=NO_TEN),),
            categories=(DataCategory.OFFENDING,),
        ),
        False,
    ),
    "offending with both conditions": (
        World((decided(categories=(DataCategory.OFFENDING,)),), categories=(DataCategory.OFFENDING,)),
        True,
    ),
    "money needs no condition": (
        World(
            (decided(categories=(DataCategory.MONEY_WORK,), holder_law=NO_NINE, recipient_law=NO_NINE),),
            categories=(DataCategory.MONEY_WORK,),
        ),
        True,
    ),
    "consent as the basis in law": (
        World((decided(holder_law=replace(LAW, lawful_basis=LawfulBasis.A6_1_A)),)),
        False,
    ),
    "a withdrawal afterwards is an objection": (
        World(
            (decided(SAFEGUARDING, holder_law=replace(LAW, lawful_basis=LawfulBasis.A6_1_E)),),
            of(stops=(stopped(11, UUID(int=1)),)),
        ),
        False,
    ),
    "and a decision afterwards answers it": (
        World(
            (decided(SAFEGUARDING, holder_law=replace(LAW, lawful_basis=LawfulBasis.A6_1_E)),),
            of(stops=(stopped(9, UUID(int=1)),)),
        ),
        True,
    ),
    # test 5
    "without the evidence of its basis": (World((decided(evidence=facts.NO_EVIDENCE),)), False),
    "one person's public interest": (
        World((decided(evidence=replace(SHOWN[Basis.PUBLIC_INTEREST], recorded_by="lead-1")),)),
        False,
    ),
    "a duty that was in force": (World((decided(basis=Basis.STATUTORY_DUTY),)), True),
    "a duty that was not": (
        World(
            (
                decided(
                    basis=Basis.STATUTORY_DUTY,
                    evidence=replace(
                        SHOWN[Basis.STATUTORY_DUTY], duty_since=NOW + timedelta(days=1)
                    ),
                ),
            )
        ),
        False,
    ),
    "a refusal does not close a public interest": (
        World((decided(),), of(stops=(stopped(9), stopped(11)))),
        True,
    ),
    "best interests": (World((decided(basis=Basis.BEST_INTERESTS),)), True),
    "a later refusal closes best interests": (
        World((decided(basis=Basis.BEST_INTERESTS),), of(stops=(stopped(11),))),
        False,
    ),
    "what is not confidential opens nothing restricted": (
        World((decided(basis=Basis.NOT_CONFIDENTIAL),)),
        False,
    ),
    "consent that nobody recorded": (
        World((decided(basis=Basis.EXPLICIT_CONSENT, notice_id="notice-1"),)),
        False,
    ),
    "without its own basis": (World((decided(opens=(3, 8)),)), False),
    # test 6
    "the agency was shut out": (World((decided(),), of(exclusions=(shut_out(),))), False),
    "in an emergency too": (World((decided(EMERGENCY),), of(exclusions=(shut_out(),))), False),
    "but a safeguarding lead may": (World((decided(SAFEGUARDING),), of(exclusions=(shut_out(),))), True),
    "who did not say so": (
        World((decided(SAFEGUARDING, opens=(3, 5, 7, 8)),), of(exclusions=(shut_out(),))),
        False,
    ),
    "a category was shut out": (
        World((decided(SAFEGUARDING),), of(exclusions=(shut_out(agency_id=None, category=HEALTH),))),
        True,
    ),
    "shut out for a risk": (
        World((decided(SAFEGUARDING),), of(exclusions=(shut_out(linked_to_risk=True),))),
        False,
    ),
    "one of two shut out for a risk": (
        World((decided(SAFEGUARDING),), of(exclusions=(shut_out(), shut_out(linked_to_risk=True)))),
        False,
    ),
    "where the person works": (
        World((decided(SAFEGUARDING),), of(exclusions=(shut_out(workplace=True),))),
        False,
    ),
    # test 7
    "a protected address": (
        World(
            (decided(SAFEGUARDING, categories=ADDRESS, records=(RECORD,)),),
            of(markers=(marked(MarkerKind.PROTECTED_ADDRESS),)),
            categories=ADDRESS,
        ),
        False,
    ),
    "an address that nobody protects": (
        World((decided(SAFEGUARDING, categories=ADDRESS, records=(RECORD,)),), categories=ADDRESS),
        True,
    ),
    "somebody else's": (
        World((decided(records=(RECORD,)),), fragment={"third_party": True}),
        True,
    ),
    "somebody else's, of another record": (
        World((decided(records=(UUID(int=52),)),), fragment={"third_party": True}),
        False,
    ),
    "somebody else's, unsaid": (
        World((decided(opens=(3, 5, 6, 8), records=(RECORD,)),), fragment={"third_party": True}),
        False,
    ),
    **{
        f"marked {kind}": (
            World(
                (decided(SAFEGUARDING, records=(RECORD,)),), of(markers=(marked(kind),))
            ),
            kind in (MarkerKind.THIRD_PARTY, MarkerKind.SERIOUS_HARM, MarkerKind.PROTECTED_ADDRESS),
        )
        for kind in MarkerKind
    },
    # test 8
    "closed there": (World((decided(SAFEGUARDING),), registered(closed=True)), False),
    "without an opening": (World((decided(opens=(3, 5, 6, 7)),)), False),
    "opened by somebody else": (World((decided(opens=(3, 5, 6, 7)),), person()), True),
    "registered again since": (World((decided(),), registered(position=20)), False),
    "registered only then, in an emergency": (World((decided(EMERGENCY),), registered(position=20)), True),
    "its involvement ended since": (World((decided(EMERGENCY),), registered(involvement_ended=20)), False),
    # test 9
    "research": (
        World((replace(decided(), purposes=frozenset(Purpose)),), purpose=Purpose.RESEARCH),
        False,
    ),
    # whoever else it is about
    "about another as well": (World((decided(),), others=(of(),), fragment=JOINT), True),
    "the other shut the agency out": (
        World((decided(),), others=(of(exclusions=(shut_out(),)),), fragment=JOINT),
        False,
    ),
    "the other said no to best interests": (
        World(
            (decided(basis=Basis.BEST_INTERESTS),), others=(of(stops=(stopped(11),)),), fragment=JOINT
        ),
        False,
    ),
}  # fmt: skip


def wrong() -> list[str]:
    found = []
    for name, (world, opens) in CASES.items():
        try:
            if world.opens is not opens:
                found.append(name)
        except AssertionError:
            found.append(f"{name}: the list says otherwise")
    return found


def test_the_table() -> None:
    assert wrong() == []


def test_consent_stays_the_persons_own() -> None:
    """A decision that rests on consent leaves test 5 to the grant itself, under the notice it names."""
    grant = complete(Basis.EXPLICIT_CONSENT).grant()
    rests = decided(basis=Basis.EXPLICIT_CONSENT, notice_id="notice-1")
    answer = World((rests,), person(grant, opened=False)).ask()
    assert answer.permitted
    assert answer.relied_on == (rests.row_id, str(grant.grant_id))
    assert not World((rests,), person(grant, stops=(stopped(11),), opened=False)).opens
    assert not World((replace(rests, notice_id="notice-0"),), person(grant, opened=False)).opens


def test_what_it_relied_on_and_whose_reason_is_told() -> None:
    rests = decided()
    assert World((rests,)).ask().relied_on == (rests.row_id,)
    refused = World((decided(recipient_law=BARE),)).ask()
    assert (refused.test, refused.reason) == (3, Reason.NO_AGREEMENT)
    shut = World((decided(),), of(exclusions=(shut_out(),))).ask()
    assert shut.reason is Reason.NO_AGREEMENT


CONTROLS: dict[str, tuple[object, str, object]] = {
    "whose, and whether it is over": (
        sharing_decision, "between", lambda person, fragment, recipient: [
            replace(one, holder_agency_id=fragment.origin_agency_id, recipient_agency_id=recipient.agency_id)
            for one in person.decisions
        ],
    ),
    "which test each kind answers": (sharing_decision, "_answers", lambda decision, test: True),
    "what it speaks of": (sharing_decision, "outside", lambda *_: None),
    "what yields": (sharing_decision, "stands_against", lambda *_: None),
    "test 4": (agreement, "lawful", lambda *_: None),
    "its evidence": (evidence_of_bases, "shown", lambda _: True),
    "test 8": (disclosure, "_involved", lambda *_: None),
    "whose consent": (sharing_decision, "CONSENT", frozenset()),
    "what markers yield": (sharing_decision, "MARKERS_THAT_YIELD", frozenset(MarkerKind)),
}  # fmt: skip


@pytest.mark.parametrize("control", CONTROLS)
def test_the_table_notices_when_a_control_is_gone(control: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, name, broken = CONTROLS[control]
    monkeypatch.setattr(module, name, broken)
    assert wrong() != []
