"""The other process of `reading_ahead`: reads, checks and opens entries beside the writer, piece by piece.

It is told over its standard input where the ledger is and what its root key is, so that neither stands where
other users of the machine could read it, and ends when that input does. It writes nothing anywhere else.
"""

import marshal
import struct
import sys
from typing import BinaryIO

from consent_ledger.body import Sealer
from consent_ledger.entry import Entry
from consent_ledger.errors import EntryCorrupt, OnceToldError
from consent_ledger.keys import KeyRing
from consent_ledger.store import read_store
from consent_ledger.store.port import Store
from consent_ledger.vault import Vault

PIECE = struct.Struct(">QQ")
"""What is asked for: entries with after < position <= through."""
LENGTH = struct.Struct(">Q")
"""What stands before an answer. 0: these entries are not to be had here; whoever asked finds out why."""
MARSHAL_VERSION = 2
"""Without references: nothing is looked up while writing. Both ends are the same interpreter."""

Plain = tuple[int, int, bytes, int, tuple[tuple[str, bytes, tuple[()], bool], ...], bool, int]
"""An entry as `marshal` knows it."""


def serve(asked: BinaryIO, answers: BinaryIO) -> None:
    """Answers pieces until nobody asks any more."""
    place, root_key = marshal.load(asked)  # noqa: S302 - written by the process that started this one
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
            return marshal.dumps([_plain(entry) for entry in sealer.opened(rows)], MARSHAL_VERSION)
        finally:
            store.rollback()
    except OnceToldError:
        return b""


def _plain(entry: Entry) -> Plain:
    position, kind, stream, version, parts, changes_policy, recorded = entry
    plain = tuple((schema, payload, (), False) for schema, payload, _, _ in parts)
    return position, int(kind), stream, version, plain, changes_policy, recorded


def main() -> None:
    """Serves over standard input and output."""
    serve(sys.stdin.buffer, sys.stdout.buffer)
