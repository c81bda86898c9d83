"""The map from ASVS to tests names requirements once, tests that exist, and for every gap what is missing."""

import re

from tests.guard.named_tests import ROOT, missing

PAGE = (ROOT / "deploy" / "asvs.md").read_text()
NUMBER = re.compile(r"V(?:1[0-7]|[1-9])\.[1-8]\.(?:1[0-6]|[1-9])")


def rows(heading: str) -> list[list[str]]:
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    table = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1:]]


def test_every_requirement_that_is_met_names_tests_that_exist() -> None:
    met = rows("Met, and tested")
    assert len(met) > 80
    for number, level, here, tests in met:
        named = re.findall(r"`([^`]+)`", tests)
        assert NUMBER.fullmatch(number) and level in "123" and here
        assert named, number
        assert missing(named) == [], number


def test_no_requirement_is_both_met_and_open() -> None:
    met = [row[0] for row in rows("Met, and tested")]
    open_ones = [
        number for row in rows("Not met, or not shown by a test") for number in NUMBER.findall(row[0])
    ]

    assert len(met) == len(set(met))
    assert open_ones and not set(met) & set(open_ones)


def test_every_gap_says_what_is_missing() -> None:
    assert all(len(row[2]) > 20 for row in rows("Not met, or not shown by a test"))
    assert all(len(row[1]) > 5 for row in rows("Not applicable"))


def test_security_md_points_to_it_and_says_when_somebody_answers() -> None:
    page = (ROOT / "SECURITY.md").read_text()

    assert "deploy/asvs.md" in page
    assert "5 working days" in page and "14 days" in page
