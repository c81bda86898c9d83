"""H28 (high): who somebody was before lives inside matching only: never shown, compared or exported.

Of a change of sex marker only the NHS number before it is taken: whoever changes it is given a new one.

Each control is removed once, in the tests whose names begin with `test_h28_without` or say `control`.
"""

from pathlib import Path
from typing import Any

import pytest

from hub.records import splitter
from hub.use_cases import registrations
from oncetold.v1 import common_pb2, records_pb2, registration_service_pb2
from tests.integration.loopback import refused
from tests.twins.cast import TOLD_ABOUT, bedded_down
from tests.twins.desk import Desk
from tests.twins.places import coding
from tests.twins.stage import Authority, Stage, stage
from tests.twins.twin import assert_twins

NHS, BORN = "9434765919", "1991-04-17"
NHS_BEFORE, NHS_OTHER = "4857773457", "4010232137"
NOW, BEFORE, OTHER = "Lindqvist", "Zuberbühler", "Quarrington"


async def known_as(
    desk: Desk,
    reference: str,
    family_name: str,
    *former: str,
    number: str = NHS,
    numbers_before: tuple[str, ...] = (),
) -> Any:
    """Registers somebody under the name and number they bear, and those they bore."""
    return await desk.ask(
        "RegistrationService/RegisterClient",
        registration_service_pb2.RegisterClientRequest(
            request_id=desk.stage.request_id(),
            client_reference=reference,
            matching_details=registration_service_pb2.MatchingDetails(
                nhs_number=number,
                birth_date=BORN,
                given_name="Kim",
                family_name=family_name,
                former_family_names=former,
                former_nhs_numbers=numbers_before,
            ),
        ),
        registration_service_pb2.RegisterClientResponse,
    )


async def two_agencies(world: Stage) -> tuple[Desk, Desk]:
    outreach = await world.agency("outreach", "STREET_OUTREACH", receives=TOLD_ABOUT)
    clinic = await world.agency("clinic", "PRIMARY_CARE", receives=TOLD_ABOUT)
    await world.agreement(("outreach", "clinic"), dict.fromkeys(TOLD_ABOUT, "ERASE"))
    return outreach, clinic


async def reaches(desk: Desk, told_by: Desk, theirs: str) -> int:
    """How much of what one agency tells reaches the other, once the person says yes: if linked, 1."""
    await told_by.grant(theirs, TOLD_ABOUT, to=desk.agency_id)
    await told_by.publish(theirs, f"visit-{theirs}", contact=bedded_down())
    await desk.drain()
    return sum(one.content.HasField("contact") for one in desk.store.values())


