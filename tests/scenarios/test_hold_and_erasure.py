"""Hard case 8: somebody asks to be forgotten while a claim is in court. The hold wins for what it names.

Rosa was hurt on the hostel's stairs; the street team wrote down what she told them that night. She has a
claim against the landlord, and her solicitor asks that the record of that night be kept. In May she asks the
street team to erase everything about her. What the court does not need goes at once. What it needs is kept
by the street team alone: nobody else sees it any more. When the case is over it goes too, without her asking
again.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from oncetold.v1 import erasure_service_pb2 as messages
from tests.erasure.asking import certificate, erase, erase_request, erasures, hold, lift
from tests.integration.loopback import refused
from tests.twins.cast import Cast, bedded_down, cast, dose, note
from tests.twins.stage import Authority, Stage, stage

SHARED = ("ACCOMMODATION", "SERVICE_CONTACT", "PHYSICAL_HEALTH", "FAMILY")


@dataclass
class Claim:
    """The street team told the hostel of that night, of a dose and of the sea. That night is held."""

    world: Stage
    cast: Cast
    hold_id: str

    async def hostel_has(self) -> int:
        await self.cast.hostel.drain()
        return len(self.cast.hostel.store)

    async def hostel_reads(self) -> int:
        return len((await self.cast.hostel.history("room-4")).elements)


@asynccontextmanager
async def claim(folder: Path, authority: Authority) -> AsyncIterator[Claim]:
    async with stage(folder, authority) as world:
        c = await cast(world, ends=dict.fromkeys(SHARED, "RESTRICT"))
        await c.outreach.grant("rosa", SHARED, to="hostel")
        await c.outreach.publish("rosa", "that-night", contact=bedded_down())
        await c.outreach.publish("rosa", "dose-1", assessment=dose("40mg"))
        await c.outreach.publish("rosa", "note-1", note=note("Ask about the sea.", "FAMILY"))
        hold_id = await hold(c.outreach, "rosa", "that-night")
        day = Claim(world, c, hold_id)
        assert await day.hostel_has() == 3, "a hold by itself takes nothing from anybody"
        yield day


async def test_what_the_court_needs_is_kept_from_everybody_else_and_the_rest_goes(
    tmp_path: Path, authority: Authority
) -> None:
    async with claim(tmp_path, authority) as day:
        asked = await erase(day.cast.outreach, "rosa", "everything")
        assert asked.held
        assert await day.hostel_reads() == 0 and await day.hostel_has() == 0
        [erasure] = (await erasures(day.cast.outreach)).erasures
        assert (erasure.state, erasure.fragments) == (messages.ERASURE_STATE_HELD, 2)
        told = (await certificate(day.cast.outreach, asked.erasure_id)).statement
        assert (
            "A part of it (1 piece of information) is kept for now because it is needed for a legal claim"
            in told
        )
        assert "It is not shared with anybody meanwhile" in told


async def test_when_the_case_is_over_the_rest_goes_without_her_asking_again(
    tmp_path: Path, authority: Authority
) -> None:
    async with claim(tmp_path, authority) as day:
        asked = await erase(day.cast.outreach, "rosa", "everything")
        await day.world.hub.rebuild()
        await lift(day.cast.outreach, day.hold_id)
        listed = await erasures(day.cast.outreach)
        [erasure] = listed.erasures
        assert (erasure.state, erasure.fragments) == (messages.ERASURE_STATE_FENCED, 3)
        assert list(listed.holds) == []
        status, reason, _ = await refused(day.cast.outreach.publish("rosa", "n-2", note=note("x", "FAMILY")))
        assert (status, reason) == (grpc.StatusCode.NOT_FOUND, "REFERENCE_NOT_REGISTERED")
        told = (await certificate(day.cast.outreach, asked.erasure_id)).statement
        assert "is kept for now" not in told
        await day.world.hub.rebuild()
        assert await day.hostel_has() == 0


async def test_lifting_a_hold_erases_nothing_that_nobody_asked_to_erase(
    tmp_path: Path, authority: Authority
) -> None:
    async with claim(tmp_path, authority) as day:
        first = await lift(day.cast.outreach, day.hold_id)
        assert await lift(day.cast.outreach, day.hold_id) == first, "lifted once"
        assert await day.hostel_has() == 3 and await day.hostel_reads() == 3


async def test_two_holds_on_one_record_both_have_to_end(tmp_path: Path, authority: Authority) -> None:
    async with claim(tmp_path, authority) as day:
        second = await hold(day.cast.outreach, "rosa", "ACCOMMODATION", "LEGAL_OBLIGATION")
        await erase(day.cast.outreach, "rosa", "everything")
        await lift(day.cast.outreach, day.hold_id)
        [erasure] = (await erasures(day.cast.outreach)).erasures
        assert erasure.state == messages.ERASURE_STATE_HELD
        await lift(day.cast.outreach, second)
        [erasure] = (await erasures(day.cast.outreach)).erasures
        assert (erasure.state, erasure.fragments) == (messages.ERASURE_STATE_FENCED, 3)


@pytest.mark.parametrize("part", ["that-night", "ACCOMMODATION"])
async def test_when_all_of_it_is_held_the_worker_is_told_by_which_hold(
    tmp_path: Path, authority: Authority, part: str
) -> None:
    async with claim(tmp_path, authority) as day:
        asked = day.cast.outreach.ask(
            "ErasureService/Erase", erase_request(day.world, "rosa", part), messages.EraseResponse
        )
        assert await refused(asked) == (
            grpc.StatusCode.FAILED_PRECONDITION,
            "LEGAL_HOLD",
            {"hold_id": day.hold_id},
        )
        assert await day.hostel_has() == 3, "it is shared as before"


async def test_anothers_hold_is_answered_like_none(tmp_path: Path, authority: Authority) -> None:
    async with claim(tmp_path, authority) as day:
        for hold_id in (day.hold_id, day.world.request_id()):
            status, reason, _ = await refused(lift(day.cast.hostel, hold_id))
            assert (status, reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
