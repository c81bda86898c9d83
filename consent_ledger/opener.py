"""The other process of `reading_ahead`: reads, checks and opens entries beside the writer, piece by piece.

It is told over its standard input where the ledger is and what its root key is, so that neither stands where
other users of the machine could read it, and ends when that input does. It writes nothing anywhere else.
"""

import struct
import sys
from collections.abc import Iterable
from typing import BinaryIO

from consent_ledger.body import Sealer
from consent_ledger.entry import Entry, EntryClass, Part
from consent_ledger.errors import EntryCorrupt, OnceToldError
from consent_ledger.keys import KeyRing
from consent_ledger.store import read_store
from consent_ledger.store.port import Store
from consent_ledger.vault import Vault

PIECE = struct.Struct(">QQ")
"""What is asked for: entries with after < position <= through."""
LENGTH = struct.Struct(">Q")
"""What stands before an answer. 0: these entries are not to be had here; whoever asked finds out why."""
_ENTRY = struct.Struct(">QB16sQ?QH")
"""Position, class, stream, version, whether it changes decisions, microseconds since 1970, parts."""
_PART = struct.Struct(">HI")
"""Bytes of schema and payload, which follow."""
_CLASSES = {kind.value: kind for kind in EntryClass}
_as_read = tuple.__new__


def serve(asked: BinaryIO, answers: BinaryIO, place: str, root_key: bytes) -> None:
    """Answers pieces until nobody asks any more."""
    store = read_store(place)
    try:
        keys = KeyRing(root_key, store)
        store.begin()
        sealer = Sealer(Vault(keys), keys)
        store.rollback()
        while len(piece := asked.read(PIECE.size)) == PIECE.size:
            answer = _piece(store, sealer, *PIECE.unpack(piece))
            answers.write(LENGTH.pack(len(answer)) + answer)
            answers.flush()
    finally:
        store.close()


def _piece(store: Store, sealer: Sealer, after: int, through: int) -> bytes:
    try:
        store.begin()
        try:
            rows = store.entries(after, through)
            if len(rows) != through - after:
                raise EntryCorrupt(after + 1)
            return written(sealer.opened(rows))
        finally:
            store.rollback()
    except OnceToldError:
        return (
            b""  # said by its length: the writer reads the same entries, and raises what is wrong with them
        )


def written(entries: Iterable[Entry]) -> bytes:
    """Opened entries on their way to the writer."""
    pieces: list[bytes] = []
    for position, kind, stream, version, parts, changes_policy, recorded in entries:
        pieces.append(_ENTRY.pack(position, kind, stream, version, changes_policy, recorded, len(parts)))
        for schema, payload, _, _ in parts:
            name = schema.encode()
            pieces += (_PART.pack(len(name), len(payload)), name, payload)
    return b"".join(pieces)


def read_back(answer: bytes) -> list[Entry]:
    """What was `written`."""
    found, at, size = [], 0, len(answer)
    while at < size:
        position, kind, stream, version, changes_policy, recorded, count = _ENTRY.unpack_from(answer, at)
        at += _ENTRY.size
        parts = []
        for _ in range(count):
            name, payload = _PART.unpack_from(answer, at)
            start = at + _PART.size
            middle = start + name
            at = middle + payload
            parts.append(_as_read(Part, (answer[start:middle].decode(), answer[middle:at], (), False)))
        values = (position, _CLASSES[kind], stream, version, tuple(parts), changes_policy, recorded)
        found.append(_as_read(Entry, values))
    return found


def main(place: str, root_key: str) -> None:
    """Serves over standard input and output."""
    serve(sys.stdin.buffer, sys.stdout.buffer, place, bytes.fromhex(root_key))
