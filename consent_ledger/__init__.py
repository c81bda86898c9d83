"""The ledger of who may know what: sealed entries at dense positions, and the keys that open them."""
