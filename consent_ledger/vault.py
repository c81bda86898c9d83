"""Seals and opens: parts of entries, and the cells that projections keep about people.

AES-256-GCM with random nonces; the associated data binds a ciphertext to its one place, so that a row moved
elsewhere does not open. Labels stand in for what must be found again but never be read.
"""

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hmac import compare_digest
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent_ledger.entry import KeyOwner, Part, SealedPart, read_part
from consent_ledger.errors import KeyErased, UnsealFailed
from consent_ledger.keys import NONCE_SIZE, Entropy, KeyRing
from consent_ledger.mac import KeyedMac, mac

SALT_SIZE = 32
_CELL = b"oncetold.org/cell/v1\n"
_PART = b"oncetold.org/part/v1\n"
_LABEL, _OWNER, _OPAQUE_ID, _OPAQUE_IDS = b"\x01", b"\x02", b"\x03", b"\x04"
_ID_SIZE = 16
_ID_KEEP = int.from_bytes(b"\xff" * 6 + b"\x0f\xff\x3f" + b"\xff" * 7)
_ID_SET = int.from_bytes(bytes(6) + b"\x80\x00\x80" + bytes(7))
"""The version (8) and variant bits of a UUID: kept of what is random, and set over it."""
_HEADER_SIZE = 9
_SCHEMA_AT = _HEADER_SIZE + 2
_as_read = tuple.__new__
"""Makes a part as it was read: without owners, so that there is nothing to check."""
_CHANGES_POLICY = 1
_OWNERS_KEPT = 65_536
"""Labels of owners kept in memory: about 400 bytes each."""

_PADDING_PIECE = 4096

ERASED_PART = read_part("erased", b"")
"""What a part reads as once its key was destroyed."""

StoredPart = tuple[bytes, bytes, bytes]
"""A `SealedPart` as it was read: key id, commitment, sealed."""

Opened = tuple[tuple[Part, ...], bool, int]
"""An entry's parts, whether it changes decisions, and when it was recorded (microseconds since 1970)."""


