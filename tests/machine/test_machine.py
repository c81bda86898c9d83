"""A state machine over everything that may happen to agencies, people and machines (I5, I12, I14): on one hub
with a ledger of its own, and on two hubs over one PostgreSQL database.

What happens is proposed by the world, whose choices hypothesis makes, so that a failing history shrinks.
"""

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from consent_ledger.errors import Refused
from tests.machine.play import Play
from tests.machine.replicated import ReplicatedPlay


class Sharing(RuleBasedStateMachine):
    """Agencies, agreements, people, records, partners and a clock; the oracle says what every store holds."""

    kind: type[Play] = Play

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.game: Play | None = None

    @initialize(seed=st.integers(0, 2**16), choices=st.randoms(use_true_random=False))
    def found(self, seed: int, choices: Any) -> None:
        self.game = self.kind(Path(self._folder.name), seed)
        self.game.world.random = choices

    @property
    def play(self) -> Play:
        assert self.game is not None
        return self.game

    @rule()
    def something_happens(self) -> None:
        self.play.step()

    @rule(times=st.integers(2, 6))
    def much_happens(self, times: int) -> None:
        for _ in range(times):
            self.play.step()

    @rule()
    def something_goes_wrong(self) -> None:
        self.play.disturb()

    @rule()
    def nothing_is_left_to_send(self) -> None:
        assert self.play.differences() == []

    @rule(hours=st.sampled_from([-24, -1, 1, 24, 87_600]))
    def the_clock_jumps(self, hours: int) -> None:
        """Neither disclosed nor retracted while in doubt; nothing begins and nothing ends by it (I12)."""
        clock, partner = self.play.product.clock, min(self.play.product.partners.items())[1]
        before, held = clock.now(), partner.store()
        clock.step(timedelta(hours=hours))
        try:
            self.play.product.run(partner.fetch())
            raise AssertionError("fetched by a clock in doubt")
        except Refused as refusal:
            assert refusal.code == "CLOCK_IN_DOUBT"
        assert partner.store() == held
        partner.observations.pop()
        clock.step(before - clock.now())
        clock.accept()

    @rule()
    def projections_are_rebuilt(self) -> None:
        """Dropped and folded again, they answer the same (I14)."""
        product = self.play.product
        product.run(product.hub.rebuild())

    def teardown(self) -> None:
        if self.game is not None:
            try:
                assert self.game.differences() == []
            finally:
                self.game.close()
                self._folder.cleanup()


TestSharing = Sharing.TestCase
TestSharing.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)


class SharingByTwoHubs(Sharing):
    """The same, asked of either of two hubs by lot."""

    kind = ReplicatedPlay


TestSharingByTwoHubs = pytest.mark.slow(pytest.mark.timeout(600)(SharingByTwoHubs.TestCase))
TestSharingByTwoHubs.settings = settings(max_examples=8, stateful_step_count=25, deadline=None)
