"""`oncetold backup` beside a hub that serves, and `oncetold restore` on another machine."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from hub.__main__ import app
from hub.bootstrap import create_hub, running_hub
from hub.config import Config, read_config
from tests.contract.test_erased_keys import erasing, record
from tests.contract.test_key_epochs import owner


def typed(data: Path, *words: object, code: int = 0, as_json: bool = True) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["--data", str(data), *map(str, words), *["--json"] * as_json])
    assert result.exit_code == code, result.output
    return dict(json.loads(result.stdout or result.stderr)) if as_json else {"said": result.output}


def moved(config: Config, to: Path, *files: str) -> Path:
    """A new data folder with these of the old one's files."""
    to.mkdir()
    for name in files:
        source = config.data / name
        if source.is_dir():
            shutil.copytree(source, to / name)
        else:
            shutil.copy2(source, to / name)
    return to


def test_there_and_back(tmp_path: Path) -> None:
    config = read_config(tmp_path / "hub")
    create_hub(config)
    backup = tmp_path / "backup"

    async def served() -> dict[str, Any]:
        async with running_hub(config, adapters=False) as running:
            ledger = running.hub.ledger
            drafts = [record(b"one", owner(1)), record(b"two", owner(2))]
            await ledger.run(lambda t: t.append(drafts, decided_at=t.size))
            made = await asyncio.to_thread(typed, config.data, "backup", backup)
            await ledger.run(erasing(2, rotate=(owner(2),)))
            # Checkpoints follow within a second.
            for _ in range(300):
                kept = (
                    config.checkpoint_file.read_text().splitlines() if config.checkpoint_file.exists() else []
                )
                if kept[1:2] == [str(await ledger.run(lambda t: t.size))]:
                    break
                await asyncio.sleep(0.02)
            return made

    made = asyncio.run(served())
    assert made["size"] == 2
    keys = ("root.key", "root.key.epochs")
    bare = moved(config, tmp_path / "bare", *keys)
    error = typed(bare, "restore", backup, code=2)["error"]
    assert "`fences`" in error["next_step"]
    assert error["message"] == "The backup: the file of destroyed keys is missing."
    assert not (bare / "ledger.db").exists()

    whole = moved(config, tmp_path / "whole", *keys, "fences", "checkpoint")
    restored = typed(whole, "restore", backup)
    assert (restored["size"], restored["root"], restored["behind"]) == (2, made["root"], 1)
    assert typed(whole, "ledger", "check")["damages"] == []
    assert "LedgerExists" not in typed(whole, "restore", backup, code=2)["error"]["message"]
    # What came after the backup is gone, and the hub does not serve as if nothing had happened.
    error = typed(whole, "agency", "list", code=2)["error"]
    assert "new-origin" in error["next_step"]

    late = moved(config, tmp_path / "late", *keys, "checkpoint")
    (late / "fences").write_text(f"{made['ledger_id']} {2:020d} through\n")
    error = typed(late, "restore", backup, code=2)["error"]
    assert "--fences-end 2" in error["next_step"]
    assert typed(late, "restore", backup, "--fences-end", 2)["size"] == 2

    shutil.move(backup / "keys.db", tmp_path / "keys.db")
    apart = moved(config, tmp_path / "apart", *keys, "fences", "checkpoint")
    assert typed(apart, "restore", backup, "--keys", tmp_path / "keys.db")["behind"] == 1
    shutil.copy2(tmp_path / "keys.db", backup / "keys.db")
    _unknown_how_long(tmp_path, config, backup, made["ledger_id"])
    assert "another ledger's" in _of_another_ledger(tmp_path, config, backup)


def _unknown_how_long(tmp_path: Path, config: Config, backup: Path, ledger_id: str) -> None:
    """Without the last checkpoint nobody knows whether the fences reach far enough."""
    lost = moved(config, tmp_path / "lost", "root.key", "root.key.epochs")
    (lost / "fences").write_text(f"{ledger_id} {2:020d} through\n")
    error = typed(lost, "restore", backup, code=2)["error"]
    assert "how long the ledger was" in error["message"] and "--fences-end 2" in error["next_step"]
    assert not (lost / "ledger.db").exists()
    typed(lost, "restore", backup, "--fences-end", 3, code=2)
    assert typed(lost, "restore", backup, "--fences-end", 2)["size"] == 2


def _of_another_ledger(tmp_path: Path, config: Config, backup: Path) -> str:
    mixed = moved(config, tmp_path / "mixed", "root.key", "root.key.epochs", "fences", "checkpoint")
    text = (mixed / "checkpoint").read_text()
    origin = text.splitlines()[0]
    (mixed / "checkpoint").write_text(text.replace(origin, "oncetold.org/ledger/another"))
    return str(typed(mixed, "restore", backup, code=2)["error"]["message"])


def test_it_is_told_in_plain_words(tmp_path: Path) -> None:
    config = read_config(tmp_path / "hub")
    create_hub(config)
    said = typed(config.data, "backup", tmp_path / "backup", as_json=False)["said"]
    assert "Keep ledger.db and keys.db in different places" in said
    again = typed(config.data, "backup", tmp_path / "backup", code=2)["error"]
    assert "empty folder" in again["next_step"]
    there = moved(config, tmp_path / "there", "root.key", "root.key.epochs", "fences")
    assert "is restored: 0 entries" in typed(there, "restore", tmp_path / "backup", as_json=False)["said"]
    error = typed(tmp_path / "nobody", "backup", tmp_path / "other", code=2)["error"]
    assert error["next_step"]
