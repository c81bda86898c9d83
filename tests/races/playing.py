"""Plays one schedule from its seed, in a copy of the town that is gone afterwards."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.races.judge import Judge, gave_covered
from tests.races.schedule import Schedule
from tests.races.seen import CrossingClock, Outcome
from tests.races.stops import KINDS, drawn
from tests.races.town import WINDOWS, Town

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of a random name is made in it
"""A disk that needs no syncing: what a machine loses with its power is tested elsewhere."""


def in_memory() -> str | None:
    """A folder in memory where there is one; None for the usual place."""
    return str(_MEMORY) if os.access(_MEMORY, os.W_OK) else None


def played(town: Town, seed: int, *, with_stop: bool = True, **parts: Any) -> Outcome:
    """One interleaving; the same seed gives the same one. `parts`: a hub or sequencer of another kind."""
    with tempfile.TemporaryDirectory(prefix="race-", dir=in_memory()) as folder:
        window = WINDOWS[seed // len(KINDS) % len(WINDOWS)]
        world = town.copy(Path(folder), seed, window, clock=CrossingClock, **parts)
        try:
            return Schedule(world, seed, drawn(town.facts, seed), with_stop=with_stop).run()
        finally:
            world.close()


def breaches(outcome: Outcome) -> list[str]:
    """What is wrong with it, each with what replays it."""
    stop = outcome.stop
    return [f"seed {outcome.seed} ({stop.kind}, {stop.what}): {breach}" for breach in Judge(outcome).judge()]


def seeds_of(kinds: tuple[str, ...], town: Town, first: int = 0) -> Iterator[int]:
    """Seeds, ascending, whose stop is of one of these kinds; all of them if none is named."""
    wanted = [number for number in range(len(KINDS)) if not kinds or drawn(town.facts, number).kind in kinds]
    for turn in range(first, 1_000_000):
        yield from (turn * len(KINDS) + number for number in wanted)


__all__ = ["breaches", "gave_covered", "played", "seeds_of"]
