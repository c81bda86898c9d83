"""Read models folded from the ledger: each can be dropped and rebuilt to the same content (I14)."""
