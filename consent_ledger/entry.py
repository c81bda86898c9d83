"""What is appended and read, and the bytes of it that are published. `SPEC.md` has them byte for byte.

A *draft* becomes an *entry* at a position. Its *parts* are sealed one by one, each under the key of whom
and what it is about. Published are only the 50 bytes of `entry_bytes`: two classes, one size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

ENTRY_VERSION = 1
ENTRY_SIZE = 50
BODY_HASH_DOMAIN = b"oncetold.org/body/v1\n"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class EntryClass(IntEnum):
    """All that an outsider learns of an entry's kind."""

    ADMINISTRATION = 0
    CLIENT = 1


class KeyOwner(NamedTuple):
    """Whose key seals: one agency's registration of a person and a category of content.

    `registration_id` is None for the hub's own administration. `category` is the value of a `DataCategory`
    or `KeyCategory`.
    """

    registration_id: UUID | None
    category: str


class _PartFields(NamedTuple):
    schema: str
    payload: bytes
    owners: tuple[KeyOwner, ...]
    fragment_key: bool = False


class Part(_PartFields):
    """One separately sealed piece of an entry.

    `schema` says what `payload` is. With `fragment_key` the part gets a key of its own, wrapped under
    the key of each owner, so that any one of them opens it; without, it has exactly one owner.
    Parts that were read have no owners.
    """

    __slots__ = ()

    def __new__(
        cls, schema: str, payload: bytes, owners: tuple[KeyOwner, ...], fragment_key: bool = False
    ) -> "Part":
        if not fragment_key and len(owners) > 1:
            raise ValueError("a part with several owners needs a fragment key")
        return super().__new__(cls, schema, payload, owners, fragment_key)


def read_part(schema: str, payload: bytes) -> Part:
    """A part as it was read: without owners, so that there is nothing to check."""
    return tuple.__new__(Part, (schema, payload, (), False))


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


class Entry(NamedTuple):
    """An appended entry, opened. `position` counts from 1, without gaps, in order of commit.

    Made by the hundred thousand when a ledger is read again: a tuple, whose id and time become objects
    only for whoever asks.
    """

    position: int
    entry_class: EntryClass
    stream: bytes
    """The stream's id, 16 bytes."""
    version: int
    parts: tuple[Part, ...]
    changes_policy: bool
    recorded: int
    """Microseconds since 1970-01-01T00:00:00Z."""

    @property
    def stream_id(self) -> UUID:
        return UUID(bytes=self.stream)

    @property
    def recorded_at(self) -> datetime:
        """The hub's time when it was appended, never before that of the entry ahead of it."""
        return moment(self.recorded)


class SealedPart(NamedTuple):
    """A part as stored: `commit` pins the plaintext, the hash of `sealed` the ciphertext."""

    key_id: bytes
    commit: bytes
    sealed: bytes


@lru_cache(maxsize=1024)
def moment(microseconds: int) -> datetime:
    """The instant so many microseconds after 1970-01-01T00:00:00Z."""
    return _EPOCH + timedelta(microseconds=microseconds)


def microseconds(instant: datetime) -> int:
    """The reverse of `moment`."""
    return (instant - _EPOCH) // _MICROSECOND


def body_hash(parts: Sequence[tuple[bytes, bytes, bytes]], padding: bytes) -> bytes:
    """SHA-256 over every part's key id, commitment and ciphertext hash, then the padding's hash.

    It covers every stored bit, so that storage can be checked by somebody who holds no key.
    """
    hashed = [BODY_HASH_DOMAIN]
    for key_id, commit, sealed in parts:
        hashed += (key_id, commit, sha256(sealed).digest())
    hashed.append(sha256(padding).digest())
    return sha256(b"".join(hashed)).digest()


def entry_bytes(entry_class: int, entry_id: bytes, body: bytes) -> bytes:
    """The published entry: version, class, random id, body hash. Always `ENTRY_SIZE` bytes."""
    return bytes((ENTRY_VERSION, entry_class)) + entry_id + body


def leaf_hash(entry: bytes) -> bytes:
    """RFC 6962 leaf hash: SHA-256(0x00 ‖ entry)."""
    return sha256(b"\x00" + entry).digest()
