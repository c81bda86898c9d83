"""What a stop, an exclusion or an agreement's end takes from the grants that were open.

For people's tasks only: what may be disclosed the policy decides, grant by grant and use by use. Here each
category of a grant counts as a whole, so that nobody is asked twice for one end, nor for what ended before.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from consent_ledger import domain, facts
from consent_ledger.policy import running
from consent_ledger.policy.confidentiality import CLOSED_BY_A_STOP, NOT_OF_THE_PERSON
from consent_ledger.vocabulary import DataCategory, ServiceType
from hub.projections.consent_index import ConsentIndex

_ALWAYS = 2**63
"""Behind every position."""

Ended = tuple[facts.Grant, frozenset[DataCategory]]
"""A grant and the categories of it that ended."""


def closed_by(index: ConsentIndex, position: int, registration_id: UUID) -> Iterator[Ended]:
    """What the stop recorded at the position took from each grant that was open."""
    scope = next(one.scope for one in reversed(index.stops_on[registration_id]) if one.position == position)
    for grant in index.person(registration_id).grants:
        if grant.active and grant.basis in CLOSED_BY_A_STOP and reaches(index, scope, grant):
            yield grant, open_before(index, grant, position) & (scope.categories or grant.scope.categories)


def counted_for(agreement: facts.Agreement, agency_id: str) -> facts.AgreementVersion | None:
    """The newest version that the agency signed."""
    return next((one for one in reversed(agreement.versions) if agency_id in one.signed_by), None)


def has_just_ended(agreement: facts.Agreement, version: facts.AgreementVersion, event: Any) -> bool:
    """Whether the event, a lapse or a termination, ended this version."""
    if isinstance(event, domain.Agreement.Terminated):
        return version.begun and not version.lapsed
    return version.version == event.agreement_version and not agreement.terminated


def uncovered(
    index: ConsentIndex, version: facts.AgreementVersion, grant: facts.Grant
) -> frozenset[DataCategory]:
    """The grant's categories that the version listed for its purposes and no other agreement still does."""
    recipient = grant.scope.agency_id
    others = [] if recipient is None else running(index.agreements.values(), grant.captured_by, recipient)
    return frozenset(
        category
        for category in grant.scope.categories
        if any(
            (category, purpose) in version.rows
            and not any((category, purpose) in other.rows for _, other in others)
            for purpose in grant.scope.purposes
        )
    )


def renewed(index: ConsentIndex, ended: facts.Grant, categories: frozenset[DataCategory], by: str) -> bool:
    """Whether another grant that the same agency captured still says as much to the same recipient."""

    def recipient(grant: facts.Grant) -> tuple[object, ...]:
        return (grant.scope.agency_id, grant.scope.service_type, grant.scope.support_team)

    return any(
        grant is not ended
        and grant.active
        and grant.captured_by == by
        and recipient(grant) == recipient(ended)
        and grant.scope.purposes >= ended.scope.purposes
        and categories <= open_before(index, grant, _ALWAYS)
        for grant in index.person(ended.registration_id).grants
    )


def open_before(index: ConsentIndex, grant: facts.Grant, position: int) -> frozenset[DataCategory]:
    """The categories of a grant that nothing recorded before the position has closed altogether."""
    if not grant.begun:
        return frozenset()
    person = index.person(grant.registration_id)
    closing = [
        stop.scope
        for stop in person.stops
        if stop.position < position
        and (stop.position > grant.position or grant.weak or grant.basis in NOT_OF_THE_PERSON)
        and (grant.basis in CLOSED_BY_A_STOP or stop.grant_id == grant.grant_id)
    ]
    closing += [
        facts.Scope(
            frozenset(),
            frozenset() if one.category is None else frozenset({one.category}),
            one.agency_id,
        )
        for one in person.exclusions
        if one.position < position and not one.lifted
    ]
    return frozenset(
        category
        for category in grant.scope.categories
        if not any(_closes(index, scope, grant, category) for scope in closing)
    )


def _closes(index: ConsentIndex, scope: facts.Scope, grant: facts.Grant, category: DataCategory) -> bool:
    """Whether the scope leaves nothing of the grant's category, for no purpose and no recipient."""
    own = grant.scope
    if scope.categories and category not in scope.categories:
        return False
    if scope.purposes and not own.purposes <= scope.purposes:
        return False
    if scope.agency_id is not None:
        return scope.agency_id == own.agency_id
    if scope.service_type is not None:
        return _services(index, own.agency_id, own.service_type) == {scope.service_type}
    return True


def reaches(index: ConsentIndex, scope: facts.Scope, grant: facts.Grant) -> bool:
    """Whether the scope takes anything from the grant: some purpose, category and recipient of both."""
    own = grant.scope
    if scope.categories and not scope.categories & own.categories:
        return False
    if scope.purposes and not scope.purposes & own.purposes:
        return False
    mine, theirs = (scope.agency_id, scope.service_type), (own.agency_id, own.service_type)
    if mine == (None, None) or theirs == (None, None):
        return True
    if mine[0] is not None and theirs[0] is not None:
        return mine[0] == theirs[0]
    return not _services(index, *mine).isdisjoint(_services(index, *theirs))


def _services(
    index: ConsentIndex, agency_id: str | None, service_type: ServiceType | None
) -> set[ServiceType | None]:
    """The kinds of service that a recipient reads as. Of an agency that nobody registered: none."""
    if agency_id is None:
        return {service_type}
    agency = index.agencies.get(agency_id)
    return set() if agency is None else {index.feeds[feed_id].service_type for feed_id in agency.feeds}
