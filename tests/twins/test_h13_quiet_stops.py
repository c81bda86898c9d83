"""H12 and H13: a quiet stop holds like any other, and who reads the paper cannot tell that it was said."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from oncetold.v1 import consent_service_pb2 as messages
from tests.twins.cast import Cast, bedded_down, cast
from tests.twins.stage import Authority, Stage, stage
from tests.twins.twin import play

Stop = Callable[[Cast, str, bool], Awaitable[None]]
SHARED = ("ACCOMMODATION", "SERVICE_CONTACT")


async def begun(world: Stage) -> tuple[Cast, str]:
    """The hostel holds what the street team told of Rosa, with her yes."""
    c = await cast(world)
    grant_id = await c.outreach.grant("rosa", SHARED, to="hostel")
    await c.outreach.publish("rosa", "met-1", contact=bedded_down())
    await c.hostel.drain()
    assert c.hostel.store, "control: it arrived"
    return c, grant_id


async def on_paper(c: Cast) -> bytes:
    """What is printed, without the place of the look in the ledger."""
    listed = await c.outreach.list_choices("rosa", for_paper=True)
    return messages.ListChoicesResponse(choices=listed.choices).SerializeToString(deterministic=True)


async def withdraws(c: Cast, grant_id: str, quiet: bool) -> None:
    await c.outreach.withdraw("rosa", grant_id, quiet=quiet)


async def refuses(c: Cast, grant_id: str, quiet: bool) -> None:
    await c.outreach.refuse("rosa", to="hostel", quiet=quiet)


async def shuts_out(c: Cast, grant_id: str, quiet: bool) -> None:
    await c.outreach.exclude("rosa", "hostel")


@pytest.mark.parametrize("stop", [withdraws, refuses, shuts_out])
async def test_h13_a_quiet_stop_stops_at_once_and_is_on_no_paper(
    tmp_path: Path, authority: Authority, stop: Stop
) -> None:
    async with stage(tmp_path, authority) as world:
        c, grant_id = await begun(world)
        before = await on_paper(c)
        assert before
        await stop(c, grant_id, True)
        await c.hostel.drain()
        assert c.hostel.store == {}, "the flow stops at once"
        assert await on_paper(c) == before, "and the paper is the same to the byte"
        world.clock.advance(world.clock.now().replace(year=2027) - world.clock.now())
        later = messages.ListChoicesResponse.FromString(await on_paper(c))
        assert [one.state for one in later.choices] == [messages.CHOICE_STATE_EXPIRED], "as it would have"


async def test_h13_every_paper_says_that_nobody_may_demand_it(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        c, _ = await begun(world)
        for reference in ("rosa", "mia"):
            paper = await c.outreach.list_choices(reference, for_paper=True)
            assert "section 184" in paper.paper_warning, "also where nothing was chosen"
        assert (await c.outreach.list_choices("rosa")).paper_warning == ""


@pytest.mark.parametrize("stop", [withdraws, refuses])
async def test_h13_control_an_open_stop_is_printed_and_the_ledger_tells_all_of_both(
    tmp_path: Path, authority: Authority, stop: Stop
) -> None:
    async with stage(tmp_path, authority) as world:
        c, grant_id = await begun(world)
        before = await on_paper(c)
        await stop(c, grant_id, False)
        assert await on_paper(c) != before

    async with stage(tmp_path / "quiet", authority) as world:
        c, grant_id = await begun(world)
        told = (await c.outreach.list_choices("rosa")).choices
        await stop(c, grant_id, True)
        assert (await c.outreach.list_choices("rosa")).choices != told


async def test_h13_whoever_held_it_cannot_tell_a_quiet_stop_from_another(
    tmp_path: Path, authority: Authority
) -> None:
    async def script(world: Stage, quiet: bool) -> None:
        c, grant_id = await begun(world)
        await c.outreach.withdraw("rosa", grant_id, quiet=quiet)
        await c.hostel.drain()
        await c.hostel.history("room-4")
        await c.hostel.tasks()

    quiet, loud = [await play(tmp_path, authority, script, hidden) for hidden in (True, False)]
    assert quiet["hostel"] == loud["hostel"]


async def test_h12_no_protection_is_printed(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        c, _ = await begun(world)
        before = await on_paper(c)
        await c.outreach.mark("rosa", "PROTECTED_ADDRESS")
        await c.outreach.exclude("rosa", "hostel", staff="k-9")
        await c.outreach.exclude("rosa", kind="PHYSICAL_HEALTH")
        assert await on_paper(c) == before
