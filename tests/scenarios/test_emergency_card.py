"""H17 (critical): an emergency door that opens, and opens nothing else.

At two on a Tuesday morning Sam is brought in, not waking. One nurse is on. The hospital is no party to any
agreement, and its link to the outreach team's Sam is only proposed.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest

from adapters.kit.assertions import Who
from hub.rpc.authentication import ACTING_AGENCY
from hub.use_cases import emergencies
from hub.use_cases.work import Work
from oncetold.v1 import emergency_service_pb2 as messages
from oncetold.v1.agency_service_pb2 import POST_KIND_DATA_PROTECTION_OFFICER
from oncetold.v1.emergency_service_pb2_grpc import EmergencyServiceStub
from oncetold.v1.task_service_pb2 import TASK_KIND_EMERGENCY_CARD_OPENED, Task
from tests.erasure.asking import erase, hold
from tests.integration.loopback import operator_channel, refusal
from tests.twins.cast import bedded_down, dose
from tests.twins.desk import Desk
from tests.twins.emergency import (
    DETAILS,
    LINES,
    NIGHT_NURSE,
    NUMBER,
    agree,
    end,
    on_duty,
    open_card,
    openings,
    propose_link,
)
from tests.twins.places import protect
from tests.twins.stage import Authority, Stage, stage

TWO_AT_NIGHT = datetime(2026, 3, 10, 2, tzinfo=UTC)
FIVE_THAT_DAY = datetime(2026, 3, 10, 17, tzinfo=UTC)
SHARED = ("ACCOMMODATION", "PHYSICAL_HEALTH", "SERVICE_CONTACT")
SURE, POSSIBLE = messages.CARD_MATCH_SURE, messages.CARD_MATCH_POSSIBLE


@dataclass
class Night:
    """`outreach` keeps Sam's card; the `infirmary` has a feed, and no agreement."""

    stage: Stage
    outreach: Desk
    clinic: Desk
    infirmary: Desk

    async def given(self, details: dict[str, str] | None = None) -> list[messages.EmergencyCard]:
        """What the night desk is given for its own reference, or by details."""
        answer = await open_card(self.infirmary, "" if details else "er-77", details=details)
        assert answer.reminder == "This may not be everything. If it matters, ask, and listen."
        return list(answer.cards)


@asynccontextmanager
async def night(
    folder: Path, authority: Authority, *, link: str = "proposed", keeper: str = "STREET_OUTREACH"
) -> AsyncIterator[Night]:
    async with stage(folder, authority) as world:
        outreach = await world.agency("outreach", keeper)
        clinic = await world.agency("clinic", "PRIMARY_CARE", receives=SHARED)
        infirmary = await world.agency("infirmary", "HOSPITAL", receives=SHARED)
        await world.agreement(("outreach", "clinic"), dict.fromkeys(SHARED, "ERASE"))
        await outreach.appoint("TWENTY_FOUR_HOURS", "night-desk", NUMBER)
        for desk in (outreach, infirmary):
            await desk.appoint("DATA_PROTECTION_OFFICER", f"dpo-{desk.agency_id}", "01632 960101")
        await outreach.register("sam", given_name="Sam", **DETAILS)
        await outreach.publish("sam", "dose-1", assessment=dose("60ml"))
        await outreach.publish("sam", "met-1", contact=bedded_down())
        await infirmary.register("er-77")
        await on_duty(infirmary)
        if link == "proposed":
            await propose_link(outreach, "sam", infirmary, "er-77")
        elif link == "confirmed":
            await outreach.link("sam", infirmary, "er-77")
        world.clock.advance(TWO_AT_NIGHT - world.clock.now())
        yield Night(world, outreach, clinic, infirmary)


def to_review(tasks: list[Task]) -> Task:
    [task] = [one for one in tasks if one.kind == TASK_KIND_EMERGENCY_CARD_OPENED]
    return task


