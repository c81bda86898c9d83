"""Cosigns a ledger's checkpoints for a partner agency: it sees origin, size and root, never content.

`signer` decides what may be signed and keeps what was; `dialling` asks a hub for checkpoints and opens no
port; `serving` lets a log hand them in over HTTP (C2SP tlog-witness); `comparing` finds a log with two faces.
"""
