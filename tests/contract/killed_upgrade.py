"""Upgrades that kill themselves at a chosen moment: all is imported once, and each of them is a fork.

Reads lines with the number of a moment, 0 for none; answers each with how the upgrade ended (0 or minus the
signal) and, if nothing killed it, how many moments it had.
Moments are those before and after every statement, at every begin and commit, and within SQLite's statements.

Usage: python -m tests.contract.killed_upgrade URL
"""

import os
import signal
import sys
from typing import Any, NoReturn

from sqlalchemy import event
from sqlalchemy.engine import Engine

from consent_ledger.store import upgrade_store

_INSTRUCTIONS = 300
"""Of SQLite's machine, between two moments within a statement."""


def _upgrade(url: str, until: int, told: int) -> NoReturn:
    """Kills this process at that moment."""
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == until:
            os.kill(os.getpid(), signal.SIGKILL)

    def within_a_statement() -> int:
        count()
        return 0  # SQLite goes on

    def connected(connection: Any, _record: object) -> None:
        if hasattr(connection, "set_progress_handler"):
            connection.set_progress_handler(within_a_statement, _INSTRUCTIONS)

    code = 1
    try:
        for moment in ("before_cursor_execute", "after_cursor_execute", "begin", "commit"):
            event.listen(Engine, moment, count)
        event.listen(Engine, "connect", connected)
        upgrade_store(url, lambda reached, last: None)
        os.write(told, b"%d" % seen)
        code = 0
    finally:
        # What the parent has open and buffered is not this process's to end.
        os._exit(code)


def ended(url: str, until: int) -> tuple[int, int]:
    """How one upgrade ended, and how many moments it had: 0 when it was killed."""
    reading, writing = os.pipe()
    upgrade = os.fork()
    if upgrade == 0:
        os.close(reading)
        _upgrade(url, until, writing)
    os.close(writing)
    with open(reading, encoding="ascii") as said:
        moments = int(said.read() or "0")
    return os.waitstatus_to_exitcode(os.waitpid(upgrade, 0)[1]), moments


if __name__ == "__main__":
    for line in sys.stdin:
        print(*ended(sys.argv[1], int(line)), flush=True)
