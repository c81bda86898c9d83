"""Starts processes in milliseconds: everything is imported once here, and each of them is a fork.

Reads lines `start TARGET JSON`, `kill PID` (SIGKILL, and waits until it is gone) and `wait PID`; answers each
with one line.
A target is a function of `processes.py`. What a process says on standard error goes to the log.

Usage: python -m tests.faults.nursery LOG
"""

import json
import os
import signal
import sys
from typing import NoReturn

from tests.faults import processes


def _become(target: str, arguments: list[object], log: int) -> NoReturn:
    code = 1
    try:
        os.dup2(log, 2)
        os.dup2(log, 1)
        os.close(0)
        getattr(processes, target)(*arguments)
        code = 0
    finally:
        # What the parent has open and buffered is not this process's to end.
        os._exit(code)


def main(log_file: str) -> None:
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    print("ready", flush=True)
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        if word == "start":
            target, _, arguments = rest.partition(" ")
            pid = os.fork()
            if pid == 0:
                _become(target, json.loads(arguments), log)
            print(pid, flush=True)
        else:
            if word == "kill":
                os.kill(int(rest), signal.SIGKILL)
            print(os.waitpid(int(rest), 0)[1], flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
