"""The operator's commands about erasure, typed as an operator types them, on a hub that is stopped."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub.__main__ import app
from tests.twins.cast import bedded_down, cast, dose
from tests.twins.stage import Authority, stage


@pytest.fixture
def data(tmp_path: Path, authority: Authority) -> Path:
    """The street team told of a visit and of a dose months ago. Visits are kept for thirty days."""

    async def told() -> Path:
        async with stage(tmp_path, authority) as world:
            c = await cast(world)
            await world.agreement(
                ("outreach", "hostel"),
                {"ACCOMMODATION": "STOP", "SERVICE_CONTACT": "STOP"},
                agreement_id="isa-2",
                kept={"ACCOMMODATION": 30},
            )
            await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
            await c.outreach.publish("rosa", "dose-1", assessment=dose("40mg"))
            world.clock.advance(timedelta(days=1))
            return world.site.config.data

    return asyncio.run(told())


def typed(data: Path, *words: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, ["--data", str(data), *words, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout.splitlines()[-1])


def told(data: Path, *words: str, answer: str = "", code: int = 0) -> str:
    result = CliRunner().invoke(app, ["--data", str(data), *words], input=answer)
    assert result.exit_code == code, result.output
    return result.output


def test_a_record_is_held_then_erased_and_certified(tmp_path: Path, data: Path) -> None:
    acting = ("--as", "outreach")
    held = typed(
        data, "hold", "place", "rosa", *acting, "--record", "dose-1", "--ground", "LEGAL_CLAIMS",
        "--review", "2099-01-01",
    )  # fmt: skip
    erase = ("erase", "rosa", *acting, "--record", "dose-1", "--ground", "OBJECTION")
    refused = typed(data, *erase, code=1)
    assert refused["error"]["reason"] == "LEGAL_HOLD" and held["hold_id"] in refused["error"]["message"]
    typed(data, "hold", "lift", held["hold_id"], *acting)
    assert "Nothing is erased" in told(data, *erase, answer="n\n", code=1)
    done = typed(data, *erase)
    assert done["held"] is False and done["horizon"] > "2026-12"
    listed = typed(data, "erasure", "list", *acting)
    assert [one["state"] for one in listed["erasures"]] == ["FENCED"] and listed["holds"] == []
    said = told(data, "erasure", "certificate", done["erasure_id"], *acting, "--out", str(tmp_path / "c.txt"))
    assert "You objected to its use" in said and "oncetold ledger prove" in said
    assert "You objected to its use" in (tmp_path / "c.txt").read_text()


def test_exactly_one_part_is_named(data: Path) -> None:
    for parts in ((), ("--record", "dose-1", "--everything")):
        words = ("erase", "rosa", "--as", "outreach", "--ground", "OBJECTION", *parts)
        assert typed(data, *words, code=2)["error"]["reason"] == "INVALID_FIELD"


def test_what_is_due_is_listed_and_erased(data: Path) -> None:
    due = typed(data, "retention", "due", "--as", "outreach")
    assert [(one["record_id"], one["held"]) for one in due["due"]] == [("visit-1", False)]
    assert typed(data, "retention", "run") == {"registrations": 1}
    assert typed(data, "retention", "due", "--as", "outreach", "--days", "366") == {"due": []}
    assert "Nothing is due." in told(data, "retention", "run")


def test_an_agency_leaves_at_the_command_line(data: Path) -> None:
    words = (
        "agency",
        "depart",
        "elsewhere",
        "--copies",
        "ERASED",
        "--records",
        "KEPT",
        "--attested-by",
        "m-1",
    )
    assert "Nothing has changed" in told(data, *words, answer="n\n", code=1)
    assert "has left" in told(data, *words, "--yes")
    assert typed(data, *words)["position"], "it left once"
