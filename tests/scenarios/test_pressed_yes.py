"""A yes under pressure opens N for a week, and no door for what she let her whole team have (H13)."""

from datetime import timedelta
from pathlib import Path

import pytest

from consent_ledger.policy import involvement
from tests.hard_cases.town import doses, holds, town
from tests.twins.cast import bedded_down, dose
from tests.twins.stage import Authority

HEALTH = ("PHYSICAL_HEALTH", "SERVICE_CONTACT")
LIVING = ("ACCOMMODATION", "SERVICE_CONTACT")


async def test_what_her_team_may_know_is_not_opened_by_a_yes_under_pressure(
    tmp_path: Path, authority: Authority
) -> None:
    async with town(tmp_path, authority) as at:
        # Rosa, alone and freely, lets her support team know of her medicine, and of where she sleeps.
        await at.street.grant("rosa", (*HEALTH, "ACCOMMODATION"), support_team=True)
        await at.street.publish("rosa", "dose-1", assessment=dose("40mg"))
        await at.street.publish("rosa", "night-1", contact=bedded_down())
        # The hostel is not of the team: nobody ever said that it works with her.
        await at.hostel.drain()
        assert holds(at.hostel) == []
        # Somebody brings her to the desk: "let the hostel know where I slept". It is written down a day late,
        # and nobody spoke to her alone. It counts for what it says, and little more.
        yesterday = at.stage.clock.now() - timedelta(days=1)
        await at.street.grant("rosa", LIVING, to="hostel", given=yesterday)
        await at.hostel.drain()
        assert holds(at.hostel) == ["contact"]
        assert doses(at.hostel) == []
        # After a week it is over, and the hostel is as far as it was before.
        at.stage.clock.advance(timedelta(days=7))
        await at.street.publish("rosa", "night-2", contact=bedded_down())
        await at.hostel.drain()
        assert holds(at.hostel) == []
        # Asked again, alone, she says yes: now the hostel is one of her team.
        await at.street.grant("rosa", LIVING, to="hostel")
        await at.hostel.drain()
        assert doses(at.hostel) == ["40mg"]


async def test_nor_by_one_taken_over_from_an_old_system(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        await at.street.grant("rosa", HEALTH, support_team=True)
        await at.street.publish("rosa", "dose-1", assessment=dose("40mg"))
        await at.street.publish("rosa", "night-1", contact=bedded_down())
        await at.street.grant("rosa", LIVING, to="hostel", method="IMPORTED_LEGACY")
        await at.hostel.drain()
        assert holds(at.hostel) == ["contact"], "where she slept, as it says; not her medicine"
        # Somebody who knows her says that the hostel works with her: that counts in full.
        await at.street.say_involved("rosa", "hostel")
        await at.hostel.drain()
        assert doses(at.hostel) == ["40mg"]


async def test_a_yes_under_pressure_that_opened_everything_is_noticed(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(involvement, "_says_little", lambda _: False)
    for number, check in enumerate(
        (
            test_what_her_team_may_know_is_not_opened_by_a_yes_under_pressure,
            test_nor_by_one_taken_over_from_an_old_system,
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        with pytest.raises(AssertionError):
            await check(folder, authority)
