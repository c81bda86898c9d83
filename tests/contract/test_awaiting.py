"""Commands awaited by tasks of an event loop: answered as threads are, with one waking for each commit."""

import asyncio
from collections.abc import Callable
from threading import Event
from typing import Any
from unittest.mock import patch

import pytest

from consent_ledger.errors import LedgerClosed
from consent_ledger.ledger import Ledger, Transaction
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
