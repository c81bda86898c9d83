"""Where the ledger's rows live: one port, one backend for each kind of database."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from consent_ledger.errors import StorageUnsupported
from consent_ledger.store import sqlite, sqlite_reader
from consent_ledger.store.port import KeyRow, Store

_SQLITE_URL = "sqlite:///"


def create_store(path_or_url: str, ledger_id: UUID, first_keys: Sequence[KeyRow]) -> Store:
    """Makes an empty ledger at a path or URL. Raises `LedgerExists`, `LedgerInUse`, `StorageUnsupported`."""
    return sqlite.create(_sqlite_path(path_or_url), ledger_id, first_keys)


def open_store(path_or_url: str) -> Store:
    """Opens the ledger at a path or URL. Raises `LedgerMissing`, `LedgerInUse`, `StorageUnsupported`."""
    return sqlite.open_existing(_sqlite_path(path_or_url))


def read_store(path_or_url: str) -> sqlite_reader.SqliteReader:
    """Reads the ledger beside whoever writes it. Raises `LedgerMissing`, `StorageUnsupported`."""
    return sqlite_reader.open_for_reading(_sqlite_path(path_or_url))


def _sqlite_path(path_or_url: str) -> Path:
    if path_or_url.startswith(_SQLITE_URL):
        return Path(path_or_url.removeprefix(_SQLITE_URL))
    if "://" in path_or_url:
        raise StorageUnsupported(scheme=path_or_url.partition("://")[0])
    return Path(path_or_url)
