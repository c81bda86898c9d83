"""I14: a replay in steps, whose newest chunks wait in memory, leaves what one step does; killed, nothing."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from consent_ledger.ledger import Transaction
from hub.projections import tails
from hub.projections.projector import Projector
from hub.projections.segments import SEGMENTS, Piece, _pieces
from hub.use_cases import hub as hub_module
from tests.invariants.test_i14_rebuild import WIDE, Cells, a_busy_day, cells, index, unsealed
from tests.twins.cast import bedded_down, cast, dose
from tests.twins.stage import Authority, Stage, stage

__all__ = ["unsealed"]

Change = Callable[[pytest.MonkeyPatch, Stage], None]
STEP = 4


def _as_it_is(monkeypatch: pytest.MonkeyPatch, world: Stage) -> None:
    """Nothing is changed."""


def _small_chunks(monkeypatch: pytest.MonkeyPatch, world: Stage) -> None:
    """Every piece fills its chunk."""
    monkeypatch.setattr(tails, "_CHUNK_BYTES", 1)


def _no_room(monkeypatch: pytest.MonkeyPatch, world: Stage) -> None:
    """What waits is written after the first step, and replayed on as whatever comes in is folded."""
    monkeypatch.setattr(tails, "_MOST_WAITING", 0)


def _little_room(monkeypatch: pytest.MonkeyPatch, world: Stage) -> None:
    """What waits is written after every step, and a new chunk begun."""
    monkeypatch.setattr(tails, "_TAIL_BYTES", 0)
    monkeypatch.setattr(tails, "_MOST_WAITING", 0)


def _not_alone(monkeypatch: pytest.MonkeyPatch, world: Stage) -> None:
    """Another replica has written: it may go on with the replay at any step."""
    world.hub.projector.look_again()


CHANGES = [_as_it_is, _small_chunks, _no_room, _little_room, _not_alone]


def _same(found: Cells, expected: Cells) -> None:
    assert {name for name in expected if found[name] != expected[name]} <= {SEGMENTS}
    assert pieces(found[SEGMENTS]) == pieces(expected[SEGMENTS])


def pieces(segments: list[tuple[bytes, bytes]]) -> dict[bytes, list[Piece]]:
    """What each segment holds, oldest first, wherever its chunks were cut."""
    whole: dict[bytes, list[Piece]] = {}
    for key, chunk in reversed(segments):
        whole.setdefault(key[:32], []).extend(map(_without_number, _pieces(chunk)))
    return whole


def _without_number(piece: Piece) -> Piece:
    """A fragment's class has a number of its chunk's own."""
    return piece if isinstance(piece, bytes) else (piece[0], piece[1][:1] + b"\x00" + piece[1][2:])


@pytest.mark.usefixtures("unsealed")
@pytest.mark.parametrize("change", CHANGES)
async def test_i14_in_many_steps_it_is_what_one_step_makes(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world, ends=dict.fromkeys(WIDE, "RESTRICT"))
        await a_busy_day(c)
        change(monkeypatch, world)
        await world.hub.rebuild()
        before, facts = await cells(world), index(world)
        monkeypatch.setattr(hub_module, "AT_ONCE", STEP)

        await world.hub.rebuild()

        after, rebuilt = await cells(world), index(world)
        _same(after, before)
        assert {name for name in facts if rebuilt[name] != facts[name]} == set()

        # What comes in later finds where each segment ends.
        for number in range(4, 7):
            await c.outreach.publish("rosa", f"visit-{number}", contact=bedded_down())
            await c.outreach.publish("rosa", f"medicine-{number}", assessment=dose("60mg"))
            await world.hub.start()
        later = await cells(world)
        monkeypatch.setattr(hub_module, "AT_ONCE", 1_000_000)
        await world.hub.rebuild()
        _same(later, await cells(world))


@pytest.mark.usefixtures("unsealed")
@pytest.mark.parametrize("change", CHANGES)
async def test_i14_killed_at_any_step_the_next_start_leaves_the_same(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world, ends=dict.fromkeys(WIDE, "RESTRICT"))
        await a_busy_day(c)
        change(monkeypatch, world)
        await world.hub.rebuild()
        before, facts = await cells(world), index(world)
        projector = world.hub.projector

        def steps(count: int) -> Callable[[Transaction], int]:
            def taken(transaction: Transaction) -> int:
                for _ in range(count):
                    assert not projector.catch_up(transaction, STEP)
                position: int = projector.index.position
                return position

            return taken

        for count in (1, 2, 5, 9):
            await world.hub.ledger.run(projector.drop)
            assert await asyncio.wrap_future(world.hub.ledger.submit(steps(count))) == count * STEP
            # What was in memory is gone with the process.
            projector = world.hub.projector = Projector()
            await world.hub.start()
            after, rebuilt = await cells(world), index(world)
            _same(after, before)
            assert {name for name in facts if rebuilt[name] != facts[name]} == set()
            change(monkeypatch, world)
