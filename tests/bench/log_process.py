"""Makes a large ledger, then its log from nothing, and asks it for proofs, in a process of its own.

Usage: python -m tests.bench.log_process FOLDER ENTRIES
"""

import asyncio
import random
import sys
import time
from concurrent.futures import Future
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from consent_ledger.clock import SystemClock
from consent_ledger.ledger import Draft, EntryClass, KeyOwner, Ledger, Part, Transaction, create_ledger
from hub.use_cases.log import Log
from tests.bench.worker import do_jobs, say

TOGETHER = 500
NOBODY = KeyOwner(None, "ADMINISTRATION")


def draft() -> Draft:
    part = Part("test.v1", b"something", (NOBODY,))
    return Draft(EntryClass.CLIENT, uuid4(), 1, (part,), False)


def _append(transaction: Transaction, count: int) -> list[int]:
    return transaction.append([draft() for _ in range(count)], decided_at=transaction.size)


def fill(ledger: Ledger, entries: int) -> None:
    """The least entries there are: how much an entry holds is nothing to the log."""
    for start in range(0, entries, 20 * TOGETHER):
        waiting: list[Future[list[int]]] = [
            ledger.submit(partial(_append, count=min(TOGETHER, entries - at)))
            for at in range(start, min(start + 20 * TOGETHER, entries), TOGETHER)
        ]
        for one in waiting:
            one.result(120)


async def serve(folder: Path, entries: int) -> None:
    """Does what it is asked."""
    ledger = create_ledger(str(folder / "ledger.db"), folder / "root.key", clock=SystemClock())
    await asyncio.to_thread(fill, ledger, entries)
    log = Log(ledger)
    progress: list[tuple[int, int]] = []

    async def build() -> dict[str, Any]:
        log.checkpointer.progress = lambda done, size: progress.append((done, size))
        begun = time.perf_counter()
        signed = await log.checkpointer.catch_up()
        seconds = time.perf_counter() - begun
        return {"size": signed.checkpoint.size, "seconds": seconds, "told": len(progress)}

    async def prove(count: int) -> dict[str, Any]:
        """How long each of some proofs took, milliseconds; every one at a random position."""
        chosen, milliseconds = random.Random(7), []
        for _ in range(count):
            position = chosen.randint(1, entries)
            begun = time.perf_counter()
            await log.inclusion_proof(ledger.ledger_id, position, timedelta(0), cosigned=False)
            milliseconds.append((time.perf_counter() - begun) * 1000)
        return {"milliseconds": milliseconds}

    say(started=True)
    await do_jobs({"build": build, "prove": prove})
    await asyncio.to_thread(ledger.close)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
