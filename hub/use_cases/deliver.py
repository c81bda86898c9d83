"""Fetching deliveries: acknowledge, compute the difference, record it, answer. One batch outstanding."""

import asyncio
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from heapq import merge
from itertools import chain, islice
from typing import Any, NamedTuple
from uuid import UUID

from consent_ledger.access import AccessKind, PersonAccess, Receipt, StepGroup, StepItem, StepKind
from consent_ledger.entry import moment
from consent_ledger.errors import Refused
from consent_ledger.facts import Feed
from hub.projections.held import NO_TERMS
from hub.projections.holdings import FeedState
from hub.records import codec
from hub.use_cases.difference import Change, changes, desired
from hub.use_cases.hub import Hub
from hub.use_cases.replies import disputed_ids
from hub.use_cases.wanted import Wanted, etags, record_ids
from hub.use_cases.work import Caller, Work

_PAIRS_AT_ONCE = 1000
"""How many people one look goes through at most; those of whom there is nothing to send count too."""


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """A retraction receipt whose signature the caller's certificate has verified."""

    sequence: int
    statement: bytes
    signature: bytes
    feed_id: UUID
    epoch: int
    fragment_id: UUID
    delivery_sha256: bytes
    outcome: str


class Sending(NamedTuple):
    """One item to send; ids and the etag are 16 bytes. `wanted` is unset for a retraction.

    `disputes`: the recipient's id of the record that the client disputes here; empty for nearly everything.
    """

    kind: StepKind
    sequence: int
    client_reference: str
    element_id: bytes
    wanted: Wanted | None = None
    record_id: bytes = b""
    etag: bytes = b""
    resent: bool = False
    disputes: bytes = b""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one fetch answers. `access` is the position of its access entry; `feed` as it was then."""

    sendings: tuple[Sending, ...]
    access: int
    more: bool
    feed: Feed


@dataclass(slots=True)
class _Pair:
    """One person's difference within a fetch.

    `lost`: sent, never acknowledged, no longer wanted so. `waiting`: what is to be taken back, but not yet.
    """

    pair: UUID
    resent: list[Sending]
    due: list[Change]
    wanted: dict[bytes, Wanted]
    lost: list[bytes]
    waiting: list[Change]


async def fetch_deliveries(
    hub: Hub,
    caller: Caller,
    *,
    feed_id: UUID,
    epoch: int,
    acknowledge: int,
    receipts: Sequence[SignedReceipt] = (),
    max_items: int,
    wait: timedelta = timedelta(0),
) -> Batch:
    """One batch; waits up to `wait` when there is nothing. Raises `NOT_FOUND`, `EPOCH_CHANGED`, `NEVER_SENT`,
    `BAD_RECEIPT`, `FETCH_IN_PROGRESS`."""
    feed = hub.projector.index.feeds.get(feed_id)
    if feed is None or feed.certificate_uri != caller.certificate_uri:
        # Before anything that tells whether its owner is fetching, or disturbs that. One way for another's
        # feed and for none: two would take different times.
        await hub.execute(own_feed, caller, feed_id)
    if feed_id in hub.fetching:
        raise Refused("FETCH_IN_PROGRESS")
    hub.fetching.add(feed_id)
    try:
        loop = asyncio.get_running_loop()
        ends = loop.time() + wait.total_seconds()
        while True:
            waiting = hub.watch(feed_id)
            final = loop.time() >= ends
            batch = await hub.execute(
                fetch,
                caller,
                feed_id=feed_id,
                epoch=epoch,
                acknowledge=acknowledge,
                receipts=receipts,
                max_items=max_items,
                final=final,
            )
            if batch is not None:
                return batch
            if not await hub.changed(waiting, ends - loop.time()):
                ends = loop.time()
    finally:
        hub.fetching.discard(feed_id)
        hub.unwatch(feed_id)


def fetch(
    work: Work,
    caller: Caller,
    *,
    feed_id: UUID,
    epoch: int,
    acknowledge: int,
    receipts: Sequence[SignedReceipt],
    max_items: int,
    final: bool,
) -> Batch | None:
    """One look: a batch with its access entry, or `None` when there is nothing and the caller still waits.

    While it waits nothing is appended and nothing answered, so a hidden change neither wakes nor counts.
    """
    feed = own_feed(work, caller, feed_id)
    state = work.holdings.feed(feed_id)
    _check_bookmark(state, epoch, acknowledge)
    accepted = [_accept(work, feed, receipt) for receipt in receipts]
    look = _Look(work, feed, state, acknowledge)
    pairs, more = look.pairs(max_items)
    resent = sorted(
        (sending for one in pairs for sending in one.resent), key=lambda sending: sending.sequence
    )
    room = max(0, max_items - len(resent))
    # Person by person, so that nobody's last few items keep being looked at; then by what they do.
    every = ((change, one) for one in pairs for change in one.due)
    due = sorted(islice(every, room), key=lambda item: item[0].order)
    nothing_new = acknowledge == state.acknowledged and not receipts
    if not resent and not due and nothing_new and not final:
        return None
    sent = (*resent[:max_items], *look.numbered(due))
    access = work.record_access(
        caller,
        AccessKind.FETCH,
        feed_id=feed.feed_id,
        acknowledged=acknowledge,
        receipts=tuple(accepted),
        people=look.recorded(pairs, sent),
    )
    return Batch(sent, access, more, feed)


def own_feed(work: Work, caller: Caller, feed_id: UUID) -> Feed:
    """The feed that was opened for the caller's certificate; `NOT_FOUND` for another's or none, alike."""
    feed = work.index.feeds.get(feed_id)
    if feed is None or feed.certificate_uri != caller.certificate_uri or feed.agency_id != caller.agency_id:
        raise Refused("NOT_FOUND")
    return feed


def _check_bookmark(state: FeedState, epoch: int, acknowledge: int) -> None:
    if epoch != state.epoch or acknowledge < state.acknowledged:
        raise Refused("EPOCH_CHANGED", epoch=state.epoch)
    if acknowledge > state.sent:
        raise Refused("NEVER_SENT")


def _accept(work: Work, feed: Feed, receipt: SignedReceipt) -> Receipt:
    """A receipt for a retraction that was sent, over exactly the bytes that were sent."""
    known = work.holdings.retraction(feed.feed_id, receipt.sequence)
    if known is None or (receipt.feed_id, receipt.epoch, receipt.fragment_id) != (
        feed.feed_id,
        known.epoch,
        known.element_id,
    ):
        raise Refused("BAD_RECEIPT", sequence=receipt.sequence)
    own = work.index.registrations[known.pair]
    sent = codec.serialised(codec.retraction(known.sequence, own.reference, known.element_id))
    # Where the reference was erased since, nobody knows the sent bytes any more: the signature has to do.
    if not own.erased and hashlib.sha256(sent).digest() != receipt.delivery_sha256:
        raise Refused("BAD_RECEIPT", sequence=receipt.sequence)
    return Receipt(receipt.sequence, receipt.outcome, receipt.statement, receipt.signature)


class _Look:
    """One fetch's look at a feed's people: what is due, what is sent again, what waits."""

    def __init__(self, work: Work, feed: Feed, state: FeedState, acknowledge: int) -> None:
        self._work = work
        self._feed = feed
        self._state = state
        self._acknowledge = acknowledge
        self._outstanding = {
            pair: set(left)
            for pair, numbers in state.outstanding.items()
            if (left := [number for number in numbers if number > acknowledge])
        }

    def pairs(self, max_items: int) -> tuple[list[_Pair], bool]:
        """The people to look at, whose items wait for an acknowledgement first; and whether there is more.

        Neither the order nor the answer may tell that there is somebody of whom nothing may be sent: people
        come in the order of their random ids, and looking ends only once there is more than fits.
        """
        dirty = self._work.holdings.dirty(self._feed.feed_id, _PAIRS_AT_ONCE)
        rested = sorted(pair for pair in self._state.resting if self._window_has_come(pair))
        seen: list[_Pair] = []
        found = 0
        for pair in _once(chain(self._outstanding, merge(dirty, rested))):
            # Whoever waits for an acknowledgement is always looked at: a later one would cover them too.
            if found > max_items and pair not in self._outstanding:
                return seen, True
            one = self._pair(pair)
            found += len(one.resent) + len(one.due)
            seen.append(one)
        return seen, found > max_items

    def _window_has_come(self, pair: UUID) -> bool:
        """Whether the feed's window opened since something of the pair's was first found to be taken back."""
        minutes, since = self._feed.retraction_window, self._state.resting.get(pair)
        if minutes is None:
            return True
        if since is None:
            return False
        noted = moment(since)
        window = noted.replace(hour=minutes // 60, minute=minutes % 60, second=0, microsecond=0)
        return self._work.now >= (window if window > noted else window + timedelta(days=1))

    def _pair(self, pair: UUID) -> _Pair:
        """The person's difference, and what of the outstanding batch still stands: that is sent again."""
        work, feed_id, acknowledge = self._work, self._feed.feed_id, self._acknowledge
        outstanding = self._outstanding.get(pair, set())
        held = work.holdings.held_about(feed_id, pair)
        should = desired(work, self._feed, pair, held, acknowledge)
        every = changes(work, held, should.wanted, acknowledge)
        changing = {change.element_id for change in every}
        reference = work.index.registrations[pair].reference
        resent = []
        for sequence in outstanding:
            retraction = work.holdings.retraction(feed_id, sequence)
            if retraction is not None:
                element_id = retraction.element_id.bytes
                resent.append(Sending(StepKind.RETRACT, sequence, reference, element_id, resent=True))
        again = [
            (element_id, one)
            for element_id, one in held.items()
            if one.sequence > acknowledge and one.sequence in outstanding and element_id not in changing
        ]
        resent += self._content(
            pair,
            [(one.kind, one.sequence, should.wanted[element_id]) for element_id, one in again],
            resent=True,
        )
        lost = [
            element_id
            for element_id in changing
            if element_id in held and held[element_id].sequence in outstanding
        ]
        due, waiting = every, []
        if not self._window_has_come(pair):
            waiting = [one for one in every if one.takes and one.element_id not in should.urgent]
            due = [one for one in every if not (one.takes and one.element_id not in should.urgent)]
        return _Pair(pair, resent, due, should.wanted, lost, waiting)

    def _content(
        self, pair: UUID, steps: Sequence[tuple[StepKind, int, Wanted]], *, resent: bool = False
    ) -> list[Sending]:
        wanted = [one for _, _, one in steps]
        if not wanted:
            return []
        tags, records = etags(self._work, wanted), record_ids(self._work, pair, wanted)
        reference = self._work.index.registrations[pair].reference
        disputes = disputed_ids(self._work, pair, wanted)
        return [
            Sending(kind, number, reference, one.element_id, one, record, tags[one.element_id], resent, about)
            for (kind, number, one), record, about in zip(steps, records, disputes, strict=True)
        ]

    def numbered(self, due: Sequence[tuple[Change, _Pair]]) -> list[Sending]:
        """What is sent for the first time, each under the next number."""
        found: list[Sending] = []
        steps: dict[UUID, list[tuple[StepKind, int, Wanted]]] = {}
        for number, (change, one) in enumerate(due, start=self._state.sent + 1):
            if change.wanted is None:
                reference = self._work.index.registrations[one.pair].reference
                found.append(Sending(change.kind, number, reference, change.element_id))
            else:
                steps.setdefault(one.pair, []).append((change.kind, number, change.wanted))
        for pair, some in steps.items():
            found += self._content(pair, some)
        return sorted(found, key=lambda sending: sending.sequence)

    def recorded(self, pairs: Sequence[_Pair], sent: Sequence[Sending]) -> tuple[PersonAccess, ...]:
        """What the fetch's entry says of each person looked at."""
        new = {sending.element_id: sending for sending in sent if not sending.resent}
        repeated = {sending.sequence for sending in sent if sending.resent}
        rests = self._feed.retraction_window is not None
        people = []
        for one in pairs:
            fresh = {change.element_id: change for change in one.due if change.element_id in new}
            again = [sending for sending in one.resent if sending.sequence in repeated]
            left = [change for change in one.due if change.element_id not in new]
            people.append(
                PersonAccess(
                    one.pair,
                    len(fresh) == len(one.due),
                    _groups(again, {}) + _groups([new[element] for element in fresh], fresh),
                    voided=tuple(sorted(element for element in one.lost if element not in fresh)),
                    resting=rests and any(change.takes for change in (*one.waiting, *left)),
                )
            )
        return tuple(people)


