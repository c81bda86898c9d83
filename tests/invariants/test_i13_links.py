"""I13: a link is an assertion that can be undone; undoing it retracts what it caused and lists who saw it."""

from pathlib import Path

from tests.twins.cast import bedded_down, cast
from tests.twins.colleague import taken_back
from tests.twins.stage import Authority, stage

WIDE = ("ACCOMMODATION", "SERVICE_CONTACT")


async def test_i13_undoing_a_link_retracts_what_it_caused_and_says_who_had_it(
    tmp_path: Path, authority: Authority
) -> None:
    # RESTRICT lets copies stay when a permission ends; a wrong person's copy may not stay.
    async with stage(tmp_path, authority) as world:
        c = await cast(world, ends=dict.fromkeys(WIDE, "RESTRICT"))
        await c.hostel.register("room-5")
        await c.outreach.link("mia", c.hostel, "room-5")
        for person in ("rosa", "mia"):
            await c.outreach.grant(person, WIDE, to="hostel")
            await c.outreach.publish(person, f"visit-{person}", contact=bedded_down())
        told = await c.hostel.drain()
        assert {one.client_reference for one in told} == {"room-4", "room-5"}, "control"

        await c.hostel.unlink(c.link_id)

        gone = await c.hostel.drain()
        assert [(one.WhichOneof("step"), one.client_reference) for one in gone] == [("retract", "room-4")]
        assert len(c.hostel.store) == 1, "only what that link caused"
        assert list((await c.hostel.history("room-4")).elements) == []
        saw = [
            *(await c.outreach.list_disclosures("rosa")).disclosures,
            *await taken_back(c.outreach, "rosa"),
        ]
        assert [(one.recipient_agency_id, one.step) for one in saw] == [
            ("hostel", "DISCLOSE"),
            ("hostel", "RETRACT"),
        ]
        # Somebody looks again and it was her after all: a new assertion, and it comes back.
        await c.outreach.link("rosa", c.hostel, "room-4")
        assert [one.WhichOneof("step") for one in await c.hostel.drain()] == ["disclose"]
