"""Proofs from what is stored: of entries, of growth, and the entries themselves."""

from functools import partial
from typing import Any

from consent_ledger.ledger import Ledger, Transaction
from consent_ledger.log.checkpointer import Checkpointer
from consent_ledger.log.proof import verify_proof
from consent_ledger.log.reading import CheckedTiles, list_entries, prove_consistency, prove_inclusion
from consent_ledger.log.signing import signing_key
from consent_ledger.log.tree import leaf_hash, verify_consistency
from tests.contract.drafting import run
from tests.contract.signing import leaves, many, signed
from tests.vectors import oracle


def test_every_entry_is_proved_and_no_two_proofs_serve_for_one_another(ledger: Ledger) -> None:
    many(ledger, 30)
    log = Checkpointer(ledger)
    signed(ledger, log)
    assert log.newest is not None
    checkpoint, note, edge = log.newest

    def prove(position: int) -> tuple[bytes, bytes]:
        return run(
            ledger,
            lambda transaction: prove_inclusion(
                transaction, CheckedTiles(transaction, edge, log.cache), checkpoint, note, position
            ),
        )

    key = run(ledger, lambda transaction: signing_key(transaction, ledger.ledger_id)).verifier
    proofs = [prove(position) for position in range(1, 31)]
    for at, (proof, entry) in enumerate(proofs):
        assert verify_proof(proof, entry, key)[0].index == at
        assert leaf_hash(entry) == leaves(ledger)[at]


def test_a_consistency_proof_leads_from_any_size_to_any_other(ledger: Ledger) -> None:
    many(ledger, 600)
    log = Checkpointer(ledger)
    signed(ledger, log)
    assert log.newest is not None
    edge, found = log.newest.edge, leaves(ledger)
    for old, new in ((0, 600), (1, 600), (255, 257), (256, 512), (300, 300), (511, 599)):
        tiles = partial(CheckedTiles, edge=edge, cache=log.cache)

        def prove(transaction: Transaction, old: int = old, new: int = new, at: Any = tiles) -> list[bytes]:
            return prove_consistency(at(transaction), old, new)

        proof = run(ledger, prove)
        verify_consistency(old, new, oracle.root(found[:old]), oracle.root(found[:new]), proof)


def test_entries_are_listed_up_to_the_checkpoint_and_no_further(ledger: Ledger) -> None:
    many(ledger, 300)
    log = Checkpointer(ledger)
    signed(ledger, log)
    assert log.newest is not None
    checkpoint, _, edge = log.newest
    many(ledger, 5)

    def listed(first: int, limit: int) -> list[bytes]:
        return run(
            ledger,
            lambda transaction: list_entries(
                transaction, CheckedTiles(transaction, edge, log.cache), checkpoint.size, first, limit
            ),
        )

    found = leaves(ledger)
    assert list(map(leaf_hash, listed(1, 4096))) == found[:300]
    assert list(map(leaf_hash, listed(299, 1))) == [found[298]]
    assert listed(301, 10) == []
