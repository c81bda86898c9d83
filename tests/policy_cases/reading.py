"""Test 8 for reads, from the table alone: what one member of staff sees of what their agency may see."""

from collections.abc import Sequence

from consent_ledger import facts
from consent_ledger.staff import BreakGlass, Relationship, RelationshipKind, Role
from consent_ledger.vocabulary import DEFAULT_LEVEL, DataCategory, Level

UP_TO = {Role.NAVIGATOR: "NRV", Role.SAFEGUARDING_LEAD: "NRV", Role.KEYWORKER: "NR"}
"""Ruling 30: these roles read by their relationship; a peer mentor what is handed to them; others nothing."""


def sees(
    role: Role | None,
    relationships: Sequence[Relationship],
    broken: Sequence[BreakGlass],
    fragment: facts.Fragment,
    feed: facts.Feed,
) -> bool:
    """Whether they read a fragment that their agency may see. What is given is theirs, and has not ended."""
    if role is None:
        return False
    if broken:
        return True
    touched = {*fragment.categories, fragment.envelope_category}
    handed: set[DataCategory] = set()
    for one in relationships:
        if one.kind == RelationshipKind.HANDED_BY_CLIENT:
            handed |= one.categories
    reads_by_itself = role in UP_TO and any(
        one.kind != RelationshipKind.HANDED_BY_CLIENT for one in relationships
    )
    levels = {fragment.level, *(DEFAULT_LEVEL[one] for one in touched)}
    if "CONTACT_LOCATION" in touched and feed.has_enforcement_powers and not fragment.no_sleep_site:
        levels.add(Level.V)  # H23
    if reads_by_itself and all(level in UP_TO[role] for level in levels):
        return True
    may_be_handed = role in UP_TO or role == Role.PEER_MENTOR
    neutral = {DataCategory.SERVICE_CONTACT} - set(fragment.categories)
    return may_be_handed and bool(handed) and touched - neutral <= handed
