"""The place where an agency keeps what is delivered to it: the promises that an implementation makes.

Delivery is at least once. A sink turns it into exactly one effect by writing rows and bookmark in one
transaction.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from google.protobuf.timestamp_pb2 import Timestamp

from adapters.kit.copies import Answer, Copies
from oncetold.v1.common_pb2 import LawfulBasis
from oncetold.v1.delivery_service_pb2 import Delivery, RetractionStatement


@dataclass(frozen=True, slots=True)
class Bookmark:
    """The last delivery that is durable here: 0 at first. Sequences are compared within one epoch only."""

    feed_id: str
    epoch: int
    sequence: int


@dataclass(frozen=True, slots=True)
class PendingReceipt:
    """A serialised RetractionStatement that the hub has not been shown yet."""

    epoch: int
    sequence: int
    statement: bytes


@dataclass(frozen=True, slots=True)
class HeldElement:
    """What the hub is told of one fragment that is held: its id, etag and the reference it is held under."""

    fragment_id: str
    etag: str
    client_reference: str


@dataclass(frozen=True, slots=True)
class SinkStatus:
    """Counts for a person. `put_aside` are deliveries that could not be written and wait for a
    reconciliation; `blocked` are those that must not be passed over, so that the feed stands before them."""

    bookmark: Bookmark
    held: int
    receipts_to_send: int
    put_aside: list[tuple[int, str]]
    retained: int
    blocked: list[tuple[int, str]]


class Sink(Protocol):
    """Keeps one feed's deliveries. Every method is one transaction and may be repeated."""

    @property
    def beside(self) -> Copies:
        """Where else the agency's system keeps what is deleted from its live rows."""
        ...

    def bookmark(self) -> Bookmark:
        """Where this sink stands; epoch 1, sequence 0 if it is new."""
        ...

    def apply(
        self, deliveries: Sequence[Delivery], bookmark: Bookmark, put_aside: Mapping[int, str] | None = None
    ) -> list[PendingReceipt]:
        """Writes the deliveries in order, stages a receipt for each retraction, and moves to `bookmark`, all
        in one transaction. A delivery at or before the present bookmark of the same epoch changes nothing.
        Those named in `put_aside` (sequence to reason code) are noted instead of written; never a
        retraction. What a correction put aside would have changed is shown as no longer updated. Answers the
        receipts staged. DeliveryNotWritten if one cannot be written, SinkUnavailable if the database does
        not work; then nothing at all was changed.
        """
        ...

    def note_blocked(self, delivery: Delivery, reason: str) -> None:
        """Notes a delivery that stands behind the bookmark and cannot be carried out, until it is."""
        ...

    def pending_receipts(self, limit: int) -> list[PendingReceipt]:
        """Receipts that were not sent: the latest epoch first, then by sequence. An epoch that is over does
        not make a receipt void: the retraction was carried out."""
        ...

    def receipts_sent(self, receipts: Sequence[PendingReceipt]) -> None:
        """Notes that the hub accepted these receipts."""
        ...

    def supersede_receipts(self) -> int:
        """Gives up the receipts of earlier epochs, which the hub does not want; answers how many. They are
        kept as superseded."""
        ...

    def holdings(self, page: int, size: int) -> list[HeldElement]:
        """One page of what is held, ordered by fragment id, counted from 1. Empty past the end."""
        ...

    def adopt(self, bookmark: Bookmark) -> None:
        """Continues from what a reconciliation answered. Notes about deliveries put aside are dropped,
        because the hub now sends again what is lacking."""
        ...

    def status(self) -> SinkStatus:
        """What a person wants to know."""
        ...


def statement(
    bookmark: Bookmark,
    delivery: Delivery,
    *,
    answer: Answer,
    done: datetime,
    own_basis: LawfulBasis.ValueType = LawfulBasis.LAWFUL_BASIS_UNSPECIFIED,
) -> PendingReceipt:
    """States what was done about a retraction, and where was looked. `done` is aware; `own_basis` only for
    RETAINED_OWN_BASIS."""
    done_time = Timestamp()
    done_time.FromDatetime(done)
    said = RetractionStatement(
        feed_id=bookmark.feed_id,
        epoch=bookmark.epoch,
        sequence=delivery.sequence,
        fragment_id=delivery.retract.fragment_id,
        # A retraction has no maps and its unknown fields stay, so this is the delivery as it was received.
        delivery_sha256=hashlib.sha256(delivery.SerializeToString(deterministic=True)).digest(),
        outcome=answer.outcome,
        looked_at=answer.looked_at,
        not_looked_at=answer.not_looked_at,
        own_basis=own_basis,
        done_time=done_time,
    )
    return PendingReceipt(bookmark.epoch, delivery.sequence, said.SerializeToString(deterministic=True))