async def test_h17_the_card_and_nothing_else_and_both_sides_look_at_it_that_day(
    tmp_path: Path, authority: Authority
) -> None:
    async with night(tmp_path, authority) as at:
        await agree(at.outreach, "sam")
        began = time.perf_counter()
        [card] = await at.given()
        assert time.perf_counter() - began < 1.0
        assert (card.match, card.lines, card.telephone) == (POSSIBLE, LINES, NUMBER)
        assert card.asked_alone and card.agreed_time.ToDatetime(UTC) == TWO_AT_NIGHT

        assert list((await at.infirmary.history("er-77")).elements) == []
        assert await at.infirmary.drain() == []
        for desk, reference in ((at.outreach, "sam"), (at.infirmary, "er-77")):
            task = to_review(await desk.tasks())
            assert task.post == POST_KIND_DATA_PROTECTION_OFFICER
            assert (task.client_reference, task.staff_reference) == (reference, f"dpo-{desk.agency_id}")
            assert task.due_time.ToDatetime(UTC) == FIVE_THAT_DAY and not task.overdue
            assert await desk.refused(desk.complete(task.task_id, "REVIEWED")) == "TASK_STATE"
            await desk.complete(task.task_id, "REVIEWED_IN_ORDER", f"dpo-{desk.agency_id}")
            assert await desk.tasks() == []
        assert await at.clinic.tasks() == [], "whoever has no part in it hears nothing"
        for desk, reference in ((at.outreach, "sam"), (at.infirmary, "er-77")):
            [opened] = await openings(desk)
            assert (opened.agency_id, opened.staff_reference) == ("infirmary", NIGHT_NURSE.staff_reference)
            assert (opened.client_reference, opened.cards) == (reference, 1)
            assert opened.opened_time.ToDatetime(UTC) == TWO_AT_NIGHT
        assert await openings(at.clinic) == []


async def test_it_is_sure_only_where_people_said_that_it_is_the_same_person(
    tmp_path: Path, authority: Authority
) -> None:
    async with night(tmp_path, authority, link="confirmed") as at:
        await agree(at.outreach, "sam")
        assert [card.match for card in await at.given()] == [SURE]
        assert [card.match for card in await at.given(DETAILS)] == [POSSIBLE]


async def test_without_a_reference_three_details_find_it(tmp_path: Path, authority: Authority) -> None:
    async with night(tmp_path, authority, link="none") as at:
        await agree(at.outreach, "sam")
        assert [card.lines for card in await at.given(DETAILS)] == [LINES]
        assert await at.given() == [], "nobody says that er-77 is Sam"
        for other in ({"birth_date": "1988-04-18"}, {"family_name": "Ash"}, {"nhs_number": "9434765870"}):
            assert await at.given(DETAILS | other) == []
        # Of the person whom no reference names there is a task all the same.
        tasks = [one for one in await at.infirmary.tasks() if not one.client_reference]
        assert len(tasks) == 4
        await at.infirmary.complete(tasks[0].task_id, "REVIEWED_NOT_IN_ORDER")
        assert len(await at.infirmary.tasks()) == 4, "and one for er-77"


async def test_a_confidential_services_card_is_never_found_by_details(
    tmp_path: Path, authority: Authority
) -> None:
    async with night(tmp_path, authority, keeper="DOMESTIC_ABUSE") as at:
        await agree(at.outreach, "sam")
        assert await at.given(DETAILS) == []
        assert len(await at.given()) == 1, "control: the link began with the client"


async def test_the_newest_counts_and_an_ended_one_is_given_to_nobody(
    tmp_path: Path, authority: Authority
) -> None:
    async with night(tmp_path, authority) as at:
        assert await at.outreach.refused(end(at.outreach, "sam")) == "NOT_FOUND"
        await agree(at.outreach, "sam", messages.CardLines(allergies="None known"))
        await agree(at.outreach, "sam", asked_alone=False)
        [card] = await at.given()
        assert card.lines == LINES and not card.asked_alone
        first = await end(at.outreach, "sam")
        assert await end(at.outreach, "sam") == first
        assert await at.given() == []


