"""H16 (critical): before a yes runs out somebody is asked, and when it has, somebody has to look.

Rosa's methadone is being raised at the clinic, the pharmacy hands it out, and Noor, her navigator, leads for
her. The clinic's duty worker and Noor are told 30, 14 and 3 days before her yes ends, and once it has. The
pharmacy, the other agency that knows her, is told nothing by it.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.projections import folding_choices, folding_tasks
from oncetold.v1 import task_service_pb2
from oncetold.v1.agency_service_pb2 import POST_KIND_DUTY_WORKER
from oncetold.v1.delivery_service_pb2 import PERMISSION_STATE_RESTRICTED
from oncetold.v1.task_service_pb2 import TASK_KIND_GRANT_ENDING, TASK_KIND_SAFETY_CRITICAL_ENDED
from tests.twins.cast import dose
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage

SHARED = ("PHYSICAL_HEALTH", "SERVICE_CONTACT")
BEGINS = datetime(2026, 3, 2, 9, tzinfo=UTC)
ENDS = datetime(2026, 4, 17, tzinfo=UTC)


@dataclass
class Treatment:
    """Her yes runs for six weeks, until midnight before a Friday."""

    stage: Stage
    clinic: Desk
    pharmacy: Desk
    navigators: Desk
    grant_id: str

    def until(self, moment: datetime) -> None:
        self.stage.clock.advance(moment - self.stage.clock.now())


@asynccontextmanager
async def treatment(
    folder: Path, authority: Authority, *, on_end: str = "RESTRICT", lead: str = "navigators"
) -> AsyncIterator[Treatment]:
    async with stage(folder, authority) as world:
        clinic = await world.agency("clinic", "PRIMARY_CARE")
        pharmacy = await world.agency("pharmacy", "PRIMARY_CARE", receives=SHARED)
        navigators = await world.agency("navigators", "NAVIGATION")
        await world.agreement(("clinic", "pharmacy"), dict.fromkeys(SHARED, on_end))
        await clinic.appoint("DUTY_WORKER", "duty-2", "01632 960101")
        await navigators.appoint("DUTY_WORKER", "noor", "01632 960102")
        for desk, reference in ((clinic, "c-7"), (pharmacy, "ph-12"), (navigators, "nav-1")):
            await desk.register(reference)
        await clinic.link("c-7", pharmacy, "ph-12")
        await clinic.link("c-7", navigators, "nav-1")
        await world.appoint_lead(navigators, "nav-1", lead)
        grant_id = await clinic.grant("c-7", SHARED, to="pharmacy", until=ENDS)
        await clinic.publish("c-7", "dose-monday", assessment=dose("40mg"))
        await pharmacy.drain()
        yield Treatment(world, clinic, pharmacy, navigators, grant_id)


async def test_thirty_fourteen_and_three_days_before_the_end_somebody_is_to_ask(
    tmp_path: Path, authority: Authority
) -> None:
    async with treatment(tmp_path, authority) as day:
        day.until(ENDS - timedelta(days=30, minutes=1))
        assert await day.clinic.tasks() == [], "a minute too early"
        told = set()
        for days in (30, 14, 3):
            day.until(ENDS - timedelta(days=days) + timedelta(minutes=1))
            [task] = await day.clinic.tasks()
            told.add(task.task_id)
            assert (task.kind, task.grant_id, task.client_reference) == (
                TASK_KIND_GRANT_ENDING,
                day.grant_id,
                "c-7",
            )
            assert (task.post, task.staff_reference) == (POST_KIND_DUTY_WORKER, "duty-2")
            assert task.due_time.ToDatetime(UTC) == ENDS and not task.overdue
            assert (
                task.sentence == "A permission ends on 17 April 2026: ask the person whether it should go on."
            )
        assert len(told) == 3, "each time it is asked anew"


async def test_the_lead_is_told_that_something_ends_and_nothing_of_whose_it_is(
    tmp_path: Path, authority: Authority
) -> None:
    async with treatment(tmp_path, authority) as day:
        day.until(ENDS - timedelta(days=13))
        [task] = await day.navigators.tasks()
        assert (task.kind, task.client_reference, task.staff_reference) == (
            TASK_KIND_GRANT_ENDING,
            "nav-1",
            "noor",
        )
        assert (task.grant_id, task.record_id) == ("", "")
        assert await day.pharmacy.tasks() == [], "whoever only receives is told nothing"
        [own] = await day.clinic.tasks()
        assert own.task_id != task.task_id, "an id is one agency's own"


async def test_asked_and_answered_it_waits_no_more(tmp_path: Path, authority: Authority) -> None:
    async with treatment(tmp_path, authority) as day:
        day.until(ENDS - timedelta(days=2))
        [task] = await day.clinic.tasks()
        await day.clinic.complete(task.task_id, "NOT_REACHED", "duty-2")
        assert await day.clinic.tasks() == []
        [hers] = await day.navigators.tasks()
        # Noor reaches her: she says yes for another three months, and nothing is left to ask for.
        await day.clinic.grant("c-7", SHARED, to="pharmacy", until=ENDS + timedelta(days=90))
        assert await day.navigators.tasks() == []
        assert await day.navigators.refused(day.navigators.complete(hers.task_id, "ASKED")) == "NOT_FOUND"
        # When the first yes ends the second holds: nobody has to look.
        day.until(ENDS + timedelta(minutes=1))
        assert await day.pharmacy.drain() == []
        assert await day.clinic.tasks() == await day.navigators.tasks() == []


async def test_the_yes_lapses_at_midnight_the_dose_is_greyed_and_somebody_has_to_look(
    tmp_path: Path, authority: Authority
) -> None:
    async with treatment(tmp_path, authority) as day:
        day.until(ENDS + timedelta(minutes=1))
        await day.clinic.publish("c-7", "dose-friday", assessment=dose("50mg"))
        await day.pharmacy.drain()
        [kept] = day.pharmacy.store.values()
        [purpose] = kept.terms.purposes
        assert purpose.state == PERMISSION_STATE_RESTRICTED, (
            "the last dose stays, greyed, and nothing new comes"
        )
        assert kept.content.assessment.answers[0].coded.code == "40mg"
        # It lapsed at one in the morning by the clock on the wall. Friday is at work already: Monday is next.
        [task] = await day.clinic.tasks()
        assert (task.kind, task.grant_id) == (TASK_KIND_SAFETY_CRITICAL_ENDED, day.grant_id)
        assert task.due_time.ToDatetime(UTC) == datetime(2026, 4, 20, 16, tzinfo=UTC)
        [hers] = await day.navigators.tasks()
        assert (hers.kind, hers.client_reference, hers.grant_id) == (
            TASK_KIND_SAFETY_CRITICAL_ENDED,
            "nav-1",
            "",
        )
        assert await day.pharmacy.tasks() == []
        day.until(datetime(2026, 4, 20, 16, 1, tzinfo=UTC))
        assert [one.overdue for one in await day.clinic.tasks()] == [True]


async def test_taken_back_ended_or_refused_it_is_the_same_to_whoever_leads(
    tmp_path: Path, authority: Authority
) -> None:
    """Noor cannot tell a withdrawal from a lapse, a refusal or an agreement's end."""

    def told(task: task_service_pb2.Task) -> tuple[object, ...]:
        return task.kind, task.client_reference, task.post, task.grant_id, task.record_id, task.sentence

    seen = []
    for cause in ("lapse", "withdrawal", "refusal", "agreement"):
        async with treatment(tmp_path / cause[:5], authority) as day:
            match cause:
                case "lapse":
                    day.until(ENDS)
                case "withdrawal":
                    await day.clinic.withdraw("c-7", day.grant_id)
                case "refusal":
                    await day.clinic.refuse("c-7", to="pharmacy")
                case _:
                    await day.stage.terminate("isa-1")
            assert [one.kind for one in await day.clinic.tasks()] == [TASK_KIND_SAFETY_CRITICAL_ENDED]
            seen += [[told(one) for one in await day.navigators.tasks()]]
    assert len(seen[0]) == 1
    assert seen == [seen[0]] * 4


