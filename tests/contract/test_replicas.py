"""Several processes write one ledger: positions are dense and in the order of commits, and a follower misses
nothing (FAULTS 16). What one removed or recorded, the others know before they go on."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest

from consent_ledger.check import check_ledger
from consent_ledger.clock import TOLERANCE, SystemClock
from consent_ledger.errors import StorageError, StreamConflict
from consent_ledger.ledger import Draft, Entry, KeyOwner, Ledger, Transaction, open_ledger
from consent_ledger.store import open_store, postgres
from consent_ledger.store.port import KeyRow
from tests.clock import ManualClock
from tests.contract.backends import PostgresBackend
from tests.contract.drafting import append, draft, payloads, run, together
from tests.contract.test_erased_keys import contents, erasing, record

WRITERS = 4
WRITER = """
import random, sys, time
from pathlib import Path
from consent_ledger.ledger import open_ledger
from tests.clock import ManualClock
from tests.contract.drafting import draft
url, key, name, count = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
dice = random.Random(name)
ledger = open_ledger(url, key, clock=ManualClock())
done, waiting = 0, []
while done < count:
    many = min(dice.choice([1, 1, 2, 5, 20]), count - done)
    drafts = [draft(f"{name} {number}".encode()) for number in range(done, done + many)]
    pause = dice.choice([0, 0, 0, 0.003])
    def command(transaction, drafts=drafts, pause=pause):
        positions = transaction.append(drafts, decided_at=transaction.size)
        time.sleep(pause)
        return positions
    waiting.append(ledger.submit(command))
    done += many
    if len(waiting) > 8:
        waiting.pop(0).result(60)
for one in waiting:
    one.result(60)
