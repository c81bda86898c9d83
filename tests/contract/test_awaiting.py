"""Commands awaited by tasks of an event loop: answered as threads are, with one waking for each commit."""

import asyncio
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest

from consent_ledger.errors import LedgerClosed, StorageFailed, StreamConflict
from consent_ledger.ledger import Foreseen, Ledger, Transaction
from consent_ledger.store.sql import SqlStore
from tests.contract.backends import Backend
from tests.contract.drafting import draft, payloads


def appending(payload: bytes) -> Callable[[Transaction], list[int]]:
    return lambda transaction: transaction.append([draft(payload)], decided_at=transaction.size)


def failing(_transaction: Transaction) -> None:
    raise KeyError("hers alone")


def stopping(_transaction: Transaction) -> None:
    raise StopIteration


class Held:
    """Keeps the writer busy until let go, so that what is run meanwhile is committed together."""

    def __init__(self, ledger: Ledger) -> None:
        self._gate, started = Event(), Event()
        self._command = ledger.submit(lambda _: started.set() or self._gate.wait(30))  # type: ignore[func-returns-value]
        assert started.wait(30)

    def let_go(self) -> None:
        self._gate.set()
        self._command.result(30)


def test_each_task_gets_its_own_outcome(ledger: Ledger) -> None:
    async def main() -> list[Any]:
        held = Held(ledger)
        waiting = [ledger.run(one) for one in (appending(b"1"), failing, stopping, appending(b"2"))]
        held.let_go()
        return await asyncio.gather(*waiting, return_exceptions=True)

    first, error, stopped, second = asyncio.run(main())

    assert (first, second) == ([1], [2])
    assert isinstance(error, KeyError)
    assert isinstance(stopped, RuntimeError)
    assert payloads(ledger) == [b"1", b"2"]


def test_one_commit_wakes_the_loop_once(ledger: Ledger) -> None:
    async def main() -> int:
        held = Held(ledger)
        waiting = [ledger.run(appending(b"%d" % n)) for n in range(20)]
        with patch.object(
            asyncio.get_running_loop(),
            "call_soon_threadsafe",
            wraps=asyncio.get_running_loop().call_soon_threadsafe,
        ) as woken:
            held.let_go()
            await asyncio.gather(*waiting)
            return woken.call_count

    assert asyncio.run(main()) == 1
    assert len(payloads(ledger)) == 20


def test_what_was_given_up_before_it_ran_does_not_run(ledger: Ledger) -> None:
    async def main() -> None:
        held = Held(ledger)
        given_up, kept = ledger.run(appending(b"given up")), ledger.run(appending(b"kept"))
        given_up.cancel()
        held.let_go()
        assert await kept == [1]

    asyncio.run(main())
    assert payloads(ledger) == [b"kept"]


def test_who_leaves_while_the_command_runs_keeps_no_answer_from_the_others(ledger: Ledger) -> None:
    started, gate = Event(), Event()

    def long(transaction: Transaction) -> list[int]:
        started.set()
        gate.wait(30)
        return appending(b"left")(transaction)

    async def main() -> None:
        left = ledger.run(long)
        assert await asyncio.to_thread(started.wait, 30)
        kept = ledger.run(appending(b"kept"))
        left.cancel()
        gate.set()
        assert await asyncio.wait_for(kept, 30) == [2]

    asyncio.run(main())
    assert payloads(ledger) == [b"left", b"kept"]


def test_a_loop_that_has_ended_harms_nobody(ledger: Ledger) -> None:
    async def leave() -> Held:
        held = Held(ledger)
        ledger.run(appending(b"nobody waits"))
        return held

    asyncio.run(leave()).let_go()

    assert ledger.submit(appending(b"next")).result(30) == [2]
    assert payloads(ledger) == [b"nobody waits", b"next"]


