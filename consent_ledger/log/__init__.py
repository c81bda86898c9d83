"""The ledger as a transparency log: what outsiders check it by, in C2SP's formats (`../SPEC.md`)."""
