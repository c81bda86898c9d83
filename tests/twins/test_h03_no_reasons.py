"""H3 (critical): for the agency that may not have it, a hidden thing is like one that never was; and every
retraction is alike, whatever its cause."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.use_cases.history import REMINDER
from oncetold.v1 import delivery_service_pb2, record_service_pb2
from tests.erasure.asking import erase, hold
from tests.twins.cast import Cast, bedded_down, cast, note, seen_at
from tests.twins.desk import Seen
from tests.twins.stage import Authority, Stage, stage
from tests.twins.twin import assert_twins, first_difference, worlds

WIDE = ("ACCOMMODATION", "SERVICE_CONTACT", "CONTACT_LOCATION")
Cause = Callable[[Cast, str], Awaitable[None]]
"""Makes something be withheld from the hostel. The text is the id of Rosa's grant to it."""


async def nothing(c: Cast, grant_id: str) -> None:
    """No cause at all: the control."""


async def exclusion(c: Cast, grant_id: str) -> None:
    await c.outreach.exclude("rosa", "hostel")


async def exclusion_of_somebody_there(c: Cast, grant_id: str) -> None:
    await c.outreach.exclude("rosa", "hostel", staff="dave")


async def exclusion_of_a_kind(c: Cast, grant_id: str) -> None:
    await c.outreach.exclude("rosa", kind="ACCOMMODATION")


async def refusal(c: Cast, grant_id: str) -> None:
    await c.outreach.refuse("rosa", to="hostel")


async def withdrawal(c: Cast, grant_id: str) -> None:
    await c.outreach.withdraw("rosa", grant_id)


async def withdrawal_and_remove(c: Cast, grant_id: str) -> None:
    await c.outreach.withdraw("rosa", grant_id, remove=True)


async def lapse(c: Cast, grant_id: str) -> None:
    c.stage.clock.advance(timedelta(days=91))


async def end_of_agreement(c: Cast, grant_id: str) -> None:
    await c.stage.terminate("isa-1")


async def serious_harm(c: Cast, grant_id: str) -> None:
    await c.outreach.mark("rosa", "SERIOUS_HARM", "visit-1")


async def third_party(c: Cast, grant_id: str) -> None:
    await c.outreach.mark("rosa", "THIRD_PARTY", "visit-1")


async def crime_prejudice(c: Cast, grant_id: str) -> None:
    await c.outreach.mark("rosa", "CRIME_PREJUDICE", "visit-1")


async def restriction(c: Cast, grant_id: str) -> None:
    await c.outreach.status("rosa", "PROCESSING_RESTRICTED")


async def taken_back(c: Cast, grant_id: str) -> None:
    await c.outreach.publish("rosa", "visit-1", revision=2)


async def unlink(c: Cast, grant_id: str) -> None:
    assert c.link_id
    await c.outreach.unlink(c.link_id)


async def registered_in_error(c: Cast, grant_id: str) -> None:
    await c.outreach.close("rosa", "IN_ERROR")


async def erased_record(c: Cast, grant_id: str) -> None:
    await erase(c.outreach, "rosa", "visit-1")


async def erased_category(c: Cast, grant_id: str) -> None:
    await erase(c.outreach, "rosa", "ACCOMMODATION")


async def erased_altogether(c: Cast, grant_id: str) -> None:
    await erase(c.outreach, "rosa", "everything")


async def held_and_erased(c: Cast, grant_id: str) -> None:
    """The hold keeps the record with its author; its erasure was asked for with all the rest."""
    await hold(c.outreach, "rosa", "visit-1")
    await c.outreach.publish("rosa", "kept-home", note=note("x", "FAMILY"))
    await erase(c.outreach, "rosa", "everything")


STANDING = [
    exclusion,
    exclusion_of_somebody_there,
    exclusion_of_a_kind,
    refusal,
    withdrawal,
    withdrawal_and_remove,
    lapse,
    end_of_agreement,
    restriction,
    unlink,
]
"""What can withhold a record before it is published."""
ENDINGS = [
    *STANDING,
    serious_harm,
    third_party,
    crime_prejudice,
    taken_back,
    registered_in_error,
    erased_record,
    erased_category,
    erased_altogether,
    held_and_erased,
]
"""What can end it afterwards."""


