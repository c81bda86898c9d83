"""Opens the hub in this process, for commands that find none running. It loads the whole hub."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from consent_ledger.errors import LedgerInUse
from hub.bootstrap import running_hub
from hub.config import read_config


@asynccontextmanager
async def opened_here(data: Path) -> AsyncIterator[bool]:
    """Takes the hub's lease and serves its socket until the block ends.

    Yields False when another process has the lease: about to serve, or to let go. Raises LedgerMissing,
    KeyFileRefused, ConfigError.
    """
    try:
        opened = running_hub(read_config(data), adapters=False)
        await opened.__aenter__()
    except LedgerInUse:
        yield False
        return
    try:
        yield True
    finally:
        # A Ctrl-C meanwhile must not leave the lease half released.
        await asyncio.shield(opened.__aexit__(None, None, None))
