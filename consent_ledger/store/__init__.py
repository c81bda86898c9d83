"""Where the ledger's rows live: one port, one backend for each kind of database."""
