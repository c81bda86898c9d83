"""What the storage suite needs to know about each kind of database, beyond the ledger's own interface."""

import sqlite3
from abc import ABC, abstractmethod
from pathlib import Path

from consent_ledger.clock import Clock
from consent_ledger.ledger import Ledger, create_ledger, open_ledger


class Backend(ABC):
    """One empty place for one ledger, and ways to look at and damage what is stored there."""

    def __init__(self, folder: Path) -> None:
        self.root_key = folder / "root.key"

    @property
    @abstractmethod
    def url(self) -> str:
        """What `open_ledger` is given."""

    @abstractmethod
    def stored_bytes(self) -> bytes:
        """Everything that somebody who takes the database away would hold."""

    @abstractmethod
    def flip_bit(self, position: int, byte: int) -> None:
        """Changes one bit of a stored body, as a failing disk does; `byte` counts from its start."""

    @abstractmethod
    def swap_bodies(self, one: int, other: int) -> None:
        """Exchanges everything but the positions of two entries, as somebody with database rights may."""

    @abstractmethod
    def delete(self, position: int) -> None:
        """Removes an entry's row."""

    @abstractmethod
    def size_column(self) -> int:
        """The head's size as stored."""

    def create(self, clock: Clock) -> Ledger:
        return create_ledger(self.url, self.root_key, clock=clock)

    def open(self, clock: Clock) -> Ledger:
        return open_ledger(self.url, self.root_key, clock=clock)


class SqliteBackend(Backend):
    """A file in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.file = folder / "ledger.db"

    @property
    def url(self) -> str:
        return str(self.file)

    def stored_bytes(self) -> bytes:
        return b"".join(file.read_bytes() for file in sorted(self.file.parent.glob("ledger.db*")))

    def flip_bit(self, position: int, byte: int) -> None:
        with sqlite3.connect(self.file) as connection:
            [(body,)] = connection.execute("SELECT body FROM entries WHERE position = ?", (position,))
            damaged = bytearray(body)
            damaged[byte] ^= 0x10
            connection.execute("UPDATE entries SET body = ? WHERE position = ?", (bytes(damaged), position))
        connection.close()

    def swap_bodies(self, one: int, other: int) -> None:
        with sqlite3.connect(self.file) as connection:
            for before, after in ((one, -1), (other, one), (-1, other)):
                connection.execute("UPDATE entries SET position = ? WHERE position = ?", (after, before))
        connection.close()

    def delete(self, position: int) -> None:
        with sqlite3.connect(self.file) as connection:
            connection.execute("DELETE FROM entries WHERE position = ?", (position,))
        connection.close()

    def size_column(self) -> int:
        with sqlite3.connect(self.file) as connection:
            [(size,)] = connection.execute("SELECT size FROM head")
        connection.close()
        return int(size)


BACKENDS: dict[str, type[Backend]] = {"sqlite": SqliteBackend}
