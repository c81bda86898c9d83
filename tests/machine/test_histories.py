"""I5: apply an agency's deliveries in order to an empty store, and it equals what the oracle says."""

import os
from pathlib import Path

import pytest

from tests.machine.play import Play

SEEDS = 12
SLOW_SEEDS = int(os.environ.get("ONCETOLD_SEEDS", "100"))


def played(folder: Path, seed: int, steps: int = 50) -> Play:
    """One history with its troubles; raises at the first quiet point where a store is wrong."""
    folder.mkdir(parents=True)
    play = Play(folder, seed)
    for _ in range(steps):
        play.step()
        if play.random.random() < 0.2:
            play.disturb()
        if play.random.random() < 0.12:
            assert play.differences() == []
    assert play.differences() == []
    return play


@pytest.mark.parametrize("seed", range(SEEDS))
def test_i5_stores_equal_the_oracle_at_every_quiet_point(seed: int, tmp_path: Path) -> None:
    played(tmp_path / "hub", seed).close()


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("first", range(SEEDS, SEEDS + SLOW_SEEDS, 10))
def test_i5_over_many_histories(first: int, tmp_path: Path) -> None:
    received = 0
    for seed in range(first, first + 10):
        play = played(tmp_path / str(seed), seed)
        received += sum(partner.received for partner in play.product.partners.values())
        play.close()
    assert received > 0, "a history in which nothing is disclosed proves nothing"
