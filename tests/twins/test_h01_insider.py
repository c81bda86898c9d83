"""H1 (critical): an ex-partner at a partner agency registers her, every detail right: nothing."""

from pathlib import Path

import pytest

from tests.integration.loopback import refused
from tests.twins.cast import TOLD_ABOUT, bedded_down, cast, dose
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage
from tests.twins.twin import assert_twins

HERS = {"nhs_number": "9434765919", "birth_date": "1991-04-17", "given_name": "Rosa", "family_name": "Lind"}
UNKNOWN = {"nhs_number": "9434765870", "birth_date": "1968-11-02", "given_name": "Ada", "family_name": "Roe"}


async def insider(world: Stage) -> Desk:
    """A partner agency like any other; somebody there is not."""
    desk = await world.agency("landlord", "HOUSING", receives=TOLD_ABOUT)
    await world.agreement(("outreach", "landlord"), dict.fromkeys(TOLD_ABOUT, "ERASE"), agreement_id="isa-2")
    return desk


async def everything_an_insider_tries(desk: Desk) -> None:
    """Registers her, looks, takes her consent himself, says that he works with her, and waits."""
    await desk.register("file-1", **HERS)
    await desk.history("file-1")
    await desk.fetch()
    await desk.grant("file-1", TOLD_ABOUT, to="landlord")
    outcome = await refused(desk.say_involved("file-1", "landlord", "EMERGENCY"))
    assert outcome[1] == "SELF_CONFIRMATION"
    await desk.fetch(wait=0.3)
    await desk.history("file-1")
    await desk.feed_status()


async def known_person(world: Stage, *, as_hers: bool) -> None:
    """The street team knows her; she said yes to her whole support team."""
    outreach = world.desks["outreach"]
    await outreach.register("lind", **(HERS if as_hers else UNKNOWN))
    await outreach.grant("lind", ("ACCOMMODATION", "SERVICE_CONTACT", "PHYSICAL_HEALTH"), support_team=True)
    await outreach.publish("lind", "visit-1", contact=bedded_down())
    await outreach.publish("lind", "medicine-1", assessment=dose("60mg"))


async def test_h1_a_strangers_exact_details_are_answered_like_an_unknown_persons(
    tmp_path: Path, authority: Authority
) -> None:
    async def script(world: Stage, hidden: bool) -> None:
        await cast(world)
        desk = await insider(world)
        await known_person(world, as_hers=hidden)
        await everything_an_insider_tries(desk)
        await world.desks["outreach"].publish("lind", "visit-2", contact=bedded_down())
        await desk.fetch(wait=0.3)
        assert desk.store == {} and desk.bookmark == 0, "0 bytes"

    await assert_twins(tmp_path, authority, script, "landlord", "hostel", "elsewhere")


@pytest.mark.parametrize("grant", ["support team", "service type", "named before", "self-captured clinical"])
async def test_h1_even_a_confirmed_link_and_a_wide_grant_deliver_nothing(
    grant: str, tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        outreach = (await cast(world)).outreach
        desk = await insider(world)
        await outreach.register("lind")
        wide = ("ACCOMMODATION", "SERVICE_CONTACT", "PHYSICAL_HEALTH")
        grant_id = ""
        if grant == "named before":
            grant_id = await outreach.grant("lind", wide, to="landlord")
        await desk.register("file-1")
        await outreach.link("lind", desk, "file-1")
        if grant == "support team":
            await outreach.grant("lind", wide, support_team=True)
        elif grant == "service type":
            await outreach.grant("lind", wide, service_type="HOUSING")
        elif grant == "self-captured clinical":
            await desk.grant("file-1", wide, to="landlord")
        if grant != "self-captured clinical":
            await outreach.publish("lind", "visit-1", contact=bedded_down())
        await outreach.publish("lind", "medicine-1", assessment=dose("60mg"))

        assert await desk.drain() == []
        assert list((await desk.history("file-1")).elements) == []
        if grant_id:
            outcome = await refused(desk.reconfirm("file-1", grant_id))
            assert outcome[1] == "SELF_CONFIRMATION", "nobody confirms itself"
            assert await desk.drain() == []

        # Control: her own agency names the landlord, later than his registration, or confirms that it did.
        if grant_id:
            await outreach.reconfirm("lind", grant_id)
        else:
            await outreach.grant("lind", wide, to="landlord")
        await desk.drain()
        assert len(desk.store) == (1 if grant == "self-captured clinical" else 2)
