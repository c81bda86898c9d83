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
    not only agreeing details, say that it is one person. A grant that is WEAK says so of N while it lasts,
    one taken over from before of N (ruling 19; VOCABULARY 4.4).
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
        (grant, word)
        for grant in asked.person.grants
        if grant.scope.agency_id == asked.recipient and (word := of_grant(grant, asked.recipient)).shown
    ]
    by_others = [
        word
        for grant, word in naming
        for by, position in [(grant.captured_by, grant.position), *((by, at) for at, by in grant.reconfirmed)]
        if by != asked.recipient and position > since
    ]
    if any(not (word.weak or word.imported) for word in by_others):
        return True
    by_itself = [
        word
        for grant, word in naming
        if grant.captured_by == asked.recipient
        and grant.position > since
        and _is_joined_by_people(asked, own)
    ]
    freely = any(not (word.weak or word.imported) for word in by_itself)
    if not any(word.active or not word.weak for word in (*by_others, *by_itself)):
        return False
    return all(
        level == "N" or (freely and level == "R" and rows[category, asked.purpose].self_captured_restricted)
        for category, level, _ in asked.parts
    )


def _is_joined_by_people(asked: Question, own: facts.Registration) -> bool:
    told_on = asked.fragment.registration_id
    return any({own.registration_id, told_on} <= group for group in asked.person.groups)
