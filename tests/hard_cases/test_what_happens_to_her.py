"""Hard cases 3, 4, 5, 9, 10 and 11: what others say of her, where she is, and what turns out to be wrong."""

from pathlib import Path

from oncetold.v1 import audit_service_pb2, records_pb2
from tests.hard_cases.town import SHARED, doses, holds, town
from tests.twins.cast import bedded_down, dose, note
from tests.twins.colleague import hired
from tests.twins.desk import Desk
from tests.twins.places import CARE_OF, at, planted, protect, traces_in
from tests.twins.stage import Authority

LIVING = ("ACCOMMODATION", "SERVICE_CONTACT")
HEALTH = ("PHYSICAL_HEALTH", "SERVICE_CONTACT")
SISTERS = "Her sister is being treated too."


def about_her_sister() -> records_pb2.Note:
    """Words about somebody who never came to the street team, flagged when they were written."""
    written = note(SISTERS, "PHYSICAL_HEALTH")
    written.third_party = True
    return written


def words(desk: Desk) -> list[str]:
    return sorted(one.content.note.text.text for one in desk.store.values())


async def test_case_3_a_note_tells_of_somebody_else(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as day:
        # Rosa lets the clinic have everything. What she told of her sister is not hers alone, and stays.
        await day.street.grant("rosa", SHARED, to="clinic")
        await day.street.publish("rosa", "sister", note=about_her_sister())
        await day.street.publish("rosa", "herself", note=note("She sleeps badly.", "PHYSICAL_HEALTH"))
        await day.clinic.drain()
        assert words(day.clinic) == ["She sleeps badly."]
        # The street team reads why; the clinic does not learn that there is something to ask for.
        explained = (await day.street.explain("sister", "clinic")).explanations
        assert {one.reason for one in explained} == {"THIRD_PARTY_DATA"}
        assert len(day.clinic.store) == 1, "not even that there is a note about somebody"
        # The clinic asks. The street team's officer weighs it, and lets that one note go, and no other.
        officer = await hired(day.street, "officer-1", "DATA_PROTECTION_OFFICER")
        doctor = await hired(day.clinic, "doctor-1", "KEYWORKER")
        await day.street.publish("rosa", "sister-2", note=about_her_sister())
        asked = await doctor.request("clinic-7")
        await officer.permit(asked.sharing_request_id, records=("sister",))
        await day.clinic.drain()
        assert words(day.clinic) == [SISTERS, "She sleeps badly."]


async def test_case_4_nobody_may_find_out_where_she_is(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as day:
        # She is in the refuge. Before anybody thought of it, the refuge stood in fourteen records.
        await day.street.grant("rosa", SHARED, to="council")
        for record_id, content in planted().items():
            await day.street.publish("rosa", record_id, **content)
        await day.street.publish("rosa", "post", contact=at(CARE_OF))
        await day.street.publish("rosa", "dose-1", assessment=dose("40mg"))
        await day.council.drain()
        assert traces_in(day.council) != [], "control: the council was told where she is"
        # Now the place is protected: not one field, but the place. What is out is taken back at once.
        await protect(day.street, "rosa", care_of="post")
        await day.council.drain()
        day.council.seen.clear()
        await day.council.history("council-7")
        assert traces_in(day.council) == []
        # What is left says nothing of it: an address to write to, and a dose.
        assert doses(day.council) == ["40mg"]
        assert CARE_OF in str(list(day.council.store.values()))
        # Nobody has a switch for it: not the lead, not for her life.
        lead = await hired(day.street, "lead-1", "SAFEGUARDING_LEAD")
        await lead.decide_at_once("rosa", "council", ("ACCOMMODATION", "CONTACT_LOCATION"))
        await day.council.drain()
        assert traces_in(day.council) == []


async def test_case_5_she_is_reported_dead(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as day:
        await day.street.grant("rosa", SHARED, to="clinic")
        await day.street.grant("rosa", SHARED, to="hostel")
        await day.street.exclude("rosa", "hostel")
        await day.street.publish("rosa", "dose-1", assessment=dose("40mg"))
        await day.everybody_fetches()
        # One report may be a mistake, or malice: her treatment goes on.
        await day.hostel.status("hostel-7", "DEATH_REPORTED")
        await day.street.publish("rosa", "dose-2", assessment=dose("50mg"))
        await day.everybody_fetches()
        assert doses(day.clinic) == ["40mg", "50mg"]
        # Another agency's report makes it so. Nothing new goes anywhere; what was known stays as it was.
        await day.street.status("rosa", "DEATH_REPORTED")
        await day.street.publish("rosa", "dose-3", assessment=dose("60mg"))
        await day.everybody_fetches()
        assert doses(day.clinic) == ["40mg", "50mg"] and day.clinic.retracted == []
        assert holds(day.hostel) == [], "whoever she shut out stays shut out"
        # It was somebody else. All is as before, and the hostel is still shut out.
        await day.street.status("rosa", "DEATH_REPORT_WITHDRAWN")
        await day.everybody_fetches()
        assert doses(day.clinic) == ["40mg", "50mg", "60mg"]
        assert holds(day.hostel) == []


async def test_case_9_the_other_agency_knew_it_itself(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as day:
        # The hostel wrote down a night on the street, and so did the street team: the same night.
        grant_id = await day.street.grant("rosa", LIVING, to="hostel")
        await day.hostel.publish("hostel-7", "our-own", contact=bedded_down())
        await day.street.publish("rosa", "night-1", contact=bedded_down())
        await day.hostel.drain()
        # It is told what the street team knows, and never what it told itself.
        assert holds(day.hostel) == ["contact"]
        # She takes her yes back. What the street team told is taken back; the hostel's own record is its own.
        await day.street.withdraw("rosa", grant_id)
        await day.hostel.drain()
        assert holds(day.hostel) == []
        assert len(day.hostel.retracted) == 1, "nothing was asked of the hostel's own record"
        revised = await day.hostel.publish("hostel-7", "our-own", revision=2, contact=bedded_down())
        assert revised.ListFields(), "it goes on with its own record as before"
        assert await day.tells(day.hostel) != []
        [explained] = (await day.hostel.explain("our-own", "hostel")).explanations
        assert explained.verdict == audit_service_pb2.VERDICT_ALLOW_OWN


async def test_case_10_two_women_were_taken_for_one(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority, on_end="RESTRICT") as day:
        # The hostel's room 7 is another woman. Since they were joined, the hostel has read Rosa's story.
        await day.street.grant("rosa", LIVING, to="hostel")
        await day.street.grant("rosa", LIVING, to="clinic")
        await day.street.publish("rosa", "night-1", contact=bedded_down())
        await day.everybody_fetches()
        await day.hostel.history("hostel-7")
        # Somebody notices. The link is cut, and the wrong copy goes, although ended permissions only grey.
        await day.street.unlink(day.links["hostel"])
        await day.everybody_fetches()
        assert holds(day.hostel) == []
        assert list((await day.hostel.history("hostel-7")).elements) == []
        assert holds(day.clinic) == ["contact"], "the clinic's Rosa is Rosa"
        # Who saw whose: for the officer who has to judge, within 72 hours, whether it is a breach to report.
        steps = [one.step for one in await day.tells(day.hostel)]
        assert sorted(steps) == ["DISCLOSE", "READ", "RETRACT"]
        assert all(one.HasField("recorded_time") for one in await day.tells(day.hostel))


async def test_case_11_it_was_wrong_and_she_disputes_the_rest(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as day:
        await day.street.grant("rosa", SHARED, to="clinic")
        await day.street.publish("rosa", "dose-1", assessment=dose("400mg"))
        await day.clinic.drain()
        assert doses(day.clinic) == ["400mg"]
        # A slip of the pen. The correction replaces it wherever it went; nothing is added beside it.
        await day.street.publish("rosa", "dose-1", revision=2, assessment=dose("40mg"))
        [correction] = await day.clinic.drain()
        assert correction.WhichOneof("step") == "correct" and doses(day.clinic) == ["40mg"]
        [element] = (await day.clinic.history("clinic-7")).elements
        assert b"400mg" not in element.SerializeToString()
        # What was told before is still on record for whoever has to account for it.
        assert [one.step for one in await day.tells(day.clinic)][:2] == ["DISCLOSE", "CORRECT"]
        # An opinion is no slip: it stays, and her own words stand beside it.
        await day.street.publish("rosa", "opinion", note=note("She is not motivated.", "OWN_STORY"))
        reply = note("I was ill that week.", "OWN_STORY").text
        hers = records_pb2.ClientStatement(text=reply, disputes_record_id="opinion")
        await day.street.publish("rosa", "reply", client_statement=hers)
        await day.clinic.drain()
        [opinion] = [one for one in day.clinic.store.values() if one.content.HasField("note")]
        said = [one for one in day.clinic.store.values() if one.content.HasField("client_statement")]
        assert "I was ill that week." in {one.content.client_statement.text.text for one in said}
        assert opinion.envelope.record_id in {one.content.client_statement.disputes_record_id for one in said}
