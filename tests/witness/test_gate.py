"""A database that came back older, or other, than what was signed is refused, and a new origin is begun."""

import os
import random
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from adapters.kit.errors import LogMisbehaved, ProofRefused
from adapters.kit.notes import VerifierKey
from adapters.kit.proofs import Checkpoint, TrustRule
from adapters.witness.signer import Witness, new_key
from consent_ledger.domain import LedgerOrigin
from consent_ledger.errors import (
    CheckpointMissing,
    CheckpointUnusable,
    LedgerDiverged,
    LedgerRolledBack,
    LogDamaged,
    StorageFailed,
)
from consent_ledger.ledger import Ledger
from consent_ledger.log import gate as gate_module
from consent_ledger.log.checkpointer import Checkpointer
from consent_ledger.log.gate import Gate
from consent_ledger.repository import Repository
from hub.use_cases.new_origin import begin_new_origin
from tests.clock import ManualClock
from tests.witness.ledgers import Kept, append

BACKUPS = 50


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    made = Kept(tmp_path / "hub", ManualClock())
    made.create()
    return made


async def nothing(ledger: Ledger, checkpointer: Checkpointer) -> None:
    """What only opens the ledger and passes the gate."""


async def key_of(ledger: Ledger, checkpointer: Checkpointer) -> VerifierKey:
    signed = await checkpointer.catch_up()
    from consent_ledger.log.signing import signing_key

    key = await ledger.run(lambda transaction: signing_key(transaction, ledger.ledger_id))
    assert signed.checkpoint.origin == key.name
    return VerifierKey.parse(str(key.verifier))


def test_what_was_signed_lies_outside_the_database_before_it_is_shown(kept: Kept) -> None:
    seen: list[tuple[object, bytes]] = []

    async def work(ledger: Ledger, checkpointer: Checkpointer) -> None:
        real = checkpointer.before_shown

        async def watched(note: bytes) -> None:
            seen.append((checkpointer.newest and checkpointer.newest.note, note))
            await real(note)
            assert kept.file.read_bytes() == note

        checkpointer.before_shown = watched
        for _ in range(3):
            await append(ledger, 2)
            await checkpointer.catch_up()

    kept.opened(work)
    assert len(seen) == 3 and all(shown != note for shown, note in seen)
    rule = TrustRule(kept.opened(key_of))
    assert rule.believed(kept.file.read_bytes()).size == 6
    assert kept.file.stat().st_mode & 0o077 == 0


def test_a_ledger_goes_on_from_one_start_to_the_next(kept: Kept) -> None:
    assert [kept.grow(number).checkpoint.size for number in (1, 5, 0, 300)] == [1, 6, 6, 306]


def older_backups(kept: Kept, folder: Path) -> Iterator[Path]:
    """So many, at sizes of all kinds; the ledger is one entry larger at the end."""
    sizes = random.Random("backups")
    for number in range(BACKUPS):
        kept.grow(sizes.choice([1, 1, 2, 3, 7, 20]))
        backup = folder / str(number)
        kept.back_up(backup)
        yield backup
    kept.grow(1)


