"""I7: the hub neither hides an agency's own records from it nor takes them away."""

from pathlib import Path

from oncetold.v1 import audit_service_pb2
from tests.twins.cast import bedded_down, cast
from tests.twins.stage import Authority, stage

WIDE = ("ACCOMMODATION", "SERVICE_CONTACT")


async def test_i7_whatever_the_person_chooses_the_tellers_own_records_stay_its_own(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        grant_id = await c.outreach.grant("rosa", WIDE, to="hostel")
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        await c.hostel.publish("room-4", "night-1", contact=bedded_down())
        await c.hostel.grant("room-4", WIDE, to="outreach")
        await c.hostel.drain()
        await c.outreach.drain()
        assert (len(c.hostel.store), len(c.outreach.store)) == (1, 1), "control: each has the other's"

        await c.outreach.withdraw("rosa", grant_id, remove=True)
        await c.outreach.refuse("rosa")
        await c.outreach.exclude("rosa", "outreach")
        await c.outreach.exclude("rosa", kind="ACCOMMODATION", remove=True)
        await c.outreach.mark("rosa", "SERIOUS_HARM", "visit-1")
        await c.outreach.unlink(c.link_id)

        theirs = next(iter(c.outreach.store))
        gone = [one.retract.fragment_id for one in await c.outreach.drain()]
        assert gone == [theirs], "what it was sent goes; its own was never sent and is not retracted"
        for desk, record_id in ((c.outreach, "visit-1"), (c.hostel, "night-1")):
            [own] = (await desk.explain(record_id, desk.agency_id)).explanations
            assert own.verdict == audit_service_pb2.VERDICT_ALLOW_OWN
        steps = [line.step for line in (await c.outreach.list_disclosures("rosa")).disclosures]
        assert "DISCLOSE" in steps, "it still reads who had it"
        # And it goes on writing: its next revision is taken.
        await c.outreach.publish("rosa", "visit-1", revision=2, contact=bedded_down())
