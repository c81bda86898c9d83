"""What the hub does, one verb a file. Each runs in one ledger transaction and answers once it is durable."""
