"""`oncetold-adapter retractions` and `outliers` as the posts meet them that they are for."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from adapters.cli.app import app
from hub.__main__ import app as operator
from tests.integration.test_adapter_sharing import Office
from tests.staff import KEY_ID
from tests.twins.cast import bedded_down, cast
from tests.twins.colleague import hired
from tests.twins.conftest import authority
from tests.twins.stage import Authority, stage

__all__ = ["authority"]


async def typed(office: Office, role: str, *words: str, as_json: bool = True, exit_code: int = 0) -> Any:
    line = ["retractions", *words, "--role", role] if role else list(words)
    line += ["--by", "o-1", "--staff-key", "staff.key"]
    line += ["--key-id", KEY_ID, "--config", str(office.folder / "adapter.toml")]
    result = await asyncio.to_thread(CliRunner().invoke, app, [*line, *(["--json"] if as_json else [])])
    assert result.exit_code == exit_code, result.output
    return json.loads(result.stdout) if as_json else result.stdout


async def test_each_of_the_two_posts_reads_its_own_side(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        world.clock.advance(datetime.now(UTC) - world.clock.now() - timedelta(hours=73))
        c = await cast(world)
        grant_id = await c.outreach.grant("rosa", ("ACCOMMODATION", "SERVICE_CONTACT"), to="hostel")
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        await c.hostel.drain()
        await c.outreach.withdraw("rosa", grant_id)
        world.clock.advance(timedelta(hours=73))
        street, hostel = (Office(world, one, tmp_path / one.agency_id) for one in (c.outreach, c.hostel))
        await hired(c.outreach, "o-1", "DATA_PROTECTION_OFFICER")
        await hired(c.hostel, "o-1", "CALDICOTT_GUARDIAN")

        told = await typed(street, "DATA_PROTECTION_OFFICER", "--client", "rosa")
        [line], [copy] = told["retractions"], (await typed(hostel, "CALDICOTT_GUARDIAN"))["copies"]

        assert (line["recipient_agency_id"], line["state"]) == ("hostel", "due, not fetched, OVERDUE")
        assert (copy["client_reference"], copy["fetched"]) == ("room-4", False)
        said = await typed(street, "DATA_PROTECTION_OFFICER", as_json=False)
        assert said.startswith("rosa: hostel, due, not fetched, OVERDUE")
        refused = await typed(street, "KEYWORKER", exit_code=1)
        assert refused["error"]["reason"] == "ROLE_NEEDED"

        await c.hostel.drain()
        told = await typed(street, "DATA_PROTECTION_OFFICER", "--client", "rosa")
        assert [one["state"] for one in told["retractions"]] == ["ERASED"]
        said = await typed(hostel, "CALDICOTT_GUARDIAN", as_json=False)
        assert said == "Nothing is being taken back.\n"


async def test_an_officer_reads_which_registrations_stand_out(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        world.clock.advance(datetime.now(UTC) - world.clock.now() - timedelta(days=15))
        hostel = await world.agency("hostel", "HOSTEL", receives=("ACCOMMODATION",))
        for number in range(20):
            await hostel.register(f"room-{number}")
            await hostel.publish(f"room-{number}", f"night-{number}", contact=bedded_down())
        await hostel.register("room-20")
        await hostel.history("room-20")
        world.clock.advance(timedelta(days=15))
        await hired(hostel, "o-1", "DATA_PROTECTION_OFFICER")
        office = Office(world, hostel, tmp_path / "hostel")

        told = (await typed(office, "", "outliers"))["outliers"]
        said = (await typed(office, "", "outliers", as_json=False)).splitlines()

        assert [(one["kind"], one["client_reference"]) for one in told] == [
            ("MANY_ON_ONE_DAY", ""),
            ("NOTHING_RECORDED", "room-20"),
            ("ONLY_LOOKED_AT", "room-20"),
        ]
        assert (told[0]["registered"], told[2]["looks"], told[2]["staff_references"]) == (21, 1, ["nav-1"])
        assert "21 people registered on one day, no usual number yet" in said[0]
        assert said[2] == "room-20: nothing recorded, but somebody looked (1)."
        line = ["--data", str(world.site.config.data), "registration", "outliers", "hostel"]
        counted = await asyncio.to_thread(CliRunner().invoke, operator, line)
        assert "far more registrations than usual: 1." in counted.output
        assert "nothing recorded after 14 days: 1." in counted.output
        assert "room-20" not in counted.output, "how many, and never who"
