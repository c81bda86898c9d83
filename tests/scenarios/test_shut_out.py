"""Rosa shut the hostel out because of Dave, who works there. Whatever others do, it stays so (H2)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.kit.assertions import Who
from hub.projections import consent_index
from tests.erasure.asking import erase
from tests.hard_cases.town import SHARED, Town, holds, town
from tests.twins.cast import bedded_down, dose
from tests.twins.colleague import hired
from tests.twins.emergency import DETAILS, agree, on_duty, open_card
from tests.twins.places import at as met_at
from tests.twins.stage import Authority

HOME = (*SHARED[:2], "CONTACT_LOCATION")


async def shuts_it_out(at: Town) -> Any:
    return await at.street.exclude("rosa", "hostel", linked_to_risk=True)


async def says_no_to_it(at: Town) -> Any:
    return await at.street.refuse("rosa", to="hostel")


async def protects_her_address(at: Town) -> Any:
    return await at.street.mark("rosa", "PROTECTED_ADDRESS")


async def is_dead(at: Town) -> Any:
    await at.street.status("rosa", "DEATH_REPORTED")
    return await at.clinic.status("clinic-7", "DEATH_REPORTED")


async def council_knows_where_she_lives(at: Town) -> None:
    """The council, which is joined to the hostel without the street team, may tell it, and has something."""
    await at.council.link("council-7", at.hostel, "hostel-7")
    await at.clinic.link("clinic-7", at.hostel, "hostel-7")
    await at.council.grant("council-7", HOME, to="hostel")
    await at.council.publish("council-7", "home-1", contact=met_at("7 Mill Lane"))


CLOSING = [shuts_it_out, says_no_to_it, protects_her_address, is_dead]


@pytest.mark.parametrize("closes", CLOSING)
async def test_what_she_told_the_street_team_is_erased_and_her_no_is_not(
    tmp_path: Path, authority: Authority, closes: Callable[[Town], Awaitable[Any]]
) -> None:
    async with town(tmp_path, authority) as at:
        await council_knows_where_she_lives(at)
        await closes(at)
        await at.hostel.drain()
        assert holds(at.hostel) == []
        # She wants the street team to forget her. It does; and that is no word to anybody else.
        await erase(at.street, "rosa", "everything")
        await at.hostel.drain()
        assert list((await at.hostel.history("hostel-7")).elements) == []
        assert holds(at.hostel) == []


async def test_who_forgot_her_can_still_let_them_in_when_she_comes_back(
    tmp_path: Path, authority: Authority
) -> None:
    async with town(tmp_path, authority) as at:
        await council_knows_where_she_lives(at)
        shut = (await shuts_it_out(at)).exclusion_id
        marker = (await protects_her_address(at)).marker_id
        await erase(at.street, "rosa", "everything")
        # She comes back, and the street team knows her anew: but not yet that it is she.
        await at.street.register("rosa")
        assert await at.street.refused(at.street.let_in("rosa", shut)) == "NOT_FOUND"
        await at.council.link("council-7", at.street, "rosa")
        # The council cannot do it for her, nor the street team for somebody else.
        await at.street.register("tom")
        for desk, reference in ((at.council, "council-7"), (at.street, "tom")):
            assert await desk.refused(desk.let_in(reference, shut)) == "NOT_FOUND"
        await at.street.let_in("rosa", shut)
        await at.hostel.drain()
        assert holds(at.hostel) == []
        await at.street.unmark("rosa", marker)
        await at.hostel.drain()
        assert holds(at.hostel) == ["contact"]


async def test_of_a_reference_made_in_error_nothing_is_kept(tmp_path: Path, authority: Authority) -> None:
    """What was said under it was said of somebody else."""
    async with town(tmp_path, authority) as at:
        await council_knows_where_she_lives(at)
        await shuts_it_out(at)
        await at.street.close("rosa", "IN_ERROR")
        await at.hostel.drain()
        assert holds(at.hostel) == ["contact"]
        await erase(at.street, "rosa", "everything")
        await at.hostel.drain()
        assert holds(at.hostel) == ["contact"]


async def test_a_no_that_went_with_the_file_is_noticed(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consent_index, "heard", lambda _, members: sorted(members))
    for number, closes in enumerate(CLOSING):
        folder = tmp_path / str(number)
        folder.mkdir()
        with pytest.raises(AssertionError):
            await test_what_she_told_the_street_team_is_erased_and_her_no_is_not(folder, authority, closes)


async def test_dave_on_the_night_desk_finds_no_card_of_hers(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        await at.street.appoint("TWENTY_FOUR_HOURS", "desk", "01632 960199")
        await at.street.register("sam", given_name="Sam", **DETAILS)
        await agree(at.street, "rosa")
        await agree(at.street, "sam")
        dave = Who("dave", "EMERGENCY_DESK", "EMERGENCY")
        ann = Who("ann", "EMERGENCY_DESK", "EMERGENCY")
        for who in (dave, ann):
            await on_duty(at.clinic, who)
        assert len((await open_card(at.clinic, "clinic-7", who=dave)).cards) == 1
        # She wants Dave to be shown nothing of her; Sam says the same of him.
        for reference in ("rosa", "sam"):
            shut = (await at.street.exclude(reference, "clinic", staff="dave")).exclusion_id
        # Whatever he types, there is no card. Whoever else is on duty finds it, and she is treated.
        assert list((await open_card(at.clinic, "clinic-7", who=dave)).cards) == []
        assert list((await open_card(at.clinic, details=DETAILS, who=dave)).cards) == []
        assert len((await open_card(at.clinic, "clinic-7", who=ann)).cards) == 1
        assert len((await open_card(at.clinic, details=DETAILS, who=ann)).cards) == 1
        await at.street.let_in("sam", shut)
        assert len((await open_card(at.clinic, details=DETAILS, who=dave)).cards) == 1


async def test_whoever_asks_for_help_with_her_does_not_tell_dave(
    tmp_path: Path, authority: Authority
) -> None:
    async with town(tmp_path, authority) as at:
        # She slept at the hostel once, so it holds something of her, and somebody could be asked about it.
        await at.hostel.publish("hostel-7", "stay-1", contact=bedded_down())
        await at.street.publish("rosa", "dose-1", assessment=dose("40mg"))
        dave = await hired(at.hostel, "dave", "SAFEGUARDING_LEAD")
        officer = await hired(at.street, "officer-1", "DATA_PROTECTION_OFFICER")
        doctor = await hired(at.clinic, "doctor-1", "KEYWORKER")
        earlier = (await doctor.request("clinic-7")).sharing_request_id
        [asked] = await dave.requests(to_answer=True)
        assert asked.sharing_request_id == earlier, "control: whoever holds something is asked"

        answer = await at.street.exclude("rosa", "hostel", linked_to_risk=True)
        # What Dave has read already stays as it was: were it gone, he would know that something happened.
        assert [one.sharing_request_id for one in await dave.requests(to_answer=True)] == [earlier]
        await dave.refuse(earlier)

        # Now the clinic asks again, and says why. The street team reads it; nobody at the hostel does.
        later = (await doctor.request("clinic-7", why="She comes on Mondays at ten.")).sharing_request_id
        assert later in {one.sharing_request_id for one in await officer.requests(to_answer=True)}
        before = (await at.hostel.tasks(), await dave.requests(to_answer=True))
        assert [one.sharing_request_id for one in before[1]] == [earlier]
        assert before[0] == []
        assert b"Mondays" not in b"".join(seen.answered for seen in at.hostel.seen)
        # Who is not asked cannot answer either, and learns nothing by trying.
        assert await at.hostel.refused(dave.refuse(later)) == "NOT_FOUND"
        # Nor does its name come up when the clock has run out and leads are asked.
        at.stage.clock.advance(timedelta(days=8))
        assert await at.hostel.tasks() == []
        # She lets the hostel in again: then it is asked like everybody.
        await at.street.let_in("rosa", answer.exclusion_id)
        assert {one.sharing_request_id for one in await dave.requests(to_answer=True)} == {earlier, later}
