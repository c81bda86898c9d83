"""Receives a feed: fetches, lets the sink apply in one transaction with the bookmark, acknowledges with the
next fetch.

Stopping at any point is safe. Before the sink's commit, the hub sends the same batch again; after it, the
bookmark says so and the next fetch acknowledges.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration

from adapters.kit.backoff import Backoff
from adapters.kit.client import Hub
from adapters.kit.config import FeedSettings
from adapters.kit.errors import (
    CorrectionNotDone,
    DeliveryNotWritten,
    HubRefused,
    RetractionNotDone,
    SinkUnavailable,
)
from adapters.kit.receipts import ReceiptSigner
from adapters.kit.sink import Bookmark, Sink
from oncetold.v1.delivery_service_pb2 import (
    Delivery,
    FetchDeliveriesRequest,
    FetchDeliveriesResponse,
    Holding,
    ReconcileHoldingsRequest,
)

Answer = TypeVar("Answer")

HOLDINGS_PAGE = 1000
SHORTEST_WAIT = 1.0
MOST_RECEIPTS = 64
# A new epoch, and receipts that it does not know.
MOST_REMEDIES = 2
# When a batch at least this large fails in every single item, it is the database and not the items.
TOO_MANY_TO_BLAME = 4


@dataclass(slots=True)
class RunReport:
    """What one run did. `put_aside` could not be written and wait in the sink; `reconciled` counts
    reconciliations."""

    fetches: int = 0
    applied: int = 0
    retracted: int = 0
    put_aside: int = 0
    reconciled: int = 0
    stopped: bool = False


class Runner:
    """Keeps one sink in step with one feed."""

    def __init__(
        self,
        hub: Hub,
        sink: Sink,
        signer: ReceiptSigner,
        feed: FeedSettings,
        *,
        backoff: Backoff | None = None,
        on_pause: Callable[[Exception], None] = lambda _: None,
        between: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_pause` is told of every error that is waited out, so that a person sees why nothing happens.
        `between` is called before each fetch; what it raises goes on."""
        self._hub = hub
        self._sink = sink
        self._signer = signer
        self._feed = feed
        self._backoff = backoff or Backoff()
        self._on_pause = on_pause
        self._between = between

    def run(self, *, once: bool = False, reconcile: bool = False) -> RunReport:
        """Receives until Ctrl-C, or with `once` until two fetches in a row are empty: the second also tells
        that the first one's acknowledgement caused nothing new. `reconcile` first tells the hub what is
        held, which also brings back what was put aside. Ctrl-C (KeyboardInterrupt) ends it cleanly with
        `stopped`; errors that do not pass by themselves go on."""
        report = RunReport()
        try:
            if reconcile:
                self._reconcile(report)
            empty = 0
            while not once or empty < 2:
                self._between()
                began = time.monotonic()
                response = self._fetch(report, wait_seconds=0 if once else self._feed.wait_seconds)
                empty = 0 if response.deliveries else empty + 1
                if response.deliveries:
                    self._apply(response.deliveries, report)
                elif not once:
                    # A hub that does not wait, or was told not to, is still asked no more than once a second.
                    time.sleep(max(0.0, SHORTEST_WAIT - (time.monotonic() - began)))
        except KeyboardInterrupt:
            report.stopped = True
        return report

    def _fetch(self, report: RunReport, *, wait_seconds: int) -> FetchDeliveriesResponse:
        for _ in range(MOST_REMEDIES):
            try:
                response = self._patiently(partial(self._fetch_once, wait_seconds))
            except HubRefused as refusal:
                self._remedy(refusal, report)
            else:
                report.fetches += 1
                return response
        # Each remedy has been tried: what is refused now goes on.
        response = self._patiently(partial(self._fetch_once, wait_seconds))
        report.fetches += 1
        return response

    def _remedy(self, refusal: HubRefused, report: RunReport) -> None:
        """Does what a refused fetch asks for, or lets the refusal go on."""
        if refusal.reason == "EPOCH_CHANGED":
            self._reconcile(report)
        elif refusal.reason != "BAD_RECEIPT" or not self._sink.supersede_receipts():
            # Receipts of an epoch that is over may be unknown to a hub; those of the present one never are.
            raise refusal

    def _fetch_once(self, wait_seconds: int) -> FetchDeliveriesResponse:
        bookmark = self._sink.bookmark()
        # A batch is never larger than this, so every receipt of the present epoch is among them.
        pending = self._sink.pending_receipts(MOST_RECEIPTS)
        response = self._hub.fetch(
            FetchDeliveriesRequest(
                feed_id=bookmark.feed_id,
                epoch=bookmark.epoch,
                acknowledge=bookmark.sequence,
                receipts=[self._signer.sign(receipt) for receipt in pending],
                max_items=self._feed.max_items,
                wait=Duration(seconds=wait_seconds),
            )
        )
        if pending:
            self._sink.receipts_sent(pending)
        return response

    def _apply(self, deliveries: Sequence[Delivery], report: RunReport) -> None:
        """Applies one batch. A delivery that fails `attempts` times is put aside and the others go on; a
        retraction never is: what came before it is kept, then RetractionNotDone. CorrectionNotDone if a
        correction can neither be written nor what it corrects be greyed."""
        before = self._sink.bookmark()
        failures: dict[int, int] = {}
        put_aside: dict[int, str] = {}
        fresh = [delivery for delivery in deliveries if delivery.sequence > before.sequence]
        while True:
            after = Bookmark(before.feed_id, before.epoch, deliveries[-1].sequence)
            try:
                staged = self._patiently(partial(self._sink.apply, deliveries, after, put_aside))
                break
            except DeliveryNotWritten as failure:
                failures[failure.sequence] = failures.get(failure.sequence, 0) + 1
                if failures[failure.sequence] < self._feed.attempts:
                    self._on_pause(failure)
                    continue
                failed = next(item for item in deliveries if item.sequence == failure.sequence)
                if failed.WhichOneof("step") == "retract":
                    self._block(deliveries, failed, failure.reason, before, put_aside)
                    raise RetractionNotDone(failure.sequence, failure.reason) from failure
                if failure.sequence in put_aside:
                    # Not even the old row could be greyed: it would be taken for current.
                    self._block(deliveries, failed, failure.reason, before, put_aside)
                    raise CorrectionNotDone(failure.sequence, failure.reason) from failure
                put_aside[failure.sequence] = failure.reason
                if len(put_aside) == len(fresh) >= TOO_MANY_TO_BLAME:
                    raise SinkUnavailable(failure.reason) from failure
        report.applied += len(fresh) - len(put_aside)
        report.retracted += len(staged)
        report.put_aside += len(put_aside)

    def _block(
        self,
        deliveries: Sequence[Delivery],
        failed: Delivery,
        reason: str,
        before: Bookmark,
        put_aside: dict[int, str],
    ) -> None:
        """Keeps what came before the delivery that must not be passed over, and notes it for `status`.

        The retractions behind it are carried out all the same, without moving the bookmark past it: what
        stands in the way of one person's must not keep another's data here. They are sent again, harmlessly.
        """
        earlier = [item for item in deliveries if item.sequence < failed.sequence]
        if earlier:
            self._sink.apply(earlier, Bookmark(before.feed_id, before.epoch, earlier[-1].sequence), put_aside)
        self._sink.note_blocked(failed, reason)
        for item in deliveries:
            if item.sequence > failed.sequence and item.WhichOneof("step") == "retract":
                try:
                    self._sink.apply([item], self._sink.bookmark())
                except DeliveryNotWritten as failure:
                    self._sink.note_blocked(item, failure.reason)

    def _reconcile(self, report: RunReport) -> None:
        """Tells the hub everything that is held, page by page, and continues under the epoch that it
        answers."""
        bookmark = self._sink.bookmark()
        number, page = 1, self._sink.holdings(1, HOLDINGS_PAGE)
        while True:
            following = self._sink.holdings(number + 1, HOLDINGS_PAGE) if len(page) == HOLDINGS_PAGE else []
            request = ReconcileHoldingsRequest(
                request_id=str(uuid.uuid4()),
                feed_id=bookmark.feed_id,
                holdings=[
                    Holding(
                        fragment_id=held.fragment_id, etag=held.etag, client_reference=held.client_reference
                    )
                    for held in page
                ],
                page=number,
                last_page=not following,
                bookmark=bookmark.sequence,
            )
            response = self._patiently(partial(self._hub.reconcile, request))
            if not following:
                break
            number, page = number + 1, following
        self._sink.adopt(Bookmark(bookmark.feed_id, response.epoch, response.acknowledge))
        report.reconciled += 1

    def _patiently(self, work: Callable[[], Answer]) -> Answer:
        return self._backoff.call(work, on_pause=self._on_pause)
