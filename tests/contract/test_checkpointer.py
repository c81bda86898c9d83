"""The log behind a ledger: what it signs, when, what it goes on from, and what it refuses to sign."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from time import monotonic
from typing import TypeVar

import pytest

from consent_ledger.errors import EntryCorrupt, LogDamaged
from consent_ledger.ledger import Ledger, Transaction
from consent_ledger.log import checkpointer
from consent_ledger.log.checkpoint import Checkpoint
from consent_ledger.log.checkpointer import CHECKPOINT_STATE, EDGE_STATE, Checkpointer, SignedCheckpoint
from consent_ledger.log.reading import (
    published_rows,
)
from consent_ledger.log.signing import ORIGIN_STATE, first_origin, signing_key
from consent_ledger.log.tree import EMPTY_ROOT, leaf_hash
from consent_ledger.store.port import StoredEntry
from tests.clock import ManualClock
from tests.contract.backends import Backend
from tests.contract.drafting import append, draft, run
from tests.contract.signing import leaves, many, signed
from tests.vectors import oracle

T = TypeVar("T")


@asynccontextmanager
async def running(log: Checkpointer) -> AsyncIterator[None]:
    task = asyncio.ensure_future(log.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def test_an_empty_ledger_has_a_checkpoint_too(ledger: Ledger) -> None:
    assert signed(ledger) == Checkpoint(first_origin(ledger.ledger_id), 0, EMPTY_ROOT)


@pytest.mark.parametrize("count", [1, 255, 256, 257, 700])
def test_the_root_is_that_of_the_entries(ledger: Ledger, count: int) -> None:
    many(ledger, count)
    checkpoint = signed(ledger)
    assert (checkpoint.size, checkpoint.root) == (count, oracle.root(leaves(ledger)))


def test_a_log_goes_on_where_an_earlier_hub_left_off(
    backend: Backend, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = backend.create(clock)
    many(first, 600)
    before = signed(first)
    first.close()
    second = backend.open(clock)
    read: list[int] = []

    def noted(rows: Sequence[StoredEntry], after: int) -> list[bytes]:
        read.append(after)
        return published_rows(rows, after)

    monkeypatch.setattr(checkpointer, "published_rows", noted)
    log = Checkpointer(second)
    assert signed(second, log) == before
    many(second, 300)
    after = signed(second, log)
    assert (after.size, after.root) == (900, oracle.root(leaves(second)))
    assert read == [600]
    second.close()


def test_what_is_stored_of_the_edge_is_only_believed_if_it_leads_to_the_root(ledger: Ledger) -> None:
    many(ledger, 600)
    before = signed(ledger)
    run(ledger, lambda transaction: transaction.write_state(EDGE_STATE, bytes(64)))
    many(ledger, 5)
    after = signed(ledger, Checkpointer(ledger))
    assert (after.size, after.root) == (605, oracle.root(leaves(ledger)))
    assert before.root != after.root


def test_two_replicas_sign_the_same(backend: Backend, clock: ManualClock) -> None:
    one = backend.create(clock)
    many(one, 300)
    a, b = Checkpointer(one), Checkpointer(one)
    assert signed(one, a) == signed(one, b)
    many(one, 300)

    async def both() -> None:
        await asyncio.gather(a.catch_up(), b.catch_up())

    asyncio.run(both())
    assert a.newest is not None
    assert b.newest is not None
    assert a.newest.checkpoint == b.newest.checkpoint
    assert a.newest.note == b.newest.note
    one.close()


def test_a_replica_that_was_slower_puts_no_smaller_checkpoint_over_a_larger(ledger: Ledger) -> None:
    many(ledger, 10)
    slow, fast = Checkpointer(ledger), Checkpointer(ledger)

    async def overtaken(checkpoint: Checkpoint) -> None:
        if checkpoint.size == 10:
            await asyncio.to_thread(append, ledger, draft())
            await fast.catch_up()

    slow.before_signed = overtaken
    assert signed(ledger, slow).size == 11
    note = run(ledger, lambda transaction: transaction.state(CHECKPOINT_STATE))
    assert fast.newest is not None
    assert note == fast.newest.note


def test_a_checkpoint_is_there_within_a_second_of_a_change(ledger: Ledger) -> None:
    async def follow() -> float:
        log = Checkpointer(ledger)
        async with running(log):
            assert await log.wait_until(lambda: log.newest, 10) is not None
            slowest = 0.0
            for _ in range(4):
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(None, append, ledger, draft())
                size, began = run_size(ledger), monotonic()
                found = await log.wait_until(partial(reaching, log, size), 5)
                assert found is not None
                slowest = max(slowest, monotonic() - began)
            return slowest

    assert asyncio.run(follow()) < 1.0


def reaching(log: Checkpointer, size: int) -> SignedCheckpoint | None:
    return log.newest if log.newest is not None and log.newest.checkpoint.size >= size else None


def run_size(ledger: Ledger) -> int:
    return run(ledger, lambda transaction: transaction.size)


def test_a_long_way_is_told_of(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger of an earlier release has very many entries and no log."""
    monkeypatch.setattr(checkpointer, "_TOLD", 1000)
    many(ledger, 2600)
    told: list[tuple[int, int]] = []
    log = Checkpointer(ledger)
    log.progress = lambda done, size: told.append((done, size))
    assert signed(ledger, log).size == 2600
    assert told == [(1024, 2600), (2048, 2600)]


