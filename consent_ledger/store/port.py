"""What the ledger asks of a database. One suite, `tests/contract`, holds every backend to it.

One writer uses a store at a time, between `begin` and `commit` or `rollback`; `begin` locks the head.
Every call may raise `StorageFull`, `StorageUnreachable` or `StorageFailed`; after any of them only `rollback`
and `close` are left, and after a `rollback` all but the last may go away by themselves.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID


class Head(NamedTuple):
    """The ledger's size, and the position of its last entry that changes decisions (0: none yet)."""

    size: int
    policy_position: int


class EntryRow(NamedTuple):
    """An entry as stored, column by column: everything but its body is in clear."""

    position: int
    entry_class: int
    entry_id: bytes
    stream_id: bytes
    version: int
    leaf_hash: bytes
    body: bytes


class KeyRow(NamedTuple):
    """A key wrapped under its parent. A fragment's key has no label and one row for each owner.

    `position` is that of the entry whose fragment the key is for, so that the keys of many entries in a
    row lie in a row too; 0 for every other key.
    """

    key_id: bytes
    parent_id: bytes
    label: bytes | None
    wrapped: bytes
    position: int = 0


StoredEntry = tuple[int, int, bytes, bytes, int, bytes, bytes]
"""An `EntryRow` as the driver reads it; a replay reads so many that giving the values names would be felt."""

StoredKey = tuple[bytes, bytes, bytes | None, bytes, int]
"""A `KeyRow` as the driver reads it."""


class AnswerRow(NamedTuple):
    """A request's answer. `day` counts from 1970-01-01, UTC."""

    label: bytes
    body_mac: bytes
    answer: bytes
    day: int


class Store(Protocol):
    """One ledger's rows."""

    @property
    def ledger_id(self) -> UUID:
        """Random; made with the ledger."""
        ...

    @property
    def is_remote(self) -> bool:
        """Whether every question costs a round trip; an insert of a version that is there then raises
        `StreamTaken`."""
        ...

    @property
    def others_wrote(self) -> bool:
        """Right after `begin`: whether another process has written since this store's last transaction.

        What was kept in memory of the store's rows is then stale, cells too. After a new connection it is
        True. Always False where one process alone may write.
        """
        ...

    @property
    def others_removed_keys(self) -> bool:
        """Right after `begin`: whether they also removed keys, so that those in memory are stale."""
        ...

    @property
    def database_time(self) -> datetime | None:
        """Right after `begin`: the database server's clock. None if that is this machine's."""
        ...

    def listen(self, heard: Callable[[], None]) -> None:
        """Has `heard` called, on a thread of its own, when another process may have appended. A hint only:
        calls may come late, for nothing, or not at all. To be called once."""
        ...

    def begin(self) -> Head:
        """Starts a transaction and locks the head."""
        ...

    def commit(self) -> None:
        """Makes everything since `begin` durable before it returns."""
        ...

    def rollback(self) -> None:
        """Undoes everything since `begin`."""
        ...

    def close(self) -> None:
        """Gives the database back, with whatever kept others from opening it."""
        ...

    def write_head(self, head: Head) -> None: ...

    def insert_entries(self, rows: Sequence[StoredEntry]) -> None:
        """Positions are the caller's, dense and behind the head it was given."""
        ...

    def last_position(self) -> int:
        """The highest position stored; 0 if there is none."""
        ...

    def entries(self, after: int, through: int) -> list[StoredEntry]:
        """Rows with after < position <= through, ascending."""
        ...

    def stream(self, stream_id: bytes) -> list[StoredEntry]:
        """By version, ascending."""
        ...

    def versions(self, stream_ids: Sequence[bytes]) -> dict[bytes, int]:
        """The highest version of each stream that has one."""
        ...

    def check_versions(self, expected: Mapping[bytes, int]) -> None:
        """Raises `StreamTaken` unless these are the next versions of these streams; at once, or when what is
        written after it is sent."""
        ...

    def tile(self, level: int, number: int) -> bytes | None:
        """A whole tile's 256 hashes, 32 bytes each; None if it is not stored."""
        ...

    def write_tiles(self, tiles: Sequence[tuple[int, int, bytes]]) -> None:
        """(level, number, hashes): whole tiles. One that is there already is replaced."""
        ...

    def leaf_hashes(self, after: int, through: int) -> list[bytes]:
        """Of the entries with after < position <= through, ascending."""
        ...

    def state(self, name: str) -> bytes | None:
        """A value of the log as a whole."""
        ...

    def states(self) -> list[tuple[str, bytes]]:
        """Every value of the log as a whole, by name."""
        ...

    def write_state(self, name: str, value: bytes | None) -> None:
        """None deletes it."""
        ...

    def keys_of_parent(self, parent_id: bytes, limit: int) -> list[StoredKey]:
        """Keys wrapped under this one, in no order, at most so many."""
        ...

    def replace_keys(self, old: Sequence[StoredKey], new: Sequence[StoredKey]) -> None:
        """Deletes the old rows, by position, id and parent, and inserts the new ones."""
        ...

    def count_keys_of_parent(self, parent_id: bytes) -> int: ...

    def forget_deleted(self) -> bool:
        """Outside a transaction: leaves no deleted row's bytes in the database's own files, as far as it can.

        False: a reader is in the way; to be tried again. What a server's logs and copies keep dies with the
        key epoch alone.
        """
        ...

    def insert_keys(self, rows: Sequence[StoredKey]) -> None: ...

    def key_by_label(self, label: bytes) -> KeyRow | None: ...

    def keys_by_id(self, key_ids: Sequence[bytes]) -> list[StoredKey]:
        """The rows of these keys that belong to no one entry, in no order."""
        ...

    def keys_between(self, after: int, through: int) -> list[StoredKey]:
        """The rows of keys for the fragments of entries with after < position <= through."""
        ...

    def cell(self, projection: str, key: bytes) -> bytes | None: ...

    def write_cells(self, cells: Iterable[tuple[str, bytes, bytes | None]]) -> None:
        """Puts (projection, key, value), or deletes where the value is None. Every key occurs once."""
        ...

    def scan_cells(
        self, projection: str, prefix: bytes, after: bytes | None, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Keys that begin with `prefix` and sort behind `after`, bytewise, ascending."""
        ...

    def drop_cells(self, projection: str) -> None: ...

    def answers(self, labels: Sequence[bytes]) -> list[AnswerRow]:
        """Those that there are, in no order."""
        ...

    def write_answers(self, rows: Sequence[AnswerRow]) -> None:
        """A row of the same label is replaced."""
        ...

    def forget_answers(self, before_day: int) -> None:
        """Deletes answers of earlier days."""
        ...


class Reader(Store, Protocol):
    """The reading half of a store, beside any writer. `begin` takes a view of the ledger as it then is."""

    def structure_is_sound(self) -> bool:
        """Whether the database's own trees and indexes agree, as far as it can tell."""
        ...
