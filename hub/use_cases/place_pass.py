"""Looks through what was recorded before a place was protected, some registrations at a time.

What the person's own registrations hold was found when it was protected, and what is published since is
looked at as it comes: this finds the place with everybody else, a child's school, a friend's address.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from uuid import UUID

from consent_ledger.errors import OnceToldError
from consent_ledger.ledger import Transaction
from hub.use_cases.hub import Hub
from hub.use_cases.place_search import Found, found_on
from hub.use_cases.places import looked
from hub.use_cases.work import Caller

_AT_ONCE = 25
"""Registrations looked at in one go: a few milliseconds each at most, and others wait meanwhile."""
_RECORDED_AT_ONCE = 1000
"""Registrations after which an entry says so, whatever was found: it must not tell how much that was."""
EVERY_SECONDS = 60.0
"""How soon what another replica, or a command with no hub running, has protected is looked for."""

log = logging.getLogger(__name__)


async def look_for_places(hub: Hub) -> None:
    """Looks through everything for every place that is not looked for yet."""
    for place_id in await hub.look(lambda _: list(_unfinished(hub))):
        await _look_for(hub, place_id)


def _unfinished(hub: Hub) -> Iterator[UUID]:
    return (one.place_id for one in hub.projector.index.places.not_searched())


async def _look_for(hub: Hub, place_id: UUID) -> None:
    while True:
        after, everyone = await hub.look(lambda _: _progress(hub, place_id))
        through = min(everyone, after + _RECORDED_AT_ONCE)
        if after >= through:
            return
        found: list[Found] = []
        for start in range(after, through, _AT_ONCE):
            found += await hub.look(_looking(hub, place_id, start, min(through, start + _AT_ONCE)))
        operator = Caller(agency_id=None, operator=True)
        await hub.execute(looked, operator, place_id=place_id, after=after, through=through, found=found)


def _progress(hub: Hub, place_id: UUID) -> tuple[int, int]:
    place = hub.projector.index.places.every[place_id]
    return (0, 0) if place.lifted else (place.looked, place.everyone)


def _looking(hub: Hub, place_id: UUID, start: int, end: int) -> Callable[[Transaction], list[Found]]:
    def look(transaction: Transaction) -> list[Found]:
        index = hub.projector.index
        # In the order in which they were registered: the same in every process.
        some = islice(index.registrations, start, end)
        return found_on(index, transaction, some, index.places.every[place_id])

    return look


async def keep_looking(hub: Hub) -> None:
    """Round after round until cancelled. What fails, while the disk is full, is tried again."""
    while True:
        hub.to_look.clear()
        try:
            await look_for_places(hub)
        except OnceToldError as error:
            fields = {"error_type": type(error).__name__}
            log.warning("looking for places waits", extra={"event": "LOOKING_WAITS", "fields": fields})
        try:
            async with asyncio.timeout(EVERY_SECONDS):
                await hub.to_look.wait()
        except TimeoutError:
            continue


@asynccontextmanager
async def looking(hub: Hub) -> AsyncIterator[None]:
    """Looks for protected places in the background until the block ends."""
    task = asyncio.ensure_future(keep_looking(hub))
    task.add_done_callback(_ended)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def _ended(task: asyncio.Future[None]) -> None:
    """A defect of ours: the hub serves on, and its log says that nobody looks for places any more."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        fields = {"error_type": type(error).__name__}
        log.error("looking for places stopped", extra={"event": "LOOKING_STOPPED", "fields": fields})
