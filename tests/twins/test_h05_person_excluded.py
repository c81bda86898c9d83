"""H5 (critical): "never Dave at the hostel" is recorded, but what the hostel keeps lies in a shared table.

So the whole agency is shut out, and the person is told so in one sentence. Only where nothing is kept, and
staff read through the hub alone, is Dave shut out by himself; then he finds what he would find of nobody.
Each control is removed once in `test_h5_without_one_of_its_controls`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub.use_cases import history
from oncetold.v1 import agency_service_pb2, common_pb2
from oncetold.v1 import consent_service_pb2 as messages
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from tests.integration.loopback import operator_channel
from tests.twins.cast import TOLD_ABOUT, bedded_down
from tests.twins.colleague import Colleague, hired
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage
from tests.twins.twin import assert_twins

WIDE = ("ACCOMMODATION", "SERVICE_CONTACT", "CONTACT_LOCATION")


async def rosa_at_the_hostel(world: Stage, *, keeps_nothing: bool) -> tuple[Desk, Desk, Colleague, Colleague]:
    """The hostel's navigator Dave, and Ann, who work with Rosa both; the street team may tell the hostel."""
    outreach = await world.agency("outreach", "STREET_OUTREACH", receives=TOLD_ABOUT)
    hostel = await world.agency(
        "hostel", "HOSTEL", receives=TOLD_ABOUT, enforces_person_restriction=keeps_nothing
    )
    await world.agreement(("outreach", "hostel"), dict.fromkeys(TOLD_ABOUT, "ERASE"))
    for one in ("rosa", "mia"):
        await outreach.register(one)
    await hostel.register("room-4")
    await outreach.link("rosa", hostel, "room-4")
    await outreach.grant("rosa", WIDE, to="hostel")
    dave, ann = await hired(hostel, "dave", "NAVIGATOR"), await hired(hostel, "ann", "NAVIGATOR")
    for somebody in (dave, ann):
        await somebody.works_with("room-4")
    return outreach, hostel, dave, ann


