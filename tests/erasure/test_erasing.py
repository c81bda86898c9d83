"""What is erased is gone for everybody: not disclosed, not read, not previewed, taken back where it went."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc
import pytest

from hub.projections.segments import Segments
from oncetold.v1 import erasure_service_pb2 as messages
from tests.erasure.asking import (
    certificate,
    end_epoch,
    erase,
    erase_client,
    erase_request,
    erasures,
    hold,
    lift,
)
from tests.integration.loopback import refused
from tests.twins.cast import Cast, also_about, bedded_down, cast, dose, note
from tests.twins.stage import Authority, Stage, stage

SHARED = ("ACCOMMODATION", "SERVICE_CONTACT", "PHYSICAL_HEALTH", "FAMILY")


@dataclass
class Told:
    """Rosa's street team told the hostel of a visit, a dose and the sea."""

    world: Stage
    cast: Cast
    grant_id: str

    async def holds(self) -> int:
        await self.cast.hostel.drain()
        return len(self.cast.hostel.store)

    async def reads(self) -> int:
        return len((await self.cast.hostel.history("room-4")).elements)


async def why(call: Any) -> tuple[grpc.StatusCode, str]:
    """Status and reason of a refused call."""
    status, reason, _ = await refused(call)
    return status, reason


@asynccontextmanager
async def told(folder: Path, authority: Authority, *, on_end: str = "STOP") -> AsyncIterator[Told]:
    async with stage(folder, authority) as world:
        c = await cast(world, ends=dict.fromkeys(SHARED, on_end))
        grant_id = await c.outreach.grant("rosa", SHARED, to="hostel")
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        await c.outreach.publish("rosa", "dose-1", assessment=dose("40mg"))
        await c.outreach.publish("rosa", "note-1", note=note("Ask about the sea.", "FAMILY"))
        day = Told(world, c, grant_id)
        assert await day.holds() == 3
        yield day


@pytest.mark.parametrize(
    ("part", "left"), [("dose-1", 2), ("PHYSICAL_HEALTH", 2), ("SERVICE_CONTACT", 0), ("everything", 0)]
)
async def test_from_the_answer_on_nobody_reads_it_and_it_is_taken_back(
    tmp_path: Path, authority: Authority, part: str, left: int
) -> None:
    """Under STOP a withdrawal would leave the copies: erasure never does."""
    async with told(tmp_path, authority) as day:
        answer = await erase(day.cast.outreach, "rosa", part)
        assert not answer.held
        if part != "everything":
            assert await day.reads() == left
        assert await day.holds() == left
        assert len(day.cast.hostel.retracted) == 3 - left
        # Made anew from the ledger there is no more of it than before.
        await day.world.hub.rebuild()
        assert await day.reads() == left and await day.holds() == left


async def test_a_record_is_erased_with_all_its_revisions_and_may_be_told_again(
    tmp_path: Path, authority: Authority
) -> None:
    async with told(tmp_path, authority) as day:
        outreach = day.cast.outreach
        await outreach.publish("rosa", "dose-1", revision=2, assessment=dose("50mg"))
        await erase(outreach, "rosa", "dose-1")
        assert await day.holds() == 2
        request = erase_request(day.world, "rosa", "dose-1")
        again = outreach.ask("ErasureService/Erase", request, messages.EraseResponse)
        assert await why(again) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
        await outreach.publish("rosa", "dose-1", revision=3, assessment=dose("60mg"))
        assert await day.holds() == 3


async def test_erasing_everything_erases_the_reference_too(tmp_path: Path, authority: Authority) -> None:
    async with told(tmp_path, authority) as day:
        outreach = day.cast.outreach
        await erase(outreach, "rosa", "everything")
        assert await why(outreach.withdraw("rosa", day.grant_id)) == (
            grpc.StatusCode.NOT_FOUND,
            "REFERENCE_NOT_REGISTERED",
        )
        # Whoever comes again is somebody new: what was agreed before opens nothing.
        await outreach.register("rosa")
        await outreach.link("rosa", day.cast.hostel, "room-4")
        await outreach.publish("rosa", "visit-2", contact=bedded_down())
        assert await day.holds() == 0
        await day.world.hub.rebuild()
        await outreach.grant("rosa", SHARED, to="hostel")
        assert await day.holds() == 1


