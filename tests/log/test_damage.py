"""Single flipped bits in leaves and ciphertext: all are found, and none is served or signed."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from consent_ledger.errors import EntryCorrupt, LogDamaged
from consent_ledger.ledger import Ledger, Transaction, create_ledger
from consent_ledger.log.checkpoint import Checkpoint
from consent_ledger.log.checkpointer import Checkpointer
from consent_ledger.log.fsck import Fsck, LogFault, LogFinding, LogReport
from consent_ledger.log.reading import (
    CheckedTiles,
    TileCache,
    list_entries,
    prove_consistency,
    prove_inclusion,
)
from consent_ledger.log.scrub import keep_scrubbing
from consent_ledger.store import read_store
from consent_ledger.store.sqlite_reader import SqliteReader
from tests.clock import ManualClock
from tests.contract.drafting import run
from tests.log.exported import append_many
from tests.vectors import oracle

SIGNED, SIZE = 300, 400


class Town:
    """A ledger that is open, signed up to `SIGNED`, and a way past it to its file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.db"
        self.ledger: Ledger = create_ledger(str(self.path), folder / "root.key", clock=ManualClock())
        append_many(self.ledger, SIGNED)
        self.log = Checkpointer(self.ledger)
        asyncio.run(self.log.catch_up())
        append_many(self.ledger, SIZE - SIGNED)
        self.leaves: list[bytes] = run(self.ledger, lambda transaction: transaction.leaf_hashes(0, SIZE))
        self._file = sqlite3.connect(self.path, isolation_level=None)

    def close(self) -> None:
        self._file.close()
        self.ledger.close()

    def flip(self, table: str, column: str, where: str, key: tuple[object, ...], at: int, bit: int) -> None:
        [(value,)] = self._file.execute(f"SELECT {column} FROM {table} WHERE {where}", key).fetchall()
        altered = bytearray(value)
        altered[at % len(altered)] ^= 1 << bit
        self._file.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (bytes(altered), *key))

    def execute(self, statement: str, *values: object) -> None:
        self._file.execute(statement, values)

    def fsck(self) -> LogReport:
        reader = read_store(str(self.path))
        try:
            fsck = Fsck(reader)
            steps = list(fsck.steps())
        finally:
            reader.close()
        assert steps[-1] == (SIZE, SIZE)
        return fsck.report

    def serve(self, position: int) -> None:
        """A proof and a listing of what is signed, by a hub that has looked at nothing of it before."""
        self.prove(position)
        self.list(position)

    def prove(self, position: int) -> None:
        assert self.log.newest is not None
        checkpoint, note, edge = self.log.newest
        cache = TileCache()
        run(
            self.ledger,
            lambda transaction: prove_inclusion(
                transaction, CheckedTiles(transaction, edge, cache), checkpoint, note, position
            ),
        )

    def list(self, position: int) -> None:
        assert self.log.newest is not None
        edge = self.log.newest.edge
        run(
            self.ledger,
            lambda transaction: list_entries(
                transaction, CheckedTiles(transaction, edge, TileCache()), SIGNED, position, 1
            ),
        )

    def signed(self) -> Checkpoint | None:
        """What a hub that starts now would sign, and does not."""
        asked: list[Checkpoint] = []

        class Enough(Exception):
            """It came as far as signing."""

        async def stop(checkpoint: Checkpoint) -> None:
            asked.append(checkpoint)
            raise Enough

        log = Checkpointer(self.ledger)
        log.before_signed = stop
        with pytest.raises((Enough, EntryCorrupt, LogDamaged)):
            asyncio.run(log.catch_up())
        return asked[0] if asked else None


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    made = Town(tmp_path_factory.mktemp("town"))
    yield made
    made.close()


def flip_and_look(town: Town, count: int, seed: int) -> None:
    random = Random(seed)
    root = oracle.root(town.leaves)
    assert town.fsck().faults == []
    assert town.signed() == Checkpoint(town.log.newest.checkpoint.origin, SIZE, root)  # type: ignore[union-attr]
    for _ in range(count):
        position, at, bit = random.randint(1, SIZE), random.randrange(1 << 16), random.randrange(8)
        column = random.choice(["leaf_hash", "body"])
        place = ("entries", column, "position = ?", (position,), at, bit)
        town.flip(*place)
        told = f"{column} of {position}, byte {at}, bit {bit}"
        assert town.fsck().faults == [LogFault(LogFinding.ALTERED, position)], told
        if position <= SIGNED:
            with pytest.raises((EntryCorrupt, LogDamaged)):
                town.serve(position)
        signed = town.signed()
        # What was signed before is not looked at again; what is new, and whatever is signed, is right.
        assert signed is None or (signed.root == root and position <= SIGNED), told
        town.flip(*place)
    assert town.fsck().faults == []
    town.serve(7)


