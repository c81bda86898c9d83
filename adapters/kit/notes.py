"""Signed notes and cosignatures, checked the way the specifications say (C2SP signed-note, tlog-cosignature).

Written from those texts alone, apart from the ledger's own code: what the hub's defects let through, this one
must not. Both are held to the same `tests/vectors`.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from adapters.kit.errors import ProofRefused

ED25519 = 0x01
COSIGNATURE = 0x04
"""Signature types. Others are unknown here, and their lines are ignored."""

MOST_BYTES = 64 * 1024
MOST_SIGNATURES = 64
LATEST_TIME = 2**63 - 1
_DASH = "\u2014 "
_NAME = re.compile(r"[^\s+]{1,200}")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f]")


def unbase64(text: str) -> bytes:
    """Standard base64, written the one way in which it can be. Raises ValueError for any other text."""
    if _BASE64.fullmatch(text) is None:
        raise ValueError("no base64")
    try:
        found = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error
    if base64.b64encode(found).decode() != text:
        raise ValueError("base64 with stray bits")
    return found


def _key_id(name: str, kind: int, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """Whose signatures are believed: a log's (`ED25519`) or a witness's (`COSIGNATURE`)."""

    name: str
    kind: int
    public: bytes
    """32 bytes."""

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell this key's lines from others'; no proof of anything."""
        return _key_id(self.name, self.kind, self.public)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `<name>+<key id>+<base64>`; the id must fit. Raises ProofRefused `VERIFIER_KEY`."""
        parts = text.split("+", 2)
        try:
            name, key_id, encoded = parts
            material = unbase64(encoded)
            key = cls(name, material[0], material[1:])
        except (ValueError, IndexError):
            raise ProofRefused("VERIFIER_KEY") from None
        usable = key.kind in (ED25519, COSIGNATURE) and len(key.public) == 32
        if not usable or _NAME.fullmatch(name) is None or key.key_id.hex() != key_id:
            raise ProofRefused("VERIFIER_KEY")
        return key

    def __str__(self) -> str:
        encoded = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    def verifies(self, text: bytes, signature: bytes) -> int | None:
        """The time at which a cosigner signed (seconds since 1970), 0 for a log's signature; None for a bad
        one."""
        signed_at = 0
        if self.kind == COSIGNATURE:
            if len(signature) != 72:
                return None
            signed_at, signature = int.from_bytes(signature[:8]), signature[8:]
            if signed_at > LATEST_TIME:
                return None
            text = cosigned_text(text, signed_at)
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except (InvalidSignature, ValueError):
            return None
        return signed_at


def cosigned_text(text: bytes, signed_at: int) -> bytes:
    """What a cosigner signs: two lines of its own, then the whole text of the note."""
    return b"cosignature/v1\ntime %d\n" % signed_at + text


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One signature of a note, believed by nobody yet."""

    name: str
    key_id: bytes
    signature: bytes

    @classmethod
    def parse(cls, line: str) -> Self:
        """Reads a line without its newline. Raises ProofRefused `NOTE_FORMAT`."""
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        try:
            content = unbase64(encoded)
        except ValueError:
            raise ProofRefused("NOTE_FORMAT") from None
        if not line.startswith(_DASH) or _NAME.fullmatch(name) is None or len(content) < 5:
            raise ProofRefused("NOTE_FORMAT")
        return cls(name, content[:4], content[4:])

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}"

    def is_of(self, key: VerifierKey) -> bool:
        """Whether the line claims to be this key's: by name and id together."""
        return (self.name, self.key_id) == (key.name, key.key_id)


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A note as it was received: its text with the last newline, and its signature lines."""

    text: bytes
    signatures: tuple[SignatureLine, ...]

    @classmethod
    def parse(cls, note: bytes) -> Self:
        """Takes a note apart. Raises ProofRefused `NOTE_FORMAT`; checks no signature."""
        try:
            whole = note.decode("utf-8")
        except UnicodeDecodeError:
            raise ProofRefused("NOTE_FORMAT") from None
        # The last empty line is what separates; the text itself may hold empty lines.
        text, found, lines = whole.rpartition("\n\n")
        if not found or not lines.endswith("\n") or len(note) > MOST_BYTES:
            raise ProofRefused("NOTE_FORMAT")
        if _CONTROLS.search(whole) is not None:
            raise ProofRefused("NOTE_FORMAT")
        signatures = tuple(SignatureLine.parse(line) for line in lines[:-1].split("\n"))
        if len(signatures) > MOST_SIGNATURES:
            raise ProofRefused("NOTE_FORMAT")
        return cls(f"{text}\n".encode(), signatures)

    def __bytes__(self) -> bytes:
        return self.text + b"\n" + "".join(f"{line}\n" for line in self.signatures).encode()

    def signed_by(self, key: VerifierKey) -> int | None:
        """When the key signed (0 for a log's), None if it did not. Raises ProofRefused `SIGNATURE` if a line
        that claims to be the key's does not verify: one bad line spoils the note."""
        times = [key.verifies(self.text, line.signature) for line in self.signatures if line.is_of(key)]
        if None in times:
            raise ProofRefused("SIGNATURE")
        return max((time for time in times if time is not None), default=None)

    def cosigners(self, keys: Iterable[VerifierKey]) -> dict[VerifierKey, int]:
        """Those of the keys that signed, and when. A key counts once, however many lines it has and whatever
        name it goes by. Raises ProofRefused `SIGNATURE`."""
        found: dict[VerifierKey, int] = {}
        seen: set[bytes] = set()
        for key in keys:
            signed_at = self.signed_by(key)
            if signed_at is not None and key.public not in seen:
                seen.add(key.public)
                found[key] = signed_at
        return found


class CosignerKey:
    """A witness's own key. It signs what it is given: what may be signed, `adapters.witness` decides."""

    _PREFIX = "PRIVATE+KEY+"

    def __init__(self, name: str, seed: bytes) -> None:
        """`seed`: 32 bytes. Raises ProofRefused `VERIFIER_KEY` for a name that notes do not allow."""
        if _NAME.fullmatch(name) is None or len(seed) != 32:
            raise ProofRefused("VERIFIER_KEY")
        self._seed = seed
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = VerifierKey(name, COSIGNATURE, self._private.public_key().public_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `PRIVATE+KEY+<name>+<key id>+<base64>`. Raises ProofRefused `VERIFIER_KEY`."""
        try:
            name, key_id, encoded = text.removeprefix(cls._PREFIX).split("+", 2)
            material = unbase64(encoded)
        except ValueError:
            raise ProofRefused("VERIFIER_KEY") from None
        if not text.startswith(cls._PREFIX) or material[:1] != bytes([COSIGNATURE]):
            raise ProofRefused("VERIFIER_KEY")
        key = cls(name, material[1:])
        if key.public.key_id.hex() != key_id:
            raise ProofRefused("VERIFIER_KEY")
        return key

    def secret_text(self) -> str:
        """The key as it is kept in its file."""
        encoded = base64.b64encode(bytes([COSIGNATURE]) + self._seed).decode()
        return f"{self._PREFIX}{self.public.name}+{self.public.key_id.hex()}+{encoded}"

    def __repr__(self) -> str:
        return f"CosignerKey({self.public})"

    def cosign(self, text: bytes, signed_at: int) -> SignatureLine:
        """The cosignature (version 1) of a note's text at a time, in seconds since 1970."""
        if not 0 < signed_at <= LATEST_TIME:
            raise ValueError("no time that a cosignature can state")
        signature = self._private.sign(cosigned_text(text, signed_at))
        return SignatureLine(self.public.name, self.public.key_id, signed_at.to_bytes(8) + signature)
