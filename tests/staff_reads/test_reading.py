"""How a view is narrowed, held against a second telling of the rules; each fault put into it is caught."""

import importlib.util
import itertools
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from consent_ledger.facts import Feed, Fragment
from consent_ledger.policy import reading
from consent_ledger.staff import (
    BreakGlass,
    BreakGlassReason,
    ReadingLimit,
    Relationship,
    RelationshipKind,
    Role,
)
from consent_ledger.vocabulary import DataCategory, Level, Purpose, ServiceType
from oncetold.v1 import record_service_pb2

C, R = DataCategory, Role
ONE = UUID(int=1)
V_CATEGORIES = {C.DOMESTIC_ABUSE, C.SEXUAL_HEALTH, C.SAFEGUARDING_RISK, C.IMMIGRATION}
N_CATEGORIES = {C.IDENTITY, C.ACCOMMODATION, C.MONEY_WORK, C.SERVICE_CONTACT}


def fragment(categories: Sequence[DataCategory], envelope: DataCategory, level: Level = Level.N) -> Fragment:
    return Fragment(
        ONE, ONE, ONE, "street", tuple(categories), envelope, level, False, False,
        datetime(2026, 3, 2, tzinfo=UTC), 1, frozenset(),
    )  # fmt: skip


def relationship(kind: RelationshipKind, *handed: DataCategory) -> Relationship:
    return Relationship(ONE, ONE, "hostel", "k-1", kind, frozenset(handed), 1)


def broken(reason: BreakGlassReason) -> BreakGlass:
    return BreakGlass(ONE, ONE, "hostel", "k-1", reason, 1)


HOSTEL = Feed(ONE, "hostel", "urn:x", ServiceType.HOSTEL, frozenset(Purpose), frozenset(DataCategory))
FRAGMENTS = [
    fragment(categories, envelope, level)
    for categories in (
        (C.ACCOMMODATION,),
        (C.SERVICE_CONTACT,),
        (C.PHYSICAL_HEALTH,),
        (C.DOMESTIC_ABUSE,),
        (C.ACCOMMODATION, C.PHYSICAL_HEALTH),
        (C.ACCOMMODATION, C.SEXUAL_HEALTH),
        (C.IMMIGRATION,),
    )
    for envelope in (C.SERVICE_CONTACT, C.SUBSTANCE_USE, C.DOMESTIC_ABUSE, C.IMMIGRATION)
    for level in Level
]
KNOWN: list[list[Relationship]] = [
    [],
    [relationship(RelationshipKind.CASELOAD)],
    [relationship(RelationshipKind.SERVICE_EPISODE)],
    [relationship(RelationshipKind.HANDED_BY_CLIENT, C.PHYSICAL_HEALTH, C.SUBSTANCE_USE)],
    [relationship(RelationshipKind.HANDED_BY_CLIENT, C.SERVICE_CONTACT)],
    [
        relationship(RelationshipKind.CASELOAD),
        relationship(RelationshipKind.HANDED_BY_CLIENT, C.ACCOMMODATION, C.SEXUAL_HEALTH),
    ],
]
BROKEN: list[list[BreakGlass]] = [
    [],
    *([broken(one)] for one in BreakGlassReason),
    [broken(BreakGlassReason.COURT_OR_DUTY), broken(BreakGlassReason.VITAL_INTERESTS)],
]


def how_sensitive(category: DataCategory) -> str:
    return "V" if category in V_CATEGORIES else "N" if category in N_CATEGORIES else "R"


def letters(one: Fragment) -> set[str]:
    """Every sensitivity that it holds."""
    return {one.level.value, *map(how_sensitive, (*one.categories, one.envelope_category))}