@pytest.mark.parametrize("cause", STANDING, ids=lambda cause: cause.__name__)
async def test_h3_a_hidden_record_is_like_one_about_somebody_else(
    cause: Cause, tmp_path: Path, authority: Authority
) -> None:
    async def script(world: Stage, hidden: bool) -> None:
        c = await cast(world)
        grant_id = await c.outreach.grant("rosa", WIDE, to="hostel")
        await cause(c, grant_id)
        await everything_the_hostel_can_ask(c, "rosa" if hidden else "mia")
        assert c.hostel.store == {}

    await assert_twins(tmp_path, authority, script, "hostel", "elsewhere")


@pytest.mark.parametrize("part", ["told-1", "ACCOMMODATION", "everything"])
async def test_h3_what_was_erased_before_it_was_fetched_is_like_what_never_was(
    part: str, tmp_path: Path, authority: Authority
) -> None:
    """I8: permitted, told, and erased before anybody had it; and everything of it asked for again."""

    async def script(world: Stage, hidden: bool) -> None:
        c = await cast(world)
        about, other = ("rosa", "mia") if hidden else ("mia", "rosa")
        await c.outreach.grant("rosa", WIDE, to="hostel")
        await c.outreach.publish(about, "told-1", contact=bedded_down())
        await erase(c.outreach, about, part)
        if part == "everything":
            await c.outreach.register(about)
        for reference in (about, other):
            await c.outreach.exclude(reference, "hostel")
        await everything_the_hostel_can_ask(c, "mia")
        assert c.hostel.store == {}

    await assert_twins(tmp_path, authority, script, "hostel", "elsewhere")


async def everything_the_hostel_can_ask(c: Cast, about: str) -> None:
    """The live view, fetches that wait and that do not, its status; and calls that are refused."""
    await c.hostel.drain()
    await c.hostel.history("room-4")
    waiting = c.hostel.waiting(0.4)
    await waiting.begun
    await c.outreach.publish(about, "visit-1", contact=bedded_down())
    await waiting.answer
    await c.hostel.history("room-4")
    await c.hostel.drain(max_items=1)
    await c.hostel.feed_status()
    for reference in ("room-5", "rosa"):
        await c.hostel.refused(c.hostel.history(reference))
        await c.hostel.refused(c.hostel.list_disclosures(reference))
    await c.hostel.list_disclosures("room-4")
    await c.hostel.refused(c.hostel.explain("visit-1", "outreach"))


async def outcome(cause: Cause, folder: Path, authority: Authority, *, there: bool = True) -> list[Seen]:
    """What the hostel sees of a record that the cause withholds; positions told from where they began."""
    async with stage(folder, authority) as world:
        c = await cast(world)
        grant_id = await c.outreach.grant("rosa", WIDE, to="hostel")
        await cause(c, grant_id)
        await c.hostel.drain()
        since, began = len(c.hostel.seen), await world.size()
        if there:
            await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        else:
            await c.outreach.publish("mia", "visit-1", contact=bedded_down())
        await c.hostel.fetch()
        await c.hostel.history("room-4")
        return [_from(began, one) for one in c.hostel.seen[since:]]


def _from(began: int, seen: Seen) -> Seen:
    kinds: dict[str, Any] = {
        "DeliveryService/FetchDeliveries": delivery_service_pb2.FetchDeliveriesResponse,
        "RecordService/GetHistory": record_service_pb2.GetHistoryResponse,
    }
    answer = kinds[seen.method].FromString(seen.answered)
    answer.access.index -= began
    return Seen(seen.method, b"", answer.SerializeToString(deterministic=True), seen.error, seen.grew)


async def test_h3_outcomes_of_a_hidden_record_that_can_be_told_apart_are_exactly_one(
    tmp_path: Path, authority: Authority
) -> None:
    never_was = await outcome(nothing, tmp_path / "never", authority, there=False)
    outcomes = [never_was]
    for number, cause in enumerate(STANDING):
        outcomes.append(await outcome(cause, tmp_path / str(number), authority))
    different = [one for one in outcomes if one != never_was]
    assert different == []
    delivered = await outcome(nothing, tmp_path / "control", authority)
    assert delivered != never_was, "control: without a cause it is delivered"