def test_an_idle_ledger_is_left_alone(ledger: Ledger) -> None:
    many(ledger, 3)

    async def follow() -> list[int]:
        log = Checkpointer(ledger, every_seconds=0.01)
        commands: list[int] = []
        async with running(log):
            await log.wait_until(lambda: log.newest, 10)
            await asyncio.sleep(0.1)
            ledger.on_commit(lambda count, *_: commands.append(count))
            await asyncio.sleep(0.5)
        return commands

    assert asyncio.run(follow()) == []


@pytest.mark.parametrize("byte", [3, 60, 500, 1023])
def test_a_flipped_bit_of_a_body_is_never_signed(backend: Backend, clock: ManualClock, byte: int) -> None:
    ledger = backend.create(clock)
    many(ledger, 10)
    ledger.close()
    backend.flip_bit(7, byte)
    ledger = backend.open(clock)
    with pytest.raises(EntryCorrupt) as told:
        signed(ledger)
    assert told.value.position == 7
    assert run(ledger, lambda transaction: transaction.state(CHECKPOINT_STATE)) is None
    ledger.close()


def test_a_missing_entry_is_never_signed(backend: Backend, clock: ManualClock) -> None:
    ledger = backend.create(clock)
    many(ledger, 10)
    ledger.close()
    backend.delete(4)
    ledger = backend.open(clock)
    with pytest.raises((LogDamaged, EntryCorrupt)):
        signed(ledger)
    ledger.close()


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_bit_that_flips_in_memory_is_never_signed(
    ledger: Ledger, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read right may go wrong in memory: everything is derived twice before it is signed."""
    many(ledger, 10)
    log = Checkpointer(ledger)
    before = signed(ledger, log)
    many(ledger, 10)
    if when == "before":
        log._edge._levels[0][5] ^= 1
    else:
        monkeypatch.setattr(
            checkpointer, "leaf_hash", lambda entry: bytes([leaf_hash(entry)[0] ^ 1]) + leaf_hash(entry)[1:]
        )
    with pytest.raises(LogDamaged):
        signed(ledger, log)
    assert log.newest is not None
    assert log.newest.checkpoint == before
    monkeypatch.undo()
    log.make_anew()
    assert signed(ledger, log).root == oracle.root(leaves(ledger))


@pytest.mark.parametrize("grown", [False, True])
def test_another_history_under_the_signed_one_is_neither_shown_nor_gone_on_from(
    ledger: Ledger, grown: bool
) -> None:
    many(ledger, 10)
    signed(ledger)
    other = Checkpoint(first_origin(ledger.ledger_id), 10, bytes(32))

    def forge(transaction: Transaction) -> None:
        key = signing_key(transaction, ledger.ledger_id)
        note = f"{other.text}\n{key.sign(other.text)}"
        transaction.write_state(CHECKPOINT_STATE, note.encode())

    run(ledger, forge)
    if grown:
        append(ledger, draft())
    with pytest.raises(LogDamaged):
        signed(ledger)


def test_a_checkpoint_of_another_key_is_not_taken(ledger: Ledger) -> None:
    many(ledger, 3)
    checkpoint = signed(ledger)

    def forge(transaction: Transaction) -> None:
        note = f"{checkpoint.text}\n— {checkpoint.origin} {'A' * 90}==\n"
        transaction.write_state(CHECKPOINT_STATE, note.encode())

    run(ledger, forge)
    with pytest.raises(LogDamaged):
        signed(ledger)


def test_a_new_origin_signs_the_same_tree_anew(ledger: Ledger) -> None:
    many(ledger, 3)
    log = Checkpointer(ledger)
    before = signed(ledger, log)
    run(ledger, lambda transaction: transaction.write_state(ORIGIN_STATE, f"{before.origin}/2".encode()))
    for again in (log, Checkpointer(ledger)):
        after = signed(ledger, again)
        assert after == Checkpoint(f"{before.origin}/2", 3, before.root)


def test_whoever_guards_the_log_is_asked_before_it_is_signed_and_told_before_it_is_shown(
    ledger: Ledger,
) -> None:
    many(ledger, 3)
    log = Checkpointer(ledger)
    told: list[object] = []

    async def asked(checkpoint: Checkpoint) -> None:
        assert log.newest is None
        assert await log.root_at(2) == oracle.root(leaves(ledger)[:2])
        told.append(checkpoint.size)

    async def shown(note: bytes) -> None:
        assert log.newest is None
        told.append(note)

    log.before_signed, log.before_shown = asked, shown
    signed(ledger, log)
    assert log.newest is not None
    assert told == [3, log.newest.note]


def test_what_its_guard_refuses_is_not_signed(ledger: Ledger) -> None:
    many(ledger, 3)
    log = Checkpointer(ledger)

    async def refuse(checkpoint: Checkpoint) -> None:
        raise LogDamaged(reason="a guard")

    log.before_signed = refuse
    with pytest.raises(LogDamaged):
        signed(ledger, log)
    assert log.newest is None
    assert run(ledger, lambda transaction: transaction.state(CHECKPOINT_STATE)) is None


def test_a_log_that_is_barred_signs_nothing_and_shows_what_it_has(ledger: Ledger) -> None:
    many(ledger, 3)
    log = Checkpointer(ledger)
    signed(ledger, log)
    log.barred = True
    signed(ledger, log)
    append(ledger, draft())
    with pytest.raises(LogDamaged):
        signed(ledger, log)


def test_a_failure_is_told_and_the_task_goes_on(
    backend: Backend, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = backend.create(clock)
    append(ledger, draft())
    log = Checkpointer(ledger, every_seconds=0.01)
    refusing = True

    async def refuse(checkpoint: Checkpoint) -> None:
        if refusing:
            raise RuntimeError("content that must not be told")

    async def follow() -> None:
        nonlocal refusing
        async with running(log):
            while log.failure is None:
                await asyncio.sleep(0.01)
            assert log.failure == "RuntimeError"
            refusing = False
            assert await log.wait_until(lambda: log.newest, 10) is not None
            while log.failure is not None:
                await asyncio.sleep(0.01)

    log.before_signed = refuse
    asyncio.run(follow())
    assert "content" not in caplog.text
    assert [record.__dict__["event"] for record in caplog.records] == ["LOG_NOT_SIGNED"]
    ledger.close()
