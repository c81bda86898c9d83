"""Makes a ledger and appends to it while every write and sync is recorded. Entry n says n, in some length.

Usage: python -m tests.faults.recorded_writer FOLDER LOG SEED ENTRIES, with `disk.c` loaded before it.
"""

import random
import sys
from pathlib import Path
from uuid import UUID

from consent_ledger.ledger import KeyOwner, Transaction, create_ledger, open_ledger
from tests.clock import ManualClock
from tests.contract.drafting import draft, run
from tests.faults.disk import Disk

LENGTHS = (1, 1, 1, 1, 1, 600, 3000, 9000)
"""Times eight bytes: what an entry says, so that bodies of every padded size are written."""


def payload(seed: int, number: int) -> bytes:
    """What entry `number` says."""
    chance = random.Random(seed * 1_000_003 + number)
    return f"{number:08}".encode() * chance.choice(LENGTHS)


def main(folder: Path, log: Path, seed: int, entries: int) -> None:
    """Marks 0 in the log when the ledger is made, then each position when it is acknowledged."""
    chance = random.Random(seed)
    disk = Disk(folder)
    disk.record(log)
    place, key = str(folder / "ledger.db"), folder / "root.key"
    ledger = create_ledger(place, key, clock=ManualClock())
    disk.mark(0)
    number = 0
    while number < entries:
        if chance.random() < 0.02:
            ledger.close()
            ledger = open_ledger(place, key, clock=ManualClock())
        drafts = []
        for _ in range(chance.choice((1, 1, 1, 5))):
            number += 1
            owner = KeyOwner(UUID(int=chance.randrange(1, 30), version=4), "HOUSING")
            drafts.append(draft(payload(seed, number), owner=owner))

        def command(transaction: Transaction, drafts: list = drafts) -> list[int]:  # type: ignore[type-arg]
            transaction.put("cells", drafts[0].parts[0].payload[:3], drafts[0].parts[0].payload)
            return transaction.append(drafts, decided_at=transaction.size)

        assert run(ledger, command)[-1] == number
        disk.mark(number)
    ledger.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
