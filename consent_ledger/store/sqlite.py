"""The embedded default: one SQLite file, one process, one writer.

WAL with synchronous=FULL loses nothing that was acknowledged. secure_delete overwrites what is deleted.
The lease is a lock on a file beside the database, which the system releases with the process.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import URL, Connection, Table, create_engine, event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from consent_ledger.errors import (
    LedgerInUse,
    LedgerMissing,
    LedgerShortened,
    StorageError,
    StorageFailed,
    StorageFull,
)
from consent_ledger.store.layout import find, make
from consent_ledger.store.migrations import Progress, Upgraded, upgrade
from consent_ledger.store.port import Head, KeyRow
from consent_ledger.store.sql import SqlStore

_PAGE_SIZE = 8192
"""Bytes: seven of the smallest padded entries on a page, where 4096 holds three."""
_BUSY_SECONDS = 10
"""The lease keeps other writers out; but a reader, as a check is, may hold up the recovery after a kill."""

DAMAGE = (SQLAlchemyError, sqlite3.Error, ValueError)
"""What opening a damaged file may raise: the last for names and ids that are none any more."""


_CACHE_KIB = 64 * 1024
"""KiB of pages kept in memory once they were needed: with a million entries, the index by stream."""
_LOG_PAGES = 4096
"""Pages of the write-ahead log, 32 MiB, before they are copied to their places. Entries come in no order of
stream, so that the same pages change again and again: the longer the log, the fewer of them are copied.

