"""Hard case 6: growing up. A parent's yes ends by the child's own word, at 16 by default, at 18 in any case.

The case speaks of a parent's *view* too: nobody but agencies reads through the hub, so there is none to close
before there is a portal for clients. What is closed here is what a parent agreed to.
"""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from consent_ledger.parental_authority import ParentalAuthority
from hub.projections import consent_index, hearing
from hub.projections.consent_index import ConsentIndex
from oncetold.v1 import consent_service_pb2, growing_up_pb2
from oncetold.v1.task_service_pb2 import TASK_KIND_GRANT_ENDING, TASK_KIND_OWN_WORD_TO_SEEK
from tests.hard_cases.town import SHARED, Town, doses, town
from tests.integration.loopback import refused
from tests.twins.cast import dose
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage
from tests.twins.twin import assert_twins

YEAR = timedelta(days=365)
HEALTH = ("PHYSICAL_HEALTH", "SERVICE_CONTACT")
HER_MOTHER = consent_service_pb2.GivenBy(other="mother")


def sixteen_in(at: Stage, days: int, lacks_capacity: str = "") -> growing_up_pb2.ParentalAuthority:
    """Whoever turns 16 in so many days."""
    day = (at.clock.now() + timedelta(days=days)).date()
    return growing_up_pb2.ParentalAuthority(
        sixteenth_birthday_date=day.isoformat(), lacks_capacity_reference=lacks_capacity
    )


async def her_mother_says_yes(
    desk: Desk, days: int, *, lacks_capacity: str = "", given_by: Any = HER_MOTHER, to: str = "clinic"
) -> str:
    """For as long as it may last, and longer than that."""
    return await desk.grant(
        "rosa" if desk.agency_id == "street" else f"{desk.agency_id}-7",
        HEALTH,
        to=to,
        until=desk.stage.clock.now() + 5 * YEAR,
        method="PARENTAL_RESPONSIBILITY",
        given_by=given_by,
        parent=sixteen_in(desk.stage, days, lacks_capacity),
    )


async def begins(at: Town) -> None:
    await at.street.publish("rosa", "dose-1", assessment=dose("40mg"))
    await at.clinic.drain()


async def days_pass(at: Town, days: int) -> None:
    at.stage.clock.advance(timedelta(days=days))
    await at.clinic.drain()


async def to_seek(desk: Desk) -> list[Any]:
    return [one for one in await desk.tasks() if one.kind == TASK_KIND_OWN_WORD_TO_SEEK]


