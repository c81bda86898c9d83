"""Entries: dense positions, guards, all or nothing (I1)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest

from consent_ledger.errors import EntryNotFound, LedgerClosed, StalePolicy, StreamConflict, UnsealFailed
from consent_ledger.ledger import Draft, EntryClass, KeyOwner, Ledger, Part, Transaction
from tests.clock import ManualClock
from tests.contract.backends import Backend
from tests.contract.drafting import NOBODY, append, draft, payloads, run, together


def test_positions_are_dense_and_each_submitter_gets_its_own(ledger: Ledger) -> None:
    def submitter(number: int) -> list[tuple[int, bytes]]:
        mine = []
        for count in range(25):
            payload = f"{number}/{count}".encode()
            [position] = append(ledger, draft(payload))
            mine.append((position, payload))
        return mine

    with ThreadPoolExecutor(8) as pool:
        acknowledged = [pair for mine in pool.map(submitter, range(8)) for pair in mine]

    assert sorted(position for position, _ in acknowledged) == list(range(1, 201))
    assert payloads(ledger) == [payload for _, payload in sorted(acknowledged)]


def test_what_is_read_is_what_was_appended(ledger: Ledger, clock: ManualClock) -> None:
    stream, owner = uuid4(), KeyOwner(uuid4(), "HOUSING")
    first = draft(b"one", stream=stream, owner=owner, changes_policy=True)
    second = draft(b"two", stream=stream, version=2, owner=owner)
    append(ledger, first)
    clock.advance(timedelta(seconds=5))
    append(ledger, second)

    one, two = run(ledger, lambda t: t.stream(stream))

    assert (one.position, one.version, one.changes_policy) == (1, 1, True)
    assert (two.position, two.version, two.changes_policy) == (2, 2, False)
    assert two.recorded_at - one.recorded_at == timedelta(seconds=5)
    assert [part.payload for part in (*one.parts, *two.parts)] == [b"one", b"two"]
    assert one.entry_class is EntryClass.CLIENT
    assert run(ledger, lambda t: t.entry(2)) == two


def test_a_reopened_ledger_reads_the_same(backend: Backend, clock: ManualClock) -> None:
    ledger = backend.create(clock)
    append(ledger, *(draft(bytes([n]) * n * 700, changes_policy=n == 3) for n in range(1, 40)))
    before = run(ledger, lambda t: (t.entries(0), t.size, t.policy_position))
    ledger.close()

    again = backend.open(clock)
    after = run(again, lambda t: (t.entries(0), t.size, t.policy_position))
    again.close()

    assert after == before
    assert (after[1], after[2]) == (39, 3)
    assert again.ledger_id == ledger.ledger_id


def test_reading_is_bounded_by_limit_and_by_the_end(ledger: Ledger) -> None:
    append(ledger, *(draft() for _ in range(5)))

    assert [e.position for e in run(ledger, lambda t: t.entries(1, 2))] == [2, 3]
    assert [e.position for e in run(ledger, lambda t: t.entries(4, 100))] == [5]
    assert run(ledger, lambda t: t.entries(5)) == []
    for nowhere in (0, 6):
        with pytest.raises(EntryNotFound):
            run(ledger, lambda t, at=nowhere: t.entry(at))  # type: ignore[misc]


def test_a_command_that_raises_leaves_nothing(ledger: Ledger) -> None:
    append(ledger, draft(b"before"))
    owner = KeyOwner(uuid4(), "HOUSING")

    def fails(transaction: Transaction) -> None:
        transaction.append([draft(b"lost", owner=owner, changes_policy=True)], decided_at=1)
        transaction.put("projection", b"key", transaction.vault.seal_cell(owner, b"key", b"lost"))
        transaction.remember(b"l" * 32, b"m" * 32, b"answer")
        raise ValueError("no")

    def succeeds(transaction: Transaction) -> list[int]:
        assert transaction.policy_position == 0
        return transaction.append([draft(b"after", owner=owner)], decided_at=transaction.size)

    failed, succeeded = together(ledger, fails, succeeds)

    assert isinstance(failed.exception(30), ValueError)
    assert succeeded.result(30) == [2]
    assert payloads(ledger) == [b"before", b"after"]
    assert run(ledger, lambda t: t.get("projection", b"key")) is None
    assert run(ledger, lambda t: t.answered(b"l" * 32, b"m" * 32)) is None


def test_keys_made_by_a_command_that_raised_are_made_again(backend: Backend, clock: ManualClock) -> None:
    owner = KeyOwner(uuid4(), "HOUSING")
    ledger = backend.create(clock)

    def fails(transaction: Transaction) -> None:
        transaction.append([draft(b"lost", owner=owner)], decided_at=0)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run(ledger, fails)
    with pytest.raises(UnsealFailed, match="no key"):
        run(ledger, lambda t: t.vault.open_cell(owner, b"", b""))
    append(ledger, draft(b"kept", owner=owner))
    ledger.close()

    again = backend.open(clock)
    assert payloads(again) == [b"kept"]
    again.close()


def test_a_later_command_of_the_same_commit_sees_the_earlier(ledger: Ledger) -> None:
    stream = uuid4()

    def first(transaction: Transaction) -> list[bytes]:
        transaction.append([draft(b"one", stream=stream, changes_policy=True)], decided_at=transaction.size)
        assert transaction.size == 0
        assert transaction.stream(stream) == []
        assert transaction.entries(0) == []
        transaction.append([draft(b"two", stream=stream, version=2)], decided_at=transaction.size)
        return []

    def second(transaction: Transaction) -> list[bytes]:
        assert (transaction.size, transaction.policy_position) == (2, 1)
        assert [entry.position for entry in transaction.stream(stream)] == [1, 2]
        return [entry.parts[0].payload for entry in transaction.entries(0)]

    _, seen = together(ledger, first, second)

    assert seen.result(30) == [b"one", b"two"]


def test_a_decision_behind_a_change_of_policy_is_refused(ledger: Ledger) -> None:
    append(ledger, draft(changes_policy=True))
    append(ledger, draft())

    with pytest.raises(StalePolicy) as refused:
        append(ledger, draft(b"stale"), decided_at=0)

    assert (refused.value.decided_at, refused.value.policy_position) == (0, 1)
    assert append(ledger, draft(b"fresh"), decided_at=1) == [3]


def test_a_decision_behind_a_change_in_the_same_commit_is_refused(ledger: Ledger) -> None:
    withdrawal, access = together(
        ledger,
        lambda t: t.append([draft(changes_policy=True)], decided_at=0),
        lambda t: t.append([draft(b"disclosure")], decided_at=0),
    )

    assert withdrawal.result(30) == [1]
    assert isinstance(access.exception(30), StalePolicy)


def test_a_commands_own_change_of_policy_does_not_make_it_stale(ledger: Ledger) -> None:
    def command(transaction: Transaction) -> list[int]:
        lapse = transaction.append([draft(changes_policy=True)], decided_at=0)
        return lapse + transaction.append([draft()], decided_at=0)

    assert run(ledger, command) == [1, 2]


@pytest.mark.parametrize("version", [0, 1, 3])
def test_only_the_next_version_of_a_stream_is_taken(ledger: Ledger, version: int) -> None:
    stream = uuid4()
    append(ledger, draft(stream=stream))

    with pytest.raises(StreamConflict) as refused:
        append(ledger, draft(stream=stream, version=version))

    assert (refused.value.stream_id, refused.value.expected) == (stream, 2)
    assert append(ledger, draft(stream=stream, version=2)) == [2]


def test_of_two_rivals_in_one_commit_one_wins(ledger: Ledger) -> None:
    stream = uuid4()
    rivals = together(
        ledger,
        *(lambda t: t.append([draft(stream=stream)], decided_at=t.size) for _ in range(2)),
    )

    assert rivals[0].result(30) == [1]
    assert isinstance(rivals[1].exception(30), StreamConflict)
    assert append(ledger, draft()) == [2]


def test_a_joint_part_opens_by_any_owner(backend: Backend, clock: ManualClock) -> None:
    ledger = backend.create(clock)
    owners = tuple(KeyOwner(uuid4(), "FAMILY") for _ in range(3))
    joint = Draft(
        entry_class=EntryClass.CLIENT,
        stream_id=uuid4(),
        version=1,
        parts=(
            Part("envelope", b"envelope", owners[:1]),
            Part("narrative", b"theirs together", owners, fragment_key=True),
            Part("own", b"hers alone", owners[:1], fragment_key=True),
        ),
        changes_policy=False,
    )
    append(ledger, joint)
    ledger.close()

    again = backend.open(clock)
    [entry] = run(again, lambda t: t.entries(0))
    again.close()

    assert [(part.schema, part.payload) for part in entry.parts] == [
        ("envelope", b"envelope"),
        ("narrative", b"theirs together"),
        ("own", b"hers alone"),
    ]


def test_recorded_time_never_runs_back(backend: Backend, clock: ManualClock) -> None:
    ledger = backend.create(clock)
    append(ledger, draft())
    clock.step(timedelta(hours=-1))
    assert run(ledger, lambda t: t.clock_in_doubt)
    append(ledger, draft())
    ledger.close()

    # A clock that was wrong from the start has nothing of its own to compare with.
    again = backend.open(ManualClock(clock.now()))
    assert run(again, lambda t: t.clock_in_doubt)
    times = [entry.recorded_at for entry in run(again, lambda t: t.entries(0))]
    again.close()

    assert times == sorted(times)


def test_the_clock_is_trusted_while_it_keeps_time(ledger: Ledger, clock: ManualClock) -> None:
    append(ledger, draft())
    clock.advance(timedelta(days=3))

    assert not run(ledger, lambda t: t.clock_in_doubt)


def test_a_transaction_is_dead_once_its_command_returned(ledger: Ledger) -> None:
    kept = run(ledger, lambda t: t)

    with pytest.raises(LedgerClosed):
        kept.append([draft()], decided_at=0)
    with pytest.raises(LedgerClosed):
        kept.put("projection", b"key", b"value")


def test_what_waits_is_finished_before_closing_and_nothing_after(
    backend: Backend, clock: ManualClock
) -> None:
    ledger = backend.create(clock)
    waiting = together(ledger, *(lambda t: t.append([draft()], decided_at=t.size) for _ in range(50)))
    ledger.close()

    assert [future.result(0) for future in waiting] == [[n] for n in range(1, 51)]
    with pytest.raises(LedgerClosed):
        append(ledger, draft())
    ledger.close()


def test_drafts_that_nobody_could_open_are_refused() -> None:
    with pytest.raises(ValueError, match="fragment key"):
        Part("test.v1", b"", (NOBODY, NOBODY))
    with pytest.raises(ValueError, match="owner"):
        Draft(EntryClass.CLIENT, uuid4(), 1, (Part("test.v1", b"", ()),), False)
    with pytest.raises(ValueError, match="at least one part"):
        Draft(EntryClass.CLIENT, uuid4(), 1, (), False)
