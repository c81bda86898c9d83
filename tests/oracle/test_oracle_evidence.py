"""The oracle on what each confidentiality basis rests on and how far it reaches (H19), by hand."""

from dataclasses import replace
from typing import Any

import pytest

from tests.oracle import history as h
from tests.oracle.evidence import SHOWN, is_admissible
from tests.oracle.story import CONTACT, DAY, HOME, P, Q, Story, told

BARE = h.Evidence()
LACKING: list[tuple[str, dict[str, Any]]] = [
    ("IMPLIED_CONSENT", {"told_care_team": False}),
    ("BEST_INTERESTS", {"decision_maker": ""}),
    ("PUBLIC_INTEREST", {"authorised_by": ""}),
    ("PUBLIC_INTEREST", {"recorded_by": ""}),
    ("PUBLIC_INTEREST", {"authorised_by": "worker-1"}),
    ("STATUTORY_DUTY", {"duty": None}),
    ("STATUTORY_DUTY", {"duty": "CHILDREN_ACT_2004_S16LA"}),
    ("COURT_ORDER", {"reference": ""}),
    ("NOT_CONFIDENTIAL", {"reference": ""}),
]


def grant_of(story: Story) -> h.GrantRecorded:
    grant = story.events[-1]
    assert isinstance(grant, h.GrantRecorded)
    return grant


@pytest.mark.parametrize(("basis", "lack"), LACKING)
def test_s4_a_basis_without_its_evidence_opens_nothing_and_is_not_recorded(
    basis: str, lack: dict[str, Any]
) -> None:
    normal = frozenset({"ACCOMMODATION", "SERVICE_CONTACT"})
    story = told()
    story.grant(basis=basis, categories=normal)
    assert set(story.permitted()) == {HOME, CONTACT}, "control: with its evidence it does"
    assert is_admissible(grant_of(story))
    story = told()
    story.grant(basis=basis, categories=normal, evidence=replace(SHOWN[basis], **lack))
    assert story.permitted() == {}
    assert not is_admissible(grant_of(story))


def test_s4_best_interests_are_decided_by_somebody_who_may() -> None:
    story = told()
    story.grant(basis="BEST_INTERESTS", method="VERBAL_IN_PERSON")
    assert story.permitted() == {}
    for method in ("PROXY_LPA_HW", "PROXY_DEPUTY", "BEST_INTERESTS_RECORD"):
        story.grant(method, basis="BEST_INTERESTS", method=method)
        assert set(story.permitted()) == {HOME, CONTACT}
        story.withdraw(method)


@pytest.mark.parametrize("basis", ["PUBLIC_INTEREST", "STATUTORY_DUTY", "COURT_ORDER"])
def test_s4_duty_order_and_public_interest_name_the_agency(basis: str) -> None:
    story = told()
    story.involve()
    story.grant(to=None, basis=basis, categories=frozenset({"ACCOMMODATION", "SERVICE_CONTACT"}))
    assert story.permitted() == {}


def test_s4_s251_opens_nothing_that_is_delivered() -> None:
    story = told()
    story.grant(basis="S251")
    assert story.permitted() == {}
    assert not is_admissible(grant_of(story))


def test_s4_not_confidential_opens_the_normal_level_only() -> None:
    story = told()
    story.record("MENTAL_HEALTH", name="r2")
    story.record("ACCOMMODATION", name="r3", free_text=True)
    story.grant(basis="NOT_CONFIDENTIAL")
    assert set(story.permitted()) == {HOME, CONTACT}
    assert not is_admissible(grant_of(story)), "it lists more than it can open"


def test_p1_what_lacks_its_evidence_opens_no_involvement_and_answers_no_objection() -> None:
    story = told(basis="A6_1_E")
    story.grant(basis="COURT_ORDER", evidence=BARE)
    story.grant("team", to=None, categories=frozenset({"ACCOMMODATION", "SERVICE_CONTACT"}))
    assert story.permitted() == {}, "nobody has said that the drug service is involved"
    story.involve()
    assert set(story.permitted()) == {HOME, CONTACT}
    story.grant("named")
    story.withdraw("named")
    story.grant("duty", basis="STATUTORY_DUTY", evidence=BARE)
    assert story.permitted() == {}
    story.grant("evidenced", basis="STATUTORY_DUTY")
    assert set(story.permitted()) == {HOME, CONTACT}


@pytest.mark.parametrize("basis", ["IMPLIED_CONSENT", "NOT_CONFIDENTIAL"])
def test_p2_a_no_closes_what_nobody_said_even_if_it_was_said_before(basis: str) -> None:
    story = told()
    story.refuse(recipient=h.Recipient(agency="drugs"))
    story.grant(basis=basis, categories=frozenset({"ACCOMMODATION", "SERVICE_CONTACT"}))
    assert story.permitted() == {}
    story.grant("best", basis="BEST_INTERESTS")
    assert set(story.permitted()) == {HOME, CONTACT}


@pytest.mark.parametrize(("basis", "answers"), [("IMPLIED_CONSENT", False), ("BEST_INTERESTS", True)])
def test_p3_what_nobody_said_answers_no_objection(basis: str, answers: bool) -> None:
    story = told(basis="A6_1_E")
    story.grant("order", basis="COURT_ORDER")
    story.grant()
    story.withdraw("g1")
    story.grant("later", basis=basis, categories=frozenset({"ACCOMMODATION", "SERVICE_CONTACT"}))
    assert bool(story.permitted()) is answers


@pytest.mark.parametrize(
    ("basis", "lasts"), [("EXPLICIT_CONSENT", False), ("IMPLIED_CONSENT", False), ("BEST_INTERESTS", True)]
)
def test_s4_only_consent_is_weak(basis: str, lasts: bool) -> None:
    story = told(purposes=(P, Q))
    story.grant(
        basis=basis, capacity_in_doubt=True, categories=frozenset({"ACCOMMODATION", "SERVICE_CONTACT"})
    )
    assert set(story.permitted()) == {HOME, CONTACT}
    story.now += 7 * DAY
    assert bool(story.permitted()) is lasts
