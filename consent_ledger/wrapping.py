"""Keys wrapped under keys, as rows of a key table. AES-256-GCM, bound to both ids and the label."""

from collections.abc import Callable, Sequence
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent_ledger.errors import UnsealFailed
from consent_ledger.store.port import KeyRow, StoredKey

Entropy = Callable[[int], bytes]

KEY_SIZE = 32
KEY_ID_SIZE = 16
NONCE_SIZE = 12
_WRAP = b"oncetold.org/wrap/v1\n"


class KeyTable(Protocol):
    """The part of a store that holds wrapped keys."""

    def key_by_label(self, label: bytes) -> KeyRow | None: ...

    def keys_by_id(self, key_ids: Sequence[bytes]) -> Sequence[StoredKey]: ...

    def keys_between(self, after: int, through: int) -> Sequence[StoredKey]: ...


class NoKeys:
    """The key table of a ledger that is being made."""

    def key_by_label(self, label: bytes) -> KeyRow | None:
        return None

    def keys_by_id(self, key_ids: Sequence[bytes]) -> Sequence[StoredKey]:
        return []

    def keys_between(self, after: int, through: int) -> Sequence[StoredKey]:
        return []


def wrapping_context(key_id: bytes, parent_id: bytes, label: bytes | None) -> bytes:
    """What a wrapped key is bound to."""
    return _WRAP + key_id + parent_id + (label or b"")


def wrap(
    entropy: Entropy,
    key_id: bytes,
    key: bytes,
    parent_id: bytes,
    parent: AESGCM,
    label: bytes | None,
    position: int = 0,
) -> KeyRow:
    """The row of a key under its parent."""
    nonce = entropy(NONCE_SIZE)
    wrapped = nonce + parent.encrypt(nonce, key, wrapping_context(key_id, parent_id, label))
    return KeyRow(key_id, parent_id, label, wrapped, position)


def unwrap(row: StoredKey, parent: AESGCM) -> bytes:
    """The key of a row. Raises `UnsealFailed`."""
    key_id, parent_id, label, wrapped, _ = row
    try:
        return parent.decrypt(
            wrapped[:NONCE_SIZE], wrapped[NONCE_SIZE:], wrapping_context(key_id, parent_id, label)
        )
    except (InvalidTag, ValueError) as error:
        raise UnsealFailed(reason="wrapped key") from error


def unwrapped(row: StoredKey, parent: AESGCM) -> AESGCM | None:
    """None if it does not open: another row of the same key may; if none does, the key is missing.

    As `unwrap`, in one piece: a replay does it twice for each record.
    """
    key_id, parent_id, label, wrapped, _ = row
    context = _WRAP + key_id + parent_id + (label or b"")
    try:
        return AESGCM(parent.decrypt(wrapped[:NONCE_SIZE], wrapped[NONCE_SIZE:], context))
    except (InvalidTag, ValueError):
        return None
