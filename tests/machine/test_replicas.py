"""I5 and I14 on two hubs over one database: every store equals the oracle at every quiet point."""

import os
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from consent_ledger.ledger import Transaction
from hub.projections.segments import Segments
from hub.use_cases.hub import Hub
from tests.machine.replicated import Replicated, ReplicatedPlay
from tests.machine.test_histories import played

SEEDS = 2
SLOW_SEEDS = int(os.environ.get("ONCETOLD_SEEDS", "100")) // 2


@pytest.mark.parametrize("seed", range(SEEDS))
def test_i5_stores_equal_the_oracle_whichever_hub_was_asked(seed: int, tmp_path: Path) -> None:
    play = played(tmp_path / "hub", seed, kind=ReplicatedPlay)
    product = play.product
    assert isinstance(product, Replicated)
    # What both of them folded, in turns, is what one folds alone (I14).
    for hub in product._hubs.all:
        folded = product.run(hub.look(stories(hub)))
        product.run(hub.rebuild())
        assert product.run(hub.look(stories(hub))) == folded
        assert play.differences() == []
    assert sum(map(len, folded.values())) > 5
    play.close()


def stories(hub: Hub) -> Callable[[Transaction], dict[UUID, list[object]]]:
    """Every revision of every fragment, with its class, as the segments have them."""

    def read(transaction: Transaction) -> dict[UUID, list[object]]:
        segments = Segments(transaction)
        found: dict[UUID, list[object]] = {}
        for registration_id in hub.projector.index.registrations:
            fragments = segments.fragments(registration_id)
            items = [(one, fragments.latest[one]) for one in sorted(fragments.latest)]
            items += [(one, item) for one in sorted(fragments.earlier) for item in fragments.earlier[one]]
            found[registration_id] = [
                (one, item.kind.key, item.revision, item.recorded_at, item.content, item.gone)
                for one, item in items
            ]
        return found

    return read


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
