"""What staff read beside an independent oracle: never more than their agency may see, and no difference."""

import random
from collections import Counter
from dataclasses import replace
from uuid import UUID

import pytest

from consent_ledger import staff
from consent_ledger.facts import Feed, Fragment
from consent_ledger.policy import reading as policy
from consent_ledger.staff import (
    BreakGlass,
    BreakGlassReason,
    ReadingLimit,
    Relationship,
    RelationshipKind,
    Role,
)
from consent_ledger.vocabulary import DataCategory, Level, Purpose
from tests.policy_cases import reading as oracle
from tests.policy_cases.comparing import questions
from tests.policy_cases.worlds import CATEGORIES

CASES = 20_000
Case = tuple[Role | None, list[Relationship], list[BreakGlass], Fragment, Feed]


def cases(number: int) -> list[Case]:
    rng = random.Random(8)
    asked = [(one.fragment, one.feed) for one in questions(2_000, first=3_000_000)]
    return [_case(rng, *rng.choice(asked)) for _ in range(number)]


def _case(rng: random.Random, fragment: Fragment, feed: Feed) -> Case:
    role = rng.choice([None, *Role, *oracle.UP_TO, Role.PEER_MENTOR])
    relationships = []
    for _ in range(rng.choices((0, 1, 2), (2, 4, 1))[0]):
        kind = rng.choice(list(RelationshipKind))
        handed = rng.sample([*CATEGORIES, *fragment.categories], rng.randint(1, 8))
        categories = frozenset(handed) if kind is RelationshipKind.HANDED_BY_CLIENT else frozenset()
        relationships.append(Relationship(UUID(int=1), UUID(int=2), "beech", "w-1", kind, categories, 9))
    broken = [BreakGlass(UUID(int=3), UUID(int=2), "beech", "w-1", rng.choice(list(BreakGlassReason)), 9)]
    return role, relationships, broken if rng.random() < 0.1 else [], fragment, feed


def shown(case: Case) -> bool:
    """As a live read shows it: all of what the agency may see where the view is full, else a part."""
    role, relationships, broken, fragment, feed = case
    view = policy.reading(role, relationships, broken)
    return not view.nothing and (view.limit is ReadingLimit.FULL or view.shows(fragment, feed))


def differences() -> list[Case]:
    return [case for case in cases(CASES) if shown(case) != oracle.sees(*case)]


def test_what_staff_read_is_as_the_table_says() -> None:
    assert differences() == []


def test_the_cases_are_rich_enough() -> None:
    every = Counter((case[0], shown(case)) for case in cases(CASES))

    assert all(every[role, True] > 20 for role in (*oracle.UP_TO, Role.PEER_MENTOR))
    assert all(every[role, False] > 20 for role in (*oracle.UP_TO, Role.PEER_MENTOR, Role.ANALYST, None))


def test_how_a_view_is_narrowed_depends_on_nothing_that_another_agency_holds() -> None:
    """I8: it is said beside the view, so it must not say what is there."""
    by_facts: dict[str, set[ReadingLimit]] = {}
    for role, relationships, broken, *_ in cases(CASES):
        own = repr((role, relationships, broken))
        by_facts.setdefault(own, set()).add(policy.reading(role, relationships, broken).limit)

    assert all(len(limits) == 1 for limits in by_facts.values())


_right = policy.reading
_UNTOLD = Relationship(UUID(int=4), UUID(int=2), "beech", "w-1", RelationshipKind.CASELOAD, frozenset(), 9)


def _any_role(known: list[Relationship], broken: list[BreakGlass]) -> policy.Reading:
    return _right(Role.NAVIGATOR, known, broken)


MUTANTS = {
    "a keyworker reads the most sensitive": (
        policy,
        "LEVEL_OF_ROLE",
        {**staff.LEVEL_OF_ROLE, Role.KEYWORKER: Level.V},
    ),
    "an analyst reads": (policy, "LEVEL_OF_ROLE", dict.fromkeys(Role, Level.R)),
    "what is handed over is a relationship": (
        policy,
        "reading",
        lambda role, known, broken: _right(
            role, [replace(one, kind=RelationshipKind.CASELOAD) for one in known], broken
        ),
    ),
    "no relationship is needed": (
        policy,
        "reading",
        lambda role, known, broken: _right(role, [*known, _UNTOLD], broken),
    ),
    "the envelope is not handed over": (policy, "_level", lambda fragment, feed: fragment.level),
    "a sleep site is like any other place": (policy, "level_for", lambda fragment, feed: fragment.level),
    "whatever is handed opens everything": (
        policy.Reading,
        "shows",
        lambda self, fragment, feed: bool(self.handed) or self.level is not None,
    ),
    "a role is not asked for": (policy, "reading", lambda role, known, broken: _any_role(known, broken)),
}


@pytest.mark.parametrize("fault", MUTANTS)
def test_a_fault_in_who_reads_what_is_noticed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*MUTANTS[fault])

    assert differences() != []


@pytest.mark.parametrize("reason", BreakGlassReason)
@pytest.mark.parametrize("purpose", Purpose)
def test_broken_glass_opens_test_8_and_for_life_test_5_and_nothing_else(
    reason: BreakGlassReason, purpose: Purpose
) -> None:
    fragments = {one.fragment for one in questions(200, first=3_000_000)}
    for fragment in fragments:
        opened = policy.tests_opened(reason, purpose, fragment)
        for_life = (reason, purpose) == (BreakGlassReason.VITAL_INTERESTS, Purpose.EMERGENCY)
        immigration = DataCategory.IMMIGRATION in (*fragment.categories, fragment.envelope_category)

        assert opened == ({5, 8} if for_life and not immigration else {8})
    assert len(fragments) > 10
