"""H7 (high): "do not ask about X" tells everybody that there is an X.

A wish not to be asked has its question's category and is decided like the answer: to an agency that may not
know it, it was never said. What the person chose to tell more widely goes there as those words alone. The
control is removed once: with the wish taken as a plain contact, the same calls differ.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from consent_ledger.staff import Role
from hub.records import splitter
from oncetold.v1 import common_pb2, records_pb2
from tests.integration.loopback import refused
from tests.twins.cast import TOLD_ABOUT, bedded_down
from tests.twins.choices import categories, category
from tests.twins.colleague import Colleague, hired
from tests.twins.desk import Desk
from tests.twins.places import coding
from tests.twins.stage import Authority, Stage, stage
from tests.twins.twin import assert_twins, first_difference, play, worlds

ABOUT = ("MENTAL_HEALTH", "DOMESTIC_ABUSE", "IMMIGRATION")
"""One restricted, two very restricted."""
HELPS = "A walk by the canal helps; my sister may come."


def wish(
    about: str, *, whole: bool = False, standing: bool = True, words: str = "", released: tuple[str, ...] = ()
) -> records_pb2.DoNotAsk:
    """She is not to be asked about one question of a category, or about all of it."""
    asked = records_pb2.UnaskedQuestion(category=category(about), standing=standing)
    if not whole:
        asked.question.CopyFrom(coding("how-it-began"))
    said = common_pb2.FreeText(text=words, released_categories=categories(released or (about,)))
    return records_pb2.DoNotAsk(about=asked, words=said if words else None)


async def three_agencies(world: Stage, about: str, hostel_subscribes: bool) -> tuple[Desk, Desk, Desk]:
    """The street team, a clinic that may know the subject, and a hostel that may not: it did not subscribe to
    it, or Rosa granted it all but this."""
    known = (*TOLD_ABOUT, about)
    street = await world.agency("street", "STREET_OUTREACH", receives=known)
    clinic = await world.agency("clinic", "PRIMARY_CARE", receives=known)
    hostel = await world.agency("hostel", "HOSTEL", receives=known if hostel_subscribes else TOLD_ABOUT)
    await world.agreement(("street", "clinic", "hostel"), dict.fromkeys(known, "ERASE"))
    for one in ("rosa", "mia"):
        await street.register(one)
    for desk, theirs, named in ((clinic, "p-1", known), (hostel, "room-4", TOLD_ABOUT)):
        await desk.register(theirs)
        await street.link("rosa", desk, theirs)
        await street.grant("rosa", named, to=desk.agency_id)
    return street, clinic, hostel


async def everything_seen(hostel: Desk, staff: list[Colleague]) -> None:
    """Whatever an agency can ask."""
    await hostel.drain()
    await hostel.history("room-4")
    for one in staff:
        await one.history("room-4")
    await hostel.tasks()
    await hostel.tasks("room-4")
    await hostel.list_choices("room-4")
    await hostel.list_disclosures("room-4")
    await hostel.feed_status()
    await hostel.refused(hostel.explain("wish-1", to="hostel"))
    await hostel.refused(hostel.list_disclosures("nobody"))


def script(about: str, whole: bool = False, hostel_subscribes: bool = False) -> object:
    """In one world the wish is Rosa's, in the other it is Mia's, of whom the others know nothing. It is said,
    said anew with words for those who may know, lifted, and taken back."""

    async def told(world: Stage, hidden: bool) -> None:
        street, _, hostel = await three_agencies(world, about, hostel_subscribes)
        staff = [await (await hired(hostel, f"k-{role}", role)).works_with("room-4") for role in Role]
        whose = "rosa" if hidden else "mia"
        said = (
            wish(about, whole=whole),
            wish(about, whole=whole, words=HELPS),
            # Released for more than its subject: all of it must be permitted, so it goes no further.
            wish(about, whole=whole, words=HELPS, released=(about, "FAMILY")),
            wish(about, whole=whole, standing=False),
            None,
        )
        for revision, each in enumerate(said, start=1):
            waiting = hostel.waiting(0.2)
            await waiting.begun
            content: dict[str, Any] = {} if each is None else {"do_not_ask": each}
            await street.publish(whose, "wish-1", revision=revision, **content)
            await waiting.answer
            await everything_seen(hostel, staff)
        await street.publish("rosa", "visit-1", contact=bedded_down())
        await everything_seen(hostel, staff)
        world.clock.advance(timedelta(days=1))
        await everything_seen(hostel, staff)
        assert [one.content.WhichOneof("type") for one in hostel.store.values()] == ["contact"], "control"

    return told


@pytest.mark.parametrize("subscribes", [False, True], ids=["not subscribed", "not granted"])
@pytest.mark.parametrize("about", ABOUT)
async def test_h7_to_who_may_not_know_the_subject_nothing_was_said(
    about: str, subscribes: bool, tmp_path: Path, authority: Authority
) -> None:
    await assert_twins(tmp_path, authority, script(about, subscribes, subscribes), "hostel")  # type: ignore[arg-type]


@pytest.mark.parametrize("whole", [False, True], ids=["a question", "the category"])
@pytest.mark.parametrize("about", ABOUT)
async def test_h7_who_may_know_the_subject_is_told_the_wish(
    about: str, whole: bool, tmp_path: Path, authority: Authority
) -> None:
    """As it stands, and when it is lifted: at its subject's level, in deliveries and in the history."""
    async with stage(tmp_path, authority) as world:
        street, clinic, hostel = await three_agencies(world, about, False)
        for revision, standing in enumerate((True, False), start=1):
            said = wish(about, whole=whole, standing=standing)
            await street.publish("rosa", "wish-1", revision=revision, do_not_ask=said)
            await clinic.drain()
            [held] = clinic.store.values()
            assert held.content.do_not_ask == said
            assert list(held.categories) == [category(about)]
            assert held.level == (
                common_pb2.SENSITIVITY_LEVEL_R if about == "MENTAL_HEALTH" else common_pb2.SENSITIVITY_LEVEL_V
            )
            assert [one.content.do_not_ask for one in (await clinic.history("p-1")).elements] == [said]
        await hostel.drain()
        assert not hostel.store


