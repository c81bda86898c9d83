"""A partner in memory: applies deliveries in order with its bookmark, loses answers, restores backups."""

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from consent_ledger.access import StepKind
from consent_ledger.errors import Refused
from hub.records import codec
from hub.use_cases import history
from hub.use_cases.deliver import Batch, Sending, SignedReceipt, fetch_deliveries
from hub.use_cases.hub import Hub
from hub.use_cases.reconcile import Reported, reconcile_holdings
from hub.use_cases.wanted import Wanted
from hub.use_cases.work import Caller
from tests.oracle import history as h
from tests.oracle.store import Held, Place
from tests.staff import as_navigator


@dataclass
class Element:
    """One element in the partner's own store."""

    reference: str
    key: h.FragmentKey
    revision: int
    content: bytes
    rows: frozenset[tuple[str, str, str]]
    marks: frozenset[str]
    etag: str
    ring: str | None = None


@dataclass
class Durable:
    """What the partner's database holds: elements, bookmark and receipts change in one transaction."""

    elements: dict[UUID, Element] = field(default_factory=dict)
    bookmark: int = 0
    epoch: int = 1
    receipts: dict[int, SignedReceipt] = field(default_factory=dict)


class Partner:
    """One agency's adapter and store behind a feed."""

    def __init__(self, hub: Hub, caller: Caller, name: str, feed_id: UUID, epoch: int) -> None:
        self.hub, self.caller, self.name, self.feed_id = hub, caller, name, feed_id
        self.durable = Durable(epoch=epoch)
        self.keys: dict[bytes, h.FragmentKey] = {}
        self.known: dict[UUID, h.FragmentKey] = {}
        self.observations: list[h.Observation] = []
        self.received = 0
        self.retracted = 0
        self.answers: list[str] = []
        self.on_look: Callable[[], None] = lambda: None
        """Called when a fetch looks, before anything of its answer is known."""
        self.on_answer: Callable[[Batch], None] = lambda batch: None

    async def fetch(self, *, max_items: int = 64, lose: bool = False) -> int:
        """Fetches once; the number of items. `lose`: the answer never arrives."""
        state = self.durable
        sent = list(state.receipts.values())[:64]
        self.observations.append(
            h.Acknowledged(seq=self._seq(), feed=self.name, epoch=state.epoch, sequence=state.bookmark)
        )
        self.on_look()
        batch = await fetch_deliveries(
            self.hub,
            self.caller,
            feed_id=self.feed_id,
            epoch=state.epoch,
            acknowledge=state.bookmark,
            receipts=sent,
            max_items=max_items,
        )
        self.on_answer(batch)
        self._observe(batch)
        if lose:
            return len(batch.sendings)
        for receipt in sent:
            del state.receipts[receipt.sequence]
        for sending in batch.sendings:
            self._apply(sending)
        return len(batch.sendings)

    async def drain(self, *, max_items: int = 64) -> None:
        """Fetches until nothing is left and everything is acknowledged; reconciles when asked to."""
        for _ in range(10_000):
            try:
                quiet = await self.fetch(max_items=max_items) == 0 and not self.durable.receipts
            except Refused as refusal:
                if refusal.code != "EPOCH_CHANGED":
                    raise
                await self.reconcile()
                continue
            if quiet:
                return
        raise AssertionError("the feed never becomes quiet")

    def backup(self) -> Durable:
        return copy.deepcopy(self.durable)

    def restore(self, backup: Durable) -> None:
        """The partner's database goes back to a backup."""
        self.durable = copy.deepcopy(backup)
        self.observations.append(
            h.Restored(seq=self._seq(), feed=self.name, epoch=backup.epoch, sequence=backup.bookmark)
        )

    async def reconcile(self, page_size: int = 3, *, stop_before: int = 0) -> None:
        """Says page by page what the store really holds; `stop_before` a page, as if the adapter died."""
        elements = sorted(self.durable.elements.items())
        pages = [elements[at : at + page_size] for at in range(0, len(elements), page_size)] or [[]]
        for number, page in enumerate(pages, start=1):
            if number == stop_before:
                return
            epoch, acknowledge, _ = await self.hub.execute(
                reconcile_holdings,
                self.caller,
                feed_id=self.feed_id,
                holdings=[Reported(one, element.etag, element.reference) for one, element in page],
                page=number,
                last_page=number == len(pages),
                bookmark=self.durable.bookmark,
            )
        self.durable.epoch, self.durable.bookmark = epoch, acknowledge

    async def report_page(self, number: int) -> None:
        """An empty page of a report, whatever came before it."""
        await self.hub.execute(
            reconcile_holdings,
            self.caller,
            feed_id=self.feed_id,
            holdings=[],
            page=number,
            last_page=True,
            bookmark=self.durable.bookmark,
        )

    async def history(self, reference: str) -> dict[Place, Held]:
        """What a live read by the agency's navigator answers, who works with everybody."""
        caller = as_navigator(self.caller, self.hub.ledger.clock.now())
        seen = await self.hub.execute(
            history.get_history, caller, feed_id=self.feed_id, client_reference=reference
        )
        return {
            (reference, self.keys[one.item.content]): held_as(one)
            for one in (sending.wanted for sending in seen.sendings if sending.wanted is not None)
        }

    def store(self) -> dict[Place, Held]:
        """The store as the oracle describes one."""
        return {
            (one.reference, one.key): Held(one.revision, one.rows, one.marks, one.ring)
            for one in self.durable.elements.values()
        }

    def _seq(self) -> int:
        return self.hub.projector.index.position

    def _observe(self, batch: Batch) -> None:
        for sending in batch.sendings:
            wanted = sending.wanted
            if wanted is None:
                if _element(sending) in self.known:
                    self.observations.append(
                        h.Retracted(
                            seq=batch.access,
                            feed=self.name,
                            epoch=self.durable.epoch,
                            sequence=sending.sequence,
                            client_reference=sending.client_reference,
                            key=self.known[_element(sending)],
                        )
                    )
                continue
            key = self.keys[wanted.item.content]
            self.known[_element(sending)] = key
            self.observations.append(
                h.Delivered(
                    seq=batch.access,
                    feed=self.name,
                    epoch=self.durable.epoch,
                    sequence=sending.sequence,
                    client_reference=sending.client_reference,
                    key=key,
                    revision=wanted.item.revision if wanted.with_content else None,
                    rows=held_as(wanted).rows,
                    ring=wanted.ring,
                )
            )

    def _apply(self, sending: Sending) -> None:
        state = self.durable
        assert sending.sequence > state.bookmark, "a number is never reused for another item"
        state.bookmark = sending.sequence
        self.received += 1
        if sending.kind is StepKind.RETRACT:
            self.retracted += 1
            state.elements.pop(_element(sending), None)
            state.receipts[sending.sequence] = self._receipt(sending)
            return
        wanted = sending.wanted
        assert wanted is not None
        rows = held_as(wanted).rows
        if wanted.with_content:
            state.elements[_element(sending)] = Element(
                sending.client_reference,
                self.keys[wanted.item.content],
                wanted.item.revision,
                wanted.item.content if wanted.ring is None else b"",
                rows,
                frozenset(wanted.terms.marks),
                sending.etag.hex(),
                wanted.ring,
            )
            return
        held = state.elements[_element(sending)]
        held.rows, held.marks, held.etag = rows, frozenset(wanted.terms.marks), sending.etag.hex()

    def _receipt(self, sending: Sending) -> SignedReceipt:
        sent = codec.serialised(
            codec.retraction(sending.sequence, sending.client_reference, _element(sending))
        )
        return SignedReceipt(
            sending.sequence,
            b"statement",
            b"signature",
            self.feed_id,
            self.durable.epoch,
            _element(sending),
            hashlib.sha256(sent).digest(),
            "ERASED",
        )


def held_as(wanted: Wanted) -> Held:
    """What the hub means a feed to hold, as the oracle describes it."""
    return Held(
        wanted.item.revision,
        frozenset((row.purpose, row.agreement_id, row.state) for row in wanted.terms.rows),
        frozenset(wanted.terms.marks),
        wanted.ring,
    )


def place_of(partner: Partner, sending: Sending) -> Place | None:
    """Where an item belongs in the store; `None` for an element that the partner never heard of."""
    if sending.wanted is not None:
        return sending.client_reference, partner.keys[sending.wanted.item.content]
    key = partner.known.get(_element(sending))
    return None if key is None else (sending.client_reference, key)


def _element(sending: Sending) -> UUID:
    return UUID(bytes=sending.element_id)
