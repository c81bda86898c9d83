"""H16 (critical): a choice that ends must not silently take the dose from whoever treats her.

Rosa's methadone is being raised at the clinic. The pharmacy hands it out and sees the dose in its own system.
What stays when her yes runs out depends on the agreement: RESTRICT, greyed and no longer updated. Only
taking it back with "remove it" takes the copy away too. Who is asked in time, and who has to look when it has
ended, is in `test_asked_in_time.py`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from oncetold.v1 import delivery_service_pb2
from oncetold.v1.delivery_service_pb2 import (
    PERMISSION_STATE_ACTIVE,
    PERMISSION_STATE_RESTRICTED,
    PERMISSION_STATE_STOPPED,
)
from tests.twins.cast import dose
from tests.twins.colleague import taken_back
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage

SHARED = ("PHYSICAL_HEALTH", "SERVICE_CONTACT")
MIDNIGHT = datetime(2026, 3, 3, tzinfo=UTC)


@dataclass
class Titration:
    """Monday morning: the dose is 40 mg, the pharmacy has it, her yes runs until midnight."""

    stage: Stage
    clinic: Desk
    pharmacy: Desk
    grant_id: str

    def doses(self) -> list[tuple[str, int]]:
        """What the pharmacy's system shows: each dose and the state it is shown in."""
        return sorted(shown(one) for one in self.pharmacy.store.values())

    async def live(self) -> list[tuple[str, int]]:
        """The same, read live from the hub."""
        return sorted(shown(one) for one in (await self.pharmacy.history("ph-12")).elements)

    async def after_midnight(self) -> None:
        self.stage.clock.advance(MIDNIGHT + timedelta(minutes=1) - self.stage.clock.now())


def shown(element: delivery_service_pb2.Element) -> tuple[str, int]:
    [answer] = element.content.assessment.answers
    [purpose] = element.terms.purposes
    return answer.coded.code, purpose.state


@asynccontextmanager
async def titration(folder: Path, authority: Authority, on_end: str) -> AsyncIterator[Titration]:
    async with stage(folder, authority) as world:
        clinic = await world.agency("clinic", "PRIMARY_CARE")
        pharmacy = await world.agency("pharmacy", "PRIMARY_CARE", receives=SHARED)
        await world.agreement(("clinic", "pharmacy"), dict.fromkeys(SHARED, on_end))
        await clinic.register("c-7")
        await pharmacy.register("ph-12")
        await clinic.link("c-7", pharmacy, "ph-12")
        grant_id = await clinic.grant("c-7", SHARED, to="pharmacy", until=MIDNIGHT)
        await clinic.publish("c-7", "dose-monday", assessment=dose("40mg"))
        await pharmacy.drain()
        day = Titration(world, clinic, pharmacy, grant_id)
        assert day.doses() == [("40mg", PERMISSION_STATE_ACTIVE)]
        yield day


async def test_the_yes_lapses_at_midnight_and_the_last_dose_stays_greyed(
    tmp_path: Path, authority: Authority
) -> None:
    async with titration(tmp_path, authority, "RESTRICT") as day:
        day.stage.clock.advance(MIDNIGHT - timedelta(minutes=1) - day.stage.clock.now())
        assert await day.pharmacy.drain() == [], "a minute before midnight nothing has changed"
        await day.after_midnight()
        # 08:00: the clinic raises the dose, not knowing that the yes has run out.
        await day.clinic.publish("c-7", "dose-tuesday", assessment=dose("50mg"))
        [greyed] = await day.pharmacy.drain()
        assert greyed.WhichOneof("step") == "correct" and not greyed.correct.HasField("replacement")
        # The pharmacist still sees what was last known, greyed, and nothing newer; live and in their system.
        assert day.doses() == [("40mg", PERMISSION_STATE_RESTRICTED)]
        assert await day.live() == day.doses()
        assert day.pharmacy.retracted == []
        # 09:00: Rosa says yes again. What was missed comes, and the old is no longer grey.
        await day.clinic.grant("c-7", SHARED, to="pharmacy")
        await day.pharmacy.drain()
        assert day.doses() == [("40mg", PERMISSION_STATE_ACTIVE), ("50mg", PERMISSION_STATE_ACTIVE)]
        assert await day.live() == day.doses()


async def test_a_correction_after_the_lapse_does_not_reach_the_greyed_copy(
    tmp_path: Path, authority: Authority
) -> None:
    async with titration(tmp_path, authority, "RESTRICT") as day:
        await day.after_midnight()
        await day.clinic.publish("c-7", "dose-monday", revision=2, assessment=dose("45mg"))
        await day.pharmacy.drain()
        assert day.doses() == [("40mg", PERMISSION_STATE_RESTRICTED)]
        assert await day.live() == day.doses()


async def test_under_stop_the_last_dose_stays_as_it_was_and_nothing_new_comes(
    tmp_path: Path, authority: Authority
) -> None:
    async with titration(tmp_path, authority, "STOP") as day:
        await day.after_midnight()
        await day.clinic.publish("c-7", "dose-tuesday", assessment=dose("50mg"))
        await day.pharmacy.drain()
        assert day.doses() == [("40mg", PERMISSION_STATE_STOPPED)]
        assert await day.live() == day.doses()


