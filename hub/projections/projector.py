"""Keeps every projection at the ledger's head, inside the transaction that is about to decide by them."""

import gc
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from consent_ledger.access import read_access_entry
from consent_ledger.domain import Agency
from consent_ledger.errors import UnsealFailed
from consent_ledger.ledger import Entry, KeyOwner, Transaction
from consent_ledger.records import StoredRecord, read_due, read_record
from consent_ledger.repository import Repository
from consent_ledger.vault import ERASED_PART
from consent_ledger.vocabulary import KeyCategory
from hub.projections.assertions import ASSERTIONS, Assertions
from hub.projections.consent_index import ConsentIndex
from hub.projections.disclosures import DISCLOSURES, Disclosures
from hub.projections.folding import fold
from hub.projections.forgetting import forget_erased, matters, registrations_of
from hub.projections.holdings import DIRTY, FEEDS, HOLDINGS, REPORTS, RETRACTIONS, Holdings
from hub.projections.journal import JOURNAL, Journal
from hub.projections.owed import OWED, TOLD, Owed
from hub.projections.segments import SEGMENTS, Segments
from hub.projections.tails import Tails
from hub.projections.touched import Touched

CELLS = (
    SEGMENTS, HOLDINGS, FEEDS, DIRTY, RETRACTIONS, REPORTS, DISCLOSURES, JOURNAL, ASSERTIONS, OWED, TOLD
)  # fmt: skip
_POSITION = "position"
_CELLS = b"cells.2"
"""Another number with each change of what the cells hold: those of an earlier release are made anew."""
_POSITION_OWNER = KeyOwner(None, KeyCategory.ADMINISTRATION)
_FOLDED = struct.Struct(">QQ")
_BATCH = 1000
AT_ONCE = 40_000
"""Entries folded within one transaction while a large ledger is caught up: about 100 MB in memory."""
_WAITING = 128
"""Records that may wait for their cells while nobody reads these: folding them takes a few milliseconds."""


