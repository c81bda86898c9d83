"""What survives: kills, failed commits, damage; and that one process alone writes (I1)."""

import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from consent_ledger.errors import (
    EntryCorrupt,
    LedgerExists,
    LedgerInUse,
    LedgerMissing,
    OnceToldError,
    StorageError,
    StorageFailed,
    StorageFull,
)
from consent_ledger.ledger import KeyOwner, Ledger
from consent_ledger.root_keys import FileRootKeys
from consent_ledger.store import open_store
from tests.clock import ManualClock
from tests.contract.backends import Backend
from tests.contract.drafting import append, draft, payloads, run, together

ROOT = Path(__file__).parents[2]
WRITER = """
import sys
from pathlib import Path
from consent_ledger.ledger import open_ledger
from tests.clock import ManualClock
from tests.contract.drafting import append, draft
ledger = open_ledger(sys.argv[1], Path(sys.argv[2]), clock=ManualClock())
while True:
    [position] = append(ledger, draft())
    print(position, flush=True)
"""


def writer(backend: Backend) -> "subprocess.Popen[str]":
    """Another process that appends without end and says what was acknowledged."""
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, backend.url, str(backend.root_key)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


class FailingStore:
    """A store whose next commit fails, after the given error was set."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.error: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self) -> None:
        error, self.error = self.error, None
        if error is not None:
            raise error
        self._store.commit()


@pytest.fixture
def failing(backend: Backend, clock: ManualClock) -> FailingStore:
    backend.create(clock).close()
    return FailingStore(open_store(backend.url))


@pytest.mark.parametrize("acknowledged", [1, 40])
def test_what_was_acknowledged_survives_a_kill(
    backend: Backend, clock: ManualClock, acknowledged: int
) -> None:
    backend.create(clock).close()
    process = writer(backend)
    assert process.stdout is not None
    for _ in range(acknowledged):
        last = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().split()
    process.wait()
    process.stdout.close()

    ledger = backend.open(clock)
    size = run(ledger, lambda t: t.size)
    # The last line may have been cut short by the kill.
    assert size >= max([last, *map(int, rest[:-1])]) >= acknowledged
    assert payloads(ledger) == [b"something"] * size
    assert append(ledger, draft()) == [size + 1]
    ledger.close()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_hundred_kills_lose_nothing_acknowledged(backend: Backend, clock: ManualClock) -> None:
    """At most 1.5 % of kills could lose something and still pass this (none in 200)."""
    backend.create(clock).close()
    killing = [sys.executable, "-m", "tests.contract.killed_writer", backend.url, str(backend.root_key)]
    told = subprocess.run([*killing, "200"], check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    acknowledged = int(told.stdout)

    ledger = backend.open(clock)
    size = run(ledger, lambda t: t.size)
    assert size >= acknowledged >= 200
    assert payloads(ledger) == [b"something"] * size
    ledger.close()


def test_a_second_process_is_refused_and_told_who_writes(backend: Backend, clock: ManualClock) -> None:
    """Where the database is one process's alone; where it is not, both write."""
    backend.create(clock).close()
    process = writer(backend)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        if backend.one_writer:
            with pytest.raises(LedgerInUse) as refused:
                backend.open(clock)
            assert refused.value.pid == process.pid
            assert str(process.pid) in str(refused.value)
        else:
            beside = backend.open(clock)
            [position] = append(beside, draft())
            beside.close()
            while (said := int(process.stdout.readline())) < position:
                pass
            assert said > position
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    backend.open(clock).close()


def test_a_second_opener_in_the_same_process_is_refused(backend: Backend, clock: ManualClock) -> None:
    """Where the database is one process's alone; where it is not, both write, and see one another."""
    ledger = backend.create(clock)
    if backend.one_writer:
        with pytest.raises(LedgerInUse):
            backend.open(clock)
    else:
        beside = backend.open(clock)
        assert append(beside, draft(b"beside")) == [1]
        assert append(ledger, draft(b"first")) == [2]
        assert append(beside, draft(b"again")) == [3]
        assert payloads(ledger) == payloads(beside) == [b"beside", b"first", b"again"]
        beside.close()
    assert append(ledger, draft()) == [1 if backend.one_writer else 4]
    ledger.close()


def test_a_ledger_is_neither_overwritten_nor_made_by_opening(backend: Backend, clock: ManualClock) -> None:
    with pytest.raises(OnceToldError):
        backend.open(clock)
    ledger = backend.create(clock)
    append(ledger, draft(b"kept"))
    ledger.close()
    with pytest.raises(LedgerExists):
        backend.create(clock)

    again = backend.open(clock)
    assert payloads(again) == [b"kept"]
    again.close()


def test_opening_where_no_ledger_is_says_so(backend: Backend, clock: ManualClock) -> None:
    backend.create(clock).close()
    with pytest.raises(LedgerMissing):
        open_store(backend.elsewhere)


def test_a_full_disk_fails_the_commit_and_nothing_else(
    backend: Backend, clock: ManualClock, failing: FailingStore
) -> None:
    resets: list[str] = []
    ledger = Ledger(failing, FileRootKeys.opened(backend.root_key), clock)
    ledger.on_reset(lambda: resets.append("reset"))
    append(ledger, draft(b"before"))

    failing.error = StorageFull()
    with pytest.raises(StorageFull):
        append(ledger, draft(b"lost"))

    assert resets == ["reset"]
    assert payloads(ledger) == [b"before"]
    assert append(ledger, draft(b"after")) == [2]
    assert payloads(ledger) == [b"before", b"after"]
    ledger.close()


