"""What the hub does by itself, again and again: it erases what is due, and what departed agencies left."""

import asyncio
import logging

from consent_ledger.errors import OnceToldError
from hub.use_cases.departure import erase_what_was_left
from hub.use_cases.erasure_completion import complete_what_is_gone
from hub.use_cases.hub import Hub
from hub.use_cases.retention import erase_what_is_due

EVERY_SECONDS = 3600.0
"""Periods are counted in days: an hour later is early enough."""

log = logging.getLogger(__name__)


async def erase_due(hub: Hub) -> int:
    """One round; in how many registrations something was erased. What is beyond recovery is said to be."""
    erased = await erase_what_is_due(hub) + await erase_what_was_left(hub)
    await complete_what_is_gone(hub)
    return erased


async def keep_erasing(hub: Hub) -> None:
    """Round after round until cancelled: each hour, and when somebody says that there is something to do.

    What fails, while the clock is in doubt or the disk is full, is tried again in the next round.
    """
    while True:
        hub.to_erase.clear()
        try:
            await erase_due(hub)
        except OnceToldError as error:
            fields = {"error_type": type(error).__name__}
            log.warning("erasing what is due waits", extra={"event": "ERASING_WAITS", "fields": fields})
        try:
            async with asyncio.timeout(EVERY_SECONDS):
                await hub.to_erase.wait()
        except TimeoutError:
            continue
