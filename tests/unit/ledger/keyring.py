"""A vault over a key table in memory."""

from collections.abc import Sequence

from consent_ledger.keys import KeyRing
from consent_ledger.store.port import KeyRow, StoredKey
from consent_ledger.vault import Vault

ROOT = bytes(range(32))


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
