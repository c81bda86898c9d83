"""The oracle itself, against cases worked by hand. Each name begins with its ruling (R) or rule (H, 5a)."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.oracle import history as h
from tests.oracle.store import Held
from tests.oracle.story import P, Q, Story

HOME, CONTACT = "r1:ACCOMMODATION", "r1:SERVICE_CONTACT"
DAY = timedelta(days=1)


def told(**agreement: object) -> Story:
    """An agreement, a record of where she sleeps and of the contact, and no choice yet."""
    story = Story()
    story.agreement(**agreement)  # type: ignore[arg-type]
    story.record("ACCOMMODATION", "SERVICE_CONTACT")
    return story


def granted(**agreement: object) -> Story:
    story = told(**agreement)
    story.grant()
    return story


def states(held: Held) -> set[tuple[str, str]]:
    return {(agreement, state) for _, agreement, state in held.rows}


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


def nothing_after(change: Callable[[Story], object]) -> None:
    story = granted()
    assert set(story.permitted()) == {HOME, CONTACT}
    change(story)
    assert story.permitted() == {}


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
    for basis, flows in (("STATUTORY_DUTY", True), ("S251", True), ("BEST_INTERESTS", False)):
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


# R7, R8


@pytest.mark.parametrize(
    ("excluded", "left"),
    [
        ({"excluded_agency": "drugs"}, set()),
        ({"excluded_agency": "drugs", "staff": "dave"}, set()),
        ({"excluded_agency": "gp"}, {HOME, CONTACT}),
        ({"category": "ACCOMMODATION"}, {CONTACT}),
        ({"category": "SERVICE_CONTACT"}, set()),
    ],
)
def test_r7_exclusions_yield_to_no_grant(excluded: dict[str, str], left: set[str]) -> None:
    story = granted()
    story.say(h.ExclusionRecorded, exclusion="x", agency="drugs", reference="drugs-1", **excluded)
    story.grant("later")
    assert set(story.permitted()) == left
    story.say(h.ExclusionLifted, exclusion="x", agency="drugs", reference="drugs-1")
    assert set(story.permitted()) == {HOME, CONTACT}


def test_r8_a_protected_address_on_any_linked_registration() -> None:
    story = granted()
    story.record("CONTACT_LOCATION", "ACCOMMODATION")
    story.record("CONTACT_LOCATION", "ACCOMMODATION", name="r2", free_text=True)
    where = {"agency": "drugs", "reference": "drugs-1"}
    story.say(h.MarkerPlaced, marker="m", kind="PROTECTED_ADDRESS", **where)
    assert set(story.permitted()) == {HOME}
    story.say(h.MarkerLifted, marker="m", **where)
    assert set(story.permitted()) == {
        HOME,
        "r1:CONTACT_LOCATION",
        "r2:ACCOMMODATION+CONTACT_LOCATION",
    }


@pytest.mark.parametrize("kind", ["THIRD_PARTY", "SERIOUS_HARM", "PRIVILEGED", "CRIME_PREJUDICE"])
def test_r8_a_marked_record_stays_home(kind: str) -> None:
    nothing_after(
        lambda story: story.say(
            h.MarkerPlaced, marker="m", agency="hostel", reference="hostel-1", kind=kind, record_id="r1"
        )
    )


def test_r8_a_note_about_a_third_party_stays_home() -> None:
    story = granted()
    story.record("ACCOMMODATION", name="r2", free_text=True, third_party=True)
    story.record("ACCOMMODATION", name="r3", free_text=True)
    assert set(story.permitted()) == {HOME, CONTACT, "r3:ACCOMMODATION"}


# R9 involvement


def test_h1_a_link_and_a_role_wide_grant_start_nothing() -> None:
    story = told()
    story.grant(to=None)
    assert story.permitted() == {}
    story.involve()
    assert set(story.permitted()) == {HOME, CONTACT}


def test_h1_an_insider_who_registers_later_gets_nothing_until_the_source_reconfirms() -> None:
    story = Story()
    story.agreement()
    story.record("ACCOMMODATION", "SERVICE_CONTACT")
    story.grant()
    story.involve()
    story.say(h.RegistrationClosed, agency="drugs", reference="drugs-1", reason="CASE_CLOSED")
    story.say(h.ClientRegistered, agency="drugs", reference="drugs-1")
    story.link("l2", "hostel", "drugs")
    assert story.permitted() == {}
    story.say(h.GrantReconfirmed, grant="g1", by_agency="hostel", reference="hostel-1")
    assert set(story.permitted()) == {HOME, CONTACT}


def test_r9_ending_involvement_needs_a_new_opening() -> None:
    story = granted()
    story.say(h.InvolvementEnded, agency="drugs", reference="drugs-1")
    assert story.permitted() == {}
    story.involve(by="drugs")  # nobody confirms itself
    assert story.permitted() == {}
    story.involve()
    assert set(story.permitted()) == {HOME, CONTACT}


def test_r9_an_opening_outlasts_its_grants_withdrawal() -> None:
    story = granted()
    story.withdraw("g1")
    assert story.permitted() == {}
    story.grant("team", to=None)
    assert set(story.permitted()) == {HOME, CONTACT}


def test_r9_by_its_own_word_alone_an_agency_gets_normal_only_whatever_else_is_granted() -> None:
    story = told()
    story.record("MENTAL_HEALTH", name="r2")
    story.grant("team", to=None)
    story.grant(by="drugs", categories=frozenset({"ACCOMMODATION"}))
    assert set(story.permitted()) == {HOME, CONTACT}
    story.involve()
    assert set(story.permitted()) == {HOME, CONTACT, "r2:MENTAL_HEALTH"}


def test_r10_statistics_and_research_never_leave() -> None:
    purposes = ("SERVICE_IMPROVEMENT_EVALUATION", "RESEARCH")
    story = told(purposes=purposes)
    story.feed("study", "drugs", "SUBSTANCE_USE", purposes=purposes)
    story.grant(purposes=frozenset(purposes))
    assert story.permitted("study") == {}


# R11 somebody else in the record


def couple(solely_about: bool) -> Story:
    story = Story()
    story.agreement()
    story.say(h.ClientRegistered, agency="hostel", reference="partner")
    other = h.OtherSubject("partner", frozenset({"FAMILY"}), solely_about)
    story.record("FAMILY", "ACCOMMODATION", other_subjects=(other,))
    story.grant(categories=frozenset({"FAMILY", "ACCOMMODATION", "SERVICE_CONTACT"}))
    return story


def test_h8_the_tellers_account_is_hers() -> None:
    story = couple(solely_about=False)
    story.say(h.RefusalRecorded, refusal="no", agency="hostel", reference="partner")
    assert set(story.permitted()) == {"r1:FAMILY", HOME}


def test_r11_facts_solely_about_the_other_need_both() -> None:
    story = couple(solely_about=True)
    assert set(story.permitted()) == {HOME}
    story.say(
        h.GrantRecorded,
        grant="his",
        agency="hostel",
        reference="partner",
        purposes=frozenset({P}),
        categories=frozenset({"FAMILY", "SERVICE_CONTACT"}),
        recipient=h.Recipient(agency="drugs"),
        given=story.now,
        effective_until=story.now + DAY,
    )
    assert set(story.permitted()) == {"r1:FAMILY", HOME}
    story.say(
        h.ExclusionRecorded, exclusion="x", agency="hostel", reference="partner", excluded_agency="drugs"
    )
    assert set(story.permitted()) == {HOME}


# R13, R14 what stays


@pytest.mark.parametrize(
    ("on_end", "left"),
    [("STOP", {("isa", "STOPPED")}), ("RESTRICT", {("isa", "RESTRICTED")}), ("ERASE", None)],
)
def test_r13_an_ended_permission_follows_on_end(on_end: str, left: set[tuple[str, str]] | None) -> None:
    story = granted(on_end=on_end)
    story.deliver()
    assert states(story.store()[HOME]) == {("isa", "ACTIVE")}
    story.withdraw("g1")
    assert story.permitted() == {}
    if left is None:
        assert story.store() == {}
    else:
        assert states(story.store()[HOME]) == left
        story.record("ACCOMMODATION", revision=2)
        assert story.store()[HOME].revision == 1  # nothing new
        story.deliver()
        story.grant("g2")
        assert story.store()[HOME].revision == 2
        assert states(story.store()[HOME]) == {("isa", "ACTIVE")}


def test_r13_what_was_never_acknowledged_does_not_stay() -> None:
    story = granted()
    story.deliver(acknowledge=False)
    story.withdraw("g1")
    assert story.store() == {}


@pytest.mark.parametrize(
    "end",
    [
        lambda story: story.withdraw("g1", remove=True),
        lambda story: story.say(h.LinkUndone, link="l1"),
        lambda story: story.record(revision=2, withdrawn=True),
        lambda story: story.say(
            h.ExclusionRecorded,
            exclusion="x",
            agency="hostel",
            reference="hostel-1",
            excluded_agency="drugs",
            remove=True,
        ),
        lambda story: story.say(h.RegistrationClosed, agency="drugs", reference="drugs-1", reason="IN_ERROR"),
    ],
    ids=["remove", "unlink", "withdrawn", "exclude-remove", "in-error"],
)
def test_r13_hard_ends_leave_nothing(end: Callable[[Story], object]) -> None:
    story = granted(on_end="STOP")
    story.deliver()
    end(story)
    assert story.store() == {}


def test_r13_a_protected_place_is_gone_and_the_rest_stays() -> None:
    story = granted()
    story.record("CONTACT_LOCATION", name="r2")
    story.deliver()
    story.say(h.MarkerPlaced, marker="m", agency="hostel", reference="hostel-1", kind="PROTECTED_ADDRESS")
    assert set(story.store()) == {HOME, CONTACT}


def test_r13_a_category_corrected_away_is_gone() -> None:
    story = granted()
    story.deliver()
    story.record("SERVICE_CONTACT", "MENTAL_HEALTH", revision=2)
    assert set(story.store()) == {CONTACT, "r1:MENTAL_HEALTH"}


def test_r13_removal_counts_only_after_delivery() -> None:
    story = granted()
    story.withdraw("g1", remove=True)
    story.grant("g2")
    story.deliver()
    story.withdraw("g2")
    assert states(story.store()[HOME]) == {("isa", "STOPPED")}


def test_5a15_death_freezes_even_what_would_be_erased() -> None:
    story = granted(on_end="ERASE")
    story.deliver()
    for agency in ("hostel", "drugs"):
        story.say(h.StatusRecorded, agency=agency, reference=f"{agency}-1", status="DEATH_REPORTED")
    story.record("ACCOMMODATION", name="new")
    assert set(story.store()) == {HOME, CONTACT}
    assert states(story.store()[HOME]) == {("isa", "STOPPED")}


def test_r13_the_harshest_on_end_of_several_categories() -> None:
    story = Story()
    story.agreement()
    story.say(
        h.AgreementDrafted,
        agreement="isa",
        version=2,
        parties=story.events[-4].parties,  # type: ignore[attr-defined]
        rows=(
            h.Row("ACCOMMODATION", P, "STOP"),
            h.Row("MENTAL_HEALTH", P, "ERASE"),
            h.Row("SERVICE_CONTACT", P, "RESTRICT"),
        ),
        start=story.now,
        end=story.now + DAY,
        notice="notice-1",
    )
    for agency in ("hostel", "drugs"):
        story.say(h.AgreementSigned, agreement="isa", version=2, agency=agency)
    story.record("ACCOMMODATION", "MENTAL_HEALTH", free_text=True)
    story.record("ACCOMMODATION", name="r2")
    story.grant()
    story.deliver()
    story.now += DAY
    assert set(story.store()) == {"r2:ACCOMMODATION"}


def test_r13_rows_end_one_by_one() -> None:
    story = granted()
    story.agreement("second", agencies=("hostel", "drugs"), days=1, on_end="RESTRICT")
    story.deliver()
    story.now += DAY
    assert states(story.store()[HOME]) == {("isa", "ACTIVE"), ("second", "RESTRICTED")}


def test_r13_what_was_retracted_does_not_come_back_as_stopped() -> None:
    story = granted()
    story.deliver()
    story.withdraw("g1", remove=True)
    story.deliver()
    story.agreement(version=2, on_end="STOP")
    assert story.store() == {}


def test_r14_noreuse_unless_eligibility_is_active_and_own_marks_stay() -> None:
    story = Story()
    story.agreement(purposes=(P, Q))
    story.record("ACCOMMODATION", marks=frozenset({"DELAU"}))
    story.grant(purposes=frozenset({P, Q}))
    story.deliver()
    assert story.permitted()[HOME].marks == {"NORDSCLCD", "PERSISTLABEL", "DELAU"}
    story.withdraw("g1")
    assert story.store()[HOME].marks == {"NORDSCLCD", "PERSISTLABEL", "DELAU", "NOREUSE"}


def test_a_restored_store_holds_only_what_it_went_back_to() -> None:
    story = granted()
    story.deliver()
    story.observations.append(h.Restored(seq=story.seq, feed="drugs", epoch=1, sequence=0))
    story.withdraw("g1")
    assert story.store() == {}
