"""The nursery's processes as a test handles them: started in milliseconds by name, and killed."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

from tests.faults import disk


class Nursery:
    """Processes that start in milliseconds, and are killed."""

    def __init__(self, folder: Path, library: Path | None = None) -> None:
        """With `library`, they write to a disk that can be told to fail."""
        self.log = folder / "processes.log"
        command = [sys.executable, "-m", "tests.faults.nursery", str(self.log)]
        self._process = Popen(
            command, env=disk.environment(library), cwd=disk.ROOT, stdin=PIPE, stdout=PIPE, text=True
        )
        self._running: dict[str, int] = {}
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def _ask(self, line: str) -> int:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def start(self, name: str, target: str, *arguments: object) -> int:
        """Starts a function of `processes.py` under a name of ours; returns its process id."""
        self._running[name] = self._ask(f"start {target} {json.dumps(arguments)}")
        return self._running[name]

    def kill(self, name: str) -> bool:
        """Kills it with SIGKILL and waits until it is gone. False if it had ended by itself: it must not."""
        return self._ask(f"kill {self._running.pop(name)}") == 9

    def is_gone(self, name: str) -> bool:
        """Whether it has ended by itself."""
        stat = Path(f"/proc/{self._running[name]}/stat").read_text(encoding="ascii")
        return stat.rpartition(")")[2].split()[0] == "Z"

    def wait(self, name: str) -> int:
        """Waits until it ends; 0 for well, the signal's number when one ended it."""
        return self._ask(f"wait {self._running.pop(name)}")

    def close(self) -> None:
        """Ends everything."""
        for name in list(self._running):
            self.kill(name)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.wait(30)


@contextmanager
def nursery(folder: Path, library: Path | None = None) -> Iterator[Nursery]:
    """A nursery until the block ends."""
    found = Nursery(folder, library)
    try:
        yield found
    finally:
        found.close()