async def test_under_erase_the_copy_goes_and_the_pharmacy_signs_that_it_went(
    tmp_path: Path, authority: Authority
) -> None:
    async with titration(tmp_path, authority, "ERASE") as day:
        await day.after_midnight()
        [gone] = await day.pharmacy.fetch()
        assert gone.WhichOneof("step") == "retract"
        status = await day.pharmacy.feed_status()
        assert (status.open_retractions, status.receipted_retractions) == (1, 0), "sent, not yet signed for"
        await day.pharmacy.fetch()
        status = await day.pharmacy.feed_status()
        assert (status.open_retractions, status.receipted_retractions) == (0, 1)
        assert day.doses() == await day.live() == []
        # The clinic's data protection officer reads what left and what came of it.
        told = [*(await day.clinic.list_disclosures("c-7")).disclosures, *await taken_back(day.clinic, "c-7")]
        # The live view that found nothing disclosed nothing: it adds no line.
        assert [(line.step, line.outcome) for line in told] == [
            ("DISCLOSE", delivery_service_pb2.RETRACTION_OUTCOME_UNSPECIFIED),
            ("RETRACT", delivery_service_pb2.RETRACTION_OUTCOME_ERASED),
        ]


async def test_taken_back_with_remove_it_goes_although_the_agreement_says_restrict(
    tmp_path: Path, authority: Authority
) -> None:
    async with titration(tmp_path, authority, "RESTRICT") as day:
        await day.clinic.withdraw("c-7", day.grant_id, remove=True)
        [gone] = await day.pharmacy.drain()
        assert gone.WhichOneof("step") == "retract"
        assert day.doses() == await day.live() == []


async def test_taken_back_without_remove_it_is_greyed_like_a_lapse(
    tmp_path: Path, authority: Authority
) -> None:
    async with titration(tmp_path, authority, "RESTRICT") as day:
        await day.clinic.withdraw("c-7", day.grant_id)
        await day.pharmacy.drain()
        assert day.doses() == [("40mg", PERMISSION_STATE_RESTRICTED)]


async def test_an_answer_lost_on_the_greying_does_not_take_the_dose_away(
    tmp_path: Path, authority: Authority
) -> None:
    """The pharmacy's line drops just as the greying is sent: it is sent again, and is still a greying."""
    async with titration(tmp_path, authority, "RESTRICT") as day:
        await day.after_midnight()
        [lost] = await day.pharmacy.fetch(lose=True)
        assert lost.WhichOneof("step") == "correct"
        assert day.doses() == [("40mg", PERMISSION_STATE_ACTIVE)], "it never arrived"
        [again] = await day.pharmacy.drain()
        assert again.WhichOneof("step") == "correct"
        assert not again.correct.HasField("replacement"), "after the end no content leaves, however often"
        assert day.doses() == [("40mg", PERMISSION_STATE_RESTRICTED)]
        assert await day.live() == day.doses()
        assert day.pharmacy.retracted == []


async def test_a_dose_whose_delivery_was_lost_before_the_lapse_is_void(
    tmp_path: Path, authority: Authority
) -> None:
    """What the pharmacy never had cannot stay there: the lost delivery is retracted, under a new number."""
    async with titration(tmp_path, authority, "RESTRICT") as day:
        await day.clinic.publish("c-7", "dose-evening", assessment=dose("50mg"))
        [lost] = await day.pharmacy.fetch(lose=True)
        assert lost.WhichOneof("step") == "disclose"
        await day.after_midnight()
        steps = {one.WhichOneof("step"): one for one in await day.pharmacy.drain()}
        assert set(steps) == {"retract", "correct"}
        assert steps["retract"].retract.fragment_id == lost.disclose.fragment_id
        assert steps["retract"].sequence > lost.sequence
        assert day.doses() == [("40mg", PERMISSION_STATE_RESTRICTED)]


async def test_no_later_acknowledgement_covers_what_was_lost(tmp_path: Path, authority: Authority) -> None:
    """Three doses are sent and lost, and taken back before they are repeated. Fetched one by one, an early
    number's acknowledgement must not make the hub believe that the others had arrived."""
    async with titration(tmp_path, authority, "RESTRICT") as day:
        for time_of_day in ("noon", "evening", "night"):
            await day.clinic.publish("c-7", f"dose-{time_of_day}", assessment=dose("50mg"))
        lost = await day.pharmacy.fetch(lose=True)
        assert [one.WhichOneof("step") for one in lost] == ["disclose"] * 3
        await day.after_midnight()
        came = await day.pharmacy.drain(max_items=1)
        gone = {one.retract.fragment_id for one in came if one.WhichOneof("step") == "retract"}
        assert gone == {one.disclose.fragment_id for one in lost}
        assert day.doses() == [("40mg", PERMISSION_STATE_RESTRICTED)]
        assert await day.live() == day.doses()
