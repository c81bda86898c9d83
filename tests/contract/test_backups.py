"""A backup comes back whole on any backend, from any backend; what was erased since does not."""

import json
import shutil
import sqlite3
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from consent_ledger.backup import Gate, Manifest, make_backup, read_manifest, restore_backup
from consent_ledger.backup.manifest import hash_of
from consent_ledger.check import check_ledger
from consent_ledger.errors import BackupRefused, EntryCorrupt, LedgerExists, StorageFull
from consent_ledger.ledger import Ledger, open_ledger
from consent_ledger.log.tiles import Edge
from consent_ledger.root_keys import FileRootKeys
from consent_ledger.store import read_store
from consent_ledger.store.sqlite import SqliteStore
from tests.clock import ManualClock
from tests.contract.backends import BACKENDS, Backend
from tests.contract.drafting import append, draft, run
from tests.contract.test_erased_keys import contents, erasing
from tests.contract.test_key_epochs import openings, owner, rotate, some_records

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ERASED = [b"(erased)"] * 2


def nothing(done: int, size: int) -> None:
    """Nobody waits for these."""


def backed_up(backend: Backend, folder: Path) -> Manifest:
    root = FileRootKeys.opened(backend.root_key)
    return make_backup(backend.url, root, folder, NOW, progress=nothing)


class Elsewhere:
    """A new machine: the root key and its epochs were brought, and the fences."""

    def __init__(self, backend: Backend, folder: Path, url: str = "") -> None:
        folder.mkdir()
        self.url = url or str(folder / "ledger.db")
        self.root_key = folder / "root.key"
        self.fences = folder / "fences"
        shutil.copy2(backend.root_key, self.root_key)
        shutil.copytree(backend.root_key.with_name("root.key.epochs"), folder / "root.key.epochs")
        shutil.copy2(backend.root_key.with_name("fences"), self.fences)

    def restore(self, backup: Path, **gate: Any) -> Manifest:
        root = FileRootKeys.opened(self.root_key)
        asked = Gate(self.fences, **gate)
        return restore_backup(backup, self.url, root, asked, progress=nothing)

    def open(self, clock: ManualClock) -> Ledger:
        return open_ledger(self.url, self.root_key, clock=clock)


@pytest.mark.parametrize("to", sorted(BACKENDS))
def test_a_backup_comes_back_whole(backend: Backend, clock: ManualClock, tmp_path: Path, to: str) -> None:
    """Also the way from one database to the other."""
    other = BACKENDS[to](tmp_path)
    ledger = backend.create(clock)
    some_records(ledger, 300)
    run(ledger, erasing(7, rotate=(owner(6),)))
    append(ledger, draft(b"event"))
    left = contents(ledger)
    seed = run(ledger, lambda t: t.vault.named_key("log-signing-key"))
    run(ledger, lambda t: t.write_state("of-the-log", b"value"))
    made = backed_up(backend, tmp_path / "backup")  # beside a ledger that is open
    append(ledger, draft(b"later"))
    policy = run(ledger, lambda t: t.policy_position)
    ledger.close()

    there = Elsewhere(backend, tmp_path / "there", other.url if to == "postgres" else "")
    assert there.restore(tmp_path / "backup") == made
    ledger = there.open(clock)
    assert contents(ledger) == left
    assert run(ledger, lambda t: t.vault.named_key("log-signing-key")) == seed
    assert run(ledger, lambda t: (t.state("of-the-log"), t.policy_position)) == (b"value", policy)
    tree = Edge()
    tiles = tree.add(run(ledger, lambda t: t.leaf_hashes(0, t.size)))
    assert tree.root().hex() == made.root
    stored = run(ledger, lambda t: [t.tile(level, number) for level, number, _ in tiles])
    assert stored == [hashes for _, _, hashes in tiles] != []
    assert append(ledger, draft(b"on from there")) == [made.size + 1]
    ledger.close()
    assert check_ledger(there.url, there.root_key).damages == ()
    other.clean_up()


