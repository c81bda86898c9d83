"""I12: permission runs from when it was recorded, by the hub's clock; a jump grants and ends nothing."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from consent_ledger.clock import SystemClock
from tests.clock import ManualClock
from tests.integration.loopback import refused
from tests.invariants.ledger import entries
from tests.twins.cast import bedded_down, cast
from tests.twins.stage import Authority, stage

WIDE = ("ACCOMMODATION", "SERVICE_CONTACT")


@pytest.mark.parametrize("jump", [timedelta(days=120), timedelta(days=-2)], ids=["ahead", "back"])
async def test_i12_a_jump_denies_all_and_appends_no_end(
    jump: timedelta, tmp_path: Path, authority: Authority, ledger: str
) -> None:
    async with stage(tmp_path, authority, ledger) as world:
        c = await cast(world)
        await c.outreach.grant("rosa", WIDE, to="hostel")
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        await c.hostel.drain()
        assert len((await c.hostel.history("room-4")).elements) == 1, "control"
        size = await world.size()
        world.clock.step(jump)
        assert (await refused(c.hostel.fetch()))[1] == "CLOCK_IN_DOUBT"
        assert (await refused(c.hostel.history("room-4")))[1] == "CLOCK_IN_DOUBT"
        assert await entries(world, size) == [], "neither an end nor anything else"
        world.clock.step(-jump)
        assert await c.hostel.drain() == []
        assert len((await c.hostel.history("room-4")).elements) == 1, "as before"


async def test_i12_a_jump_opens_no_grant_that_is_still_to_come(
    tmp_path: Path, authority: Authority, ledger: str
) -> None:
    async with stage(tmp_path, authority, ledger) as world:
        c = await cast(world)
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        await c.outreach.grant("rosa", WIDE, to="hostel", begins=world.clock.now() + timedelta(days=3))
        world.clock.step(timedelta(days=4))
        await refused(c.hostel.fetch())
        world.clock.step(-timedelta(days=4))
        assert await c.hostel.drain() == []
        # Control: time that really passes opens it, by an entry of its own.
        world.clock.advance(timedelta(days=3, minutes=1))
        assert len(await c.hostel.fetch()) == 1
        assert c.hostel.seen[-1].grew == 2, "the beginning, then the access entry decided by it"


async def test_i12_under_two_minutes_goes_on_and_over_two_stops(
    tmp_path: Path, authority: Authority, ledger: str
) -> None:
    async with stage(tmp_path, authority, ledger) as world:
        c = await cast(world)
        await c.outreach.grant("rosa", WIDE, to="hostel")
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        world.clock.step(timedelta(seconds=119))
        assert len(await c.hostel.drain()) == 1
        world.clock.step(timedelta(seconds=2))
        assert (await refused(c.hostel.fetch()))[1] == "CLOCK_IN_DOUBT"


async def test_i12_a_change_of_the_clock_that_is_accepted_ends_what_has_ended(
    tmp_path: Path, authority: Authority, ledger: str
) -> None:
    async with stage(tmp_path, authority, ledger) as world:
        c = await cast(world)
        await c.outreach.grant("rosa", WIDE, to="hostel")
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        await c.hostel.drain()
        world.clock.step(timedelta(days=91))
        await refused(c.hostel.fetch())
        world.clock.accept()
        [gone] = await c.hostel.drain()
        assert gone.WhichOneof("step") == "retract"


async def test_i12_a_grant_is_never_backdated(tmp_path: Path, authority: Authority, ledger: str) -> None:
    """Said to have been given and to hold since last week, recorded now: it holds from now."""
    async with stage(tmp_path, authority, ledger) as world:
        c = await cast(world)
        now = world.clock.now()
        await c.outreach.grant("rosa", WIDE, to="hostel", begins=now - timedelta(days=7))
        [choice] = (await c.outreach.list_choices("rosa")).choices
        assert choice.recorded_time.ToDatetime(now.tzinfo) == now
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        assert len(await c.hostel.drain()) == 1, "control"


async def test_i12_a_machine_whose_time_is_not_the_databases_denies_all(
    tmp_path: Path, authority: Authority, shared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which of the two is wrong nobody can tell; replicas that agree with the database go on."""
    machine, apart = SystemClock(), timedelta(0)

    def heard(clock: ManualClock, other: datetime) -> None:
        machine.heard(other + apart)
        clock.forced_doubt = machine.in_doubt()

    monkeypatch.setattr(ManualClock, "heard", heard)
    async with stage(tmp_path, authority, shared) as world:
        c = await cast(world)
        await c.outreach.grant("rosa", WIDE, to="hostel")
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        await c.hostel.drain()
        assert len((await c.hostel.history("room-4")).elements) == 1, "control"
        size = await world.size()
        for wrong_by in (timedelta(seconds=130), timedelta(seconds=-130)):
            apart = wrong_by
            assert (await refused(c.hostel.fetch()))[1] == "CLOCK_IN_DOUBT"
            assert (await refused(c.hostel.history("room-4")))[1] == "CLOCK_IN_DOUBT"
        assert await entries(world, size) == []
        apart = timedelta(seconds=110)
        assert len((await c.hostel.history("room-4")).elements) == 1, "as before"
