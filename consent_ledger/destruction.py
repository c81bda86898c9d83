"""Destroys keys: their rows go, and a row that says so and a fence outside the database stay.

Old copies of a destroyed key's row stay readable until the epoch that wraps them ends (`epochs`).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from consent_ledger.fences import Fence
from consent_ledger.keys import NO_PARENT, KeyRing
from consent_ledger.store.port import KeyRow, StoredKey

_ALL = 2**31 - 1
"""More keys than one category's key has ever wrapped."""
_TOGETHER = 500
"""Keys looked for in one query."""
SEALED_DIRECTLY = "sealed-directly-through"
"""The log's state that an upgrade leaves: up to there, headers of records lie under their category's key."""


class Destruction(NamedTuple):
    """What one command has destroyed. Owners are named by their labels, fragments by position and key id."""

    categories: tuple[bytes, ...] = ()
    fragments: tuple[tuple[int, bytes], ...] = ()
    rotate: tuple[bytes, ...] = ()


class KeyRows(Protocol):
    """The part of a store that this needs."""

    def key_by_label(self, label: bytes) -> KeyRow | None: ...

    def keys_by_id(self, key_ids: Sequence[bytes]) -> Sequence[StoredKey]: ...

    def keys_between(self, after: int, through: int) -> Sequence[StoredKey]: ...

    def keys_of_parent(self, parent_id: bytes, limit: int) -> Sequence[StoredKey]: ...

    def count_keys_of_parent(self, parent_id: bytes) -> int: ...

    def replace_keys(self, old: Sequence[StoredKey], new: Sequence[StoredKey]) -> None: ...

    def state(self, name: str) -> bytes | None: ...


class Destroyer:
    """Works on rows inside the writer's transaction, which keeps or undoes all of it."""

    def __init__(self, store: KeyRows, keys: KeyRing) -> None:
        self._store = store
        self._keys = keys
        self._fences = keys.fences

    def destroy(self, at: int, asked: Destruction) -> None:
        """Does what was asked, for the entry at `at` that records it. The fences are prepared first."""
        old: list[StoredKey] = []
        new: list[StoredKey] = []
        dead: list[Fence] = []
        doomed = set(asked.fragments)
        for position in sorted({position for position, _ in doomed}):
            rows = self._fragment_rows(position, {one[1] for one in doomed if one[0] == position})
            old += rows
            dead += {Fence(row[0], position): None for row in rows}
        for label in dict.fromkeys(asked.categories):
            gone = self._all_of(label)
            old += gone
            dead += [Fence(one.key_id, 0) for one in gone]
        for label in dict.fromkeys(asked.rotate):
            row = self._store.key_by_label(label)
            if row is not None and label not in asked.categories:
                left, made, key_id = self._rotated(row, doomed)
                old += left
                new += made
                dead += [] if key_id is None else [Fence(key_id, 0)]
        if not old:
            return
        if dead:
            self._fences.prepare(at, dead)
        # Only now: what is gone from the database is fenced outside it.
        self._store.replace_keys(old, [*new, *(self._keys.tombstone(*one) for one in dead)])
        for gone_row in old:
            self._keys.evict(gone_row)

    def catch_up(self) -> None:
        """As `recover`, once another hub of this ledger removed keys; nothing unless it destroyed some."""
        if len(self._fences) != self._store.count_keys_of_parent(NO_PARENT):
            self.recover()

    def recover(self) -> bool:
        """Brings fences and rows to agree, after a crash or another database's return. True if rows changed.

        A key that is fenced is destroyed here too; a row that says so is taken into the fences.
        """
        said = {
            Fence(row[0], row[4])
            for row in self._store.keys_of_parent(NO_PARENT, _ALL)
            if self._keys.says_destroyed(row)
        }
        unsettled = set(self._fences.unsettled)
        self._fences.settle(bool(unsettled) and unsettled <= said)
        fenced = set(self._fences)
        missing = said - fenced
        if missing:
            self._fences.prepare(self._fences.recorded_through, sorted(missing))
            self._fences.settle(True)
        unsaid = fenced - said
        old: list[StoredKey] = []
        for one in unsaid:
            if one.position:
                old += self._fragment_rows(one.position, {one.key_id})
        categories = [one.key_id for one in fenced | said if not one.position]
        for start in range(0, len(categories), _TOGETHER):
            rows = self._store.keys_by_id(categories[start : start + _TOGETHER])
            old += [row for row in rows if row[1] != NO_PARENT]
        if unsaid or old:
            self._store.replace_keys(old, [self._keys.tombstone(*one) for one in unsaid])
            self._keys.forget()
        return bool(unsaid or old)

    def _rotated(
        self, row: KeyRow, doomed: set[tuple[int, bytes]]
    ) -> tuple[list[StoredKey], list[KeyRow], bytes | None]:
        """What replaces a category's key: rows that go, rows that come, and the id that dies."""
        assert row.label is not None
        made, key = self._keys.new_category_key(row.label)
        wrapped = self._store.keys_of_parent(row.key_id, _ALL)
        gone = [one for one in wrapped if (one[4], one[0]) not in doomed]
        came = self._keys.rewrapped(gone, self._keys.key(row.key_id), made.key_id, key)
        if self._store.state(SEALED_DIRECTLY) is None:
            return [row, *gone], [made, *came], row.key_id
        # Headers of other records lie under it: it stays to open them.
        return [row, *gone], [made, self._keys.relabelled(row, self._next_label(row.label)), *came], None

    def _all_of(self, owner_label: bytes) -> list[KeyRow]:
        """An owner's present key and those that are retired."""
        found, number = [], 0
        row = self._store.key_by_label(owner_label)
        while row is not None:
            found.append(row)
            row = self._store.key_by_label(self._keys.retired_label(owner_label, number))
            number += 1
        return found

    def _next_label(self, owner_label: bytes) -> bytes:
        return self._keys.retired_label(owner_label, len(self._all_of(owner_label)) - 1)

    def _fragment_rows(self, position: int, key_ids: Iterable[bytes]) -> list[StoredKey]:
        wanted = set(key_ids)
        rows = self._store.keys_between(position - 1, position)
        return [row for row in rows if row[0] in wanted and row[1] != NO_PARENT]
