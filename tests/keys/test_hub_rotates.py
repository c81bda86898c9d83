"""A hub ends its key epochs by itself, and when its operator says so; nobody else may."""

import asyncio
import json
import logging
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consent_ledger.errors import KeysUnavailable, Refused
from consent_ledger.ledger import Ledger, create_ledger
from consent_ledger.root_keys import FileRootKeys
from hub.__main__ import app
from hub.bootstrap import create_hub
from hub.config import read_config
from hub.use_cases.hub import Hub
from hub.use_cases.keys import keep_rotating, rotate_keys
from hub.use_cases.work import Caller
from tests.clock import ManualClock
from tests.contract.drafting import run
from tests.contract.test_erased_keys import contents
from tests.contract.test_key_epochs import some_records

MONTH = timedelta(days=30)


def epochs(folder: Path) -> set[str]:
    return {file.name for file in (folder / "root.key.epochs").iterdir()}


async def until_told(caplog: pytest.LogCaptureFixture, event: str) -> None:
    for _ in range(500):
        if any(getattr(record, "event", "") == event for record in caplog.records):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{event} was not told")


def test_an_epoch_that_is_over_ends_by_itself_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, gone = ManualClock(), []
    caplog.set_level(logging.INFO)
    ledger = create_ledger(str(tmp_path / "ledger.db"), tmp_path / "root.key", clock=clock)
    some_records(ledger)
    left, first = contents(ledger), epochs(tmp_path)

    async def served() -> None:
        looked = timedelta(seconds=0.01)
        rotating = asyncio.ensure_future(
            keep_rotating(ledger, looked=looked, pause=0, gone=lambda: gone.append(1))
        )
        await asyncio.sleep(0.1)
        assert epochs(tmp_path) == first
        clock.advance(MONTH)
        await until_told(caplog, "KEY_EPOCH_ENDED")
        rotating.cancel()
        await asyncio.wait([rotating])

    asyncio.run(served())
    assert [getattr(record, "event", "") for record in caplog.records] == [
        "KEY_EPOCH_BEGAN",
        "KEY_EPOCH_ENDED",
    ]
    assert gone == [1]
    assert not first & epochs(tmp_path)
    assert contents(ledger) == left
    ledger.close()


def test_a_provider_that_is_away_delays_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    caplog.set_level(logging.INFO)
    root = FileRootKeys.created(tmp_path / "root.key")
    ledger = create_ledger(str(tmp_path / "ledger.db"), root, clock=clock)

    def away() -> bytes:
        raise KeysUnavailable("file", "away", "Bring it back.")

    async def served() -> None:
        rotating = asyncio.ensure_future(keep_rotating(ledger, looked=timedelta(seconds=0.01), pause=0))
        await until_told(caplog, "KEY_EPOCH_STUCK")
        monkeypatch.undo()
        await until_told(caplog, "KEY_EPOCH_ENDED")
        ledger.close()
        await asyncio.wait_for(rotating, 5)

    monkeypatch.setattr(root, "create", away)
    clock.advance(MONTH)
    asyncio.run(served())


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return create_ledger(str(tmp_path / "ledger.db"), tmp_path / "root.key", clock=ManualClock())


def test_only_the_operator_ends_an_epoch(ledger: Ledger) -> None:
    hub = Hub(ledger)

    async def asked(caller: Caller, force: bool) -> int:
        return (await rotate_keys(hub, caller, force=force)).remaining

    with pytest.raises(Refused, match="OPERATOR_ONLY"):
        asyncio.run(asked(Caller(agency_id="hostel", operator=False), True))
    assert run(ledger, lambda t: t.epochs.ended()) == []
    assert asyncio.run(asked(Caller(agency_id=None, operator=True), False)) == 0
    assert run(ledger, lambda t: t.epochs.ended()) == []
    assert asyncio.run(asked(Caller(agency_id=None, operator=True), True)) == 0
    assert len(run(ledger, lambda t: t.epochs.ended())) == 1
    ledger.close()


def test_at_the_command_line(tmp_path: Path) -> None:
    data = tmp_path / "hub"
    create_hub(read_config(data))
    first = epochs(data)

    def typed(*words: str, as_json: bool = True) -> str:
        result = CliRunner().invoke(app, ["--data", str(data), "keys", *words, *["--json"] * as_json])
        assert result.exit_code == 0, result.output
        return result.stdout

    before = json.loads(typed("status"))
    assert (before["provider"], before["remaining"], before["ended"]) == ("file", 0, [])
    assert json.loads(typed("rotate")) == {"remaining": 0, "gone": None}
    assert epochs(data) == first
    assert "No key epoch was due" in typed("rotate", as_json=False)
    assert json.loads(typed("rotate", "--force"))["gone"]
    assert not first & epochs(data)
    after = json.loads(typed("status"))
    assert after["started"] > before["started"]
    assert len(after["ended"]) == 1
    assert "The present key epoch began on" in typed("status", as_json=False)


def test_a_data_folder_without_a_hub_is_told(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--data", str(tmp_path), "keys", "status", "--json"])
    assert result.exit_code == 2
    assert json.loads(result.stdout or result.stderr)["error"]["next_step"]