Pages are never mapped into memory: what a failing disk does not give would end the process instead of
raising an error."""


class Lease:
    """The right to write a database: held by one process, and telling others which."""

    def __init__(self, database: Path) -> None:
        self._file = os.open(f"{database}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held_by = os.pread(self._file, 32, 0).strip()
            os.close(self._file)
            raise LedgerInUse(int(held_by) if held_by.isdigit() else None) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.ftruncate(self._file, 0)
        os.close(self._file)


class SizeBeside:
    """The ledger's size, noted in a file of its own after each commit and not synced.

    It is never ahead of what is durable. So a ledger that is shorter than the note has lost what was
    acknowledged: its log was cut off, or an older copy was put in its place.
    """

    _PLACES = 20

    def __init__(self, database: Path, ledger_id: UUID) -> None:
        """Raises `StorageFailed`."""
        self._ledger = f"{ledger_id} ".encode()
        try:
            self._file = os.open(f"{database}.size", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageFailed(reason=f"errno {error.errno}") from error

    def check(self, size: int) -> None:
        """Raises `LedgerShortened`."""
        noted = os.pread(self._file, len(self._ledger) + self._PLACES, 0)
        digits = noted.removeprefix(self._ledger)
        # A note about another ledger, or one that a power cut tore, says nothing.
        if digits != noted and len(digits) == self._PLACES and digits.isdigit() and int(digits) > size:
            raise LedgerShortened(int(digits), size)

    def note(self, size: int) -> None:
        """Says how long the ledger is now. `StorageFailed`: a disk that refuses that is not to be trusted."""
        try:
            os.pwrite(self._file, self._ledger + str(size).zfill(self._PLACES).encode(), 0)
        except OSError as error:
            raise StorageFailed(reason=f"errno {error.errno}") from error

    def close(self) -> None:
        os.close(self._file)


class SqliteStore(SqlStore):
    """`Store` in a SQLite file."""

    def __init__(self, connection: Connection, ledger_id: UUID, lease: Lease, beside: SizeBeside) -> None:
        """Raises `LedgerShortened`."""
        super().__init__(connection, ledger_id)
        self._lease = lease
        self._beside = beside
        self._size = 0
        self.begin()
        self.rollback()
        beside.check(self._size)
        beside.note(self._size)

    def begin(self) -> Head:
        found = super().begin()
        self._size = found.size
        return found

    def write_head(self, new: Head) -> None:
        super().write_head(new)
        self._size = new.size

    def commit(self) -> None:
        super().commit()
        self._beside.note(self._size)

    def forget_deleted(self) -> bool:
        # secure_delete has overwritten the pages; older copies of them are in the log until it is cut.
        with self._guard:
            self._cursor.execute("PRAGMA busy_timeout=0")
            try:
                [busy, *_] = self._cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                self._cursor.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")
        return not busy

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._beside.close()
            self._lease.release()

    def upsert(self, table: Table, key: Sequence[str]) -> Any:
        statement = insert(table)
        return statement.on_conflict_do_update(
            index_elements=key,
            set_={column.name: column for column in statement.excluded if column.name not in key},
        )

    def lock(self, cursor: Any) -> None:
        cursor.execute("BEGIN IMMEDIATE")

    def storage_error(self, error: Exception) -> StorageError:
        return storage_error(error)


def storage_error(error: Exception) -> StorageError:
    """SQLITE_FULL is a full disk; anything else leaves unknown what is on it."""
    cause = getattr(error, "orig", error)
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None and code & 0xFF == sqlite3.SQLITE_FULL:
        return StorageFull()
    return StorageFailed(reason=getattr(cause, "sqlite_errorname", type(error).__name__))


def create(path: Path, ledger_id: UUID, first_keys: Sequence[KeyRow]) -> SqliteStore:
    """Makes the tables and opens them. Raises `LedgerExists`, `LedgerInUse`, or that the disk failed."""
    return _attach(path, lambda connection: make(connection, ledger_id, first_keys))


def open_existing(path: Path) -> SqliteStore:
    """Raises `LedgerMissing`, `LedgerInUse`, `LayoutOlder`, `LayoutNewer`, `StorageFailed`."""
    if not path.is_file():
        raise LedgerMissing()
    return _attach(path, find)


def upgrade_existing(path: Path, progress: Progress) -> Upgraded:
    """Raises `LedgerMissing`, `LedgerInUse`, `LayoutOlder`, `LayoutNewer`, or that the disk failed."""
    if not path.is_file():
        raise LedgerMissing()
    with _leased(path) as lease, _connected(path) as connection:
        found = upgrade(connection, progress)
        _gone(connection)
        lease.release()
        return found


def _attach(path: Path, ledger: Callable[[Connection], UUID]) -> SqliteStore:
    with _leased(path) as lease, _connected(path) as connection:
        ledger_id = ledger(connection)
        beside = SizeBeside(path, ledger_id)
        try:
            return SqliteStore(connection, ledger_id, lease, beside)
        except BaseException:
            beside.close()
            raise


@contextmanager
def _leased(path: Path) -> Iterator[Lease]:
    """The lease, given back only if what is done with it fails. A driver's error becomes a `StorageError`."""
    try:
        lease = Lease(path)
    except OSError as error:
        raise StorageFailed(reason=f"errno {error.errno}") from error
    try:
        yield lease
    except DAMAGE as error:
        lease.release()
        # Its text may quote bytes of a damaged file.
        raise storage_error(error) from None
    except BaseException:
        lease.release()
        raise


@contextmanager
def _connected(path: Path) -> Iterator[Connection]:
    """A connection, closed only if what is done with it fails."""
    connection = _connect(path)
    try:
        yield connection
    except BaseException:
        _gone(connection)
        raise


def _gone(connection: Connection) -> None:
    connection.close()
    connection.engine.dispose()


def _connect(path: Path) -> Connection:
    # Made by us first: SQLite gives its WAL the mode of the database, and would make it readable by all.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=StaticPool,  # one connection: opened here, then used by the writer thread alone
        connect_args={"check_same_thread": False, "timeout": _BUSY_SECONDS},
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself; see `begin` below
        for pragma in (
            f"page_size={_PAGE_SIZE}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "secure_delete=ON",
            "temp_store=MEMORY",  # sorted rows never reach a temporary file
            f"cache_size={-_CACHE_KIB}",
            f"wal_autocheckpoint={_LOG_PAGES}",
            "trusted_schema=OFF",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Core begins by itself where a statement is given to it inside a transaction of the store's own.
        if not connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine.connect()
