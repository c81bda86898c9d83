"""Where the ledger's rows live: one port, one backend for each kind of database."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

from consent_ledger.errors import StorageUnsupported
from consent_ledger.store import sqlite, sqlite_reader
from consent_ledger.store.migrations import Progress, Upgraded
from consent_ledger.store.port import KeyRow, Reader, Store

_SQLITE_URL = "sqlite:///"
_POSTGRES_URL = "postgresql://"


def create_store(path_or_url: str, ledger_id: UUID, first_keys: Sequence[KeyRow]) -> Store:
    """Makes an empty ledger at a path or URL. Raises `LedgerExists`, `LedgerInUse`, `StorageUnsupported`."""
    if is_postgres(path_or_url):
        store: Store = _postgres().create(path_or_url, ledger_id, first_keys)
        return store
    return sqlite.create(_sqlite_path(path_or_url), ledger_id, first_keys)


def open_store(path_or_url: str) -> Store:
    """Opens the ledger at a path or URL. Raises `LedgerMissing`, `LedgerInUse`, `StorageUnsupported`."""
    if is_postgres(path_or_url):
        store: Store = _postgres().open_existing(path_or_url)
        return store
    return sqlite.open_existing(_sqlite_path(path_or_url))


def read_store(path_or_url: str) -> Reader:
    """Reads the ledger beside whoever writes it. Raises `LedgerMissing`, `StorageUnsupported`."""
    if is_postgres(path_or_url):
        reader: Reader = _postgres().open_for_reading(path_or_url)
        return reader
    return sqlite_reader.open_for_reading(_sqlite_path(path_or_url))


def upgrade_store(path_or_url: str, progress: Progress) -> Upgraded:
    """Brings the tables up to this version. Raises `LedgerMissing`, `LedgerInUse`, `StorageUnsupported`."""
    if is_postgres(path_or_url):
        upgraded: Upgraded = _postgres().upgrade_existing(path_or_url, progress)
        return upgraded
    return sqlite.upgrade_existing(_sqlite_path(path_or_url), progress)


def is_postgres(path_or_url: str) -> bool:
    """Whether several processes may write the ledger there at once."""
    return path_or_url.startswith(_POSTGRES_URL)


def _postgres() -> Any:
    """Loaded when it is asked for: the embedded default does without the driver."""
    try:
        return import_module("consent_ledger.store.postgres")
    except ModuleNotFoundError as error:
        if error.name != "psycopg":
            raise
        raise StorageUnsupported(
            "Install the driver: pip install 'oncetold[postgres]'.", scheme="postgresql"
        ) from None


def _sqlite_path(path_or_url: str) -> Path:
    if path_or_url.startswith(_SQLITE_URL):
        return Path(path_or_url.removeprefix(_SQLITE_URL))
    if "://" in path_or_url:
        raise StorageUnsupported(scheme=path_or_url.partition("://")[0])
    return Path(path_or_url)
