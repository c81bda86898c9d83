"""The adapter kit: everything an adapter needs except knowledge of one agency's system.

Publishing: `source`, `publisher`, `published`, `quarantine`, `mapping`. Receiving: `sink`, `runner`,
`receipts`. Both: `client`, `transport`, `config`. It imports the contract (`oncetold`), never the hub.
"""
