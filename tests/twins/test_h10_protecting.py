"""H10: how a place is protected, lifted, listed and forgotten; what desk, operator and replica see of it."""

from pathlib import Path
from typing import Any
from uuid import UUID

from hub.rpc.authentication import ACTING_AGENCY
from hub.use_cases import places as protecting
from hub.use_cases.work import Caller
from oncetold.v1 import place_service_pb2, staff_service_pb2
from oncetold.v1.place_service_pb2_grpc import PlaceServiceStub
from tests.erasure.asking import erase
from tests.integration.loopback import operator_channel
from tests.twins.colleague import hired
from tests.twins.places import CARE_OF, REFUGE, at, lift, list_places, protect
from tests.twins.stage import Authority, stage
from tests.twins.test_h10_places import ELSEWHERE, everything, plant, the_family


async def test_h10_once_lifted_it_goes_where_it_is_permitted(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, hostel = await the_family(world)
        place = await protect(outreach, "rosa")
        other = await protect(outreach, "mia", REFUGE)
        await outreach.publish("rosa", "home", contact=at("7 Mill Lane"))
        assert await hostel.drain() == []
        await lift(outreach, "rosa", place)
        assert await hostel.drain() == [], "somebody else's protection stands"
        await lift(outreach, "mia", other)
        await hostel.drain()
        assert len(hostel.store) == 1
        assert [one.lifted for one in await list_places(outreach, "rosa")] == [True]


async def test_h10_the_care_of_address_is_given_out_where_every_other_is_protected(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, hostel = await the_family(world)
        await outreach.publish("rosa", "post", contact=at(CARE_OF))
        await outreach.publish("rosa", "aunt", contact=at("3 High Street"))
        await outreach.mark("rosa", "PROTECTED_ADDRESS")
        assert await hostel.drain() == []
        await protect(outreach, "rosa", care_of="post")
        await hostel.drain()
        [given] = hostel.store.values()
        assert given.content.contact.place.address_line == CARE_OF


async def test_h10_a_care_of_address_that_is_revised_is_an_address_like_all_others(
    tmp_path: Path, authority: Authority
) -> None:
    """A worker types the real one over it, in the record that may be given out."""
    async with stage(tmp_path, authority) as world:
        outreach, hostel = await the_family(world)
        await outreach.publish("rosa", "post", contact=at(CARE_OF))
        await outreach.mark("rosa", "PROTECTED_ADDRESS")
        await protect(outreach, "rosa", care_of="post")
        await hostel.drain()
        assert len(hostel.store) == 1
        await outreach.publish("rosa", "post", revision=2, contact=at("11 Elm Row"))
        await hostel.drain()
        assert hostel.store == {}, "nor does the old one stay, which is hers no more"
        await protect(outreach, "rosa", ELSEWHERE, care_of="post")
        await hostel.drain()
        [given] = hostel.store.values()
        assert given.content.contact.place.address_line == "11 Elm Row", "said anew, it is given out"


async def test_h10_its_refusals(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, hostel = await the_family(world)
        await outreach.publish("rosa", "home", contact=at("7 Mill Lane"))
        place = await protect(outreach, "rosa")
        make = place_service_pb2.ProtectedPlace
        for wrong in (make(), make(lines=["?!"]), make(names=["abc"])):
            assert await outreach.refused(protect(outreach, "rosa", wrong)) == "INVALID_FIELD"
        assert await outreach.refused(protect(outreach, "rosa", care_of="home")) == "INVALID_FIELD"
        assert await outreach.refused(protect(outreach, "mia", care_of="home")) == "NOT_FOUND"
        # Another's place, another person's and none are alike.
        for desk, reference in ((hostel, "room-4"), (outreach, "mia")):
            assert await desk.refused(lift(desk, reference, place)) == "NOT_FOUND"
        assert await list_places(hostel, "room-4") == []
        [own] = await list_places(outreach, "rosa")
        assert own.place == REFUGE and own.looked_through == 100


async def test_h10_once_she_is_erased_the_place_is_known_to_nobody_and_still_protected(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, hostel = await the_family(world)
        place_id = UUID(await protect(outreach, "rosa"))

        def kept(transaction: Any) -> list[bytes]:
            [first, *_] = transaction.stream(place_id)
            return [part.payload for part in first.parts]

        assert any(b"Mill" in one for one in await world.hub.look(kept)), "control"
        await erase(outreach, "rosa", "everything")
        assert not any(b"Mill" in one for one in await world.hub.look(kept))
        await plant(outreach, "mia", "since")
        assert await everything(hostel) == []


async def test_h10_two_replicas_record_a_look_once(tmp_path: Path, authority: Authority) -> None:
    """Whoever comes second finds that as much was looked through already, and appends nothing."""
    async with stage(tmp_path, authority) as world:
        outreach, _ = await the_family(world)
        place_id = UUID(await protect(outreach, "rosa"))
        size = await world.size()
        operator = Caller(agency_id=None, operator=True)
        again: dict[str, Any] = {"place_id": place_id, "after": 0, "through": 5, "found": []}
        assert await world.hub.execute(protecting.looked, operator, **again) is False
        assert await world.size() == size
        assert world.hub.projector.index.places.every[place_id].looked_through


async def test_h30_the_operator_sees_that_a_place_is_protected_and_not_which(
    tmp_path: Path, authority: Authority
) -> None:
    """Who runs the hub is not told through it (SAFETY H30). Control: the agency itself is."""
    async with stage(tmp_path, authority) as world:
        outreach, _ = await the_family(world)
        await protect(outreach, "rosa")
        async with operator_channel(world.site) as channel:
            answer = await PlaceServiceStub(channel).ListPlaces(
                place_service_pb2.ListPlacesRequest(client_reference="rosa"),
                metadata=((ACTING_AGENCY, "outreach"),),
            )
        [seen] = answer.places
        assert seen.place_id and not seen.HasField("place")
        [own] = await list_places(outreach, "rosa")
        assert own.place == REFUGE


async def test_h10_broken_glass_does_not_show_it(tmp_path: Path, authority: Authority) -> None:
    """Control: her other address it shows, to somebody who does not work with her."""
    async with stage(tmp_path, authority) as world:
        outreach, hostel = await the_family(world)
        await outreach.publish("rosa", "home", contact=at("7 Mill Lane"))
        await outreach.publish("rosa", "post", contact=at(CARE_OF))
        await protect(outreach, "rosa")
        nurse = await hired(hostel, "nurse-1", "NAVIGATOR")
        assert list((await nurse.history("room-4")).elements) == []
        request = staff_service_pb2.BreakGlassRequest(
            request_id=world.request_id(),
            client_reference="room-4",
            reason=staff_service_pb2.BREAK_GLASS_REASON_VITAL_INTERESTS,
        )
        await hostel.ask(
            "StaffService/BreakGlass",
            request,
            staff_service_pb2.BreakGlassResponse,
            metadata=nurse.signed(request),
        )
        [seen] = (await nurse.history("room-4")).elements
        assert seen.content.contact.place.address_line == CARE_OF
