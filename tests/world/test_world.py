"""The planned area on a small scale: valid commands, everything withheld in every way, enough that flows."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from tests.oracle import history as h
from tests.oracle.decide import Case, permitted
from tests.oracle.facts import Facts
from tests.oracle.reasons import reasons
from tests.oracle.store import expected_store
from tests.oracle.terms import VERY_RESTRICTED
from tests.world.agreements import FEED_PURPOSES
from tests.world.plan import Plan

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TYPES = ("HOSTEL", "HOUSING", "STREET_OUTREACH", "NAVIGATION")
SERVICES = {f"agency-{n:02}": TYPES[n % 4] for n in range(16)}
WITHHELD = {
    "NO_AGREEMENT",
    "AGREEMENT_NOT_SIGNED",
    "AGREEMENT_NOT_IN_FORCE",
    "NOT_A_PARTY",
    "NOT_INVOLVED",
    "NO_LAWFUL_BASIS",
    "NO_CONFIDENTIALITY_BASIS",
    "CONSENT_REFUSED",
    "CONSENT_WITHDRAWN",
    "CONSENT_EXPIRED",
    "PURPOSE_NOT_COVERED",
    "CATEGORY_NOT_COVERED",
    "OUTSIDE_DATA_PERIOD",
    "CLIENT_EXCLUSION",
    "PROTECTED_ADDRESS",
    "THIRD_PARTY_DATA",
    "SERIOUS_HARM",
    "PRIVILEGED",
    "CRIME_PREJUDICE",
    "ART18_RESTRICTED",
    "REVIEW_OVERDUE",
    "SPENT",
    "DECEASED",
    "DATA_OPT_OUT",
    "IDENTITY_UNCERTAIN",
    "SUPERSEDED",
}


def registrations() -> list[tuple[str, str]]:
    """300 people, each known to one agency; early agencies know more of them."""
    return [(f"agency-{min(n % 31, 15):02}", f"p{n}") for n in range(300)]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(3, SERVICES, registrations(), START)


def changed(plan: Plan) -> list[h.Event]:
    return [*plan.events, *plan.changes]


def test_a_seed_is_a_plan(plan: Plan) -> None:
    again = Plan(3, SERVICES, registrations(), START)
    assert (again.founding, again.registered, again.people, again.changes) == (
        plan.founding,
        plan.registered,
        plan.people,
        plan.changes,
    )
    assert Plan(4, SERVICES, registrations(), START).people != plan.people


def test_every_grant_lies_within_a_signed_agreement_in_force(plan: Plan) -> None:
    agreements = Facts(plan.events).agreements
    grants = [event for event in plan.events if isinstance(event, h.GrantRecorded)]
    assert len(grants) > 1000
    for grant in grants:
        parties = {grant.agency, grant.recipient.agency or grant.agency}
        agreed = {
            pair
            for agreement in agreements.values()
            for version in agreement.signed_by(*parties)
            if version.start <= START < version.end
            for pair in version.pairs
        }
        assert {(p, c) for p in grant.purposes for c in grant.categories} <= agreed, grant
        if grant.recipient.agency is None:
            assert not grant.categories & VERY_RESTRICTED


def test_lists_of_people_are_independent_and_in_order(plan: Plan) -> None:
    owner: dict[tuple[str, str], int] = {}
    for number, person in enumerate(plan.people):
        registered = set(registrations())
        revisions: Counter[str] = Counter()
        for event in person:
            if isinstance(event, h.ClientRegistered):
                registered.add((event.agency, event.reference))
                assert owner.setdefault((event.agency, event.reference), number) == number
            elif isinstance(event, h.LinkConfirmed):
                assert {event.a, event.b} <= registered
            elif isinstance(event, h.RecordPublished):
                revisions[event.record_id] += 1
                assert event.revision == revisions[event.record_id]
                assert (event.agency, event.reference) in registered


def test_between_two_and_six_further_agencies(plan: Plan) -> None:
    counts = [sum(isinstance(event, h.ClientRegistered) for event in person) for person in plan.people]
    assert (min(counts), max(counts)) == (2, 6)


def test_a_third_of_the_grants_are_withdrawn(plan: Plan) -> None:
    grants = {event.grant for event in plan.events if isinstance(event, h.GrantRecorded)}
    withdrawn = {event.grant for event in plan.changes if isinstance(event, h.GrantWithdrawn)}
    assert withdrawn <= grants
    assert len(withdrawn) == len(grants) // 3


def test_every_reason_and_every_category_is_reached(plan: Plan) -> None:
    found: Counter[str] = Counter()
    categories: set[str] = set()
    first = START + plan.first_wait
    for history, now in ((list(plan.events), first), (changed(plan), first + plan.second_wait)):
        facts = Facts(history)
        for feed_id, feed in facts.feeds.items():
            for _, key in permitted(facts, feed_id, now):
                categories |= key.categories
            for registration in facts.registrations:
                if registration.agency != feed.agency:
                    continue
                case = Case(facts, feed, now, facts.person(registration))
                for record in case.person.records:
                    if record.latest.agency == feed.agency:
                        continue
                    for part in record.latest.parts or record.revisions[0].parts:
                        for purpose in ("DIRECT_SUPPORT", "REFERRAL_ELIGIBILITY", "RESEARCH"):
                            found.update(reasons(case, registration, record, part, purpose))
    assert set(found) >= WITHHELD
    assert len(categories) == 16


def test_withdrawals_and_lapses_retract_restrict_and_stop(plan: Plan) -> None:
    first = START + plan.first_wait
    facts, later = Facts(plan.events), Facts(changed(plan))
    sent = retracted = 0
    states: Counter[str] = Counter()
    for feed in facts.feeds:
        before = expected_store(facts, [], feed, first)
        sent += len(before)
        middle = len(list(plan.events))
        seen: list[h.Observation] = [
            h.Delivered(
                seq=middle,
                feed=feed,
                epoch=1,
                sequence=number,
                client_reference=reference,
                key=key,
                revision=held.revision,
                rows=held.rows,
            )
            for number, ((reference, key), held) in enumerate(before.items(), start=1)
        ]
        seen.append(h.Acknowledged(seq=middle, feed=feed, epoch=1, sequence=len(before)))
        after = expected_store(later, seen, feed, first + plan.second_wait)
        retracted += len(before.keys() - after.keys())
        states.update(state for held in after.values() for *_, state in held.rows)
    assert sent > 2500
    assert retracted > 700
    assert set(states) == {"ACTIVE", "STOPPED", "RESTRICTED"}


def test_changes_come_after_everything_else(plan: Plan) -> None:
    last = max(event.seq for event in plan.events)
    assert all(event.seq > last for event in plan.changes)


def test_feeds_ask_for_nothing_that_never_leaves() -> None:
    assert not {"EMPLOYMENT", "RESEARCH", "SERVICE_IMPROVEMENT_EVALUATION"} & set(FEED_PURPOSES)
