"""Shorthand for a ledger's log."""

import asyncio

from consent_ledger.ledger import Ledger
from consent_ledger.log.checkpoint import Checkpoint, open_checkpoint
from consent_ledger.log.checkpointer import Checkpointer
from consent_ledger.log.signing import signing_key
from tests.contract.drafting import append, draft, run


def leaves(ledger: Ledger) -> list[bytes]:
    return run(ledger, lambda transaction: transaction.leaf_hashes(0, transaction.size))


def many(ledger: Ledger, count: int) -> None:
    for start in range(0, count, 500):
        append(ledger, *[draft() for _ in range(min(500, count - start))])


def signed(ledger: Ledger, log: Checkpointer | None = None) -> Checkpoint:
    """Has a log catch up once; its signature is checked by the ledger's public key."""
    log = log or Checkpointer(ledger)
    note = asyncio.run(log.catch_up()).note
    key = run(ledger, lambda transaction: signing_key(transaction, ledger.ledger_id)).verifier
    return open_checkpoint(note, key).checkpoint
