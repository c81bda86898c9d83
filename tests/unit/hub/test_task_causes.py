"""What makes somebody look, and what does not: facts folded one after another, without a ledger."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from consent_ledger.domain import recording_time
from consent_ledger.records import RecordDue
from consent_ledger.vocabulary import TaskKind
from hub.projections.consent_index import BoundaryKind
from tests.unit.hub.folded import CONTACT, ENDED, HEALTH, MONDAY, OTHERS, RISK, Facts


@pytest.fixture
def facts() -> Iterator[Facts]:
    token = recording_time.set(MONDAY)
    try:
        made = Facts()
        made.agree()
        yield made
    finally:
        recording_time.reset(token)


def test_an_end_counts_once(facts: Facts) -> None:
    grant = facts.grant()
    facts.refuse("clinic")
    assert facts.found() == [(ENDED, "clinic")]
    first = dict(facts.index.tasks.causes_on[facts.registrations["clinic"]])
    facts.change(grant, "withdraw", "clinic", False, False, False)
    facts.change(facts.grant(categories=(CONTACT,)), "expire")
    assert facts.index.tasks.causes_on[facts.registrations["clinic"]] == first
    assert facts.found() == [(ENDED, "clinic")], "it had ended; appointments harm nobody"


def test_nothing_ended_and_nobody_has_to_look(facts: Facts) -> None:
    facts.refuse("clinic")
    facts.refuse("outreach", to="hostel", categories=(HEALTH,))
    facts.exclude("clinic", "pharmacy")
    facts.grant(to="hostel")
    facts.refuse("clinic", to="pharmacy")
    assert facts.found() == [], "no grant was open that any of it closed"


def test_what_is_withdrawn_again_quietly_ends_nothing_that_was_given_since(facts: Facts) -> None:
    first = facts.grant()
    facts.change(first, "withdraw", "clinic", False, False, False)
    facts.grant()
    before = repr(facts.index.tasks.causes_on)
    facts.change(first, "withdraw", "clinic", False, False, True)
    assert repr(facts.index.tasks.causes_on) == before
    facts.change(first, "withdraw", "clinic", True, False, True)
    assert repr(facts.index.tasks.causes_on) != before, "control: taking it all back ends that too"


def test_what_never_began_does_not_end(facts: Facts) -> None:
    facts.change(facts.grant(begins=5), "withdraw", "clinic", False, False, False)
    assert facts.found() == []


@pytest.mark.parametrize("shape", [{}, {"to": "pharmacy"}, {"categories": (HEALTH,)}])
def test_a_refusal_said_elsewhere_is_told_to_whoever_recorded_the_grant(
    facts: Facts, shape: dict[str, Any]
) -> None:
    facts.grant()
    facts.refuse("outreach", **shape)
    assert facts.found() == [(ENDED, "clinic")]


def test_a_stop_said_elsewhere_against_an_agency_is_not_told_to_it(facts: Facts) -> None:
    grant = facts.grant(by="pharmacy", to="pharmacy")
    facts.refuse("clinic", to="pharmacy")
    assert facts.found() == []
    facts.change(grant, "withdraw", "clinic", False, False, False)
    facts.change(facts.grant(by="pharmacy", to="pharmacy"), "withdraw", "pharmacy", False, False, False)
    assert facts.found() == [(ENDED, "pharmacy")], "what it recorded itself it knows"


@pytest.mark.parametrize("basis", ["PUBLIC_INTEREST", "STATUTORY_DUTY", "COURT_ORDER"])
def test_what_no_refusal_closes_does_not_end_by_one(facts: Facts, basis: str) -> None:
    grant = facts.grant(basis=basis, categories=(HEALTH, RISK))
    facts.risk()
    facts.refuse("clinic")
    assert facts.found() == []
    facts.change(grant, "withdraw", "clinic", False, False, False)
    assert facts.found() == [(OTHERS, "outreach"), (ENDED, "clinic")]


def test_given_again_before_it_ran_out_it_did_not_end(facts: Facts) -> None:
    first = facts.grant()
    facts.grant(lasts=200)
    facts.change(first, "expire")
    assert facts.found() == []


def test_an_agreement_that_another_replaces_ends_nothing(facts: Facts) -> None:
    facts.grant()
    facts.agree("isa-2", (HEALTH, CONTACT))
    facts.change(facts.agreements["isa-1"], "terminate", "clinic")  # type: ignore[arg-type]
    assert facts.found() == []
    facts.change(facts.agreements["isa-2"], "lapse", 1)  # type: ignore[arg-type]
    assert facts.found() == [(ENDED, "clinic")]


def test_one_task_for_each_registration_when_an_agreement_ends(facts: Facts) -> None:
    facts.grant()
    facts.grant(to="outreach")
    facts.grant(by="outreach")
    facts.change(facts.agreements["isa-1"], "terminate", "clinic")  # type: ignore[arg-type]
    assert facts.found() == [(ENDED, "clinic"), (ENDED, "outreach")]


@pytest.mark.parametrize(
    ("stop", "decides"),
    [
        ({"agency_id": "pharmacy"}, True),
        ({"category": RISK}, True),
        ({"agency_id": "hostel"}, False),
        ({"agency_id": "nobody-knows"}, False),
        ({"category": HEALTH}, False),
    ],
)
def test_an_exclusion_that_takes_a_warning_is_the_leads_to_decide(
    facts: Facts, stop: dict[str, str], decides: bool
) -> None:
    facts.grant(by="outreach", categories=(RISK, CONTACT))
    facts.risk()
    facts.exclude("clinic", **stop)
    assert facts.found() == ([(OTHERS, "outreach")] if decides else [])


def test_a_warning_is_decided_once_until_somebody_has_decided(facts: Facts) -> None:
    first = facts.grant(by="outreach", categories=(RISK, CONTACT))
    second = facts.grant(by="outreach", to="clinic", categories=(RISK, CONTACT))
    facts.risk()

    def waiting() -> list[str]:
        causes = facts.index.tasks.causes_on[facts.registrations["outreach"]].values()
        return [cause.boundary for cause in causes if cause.kind is OTHERS]

    facts.change(first, "expire")
    [before] = waiting()
    facts.change(second, "expire")
    assert waiting() == [before]
    key = (OTHERS, str(UUID(int=sum(map(ord, "outreach")))), before, "outreach")
    facts.index.tasks.completed.add(key)
    facts.change(facts.grant(by="outreach", to="clinic", categories=(RISK,)), "expire")
    assert waiting() != [before]


def test_whose_own_permission_ended_does_not_decide_of_its_own_warning(facts: Facts) -> None:
    facts.grant(by="clinic", to="outreach", categories=(RISK,))
    facts.risk("outreach")
    facts.exclude("clinic", "outreach")
    assert facts.found() == []


def test_only_what_is_judged_now_is_overdue(facts: Facts) -> None:
    record_id = facts.risk(review=True)
    facts.risk(revision=2, review=True)
    registration_id = facts.registrations["outreach"]
    facts.fold(RecordDue(record_id, 1, registration_id, BoundaryKind.REVIEW))
    assert facts.found() == [], "of the revision before"
    facts.fold(RecordDue(record_id, 2, registration_id, BoundaryKind.SPENT))
    assert facts.found() == []
    facts.fold(RecordDue(record_id, 2, registration_id, BoundaryKind.REVIEW))
    assert facts.found() == [(TaskKind.REVIEW_OVERDUE, "outreach")]
    facts.risk(revision=3, to_others=False)
    assert facts.found() == [] and facts.index.tasks.judgements == {}


@pytest.mark.parametrize(
    ("grant", "asked"),
    [
        ({"lasts": 90}, [30, 14, 3]),
        ({"lasts": 20}, [14, 3]),
        ({"lasts": 3}, []),
        ({"lasts": 90, "weak": True}, [3]),
        ({"lasts": 40, "begins": 35}, [3]),
    ],
)
def test_before_which_ends_somebody_is_asked(facts: Facts, grant: dict[str, Any], asked: list[int]) -> None:
    one = facts.grant(**grant)
    seen = []
    for _ in range(91 * 4):
        facts.now += timedelta(hours=6)
        if not facts.index.is_boundary_due(facts.now):
            continue
        for boundary in facts.index.due_boundaries(facts.now):
            if boundary.kind is BoundaryKind.GRANT_BEGINS:
                facts.change(one, "begin_effect")
            if boundary.kind is BoundaryKind.GRANT_ENDING:
                facts.change(one, "approach_end", boundary.number)
                seen.append(boundary.number)
            if boundary.kind is BoundaryKind.GRANT_EXPIRES:
                facts.change(one, "expire")
    assert seen == asked