class Projector:
    """Folds entries into the consent index (in memory) and the cells (in the database), each once."""

    def __init__(self, progress: Callable[[int, int], None] | None = None) -> None:
        self.index = ConsentIndex()
        self._progress = progress
        self._told = 0.0
        self._audiences: dict[bytes, tuple[tuple[UUID, bytes], ...]] = {}
        self.tails = Tails()
        self.woken: set[UUID] = set()
        self.others_wrote = False
        """Whether somebody else's entries may concern feeds that `woken` does not name."""
        self._cells_in_doubt = False
        self._alone = True
        self._kept = 0
        self._looked = 0

    def reset(self) -> None:
        """What is in memory is void: a transaction was rolled back."""
        self.index = ConsentIndex()
        self._looked = 0
        self._audiences.clear()
        self.tails.clear()

    def look_again(self) -> None:
        """Another process has written: it may have folded cells, or begun to make them anew."""
        self.others_wrote = self._cells_in_doubt = True
        self._alone = False
        self.tails.clear()

    def drop(self, transaction: Transaction) -> None:
        """Drops every projection; the next catch-up rebuilds them from the ledger."""
        for name in (*CELLS, _POSITION):
            transaction.drop(name)
        self.reset()

    def catch_up(self, transaction: Transaction, most: int | None = None) -> bool:
        """Folds what is behind, at most so many entries. True once the index stands at `transaction.size`."""
        if self.index.position == transaction.size and not self._cells_in_doubt:
            return True
        folded_to, kept = _folded(transaction)
        if self.tails.replaying:
            # To the database nothing counts as folded while chunks wait in memory: what is written of the
            # others would be taken for all, if this process were killed.
            folded_to, kept = self.index.position, self._kept
        if folded_to < self.index.position:
            # Another process is making them anew: this one goes on from where that stands.
            self.reset()
        self._cells_in_doubt = False
        if self.index.position < folded_to:
            self._recall(transaction, folded_to, kept)
        end = transaction.size if most is None else min(transaction.size, folded_to + most)
        if folded_to == 0:
            for name in (*CELLS, _POSITION):
                transaction.drop(name)  # what a replay left that was killed, or an earlier release
            self.tails.begin(alone=self._alone)
        step = _Step(self, transaction)
        with _collector_off():
            while self.index.position < end:
                entries = transaction.entries(self.index.position, min(_BATCH, end - self.index.position))
                for entry in entries:
                    step.fold(entry)
                self.index.position = entries[-1].position
                self._tell(transaction.size)
            whole = step.finish(at_the_end=end == transaction.size)
        if end > folded_to:
            self._kept = kept + step.kept
            value = _FOLDED.pack(end, self._kept) if whole else _FOLDED.pack(0, 0)
            sealed = transaction.vault.seal_cell(_POSITION_OWNER, _CELLS, value)
            transaction.put(_POSITION, _CELLS, sealed)
        return end == transaction.size

    def catch_up_index(self, transaction: Transaction, most: int) -> bool:
        """As `catch_up` for whoever reads the index alone: cells wait, up to a point, for whoever reads them.

        One record's cells cost as much by themselves as many records' together.
        """
        behind = transaction.size - self.index.position
        if behind == 0 or (behind <= _WAITING and self._index_is_at_head(transaction)):
            return True
        return self.catch_up(transaction, most)

    def _index_is_at_head(self, transaction: Transaction) -> bool:
        """Whether all that is behind is records of which the index takes nothing. Each is looked at once."""
        self._looked = max(self._looked, self.index.position)
        for entry in transaction.entries(self._looked, _WAITING):
            record = read_record(entry)
            if record is None or matters(self.index, record):
                return False
            self._looked = entry.position
        return True

    def _recall(self, transaction: Transaction, through: int, kept: int) -> None:
        """Folds into the index alone what the cells have already: only the entries that it needs.

        Raises `UnsealFailed` if one of the `kept` is not found: it may be a withdrawal.
        """
        aggregates = Repository(transaction)
        from_the_start, found = self.index.position == 0, 0
        for entry in Journal(transaction).entries(self.index.position, through):
            touched, event = _fold_into(self.index, aggregates, entry)
            if erased := registrations_of(self.index, event):
                forget_erased(self.index, transaction, erased, entry.position)
            if not from_the_start:
                self.woken.update(feed_id for feed_id, _ in self.touched_pairs(touched))
                self.woken |= touched.woken
            self.index.position = entry.position
            found += 1
            self._tell(transaction.size)
        if from_the_start and found != kept:
            raise UnsealFailed(reason="journal")
        self._audiences.clear()
        self.tails.clear()
        self.index.position = through

    def _tell(self, size: int) -> None:
        """Progress, about once a second and at the end."""
        if self._progress is None or size <= _BATCH:
            return
        now = time.monotonic()
        if self.index.position == size or now - self._told >= 1.0:
            self._told = now
            self._progress(self.index.position, size)

    def audience(self, record: StoredRecord) -> tuple[tuple[UUID, bytes], ...]:
        """The feeds, with the keys of their pairs, that the record may concern.

        Its own agency is never sent it, so only the others' can change. Kept until a fact changes.
        """
        known = self._audiences.get(record.registration_id)
        if known is None:
            members = [
                one
                for one in self.index.component(UUID(bytes=record.registration_id))
                if self.index.registrations[one].agency_id != record.agency_id
            ]
            known = self._audiences[record.registration_id] = tuple(self._pairs(members))
        return known

    def _pairs(self, registrations: list[UUID]) -> list[tuple[UUID, bytes]]:
        pairs = []
        for registration_id in registrations:
            agency = self.index.agencies[self.index.registrations[registration_id].agency_id]
            pair = self.index.pair_of(registration_id)
            pairs += [(feed_id, feed_id.bytes + pair.bytes) for feed_id in agency.feeds]
        return pairs

    def touched_pairs(self, touched: Touched) -> list[tuple[UUID, bytes]]:
        """The same for a fact that has changed."""
        self._audiences.clear()
        registrations = set(touched.registrations)
        for agency_id in touched.agencies:
            registrations.update(self.index.by_agency[agency_id])
        return self._pairs(list(registrations))


