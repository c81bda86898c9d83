"""Breaking glass opens reads for one person and one client, for hours: what it may, and never a delivery."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from oncetold.v1 import records_pb2, task_service_pb2
from tests.integration.loopback import refused
from tests.staff_reads.asking import (
    COLLEAGUE,
    KEYWORKER,
    NURSE,
    PEER,
    breaks_glass,
    give,
    sees,
    told,
    works_with,
)
from tests.twins.cast import TOLD_ABOUT, Cast, bedded_down, dose, note, seen_at
from tests.twins.stage import Authority, Stage, stage
from tests.twins.twin import assert_twins

WIDE = ("ACCOMMODATION", "SERVICE_CONTACT", "PHYSICAL_HEALTH", "FAMILY", "CONTACT_LOCATION")
BOTH = ("DIRECT_SUPPORT", "EMERGENCY")


async def hospital_and_street(
    world: Stage, *, purposes: tuple[str, ...] = BOTH, lawful_basis: str = "A6_1_C", about: str = "rosa"
) -> Cast:
    """Rosa is `rosa` on the street and `room-4` at the hospital's desk; nobody was asked for permission."""
    outreach = await world.agency("outreach", "STREET_OUTREACH", receives=TOLD_ABOUT, purposes=BOTH)
    hospital = await world.agency("hostel", "HOSPITAL", receives=TOLD_ABOUT, purposes=BOTH)
    elsewhere = await world.agency("elsewhere", "MONEY_ADVICE")
    ends = dict.fromkeys(TOLD_ABOUT, "ERASE")
    await world.agreement(("outreach", "hostel"), ends, purposes=purposes, lawful_basis=lawful_basis)
    await outreach.register("rosa")
    await outreach.register("mia")
    await hospital.register("room-4")
    await elsewhere.register("e-1")
    link_id = await outreach.link("rosa", hospital, "room-4")
    await give(hospital, NURSE, COLLEAGUE, KEYWORKER, PEER)
    await outreach.publish(about, "visit-1", contact=bedded_down())
    await outreach.publish(about, "medicine-1", assessment=dose("40mg"))
    return Cast(world, outreach, hospital, elsewhere, link_id)


def broken(tasks: list[task_service_pb2.Task]) -> list[task_service_pb2.Task]:
    return [one for one in tasks if one.kind == task_service_pb2.TASK_KIND_BREAK_GLASS_OPENED]


