"""Looks through the whole log again and again beside the hub, slowly: a disk tells of nothing by itself."""

import asyncio
import logging
from collections.abc import Callable, Iterator

from consent_ledger.errors import OnceToldError
from consent_ledger.log.fsck import Fsck, LogReport
from consent_ledger.store import read_store
from consent_ledger.store.port import Reader

STEP_SECONDS = 1.0
"""From one step of `fsck.STEP` entries to the next: a million entries take half an hour."""
ROUND_SECONDS = 3600.0
"""From the end of one look to the beginning of the next."""

_log = logging.getLogger(__name__)


async def keep_scrubbing(
    path_or_url: str,
    found: Callable[[LogReport], None],
    *,
    step_seconds: float = STEP_SECONDS,
    round_seconds: float = ROUND_SECONDS,
) -> None:
    """Until cancelled. `found` is told of each look that ended; one that could not be made is tried again."""
    while True:
        try:
            report = await _scrubbed(path_or_url, step_seconds)
        except OnceToldError as error:
            _say("SCRUB_FAILED", "the log could not be looked through", type(error).__name__)
        else:
            if report.faults:
                _say("LOG_DAMAGED", "the log is damaged", report.faults[0].finding)
            found(report)
        await asyncio.sleep(round_seconds)


async def _scrubbed(path_or_url: str, step_seconds: float) -> LogReport:
    """One look. The reader is used by one thread at a time."""
    reader: Reader = await asyncio.to_thread(read_store, path_or_url)
    try:
        fsck = Fsck(reader)
        steps = fsck.steps()
        while await _taken(steps):
            await asyncio.sleep(step_seconds)
        return fsck.report
    finally:
        reader.close()


async def _taken(steps: Iterator[tuple[int, int]]) -> bool:
    """Takes a step on a thread. Broken off, it waits for that: nobody may close what a thread still reads."""
    step = asyncio.ensure_future(asyncio.to_thread(_next, steps))
    try:
        return await asyncio.shield(step)
    except asyncio.CancelledError:
        await asyncio.wait([step])
        raise


def _next(steps: Iterator[tuple[int, int]]) -> bool:
    return next(steps, None) is not None


def _say(event: str, text: str, kind: str) -> None:
    _log.error(text, extra={"event": event, "fields": {"error_type": str(kind)}})
