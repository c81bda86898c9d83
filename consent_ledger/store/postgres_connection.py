"""Connections to PostgreSQL: how one is made, what it is set to, and what its errors mean."""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import psycopg
from psycopg.errors import DivisionByZero, UniqueViolation
from sqlalchemy import URL, Connection, create_engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from consent_ledger.errors import (
    StorageError,
    StorageFailed,
    StorageFull,
    StorageUnreachable,
    StorageUnsupported,
    StreamTaken,
)

T = TypeVar("T")

DAMAGE = (SQLAlchemyError, psycopg.Error, ValueError)
"""What opening may raise: the last for names and ids that are none."""

_CONNECTION = {
    "application_name": "oncetold",
    "connect_timeout": "10",
    # A server that went away without a word is noticed within half a minute.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
_SESSION = (
    "SET lock_timeout = '60s'",
    # A process that was stopped within a transaction lets go of the head in a minute.
    "SET idle_in_transaction_session_timeout = '60s'",
    # Whatever the role or database is set to; `remote_apply` promises more and stays.
    "SELECT set_config('synchronous_commit', 'on', false) "
    "WHERE current_setting('synchronous_commit') <> 'remote_apply'",
)
_UNSAFE = "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting <> 'on'"

_DISK_FULL = "53100"
CHECK_VERSIONS = """
SELECT 1 / (CASE WHEN EXISTS (
    SELECT FROM unnest(%s::bytea[], %s::bigint[]) AS expected(stream_id, version)
     WHERE version <> 1 + coalesce((SELECT max(entries.version) FROM entries
                                     WHERE entries.stream_id = expected.stream_id), 0)
) THEN 0 ELSE 1 END)
"""
"""Divides by zero unless these are the streams' next versions: so it goes in one round trip with the writes
that it guards, and stops them. No other statement divides."""
_VERSIONS = "entries_stream_id_version_key"
"""What PostgreSQL calls the constraint of one entry for each version of a stream."""
_MAY_PASS = ("08", "25", "40", "53", "55", "57")
"""Classes of SQLSTATE that another attempt may not meet: connection, a primary that became a standby,
deadlock, resources, locks, shutdown."""


def storage_error(error: BaseException) -> StorageError:
    """What the server's code means. Its text is told nobody: it may quote rows, and names machines."""
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlstate", None)
    if code == _DISK_FULL:
        return StorageFull()
    if isinstance(cause, DivisionByZero):
        return StreamTaken()
    if isinstance(cause, UniqueViolation) and cause.diag.constraint_name == _VERSIONS:
        return StreamTaken()
    if code is None and isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
        return StorageUnreachable(reason="connection")
    if code is not None and code.startswith(_MAY_PASS):
        return StorageUnreachable(reason=code)
    return StorageFailed(reason=code or type(cause).__name__)


def address(url: str, *, to_write: bool = True) -> URL:
    """The URL with the settings of a connection; to write, of several hosts the primary. Raises
    `StorageUnsupported`, also for a URL with a password in it."""
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        found = None
    if found is None or not found.database:
        raise StorageUnsupported(
            "Write it as postgresql://user@host:5432/database.", problem="the ledger's URL is not one"
        )
    if found.password or "password" in found.query:
        raise StorageUnsupported(
            "Take it out; give it by PGPASSFILE or PGPASSWORD.", problem="the ledger's URL holds a password"
        )
    settings = _CONNECTION | ({"target_session_attrs": "read-write"} if to_write else {})
    return found.set(drivername="postgresql+psycopg").update_query_dict(
        {name: value for name, value in settings.items() if name not in found.query}
    )


def connect(place: URL) -> Connection:
    """A connection with its settings made. Raises `StorageUnreachable`, `StorageUnsupported`."""
    engine = create_engine(
        place,
        poolclass=NullPool,
        paramstyle="format",
        hide_parameters=True,
        use_native_hstore=False,
        pool_reset_on_return=None,
    )
    return asked(lambda: _configured(engine.connect()))


def _configured(connection: Connection) -> Connection:
    with connection.begin():
        for statement in _SESSION:
            connection.exec_driver_sql(statement)
        unsafe = connection.exec_driver_sql(_UNSAFE).scalars().all()
    if unsafe:
        let_go(connection)
        raise StorageUnsupported(
            f"Set {unsafe[0]} = on in postgresql.conf, and restart the server.",
            problem=f"the database server runs with {unsafe[0]} = off and would lose acknowledged entries",
        )
    return connection


def asked(question: Callable[[], T]) -> T:
    """Its answer. Raises `StorageError` for what the driver raises."""
    try:
        return question()
    except DAMAGE as error:
        raise storage_error(error) from None


def let_go(connection: Connection) -> None:
    """Closes it, whatever state it is in."""
    with suppress(*DAMAGE):
        connection.close()
    connection.engine.dispose()