async def ending(cause: Cause, folder: Path, authority: Authority) -> list[bytes]:
    """The deliveries that end what the hostel holds, and everything that it is answered afterwards."""
    async with stage(folder, authority) as world:
        c = await cast(world)
        grant_id = await c.outreach.grant("rosa", WIDE, to="hostel")
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        await c.hostel.drain()
        assert len(c.hostel.store) == 1, "control: it was there"
        await cause(c, grant_id)
        gone = await c.hostel.drain()
        view = await c.hostel.history("room-4")
        status = await c.hostel.feed_status()
        assert c.hostel.store == {}
        assert (status.open_retractions, status.receipted_retractions) == (0, 1)
        view.access.Clear()
        return [*(one.SerializeToString(deterministic=True) for one in gone), view.SerializeToString()]


async def test_h3_every_retraction_is_alike_and_carries_no_reason(
    tmp_path: Path, authority: Authority
) -> None:
    endings = {
        cause.__name__: await ending(cause, tmp_path / str(number), authority)
        for number, cause in enumerate(ENDINGS)
    }
    assert {name for name, seen in endings.items() if seen != endings["lapse"]} == set()
    retraction = delivery_service_pb2.Delivery.FromString(endings["lapse"][0])
    assert [field.name for field, _ in retraction.ListFields()] == ["sequence", "client_reference", "retract"]
    fields = {field.name for field in delivery_service_pb2.Retraction.DESCRIPTOR.fields}
    assert fields == {"fragment_id"}, "there is no place for a reason"


async def test_h3_every_view_carries_the_one_sentence(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        empty = await c.hostel.history("room-4")
        await c.outreach.grant("rosa", WIDE, to="hostel")
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        full = await c.hostel.history("room-4")
        await c.outreach.exclude("rosa", "hostel")
        hidden = await c.hostel.history("room-4")
    assert (len(empty.elements), len(full.elements), len(hidden.elements)) == (0, 1, 0)
    assert {empty.reminder, full.reminder, hidden.reminder} == {REMINDER}
    assert re.search(r"\d|consent|withdr|exclu|hidden", REMINDER) is None
    empty.access.Clear()
    hidden.access.Clear()
    assert hidden == empty


async def test_h3_a_hidden_persons_turn_changes_neither_order_nor_more(
    tmp_path: Path, authority: Authority
) -> None:
    """A stop puts its person at the front of what a feed looks at: nobody may notice by who comes first, nor
    by an answer that promises more and then has none."""

    async def script(world: Stage, hidden: bool) -> None:
        c = await cast(world)
        people = [f"p-{number}" for number in range(9)]
        for person in people:
            await c.outreach.register(person)
            await c.hostel.register(f"room-{person}")
            await c.outreach.link(person, c.hostel, f"room-{person}")
            await c.outreach.grant(person, WIDE, to="hostel")
        await c.hostel.drain()
        # In the order in which the hub goes through them: silent people before, between and after the others.
        known = c.stage.hub.projector.index.by_reference
        people.sort(key=lambda person: known[("hostel", f"room-{person}")][0])
        silent = [people[0], people[4], people[8]]
        heard = [person for person in people if person not in silent]
        for person in heard:
            await c.outreach.publish(person, "visit-" + person, contact=bedded_down())
        # Irrelevant to what the hostel may have, but about people of whom it is about to hear.
        for person in (heard[4], heard[0], heard[2]):
            await c.outreach.exclude(person if hidden else "mia", "elsewhere")
            await c.outreach.exclude(person if hidden else "mia", kind="IMMIGRATION")
        # People of whom there is nothing to hear.
        for person in silent:
            await c.outreach.exclude(person if hidden else "mia", "hostel")
            await c.outreach.publish(
                person if hidden else "mia", "visit-" + person, contact=seen_at("street")
            )
        while await c.hostel.fetch(max_items=1):
            pass
        assert len(c.hostel.store) == len(heard)

    await assert_twins(tmp_path, authority, script, "hostel")


async def test_h3_control_a_difference_that_may_be_seen_is_seen(tmp_path: Path, authority: Authority) -> None:
    """The harness itself: what is permitted makes the worlds differ, and so does one more entry elsewhere."""

    async def permitted(world: Stage, hidden: bool) -> None:
        c = await cast(world)
        await c.outreach.grant("rosa", WIDE, to="hostel")
        await everything_the_hostel_can_ask(c, "rosa" if hidden else "mia")

    async def one_entry_more(world: Stage, hidden: bool) -> None:
        c = await cast(world)
        if hidden:
            await c.outreach.exclude("mia", "elsewhere")
        await c.hostel.fetch()

    for number, script in enumerate((permitted, one_entry_more)):
        one, other = await worlds(tmp_path / str(number), authority, script)
        assert first_difference(one["hostel"], other["hostel"]) != ""
