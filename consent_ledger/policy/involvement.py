"""Test 8: what opens an agency. A link never does; nobody confirms itself."""

from uuid import UUID

from consent_ledger.facts import Feed, Grant, Person, Registration, Row
from consent_ledger.policy.evidence import shown
from consent_ledger.vocabulary import CaptureMethod, Level


def highest_level(
    person: Person, registration: Registration, recipient: Feed, row: Row, told_on: UUID
) -> Level | None:
    """The highest level that the recipient's recorded involvement opens; `None` when it has none.

    Evidence counts while its own registration is still the same person's, and only when it is later than the
    recipient's registration and than the last end of its involvement. A grant that the recipient captured for
    itself opens nothing where it is linked to the registration it was `told_on` by agreeing details alone:
    whoever knows a person's name, birth date and NHS number could otherwise take their consent for them. One
    given under doubt opens N, and only as long as it stands (SAFETY H13).
    """
    since = max(registration.position, registration.involvement_ended)
    if any(
        opening.agency_id == recipient.agency_id != opening.by and opening.position > since
        for opening in person.openings
    ):
        return Level.V
    named = [
        grant for grant in person.grants if grant.scope.agency_id == recipient.agency_id and shown(grant)
    ]
    vouched = [grant for grant in named if _vouched_for_by_another(grant, recipient.agency_id, since)]
    if not all(map(_says_little, vouched)):
        return Level.V
    if person.joined_by_people(registration.registration_id, told_on):
        itself = [
            grant for grant in named if grant.captured_by == recipient.agency_id and grant.position > since
        ]
        if row.self_captured_restricted and not all(map(_says_little, itself)):
            return Level.R
        vouched += itself
    return Level.N if any(grant.active or not grant.weak for grant in vouched) else None


def _says_little(grant: Grant) -> bool:
    """Whether it opens N alone: given under doubt, or taken over from before anybody asked. What else was
    granted to everybody opens no further by it, or whoever stood beside the person would have opened it."""
    return grant.weak or grant.method is CaptureMethod.IMPORTED_LEGACY


def _vouched_for_by_another(grant: Grant, recipient_agency_id: str, since: int) -> bool:
    """Captured, or reconfirmed, by an agency other than the recipient, late enough."""
    if grant.captured_by != recipient_agency_id and grant.position > since:
        return True
    return any(by != recipient_agency_id and position > since for position, by in grant.reconfirmed)
