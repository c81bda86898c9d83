"""The main job on real-shaped data: a whole area through real processes, real TLS, adapters and databases.

A published sample export is read by 24 agencies' adapters into a fresh hub. A seeded plan then registers each
client at two to six further agencies, with agreements, choices and records of what the export lacks. Every
partner's database must equal the oracle, and again after a third of the grants are withdrawn and two
agreements have lapsed.
"""

import asyncio
import csv
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.hmis import HmisExport
from adapters.hmis.mapping import FILES
from oncetold.v1.common_pb2 import ServiceType
from tests.hmis_damage import Damager
from tests.oracle import history as h
from tests.world.area import Area, Published
from tests.world.hub_beside import callers, hub_beside
from tests.world.plan import Plan
from tests.world.withheld import WITHHELD, answered, candidates

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SEED = 7
PEAK_MEGABYTES = 400
BAD_BY_NATURE = ("Exit.csv", 338, "EXIT_BEFORE_ENTRY")  # enrolment 189500
PEOPLE = int(os.environ.get("ONCETOLD_WORLD_PEOPLE", "0"))
"""For trying something out: only so many people live, and no floors hold. 0: everybody."""

Tell = Callable[[str], None]
Figures = dict[str, Any]


@pytest.fixture(scope="module")
def folder() -> Path:
    beside = Path(__file__).resolve().parents[3] / "shared" / "data" / "hmis-fy2022"
    found = Path(os.environ.get("ONCETOLD_HMIS", beside))
    if not found.is_dir():
        problem = f"The HMIS sample export is not at {found}. Set ONCETOLD_HMIS to its folder."
        if os.environ.get("CI"):
            raise FileNotFoundError(problem)
        pytest.fail(problem)
    return found


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    """Says something at once, to whoever watches."""

    def say(text: str) -> None:
        with capsys.disabled():
            print(text, flush=True)

    return say


def test_every_partner_database_equals_the_oracle(
    folder: Path, tmp_path: Path, tell: Tell, record_property: Callable[[str, object], None]
) -> None:
    figures = asyncio.run(_lived(folder, tmp_path, tell))
    record_property("figures", json.dumps(figures))
    tell(json.dumps(figures, indent=1))
    assert figures["hub's peak memory in MB"] < PEAK_MEGABYTES
    assert figures["retractions"] == figures["receipts"] > 0
    if PEOPLE == 0:
        assert figures["deliveries"] >= 20_000
        assert figures["retractions"] >= 1_000
        assert figures["categories"] == 16
        assert set(figures["reasons told"]) >= WITHHELD


def test_a_damaged_copy_quarantines_exactly_the_damaged_rows(
    folder: Path, tmp_path: Path, tell: Tell
) -> None:
    copy = tmp_path / "damaged"
    shutil.copytree(folder, copy, copy_function=shutil.copyfile)
    copy.chmod(0o700)  # the original may be read-only
    damages = Damager(copy, SEED, frozenset({BAD_BY_NATURE[:2]})).run()
    expected = sorted([*((one.file, one.line, one.reason) for one in damages), BAD_BY_NATURE])
    published = asyncio.run(_only_published(copy, tmp_path, tell))
    assert sorted(published.quarantined) == expected
    # One row of each file was put in twice.
    assert published.by_file == data_rows(folder) + Counter({file.name: 1 for file in FILES})


async def _only_published(folder: Path, scratch: Path, tell: Tell) -> Published:
    export = HmisExport(folder)
    plan = planned(export)
    with hub_beside(scratch, list(plan.services), START) as hub:
        async with callers(hub) as speak:
            area = Area(hub, speak, scratch, plan, tell)
            with area.phase("founding", len(plan.founding)):
                await area.found()
            with area.phase("publishing a damaged copy"):
                return await area.publish(export)


async def _lived(folder: Path, scratch: Path, tell: Tell) -> Figures:
    export = HmisExport(folder)
    plan = planned(export)
    assert len(plan.services) == 24
    with hub_beside(scratch, list(plan.services), START) as hub:
        async with callers(hub) as speak:
            area = Area(hub, speak, scratch, plan, tell)
            figures = await _published(area, export, folder)
            figures |= await _live(area)
        figures["hub's peak memory in MB"] = round(hub.peak_megabytes(), 1)
    figures["seconds"] = {name: round(seconds, 1) for name, seconds in area.seconds.items()}
    return figures


