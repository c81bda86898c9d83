"""Who is who turns out otherwise, and the day's word still counts for whom it was said (H2, DESIGN I13)."""

from pathlib import Path

from oncetold.v1 import registration_service_pb2
from tests.hard_cases.town import Town, doses, holds, town
from tests.twins.cast import also_about, bedded_down, dose, note
from tests.twins.desk import Desk
from tests.twins.emergency import propose_link
from tests.twins.stage import Authority

HEALTH = ("PHYSICAL_HEALTH", "SERVICE_CONTACT")
LIVING = ("ACCOMMODATION", "SERVICE_CONTACT")
FAMILY = ("FAMILY", "SERVICE_CONTACT")
ASHDOWN = {
    "nhs_number": "9434765919",
    "birth_date": "1988-04-17",
    "given_name": "Wendy",
    "family_name": "Ashdown",
}
BIRCH = ASHDOWN | {"family_name": "Birch"}


async def test_a_note_that_would_harm_her_stays_held_when_it_is_put_under_the_right_name(
    tmp_path: Path, authority: Authority
) -> None:
    async with town(tmp_path, authority) as at:
        await at.street.grant("rosa", FAMILY, to="hostel")
        # Her key worker writes it under a reference with a slip in it, and marks it as serious harm.
        await at.street.register("roza")
        await at.street.publish("roza", "note-1", note=note("He knows the school.", "FAMILY"))
        marker = (await at.street.mark("roza", "SERIOUS_HARM", "note-1")).marker_id
        # Next day they see the slip, and tell the same note under her own reference.
        await at.street.close("roza", "IN_ERROR")
        await at.street.publish("rosa", "note-1", revision=2, note=note("He knows the school.", "FAMILY"))
        await at.street.publish("rosa", "note-2", note=note("She has a sister.", "FAMILY"))
        await at.hostel.drain()
        assert [one.content.note.text.text for one in at.hostel.store.values()] == ["She has a sister."]
        # When the danger is over they lift it, under the reference where the note stands now, and no other.
        await at.street.register("tom")
        assert await at.street.refused(at.street.unmark("tom", marker)) == "NOT_FOUND"
        await at.street.unmark("rosa", marker)
        await at.hostel.drain()
        assert holds(at.hostel) == ["note", "note"]


async def test_who_vouched_for_a_yes_had_somebody_else_before_them(
    tmp_path: Path, authority: Authority
) -> None:
    async with town(tmp_path, authority) as at:
        await at.street.publish("rosa", "dose-1", assessment=dose("40mg"))
        # The hostel writes down that she lets it have her medicine. That is its own word, so it gets none.
        grant_id = await at.hostel.grant("hostel-7", HEALTH, to="hostel")
        await at.hostel.drain()
        assert doses(at.hostel) == []
        # The clinic is taken to know the same woman, asks its own patient, and says: yes.
        wrong = await at.clinic.link("clinic-7", at.hostel, "hostel-7")
        await at.clinic.reconfirm("clinic-7", grant_id)
        await at.hostel.drain()
        assert doses(at.hostel) == ["40mg"]
        # The clinic's patient is another woman. What she said was not Rosa's.
        await at.clinic.unlink(wrong)
        await at.street.unlink(at.links["clinic"])
        assert list((await at.hostel.history("hostel-7")).elements) == []
        await at.hostel.drain()
        assert doses(at.hostel) == []
        # The street team asks Rosa herself.
        await at.street.reconfirm("rosa", grant_id)
        await at.hostel.drain()
        assert doses(at.hostel) == ["40mg"]


async def test_a_no_said_at_one_desk_about_anothers_form_is_kept_at_both(
    tmp_path: Path, authority: Authority
) -> None:
    async with town(tmp_path, authority) as at:
        # The street team and the council each have a form of hers: the hostel may know where she slept.
        await at.council.link("council-7", at.hostel, "hostel-7")
        await at.council.grant("council-7", LIVING, to="hostel")
        await at.council.publish("council-7", "stay-1", contact=bedded_down())
        streets = await at.street.grant("rosa", LIVING, to="hostel")
        await at.hostel.drain()
        assert holds(at.hostel) == ["contact"]
        # At the council she says: not the hostel any more. Its worker ends the newer form; it ends both.
        await at.council.withdraw("council-7", streets)
        await at.hostel.drain()
        assert holds(at.hostel) == []
        # The street team's Rosa turns out to be another: she who stood at the council still said no.
        await at.street.unlink(at.links["council"])
        await at.street.unlink(at.links["hostel"])
        await at.hostel.drain()
        assert holds(at.hostel) == []


async def test_a_proposal_that_nobody_needed_takes_nothing_away(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        await at.street.grant("rosa", HEALTH, to="clinic")
        await at.street.publish("rosa", "dose-1", assessment=dose("40mg"))
        await at.clinic.drain()
        # A new nurse types an old token in: the two are joined already, and the street team says so.
        again = await propose_link(at.street, "rosa", at.clinic, "clinic-7")
        await at.street.unlink(again)
        await at.clinic.drain()
        assert doses(at.clinic) == ["40mg"], "her dose stays where it is needed"
        # The link itself cut is another matter: though others still join the two, people have to settle it.
        await at.hostel.link("hostel-7", at.clinic, "clinic-7")
        await at.street.unlink(at.links["clinic"])
        await at.clinic.drain()
        assert doses(at.clinic) == []


async def registers_under_both_names(desk: Desk, reference: str) -> None:
    request = registration_service_pb2.RegisterClientRequest(
        request_id=desk.stage.request_id(), client_reference=reference
    )
    request.matching_details.CopyFrom(registration_service_pb2.MatchingDetails(**BIRCH))
    request.matching_details.former_family_names.append("Ashdown")
    method, answer = "RegistrationService/RegisterClient", registration_service_pb2.RegisterClientResponse
    await desk.ask(method, request, answer)


async def her_husbands_note(at: Town) -> None:
    """Tom told the street team something of Wendy alone; she let the hostel, where he is known, have it."""
    await at.street.register("tom")
    await at.hostel.register("room-9")
    await at.street.link("tom", at.hostel, "room-9")
    await at.street.grant("tom", FAMILY, to="hostel")
    await at.street.register("wendy", **ASHDOWN)
    await at.street.grant("wendy", FAMILY, to="hostel")
    hers = also_about("wendy", "FAMILY", solely=True)
    await at.street.publish("tom", "note-1", note=note("She has a sister in Leeds.", "FAMILY"), others=[hers])
    await at.hostel.drain()


async def test_what_she_shut_out_under_her_new_name_counts_for_the_old_as_soon_as_they_are_one(
    tmp_path: Path, authority: Authority
) -> None:
    async with town(tmp_path, authority) as at:
        await her_husbands_note(at)
        assert holds(at.hostel) == ["note"]
        # The clinic knows her by her new name, and that the hostel is not to hear of her.
        await at.clinic.register("clinic-8", **BIRCH)
        await at.clinic.exclude("clinic-8", "hostel", linked_to_risk=True)
        await at.hostel.drain()
        assert holds(at.hostel) == ["note"], "nobody knows yet that it is she"
        # The council registers her with both names: that makes them one, and takes back what was his to tell.
        await registers_under_both_names(at.council, "council-8")
        await at.hostel.drain()
        assert holds(at.hostel) == []
