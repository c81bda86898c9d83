"""The oracle on links, records, agreements and bases, by hand.

Each name begins with its ruling (R) or rule (H, 5a).
"""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.oracle import history as h
from tests.oracle.story import CONTACT, HOME, P, Q, Story, granted, nothing_after, told


def test_the_plain_case_flows_with_its_terms() -> None:
    found = granted().permitted()
    assert set(found) == {HOME, CONTACT}
    assert found[HOME].rows == {(P, "isa")}
    assert found[HOME].marks == {"NORDSCLCD", "PERSISTLABEL", "NOREUSE"}


def test_r12_an_agency_is_never_sent_its_own() -> None:
    story = granted()
    assert story.permitted("hostel") == {}


def test_r12_a_feed_gets_its_categories_and_purposes_only() -> None:
    story = granted()
    story.say(
        h.FeedOpened,
        feed="narrow",
        agency="drugs",
        service_type="SUBSTANCE_USE",
        purposes=frozenset({P}),
        categories=frozenset({"ACCOMMODATION"}),
    )
    story.feed("other", "drugs", "SUBSTANCE_USE", purposes=(Q,))
    assert set(story.permitted("narrow")) == {HOME}
    assert story.permitted("other") == {}


# R1 links


def test_r1_an_undone_link_ends_it() -> None:
    nothing_after(lambda story: story.say(h.LinkUndone, link="l1"))


def test_r1_a_registration_in_error_leaves_its_links() -> None:
    nothing_after(
        lambda story: story.say(
            h.RegistrationClosed, agency="hostel", reference="hostel-1", reason="IN_ERROR"
        )
    )


def test_r1_cut_but_joined_through_a_third_is_uncertain_until_confirmed_again() -> None:
    story = granted()
    story.link("l2", "hostel", "gp")
    story.link("l3", "gp", "drugs")
    assert set(story.permitted()) == {HOME, CONTACT}
    story.say(h.LinkUndone, link="l1")
    assert story.permitted() == {}
    story.link("l4", "hostel", "drugs")
    assert set(story.permitted()) == {HOME, CONTACT}


# R2 the record and the person


def test_r2_the_latest_revision_only() -> None:
    story = granted()
    story.record("ACCOMMODATION", revision=2)
    assert {label: one.revision for label, one in story.permitted().items()} == {HOME: 2}


@pytest.mark.parametrize(
    "change",
    [
        lambda story: story.record(revision=2, withdrawn=True),
        lambda story: story.say(
            h.StatusRecorded, agency="drugs", reference="drugs-1", status="PROCESSING_RESTRICTED"
        ),
        lambda story: story.record("ACCOMMODATION", revision=2, review_by=story.now),
    ],
    ids=["withdrawn", "article-18", "review-overdue"],
)
def test_r2_ends_everything(change: Callable[[Story], object]) -> None:
    nothing_after(change)


def test_r2_death_needs_two_agencies() -> None:
    story = granted()
    dead = {"status": "DEATH_REPORTED"}
    story.say(h.StatusRecorded, agency="hostel", reference="hostel-1", **dead)
    story.say(h.StatusRecorded, agency="hostel", reference="hostel-1", **dead)
    assert set(story.permitted()) == {HOME, CONTACT}
    story.say(h.StatusRecorded, agency="drugs", reference="drugs-1", **dead)
    assert story.permitted() == {}
    story.say(h.StatusRecorded, agency="drugs", reference="drugs-1", status="DEATH_REPORT_WITHDRAWN")
    assert set(story.permitted()) == {HOME, CONTACT}


def test_r2_spent_is_nothing_for_housing_or_eligibility() -> None:
    story = Story()
    story.agreement(purposes=(P, Q))
    story.feed("housing", "drugs", "HOUSING")
    story.record("OFFENDING", spent_on=story.now)
    story.grant(categories=frozenset({"OFFENDING", "SERVICE_CONTACT"}), purposes=frozenset({P, Q}))
    assert story.permitted()["r1:OFFENDING"].rows == {(P, "isa")}
    assert story.permitted("housing") == {}


