"""H16 and H3: what somebody has to look at at one agency is nothing at all to every other, its lead included
where its own copies are taken back."""

from pathlib import Path

import pytest

from tests.twins.cast import ERASED, cast
from tests.twins.stage import Authority, Stage
from tests.twins.twin import Script, assert_twins, first_difference, worlds

NEVER = "0f6a4d38-0000-4000-8000-000000000000"


def withdrawn(on_end: str) -> Script:
    """The hostel leads for Rosa. Hers is withdrawn at the outreach team, or another person's it never met."""

    async def script(world: Stage, hidden: bool) -> None:
        c = await cast(world, ends=dict.fromkeys(ERASED, on_end))
        await world.appoint_lead(c.hostel, "room-4", "hostel")
        health = ("PHYSICAL_HEALTH", "SERVICE_CONTACT")
        grants = {one: await c.outreach.grant(one, health, to="hostel") for one in ("rosa", "mia")}
        await c.hostel.drain()
        about = "rosa" if hidden else "mia"
        await c.outreach.withdraw(about, grants[about])
        [task] = await c.outreach.tasks()
        assert task.client_reference == about, "control: somebody has to look"
        for desk in (c.hostel, c.elsewhere):
            await desk.tasks()
            await desk.refused(desk.complete(NEVER, "ASKED"))
        await c.hostel.tasks("room-4")
        await c.hostel.history("room-4")
        await c.hostel.drain()

    return script


async def test_h16_another_agencys_task_is_nothing_at_all(tmp_path: Path, authority: Authority) -> None:
    await assert_twins(tmp_path, authority, withdrawn("ERASE"), "hostel", "elsewhere")


@pytest.mark.parametrize(("observer", "differs"), [("hostel", True), ("elsewhere", False)])
async def test_h16_control_where_copies_stay_greyed_the_lead_is_told(
    tmp_path: Path, authority: Authority, observer: str, differs: bool
) -> None:
    hidden, plain = await worlds(tmp_path, authority, withdrawn("RESTRICT"))
    assert bool(first_difference(hidden[observer], plain[observer])) == differs
