"""Replays a ledger, and reads the same file raw, in a process of its own.

Usage: python -m tests.bench.replay_process DATA
"""

import asyncio
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from consent_ledger.clock import SystemClock
from consent_ledger.ledger import open_ledger
from hub.config import read_config
from hub.use_cases.hub import Hub
from tests.bench.profiling import Profiling
from tests.bench.worker import do_jobs, say

SCANS = ("SELECT * FROM entries ORDER BY position", "SELECT * FROM keys ORDER BY position, key_id, parent_id")


def scan(path: Path) -> int:
    """Reads every column of every entry and key, in order; returns the number of entries."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        entries, _ = (sum(1 for _ in connection.execute(statement)) for statement in SCANS)
    return entries


async def serve(data: Path) -> None:
    """Takes the ledger's lease and does what it is asked."""
    config = read_config(data)
    ledger = open_ledger(config.ledger, config.root_key, clock=SystemClock())
    hub = Hub(ledger)
    await hub.start()

    async def rebuild() -> dict[str, Any]:
        begun = time.perf_counter()
        await hub.rebuild()
        seconds = time.perf_counter() - begun
        return {"entries": hub.projector.index.position, "seconds": seconds}

    async def raw() -> dict[str, Any]:
        begun = time.perf_counter()
        entries = scan(Path(config.ledger))
        return {"entries": entries, "seconds": time.perf_counter() - begun}

    profiling = Profiling(ledger)
    say(started=True)
    await do_jobs(
        {
            "rebuild": rebuild,
            "scan": raw,
            "times": profiling.times,
            "profile": profiling.start,
            "profiled": profiling.stop,
        }
    )
    await hub.stop()
    await asyncio.to_thread(ledger.close)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
