"""The `oncetold` command: what the hub's operator types.

Every command speaks the same contract as everybody else, over the hub's local administration socket, so there
is one way into the ledger. Only the pictures drawn in the terminal are made here.
"""
