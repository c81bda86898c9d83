"""Writes the whole log as a folder of plain files that anybody's tool can check (C2SP tlog-tiles).

    vkeys                            the ledger's public key, then the witnesses', one a line
    log/checkpoint                   the signed head
    log/tile/<level>/<number>        the tree's hashes
    log/tile/entries/<number>        the entries, as they are hashed

Nothing in it is secret, and nothing tells what happened to whom. An export can be brought up to date.
"""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from consent_ledger.errors import ExportRefused, LogDamaged, ProofRefused
from consent_ledger.log.checkpoint import open_checkpoint
from consent_ledger.log.note import VerifierKey
from consent_ledger.log.reading import published_rows
from consent_ledger.log.stored import StoredLog
from consent_ledger.log.tiles import CHECKPOINT_PATH, ENTRIES, Edge, bundle, tile_path
from consent_ledger.log.tree import HASH_SIZE, TILE_HEIGHT, TILE_WIDTH, leaf_hash

VKEYS = "vkeys"
LOG = "log"
Progress = Callable[[int, int], None]


def export_log(
    log: StoredLog,
    folder: Path,
    *,
    note: bytes | None = None,
    witnesses: Sequence[VerifierKey] = (),
    progress: Progress = lambda done, size: None,
) -> int:
    """Writes the log up to a checkpoint, and that last. `note`: which one, cosigned; unset, the newest.

    Returns its size. Raises `ExportRefused` where another log's export lies or a newer one, `ProofRefused`
    for a note that does not verify, `EntryCorrupt`, `LogDamaged`.
    """
    keys = [log.vkey, *witnesses]
    shown = log.note if note is None else note
    checkpoint = log.checkpoint if note is None else log.covered(note, witnesses)
    _require_older(folder, log.vkey, checkpoint.size)
    (folder / LOG).mkdir(parents=True, exist_ok=True)
    size = checkpoint.size
    edge = Edge()
    for number in range(-(-size // TILE_WIDTH)):
        after = number * TILE_WIDTH
        width = min(TILE_WIDTH, size - after)
        rows = log.viewed(partial(StoredLog.rows, after=after, through=after + width))
        entries = published_rows(rows, after)
        if len(entries) != width:
            raise LogDamaged(reason="an entry is missing", size=after + len(entries))
        _write(folder / LOG / tile_path(ENTRIES, number, width), bundle(entries))
        for level, at, hashes in edge.add([leaf_hash(entry) for entry in entries]):
            _write(folder / LOG / tile_path(level, at), hashes)
        progress(after + width, size)
    if edge.root() != checkpoint.root:
        raise LogDamaged(reason="the entries do not lead to the checkpoint")
    level = 0
    while size >> TILE_HEIGHT * level:
        hashes = edge.partial(level)
        if hashes:
            whole = size >> TILE_HEIGHT * (level + 1)
            _write(folder / LOG / tile_path(level, whole, len(hashes) // HASH_SIZE), hashes)
        level += 1
    _write(folder / VKEYS, "".join(f"{key}\n" for key in keys).encode())
    _write(folder / LOG / CHECKPOINT_PATH, shown)
    return size


def _require_older(folder: Path, vkey: VerifierKey, size: int) -> None:
    """An empty folder, or an export of the same log that is no larger."""
    if not folder.exists() or not any(folder.iterdir()):
        return
    try:
        first = (folder / VKEYS).read_text().split("\n", 1)[0]
        there = open_checkpoint((folder / LOG / CHECKPOINT_PATH).read_bytes(), vkey).checkpoint
    except (OSError, UnicodeDecodeError, ProofRefused):
        raise ExportRefused() from None
    if first != str(vkey) or there.size > size:
        raise ExportRefused()


def _write(path: Path, data: bytes) -> None:
    """A file that is there whole or not at all; what is there already is left alone."""
    if path.exists() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.new")
    beside.write_bytes(data)
    os.replace(beside, path)
