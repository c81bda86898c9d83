"""H18 (critical): a warning that protects a worker does not vanish because a permission does.

Ben threatened a worker of the outreach team with a knife; the tenancy team visits him at home and was told,
with his yes. On Maundy Thursday he takes it back. The tenancy team is left with one sentence, and the
outreach team's safeguarding lead has until the end of the Tuesday after Easter to decide.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from consent_ledger import working_days
from hub.projections import folding_tasks
from hub.records import splitter
from oncetold.v1.agency_service_pb2 import POST_KIND_SAFEGUARDING_LEAD
from oncetold.v1.common_pb2 import Coding
from oncetold.v1.consent_service_pb2 import BasisEvidence
from oncetold.v1.delivery_service_pb2 import PERMISSION_STATE_ACTIVE, PERMISSION_STATE_RESTRICTED, Element
from oncetold.v1.records_pb2 import Risk
from oncetold.v1.task_service_pb2 import TASK_KIND_REVIEW_OVERDUE, TASK_KIND_RISK_TO_OTHERS, Task
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage

SHARED = ("SAFEGUARDING_RISK", "SERVICE_CONTACT")
MAUNDY_THURSDAY = datetime(2026, 4, 2, 14, tzinfo=UTC)
TUESDAY_AFTER_EASTER = datetime(2026, 4, 7, 16, tzinfo=UTC)
"""Five in the afternoon by the clock on the wall."""
LEAD_TELEPHONE = "01632 960117"
EVIDENCE = BasisEvidence(reference="SG-2026-14", authorised_by="lead-1", recorded_by="admin-4")


def knife(risk_to: str = "worker") -> Risk:
    return Risk(
        risk_to=Coding(system="test:risk-to", code=risk_to), level=Coding(system="test:level", code="high")
    )


@dataclass
class Threat:
    """Maundy Thursday, three in the afternoon: everybody knows what they may."""

    stage: Stage
    outreach: Desk
    visitors: Desk
    grant_id: str

    def shown(self) -> Element:
        """The one thing about Ben in the tenancy team's own system."""
        [element] = self.visitors.store.values()
        return element

    async def live(self) -> list[Element]:
        return list((await self.visitors.history("t-9")).elements)

    async def for_the_lead(self) -> list[Task]:
        """What waits for the outreach team's safeguarding lead; its duty worker has tasks of their own."""
        return [one for one in await self.outreach.tasks() if one.post == POST_KIND_SAFEGUARDING_LEAD]

    async def the_lead_s_task(self) -> Task:
        [task] = await self.for_the_lead()
        return task


@asynccontextmanager
async def threat(
    folder: Path, authority: Authority, *, on_end: str = "ERASE", risk: Risk | None = None
) -> AsyncIterator[Threat]:
    async with stage(folder, authority) as world:
        outreach = await world.agency("outreach", "STREET_OUTREACH")
        visitors = await world.agency("visitors", "HOUSING", receives=SHARED)
        await world.agreement(("outreach", "visitors"), dict.fromkeys(SHARED, on_end))
        await outreach.appoint("SAFEGUARDING_LEAD", "lead-1", LEAD_TELEPHONE)
        await outreach.register("ben")
        await visitors.register("t-9")
        await outreach.link("ben", visitors, "t-9")
        grant_id = await outreach.grant("ben", SHARED, to="visitors")
        await outreach.publish("ben", "threat-1", risk=risk or knife())
        await visitors.drain()
        world.clock.advance(MAUNDY_THURSDAY - world.clock.now())
        day = Threat(world, outreach, visitors, grant_id)
        assert day.shown().content.risk.level.code == "high"
        yield day


def is_stub(element: Element) -> bool:
    """ "Do not visit alone. Ring 01632 960117." and nothing else."""
    return element.content.risk == Risk(do_not_visit_alone=True, ring=LEAD_TELEPHONE) and {
        one.state for one in element.terms.purposes
    } == {PERMISSION_STATE_RESTRICTED}