async def test_everything_of_a_client_is_the_operators_to_erase(tmp_path: Path, authority: Authority) -> None:
    async with told(tmp_path, authority) as day:
        outreach, hostel = day.cast.outreach, day.cast.hostel
        await hostel.grant("room-4", SHARED, to="outreach")
        await hostel.publish("room-4", "h-1", contact=bedded_down())
        await outreach.drain()
        assert len(outreach.store) == 1
        request = erase_request(day.world, "rosa", "client")
        asked = outreach.ask("ErasureService/Erase", request, messages.EraseResponse)
        assert await why(asked) == (grpc.StatusCode.PERMISSION_DENIED, "OPERATOR_ONLY")
        await erase_client(day.world, outreach, "rosa")
        await outreach.drain()
        assert await day.holds() == 0 and outreach.store == {}
        for agency, own in ((hostel, 1), (outreach, 3)):
            [line] = (await erasures(agency)).erasures
            assert line.fragments == own, "each agency sees what became of its own"
            said = await certificate(agency, line.erasure_id)
            assert f"({own} piece" in said.statement and said.erasure == line


async def test_what_another_agency_holds_does_not_show_in_the_erasure_of_a_client(
    tmp_path: Path, authority: Authority
) -> None:
    """I8: neither how much another recorded of her, nor that it has to keep something of it."""
    async with told(tmp_path, authority) as day:
        outreach, hostel = day.cast.outreach, day.cast.hostel
        await hostel.publish("room-4", "h-1", contact=bedded_down())
        await hostel.publish("room-4", "h-2", contact=bedded_down())
        hold_id = await hold(hostel, "room-4", "h-2")
        await erase_client(day.world, outreach, "rosa")
        [mine], [theirs] = [(await erasures(one)).erasures for one in (outreach, hostel)]
        assert (mine.fragments, mine.state) == (3, messages.ERASURE_STATE_FENCED)
        assert (theirs.fragments, theirs.state) == (1, messages.ERASURE_STATE_HELD)
        said = (await certificate(outreach, mine.erasure_id)).statement
        assert "Hostel" not in said.partition("shared with")[0] and "kept for now" not in said
        kept = (await certificate(hostel, theirs.erasure_id)).statement
        assert "(1 piece of information) is kept for now because it is needed for a legal claim" in kept
        await lift(hostel, hold_id)
        [mine], [theirs] = [(await erasures(one)).erasures for one in (outreach, hostel)]
        assert (mine.fragments, theirs.fragments) == (3, 2)
        await day.world.hub.rebuild()
        assert [one.fragments for one in (await erasures(hostel)).erasures] == [2]


async def test_anothers_is_answered_like_nobodys(tmp_path: Path, authority: Authority) -> None:
    """I8: neither a record nor an erasure of another agency's can be told from one that never was."""
    async with told(tmp_path, authority) as day:
        mine = await erase(day.cast.outreach, "rosa", "note-1")
        hostel = day.cast.hostel
        for part in ("dose-1", "never-was"):
            request = erase_request(day.world, "room-4", part)
            asked = hostel.ask("ErasureService/Erase", request, messages.EraseResponse)
            assert await why(asked) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
        for erasure_id in (mine.erasure_id, day.world.request_id()):
            assert await why(certificate(hostel, erasure_id)) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
        grew = {(seen.error, seen.grew) for seen in hostel.seen if seen.error}
        assert len(grew) == 1