@pytest.mark.parametrize(("on_end", "told"), [("RESTRICT", 1), ("ERASE", 0), ("STOP", 0)])
async def test_a_lead_whose_own_copies_are_taken_is_not_told_of_a_stop_against_it(
    tmp_path: Path, authority: Authority, on_end: str, told: int
) -> None:
    """Greyed copies speak for themselves; of copies taken back nobody at the counter may hear (H4)."""
    async with treatment(tmp_path, authority, on_end=on_end, lead="pharmacy") as day:
        await day.clinic.withdraw("c-7", day.grant_id)
        assert len(await day.pharmacy.tasks()) == told
        assert await day.navigators.tasks() == []
        assert len(await day.clinic.tasks()) == 1, "whoever recorded it is told in any case"


async def test_another_agencys_task_cannot_be_told_from_none(tmp_path: Path, authority: Authority) -> None:
    async with treatment(tmp_path, authority) as day:
        await day.clinic.withdraw("c-7", day.grant_id)
        [task] = await day.clinic.tasks()
        never = "0f6a4d38-0000-4000-8000-000000000000"
        begun = len(day.pharmacy.seen)
        for task_id in (task.task_id, never):
            assert await day.pharmacy.refused(day.pharmacy.complete(task_id, "ASKED")) == "NOT_FOUND"
            await day.pharmacy.tasks()
        told = [(one.answered[:0] or one.error, one.grew) for one in day.pharmacy.seen[begun:]]
        assert told[:2] == told[2:], "the same words, and the ledger grows alike"
        # Nor once it is done.
        await day.clinic.complete(task.task_id, "ASKED")
        for outcome in ("ASKED", "NOT_REACHED"):
            done = day.pharmacy.complete(task.task_id, outcome)
            assert await day.pharmacy.refused(done) == "NOT_FOUND"


