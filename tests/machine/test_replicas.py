"""I5 and I14 on two hubs over one database: every store equals the oracle at every quiet point."""

import os
from pathlib import Path

import pytest

from tests.machine.replicated import Replicated, ReplicatedPlay
from tests.machine.test_histories import played

SEEDS = 2
SLOW_SEEDS = int(os.environ.get("ONCETOLD_SEEDS", "100")) // 2


@pytest.mark.parametrize("seed", range(SEEDS))
def test_i5_stores_equal_the_oracle_whichever_hub_was_asked(seed: int, tmp_path: Path) -> None:
    play = played(tmp_path / "hub", seed, kind=ReplicatedPlay)
    product = play.product
    assert isinstance(product, Replicated)
    # Both hubs end with the same index, and made anew from the ledger it is the same once more (I14).
    for hub in product._hubs.all:
        product.run(hub.rebuild())
        assert play.differences() == []
    play.close()


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("first", range(SEEDS, SEEDS + SLOW_SEEDS, 10))
def test_i5_over_many_histories_of_two_hubs(first: int, tmp_path: Path) -> None:
    received = 0
    for seed in range(first, first + 10):
        play = played(tmp_path / str(seed), seed, kind=ReplicatedPlay)
        received += sum(partner.received for partner in play.product.partners.values())
        play.close()
    assert received > 0, "a history in which nothing is disclosed proves nothing"