def test_a_backup_holds_no_root_and_is_its_owners_alone(
    backend: Backend, clock: ManualClock, tmp_path: Path
) -> None:
    ledger = backend.create(clock)
    some_records(ledger)
    ledger.close()
    backed_up(backend, tmp_path / "backup")

    files = sorted((tmp_path / "backup").iterdir())
    assert [file.name for file in files] == ["keys.db", "ledger.db", "manifest.json"]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * 3
    stored = b"".join(file.read_bytes() for file in files)
    epochs = backend.root_key.with_name("root.key.epochs").iterdir()
    for key in (backend.root_key, *epochs):
        assert key.read_bytes() not in stored
        assert key.read_bytes().hex().encode() not in stored
    log, keys = (read_store(str(tmp_path / "backup" / name)) for name in ("ledger.db", "keys.db"))
    for store, entries, rows in ((log, 8, 0), (keys, 0, 16)):
        store.begin()
        assert (len(store.entries(0, 100)), len(store.keys_between(0, 100))) == (entries, rows)
        store.close()


def test_what_was_erased_after_the_backup_stays_erased(
    backend: Backend, clock: ManualClock, tmp_path: Path
) -> None:
    ledger = backend.create(clock)
    some_records(ledger, 50)
    backed_up(backend, tmp_path / "backup")
    run(ledger, erasing(*range(1, 51), rotate=tuple(owner(n) for n in range(50))))
    ledger.close()

    there = Elsewhere(backend, tmp_path / "there")
    made = there.restore(tmp_path / "backup", seen=51)
    # The key rows themselves are never written, whoever looks, and before any hub opens it.
    store = read_store(there.url)
    store.begin()
    assert store.keys_between(0, 50) == []
    store.close()
    ledger = there.open(clock)
    assert contents(ledger) == [ERASED] * 50
    assert run(ledger, lambda t: t.size) == made.size == 50
    ledger.close()


def test_no_backup_from_before_an_epoch_ended_opens_again(
    backend: Backend, clock: ManualClock, tmp_path: Path
) -> None:
    ledger = backend.create(clock)
    some_records(ledger, 50)
    backed_up(backend, tmp_path / "backup")
    run(ledger, erasing(*range(1, 51), rotate=tuple(owner(n) for n in range(50))))
    keys = read_store(str(tmp_path / "backup" / "keys.db"))
    keys.begin()
    copies = [*keys.keys_between(-1, 0), *keys.keys_between(0, 50)]
    keys.close()
    assert openings(backend, copies, []) == 100
    rotate(ledger)
    ledger.close()

    assert openings(backend, copies, []) == 0
    there = Elsewhere(backend, tmp_path / "there")
    with pytest.raises(BackupRefused, match="key epoch is over"):
        there.restore(tmp_path / "backup")
    assert not Path(there.url).exists()
    backed_up(backend, tmp_path / "newer")
    there.restore(tmp_path / "newer")


@pytest.fixture
def made(backend: Backend, clock: ManualClock, tmp_path: Path) -> Elsewhere:
    """A backup in `backup`, and a machine to restore it to."""
    ledger = backend.create(clock)
    some_records(ledger)
    ledger.close()
    backed_up(backend, tmp_path / "backup")
    return Elsewhere(backend, tmp_path / "there")


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


def rewrite(folder: Path, **values: object) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, **values}))


def swapped_entry(folder: Path) -> None:
    """As somebody does who can write the manifest anew as well."""
    with sqlite3.connect(folder / "ledger.db") as connection:
        [(leaf,)] = connection.execute("SELECT leaf_hash FROM entries WHERE position = 3")
        connection.execute("DELETE FROM entries WHERE position = 8")
        connection.execute("UPDATE head SET size = 7")
    connection.close()
    assert leaf
    rewrite(folder, log_sha256=hash_of(folder / "ledger.db"))


