"""Who signs the log: the ledger's Ed25519 key, under the log's origin."""

from uuid import UUID

from consent_ledger.log.note import KeyType, SigningKey
from consent_ledger.transaction import Transaction

KEY_NAME = "log-signing-key"
ORIGIN_STATE = "origin"
"""Where another origin than a new ledger's is kept, UTF-8: a restored ledger goes on under one of its own."""


def first_origin(ledger_id: UUID) -> str:
    """The origin of a ledger that was never restored."""
    return f"oncetold.org/ledger/{ledger_id}"


def signing_key(transaction: Transaction, ledger_id: UUID) -> SigningKey:
    """The key under the origin in force; made by the first command that asks, kept once that is durable."""
    origin = transaction.state(ORIGIN_STATE)
    name = first_origin(ledger_id) if origin is None else origin.decode()
    return SigningKey(name, KeyType.ED25519, transaction.vault.named_key(KEY_NAME))