@pytest.mark.parametrize("first", ["under the old name", "under the new name"])
@pytest.mark.parametrize(("former", "linked"), [((BEFORE,), True), ((OTHER,), False), ((), False)])
async def test_h28_a_former_name_finds_whoever_is_registered_under_it(
    first: str, former: tuple[str, ...], linked: bool, tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, clinic = await two_agencies(world)
        if first == "under the old name":
            await known_as(clinic, "p-1", BEFORE)
            await known_as(outreach, "kim", NOW, *former)
        else:
            await known_as(outreach, "kim", NOW, *former)
            await known_as(clinic, "p-1", BEFORE)
        assert bool(await reaches(clinic, outreach, "kim")) is linked


SEX_MARKER_CHANGED = {
    "name and number": (BEFORE, (BEFORE,), (NHS_BEFORE,), True),
    "the number alone": (NOW, (), (NHS_BEFORE,), True),
    "the number alone, under the name before": (BEFORE, (), (NHS_BEFORE,), False),
    "another number": (BEFORE, (BEFORE,), (NHS_OTHER,), False),
    "no number told": (BEFORE, (BEFORE,), (), False),
    "a number that is none": (BEFORE, (BEFORE,), ("4857773456",), False),
}
"""The name that the other agency has with their number before; what is told as former; whether they match."""


@pytest.mark.parametrize("first", ["the clinic", "the street team"])
@pytest.mark.parametrize("name", SEX_MARKER_CHANGED)
async def test_h28_a_number_before_a_change_of_sex_marker_finds_whoever_is_registered_under_it(
    name: str, first: str, tmp_path: Path, authority: Authority
) -> None:
    theirs, former, numbers, linked = SEX_MARKER_CHANGED[name]
    async with stage(tmp_path, authority) as world:
        outreach, clinic = await two_agencies(world)
        if first == "the clinic":
            await known_as(clinic, "p-1", theirs, number=NHS_BEFORE)
        await known_as(outreach, "kim", NOW, *former, numbers_before=numbers)
        if first != "the clinic":
            await known_as(clinic, "p-1", theirs, number=NHS_BEFORE)
        assert bool(await reaches(clinic, outreach, "kim")) is linked


async def test_h28_two_people_who_only_had_one_number_are_not_one(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, clinic = await two_agencies(world)
        await known_as(outreach, "kim", NOW, numbers_before=(NHS_BEFORE,))
        await known_as(clinic, "p-1", NOW, number=NHS_OTHER, numbers_before=(NHS_BEFORE,))
        assert await reaches(clinic, outreach, "kim") == 0


async def test_h28_two_people_who_only_bore_one_name_are_not_one(
    tmp_path: Path, authority: Authority
) -> None:
    """Former names are never compared with former names: nobody is found by a past both have left."""
    async with stage(tmp_path, authority) as world:
        outreach, clinic = await two_agencies(world)
        await known_as(outreach, "kim", NOW, BEFORE)
        await known_as(clinic, "p-1", OTHER, BEFORE)
        assert await reaches(clinic, outreach, "kim") == 0


@pytest.mark.parametrize("of", ["a name", "a sex marker"])
async def test_h28_nobody_can_tell_whether_there_was_a_former_name(
    of: str, tmp_path: Path, authority: Authority
) -> None:
    """Nor a change of sex marker: the other agency's calls are alike whether it was found by one or not."""

    async def script(world: Stage, hidden: bool) -> None:
        outreach, clinic = await two_agencies(world)
        if of == "a name":
            await known_as(clinic, "p-1", BEFORE)
            await known_as(outreach, "kim", NOW, BEFORE if hidden else OTHER)
        else:
            await known_as(clinic, "p-1", NOW, number=NHS_BEFORE)
            await known_as(outreach, "kim", NOW, numbers_before=(NHS_BEFORE if hidden else NHS_OTHER,))
        waiting = clinic.waiting(0.4)
        await waiting.begun
        await outreach.publish("kim", "visit-1", contact=bedded_down())
        await waiting.answer
        await clinic.history("p-1")
        await clinic.tasks()
        await clinic.list_choices("p-1")
        await clinic.list_disclosures("p-1")
        await clinic.feed_status()

    await assert_twins(tmp_path, authority, script, "clinic")


async def test_h28_it_stands_nowhere(tmp_path: Path, authority: Authority) -> None:
    """Not in an answer, and not in the hub's files, where only keyed labels of it are."""
    async with stage(tmp_path, authority) as world:
        outreach, clinic = await two_agencies(world)
        await known_as(clinic, "p-1", BEFORE)
        await known_as(outreach, "kim", NOW, BEFORE, OTHER, numbers_before=(NHS_BEFORE, NHS_OTHER))
        assert await reaches(clinic, outreach, "kim") == 1
        await outreach.list_choices("kim")
        answered = b"".join(seen.answered for desk in (outreach, clinic) for seen in desk.seen)
        index = repr(vars(world.hub.projector.index))
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("hub/*") if path.is_file())
    assert len(kept) > 10_000, "control"
    for name in (BEFORE, OTHER, NHS_BEFORE, NHS_OTHER):
        for one in (name, name.casefold(), name.upper()):
            assert one.encode() not in answered + kept and one not in index


def answered(question: str, **value: Any) -> common_pb2.CategorisedAnswer:
    identity = common_pb2.DATA_CATEGORY_IDENTITY
    return common_pb2.CategorisedAnswer(category=identity, question=coding(question), **value)


BEFORE_NOW = {
    "kind": records_pb2.StatusChange(kind=coding("Former_Name")),
    "marker": records_pb2.StatusChange(kind=coding("sex marker change")),
    "question": records_pb2.StatusChange(details=[answered("maiden-name", yes=True)]),
    "answer": records_pb2.Assessment(answers=[answered("q-3", coded=coding("GenderReassignment"))]),
    "what an assessment asked": records_pb2.Assessment(
        answers=[answered("q-1", yes=True), answered("sex_assigned_at_birth", coded=coding("X"))]
    ),
    "what helped": records_pb2.Plan(goals=[answered("goal", coded=coding("gender recognition certificate"))]),
    "a kind of contact": records_pb2.Contact(mode=coding("former-name-check")),
}


FIELD_OF: dict[type, str] = {
    records_pb2.StatusChange: "status_change",
    records_pb2.Assessment: "assessment",
    records_pb2.Plan: "plan",
    records_pb2.Contact: "contact",
}


@pytest.mark.parametrize("name", BEFORE_NOW)
async def test_h28_as_a_record_it_is_not_taken(name: str, tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, _ = await two_agencies(world)
        await outreach.register("kim")
        field = FIELD_OF[type(BEFORE_NOW[name])]
        content: dict[str, Any] = {field: BEFORE_NOW[name]}
        outcome = await refused(outreach.publish("kim", "status-1", **content))
        assert outcome[1] == "INVALID_FIELD"
        ordinary = records_pb2.StatusChange(kind=coding("alias"))
        await outreach.publish("kim", "status-1", status_change=ordinary)


async def test_h28_without_that_rule_it_would_be_shown(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(splitter, "refuse_what_was_before", lambda content, path: None)
    with pytest.raises(pytest.fail.Exception):
        await test_h28_as_a_record_it_is_not_taken("kind", tmp_path, authority)


async def test_h28_without_the_labels_former_numbers_would_stand_in_the_hubs_files(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kept as they were told, the search for them sees them."""
    monkeypatch.setattr(
        registrations,
        "_matching_label",
        lambda work, number, born, name: f"{number} {born} {''.join(name.split()).casefold()}",
    )
    with pytest.raises(AssertionError, match="not in"):
        await test_h28_it_stands_nowhere(tmp_path, authority)