def may_see(
    role: Role | None, known: Sequence[Relationship], glass: Sequence[BreakGlass], one: Fragment
) -> bool:
    """The rules once more, as VOCABULARY 4.8 and ruling 30 put them."""
    if role is None:
        return False
    if glass:
        return True
    works = any(each.kind is not RelationshipKind.HANDED_BY_CLIENT for each in known)
    if role in (R.NAVIGATOR, R.SAFEGUARDING_LEAD) and works:
        return True
    if role is R.KEYWORKER and works and "V" not in letters(one):
        return True
    if role not in (R.NAVIGATOR, R.SAFEGUARDING_LEAD, R.KEYWORKER, R.PEER_MENTOR):
        return False
    handed = {category for each in known for category in each.categories}
    needed = set(one.categories)
    if one.envelope_category is not C.SERVICE_CONTACT:
        needed.add(one.envelope_category)
    return needed <= handed


def limit_of(role: Role | None, known: Sequence[Relationship], glass: Sequence[BreakGlass]) -> str:
    if role is None or (
        not glass and role not in (R.NAVIGATOR, R.SAFEGUARDING_LEAD, R.KEYWORKER, R.PEER_MENTOR)
    ):
        return "NO_ROLE"
    if glass:
        return "FULL"
    works = any(each.kind is not RelationshipKind.HANDED_BY_CLIENT for each in known)
    if works and role is not R.PEER_MENTOR:
        return "UP_TO_R" if role is R.KEYWORKER else "FULL"
    return "HANDED_ONLY" if any(each.categories for each in known) else "NO_RELATIONSHIP"


def opened(glass: BreakGlassReason | None, purpose: Purpose, one: Fragment) -> set[int]:
    if glass is None:
        return set()
    life = glass is BreakGlassReason.VITAL_INTERESTS and purpose is Purpose.EMERGENCY
    immigration = C.IMMIGRATION in one.categories or one.envelope_category is C.IMMIGRATION
    return {5, 8} if life and not immigration else {8}


def differences(module: Any) -> Iterator[str]:
    """Where the module says something else than the rules."""
    for role, known, glass in itertools.product([None, *Role], KNOWN, BROKEN):
        found = module.reading(role, known, glass)
        if found.limit != limit_of(role, known, glass):
            yield f"{role} {found.limit}"
        for one in FRAGMENTS:
            # `nothing` spares looking; who is shown nothing is shown none of these.
            if (not found.nothing and found.shows(one, HOSTEL)) != may_see(role, known, glass, one):
                yield f"{role} {one}"
    for reason, purpose, one in itertools.product([None, *BreakGlassReason], Purpose, FRAGMENTS):
        if set(module.tests_opened(reason, purpose, one)) != opened(reason, purpose, one):
            yield f"{reason} {purpose} {one}"
    both = module.reading(R.ANALYST, [], BROKEN[-1])
    if both.glass is not BreakGlassReason.VITAL_INTERESTS:
        yield "of two reasons the graver opens more"


def test_it_says_what_the_rules_say() -> None:
    assert list(itertools.islice(differences(reading), 5)) == []


