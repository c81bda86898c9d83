"""Signed notes (C2SP signed-note v1.0.0): a text, and lines that sign it. Also witnesses' timestamped lines.

Lines of unknown keys are ignored; a line of a known key that does not verify refuses the whole note.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from consent_ledger.errors import ProofRefused

MOST_SIGNATURES = 64
MOST_BYTES = 64 * 1024
_DASH = "— "
_SECRET = "PRIVATE+KEY+"  # noqa: S105 - how every such key begins
_KEY_SIZE = 32
_SIGNATURE_SIZE = 64
_ID_SIZE = 4
_TIME_SIZE = 8
_LATEST = 2**63 - 1


class KeyType(IntEnum):
    """What a key signs: a note's text, or that a witness saw a checkpoint at a time (tlog-cosignature v1)."""

    ED25519 = 1
    COSIGNATURE = 4


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """Somebody's public key with the name it signs under. Its text form is C2SP's *vkey*."""

    name: str
    kind: KeyType
    public: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.name):
            raise ProofRefused("key name")
        if len(self.public) != _KEY_SIZE:
            raise ProofRefused("key size")

    @property
    def key_id(self) -> bytes:
        """Four bytes that, with the name, say which key a signature line is of."""
        return sha256(f"{self.name}\n".encode() + bytes((self.kind,)) + self.public).digest()[:_ID_SIZE]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{encode64(bytes((self.kind,)) + self.public)}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Raises `ProofRefused` for what is no vkey, or one whose id is another key's."""
        parts = text.split("+", 2)
        if len(parts) != 3:
            raise ProofRefused("vkey")
        kind, public = _typed(parts[2])
        key = cls(parts[0], kind, public)
        if parts[1] != key.key_id.hex():
            raise ProofRefused("key id")
        return key


class Line(NamedTuple):
    """One signature line: who says to have signed, and what follows the key id."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {encode64(self.key_id + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its name; its text form is the *skey* of Go's note package."""

    name: str
    kind: KeyType
    seed: bytes

    @property
    def verifier(self) -> VerifierKey:
        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()
        return VerifierKey(self.name, self.kind, public)

    def sign(self, text: str, *, time: int = 0) -> Line:
        """`time` (seconds since 1970) is signed with a cosignature."""
        key, verifier = Ed25519PrivateKey.from_private_bytes(self.seed), self.verifier
        if self.kind is KeyType.COSIGNATURE:
            signature = time.to_bytes(_TIME_SIZE) + key.sign(_cosigned(text, time))
        else:
            signature = key.sign(text.encode())
        return Line(self.name, verifier.key_id, signature)

    def secret_text(self) -> str:
        """To be kept as the key itself."""
        typed = encode64(bytes((self.kind,)) + self.seed)
        return f"{_SECRET}{self.name}+{self.verifier.key_id.hex()}+{typed}"

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """Raises `ProofRefused`, which quotes nothing of it."""
        parts = text.removeprefix(_SECRET).split("+", 2)
        if not text.startswith(_SECRET) or len(parts) != 3:
            raise ProofRefused("skey")
        key = cls(parts[0], *_typed(parts[2]))
        if parts[1] != key.verifier.key_id.hex():
            raise ProofRefused("key id")
        return key

    def __repr__(self) -> str:
        return f"SigningKey({self.name!r})"


class Signed(NamedTuple):
    """A key's line that verified. `time`: of a cosignature, seconds since 1970; else 0."""

    key: VerifierKey
    time: int


class Note(NamedTuple):
    """A note taken apart; nothing of it is trusted until `verified`."""

    text: str
    lines: tuple[Line, ...]

    def __bytes__(self) -> bytes:
        return (self.text + "\n" + "".join(map(str, self.lines))).encode()

    @classmethod
    def parse(cls, data: bytes) -> "Note":
        """Raises `ProofRefused` for what is no note."""
        if len(data) > MOST_BYTES:
            raise ProofRefused("note too long")
        try:
            whole = data.decode()
        except UnicodeDecodeError:
            raise ProofRefused("not UTF-8") from None
        if any(sign < " " and sign != "\n" for sign in whole):
            raise ProofRefused("control character")
        text, blank, lines = whole.rpartition("\n\n")
        if not blank or not lines.endswith("\n"):
            raise ProofRefused("no signature lines")
        signatures = lines[:-1].split("\n")
        if len(signatures) > MOST_SIGNATURES:
            raise ProofRefused("too many signatures")
        return cls(text + "\n", tuple(map(parse_line, signatures)))

    def verified(self, keys: Sequence[VerifierKey]) -> list[Signed]:
        """Which of these keys signed, each once, in the lines' order.

        Raises `ProofRefused` if the line of one of them does not verify, or none signed.
        """
        known = {(key.name, key.key_id): key for key in keys}
        found: dict[VerifierKey, Signed] = {}
        for line in self.lines:
            key = known.get((line.name, line.key_id))
            if key is not None and key not in found:
                found[key] = Signed(key, _verify(key, line, self.text))
        if not found:
            raise ProofRefused("no known key signed")
        return list(found.values())


def parse_line(text: str) -> Line:
    """A signature line without its newline. Raises `ProofRefused`."""
    name, space, signature = text.removeprefix(_DASH).partition(" ")
    if not text.startswith(_DASH) or not space or not is_key_name(name):
        raise ProofRefused("signature line")
    decoded = decode64(signature)
    if len(decoded) <= _ID_SIZE:
        raise ProofRefused("signature line")
    return Line(name, decoded[:_ID_SIZE], decoded[_ID_SIZE:])


def is_key_name(name: str) -> bool:
    """Not empty, no spaces of any kind, no plus, no control characters."""
    return bool(name) and not any(sign.isspace() or sign == "+" or sign < " " for sign in name)


def encode64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def decode64(text: str) -> bytes:
    """Raises `ProofRefused` for whatever is not exactly how base64 writes some bytes."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ProofRefused("base64") from None
    if encode64(decoded) != text:
        raise ProofRefused("base64")
    return decoded


def _typed(text: str) -> tuple[KeyType, bytes]:
    decoded = decode64(text)
    try:
        kind = KeyType(decoded[0])
    except (ValueError, IndexError):
        raise ProofRefused("key type") from None
    if len(decoded) != 1 + _KEY_SIZE:
        raise ProofRefused("key size")
    return kind, decoded[1:]


def _verify(key: VerifierKey, line: Line, text: str) -> int:
    time, signature, message = 0, line.signature, text.encode()
    if key.kind is KeyType.COSIGNATURE:
        time, signature = int.from_bytes(signature[:_TIME_SIZE]), signature[_TIME_SIZE:]
        message = _cosigned(text, time)
    if len(signature) != _SIGNATURE_SIZE or time > _LATEST:
        raise ProofRefused("signature")
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise ProofRefused("signature") from None
    return time


def _cosigned(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()
