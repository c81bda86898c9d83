"""What is kept for as long as agreed is erased on its day, piece by piece; a hold keeps what it names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from hub.use_cases.upkeep import erase_due
from oncetold.v1 import erasure_service_pb2 as messages
from tests.erasure.asking import due, erasures, hold, lift
from tests.twins.cast import Cast, bedded_down, cast, dose
from tests.twins.stage import Authority, stage

SHARED = ("ACCOMMODATION", "SERVICE_CONTACT", "PHYSICAL_HEALTH")
DAY = timedelta(days=1)


@asynccontextmanager
async def kept(folder: Path, authority: Authority) -> AsyncIterator[Cast]:
    """Two agreements: one keeps where somebody stays for 30 days, the other for 40, and health for 60."""
    async with stage(folder, authority) as world:
        c = await cast(world, ends=dict.fromkeys(SHARED, "STOP"))
        await world.agreement(
            ("outreach", "hostel"),
            {"ACCOMMODATION": "STOP"},
            agreement_id="isa-2",
            kept={"ACCOMMODATION": 30},
        )
        await world.agreement(
            ("outreach", "elsewhere"),
            {"ACCOMMODATION": "STOP", "PHYSICAL_HEALTH": "STOP"},
            agreement_id="isa-3",
            kept={"ACCOMMODATION": 40, "PHYSICAL_HEALTH": 60},
        )
        await c.outreach.grant("rosa", SHARED, to="hostel")
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        await c.outreach.publish("rosa", "dose-1", assessment=dose("40mg"))
        await c.hostel.drain()
        assert len(c.hostel.store) == 2
        yield c


async def test_the_longest_period_counts_and_is_listed_ahead(tmp_path: Path, authority: Authority) -> None:
    async with kept(tmp_path, authority) as c:
        begun = c.stage.clock.now()
        assert await due(c.outreach, 39) == []
        ahead = await due(c.outreach, 61)
        assert [
            (one.record_id, (one.due_time.ToDatetime() - begun.replace(tzinfo=None)).days) for one in ahead
        ] == [
            ("visit-1", 40),
            ("dose-1", 60),
        ]
        assert await due(c.hostel, 366) == [], "nobody is told of another's"


async def test_on_its_day_it_is_erased_and_only_then(tmp_path: Path, authority: Authority) -> None:
    async with kept(tmp_path, authority) as c:
        c.stage.clock.advance(39 * DAY)
        assert await erase_due(c.stage.hub) == 0
        c.stage.clock.advance(DAY)
        size = await c.stage.size()
        assert await c.hostel.drain() == [], "time decides nothing by itself"
        assert await c.stage.size() > size
        assert await erase_due(c.stage.hub) == 1
        await c.hostel.drain()
        assert len(c.hostel.store) == 1
        [erasure] = (await erasures(c.outreach)).erasures
        assert (erasure.ground, erasure.fragments) == (messages.ERASURE_GROUND_RETENTION, 1)
        assert await erase_due(c.stage.hub) == 0, "once"
        await c.stage.hub.rebuild()
        assert [one.record_id for one in await due(c.outreach, 366)] == ["dose-1"]


async def test_what_is_told_anew_is_kept_anew(tmp_path: Path, authority: Authority) -> None:
    async with kept(tmp_path, authority) as c:
        c.stage.clock.advance(20 * DAY)
        await c.outreach.publish("rosa", "visit-1", revision=2, contact=bedded_down())
        c.stage.clock.advance(20 * DAY)
        assert await erase_due(c.stage.hub) == 0
        c.stage.clock.advance(20 * DAY)
        assert await erase_due(c.stage.hub) == 1
        await c.hostel.drain()
        assert len(c.hostel.store) == 0, "the dose was told sixty days ago, the visit forty"


async def test_a_hold_keeps_what_it_names_until_it_ends(tmp_path: Path, authority: Authority) -> None:
    async with kept(tmp_path, authority) as c:
        hold_id = await hold(c.outreach, "rosa", "visit-1", review=c.stage.clock.now() + 100 * DAY)
        c.stage.clock.advance(60 * DAY)
        assert {one.record_id: one.held for one in await due(c.outreach)} == {
            "visit-1": True,
            "dose-1": False,
        }
        assert await erase_due(c.stage.hub) == 1
        [erasure] = (await erasures(c.outreach)).erasures
        assert erasure.fragments == 1
        await lift(c.outreach, hold_id)
        assert await erase_due(c.stage.hub) == 1
        assert await due(c.outreach, 366) == []