async def test_the_certificate_says_what_a_person_asks(tmp_path: Path, authority: Authority) -> None:
    async with told(tmp_path, authority) as day:
        answer = await erase(day.cast.outreach, "rosa", "dose-1")
        before = await certificate(day.cast.outreach, answer.erasure_id)
        assert before.erasure.state == messages.ERASURE_STATE_FENCED
        assert before.erasure.open_retractions == 1
        assert "Hostel still has to answer" in before.statement
        assert before.erasure.horizon.ToDatetime(UTC) > day.world.clock.now() + timedelta(days=60)
        assert "could still bring it back from backup copies" in before.statement
        await day.holds()
        answered = await certificate(day.cast.outreach, answer.erasure_id)
        assert answered.erasure.open_retractions == 0
        assert "Each was told to take its copy away and has answered" in answered.statement

        await end_epoch(day.world)

        after = await certificate(day.cast.outreach, answer.erasure_id)
        assert after.erasure.state == messages.ERASURE_STATE_COMPLETE
        assert after.erasure.complete_position.index > after.erasure.fenced_position.index
        assert "destroyed for good on" in after.statement and "could still" not in after.statement
        assert "40mg" not in after.statement and "methadone" not in after.statement
        await day.world.hub.rebuild()
        again = await certificate(day.cast.outreach, answer.erasure_id)
        assert (again.erasure, again.statement) == (after.erasure, after.statement)


async def test_what_is_erased_after_the_epoch_ended_waits_for_the_next(
    tmp_path: Path, authority: Authority
) -> None:
    async with told(tmp_path, authority) as day:
        first = await erase(day.cast.outreach, "rosa", "dose-1")
        await end_epoch(day.world)
        second = await erase(day.cast.outreach, "rosa", "note-1")
        states = {one.erasure_id: one.state for one in (await erasures(day.cast.outreach)).erasures}
        assert states == {
            first.erasure_id: messages.ERASURE_STATE_COMPLETE,
            second.erasure_id: messages.ERASURE_STATE_FENCED,
        }
        await end_epoch(day.world)
        states = {one.erasure_id: one.state for one in (await erasures(day.cast.outreach)).erasures}
        assert set(states.values()) == {messages.ERASURE_STATE_COMPLETE}
        assert await day.holds() == 1 and await day.reads() == 1, "what is left is read as ever"


async def test_a_repeated_request_erases_once(tmp_path: Path, authority: Authority) -> None:
    async with told(tmp_path, authority) as day:
        request = erase_request(day.world, "rosa", "dose-1")
        first = await day.cast.outreach.ask("ErasureService/Erase", request, messages.EraseResponse)
        again = await day.cast.outreach.ask("ErasureService/Erase", request, messages.EraseResponse)
        assert again == first and len((await erasures(day.cast.outreach)).erasures) == 1


async def test_what_was_registered_in_error_can_be_erased(tmp_path: Path, authority: Authority) -> None:
    async with told(tmp_path, authority) as day:
        outreach = day.cast.outreach
        await outreach.close("rosa", "IN_ERROR")
        await erase(outreach, "rosa", "dose-1", ground="UNLAWFUL")
        await erase(outreach, "rosa", "everything", ground="UNLAWFUL")
        assert [one.fragments for one in (await erasures(outreach)).erasures] == [2, 1]
        asked = outreach.ask(
            "ErasureService/Erase", erase_request(day.world, "rosa", "everything"), messages.EraseResponse
        )
        assert await why(asked) == (grpc.StatusCode.NOT_FOUND, "REFERENCE_NOT_REGISTERED")


async def test_who_asked_to_be_forgotten_opens_nothing_that_others_told_of_them(
    tmp_path: Path, authority: Authority
) -> None:
    """Mia told something solely about Rosa. Both said yes; then Rosa asks for everything to be erased."""
    async with told(tmp_path, authority) as day:
        outreach, hostel = day.cast.outreach, day.cast.hostel
        await hostel.register("room-5")
        await outreach.link("mia", hostel, "room-5")
        await outreach.grant("mia", SHARED, to="hostel")
        about_rosa = also_about("rosa", "FAMILY", solely=True)
        await outreach.publish("mia", "mia-1", note=note("Of Rosa.", "FAMILY"), others=[about_rosa])
        assert len((await hostel.history("room-5")).elements) == 1
        await erase(outreach, "rosa", "everything")
        assert len((await hostel.history("room-5")).elements) == 0
        await day.world.hub.rebuild()
        assert len((await hostel.history("room-5")).elements) == 0
        held = await day.world.hub.look(lambda t: len(Segments(t).fragments(registration(day, "mia")).latest))
        assert held == 1, "it is Mia's account, and stays hers"


def registration(day: Told, reference: str) -> UUID:
    found: UUID = day.world.hub.projector.index.by_reference["outreach", reference][0]
    return found
