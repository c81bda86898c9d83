"""The adapter kit: everything an adapter needs except knowledge of one agency's system.

Publishing: `source`, `publisher`, `published`, `quarantine`, `mapping`. Receiving: `sink`, `runner`,
`receipts`. Both: `client`, `transport`, `config`. The ledger, checked from outside: `notes`, `proofs`,
`evidence`, `log_watcher`. It imports the contract (`oncetold`), never the hub.
"""
