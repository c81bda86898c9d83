"""H1 (critical): the lead hears that one more agency says it works with her: not which, and not of every one.

He may work at the agency that registers her: it is told nothing, whether she has a lead who hears or none.
He may work at her lead: a confidential service, and one that she keeps apart from it, are nobody to him. And
what is read there names no agency, so no place.
"""

from datetime import UTC
from pathlib import Path

import pytest

from hub.projections import newcomers
from oncetold.v1.task_service_pb2 import TASK_KIND_NEW_INVOLVEMENT, Task
from tests.twins.cast import TOLD_ABOUT, cast
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage
from tests.twins.test_h01_insider import HERS, UNKNOWN
from tests.twins.twin import Script, assert_twins, first_difference, worlds

SHUT_OUT = (
    "newcomer",
    "lead",
    "person at the lead",
    "who works with me",
    "newcomer, quietly",
    "all, quietly",
)


async def heard(desk: Desk) -> list[Task]:
    return [one for one in await desk.tasks() if one.kind == TASK_KIND_NEW_INVOLVEMENT]


async def her_lead(world: Stage, **details: str) -> Desk:
    """The street team leads for her; the cast's other agencies are there."""
    outreach = (await cast(world)).outreach
    await outreach.register("lind", **details)
    await world.appoint_lead(outreach, "lind", "outreach")
    return outreach


async def by_token(known_as: str, who: Desk, newcomer: Desk, reference: str) -> None:
    """Somebody who knows her hands the newcomer a token."""
    await newcomer.register(reference)
    await who.link(known_as, newcomer, reference)


