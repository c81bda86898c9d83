"""Where the hub stands: totals for whoever runs it, read calmly and in small steps, so that no call waits.

Dirty pairs and retractions are totals of all feeds: one feed's would move in step with one person's choice,
and a small agency's feed is one or two people (SAFETY H4, H35). Of a single feed it is told only for how long
its adapter has not acknowledged and not fetched, which is alike whatever it was sent.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from uuid import UUID

from consent_ledger.entry import moment
from consent_ledger.errors import LedgerClosed, StorageError
from consent_ledger.ledger import Transaction
from hub.projections.holdings import DIRTY, RETRACTIONS, Holdings
from hub.use_cases.due import OVERDUE_AFTER
from hub.use_cases.hub import Hub
from hub.use_cases.witnesses import WitnessStanding

EVERY_SECONDS = 15.0
_STEP = 500
"""Cells at most in one command: about a millisecond of the writer's time."""
_FEEDS_AT_ONCE = 32
_MOST = 100_000
"""Counting ends here: whoever reads "100,000" knows enough."""


@dataclass(frozen=True, slots=True)
class FeedStanding:
    """How far behind one feed's adapter is, in seconds; 0 when it is not.

    `unacknowledged_seconds` counts from when a reading first found the sending, so it begins anew when the
    hub does; `silent_seconds` from the last answered fetch, or the hub's start for an adapter that never did.
    """

    feed_id: UUID
    agency_id: str
    unacknowledged_seconds: float
    silent_seconds: float


@dataclass(frozen=True, slots=True)
class Standing:
    """Totals; `None` for what could not be read because the storage has failed."""

    storage_failed: bool = False
    clock_in_doubt: bool | None = None
    size: int | None = None
    dirty_pairs: int | None = None
    open_retractions: int | None = None
    overdue_retractions: int | None = None
    feeds: tuple[FeedStanding, ...] = ()
    witnesses: tuple[WitnessStanding, ...] = ()
    log_failed: bool | None = None
    """True while no checkpoint can be signed, or damage was found in the log."""


@dataclass(frozen=True, slots=True)
class _Behind:
    """A feed's oldest number without an acknowledgement, 0 for none, and how long ago it fetched, if ever."""

    oldest: int
    fetched_seconds: float | None


@dataclass(slots=True)
class _Feed:
    """What a reader remembers of a feed: its open retractions, number to ledger position, up to where it has
    looked for them, and what has waited since when.
    """

    open: dict[int, int] = field(default_factory=dict)
    looked: int = 0
    waiting: int = 0
    since: float = 0.0