@contextmanager
def _collector_off() -> Iterator[None]:
    """What is folded holds no circles: looking for them among a step's objects was a seventh of a replay."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _folded(transaction: Transaction) -> tuple[int, int]:
    """How far the cells were folded, and how many entries the journal kept until there.

    Raises `UnsealFailed` if that is damaged, lost, or cannot be.
    """
    sealed = transaction.get(_POSITION, _CELLS)
    if sealed is None:
        if transaction.scan(JOURNAL, b"", limit=1) and not transaction.scan(_POSITION, b"", limit=1):
            raise UnsealFailed(reason="position")
        return 0, 0
    folded_to, kept = _FOLDED.unpack(transaction.vault.open_cell(_POSITION_OWNER, _CELLS, sealed))
    if folded_to > transaction.size:
        raise UnsealFailed(reason="position")
    return folded_to, kept


def _fold_into(index: ConsentIndex, aggregates: Repository, entry: Entry) -> tuple[Touched, object]:
    """Whom it touches, and the event that the entry holds."""
    event = read_record(entry) or read_due(entry) or aggregates.event(entry)
    return fold(index, entry.position, entry.recorded_at, event), event


class _Step:
    """One catch-up within one transaction: what its entries have in common, and what waits to be written."""

    def __init__(self, projector: Projector, transaction: Transaction) -> None:
        self._projector = projector
        self._transaction = transaction
        self._aggregates = Repository(transaction)
        self._segments = Segments(transaction, projector.tails)
        self._holdings = Holdings(transaction)
        self._disclosures = Disclosures(transaction)
        self._owed = Owed(transaction, projector.index)
        self._journal = Journal(transaction)
        self._assertions = Assertions(transaction)
        self._dirty: set[bytes] = set()
        self._marked: set[bytes] = set()
        """Registrations whose audience is marked since what is dirty was written."""

    def fold(self, entry: Entry) -> None:
        record = read_record(entry)
        if record is not None:
            self._record(entry, record)
            return
        access = read_access_entry(entry, what_was_read=False)
        if access is None:
            self._fact(entry)
            return
        if access.vouched is not None and access.agency_id is not None:
            self._assertions.fold(access.agency_id, access.vouched, entry.recorded_at)
        if access.feed_id is not None:
            self._write_dirty()
            self._holdings.fold(access, entry.position, entry.recorded)
            self._disclosures.fold(access, entry.position)
            self._owed.fold(access)

    def _fact(self, entry: Entry) -> None:
        if entry.parts[0] == ERASED_PART:
            return
        index = self._projector.index
        self._journal.keep(entry.position)
        touched, event = _fold_into(index, self._aggregates, entry)
        if erased := registrations_of(index, event):
            if not self._projector.tails.replaying:
                # The erasing command wrote the segments anew, each with another newest chunk.
                self._projector.tails.clear()
            self._journal.drop(forget_erased(index, self._transaction, erased, entry.position))
        if isinstance(event, Agency.Departed):
            self._write_dirty()
            feeds = [UUID(one) for one in event.feeds]
            self._holdings.fold_departure(feeds, event.copies, entry.position)
            self._owed.fold_departure(feeds, event.copies)
        self._projector.woken |= touched.woken
        self._mark(self._projector.touched_pairs(touched))
        self._marked.clear()

    def _record(self, entry: Entry, record: StoredRecord) -> None:
        if matters(self._projector.index, record):
            self._journal.keep(entry.position)
            fold(self._projector.index, entry.position, entry.recorded_at, record)
        self._segments.fold(record, entry.recorded)
        if record.registration_id not in self._marked:
            self._marked.add(record.registration_id)
            self._mark(self._projector.audience(record))

    def _mark(self, pairs: "tuple[tuple[UUID, bytes], ...] | list[tuple[UUID, bytes]]") -> None:
        for feed_id, key in pairs:
            self._dirty.add(key)
            self._projector.woken.add(feed_id)

    def _write_dirty(self) -> None:
        """Ahead of whatever says that a pair is settled."""
        for key in self._dirty:
            self._transaction.put(DIRTY, key, b"")
        self._dirty.clear()
        self._marked.clear()

    @property
    def kept(self) -> int:
        """How many entries the journal kept."""
        return self._journal.count

    def finish(self, *, at_the_end: bool) -> bool:
        """Whether everything is written: if not, some waits in memory for the next step."""
        self._write_dirty()
        self._assertions.flush()
        self._journal.flush()
        return self._segments.flush(at_the_end=at_the_end)
