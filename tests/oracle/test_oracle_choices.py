"""The oracle on a person's choices, by hand.

Each name begins with its ruling (R) or rule (H, 5a).
"""

from datetime import timedelta

import pytest

from tests.oracle import history as h
from tests.oracle.story import CONTACT, DAY, HOME, P, Q, Story, granted, told

# R5 confidentiality


def test_r5_nothing_without_a_grant_or_outside_its_scope_and_time() -> None:
    assert told().permitted() == {}
    for fields in (
        {"purposes": frozenset({Q})},
        {"categories": frozenset({"ACCOMMODATION"})},  # not the envelope's
        {"days": 0},
        {"effective_from": told().now + DAY},
        {"notice": "notice-2"},
        {"to": "gp"},
    ):
        story = told()
        story.involve()
        story.grant(**fields)
        assert story.permitted() == {}, fields


def test_r5_boundaries_are_half_open() -> None:
    story = granted()
    until = story.events[-1].effective_until  # type: ignore[attr-defined]
    story.now = until - timedelta(microseconds=1)
    assert set(story.permitted()) == {HOME, CONTACT}
    story.now = until
    assert story.permitted() == {}


def test_r5_data_period_is_inclusive() -> None:
    story = told()
    occurred = story.events[-1].occurred  # type: ignore[attr-defined]
    story.grant(data_from=occurred, data_until=occurred)
    assert set(story.permitted()) == {HOME, CONTACT}
    story.record("ACCOMMODATION", name="r2")
    assert set(story.permitted()) == {HOME, CONTACT}


def test_r5_very_restricted_never_rides_on_a_role() -> None:
    for recipient in ({"to": None}, {"to": None, "kind": "SUBSTANCE_USE"}):
        story = told()
        story.record("DOMESTIC_ABUSE", name="r2")
        story.record("ACCOMMODATION", name="r3", free_text=True)
        story.involve()
        story.grant(**recipient)
        assert set(story.permitted()) == {HOME, CONTACT}
    story.grant("named")
    assert set(story.permitted()) == {HOME, CONTACT, "r2:DOMESTIC_ABUSE", "r3:ACCOMMODATION"}


def test_r5_a_service_grant_reads_the_feeds_service_type() -> None:
    story = told()
    story.feed("ward", "drugs", "HOSPITAL")
    story.involve()
    story.grant(to=None, kind="HOSPITAL")
    assert story.permitted() == {}
    assert set(story.permitted("ward")) == {HOME, CONTACT}


def test_r5_immigration_needs_an_explicit_grant_that_names() -> None:
    both = frozenset({"IMMIGRATION", "SERVICE_CONTACT"})
    story = Story()
    story.agreement()
    story.record("IMMIGRATION")
    story.grant(categories=both, basis="COURT_ORDER")
    assert story.permitted() == {}
    story.grant("g2", categories=both)
    assert set(story.permitted()) == {"r1:IMMIGRATION"}


@pytest.mark.parametrize(
    "weak",
    [
        {"asked_alone": False},
        {"service_offered_anyway": False},
        {"told_may_refuse": False},
        {"capacity_in_doubt": True},
        {"given_ago": DAY},
    ],
)
def test_r5_weak_opens_normal_for_seven_days(weak: dict[str, object]) -> None:
    story = told()
    story.record("MENTAL_HEALTH", name="r2")
    story.grant(**weak)  # type: ignore[arg-type]
    assert set(story.permitted()) == {HOME, CONTACT}
    recorded = story.now
    story.now = recorded + timedelta(days=7, microseconds=-1)
    assert set(story.permitted()) == {HOME, CONTACT}
    story.now = recorded + timedelta(days=7)
    assert story.permitted() == {}


def test_r5_imported_legacy_opens_normal_but_lasts() -> None:
    story = told()
    story.record("MENTAL_HEALTH", name="r2")
    story.grant(method="IMPORTED_LEGACY")
    story.now += timedelta(days=30)
    assert set(story.permitted()) == {HOME, CONTACT}


def test_r5_implied_opens_n_and_r_for_support_only() -> None:
    story = told(purposes=(P, Q))
    story.record("MENTAL_HEALTH", name="r2")
    story.record("DOMESTIC_ABUSE", name="r3")
    story.grant(basis="IMPLIED_CONSENT", purposes=frozenset({P, Q}))
    found = story.permitted()
    assert set(found) == {HOME, CONTACT, "r2:MENTAL_HEALTH"}
    assert all(one.rows == {(P, "isa")} for one in found.values())


@pytest.mark.parametrize(("flag", "opens"), [(False, set()), (True, {"r2:MENTAL_HEALTH"})])
def test_r5_r9_nobody_confirms_itself(flag: bool, opens: set[str]) -> None:
    story = told(flag=flag)
    story.record("MENTAL_HEALTH", name="r2")
    story.record("DOMESTIC_ABUSE", name="r3")
    story.grant(by="drugs")
    assert set(story.permitted()) == {HOME, CONTACT} | opens
    story.say(h.GrantReconfirmed, grant="g1", by_agency="hostel", reference="hostel-1")
    assert set(story.permitted()) == {HOME, CONTACT, "r2:MENTAL_HEALTH", "r3:DOMESTIC_ABUSE"}


def test_r5_a_later_refusal_closes_and_a_later_narrower_grant_reopens_what_it_names() -> None:
    story = granted()
    story.refuse(categories=frozenset({"ACCOMMODATION"}), recipient=h.Recipient(support_team=True))
    assert set(story.permitted()) == {CONTACT}
    story.refuse()
    assert story.permitted() == {}
    story.grant("g2", categories=frozenset({"SERVICE_CONTACT"}))
    assert set(story.permitted()) == {CONTACT}


def test_5a9_an_earlier_stop_outlasts_a_pressed_grant() -> None:
    story = told()
    story.refuse(recipient=h.Recipient(agency="drugs"))
    story.grant(asked_alone=False)
    assert story.permitted() == {}
    story.grant("g2")
    assert set(story.permitted()) == {HOME, CONTACT}


def test_5a10_a_refusal_leaves_other_bases() -> None:
    for basis, flows in (("STATUTORY_DUTY", True), ("COURT_ORDER", True), ("BEST_INTERESTS", False)):
        story = told()
        story.grant(basis=basis)
        story.refuse()
        assert bool(story.permitted()) is flows, basis


def test_5a7_a_withdrawal_closes_its_scope_in_earlier_grants_but_not_an_envelope_they_need() -> None:
    story = told()
    story.record("MENTAL_HEALTH", name="r2")
    story.grant("wide", categories=frozenset({"ACCOMMODATION", "MENTAL_HEALTH", "SERVICE_CONTACT"}))
    story.grant("narrow", categories=frozenset({"ACCOMMODATION", "SERVICE_CONTACT"}))
    story.withdraw("narrow")
    assert set(story.permitted()) == {"r2:MENTAL_HEALTH"}
    story.refuse(categories=frozenset({"SERVICE_CONTACT"}))
    assert story.permitted() == {}


def test_r6_the_envelope_of_a_disclosing_service_needs_its_category() -> None:
    story = Story()
    story.agreement()
    story.link("l2", "gp", "drugs")
    story.record("ACCOMMODATION", by="gp", service="MENTAL_HEALTH")
    story.grant(by="gp", categories=frozenset({"ACCOMMODATION", "SERVICE_CONTACT"}))
    assert story.permitted() == {}
    story.grant("g2", by="gp", categories=frozenset({"ACCOMMODATION", "MENTAL_HEALTH"}))
    assert set(story.permitted()) == {HOME}
