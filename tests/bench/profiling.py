"""Where a hub's time goes: profiles of its two threads while it serves."""

import asyncio
import cProfile
import time
from pathlib import Path
from typing import Any

from consent_ledger.ledger import Ledger


class Profiling:
    """Switches cProfile on and off in the event loop's thread and in the ledger's writer thread.

    Times are the thread's own processor time, so that waiting for the other thread does not count.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._writer = cProfile.Profile(time.thread_time)
        self._loop = cProfile.Profile(time.thread_time)

    async def start(self) -> None:
        """Begins."""
        self._writer, self._loop = cProfile.Profile(time.thread_time), cProfile.Profile(time.thread_time)
        await asyncio.wrap_future(self._ledger.submit(lambda _: self._writer.enable()))
        self._loop.enable()

    async def times(self) -> dict[str, Any]:
        """Seconds of processor that each thread took so far, and all threads of the process together."""
        writer = await asyncio.wrap_future(self._ledger.submit(lambda _: time.thread_time()))
        return {"writer": writer, "loop": time.thread_time(), "process": time.process_time()}

    async def stop(self, folder: str) -> dict[str, Any]:
        """Ends, and leaves `writer.prof` and `loop.prof` in a folder."""
        self._loop.disable()
        await asyncio.wrap_future(self._ledger.submit(lambda _: self._writer.disable()))
        self._writer.dump_stats(str(Path(folder) / "writer.prof"))
        self._loop.dump_stats(str(Path(folder) / "loop.prof"))
        return {}
