"""Turns drafts into stored rows and back. `SPEC.md` gives the bytes.

A body is padded with random bytes to 1, 4 or 16 KiB, then to a multiple of 64 KiB, so that its size
tells little.
"""

import os
import struct
from collections.abc import Sequence
from datetime import datetime

from consent_ledger.entry import (
    Draft,
    Entry,
    EntryClass,
    SealedPart,
    body_hash,
    entry_bytes,
    leaf_hash,
)
from consent_ledger.errors import EntryCorrupt, UnsealFailed
from consent_ledger.keys import KEY_ID_SIZE, Entropy, KeyRing
from consent_ledger.store.port import EntryRow
from consent_ledger.vault import Vault

BODY_VERSION = 1
_FRAME = struct.Struct(">BH")
_PART = struct.Struct(f">{KEY_ID_SIZE}s32sI")
_PLACE = struct.Struct(">QB16s16sQHH")
_SMALL = (1024, 4096, 16_384)
_CHUNK = 65_536
_CLASSES = frozenset(kind.value for kind in EntryClass)


def padded_size(size: int) -> int:
    """What `size` bytes are stored as."""
    return next((step for step in _SMALL if size <= step), -(-size // _CHUNK) * _CHUNK)


class Sealer:
    """Seals drafts at their positions, and opens rows after checking them against their leaf."""

    def __init__(self, vault: Vault, keys: KeyRing, entropy: Entropy = os.urandom) -> None:
        self._vault = vault
        self._keys = keys
        self._entropy = entropy

    def seal(self, draft: Draft, position: int, recorded_at: datetime) -> EntryRow:
        entry_id = self._entropy(16)
        count = len(draft.parts)
        kind = draft.entry_class.value
        parts = []
        for index, part in enumerate(draft.parts):
            place = _PLACE.pack(position, kind, entry_id, draft.stream_id.bytes, draft.version, index, count)
            parts.append(self._vault.seal_part(part, place, recorded_at, draft.changes_policy))
        framed = _FRAME.pack(BODY_VERSION, count) + b"".join(
            _PART.pack(part.key_id, part.commit, len(part.sealed)) + part.sealed for part in parts
        )
        padding = self._entropy(padded_size(len(framed)) - len(framed))
        leaf = leaf_hash(entry_bytes(kind, entry_id, body_hash(tuple(parts), padding)))
        return EntryRow(position, kind, entry_id, draft.stream_id, draft.version, framed + padding, leaf)

    def opened(self, rows: Sequence[EntryRow]) -> list[Entry]:
        """Raises `EntryCorrupt` for the first row that is not what was appended."""
        sealed = [_checked(row) for row in rows]
        self._keys.prefetch([part.key_id for parts in sealed for part in parts])
        return [self._open(row, parts) for row, parts in zip(rows, sealed, strict=True)]

    def _open(self, row: EntryRow, sealed: tuple[SealedPart, ...]) -> Entry:
        opened = []
        for index, part in enumerate(sealed):
            place = _PLACE.pack(
                row.position,
                row.entry_class,
                row.entry_id,
                row.stream_id.bytes,
                row.version,
                index,
                len(sealed),
            )
            try:
                opened.append(self._vault.open_part(part, place))
            except UnsealFailed as error:
                raise EntryCorrupt(row.position) from error
        headers = {(recorded_at, changes_policy) for _, recorded_at, changes_policy in opened}
        if len(headers) != 1:
            raise EntryCorrupt(row.position)
        [(recorded_at, changes_policy)] = headers
        return Entry(
            position=row.position,
            entry_class=EntryClass(row.entry_class),
            stream_id=row.stream_id,
            version=row.version,
            parts=tuple(part for part, _, _ in opened),
            changes_policy=changes_policy,
            recorded_at=recorded_at,
        )


def _checked(row: EntryRow) -> tuple[SealedPart, ...]:
    """The sealed parts of a row whose every stored bit is covered by its leaf hash."""
    parts = []
    try:
        version, count = _FRAME.unpack_from(row.body)
        at = _FRAME.size
        for _ in range(count):
            key_id, commit, length = _PART.unpack_from(row.body, at)
            at += _PART.size
            parts.append(SealedPart(key_id, commit, row.body[at : at + length]))
            at += length
    except struct.error as error:
        raise EntryCorrupt(row.position) from error
    sealed = tuple(parts)
    if version != BODY_VERSION or count == 0 or at > len(row.body):
        raise EntryCorrupt(row.position)
    entry = entry_bytes(row.entry_class, row.entry_id, body_hash(sealed, row.body[at:]))
    if leaf_hash(entry) != row.leaf_hash or row.entry_class not in _CLASSES:
        raise EntryCorrupt(row.position)
    return sealed