async def test_h1_the_lead_hears_of_it_and_asks_her(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        outreach = await her_lead(world, **HERS)
        landlord = await world.agency("landlord", "HOUSING", receives=TOLD_ABOUT)
        assert await heard(outreach) == []
        await landlord.register("file-1", **HERS)
        [task] = await heard(outreach)
        assert (task.client_reference, task.overdue) == ("lind", False)
        assert task.due_time.ToDatetime(UTC) > world.clock.now()
        assert "alone" in task.sentence and "landlord" not in str(task).lower(), "not which, so not where"
        for desk in (landlord, world.desks["hostel"], world.desks["elsewhere"]):
            assert await heard(desk) == []
        await world.hub.rebuild()
        assert [one.task_id for one in await heard(outreach)] == [task.task_id]
        await outreach.complete(task.task_id, "PERSON_SAYS_NO")
        assert await heard(outreach) == []
        # He tries again: closes her file and opens it anew.
        await landlord.close("file-1")
        assert await heard(outreach) == []
        await landlord.register("file-1", **HERS)
        assert len(await heard(outreach)) == 1
        # What nobody who leads did not do is asked about; what the lead did itself is not.
        hostel = world.desks["hostel"]
        await by_token("lind", outreach, hostel, "room-8")
        assert len(await heard(outreach)) == 1


async def test_h1_two_that_act_together_are_heard_too(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        outreach = await her_lead(world)
        hostel = world.desks["hostel"]
        landlord = await world.agency("landlord", "HOUSING", receives=TOLD_ABOUT)
        await by_token("lind", outreach, hostel, "room-8")
        assert await heard(outreach) == [], "the lead handed over the token itself"
        await by_token("room-8", hostel, landlord, "file-1")
        [task] = await heard(outreach)
        await outreach.complete(task.task_id, "PERSON_KNOWS_OF_IT")
        await hostel.say_involved("room-8", "landlord", "REFERRAL")
        assert len(await heard(outreach)) == 1, "another says that it works with her"
        await outreach.say_involved("lind", "landlord", "LEAD")
        assert len(await heard(outreach)) == 1, "the lead's own word is no news to it"


def confidential(kind: str) -> Script:
    """A service of hers is linked to her; or to somebody else, whom the lead does not know."""

    async def script(world: Stage, hidden: bool) -> None:
        outreach = await her_lead(world, **HERS)
        hostel = world.desks["hostel"]
        await by_token("lind", outreach, hostel, "room-8")
        await hostel.register("room-9")
        service = await world.agency("service", kind)
        await by_token("room-8" if hidden else "room-9", hostel, service, "s-1")
        await outreach.tasks()
        await hostel.say_involved("room-8" if hidden else "room-9", "service", "REFERRAL")
        await outreach.tasks()
        await outreach.tasks("lind")

    return script


@pytest.mark.parametrize("kind", ["DOMESTIC_ABUSE", "SEXUAL_HEALTH"])
async def test_h1_a_confidential_service_is_nobody_to_the_lead(
    kind: str, tmp_path: Path, authority: Authority
) -> None:
    await assert_twins(tmp_path, authority, confidential(kind), "outreach", "elsewhere")


async def choose(desk: Desk, reference: str, what: str) -> None:
    match what:
        case "newcomer":
            await desk.exclude(reference, "landlord")
        case "lead":
            await desk.exclude(reference, "outreach")
        case "person at the lead":
            await desk.exclude(reference, "outreach", staff="dave")
        case "who works with me":
            await desk.exclude(reference, kind="SERVICE_CONTACT")
        case "newcomer, quietly":
            await desk.refuse(reference, to="landlord", quiet=True)
        case "all, quietly":
            await desk.refuse(reference, quiet=True)


def chosen(what: str) -> Script:
    """She told the hostel so, then the landlord registers her; or it registers a stranger."""

    async def script(world: Stage, hidden: bool) -> None:
        outreach = await her_lead(world, **HERS)
        hostel = world.desks["hostel"]
        await by_token("lind", outreach, hostel, "room-8")
        await hostel.register("room-9")
        await choose(hostel, "room-8" if hidden else "room-9", what)
        landlord = await world.agency("landlord", "HOUSING", receives=TOLD_ABOUT)
        await landlord.register("file-1", **(HERS if hidden else UNKNOWN))
        await outreach.tasks()
        await hostel.say_involved("room-8" if hidden else "room-9", "landlord", "REFERRAL")
        await outreach.tasks()

    return script


@pytest.mark.parametrize("what", SHUT_OUT)
async def test_h1_what_she_keeps_apart_is_nobody_to_the_lead(
    what: str, tmp_path: Path, authority: Authority
) -> None:
    await assert_twins(tmp_path, authority, chosen(what), "outreach")


async def test_h1_nobody_silences_what_is_said_of_itself(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        outreach = await her_lead(world)
        hostel = world.desks["hostel"]
        landlord = await world.agency("landlord", "HOUSING", receives=TOLD_ABOUT)
        await by_token("lind", outreach, hostel, "room-8")
        await landlord.register("file-1")
        await landlord.exclude("file-1", "landlord")
        await landlord.refuse("file-1", to="landlord", quiet=True)
        await hostel.link("room-8", landlord, "file-1")
        assert len(await heard(outreach)) == 1


async def test_h1_who_registers_her_cannot_tell_that_her_lead_hears(
    tmp_path: Path, authority: Authority
) -> None:
    async def script(world: Stage, hidden: bool) -> None:
        outreach = await her_lead(world, **(HERS if hidden else UNKNOWN))
        landlord = await world.agency("landlord", "HOUSING", receives=TOLD_ABOUT)
        await landlord.register("file-1", **HERS)
        found = await heard(outreach)
        assert bool(found) is hidden
        if hidden:
            await outreach.complete(found[0].task_id, "PERSON_SAYS_NO")
        else:
            await outreach.exclude("lind", "elsewhere")
        await landlord.tasks()
        await landlord.history("file-1")
        await landlord.list_disclosures("file-1")
        await landlord.fetch()

    await assert_twins(tmp_path, authority, script, "landlord")


@pytest.mark.parametrize("control", ["_is_kept_apart", "CONFIDENTIAL_SERVICES"])
async def test_h1_without_the_control_her_lead_would_hear_of_the_refuge(
    control: str, tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_of_all: object = frozenset() if control.isupper() else lambda *_: False
    monkeypatch.setattr(newcomers, control, told_of_all)
    script = confidential("DOMESTIC_ABUSE") if control.isupper() else chosen("lead")
    one, other = await worlds(tmp_path, authority, script)
    assert "ListTasks" in first_difference(one["outreach"], other["outreach"])
    assert first_difference(one["elsewhere"], other["elsewhere"]) == ""
