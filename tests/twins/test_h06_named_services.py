"""H6, VOCABULARY 1.6: which service somebody is sent to tells why. A hostel that may know who works with her
learns of no refuge, whoever wrote its name and where; and cannot tell that there is one."""

from pathlib import Path
from typing import Any

import pytest

from hub.use_cases import publish
from oncetold.v1 import records_pb2 as r
from tests.twins.cast import TOLD_ABOUT, Cast, cast
from tests.twins.places import coding
from tests.twins.stage import Authority, Stage, stage
from tests.twins.twin import assert_twins, first_difference, worlds

REFERRED = ("SERVICE_CONTACT",)
NAMED: dict[str, dict[str, Any]] = {
    "by what it is called here, as lead": {
        "lead_agency_change": r.LeadAgencyChange(to_agency_id="north-star", client_informed=True)
    },
    "by its name, in a referral": {
        "referral": r.Referral(to_service="The North Star Project", status=coding("accepted"))
    },
    "by what it is": {"referral": r.Referral(to_service="Women's Aid", status=coding("accepted"))},
    "in brackets behind a worker": {
        "worker_assigned": r.WorkerAssigned(worker_name="Sam (IDVA)", role=coding("advocate"))
    },
    "by a code": {"contact": r.Contact(service=coding("svc/DomesticAbuse"), mode=coding("phone"))},
    "a clinic": {"contact": r.Contact(service=coding("sexual_health_clinic"), mode=coding("phone"))},
    "a lawyer": {"referral": r.Referral(to_service="Asylum Aid", status=coding("accepted"))},
}
PLAIN: dict[str, dict[str, Any]] = {
    "lead_agency_change": {"lead_agency_change": r.LeadAgencyChange(client_informed=True)},
    "referral": {"referral": r.Referral(status=coding("accepted"))},
    "worker_assigned": {"worker_assigned": r.WorkerAssigned(role=coding("advocate"))},
    "contact": {"contact": r.Contact(mode=coding("phone"))},
}


async def town(world: Stage) -> Cast:
    """A refuge takes part that is called something else; the hostel may know who works with Rosa."""
    await world.agency("north-star", "DOMESTIC_ABUSE")
    at = await cast(world)
    await at.outreach.grant("rosa", REFERRED, to="hostel")
    return at


@pytest.mark.parametrize("how", NAMED)
async def test_h6_a_refuge_that_is_named_is_like_none(how: str, tmp_path: Path, authority: Authority) -> None:
    [kind] = NAMED[how]

    async def script(world: Stage, hidden: bool) -> None:
        at = await town(world)
        await at.outreach.publish("rosa", "r-1", **(NAMED[how] if hidden else PLAIN[kind]))
        await at.hostel.drain()
        await at.hostel.history("room-4")

    await assert_twins(tmp_path, authority, script, "hostel")


async def test_h6_it_is_told_to_whom_she_lets_know_of_it(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        at = await town(world)
        wide = (*TOLD_ABOUT, "DOMESTIC_ABUSE")
        council = await world.agency("council", "HOUSING", receives=wide)
        await world.agreement(("outreach", "council"), dict.fromkeys(wide, "ERASE"), agreement_id="isa-2")
        await council.register("c-7")
        await at.outreach.link("rosa", council, "c-7")
        for number, content in enumerate(list(NAMED.values())[:4]):
            await at.outreach.publish("rosa", f"r-{number}", **content)
        # An ordinary service is named to whoever may know of any.
        await at.outreach.publish("rosa", "r-9", referral=r.Referral(to_service="Day Centre"))
        await at.outreach.grant("rosa", ("SERVICE_CONTACT", "DOMESTIC_ABUSE"), to="council")
        await council.drain()
        told = str(list(council.store.values()))
        for name in ("north-star", "The North Star Project", "Women", "Sam (IDVA)", "Day Centre"):
            assert name in told
        await at.hostel.drain()
        assert "Day Centre" in str(list(at.hostel.store.values()))


async def test_h6_a_refuge_that_is_named_would_be_noticed(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "told_apart", lambda fragments, *_: list(fragments))

    async def script(world: Stage, hidden: bool) -> None:
        at = await town(world)
        referral = "by its name, in a referral"
        await at.outreach.publish("rosa", "r-1", **(NAMED[referral] if hidden else PLAIN["referral"]))
        await at.hostel.drain()

    hidden, plain = await worlds(tmp_path, authority, script)
    assert first_difference(hidden["hostel"], plain["hostel"]) != ""
