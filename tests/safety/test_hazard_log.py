"""The hazard log says what is true: each row is whole, and what it calls built names tests that exist."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.safety.hazards import IDS, ROOT, Hazard, faults, load, unlisted
from tests.safety.outcomes import FAILED, NOT_RUN, PASSED, Outcomes, of_row
from tests.safety.page import render

ROWS = load()
BUILT = next(row for row in ROWS if row.state == "built" and row.after != "Very low")
OPEN = replace(BUILT, state="open", tests=(), without=(), after=BUILT.before, open="Not built.")


def twins() -> list[Path]:
    found = sorted((ROOT / "tests" / "twins").glob("test_h*.py"))
    assert found
    return found


def test_the_log_is_whole_and_every_test_it_names_exists() -> None:
    assert list(faults(ROWS)) == []


def test_what_is_tested_in_twin_worlds_stands_in_its_row() -> None:
    assert list(unlisted(ROWS, twins())) == []


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (replace(BUILT, tests=("tests/safety/test_hazard_log.py::test_of_nothing",)), "there is no test"),
        (replace(BUILT, tests=("tests/nowhere/test_x.py::test_x",)), "there is no test"),
        (replace(BUILT, tests=BUILT.tests * 2), "named twice"),
        (replace(BUILT, tests=()), "proved by a test"),
        (replace(BUILT, open="Something."), "says what is open"),
        (replace(BUILT, state="part"), "says what is open"),
        (replace(BUILT, state="done"), "state is none of"),
        (replace(BUILT, harm=""), "harm is empty"),
        (replace(BUILT, severity="CRITICAL", without=()), "never taken out"),
        (replace(BUILT, after=BUILT.before, consequence="Major"), "more than 3 is left"),
        (replace(OPEN, after="Very low"), "nothing less likely"),
        (replace(OPEN, tests=BUILT.tests), "by none"),
        (replace(BUILT, before="Very low"), "nothing more likely"),
    ],
)
def test_a_row_that_claims_too_much_is_found(broken: Hazard, fault: str) -> None:
    rows = [broken if row.id == broken.id else row for row in ROWS]

    assert any(fault in one for one in faults(rows))


def test_a_row_that_is_missing_is_found() -> None:
    assert any("each once and in order" in one for one in faults(ROWS[1:]))
    assert list(faults([OPEN if row.id == OPEN.id else row for row in ROWS])) == [], "the control is sound"


def test_a_twin_test_that_no_row_names_is_found() -> None:
    rows = [replace(row, tests=(), without=()) for row in ROWS]

    assert len(list(unlisted(rows, twins()))) == len(twins())


def test_a_row_passes_only_when_all_its_tests_ran_and_passed() -> None:
    first, *others = BUILT.proofs
    passed: Outcomes = dict.fromkeys(BUILT.proofs, PASSED)

    assert of_row(BUILT, passed) == PASSED
    assert of_row(BUILT, {**passed, first: FAILED}) == FAILED
    assert of_row(BUILT, dict.fromkeys(others, PASSED)) == NOT_RUN
    assert of_row(OPEN, passed) == NOT_RUN


def test_the_page_shows_every_row_its_outcome_and_what_is_open() -> None:
    first = BUILT.proofs[0]
    page = render(ROWS, {first: FAILED}, "the 22nd of November", "0123abc")

    assert all(f'id="{one}"' in page for one in IDS)
    assert all(row.open in page.replace("&quot;", '"').replace("&#x27;", "'") for row in ROWS)
    assert page.count("FAILED") == sum(first in row.proofs for row in ROWS) * 2
    assert "the 22nd of November" in page and "0123abc" in page
    assert 'src="' not in page and 'href="http' not in page, "it prints without a network"


def test_the_page_quotes_what_it_is_given() -> None:
    page = render([replace(BUILT, hazard="<b>&")], {}, "today", "0")

    assert "&lt;b&gt;&amp;" in page and "<b>&" not in page
