"""PostgreSQL: one ledger in one database, written by as many processes as like, one after another.

`begin` locks the head's row until the end of the transaction: positions are dense and in the order of
commits, and what is decided in between is decided at the ledger's head. The database is the primary; a commit
is answered once it is durable there, and on its synchronous standbys if it has any.

Writes wait in memory until something is read or the transaction ends, and then go in one round trip.
A connection that is lost is made anew by itself, at the next `begin`. The password comes from PGPASSFILE or
PGPASSWORD, never from the URL.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import URL, Column, Connection, Select, Table
from sqlalchemy.dialects.postgresql import insert

from consent_ledger.errors import (
    LedgerDiverged,
    LedgerShortened,
    StorageError,
    StorageFailed,
    StorageUnreachable,
)
from consent_ledger.store.layout import check_layout, find, make
from consent_ledger.store.listener import Listener
from consent_ledger.store.migrations import Progress, Upgraded, upgrade
from consent_ledger.store.port import Head, KeyRow, StoredEntry, StoredKey
from consent_ledger.store.postgres_connection import (
    CHECK_VERSIONS,
    address,
    asked,
    connect,
    let_go,
    storage_error,
)
from consent_ledger.store.sql import SqlStore
from consent_ledger.store.statements import ForManyRows, ForManyValues
from consent_ledger.store.unnest import AnyOf, UnnestedRows

S = TypeVar("S", bound="PostgresStore")
T = TypeVar("T")

_REMOVED = (
    "INSERT INTO log_state (name, value) VALUES ('key-removals', %s) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
"""Says to the other processes that keys are gone which they may hold in memory."""
_BEGIN = (
    "BEGIN ISOLATION LEVEL READ COMMITTED; "
    "SELECT size, policy_position, layout, xmin::text, extract(epoch FROM clock_timestamp()) "
    "FROM head FOR UPDATE; "
    # A statement of its own: the one that waits for the lock still sees what was there before it waited.
    "SELECT value FROM log_state WHERE name = 'key-removals'"
)
_TOUCH = 'UPDATE head SET "only" = "only"'
"""A new version of the head's row, by which other processes see that something was written."""
_MARK = "SELECT pg_current_xact_id()::xid::text"
"""What that version's `xmin` will be."""
_NOTIFY = "SELECT pg_notify(%s, %s)"

_CONNECTION_STAYS = ("40", "55")


