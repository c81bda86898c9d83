"""H10 (critical): her field is hidden, and fourteen others would have told. Nobody is told the place.

Each control is removed once in `test_h10_without_one_of_its_controls_the_place_is_told`.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from consent_ledger import places as spelling
from consent_ledger.records import StoredRecord
from hub.projections.places import Places
from hub.use_cases import place_pass, publish
from hub.use_cases import places as protecting
from oncetold.v1 import place_service_pb2, records_pb2
from tests.twins.cast import bedded_down, note
from tests.twins.colleague import hired
from tests.twins.desk import Desk
from tests.twins.places import (
    CARE_OF,
    REFUGE,
    at,
    list_places,
    planted,
    protect,
    traces_in,
)
from tests.twins.stage import Authority, Stage, stage
from tests.twins.twin import assert_twins

EVERYTHING = (
    "ACCOMMODATION",
    "SERVICE_CONTACT",
    "CONTACT_LOCATION",
    "FAMILY",
    "MONEY_WORK",
    "IDENTITY",
    "OWN_STORY",
)
ELSEWHERE = place_service_pb2.ProtectedPlace(
    lines=["9 Ford Road"], names=["Otter Centre", "otter-house"], postcode="YO1 9ZZ", uprn="100057654321"
)
"""A place that nobody in these stories has anything to do with."""
ON_END = ("STOP", "RESTRICT", "ERASE")


async def the_family(world: Stage, *, window: str = "", on_end: str = "ERASE") -> tuple[Desk, Desk]:
    """Rosa and Mia, her daughter, whom nothing links: the hostel may hear everything of both."""
    outreach = await world.agency("outreach", "STREET_OUTREACH", receives=EVERYTHING)
    hostel = await world.agency("hostel", "HOSTEL", receives=EVERYTHING, retraction_window=window)
    await world.agreement(("outreach", "hostel"), dict.fromkeys(EVERYTHING, on_end))
    for ours, theirs in (("rosa", "room-4"), ("mia", "room-5")):
        await outreach.register(ours)
        await hostel.register(theirs)
        await outreach.link(ours, hostel, theirs)
        await outreach.grant(ours, EVERYTHING, to="hostel")
    await outreach.register("zoe")
    return outreach, hostel


async def plant(desk: Desk, reference: str, prefix: str) -> None:
    for name, content in planted().items():
        await desk.publish(reference, f"{prefix}-{name}", **content)


@asynccontextmanager
async def refuge(folder: Path, authority: Authority) -> AsyncIterator[tuple[Desk, Desk]]:
    """Before the place is protected it was written everywhere about both, and goes on being written since."""
    async with stage(folder, authority) as world:
        outreach, hostel = await the_family(world)
        for one in ("rosa", "mia"):
            await plant(outreach, one, f"before-{one}")
        await protect(outreach, "rosa")
        for one in ("rosa", "mia"):
            await plant(outreach, one, f"since-{one}")
            await outreach.publish(one, f"home-{one}", contact=at(CARE_OF))
        yield outreach, hostel


async def everything(hostel: Desk) -> list[str]:
    """All that the hostel can get; which traces of the place are in it."""
    await hostel.drain()
    for one in ("room-4", "room-5"):
        await hostel.history(one)
    return traces_in(hostel)


async def test_h10_the_place_in_fourteen_fields_of_two_people_is_told_to_nobody(
    tmp_path: Path, authority: Authority
) -> None:
    assert len(planted()) >= 12
    async with refuge(tmp_path, authority) as (_, hostel):
        assert await everything(hostel) == []
        assert len(hostel.store) == 2, "what is given out instead"
        assert {one.content.contact.place.address_line for one in hostel.store.values()} == {CARE_OF}


@pytest.mark.parametrize("name", sorted(planted()))
async def test_h10_each_of_the_fields_would_have_told_it(
    name: str, tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, hostel = await the_family(world)
        await outreach.publish("mia", "told", **planted()[name])
        assert await everything(hostel) != [], "control: nothing is protected"
        await protect(outreach, "rosa")
        await hostel.drain()
        hostel.seen.clear()
        assert await everything(hostel) == []
        assert hostel.store == {}


async def test_h10_a_protected_place_is_like_an_ordinary_care_of_address(
    tmp_path: Path, authority: Authority
) -> None:
    async def script(world: Stage, hidden: bool) -> None:
        outreach, hostel = await the_family(world)
        await plant(outreach, "mia" if hidden else "zoe", "before")
        await outreach.publish("rosa", "care-of", contact=at(CARE_OF))
        await protect(outreach, "rosa", REFUGE if hidden else ELSEWHERE, care_of="care-of")
        await hostel.drain()
        waiting = hostel.waiting(0.4)
        await waiting.begun
        await plant(outreach, "rosa" if hidden else "zoe", "since")
        await waiting.answer
        await hostel.drain()
        await hostel.history("room-4")
        await hostel.history("room-5")
        await outreach.publish("mia", "visit", contact=bedded_down())
        await hostel.drain()
        await hostel.tasks()
        await hostel.list_disclosures("room-4")
        await hostel.feed_status()
        assert len(hostel.store) == 2

    await assert_twins(tmp_path, authority, script, "hostel")


async def test_h10_to_its_author_a_record_with_somebodys_place_is_like_any_other(
    tmp_path: Path, authority: Authority
) -> None:
    """The hostel writes down where a guest's friend lives; that it is protected it never learns."""

    async def script(world: Stage, hidden: bool) -> None:
        outreach, hostel = await the_family(world)
        await protect(outreach, "rosa", REFUGE if hidden else ELSEWHERE)
        await hostel.register("room-9")
        await plant(hostel, "room-9", "own")
        await hostel.publish("room-9", "own-met", revision=2, contact=at("7 Mill Lane, rear"))
        await hostel.history("room-9")
        await hostel.explain("own-met", "outreach")
        await hostel.list_disclosures("room-9")
        await hostel.tasks()

    await assert_twins(tmp_path, authority, script, "hostel")


