"""What a hub's administrators sign, and the one-use codes that the first two of them enrol by.

A signature names the ledger, the act, whoever signs, and the whole of what it is about: it holds for nothing
else, and nowhere else. Keys are Ed25519; the hub knows their public halves only.
"""

import base64
import secrets
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY_SIZE = 32
_FORM = "oncetold.org/administration/v1"
_CODE_BYTES = 10
_GROUP = 4


class Act(StrEnum):
    """What an administrator puts a signature to."""

    ENROL = "enrol"
    PROPOSE = "propose"
    APPROVE = "approve"
    WITHDRAW = "withdraw"
    END = "end"


def enrolment(ledger_id: UUID, name: str, public_key: bytes) -> bytes:
    """Signed by whoever enrols, with the key that is enrolled: nobody enrols a key that they do not have."""
    return _statement(Act.ENROL, ledger_id, name, public_key.hex())


def about_proposal(
    act: Act, ledger_id: UUID, name: str, *, proposal_id: UUID, method: str, body: bytes
) -> bytes:
    """Signed to propose, approve or withdraw one request. `body`: the request's bytes."""
    return _statement(act, ledger_id, name, str(proposal_id), method, sha256(body).hexdigest())


def ending(ledger_id: UUID, name: str, ended: str) -> bytes:
    """Signed to end another's part. Names are never given twice, so it holds once."""
    return _statement(Act.END, ledger_id, name, ended)


def _statement(act: Act, ledger_id: UUID, *lines: str) -> bytes:
    """No line holds a newline: names, ids and hexadecimal alone."""
    return "\n".join((_FORM, act, str(ledger_id), *lines, "")).encode()


def is_signed(public_key: bytes, signature: bytes, statement: bytes) -> bool:
    """Whether the key's owner signed exactly this."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, statement)
    except (InvalidSignature, ValueError):
        return False
    return True


def sign(seed: bytes, statement: bytes) -> bytes:
    """The signature, 64 bytes. `seed`: the private key's 32 bytes."""
    return Ed25519PrivateKey.from_private_bytes(seed).sign(statement)


def public_key_of(seed: bytes) -> bytes:
    """The public half, 32 bytes."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def new_code() -> str:
    """A code of 80 random bits, in groups that can be read out: `K7QF-M2XA-…`."""
    written = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode()
    return "-".join(written[at : at + _GROUP] for at in range(0, len(written), _GROUP))


def as_typed(code: str) -> str:
    """The code however it was typed: small letters, spaces and hyphens make no difference."""
    return "".join(sign for sign in code.upper() if sign.isalnum())


def fingerprint(verifier_key: str) -> str:
    """What two people compare of a ledger's public key: SHA-256 of it, in groups of four."""
    written = sha256(verifier_key.encode()).hexdigest()
    return " ".join(written[at : at + _GROUP] for at in range(0, len(written), _GROUP))
