"""Hard case 10, to its end: two women were taken for one, and for 72 hours somebody may judge that.

UK GDPR Article 33: within 72 hours after having become aware of it, by the clock, unless a risk is unlikely;
Article 34: the people concerned are told where the risk to them is high.
"""

from datetime import UTC, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from hub.use_cases import wrong_links
from oncetold.v1 import registration_service_pb2
from oncetold.v1.agency_service_pb2 import POST_KIND_DATA_PROTECTION_OFFICER
from oncetold.v1.task_service_pb2 import (
    BREACH_REASON_SEEN_UNDER_SECRECY,
    PEOPLE_TOLD_NO_HIGH_RISK,
    PEOPLE_TOLD_TO_BE_TOLD,
    TASK_KIND_BREACH_TO_ASSESS,
    Task,
)
from tests.hard_cases.town import Town, town
from tests.twins.cast import bedded_down, dose
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage
from tests.twins.test_h01_insider import HERS
from tests.twins.twin import assert_twins

LIVING = ("ACCOMMODATION", "SERVICE_CONTACT")
THREE_DAYS = timedelta(hours=72)


async def breaches(desk: Desk) -> list[Task]:
    return [one for one in await desk.tasks() if one.kind == TASK_KIND_BREACH_TO_ASSESS]


async def told_the_hostel(day: Town) -> str:
    """Rosa's night was told to the hostel, whose room 7 is another woman's; the grant's id."""
    grant_id = await day.street.grant("rosa", LIVING, to="hostel")
    await day.street.publish("rosa", "night-1", contact=bedded_down())
    await day.everybody_fetches()
    return grant_id


async def test_case_10_somebody_has_72_hours_to_say_whether_it_is_reported(
    tmp_path: Path, authority: Authority
) -> None:
    async with town(tmp_path, authority) as day:
        await day.street.appoint("DATA_PROTECTION_OFFICER", "officer-1", "01632 960161")
        await told_the_hostel(day)
        # A Friday evening. Nobody at the office until Monday; the clock does not wait for them.
        now = day.stage.clock.now()
        friday = now.replace(hour=18, minute=0) + timedelta(days=(4 - now.weekday()) % 7)
        day.stage.clock.advance(friday - now)
        await day.hostel.unlink(day.links["hostel"])
        [task] = await breaches(day.street)
        assert (task.post, task.staff_reference) == (POST_KIND_DATA_PROTECTION_OFFICER, "officer-1")
        assert (task.client_reference, task.overdue) == ("rosa", False)
        assert task.raised_time.ToDatetime(UTC) == friday
        assert task.due_time.ToDatetime(UTC) == friday + THREE_DAYS, "hours of the clock, not working days"
        # It is the street team's to assess: it says to nobody else that there is something to assess, and
        # not even there where it went. That is in the list of who saw it.
        for desk in day.others:
            assert await breaches(desk) == []
        assert not any(desk.agency_id in str(task).lower() for desk in day.others)
        day.stage.clock.advance(THREE_DAYS)
        assert not (await breaches(day.street))[0].overdue
        day.stage.clock.advance(timedelta(seconds=1))
        assert (await breaches(day.street))[0].overdue, "and it stays so until somebody answers"
        await day.stage.hub.rebuild()
        [again] = await breaches(day.street)
        assert (again.task_id, again.overdue) == (task.task_id, True)


