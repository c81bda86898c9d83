"""Seals and opens: parts of entries, and the cells that projections keep about people.

AES-256-GCM with random nonces; the associated data binds a ciphertext to its one place, so that a row moved
elsewhere does not open. Labels stand in for what must be found again but never be read.
"""

import hashlib
import hmac
import os
import struct
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent_ledger.entry import KeyOwner, Part, SealedPart
from consent_ledger.errors import UnsealFailed
from consent_ledger.keys import NONCE_SIZE, Entropy, KeyRing

SALT_SIZE = 32
_CELL = b"oncetold.org/cell/v1\n"
_PART = b"oncetold.org/part/v1\n"
_LABEL, _OWNER, _OPAQUE_ID, _OPAQUE_IDS = b"\x01", b"\x02", b"\x03", b"\x04"
_ID_SIZE = 16
_ID_KEEP = int.from_bytes(b"\xff" * 6 + b"\x0f\xff\x3f" + b"\xff" * 7)
_ID_SET = int.from_bytes(bytes(6) + b"\x80\x00\x80" + bytes(7))
"""The version (8) and variant bits of a UUID: kept of what is random, and set over it."""
_HEADER = struct.Struct(">QBH")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CHANGES_POLICY = 1


class Vault:
    """Sealing belongs to the writer thread; labels and opaque ids may be made anywhere."""

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
        number = int.from_bytes(self._mac(_OPAQUE_ID, parts)[:_ID_SIZE])
        return UUID(int=number & _ID_KEEP | _ID_SET)

    def opaque_ids(self, *parts: bytes | str, blocks: bytes) -> bytes:
        """For each 16-byte id in `blocks` its pseudonym within `parts`, 16 bytes, a UUID of version 8.

        The same id in the same context gives the same pseudonym; across contexts nothing joins them. Many
        ids cost one call: AES under a key of the context permutes them, so that ids that differ give
        pseudonyms that differ but for the six bits a UUID fixes. Raises ValueError for a broken block.
        """
        if len(blocks) % _ID_SIZE:
            raise ValueError("ids are 16 bytes each")
        key = self._mac(_OPAQUE_IDS, parts)[:_ID_SIZE]
        # ECB repeats a block only where an id is repeated, and there it has to.
        encryptor = Cipher(algorithms.AES128(key), modes.ECB()).encryptor()  # noqa: S305
        numbers = int.from_bytes(encryptor.update(blocks))
        keep, fixed = _id_masks(len(blocks) // _ID_SIZE)
        return (numbers & keep | fixed).to_bytes(len(blocks))

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


@lru_cache(maxsize=512)
def _id_masks(count: int) -> tuple[int, int]:
    """`_ID_KEEP` and `_ID_SET`, each `count` times side by side."""
    each = sum(1 << 8 * _ID_SIZE * place for place in range(count))
    return _ID_KEEP * each, _ID_SET * each


def _open(key: AESGCM, sealed: bytes, context: bytes) -> bytes:
    try:
        return key.decrypt(sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], context)
    except (InvalidTag, ValueError) as error:
        raise UnsealFailed(reason="altered or moved") from error
