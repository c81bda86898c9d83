"""What is appended and read, and the bytes of it that are published. `SPEC.md` has them byte for byte.

A *draft* becomes an *entry* at a position. Its *parts* are sealed one by one, each under the key of whom
and what it is about. Published are only the 50 bytes of `entry_bytes`: two classes, one size.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from uuid import UUID

ENTRY_VERSION = 1
ENTRY_SIZE = 50
BODY_HASH_DOMAIN = b"oncetold.org/body/v1\n"


class EntryClass(IntEnum):
    """All that an outsider learns of an entry's kind."""

    ADMINISTRATION = 0
    CLIENT = 1


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """Whose key seals: one agency's registration of a person and a category of content.

    `registration_id` is None for the hub's own administration. `category` is the value of a `DataCategory`
    or `KeyCategory`.
    """

    registration_id: UUID | None
    category: str


@dataclass(frozen=True, slots=True)
class Part:
    """One separately sealed piece of an entry.

    `schema` says what `payload` is. With `fragment_key` the part gets a key of its own, wrapped under
    the key of each owner, so that any one of them opens it; without, it has exactly one owner.
    Parts that were read have no owners.
    """

    schema: str
    payload: bytes
    owners: tuple[KeyOwner, ...]
    fragment_key: bool = False

    def __post_init__(self) -> None:
        if not self.fragment_key and len(self.owners) > 1:
            raise ValueError("a part with several owners needs a fragment key")


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be appended as one entry: number `version` (from 1) of the stream `stream_id`.

    `changes_policy` marks entries that can change a decision: none taken before one is appended after it.
    """

    entry_class: EntryClass
    stream_id: UUID
    version: int
    parts: tuple[Part, ...]
    changes_policy: bool

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("an entry has at least one part")
        if any(not part.owners for part in self.parts):
            raise ValueError("every part of a draft has an owner")


@dataclass(frozen=True, slots=True)
class Entry:
    """An appended entry, opened. `position` counts from 1, without gaps, in order of commit.

    `recorded_at` is the hub's time when it was appended, never before that of the entry ahead of it.
    """

    position: int
    entry_class: EntryClass
    stream_id: UUID
    version: int
    parts: tuple[Part, ...]
    changes_policy: bool
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class SealedPart:
    """A part as stored: `commit` pins the plaintext, the hash of `sealed` the ciphertext."""

    key_id: bytes
    commit: bytes
    sealed: bytes


def body_hash(parts: tuple[SealedPart, ...], padding: bytes) -> bytes:
    """SHA-256 over every part's key id, commitment and ciphertext hash, then the padding's hash.

    It covers every stored bit, so that storage can be checked by somebody who holds no key.
    """
    digest = hashlib.sha256(BODY_HASH_DOMAIN)
    for part in parts:
        digest.update(part.key_id + part.commit + hashlib.sha256(part.sealed).digest())
    digest.update(hashlib.sha256(padding).digest())
    return digest.digest()


def entry_bytes(entry_class: int, entry_id: bytes, body: bytes) -> bytes:
    """The published entry: version, class, random id, body hash. Always `ENTRY_SIZE` bytes."""
    return bytes((ENTRY_VERSION, entry_class)) + entry_id + body


def leaf_hash(entry: bytes) -> bytes:
    """RFC 6962 leaf hash: SHA-256(0x00 ‖ entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()