async def test_taken_back_the_visitors_keep_one_sentence_and_the_lead_has_until_tuesday(
    tmp_path: Path, authority: Authority
) -> None:
    async with threat(tmp_path, authority) as day:
        await day.outreach.withdraw("ben", day.grant_id, remove=True)
        await day.visitors.drain()
        assert is_stub(day.shown()), "he said remove it: what was told is gone, the warning is not"
        assert [is_stub(one) for one in await day.live()] == [True]
        assert day.visitors.retracted == []
        task = await day.the_lead_s_task()
        assert (task.kind, task.client_reference, task.record_id) == (
            TASK_KIND_RISK_TO_OTHERS,
            "ben",
            "threat-1",
        )
        assert task.staff_reference == "lead-1"
        assert task.due_time.ToDatetime(UTC) == TUESDAY_AFTER_EASTER and not task.overdue
        assert await day.visitors.tasks() == []
        day.stage.clock.advance(timedelta(days=6))
        assert (await day.the_lead_s_task()).overdue


async def test_the_lead_shares_it_on_another_basis_and_they_know_again(
    tmp_path: Path, authority: Authority
) -> None:
    async with threat(tmp_path, authority) as day:
        await day.outreach.withdraw("ben", day.grant_id)
        await day.visitors.drain()
        task = await day.the_lead_s_task()
        await day.outreach.grant("ben", SHARED, to="visitors", basis="PUBLIC_INTEREST", evidence=EVIDENCE)
        await day.outreach.complete(task.task_id, "SHARED_ON_OTHER_BASIS", "lead-1")
        await day.visitors.drain()
        known = day.shown()
        assert known.content.risk == knife()
        assert {one.state for one in known.terms.purposes} == {PERMISSION_STATE_ACTIVE}
        assert await day.for_the_lead() == []
        # No later no of his reaches it: it does not rest on his yes.
        await day.outreach.refuse("ben", to="visitors")
        assert await day.visitors.drain() == []


async def test_the_lead_ends_the_warning_and_it_is_taken_back(tmp_path: Path, authority: Authority) -> None:
    async with threat(tmp_path, authority) as day:
        await day.outreach.withdraw("ben", day.grant_id)
        await day.visitors.drain()
        task = await day.the_lead_s_task()
        await day.outreach.complete(task.task_id, "WARNING_ENDED", "lead-1")
        [gone] = await day.visitors.drain()
        assert gone.WhichOneof("step") == "retract"
        assert (day.visitors.store, await day.live()) == ({}, [])
        # Said yes to again, and taken back again: the warning stands anew, and is decided anew.
        again = await day.outreach.grant("ben", SHARED, to="visitors")
        await day.visitors.drain()
        await day.outreach.withdraw("ben", again)
        await day.visitors.drain()
        assert is_stub(day.shown())
        assert (await day.the_lead_s_task()).task_id != task.task_id


@pytest.mark.parametrize("cause", ["refusal", "exclusion", "lapse", "agreement"])
async def test_whatever_ends_it_leaves_the_warning(tmp_path: Path, authority: Authority, cause: str) -> None:
    async with threat(tmp_path, authority) as day:
        match cause:
            case "refusal":
                await day.outreach.refuse("ben")
            case "exclusion":
                await day.outreach.exclude("ben", "visitors", remove=True)
            case "lapse":
                day.stage.clock.advance(timedelta(days=90))
            case _:
                await day.stage.terminate("isa-1")
        await day.visitors.drain()
        assert is_stub(day.shown())
        assert (await day.the_lead_s_task()).kind == TASK_KIND_RISK_TO_OTHERS


async def test_a_new_lead_is_whom_they_ring(tmp_path: Path, authority: Authority) -> None:
    async with threat(tmp_path, authority) as day:
        await day.outreach.withdraw("ben", day.grant_id)
        await day.visitors.drain()
        await day.outreach.appoint("SAFEGUARDING_LEAD", "lead-2", "01632 960118")
        await day.visitors.drain()
        assert day.shown().content.risk.ring == "01632 960118"
        assert (await day.the_lead_s_task()).staff_reference == "lead-2"


