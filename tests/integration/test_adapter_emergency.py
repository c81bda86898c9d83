"""`oncetold-adapter emergency` as a worker and a night nurse meet it, against a real hub."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.cli.app import app
from tests.integration.test_adapter_sharing import Office
from tests.staff import KEY_ID
from tests.twins.conftest import authority
from tests.twins.emergency import DETAILS, LINES, NUMBER, end, on_duty
from tests.twins.stage import Authority, stage

__all__ = ["authority"]

CARD = "\n".join(f'{field.name} = "{value}"' for field, value in LINES.ListFields())
KNOWN = "\n".join(f'{name} = "{value}"' for name, value in DETAILS.items())
NURSE = ("--by", "er-nurse-3", "--staff-key", "staff.key", "--key-id", KEY_ID)
REMINDER = "This may not be everything. If it matters, ask, and listen."


async def typed(office: Office, *words: str, exit_code: int = 0) -> str:
    """What the command says to a person."""
    config = ("--config", str(office.folder / "adapter.toml"))
    result = await asyncio.to_thread(CliRunner().invoke, app, ["emergency", *words, *config])
    assert result.exit_code == exit_code, result.output
    return result.output


async def test_a_card_is_agreed_from_a_file_and_read_by_one_nurse(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        world.clock.advance(datetime.now(UTC) - world.clock.now())
        outreach = await world.agency("outreach", "STREET_OUTREACH")
        infirmary = await world.agency("infirmary", "HOSPITAL")
        await outreach.appoint("TWENTY_FOUR_HOURS", "desk", NUMBER)
        await outreach.register("sam", given_name="Sam", **DETAILS)
        await infirmary.register("er-77")
        await outreach.link("sam", infirmary, "er-77")
        await on_duty(infirmary)
        office, ward = (Office(world, desk, tmp_path / desk.agency_id) for desk in (outreach, infirmary))
        (office.folder / "card.toml").write_text(CARD)
        (ward.folder / "known.toml").write_text(KNOWN)

        agree = ("agree", "sam", str(office.folder / "card.toml"))
        assert "Methadone" not in await typed(office, *agree), "nobody else reads it over a shoulder"
        opening = ("open", "--reason", "ILLNESS_OR_INJURY", *NURSE)
        said = await typed(ward, *opening, "--client", "er-77")
        assert said.splitlines()[0] == "This card is of your client."
        assert f"  Medicines: {LINES.medicines}" in said.splitlines()
        assert f"and the client was not asked alone. For anything else ring {NUMBER}" in said
        assert said.splitlines()[-1] == REMINDER

        by_details = ("--details", str(ward.folder / "known.toml"))
        await typed(office, *agree, "--asked-alone")
        found: Any = json.loads(await typed(ward, *opening, *by_details, "--json"))
        [card] = found["cards"]
        assert (card["match"], card["asked_alone"], card["telephone"]) == ("POSSIBLE", True, NUMBER)
        assert [card[field.name] for field, _ in LINES.ListFields()] == [one for _, one in LINES.ListFields()]
        assert (await typed(ward, *opening, *by_details)).startswith("POSSIBLE match: check with the person")

        await end(outreach, "sam")
        assert (await typed(ward, *opening, "--client", "er-77")).splitlines() == [REMINDER]
        stranger = ("--by", "er-nurse-9", *NURSE[2:], "--reason", "SELF_HARM", "--client", "er-77")
        assert "role" in await typed(ward, "open", *stranger, exit_code=1)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('medicines = "Pangolinium', "is not UTF-8 TOML"),
        ('pills = "Pangolinium"', "has only these keys"),
        ("medicines = 7", "has only these keys"),
        (None, "cannot be read"),
    ],
)
async def test_a_file_that_is_no_card_is_named_and_not_quoted(
    tmp_path: Path, authority: Authority, written: str | None, told: str
) -> None:
    async with stage(tmp_path, authority) as world:
        office = Office(world, await world.agency("outreach", "STREET_OUTREACH"), tmp_path / "office")
        if written is not None:
            (office.folder / "card.toml").write_text(written)
        said = await typed(office, "agree", "sam", str(office.folder / "card.toml"), exit_code=2)
        assert told in said and "Pangolinium" not in said
        for words in (("--reason", "BORED", "--client", "x"), ("--reason", "SELF_HARM")):
            assert "--" in await typed(office, "open", *words, *NURSE, exit_code=2)
