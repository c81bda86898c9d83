"""Turns drafts into stored rows and back. `SPEC.md` gives the bytes.

A body is padded with random bytes to one of four sizes, or to a multiple of 64 KiB, so that its size tells
little.
"""

import os
import struct
from collections.abc import Sequence
from hashlib import sha256

from consent_ledger.entry import (
    BODY_HASH_DOMAIN,
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
from consent_ledger.store.port import EntryRow, StoredEntry
from consent_ledger.vault import StoredPart, Vault, open_parts, padding_source, part_header

BODY_VERSION = 1
_FRAME = struct.Struct(">BH")
_PART = struct.Struct(f">{KEY_ID_SIZE}s32sI")
_PART_SIZE = _PART.size
_read_part = _PART.unpack_from
_as_read = tuple.__new__
"""Makes an entry of values that need no checking any more."""
_ENTRY_PLACE = struct.Struct(">QB16s16sQ")
_PART_PLACE = struct.Struct(">HH")
_SMALL = (1024, 1900, 3900, 16_384)
"""Seven, four and two of the first three, with the rest of their rows, fill a database page of 8 KiB.
Of 2,048 bytes three would stand on it and of 4,096 one, and PostgreSQL would keep both outside the row."""
_CHUNK = 65_536
_ID_SIZE = 16
_CLASSES = {kind.value: kind for kind in EntryClass}
_LEAF_PREFIXES = {kind: b"\x00" + entry_bytes(kind, b"", b"") for kind in _CLASSES}
"""Of an entry's leaf, what stands before its id."""


def padded_size(size: int) -> int:
    """What `size` bytes are stored as."""
    return next((step for step in _SMALL if size <= step), -(-size // _CHUNK) * _CHUNK)


class Sealer:
    """Seals drafts at their positions, and opens rows after checking them against their leaf."""

    def __init__(self, vault: Vault, keys: KeyRing, entropy: Entropy = os.urandom) -> None:
        self._vault = vault
        self._keys = keys
        self._entropy = entropy
        self._padding = padding_source() if entropy is os.urandom else entropy

    def seal(self, draft: Draft, position: int, recorded: int) -> EntryRow:
        """The row of a draft. `recorded`: microseconds since 1970."""
        entry_id = self._entropy(_ID_SIZE)
        stream = draft.stream_id.bytes
        count = len(draft.parts)
        kind = draft.entry_class.value
        header = part_header(recorded, draft.changes_policy)
        place = _ENTRY_PLACE.pack(position, kind, entry_id, stream, draft.version)
        parts: list[SealedPart] = []
        framed = [_FRAME.pack(BODY_VERSION, count)]
        size = _FRAME.size
        for index, part in enumerate(draft.parts):
            sealed = self._vault.seal_part(part, position, place + _PART_PLACE.pack(index, count), header)
            parts.append(sealed)
            length = len(sealed.sealed)
            framed += (_PART.pack(sealed.key_id, sealed.commit, length), sealed.sealed)
            size += _PART.size + length
        padding = self._padding(padded_size(size) - size)
        framed.append(padding)
        leaf = leaf_hash(entry_bytes(kind, entry_id, body_hash(parts, padding)))
        return EntryRow(position, kind, entry_id, stream, draft.version, leaf, b"".join(framed))

    def opened(self, rows: Sequence[StoredEntry]) -> list[Entry]:
        """Raises `EntryCorrupt` for the first row that is not what was appended."""
        if not rows:
            return []
        keys = self._keys.of_entries([row[0] for row in rows])
        found = []
        for row in rows:
            position, kind, entry_id, stream, version, _, _ = row
            sealed, _ = _parts_and_entry(row)
            try:
                place = _ENTRY_PLACE.pack(position, kind, entry_id, stream, version)
                opened = open_parts(sealed, keys, place)
            except (UnsealFailed, struct.error) as error:
                raise EntryCorrupt(position) from error
            found.append(_as_read(Entry, (position, _CLASSES[kind], stream, version, *opened)))
        return found


def checked_parts(row: StoredEntry) -> list[StoredPart]:
    """The parts, as (key id, commitment, sealed), of a row whose every stored bit its leaf hash covers.

    Raises `EntryCorrupt`.
    """
    return _parts_and_entry(row)[0]


def published(row: StoredEntry) -> bytes:
    """The entry as it is published, made anew from what is stored; it takes no key.

    Raises `EntryCorrupt` unless the stored leaf hash is that of these bytes.
    """
    return _parts_and_entry(row)[1][1:]


def _parts_and_entry(row: StoredEntry) -> tuple[list[StoredPart], bytes]:
    """A row's parts, and what its leaf hash is the hash of.

    The body's hash is that of `body_hash`, over pieces of the body as they stand.
    """
    position, kind, entry_id, stream, _, leaf, body = row
    try:
        body_version, count = _FRAME.unpack_from(body)
        at = _FRAME.size
        hashed = [BODY_HASH_DOMAIN]
        parts: list[StoredPart] = []
        for _ in range(count):
            start = at + _PART_SIZE
            key_id, commit, length = _read_part(body, at)
            end = start + length
            sealed = body[start:end]
            hashed += (key_id, commit, sha256(sealed).digest())
            parts.append((key_id, commit, sealed))
            at = end
        hashed.append(sha256(body[at:]).digest())
        entry = _LEAF_PREFIXES[kind] + entry_id + sha256(b"".join(hashed)).digest()
        found = sha256(entry).digest()
        whole = body_version == BODY_VERSION and parts and at <= len(body) and len(stream) == _ID_SIZE
    except (struct.error, KeyError, TypeError) as error:
        # A damaged row may even hold values of other types.
        raise EntryCorrupt(position) from error
    if found != leaf or not whole:
        raise EntryCorrupt(position)
    return parts, entry
