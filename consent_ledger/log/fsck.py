"""Re-derives the whole log from what is stored: each leaf from its entry's body, each tile, root, signature.

It takes no key and changes nothing. Step by step, so that a hub can do it beside its work.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from consent_ledger.body import published
from consent_ledger.errors import EntryCorrupt, ProofRefused, StorageError
from consent_ledger.log.checkpoint import Checkpoint, open_checkpoint
from consent_ledger.log.checkpointer import CHECKPOINT_STATE, EDGE_STATE
from consent_ledger.log.note import VerifierKey
from consent_ledger.log.signing import VKEY_STATE
from consent_ledger.log.tiles import Edge
from consent_ledger.log.tree import leaf_hash
from consent_ledger.store.port import Reader, StoredEntry

STEP = 512
"""Entries looked at in one view of the database."""


class LogFinding(StrEnum):
    """What can be wrong."""

    ALTERED = "ALTERED"
    """An entry's stored bytes are not those that were appended."""
    MISSING = "MISSING"
    """There is no row at a position within the ledger."""
    UNREADABLE = "UNREADABLE"
    """The database or the disk does not give a row, or what is kept of the log."""
    HEAD = "HEAD"
    """The stored size does not fit the entries."""
    TILE = "TILE"
    """A stored tile is not that of the entries: it is derived, and can be made anew."""
    EDGE = "EDGE"
    """The same of the tree's right edge."""
    CHECKPOINT = "CHECKPOINT"
    """The stored checkpoint is not signed by the log's key, or the entries do not lead to it."""


_DERIVED = frozenset((LogFinding.TILE, LogFinding.EDGE))


@dataclass(frozen=True, slots=True)
class LogFault:
    """One thing that is wrong. `position`: of an entry; `level` and `number`: of a tile."""

    finding: LogFinding
    position: int | None = None
    level: int | None = None
    number: int | None = None


@dataclass(slots=True)
class LogReport:
    """What was found among `size` entries, `signed` of which the newest checkpoint covers."""

    ledger_id: UUID
    size: int = 0
    signed: int = 0
    faults: list[LogFault] = field(default_factory=list)

    @property
    def only_derived(self) -> bool:
        """There is damage, and only to what can be made anew from the entries."""
        return bool(self.faults) and all(fault.finding in _DERIVED for fault in self.faults)


class Fsck:
    """One look at a log, from the first entry to the last."""

    def __init__(self, reader: Reader) -> None:
        self.report = LogReport(reader.ledger_id)
        self._reader = reader
        self._edge = Edge()
        self._checkpoint: Checkpoint | None = None
        self._stored_edge = b""
        self._of_the_tree: list[LogFault] = []

    def steps(self) -> Iterator[tuple[int, int]]:
        """(entries looked at, entries there are), after each step; `report` is whole after the last."""
        report = self.report
        last = self._begin()
        while True:
            after, through = report.size, min(report.size + STEP, last)
            last = max(last, self._look(after, through))
            report.size = through
            yield through, last
            if through == last:
                break
        if not report.faults:
            # What is above a damaged entry is wrong for its sake.
            report.faults += self._of_the_tree

    def _begin(self) -> int:
        reader, report = self._reader, self.report
        head = reader.begin()
        try:
            last = reader.last_position()
            if head.size != last:
                report.faults.append(LogFault(LogFinding.HEAD))
            note, vkey = reader.state(CHECKPOINT_STATE), reader.state(VKEY_STATE)
            self._stored_edge = reader.state(EDGE_STATE) or b""
        except StorageError:
            report.faults.append(LogFault(LogFinding.UNREADABLE))
            return head.size
        finally:
            reader.rollback()
        if note is not None:
            try:
                key = VerifierKey.parse((vkey or b"").decode())
                self._checkpoint = open_checkpoint(note, key).checkpoint
                report.signed = self._checkpoint.size
            except (ProofRefused, UnicodeDecodeError):
                self._of_the_tree.append(LogFault(LogFinding.CHECKPOINT))
        if report.signed > last:
            report.faults.append(LogFault(LogFinding.HEAD))
        return last

    def _look(self, after: int, through: int) -> int:
        """One view; returns the last position there is now."""
        reader = self._reader
        reader.begin()
        try:
            rows = {row[0]: row for row in self._rows(after, through)}
            last = self._last(through)
            leaves = [self._leaf(position, rows.get(position)) for position in range(after + 1, through + 1)]
            self._grow(leaves)
        finally:
            reader.rollback()
        return last

    def _last(self, otherwise: int) -> int:
        try:
            return self._reader.last_position()
        except StorageError:
            return otherwise

    def _rows(self, after: int, through: int) -> list[StoredEntry]:
        """The rows that can be read; of the others it is noted that they cannot."""
        try:
            return self._reader.entries(after, through)
        except StorageError:
            self._reader.rollback()
            self._reader.begin()
        if through - after > 1:
            middle = (after + through) // 2
            return self._rows(after, middle) + self._rows(middle, through)
        self.report.faults.append(LogFault(LogFinding.UNREADABLE, through))
        return []

    def _leaf(self, position: int, row: StoredEntry | None) -> bytes:
        if row is None:
            if position not in {fault.position for fault in self.report.faults}:
                self.report.faults.append(LogFault(LogFinding.MISSING, position))
            return bytes(32)
        try:
            return leaf_hash(published(row))
        except EntryCorrupt:
            self.report.faults.append(LogFault(LogFinding.ALTERED, position))
            return bytes(32)

    def _grow(self, leaves: list[bytes]) -> None:
        """Adds leaves, with a stop at the checkpoint's size."""
        signed = 0 if self._checkpoint is None else self._checkpoint.size - self._edge.size
        if self._checkpoint is not None and 0 <= signed <= len(leaves):
            self._add(leaves[:signed])
            self._compare(self._checkpoint)
            self._checkpoint = None
            leaves = leaves[signed:]
        self._add(leaves)

    def _add(self, leaves: list[bytes]) -> None:
        for level, number, hashes in self._edge.add(leaves):
            # Beyond the checkpoint they may not be stored yet.
            covered = self._edge.size <= self.report.signed
            if level and covered and self._tile(level, number) != hashes:
                self._of_the_tree.append(LogFault(LogFinding.TILE, level=level, number=number))

    def _tile(self, level: int, number: int) -> bytes | None:
        try:
            return self._reader.tile(level, number)
        except StorageError:
            self._reader.rollback()
            self._reader.begin()
            return None

    def _compare(self, checkpoint: Checkpoint) -> None:
        if self._edge.root() != checkpoint.root:
            self._of_the_tree.append(LogFault(LogFinding.CHECKPOINT))
        if self._edge.above() != self._stored_edge:
            self._of_the_tree.append(LogFault(LogFinding.EDGE))