async def test_h5_where_copies_are_kept_the_whole_agency_is_shut_out_and_the_person_told_why(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, hostel, _, ann = await rosa_at_the_hostel(world, keeps_nothing=False)
        await outreach.publish("rosa", "visit-1", contact=bedded_down())
        await hostel.drain()
        assert len(hostel.store) == 1, "control"
        answer = await outreach.exclude("rosa", "hostel", staff="dave")
        assert answer.effect == messages.EXCLUSION_EFFECT_AGENCY_SHUT_OUT
        assert answer.sentence == (
            "Nothing about you goes to that agency from now on. It keeps copies of its own, so the hub cannot"
            " hide you from one person there alone."
        )
        await outreach.publish("rosa", "visit-2", contact=bedded_down())
        await hostel.drain()
        assert hostel.store == {} and list((await ann.history("room-4")).elements) == []


async def test_h5_where_nothing_is_kept_only_that_person_is_shut_out(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, hostel, dave, ann = await rosa_at_the_hostel(world, keeps_nothing=True)
        await outreach.publish("rosa", "visit-1", contact=bedded_down())
        assert len((await dave.history("room-4")).elements) == 1, "control"
        answer = await outreach.exclude("rosa", "hostel", staff="dave")
        assert answer.effect == messages.EXCLUSION_EFFECT_PERSON_SHUT_OUT
        await outreach.publish("rosa", "visit-2", contact=bedded_down())
        assert len((await ann.history("room-4")).elements) == 2
        assert list((await dave.history("room-4")).elements) == []
        assert await hostel.drain() == [], "nothing is kept, so nothing is delivered"
        assert len((await ann.history("room-4")).elements) == 2, "what Dave found is not remembered for her"
        # The whole agency and a category are as ever.
        await outreach.exclude("rosa", kind="ACCOMMODATION")
        assert list((await ann.history("room-4")).elements) == []


async def keeps_copies_too(world: Stage, hostel: Desk) -> None:
    """The hostel opens a second feed, into a system of its own."""
    assert hostel.credentials.uri is not None
    async with operator_channel(world.site) as channel:
        await AgencyServiceStub(channel).Subscribe(
            agency_service_pb2.SubscribeRequest(
                request_id=world.request_id(),
                agency_id=hostel.agency_id,
                certificate_uri=hostel.credentials.uri,
                service_type=hostel.service_type,
                purposes=[common_pb2.PURPOSE_DIRECT_SUPPORT],
                categories=[common_pb2.DATA_CATEGORY_MONEY_WORK],
            )
        )


@pytest.mark.parametrize("first", ["the feed", "her word"])
async def test_h5_one_feed_that_keeps_copies_shuts_the_whole_agency_out(
    first: str, tmp_path: Path, authority: Authority
) -> None:
    """Whichever of its feeds is read: she was told that nothing goes to that agency, or would be now."""
    async with stage(tmp_path, authority) as world:
        outreach, hostel, _, ann = await rosa_at_the_hostel(world, keeps_nothing=True)
        await outreach.publish("rosa", "visit-1", contact=bedded_down())
        if first == "the feed":
            await keeps_copies_too(world, hostel)
        answer = await outreach.exclude("rosa", "hostel", staff="dave")
        if first == "her word":
            assert answer.effect == messages.EXCLUSION_EFFECT_PERSON_SHUT_OUT
            assert len((await ann.history("room-4")).elements) == 1, "control"
            await keeps_copies_too(world, hostel)
        else:
            assert answer.effect == messages.EXCLUSION_EFFECT_AGENCY_SHUT_OUT
        assert list((await ann.history("room-4")).elements) == []


@pytest.mark.parametrize("lifted", [True, False], ids=["lifted", "another's"])
async def test_h5_lifted_or_of_somebody_else_it_shuts_nobody_out(
    lifted: bool, tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, _, dave, _ = await rosa_at_the_hostel(world, keeps_nothing=True)
        await outreach.publish("rosa", "visit-1", contact=bedded_down())
        if lifted:
            answer = await outreach.exclude("rosa", "hostel", staff="dave")
            await outreach.let_in("rosa", answer.exclusion_id)
        else:
            await outreach.exclude("rosa", "elsewhere", staff="dave")
        assert len((await dave.history("room-4")).elements) == 1


async def test_h5_to_whoever_is_shut_out_the_person_is_like_somebody_of_whom_nothing_is_known(
    tmp_path: Path, authority: Authority
) -> None:
    async def script(world: Stage, hidden: bool) -> None:
        outreach, hostel, dave, _ = await rosa_at_the_hostel(world, keeps_nothing=True)
        await outreach.exclude("rosa", "hostel" if hidden else "elsewhere", staff="dave")
        await outreach.publish("rosa" if hidden else "mia", "visit-1", contact=bedded_down())
        await dave.history("room-4")
        await hostel.fetch()
        await hostel.tasks()
        await hostel.feed_status()

    await assert_twins(tmp_path, authority, script, "hostel")


async def test_h5_to_colleagues_there_is_no_trace_of_it(tmp_path: Path, authority: Authority) -> None:
    async def script(world: Stage, hidden: bool) -> None:
        outreach, hostel, _, ann = await rosa_at_the_hostel(world, keeps_nothing=True)
        await outreach.exclude("rosa", "hostel" if hidden else "elsewhere", staff="dave")
        await outreach.publish("rosa", "visit-1", contact=bedded_down())
        assert len((await ann.history("room-4")).elements) == 1
        await hostel.list_choices("room-4")
        await hostel.tasks()

    await assert_twins(tmp_path, authority, script, "hostel")


Story = Callable[[Path, Authority], Awaitable[None]]
REMOVED: dict[str, tuple[str, Any, Story]] = {
    "dave is looked for": (
        "is_shut_out",
        lambda *_: False,
        test_h5_where_nothing_is_kept_only_that_person_is_shut_out,
    ),
    "colleagues read on": (
        "seen_by_colleagues",
        lambda *_: None,
        test_h5_where_nothing_is_kept_only_that_person_is_shut_out,
    ),
    "only where nothing is kept": (
        "seen_by_colleagues",
        lambda index, feed, registration: _without_exclusions(index, registration),
        test_h5_where_copies_are_kept_the_whole_agency_is_shut_out_and_the_person_told_why,
    ),
}


def _without_exclusions(index: Any, registration: Any) -> Any:
    return replace(index.person(registration.registration_id), exclusions=())


@pytest.mark.parametrize("control", REMOVED)
async def test_h5_without_one_of_its_controls(
    control: str, tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, instead, story = REMOVED[control]
    monkeypatch.setattr(history, name, instead)
    with pytest.raises(AssertionError):
        await story(tmp_path, authority)
