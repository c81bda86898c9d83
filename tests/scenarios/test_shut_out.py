"""Rosa shut the hostel out because of Dave, who works there. Whatever others do, it stays so (H2)."""

from datetime import timedelta
from pathlib import Path

from tests.hard_cases.town import town
from tests.twins.cast import bedded_down, dose
from tests.twins.colleague import hired
from tests.twins.stage import Authority


async def test_whoever_asks_for_help_with_her_does_not_tell_dave(
    tmp_path: Path, authority: Authority
) -> None:
    async with town(tmp_path, authority) as at:
        # She slept at the hostel once, so it holds something of her, and somebody could be asked about it.
        await at.hostel.publish("hostel-7", "stay-1", contact=bedded_down())
        await at.street.publish("rosa", "dose-1", assessment=dose("40mg"))
        dave = await hired(at.hostel, "dave", "SAFEGUARDING_LEAD")
        officer = await hired(at.street, "officer-1", "DATA_PROTECTION_OFFICER")
        doctor = await hired(at.clinic, "doctor-1", "KEYWORKER")
        earlier = (await doctor.request("clinic-7")).sharing_request_id
        [asked] = await dave.requests(to_answer=True)
        assert asked.sharing_request_id == earlier, "control: whoever holds something is asked"

        answer = await at.street.exclude("rosa", "hostel", linked_to_risk=True)
        # What Dave has read already stays as it was: were it gone, he would know that something happened.
        assert [one.sharing_request_id for one in await dave.requests(to_answer=True)] == [earlier]
        await dave.refuse(earlier)

        # Now the clinic asks again, and says why. The street team reads it; nobody at the hostel does.
        later = (await doctor.request("clinic-7", why="She comes on Mondays at ten.")).sharing_request_id
        assert later in {one.sharing_request_id for one in await officer.requests(to_answer=True)}
        before = (await at.hostel.tasks(), await dave.requests(to_answer=True))
        assert [one.sharing_request_id for one in before[1]] == [earlier]
        assert before[0] == []
        assert b"Mondays" not in b"".join(seen.answered for seen in at.hostel.seen)
        # Who is not asked cannot answer either, and learns nothing by trying.
        assert await at.hostel.refused(dave.refuse(later)) == "NOT_FOUND"
        # Nor does its name come up when the clock has run out and leads are asked.
        at.stage.clock.advance(timedelta(days=8))
        assert await at.hostel.tasks() == []
        # She lets the hostel in again: then it is asked like everybody.
        await at.street.let_in("rosa", answer.exclusion_id)
        assert {one.sharing_request_id for one in await dave.requests(to_answer=True)} == {earlier, later}
