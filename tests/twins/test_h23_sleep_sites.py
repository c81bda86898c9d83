"""H23 (critical): where somebody sleeps rough reaches whoever can move them on, fine or detain them.

Such an agency learns it by a grant that names it, and by nothing wider; what a record does not say is taken
for a sleep site. Each control is removed once, in the tests whose names begin with `test_h23_without`.
"""

from pathlib import Path
from typing import Any

import pytest

from consent_ledger.policy import disclosure, reading
from hub.records import splitter
from hub.rpc import elements
from oncetold.v1 import common_pb2, records_pb2
from tests.integration.loopback import refused
from tests.twins.choices import category
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage
from tests.twins.twin import assert_twins, first_difference, worlds

RECEIVED = ("SERVICE_CONTACT", "ACCOMMODATION", "CONTACT_LOCATION")
UNDER_THE_BRIDGE = records_pb2.Place(address_line="Arch 7, Canal Street")


def coding(code: str) -> common_pb2.Coding:
    return common_pb2.Coding(system="case-book", code=code)


def asleep(**where: Any) -> records_pb2.RecordContent:
    return records_pb2.RecordContent(contact=records_pb2.Contact(bedded_down=True, **where))


SLEEP_SITES = {
    "met asleep": asleep(place=UNDER_THE_BRIDGE),
    "what kind of place": asleep(place_type=coding("doorway")),
    "met, nobody said how": records_pb2.RecordContent(
        contact=records_pb2.Contact(mode=coding("outreach"), place=UNDER_THE_BRIDGE)
    ),
    "up and about, but lives on the street": records_pb2.RecordContent(
        contact=records_pb2.Contact(
            bedded_down=False, living_situation=coding("rough sleeping"), place=UNDER_THE_BRIDGE
        )
    ),
    "lives in a tent": records_pb2.RecordContent(
        accommodation=records_pb2.Accommodation(kind=coding("Tent"), place=UNDER_THE_BRIDGE)
    ),
    "lives nobody said how": records_pb2.RecordContent(
        accommodation=records_pb2.Accommodation(kind=coding("16"), place=UNDER_THE_BRIDGE)
    ),
    "a bus shelter is no shelter": records_pb2.RecordContent(
        accommodation=records_pb2.Accommodation(kind=coding("bus shelter"), place=UNDER_THE_BRIDGE)
    ),
    "an answer called accommodation": records_pb2.RecordContent(
        assessment=records_pb2.Assessment(
            answers=[
                common_pb2.CategorisedAnswer(
                    category=category("ACCOMMODATION"), question=coding("sleep-site"), coded=coding("arch-7")
                )
            ]
        )
    ),
}

NO_SLEEP_SITES = {
    "a hostel": records_pb2.RecordContent(
        accommodation=records_pb2.Accommodation(kind=coding("hostel"), place=UNDER_THE_BRIDGE)
    ),
    "met by day": records_pb2.RecordContent(
        contact=records_pb2.Contact(bedded_down=False, place=UNDER_THE_BRIDGE)
    ),
    "lives under a roof": records_pb2.RecordContent(
        contact=records_pb2.Contact(living_situation=coding("private tenancy"), place=UNDER_THE_BRIDGE)
    ),
    "an appointment": records_pb2.RecordContent(appointment=records_pb2.Appointment(place=UNDER_THE_BRIDGE)),
}


async def the_outreach(world: Stage) -> tuple[Desk, Desk, Desk]:
    """A council that enforces, and a housing charity that cannot: both meant as housing, neither by name."""
    outreach = await world.agency("outreach", "STREET_OUTREACH", receives=RECEIVED)
    council = await world.agency("council", "HOUSING", receives=RECEIVED, public_authority=True)
    charity = await world.agency("charity", "HOUSING", receives=RECEIVED)
    await world.agreement(("outreach", "council", "charity"), dict.fromkeys(RECEIVED, "ERASE"))
    await outreach.register("rosa")
    for desk in (council, charity):
        await desk.register("r-1")
        await outreach.link("rosa", desk, "r-1")
        await outreach.grant("rosa", ("SERVICE_CONTACT",), to=desk.agency_id)
    await outreach.grant("rosa", RECEIVED, service_type="HOUSING")
    return outreach, council, charity


async def publish(desk: Desk, content: records_pb2.RecordContent) -> None:
    kind = str(content.WhichOneof("type"))
    await desk.publish("rosa", "record-1", **{kind: getattr(content, kind)})


def located(desk: Desk) -> list[Any]:
    return [one for one in desk.store.values() if common_pb2.DATA_CATEGORY_CONTACT_LOCATION in one.categories]