def test_a_hundred_flipped_bits_are_found_and_none_is_served_or_signed(town: Town) -> None:
    flip_and_look(town, 100, seed=1)


@pytest.mark.slow
def test_a_thousand_flipped_bits_are_found_and_none_is_served_or_signed(town: Town) -> None:
    flip_and_look(town, 1000, seed=2)


def test_no_consistency_is_proved_over_a_leaf_that_was_altered(town: Town) -> None:
    """No entry is read for it, only hashes: each tile has to lead to what stands above it."""
    assert town.log.newest is not None
    edge = town.log.newest.edge
    place = ("entries", "leaf_hash", "position = ?", (101,), 9, 1)
    town.flip(*place)

    def prove(transaction: Transaction) -> list[bytes]:
        return prove_consistency(CheckedTiles(transaction, edge, TileCache()), 100, SIGNED)

    with pytest.raises(LogDamaged):
        run(town.ledger, prove)
    town.flip(*place)
    assert run(town.ledger, prove) == oracle.consistency(100, town.leaves[:SIGNED])


def test_a_proof_that_does_not_verify_is_not_given_away(town: Town) -> None:
    assert town.log.newest is not None
    checkpoint, note, _ = town.log.newest

    def zeroes(level: int, number: int) -> bytes:
        return bytes(256 * 32)

    with pytest.raises(EntryCorrupt):
        run(
            town.ledger,
            lambda transaction: prove_inclusion(transaction, zeroes, checkpoint, note, 17),
        )


@pytest.mark.parametrize("name", ["checkpoint", "vkey", "edge"])
def test_a_flipped_bit_of_what_is_kept_of_the_log_is_found(town: Town, name: str) -> None:
    found = set()
    for at in range(0, 90, 7):
        place = ("log_state", "value", "name = ?", (name,), at, at % 8)
        town.flip(*place)
        faults = town.fsck().faults
        assert faults, at
        found |= {fault.finding for fault in faults}
        town.flip(*place)
    assert found == {LogFinding.EDGE if name == "edge" else LogFinding.CHECKPOINT}
    assert town.fsck().faults == []


