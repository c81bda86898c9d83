"""Keeps every projection at the ledger's head, inside the transaction that is about to decide by them."""

from collections.abc import Callable
from uuid import UUID

from consent_ledger.access import read_access_entry
from consent_ledger.ledger import Entry, Transaction
from consent_ledger.records import RecordPublished, read_record_entry
from consent_ledger.repository import Repository
from hub.projections.consent_index import ConsentIndex
from hub.projections.disclosures import DISCLOSURES, Disclosures
from hub.projections.folding import fold
from hub.projections.holdings import DIRTY, FEEDS, HOLDINGS, REPORTS, RETRACTIONS, Holdings
from hub.projections.segments import RECORDS, SEGMENTS, Segments
from hub.projections.touched import Touched

CELLS = (SEGMENTS, RECORDS, HOLDINGS, FEEDS, DIRTY, RETRACTIONS, REPORTS, DISCLOSURES)
_POSITION = "position"
_BATCH = 1000


class Projector:
    """Folds entries into the consent index (in memory) and the cells (in the database), each once."""

    def __init__(self, progress: Callable[[int, int], None] | None = None) -> None:
        self.index = ConsentIndex()
        self._progress = progress
        self.woken: set[UUID] = set()

    def reset(self) -> None:
        """What is in memory is void: a transaction was rolled back."""
        self.index = ConsentIndex()

    def drop(self, transaction: Transaction) -> None:
        """Drops every projection; the next catch-up rebuilds them from the ledger."""
        for name in (*CELLS, _POSITION):
            transaction.drop(name)
        self.reset()

    def catch_up(self, transaction: Transaction) -> None:
        """Folds what is behind. Afterwards the index stands at `transaction.size`."""
        if self.index.position == transaction.size:
            return
        stored = transaction.get(_POSITION, b"cells")
        folded_to = 0 if stored is None else int.from_bytes(stored)
        aggregates, segments = Repository(transaction), Segments(transaction)
        while self.index.position < transaction.size:
            for entry in transaction.entries(self.index.position, _BATCH):
                is_new = entry.position > folded_to
                self._fold(transaction, aggregates, entry, segments if is_new else None)
                self.index.position = entry.position
            segments.flush()
            if self._progress is not None and transaction.size > _BATCH:
                self._progress(self.index.position, transaction.size)
        if self.index.position > folded_to:
            transaction.put(_POSITION, b"cells", self.index.position.to_bytes(8))

    def _fold(
        self, transaction: Transaction, aggregates: Repository, entry: Entry, segments: Segments | None
    ) -> None:
        """Folds one entry; into the index alone (no `segments`) when the cells have it already."""
        access = read_access_entry(entry)
        if access is not None:
            if segments is not None:
                Holdings(transaction).fold(access, entry.position)
                Disclosures(transaction).fold(access, entry.position, entry.recorded_at)
            return
        event = read_record_entry(entry) or aggregates.event(entry)
        touched = fold(self.index, entry.position, entry.recorded_at, event)
        if segments is None:
            return
        if isinstance(event, RecordPublished):
            segments.fold(event, entry.recorded_at)
        self._mark(transaction, touched, entry.position)

    def _mark(self, transaction: Transaction, touched: Touched, position: int) -> None:
        holdings = Holdings(transaction)
        registrations = set(touched.registrations)
        for agency_id in touched.agencies:
            registrations.update(self.index.by_agency[agency_id])
        for registration_id in registrations:
            agency = self.index.agencies[self.index.registrations[registration_id].agency_id]
            for feed_id in agency.feeds:
                pair = self.index.pair_of(registration_id)
                holdings.mark(feed_id, pair, position)
                self.woken.add(feed_id)
