"""I3 over many interleavings: behind a stop nothing it covers is disclosed, read or given, by any way."""

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterable

import pytest

from tests.races.playing import breaches, gave_covered, played, seeds_of
from tests.races.seen import Outcome
from tests.races.stops import KINDS, drawn
from tests.races.town import Town

FAST_EACH = 10
"""Schedules of each kind in the fast suite; the slow one goes on where these end."""
PARTS = 4
"""Of the slow test, so that several processes may share it."""
CONTROL_EVERY = 10
"""Every so many schedules are played once more without their stop."""
CONTROLS_GIVE = 0.95
"""At least so much of what the stop would have covered goes when there is none."""
RACES_WON = 0.5
"""At least so many races are won by a disclosure: a stop that always came first would show nothing."""
NAMES = (
    "withdrawal",
    "refusal",
    "exclusion",
    "unlink",
    "involvement ended",
    "registration closed",
    "agreement terminated",
    "marker",
    "processing restricted",
    "taken back by its author",
    "certificate replaced",
    "grant lapses",
    "agreement lapses",
)


def play_all(town: Town, seeds: Iterable[int]) -> tuple[list[str], Counter[str]]:
    """Plays schedules, some of them once more without their stop: what was broken, and what was counted."""
    broken: list[str] = []
    counted: Counter[str] = Counter()
    for number, seed in enumerate(seeds):
        outcome = played(town, seed)
        broken += breaches(outcome)
        counted.update(_counts(outcome))
        if number % CONTROL_EVERY == 0:
            control = played(town, seed, with_stop=False)
            counted["controls"] += 1
            counted["controls that disclose"] += gave_covered(control)
    return broken, counted


def _counts(outcome: Outcome) -> dict[str, int]:
    calls = [seen for seen in outcome.seen if seen.ended >= 0]
    return {
        "schedules": 1,
        "won by a disclosure": gave_covered(outcome),
        "calls": len(calls),
        "calls begun behind the stop": sum(seen.stopped_before for seen in calls),
        "commits": outcome.commits,
        "of several": outcome.grouped,
        "failed": outcome.full,
    }


def check(broken: list[str], counted: Counter[str]) -> None:
    assert broken == []
    told = dict(counted)
    assert counted["controls that disclose"] >= CONTROLS_GIVE * counted["controls"], told
    assert counted["calls begun behind the stop"] >= counted["schedules"], told
    assert 0 < counted["of several"] < counted["commits"], told


def test_every_kind_of_stop_is_named_here(town: Town) -> None:
    assert tuple(drawn(town.facts, number).kind for number in range(len(KINDS))) == NAMES


@pytest.mark.parametrize("kind", NAMES)
def test_behind_a_stop_nothing_it_covers_goes(kind: str, town: Town) -> None:
    check(*play_all(town, itertools.islice(seeds_of((kind,), town), FAST_EACH)))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_behind_a_stop_nothing_it_covers_goes_in_many_interleavings(
    part: int, town: Town, record_property: Callable[[str, object], None]
) -> None:
    many = int(os.environ.get("ONCETOLD_INTERLEAVINGS", "1000")) // PARTS
    seeds = itertools.islice(seeds_of((), town, first=FAST_EACH), part, None, PARTS)
    broken, counted = play_all(town, itertools.islice(seeds, many))
    record_property("figures", f"{len(broken)} breaches; {dict(sorted(counted.items()))}")
    check(broken, counted)
    assert counted["won by a disclosure"] >= RACES_WON * many


@pytest.mark.parametrize("seed", [0, 11, 23, 43])
def test_the_same_seed_plays_the_same_interleaving(seed: int, town: Town) -> None:
    first, again = played(town, seed), played(town, seed)
    assert (first.moves, first.commits, first.stopped_at) == (again.moves, again.commits, again.stopped_at)
    assert first.seen == again.seen
    assert first.entries == again.entries
    other = played(town, seed + len(KINDS))
    assert other.seen != first.seen, "control: another seed, another interleaving"