async def test_case_10_it_is_answered_in_full_and_once(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as day:
        await told_the_hostel(day)
        await day.street.unlink(day.links["hostel"])
        [task] = await breaches(day.street)
        unlikely, reported, low = "BREACH_UNLIKELY_TO_RISK", "BREACH_REPORTED", PEOPLE_TOLD_NO_HIGH_RISK
        why: dict[str, Any] = {"reason": BREACH_REASON_SEEN_UNDER_SECRECY, "people_told": low}
        half: list[tuple[str, dict[str, Any]]] = [
            (unlikely, {"people_told": low}),
            (unlikely, {"reason": BREACH_REASON_SEEN_UNDER_SECRECY}),
            (reported, why),
            (reported, {}),
            ("REVIEWED_IN_ORDER", {"people_told": low}),
        ]
        for outcome, answer in half:
            refused = await day.street.refused(day.street.complete(task.task_id, outcome, **answer))
            assert refused == "INVALID_FIELD"
        refused = await day.street.refused(day.street.complete(task.task_id, "REVIEWED_IN_ORDER"))
        assert refused == "TASK_STATE"
        refused = await day.hostel.refused(day.hostel.complete(task.task_id, unlikely, **why))
        assert refused == "NOT_FOUND", "it is the street team's to say"
        done = await day.street.complete(task.task_id, unlikely, **why)
        assert await breaches(day.street) == []
        assert (await day.street.complete(task.task_id, unlikely, **why)).position == done.position
        other = day.street.complete(task.task_id, reported, people_told=PEOPLE_TOLD_TO_BE_TOLD)
        assert await day.street.refused(other) == "TASK_STATE", "what was said stands"
        await day.stage.hub.rebuild()
        assert await breaches(day.street) == []
        assert (await day.street.complete(task.task_id, unlikely, **why)).position == done.position


async def test_case_10_each_agency_assesses_its_own_peoples(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as day:
        # The hostel told the street team about the other woman, as if she were Rosa.
        await told_the_hostel(day)
        await day.hostel.grant("hostel-7", ("PHYSICAL_HEALTH", "SERVICE_CONTACT"), to="street")
        await day.hostel.publish("hostel-7", "dose-1", assessment=dose("40mg"))
        await day.street.drain()
        await day.clinic.grant("clinic-7", ("PHYSICAL_HEALTH", "SERVICE_CONTACT"), to="council")
        await day.clinic.publish("clinic-7", "dose-2", assessment=dose("20mg"))
        await day.everybody_fetches()
        await day.street.unlink(day.links["hostel"])
        [ours], [theirs] = await breaches(day.street), await breaches(day.hostel)
        assert (ours.client_reference, theirs.client_reference) == ("rosa", "hostel-7")
        assert await breaches(day.clinic) == await breaches(day.council) == []
        # What the clinic told the council went where it belonged. Were those two wrongly joined, it did not.
        await day.street.unlink(day.links["council"])
        [clinics] = await breaches(day.clinic)
        assert clinics.client_reference == "clinic-7"
        assert len(await breaches(day.street)) == 1


async def test_case_10_what_was_looked_at_counts_as_well(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as day:
        await day.street.grant("rosa", LIVING, to="hostel")
        await day.street.publish("rosa", "night-1", contact=bedded_down())
        assert len((await day.hostel.history("hostel-7")).elements) == 1
        await day.street.unlink(day.links["hostel"])
        assert len(await breaches(day.street)) == 1


async def test_case_10_where_nothing_went_there_is_nothing_to_assess(
    tmp_path: Path, authority: Authority
) -> None:
    async with town(tmp_path, authority) as day:
        await day.street.unlink(day.links["hostel"])
        assert await breaches(day.street) == []
        # What went while they were rightly taken for two is assessed once, not at every later link.
        await day.street.link("rosa", day.hostel, "hostel-7")
        grant_id = await told_the_hostel(day)
        await day.street.withdraw("rosa", grant_id)
        link_id = await day.street.link("rosa", day.hostel, "hostel-7")
        await day.everybody_fetches()
        await day.street.unlink(link_id)
        assert await breaches(day.street) == [], "by this link nothing went"


@pytest.mark.parametrize("how", ["closed in error", "three details agreed"])
async def test_case_10_other_ways_to_be_wrong(how: str, tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as day:
        if how == "closed in error":
            await told_the_hostel(day)
            request = registration_service_pb2.CloseRegistrationRequest(
                request_id=day.stage.request_id(),
                client_reference="hostel-7",
                reason=registration_service_pb2.CLOSING_REASON_IN_ERROR,
            )
            answer = registration_service_pb2.CloseRegistrationResponse
            await day.hostel.ask("RegistrationService/CloseRegistration", request, answer)
            [task] = await breaches(day.street)
            assert task.client_reference == "rosa"
            return
        await day.street.register("lind", **HERS)
        await day.hostel.register("hostel-8", **HERS)
        await day.street.grant("lind", LIVING, to="hostel")
        await day.street.publish("lind", "night-2", contact=bedded_down())
        await day.hostel.drain()
        index = day.stage.hub.projector.index
        known = {UUID(day.links[name]) for name in day.links}
        [matched] = [one for one in index.links.values() if one.link_id not in known]
        await day.hostel.unlink(str(matched.link_id))
        [task] = await breaches(day.street)
        assert task.client_reference == "lind"


async def test_case_10_nobody_else_sees_that_there_is_something_to_assess(
    tmp_path: Path, authority: Authority
) -> None:
    async def script(world: Stage, hidden: bool) -> None:
        async with town(tmp_path / str(hidden), authority, world=world) as day:
            # The clinic's dose went to the wrong woman's hostel; or a yes for what there is none of.
            told = "PHYSICAL_HEALTH" if hidden else "FAMILY"
            await day.clinic.grant("clinic-7", (told, "SERVICE_CONTACT"), to="hostel")
            await day.clinic.publish("clinic-7", "dose-1", assessment=dose("40mg"))
            await day.hostel.fetch()
            await day.hostel.fetch()
            await day.street.unlink(day.links["hostel"])
            assert bool(await breaches(day.clinic)) is hidden
            for desk in (day.street, day.council):
                await desk.tasks()
                await desk.fetch()
            await day.street.list_disclosures("rosa")

    await assert_twins(tmp_path, authority, script, "street", "council")


async def test_case_10_without_the_control_nobody_hears_of_it(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wrong_links, "_went", lambda *_: False)
    async with town(tmp_path, authority) as day:
        await told_the_hostel(day)
        await day.street.unlink(day.links["hostel"])
        assert [await desk.tasks() for desk in (day.street, *day.others)] == [[], [], [], []]