async def _published(area: Area, export: HmisExport, folder: Path) -> Figures:
    """Every row is accounted for once, and a second run finds nothing new."""
    with area.phase("founding", len(area.plan.founding)):
        await area.found()
    rows = data_rows(folder)
    with area.phase("publishing", rows.total()):
        first = await area.publish(export)
    assert first.by_file == rows
    assert first.quarantined == [BAD_BY_NATURE]
    with area.phase("publishing again", rows.total()):
        again = await area.publish(export)
    assert again.published.total() == 0
    assert again.unchanged == first.published.total() > 10_000
    return {
        "rows": dict(rows),
        "published": dict(first.published),
        "nothing recorded": dict(first.nothing),
        "quarantined": len(first.quarantined),
        "published by a second run": again.published.total(),
    }


async def _live(area: Area) -> Figures:
    """Choices, deliveries, changes, deliveries: at both quiet points every database is right."""
    plan = area.plan
    people = plan.people[:PEOPLE] if PEOPLE else plan.people
    grants = {one.grant for person in people for one in person if isinstance(one, h.GrantRecorded)}
    with area.phase("registering and choosing", sum(map(len, people))):
        await area.play([[one] for one in plan.registered_beside(area.registered)])
        await area.play(people)
    area.hub.advance(plan.first_wait)
    told = await _quiet(area, "first", set(WITHHELD))
    held = sum(len(partner.store()) for partner in area.partners.values())
    changes = [one for one in plan.changes if not isinstance(one, h.GrantWithdrawn) or one.grant in grants]
    with area.phase("withdrawing", len(changes)):
        await area.play([[one] for one in changes])
    area.hub.advance(plan.second_wait)
    told += await _quiet(area, "second", set(WITHHELD - set(told)))
    return {
        "accepted": dict(Counter(type(one).__name__ for one in area.history)),
        "held at first, and at last": (held, sum(len(one.store()) for one in area.partners.values())),
        "reasons told": dict(told),
        **await _sent(area),
    }


async def _quiet(area: Area, name: str, missing: set[str]) -> Counter[str]:
    """A quiet point: all is delivered, every database equals the oracle, and reasons are asked for."""
    with area.phase(f"{name} deliveries"):
        await area.deliver()
    facts = area.facts()
    with area.phase(f"{name} comparison, agencies", len(area.partners)):
        assert await area.differences(facts) == []
    with area.phase(f"{name} questions"):
        questions = await asyncio.to_thread(candidates, facts, area.now, SEED, missing)
        return await answered(area.explain, questions, missing)


async def _sent(area: Area) -> Figures:
    """What was sent in all. Every retraction has its receipt, and the hub counts as the partners do."""
    steps: Counter[str] = Counter()
    receipts = 0
    for partner in area.partners.values():
        status = await area.status(partner)
        assert (status.open_retractions, status.receipted_retractions) == (0, partner.steps["retract"])
        assert status.sent == status.acknowledged == partner.steps.total()
        assert status.held == len(partner.store())
        steps += partner.steps
        receipts += status.receipted_retractions
    disclosed = [
        one for partner in area.partners.values() for one in partner.observations
        if isinstance(one, h.Delivered)
    ]  # fmt: skip
    return {
        "deliveries": steps["disclose"] + steps["correct"],
        "disclosures": steps["disclose"],
        "corrections": steps["correct"],
        "retractions": steps["retract"],
        "receipts": receipts,
        "categories": len({category for one in disclosed for category in one.key.categories}),
    }


def planned(export: HmisExport) -> Plan:
    services = {
        agency.agency_id: ServiceType.Name(agency.service_type).removeprefix("SERVICE_TYPE_")
        for agency in export.agencies
    }
    places = [(agency, reference) for agency in services for reference in export.clients_of(agency)]
    return Plan(SEED, services, places, START)


def data_rows(folder: Path) -> Counter[str]:
    """The eight files' rows, counted with the standard library alone."""
    found: Counter[str] = Counter()
    for file in FILES:
        with (folder / file.name).open(encoding="utf-8-sig", newline="") as stream:
            found[file.name] = sum(1 for _ in csv.DictReader(stream))
    return found
