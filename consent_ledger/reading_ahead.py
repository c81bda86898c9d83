"""Reads a long way of the ledger with the machine's other processors.

Whoever replays a large ledger asks for entries after entries. Checking and opening them takes longer than
folding them does, and both hold the interpreter: so processes of their own (`opener`) open what will be asked
for next. They check and open by the same code, and hold the same keys for as long as they run. What they
cannot open, or do not answer in time, is read here as ever, and raises as ever.
"""

import fcntl
import json
import os
import select
import subprocess
import sys
from collections import deque

from consent_ledger.entry import Entry
from consent_ledger.opener import LENGTH, PIECE, read_back

FAR = 20_000
"""Entries still to come for which a process is worth starting: it takes some 0.5 s."""
_IN_ORDER = 1000
"""Entries asked for in order, after which it is believed that the next ones will be asked for too."""
_PIECE = 500
"""Entries in one answer: half a megabyte where records are small."""
_ASKED = 2
"""Pieces that each process has to do."""
_PIPE_BYTES = 1024 * 1024
"""So that a process goes on with the next piece while this one waits to be taken."""
_SECONDS = 60
"""Without an answer, after which a process is given up."""
_MOST_PROCESSES = 3
_START = """
import json, sys
told = json.loads(sys.stdin.buffer.readline())
sys.path[:] = told["path"]
from consent_ledger.opener import main
main(told["place"], told["root_key"])
"""


class NotOpened(Exception):
    """A process did not open its piece, or is there no more."""


class ReadingAhead:
    """Belongs to the writer's thread. At most one stretch is read ahead at a time."""

    def __init__(self, place: str, root_key: bytes, far: int = FAR, processes: int | None = None) -> None:
        """`place`: what `read_store` opens. `processes`: by default one for each other processor."""
        self._place = place
        self._root_key = root_key
        self._far = far
        others = len(os.sched_getaffinity(0)) - 1 if hasattr(os, "sched_getaffinity") else 0
        self._processes = min(others, _MOST_PROCESSES) if processes is None else processes
        self._stretch: _Stretch | None = None
        self._expected = 0
        self._in_order = 0

    def take(self, after: int, through: int, committed: int) -> list[Entry] | None:
        """The entries with after < position <= through; None if they are to be read by the caller.

        `committed` is the ledger's size as other processes see it.
        """
        if not self._processes:
            return None
        stretch = self._stretch
        if stretch is None or stretch.after != after:
            self._consider(after, through, committed)
            return None
        found = None
        try:
            if through <= stretch.end:
                found = stretch.take(through - after)
        except (NotOpened, OSError):
            self._processes = 0  # once is enough: it may be the disk, and whoever reads on here will tell
        if found is None or stretch.after == stretch.end:
            self.close()
        return found

    def close(self) -> None:
        """Ends the processes."""
        stretch, self._stretch = self._stretch, None
        if stretch is not None:
            stretch.close()

    def _consider(self, after: int, through: int, committed: int) -> None:
        """Notes what the caller reads itself, and begins to read ahead of it if that seems worth it."""
        self._in_order = through - after + (self._in_order if after == self._expected else 0)
        self._expected = through
        if self._in_order < _IN_ORDER or committed - through < self._far:
            return
        self.close()
        processes: list[_Process] = []
        try:
            for _ in range(self._processes):
                processes.append(_Process(self._place, self._root_key))
            self._stretch = _Stretch(processes, through, committed)
        except OSError:
            for process in processes:
                process.close()
            self._processes = 0


class _Stretch:
    """Entries with after < position <= end, opened in turn by several processes."""

    def __init__(self, processes: "list[_Process]", after: int, end: int) -> None:
        self.after = after
        self.end = end
        self._processes = processes
        self._ready: deque[Entry] = deque()
        self._asked_through = after
        self._turns: deque[tuple[_Process, int]] = deque()
        for _ in range(_ASKED):
            for process in processes:
                self._ask(process)

    def take(self, count: int) -> list[Entry]:
        """The next entries. Raises `NotOpened`."""
        while len(self._ready) < count:
            process, through = self._turns.popleft()
            self._ready.extend(process.answer())
            if not self._ready or self._ready[-1].position != through:
                raise NotOpened
            self._ask(process)
        self.after += count
        return [self._ready.popleft() for _ in range(count)]

    def close(self) -> None:
        for process in self._processes:
            process.close()

    def _ask(self, process: "_Process") -> None:
        through = min(self._asked_through + _PIECE, self.end)
        if through > self._asked_through:
            process.ask(self._asked_through, through)
            self._turns.append((process, through))
            self._asked_through = through


class _Process:
    """One `opener`."""

    def __init__(self, place: str, root_key: bytes) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter with our own words
            [sys.executable, "-I", "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout.fileno()
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        try:
            if hasattr(fcntl, "F_SETPIPE_SZ"):
                fcntl.fcntl(self._out, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            told = {"path": sys.path, "place": place, "root_key": root_key.hex()}
            self._in.write(json.dumps(told).encode() + b"\n")
        except OSError:
            self.close()
            raise

    def ask(self, after: int, through: int) -> None:
        self._in.write(PIECE.pack(after, through))

    def answer(self) -> list[Entry]:
        """The oldest piece that was asked for. Raises `NotOpened`."""
        [length] = LENGTH.unpack(self._read(LENGTH.size))
        if not length:
            raise NotOpened
        return read_back(self._read(length))

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _read(self, size: int) -> bytes:
        read = bytearray(size)
        view, at = memoryview(read), 0
        while at < size:
            if not self._poll.poll(_SECONDS * 1000):
                raise NotOpened
            got = os.readv(self._out, [view[at:]])
            if not got:
                raise NotOpened
            at += got
        return bytes(read)
