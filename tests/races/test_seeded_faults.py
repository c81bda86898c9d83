"""The judge is worth something: a hub with one of these faults is found out in a few hundred schedules."""

import itertools

import pytest

from tests.races.playing import breaches, played, seeds_of
from tests.races.seeded_faults import FAULTS
from tests.races.town import Town

MOST = 600
"""Schedules within which the fault has to show."""


@pytest.mark.parametrize("name", FAULTS)
def test_a_hub_with_this_fault_is_found_out(name: str, town: Town) -> None:
    fault = FAULTS[name]
    for seed in itertools.islice(seeds_of(fault.kinds, town, fault.first), MOST):
        with fault.within():
            found = breaches(played(town, seed, **fault.parts))
        if found:
            # The same schedule on a sound hub: what was found is the fault's.
            assert breaches(played(town, seed)) == []
            return
    raise AssertionError(f"{MOST} schedules, and nobody noticed")
