"""A hub is wound up: each agency has its lawful copy, the log stays checkable, nothing else can be read."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub.__main__ import app
from tests.erasure.asking import depart, erase
from tests.erasure.thief import steal
from tests.twins.cast import bedded_down, cast, dose, note
from tests.twins.stage import Authority, stage

SHARED = ("ACCOMMODATION", "SERVICE_CONTACT", "PHYSICAL_HEALTH")
LATER = datetime(2027, 2, 1, tzinfo=UTC)


@pytest.fixture
def data(tmp_path: Path, authority: Authority) -> Path:
    """A stopped hub. The hostel may have the visit, not the sea nor the dose, which was erased."""
    import asyncio

    async def told() -> Path:
        async with stage(tmp_path, authority) as world:
            c = await cast(world)
            await c.outreach.grant("rosa", SHARED, to="hostel", until=LATER)
            await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
            await c.outreach.publish("rosa", "dose-1", assessment=dose("40mg"))
            await c.outreach.publish("rosa", "note-1", note=note("Ask about the sea.", "FAMILY"))
            await c.hostel.drain()
            await erase(c.outreach, "rosa", "dose-1")
            await depart(c.elsewhere)
            return world.site.config.data

    return asyncio.run(told())


def typed(data: Path, *words: str, answer: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(app, ["--data", str(data), "wind-down", *words], input=answer)
    return result.exit_code, result.output


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_rehearsal_writes_everything_and_the_hub_goes_on(tmp_path: Path, data: Path) -> None:
    out = tmp_path / "copies"
    code, said = typed(data, str(out), "--rehearse")
    assert code == 0 and "no key is destroyed" in said
    assert sorted(one.name for one in out.iterdir()) == ["hostel", "log", "outreach"], "who left gets nothing"
    own = rows(out / "outreach" / "own.jsonl")
    assert {one["record_id"] for one in own} == {"visit-1", "note-1"}, "what is erased is gone here too"
    assert {one["client_reference"] for one in own} == {"rosa"}
    [seen] = rows(out / "hostel" / "permitted.jsonl")
    assert (seen["client_reference"], seen["told_by"]) == ("room-4", "outreach")
    assert seen["content"] == {"contact": {"bedded_down": True}}
    assert seen["may_be_used_for"] == ["DIRECT_SUPPORT (ACTIVE)"]
    assert (out / "hostel" / "own.jsonl").read_text() == ""
    assert "sea" not in (out / "hostel" / "permitted.jsonl").read_text()
    assert "no software of ours is needed" in (out / "hostel" / "README.txt").read_text()
    sums = (out / "hostel" / "SHA256SUMS").read_text().splitlines()
    assert [line.split()[1] for line in sums] == ["own.jsonl", "permitted.jsonl"]
    assert {oct(one.stat().st_mode & 0o777) for one in (out / "hostel").iterdir()} == {"0o600"}
    verified = CliRunner().invoke(app, ["ledger", "verify", str(out / "log")])
    assert verified.exit_code == 0, verified.output
    again = CliRunner().invoke(app, ["--data", str(data), "ledger", "check"])
    assert again.exit_code == 0, again.output


def test_it_asks_and_no_means_no(tmp_path: Path, data: Path) -> None:
    code, said = typed(data, str(tmp_path / "copies"), answer="n\n")
    assert code == 1 and "No key is destroyed" in said
    assert steal(data / "root.key", [data / "ledger.db"]).holds("sea")
    assert typed(data, str(tmp_path / "copies"), "--yes")[0] == 2, "never into a folder that holds something"
    code, said = typed(data, str(tmp_path / "unasked"), "--json")
    assert code == 2 and json.loads(said)["error"]["reason"] == "NOT_CONFIRMED"


def test_afterwards_nobody_reads_anything_and_the_log_is_still_checked(tmp_path: Path, data: Path) -> None:
    out = tmp_path / "copies"
    assert steal(data / "root.key", [data / "ledger.db"]).holds("sea"), "control"
    code, said = typed(data, str(out), "--yes")
    assert code == 0 and "What remains" in said
    left = steal(data / "root.key", [data / "ledger.db"])
    assert left.texts == []
    verified = CliRunner().invoke(app, ["ledger", "verify", str(out / "log")])
    assert verified.exit_code == 0, verified.output
    assert rows(out / "hostel" / "permitted.jsonl") and rows(out / "outreach" / "own.jsonl")
    refused = CliRunner().invoke(app, ["--data", str(data), "agency", "list"])
    assert refused.exit_code != 0
