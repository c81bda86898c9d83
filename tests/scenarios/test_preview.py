"""H16: before a withdrawal is saved, the worker reads aloud who will stop knowing what.

Rosa thinks of taking back what the clinic may tell. Two agencies know something by it: the pharmacy, whose
copies stay greyed, and the hostel, which has to give its copies back.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.use_cases import preview as preview_use_case
from oncetold.v1.common_pb2 import ON_END_ERASE, ON_END_RESTRICT
from oncetold.v1.consent_service_pb2 import BasisEvidence, Loss
from tests.twins.cast import dose, seen_at
from tests.twins.choices import category
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage

SHARED = ("PHYSICAL_HEALTH", "SERVICE_CONTACT")


@dataclass
class Clinic:
    stage: Stage
    clinic: Desk
    pharmacy: Desk
    hostel: Desk
    to_pharmacy: str
    to_everybody: str


@asynccontextmanager
async def clinic(folder: Path, authority: Authority) -> AsyncIterator[Clinic]:
    async with stage(folder, authority) as world:
        told = await world.agency("clinic", "PRIMARY_CARE")
        pharmacy = await world.agency("pharmacy", "PRIMARY_CARE", receives=SHARED)
        hostel = await world.agency("hostel", "HOSTEL", receives=SHARED)
        await world.agreement(("clinic", "pharmacy"), dict.fromkeys(SHARED, "RESTRICT"), agreement_id="isa-1")
        await world.agreement(("clinic", "hostel"), dict.fromkeys(SHARED, "ERASE"), agreement_id="isa-2")
        for desk, reference in ((told, "c-7"), (pharmacy, "ph-12"), (hostel, "h-3")):
            await desk.register(reference)
        await told.link("c-7", pharmacy, "ph-12")
        await told.link("c-7", hostel, "h-3")
        to_pharmacy = await told.grant("c-7", SHARED, to="pharmacy")
        await told.say_involved("c-7", "hostel")
        to_everybody = await told.grant("c-7", SHARED, support_team=True)
        await told.publish("c-7", "dose-monday", assessment=dose("40mg"))
        await told.publish("c-7", "dose-tuesday", assessment=dose("50mg"))
        await told.publish("c-7", "visit-1", contact=seen_at("in-person"))
        await pharmacy.drain()
        await hostel.drain()
        yield Clinic(world, told, pharmacy, hostel, to_pharmacy, to_everybody)


def read(losses: list[Loss]) -> list[tuple[str, int, int, int]]:
    return [(one.agency_id, one.category, one.on_end, one.held) for one in losses]


async def test_the_worker_reads_who_would_stop_knowing_what(tmp_path: Path, authority: Authority) -> None:
    async with clinic(tmp_path, authority) as day:
        size = await day.stage.size()
        answer = await day.clinic.preview("c-7", day.to_everybody)
        health, contact = category("PHYSICAL_HEALTH"), category("SERVICE_CONTACT")
        assert read(list(answer.losses)) == [
            ("hostel", health, ON_END_ERASE, 2),
            ("hostel", contact, ON_END_ERASE, 1),
            ("pharmacy", health, ON_END_RESTRICT, 2),
            ("pharmacy", contact, ON_END_RESTRICT, 1),
        ], "the later yes to everybody closes the earlier one to the pharmacy with it"
        assert [one.safety_critical for one in answer.losses] == [True, False, True, False]
        about = "would be told nothing new about health, medicines and allergies; what it has"
        assert [one.sentence for one in answer.losses if one.safety_critical] == [
            f"Hostel {about} is taken back.",
            f"Pharmacy {about} stays, greyed.",
        ]
        # Looking is recorded, once, and changes nothing.
        assert await day.stage.size() == size + 1 == answer.access.index
        assert await day.pharmacy.drain() == await day.hostel.drain() == []


async def test_what_is_read_is_what_happens(tmp_path: Path, authority: Authority) -> None:
    async with clinic(tmp_path, authority) as day:
        answer = await day.clinic.preview("c-7", day.to_everybody)
        foretold = {(one.agency_id, one.on_end): one.held for one in answer.losses if one.safety_critical}
        await day.clinic.withdraw("c-7", day.to_everybody)
        taken, greyed = await day.hostel.drain(), await day.pharmacy.drain()
        health = [one for one in greyed if one.correct.fragment_id in day.pharmacy.store]
        assert {one.WhichOneof("step") for one in taken} == {"retract"}
        assert {one.WhichOneof("step") for one in greyed} == {"correct"}
        assert foretold == {
            ("hostel", ON_END_ERASE): len(taken) - 1,
            ("pharmacy", ON_END_RESTRICT): len(health) - 1,
        }
        assert list((await day.clinic.preview("c-7", day.to_everybody)).losses) == [], (
            "there is nothing left to lose"
        )


async def test_remove_it_takes_back_what_would_have_stayed(tmp_path: Path, authority: Authority) -> None:
    async with clinic(tmp_path, authority) as day:
        await day.clinic.withdraw("c-7", day.to_everybody)
        await day.pharmacy.drain()
        answer = await day.clinic.preview("c-7", day.to_everybody, remove=True)
        assert {(one.agency_id, one.on_end, one.held) for one in answer.losses if one.safety_critical} >= {
            ("pharmacy", ON_END_ERASE, 2)
        }


async def test_what_does_not_rest_on_a_yes_is_not_lost(tmp_path: Path, authority: Authority) -> None:
    async with clinic(tmp_path, authority) as day:
        evidence = BasisEvidence(reference="SG-1", authorised_by="lead-1", recorded_by="admin-4")
        await day.clinic.grant("c-7", SHARED, to="pharmacy", basis="PUBLIC_INTEREST", evidence=evidence)
        answer = await day.clinic.preview("c-7", day.to_everybody)
        assert {one.agency_id for one in answer.losses} == {"hostel"}
        await day.clinic.withdraw("c-7", day.to_everybody)
        assert await day.pharmacy.drain() == []


async def test_what_its_author_took_back_is_no_loss(tmp_path: Path, authority: Authority) -> None:
    async with clinic(tmp_path, authority) as day:
        await day.clinic.publish("c-7", "dose-tuesday", revision=2)
        answer = await day.clinic.preview("c-7", day.to_everybody)
        assert {one.held for one in answer.losses} == {1}


async def test_whoever_is_still_told_for_another_purpose_loses_nothing(
    tmp_path: Path, authority: Authority
) -> None:
    both = ("DIRECT_SUPPORT", "CARE_COORDINATION")
    async with stage(tmp_path, authority) as world:
        told = await world.agency("clinic", "PRIMARY_CARE")
        pharmacy = await world.agency("pharmacy", "PRIMARY_CARE", receives=SHARED, purposes=both)
        await world.agreement(("clinic", "pharmacy"), dict.fromkeys(SHARED, "ERASE"), purposes=both)
        await told.register("c-7")
        await pharmacy.register("ph-12")
        await told.link("c-7", pharmacy, "ph-12")
        grants = [await told.grant("c-7", SHARED, to="pharmacy", purposes=[one]) for one in both]
        await told.publish("c-7", "dose-monday", assessment=dose("40mg"))
        await pharmacy.drain()
        assert [list((await told.preview("c-7", one)).losses) for one in grants] == [[], []]
        await told.withdraw("c-7", grants[0])
        assert [one.agency_id for one in (await told.preview("c-7", grants[1])).losses] == ["pharmacy"]


async def test_nobody_reads_of_anothers_records(tmp_path: Path, authority: Authority) -> None:
    """The hostel may withdraw it for her, and reads of its own records only; it has told none."""
    async with clinic(tmp_path, authority) as day:
        assert list((await day.hostel.preview("h-3", day.to_pharmacy)).losses) == []
        await day.hostel.register("h-4")
        for reference, grant_id in (
            ("h-4", day.to_pharmacy),
            ("h-3", "0f6a4d38-0000-4000-8000-000000000000"),
        ):
            assert await day.hostel.refused(day.hostel.preview(reference, grant_id)) == "NOT_FOUND"


async def test_without_the_second_decision_nothing_would_be_foretold(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first test fails when the preview decides twice on the same facts."""
    monkeypatch.setattr(preview_use_case, "_without", lambda person, grant, stop: person)
    with pytest.raises(AssertionError):
        await test_the_worker_reads_who_would_stop_knowing_what(tmp_path, authority)
