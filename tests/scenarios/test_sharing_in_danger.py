"""Sharing against a danger: an override takes two people and a review, an emergency one and then another.

Rosa's methadone is given out by the clinic. The hospital has signed nothing with it and nobody asked Rosa.
"""

from datetime import timedelta
from pathlib import Path

from consent_ledger.working_days import working_days_later
from oncetold.v1 import sharing_pb2
from oncetold.v1 import task_service_pb2 as tasks
from tests.scenarios.clinic_and_ward import town
from tests.twins.cast import dose, note
from tests.twins.colleague import hired
from tests.twins.stage import Authority


async def test_an_override_takes_two_people_and_is_reviewed(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        override_id = await at.nurse.ask_for_override("c-1", "ward")
        assert await at.doses() == []
        [task] = await at.clinic.tasks()
        assert (task.kind, task.sharing_id) == (tasks.TASK_KIND_TO_COUNTERSIGN, override_id)
        [pending] = (await at.lead.decisions()).overrides
        assert (pending.asked_by, pending.why) == ("nurse-1", "He waits outside and knows her key worker.")

        decision_id = await at.lead.authorise(override_id)
        assert await at.doses() == ["40mg"]
        [task] = await at.clinic.tasks()
        assert (task.kind, task.sharing_id) == (tasks.TASK_KIND_OVERRIDE_TO_REVIEW, decision_id)
        await at.clinic.complete(task.task_id, "REVIEWED_IN_ORDER", "officer-1")
        assert await at.clinic.tasks() == []
        assert "DECISION_STATE" in await at.refused(at.guardian.authorise(override_id))
        [shown] = (await at.lead.decisions("c-1")).decisions
        assert (shown.kind, shown.decided_by) == (sharing_pb2.DECISION_KIND_SAFEGUARDING, "lead-1")
        at.stage.clock.advance(timedelta(days=14))
        assert await at.doses() == []


async def test_nobody_authorises_what_they_asked_for(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        await at.lead.works_with("c-1")
        override_id = await at.lead.ask_for_override("c-1", "ward")
        assert "SAME_PERSON" in await at.refused(at.lead.authorise(override_id))
        assert "ROLE_NEEDED" in await at.refused(at.nurse.authorise(override_id))
        assert await at.doses() == []
        await at.guardian.authorise(override_id)
        assert await at.doses() == ["40mg"]


async def test_an_override_is_asked_for_by_whoever_works_with_her(
    tmp_path: Path, authority: Authority
) -> None:
    async with town(tmp_path, authority) as at:
        stranger = await hired(at.clinic, "stranger-1", "KEYWORKER")
        assert "ROLE_NEEDED" in await at.refused(stranger.ask_for_override("c-1", "ward"))


async def test_a_lead_declines(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        override_id = await at.nurse.ask_for_override("c-1", "ward")
        assert await at.lead.authorise(override_id, decline=True) == ""
        assert await at.clinic.tasks() == []
        assert "DECISION_STATE" in await at.refused(at.guardian.authorise(override_id))
        assert await at.doses() == []


async def test_it_reaches_whom_she_shut_out_but_not_where_that_is_for_a_risk(
    tmp_path: Path, authority: Authority
) -> None:
    async with town(tmp_path, authority) as at:
        await at.clinic.exclude("c-1", "ward")
        assert "NOT_OVERRIDABLE" in await at.refused(at.lead.decide_at_once("c-1", "ward"))
        decision_id = await at.lead.authorise(await at.nurse.ask_for_override("c-1", "ward"))
        assert await at.doses() == ["40mg"]
        await at.lead.end(decision_id)
        await at.clinic.exclude("c-1", "ward", linked_to_risk=True)
        assert "NOT_OVERRIDABLE" in await at.refused(at.nurse.ask_for_override("c-1", "ward"))
        assert await at.doses() == []


async def test_what_another_agency_shut_out_for_a_risk_stays_shut_and_is_not_told(
    tmp_path: Path, authority: Authority
) -> None:
    async with town(tmp_path, authority) as at:
        refuge = await at.stage.agency("refuge", "STREET_OUTREACH")
        await refuge.register("r-1")
        await at.clinic.link("c-1", refuge, "r-1")
        await refuge.exclude("r-1", "ward", linked_to_risk=True)
        await at.lead.authorise(await at.nurse.ask_for_override("c-1", "ward"))
        assert await at.doses() == []


async def test_a_marked_record_goes_only_where_it_is_named(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        await at.clinic.mark("c-1", "SERIOUS_HARM", "dose-1")
        asked = await at.asker.request("w-1")
        decided = await at.officer.permit(asked.sharing_request_id)
        assert await at.doses() == []
        await at.officer.end(decided.decision_id)
        assert "NOT_FOUND" in await at.refused(
            at.officer.permit(asked.sharing_request_id, records=("no-such-record",))
        )
        await at.officer.permit(asked.sharing_request_id, records=("dose-1",))
        assert await at.doses() == ["40mg"]


async def test_of_what_is_somebody_elses_only_the_named_record_goes(
    tmp_path: Path, authority: Authority
) -> None:
    """Alike in everything the policy reads, and still decided one by one."""
    async with town(tmp_path, authority) as at:
        for number in ("1", "2"):
            words = note(f"Her brother, {number}.", "PHYSICAL_HEALTH")
            words.third_party = True
            await at.clinic.publish("c-1", f"note-{number}", note=words)
        await at.clinic.publish("c-1", "dose-1", revision=2)
        asked = await at.asker.request("w-1")
        await at.officer.permit(asked.sharing_request_id, records=("note-2",))
        await at.ward.drain()
        texts = [one.content.note.text.text for one in at.ward.store.values()]
        assert texts == ["Her brother, 2."]


async def test_immigration_is_nobodys_to_decide(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        assert "NOT_OVERRIDABLE" in await at.refused(at.asker.request("w-1", ("IMMIGRATION",)))
        assert "NOT_OVERRIDABLE" in await at.refused(
            at.nurse.ask_for_override("c-1", "ward", ("IMMIGRATION",))
        )
        assert "NOT_OVERRIDABLE" in await at.refused(at.lead.decide_at_once("c-1", "ward", ("IMMIGRATION",)))


# -- at night ---------------------------------------------------------------------------------------


async def test_at_night_one_decides_and_another_signs_afterwards(
    tmp_path: Path, authority: Authority
) -> None:
    async with town(tmp_path, authority) as at:
        decision_id = await at.lead.decide_at_once("c-1", "ward")
        assert await at.doses() == ["40mg"]
        [task] = await at.clinic.tasks()
        assert (task.kind, task.sharing_id) == (tasks.TASK_KIND_TO_COUNTERSIGN, decision_id)
        assert task.due_time.ToDatetime() == working_days_later(at.stage.clock.now(), 1).replace(tzinfo=None)
        assert "SAME_PERSON" in await at.refused(at.lead.countersign(decision_id))
        await at.guardian.countersign(decision_id)
        assert await at.clinic.tasks() == []
        assert "DECISION_STATE" in await at.refused(at.guardian.countersign(decision_id))
        at.stage.clock.advance(timedelta(days=7))
        assert await at.doses() == []


async def test_it_works_for_somebody_whom_the_ward_did_not_know_yet(
    tmp_path: Path, authority: Authority
) -> None:
    async with town(tmp_path, authority) as at:
        await at.clinic.register("c-2")
        await at.clinic.publish("c-2", "dose-2", assessment=dose("20mg"))
        await at.lead.decide_at_once("c-2", "ward")
        assert await at.doses() == []
        await at.ward.register("w-2")
        await at.clinic.link("c-2", at.ward, "w-2")
        assert await at.doses() == ["20mg"]
