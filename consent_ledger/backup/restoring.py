"""Restores a backup where no ledger is, of any backend, once it is sure that nothing erased comes back.

Before the first row is written: the files are those of the manifest, every entry is the one that was
appended, the keys' epoch is not over, and the fences reach as far as anybody has seen the ledger. What they
name is never written.
"""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from consent_ledger.backup.making import copy_entries
from consent_ledger.backup.manifest import KEYS, LOG, Manifest, read_manifest, require_hash
from consent_ledger.body import checked_parts
from consent_ledger.errors import BackupRefused, EntryCorrupt, LedgerExists, StorageError
from consent_ledger.fences import Fences
from consent_ledger.log.tiles import Edge
from consent_ledger.root_keys.port import RootKeys
from consent_ledger.store import create_store, is_postgres, read_store
from consent_ledger.store.port import KeyRow, Reader, Store
from consent_ledger.store.tables import LAYOUT

_TOGETHER = 1000

Progress = Callable[[int, int], None]


class Gate(NamedTuple):
    """What stands outside the database and says what may never come back."""

    fences: Path
    """The file of destroyed keys."""
    seen: int | None = 0
    """The greatest size of the ledger that somebody outside has seen: its last checkpoint's. None: nobody
    here knows, so that no fences are known to reach far enough."""
    accept_end: int | None = None
    """Where the fences end, said by somebody who answers for what was erased behind that."""


def restore_backup(
    folder: Path,
    path_or_url: str,
    root: RootKeys,
    gate: Gate,
    *,
    keys: Path | None = None,
    progress: Progress,
) -> Manifest:
    """Makes the ledger of a backup where none may be. `keys`: its `keys.db`, if that was kept elsewhere.

    Raises `BackupRefused` before anything is written, `LedgerExists`, `StorageError`.
    """
    manifest = read_manifest(folder)
    files = folder / LOG, keys or folder / KEYS
    _require(manifest, root, files)
    fenced = {one.key_id for one in _fences(manifest, gate)}
    with closing(read_store(str(files[0]))) as log, closing(read_store(str(files[1]))) as table:
        _verify(manifest, log)
        table.begin()
        own = [KeyRow(*row) for row in table.keys_between(-1, 0) if row[0] not in fenced]
        if is_postgres(path_or_url):
            _restore_to_server(path_or_url, UUID(manifest.ledger_id), own, (log, table), fenced, progress)
        else:
            _restore_to_file(path_or_url, UUID(manifest.ledger_id), own, (log, table), fenced, progress)
    return manifest


def _restore_to_server(
    url: str,
    ledger_id: UUID,
    own: list[KeyRow],
    source: tuple[Reader, Reader],
    fenced: set[bytes],
    progress: Progress,
) -> None:
    with closing(create_store(url, ledger_id, own)) as target:
        try:
            _fill(target, *source, fenced, progress)
        except StorageError as error:
            error.next_step = f"{error.next_step} Then drop the database, make it anew, and restore again."
            raise


def _restore_to_file(
    path_or_url: str,
    ledger_id: UUID,
    own: list[KeyRow],
    source: tuple[Reader, Reader],
    fenced: set[bytes],
    progress: Progress,
) -> None:
    """Under another name until it is whole: what is broken off is no ledger, and begun anew."""
    place = Path(path_or_url.removeprefix("sqlite:///"))
    if place.exists():
        raise LedgerExists()
    unfinished = place.with_name(f"{place.name}.restoring")
    _remove(unfinished)
    with closing(create_store(str(unfinished), ledger_id, own)) as target:
        _fill(target, *source, fenced, progress)
    unfinished.rename(place)
    _remove(unfinished)


def _remove(database: Path) -> None:
    for end in ("", "-wal", "-shm", ".size", ".lock"):
        database.with_name(f"{database.name}{end}").unlink(missing_ok=True)


def _require(manifest: Manifest, root: RootKeys, files: tuple[Path, Path]) -> None:
    if manifest.layout != LAYOUT:
        raise BackupRefused("of another layout", "Restore it with the program that made it, then upgrade.")
    for file, expected in zip(files, (manifest.log_sha256, manifest.keys_sha256), strict=True):
        require_hash(file, expected)
    if root.root_id.hex() != manifest.root_id:
        raise BackupRefused("made under another root key", "Bring the root key that belongs to this ledger.")
    if root.destroyed(bytes.fromhex(manifest.epoch)):
        raise BackupRefused(
            "its key epoch is over",
            "Its epoch's key was destroyed, so that nothing erased before comes back; nothing of this backup "
            "opens any more. Restore one that was made since the last key epoch began. With a root key file: "
            "bring the folder root.key.epochs too.",
        )


def _fences(manifest: Manifest, gate: Gate) -> Fences:
    if not gate.fences.is_file():
        raise BackupRefused(
            "the file of destroyed keys is missing",
            "Bring the file `fences` from the old hub's data folder, or its newest copy, into this data "
            "folder: without it what was erased since the backup would come back.",
        )
    fences = Fences(UUID(manifest.ledger_id), gate.fences)
    if gate.seen is None and gate.accept_end != fences.through:
        raise BackupRefused(
            "nobody here knows how long the ledger was",
            "Put the newest copy of the last checkpoint's file into the data folder: what was erased behind "
            f"the end of the file of destroyed keys, entry {fences.through}, would come back. If there is "
            "none, ask the witnesses how long the ledger was, and which agencies erased anything since; "
            f"restore with --fences-end {fences.through}, and have it erased again before the hub serves.",
            ends=fences.through,
        )
    needed = max(manifest.size, gate.seen or 0)
    if fences.through < needed and gate.accept_end != fences.through:
        raise BackupRefused(
            "the file of destroyed keys is older than the ledger",
            f"It ends at entry {fences.through}; the ledger was seen up to {needed}. Bring a newer copy of "
            "`fences`. If there is none, find out which agencies erased anything since, restore with "
            f"--fences-end {fences.through}, and have it erased again before the hub serves.",
            ends=fences.through,
            seen=needed,
        )
    return fences


def _verify(manifest: Manifest, log: Reader) -> None:
    head = log.begin()
    try:
        tree = Edge()
        while tree.size < head.size:
            rows = log.entries(tree.size, min(tree.size + _TOGETHER, head.size))
            for expected, row in enumerate(rows, start=tree.size + 1):
                if row[0] != expected:
                    raise EntryCorrupt(expected)
                checked_parts(row)
            if not rows:
                raise EntryCorrupt(tree.size + 1)
            tree.add([bytes(row[5]) for row in rows])
    finally:
        log.rollback()
    if head.size != manifest.size or tree.root().hex() != manifest.root:
        raise BackupRefused(
            "its entries are not those of its manifest", "Take another backup, and keep this one as it is."
        )


def _fill(target: Store, log: Reader, table: Reader, fenced: set[bytes], progress: Progress) -> None:
    head, tree = log.begin(), Edge()
    while tree.size < head.size:
        after, through = tree.size, min(tree.size + _TOGETHER, head.size)
        copy_entries(log, target, tree, through)
        rows = [row for row in table.keys_between(after, through) if row[0] not in fenced]
        if rows:
            target.begin()
            target.insert_keys(rows)
            target.commit()
        progress(through, head.size)
    target.begin()
    for name, value in log.states():
        target.write_state(name, value)
    target.write_head(head)
    target.commit()
