"""`oncetold serve` with one thing in it that keeps it from ending: what only bad luck or a library would do.

Usage: python -m tests.faults.stopped_hub WHAT DATA
"""

import asyncio
import ctypes
import sys
import threading
import time
from collections.abc import Callable

from consent_ledger.ledger import Ledger
from hub import bootstrap
from hub.__main__ import main
from hub.cli import stopping
from hub.use_cases.hub import Hub

READY = "READY"
_AGES = 3600
_WAKES = 2000
"""More than the pipe has room for by which threads wake a loop."""


def _say_ready() -> None:
    print(READY, flush=True)


def start_without_end() -> None:
    """A ledger so large that reading it takes an hour."""

    async def start(hub: Hub) -> None:
        _say_ready()
        await asyncio.sleep(_AGES)

    Hub.start = start  # type: ignore[method-assign, assignment]


def busy_loop() -> None:
    """At the moment of the signal the loop is busy, and threads woke it often meanwhile."""
    settle = bootstrap.settle_to_serve

    def settle_slowly() -> None:
        settle()
        loop = asyncio.get_running_loop()

        def wake() -> None:
            for _ in range(_WAKES):
                loop.call_soon_threadsafe(int)
            _say_ready()

        waking = threading.Thread(target=wake)
        waking.start()
        until = time.monotonic() + 2
        while time.monotonic() < until:
            sum(range(1000))
        waking.join()

    bootstrap.settle_to_serve = settle_slowly


def _closing(wait: Callable[[], object]) -> None:
    stopping.OVERDUE_SECONDS, stopping.SILENT_SECONDS = 1.5, 1.0
    close = Ledger.close

    def never(ledger: Ledger) -> None:
        close(ledger)
        wait()

    Ledger.close = never  # type: ignore[method-assign, assignment]


def database_that_hangs() -> None:
    """Something waits that never comes."""
    _closing(lambda: time.sleep(_AGES))


def interpreter_held() -> None:
    """The same, by a library that holds the interpreter meanwhile: no other thread of ours goes on."""
    _closing(lambda: ctypes.PyDLL(None).sleep(_AGES))


def no_log() -> None:
    """Started with its standard error closed, as some supervisors do."""
    sys.stderr = None


_EVERY = (start_without_end, busy_loop, database_that_hangs, interpreter_held, no_log)
CASES = {one.__name__: one for one in _EVERY}


if __name__ == "__main__":
    what, data = sys.argv[1:]
    CASES[what]()
    sys.argv = ["oncetold", "--data", data, "serve", "--json"]
    main()
