"""A person may choose thousands of times: what an end costs does not grow with what was chosen before.

Counted is work, never time.
"""

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

from consent_ledger.domain import recording_time
from hub.use_cases import tasks
from tests.unit.hub.folded import CONTACT, MONDAY, RISK, Facts

ROOMS = {"projections", "use_cases", "<string>"}
"""Where work is counted; the last is what Python writes itself to compare two facts."""


def given_and_taken_back(facts: Facts, times: int) -> None:
    for grant in [facts.grant() for _ in range(times)]:
        facts.change(grant, "withdraw", "clinic", False, False, False)


def one_at_a_time(facts: Facts, times: int) -> None:
    for _ in range(times):
        facts.change(facts.grant(), "withdraw", "clinic", False, False, False)


def given_and_refused(facts: Facts, times: int) -> None:
    for _ in range(times):
        facts.grant()
    for _ in range(times):
        facts.refuse("outreach", to="pharmacy")


def given_and_shut_out(facts: Facts, times: int) -> None:
    for _ in range(times):
        facts.grant()
    for _ in range(times):
        facts.exclude("outreach", "pharmacy")


def run_out(facts: Facts, times: int) -> None:
    for grant in [facts.grant() for _ in range(times)]:
        facts.refuse("clinic", to="hostel")
        facts.change(grant, "expire")


def ended_with_a_warning(facts: Facts, times: int) -> None:
    facts.risk()
    for grant in [facts.grant(by="outreach", categories=(RISK, CONTACT)) for _ in range(times)]:
        facts.change(grant, "withdraw", "outreach", False, False, False)


def ended_with_their_agreement(facts: Facts, times: int) -> None:
    for _ in range(times):
        facts.grant()
        facts.refuse("clinic", to="hostel")
    facts.change(facts.agreements["isa-1"], "terminate", "clinic")  # type: ignore[arg-type]


def a_part_of_each_refused(facts: Facts, times: int) -> None:
    """A no to one agency of a kind takes something of each grant to the kind, and closes none."""
    for _ in range(times):
        facts.grant(to=None, service="NAVIGATION")
    for _ in range(times):
        facts.refuse("outreach", to="outreach")


def all_of_it_ends_soon(facts: Facts, times: int) -> None:
    for grant in [facts.grant(lasts=40) for _ in range(times)]:
        facts.change(grant, "approach_end", 30)
    found: Any = SimpleNamespace(index=facts.index)
    assert len(list(tasks._open(found, "clinic"))) == times


def all_of_it_ends_at_once(facts: Facts, times: int) -> None:
    for _ in range(times):
        facts.grant(lasts=3)
    assert len(facts.index.due_boundaries(MONDAY + timedelta(days=4))) == times


def agreed() -> Facts:
    token = recording_time.set(MONDAY)
    try:
        facts = Facts()
        facts.agree()
        return facts
    finally:
        recording_time.reset(token)


def work(happens: Callable[[Facts, int], None], times: int) -> int:
    """How many lines of the hub run, each time round a loop, comparisons of its facts among them."""
    facts, lines = agreed(), 0

    def line(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return line

    def entered(frame: FrameType, event: str, _: Any) -> Any:
        return line if ROOMS & {*Path(frame.f_code.co_filename).parts} else None

    before = sys.gettrace()
    token = recording_time.set(MONDAY)
    sys.settrace(entered)
    try:
        happens(facts, times)
    finally:
        sys.settrace(before)
        recording_time.reset(token)
    return lines


@pytest.mark.parametrize(
    "happens",
    [
        given_and_taken_back,
        one_at_a_time,
        given_and_refused,
        given_and_shut_out,
        run_out,
        ended_with_a_warning,
        ended_with_their_agreement,
        a_part_of_each_refused,
        all_of_it_ends_soon,
        all_of_it_ends_at_once,
    ],
)
def test_four_times_the_choices_are_four_times_the_work(happens: Callable[[Facts, int], None]) -> None:
    few, many = work(happens, 40), work(happens, 160)
    assert few > 40 * 20, "control: the lines were counted"
    assert many < 5 * few, f"{few} lines for 40, {many} for 160"
