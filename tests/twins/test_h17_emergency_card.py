"""H17 (critical): an empty answer tells a night desk nothing. No card, nobody known, and a desk that is the
source of a risk are alike to the byte, and so is all that comes after."""

from pathlib import Path
from typing import Any

import pytest

from hub.use_cases import emergencies
from tests.twins.desk import Desk
from tests.twins.emergency import DETAILS, agree, end, on_duty, open_card, openings, propose_link
from tests.twins.stage import Authority, Stage
from tests.twins.twin import Script, assert_twins, first_difference, worlds

SOMEBODY_ELSE = DETAILS | {"nhs_number": "9434765870"}


async def town(world: Stage) -> tuple[Desk, Desk, Desk]:
    """The street team, a hostel beside it, and the hospital's night desk."""
    outreach = await world.agency("outreach", "STREET_OUTREACH")
    hostel = await world.agency("hostel", "HOSTEL")
    infirmary = await world.agency("infirmary", "HOSPITAL")
    for desk in (outreach, hostel, infirmary):
        await desk.appoint("TWENTY_FOUR_HOURS", "desk", "01632 960199")
    await on_duty(infirmary)
    await infirmary.register("er-77")
    return outreach, hostel, infirmary


async def look(infirmary: Desk, hostel: Desk) -> None:
    """All that anybody at the hospital or the hostel can find out."""
    await open_card(infirmary, "er-77")
    await open_card(infirmary, details=DETAILS, reason="CUSTODY_HEALTH")
    tasks = await infirmary.tasks()
    await infirmary.complete(tasks[0].task_id, "REVIEWED_IN_ORDER")
    for desk in (infirmary, hostel):
        await desk.tasks()
        await openings(desk)


async def a_risk(world: Stage, hidden: bool) -> None:
    """Sam has a card, and shut the hospital out as the source of a risk; or mia, whom it never met."""
    outreach, hostel, infirmary = await town(world)
    await outreach.register("sam", given_name="Sam", **DETAILS)
    await outreach.register("mia")
    await propose_link(outreach, "sam", infirmary, "er-77")
    about = "sam" if hidden else "mia"
    await agree(outreach, about)
    await outreach.exclude(about, "infirmary", linked_to_risk=True)
    await look(infirmary, hostel)


async def nobody_known(world: Stage, hidden: bool) -> None:
    """Sam is known to the street team and has no card; or somebody else is, with other details."""
    outreach, hostel, infirmary = await town(world)
    details = DETAILS if hidden else SOMEBODY_ELSE
    await outreach.register("sam", given_name="Sam", **details)
    await look(infirmary, hostel)


async def ended(world: Stage, hidden: bool) -> None:
    """Sam's card was ended; or mia's, and Sam never had one."""
    outreach, hostel, infirmary = await town(world)
    await outreach.register("sam", given_name="Sam", **DETAILS)
    await outreach.register("mia")
    about = "sam" if hidden else "mia"
    await agree(outreach, about)
    await end(outreach, about)
    await look(infirmary, hostel)


@pytest.mark.parametrize("script", [a_risk, nobody_known, ended])
async def test_h17_no_card_no_match_and_a_risk_are_alike(
    tmp_path: Path, authority: Authority, script: Script
) -> None:
    await assert_twins(tmp_path, authority, script, "infirmary", "hostel")


async def a_card(world: Stage, hidden: bool) -> None:
    """Sam's card, or mia's."""
    outreach, hostel, infirmary = await town(world)
    await outreach.register("sam", given_name="Sam", **DETAILS)
    await outreach.register("mia")
    await agree(outreach, "sam" if hidden else "mia")
    await look(infirmary, hostel)


@pytest.mark.parametrize(("observer", "differs"), [("infirmary", True), ("hostel", False)])
async def test_h17_control_a_card_is_given_and_a_third_agency_never_hears(
    tmp_path: Path, authority: Authority, observer: str, differs: bool
) -> None:
    hidden, plain = await worlds(tmp_path, authority, a_card)
    assert bool(first_difference(hidden[observer], plain[observer])) == differs
    grew = [[seen.grew for seen in world[observer]] for world in (hidden, plain)]
    assert grew[0] == grew[1], "the ledger grows alike whatever a desk is given"


@pytest.mark.parametrize(
    ("script", "control", "without"),
    [
        (a_risk, "_sources_of_risk", lambda *_: frozenset()),
        (ended, "_standing", lambda index, registration_id: index.emergencies.newest(registration_id)),
    ],
)
async def test_h17_without_its_control_a_difference_is_seen(
    tmp_path: Path,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    script: Script,
    control: str,
    without: Any,
) -> None:
    monkeypatch.setattr(emergencies, control, without)
    hidden, plain = await worlds(tmp_path, authority, script)
    assert first_difference(hidden["infirmary"], plain["infirmary"])
