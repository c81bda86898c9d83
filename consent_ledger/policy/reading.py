"""What one member of staff reads of what their agency may see: test 8 for reads.

It never widens: what a person sees is a part of what their agency is permitted, except through broken glass,
and that opens test 8, and for vital interests test 5, and nothing else (VOCABULARY 5).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from consent_ledger.facts import Feed, Fragment
from consent_ledger.policy.sensitivity import level_for
from consent_ledger.staff import (
    LEVEL_OF_ROLE,
    BreakGlass,
    BreakGlassReason,
    ReadingLimit,
    Relationship,
    RelationshipKind,
    Role,
)
from consent_ledger.vocabulary import DEFAULT_LEVEL, DataCategory, Level, Purpose

_TEST_8 = frozenset({8})
_TESTS_5_AND_8 = frozenset({5, 8})
_ONLY_BY_NAMED_GRANT = DataCategory.IMMIGRATION
"""Ruling 23: nothing else opens it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How somebody's view is narrowed.

    `level`: the most sensitive that their role reads; `None`: nothing by their role. `handed`: categories
    that the client handed them. `glass`: why they broke glass, the gravest reason first.
    """

    limit: ReadingLimit
    level: Level | None = None
    handed: frozenset[DataCategory] = frozenset()
    glass: BreakGlassReason | None = None

    @property
    def nothing(self) -> bool:
        """Whether nothing at all is shown, whatever there is."""
        return self.level is None and not self.handed

    def shows(self, fragment: Fragment, recipient: Feed) -> bool:
        """Whether they may read a fragment that the recipient, their agency, may see."""
        if self.level is not None and _level(fragment, recipient).rank <= self.level.rank:
            return True
        # That a service knows the client is handed over by itself where it says something of them.
        envelope = {fragment.envelope_category} - {DataCategory.SERVICE_CONTACT}
        return bool(self.handed) and {*fragment.categories, *envelope} <= self.handed


def reading(
    role: Role | None, relationships: Iterable[Relationship], broken: Iterable[BreakGlass]
) -> Reading:
    """How the view of one registration is narrowed. It depends on the agency's own facts alone.

    `role`: the one they ask in, if their agency gave it to them; `relationships` and `broken` are theirs,
    with this registration, and have not ended.
    """
    if role is None:
        return Reading(ReadingLimit.NO_ROLE)
    reasons = {one.reason for one in broken}
    if reasons:
        glass = next(reason for reason in BreakGlassReason if reason in reasons)
        return Reading(ReadingLimit.FULL, Level.V, glass=glass)
    level = LEVEL_OF_ROLE.get(role)
    if level is None and role is not Role.PEER_MENTOR:
        return Reading(ReadingLimit.NO_ROLE)
    known = list(relationships)
    handed = frozenset(category for one in known for category in one.categories)
    if level is None or all(one.kind is RelationshipKind.HANDED_BY_CLIENT for one in known):
        limit = ReadingLimit.HANDED_ONLY if handed else ReadingLimit.NO_RELATIONSHIP
        return Reading(limit, handed=handed)
    return Reading(ReadingLimit.FULL if level is Level.V else ReadingLimit.UP_TO_R, level, handed)


def tests_opened(glass: BreakGlassReason | None, purpose: Purpose, fragment: Fragment) -> frozenset[int]:
    """Which tests of the decision table broken glass opens for one use."""
    if glass is None:
        return frozenset()
    if (
        glass is not BreakGlassReason.VITAL_INTERESTS
        or purpose is not Purpose.EMERGENCY
        or _ONLY_BY_NAMED_GRANT in (*fragment.categories, fragment.envelope_category)
    ):
        return _TEST_8
    return _TESTS_5_AND_8


def _level(fragment: Fragment, recipient: Feed) -> Level:
    """The most sensitive of what it holds, and of which service tells it."""
    levels = [level_for(fragment, recipient), *(DEFAULT_LEVEL[one] for one in fragment.categories)]
    return max((*levels, DEFAULT_LEVEL[fragment.envelope_category]), key=lambda one: one.rank)
