"""A vault over a key table in memory."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent_ledger.keys import Entropy, KeyRing
from consent_ledger.root_keys import FileRootKeys
from consent_ledger.store.port import KeyRow, StoredKey
from consent_ledger.vault import Vault


class RootInMemory(FileRootKeys):
    """A root whose epochs' objects are nowhere but here."""

    def __init__(self, key: bytes = bytes(range(32)), entropy: Entropy = os.urandom) -> None:
        super().__init__(key, Path("/nonexistent"), entropy)
        self.objects: dict[bytes, AESGCM] = {}

    def create(self) -> bytes:
        object_id = (len(self.objects) + 1).to_bytes(16)
        self.objects[object_id] = AESGCM(object_id * 2)
        return object_id

    def destroy(self, object_id: bytes) -> datetime:
        self.objects.pop(object_id, None)
        return datetime(2026, 3, 2, 9, tzinfo=UTC)

    def destroyed(self, object_id: bytes) -> bool:
        return object_id != self.root_id and object_id not in self.objects

    def _object(self, object_id: bytes) -> AESGCM:
        return self._root if object_id == self.root_id else self.objects[object_id]


ROOT = RootInMemory()


class KeysInMemory:
    """What a store does for keys."""

    def __init__(self, rows: Sequence[KeyRow]) -> None:
        self.rows = list(rows)

    def key_by_label(self, label: bytes) -> KeyRow | None:
        return next((row for row in self.rows if row.label == label), None)

    def keys_by_id(self, key_ids: Sequence[bytes]) -> Sequence[StoredKey]:
        return [row for row in self.rows if row.position == 0 and row.key_id in key_ids]

    def keys_between(self, after: int, through: int) -> Sequence[StoredKey]:
        return [row for row in self.rows if after < row.position <= through]


def new_vault() -> tuple[Vault, KeyRing, KeysInMemory]:
    """A new ledger's vault, its ring, and the table behind both."""
    table = KeysInMemory(KeyRing.founding_rows(ROOT))
    ring = KeyRing(ROOT, table)
    return Vault(ring), ring, table


def store_pending(ring: KeyRing, table: KeysInMemory) -> None:
    """What a commit does with new keys."""
    table.rows += ring.take_pending(ring.mark())
