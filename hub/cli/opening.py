"""Opens the hub in this process, for commands that find none running. It loads the whole hub."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from consent_ledger.errors import LedgerInUse
from hub.bootstrap import running_hub
from hub.config import read_config

Result = TypeVar("Result")


@asynccontextmanager
async def opened_here(data: Path) -> AsyncIterator[bool]:
    """Takes the hub's lease and serves its socket until the block ends.

    Yields False when another process has the lease: about to serve, or to let go. Raises LedgerMissing,
    KeyFileRefused, ConfigError.
    """
    hub = running_hub(read_config(data), adapters=False)
    opening = asyncio.ensure_future(hub.__aenter__())
    try:
        await to_its_end(opening)
    except LedgerInUse:
        yield False
        return
    except asyncio.CancelledError:
        if opening.exception() is None:
            await to_its_end(hub.__aexit__(None, None, None))
        raise
    try:
        yield True
    finally:
        await to_its_end(hub.__aexit__(None, None, None))


async def to_its_end(work: Awaitable[Result]) -> Result:
    """Waits for work that must not stop half-way: a Ctrl-C meanwhile is obeyed after it."""
    task = asyncio.ensure_future(work)
    stopped = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            stopped = True
    if stopped:
        raise asyncio.CancelledError
    return task.result()
