"""What no agreement and no choice allows another agency asks for, and people permit, narrow or refuse.

Rosa's methadone is given out by the clinic. The hospital has signed nothing with it and nobody asked Rosa.
"""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from consent_ledger.working_days import working_days_later
from hub.use_cases.sharing_decisions import why_of
from hub.use_cases.work import Caller
from oncetold.v1 import consent_service_pb2, sharing_pb2
from oncetold.v1 import task_service_pb2 as tasks
from tests.erasure.asking import depart, erase
from tests.scenarios.clinic_and_ward import TOLD, town
from tests.twins.cast import dose
from tests.twins.colleague import HEALTH, LAW, hired
from tests.twins.stage import Authority, stage


async def test_what_is_permitted_arrives_and_goes_when_it_ends(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        assert await at.doses() == []
        asked = await at.asker.request("w-1")
        [own] = await at.asker.requests()
        assert (own.status, own.why) == (sharing_pb2.SHARING_STATUS_WAITING, "")
        [task] = await at.clinic.tasks()
        assert task.kind == tasks.TASK_KIND_SHARING_ASKED
        assert (task.client_reference, task.sharing_id) == ("c-1", asked.sharing_request_id)
        assert task.due_time == asked.due_time
        [told] = await at.officer.requests(to_answer=True)
        assert (told.client_reference, told.asking_agency_id) == ("c-1", "ward")
        assert told.why == "She is unwell and cannot say what she takes."

        decided = await at.officer.permit(asked.sharing_request_id, days=30)
        assert await at.clinic.tasks() == []
        assert await at.doses() == ["40mg"]
        [element] = at.ward.store.values()
        [purpose] = element.terms.purposes
        assert purpose.agreement_id == f"decision:{decided.decision_id}"
        [own] = await at.asker.requests()
        assert own.status == sharing_pb2.SHARING_STATUS_PERMITTED
        assert [one.decision_id for one in own.permitted] == [decided.decision_id]

        [why] = (await at.clinic.explain("dose-1", "ward")).explanations
        assert why.sentence == (
            "It may be shared: people at the agency that recorded it decided so in this case."
        )
        assert list(why.relied_on) == [f"decision:{decided.decision_id}"]

        await at.clinic.publish("c-1", "dose-1", revision=2, assessment=dose("50mg"))
        assert await at.doses() == ["50mg"]
        at.stage.clock.advance(timedelta(days=30))
        assert await at.doses() == []
        [own] = await at.asker.requests()
        assert (own.status, own.permitted[0].ended) == (sharing_pb2.SHARING_STATUS_PERMITTED, True)


async def test_ended_before_its_time_by_one_person(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        asked = await at.asker.request("w-1")
        decided = await at.officer.permit(asked.sharing_request_id)
        assert await at.doses() == ["40mg"]
        await at.lead.end(decided.decision_id)
        assert await at.doses() == []
        assert "DECISION_STATE" in await at.refused(at.lead.end(decided.decision_id))
        # What is over may be decided anew.
        await at.guardian.permit(asked.sharing_request_id)
        assert await at.doses() == ["40mg"]


async def test_narrowed_to_a_part(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        asked = await at.asker.request("w-1", ("PHYSICAL_HEALTH", "CONTACT_LOCATION"))
        assert "INVALID_FIELD" in await at.refused(
            at.officer.permit(asked.sharing_request_id, of=("SERVICE_CONTACT",))
        )
        await at.officer.permit(asked.sharing_request_id, of=("CONTACT_LOCATION",))
        assert await at.doses() == []


async def test_a_guardian_is_asked_where_there_is_one(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        await at.clinic.appoint("DATA_PROTECTION_OFFICER", "officer-1", "01632 960001")
        await at.asker.request("w-1")
        [task] = await at.clinic.tasks()
        assert task.staff_reference == "officer-1"
        await at.clinic.appoint("CALDICOTT_GUARDIAN", "guardian-1", "01632 960002")
        [task] = await at.clinic.tasks()
        assert task.staff_reference == "guardian-1"


async def test_unanswered_it_ages_and_goes_to_the_safeguarding_lead(
    tmp_path: Path, authority: Authority
) -> None:
    async with town(tmp_path, authority) as at:
        await at.clinic.appoint("SAFEGUARDING_LEAD", "lead-1", "01632 960003")
        asked = await at.asker.request("w-1")
        assert asked.due_time.ToDatetime() == working_days_later(at.stage.clock.now(), 5).replace(tzinfo=None)
        at.stage.clock.advance(timedelta(days=8))
        late = await at.clinic.tasks()
        assert [(one.staff_reference, one.overdue) for one in late] == [("", True), ("lead-1", False)]
        [told] = await at.lead.requests(to_answer=True)
        assert told.overdue
        # An answer that comes late is an answer.
        await at.lead.permit(asked.sharing_request_id)
        assert await at.clinic.tasks() == []
        assert await at.doses() == ["40mg"]
        [own] = await at.asker.requests()
        assert own.status == sharing_pb2.SHARING_STATUS_PERMITTED


async def test_an_emergency_is_answered_by_the_next_working_day(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        ward = await world.agency("ward", "HOSPITAL", receives=TOLD, purposes=("EMERGENCY",))
        await ward.register("w-1")
        asker = await hired(ward, "sister-1", "EMERGENCY_DESK")
        asked = await asker.request("w-1", purpose="EMERGENCY")
        assert asked.due_time.ToDatetime() == working_days_later(world.clock.now(), 1).replace(tzinfo=None)


async def test_it_is_done_by_answering_and_gone_with_whoever_asked(
    tmp_path: Path, authority: Authority
) -> None:
    async with town(tmp_path, authority) as at:
        asked = await at.asker.request("w-1")
        [task] = await at.clinic.tasks()
        assert "TASK_STATE" in await at.refused(at.clinic.complete(task.task_id, "REVIEWED"))
        await depart(at.ward)
        assert await at.clinic.tasks() == []
        assert await at.officer.requests(to_answer=True) == []
        assert "NOT_FOUND" in await at.refused(at.officer.permit(asked.sharing_request_id))


async def test_whoever_holds_nothing_is_not_asked(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        pharmacy = await at.stage.agency("pharmacy", "PRIMARY_CARE")
        await pharmacy.register("p-1")
        await at.clinic.link("c-1", pharmacy, "p-1")
        await at.ward.publish("w-1", "own-1", assessment=dose("10mg"))
        own = await hired(at.ward, "lead-8", "SAFEGUARDING_LEAD")
        chemist = await hired(pharmacy, "chemist-1", "DATA_PROTECTION_OFFICER")
        asked = (await at.asker.request("w-1")).sharing_request_id
        assert len(await at.clinic.tasks()) == 1
        for desk, who in ((at.ward, own), (pharmacy, chemist)):
            assert await desk.tasks() == []
            assert await who.requests(to_answer=True) == []
            assert "NOT_FOUND" in await desk.refused(who.refuse(asked))
        await pharmacy.publish("p-1", "p-dose", assessment=dose("40mg"))
        assert len(await pharmacy.tasks()) == 1
        await pharmacy.publish("p-1", "p-dose", revision=2)
        assert await pharmacy.tasks() == []


async def test_a_refusal_may_be_followed_by_a_permission(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        asked = await at.asker.request("w-1")
        await at.officer.refuse(asked.sharing_request_id)
        assert await at.clinic.tasks() == []
        assert "DECISION_STATE" in await at.refused(at.officer.refuse(asked.sharing_request_id))
        await at.lead.permit(asked.sharing_request_id)
        assert "DECISION_STATE" in await at.refused(at.lead.permit(asked.sharing_request_id))
        assert await at.doses() == ["40mg"]


async def test_a_decision_on_consent_needs_the_clients_own_yes(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        asked = await at.asker.request("w-1")
        assert "BASIS_WITHOUT_EVIDENCE" in await at.refused(
            at.officer.permit(asked.sharing_request_id, basis="EXPLICIT_CONSENT")
        )
        await at.officer.permit(asked.sharing_request_id, basis="EXPLICIT_CONSENT", notice_id="notice-1")
        assert await at.doses() == []


async def test_one_person_alone_has_no_public_interest(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        asked = await at.asker.request("w-1")
        alone = consent_service_pb2.BasisEvidence(reference="file/7", recorded_by="officer-1")
        assert "BASIS_WITHOUT_EVIDENCE" in await at.refused(
            at.officer.permit(asked.sharing_request_id, evidence=alone)
        )
        assert await at.doses() == []


async def test_bases_in_law_are_named_with_their_conditions(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        bare = sharing_pb2.BasisInLaw(lawful_basis=LAW.lawful_basis)
        assert "INVALID_FIELD" in await at.refused(at.asker.request("w-1", basis=bare))
        asked = await at.asker.request("w-1")
        assert "INVALID_FIELD" in await at.refused(at.officer.permit(asked.sharing_request_id, law=bare))


@pytest.mark.parametrize("role", ["NAVIGATOR", "KEYWORKER", "PEER_MENTOR", "AGENCY_ADMIN", "ANALYST"])
async def test_only_those_who_answer_for_it_answer(tmp_path: Path, authority: Authority, role: str) -> None:
    async with town(tmp_path, authority) as at:
        somebody = await hired(at.clinic, "somebody-1", role)
        asked = await at.asker.request("w-1")
        for call in (
            somebody.permit(asked.sharing_request_id),
            somebody.refuse(asked.sharing_request_id),
            somebody.requests(to_answer=True),
            somebody.decide_at_once("c-1", "ward"),
            somebody.decisions(),
        ):
            assert "ROLE_NEEDED" in await at.refused(call)


# -- what is not the caller's -----------------------------------------------------------------------


async def test_another_agencys_is_not_there(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        refuge = await at.stage.agency("refuge", "STREET_OUTREACH", receives=TOLD)
        await refuge.register("r-1")
        stranger = await hired(refuge, "lead-9", "SAFEGUARDING_LEAD")
        override_id = await at.nurse.ask_for_override("c-1", "ward")
        decision_id = await at.lead.decide_at_once("c-1", "ward")
        asked = await at.asker.request("w-1")
        for call in (
            stranger.permit(asked.sharing_request_id),
            stranger.authorise(override_id),
            stranger.countersign(decision_id),
            stranger.end(decision_id),
        ):
            assert "NOT_FOUND" in await at.refused(call)
        own = await hired(at.ward, "lead-8", "SAFEGUARDING_LEAD")
        assert "NOT_FOUND" in await at.refused(own.permit(asked.sharing_request_id))
        assert await stranger.requests(to_answer=True) == await own.requests(to_answer=True) == []
        assert list((await own.decisions()).decisions) == []


async def test_what_was_written_of_her_goes_when_she_is_erased(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        asked = UUID((await at.asker.request("w-1")).sharing_request_id)

        async def written() -> str:
            found: str = await at.stage.hub.execute(lambda work, _: why_of(work, asked), Caller("ward"))
            return found

        assert await written() == "She is unwell and cannot say what she takes."
        stored = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert any(path.stat().st_size > 100_000 for path in stored), "control: the ledger is among them"
        for path in stored:
            kept = path.read_bytes()
            assert b"cannot say what she takes" not in kept, path.name
            assert b"sister-1" not in kept, path.name
        await erase(at.ward, "w-1", "everything")
        assert await written() == ""
        [own] = await at.asker.requests()
        assert own.client_reference == ""


@pytest.mark.parametrize("of", [("MONEY_WORK",), HEALTH])
async def test_what_no_feed_takes_is_refused_before_anybody_is_asked(
    tmp_path: Path, authority: Authority, of: tuple[str, ...]
) -> None:
    async with town(tmp_path, authority) as at:
        call = at.asker.request("w-1", of, purpose="DIRECT_SUPPORT" if of != HEALTH else "CARE_COORDINATION")
        assert "INVALID_FIELD" in await at.refused(call)
