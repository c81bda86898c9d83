"""Reads a SQLite ledger beside whoever writes it: a check must neither stop a hub nor wait for one."""

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import StaticPool

from consent_ledger.errors import LedgerMissing
from consent_ledger.store.layout import find
from consent_ledger.store.sql import SqlStore
from consent_ledger.store.sqlite import DAMAGE, SqliteStore, storage_error

_BUSY_SECONDS = 10


class SqliteReader(SqliteStore):
    """The reading half of `Store`. `begin` takes a view of the ledger as it is then, and locks nobody out."""

    def __init__(self, connection: Connection, ledger_id: UUID) -> None:
        # No lease: that is the writer's.
        SqlStore.__init__(self, connection, ledger_id)
        self._size = 0

    def lock(self, cursor: Any) -> None:
        cursor.execute("BEGIN")

    def structure_is_sound(self) -> bool:
        """Whether the file's own trees and indexes agree: a damaged key of a row is seen nowhere else."""
        try:
            return bool(self._cursor.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",))
        except sqlite3.DatabaseError:
            return False

    def rollback(self) -> None:
        super().rollback()
        # A page that cannot be read says nothing of the others, and nothing is ever written here.
        self._guard.failure = None

    def close(self) -> None:
        SqlStore.close(self)


def open_for_reading(path: Path) -> SqliteReader:
    """Raises `LedgerMissing`, `LayoutOlder`, `LayoutNewer`, `StorageFailed`."""
    if not path.is_file():
        raise LedgerMissing()
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode=ro",
            uri=True,
            isolation_level=None,
            timeout=_BUSY_SECONDS,
            check_same_thread=False,
        ),
        poolclass=StaticPool,
        hide_parameters=True,
    )
    event.listen(engine, "begin", _begin)
    try:
        connection = engine.connect()
        try:
            return SqliteReader(connection, find(connection))
        except BaseException:
            connection.close()
            engine.dispose()
            raise
    except DAMAGE as error:
        raise storage_error(error) from None


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