async def test_for_vital_interests_it_opens_what_the_agreement_has_for_an_emergency(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await hospital_and_street(world)
        assert told(await sees(c.hostel, NURSE, "room-4")) == ["NO_ROLE"]
        opened = await breaks_glass(c.hostel, NURSE, "room-4")
        until = opened.until_time.ToDatetime(world.clock.now().tzinfo)
        assert until - world.clock.now() == timedelta(hours=4)

        view = await sees(c.hostel, NURSE, "room-4")

        assert told(view) == ["FULL", "ACCOMMODATION", "PHYSICAL_HEALTH"]
        for element in view.elements:
            assert [one.purpose for one in element.terms.purposes] == [6], "EMERGENCY and nothing else"
        assert told(await sees(c.hostel, COLLEAGUE, "room-4")) == ["NO_ROLE"], "for one person"
        assert await c.hostel.fetch() == [], "never a delivery"
        [line_of_a_read, _] = (await c.outreach.list_disclosures("rosa")).disclosures
        assert (line_of_a_read.step, line_of_a_read.recipient_agency_id) == ("READ", "hostel")
        world.clock.advance(timedelta(hours=4, seconds=1))
        assert told(await sees(c.hostel, NURSE, "room-4")) == ["NO_ROLE"], "four hours"


async def test_data_protection_officers_are_told_at_once(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        c = await hospital_and_street(world)
        begun = world.clock.now()
        assert not broken(await c.outreach.tasks())
        await breaks_glass(c.hostel, NURSE, "room-4")
        [theirs], [ours] = broken(await c.outreach.tasks()), broken(await c.hostel.tasks())
        assert (theirs.client_reference, ours.client_reference) == ("rosa", "room-4")
        for task in (theirs, ours):
            assert task.post == 3, "the data protection officer"
            due = task.due_time.ToDatetime(begun.tzinfo)
            assert (due.date() - begun.date()).days == 2 and due.hour == 17, "two working days after a Monday"
        assert not broken(await c.elsewhere.tasks())
        await c.outreach.complete(theirs.task_id, "REVIEWED_NOT_IN_ORDER")
        assert not broken(await c.outreach.tasks()) and broken(await c.hostel.tasks())
        outcome = await refused(c.hostel.complete(ours.task_id, "ASKED"))
        assert outcome[1] == "TASK_STATE"


async def excluded(c: Cast) -> None:
    await c.outreach.exclude("rosa", "hostel")


async def kind_excluded(c: Cast) -> None:
    await c.outreach.exclude("rosa", kind="PHYSICAL_HEALTH")
    await c.outreach.exclude("rosa", kind="ACCOMMODATION")


async def marked(c: Cast) -> None:
    await c.outreach.mark("rosa", "SERIOUS_HARM", "visit-1")
    await c.outreach.mark("rosa", "PRIVILEGED", "medicine-1")


async def restricted(c: Cast) -> None:
    await c.outreach.status("rosa", "PROCESSING_RESTRICTED")


async def unlinked(c: Cast) -> None:
    await c.outreach.unlink(c.link_id)


async def ended(c: Cast) -> None:
    await c.stage.terminate("isa-1")


@pytest.mark.parametrize("cause", [excluded, kind_excluded, marked, restricted, unlinked, ended])
async def test_what_it_never_opens(
    cause: Callable[[Cast], Awaitable[None]], tmp_path: Path, authority: Authority
) -> None:
    """Tests 1, 2, 3, 6 and 7."""
    async with stage(tmp_path, authority) as world:
        c = await hospital_and_street(world)
        await breaks_glass(c.hostel, NURSE, "room-4")
        assert len((await sees(c.hostel, NURSE, "room-4")).elements) == 2, "control"
        await cause(c)
        assert told(await sees(c.hostel, NURSE, "room-4")) == ["FULL"]


async def test_a_protected_address_stays_protected(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        c = await hospital_and_street(world)
        place = records_pb2.Place(address_line="12 Mill Lane")
        await c.outreach.publish("rosa", "visit-2", contact=records_pb2.Contact(place=place))
        await breaks_glass(c.hostel, NURSE, "room-4")
        assert "CONTACT_LOCATION" in told(await sees(c.hostel, NURSE, "room-4")), "control"
        await c.outreach.mark("rosa", "PROTECTED_ADDRESS")
        assert "CONTACT_LOCATION" not in told(await sees(c.hostel, NURSE, "room-4"))


async def test_without_a_row_for_emergencies_or_a_basis_in_law_nothing_is_opened(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path / "rows", authority) as world:
        c = await hospital_and_street(world, purposes=("DIRECT_SUPPORT",))
        await breaks_glass(c.hostel, NURSE, "room-4")
        assert told(await sees(c.hostel, NURSE, "room-4")) == ["FULL"]
    async with stage(tmp_path / "basis", authority) as world:
        # Where consent is the basis in law, test 4 needs it, and break-glass opens no test 4.
        c = await hospital_and_street(world, lawful_basis="A6_1_A")
        await breaks_glass(c.hostel, NURSE, "room-4")
        assert told(await sees(c.hostel, NURSE, "room-4")) == ["FULL"]


async def test_for_another_reason_the_clients_permission_is_needed(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await hospital_and_street(world)
        await breaks_glass(c.hostel, NURSE, "room-4", "SERIOUS_RISK_TO_OTHERS")
        assert told(await sees(c.hostel, NURSE, "room-4")) == ["FULL"]
        await c.outreach.grant("rosa", WIDE, to="hostel")
        assert told(await sees(c.hostel, NURSE, "room-4")) == ["FULL", "ACCOMMODATION", "PHYSICAL_HEALTH"]
        # Its case closed, the agency works with her no more; its staff reads by the permission that stands.
        await c.hostel.close("room-4")
        assert told(await sees(c.hostel, COLLEAGUE, "room-4")) == ["NO_ROLE"]
        assert told(await sees(c.hostel, NURSE, "room-4")) == ["FULL", "ACCOMMODATION", "PHYSICAL_HEALTH"]
        await c.outreach.refuse("rosa", to="hostel")
        assert told(await sees(c.hostel, NURSE, "room-4")) == ["FULL"]


async def test_it_lifts_the_level_of_a_role_and_the_relationship(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await hospital_and_street(world)
        await c.outreach.grant("rosa", WIDE, to="hostel")
        await c.outreach.publish("rosa", "note-1", note=note("Ask about the sea.", "FAMILY"))
        await works_with(c.hostel, KEYWORKER, "room-4")
        assert "FAMILY" not in told(await sees(c.hostel, KEYWORKER, "room-4"))
        await breaks_glass(c.hostel, KEYWORKER, "room-4", "COURT_OR_DUTY")
        assert "FAMILY" in told(await sees(c.hostel, KEYWORKER, "room-4"))
        await breaks_glass(c.hostel, PEER, "room-4", "COURT_OR_DUTY")
        assert "FAMILY" in told(await sees(c.hostel, PEER, "room-4"))


async def test_who_has_no_role_breaks_nothing(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        c = await hospital_and_street(world)
        stranger = type(NURSE)("nobody-1", "EMERGENCY_DESK", "EMERGENCY")
        outcome = await refused(breaks_glass(c.hostel, stranger, "room-4"))
        assert outcome == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_NEEDED", {"role": "EMERGENCY_DESK"})
        outcome = await refused(breaks_glass(c.hostel, NURSE, "rosa"))
        assert outcome[1] == "REFERENCE_NOT_REGISTERED"
        assert not broken(await c.hostel.tasks())


@pytest.mark.parametrize("reason", ["VITAL_INTERESTS", "COURT_OR_DUTY"])
async def test_it_answers_alike_whether_there_is_anything_or_not(
    reason: str, tmp_path: Path, authority: Authority
) -> None:
    """In one world much was told of her, and she shut the hospital out; in the other nothing was."""

    async def script(world: Stage, hidden: bool) -> None:
        about = "rosa" if hidden else "mia"
        c = await hospital_and_street(world, about=about)
        await c.outreach.exclude(about, "hostel")
        await c.outreach.publish(about, "visit-9", contact=seen_at("clinic"))
        await breaks_glass(c.hostel, NURSE, "room-4", reason)
        assert told(await sees(c.hostel, NURSE, "room-4")) == ["FULL"]
        await c.hostel.tasks()
        await c.hostel.fetch()

    await assert_twins(tmp_path, authority, script, "hostel")
