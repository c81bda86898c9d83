"""Appends to a ledger on a disk that fails now and then, and checks each time what the ledger promised.

Usage: python -m tests.faults.failing_writer FOLDER SEED OPERATIONS, with `disk.c` loaded before it.
"""

import errno
import json
import random
import sys
from collections import Counter
from pathlib import Path

from consent_ledger.errors import StorageError, StorageFailed
from consent_ledger.ledger import Ledger, Transaction, create_ledger, open_ledger
from tests.clock import ManualClock
from tests.contract.drafting import draft, run
from tests.faults.disk import SYNCS, WRITES, Disk


def appended(ledger: Ledger, payload: bytes) -> int:
    """Appends one entry and writes a cell with it."""

    def command(transaction: Transaction) -> int:
        transaction.put("cells", b"last", payload)
        [position] = transaction.append([draft(payload)], decided_at=transaction.size)
        return position

    return run(ledger, command)


def main(folder: Path, seed: int, operations: int) -> dict[str, int]:
    """Counts of what happened. Raises AssertionError where a promise is broken."""
    chance = random.Random(seed)
    place, key = str(folder / "ledger.db"), folder / "root.key"
    ledger = create_ledger(place, key, clock=ManualClock())
    disk = Disk(folder)
    acknowledged: dict[int, bytes] = {}
    counts: Counter[str] = Counter(operations=0)
    while counts["operations"] < operations:
        disk.fail(chance.choice((WRITES, SYNCS, WRITES | SYNCS)), chance.randint(1, 120), errno.EIO)
        before, failed = disk.fired, False
        for _ in range(chance.randint(10, 60)):
            counts["operations"] += 1
            payload = f"{seed}:{counts['operations']}".encode() * chance.choice((1, 1, 40, 900))
            try:
                position = appended(ledger, payload)
            except StorageFailed:
                failed = True
                break
            assert position not in acknowledged, "a position was given twice"
            acknowledged[position] = payload
        disk.heal()
        counts["disk errors"] += disk.fired - before
        if failed:
            assert disk.fired > before, "it failed without an error of the disk"
            counts["commits refused"] += 1
            for _ in range(2):
                # The disk is well again, but what the last commit left on it is unknown.
                try:
                    appended(ledger, b"after a failure")
                except StorageFailed:
                    counts["refused until reopened"] += 1
                else:
                    raise AssertionError("the ledger went on after its disk had failed")
        elif chance.random() < 0.3:
            disk.fail(WRITES | SYNCS, chance.randint(1, 4), errno.EIO)  # while it closes
        try:
            ledger.close()
        except StorageError:
            counts["closing failed"] += 1
        disk.heal()
        ledger = open_ledger(place, key, clock=ManualClock())
        counts["reopened"] += 1
        check(ledger, acknowledged, most=50)
    check(ledger, acknowledged)
    ledger.close()
    counts["acknowledged"] = len(acknowledged)
    counts["acknowledged and lost"] = 0  # or `check` had raised
    return dict(counts)


def check(ledger: Ledger, acknowledged: dict[int, bytes], most: int = 1_000_000) -> None:
    """Every acknowledged entry is there as it was given; `most` of the newest are looked at."""
    last = max(acknowledged, default=0)
    first = max(0, last - most)
    entries = run(ledger, lambda t: t.entries(first, 1_000_000))
    stored = {entry.position: entry.parts[0].payload for entry in entries}
    for position in range(first + 1, last + 1):
        if position in acknowledged:
            assert stored.get(position) == acknowledged[position], f"position {position} was lost"
    assert len(stored) == run(ledger, lambda t: t.size) - first, "the ledger has a hole"


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
