"""How `serve` hears that it is to end, whatever it does at that moment, and what holds it to that.

What is acknowledged is durable already, and what is not was promised to nobody. So an end may be cut short at
any moment, and one that waits for something that never comes is: a database, a disk, a library, a reader of
the log that reads no more.
"""

import asyncio
import faulthandler
import signal
import sys
from contextlib import suppress
from types import FrameType

OVERDUE_SECONDS = 40.0
"""From the first signal until the process ends by force: its log says then where its threads were (names of
code, no values), and its exit code is 1. Calls under way have 5 seconds of it, exporters 3. systemd waits
60."""
SILENT_SECONDS = 5.0
"""Later it is ended although nobody takes what it says."""


class Stopping:
    """Hears SIGTERM and Ctrl-C, from the task that starts the hub and then waits."""

    def __init__(self) -> None:
        self._told = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._starting = asyncio.current_task()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop)
            # The loop hears of it by a byte in a pipe. Other threads wake it through the same one, and while
            # 278 such bytes wait in it a signal's is lost. The interpreter forgets none, and breaks off a
            # write to a log that nobody reads.
            signal.signal(number, self._heard)

    @property
    def is_told(self) -> bool:
        """Whether the hub is to end."""
        return self._told.is_set()

    def started(self) -> None:
        """From now on a signal ends `wait`, and no longer breaks off what the task does."""
        self._starting = None

    async def wait(self) -> None:
        """Until a signal comes."""
        await self._told.wait()

    def _heard(self, number: int, frame: FrameType | None) -> None:
        _end_in_time()
        with suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        if not self._told.is_set():
            self._told.set()
            if self._starting is not None:
                # Reading a large ledger takes minutes, and nobody waits for it any more.
                self._starting.cancel()


_ending = False


def _end_in_time() -> None:
    """Once. Neither of the two needs the interpreter, which a thread that hangs may hold for ever."""
    global _ending
    if not _ending:
        _ending = True
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, OVERDUE_SECONDS + SILENT_SECONDS)
        if sys.stderr is not None:
            faulthandler.dump_traceback_later(OVERDUE_SECONDS, exit=True, file=sys.stderr)
