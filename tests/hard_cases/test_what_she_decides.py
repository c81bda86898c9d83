"""Hard cases 1, 2, 7 and 12: a yes, a no, and what they are worth on the day they are said.

Case 6 is told in `test_growing_up.py`; case 8, a legal hold against an erasure, in
`tests/scenarios/test_hold_and_erasure.py`.
"""

from datetime import timedelta
from pathlib import Path

from oncetold.v1.consent_service_pb2 import CHOICE_STATE_ACTIVE
from oncetold.v1.delivery_service_pb2 import (
    RETRACTION_OUTCOME_ERASED,
    RETRACTION_OUTCOME_RESTRICTED,
    RETRACTION_OUTCOME_RETAINED_OWN_BASIS,
)
from tests.hard_cases.town import answers_retractions, holds, town
from tests.twins.cast import also_about, bedded_down, dose, note
from tests.twins.stage import Authority

YEAR = timedelta(days=365)
LIVING = ("ACCOMMODATION", "SERVICE_CONTACT")
HEALTH = ("PHYSICAL_HEALTH", "SERVICE_CONTACT")


async def test_case_1_a_yes_is_taken_back_after_it_was_told(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        # Rosa lets three agencies know where she slept. All three write it down.
        grants = [await at.street.grant("rosa", LIVING, to=desk.agency_id) for desk in at.others]
        await at.street.publish("rosa", "night-1", contact=bedded_down())
        await at.everybody_fetches()
        assert [holds(desk) for desk in at.others] == [["contact"]] * 3
        # The clinic's system keeps old versions; the council has to keep what its decision rested on.
        answers_retractions(at.clinic, RETRACTION_OUTCOME_RESTRICTED)
        answers_retractions(at.council, RETRACTION_OUTCOME_RETAINED_OWN_BASIS)
        # She changes her mind. From that moment nothing more goes anywhere.
        for grant_id in grants:
            await at.street.withdraw("rosa", grant_id)
        await at.street.publish("rosa", "night-2", contact=bedded_down())
        for desk in at.others:
            assert list((await desk.history(f"{desk.agency_id}-7")).elements) == []
        await at.everybody_fetches()
        assert [holds(desk) for desk in at.others] == [[], [], []]
        # She can read who was told, that it was lawful then, and what each of them signed since.
        outcomes = {}
        for desk in at.others:
            told, taken_back = await at.tells(desk)
            assert (told.step, taken_back.step, taken_back.overdue) == ("DISCLOSE", "RETRACT", False)
            outcomes[desk.agency_id] = taken_back.outcome
        assert outcomes == {
            "hostel": RETRACTION_OUTCOME_ERASED,
            "clinic": RETRACTION_OUTCOME_RESTRICTED,
            "council": RETRACTION_OUTCOME_RETAINED_OWN_BASIS,
        }


async def test_case_2_what_happened_between_two_is_the_tellers(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        # Tom is Rosa's partner. He says no to everybody about everything.
        await at.street.register("tom")
        await at.street.refuse("tom")
        await at.street.grant("rosa", ("FAMILY", "SERVICE_CONTACT"), to="hostel")
        # What she tells of them both is hers, and goes where she lets it. What is only about him does not.
        hers = note("My partner shouts at night.", "FAMILY")
        await at.street.publish("rosa", "hers", note=hers, others=[also_about("tom", "FAMILY")])
        his = note("He has a daughter in Leeds.", "FAMILY")
        about_him = also_about("tom", "FAMILY", solely=True)
        await at.street.publish("rosa", "his", note=his, others=[about_him])
        await at.hostel.drain()
        [told] = at.hostel.store.values()
        assert told.content.note.text.text == "My partner shouts at night."
        assert b"tom" not in b"".join(seen.answered for seen in at.hostel.seen)
        # Were he to agree, it would take both.
        await at.street.grant("tom", ("FAMILY", "SERVICE_CONTACT"), to="hostel")
        await at.hostel.drain()
        assert holds(at.hostel) == ["note", "note"]
        # He disputes what is said of him: until that is settled it is used by nobody. Hers is hers.
        await at.street.status("tom", "PROCESSING_RESTRICTED")
        await at.hostel.drain()
        [told] = at.hostel.store.values()
        assert told.content.note.text.text == "My partner shouts at night."


async def test_case_7_the_agreement_lapses_and_her_yes_lives_on(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        await at.street.grant("rosa", LIVING, to="hostel", until=at.stage.clock.now() + 3 * YEAR)
        await at.street.publish("rosa", "night-1", contact=bedded_down())
        await at.hostel.drain()
        assert holds(at.hostel) == ["contact"]
        # After a year nobody has renewed the agreement. Nothing flows, though she never said no.
        at.stage.clock.advance(YEAR + timedelta(days=1))
        await at.street.publish("rosa", "night-2", contact=bedded_down())
        await at.hostel.drain()
        assert holds(at.hostel) == []
        [choice] = (await at.street.list_choices("rosa")).choices
        assert choice.state == CHOICE_STATE_ACTIVE
        # A new agreement under another notice: she was told something else, so she has to be asked again.
        parties = ("street", "hostel")
        await at.stage.agreement(
            parties, dict.fromkeys(LIVING, "ERASE"), agreement_id="isa-2", notice_id="notice-2"
        )
        await at.hostel.drain()
        assert holds(at.hostel) == []
        # The same terms and the same notice: her yes counts as it was given.
        await at.stage.agreement(parties, dict.fromkeys(LIVING, "ERASE"), agreement_id="isa-3")
        await at.hostel.drain()
        assert holds(at.hostel) == ["contact", "contact"]


async def test_case_12_a_yes_is_written_down_late(tmp_path: Path, authority: Authority) -> None:
    async with town(tmp_path, authority) as at:
        yesterday = at.stage.clock.now() - timedelta(days=1)
        await at.street.publish("rosa", "night-1", contact=bedded_down())
        await at.street.publish("rosa", "dose-1", assessment=dose("40mg"))
        # She said yes yesterday, and nobody wrote it down: until then nothing goes.
        await at.hostel.drain()
        assert holds(at.hostel) == []
        before = await at.stage.size()
        await at.street.grant("rosa", (*LIVING, "PHYSICAL_HEALTH"), to="hostel", given=yesterday)
        # Now it counts, from now on, and for little: nobody can check it against a form from yesterday.
        await at.hostel.drain()
        assert holds(at.hostel) == ["contact"]
        [told] = await at.tells(at.hostel)
        assert told.position.index >= before
        [late] = (await at.street.list_choices("rosa")).choices
        assert late.weak and late.recorded_time.ToDatetime() > late.grant.given_time.ToDatetime()
        # After a week it is over, unless she is asked again; when she is, it counts in full.
        at.stage.clock.advance(timedelta(days=7))
        await at.hostel.drain()
        assert holds(at.hostel) == []
        await at.street.grant("rosa", (*LIVING, "PHYSICAL_HEALTH"), to="hostel")
        await at.hostel.drain()
        assert holds(at.hostel) == ["assessment", "contact"]
