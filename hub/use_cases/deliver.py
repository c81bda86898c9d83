"""Fetching deliveries: acknowledge, compute the difference, record it, answer. One batch outstanding."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from consent_ledger.access import AccessKind, PersonAccess, Receipt, Step, StepKind
from consent_ledger.errors import Refused
from consent_ledger.facts import Feed
from hub.projections.holdings import FeedState, Held
from hub.records import codec
from hub.use_cases.difference import Change, Wanted, changes, wanted_elements
from hub.use_cases.hub import Hub
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


@dataclass(frozen=True, slots=True)
class Sending:
    """One item to send. `wanted` is unset for a retraction; without content only the terms change."""

    kind: StepKind
    sequence: int
    client_reference: str
    element_id: UUID
    wanted: Wanted | None
    with_content: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """What one fetch answers. `access` is the position of its access entry."""

    sendings: tuple[Sending, ...]
    access: int
    more: bool


@dataclass(slots=True)
class _Pair:
    """One person's difference within a fetch. `lost`: sent, never acknowledged, no longer wanted so."""

    pair: UUID
    resent: list[Step]
    due: list[Change]
    wanted: dict[UUID, Wanted]
    lost: list[UUID]


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
    if feed is not None and feed.certificate_uri != caller.certificate_uri:
        # Before anything that tells whether its owner is fetching, or disturbs that.
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
    outstanding = [one for one in state.outstanding if one[0] > acknowledge]
    pairs, more = _pairs(work, feed, [pair for _, pair in outstanding], acknowledge, outstanding, max_items)
    resent = sorted((step for one in pairs for step in one.resent), key=lambda step: step.sequence)
    room = max(0, max_items - len(resent))
    every = [(change, one) for one in pairs for change in one.due]
    due = sorted(every, key=lambda item: item[0].order)[:room]
    nothing_new = acknowledge == state.acknowledged and not receipts
    if not resent and not due and nothing_new and not final:
        return None
    return _record(work, caller, feed, state, acknowledge, accepted, pairs, resent[:max_items], due, more)


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
    reference = work.index.registrations[known.pair].reference
    sent = codec.serialised(codec.retraction(known.sequence, reference, known.element_id))
    if hashlib.sha256(sent).digest() != receipt.delivery_sha256:
        raise Refused("BAD_RECEIPT", sequence=receipt.sequence)
    return Receipt(receipt.sequence, receipt.outcome, receipt.statement, receipt.signature)


def _pairs(
    work: Work,
    feed: Feed,
    first: Sequence[UUID],
    acknowledge: int,
    outstanding: Sequence[tuple[int, UUID]],
    max_items: int,
) -> tuple[list[_Pair], bool]:
    """The people to look at, whose items wait for an acknowledgement first; and whether there is more.

    Neither the order nor the answer may tell that there is somebody of whom nothing may be sent: people
    come in the order of their random ids, and looking ends only once there is more than fits.
    """
    dirty = work.holdings.dirty(feed.feed_id, _PAIRS_AT_ONCE)
    seen: list[_Pair] = []
    found = 0
    for pair in dict.fromkeys([*first, *dirty]):
        # Whoever waits for an acknowledgement is always looked at: a later one would cover their items too.
        if found > max_items and pair not in first:
            return seen, True
        one = _pair(work, feed, pair, acknowledge, [s for s, owner in outstanding if owner == pair])
        found += len(one.resent) + len(one.due)
        seen.append(one)
    return seen, found > max_items


def _pair(work: Work, feed: Feed, pair: UUID, acknowledge: int, outstanding: Sequence[int]) -> _Pair:
    """The person's difference, and what of the outstanding batch still stands: that is sent again."""
    held = work.holdings.held_about(feed.feed_id, pair)
    wanted = wanted_elements(work, feed, pair, held, acknowledge)
    due = changes(held, wanted, acknowledge)
    changing = {change.element_id for change in due}
    resent = []
    for sequence in outstanding:
        retraction = work.holdings.retraction(feed.feed_id, sequence)
        if retraction is not None:
            resent.append(
                Step(StepKind.RETRACT, sequence, retraction.element_id, None, None, 0, (), (), "", True)
            )
    for element_id, one in held.items():
        if one.sequence > acknowledge and one.sequence in outstanding and element_id not in changing:
            resent.append(_step(one.kind, one.sequence, wanted[element_id], resent=True))
    lost = [one for one in changing if one in held and held[one].sequence in outstanding]
    return _Pair(pair, resent, due, wanted, lost)


def _step(kind: StepKind, sequence: int, wanted: Wanted, *, resent: bool = False) -> Step:
    facts = wanted.stored.facts
    return Step(
        kind,
        sequence,
        wanted.element_id,
        facts.fragment_id,
        facts.registration_id,
        facts.revision,
        wanted.rows,
        wanted.marks,
        wanted.etag,
        resent,
    )


def _numbered(change: Change, sequence: int) -> Step:
    if change.wanted is not None:
        return _step(change.kind, sequence, change.wanted)
    held: Held | None = change.held
    assert held is not None
    return Step(
        StepKind.RETRACT,
        sequence,
        change.element_id,
        held.fragment_id,
        held.origin,
        held.revision,
        (),
        (),
        "",
    )


def _record(
    work: Work,
    caller: Caller,
    feed: Feed,
    state: FeedState,
    acknowledge: int,
    receipts: list[Receipt],
    pairs: list[_Pair],
    resent: list[Step],
    due: list[tuple[Change, _Pair]],
    more: bool,
) -> Batch:
    """Appends the one access entry of this fetch, numbers included, and says what to send."""
    steps: dict[UUID, list[Step]] = {one.pair: [] for one in pairs}
    left = {one.pair: len(one.due) for one in pairs}
    sendings: list[Sending] = []
    owner = {(step.sequence): one for one in pairs for step in one.resent}
    for step in resent:
        one = owner[step.sequence]
        steps[one.pair].append(step)
        sendings.append(_sending(work, one, step))
    replaced: set[UUID] = set()
    for sequence, (change, one) in enumerate(due, start=state.sent + 1):
        step = _numbered(change, sequence)
        steps[one.pair].append(step)
        left[one.pair] -= 1
        replaced.add(change.element_id)
        sendings.append(_sending(work, one, step))
    access = work.record_access(
        caller,
        AccessKind.FETCH,
        feed_id=feed.feed_id,
        acknowledged=acknowledge,
        receipts=tuple(receipts),
        people=tuple(
            PersonAccess(
                one.pair,
                left[one.pair] == 0,
                tuple(steps[one.pair]),
                voided=tuple(sorted(element for element in one.lost if element not in replaced)),
            )
            for one in pairs
        ),
    )
    return Batch(tuple(sendings), access, more)


def _sending(work: Work, one: _Pair, step: Step) -> Sending:
    """Content goes only where a purpose is active: a repeated greying sends no more than the first."""
    wanted = None if step.kind is StepKind.RETRACT else one.wanted[step.element_id]
    reference = work.index.registrations[one.pair].reference
    with_content = wanted is not None and wanted.active
    return Sending(step.kind, step.sequence, reference, step.element_id, wanted, with_content)
