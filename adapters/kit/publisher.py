"""Publishes what a source yields: registered first, batched, each content once, a changed row as the next
revision."""

import hashlib
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from adapters.kit.backoff import Backoff
from adapters.kit.client import Hub
from adapters.kit.errors import HubRefused
from adapters.kit.published import Published, digest
from adapters.kit.quarantine import Quarantine
from adapters.kit.reasons import ABOUT_ONE_RECORD
from adapters.kit.source import (
    IncrementalSource,
    Nothing,
    Origin,
    PublishReport,
    Rejected,
    Source,
    SourceRecord,
)
from oncetold.v1.common_pb2 import LedgerPosition
from oncetold.v1.record_service_pb2 import PublishRecordsRequest, Record
from oncetold.v1.registration_service_pb2 import RegisterClientRequest

Answer = TypeVar("Answer")

MOST_RECORDS = 64
# The hub takes 1 MiB; room for the rest of the message.
MOST_BYTES = 900 * 1024


@dataclass(frozen=True, slots=True)
class _Item:
    record: Record
    origin: Origin
    size: int


def request_for(records: list[Record]) -> PublishRecordsRequest:
    """The request for a batch. Its id follows from its content, so sending it again is the same request."""
    request = PublishRecordsRequest(records=records)
    body = hashlib.sha256(b"oncetold publish v1\0" + request.SerializeToString(deterministic=True)).digest()
    request.request_id = str(uuid.UUID(bytes=body[:16], version=5))
    return request