async def test_case_6_a_parents_yes_ends_at_sixteen(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        # She is fifteen. Her mother says yes for her, "until she is twenty": it cannot last so long.
        await her_mother_says_yes(at.street, 40)
        await begins(at)
        assert doses(at.clinic) == ["40mg"]
        # A month before, it is time to ask her.
        await days_pass(at, 38)
        assert doses(at.clinic) == ["40mg"]
        assert [one.kind for one in await at.street.tasks()] == [TASK_KIND_GRANT_ENDING]
        assert await to_seek(at.street) == []
        # On her birthday it is hers to say.
        await days_pass(at, 2)
        assert doses(at.clinic) == []
        [asked] = await to_seek(at.street)
        assert asked.client_reference == "rosa" and "alone" in asked.sentence
        # A parent's yes is not taken any more; her own is.
        outcome = await refused(her_mother_says_yes(at.street, 0))
        assert outcome[1] == "INVALID_FIELD"
        await at.street.grant("rosa", HEALTH, to="clinic")
        await at.clinic.drain()
        assert doses(at.clinic) == ["40mg"]


async def test_case_6_asked_in_time_nothing_is_interrupted(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        await her_mother_says_yes(at.street, 40)
        await begins(at)
        await days_pass(at, 38)
        await at.street.grant("rosa", HEALTH, to="clinic")
        await days_pass(at, 2)
        assert doses(at.clinic) == ["40mg"]
        assert await to_seek(at.street) == [], "she has said what she wants"


async def test_case_6_where_she_cannot_decide_it_ends_at_eighteen(
    tmp_path: Path, authority: Authority
) -> None:
    async with town(tmp_path, authority) as at:
        # She turned sixteen two years ago but for a month. An assessment says that she cannot decide this.
        await her_mother_says_yes(at.street, -700, lacks_capacity="mca/12")
        await begins(at)
        assert doses(at.clinic) == ["40mg"]
        await days_pass(at, 29)
        assert doses(at.clinic) == ["40mg"]
        # On the day that she is eighteen nothing rests on it any more, whatever it said.
        await days_pass(at, 2)
        assert doses(at.clinic) == []
        assert len(await to_seek(at.street)) == 1
        outcome = await refused(her_mother_says_yes(at.street, -731, lacks_capacity="mca/12"))
        assert outcome[1] == "INVALID_FIELD"


async def test_case_6_a_child_who_understands_ends_it_at_any_age(
    tmp_path: Path, authority: Authority
) -> None:
    async with town(tmp_path, authority) as at:
        # She is twelve. Her mother has said yes at two agencies.
        await her_mother_says_yes(at.street, 4 * 365)
        await her_mother_says_yes(at.hostel, 4 * 365)
        await begins(at)
        assert doses(at.clinic) == ["40mg"]
        # She says at one that she does not want that. A worker writes down why she is able to say so.
        first = await at.street.own_word("rosa")
        again = await at.street.own_word("rosa")
        assert first.position == again.position
        await at.clinic.drain()
        assert doses(at.clinic) == [], "the one that her mother gave elsewhere opens nothing either"
        assert len(await to_seek(at.street)) == 1
        assert await to_seek(at.hostel) == [], "whom she did not tell is not told"
        # Nor does a later yes of her mother's: refused where she spoke, and worth nothing elsewhere.
        outcome = await refused(her_mother_says_yes(at.street, 4 * 365))
        assert outcome[1] == "PROXY_EXCLUDED"
        await her_mother_says_yes(at.hostel, 4 * 365)
        await at.clinic.drain()
        assert doses(at.clinic) == []
        # What she says herself counts.
        await at.street.grant("rosa", HEALTH, to="clinic")
        await at.clinic.drain()
        assert doses(at.clinic) == ["40mg"]


async def test_case_6_without_her_word_being_heard_everywhere_it_would_go_on(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: were the grants of other agencies not looked at, her mother's would open it still."""
    right = hearing.opening

    def deaf(index: ConsentIndex, members: list[Any]) -> list[Any]:
        spoken, index.own_words_on = index.own_words_on, {}
        try:
            return right(index, members)
        finally:
            index.own_words_on = spoken

    monkeypatch.setattr(consent_index, "opening", deaf)
    with pytest.raises(AssertionError, match="opens nothing either"):
        await test_case_6_a_child_who_understands_ends_it_at_any_age(tmp_path, authority)


async def test_case_6_another_agency_cannot_tell_that_she_spoke(tmp_path: Path, authority: Authority) -> None:
    """The hostel, where her mother said yes, learns that a permission for health ended, as by any no of hers,
    and not that she speaks for herself."""

    async def script(world: Stage, hidden: bool) -> None:
        street = await world.agency("street", "STREET_OUTREACH", receives=SHARED)
        hostel = await world.agency("hostel", "HOSTEL", receives=SHARED)
        clinic = await world.agency("clinic", "PRIMARY_CARE", receives=SHARED)
        await world.agreement(("street", "hostel", "clinic"), dict.fromkeys(SHARED, "ERASE"))
        await street.register("rosa")
        for desk in (hostel, clinic):
            await desk.register(f"{desk.agency_id}-7")
            await street.link("rosa", desk, f"{desk.agency_id}-7")
        await her_mother_says_yes(hostel, 4 * 365)
        if hidden:
            await street.own_word("rosa")
        else:
            await street.refuse("rosa", to="clinic")
        await hostel.list_choices("hostel-7")
        await hostel.tasks()
        await hostel.history("hostel-7")
        await her_mother_says_yes(hostel, 4 * 365)
        await hostel.drain()

    await assert_twins(tmp_path, authority, script, "hostel")


@pytest.mark.parametrize(
    ("method", "parent", "given_by"),
    [
        ("PARENTAL_RESPONSIBILITY", False, HER_MOTHER),
        ("PARENTAL_RESPONSIBILITY", True, None),
        ("ESIGNATURE", True, HER_MOTHER),
    ],
)
async def test_case_6_a_parents_yes_says_who_gave_it_and_until_when(
    method: str, parent: bool, given_by: Any, tmp_path: Path, authority: Authority
) -> None:
    async with town(tmp_path, authority) as at:
        said = sixteen_in(at.stage, 400) if parent else None
        asked = at.street.grant("rosa", HEALTH, to="clinic", method=method, parent=said, given_by=given_by)
        assert (await refused(asked))[1] == "INVALID_FIELD"


@pytest.mark.parametrize("lacks_capacity", ["", "mca/1"])
@pytest.mark.parametrize("day", ["2043-01-01", "9997-12-31", "9998-01-01", "9999-12-31"])
async def test_case_6_a_birthday_that_is_too_far_off_is_refused_and_nothing_fails(
    day: str, lacks_capacity: str, tmp_path: Path, authority: Authority
) -> None:
    """Two years on from there the calendar ends: that is no reason to make every projection anew."""
    async with town(tmp_path, authority) as at:
        resets: list[None] = []
        at.stage.hub.ledger.on_reset(lambda: resets.append(None))
        said = growing_up_pb2.ParentalAuthority(
            sixteenth_birthday_date=day, lacks_capacity_reference=lacks_capacity
        )
        asked = at.street.grant(
            "rosa", HEALTH, to="clinic", method="PARENTAL_RESPONSIBILITY", parent=said, given_by=HER_MOTHER
        )
        assert (await refused(asked))[1] == "IMPOSSIBLE_TIME"
        assert not resets


def test_case_6_the_birthday_begins_at_midnight_in_london() -> None:
    summer = ParentalAuthority(date(2026, 7, 1))
    assert summer.ends.isoformat() == "2026-06-30T23:00:00+00:00"
    assert ParentalAuthority(date(2026, 7, 1), "mca/1").ends.isoformat() == "2028-06-30T23:00:00+00:00"
    leap = ParentalAuthority(date(2028, 2, 29), "mca/1")
    assert leap.ends.isoformat() == "2030-03-01T00:00:00+00:00", "born on 29 February: of age on 1 March"