def without_where(content: records_pb2.RecordContent) -> records_pb2.RecordContent:
    """The same record, in which nobody said where; a record of contact where nothing would be left of it."""
    plain = records_pb2.RecordContent()
    plain.CopyFrom(content)
    kind = str(plain.WhichOneof("type"))
    inner: Any = getattr(plain, kind)
    for field in ("place", "place_type", "answers"):
        if field in inner.DESCRIPTOR.fields_by_name:
            inner.ClearField(field)
    return plain


def script(name: str) -> Any:
    async def played(world: Stage, hidden: bool) -> None:
        outreach, council, charity = await the_outreach(world)
        content = records_pb2.RecordContent()
        content.CopyFrom(SLEEP_SITES[name])
        if content.HasField("assessment"):
            content.assessment.stage.CopyFrom(coding("first"))
        await publish(outreach, content if hidden else without_where(content))
        await council.drain()
        await council.history("r-1")
        await council.list_disclosures("r-1")
        assert council.store and not located(council), "control"
        await charity.drain()
        assert bool(located(charity)) is hidden, "control: to others it goes as before"

    return played


@pytest.mark.parametrize("name", SLEEP_SITES)
async def test_h23_where_somebody_sleeps_reaches_no_enforcer_unnamed(
    name: str, tmp_path: Path, authority: Authority
) -> None:
    await assert_twins(tmp_path, authority, script(name), "council")


async def test_h23_without_enforcement_known_it_reaches_them(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (disclosure, reading, elements):
        monkeypatch.setattr(module, "level_for", lambda fragment, recipient: fragment.level)
    with pytest.raises(AssertionError, match="control"):
        await worlds(tmp_path, authority, script("met asleep"))


@pytest.mark.parametrize("name", ["up and about, but lives on the street", "a bus shelter is no shelter"])
async def test_h23_without_the_safe_side_it_reaches_them(
    name: str, tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(splitter, "names_no_sleep_site", lambda content: True)
    with pytest.raises(AssertionError, match="control"):
        await worlds(tmp_path, authority, script(name))


async def test_h23_without_the_question_known_a_coded_answer_tells(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(splitter, "asks_where_they_sleep", lambda part: False)

    async def played(world: Stage, hidden: bool) -> None:
        outreach, council, _ = await the_outreach(world)
        content = SLEEP_SITES["an answer called accommodation"]
        await publish(outreach, content if hidden else NO_SLEEP_SITES["an appointment"])
        await council.drain()

    hidden, plain = await worlds(tmp_path, authority, played)
    assert first_difference(hidden["council"], plain["council"]) != ""


async def test_h23_a_grant_that_names_the_council_opens_it_as_very_restricted(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, council, charity = await the_outreach(world)
        await publish(outreach, SLEEP_SITES["met asleep"])
        await council.drain()
        assert not located(council)
        await outreach.grant("rosa", ("CONTACT_LOCATION",), to="council")
        for desk, level in ((council, "V"), (charity, "R")):
            await desk.drain()
            [one] = located(desk)
            assert one.level == common_pb2.SensitivityLevel.Value(f"SENSITIVITY_LEVEL_{level}")


@pytest.mark.parametrize("name", NO_SLEEP_SITES)
async def test_h23_what_is_no_sleep_site_goes_as_before(
    name: str, tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, council, _ = await the_outreach(world)
        await publish(outreach, NO_SLEEP_SITES[name])
        await council.drain()
        assert located(council)


@pytest.mark.parametrize(
    ("kind", "public", "said", "held_back"),
    [
        ("HOSPITAL", True, None, True),  # nobody said: the safe side
        ("HOSPITAL", True, False, False),
        ("HOSTEL", False, None, False),
        ("HOSTEL", False, True, True),  # guards who enforce for the council
        ("PROBATION", False, None, True),  # whoever runs it
        ("PRISON", False, None, True),
    ],
)
async def test_h23_who_could_enforce_is_a_fact_of_the_agencys_entry(
    kind: str, public: bool, said: bool | None, held_back: bool, tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        outreach = await world.agency("outreach", "STREET_OUTREACH", receives=RECEIVED)
        other = await world.agency(
            "other", kind, receives=RECEIVED, public_authority=public, enforcement_powers=said
        )
        await world.agreement(("outreach", "other"), dict.fromkeys(RECEIVED, "ERASE"))
        await outreach.register("rosa")
        await other.register("r-1")
        await outreach.link("rosa", other, "r-1")
        await outreach.grant("rosa", ("SERVICE_CONTACT",), to="other")
        await outreach.grant("rosa", RECEIVED, support_team=True)
        await publish(outreach, SLEEP_SITES["met asleep"])
        await other.drain()
        assert bool(located(other)) is not held_back


@pytest.mark.parametrize("kind", ["POLICE", "PRISON", "PROBATION"])
async def test_h23_that_police_could_not_enforce_is_not_believed(
    kind: str, tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        outcome = await refused(world.agency("other", kind, enforcement_powers=False))
        assert outcome[1] == "INVALID_FIELD"
