"""What only SQLite has: pragmas, files and their modes, result codes."""

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy.exc import OperationalError

from consent_ledger.errors import StorageError, StorageFailed, StorageFull, StorageUnsupported
from consent_ledger.keys import KeyRing
from consent_ledger.ledger import Ledger
from consent_ledger.root_keys import FileRootKeys
from consent_ledger.store import create_store, open_store
from consent_ledger.store.sqlite import SqliteStore, create, open_existing, storage_error
from tests.clock import ManualClock
from tests.contract.drafting import append, draft, payloads
from tests.unit.ledger.keyring import ROOT


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = create(tmp_path / "ledger.db", uuid4(), KeyRing.founding_rows(ROOT))
    yield opened
    opened.close()


def pragma(store: SqliteStore, name: str) -> object:
    """The value in force on the store's own connection."""
    [value] = store._cursor.execute(f"PRAGMA {name}").fetchone()
    return value


def test_acknowledged_means_synced_and_deleted_means_overwritten(store: SqliteStore) -> None:
    store.begin()
    assert pragma(store, "journal_mode") == "wal"
    assert pragma(store, "synchronous") == 2
    assert pragma(store, "secure_delete") == 1
    store.rollback()


def test_every_file_is_the_owners_alone(store: SqliteStore, tmp_path: Path) -> None:
    store.begin()
    store.write_cells([("p", b"k", b"v")])
    store.commit()

    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert set(modes) == {"ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock", "ledger.db.size"}
    assert set(modes.values()) == {0o600}


def test_a_really_full_database_refuses_and_reads_go_on(tmp_path: Path) -> None:
    key = FileRootKeys.created(tmp_path / "root.key")
    store = create(tmp_path / "ledger.db", uuid4(), KeyRing.founding_rows(key))
    store.begin()
    pages = int(str(pragma(store, "page_count")))
    pragma(store, f"max_page_count={pages + 20}")
    store.rollback()
    ledger = Ledger(store, key, ManualClock())
    appended = 0
    with pytest.raises(StorageFull):
        while appended < 10_000:
            append(ledger, draft(b"x" * 900))
            appended += 1

    assert 0 < appended < 10_000
    assert payloads(ledger) == [b"x" * 900] * appended
    with pytest.raises(StorageFull):
        append(ledger, draft(b"x" * 60_000))
    ledger.submit(lambda t: pragma(store, "max_page_count=100000")).result(30)
    assert append(ledger, draft()) == [appended + 1]
    ledger.close()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_FULL, StorageFull),
        (sqlite3.SQLITE_IOERR_FSYNC, StorageFailed),
        (sqlite3.SQLITE_IOERR_WRITE, StorageFailed),
        (sqlite3.SQLITE_CORRUPT, StorageFailed),
        (sqlite3.SQLITE_NOTADB, StorageFailed),
    ],
)
def test_result_codes_are_told_apart(code: int, kind: type[StorageError]) -> None:
    cause = sqlite3.OperationalError("secret")
    cause.sqlite_errorcode = code
    cause.sqlite_errorname = "NAME"

    found = storage_error(OperationalError("INSERT secret", {}, cause, hide_parameters=True))

    assert type(found) is kind
    assert "secret" not in str(found)


def test_parameters_never_reach_an_error(store: SqliteStore) -> None:
    store.begin()
    store.write_cells([("p", b"k", b"v")])
    with pytest.raises(StorageFailed) as failed:
        store.write_cells([("canary-projection", b"canary-key", None), ("q", b"k", 2j)])  # type: ignore[list-item]
    causes = repr(failed.value) + repr(failed.value.__cause__)
    assert "canary" not in causes
    with pytest.raises(StorageFailed):
        store.commit()
    store.rollback()


def test_a_file_of_something_else_is_not_a_ledger(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_bytes(b"not a database at all, but long enough to be looked at\n" * 40)
    with pytest.raises(StorageError):
        open_existing(other)
    assert other.read_bytes().startswith(b"not a database")


def test_another_layout_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    create(file, uuid4(), KeyRing.founding_rows(ROOT)).close()
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE head SET layout = 99")
    connection.close()
    with pytest.raises(StorageUnsupported):
        open_existing(file)


def test_urls_name_the_backend(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a b%20?.db'}"
    create_store(url, uuid4(), KeyRing.founding_rows(ROOT)).close()
    assert (tmp_path / "a b%20?.db").is_file()
    open_store(url).close()
    with pytest.raises(StorageUnsupported):
        open_store("mysql://somewhere/ledger")
