"""Holdings: what each feed was sent and has not been asked to give back, numbers included, and what is dirty.

Folded from access entries alone, so a rebuild gives the same numbers and nothing denied leaves a gap.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from consent_ledger.access import Accessed, AccessKind, PersonAccess, Receipt, StepKind
from consent_ledger.ledger import KeyOwner, Transaction
from consent_ledger.vocabulary import KeyCategory
from hub.projections.held import VOID, Held, as_reported, read_chunk, sent, write_chunk

HOLDINGS = "holding"
FEEDS = "feed"
DIRTY = "dirty"
RETRACTIONS = "retraction"
REPORTS = "report"
DEPARTED = "DEPARTED_"
"""What the outcome begins with where the agency left without a receipt; its attestation follows."""
_FEED_OWNER = KeyOwner(None, KeyCategory.ACCESS)
_LOOK = 64
"""Dirty pairs read at once: most batches are full after a few."""
_CHUNK_ELEMENTS = 64
"""Elements kept in one cell: a full batch is one write."""


@dataclass(slots=True)
class FeedState:
    """How far a feed has come. `outstanding`: numbers sent and not yet acknowledged, by pair.

    `page` is the last page of a report of holdings that is still coming in; 0 when none is. `resting`: the
    pairs of whom something waits to be taken back, and when a fetch first found that (microseconds).
    `fetched`: when its last fetch was answered (microseconds); 0 before the first.
    """

    epoch: int = 1
    sent: int = 0
    acknowledged: int = 0
    outstanding: dict[UUID, list[int]] = field(default_factory=dict)
    page: int = 0
    resting: dict[UUID, int] = field(default_factory=dict)
    fetched: int = 0

    def settle(self) -> None:
        """What is acknowledged is outstanding no more."""
        left = {
            pair: [number for number in numbers if number > self.acknowledged]
            for pair, numbers in self.outstanding.items()
        }
        self.outstanding = {pair: numbers for pair, numbers in left.items() if numbers}


@dataclass(slots=True)
class RetractionState:
    """One retraction: of what, for whom, how it was receipted ("" while open), and at which position."""

    sequence: int
    epoch: int
    element_id: UUID
    pair: UUID
    position: int
    outcome: str = ""
    receipted_at: int = 0


class Holdings:
    """Reads and folds holdings within one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    # -- reading --------------------------------------------------------------------------------

    def feed(self, feed_id: UUID) -> FeedState:
        """How far the feed has come."""
        sealed = self._transaction.get(FEEDS, feed_id.bytes)
        if sealed is None:
            return FeedState()
        value = json.loads(self._transaction.vault.open_cell(_FEED_OWNER, feed_id.bytes, sealed))
        outstanding = {UUID(pair): numbers for pair, numbers in value["outstanding"].items()}
        resting = {UUID(pair): since for pair, since in value["resting"].items()}
        return FeedState(
            value["epoch"],
            value["sent"],
            value["acknowledged"],
            outstanding,
            value["page"],
            resting,
            value["fetched"],
        )

    def held_about(self, feed_id: UUID, pair: UUID) -> dict[bytes, Held]:
        """What the feed was sent about one person, by element id (16 bytes)."""
        prefix = feed_id.bytes + pair.bytes
        cells = self._transaction.scan(HOLDINGS, prefix, limit=1_000_000)
        held: dict[bytes, Held] = {}
        if cells:
            opened = self._transaction.vault.open_cells(KeyOwner(pair, KeyCategory.ACCESS), cells)
            for (key, _), chunk in zip(cells, opened, strict=True):
                read_chunk(chunk, int.from_bytes(key[32:]), held)
        return held

    def pairs_held(self, feed_id: UUID) -> list[UUID]:
        """Everyone about whom the feed holds something."""
        cells = self._transaction.scan(HOLDINGS, feed_id.bytes, limit=1_000_000)
        return list(dict.fromkeys(UUID(bytes=key[16:32]) for key, _ in cells))

    def dirty(self, feed_id: UUID, most: int) -> Iterator[UUID]:
        """Pairs whose difference may not be empty, in an order that tells nothing of why they are here."""
        after: bytes | None = None
        while most > 0:
            cells = self._transaction.scan(DIRTY, feed_id.bytes, after=after, limit=min(_LOOK, most))
            yield from (UUID(bytes=key[16:32]) for key, _ in cells)
            if len(cells) < _LOOK:
                return
            after, most = cells[-1][0], most - len(cells)

    def is_dirty(self, feed_id: UUID, pair: UUID) -> bool:
        """Whether the pair's difference may not be empty."""
        return self._transaction.get(DIRTY, feed_id.bytes + pair.bytes) is not None

    def retraction(self, feed_id: UUID, sequence: int) -> RetractionState | None:
        """One retraction that was sent on the feed."""
        key = feed_id.bytes + sequence.to_bytes(8)
        sealed = self._transaction.get(RETRACTIONS, key)
        return None if sealed is None else self._read_retraction(key, sealed)

    def retractions(self, feed_id: UUID) -> list[RetractionState]:
        """Every retraction of the feed, by number."""
        return [
            self._read_retraction(key, sealed)
            for key, sealed in self._transaction.scan(RETRACTIONS, feed_id.bytes, limit=1_000_000)
        ]

    # -- folding --------------------------------------------------------------------------------

    def fold_departure(self, feeds: Iterable[UUID], copies: str, position: int) -> None:
        """The agency left: what it attested answers each retraction that it owed; nothing is due to it."""
        for feed_id in feeds:
            for retraction in self.retractions(feed_id):
                if not retraction.outcome:
                    retraction.outcome, retraction.receipted_at = DEPARTED + copies, position
                    self._put_retraction(feed_id, retraction)
            for key, _ in self._transaction.scan(DIRTY, feed_id.bytes, limit=1_000_000):
                self._transaction.delete(DIRTY, key)

    def fold(self, access: Accessed, position: int, recorded: int) -> None:
        """Folds one answered call into what its feed holds."""
        if access.feed_id is None or access.kind not in (AccessKind.FETCH, AccessKind.RECONCILE):
            return
        feed_id, state = access.feed_id, self.feed(access.feed_id)
        if access.kind is AccessKind.FETCH:
            state.fetched = recorded
        if access.acknowledged is not None and access.kind is AccessKind.FETCH:
            state.acknowledged = max(state.acknowledged, access.acknowledged)
        for receipt in access.receipts:
            self._fold_receipt(feed_id, receipt, position)
        if access.kind is AccessKind.RECONCILE:
            state.page = 0 if access.last_page else access.page
            if access.page == 1:
                # A report that broke off says nothing of what the partner holds now.
                for key, _ in self._transaction.scan(REPORTS, feed_id.bytes, limit=1_000_000):
                    self._transaction.delete(REPORTS, key)
        for person in access.people:
            if access.kind is AccessKind.FETCH:
                self._fold_steps(feed_id, state, person, position, recorded)
            else:
                self._keep_report(feed_id, person)
        state.settle()
        if access.kind is AccessKind.RECONCILE and access.last_page:
            self._settle_reports(feed_id, state)
        value = {
            "epoch": state.epoch,
            "sent": state.sent,
            "acknowledged": state.acknowledged,
            "outstanding": {pair.hex: numbers for pair, numbers in state.outstanding.items()},
            "page": state.page,
            "resting": {pair.hex: since for pair, since in state.resting.items()},
            "fetched": state.fetched,
        }
        sealed = self._transaction.vault.seal_cell(_FEED_OWNER, feed_id.bytes, json.dumps(value).encode())
        self._transaction.put(FEEDS, feed_id.bytes, sealed)

    def _fold_steps(
        self, feed_id: UUID, state: FeedState, person: PersonAccess, position: int, recorded: int
    ) -> None:
        pair = person.pair
        fresh = [group for group in person.groups if not group.resent]
        if fresh or person.voided:
            held = self.held_about(feed_id, pair)
            changed: set[int] = set()
            for element_id in person.voided:
                one = held[element_id]
                state.outstanding.get(pair, []).remove(one.sequence)
                one.sequence = VOID
                changed.add(one.chunk)
            numbers = state.outstanding.setdefault(pair, [])
            for group in fresh:
                for item in group.items:
                    state.sent = max(state.sent, item.sequence)
                    numbers.append(item.sequence)
                    before = held.pop(item.element_id, None)
                    if before is not None:
                        changed.add(before.chunk)
                    if group.kind is StepKind.RETRACT:
                        element = UUID(bytes=item.element_id)
                        retraction = RetractionState(item.sequence, state.epoch, element, pair, position)
                        self._put_retraction(feed_id, retraction)
                    else:
                        held[item.element_id] = sent(group, item, before, position, state.acknowledged)
            self._put_held(feed_id, pair, held, changed)
        if person.resting:
            state.resting.setdefault(pair, recorded)
        elif person.complete:
            state.resting.pop(pair, None)
        if person.complete:
            self._transaction.delete(DIRTY, feed_id.bytes + pair.bytes)

    def _fold_receipt(self, feed_id: UUID, receipt: Receipt, position: int) -> None:
        state = self.retraction(feed_id, receipt.sequence)
        if state is not None and not state.outcome:
            state.outcome, state.receipted_at = receipt.outcome, position
            self._put_retraction(feed_id, state)

    def _keep_report(self, feed_id: UUID, person: PersonAccess) -> None:
        key = feed_id.bytes + person.pair.bytes
        owner = KeyOwner(person.pair, KeyCategory.ACCESS)
        known = self._transaction.get(REPORTS, key)
        reported = {} if known is None else json.loads(self._transaction.vault.open_cell(owner, key, known))
        reported |= {element.hex: etag for element, etag in person.reported}
        sealed = self._transaction.vault.seal_cell(owner, key, json.dumps(reported).encode())
        self._transaction.put(REPORTS, key, sealed)

    def _settle_reports(self, feed_id: UUID, state: FeedState) -> None:
        """The last page: what the partner says it holds becomes what it holds, under a new epoch."""
        reports = self._transaction.scan(REPORTS, feed_id.bytes, limit=1_000_000)
        pairs = {UUID(bytes=key[16:32]) for key, _ in reports} | set(self.pairs_held(feed_id))
        for pair in sorted(pairs):
            key = feed_id.bytes + pair.bytes
            owner = KeyOwner(pair, KeyCategory.ACCESS)
            sealed = self._transaction.get(REPORTS, key)
            reported: dict[str, str] = (
                {} if sealed is None else json.loads(self._transaction.vault.open_cell(owner, key, sealed))
            )
            known = self.held_about(feed_id, pair)
            held = {}
            for element, etag in reported.items():
                element_id = bytes.fromhex(element)
                held[element_id] = as_reported(known.get(element_id), bytes.fromhex(etag))
            self._put_held(feed_id, pair, held, {one.chunk for one in known.values()})
            self._transaction.delete(REPORTS, key)
            self._transaction.put(DIRTY, feed_id.bytes + pair.bytes, b"")
        state.epoch += 1
        state.acknowledged = state.sent
        state.outstanding = {}

    def _put_held(self, feed_id: UUID, pair: UUID, held: dict[bytes, Held], changed: set[int]) -> None:
        """Writes the chunks that changed. What is new fills the highest chunk up, then further ones."""
        chunks: dict[int, list[tuple[bytes, Held]]] = {number: [] for number in changed}
        for element_id, one in held.items():
            if one.chunk >= 0:
                chunks.setdefault(one.chunk, []).append((element_id, one))
        last = max((number for number in chunks), default=0)
        chunks.setdefault(last, [])
        for element_id in sorted(element_id for element_id, one in held.items() if one.chunk < 0):
            if len(chunks[last]) >= _CHUNK_ELEMENTS:
                last += 1
                chunks[last] = []
            changed.add(last)
            chunks[last].append((element_id, held[element_id]))
        owner = KeyOwner(pair, KeyCategory.ACCESS)
        for number in sorted(changed):
            key = feed_id.bytes + pair.bytes + number.to_bytes(4)
            if chunks[number]:
                chunk = write_chunk(sorted(chunks[number], key=lambda entry: entry[0]))
                self._transaction.put(HOLDINGS, key, self._transaction.vault.seal_cell(owner, key, chunk))
            else:
                self._transaction.delete(HOLDINGS, key)

    def _put_retraction(self, feed_id: UUID, state: RetractionState) -> None:
        key = feed_id.bytes + state.sequence.to_bytes(8)
        value = [
            state.sequence,
            state.epoch,
            state.element_id.hex,
            state.pair.hex,
            state.position,
            state.outcome,
            state.receipted_at,
        ]
        sealed = self._transaction.vault.seal_cell(_FEED_OWNER, key, json.dumps(value).encode())
        self._transaction.put(RETRACTIONS, key, sealed)

    def _read_retraction(self, key: bytes, sealed: bytes) -> RetractionState:
        sequence, epoch, element, pair, position, outcome, receipted_at = json.loads(
            self._transaction.vault.open_cell(_FEED_OWNER, key, sealed)
        )
        return RetractionState(sequence, epoch, UUID(element), UUID(pair), position, outcome, receipted_at)
