"""Somebody at an agency shut out: with the whole agency, unless its staff read through the hub alone (H5).

What an agency keeps in its own system the hub cannot hide from one person there. So nothing is delivered to
an agency where somebody is shut out; but where its feeds say that nothing is kept there, colleagues read on.
"""

from dataclasses import replace
from uuid import UUID

from consent_ledger.facts import Feed, Person, Registration
from consent_ledger.vocabulary import ExclusionEffect
from hub.projections.consent_index import ConsentIndex


def effect_of(index: ConsentIndex, agency_id: str | None, staff_reference: str | None) -> ExclusionEffect:
    """What comes of shutting out an agency or somebody there; with neither, a category."""
    if agency_id is None:
        return ExclusionEffect.CATEGORY_SHUT_OUT
    if staff_reference is not None and _reads_through_the_hub_alone(index, agency_id):
        return ExclusionEffect.PERSON_SHUT_OUT
    return ExclusionEffect.AGENCY_SHUT_OUT


def _reads_through_the_hub_alone(index: ConsentIndex, agency_id: str) -> bool:
    """Whether none of the agency's feeds keeps anything: one that does is read by everybody there."""
    agency = index.agencies.get(agency_id)
    feeds = [] if agency is None else [index.feeds[one] for one in agency.feeds]
    return bool(feeds) and all(one.enforces_person_restriction for one in feeds)


def is_shut_out(index: ConsentIndex, registration: Registration, staff_reference: str) -> bool:
    """Whether the person said that this member of the registration's agency is shown nothing of them."""
    return is_kept_from(index, registration.registration_id, registration.agency_id, staff_reference)


def is_kept_from(index: ConsentIndex, registration_id: UUID, agency_id: str, staff_reference: str) -> bool:
    """Whether the person behind a registration shut out this very member of an agency."""
    return any(
        one.staff_reference == staff_reference and one.agency_id == agency_id and not one.lifted
        for one in index.person(registration_id).exclusions
    )


def seen_by_colleagues(index: ConsentIndex, feed: Feed, registration: Registration) -> Person | None:
    """The person as others there may read of them, where somebody is shut out alone; else `None`."""
    person = index.person(registration.registration_id)
    if not _reads_through_the_hub_alone(index, feed.agency_id):
        return None
    others = tuple(
        one
        for one in person.exclusions
        if one.staff_reference is None or one.agency_id != registration.agency_id
    )
    return None if len(others) == len(person.exclusions) else replace(person, exclusions=others)