async def test_who_asked_to_be_forgotten_has_no_card_though_the_law_keeps_something(
    tmp_path: Path, authority: Authority
) -> None:
    async with night(tmp_path, authority) as at:
        await agree(at.outreach, "sam")
        review = TWO_AT_NIGHT + timedelta(days=90)
        await hold(at.outreach, "sam", "dose-1", review=review)
        assert (await erase(at.outreach, "sam", "everything")).held
        assert await at.given() == []


async def test_who_asked_to_be_forgotten_has_no_card(tmp_path: Path, authority: Authority) -> None:
    async with night(tmp_path, authority) as at:
        await agree(at.outreach, "sam")
        position = (await at.outreach.list_choices("sam")).access.index - 1
        await erase(at.outreach, "sam", "everything")
        assert await at.given() == []
        entry = await asyncio.wrap_future(
            at.stage.hub.ledger.submit(lambda transaction: transaction.entry(position))
        )
        assert b"Penicillin" not in b"".join(part.payload for part in entry.parts), "nobody can read it now"


async def test_an_agency_that_was_shut_out_is_given_it_but_never_the_source_of_a_risk(
    tmp_path: Path, authority: Authority
) -> None:
    async with night(tmp_path, authority) as at:
        await agree(at.outreach, "sam")
        await at.outreach.exclude("sam", "infirmary")
        assert len(await at.given()) == 1
        await at.outreach.exclude("sam", "infirmary", linked_to_risk=True)
        assert await at.given() == []
        assert await at.given(DETAILS) == []


@pytest.mark.parametrize(
    ("who", "reason"),
    [
        (replace(NIGHT_NURSE, role="KEYWORKER"), "ROLE_NEEDED"),
        (replace(NIGHT_NURSE, staff_reference="er-nurse-4"), "ROLE_NEEDED"),
        (replace(NIGHT_NURSE, purpose="DIRECT_SUPPORT"), "BAD_ASSERTION"),
        (None, "BAD_ASSERTION"),
    ],
)
async def test_nobody_else_opens_it(
    tmp_path: Path, authority: Authority, who: Who | None, reason: str
) -> None:
    async with night(tmp_path, authority) as at:
        await agree(at.outreach, "sam")
        if who is not None and who.role == "KEYWORKER":
            await on_duty(at.infirmary, who)
        call = open_card(at.infirmary, "er-77", who=who)
        assert await at.infirmary.refused(call) == reason
        assert await openings(at.outreach) == [] and await at.outreach.tasks() == []


async def test_after_a_rebuild_the_same_cards_stand_and_the_same_is_to_be_looked_at(
    tmp_path: Path, authority: Authority
) -> None:
    async with night(tmp_path, authority) as at:
        await agree(at.outreach, "sam", messages.CardLines(allergies="None known"))
        await agree(at.outreach, "sam")
        await at.given()
        before = [await at.outreach.tasks(), await at.infirmary.tasks(), await openings(at.infirmary)]
        await at.stage.hub.rebuild()
        assert [await at.outreach.tasks(), await at.infirmary.tasks(), await openings(at.infirmary)] == before
        assert [card.lines for card in await at.given()] == [LINES]


async def test_a_link_that_somebody_cut_leaves_it_possible(tmp_path: Path, authority: Authority) -> None:
    async with night(tmp_path, authority, link="confirmed") as at:
        await agree(at.outreach, "sam")
        await at.clinic.register("c-1")
        await at.outreach.link("sam", at.clinic, "c-1")
        between = await at.clinic.link("c-1", at.infirmary, "er-77")
        assert [card.match for card in await at.given()] == [SURE]
        await at.clinic.unlink(between)
        assert [card.match for card in await at.given()] == [POSSIBLE], "people have to settle it first"


