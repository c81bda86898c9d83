"""The oracle on protection, involvement, and what stays, by hand.

Each name begins with its ruling (R) or rule (H, 5a).
"""

from collections.abc import Callable

import pytest

from tests.oracle import history as h
from tests.oracle.decide import permitted
from tests.oracle.facts import Facts
from tests.oracle.story import CONTACT, DAY, HOME, P, Q, Story, granted, nothing_after, states, told

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


def twice_at_drugs() -> Story:
    """The drug service comes to know the person again, under another reference; both are linked."""
    story = granted()
    story.say(h.ClientRegistered, agency="drugs", reference="drugs-again")
    again = ("drugs", "drugs-again")
    story.say(h.LinkConfirmed, link="l2", a=("hostel", "hostel-1"), b=again)
    return story


def references(story: Story) -> set[str]:
    found = permitted(Facts(story.events), "drugs", story.now)
    return {reference for reference, _ in found}


def test_r9_a_second_reference_needs_an_opening_of_its_own_and_closes_nothing() -> None:
    story = twice_at_drugs()
    assert references(story) == {"drugs-1"}
    story.involve()
    assert references(story) == {"drugs-1", "drugs-again"}


def test_r9_ending_or_closing_one_reference_ends_that_one() -> None:
    story = twice_at_drugs()
    story.involve()
    story.say(h.InvolvementEnded, agency="drugs", reference="drugs-1")
    assert references(story) == {"drugs-again"}
    story.say(h.RegistrationClosed, agency="drugs", reference="drugs-again", reason="CASE_CLOSED")
    assert references(story) == set()


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
    for status, there in (("PROCESSING_RESTRICTED", {HOME}), ("RESTRICTION_LIFTED", {"r1:FAMILY", HOME})):
        story.say(h.StatusRecorded, agency="hostel", reference="partner", status=status)
        assert set(story.permitted()) == there
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


def test_what_is_erased_is_nowhere_until_it_is_told_again() -> None:
    story = granted(on_end="STOP")
    story.deliver()
    story.say(h.Erased, agency="hostel", reference="hostel-1", record_id="r1")
    assert story.permitted() == {} and story.store() == {}
    story.record("ACCOMMODATION", "SERVICE_CONTACT", revision=2)
    assert set(story.permitted()) == {HOME, CONTACT} == set(story.store())


def test_a_category_is_erased_with_what_stands_in_its_envelope() -> None:
    story = granted()
    story.say(h.Erased, agency="hostel", reference="hostel-1", category="ACCOMMODATION")
    assert set(story.permitted()) == {CONTACT}
    story.say(h.Erased, agency="hostel", reference="hostel-1", category="SERVICE_CONTACT")
    assert story.permitted() == {}


def test_a_hold_keeps_from_everybody_what_is_to_be_erased_and_its_end_erases_it() -> None:
    story = granted(on_end="STOP")
    story.deliver()
    where = {"agency": "hostel", "reference": "hostel-1"}
    story.say(h.HoldPlaced, hold="h1", category="ACCOMMODATION", **where)
    assert set(story.store()) == {HOME, CONTACT}, "a hold by itself takes nothing"
    story.say(h.Erased, record_id="r1", **where)
    assert story.store() == {}
    [record] = Facts(story.events).records.values()
    assert [key.categories for key in record.waiting] == [{"ACCOMMODATION"}]
    story.record("ACCOMMODATION", "SERVICE_CONTACT", revision=2)
    assert set(story.store()) == {CONTACT}, "what is told meanwhile waits with it"
    story.say(h.HoldLifted, hold="h1", agency="hostel")
    assert set(story.store()) == {CONTACT} and not record_waits(story)
    story.record("ACCOMMODATION", "SERVICE_CONTACT", revision=3)
    assert set(story.store()) == {HOME, CONTACT}


def record_waits(story: Story) -> bool:
    return any(record.waiting for record in Facts(story.events).records.values())
