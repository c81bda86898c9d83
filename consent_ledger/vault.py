"""Seals and opens: parts of entries, and the cells that projections keep about people.

AES-256-GCM with random nonces; the associated data binds a ciphertext to its one place, so that a row moved
elsewhere does not open. Labels stand in for what must be found again but never be read.
"""

import hashlib
import hmac
import os
import struct
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent_ledger.entry import KeyOwner, Part, SealedPart
from consent_ledger.errors import UnsealFailed
from consent_ledger.keys import NONCE_SIZE, Entropy, KeyRing

SALT_SIZE = 32
_CELL = b"oncetold.org/cell/v1\n"
_PART = b"oncetold.org/part/v1\n"
_LABEL, _OWNER, _OPAQUE_ID = b"\x01", b"\x02", b"\x03"
_HEADER = struct.Struct(">QBH")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CHANGES_POLICY = 1


class Vault:
    """Sealing belongs to the writer thread; `label` and `opaque_id` may be called anywhere."""

    def __init__(self, keys: KeyRing, entropy: Entropy = os.urandom) -> None:
        self._keys = keys
        self._entropy = entropy
        self._index_key = keys.index_key()
        self._cell_names: dict[str, str] = {}

    def cells_of(self, projection: str) -> str:
        """What a projection's cells are stored under, so that counting them tells of nobody's choices."""
        name = self._cell_names.get(projection)
        if name is None:
            name = self._cell_names[projection] = self._mac(_LABEL, ("cells", projection))[:16].hex()
        return name

    def label(self, *parts: bytes | str) -> bytes:
        """32 bytes that are the same for the same parts, and tell nobody without the key what they are."""
        return self._mac(_LABEL, parts)

    def opaque_id(self, *parts: bytes | str) -> UUID:
        """A UUID (version 8) that is the same for the same parts, and looks random without the key."""
        number = int.from_bytes(self._mac(_OPAQUE_ID, parts)[:16])
        number = number & ~(0xF << 76) | 0x8 << 76
        return UUID(int=number & ~(0x3 << 62) | 0x2 << 62)

    def seal_cell(self, owner: KeyOwner, context: bytes, plaintext: bytes) -> bytes:
        """Seals under the owner's key. `context` names the cell's place and is needed again to open it."""
        label = self._owner_label(owner)
        nonce = self._entropy(NONCE_SIZE)
        key = self._keys.category_key(label)[1]
        return nonce + key.encrypt(nonce, plaintext, _CELL + label + context)

    def open_cell(self, owner: KeyOwner, context: bytes, sealed: bytes) -> bytes:
        """Raises `UnsealFailed` if it was sealed for another owner or context, or altered."""
        label = self._owner_label(owner)
        return _open(self._keys.existing_category_key(label), sealed, _CELL + label + context)

    def seal_part(self, part: Part, place: bytes, recorded_at: datetime, changes_policy: bool) -> SealedPart:
        """Seals one part of an entry under its owners' keys. `place` names where the entry stands."""
        owners = [self._owner_label(owner) for owner in part.owners]
        if part.fragment_key:
            key_id, key = self._keys.fragment_key(owners)
        else:
            key_id, key = self._keys.category_key(owners[0])
        schema = part.schema.encode()
        since = (recorded_at - _EPOCH) // _MICROSECOND
        flags = _CHANGES_POLICY if changes_policy else 0
        plaintext = _HEADER.pack(since, flags, len(schema)) + schema + part.payload
        salt, nonce = self._entropy(SALT_SIZE), self._entropy(NONCE_SIZE)
        commit = hmac.digest(salt, plaintext, hashlib.sha256)
        sealed = nonce + key.encrypt(nonce, salt + plaintext, _PART + place + key_id)
        return SealedPart(key_id, commit, sealed)

    def open_part(self, part: SealedPart, place: bytes) -> tuple[Part, datetime, bool]:
        """The part, when it was recorded, and whether its entry changes decisions. Raises `UnsealFailed`."""
        opened = _open(self._keys.key(part.key_id), part.sealed, _PART + place + part.key_id)
        salt, plaintext = opened[:SALT_SIZE], opened[SALT_SIZE:]
        if not hmac.compare_digest(hmac.digest(salt, plaintext, hashlib.sha256), part.commit):
            raise UnsealFailed(reason="commitment")
        since, flags, length = _HEADER.unpack_from(plaintext)
        start = _HEADER.size
        schema = plaintext[start : start + length].decode()
        payload = plaintext[start + length :]
        return Part(schema, payload, ()), _EPOCH + since * _MICROSECOND, bool(flags & _CHANGES_POLICY)

    def _owner_label(self, owner: KeyOwner) -> bytes:
        registration = owner.registration_id.bytes if owner.registration_id else b""
        return self._mac(_OWNER, (registration, owner.category))

    def _mac(self, kind: bytes, parts: tuple[bytes | str, ...]) -> bytes:
        framed = bytearray(kind)
        for part in parts:
            encoded = part.encode() if isinstance(part, str) else part
            framed += len(encoded).to_bytes(4) + encoded
        return hmac.digest(self._index_key, bytes(framed), hashlib.sha256)


def _open(key: AESGCM, sealed: bytes, context: bytes) -> bytes:
    try:
        return key.decrypt(sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], context)
    except (InvalidTag, ValueError) as error:
        raise UnsealFailed(reason="altered or moved") from error