def test_an_edge_that_is_damaged_is_made_anew(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.flip("log_state", "value", "name = ?", ("edge",), 5, 1)
    assert town.fsck().faults == [LogFault(LogFinding.EDGE)]
    town.log.make_anew()
    asyncio.run(town.log.catch_up())
    assert town.fsck().faults == []
    town.close()


def test_a_missing_entry_is_found(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.execute("DELETE FROM entries WHERE position = 250")
    assert town.fsck().faults == [LogFault(LogFinding.MISSING, 250)]
    town.close()


def test_a_head_that_does_not_fit_is_found(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.execute("UPDATE head SET size = size - 1")
    assert LogFault(LogFinding.HEAD) in town.fsck().faults
    town.close()


def test_exchanged_entries_are_found(tmp_path: Path) -> None:
    """Each is whole in itself, and stands at the other's place."""
    town = Town(tmp_path)
    for one, other in ((7, -1), (9, 7), (-1, 9)):
        town.execute("UPDATE entries SET position = ? WHERE position = ?", other, one)
    assert [fault.finding for fault in town.fsck().faults] == [LogFinding.CHECKPOINT, LogFinding.EDGE]
    with pytest.raises((EntryCorrupt, LogDamaged)):
        town.prove(7)
    with pytest.raises((EntryCorrupt, LogDamaged)):
        town.list(7)
    town.close()


def test_an_entry_put_in_anothers_place_in_the_last_tile_is_not_listed(tmp_path: Path) -> None:
    """Its hashes are in memory, and agree with no row of the database."""
    town = Town(tmp_path)
    for one, other in ((SIGNED - 2, -1), (SIGNED - 1, SIGNED - 2), (-1, SIGNED - 1)):
        town.execute("UPDATE entries SET position = ? WHERE position = ?", other, one)
    with pytest.raises(EntryCorrupt):
        town.list(SIGNED - 1)
    town.close()


@pytest.mark.slow
def test_a_damaged_tile_is_found_never_served_and_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = create_ledger(str(path), tmp_path / "root.key", clock=ManualClock())
    append_many(ledger, 66_000)
    log = Checkpointer(ledger, every_seconds=0.01)
    asyncio.run(log.catch_up())
    file = sqlite3.connect(path, isolation_level=None)
    [(tile,)] = file.execute("SELECT hashes FROM tiles WHERE level = 1 AND number = 0").fetchall()
    altered = bytearray(tile)
    altered[4000] ^= 4
    file.execute("UPDATE tiles SET hashes = ?", (bytes(altered),))
    reader = read_store(str(path))
    fsck = Fsck(reader)
    assert list(fsck.steps())
    assert fsck.report.faults == [LogFault(LogFinding.TILE, level=1, number=0)]
    reader.close()
    assert log.newest is not None
    checkpoint, note, edge = log.newest

    def prove(cache: TileCache) -> None:
        run(
            ledger,
            lambda transaction: prove_inclusion(
                transaction, CheckedTiles(transaction, edge, cache), checkpoint, note, 17
            ),
        )

    with pytest.raises(LogDamaged):
        prove(TileCache())
    log.make_anew()
    asyncio.run(log.catch_up())
    prove(TileCache())
    assert file.execute("SELECT hashes FROM tiles WHERE level = 1 AND number = 0").fetchall() == [(tile,)]
    file.close()
    ledger.close()


def scrubbing(path: Path, told: "asyncio.Queue[LogReport]") -> "asyncio.Task[None]":
    return asyncio.ensure_future(
        keep_scrubbing(str(path), told.put_nowait, step_seconds=0, round_seconds=0.01)
    )


def test_a_scrub_tells_what_it_found(tmp_path: Path) -> None:
    async def follow(town: Town) -> None:
        told: asyncio.Queue[LogReport] = asyncio.Queue()
        scrub = scrubbing(town.path, told)
        assert (await asyncio.wait_for(told.get(), 20)).faults == []
        town.flip("entries", "body", "position = ?", (44,), 500, 3)
        faults: list[LogFault] = []
        while not faults:
            faults = (await asyncio.wait_for(told.get(), 20)).faults
        assert faults == [LogFault(LogFinding.ALTERED, 44)]
        scrub.cancel()
        await asyncio.wait([scrub])

    damaged = Town(tmp_path)
    asyncio.run(follow(damaged))
    damaged.close()


def test_a_scrub_that_cannot_be_made_is_told_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "ledger.db"

    def begin() -> Ledger:
        ledger = create_ledger(str(path), tmp_path / "root.key", clock=ManualClock())
        append_many(ledger, 5)
        return ledger

    async def follow() -> LogReport:
        told: asyncio.Queue[LogReport] = asyncio.Queue()
        scrub = scrubbing(path, told)
        await asyncio.sleep(0.1)
        ledger = await asyncio.to_thread(begin)
        report = await asyncio.wait_for(told.get(), 20)
        scrub.cancel()
        await asyncio.wait([scrub])
        ledger.close()
        return report

    assert asyncio.run(follow()).faults == []
    assert caplog.records[0].__dict__["event"] == "SCRUB_FAILED"


def test_a_scrub_that_is_broken_off_closes_nothing_that_is_still_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.db"
    told: list[str] = []
    ledger = create_ledger(str(path), tmp_path / "root.key", clock=ManualClock())
    append_many(ledger, 5)
    begun, real = threading.Event(), SqliteReader.close

    def slow(fsck: Fsck) -> Iterator[tuple[int, int]]:
        begun.set()
        time.sleep(0.3)
        told.append("read")
        yield 0, 0

    def close(reader: SqliteReader) -> None:
        told.append("closed")
        real(reader)

    monkeypatch.setattr(Fsck, "steps", slow)
    monkeypatch.setattr(SqliteReader, "close", close)

    async def follow() -> None:
        scrub = scrubbing(path, asyncio.Queue())
        await asyncio.to_thread(begun.wait)
        scrub.cancel()
        await asyncio.wait([scrub])

    asyncio.run(follow())
    ledger.close()
    assert told == ["read", "closed"]
