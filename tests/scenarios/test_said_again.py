"""She took her yes back on Monday. On Tuesday she is afraid, and says more: now, and everything (H4, H13)."""

from pathlib import Path

from oncetold.v1.consent_service_pb2 import CHOICE_STATE_UNSPECIFIED, CHOICE_STATE_WITHDRAWN
from tests.hard_cases.town import SHARED, doses
from tests.twins.cast import dose
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage

HEALTH = ("PHYSICAL_HEALTH", "SERVICE_CONTACT")


async def two(world: Stage, window: str) -> tuple[Desk, Desk, str]:
    """The hostel has her dose by a form of the street team's: the two desks and the form."""
    street = await world.agency("street", "STREET_OUTREACH", receives=SHARED)
    hostel = await world.agency("hostel", "HOSTEL", receives=SHARED, retraction_window=window)
    await world.agreement(("street", "hostel"), dict.fromkeys(SHARED, "RESTRICT"))
    await street.register("rosa")
    await hostel.register("room-4")
    await street.link("rosa", hostel, "room-4")
    grant_id = await street.grant("rosa", HEALTH, to="hostel")
    await street.publish("rosa", "dose-1", assessment=dose("40mg"))
    await hostel.drain()
    return street, hostel, grant_id


async def test_remove_it_and_now_count_when_they_are_said(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        # In the small hours: the hostel's copies are taken back late in the evening.
        street, hostel, grant_id = await two(world, "22:00")
        await street.withdraw("rosa", grant_id)
        await hostel.drain()
        assert doses(hostel) == ["40mg"], "the agreement leaves it there, greyed"
        # "Take it away, and not tonight: now."
        await street.withdraw("rosa", grant_id, remove=True, at_once=True)
        await hostel.drain()
        assert doses(hostel) == []
        # Said a third time it is the same word.
        before = await world.size()
        answer = await street.withdraw("rosa", grant_id, remove=True, at_once=True)
        assert await world.size() == before and answer.position.index < before


async def test_that_nobody_may_print_it_counts_too_and_ends_nothing_else(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        street, hostel, grant_id = await two(world, "")
        await street.withdraw("rosa", grant_id)
        again = await street.grant("rosa", HEALTH, to="hostel")
        await street.publish("rosa", "dose-2", assessment=dose("50mg"))
        states = {
            one.choice_id: one.state for one in (await street.list_choices("rosa", for_paper=True)).choices
        }
        assert states[grant_id] == CHOICE_STATE_WITHDRAWN
        await street.withdraw("rosa", grant_id, quiet=True)
        states = {
            one.choice_id: one.state for one in (await street.list_choices("rosa", for_paper=True)).choices
        }
        assert states[grant_id] == states[again] == CHOICE_STATE_UNSPECIFIED
        await hostel.drain()
        assert doses(hostel) == ["40mg", "50mg"], "her new yes stands"
