"""Makes a backup beside a hub that runs: entries piece by piece, for they never change; keys in one view."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from consent_ledger.backup.manifest import KEYS, LOG, VERSION, Manifest, hash_of
from consent_ledger.body import checked_parts
from consent_ledger.errors import BackupRefused, EntryCorrupt
from consent_ledger.log.tiles import Edge
from consent_ledger.root_keys.port import RootKeys
from consent_ledger.store import read_store, sqlite
from consent_ledger.store.port import Head, Reader, Store
from consent_ledger.store.tables import LAYOUT

_TOGETHER = 1000
"""Entries copied in one view, so that a writer's log does not grow meanwhile."""

Progress = Callable[[int, int], None]


def make_backup(
    path_or_url: str, root: RootKeys, folder: Path, now: datetime, *, progress: Progress
) -> Manifest:
    """Copies the ledger into an empty folder: `ledger.db`, `keys.db` and a manifest; no root, no epoch's key.

    Every entry is checked against its leaf. Projections are left out: they are made anew. Raises
    `BackupRefused`, `EntryCorrupt`, `LedgerMissing`, `StorageError`.
    """
    _require_empty(folder)
    with closing(read_store(path_or_url)) as reader:
        log = sqlite.create(folder / LOG, reader.ledger_id, [])
        try:
            head, tree, epoch = _copied(reader, root, log, folder, progress)
        finally:
            log.close()
        for name in (LOG, KEYS):
            _finish(folder / name)
        manifest = Manifest(
            version=VERSION,
            ledger_id=str(reader.ledger_id),
            layout=LAYOUT,
            made=now.astimezone(UTC).isoformat(timespec="seconds"),
            size=head.size,
            root=tree.root().hex(),
            root_id=root.root_id.hex(),
            epoch=epoch.hex(),
            log_sha256=hash_of(folder / LOG),
            keys_sha256=hash_of(folder / KEYS),
        )
    manifest.write(folder)
    return manifest


def _require_empty(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise BackupRefused("the folder is not empty", "Name an empty folder, or one that is to be made.")
    except OSError as error:
        raise BackupRefused(
            f"the folder cannot be used (errno {error.errno})", "Name a folder that you may write to."
        ) from None


def _copied(
    reader: Reader, root: RootKeys, log: Store, folder: Path, progress: Progress
) -> tuple[Head, Edge, bytes]:
    tree = Edge()
    while True:
        head = reader.begin()
        try:
            through = min(tree.size + _TOGETHER, head.size)
            copy_entries(reader, log, tree, through)
            progress(through, head.size)
            if through == head.size:
                return head, tree, _copied_rest(reader, root, log, folder, head)
        finally:
            reader.rollback()


def copy_entries(source: Store, target: Store, tree: Edge, through: int) -> None:
    """Those behind `tree` and their tiles. Raises `EntryCorrupt` for one that is not what was appended."""
    rows = source.entries(tree.size, through)
    for expected, row in enumerate(rows, start=tree.size + 1):
        if row[0] != expected:
            raise EntryCorrupt(expected)
        checked_parts(row)
    if len(rows) != through - tree.size:
        raise EntryCorrupt(tree.size + len(rows) + 1)
    tiles = tree.add([bytes(row[5]) for row in rows])
    target.begin()
    if rows:
        target.insert_entries(rows)
    if tiles:
        target.write_tiles(tiles)
    target.commit()


def _copied_rest(reader: Reader, root: RootKeys, log: Store, folder: Path, head: Head) -> bytes:
    """In the view of the last entries: the log's state, its head, every key. Returns the epoch's object."""
    log.begin()
    for name, value in reader.states():
        log.write_state(name, value)
    log.write_head(head)
    log.commit()
    epoch = reader.key_by_label(root.name_label("epoch-key"))
    if epoch is None:
        raise BackupRefused("not this ledger's root", "Name the root key that was made with this ledger.")
    with closing(sqlite.create(folder / KEYS, reader.ledger_id, [])) as keys:
        for after in (-1, *range(0, head.size, _TOGETHER)):
            rows = reader.keys_between(after, 0 if after < 0 else min(after + _TOGETHER, head.size))
            if rows:
                keys.begin()
                keys.insert_keys(rows)
                keys.commit()
    return epoch.parent_id


def _finish(database: Path) -> None:
    """One file, whole by itself: no write-ahead log, and nothing that is for a hub that runs."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    for beside in ("size", "lock"):
        database.with_name(f"{database.name}.{beside}").unlink(missing_ok=True)
