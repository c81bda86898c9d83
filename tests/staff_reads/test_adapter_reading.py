"""`oncetold-adapter read` and `break-glass` as a worker at a hospital meets them, against a real hub."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from adapters.cli.app import app
from hub.use_cases.history import REMINDER
from tests.integration.test_adapter_sharing import Office
from tests.staff import KEY_ID
from tests.staff_reads.asking import NURSE, give
from tests.twins.cast import TOLD_ABOUT, dose
from tests.twins.stage import Authority, stage

BOTH = ("DIRECT_SUPPORT", "EMERGENCY")


async def typed(office: Office, *words: str, exit_code: int = 0) -> str:
    """What the command says to a person."""
    signed = ("--by", "nurse-1", "--role", "EMERGENCY_DESK", "--staff-key", "staff.key", "--key-id", KEY_ID)
    config = ("--config", str(office.folder / "adapter.toml"))
    result = await asyncio.to_thread(CliRunner().invoke, app, [*words, *signed, *config])
    assert result.exit_code == exit_code, result.output
    return result.output


async def test_glass_is_broken_for_a_reason_and_then_there_is_something_to_read(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        world.clock.advance(datetime.now(UTC) - world.clock.now())
        outreach = await world.agency("outreach", "STREET_OUTREACH")
        ward = await world.agency("ward", "HOSPITAL", receives=TOLD_ABOUT, purposes=BOTH)
        await world.agreement(("outreach", "ward"), dict.fromkeys(TOLD_ABOUT, "ERASE"), purposes=BOTH)
        await outreach.register("rosa")
        await ward.register("w-1")
        await outreach.link("rosa", ward, "w-1")
        await outreach.publish("rosa", "dose-1", assessment=dose("40mg"))
        await give(ward, NURSE)
        office = Office(world, ward, tmp_path / "ward")
        with (office.folder / "adapter.toml").open("a") as config:
            config.write(f'[feed]\nfeed_id = "{ward.feed_id}"\n[sink]\nkind = "sql"\n')

        said = await typed(office, "read", "w-1")
        assert said.splitlines() == [
            "Your agency has not given you a role that reads histories.",
            REMINDER,
        ]
        assert "--reason is one of" in await typed(
            office, "break-glass", "w-1", "--reason", "CURIOUS", exit_code=2
        )
        assert "Until " in await typed(office, "break-glass", "w-1", "--reason", "VITAL_INTERESTS")
        first, *rest = (await typed(office, "read", "w-1")).splitlines()
        assert first.endswith("PHYSICAL_HEALTH, told by outreach")
        assert rest == ["All that your agency may see.", REMINDER]
        whole: Any = json.loads(await typed(office, "read", "w-1", "--json"))
        [element] = whole["elements"]
        assert element["content"]["assessment"]["answers"][0]["coded"]["code"] == "40mg"
        assert whole["narrowed"] == "FULL"