FAULTS = {
    "a role that was never given": ("if role is None:\n        return Reading(ReadingLimit.NO_ROLE)", "pass"),
    "glass never breaks": ("if reasons:", "if not reasons and reasons:"),
    "the last reason counts": (
        "for reason in BreakGlassReason if",
        "for reason in reversed(BreakGlassReason) if",
    ),
    "broken glass is told as narrowed": (
        "Reading(ReadingLimit.FULL, Level.V, glass=glass)",
        "Reading(ReadingLimit.UP_TO_R, Level.V, glass=glass)",
    ),
    "glass stops at restricted": ("ReadingLimit.FULL, Level.V, glass", "ReadingLimit.FULL, Level.R, glass"),
    "any role reads": ("if level is None and role is not Role.PEER_MENTOR:", "if False:"),
    "a peer mentor has no role": ("if level is None and role is not Role.PEER_MENTOR:", "if level is None:"),
    "no relationship is needed": (
        "if level is None or all(one.kind is RelationshipKind.HANDED_BY_CLIENT for one in known):",
        "if level is None:",
    ),
    "what is handed is a caseload": (
        "all(one.kind is RelationshipKind.HANDED_BY_CLIENT for one in known)",
        "not known",
    ),
    "a caseload hands over": ("known = list(relationships)", "known = list(relationships)[:1]"),
    "handed is not told": (
        "ReadingLimit.HANDED_ONLY if handed else",
        "ReadingLimit.NO_RELATIONSHIP if handed else",
    ),
    "a keyworker reads everything": ("level, handed)", "Level.V, handed)"),
    "a keyworker's view is told as whole": (
        "ReadingLimit.FULL if level is Level.V else ReadingLimit.UP_TO_R",
        "ReadingLimit.FULL",
    ),
    "handed beside a caseload is lost": (
        "else ReadingLimit.UP_TO_R, level, handed)",
        "else ReadingLimit.UP_TO_R, level)",
    ),
    "below and not up to": (".rank <= self.level.rank", ".rank < self.level.rank"),
    "the author's level is not looked at": (
        "levels = [level_for(fragment, recipient), *(DEFAULT_LEVEL[one] for one in fragment.categories)]",
        "levels = [DEFAULT_LEVEL[one] for one in fragment.categories]",
    ),
    "the categories' level is not looked at": (
        "levels = [level_for(fragment, recipient), *(DEFAULT_LEVEL[one] for one in fragment.categories)]",
        "levels = [level_for(fragment, recipient)]",
    ),
    "which service tells is not looked at": (
        "max((*levels, DEFAULT_LEVEL[fragment.envelope_category])",
        "max((*levels,)",
    ),
    "the least sensitive counts": ("return max((*levels", "return min((*levels"),
    "which service tells need not be handed": (
        "{*fragment.categories, *envelope} <=",
        "{*fragment.categories} <=",
    ),
    "one category handed is enough": (
        "{*fragment.categories, *envelope} <= self.handed",
        "bool({*fragment.categories, *envelope} & self.handed)",
    ),
    "contact with a service rides along": (
        "{*fragment.categories, *envelope} <= self.handed",
        "{*fragment.categories, *envelope} - {DataCategory.SERVICE_CONTACT} <= self.handed",
    ),
    "who has a level is shown nothing": ("self.level is None and not self.handed", "not self.handed"),
    "what is handed is nothing": ("self.level is None and not self.handed", "self.level is None"),
    "no glass opens test 8": (
        "if glass is None:\n        return frozenset()",
        "if glass is None:\n        return _TEST_8",
    ),
    "any reason opens test 5": ("glass is not BreakGlassReason.VITAL_INTERESTS", "False"),
    "for any purpose": ("or purpose is not Purpose.EMERGENCY", ""),
    "immigration too": (
        "or _ONLY_BY_NAMED_GRANT in (*fragment.categories, fragment.envelope_category)",
        "",
    ),
    "immigration by its envelope": (
        "(*fragment.categories, fragment.envelope_category)\n    )",
        "fragment.categories\n    )",
    ),
    "test 4 too": ("frozenset({5, 8})", "frozenset({4, 5, 8})"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_it_is_found(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = FAULTS[name]
    source = Path(reading.__file__ or "").read_text()
    assert source.count(before) == 1, "the fault stands where it was put"
    file = tmp_path / "faulty_reading.py"
    file.write_text(source.replace(before, after))
    spec = importlib.util.spec_from_file_location("faulty_reading", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "faulty_reading", module)  # a dataclass looks for it there
    spec.loader.exec_module(module)

    assert next(differences(module), "") != ""


def test_the_limits_of_the_contract_are_these() -> None:
    told = {name.removeprefix("READING_LIMIT_") for name in record_service_pb2.ReadingLimit.keys()}  # noqa: SIM118
    assert told - {"UNSPECIFIED"} == {one.value for one in ReadingLimit}
