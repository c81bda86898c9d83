"""Checks every entry of a ledger against its leaf hash and its keys, beside a hub that may be running.

Nothing is repaired and nothing is skipped: a damaged entry may be a withdrawal. Of projections only their
places in the database file are looked at: they are derived, and can be made anew.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from consent_ledger.body import Sealer
from consent_ledger.entry import Entry
from consent_ledger.errors import EntryCorrupt, KeyMissing, StorageError
from consent_ledger.fences import Fences, fences_beside
from consent_ledger.keys import KeyRing
from consent_ledger.root_keys import FileRootKeys, RootKeys
from consent_ledger.store import read_store
from consent_ledger.store.port import Reader, StoredEntry
from consent_ledger.vault import Vault

_CHUNK = 1000
"""Entries looked at in one view of the database, so that a writer's log does not grow for hours."""


class Finding(StrEnum):
    """What can be wrong."""

    ALTERED = "ALTERED"
    """The stored bytes are not those that were appended."""
    MISSING = "MISSING"
    """There is no row at a position within the ledger."""
    UNREADABLE = "UNREADABLE"
    """The database or the disk does not give the row."""
    KEY = "KEY"
    """A key of the entry is missing or does not open."""
    SPARE_KEY = "SPARE_KEY"
    """A stored key does not open, but nothing needs it to be read: a co-owner's, or one of no content yet; or
    it is one that was destroyed and came back from a copy."""
    HEAD = "HEAD"
    """The stored size, or the last position that changed decisions, does not fit the entries."""
    STRUCTURE = "STRUCTURE"
    """The database file's trees and indexes do not agree. With no other finding only derived cells suffer."""


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is wrong, at a position; None where it belongs to no entry."""

    finding: Finding
    position: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found. `size` entries were looked at."""

    ledger_id: UUID
    size: int
    damages: tuple[Damage, ...]


def check_ledger(
    path_or_url: str,
    root_keys: Path | RootKeys,
    *,
    fences: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, size: None,
) -> Report:
    """Opens every part of every entry and every stored key. `progress` is told how many of how many.

    What was erased is no damage. `fences`: the file of destroyed keys, by default beside a root key file.
    Raises `LedgerMissing`, `KeyFileRefused`, `StorageUnsupported`, `StorageFailed`; `UnsealFailed` when the
    ledger's own first keys are damaged, without which nothing can be looked at.
    """
    root = FileRootKeys.opened(root_keys) if isinstance(root_keys, Path) else root_keys
    if fences is None and isinstance(root_keys, Path):
        fences = fences_beside(root_keys)
    store = read_store(path_or_url)
    try:
        return _Check(store, root, Fences(store.ledger_id, fences)).run(progress)
    finally:
        store.close()


class _Check:
    """One check. Every chunk is one view of the database."""

    def __init__(self, store: Reader, root: RootKeys, fences: Fences) -> None:
        self._store = store
        self._keys = KeyRing(root, store, fences=fences)
        store.begin()
        self._sealer = Sealer(Vault(self._keys), self._keys)
        store.rollback()
        self._damages: list[Damage] = []
        self._policy_position = 0

    def run(self, progress: Callable[[int, int], None]) -> Report:
        after, fits = 0, False
        self._store.begin()
        self._check_keys(-1, 0)
        self._store.rollback()
        while True:
            head = self._store.begin()
            last = self._store.last_position()
            through = min(after + _CHUNK, last)
            for entry in self._entries(after, through):
                if entry.changes_policy:
                    self._policy_position = entry.position
            self._check_keys(after, through)
            # Only in the view that the last chunk was read in: a writer may append meanwhile.
            fits = (head.size, head.policy_position) == (last, self._policy_position)
            self._store.rollback()
            after = through
            progress(after, last)
            if after == last:
                break
        if not fits and not self._damages:
            self._damages.append(Damage(Finding.HEAD, None))
        if not self._store.structure_is_sound():
            self._damages.append(Damage(Finding.STRUCTURE, None))
        return Report(self._store.ledger_id, after, tuple(self._damages))

    def _entries(self, after: int, through: int) -> Iterator[Entry]:
        """Those with after < position <= through that open; what does not is noted."""
        rows = self._rows(after, through)
        try:
            yield from self._sealer.opened(rows)
            return
        except StorageError:
            self._look_anew()  # which of them, and why, one by one
        for row in rows:
            try:
                yield from self._sealer.opened([row])
            except EntryCorrupt as error:
                is_key = isinstance(error.__cause__, KeyMissing)
                self._damages.append(Damage(Finding.KEY if is_key else Finding.ALTERED, row[0]))
            except StorageError:
                self._look_anew()
                self._damages.append(Damage(Finding.KEY, row[0]))

    def _look_anew(self) -> None:
        """A page that could not be read ends the view, and says nothing of the others."""
        self._store.rollback()
        self._store.begin()

    def _rows(self, after: int, through: int) -> list[StoredEntry]:
        """The rows there are; holes and what cannot be read are noted."""
        try:
            rows = self._store.entries(after, through)
        except StorageError:
            self._look_anew()
            if through - after > 1:
                middle = (after + through) // 2
                return self._rows(after, middle) + self._rows(middle, through)
            self._damages.append(Damage(Finding.UNREADABLE, through))
            return []
        missing = set(range(after + 1, through + 1)).difference(row[0] for row in rows)
        self._damages += [Damage(Finding.MISSING, position) for position in sorted(missing)]
        return rows

    def _check_keys(self, after: int, through: int) -> None:
        """Every key row: each owner's wrapping has to open, not only the one by which a part was opened."""
        known = {damage.position for damage in self._damages}
        try:
            closed = self._keys.closed(self._store.keys_between(after, through))
        except StorageError:
            # The structure is told of at the end, and entries that lack a key by themselves.
            self._look_anew()
            return
        for row in closed:
            position = row[4] or None
            if position is None or position not in known:
                self._damages.append(Damage(Finding.SPARE_KEY, position))
