"""Test 8 for deliveries: somebody else said that the agency works with the person. Nobody confirms itself."""

from collections.abc import Mapping

from consent_ledger import facts
from consent_ledger.vocabulary import DataCategory, Purpose
from tests.policy_cases.confiding import of_grant
from tests.policy_cases.question import Question


def works_with(
    asked: Question,
    rows: Mapping[tuple[DataCategory, Purpose], facts.Row],
    *,
    decided: bool = False,
) -> bool:
    """Ruling 2. `decided`: people decided that it does.

    By its own word alone an agency gets N, or R where the agreement's row says so, and only where people, and
    not only agreeing details, say that it is one person.
    """
    own = asked.registration
    if own is None or own.closed:
        return False
    since = max(own.position, own.involvement_ended)
    if decided or any(
        one.agency_id == asked.recipient and one.by != asked.recipient and one.position > since
        for one in asked.person.openings
    ):
        return True
    naming = [
        grant
        for grant in asked.person.grants
        if grant.scope.agency_id == asked.recipient and of_grant(grant, asked.recipient).shown
    ]
    for grant in naming:
        vouched = [(grant.position, grant.captured_by), *grant.reconfirmed]
        if any(by != asked.recipient and position > since for position, by in vouched):
            return True
    if not any(grant.captured_by == asked.recipient and grant.position > since for grant in naming):
        return False
    told_on = asked.fragment.registration_id
    if not any({own.registration_id, told_on} <= group for group in asked.person.groups):
        return False
    return all(
        level == "N" or (level == "R" and rows[category, asked.purpose].self_captured_restricted)
        for category, level, _ in asked.parts
    )