# R3 agreement


@pytest.mark.parametrize(
    "agreement",
    [
        {"agencies": ("hostel", "gp")},
        {"signed": ("hostel",)},
        {"starts_in": timedelta(days=1)},
        {"days": 0},
        {"receives_only": ("hostel",)},
        {"categories": ("ACCOMMODATION",)},
        {"purposes": (Q,)},
    ],
    ids=["no-party", "unsigned", "not-begun", "ended", "receives-only", "envelope-not-listed", "purpose"],
)
def test_r3_no_agreement_no_flow(agreement: dict[str, object]) -> None:
    assert granted(**agreement).permitted() == {}


def test_r3_unsigned_drafts_never_count_and_the_newest_signed_one_does() -> None:
    story = granted()
    story.agreement(version=2, categories=("ACCOMMODATION", "SERVICE_CONTACT"), signed=())
    story.record("MENTAL_HEALTH", name="r2")
    assert set(story.permitted()) == {HOME, CONTACT, "r2:MENTAL_HEALTH"}
    for agency in ("hostel", "drugs"):
        story.say(h.AgreementSigned, agreement="isa", version=2, agency=agency)
    assert set(story.permitted()) == {HOME, CONTACT}


def test_r3_terminated_and_employment() -> None:
    nothing_after(lambda story: story.say(h.AgreementTerminated, agreement="isa"))
    story = told(purposes=("EMPLOYMENT",))
    story.feed("jobs", "drugs", "EMPLOYMENT", purposes=("EMPLOYMENT",))
    story.grant(purposes=frozenset({"EMPLOYMENT"}))
    assert story.permitted("jobs") == {}


# R4 lawful basis


@pytest.mark.parametrize(
    ("category", "article9", "article10", "flows"),
    [
        ("MENTAL_HEALTH", None, "SCH1_P1", False),
        ("MENTAL_HEALTH", "A9_2_H", None, True),
        ("OFFENDING", "A9_2_H", None, False),
        ("OFFENDING", None, "SCH1_P1", True),
        ("FAMILY", None, None, True),
    ],
)
def test_r4_conditions(category: str, article9: str | None, article10: str | None, flows: bool) -> None:
    story = Story()
    story.agreement(article9=article9, article10=article10)
    story.record(category)
    story.grant(categories=frozenset({category, "SERVICE_CONTACT"}))
    assert set(story.permitted()) == ({f"r1:{category}"} if flows else set())


@pytest.mark.parametrize("terms", [{"basis": "A6_1_A"}, {"article9": "A9_2_A"}])
def test_r4_consent_as_basis_needs_explicit_consent(terms: dict[str, object]) -> None:
    story = told(**terms)
    story.grant(basis="PUBLIC_INTEREST")
    assert story.permitted() == {}
    story.grant("g2")
    assert set(story.permitted()) == {HOME, CONTACT}


@pytest.mark.parametrize(("basis", "flows"), [("A6_1_E", False), ("A6_1_F", False), ("A6_1_C", True)])
def test_r4_withdrawal_is_an_objection_under_e_ea_and_f_only(basis: str, flows: bool) -> None:
    story = told(basis=basis)
    story.grant("order", basis="COURT_ORDER")
    story.grant()
    story.withdraw("g1")
    assert set(story.permitted()) == ({HOME, CONTACT} if flows else set())
    story.grant("pressed", told_may_refuse=False)
    assert set(story.permitted()) == ({HOME, CONTACT} if flows else set())
    story.grant("again")
    assert set(story.permitted()) == {HOME, CONTACT}


def test_r4_a_refusal_is_no_objection() -> None:
    story = told(basis="A6_1_E")
    story.grant(basis="COURT_ORDER")
    story.refuse()
    assert set(story.permitted()) == {HOME, CONTACT}
