"""I5: apply an agency's deliveries in order to an empty store, and it equals what the oracle says."""

import os
from pathlib import Path

import pytest

from tests.machine.play import Play
from tests.machine.saying import unasked
from tests.oracle import history as h
from tests.oracle.evidence import is_admissible

SEEDS = 12
SLOW_SEEDS = int(os.environ.get("ONCETOLD_SEEDS", "100"))


def played(folder: Path, seed: int, steps: int = 50, kind: type[Play] = Play) -> Play:
    """One history with its troubles; raises at the first quiet point where a store is wrong."""
    folder.mkdir(parents=True)
    play = kind(folder, seed)
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


@pytest.mark.parametrize("seed", range(4))
def test_h19_what_stands_without_its_evidence_opens_nothing(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However it came into the ledger: nothing asks for evidence here but the decision itself."""
    unasked(monkeypatch)
    monkeypatch.setattr(Play, "admission", False)
    play = played(tmp_path / "hub", seed)
    recorded = [one for one in play.world.history if isinstance(one, h.GrantRecorded)]
    play.close()
    assert not all(is_admissible(one) for one in recorded)


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