async def test_a_task_is_done_once_in_words_that_fit(tmp_path: Path, authority: Authority) -> None:
    async with treatment(tmp_path, authority) as day:
        await day.clinic.withdraw("c-7", day.grant_id)
        [task] = await day.clinic.tasks()
        unfit = day.clinic.complete(task.task_id, "WARNING_ENDED")
        assert await day.clinic.refused(unfit) == "TASK_STATE"
        first = await day.clinic.complete(task.task_id, "ASKED")
        assert (await day.clinic.complete(task.task_id, "ASKED")).position == first.position
        assert await day.clinic.refused(day.clinic.complete(task.task_id, "NOT_REACHED")) == "TASK_STATE"
        assert await day.clinic.tasks() == []


async def test_a_rebuilt_hub_knows_the_same_tasks(tmp_path: Path, authority: Authority) -> None:
    async with treatment(tmp_path, authority) as day:
        day.until(ENDS - timedelta(days=13))
        [ending] = await day.clinic.tasks()
        await day.clinic.complete(ending.task_id, "ASKED")
        await day.clinic.withdraw("c-7", day.grant_id)
        before = [await desk.tasks() for desk in (day.clinic, day.navigators)]
        assert [len(one) for one in before] == [1, 1]
        await day.stage.hub.rebuild()
        assert [await desk.tasks() for desk in (day.clinic, day.navigators)] == before


@contextmanager
def nobody_is_asked(patch: pytest.MonkeyPatch) -> Iterator[None]:
    patch.setattr(folding_choices, "ASK_BEFORE", ())
    yield


@contextmanager
def ends_make_no_task(patch: pytest.MonkeyPatch) -> Iterator[None]:
    patch.setattr(folding_tasks, "SAFETY_CRITICAL", frozenset())
    yield


@pytest.mark.parametrize(
    ("removed", "shown_by"),
    [
        (nobody_is_asked, test_thirty_fourteen_and_three_days_before_the_end_somebody_is_to_ask),
        (ends_make_no_task, test_the_yes_lapses_at_midnight_the_dose_is_greyed_and_somebody_has_to_look),
    ],
)
async def test_without_the_control_the_day_goes_otherwise(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch, removed: object, shown_by: object
) -> None:
    """Each test above fails when what it is about is taken out."""
    with removed(monkeypatch), pytest.raises((AssertionError, ValueError)):  # type: ignore[operator]
        await shown_by(tmp_path, authority)  # type: ignore[operator]
