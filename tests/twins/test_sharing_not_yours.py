"""Another agency's request, override, decision or client is answered like one that never was, to the byte."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import grpc
import pytest

from tests.twins.cast import dose
from tests.twins.colleague import Colleague, hired
from tests.twins.desk import Seen
from tests.twins.stage import Authority, stage

TOLD = ("PHYSICAL_HEALTH", "SERVICE_CONTACT")
NEVER = str(UUID(int=7, version=4))
Quoting = Callable[[Colleague, str], Awaitable[object]]

BY_ID: dict[str, tuple[str, Quoting]] = {
    "permits": ("request", lambda who, its: who.permit(its)),
    "refuses": ("request", lambda who, its: who.refuse(its)),
    "authorises": ("override", lambda who, its: who.authorise(its)),
    "declines": ("override", lambda who, its: who.authorise(its, decline=True)),
    "countersigns": ("decision", lambda who, its: who.countersign(its)),
    "ends": ("decision", lambda who, its: who.end(its)),
}
BY_CLIENT: dict[str, Quoting] = {
    "asks": lambda who, its: who.request(its),
    "asks for an override": lambda who, its: who.ask_for_override(its, "ward"),
    "decides at once": lambda who, its: who.decide_at_once(its, "ward"),
    "looks": lambda who, its: who.decisions(its),
}


async def refused(call: Awaitable[object], who: Colleague) -> Seen:
    """What the caller was told, without what it asked itself."""
    with pytest.raises(grpc.aio.AioRpcError):
        await call
    seen = who.desk.seen[-1]
    return Seen(seen.method, b"", seen.answered, seen.error, seen.grew)


async def test_what_is_anothers_is_told_like_what_is_not_there(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        clinic = await world.agency("clinic", "PRIMARY_CARE", receives=TOLD)
        ward = await world.agency("ward", "HOSPITAL", receives=TOLD)
        refuge = await world.agency("refuge", "STREET_OUTREACH", receives=TOLD)
        await clinic.register("c-1")
        await ward.register("w-1")
        await refuge.register("r-1")
        await clinic.link("c-1", ward, "w-1")
        await clinic.publish("c-1", "dose-1", assessment=dose("40mg"))
        lead = await (await hired(clinic, "lead-1", "SAFEGUARDING_LEAD")).works_with("c-1")
        asker = await hired(ward, "sister-1", "SAFEGUARDING_LEAD")
        theirs = {
            "request": (await asker.request("w-1")).sharing_request_id,
            "override": await lead.ask_for_override("c-1", "ward"),
            "decision": await lead.decide_at_once("c-1", "ward"),
        }
        stranger = await (await hired(refuge, "lead-9", "SAFEGUARDING_LEAD")).works_with("r-1")
        for name, (kind, quoting) in BY_ID.items():
            of_theirs = await refused(quoting(stranger, theirs[kind]), stranger)
            of_nothing = await refused(quoting(stranger, NEVER), stranger)
            assert of_theirs == of_nothing, name
            assert of_theirs.error is not None
            assert of_theirs.error[0] == "StatusCode.NOT_FOUND", name
        for name, by_client in BY_CLIENT.items():
            of_theirs = await refused(by_client(stranger, "c-1"), stranger)
            assert of_theirs == await refused(by_client(stranger, "never-1"), stranger), name
        # The asker itself does not answer its own request, and the holder finds each of them.
        assert await refused(asker.refuse(theirs["request"]), asker) == await refused(
            asker.refuse(NEVER), asker
        )
        other = await hired(clinic, "guardian-1", "CALDICOTT_GUARDIAN")
        await other.countersign(theirs["decision"])
        await other.end(theirs["decision"])
        await other.authorise(theirs["override"])
        await other.refuse(theirs["request"])


async def test_an_override_is_answered_alike_whatever_others_shut_out(
    tmp_path: Path, authority: Authority
) -> None:
    """The lead is not told of another agency's exclusion for a risk, nor of its protected address."""
    told = []
    for hidden in (True, False):
        async with stage(tmp_path / str(hidden), authority) as world:
            clinic = await world.agency("clinic", "PRIMARY_CARE")
            refuge = await world.agency("refuge", "STREET_OUTREACH")
            await world.agency("ward", "HOSPITAL", receives=TOLD)
            for desk, reference in ((clinic, "c-1"), (refuge, "r-1"), (refuge, "r-2")):
                await desk.register(reference)
            await clinic.link("c-1", refuge, "r-1")
            await clinic.publish("c-1", "dose-1", assessment=dose("40mg"))
            await refuge.exclude("r-1" if hidden else "r-2", "ward", linked_to_risk=True)
            await refuge.mark("r-1" if hidden else "r-2", "PROTECTED_ADDRESS")
            nurse = await (await hired(clinic, "nurse-1", "KEYWORKER")).works_with("c-1")
            lead = await hired(clinic, "lead-1", "SAFEGUARDING_LEAD")
            await lead.authorise(await nurse.ask_for_override("c-1", "ward"))
            await lead.decide_at_once("c-1", "ward")
            await lead.decisions("c-1")
            await clinic.tasks()
            told.append(list(clinic.seen))
    assert told[0] == told[1]
