"""H17 at its edges: whose card it is, who has gone, and what is no question that a night desk can ask."""

from datetime import timedelta
from pathlib import Path

import pytest

from oncetold.v1 import emergency_service_pb2 as messages
from oncetold.v1 import registration_service_pb2
from oncetold.v1.registration_service_pb2_grpc import RegistrationServiceStub
from tests.erasure.asking import depart, erase
from tests.integration.loopback import operator_channel
from tests.scenarios.test_emergency_card import POSSIBLE, night
from tests.twins.cast import note
from tests.twins.emergency import DETAILS, LINES, agree, open_card, openings, propose_link
from tests.twins.stage import Authority

AT_THE_DESK = messages.CardLines(allergies="Latex")


async def test_a_proposed_link_that_was_refused_opens_nothing(tmp_path: Path, authority: Authority) -> None:
    async with night(tmp_path, authority, link="none") as at:
        await agree(at.outreach, "sam")
        link_id = await propose_link(at.outreach, "sam", at.infirmary, "er-77")
        assert len(await at.given()) == 1
        await at.outreach.unlink(link_id)
        assert await at.given() == []


async def test_whom_people_told_apart_details_do_not_join_again(tmp_path: Path, authority: Authority) -> None:
    async with night(tmp_path, authority, link="none") as at:
        await agree(at.outreach, "sam")
        await at.infirmary.register("er-78", given_name="Sam", **DETAILS)
        assert [one.match for one in (await open_card(at.infirmary, "er-78")).cards] == [POSSIBLE]
        links = at.stage.hub.projector.index.links.values()
        [matched] = [link for link in links if link.token_label is None]
        async with operator_channel(at.stage.site) as channel:
            await RegistrationServiceStub(channel).UndoLink(
                registration_service_pb2.UndoLinkRequest(
                    request_id=at.stage.request_id(), link_id=str(matched.link_id)
                )
            )
        assert list((await open_card(at.infirmary, "er-78")).cards) == []


async def test_a_card_kept_by_the_source_of_a_risk_is_given_to_nobody_and_it_is_not_told_where_she_is(
    tmp_path: Path, authority: Authority
) -> None:
    async with night(tmp_path, authority) as at:
        await agree(at.outreach, "sam")
        await at.clinic.register("c-1")
        await at.outreach.link("sam", at.clinic, "c-1")
        told = await at.clinic.exclude("c-1", "outreach", linked_to_risk=True)
        assert await at.given() == []
        assert await at.outreach.tasks() == [] and await openings(at.outreach) == []
        await at.clinic.let_in("c-1", told.exclusion_id)
        assert len(await at.given()) == 1


async def test_a_desks_own_card_is_among_them_and_is_one_task(tmp_path: Path, authority: Authority) -> None:
    async with night(tmp_path, authority) as at:
        await agree(at.outreach, "sam")
        await at.infirmary.appoint("TWENTY_FOUR_HOURS", "desk", "01632 960111")
        await agree(at.infirmary, "er-77", AT_THE_DESK)
        assert [card.lines for card in await at.given()] == [AT_THE_DESK, LINES], "the sure one first"
        assert len(await at.infirmary.tasks()) == 1
        [opening] = await openings(at.infirmary)
        assert opening.cards == 2
        [ours] = await openings(at.outreach)
        assert ours.cards == 1, "how many others there are is not told"


@pytest.mark.parametrize("gone", ["in error", "departed"])
async def test_whoever_is_gone_has_no_card(tmp_path: Path, authority: Authority, gone: str) -> None:
    async with night(tmp_path, authority) as at:
        await agree(at.outreach, "sam")
        assert len(await at.given(DETAILS)) == 1
        if gone == "departed":
            await depart(at.outreach)
        else:
            await at.outreach.close("sam", "IN_ERROR")
        assert await at.given(DETAILS) == []
        assert await at.given() == []


async def test_a_closed_case_keeps_the_card(tmp_path: Path, authority: Authority) -> None:
    async with night(tmp_path, authority) as at:
        await agree(at.outreach, "sam")
        await at.outreach.close("sam")
        assert len(await at.given()) == 1


async def test_what_else_is_erased_leaves_the_card_readable(tmp_path: Path, authority: Authority) -> None:
    async with night(tmp_path, authority) as at:
        await at.outreach.publish("sam", "story-1", note=note("My own words", "OWN_STORY"))
        await agree(at.outreach, "sam")
        await erase(at.outreach, "sam", "OWN_STORY")
        assert [card.lines for card in await at.given()] == [LINES]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (messages.OpenCardRequest(reason=messages.CARD_REASON_SELF_HARM), "INVALID_FIELD"),
        (messages.OpenCardRequest(client_reference="er-77"), "INVALID_FIELD"),
        (messages.OpenCardRequest(client_reference="er-77", reason=99), "UNKNOWN_ENUM"),  # type: ignore[arg-type]
        (
            messages.OpenCardRequest(
                reason=messages.CARD_REASON_SELF_HARM,
                details=messages.CardDetails(**DETAILS | {"family_name": ""}),
            ),
            "INVALID_FIELD",
        ),
    ],
)
async def test_what_is_no_question_is_refused(
    tmp_path: Path, authority: Authority, request_: messages.OpenCardRequest, reason: str
) -> None:
    async with night(tmp_path, authority) as at:
        call = at.infirmary.ask("EmergencyService/OpenCard", request_, messages.OpenCardResponse)
        assert await at.infirmary.refused(call) == reason
        assert len(await at.given()) == 0, "and the next is answered"


async def test_a_number_that_is_no_nhs_number_and_a_reference_of_nobodys_are_refused(
    tmp_path: Path, authority: Authority
) -> None:
    async with night(tmp_path, authority) as at:
        mistyped = open_card(at.infirmary, details=DETAILS | {"nhs_number": "9434765918"})
        assert await at.infirmary.refused(mistyped) == "INVALID_FIELD"
        assert await at.infirmary.refused(open_card(at.infirmary, "sam")) == "REFERENCE_NOT_REGISTERED"
        early = messages.AgreeCardRequest(
            request_id=at.stage.request_id(), client_reference="sam", lines=LINES, asked_alone=True
        )
        early.agreed_time.FromDatetime(at.stage.clock.now() + timedelta(days=1))
        call = at.outreach.ask("EmergencyService/AgreeCard", early, messages.AgreeCardResponse)
        assert await at.outreach.refused(call) == "IMPOSSIBLE_TIME"
