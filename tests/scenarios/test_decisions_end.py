"""How what people decided to share ends: with the case, the link, the client's no, with erasure; and what of
a warning stays. What went by a decision is taken back, whatever an agreement would have left."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from oncetold.v1 import common_pb2, consent_service_pb2, delivery_service_pb2, sharing_pb2
from oncetold.v1.records_pb2 import Risk
from oncetold.v1.task_service_pb2 import TASK_KIND_OVERRIDE_TO_REVIEW, TASK_KIND_RISK_TO_OTHERS
from tests.erasure.asking import erase
from tests.scenarios.test_do_not_visit_alone import knife
from tests.twins.cast import dose
from tests.twins.colleague import Colleague, hired
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage

TOLD = ("PHYSICAL_HEALTH", "SERVICE_CONTACT", "SAFEGUARDING_RISK")
BY_TASK = sharing_pb2.BasisInLaw(
    lawful_basis=common_pb2.LAWFUL_BASIS_A6_1_E, article9=common_pb2.ARTICLE9_CONDITION_A9_2_H
)
LACKS_CAPACITY = consent_service_pb2.BasisEvidence(reference="MCA/3", decision_maker="doctor-4")


@dataclass
class Case:
    """The clinic knows the dose; the ward has it by a decision of the clinic's officer."""

    stage: Stage
    clinic: Desk
    ward: Desk
    asker: Colleague
    officer: Colleague
    lead: Colleague
    link_id: str

    async def shown(self) -> int:
        """How many things the ward's own system shows."""
        await self.ward.drain()
        return len(self.ward.store)


@asynccontextmanager
async def case(folder: Path, authority: Authority, *, window: str = "") -> AsyncIterator[Case]:
    async with stage(folder, authority) as world:
        clinic = await world.agency("clinic", "PRIMARY_CARE")
        ward = await world.agency("ward", "HOSPITAL", receives=TOLD, retraction_window=window)
        await clinic.register("c-1")
        await ward.register("w-1")
        link_id = await clinic.link("c-1", ward, "w-1")
        await clinic.publish("c-1", "dose-1", assessment=dose("40mg"))
        yield Case(
            world,
            clinic,
            ward,
            await hired(ward, "sister-1", "KEYWORKER"),
            await hired(clinic, "officer-1", "DATA_PROTECTION_OFFICER"),
            await hired(clinic, "lead-1", "SAFEGUARDING_LEAD"),
            link_id,
        )


async def shared(c: Case, **how: object) -> str:
    """Asked for and permitted; the decision's id."""
    asked = await c.asker.request("w-1")
    return (await c.officer.permit(asked.sharing_request_id, **how)).decision_id  # type: ignore[arg-type]


async def test_the_cases_end_takes_it_back_in_the_wards_window(tmp_path: Path, authority: Authority) -> None:
    """A decision's end is as quiet as any other: in the daily window, without a reason."""
    async with case(tmp_path, authority, window="04:00") as c:
        decision_id = await shared(c)
        assert await c.shown() == 1
        await c.lead.end(decision_id)
        assert await c.shown() == 1
        assert (await c.ward.history("w-1")).elements == []
        c.stage.clock.advance(timedelta(days=1))
        assert await c.shown() == 0
        [gone] = c.ward.retracted
        assert [field.name for field, _ in gone.retract.ListFields()] == ["fragment_id"]


async def test_a_link_that_was_wrong(tmp_path: Path, authority: Authority) -> None:
    async with case(tmp_path, authority) as c:
        await shared(c)
        assert await c.shown() == 1
        await c.clinic.unlink(c.link_id)
        assert await c.shown() == 0
        assert await c.asker.requests() != []
        assert await c.officer.requests(to_answer=True) == []