def test_every_older_backup_is_refused_at_start(
    kept: Kept, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    backups = list(older_backups(kept, tmp_path / "backups"))
    newest = tmp_path / "newest"
    kept.back_up(newest)
    refused = 0
    for backup in backups:
        kept.restore(backup)
        with pytest.raises(LedgerRolledBack, match="new-origin"):
            kept.opened(nothing)
        refused += 1

    assert refused == BACKUPS
    record_property("figures", f"{refused} of {BACKUPS} older backups refused at start")
    kept.restore(newest)
    kept.opened(nothing)


def test_every_older_backup_that_grew_again_is_refused_at_start(kept: Kept, tmp_path: Path) -> None:
    """To the size that was signed, and beyond; by a program that does not look, an older release say."""
    backups = list(older_backups(kept, tmp_path / "backups"))
    size = TrustRule(kept.opened(key_of)).believed(kept.file.read_bytes()).size
    for number, backup in enumerate(backups[::5]):
        kept.restore(backup)
        file = kept.file.read_bytes()
        stands = kept.opened(size_of, gated=False)
        kept.grow(size - stands + number % 3, gated=False)
        assert kept.file.read_bytes() == file
        with pytest.raises(LedgerDiverged, match="new-origin"):
            kept.opened(nothing)


async def size_of(ledger: Ledger, checkpointer: Checkpointer) -> int:
    return await ledger.run(lambda transaction: transaction.size)


def exchanged(kept: Kept, folder: Path, grown: int, found: type[StorageFailed]) -> bytes:
    """An older ledger of four entries takes the place of one of seven, and grows, while the checkpoint file
    knows better: nothing is signed or appended any more. What the file was given."""
    kept.grow(4)
    kept.back_up(folder)
    ahead: bytes = kept.grow(3).note
    kept.restore(folder)
    kept.file.unlink()

    async def work(ledger: Ledger, checkpointer: Checkpointer) -> None:
        await Gate(ledger, checkpointer, kept.file, shared=True).require()
        kept.file.write_bytes(ahead)
        await append(ledger, grown)
        with pytest.raises(found):
            await checkpointer.catch_up()
        assert checkpointer.newest is None or checkpointer.newest.checkpoint.size == 4
        with pytest.raises(StorageFailed):
            await append(ledger, 1)

    kept.opened(work, gated=False)
    return ahead


def test_a_ledger_that_is_exchanged_while_it_serves_is_refused_for_good(kept: Kept, tmp_path: Path) -> None:
    """As after a failover: the checkpoint file knows more than the database that answers now."""
    ahead = exchanged(kept, tmp_path / "backup", 1, LedgerRolledBack)
    assert kept.file.read_bytes() == ahead


def test_a_ledger_that_grew_another_way_is_not_signed(kept: Kept, tmp_path: Path) -> None:
    exchanged(kept, tmp_path / "backup", 5, LedgerDiverged)


def test_without_the_file_a_ledger_that_was_signed_is_refused(kept: Kept) -> None:
    kept.opened(nothing)
    kept.grow(3)
    kept.file.unlink()

    with pytest.raises(CheckpointMissing, match="witness"):
        kept.opened(nothing)


def test_a_tree_that_cannot_be_read_is_made_anew_from_the_entries_and_compared(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.grow(600)
    kept.back_up(tmp_path / "backup")
    kept.grow(30)

    async def damaged(checkpointer: Checkpointer, size: int) -> bytes:
        raise LogDamaged(level=1, tile=0)

    async def required(ledger: Ledger, checkpointer: Checkpointer) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(Checkpointer, "root_at", damaged)
            await Gate(ledger, checkpointer, kept.file).require()

    kept.opened(required, gated=False)
    kept.restore(tmp_path / "backup")
    kept.grow(40, gated=False)
    with pytest.raises(LedgerDiverged):
        kept.opened(required, gated=False)


def test_the_files_bytes_and_its_name_are_both_synced(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    real = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        real(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", watched)
        gate_module.write_checkpoint_file(kept.file, b"any")

    assert synced == [False, True]


def test_damage_to_what_is_derived_bars_nobody_and_hides_nothing(kept: Kept, tmp_path: Path) -> None:
    """Damaged tiles are made anew from the entries; the entries are compared all the same."""
    kept.grow(600)
    kept.back_up(tmp_path / "backup")
    kept.grow(300)
    damage = (
        "UPDATE tiles SET hashes = zeroblob(8192)",
        "UPDATE log_state SET value = zeroblob(64) WHERE name = 'edge'",
    )
    for statement in damage:
        with closing(sqlite3.connect(kept.database)) as database:
            database.execute(statement)
            database.commit()
        kept.opened(nothing)

    kept.restore(tmp_path / "backup")
    kept.grow(400, gated=False)
    for statement in damage:
        with closing(sqlite3.connect(kept.database)) as database:
            database.execute(statement)
            database.commit()
        with pytest.raises(LedgerDiverged):
            kept.opened(nothing)


def test_a_file_that_somebody_else_signed_is_refused(kept: Kept, tmp_path: Path) -> None:
    other = Kept(tmp_path / "other", kept.clock)
    other.create()
    kept.grow(3)
    own = kept.file.read_bytes()

    for wrong in (b"", own[:-1], own.replace(b"\n3\n", b"\n2\n"), other.grow(3).note):
        kept.file.write_bytes(wrong)
        with pytest.raises(CheckpointUnusable):
            kept.opened(nothing)
    kept.file.write_bytes(own)
    kept.opened(nothing)


def test_while_the_file_cannot_be_written_nothing_is_shown(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.grow(3)

    async def work(ledger: Ledger, checkpointer: Checkpointer) -> None:
        await checkpointer.catch_up()
        await append(ledger, 1)

        def full(descriptor: int) -> None:
            raise OSError(28, "full")

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            with pytest.raises(Exception, match="STORAGE_FULL"):
                await checkpointer.catch_up()
            assert checkpointer.newest is not None and checkpointer.newest.checkpoint.size == 3
        await checkpointer.catch_up()
        assert checkpointer.newest.checkpoint.size == 4

    kept.opened(work)


# -- a new origin ---------------------------------------------------------------------------------


def rolled_back(kept: Kept, tmp_path: Path) -> tuple[bytes, VerifierKey]:
    """A ledger of 4 entries whose 7 were signed. Answers the last note, and the key it was signed with."""
    kept.grow(4)
    kept.back_up(tmp_path / "backup")
    last = kept.grow(3).note
    key = kept.opened(key_of)
    kept.restore(tmp_path / "backup")
    return last, key


def test_a_restored_ledger_goes_on_under_a_new_origin_that_says_behind_what(
    kept: Kept, tmp_path: Path
) -> None:
    last, key = rolled_back(kept, tmp_path)

    async def begin(ledger: Ledger, checkpointer: Checkpointer) -> VerifierKey:
        return VerifierKey.parse(str(await begin_new_origin(ledger, kept.file)))

    second = kept.opened(begin, gated=False)
    assert (second.name, second.public) == (f"{key.name}/2", key.public)

    async def first_entry(ledger: Ledger, checkpointer: Checkpointer) -> LedgerOrigin:
        def command(transaction: object) -> LedgerOrigin:
            identity = transaction.vault.opaque_id("ledger-origin", second.name)  # type: ignore[attr-defined]
            return Repository(transaction).get(LedgerOrigin, identity)  # type: ignore[arg-type]

        return await ledger.run(command)

    begun = kept.opened(first_entry)
    assert (begun.checkpoint.encode(), begun.restored_size) == (last, 4)
    assert kept.grow(2).checkpoint == (second.name, 7, kept.grow(0).checkpoint.root)
    assert TrustRule(second).believed(kept.file.read_bytes()).size == 7
    assert (kept.folder / "checkpoint.1").read_bytes() == last


def test_a_witness_of_the_old_origin_signs_nothing_of_the_restored_ledger(kept: Kept, tmp_path: Path) -> None:
    last, key = rolled_back(kept, tmp_path)
    new_key(tmp_path / "witness", "north.example/witness")
    witness = Witness(tmp_path / "witness", [key])
    witness.cosign(last, 0, [])
    regrown = kept.grow(3, gated=False).note  # a hub that does not look
    with pytest.raises(LogMisbehaved):
        witness.cosign(regrown, 7, [])

    kept.restore(tmp_path / "backup")
    second = kept.opened(lambda ledger, _: begin_new_origin(ledger, kept.file), gated=False)
    with pytest.raises(ProofRefused, match="ORIGIN"):
        witness.cosign(kept.file.read_bytes(), 0, [])
    both = Witness(tmp_path / "witness", [key, VerifierKey.parse(str(second))])
    assert both.cosign(kept.file.read_bytes(), 0, [])
    assert Checkpoint.parse(kept.file.read_bytes()).size == 5


def test_no_origin_is_begun_twice(kept: Kept, tmp_path: Path) -> None:
    """Nor after a backup from before the last new origin was restored."""
    last, _ = rolled_back(kept, tmp_path)
    names = []
    for _ in range(2):
        kept.restore(tmp_path / "backup")
        begun = kept.opened(lambda ledger, _: begin_new_origin(ledger, kept.file), gated=False)
        names.append(begun.name.rsplit("/", 1)[1])
        with pytest.raises(LedgerDiverged):
            kept.restore(tmp_path / "backup")
            kept.opened(nothing)

    assert names == ["2", "3"]
    assert (kept.folder / "checkpoint.1").read_bytes() == last
    assert (kept.folder / "checkpoint.2").exists()


def test_a_new_origin_needs_the_last_checkpoint_or_the_word_that_nobody_has_one(
    kept: Kept, tmp_path: Path
) -> None:
    last, _ = rolled_back(kept, tmp_path)
    kept.file.unlink()
    with pytest.raises(CheckpointMissing):
        kept.opened(lambda ledger, _: begin_new_origin(ledger, kept.file), gated=False)
    for wrong in (b"", last[:-1]):
        with pytest.raises((CheckpointMissing, CheckpointUnusable)):
            kept.opened(lambda ledger, _: begin_new_origin(ledger, kept.file, witnessed=wrong), gated=False)  # noqa: B023

    witnessed = kept.opened(
        lambda ledger, _: begin_new_origin(ledger, kept.file, witnessed=last), gated=False
    )
    assert witnessed.name.endswith("/2")
    kept.file.unlink()
    alone = kept.opened(lambda ledger, _: begin_new_origin(ledger, kept.file, unknown=True), gated=False)
    assert alone.name.endswith("/3")
    kept.opened(nothing)
