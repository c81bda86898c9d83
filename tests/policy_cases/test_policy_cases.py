"""The permission policy beside an independent oracle of the decision table, over random cases: no difference.

How many cases: `ONCETOLD_CASES` (100,000 by default, 1,000,000 before a release) for the slow test, and
`ONCETOLD_RENAMED` (1,000 by default) for the one that tries each case under other names.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache

import pytest

from consent_ledger.staff import BreakGlassReason
from tests.policy_cases import oracle
from tests.policy_cases.comparing import difference, list_difference, listed, outcome, questions
from tests.policy_cases.mutants import MUTANTS
from tests.policy_cases.question import Question
from tests.policy_cases.renaming import Renamed

CASES = int(os.environ.get("ONCETOLD_CASES", "100000"))
RENAMED = int(os.environ.get("ONCETOLD_RENAMED", "1000"))
FEW = 3_000
POOL = 20_000
"""In so many cases each fault that is put into the policy has to show."""


@cache
def pool() -> list[tuple[Question, oracle.Answer]]:
    """Cases with the oracle's answers, for every mutant the same."""
    return [(one, oracle.answer(one)) for one in questions(POOL, first=500_000)]


def differing(cases: Iterable[Question]) -> Iterator[str]:
    """The check for each case; once for each fragment the list, and what somebody reads who broke glass."""
    listed_before = None
    for asked in cases:
        yield difference(asked)
        fragment_id = asked.fragment.fragment_id
        if fragment_id != listed_before:
            listed_before = fragment_id
            reason = (*BreakGlassReason,)[fragment_id.int % len(BreakGlassReason)]
            yield list_difference(asked)
            yield list_difference(replace(asked, glass=reason))


def test_the_policy_answers_as_the_table_says() -> None:
    assert list(filter(None, differing(questions(FEW)))) == []


@pytest.mark.slow
def test_the_policy_answers_as_the_table_says_in_many_cases(
    record_property: Callable[[str, object], None],
) -> None:
    different = list(filter(None, differing(questions(CASES, first=1_000_000))))
    record_property("figures", f"{CASES:,} cases, {len(different)} differences")

    assert different == []


def test_the_cases_try_every_test_of_the_table() -> None:
    counted = Counter(outcome(one) for one, _ in pool())
    tests = Counter(
        name.split()[1] for name, times in counted.items() for _ in range(times) if name[0] == "D"
    )

    assert {"1", "2", "3", "4", "5", "6", "7", "8", "9"} <= tests.keys()
    assert min(tests.values()) > POOL // 200, tests
    assert POOL // 5 < counted["PERMIT"] < POOL * 4 // 5
    assert counted["REVIEW 4 OBJECTION"] > 5 and counted["PERMIT by decision"] > POOL // 500


def test_nothing_depends_on_ids_names_or_order() -> None:
    for number, one in enumerate(questions(RENAMED, first=2_000_000)):
        renamed = Renamed(number)
        other = renamed.question(one)

        assert difference(other) == ""
        assert listed(other) == {(purpose, renamed.row(by)) for purpose, by in listed(one)}


@pytest.mark.parametrize("fault", MUTANTS)
def test_a_fault_in_the_policy_is_noticed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that is broken here is the oracle's: it reads the facts themselves."""
    known = pool()
    MUTANTS[fault](monkeypatch)

    assert any(difference(one, right) for one, right in known) or any(
        listed(one) != oracle.rows(one) for one, _ in known
    )
