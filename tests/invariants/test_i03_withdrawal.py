"""I3: once a stop is acknowledged, no disclosure of what it covers is appended, and no bytes leave."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.invariants.beside import beside
from tests.invariants.ledger import disclosing_steps
from tests.twins.cast import Cast, bedded_down, cast
from tests.twins.stage import Authority, stage

WIDE = ("ACCOMMODATION", "SERVICE_CONTACT")
STOPS: dict[str, Callable[[Cast, str], Awaitable[object]]] = {
    "withdrawal": lambda c, grant_id: c.outreach.withdraw("rosa", grant_id),
    "refusal": lambda c, grant_id: c.outreach.refuse("rosa", to="hostel"),
    "exclusion": lambda c, grant_id: c.outreach.exclude("rosa", "hostel"),
    "unlink": lambda c, grant_id: c.outreach.unlink(c.link_id),
    "end of agreement": lambda c, grant_id: c.stage.terminate("isa-1"),
}


@pytest.mark.parametrize("stop", STOPS)
async def test_i3_after_a_stop_nothing_is_disclosed_by_any_way(
    stop: str, tmp_path: Path, authority: Authority, ledger: str
) -> None:
    async with stage(tmp_path, authority, ledger) as world:
        c = await cast(world)
        grant_id = await c.outreach.grant("rosa", WIDE, to="hostel")
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        await c.hostel.drain()
        await c.outreach.publish("rosa", "visit-2", contact=bedded_down())
        [lost] = await c.hostel.fetch(lose=True)
        assert lost.WhichOneof("step") == "disclose", "control: before the stop it goes"
        before = await world.size()
        assert len(await disclosing_steps(world)) == 2

        await STOPS[stop](c, grant_id)

        # Redelivery of what was lost, a live view, something new under a waiting fetch.
        again = await c.hostel.fetch()
        assert {one.WhichOneof("step") for one in again} == {"retract"}
        assert list((await c.hostel.history("room-4")).elements) == []
        await c.hostel.drain()
        waiting = c.hostel.waiting(0.3)
        await waiting.begun
        await c.outreach.publish("rosa", "visit-3", contact=bedded_down())
        await c.outreach.publish("rosa", "visit-1", revision=2, contact=bedded_down())
        assert await waiting.answer == []
        await c.hostel.drain()
        assert c.hostel.store == {}
        assert await disclosing_steps(world, before) == []


@pytest.mark.parametrize("stop", STOPS)
async def test_i3_what_is_stopped_at_one_hub_is_not_disclosed_by_another(
    stop: str, tmp_path: Path, authority: Authority, shared: str
) -> None:
    async with stage(tmp_path, authority, shared) as world, beside(world) as moves:
        c = await cast(world)
        await moves(c.hostel)
        grant_id = await c.outreach.grant("rosa", WIDE, to="hostel")
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        await c.hostel.drain()
        assert len((await c.hostel.history("room-4")).elements) == 1, "control: before the stop it goes"
        await c.outreach.publish("rosa", "visit-2", contact=bedded_down())
        before = await world.size()

        await STOPS[stop](c, grant_id)

        # No pause: the other hub has hardly heard of it.
        assert list((await c.hostel.history("room-4")).elements) == []
        assert {one.WhichOneof("step") for one in await c.hostel.fetch()} == {"retract"}
        await c.outreach.publish("rosa", "visit-3", contact=bedded_down())
        await c.hostel.drain()
        assert c.hostel.store == {}
        assert await disclosing_steps(world, before) == []


@pytest.mark.parametrize("stop", ["withdrawal", "exclusion"])
async def test_i3_a_fetch_that_waits_when_the_stop_comes_brings_nothing(
    stop: str, tmp_path: Path, authority: Authority, ledger: str
) -> None:
    async with stage(tmp_path, authority, ledger) as world:
        c = await cast(world)
        grant_id = await c.outreach.grant("rosa", WIDE, to="hostel")
        waiting = c.hostel.waiting(0.4)
        await waiting.begun
        await STOPS[stop](c, grant_id)
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        assert await waiting.answer == []
        assert await disclosing_steps(world) == []
        # Control: a waiting fetch does bring what may go.
        waiting = c.hostel.waiting(10)
        await waiting.begun
        await c.outreach.register("ann")
        await c.hostel.register("room-9")
        await c.outreach.link("ann", c.hostel, "room-9")
        await c.outreach.grant("ann", WIDE, to="hostel")
        await c.outreach.publish("ann", "visit-9", contact=bedded_down())
        assert [one.client_reference for one in await waiting.answer] == ["room-9"]


async def test_i3_in_a_race_no_disclosure_stands_behind_the_stop(
    tmp_path: Path, authority: Authority, ledger: str
) -> None:
    """Twenty times a record, a fetch, a live view and the withdrawal all at once."""
    async with stage(tmp_path, authority, ledger) as world:
        c = await cast(world)
        won = 0
        for number in range(20):
            grant_id = await c.outreach.grant("rosa", WIDE, to="hostel")
            await c.outreach.publish("rosa", f"visit-{number}", contact=bedded_down())
            calls = [
                c.outreach.withdraw("rosa", grant_id),
                c.hostel.fetch(),
                c.hostel.history("room-4"),
            ]
            answers = await asyncio.gather(*calls[number % 3 :], *calls[: number % 3])
            stopped = next(one.position.index for one in answers if hasattr(one, "position"))
            assert await disclosing_steps(world, stopped) == []
            won += len(await disclosing_steps(world))
            await c.hostel.drain()
            assert c.hostel.store == {}
        assert won > 0, "control: sometimes the fetch was first"