def test_a_closed_ledger_says_so(ledger: Ledger, backend: Backend) -> None:
    ledger.close()

    async def main() -> None:
        with pytest.raises(LedgerClosed):
            await ledger.run(appending(b"too late"))

    asyncio.run(main())


def request(number: int) -> tuple[Callable[[Transaction], bytes], Foreseen]:
    """An attempt that appends to a stream of its own, once, and is remembered."""
    label, stream = bytes((number,)) * 32, UUID(int=number)

    def command(transaction: Transaction) -> bytes:
        answer = transaction.answered(label, label)
        if answer is None:
            version = transaction.version_of(stream) + 1
            first = draft(stream=stream, version=version)
            answer = str(transaction.append([first], decided_at=transaction.size)).encode()
            transaction.remember(label, label, answer)
        return answer

    return command, Foreseen((label,), (stream.bytes,))


def committed(ledger: Ledger, *commands: tuple[Callable[[Transaction], Any], Foreseen]) -> list[Any]:
    """What comes of commands that one commit takes."""

    async def main() -> list[Any]:
        held = Held(ledger)
        waiting = [ledger.run(command, foreseen) for command, foreseen in commands]
        held.let_go()
        return await asyncio.gather(*waiting, return_exceptions=True)

    return asyncio.run(main())


def test_what_the_commands_of_a_commit_foresee_is_read_at_once(ledger: Ledger) -> None:
    read: list[int] = []

    def counted(name: str) -> Any:
        own = getattr(SqlStore, name)

        def reading(store: SqlStore, wanted: Sequence[bytes]) -> Any:
            read.append(len(wanted))
            return own(store, wanted)

        return patch.object(SqlStore, name, reading)

    with counted("answers"), counted("versions"):
        found = committed(ledger, *map(request, range(20)))

    assert found == [b"[%d]" % (number + 1) for number in range(20)]
    assert [number for number in read if number] == [20, 20]


def test_a_foreseen_answer_is_the_one_that_was_given_meanwhile(ledger: Ledger) -> None:
    first, stored = request(1), request(2)
    assert committed(ledger, stored) == [b"[1]"]
    # Reading a stream writes out what waits, answers too.
    reading = (lambda transaction: len(transaction.stream(UUID(int=1))), Foreseen())

    found = committed(ledger, first, reading, first, stored)

    assert found == [b"[2]", 1, b"[2]", b"[1]"]
    assert len(payloads(ledger)) == 2


def test_a_foreseen_version_is_the_one_after_what_was_appended_meanwhile(ledger: Ledger) -> None:
    stream = UUID(int=7)
    foreseen = Foreseen(streams=(stream.bytes,))

    def appending_to_it(transaction: Transaction) -> list[int]:
        return transaction.append([draft(stream=stream)], decided_at=transaction.size)

    first, second, version = committed(
        ledger,
        (appending_to_it, foreseen),
        (appending_to_it, foreseen),
        (lambda transaction: transaction.version_of(stream), foreseen),
    )

    assert (first, version) == ([1], 1)
    assert isinstance(second, StreamConflict)


def test_a_writer_that_ends_by_a_defect_leaves_nobody_waiting(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even whoever closes it: a commit fails, and what failed cannot be undone either."""

    def broken(_store: SqlStore) -> None:
        raise AssertionError("a defect")

    async def main() -> list[Any]:
        held = Held(ledger)
        monkeypatch.setattr(type(ledger._sequencer._store), "commit", broken)
        monkeypatch.setattr(type(ledger._sequencer._store), "rollback", broken)
        waiting = [ledger.run(appending(b"1")), asyncio.wrap_future(ledger.submit(appending(b"2")))]
        held._gate.set()
        async with asyncio.timeout(20):
            return await asyncio.gather(*waiting, return_exceptions=True)

    first, second = asyncio.run(main())
    assert isinstance(first, StorageFailed) and isinstance(second, StorageFailed)
    with pytest.raises((LedgerClosed, StorageFailed)):
        ledger.submit(appending(b"3")).result(20)
    ledger.close()
