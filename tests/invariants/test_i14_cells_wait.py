"""I14: cells may wait for whoever reads them, but never behind what a decision needs."""

import gc
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.projections import projector
from hub.use_cases.work import Caller, Work, without_cells
from tests.twins.cast import bedded_down, cast
from tests.twins.stage import Authority, Stage, stage

WIDE = ("ACCOMMODATION", "SERVICE_CONTACT")


async def _behind(world: Stage) -> int:
    """How many entries the cells are behind the ledger's head."""
    behind: int = await world.hub.ledger.run(
        lambda transaction: transaction.size - world.hub.projector.index.position
    )
    return behind


async def test_what_waits_is_folded_for_whoever_reads_it(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        await c.outreach.grant("rosa", WIDE, to="hostel")
        for number in range(5):
            await c.outreach.publish("rosa", f"visit-{number}", contact=bedded_down())
        assert await _behind(world) == 5, "control: they wait"

        assert len((await c.hostel.history("room-4")).elements) == 5
        assert await _behind(world) == 1, "only the reading itself is not folded yet"


async def test_no_more_wait_than_a_few_milliseconds_worth(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projector, "_WAITING", 3)
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        behind = []
        for number in range(9):
            await c.outreach.publish("rosa", f"visit-{number}", contact=bedded_down())
            behind.append(await _behind(world))
    assert max(behind[1:]) == 4
    assert min(behind[1:]) == 1


async def test_a_record_that_decisions_read_does_not_wait(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        soon = world.clock.now() + timedelta(days=1)
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        await c.outreach.publish("rosa", "visit-2", contact=bedded_down(), review_by=soon)
        await c.outreach.publish("rosa", "visit-3", contact=bedded_down())
        assert await _behind(world) == 1

        world.clock.advance(timedelta(days=2))
        await c.outreach.publish("rosa", "visit-4", contact=bedded_down())
        assert world.hub.projector.index.review_overdue, "the date was known, and has passed"


async def test_a_use_case_that_said_it_reads_no_cells_gets_none(tmp_path: Path, authority: Authority) -> None:
    @without_cells
    def reads(work: Work, caller: Any, *, what: str) -> None:
        getattr(work, what)

    async with stage(tmp_path, authority) as world:
        for what in ("segments", "holdings", "disclosures"):
            with pytest.raises(RuntimeError):
                await world.hub.execute(reads, Caller(None, operator=True), what=what)


async def test_the_collector_rests_while_entries_are_folded_and_no_longer(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    on: list[bool] = []

    def fold(step: Any, entry: Any) -> None:
        on.append(gc.isenabled())
        if len(on) == 3:
            raise ValueError("control: a folding that fails")
        folded(step, entry)

    folded = projector._Step.fold
    async with stage(tmp_path, authority) as world:
        await cast(world)
        monkeypatch.setattr(projector._Step, "fold", fold)
        with pytest.raises(ValueError, match="control"):
            await world.hub.rebuild()
        assert gc.isenabled()
        await world.hub.rebuild()
    assert len(on) > 3
    assert not any(on)
    assert gc.isenabled()