class Publisher:
    """Publishes sources to one hub. `published` is its memory; see `PublishReport` for what it counts.

    A record that the hub refuses is found by halving its batch, and put in quarantine with the hub's reason;
    its neighbours are published. A refusal that is about the caller or the hub (certificate, disk full) ends
    the run with HubRefused; so does HubUnreachable after the back-off. What was published until then is
    remembered.
    """

    def __init__(
        self,
        hub: Hub,
        published: Published,
        quarantine: Quarantine,
        *,
        register_clients: bool = True,
        backoff: Backoff | None = None,
        on_pause: Callable[[Exception], None] = lambda _: None,
        on_recorded: Callable[[Sequence[LedgerPosition]], None] = lambda _: None,
    ) -> None:
        """`quarantine` must be entered already. Without `register_clients` the agency registers references
        itself, and records of others are quarantined as REFERENCE_NOT_REGISTERED. `on_recorded` is told the
        positions at which the records of each batch stand in the ledger."""
        self._hub = hub
        self._published = published
        self._quarantine = quarantine
        self._register_clients = register_clients
        self._backoff = backoff or Backoff()
        self._on_pause = on_pause
        self._on_recorded = on_recorded
        self._batch: list[_Item] = []
        self._counts: Counter[str] = Counter()

    def publish(self, source: Source) -> PublishReport:
        """Publishes everything that the source yields. An incremental source begins after its mark, which
        moves on only if nothing was left in quarantine: a corrected row must be read again."""
        self._batch, self._counts = [], Counter()
        self._finish_in_flight()
        if isinstance(source, IncrementalSource):
            source.begin_after(self._published.mark(source.name))
        for item in source.records():
            match item:
                case Rejected(origin, reason):
                    self._reject(origin, reason)
                case Nothing():
                    self._counts["nothing"] += 1
                case SourceRecord():
                    self._take(item)
        self._flush()
        if isinstance(source, IncrementalSource) and not self._counts["quarantined"]:
            mark = source.highest_mark()
            if mark is not None:
                self._published.note_mark(source.name, mark)
        return PublishReport(
            published=self._counts["published"],
            unchanged=self._counts["unchanged"],
            nothing_recorded=self._counts["nothing"],
            quarantined=self._counts["quarantined"],
            texts_kept_home=self._counts["kept_home"],
            registered=self._counts["registered"],
        )

    def _take(self, item: SourceRecord) -> None:
        record = Record()
        record.CopyFrom(item.record)
        if record.client_reference != item.client_reference:
            self._reject(item.origin, "CLIENT_REFERENCE_DIFFERS")
            return
        if any(waiting.record.record_id == record.record_id for waiting in self._batch):
            # The same record again in one run: the earlier content must be published before it is compared.
            self._flush()
        known = self._published.known(record.record_id)
        if known is None and not record.HasField("content"):
            self._counts["nothing"] += 1  # withdraws what never was published
            return
        self._counts["kept_home"] += item.texts_kept_home
        withdrawn_before = known is not None and not known.has_content and not record.HasField("content")
        if known is not None and (withdrawn_before or known.digest == digest(record)):
            self._counts["unchanged"] += 1
            return
        record.revision = 1 if known is None else known.revision + 1
        size = record.ByteSize() + 8  # tag and length of the field in the batch
        if size > MOST_BYTES:
            self._reject(item.origin, "RECORD_TOO_LARGE")
            return
        if not self._registered(item):
            return
        if (
            len(self._batch) == MOST_RECORDS
            or sum(waiting.size for waiting in self._batch) + size > MOST_BYTES
        ):
            self._flush()
        self._batch.append(_Item(record, item.origin, size))

    def _registered(self, item: SourceRecord) -> bool:
        reference = item.client_reference
        if not self._register_clients or self._published.is_registered(reference):
            return True
        request = RegisterClientRequest(request_id=str(uuid.uuid4()), client_reference=reference)
        try:
            self._patiently(partial(self._hub.register, request))
        except HubRefused as refusal:
            if refusal.reason not in ABOUT_ONE_RECORD:
                raise
            self._reject(item.origin, refusal.reason)
            return False
        self._published.note_registered(reference)
        self._counts["registered"] += 1
        return True

    def _flush(self) -> None:
        batch, self._batch = self._batch, []
        if batch:
            self._send(batch)

    def _send(self, batch: list[_Item]) -> None:
        """Sends a batch; halves it when one of its records is refused."""
        request = request_for([item.record for item in batch])
        self._published.note_sending(request)
        try:
            self._publish(request)
        except HubRefused as refusal:
            self._published.forget_sending(request)
            if refusal.reason not in ABOUT_ONE_RECORD:
                raise
            if len(batch) > 1:
                middle = len(batch) // 2
                self._send(batch[:middle])
                self._send(batch[middle:])
            else:
                self._refused(batch[0], refusal)
            return
        self._counts["published"] += len(batch)

    def _refused(self, item: _Item, refusal: HubRefused) -> None:
        """One record was refused by itself. A revision that the hub counts otherwise is taken over once: the
        memory was lost or restored."""
        expected = refusal.metadata.get("expected", "")
        if (
            refusal.reason != "STALE_REVISION"
            or not expected.isdecimal()
            or int(expected) == item.record.revision
        ):
            self._reject(item.origin, refusal.reason)
            return
        item.record.revision = int(expected)
        request = request_for([item.record])
        self._published.note_sending(request)
        try:
            self._publish(request)
        except HubRefused as again:
            self._published.forget_sending(request)
            if again.reason not in ABOUT_ONE_RECORD:
                raise
            self._reject(item.origin, again.reason)
            return
        self._counts["published"] += 1

    def _finish_in_flight(self) -> None:
        """Sends what an interrupted run left without an answer, unchanged: the hub answers it as before, or
        records it now. What is refused is forgotten; the source yields it again."""
        for request in self._published.in_flight():
            try:
                self._publish(request)
            except HubRefused as refusal:
                if refusal.reason not in ABOUT_ONE_RECORD:
                    raise
                self._published.forget_sending(request)

    def _publish(self, request: PublishRecordsRequest) -> None:
        answer = self._patiently(partial(self._hub.publish, request))
        self._published.note_published(request)
        self._on_recorded(answer.positions)

    def _reject(self, origin: Origin, reason: str) -> None:
        self._quarantine.add(origin, reason)
        self._counts["quarantined"] += 1

    def _patiently(self, work: Callable[[], Answer]) -> Answer:
        return self._backoff.call(work, on_pause=self._on_pause)