async def test_h7_the_person_may_widen_it_in_words_they_chose(tmp_path: Path, authority: Authority) -> None:
    """The words go to whoever may know what they are released as, and not what they are the words of."""
    async with stage(tmp_path, authority) as world:
        street, clinic, hostel = await three_agencies(world, "DOMESTIC_ABUSE", False)
        wider = wish("DOMESTIC_ABUSE", words=HELPS, released=("FAMILY",))
        await street.publish("rosa", "wish-1", do_not_ask=wider)
        came = await hostel.drain()
        assert [one.content.do_not_ask for one in hostel.store.values()] == [
            records_pb2.DoNotAsk(words=wider.words)
        ]
        assert b"how-it-began" not in b"".join(one.SerializeToString() for one in came)
        await clinic.drain()
        whole = records_pb2.DoNotAsk()
        for one in clinic.store.values():
            whole.MergeFrom(one.content.do_not_ask)
        assert whole == wider, "control"


async def test_h7_without_its_subjects_category_it_tells(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the field's floor for its category, SERVICE_CONTACT, everybody hears of it."""
    monkeypatch.setattr(splitter, "stricter", lambda floor, own: floor)

    async def told(world: Stage, hidden: bool) -> None:
        street, _, hostel = await three_agencies(world, "DOMESTIC_ABUSE", False)
        await street.publish("rosa" if hidden else "mia", "wish-1", do_not_ask=wish("DOMESTIC_ABUSE"))
        await everything_seen(hostel, [])

    hidden, plain = await worlds(tmp_path, authority, told)
    assert first_difference(hidden["hostel"], plain["hostel"]) != ""


async def test_h7_the_twins_would_notice_it_at_an_agency_that_may_know(
    tmp_path: Path, authority: Authority
) -> None:
    """Control of the comparison: what the clinic sees does differ."""

    async def told(world: Stage, hidden: bool) -> None:
        street, clinic, _ = await three_agencies(world, "MENTAL_HEALTH", False)
        await street.publish("rosa" if hidden else "mia", "wish-1", do_not_ask=wish("MENTAL_HEALTH"))
        await clinic.drain()
        await clinic.history("p-1")

    hidden = await play(tmp_path, authority, told, True)
    plain = await play(tmp_path, authority, told, False)
    last, other = hidden["clinic"][-1], plain["clinic"][-1]
    assert last.method == other.method == "RecordService/GetHistory"
    assert b"how-it-began" in last.answered and b"how-it-began" not in other.answered


BAD = {
    "no subject": (records_pb2.DoNotAsk(words=wish("FAMILY", words=HELPS).words), "content.do_not_ask.about"),
    "no category": (
        records_pb2.DoNotAsk(about=records_pb2.UnaskedQuestion(question=coding("q"), standing=True)),
        "content.do_not_ask.about.category",
    ),
    "not said whether it stands": (
        records_pb2.DoNotAsk(about=records_pb2.UnaskedQuestion(category=category("FAMILY"))),
        "content.do_not_ask.about.standing",
    ),
    "a former name": (
        records_pb2.DoNotAsk(
            about=records_pb2.UnaskedQuestion(
                category=category("IDENTITY"), question=coding("Former_Name"), standing=True
            )
        ),
        "content.do_not_ask.about.question",
    ),
}


@pytest.mark.parametrize("name", BAD)
async def test_h7_a_wish_that_does_not_say_what_it_is_about_is_refused(
    name: str, tmp_path: Path, authority: Authority
) -> None:
    """And so is one that tells of a former name, which is nobody's record (H28)."""
    content, where = BAD[name]
    async with stage(tmp_path, authority) as world:
        street = await world.agency("street", "STREET_OUTREACH")
        await street.register("rosa")
        outcome = await refused(street.publish("rosa", "wish-1", do_not_ask=content))
        assert outcome[1] == "INVALID_FIELD"
        assert outcome[2]["field"] == f"records[0].{where}"
        await street.publish("rosa", "wish-1", do_not_ask=wish("FAMILY"))


async def test_h7_its_words_stay_home_unless_released(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        street = await world.agency("street", "STREET_OUTREACH")
        await street.register("rosa")
        unreleased = wish("FAMILY", words=HELPS)
        del unreleased.words.released_categories[:]
        outcome = await refused(street.publish("rosa", "wish-1", do_not_ask=unreleased))
        assert outcome[1] == "FREE_TEXT_NOT_RELEASED"