ledger.close()
"""


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[PostgresBackend]:
    made = PostgresBackend(tmp_path)
    yield made
    made.clean_up()


@pytest.fixture
def two(backend: PostgresBackend, clock: ManualClock) -> Iterator[tuple[Ledger, Ledger]]:
    """Two ledgers over one database, as two processes would have them."""
    one = backend.create(clock)
    other = backend.open(clock)
    yield one, other
    one.close()
    other.close()


def written_and_followed(backend: PostgresBackend, clock: ManualClock, count: int) -> tuple[list[bytes], int]:
    """What a follower read, position by position, while four processes wrote; and how often it looked."""
    follower = backend.create(clock)
    root = Path(__file__).parents[2]
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, backend.url, str(backend.root_key), f"w{number}", str(share)],
            cwd=root,
        )
        for number, share in enumerate([count // WRITERS] * WRITERS)
    ]
    read: list[bytes] = []
    looks = 0
    while any(one.poll() is None for one in writers) or run(follower, lambda t: t.size) > len(read):
        entries = run(follower, reading_behind(len(read)))
        assert [entry.position for entry in entries] == list(
            range(len(read) + 1, len(read) + 1 + len(entries))
        )
        read += [entry.parts[0].payload for entry in entries]
        looks += 1
        time.sleep(0.002)
    assert [one.returncode for one in writers] == [0] * WRITERS
    follower.close()
    return read, looks


def reading_behind(position: int) -> Callable[[Transaction], list[Entry]]:
    return lambda transaction: transaction.entries(position)


def check_followed(read: list[bytes], count: int) -> None:
    """Each entry once, and each writer's in the order it wrote them."""
    assert len(read) == count
    for number in range(WRITERS):
        own = [int(payload.split()[1]) for payload in read if payload.startswith(b"w%d " % number)]
        assert own == list(range(count // WRITERS))


def test_four_processes_append_and_a_follower_misses_nothing(
    backend: PostgresBackend, clock: ManualClock, record_property: Callable[[str, object], None]
) -> None:
    count = 4_000
    read, looks = written_and_followed(backend, clock, count)
    check_followed(read, count)
    # They did write beside one another, and the follower did read meanwhile.
    changes = sum(one.split()[0] != other.split()[0] for one, other in pairwise(read))
    record_property("figures", f"{count} entries, {looks} looks, {changes} changes of writer")
    assert changes > 50
    assert looks > 50


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_hundred_thousand_entries_of_four_processes(
    backend: PostgresBackend, clock: ManualClock, record_property: Callable[[str, object], None]
) -> None:
    count = 100_000
    read, looks = written_and_followed(backend, clock, count)
    check_followed(read, count)
    record_property("figures", f"{count} entries, {looks} looks, 0 skipped, 0 twice")


def test_without_the_heads_lock_the_database_refuses_a_position_twice(
    two: tuple[Ledger, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: it is the lock that keeps positions apart, and behind it there is one more defence."""
    monkeypatch.setattr(postgres, "_BEGIN", postgres._BEGIN.replace(" FOR UPDATE", ""))
    both_begun = threading.Barrier(2)

    def command(transaction: Transaction) -> list[int]:
        both_begun.wait(30)
        return transaction.append([draft()], decided_at=transaction.size)

    futures = [ledger.submit(command) for ledger in two]
    errors = [future.exception(30) for future in futures]
    assert sorted(error is None for error in errors) == [False, True]
    assert any(isinstance(error, StorageError) for error in errors)


def test_what_one_appends_the_other_reads_and_goes_on_behind(two: tuple[Ledger, Ledger]) -> None:
    one, other = two
    stream = uuid4()
    for version in range(1, 7):
        ledger = two[version % 2]
        append(ledger, draft(b"%d" % version, stream=stream, version=version))
    assert payloads(one) == payloads(other) == [b"1", b"2", b"3", b"4", b"5", b"6"]
    assert [run(ledger, lambda t: t.version_of(stream)) for ledger in two] == [6, 6]


def test_who_begins_a_stream_that_the_other_began_is_told_and_nobody_else(
    two: tuple[Ledger, Ledger],
) -> None:
    one, other = two
    stream, new = uuid4(), uuid4()
    append(other, draft(b"theirs", stream=stream))
    resets: list[str] = []
    one.on_reset(lambda: resets.append("reset"))

    def appending(*drafts: Draft) -> Callable[[Transaction], list[int]]:
        return lambda transaction: transaction.append(drafts, decided_at=transaction.size)

    futures = together(
        one,
        appending(draft(b"before", stream=new)),
        appending(draft(b"too late", stream=stream)),
        appending(draft(b"behind", stream=new, version=2)),
        appending(draft(b"late too", stream=stream, version=2)),
    )
    found = [future.exception(30) or future.result() for future in futures]
    assert all(future.done() for future in futures)
    assert isinstance(found[1], StreamConflict)
    assert (found[1].stream_id, found[1].expected) == (stream, 2)
    assert [found[0], found[2], found[3]] == [[2], [3], [4]]
    assert payloads(one) == payloads(other) == [b"theirs", b"before", b"behind", b"late too"]
    assert resets == ["reset"]


@pytest.mark.parametrize("claimed", [0, 1, 2, 4, 5])
def test_a_version_that_is_not_the_next_is_refused(two: tuple[Ledger, Ledger], claimed: int) -> None:
    """Also one that would leave a gap, which no constraint of the database's refuses."""
    one, other = two
    stream = uuid4()
    append(other, draft(stream=stream), draft(stream=stream, version=2))
    with pytest.raises(StreamConflict) as refused:
        append(one, draft(stream=stream, version=claimed))
    assert refused.value.expected == 3
    assert append(one, draft(stream=stream, version=3), draft(stream=stream, version=4)) == [3, 4]
    new = uuid4()
    assert append(one, *(draft(stream=new, version=version) for version in (1, 2, 3))) == [5, 6, 7]


def test_keys_made_by_one_are_the_others_too(two: tuple[Ledger, Ledger], backend: PostgresBackend) -> None:
    owner = KeyOwner(uuid4(), "HOUSING")
    append(two[0], draft(b"x", owner=owner))

    def labelled() -> int:
        with backend.server.connect(backend.database) as connection:
            [[count]] = connection.execute("SELECT count(*) FROM keys WHERE label IS NOT NULL").fetchall()
        return int(count)

    before = labelled()
    for ledger in (two[1], two[0], two[1]):
        append(ledger, draft(b"x", owner=owner))
    assert labelled() == before
    assert payloads(two[0]) == payloads(two[1]) == [b"x"] * 4


def test_what_one_erases_is_erased_for_the_other_and_fenced_by_it_too(
    backend: PostgresBackend, clock: ManualClock, tmp_path: Path
) -> None:
    one = backend.create(clock)
    mirror = tmp_path / "fences of the other"
    other = open_ledger(backend.url, backend.root_key, clock=clock, fences=mirror)
    append(one, record(b"kept"), record(b"gone"))
    assert contents(other) == [[b"about kept", b"kept"], [b"about gone", b"gone"]]
    run(one, erasing(2))

    left = [[b"about kept", b"kept"], [b"(erased)", b"(erased)"], [b"erasure"]]
    assert contents(other) == left
    # Its keys are the new ones: what it seals now is read by the first.
    append(other, record(b"later"))
    assert contents(one) == contents(other) == [*left, [b"about later", b"later"]]
    fenced = {line.split()[2] for line in mirror.read_text().splitlines() if len(line.split()) == 4}
    assert fenced == {
        line.split()[2]
        for line in backend.root_key.with_name("fences").read_text().splitlines()
        if len(line.split()) == 4
    }
    assert fenced
    one.close()
    other.close()


def test_a_key_epoch_that_one_ends_has_ended_for_the_other(
    two: tuple[Ledger, Ledger], backend: PostgresBackend
) -> None:
    """Step by step, while the other seals under keys new and old."""
    one, other = two
    owners = [KeyOwner(uuid4(), "HOUSING") for _ in range(12)]
    for owner in owners:
        append(other, draft(b"before", owner=owner))
    left = run(one, lambda t: t.epochs.advance(force=True, most=4)).remaining
    assert left > 0
    told = 0
    while left:
        told += 1
        append(other, draft(b"meanwhile", owner=owners[told % len(owners)]))
        append(other, draft(b"somebody new", owner=KeyOwner(uuid4(), "HOUSING")))
        left = run(one, lambda t: t.epochs.advance(most=4)).remaining
        assert told < 100
    append(other, draft(b"after", owner=owners[0]), draft(b"after", owner=KeyOwner(uuid4(), "HOUSING")))
    assert payloads(one) == payloads(other)
    assert check_ledger(backend.url, backend.root_key).damages == ()
    again = backend.open(ManualClock())
    assert payloads(again) == payloads(one)
    again.close()


def test_time_never_runs_back_behind_the_others_entries(backend: PostgresBackend) -> None:
    slow, fast = ManualClock(), ManualClock()
    fast.advance(timedelta(seconds=90))
    one, other = backend.create(slow), backend.open(fast)
    append(other, draft())
    append(one, draft())
    times = [entry.recorded_at for entry in run(one, lambda t: t.entries(0))]
    assert times == [fast.now(), fast.now()]
    assert not run(one, lambda t: t.clock_in_doubt)

    fast.advance(TOLERANCE)
    append(other, draft())
    # The others' entries are further ahead than clocks may be: one of them is wrong, and this one says so.
    assert run(one, lambda t: t.clock_in_doubt)
    assert not run(other, lambda t: t.clock_in_doubt)
    one.close()
    other.close()


class Told(SystemClock):
    """The machine's clock, and what it was told of the database's."""

    def __init__(self, wrong_by: timedelta) -> None:
        super().__init__()
        self._wrong_by = wrong_by

    def now(self) -> datetime:
        return datetime.now(UTC) + self._wrong_by


@pytest.mark.parametrize(
    ("wrong_by", "in_doubt"),
    [(timedelta(0), False), (timedelta(seconds=60), False), (timedelta(seconds=180), True)],
)
def test_a_clock_that_is_not_the_databases_is_in_doubt(
    backend: PostgresBackend, wrong_by: timedelta, in_doubt: bool
) -> None:
    clock = Told(wrong_by)
    ledger = backend.create(clock)
    assert run(ledger, lambda t: t.clock_in_doubt) == in_doubt
    clock.accept()
    assert not run(ledger, lambda t: t.clock_in_doubt)
    ledger.close()


def test_the_other_hears_of_an_append_and_not_of_its_own(two: tuple[Ledger, Ledger]) -> None:
    heard = [threading.Semaphore(0), threading.Semaphore(0)]
    for ledger, bell in zip(two, heard, strict=True):
        ledger.listen(bell.release)
        # Once to begin with, for whatever was said before.
        assert bell.acquire(timeout=30)
    append(two[0], draft())
    assert heard[1].acquire(timeout=30)
    append(two[1], draft())
    assert heard[0].acquire(timeout=30)
    # Cells alone wake nobody: two replicas would keep one another awake for ever.
    run(two[0], lambda t: t.put("p", b"k", b"v"))
    assert not heard[1].acquire(timeout=0.3)
    assert not heard[0].acquire(timeout=0)


def test_those_who_wrote_are_told_apart_from_those_who_looked(backend: PostgresBackend) -> None:
    backend.create(ManualClock()).close()
    one, other = open_store(backend.url), open_store(backend.url)

    def looked() -> tuple[bool, bool]:
        one.begin()
        found = one.others_wrote, one.others_removed_keys
        one.rollback()
        return found

    assert looked() == (True, False)
    assert looked() == (False, False)
    one.begin()
    one.write_cells([("p", b"k", b"v")])
    one.commit()
    assert looked() == (False, False)
    other.begin()
    other.commit()
    assert looked() == (False, False)
    other.begin()
    other.write_cells([("p", b"k", b"w")])
    other.commit()
    assert looked() == (True, False)
    row = KeyRow(b"k" * 16, b"p" * 16, None, b"w")
    other.begin()
    other.replace_keys([], [row])
    other.commit()
    assert looked() == (True, False)
    other.begin()
    other.replace_keys([row], [])
    other.rollback()
    assert looked() == (False, False)
    other.begin()
    other.replace_keys([row], [])
    other.commit()
    assert looked() == (True, True)
    assert looked() == (False, False)
    one.close()
    other.close()
