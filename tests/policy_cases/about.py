"""Tests 1, 2, 6, 7 and 9: they ask of the person and the fragment, and of no agreement."""

from collections.abc import Iterator

from consent_ledger import facts
from consent_ledger.vocabulary import DataCategory, MarkerKind, Purpose, Reason, ServiceType
from tests.policy_cases.question import Question

Found = tuple[int, Reason]
"""A test that did not pass, and its code."""


def identity(asked: Question) -> Iterator[Found]:
    own = asked.registration
    if asked.person.disputed or own is None or own.registration_id not in asked.person.registrations:
        yield 1, Reason.IDENTITY_UNCERTAIN


def alive(asked: Question) -> Iterator[Found]:
    fragment, people = asked.fragment, asked.person.registrations.values()
    if fragment.erased:
        yield 2, Reason.ERASED
    if fragment.superseded:
        yield 2, Reason.SUPERSEDED
    if fragment.review_overdue:
        yield 2, Reason.REVIEW_OVERDUE
    counts = asked.feed.service_type in (ServiceType.HOUSING, ServiceType.EMPLOYMENT)  # ruling 22
    if fragment.spent and (counts or asked.purpose == Purpose.REFERRAL_ELIGIBILITY):
        yield 2, Reason.SPENT
    if any(one.restricted for subject in asked.subjects for one in subject.registrations.values()):
        yield 2, Reason.ART18_RESTRICTED
    reporting = {one.agency_id for one in people if one.death_reported}
    if len(reporting) > 1:  # ruling 15: two sources
        yield 2, Reason.DECEASED


def not_shut_out(asked: Question) -> Iterator[Found]:
    for subject in asked.subjects:
        for one in subject.exclusions:
            if not one.lifted and (one.agency_id == asked.recipient or one.category in asked.touched):
                yield 6, Reason.CLIENT_EXCLUSION


def gives_an_address_away(asked: Question, subject: facts.Person) -> bool:
    """Of somebody whose address is protected: any but the one that is given out instead (ruling 4). A later
    revision of that record may be another address."""
    told = asked.fragment
    given_out = any(one == told.record_id and revision == told.revision for one, revision in subject.care_of)
    return DataCategory.CONTACT_LOCATION in told.categories and not given_out


_MARKED = {
    MarkerKind.THIRD_PARTY: Reason.THIRD_PARTY_DATA,
    MarkerKind.SERIOUS_HARM: Reason.SERIOUS_HARM,
    MarkerKind.PRIVILEGED: Reason.PRIVILEGED,
    MarkerKind.CRIME_PREJUDICE: Reason.CRIME_PREJUDICE,
}


def not_protected(asked: Question) -> Iterator[Found]:
    if asked.fragment.third_party:
        yield 7, Reason.THIRD_PARTY_DATA
    if asked.fragment.holds_place is not None:  # ruling 4: in whatever it stands, for everybody
        yield 7, Reason.PROTECTED_ADDRESS
    for subject in asked.subjects:
        for marker in subject.markers:
            if marker.lifted:
                continue
            if marker.kind == MarkerKind.PROTECTED_ADDRESS:
                if gives_an_address_away(asked, subject):
                    yield 7, Reason.PROTECTED_ADDRESS
            elif marker.record_id == asked.fragment.record_id:
                yield 7, _MARKED[marker.kind]


def for_research(asked: Question) -> Iterator[Found]:
    if asked.purpose in (Purpose.SERVICE_IMPROVEMENT_EVALUATION, Purpose.RESEARCH):  # ruling 13
        out = any(one.opted_out for one in asked.person.registrations.values())
        yield 9, Reason.DATA_OPT_OUT if out else Reason.SMALL_NUMBER