class _Later:
    """Takes the place of a cursor for statements that write: they wait to be sent together."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, Sequence[Any]]] = []

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self.waiting.append((sql, parameters))

    def take(self) -> list[tuple[str, Sequence[Any]]]:
        """What waits, which the caller now sends."""
        taken, self.waiting = self.waiting, []
        return taken


class PostgresStore(SqlStore):
    """`Store` in a PostgreSQL database. Other processes may write between two transactions of this one."""

    errors_quote_rows = True

    def __init__(self, connection: Connection, ledger_id: UUID) -> None:
        """Takes over the connection. Raises `StorageUnreachable`."""
        self._later = _Later()
        self._reading: Any = None
        super().__init__(connection, ledger_id)
        self._use(connection)
        self._begun = Head(0, 0)
        self._head = self._begun
        self._mark = ""
        self._others_wrote = True
        self._removals = b""
        self._others_removed_keys = True
        self._database_time: datetime | None = None
        self._wrote = False
        self._is_new = False
        self._inserted: tuple[int, bytes] | None = None
        self._acknowledged: tuple[int, bytes] | None = None
        """Position and leaf hash of the last entry that this process wrote."""
        self._listener: Listener | None = None
        self._channel = f"oncetold_{ledger_id.hex}"
        self._replica = uuid4().hex
        """By which this process passes over what it said itself."""

    def _use(self, connection: Connection) -> None:
        self.connection = connection
        driver: Any = connection.connection.dbapi_connection
        driver.autocommit = True  # transactions are begun and ended below, by statements
        driver.prepare_threshold = 0
        self._driver = driver
        self._reading = driver.cursor(binary=True)
        self._writer = self._later

    @property
    def _cursor(self) -> Any:
        """For reads, which see what was written before."""
        self._send()
        return self._reading

    @_cursor.setter
    def _cursor(self, cursor: Any) -> None:
        self._reading = cursor

    def _send(self) -> None:
        waiting = self._later.take()
        if waiting:
            self._wrote = True
            with self._driver.pipeline():
                for sql, parameters in waiting:
                    self._reading.execute(sql, parameters)

    # -- transactions ---------------------------------------------------------------------------

    @property
    def is_remote(self) -> bool:
        return True

    @property
    def others_wrote(self) -> bool:
        return self._others_wrote

    @property
    def others_removed_keys(self) -> bool:
        return self._others_removed_keys

    @property
    def database_time(self) -> datetime | None:
        return self._database_time

    def begin(self) -> Head:
        if self._driver.closed:
            self._reconnect()
        try:
            return self._begin()
        except StorageUnreachable:
            if not self._driver.closed:
                raise
        # The connection had ended since it was last used: nothing is lost with it.
        self.rollback()
        self._reconnect()
        return self._begin()

    def _begin(self) -> Head:
        with self._guard:
            self._later.take()
            self._wrote = False
            self._inserted = None
            with self._driver.cursor(binary=False) as cursor:
                self.lock(cursor)
                size, policy_position, layout, mark, epoch = cursor.fetchone()
                cursor.nextset()
                [removals] = cursor.fetchone() or (b"",)
        try:
            check_layout(layout)  # somebody may have upgraded the ledger under a running hub
        except StorageError as error:
            self._refuse(error)
        if size < self._head.size:
            self._refuse(LedgerShortened(self._head.size, size))
        self._others_wrote = mark != self._mark
        if self._is_new:
            self._check_own_entry()
        self._mark = mark
        self._others_removed_keys = removals != self._removals
        self._removals = removals
        self._database_time = datetime.fromtimestamp(float(epoch), UTC)
        self._begun = self._head = Head(size, policy_position)
        return self._begun

    def _check_own_entry(self) -> None:
        """Behind a new connection there may be another server, without what was acknowledged by this one."""
        if self._acknowledged is not None:
            position, leaf_hash = self._acknowledged
            if self.leaf_hashes(position - 1, position) != [leaf_hash]:
                self._refuse(LedgerDiverged(position))
        self._is_new = False

    def insert_entries(self, rows: Sequence[StoredEntry]) -> None:
        super().insert_entries(rows)
        if rows:
            self._inserted = rows[-1][0], rows[-1][5]

    def lock(self, cursor: Any) -> None:
        cursor.execute(_BEGIN, prepare=False)
        cursor.nextset()

    def _refuse(self, error: StorageError) -> NoReturn:
        self._guard.failure = error
        raise error

    def write_head(self, new: Head) -> None:
        super().write_head(new)
        self._head = new

    def check_versions(self, expected: Mapping[bytes, int]) -> None:
        self._later.execute(CHECK_VERSIONS, (list(expected), list(expected.values())))

    def replace_keys(self, old: Sequence[StoredKey], new: Sequence[StoredKey]) -> None:
        super().replace_keys(old, new)
        if old:
            self._removals = uuid4().bytes
            self._later.execute(_REMOVED, (self._removals,))

    def commit(self) -> None:
        with self._guard:
            if self._wrote or self._later.waiting:
                self._commit_written()
            else:
                self._driver.commit()

    def _commit_written(self) -> None:
        """In one round trip with whatever waits."""
        self._later.execute(_TOUCH)
        if self._head.size != self._begun.size:
            # Wakes those who wait elsewhere. It authorises nothing: they look for themselves.
            self._later.execute(_NOTIFY, (self._channel, self._replica))
        with self._driver.pipeline(), self._driver.cursor() as marking:
            for sql, parameters in self._later.take():
                self._reading.execute(sql, parameters)
            marking.execute(_MARK)
            self._reading.execute("COMMIT")
            [mark] = marking.fetchone()
        self._mark = mark
        self._begun = self._head
        self._acknowledged = self._inserted or self._acknowledged

    def rollback(self) -> None:
        self._later.take()
        self._head = self._begun
        failure = self._guard.failure
        try:
            super().rollback()
        except StorageUnreachable:
            # Whoever ended the connection has undone the transaction.
            self._end_connection()
            self._guard.failure = failure if failure is not None and failure.fatal else None

    def _reconnect(self) -> None:
        """Raises `StorageUnreachable`, `StorageFailed`."""
        self._end_connection()
        connection = connect(self.connection.engine.url)
        try:
            found = asked(lambda: find(connection))
            if found != self._ledger_id:
                raise StorageFailed(reason="another ledger")
        except BaseException:
            let_go(connection)
            raise
        self._use(connection)
        self._mark = ""
        self._is_new = True

    def _end_connection(self) -> None:
        with suppress(psycopg.Error):
            self._driver.close()

    def close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        self._end_connection()
        let_go(self.connection)

    def listen(self, heard: Callable[[], None]) -> None:
        url = self.connection.engine.url
        self._listener = Listener(lambda: connect(url), self._channel, self._replica, heard)

    # -- statements -----------------------------------------------------------------------------

    def upsert(self, table: Table, key: Sequence[str]) -> Any:
        statement = insert(table)
        return statement.on_conflict_do_update(
            index_elements=key,
            set_={column.name: column for column in statement.excluded if column.name not in key},
        )

    def inserting(self, table: Table, names: Sequence[str] = ()) -> ForManyRows:
        return UnnestedRows.inserting(table, names or table.c.keys())

    def replacing(self, table: Table, key: Sequence[str], names: Sequence[str] = ()) -> ForManyRows:
        return UnnestedRows.inserting(table, names or table.c.keys(), key)

    def deleting(self, table: Table, key: Sequence[str]) -> ForManyRows:
        return UnnestedRows.deleting(table, key)

    def finding(self, statement: Select[Any], column: Column[bytes]) -> ForManyValues:
        return AnyOf(statement, column, self.connection.dialect)

    def storage_error(self, error: Exception) -> StorageError:
        found = storage_error(error)
        code = found.details.get("reason", "")
        if isinstance(found, StorageUnreachable) and not code.startswith(_CONNECTION_STAYS):
            self._end_connection()
        return found


class PostgresReader(PostgresStore):
    """The reading half of `Store`, from a primary or a standby. It locks nobody out."""

    def begin(self) -> Head:
        return SqlStore.begin(self)

    def lock(self, cursor: Any) -> None:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def rollback(self) -> None:
        super().rollback()
        # What cannot be read says nothing of the rest, and nothing is ever written here.
        self._guard.failure = None

    def structure_is_sound(self) -> bool:
        """The server checks its pages by their sums when it reads them; what it cannot read was told of."""
        return True


def create(url: str, ledger_id: UUID, first_keys: Sequence[KeyRow]) -> PostgresStore:
    """Makes the tables in an existing database. Raises `LedgerExists`, `StorageUnsupported`,
    `StorageUnreachable`."""
    return _attached(address(url), lambda found: make(found, ledger_id, first_keys), PostgresStore)


def open_existing(url: str) -> PostgresStore:
    """Raises `LedgerMissing`, `LayoutOlder`, `LayoutNewer`, `StorageUnsupported`, `StorageUnreachable`."""
    return _attached(address(url), find, PostgresStore)


def open_for_reading(url: str) -> PostgresReader:
    """Raises as `open_existing`."""
    return _attached(address(url, to_write=False), find, PostgresReader)


def upgrade_existing(url: str, progress: Progress) -> Upgraded:
    """Raises as `open_existing`. Hubs that run meanwhile refuse from then on, if they know the old layout."""
    connection = connect(address(url))
    try:
        return asked(lambda: upgrade(connection, progress))
    finally:
        let_go(connection)


def _attached(place: URL, ledger: Callable[[Connection], UUID], store: Callable[[Connection, UUID], S]) -> S:
    connection = connect(place)
    try:
        return asked(lambda: store(connection, ledger(connection)))
    except BaseException:
        let_go(connection)
        raise
