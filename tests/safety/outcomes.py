"""Runs the tests that the hazard log names, and says of each row what came of them."""

from collections.abc import Mapping, Sequence

import pytest

from tests.safety.hazards import Hazard

PASSED, FAILED, NOT_RUN = "PASSED", "FAILED", "NOT RUN"
Outcomes = Mapping[str, str]
"""By pytest id, without parameters."""


class _Listening:
    """A plug-in of pytest that keeps what came of each test: one failed case fails it."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = report.nodeid.partition("[")[0]
        if report.failed:
            self.outcomes[test] = FAILED
        elif report.when == "call" and report.passed:
            self.outcomes.setdefault(test, PASSED)
        elif report.skipped:
            self.outcomes.setdefault(test, NOT_RUN)


def run(rows: Sequence[Hazard], options: Sequence[str] = ()) -> Outcomes:
    """What came of every test that the rows name. Takes minutes."""
    listening = _Listening()
    named = sorted({test for row in rows for test in row.proofs})
    pytest.main(["-q", "--timeout", "1800", *options, *named], plugins=[listening])
    return listening.outcomes


def of_row(row: Hazard, outcomes: Outcomes) -> str:
    """One failed test fails its row; a row passes when each of its tests ran and passed."""
    found = [outcomes.get(test, NOT_RUN) for test in row.proofs]
    if FAILED in found:
        return FAILED
    return PASSED if found and set(found) == {PASSED} else NOT_RUN
