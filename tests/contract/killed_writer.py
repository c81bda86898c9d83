"""Writers that are killed again and again: everything is imported once, and each of them is a fork.

Usage: python -m tests.contract.killed_writer URL ROOT_KEY KILLS
It prints the last position that any of them was told as durable.
"""

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from consent_ledger.ledger import open_ledger
from tests.clock import ManualClock
from tests.contract.drafting import append, draft


def _write(url: str, root_key: Path, told: int) -> NoReturn:
    """Appends without end, and says what was acknowledged."""
    try:
        ledger = open_ledger(url, root_key, clock=ManualClock())
        while True:
            [position] = append(ledger, draft())
            os.write(told, b"%d\n" % position)
    finally:
        # What the parent has open and buffered is not this process's to end.
        os._exit(1)


def killed(url: str, root_key: Path, acknowledged: int) -> int:
    """Kills a writer once so many of its entries were acknowledged; returns the last position."""
    reading, writing = os.pipe()
    writer = os.fork()
    if writer == 0:
        os.close(reading)
        _write(url, root_key, writing)
    os.close(writing)
    with open(reading, encoding="ascii") as said:
        found = [int(said.readline()) for _ in range(acknowledged)]
        os.kill(writer, signal.SIGKILL)
        rest = said.read().split()
    _, status = os.waitpid(writer, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL, "it ended by itself"
    # The last line may have been cut short by the kill.
    return max([*found, *map(int, rest[:-1])])


if __name__ == "__main__":
    _, place, key, kills = sys.argv
    print(max(killed(place, Path(key), 1 + kill % 7) for kill in range(int(kills))))