async def test_her_case_is_closed_at_the_ward(tmp_path: Path, authority: Authority) -> None:
    """Registered again she has to be decided about anew: what opened the ward before is spent."""
    async with case(tmp_path, authority) as c:
        await shared(c)
        assert await c.shown() == 1
        await c.ward.close("w-1")
        assert await c.shown() == 0
        await c.ward.register("w-1")
        assert await c.shown() == 0
        await shared(c)
        assert await c.shown() == 1


async def test_her_no_ends_what_was_decided_for_her(tmp_path: Path, authority: Authority) -> None:
    async with case(tmp_path, authority) as c:
        await shared(c, basis="BEST_INTERESTS", evidence=LACKS_CAPACITY)
        assert await c.shown() == 1
        await c.clinic.refuse("c-1", to="ward")
        assert await c.shown() == 0


async def test_her_no_does_not_end_what_protects_others(tmp_path: Path, authority: Authority) -> None:
    async with case(tmp_path, authority) as c:
        await shared(c)
        await c.clinic.refuse("c-1", to="ward")
        assert await c.shown() == 1
        await c.clinic.exclude("c-1", "ward")
        assert await c.shown() == 0


async def test_what_the_clinic_forgets_is_shared_no_more(tmp_path: Path, authority: Authority) -> None:
    async with case(tmp_path, authority) as c:
        await shared(c)
        assert await c.shown() == 1
        await erase(c.clinic, "c-1", "everything")
        assert await c.shown() == 0


async def test_an_agreement_that_ended_and_a_yes_that_lives(tmp_path: Path, authority: Authority) -> None:
    """Hard case 7, bridged: the decision stands for the agreement, and her own yes still decides."""
    async with case(tmp_path, authority) as c:
        await c.stage.agreement(("clinic", "ward"), dict.fromkeys(TOLD, "RESTRICT"))
        grant_id = await c.clinic.grant("c-1", ("PHYSICAL_HEALTH", "SERVICE_CONTACT"), to="ward")
        assert await c.shown() == 1
        await c.stage.terminate("isa-1")
        await c.ward.drain()
        await shared(c, basis="EXPLICIT_CONSENT", notice_id="notice-1", law=BY_TASK)
        await c.ward.drain()
        [element] = c.ward.store.values()
        states = {one.agreement_id.split(":")[0]: one.state for one in element.terms.purposes}
        assert states["decision"] == delivery_service_pb2.PERMISSION_STATE_ACTIVE

        losses = (await c.clinic.preview("c-1", grant_id)).losses
        assert [one.agency_id for one in losses] == ["ward"]
        await c.clinic.withdraw("c-1", grant_id, remove=True)
        assert await c.shown() == 0


async def test_a_warning_to_others_stays_when_the_override_ends(tmp_path: Path, authority: Authority) -> None:
    """H18: "do not visit alone" does not vanish with the decision that carried it; a lead is asked."""
    async with case(tmp_path, authority) as c:
        await c.clinic.appoint("SAFEGUARDING_LEAD", "lead-1", "01632 960117")
        await c.clinic.publish(
            "c-1", "risk-1", review_by=c.stage.clock.now() + timedelta(days=90), risk=knife()
        )
        nurse = await (await hired(c.clinic, "nurse-1", "KEYWORKER")).works_with("c-1")
        override = await nurse.ask_for_override("c-1", "ward", ("SAFEGUARDING_RISK",), days=14)
        await c.lead.authorise(override)
        assert await c.shown() == 1
        [element] = c.ward.store.values()
        assert element.content.risk.level.code == "high"

        c.stage.clock.advance(timedelta(days=14))
        assert await c.shown() == 1
        [element] = c.ward.store.values()
        assert element.content.risk == Risk(do_not_visit_alone=True, ring="01632 960117")
        tasks = {one.kind: one for one in await c.clinic.tasks()}
        assert set(tasks) == {TASK_KIND_OVERRIDE_TO_REVIEW, TASK_KIND_RISK_TO_OTHERS}
        await c.clinic.complete(tasks[TASK_KIND_RISK_TO_OTHERS].task_id, "WARNING_ENDED", "lead-1")
        assert await c.shown() == 0
