"""Holdings: what each feed was sent and has not been asked to give back, numbers included, and what is dirty.

Folded from access entries alone, so a rebuild gives the same numbers and nothing denied leaves a gap.
"""

import json
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from consent_ledger.access import (
    Accessed,
    AccessKind,
    PersonAccess,
    Receipt,
    Step,
    StepKind,
    TermRow,
    read_rows,
    write_rows,
)
from consent_ledger.ledger import KeyOwner, Transaction
from consent_ledger.vocabulary import HandlingMark, KeyCategory, PermissionState

HOLDINGS = "holding"
FEEDS = "feed"
DIRTY = "dirty"
RETRACTIONS = "retraction"
REPORTS = "report"
_FEED_OWNER = KeyOwner(None, KeyCategory.ACCESS)
_REMEMBERED = 4
VOID = 2**62
"""Stands for the number of a sending that was lost and never repeated: no acknowledgement reaches it."""


@dataclass(slots=True)
class Held:
    """One element as last sent. `since` says, per row, at which position it was last sent as active.

    `earlier` keeps what was sent before, oldest first: the last that the partner acknowledged is what it
    really has, and older ones are for a partner restored from a backup.
    """

    fragment_id: UUID | None
    origin: UUID | None
    revision: int
    rows: tuple[TermRow, ...]
    marks: tuple[HandlingMark, ...]
    etag: str
    sequence: int
    kind: StepKind
    since: dict[str, int] = field(default_factory=dict)
    earlier: list["Held"] = field(default_factory=list)

    def acknowledged(self, up_to: int) -> "Held | None":
        """The latest version that the partner made durable; `None` when it has none."""
        return next((one for one in (self, *reversed(self.earlier)) if one.sequence <= up_to), None)


@dataclass(slots=True)
class FeedState:
    """How far a feed has come. `outstanding` are sent and not yet acknowledged: (sequence, pair).

    `page` is the last page of a report of holdings that is still coming in; 0 when none is.
    """

    epoch: int = 1
    sent: int = 0
    acknowledged: int = 0
    outstanding: list[tuple[int, UUID]] = field(default_factory=list)
    page: int = 0


@dataclass(slots=True)
class RetractionState:
    """One retraction: of what, for whom, and how it was receipted ("" while open)."""

    sequence: int
    epoch: int
    element_id: UUID
    pair: UUID
    position: int
    outcome: str = ""


