"""The judge is worth something: a hub with one of these faults is found out in a few hundred schedules."""

import itertools

import pytest

from tests.races.doors import Turned
from tests.races.playing import breaches, played, seeds_of
from tests.races.seeded_faults import FAULTS
from tests.races.town import Town

MOST = 600
"""Schedules within which the fault has to show."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if fault.seldom else []) for name, fault in FAULTS.items()],
)
def test_a_hub_with_this_fault_is_found_out(name: str, town: Town) -> None:
    fault = FAULTS[name]
    for seed in itertools.islice(seeds_of(fault.kinds, town), MOST):
        try:
            with fault.within():
                found = breaches(played(town, seed, **fault.parts))
        except Turned as refusal:
            found = [f"a stop was refused: {refusal.reason}"]
        if found:
            # The same schedule on a sound hub: what was found is the fault's.
            assert breaches(played(town, seed)) == []
            return
    raise AssertionError(f"{MOST} schedules, and nobody noticed")