async def test_its_author_takes_it_back_and_nothing_is_left(tmp_path: Path, authority: Authority) -> None:
    async with threat(tmp_path, authority) as day:
        await day.outreach.withdraw("ben", day.grant_id)
        await day.visitors.drain()
        await day.outreach.publish("ben", "threat-1", revision=2)
        [gone] = await day.visitors.drain()
        assert gone.WhichOneof("step") == "retract"
        assert await day.for_the_lead() == [], "there is nothing to decide any more"


async def test_a_risk_to_himself_is_his_alone(tmp_path: Path, authority: Authority) -> None:
    async with threat(tmp_path, authority, risk=knife("self")) as day:
        await day.outreach.withdraw("ben", day.grant_id)
        [gone] = await day.visitors.drain()
        assert gone.WhichOneof("step") == "retract"
        assert await day.for_the_lead() == []


async def test_where_the_old_stays_greyed_it_says_more_than_the_sentence(
    tmp_path: Path, authority: Authority
) -> None:
    async with threat(tmp_path, authority, on_end="RESTRICT") as day:
        await day.outreach.withdraw("ben", day.grant_id)
        await day.visitors.drain()
        assert day.shown().content.risk == knife()
        assert (await day.the_lead_s_task()).kind == TASK_KIND_RISK_TO_OTHERS


async def test_whoever_shut_out_the_outreach_team_does_not_tell_it_so(
    tmp_path: Path, authority: Authority
) -> None:
    """Said at the tenancy team's desk, against the outreach team itself: it is no end of its warning."""
    async with threat(tmp_path, authority) as day:
        await day.visitors.exclude("t-9", "outreach")
        assert await day.for_the_lead() == []
        assert await day.visitors.drain() == []


async def test_a_judgement_past_its_review_date_is_the_lead_s_to_look_at(
    tmp_path: Path, authority: Authority
) -> None:
    async with threat(tmp_path, authority) as day:
        review_by = day.stage.clock.now() + timedelta(days=30)
        await day.outreach.publish("ben", "threat-1", revision=2, review_by=review_by, risk=knife())
        await day.visitors.drain()
        day.stage.clock.advance(timedelta(days=30, minutes=1))
        await day.visitors.drain()
        assert day.visitors.store == {}, "a stale judgement leaves no warning either"
        task = await day.the_lead_s_task()
        assert (task.kind, task.record_id) == (TASK_KIND_REVIEW_OVERDUE, "threat-1")
        # Saturday 2 May; Monday the 4th is a holiday: the fifth working day is Monday the 11th.
        assert task.due_time.ToDatetime(UTC) == datetime(2026, 5, 11, 16, tzinfo=UTC)
        await day.outreach.publish("ben", "threat-1", revision=3, risk=knife())
        assert await day.for_the_lead() == [], "affirmed again"


def no_bank_holidays(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(working_days, "BANK_HOLIDAYS", {})


def nobody_has_to_decide(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(folding_tasks, "_warn_of", lambda *a_judgement: None)


def a_risk_to_others_like_any_other(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(splitter, "is_risk_to_others", lambda content: False)


@pytest.mark.parametrize("removed", [no_bank_holidays, nobody_has_to_decide, a_risk_to_others_like_any_other])
async def test_without_the_control_the_day_goes_otherwise(
    tmp_path: Path,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    removed: Callable[[pytest.MonkeyPatch], Any],
) -> None:
    """The first test above fails when any one of its controls is taken out."""
    removed(monkeypatch)
    with pytest.raises((AssertionError, ValueError)):
        await test_taken_back_the_visitors_keep_one_sentence_and_the_lead_has_until_tuesday(
            tmp_path, authority
        )