def _once(pairs: Iterable[UUID]) -> Iterator[UUID]:
    seen: set[UUID] = set()
    for pair in pairs:
        if pair not in seen:
            seen.add(pair)
            yield pair


def _groups(sent: Sequence[Sending], changed: dict[bytes, Change]) -> tuple[StepGroup, ...]:
    """What was sent about one person, side by side where kind, origin and terms are the same."""
    together: dict[tuple[StepKind, bytes, Any, bool, bool], list[StepItem]] = {}
    for sending in sent:
        wanted = sending.wanted
        if wanted is None:
            held = None if sending.resent else changed[sending.element_id].held
            origin, fragment = (b"", bytes(16)) if held is None else (held.origin, held.fragment_id)
            item = StepItem(
                sending.sequence,
                sending.element_id,
                fragment,
                0 if held is None else held.revision,
                bytes(16),
            )
            key = (sending.kind, origin, NO_TERMS, sending.resent, False)
        else:
            item = StepItem(
                sending.sequence, sending.element_id, wanted.fragment_id, wanted.item.revision, sending.etag
            )
            key = (sending.kind, wanted.origin, wanted.terms, sending.resent, wanted.ring is not None)
        together.setdefault(key, []).append(item)
    return tuple(
        StepGroup(kind, origin, terms.rows, terms.marks, tuple(items), resent, stub)
        for (kind, origin, terms, resent, stub), items in together.items()
    )
