"""Ids of keys that were destroyed and may never be used again, kept outside the database.

A backup of the database brings destroyed keys back; this file says which. It only grows. A line is
`<ledger id> <position of the entry that recorded it> <key id> <the key's own position>`, in hexadecimal and
decimal: random ids, nothing of anybody. Lines count once `<ledger id> <position> done` follows, which is
synced before anybody is told that the erasure happened; `void` takes back what was not committed. One line,
`<ledger id> <size, 20 digits> through`, is written over after each commit, unsynced: up to there it has all.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from consent_ledger.durable import sync_folder
from consent_ledger.errors import StorageFailed

_DONE, _VOID, _THROUGH = "done", "void", "through"
_PLACES = 20


class Fence(NamedTuple):
    """One destroyed key. `position` as in the key table: 0 unless it was a fragment's."""

    key_id: bytes
    position: int


class Fences:
    """One ledger's destroyed keys: in memory, and in a file unless there is none. For the writer thread."""

    def __init__(self, ledger_id: UUID, file: Path | None = None) -> None:
        """Reads the file, if it is there. Raises `StorageFailed`."""
        self._ledger = str(ledger_id)
        self._file = file
        self._settled: dict[bytes, int] = {}
        self._open: dict[bytes, int] = {}
        self._at = 0
        self.recorded_through = 0
        """The highest position of an entry whose fences are settled here."""
        self.through = 0
        """Up to which size of the ledger this holds every fence."""
        self._through_at: int | None = None
        if file is not None:
            self._read(file)

    def __contains__(self, key_id: object) -> bool:
        return key_id in self._settled or key_id in self._open

    def __len__(self) -> int:
        return len(self._settled)

    def __iter__(self) -> Iterator[Fence]:
        return (Fence(key_id, position) for key_id, position in self._settled.items())

    @property
    def any(self) -> bool:
        """Whether there is one at all, settled or not."""
        return bool(self._settled or self._open)

    @property
    def unsettled(self) -> Sequence[Fence]:
        """Those prepared of which it is not known whether they were committed."""
        return [Fence(key_id, position) for key_id, position in self._open.items()]

    def prepare(self, at: int, fences: Sequence[Fence]) -> None:
        """Fences these keys for the entry at `at`, synced, until `settle` says whether it is to stay."""
        self._at = at
        self._open.update(fences)
        self._write([f"{at} {one.key_id.hex()} {one.position}" for one in fences])

    def settle(self, committed: bool) -> bool:
        """What was prepared stays, or is taken back. True if there was something. Raises `StorageFailed`."""
        if not self._open:
            return False
        self._write([f"{self._at} {_DONE if committed else _VOID}"])
        if committed:
            self._settle()
        self._open.clear()
        return True

    def reached(self, size: int) -> None:
        """Says that the ledger is so long now, and every fence in it here. Raises `StorageFailed`."""
        if self._file is None or (size == self.through and self._through_at is not None):
            return
        self.through = size
        if self._through_at is None:
            self._write([self._size_line()])
            self._read(self._file)
            return
        try:
            handle = os.open(self._file, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.pwrite(handle, f"{self._ledger} {self._size_line()}".encode(), self._through_at)
            finally:
                os.close(handle)
        except FileNotFoundError:
            # Taken away under a running hub: it is made anew, from the key table, at the next start.
            return
        except OSError as error:
            raise StorageFailed(reason=f"fences: errno {error.errno}") from error

    def _size_line(self) -> str:
        return f"{self.through:0{_PLACES}d} {_THROUGH}"

    def _settle(self) -> None:
        self._settled.update(self._open)
        self.recorded_through = max(self.recorded_through, self._at)

    def _write(self, lines: Sequence[str]) -> None:
        if self._file is None:
            return
        text = "".join(f"{self._ledger} {line}\n" for line in lines).encode()
        try:
            new = not self._file.exists()
            handle = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                end = os.fstat(handle).st_size
                if end and os.pread(handle, 1, end - 1) != b"\n":
                    text = b"\n" + text  # what a power cut tore says nothing
                if os.write(handle, text) != len(text):
                    raise OSError(0, "short write")
                os.fsync(handle)
            finally:
                os.close(handle)
            if new:
                sync_folder(self._file.parent)
        except OSError as error:
            raise StorageFailed(reason=f"fences: errno {error.errno}") from error

    def _read(self, file: Path) -> None:
        try:
            at = 0
            with file.open("rb") as lines:
                for line in lines:
                    self._take(line.decode("ascii", errors="replace").split(), at)
                    at += len(line)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageFailed(reason=f"fences: errno {error.errno}") from error

    def _take(self, words: list[str], place: int) -> None:
        if len(words) not in (3, 4) or words[0] != self._ledger or not words[1].isdigit():
            return  # another ledger's, or torn
        at = int(words[1])
        if words[2] == _THROUGH:
            self.through, self._through_at = at, place
            return
        if len(words) == 3:
            if at != self._at:
                return
            if words[2] == _DONE:
                self._settle()
            self._open.clear()
            return
        if at != self._at:
            self._at = at
            self._open.clear()
        try:
            self._open[bytes.fromhex(words[2])] = int(words[3])
        except ValueError:
            return


def fences_beside(root_key_file: Path) -> Path:
    """Where the fences of a ledger stand whose root is a file."""
    return root_key_file.with_name("fences")
