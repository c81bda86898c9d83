"""H8 (critical): what happened to the teller is hers to share. He refuses everything; her account goes where
she says, without a trace of him, and nothing on his side changes."""

from pathlib import Path

from tests.twins.cast import TOLD_ABOUT, Cast, also_about, bedded_down, cast, note
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage
from tests.twins.twin import assert_twins

HER_WORDS = "My partner took the phone, so I ring from the library on Tuesdays."
HERS = ("FAMILY", "SERVICE_CONTACT")


async def him(c: Cast) -> Desk:
    """Tom, her partner, is known to the street team and to probation. Nobody else knows tam.
    He refuses all; another person of probation's is shared, so that its feed is alive."""
    probation = await c.stage.agency("probation", "PROBATION", receives=TOLD_ABOUT)
    parties = ("outreach", "probation")
    await c.stage.agreement(parties, dict.fromkeys(TOLD_ABOUT, "ERASE"), agreement_id="isa-2")
    for person in ("tom", "tam", "sid"):
        await c.outreach.register(person)
    for theirs, ours in (("offender-9", "tom"), ("offender-4", "sid")):
        await probation.register(theirs)
        await c.outreach.link(ours, probation, theirs)
    await probation.refuse("offender-9")
    await c.outreach.refuse("tom")
    await c.outreach.grant("sid", TOLD_ABOUT, to="probation")
    return probation


def traces(desk: Desk, *identifiers: str) -> list[str]:
    """Which identifiers stand anywhere in what the agency was answered."""
    answered = b"".join(seen.answered for seen in desk.seen)
    return [one for one in identifiers if one.encode() in answered]


async def test_h8_her_grant_delivers_her_account_and_nothing_changes_on_his_side(
    tmp_path: Path, authority: Authority
) -> None:
    async def script(world: Stage, hidden: bool) -> None:
        c = await cast(world)
        probation = await him(c)
        await c.outreach.grant("rosa", HERS, to="hostel")
        await probation.drain()
        waiting = probation.waiting(0.4)
        await waiting.begun
        other = also_about("tom" if hidden else "tam", "FAMILY")
        await c.outreach.publish("rosa", "told-1", note=note(HER_WORDS, "FAMILY"), others=[other])
        await waiting.answer
        await probation.history("offender-9")
        await c.outreach.publish("sid", "visit-1", contact=bedded_down())
        await probation.drain()
        await probation.list_disclosures("offender-9")
        await probation.feed_status()
        await c.hostel.drain()

        [told] = c.hostel.store.values()
        assert told.content.note.text.text == HER_WORDS
        assert traces(c.hostel, "tom", "tam", "offender-9", "probation") == []
        assert [one.content.WhichOneof("type") for one in probation.store.values()] == ["contact"]

    await assert_twins(tmp_path, authority, script, "probation", "hostel", "elsewhere")


async def test_h8_what_is_solely_about_him_needs_him_too(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        await him(c)
        await c.outreach.register("jo")
        await c.outreach.grant("rosa", HERS, to="hostel")
        for record_id, person in (("told-1", "tom"), ("told-2", "jo")):
            await c.outreach.publish(
                "rosa",
                record_id,
                note=note(HER_WORDS, "FAMILY"),
                others=[also_about(person, "FAMILY", solely=True)],
            )
        assert await c.hostel.drain() == []
        # Control: with the other's own yes, and no refusal of theirs, it goes.
        await c.outreach.grant("jo", HERS, to="hostel")
        await c.hostel.drain()
        assert len(c.hostel.store) == 1
        assert traces(c.hostel, "tom", "jo\x12", "offender-9") == []