class Vault:
    """Sealing belongs to the writer thread; labels and opaque ids may be made anywhere."""

    def __init__(self, keys: KeyRing, entropy: Entropy = os.urandom) -> None:
        self._keys = keys
        self._entropy = entropy
        self._keyed = KeyedMac(keys.index_key())
        self.owner_label = lru_cache(_OWNERS_KEPT)(self._new_owner_label)
        """Under which an owner's key stands in the key table."""
        self._cell_names: dict[str, str] = {}

    def cells_of(self, projection: str) -> str:
        """What a projection's cells are stored under, so that counting them tells of nobody's choices."""
        name = self._cell_names.get(projection)
        if name is None:
            name = self._cell_names[projection] = self._mac(_LABEL, ("cells", projection))[:16].hex()
        return name

    def named_key(self, name: str) -> bytes:
        """The 32 bytes of one of the ledger's own keys, such as the one that signs its log.

        Made in the command that first asks, and kept with what that command appends, or not at all.
        """
        return self._keys.named_key(name)

    def category_key_id(self, owner: KeyOwner) -> bytes | None:
        """The id of an owner's present key; None while there is none, or no more."""
        return self._keys.id_of(self.owner_label(owner))

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
        label = self.owner_label(owner)
        nonce = self._entropy(NONCE_SIZE)
        key = self._keys.category_key(label)[1]
        return nonce + key.encrypt(nonce, plaintext, _CELL + label + context)

    def open_cell(self, owner: KeyOwner, context: bytes, sealed: bytes) -> bytes:
        """Raises `UnsealFailed` if it was sealed for another owner or context, or altered."""
        label = self.owner_label(owner)
        return _open(self._keys.existing_category_key(label), sealed, _CELL + label + context)

    def open_cells(self, owner: KeyOwner, sealed: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """Opens many cells of one owner, each given as (context, sealed). Raises as `open_cell`."""
        label = self.owner_label(owner)
        key = self._keys.existing_category_key(label)
        place = _CELL + label
        return [_open(key, value, place + context) for context, value in sealed]

    def seal_part(self, part: Part, position: int, place: bytes, header: bytes) -> SealedPart:
        """Seals one part of the entry at `position` under its owners' keys, beside `part_header`'s bytes.

        `place` names where the part stands.
        """
        schema, payload, owners, fragment_key = part
        if fragment_key:
            key_id, key = self._keys.fragment_key(list(map(self.owner_label, owners)), position)
        else:
            key_id, key = self._keys.category_key(self.owner_label(owners[0]))
        name = schema.encode()
        plaintext = header + len(name).to_bytes(2) + name + payload
        salt, nonce = self._entropy(SALT_SIZE), self._entropy(NONCE_SIZE)
        sealed = nonce + key.encrypt(nonce, salt + plaintext, _PART + place + key_id)
        return SealedPart(key_id, mac(salt, plaintext), sealed)

    def _new_owner_label(self, owner: KeyOwner) -> bytes:
        registration = owner.registration_id.bytes if owner.registration_id else b""
        return self._mac(_OWNER, (registration, owner.category))

    def _mac(self, kind: bytes, parts: tuple[bytes | str, ...]) -> bytes:
        framed = [kind]
        for part in parts:
            encoded = part.encode() if isinstance(part, str) else part
            framed += (len(encoded).to_bytes(4), encoded)
        return self._keyed(b"".join(framed))


def part_header(recorded: int, changes_policy: bool) -> bytes:
    """What every part of an entry says of it, sealed. `recorded`: microseconds since 1970."""
    return recorded.to_bytes(8) + (b"\x01" if changes_policy else b"\x00")


def open_parts(parts: Sequence[StoredPart], keys: Mapping[bytes, AESGCM], place: bytes) -> Opened:
    """Opens all parts of the entry that stands at `place`. Raises `UnsealFailed`.

    A part whose key was destroyed is `ERASED_PART`. Of an entry of such parts alone nothing more is known:
    it changes no decision, and was recorded at 0.
    """
    count, place = len(parts).to_bytes(2), _PART + place
    found: list[Part] = []
    entry: bytes | None = None
    for index, (key_id, commit, sealed) in enumerate(parts):
        context = place + index.to_bytes(2) + count + key_id
        try:
            opened = keys[key_id].decrypt(sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], context)
        except KeyErased:
            found.append(ERASED_PART)
            continue
        except (InvalidTag, ValueError) as error:
            raise UnsealFailed(reason="altered or moved") from error
        plaintext = opened[SALT_SIZE:]
        # GCM alone does not bind a ciphertext to one key.
        if not compare_digest(mac(opened[:SALT_SIZE], plaintext), commit):
            raise UnsealFailed(reason="commitment")
        if entry is None:
            entry = plaintext[:_HEADER_SIZE]
        elif plaintext[:_HEADER_SIZE] != entry:
            raise UnsealFailed(reason="parts disagree")
        end = _SCHEMA_AT + int.from_bytes(plaintext[_HEADER_SIZE:_SCHEMA_AT])
        found.append(_as_read(Part, (plaintext[_SCHEMA_AT:end].decode(), plaintext[end:], (), False)))
    if entry is None:
        if not found:
            raise UnsealFailed(reason="no parts")
        entry = bytes(_HEADER_SIZE)
    return tuple(found), bool(entry[-1] & _CHANGES_POLICY), int.from_bytes(entry[:-1])


@lru_cache(maxsize=512)
def _id_masks(count: int) -> tuple[int, int]:
    """`_ID_KEEP` and `_ID_SET`, each `count` times side by side."""
    each = sum(1 << 8 * _ID_SIZE * place for place in range(count))
    return _ID_KEEP * each, _ID_SET * each


def padding_source() -> Entropy:
    """Bytes that look random, faster than the system gives them: AES-CTR under a key nobody keeps.

    For padding alone. Keys, nonces and salts come from the system.
    """
    stream = Cipher(algorithms.AES128(os.urandom(16)), modes.CTR(os.urandom(16))).encryptor()
    zeros = bytes(_PADDING_PIECE)

    def padding(size: int) -> bytes:
        if size <= _PADDING_PIECE:
            return stream.update(zeros[:size])
        return stream.update(bytes(size))

    return padding


def _open(key: AESGCM, sealed: bytes, context: bytes) -> bytes:
    try:
        return key.decrypt(sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], context)
    except (InvalidTag, ValueError) as error:
        raise UnsealFailed(reason="altered or moved") from error