async def test_the_hubs_operator_neither_writes_nor_opens_a_card(
    tmp_path: Path, authority: Authority
) -> None:
    async with night(tmp_path, authority) as at, operator_channel(at.stage.site) as channel:
        stub = EmergencyServiceStub(channel)
        acting = ((ACTING_AGENCY, "infirmary"),)
        opening = messages.OpenCardRequest(reason=messages.CARD_REASON_SELF_HARM, client_reference="er-77")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.OpenCard(opening, metadata=acting)
        assert refusal(refused.value)[1] == "UNKNOWN_CERTIFICATE"


async def test_a_card_says_something_and_never_where_somebody_is(
    tmp_path: Path, authority: Authority
) -> None:
    async with night(tmp_path, authority) as at:
        for lines in (
            messages.CardLines(),
            messages.CardLines(allergies="  "),
            messages.CardLines(who_to_ring="My sister, 7 Mill Lane LS1 4AB"),
            messages.CardLines(how_to_approach="x" * 301),
            messages.CardLines(medicines="a line\nand another"),
        ):
            assert await at.outreach.refused(agree(at.outreach, "sam", lines)) == "INVALID_FIELD"
        await agree(at.outreach, "sam", messages.CardLines(medicines="Vitamin B12 1 mg, methadone 60ml"))
        assert len(await at.given()) == 1


async def test_a_line_that_names_a_protected_place_is_empty_whoever_protected_it(
    tmp_path: Path, authority: Authority
) -> None:
    async with night(tmp_path, authority) as at:
        lines = messages.CardLines(allergies="Penicillin", who_to_ring="Ada, at the heron refuge")
        await agree(at.outreach, "sam", lines)
        assert [card.lines for card in await at.given()] == [lines]
        await at.clinic.register("c-1")
        await protect(at.clinic, "c-1")
        assert [card.lines for card in await at.given()] == [messages.CardLines(allergies="Penicillin")]


async def test_where_nobody_answers_at_night_no_card_is_agreed(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        shelter = await world.agency("shelter", "STREET_OUTREACH")
        await shelter.register("sam")
        assert await shelter.refused(agree(shelter, "sam")) == "NO_DAY_AND_NIGHT_NUMBER"


async def test_what_is_opened_in_office_hours_is_looked_at_on_the_next_working_day(
    tmp_path: Path, authority: Authority
) -> None:
    async with night(tmp_path, authority) as at:
        at.stage.clock.advance(timedelta(days=3, hours=8))
        await at.given()
        friday_at_ten = to_review(await at.infirmary.tasks())
        assert friday_at_ten.due_time.ToDatetime(UTC) == datetime(2026, 3, 16, 17, tzinfo=UTC)


@pytest.mark.parametrize("control", ["_sources_of_risk", "places_in", "require_role"])
async def test_h17_without_a_control_more_is_given(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch, control: str
) -> None:
    """What each control holds back, seen by taking it out."""
    async with night(tmp_path, authority) as at:
        await agree(at.outreach, "sam", messages.CardLines(allergies="Nuts", who_to_ring="Heron Refuge"))
        await at.outreach.exclude("sam", "infirmary", linked_to_risk=control == "_sources_of_risk")
        await protect(at.outreach, "sam")
        match control:
            case "_sources_of_risk":
                assert await at.given() == []
                monkeypatch.setattr(emergencies, control, lambda *_: frozenset())
            case "places_in":
                monkeypatch.setattr(emergencies, control, lambda *_: frozenset())
            case _:
                stranger = replace(NIGHT_NURSE, staff_reference="er-nurse-4")
                call = open_card(at.infirmary, "er-77", who=stranger)
                assert await at.infirmary.refused(call) == "ROLE_NEEDED"
                monkeypatch.setattr(Work, control, lambda work, caller, *roles: caller.require_staff())
                assert (await open_card(at.infirmary, "er-77", who=stranger)).cards
        [card] = await at.given()
        assert card.lines.who_to_ring == ("Heron Refuge" if control == "places_in" else "")
