"""Somebody who has every key that the hub has now, and every copy of its database that was ever made.

They unwrap whatever unwraps, over and over, and try every key that they get on every stored ciphertext.
"""

import sqlite3
import struct
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent_ledger.body import checked_parts
from consent_ledger.errors import OnceToldError
from consent_ledger.root_keys import FileRootKeys
from consent_ledger.store.port import StoredEntry, StoredKey
from consent_ledger.wrapping import NONCE_SIZE, wrapping_context

_PART, _CELL = b"oncetold.org/part/v1\n", b"oncetold.org/cell/v1\n"
_PLACE = struct.Struct(">QB16s16sQ")
_STOLEN = {
    "keys": "key_id, parent_id, label, wrapped, position",
    "entries": "position, class, entry_id, stream_id, version, leaf_hash, body",
    "cells": "key, value",
    "requests": "label, answer",
}
"""Columns of the tables that hold anything sealed."""


@dataclass
class Loot:
    """All that could be had: raw keys, and plaintext of entries, cells and answers."""

    keys: set[bytes] = field(default_factory=set)
    texts: list[bytes] = field(default_factory=list)

    def holds(self, word: str) -> bool:
        return any(word.encode() in text for text in self.texts)


def copied(data: Path, to: Path) -> Path:
    """A copy of the database as its files stand, log and all: what a backup or a snapshot takes."""
    to.mkdir(parents=True)
    for file in data.glob("ledger.db*"):
        (to / file.name).write_bytes(file.read_bytes())
    return to / "ledger.db"


def dumped(url: str, to: Path) -> Path:
    """A copy of a PostgreSQL database row by row, as a dump takes it."""
    to.mkdir(parents=True)
    with closing(sqlite3.connect(to / "ledger.db")) as here, psycopg.connect(url) as there:
        for table, columns in _STOLEN.items():
            here.execute(f"CREATE TABLE {table} ({columns})")
            marks = ", ".join("?" * len(columns.split(", ")))
            rows = there.execute(f"SELECT {columns} FROM {table}").fetchall()
            here.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        here.commit()
    return to / "ledger.db"


def steal(root_key: Path, databases: Iterable[Path]) -> Loot:
    """Everything that the keys of today open in any of the copies."""
    root = FileRootKeys.opened(root_key)
    rows: dict[StoredKey, None] = {}
    entries: dict[StoredEntry, None] = {}
    cells: dict[tuple[bytes, bytes], None] = {}
    for database in databases:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as opened:
            found = {
                table: opened.execute(f"SELECT {columns} FROM {table}").fetchall()
                for table, columns in _STOLEN.items()
            }
        opened.close()
        rows |= dict.fromkeys(found["keys"])
        entries |= dict.fromkeys(found["entries"])
        cells |= dict.fromkeys([*found["cells"], *found["requests"]])
    loot = Loot()
    labels = {label for _, _, label, _, _ in rows if label is not None}
    ciphers = _unwrapped(root, list(rows), loot)
    for entry in entries:
        loot.texts += _parts(entry, ciphers)
    for key, value in cells:
        for label in labels:
            loot.texts += _opened(value, _CELL + label + key, ciphers)
    return loot


def _unwrapped(root: FileRootKeys, rows: list[StoredKey], loot: Loot) -> list[AESGCM]:
    ciphers: list[AESGCM] = []
    left = list(rows)
    for row in rows:
        try:
            raw = root.unwrap(row[1], row[3], wrapping_context(*row[:3]))
        except OnceToldError:
            continue
        loot.keys.add(raw)
        ciphers.append(AESGCM(raw))
        left.remove(row)
    tried = 0
    while tried < len(ciphers):
        cipher = ciphers[tried]
        tried += 1
        for row in list(left):
            for raw in _opened(row[3], wrapping_context(*row[:3]), [cipher]):
                left.remove(row)
                if raw not in loot.keys:
                    loot.keys.add(raw)
                    ciphers.append(AESGCM(raw))
    return ciphers


def _parts(entry: StoredEntry, ciphers: list[AESGCM]) -> Iterator[bytes]:
    position, kind, entry_id, stream, version, _, _ = entry
    parts = checked_parts(entry)
    for index, (key_id, _, sealed) in enumerate(parts):
        place = _PLACE.pack(position, kind, entry_id, stream, version)
        context = _PART + place + index.to_bytes(2) + len(parts).to_bytes(2) + key_id
        yield from _opened(sealed, context, ciphers)


def _opened(sealed: bytes, context: bytes, ciphers: list[AESGCM]) -> Iterator[bytes]:
    for cipher in ciphers:
        try:
            yield cipher.decrypt(sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], context)
        except (InvalidTag, ValueError):
            continue
        return
