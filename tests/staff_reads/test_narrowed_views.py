"""What somebody sees of a client is a part of what their agency may see; a narrowed view tells of nothing."""

from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from adapters.kit.assertions import Who
from hub.use_cases.history import REMINDER
from oncetold.v1 import staff_service_pb2
from oncetold.v1.staff_service_pb2_grpc import StaffServiceStub
from tests.integration.loopback import refused
from tests.staff import NAVIGATOR
from tests.staff_reads.asking import KEYWORKER, LEAD, NURSE, PEER, give, sees, told, works_with
from tests.twins.cast import Cast, bedded_down, cast, dose, note
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage
from tests.twins.twin import assert_twins

WIDE = ("ACCOMMODATION", "SERVICE_CONTACT", "PHYSICAL_HEALTH", "FAMILY")


async def told_of_rosa(c: Cast) -> None:
    """A bed, a medicine and words: normal, restricted and, as all free text, very restricted."""
    await c.outreach.grant("rosa", WIDE, to="hostel")
    await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
    await c.outreach.publish("rosa", "medicine-1", assessment=dose("40mg"))
    await c.outreach.publish("rosa", "note-1", note=note("Ask about the sea.", "FAMILY"))


async def test_each_role_reads_its_part_and_only_with_a_relationship(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        await told_of_rosa(c)
        await give(c.hostel, KEYWORKER, LEAD, PEER, NURSE)
        everybody = (KEYWORKER, LEAD, PEER, NURSE, Who("stranger-1", "NAVIGATOR"))
        for who in everybody[:3]:
            assert told(await sees(c.hostel, who, "room-4")) == ["NO_RELATIONSHIP"]
        for who in everybody:
            await works_with(c.hostel, who, "room-4")
        assert [told(await sees(c.hostel, who, "room-4")) for who in everybody] == [
            ["UP_TO_R", "ACCOMMODATION", "PHYSICAL_HEALTH"],
            ["FULL", "ACCOMMODATION", "FAMILY", "PHYSICAL_HEALTH"],
            ["NO_RELATIONSHIP"],
            ["NO_ROLE"],
            ["NO_ROLE"],
        ]
        navigator = await c.hostel.history("room-4")
        assert told(navigator) == ["FULL", "ACCOMMODATION", "FAMILY", "PHYSICAL_HEALTH"]


async def test_a_role_counts_only_as_the_agency_gave_it(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        await told_of_rosa(c)
        await give(c.hostel, KEYWORKER)
        claims_more = Who(KEYWORKER.staff_reference, "SAFEGUARDING_LEAD")
        await works_with(c.hostel, KEYWORKER, "room-4")
        assert told(await sees(c.hostel, claims_more, "room-4")) == ["NO_ROLE"]
        # Given at another agency is not given here.
        await give(c.outreach, claims_more)
        assert told(await sees(c.hostel, claims_more, "room-4")) == ["NO_ROLE"]


async def test_a_peer_mentor_reads_what_is_handed_to_them_for_the_session(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        await told_of_rosa(c)
        await give(c.hostel, PEER)
        await works_with(c.hostel, PEER, "room-4", "HANDED_BY_CLIENT", handed=("FAMILY",))
        assert told(await sees(c.hostel, PEER, "room-4")) == ["HANDED_ONLY", "FAMILY"]
        world.clock.advance(timedelta(hours=8, minutes=1))
        assert told(await sees(c.hostel, PEER, "room-4")) == ["NO_RELATIONSHIP"]
        too_long = world.clock.now() + timedelta(hours=8, minutes=1)
        outcome = await refused(
            works_with(c.hostel, PEER, "room-4", "HANDED_BY_CLIENT", handed=("FAMILY",), until=too_long)
        )
        assert outcome == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "IMPOSSIBLE_TIME",
            {"field": "until_time", "rule": "8 hours at most"},
        )


async def test_a_relationship_is_with_one_registration(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        await told_of_rosa(c)
        await c.hostel.register("room-5")
        await give(c.hostel, KEYWORKER)
        await works_with(c.hostel, KEYWORKER, "room-5")
        assert told(await sees(c.hostel, KEYWORKER, "room-4")) == ["NO_RELATIONSHIP"]
        await works_with(c.hostel, KEYWORKER, "room-4")
        await c.hostel.close("room-4", "IN_ERROR")
        await c.hostel.register("room-4")
        assert told(await sees(c.hostel, KEYWORKER, "room-4")) == ["NO_RELATIONSHIP"]


async def test_another_agencys_relationship_is_not_there(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        made = await works_with(c.hostel, KEYWORKER, "room-4")

        async def end(desk: Desk, relationship_id: str) -> int:
            request = staff_service_pb2.EndRelationshipRequest(
                request_id=world.request_id(), relationship_id=relationship_id
            )
            answer = await StaffServiceStub(desk.channel).EndRelationship(request)
            return int(answer.position.index)

        theirs = await refused(end(c.outreach, made.relationship_id))
        nobodys = await refused(end(c.outreach, world.request_id()))
        assert theirs == nobodys == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND", {})
        first = await end(c.hostel, made.relationship_id)
        assert await end(c.hostel, made.relationship_id) == first


@pytest.mark.parametrize("who", [KEYWORKER, PEER, NURSE, NAVIGATOR])
async def test_a_narrowed_view_does_not_tell_of_what_it_leaves_out(
    who: Who, tmp_path: Path, authority: Authority
) -> None:
    """A note that a keyworker may not read, beside a bed that they may; and nobody works with `room-5`."""

    async def script(world: Stage, hidden: bool) -> None:
        c = await cast(world)
        await c.hostel.register("room-5")
        await give(c.hostel, KEYWORKER, PEER, NURSE)
        await c.outreach.grant("rosa", WIDE, to="hostel")
        await works_with(c.hostel, KEYWORKER, "room-4")
        await works_with(c.hostel, PEER, "room-4", "HANDED_BY_CLIENT", handed=("ACCOMMODATION",))
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        about = "rosa" if hidden else "mia"
        await c.outreach.publish(about, "note-1", note=note("Ask about the sea.", "FAMILY"))
        for reference in ("room-4", "room-5"):
            assert (await sees(c.hostel, who, reference)).reminder == REMINDER

    # A navigator who works with nobody here, and staff of whom nothing is left out, see the same too.
    await assert_twins(tmp_path, authority, script, "hostel")


async def test_every_refusal_and_every_view_is_one_entry(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        await told_of_rosa(c)
        await give(c.hostel, KEYWORKER)
        await sees(c.hostel, KEYWORKER, "room-4")
        await works_with(c.hostel, KEYWORKER, "room-4")
        await sees(c.hostel, KEYWORKER, "room-4")
        await sees(c.hostel, NURSE, "room-4")
        await c.hostel.refused(sees(c.hostel, KEYWORKER, "room-99"))
        assert [one.grew for one in c.hostel.seen if one.method == "RecordService/GetHistory"] == [1] * 4