def row_key(row: TermRow) -> str:
    """Names a row within an element."""
    return f"{row.purpose}|{row.agreement_id}"


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
        outstanding = [(sequence, UUID(pair)) for sequence, pair in value["outstanding"]]
        return FeedState(value["epoch"], value["sent"], value["acknowledged"], outstanding, value["page"])

    def held_about(self, feed_id: UUID, pair: UUID) -> dict[UUID, Held]:
        """What the feed was sent about one person, by element id."""
        key = feed_id.bytes + pair.bytes
        sealed = self._transaction.get(HOLDINGS, key)
        if sealed is None:
            return {}
        opened = self._transaction.vault.open_cell(KeyOwner(pair, KeyCategory.ACCESS), key, sealed)
        return {UUID(element): _read_held(value) for element, value in json.loads(opened).items()}

    def pairs_held(self, feed_id: UUID) -> list[UUID]:
        """Everyone about whom the feed holds something."""
        cells = self._transaction.scan(HOLDINGS, feed_id.bytes, limit=1_000_000)
        return [UUID(bytes=key[16:32]) for key, _ in cells]

    def dirty(self, feed_id: UUID, limit: int) -> list[UUID]:
        """Pairs whose difference may not be empty, in an order that tells nothing of why they are here."""
        cells = self._transaction.scan(DIRTY, feed_id.bytes, limit=limit)
        return [UUID(bytes=key[16:32]) for key, _ in cells]

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

    def mark(self, feed_id: UUID, pair: UUID, position: int) -> None:
        """Notes that the pair's difference may not be empty any more."""
        self._transaction.put(DIRTY, feed_id.bytes + pair.bytes, position.to_bytes(8))

    def fold(self, access: Accessed, position: int) -> None:
        """Folds one answered call into what its feed holds."""
        if access.feed_id is None or access.kind not in (AccessKind.FETCH, AccessKind.RECONCILE):
            return
        feed_id, state = access.feed_id, self.feed(access.feed_id)
        if access.acknowledged is not None and access.kind is AccessKind.FETCH:
            state.acknowledged = max(state.acknowledged, access.acknowledged)
        for receipt in access.receipts:
            self._fold_receipt(feed_id, receipt)
        if access.kind is AccessKind.RECONCILE:
            state.page = 0 if access.last_page else access.page
            if access.page == 1:
                # A report that broke off says nothing of what the partner holds now.
                for key, _ in self._transaction.scan(REPORTS, feed_id.bytes, limit=1_000_000):
                    self._transaction.delete(REPORTS, key)
        for person in access.people:
            if access.kind is AccessKind.FETCH:
                self._fold_steps(feed_id, state, person, position)
            else:
                self._keep_report(feed_id, person)
        state.outstanding = [one for one in state.outstanding if one[0] > state.acknowledged]
        if access.kind is AccessKind.RECONCILE and access.last_page:
            self._settle_reports(feed_id, state, position)
        value = {
            "epoch": state.epoch,
            "sent": state.sent,
            "acknowledged": state.acknowledged,
            "outstanding": [[sequence, pair.hex] for sequence, pair in state.outstanding],
            "page": state.page,
        }
        sealed = self._transaction.vault.seal_cell(_FEED_OWNER, feed_id.bytes, json.dumps(value).encode())
        self._transaction.put(FEEDS, feed_id.bytes, sealed)

    def _fold_steps(self, feed_id: UUID, state: FeedState, person: PersonAccess, position: int) -> None:
        fresh = [step for step in person.steps if not step.resent]
        if fresh or person.voided:
            held = self.held_about(feed_id, person.pair)
            for element_id in person.voided:
                lost = (held[element_id].sequence, person.pair)
                state.outstanding = [one for one in state.outstanding if one != lost]
                held[element_id].sequence = VOID
            for step in fresh:
                state.sent = max(state.sent, step.sequence)
                state.outstanding.append((step.sequence, person.pair))
                if step.kind is StepKind.RETRACT:
                    held.pop(step.element_id, None)
                    retraction = RetractionState(
                        step.sequence, state.epoch, step.element_id, person.pair, position
                    )
                    self._put_retraction(feed_id, retraction)
                else:
                    before = held.get(step.element_id)
                    held[step.element_id] = _sent(step, before, position, state.acknowledged)
            self._put_held(feed_id, person.pair, held)
        if person.complete:
            self._transaction.delete(DIRTY, feed_id.bytes + person.pair.bytes)

    def _fold_receipt(self, feed_id: UUID, receipt: Receipt) -> None:
        state = self.retraction(feed_id, receipt.sequence)
        if state is not None and not state.outcome:
            state.outcome = receipt.outcome
            self._put_retraction(feed_id, state)

    def _keep_report(self, feed_id: UUID, person: PersonAccess) -> None:
        key = feed_id.bytes + person.pair.bytes
        owner = KeyOwner(person.pair, KeyCategory.ACCESS)
        known = self._transaction.get(REPORTS, key)
        reported = {} if known is None else json.loads(self._transaction.vault.open_cell(owner, key, known))
        reported |= {element.hex: etag for element, etag in person.reported}
        sealed = self._transaction.vault.seal_cell(owner, key, json.dumps(reported).encode())
        self._transaction.put(REPORTS, key, sealed)

    def _settle_reports(self, feed_id: UUID, state: FeedState, position: int) -> None:
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
            held = {
                UUID(element): _as_reported(known.get(UUID(element)), etag)
                for element, etag in reported.items()
            }
            self._put_held(feed_id, pair, held)
            self._transaction.delete(REPORTS, key)
            self.mark(feed_id, pair, position)
        state.epoch += 1
        state.acknowledged = state.sent
        state.outstanding = []

    def _put_held(self, feed_id: UUID, pair: UUID, held: dict[UUID, Held]) -> None:
        key = feed_id.bytes + pair.bytes
        if not held:
            self._transaction.delete(HOLDINGS, key)
            return
        value = {element.hex: _write_held(held[element]) for element in sorted(held)}
        payload = json.dumps(value, separators=(",", ":")).encode()
        owner = KeyOwner(pair, KeyCategory.ACCESS)
        self._transaction.put(HOLDINGS, key, self._transaction.vault.seal_cell(owner, key, payload))

    def _put_retraction(self, feed_id: UUID, state: RetractionState) -> None:
        key = feed_id.bytes + state.sequence.to_bytes(8)
        value = [
            state.sequence,
            state.epoch,
            state.element_id.hex,
            state.pair.hex,
            state.position,
            state.outcome,
        ]
        sealed = self._transaction.vault.seal_cell(_FEED_OWNER, key, json.dumps(value).encode())
        self._transaction.put(RETRACTIONS, key, sealed)

    def _read_retraction(self, key: bytes, sealed: bytes) -> RetractionState:
        sequence, epoch, element, pair, position, outcome = json.loads(
            self._transaction.vault.open_cell(_FEED_OWNER, key, sealed)
        )
        return RetractionState(sequence, epoch, UUID(element), UUID(pair), position, outcome)


