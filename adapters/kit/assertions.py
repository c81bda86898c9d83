"""An agency's signed word for who of its staff makes a call: for calls that a person makes.

The key is the agency's own and stays with it: the hub knows its public part alone. An assertion is good for
one call within a few minutes, so one is signed for each attempt.
"""

import base64
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message import Message

from adapters.kit.errors import ConfigInvalid

METADATA = "oncetold-assertion"
LASTS = timedelta(minutes=4)
"""A little less than the 5 minutes that the hub allows."""


@dataclass(frozen=True, slots=True)
class Who:
    """Whoever makes the call: the agency's own pseudonym, in which role and for which purpose, both as the
    contract's names without their prefixes (`KEYWORKER`, `DIRECT_SUPPORT`)."""

    staff_reference: str
    role: str
    purpose: str = "DIRECT_SUPPORT"


class Signer:
    """Signs for the staff of one agency, as its certificate makes the call."""

    def __init__(
        self,
        key: Ed25519PrivateKey,
        *,
        key_id: str,
        agency_id: str,
        ledger_id: UUID,
        certificate_pem: bytes,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: Callable[[], UUID] = uuid4,
    ) -> None:
        """`certificate_pem` is the certificate that the calls are made with; `ledger_id` the hub's."""
        self._key = key
        self._header = {"typ": "oncetold-staff+jwt", "kid": key_id}
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        der = certificate.public_bytes(serialization.Encoding.DER)
        self._fixed = {
            "iss": agency_id,
            "aud": f"urn:oncetold:{ledger_id}",
            "cnf": {"x5t#S256": encoded(hashlib.sha256(der).digest())},
        }
        self._now = now
        self._new_id = new_id

    def metadata(self, who: Who, request: Message) -> tuple[tuple[str, str], ...]:
        """The metadata to send with this request, once."""
        return ((METADATA, self.assertion(who, request)),)

    def assertion(self, who: Who, request: Message) -> str:
        """One assertion for one call of this request."""
        issued = int(self._now().timestamp())
        claims = self._fixed | {
            "sub": who.staff_reference,
            "role": who.role,
            "purpose": who.purpose,
            "iat": issued,
            "exp": issued + int(LASTS.total_seconds()),
            "jti": str(self._new_id()),
            "req": encoded(hashlib.sha256(request.SerializeToString()).digest()),
        }
        reference = getattr(request, "client_reference", "")
        if reference:
            claims["client"] = reference
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers=self._header)


def encoded(raw: bytes) -> str:
    """base64url without padding, as in RFC 7515."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def create_key(path: Path) -> bytes:
    """Makes a signing key that only its owner can read; returns its public part, 32 bytes.

    Raises FileExistsError: a key is never overwritten.
    """
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    return public_part(key)


def open_key(path: Path) -> Ed25519PrivateKey:
    """Reads a signing key. Raises ConfigInvalid for one that is none, or that others may read."""
    try:
        pem = path.read_bytes()
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        raise ConfigInvalid([f"The staff key {path.name} cannot be read."]) from None
    if mode & 0o077:
        raise ConfigInvalid([f"Others on this computer may use the staff key: chmod 600 {path.name}."])
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigInvalid([f"{path.name} is not an unencrypted Ed25519 key in PEM form."])
    return key


def public_part(key: Ed25519PrivateKey) -> bytes:
    """What the hub is told of it, 32 bytes."""
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
