"""Who signs the log: the ledger's Ed25519 key, under the log's origin."""

from uuid import UUID

from consent_ledger.log.note import KeyType, SigningKey
from consent_ledger.transaction import Transaction

KEY_NAME = "log-signing-key"
ORIGIN_STATE = "origin"
"""Where another origin than a new ledger's is kept, UTF-8: a restored ledger goes on under one of its own."""


VKEY_STATE = "vkey"
"""The public key that the newest checkpoint is signed by, as text, so that an export needs no secret."""


def first_origin(ledger_id: UUID) -> str:
    """The origin of a ledger that was never restored."""
    return f"oncetold.org/ledger/{ledger_id}"


def origin_number(origin: str, ledger_id: UUID) -> int | None:
    """1 for a ledger's first origin, then 2, 3 and so on; None for what is no origin of this ledger."""
    name, _, number = origin.removeprefix(first_origin(ledger_id)).partition("/")
    if not origin.startswith(first_origin(ledger_id)) or name:
        return None
    if origin == first_origin(ledger_id):
        return 1
    return int(number) if number.isascii() and number.isdigit() and number[0] != "0" else None


def numbered_origin(number: int, ledger_id: UUID) -> str:
    """The origin of that number."""
    return first_origin(ledger_id) if number == 1 else f"{first_origin(ledger_id)}/{number}"


def signing_key(transaction: Transaction, ledger_id: UUID) -> SigningKey:
    """The key under the origin in force; made by the first command that asks, kept once that is durable."""
    origin = transaction.state(ORIGIN_STATE)
    name = first_origin(ledger_id) if origin is None else origin.decode()
    return SigningKey(name, KeyType.ED25519, transaction.vault.named_key(KEY_NAME))
