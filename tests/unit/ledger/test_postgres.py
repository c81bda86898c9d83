"""What only PostgreSQL has: settings, codes of errors, connections, passwords."""

import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors as codes

from consent_ledger.errors import (
    StorageError,
    StorageFailed,
    StorageFull,
    StorageUnreachable,
    StorageUnsupported,
)
from consent_ledger.store import create_store, open_store
from consent_ledger.store.port import Head, KeyRow
from consent_ledger.store.postgres import PostgresStore, create
from consent_ledger.store.postgres_connection import storage_error
from tests.contract.backends import PostgresBackend
from tests.postgres import Server

FIRST_KEYS = [KeyRow(b"f" * 16, b"r" * 16, b"l" * 32, b"wrapped")]


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[PostgresBackend]:
    made = PostgresBackend(tmp_path)
    yield made
    made.clean_up()


@pytest.fixture
def store(backend: PostgresBackend) -> Iterator[PostgresStore]:
    opened = create(backend.url, uuid4(), FIRST_KEYS)
    yield opened
    opened.close()


def setting(store: PostgresStore, name: str) -> str:
    """The value in force on the store's own connection."""
    store.begin()
    [value] = store._cursor.execute(f"SHOW {name}").fetchone()
    store.rollback()
    return str(value)


def test_acknowledged_means_synced_whatever_the_database_is_set_to(backend: PostgresBackend) -> None:
    with backend.server.connect() as connection:
        connection.execute(f"ALTER DATABASE {backend.database} SET synchronous_commit = off")
        connection.execute(
            f"ALTER DATABASE {backend.database} SET default_transaction_isolation = 'serializable'"
        )
    store = create(backend.url, uuid4(), FIRST_KEYS)
    assert setting(store, "synchronous_commit") == "on"
    assert setting(store, "transaction_isolation") == "read committed"
    store.close()


def test_a_stricter_promise_stays(backend: PostgresBackend) -> None:
    with backend.server.connect() as connection:
        connection.execute(f"ALTER DATABASE {backend.database} SET synchronous_commit = remote_apply")
    store = create(backend.url, uuid4(), FIRST_KEYS)
    assert setting(store, "synchronous_commit") == "remote_apply"
    store.close()


def test_a_server_that_does_not_sync_is_refused(tmp_path: Path) -> None:
    server = Server()
    try:
        with server.connect() as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
            while connection.execute("SHOW fsync").fetchone() != ("off",):
                pass
        with pytest.raises(StorageUnsupported) as refused:
            create_store(server.url("postgres"), uuid4(), FIRST_KEYS)
        assert "fsync = on" in refused.value.next_step
    finally:
        server.stop()


@pytest.mark.parametrize(
    "url",
    ["postgresql://hub:canary@db.example/ledger", "postgresql://hub@db.example/ledger?password=canary"],
)
def test_a_password_in_the_url_is_refused_and_told_nobody(url: str) -> None:
    with pytest.raises(StorageUnsupported) as refused:
        open_store(url)
    assert "PGPASSFILE" in refused.value.next_step
    assert "canary" not in repr(refused.value) + str(refused.value)


@pytest.mark.parametrize("url", ["postgresql://", "postgresql://db.example", "postgresql://db:port/x"])
def test_what_names_no_database_is_refused(url: str) -> None:
    with pytest.raises(StorageUnsupported):
        open_store(url)


def test_no_server_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(StorageUnreachable) as refused:
        open_store(f"postgresql://canary@/ledger?host={tmp_path}")
    assert refused.value.__cause__ is None
    assert "canary" not in str(refused.value)


def test_without_the_driver_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "consent_ledger.store.postgres", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StorageUnsupported) as refused:
        open_store("postgresql://db.example/ledger")
    assert "oncetold[postgres]" in refused.value.next_step


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (codes.DiskFull("secret"), StorageFull),
        (codes.AdminShutdown("secret"), StorageUnreachable),
        (codes.CannotConnectNow("secret"), StorageUnreachable),
        (codes.ReadOnlySqlTransaction("secret"), StorageUnreachable),
        (codes.LockNotAvailable("secret"), StorageUnreachable),
        (codes.TooManyConnections("secret"), StorageUnreachable),
        (psycopg.OperationalError("secret"), StorageUnreachable),
        (codes.DataCorrupted("secret"), StorageFailed),
        (codes.IoError("secret"), StorageFailed),
        (codes.UniqueViolation("secret"), StorageFailed),
        (codes.UndefinedTable("secret"), StorageFailed),
    ],
)
def test_codes_are_told_apart(error: psycopg.Error, kind: type[StorageError]) -> None:
    found = storage_error(error)
    assert type(found) is kind
    assert "secret" not in str(found)


def test_rows_never_reach_an_error(store: PostgresStore) -> None:
    store.begin()
    store.insert_keys([KeyRow(b"canary" * 2, b"f" * 16, None, b"w", 1)] * 2)
    with pytest.raises(StorageFailed) as failed:
        store.last_position()
    assert failed.value.__cause__ is None
    assert "canary" not in repr(failed.value)
    with pytest.raises(StorageFailed):
        store.commit()
    store.rollback()


def test_a_failure_of_the_disk_is_for_good(store: PostgresStore) -> None:
    store.begin()
    store.write_tiles([(0, 0, b"x"), (0, 0, b"y")])
    with pytest.raises(StorageFailed):
        store.commit()
    store.rollback()
    with pytest.raises(StorageFailed):
        store.begin()


def test_a_connection_that_ended_is_made_anew_unnoticed(
    store: PostgresStore, backend: PostgresBackend
) -> None:
    store.begin()
    store.write_head(Head(0, 0))
    store.commit()
    assert backend.server.end_connections(backend.database) == 1
    assert store.begin() == Head(0, 0)
    assert store.others_wrote
    store.rollback()


def test_a_connection_that_ends_within_a_transaction_undoes_it(
    store: PostgresStore, backend: PostgresBackend
) -> None:
    store.begin()
    store.write_cells([("p", b"k", b"v")])
    assert store.cell("p", b"k") == b"v"
    backend.server.end_connections(backend.database)
    with pytest.raises(StorageUnreachable):
        store.commit()
    store.rollback()
    store.begin()
    assert store.cell("p", b"k") is None
    store.rollback()


def test_a_ledger_that_got_shorter_is_refused_for_good(
    store: PostgresStore, backend: PostgresBackend
) -> None:
    store.begin()
    store.write_head(Head(5, 0))
    store.commit()
    with backend.server.connect(backend.database) as connection:
        connection.execute("UPDATE head SET size = 4")
    for _ in range(2):
        with pytest.raises(StorageError) as refused:
            store.begin()
        assert (refused.value.fatal, refused.value.details) == (True, {"noted": "5", "size": "4"})
        store.rollback()


def test_another_ledger_in_its_place_is_refused(store: PostgresStore, backend: PostgresBackend) -> None:
    with backend.server.connect(backend.database) as connection:
        connection.execute("UPDATE head SET ledger_id = %s", (uuid4().hex,))
    backend.server.end_connections(backend.database)
    with pytest.raises(StorageFailed):
        store.begin()


def test_a_layout_that_changed_underneath_is_refused(store: PostgresStore, backend: PostgresBackend) -> None:
    with backend.server.connect(backend.database) as connection:
        connection.execute("UPDATE head SET layout = layout + 1")
    with pytest.raises(StorageUnsupported):
        store.begin()
    store.rollback()