def _sent(step: Step, before: Held | None, position: int, acknowledged: int) -> Held:
    """The element as it now stands at the partner, remembering what stood there."""
    since = {} if before is None else before.since
    now = {
        row_key(row): position if row.state is PermissionState.ACTIVE else since.get(row_key(row), position)
        for row in step.rows
    }
    earlier = [] if before is None else _remembered(before, acknowledged)
    return Held(
        step.fragment_id,
        step.origin,
        step.revision,
        step.rows,
        step.marks,
        step.etag,
        step.sequence,
        step.kind,
        now,
        earlier,
    )


def _remembered(before: Held, acknowledged: int) -> list[Held]:
    """All that is not acknowledged yet, and the last few that are."""
    versions = [one for one in (*before.earlier, replace(before, earlier=[])) if one.sequence != VOID]
    certain = [one for one in versions if one.sequence <= acknowledged]
    return certain[-_REMEMBERED:] + [one for one in versions if one.sequence > acknowledged]


def _as_reported(known: Held | None, etag: str) -> Held:
    """What the partner says it holds, as the hub last sent exactly that; nothing is known of it otherwise."""
    if known is not None and known.etag == etag:
        return replace(known, sequence=0)
    if known is not None:
        for index, one in enumerate(known.earlier):
            if one.etag == etag:
                return replace(one, sequence=0, earlier=known.earlier[:index])
    fragment_id, origin = (None, None) if known is None else (known.fragment_id, known.origin)
    return Held(fragment_id, origin, 0, (), (), etag, 0, StepKind.CORRECT)


def _write_held(held: Held) -> list[Any]:
    return [
        None if held.fragment_id is None else held.fragment_id.hex,
        None if held.origin is None else held.origin.hex,
        held.revision,
        write_rows(held.rows),
        list(held.marks),
        held.etag,
        held.sequence,
        held.kind,
        held.since,
        [_write_held(one) for one in held.earlier],
    ]


def _read_held(value: list[Any]) -> Held:
    fragment, origin, revision, rows, marks, etag, sequence, kind, since, earlier = value
    return Held(
        None if fragment is None else UUID(fragment),
        None if origin is None else UUID(origin),
        revision,
        read_rows(rows),
        tuple(HandlingMark(mark) for mark in marks),
        etag,
        sequence,
        StepKind(kind),
        since,
        [_read_held(one) for one in earlier],
    )
