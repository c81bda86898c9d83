"""What people decided to share: a one-off row, basis and opening between exactly two agencies."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

from consent_ledger import facts
from consent_ledger.sharing import DecisionKind, SharingDecision
from consent_ledger.vocabulary import DataCategory, MarkerKind, OnEnd, Purpose
from tests.policy_cases import about
from tests.policy_cases.confiding import of_decision
from tests.policy_cases.involving import works_with
from tests.policy_cases.law import lawful_and_confided
from tests.policy_cases.question import Question

_ROWS: Mapping[tuple[DataCategory, Purpose], facts.Row] = dict.fromkeys(
    product(DataCategory, Purpose), facts.Row(OnEnd.ERASE, self_captured_restricted=False)
)


def speaks_of(decision: SharingDecision, asked: Question) -> bool:
    """Whether it is in force between these two, for this purpose and content. Immigration: never (ruling 23).

    The neutral envelope needs no naming: that the holder decides at all says that it knows the person.
    """
    named = asked.touched - ({DataCategory.SERVICE_CONTACT} - set(asked.fragment.categories))
    return (
        not (decision.ended or decision.expired)
        and (decision.holder_agency_id, decision.recipient_agency_id) == (asked.origin, asked.recipient)
        and 3 in decision.opens
        and asked.purpose in decision.purposes
        and asked.purpose != Purpose.EMPLOYMENT
        and named <= decision.categories
        and DataCategory.IMMIGRATION not in asked.touched
    )


def exclusions_yield(decision: SharingDecision, asked: Question) -> bool:
    """Test 6: to the safeguarding lead only, and never where the excluded is linked to a risk."""
    may = decision.kind == DecisionKind.SAFEGUARDING and 6 in decision.opens
    return all(
        one.lifted
        or not (one.agency_id == asked.recipient or one.category in asked.touched)
        or (may and not one.linked_to_risk and not one.workplace)
        for subject in asked.subjects
        for one in subject.exclusions
    )


def markers_yield(decision: SharingDecision, asked: Question) -> bool:
    """Test 7, ruling 28: third party and serious harm, for the records it names. Never the address."""
    named = 7 in decision.opens and asked.fragment.record_id in decision.record_ids
    if asked.fragment.holds_place is not None or (asked.fragment.third_party and not named):
        return False
    for subject in asked.subjects:
        for marker in subject.markers:
            if marker.lifted:
                continue
            if marker.kind == MarkerKind.PROTECTED_ADDRESS:
                if about.gives_an_address_away(asked, subject):
                    return False
            elif marker.record_id == asked.fragment.record_id and not (
                named and marker.kind in (MarkerKind.THIRD_PARTY, MarkerKind.SERIOUS_HARM)
            ):
                return False
    return True


def decision_permits(decision: SharingDecision, asked: Question) -> bool:
    """Whether one decision lets the fragment go. Tests 1, 2, 4 and 9 stay as they are.

    Broken glass reads by the rows of signed agreements: it opens nothing further of a decision.
    """
    asked = replace(asked, glass=None)
    if any(found for test in (about.identity, about.alive, about.for_research) for found in test(asked)):
        return False
    if not all(holds(decision, asked) for holds in (speaks_of, exclusions_yield, markers_yield)):
        return False
    by_the_person = decision.confidentiality_basis in ("EXPLICIT_CONSENT", "IMPLIED_CONSENT")
    word = None if by_the_person or 5 not in decision.opens else of_decision(decision)
    bases = [decision.holder_basis, decision.recipient_basis]
    if list(lawful_and_confided(asked, bases, decision.notice_id, _ROWS, word)):
        return False
    return works_with(asked, _ROWS, decided=_opened(decision, asked))


def _opened(decision: SharingDecision, asked: Question) -> bool:
    """Test 8: after the last end of its involvement; on request after its registration too (ruling 2)."""
    own = asked.registration
    if own is None or 8 not in decision.opens:
        return False
    since = own.involvement_ended
    if decision.kind == DecisionKind.ON_REQUEST:
        since = max(since, own.position)
    return decision.position > since