@pytest.mark.parametrize("on_end", ON_END)
async def test_h10_copies_are_taken_back_at_once_and_somebody_is_to_be_rung(
    on_end: str, tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, hostel = await the_family(world, window="03:00", on_end=on_end)
        await outreach.publish("rosa", "home", contact=at("7 Mill Lane"))
        await outreach.publish("mia", "school", **planted()["school"])
        await outreach.publish("mia", "visit", contact=bedded_down())
        await hostel.drain()
        await outreach.refuse("mia", to="hostel", named=("ACCOMMODATION",))
        assert len(hostel.store) == 3 and await hostel.tasks() == []
        now = world.clock.now()
        await protect(outreach, "rosa")
        came = await hostel.drain()
        assert [one.WhichOneof("step") for one in came] == ["retract", "retract"], "the window is for others"
        assert len(hostel.store) == 1
        tasks = await hostel.tasks()
        assert sorted(one.client_reference for one in tasks) == ["room-4", "room-5"]
        for one in tasks:
            assert one.sentence.startswith("An address that you hold is being taken back at once")
            assert one.due_time.ToDatetime(now.tzinfo) == now + timedelta(hours=1)
            await hostel.complete(one.task_id, "RUNG")
        assert await hostel.tasks() == [] and await outreach.tasks() == []


async def test_h10_a_corrected_or_withdrawn_copy_of_the_place_does_not_stay_either(
    tmp_path: Path, authority: Authority
) -> None:
    """What is held is an earlier revision; the newer one holds no place, and may not be told at all."""
    async with stage(tmp_path, authority) as world:
        outreach, hostel = await the_family(world, window="03:00", on_end="RESTRICT")
        for one in ("rosa", "mia"):
            await outreach.publish(one, f"home-{one}", contact=at("7 Mill Lane"))
        await hostel.drain()
        await outreach.publish("rosa", "home-rosa", revision=2, contact=at(CARE_OF))
        await outreach.publish("mia", "home-mia", revision=2)
        for one in ("rosa", "mia"):
            await outreach.refuse(one, to="hostel")
        await protect(outreach, "rosa")
        came = await hostel.drain()
        assert [one.WhichOneof("step") for one in came] == ["retract", "retract"]
        assert hostel.store == {}


def _blind(*_: Any, **__: Any) -> frozenset[Any]:
    return frozenset()


async def _never(*_: Any) -> None:
    return None


REMOVED: dict[str, Callable[[pytest.MonkeyPatch], Any]] = {
    "publishing looks at what is new": lambda patch: patch.setattr(publish, "places_in", _blind),
    "what was told before is looked through, and meanwhile as it goes out": lambda patch: (
        patch.setattr(place_pass, "_look_for", _never),
        patch.setattr(Places, "not_searched", lambda _: ()),
    ),
    "codes and names are looked at": lambda patch: patch.setattr(
        "hub.use_cases.place_search.strings_in",
        lambda content: (records_pb2.RecordContent.FromString(content).contact.place.address_line,),
    ),
    "spellings are one": lambda patch: patch.setattr(spelling, "_shortened", lambda word: word),
    "the index takes what a record says of itself": lambda patch: patch.setattr(
        StoredRecord, "matters_to_decisions", property(lambda record: record.review_by is not None)
    ),
    "decisions know that a fragment holds it": lambda patch: patch.setattr(Places, "protector", _none),
}


def _none(*_: Any) -> None:
    return None


@pytest.mark.parametrize("control", REMOVED)
async def test_h10_without_one_of_its_controls_the_place_is_told(
    control: str, tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    REMOVED[control](monkeypatch)
    async with refuge(tmp_path, authority) as (_, hostel):
        assert await everything(hostel) != []


async def test_h10_while_nobody_has_looked_yet_nothing_new_goes_out_with_the_place(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large ledger takes minutes to look through: what Mia's school told before is looked at as it goes."""
    monkeypatch.setattr(place_pass, "_look_for", _never)
    async with refuge(tmp_path, authority) as (outreach, hostel):
        assert await everything(hostel) == []
        assert len(hostel.store) == 2
        [place] = await list_places(outreach, "rosa")
        assert place.looked_through == 0


async def test_h10_nor_does_a_correction_that_brings_the_place(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mia's note stands at the hostel; then the teacher adds where Rosa is, and nobody has looked yet."""
    monkeypatch.setattr(place_pass, "_look_for", _never)
    async with stage(tmp_path, authority) as world:
        outreach, hostel = await the_family(world)
        await outreach.publish("mia", "school", note=note("Tuesdays are best.", "FAMILY"))
        await outreach.publish("mia", "class", note=note("Likes drawing.", "FAMILY"))
        await hostel.drain()
        for record_id, words in (("school", "Her mum is at 7 Mill Lane."), ("class", "Likes painting.")):
            await outreach.publish("mia", record_id, revision=2, note=note(words, "FAMILY"))
        await protect(outreach, "rosa", look=False)
        assert await everything(hostel) == []
        stands = sorted(one.content.note.text.text for one in hostel.store.values())
        assert stands == ["Likes painting.", "Tuesdays are best."], (
            "what they had stays, and the rest goes on"
        )


async def test_h10_without_the_search_copies_would_stay(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place_pass, "_look_for", _never)
    with pytest.raises(AssertionError):
        await test_h10_copies_are_taken_back_at_once_and_somebody_is_to_be_rung("ERASE", tmp_path, authority)


async def test_h10_her_own_records_are_blocked_by_the_very_answer(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has looked through anything yet. Without the look at her own registrations it is red."""
    monkeypatch.setattr(place_pass, "_look_for", _never)
    monkeypatch.setattr(Places, "not_searched", lambda _: ())

    async def answered() -> list[str]:
        async with stage(tmp_path / str(len(list(tmp_path.iterdir()))), authority) as world:
            outreach, hostel = await the_family(world)
            await plant(outreach, "rosa", "before")
            await protect(outreach, "rosa", look=False)
            return await everything(hostel)

    assert await answered() == []
    monkeypatch.setattr(protecting, "_held_by_the_person", lambda *_: [])
    assert await answered() != [], "control"


async def test_h10_no_decision_of_people_opens_it(tmp_path: Path, authority: Authority) -> None:
    """An authorised safeguarding override brings her other address, and never the place."""
    async with stage(tmp_path, authority) as world:
        outreach, hostel = await the_family(world)
        await outreach.refuse("rosa")
        await protect(outreach, "rosa")
        await outreach.publish("rosa", "home", contact=at("7 Mill Lane"))
        await outreach.publish("rosa", "post", contact=at(CARE_OF))
        worker = await (await hired(outreach, "worker-1", "NAVIGATOR")).works_with("rosa")
        lead = await hired(outreach, "lead-1", "SAFEGUARDING_LEAD")
        assert await hostel.drain() == []
        wanted = ("CONTACT_LOCATION", "SERVICE_CONTACT")
        await lead.authorise(await worker.ask_for_override("rosa", "hostel", wanted))
        await hostel.drain()
        [given] = hostel.store.values()
        assert given.content.contact.place.address_line == CARE_OF
