"""I3 on several replicas: behind a stop acknowledged by one, nothing that it covers goes by another."""

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests.postgres import server
from tests.races.playing import breaches, gave_covered, seeds_of
from tests.races.replicas import (
    SharedTown,
    TrustsNotify,
    played_shared,
    temporary_folder,
)
from tests.races.stops import KINDS
from tests.races.town import Town

FAST = 52
"""Schedules in the fast suite: every kind of stop four times; the slow one goes on where these end."""
PARTS = 4
CONTROL_EVERY = 10
CONTROLS_GIVE = 0.95
RACES_WON = 0.5
MOST = 60
"""Schedules within which a fault has to show."""


@pytest.fixture(scope="session")
def shared(town: Town) -> Iterator[SharedTown]:
    with temporary_folder() as folder:
        yield SharedTown(town, server(), Path(folder))


def play_all(shared: SharedTown, seeds: Iterable[int]) -> tuple[list[str], Counter[str]]:
    """Plays schedules, some once more without their stop: what was broken, and what was counted."""
    broken: list[str] = []
    counted: Counter[str] = Counter()
    for number, seed in enumerate(seeds):
        played = played_shared(shared, seed)
        broken += breaches(played.outcome)
        counted["schedules"] += 1
        counted["won by a disclosure"] += gave_covered(played.outcome)
        counted["commits"] += played.outcome.commits
        counted["turns"] += played.turns
        if number % CONTROL_EVERY == 0:
            counted["controls"] += 1
            counted["controls that disclose"] += gave_covered(
                played_shared(shared, seed, with_stop=False).outcome
            )
    return broken, counted


def check(broken: list[str], counted: Counter[str]) -> None:
    told = dict(counted)
    assert broken == [], told
    assert counted["controls that disclose"] >= CONTROLS_GIVE * counted["controls"], told
    assert counted["won by a disclosure"] >= RACES_WON * counted["schedules"], told
    # The replicas do take turns: one that is never behind would show nothing.
    assert counted["turns"] > counted["commits"] / 4, told


@pytest.mark.parametrize("part", range(PARTS))
def test_behind_a_stop_nothing_it_covers_goes_by_another_replica(
    part: int, shared: SharedTown, record_property: Callable[[str, object], None]
) -> None:
    seeds = itertools.islice(seeds_of((), shared.town), part, FAST, PARTS)
    broken, counted = play_all(shared, seeds)
    record_property("figures", f"{len(broken)} breaches; {dict(sorted(counted.items()))}")
    check(broken, counted)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_the_same_in_many_interleavings(
    part: int, shared: SharedTown, record_property: Callable[[str, object], None]
) -> None:
    many = int(os.environ.get("ONCETOLD_INTERLEAVINGS", "1000"))
    first = FAST // len(KINDS)
    seeds = itertools.islice(seeds_of((), shared.town, first=first), part, many, PARTS)
    broken, counted = play_all(shared, seeds)
    record_property("figures", f"{len(broken)} breaches; {dict(sorted(counted.items()))}")
    check(broken, counted)


def test_replicas_that_trust_notify_alone_are_found_out(shared: SharedTown) -> None:
    for seed in itertools.islice(seeds_of((), shared.town), MOST):
        found = breaches(played_shared(shared, seed, hub=TrustsNotify).outcome)
        if any("DISCLOSE" in breach or "gave" in breach for breach in found):
            # The same schedule on sound replicas: what was found is the fault's.
            assert breaches(played_shared(shared, seed).outcome) == []
            return
    raise AssertionError(f"{MOST} schedules, and nobody noticed")


def test_the_same_seed_plays_the_same_interleaving(shared: SharedTown) -> None:
    first, again = played_shared(shared, 11), played_shared(shared, 11)
    assert (first.turns, first.outcome.moves) == (again.turns, again.outcome.moves)
    assert first.outcome.seen == again.outcome.seen
    assert first.outcome.entries == again.outcome.entries