class StandingReader:
    """Reads where a hub stands. One reading at a time."""

    def __init__(
        self,
        hub: Hub,
        *,
        overdue_after: timedelta = OVERDUE_AFTER,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hub = hub
        self._overdue_after = overdue_after
        self._monotonic = monotonic
        self._began = monotonic()
        self._known: dict[UUID, _Feed] = {}
        self._old = 0
        """Entries up to here are older than `overdue_after`; it only grows."""
        self._void = False
        hub.ledger.on_reset(self._forget)

    def _forget(self) -> None:
        # On the writer's thread: a commit failed, and what was read within it came to nothing.
        self._void = True

    async def read(self) -> Standing:
        """One reading. A storage that has failed is an answer too; anything else is raised."""
        try:
            return await self._read()
        except (StorageError, LedgerClosed):
            return Standing(storage_failed=True)

    async def _read(self) -> Standing:
        if self._void:
            self._void, self._old = False, 0
            for known in self._known.values():
                known.open, known.looked = {}, 0
        size, in_doubt, feeds = await self._hub.look(self._head)
        dirty = await self._count_dirty()
        opened = overdue = 0
        told: list[FeedStanding] = []
        for start in range(0, len(feeds), _FEEDS_AT_ONCE):
            some = feeds[start : start + _FEEDS_AT_ONCE]
            behind = await self._hub.look(partial(self._behind, feeds=some))
            for agency_id, feed_id in some:
                opened_here, overdue_here = await self._retractions(feed_id)
                opened, overdue = opened + opened_here, overdue + overdue_here
                told.append(self._feed(feed_id, agency_id, behind[feed_id]))
        witnesses = tuple(await self._hub.look(self._hub.witnesses.standing))
        log_failed = self._hub.log.failed
        return Standing(False, in_doubt, size, dirty, opened, overdue, tuple(told), witnesses, log_failed)

    def _head(self, transaction: Transaction) -> tuple[int, bool, list[tuple[str, UUID]]]:
        self._grow_old(transaction, transaction.now - self._overdue_after)
        feeds = self._hub.projector.index.feeds
        named = sorted((feed.agency_id, feed_id) for feed_id, feed in feeds.items())
        return transaction.size, transaction.clock_in_doubt, named

    def _grow_old(self, transaction: Transaction, before: datetime) -> None:
        """Finds by halves the last entry recorded at or before a moment: times only grow along the ledger."""
        low, high = self._old, transaction.size
        while low < high:
            middle = (low + high + 1) // 2
            if transaction.entry(middle).recorded_at <= before:
                low = middle
            else:
                high = middle - 1
        self._old = low

    async def _count_dirty(self) -> int:
        total, after = 0, b""
        while total < _MOST:
            cells = await self._hub.look(partial(_dirty, after=after))
            total += len(cells)
            if len(cells) < _STEP:
                break
            after = cells[-1][0]
        return total

    def _behind(self, transaction: Transaction, feeds: list[tuple[str, UUID]]) -> dict[UUID, _Behind]:
        holdings, found = Holdings(transaction), {}
        for _, feed_id in feeds:
            state = holdings.feed(feed_id)
            oldest = min(chain.from_iterable(state.outstanding.values()), default=0)
            since = (transaction.now - moment(state.fetched)).total_seconds() if state.fetched else None
            found[feed_id] = _Behind(oldest, since)
        return found

    async def _retractions(self, feed_id: UUID) -> tuple[int, int]:
        """The feed's open retractions, and how many are overdue. What is receipted is read only once."""
        known = self._known.setdefault(feed_id, _Feed())
        looking = True
        while looking:
            looking = await self._hub.look(partial(self._look_for_retractions, feed_id=feed_id, known=known))
        numbers = list(known.open)
        for start in range(0, len(numbers), _STEP):
            some = numbers[start : start + _STEP]
            await self._hub.look(partial(self._drop_receipted, feed_id=feed_id, known=known, numbers=some))
        return len(known.open), sum(position <= self._old for position in known.open.values())

    @staticmethod
    def _look_for_retractions(transaction: Transaction, feed_id: UUID, known: _Feed) -> bool:
        """Takes in the next step of the feed's retractions; whether there may be more."""
        behind = feed_id.bytes + known.looked.to_bytes(8)
        keys = [key for key, _ in transaction.scan(RETRACTIONS, feed_id.bytes, after=behind, limit=_STEP)]
        holdings = Holdings(transaction)
        for key in keys:
            number = int.from_bytes(key[16:24])
            retraction = holdings.retraction(feed_id, number)
            if retraction is not None and not retraction.outcome:
                known.open[number] = retraction.position
            known.looked = number
        return len(keys) == _STEP

    @staticmethod
    def _drop_receipted(transaction: Transaction, feed_id: UUID, known: _Feed, numbers: list[int]) -> None:
        holdings = Holdings(transaction)
        for number in numbers:
            retraction = holdings.retraction(feed_id, number)
            if retraction is None or retraction.outcome:
                del known.open[number]

    def _feed(self, feed_id: UUID, agency_id: str, behind: _Behind) -> FeedStanding:
        now, known = self._monotonic(), self._known[feed_id]
        if behind.oldest != known.waiting:
            known.waiting, known.since = behind.oldest, now
        silent = now - self._began if behind.fetched_seconds is None else behind.fetched_seconds
        if feed_id in self._hub.fetching:
            silent = 0.0
        unacknowledged = now - known.since if behind.oldest else 0.0
        return FeedStanding(feed_id, agency_id, unacknowledged, silent)


def _dirty(transaction: Transaction, after: bytes) -> list[tuple[bytes, bytes]]:
    return transaction.scan(DIRTY, b"", after=after, limit=_STEP)


async def keep_reading(reader: StandingReader, told: Callable[[Standing], None]) -> None:
    """Reads on and on until cancelled, from one reading's end `EVERY_SECONDS` to the next one's beginning."""
    while True:
        told(await reader.read())
        await asyncio.sleep(EVERY_SECONDS)