def test_keys_and_time_of_a_failed_commit_are_forgotten(
    backend: Backend, clock: ManualClock, failing: FailingStore
) -> None:
    owner = KeyOwner(uuid4(), "HOUSING")
    ledger = Ledger(failing, FileRootKeys.opened(backend.root_key), clock)
    clock.step(timedelta(seconds=60))
    failing.error = StorageFull()
    with pytest.raises(StorageFull):
        append(ledger, draft(b"lost", owner=owner))
    clock.step(timedelta(seconds=-60))
    append(ledger, draft(b"kept", owner=owner))
    ledger.close()

    # A key that was lost with its commit must not have sealed what came after.
    again = backend.open(clock)
    [entry] = run(again, lambda t: t.entries(0))
    again.close()
    assert (entry.parts[0].payload, entry.recorded_at) == (b"kept", clock.now())


@pytest.mark.parametrize("error", [StorageFailed(reason="fsync"), RuntimeError("a defect")])
def test_after_a_failed_disk_nothing_is_written_until_reopened(
    backend: Backend, clock: ManualClock, failing: FailingStore, error: Exception
) -> None:
    resets: list[str] = []
    ledger = Ledger(failing, FileRootKeys.opened(backend.root_key), clock)
    ledger.on_reset(lambda: resets.append("reset"))
    append(ledger, draft(b"before"))

    def arm_and_append(transaction: Any) -> list[int]:
        failing.error = error
        positions: list[int] = transaction.append([draft(b"lost")], decided_at=transaction.size)
        return positions

    commands: list[Callable[[Any], list[int]]] = [
        arm_and_append,
        lambda t: t.append([draft(b"lost too")], decided_at=t.size),
    ]
    failures = [future.exception(30) for future in together(ledger, *commands)]
    assert failures == [error, error]
    with pytest.raises(StorageFailed):
        append(ledger, draft(b"refused"))
    with pytest.raises(StorageFailed):
        run(ledger, lambda t: t.size)
    assert resets == ["reset"]
    ledger.close()

    again = backend.open(clock)
    assert payloads(again) == [b"before"]
    assert append(again, draft(b"after")) == [2]
    again.close()


def test_an_error_in_a_reset_stops_the_ledger(
    backend: Backend, clock: ManualClock, failing: FailingStore
) -> None:
    def broken() -> None:
        raise KeyError("state")

    ledger = Ledger(failing, FileRootKeys.opened(backend.root_key), clock)
    ledger.on_reset(broken)
    failing.error = StorageFull()
    with pytest.raises(StorageFull):
        append(ledger, draft())
    with pytest.raises(StorageFailed):
        append(ledger, draft())
    ledger.close()


BODY = 1024
"""Bytes of the smallest stored body."""


@pytest.mark.parametrize("byte", [0, 2, 3, 20, 60, 90, 150, 600, BODY - 1])
def test_one_flipped_bit_is_found_wherever_it_is(backend: Backend, clock: ManualClock, byte: int) -> None:
    ledger = backend.create(clock)
    append(ledger, *(draft() for _ in range(3)))
    ledger.close()
    backend.flip_bit(2, byte)

    again = backend.open(clock)
    with pytest.raises(EntryCorrupt) as found:
        run(again, lambda t: t.entries(0))
    assert found.value.position == 2
    assert run(again, lambda t: t.entry(3)).position == 3
    again.close()


def test_the_last_entry_is_checked_on_opening(backend: Backend, clock: ManualClock) -> None:
    ledger = backend.create(clock)
    append(ledger, draft(), draft())
    ledger.close()
    backend.flip_bit(2, 100)

    with pytest.raises(EntryCorrupt):
        backend.open(clock)


def test_exchanged_entries_are_found(backend: Backend, clock: ManualClock) -> None:
    ledger = backend.create(clock)
    append(ledger, *(draft() for _ in range(3)))
    ledger.close()
    backend.swap_bodies(1, 2)

    again = backend.open(clock)
    with pytest.raises(EntryCorrupt):
        run(again, lambda t: t.entries(0))
    again.close()


def test_a_missing_last_entry_is_found(backend: Backend, clock: ManualClock) -> None:
    ledger = backend.create(clock)
    append(ledger, draft(), draft())
    ledger.close()
    assert backend.size_column() == 2
    backend.delete(2)

    with pytest.raises(EntryCorrupt):
        backend.open(clock)


def test_a_missing_entry_in_between_is_found(backend: Backend, clock: ManualClock) -> None:
    ledger = backend.create(clock)
    stream = uuid4()
    append(ledger, *(draft(stream=stream, version=n) for n in (1, 2, 3)))
    ledger.close()
    backend.delete(2)

    again = backend.open(clock)
    with pytest.raises(EntryCorrupt) as found:
        run(again, lambda t: t.entries(0))
    assert found.value.position == 2
    with pytest.raises(EntryCorrupt):
        run(again, lambda t: t.stream(stream))
    again.close()


def test_corruption_fails_the_reader_alone(backend: Backend, clock: ManualClock) -> None:
    ledger = backend.create(clock)
    append(ledger, draft(), draft())
    ledger.close()
    backend.flip_bit(1, 100)

    again = backend.open(clock)
    with pytest.raises(StorageError):
        run(again, lambda t: t.entry(1))
    assert append(again, draft()) == [3]
    again.close()