REFUSED: dict[str, tuple[Callable[[Path, Elsewhere], object], str]] = {
    "a flipped bit in the log": (lambda backup, _: flip(backup / "ledger.db"), "not the one"),
    "a flipped bit in the keys": (lambda backup, _: flip(backup / "keys.db"), "not the one"),
    "no manifest": (lambda backup, _: (backup / "manifest.json").unlink(), "no manifest"),
    "half a manifest": (
        lambda backup, _: (backup / "manifest.json").write_text('{"version": 1}'),
        "not whole",
    ),
    "a manifest of another program": (lambda backup, _: rewrite(backup, version=2), "another version"),
    "another layout": (lambda backup, _: rewrite(backup, layout=3), "another layout"),
    "no keys": (lambda backup, _: (backup / "keys.db").unlink(), "cannot be read"),
    "an entry less": (lambda backup, _: swapped_entry(backup), "not those of its manifest"),
    "another root": (
        lambda _, there: there.root_key.write_bytes(bytes(32)),
        "another root key",
    ),
    "no epochs": (
        lambda _, there: shutil.rmtree(there.root_key.with_name("root.key.epochs")),
        "key epoch is over",
    ),
    "no fences": (lambda _, there: there.fences.unlink(), "destroyed keys is missing"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_doubtful_backup_is_refused_before_anything_is_written(
    made: Elsewhere, tmp_path: Path, case: str
) -> None:
    damage, said = REFUSED[case]
    damage(tmp_path / "backup", made)
    with pytest.raises(BackupRefused, match=said) as refused:
        made.restore(tmp_path / "backup")
    assert len(refused.value.next_step.split()) > 3
    assert not list(made.fences.parent.glob("ledger.db*"))


def test_fences_that_end_before_the_ledger_did_are_refused_unless_somebody_answers_for_it(
    made: Elsewhere, tmp_path: Path, clock: ManualClock
) -> None:
    with pytest.raises(BackupRefused, match="older than the ledger") as refused:
        made.restore(tmp_path / "backup", seen=9)
    assert refused.value.details == {
        "problem": "the file of destroyed keys is older than the ledger",
        "ends": "8",
        "seen": "9",
    }
    assert "--fences-end 8" in refused.value.next_step
    with pytest.raises(BackupRefused):
        made.restore(tmp_path / "backup", seen=9, accept_end=7)
    made.restore(tmp_path / "backup", seen=9, accept_end=8)
    made.open(clock).close()


def test_a_ledger_is_never_overwritten(made: Elsewhere, tmp_path: Path, clock: ManualClock) -> None:
    made.restore(tmp_path / "backup")
    ledger = made.open(clock)
    append(ledger, draft(b"newer"))
    ledger.close()
    with pytest.raises(LedgerExists):
        made.restore(tmp_path / "backup")
    ledger = made.open(clock)
    assert contents(ledger)[-1] == [b"newer"]
    ledger.close()
    with pytest.raises(BackupRefused, match="not empty"):
        make_backup(made.url, FileRootKeys.opened(made.root_key), tmp_path / "backup", NOW, progress=nothing)


def test_a_restore_that_was_broken_off_leaves_no_ledger_and_is_begun_anew(
    made: Elsewhere, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StorageFull()

    with monkeypatch.context() as broken:
        broken.setattr(SqliteStore, "write_head", full)
        with pytest.raises(StorageFull):
            made.restore(tmp_path / "backup")
    assert not Path(made.url).exists()
    made.restore(tmp_path / "backup")
    ledger = made.open(clock)
    assert len(contents(ledger)) == 8
    ledger.close()


def test_a_damaged_entry_is_told_instead_of_copied(
    backend: Backend, clock: ManualClock, tmp_path: Path
) -> None:
    ledger = backend.create(clock)
    some_records(ledger)
    ledger.close()
    backend.flip_bit(3, 200)
    with pytest.raises(EntryCorrupt) as corrupt:
        backed_up(backend, tmp_path / "backup")
    assert corrupt.value.position == 3
    with pytest.raises(BackupRefused, match="no manifest"):
        read_manifest(tmp_path / "backup")
