"""H4 (critical): copies of every cause are taken back alike, at night, so that the moment tells nobody why.

The hostel's feed gives copies back at three in the morning. Rosa takes a yes back at nine: what is read live
is cut at once, and the copy goes with all others of that day, whatever their cause. If she says *now*, it
goes now.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.erasure.asking import erase
from tests.twins.cast import TOLD_ABOUT, bedded_down, dose
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage

MORNING = datetime(2026, 3, 3, 9, tzinfo=UTC)
NIGHT = datetime(2026, 3, 4, 3, tzinfo=UTC)
SHARED = ("ACCOMMODATION", "SERVICE_CONTACT", "PHYSICAL_HEALTH")


@asynccontextmanager
async def morning(folder: Path, authority: Authority) -> AsyncIterator[tuple[Stage, Desk, Desk, str]]:
    """Nine in the morning: the hostel holds a dose and a visit."""
    async with stage(folder, authority) as world:
        outreach = await world.agency("outreach", "STREET_OUTREACH")
        hostel = await world.agency("hostel", "HOSTEL", receives=TOLD_ABOUT, retraction_window="03:00")
        await world.agreement(("outreach", "hostel"), dict.fromkeys(SHARED, "ERASE"))
        await outreach.register("rosa")
        await hostel.register("room-4")
        await outreach.link("rosa", hostel, "room-4")
        grant_id = await outreach.grant("rosa", SHARED, to="hostel")
        await outreach.publish("rosa", "dose-1", assessment=dose("40mg"))
        await outreach.publish("rosa", "visit-1", contact=bedded_down())
        world.clock.advance(MORNING - world.clock.now())
        await hostel.drain()
        assert len(hostel.store) == 2
        yield world, outreach, hostel, grant_id


@pytest.mark.parametrize("cause", ["withdrawal", "refusal", "exclusion", "category"])
async def test_nobody_reads_it_any_more_and_the_copy_goes_at_night(
    tmp_path: Path, authority: Authority, cause: str
) -> None:
    async with morning(tmp_path, authority) as (world, outreach, hostel, grant_id):
        match cause:
            case "withdrawal":
                await outreach.withdraw("rosa", grant_id)
            case "refusal":
                await outreach.refuse("rosa", to="hostel")
            case "exclusion":
                await outreach.exclude("rosa", "hostel")
            case _:
                await outreach.exclude("rosa", kind="PHYSICAL_HEALTH")
        left = 1 if cause == "category" else 0
        assert len((await hostel.history("room-4")).elements) == left, "what is read live is cut at once"
        assert await hostel.fetch() == [] and len(hostel.store) == 2
        world.clock.advance(NIGHT - timedelta(minutes=1) - world.clock.now())
        assert await hostel.fetch() == []
        world.clock.advance(timedelta(minutes=1))
        gone = await hostel.drain()
        assert [one.WhichOneof("step") for one in gone] == ["retract"] * (2 - left)
        assert len(hostel.store) == left


@pytest.mark.parametrize("said", ["withdrawal", "refusal", "exclusion"])
async def test_she_says_now_and_it_goes_now(tmp_path: Path, authority: Authority, said: str) -> None:
    async with morning(tmp_path, authority) as (_, outreach, hostel, grant_id):
        match said:
            case "withdrawal":
                await outreach.withdraw("rosa", grant_id, at_once=True)
            case "refusal":
                await outreach.refuse("rosa", to="hostel", at_once=True)
            case _:
                await outreach.exclude("rosa", "hostel", at_once=True)
        await hostel.drain()
        assert hostel.store == {}


async def test_what_is_new_does_not_wait_for_the_night(tmp_path: Path, authority: Authority) -> None:
    async with morning(tmp_path, authority) as (_, outreach, hostel, _):
        await outreach.exclude("rosa", kind="PHYSICAL_HEALTH")
        await outreach.publish("rosa", "visit-2", contact=bedded_down())
        [new] = await hostel.drain()
        assert new.WhichOneof("step") == "disclose" and len(hostel.store) == 3


@pytest.mark.parametrize("part", ["dose-1", "PHYSICAL_HEALTH", "everything"])
async def test_what_is_erased_goes_at_night_like_everything_else(
    tmp_path: Path, authority: Authority, part: str
) -> None:
    async with morning(tmp_path, authority) as (world, outreach, hostel, _):
        await erase(outreach, "rosa", part)
        assert await hostel.fetch() == [] and len(hostel.store) == 2, "the moment would tell the cause"
        world.clock.advance(NIGHT - world.clock.now())
        await hostel.drain()
        assert len(hostel.store) == (0 if part == "everything" else 1)


@pytest.mark.parametrize("first", ["now", "erased"])
async def test_what_she_said_now_of_goes_now_though_it_is_erased(
    tmp_path: Path, authority: Authority, first: str
) -> None:
    """Nobody can tell any more what the erased copy was about: it may be what she meant."""
    async with morning(tmp_path, authority) as (_, outreach, hostel, _):
        if first == "erased":
            await erase(outreach, "rosa", "dose-1")
        await outreach.exclude("rosa", kind="PHYSICAL_HEALTH", at_once=True)
        if first == "now":
            await erase(outreach, "rosa", "dose-1")
        [gone] = await hostel.drain()
        assert gone.WhichOneof("step") == "retract" and len(hostel.store) == 1


async def test_an_erased_copy_that_may_hold_a_protected_place_goes_now(
    tmp_path: Path, authority: Authority
) -> None:
    async with morning(tmp_path, authority) as (_, outreach, hostel, _):
        await erase(outreach, "rosa", "dose-1")
        await outreach.mark("rosa", "PROTECTED_ADDRESS")
        await hostel.drain()
        assert len(hostel.store) == 1
