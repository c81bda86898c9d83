"""What the storage suite needs to know about each kind of database, beyond the ledger's own interface."""

import sqlite3
from abc import ABC, abstractmethod
from pathlib import Path

from consent_ledger.clock import Clock
from consent_ledger.ledger import Ledger, create_ledger, open_ledger
from tests.postgres import server


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
    def room_of_entries(self) -> int:
        """Bytes that the table of entries takes, what is free in its pages included."""

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

    @property
    @abstractmethod
    def one_writer(self) -> bool:
        """Whether one process alone may have the ledger open."""

    @property
    @abstractmethod
    def elsewhere(self) -> str:
        """A place of the same kind where no ledger is."""

    def clean_up(self) -> None:
        """Gives back what a temporary folder does not take with it."""
        return

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

    @property
    def one_writer(self) -> bool:
        return True

    @property
    def elsewhere(self) -> str:
        return str(self.file.with_name("elsewhere.db"))

    def stored_bytes(self) -> bytes:
        return b"".join(file.read_bytes() for file in sorted(self.file.parent.glob("ledger.db*")))

    def room_of_entries(self) -> int:
        with sqlite3.connect(self.file) as connection:
            [(room,)] = connection.execute("SELECT sum(pgsize) FROM dbstat WHERE name = 'entries'")
        connection.close()
        return int(room)

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


class PostgresBackend(Backend):
    """A database of its own on a real server."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.server = server()
        self.database = self.server.create_database()

    @property
    def url(self) -> str:
        return self.server.url(self.database)

    @property
    def one_writer(self) -> bool:
        return False

    @property
    def elsewhere(self) -> str:
        return self.server.url("template1")

    def stored_bytes(self) -> bytes:
        """The files of the ledger's tables and indexes, and the rows: large values are compressed in files.

        The server's own catalogue is left out: it is full of words such as ACCESS and IDENTITY.
        """
        with self.server.connect(self.database) as connection:
            connection.execute("CHECKPOINT")
            files = connection.execute(
                "SELECT pg_relation_filepath(c.oid) FROM pg_class c WHERE c.relkind IN ('r', 'i', 't') AND ("
                "c.relnamespace = 'public'::regnamespace OR c.oid IN (SELECT reltoastrelid FROM pg_class "
                "WHERE relnamespace = 'public'::regnamespace))"
            ).fetchall()
            rows = [
                value
                for table in ("entries", "keys", "cells", "requests", "tiles", "log_state", "head")
                for row in connection.execute(f"SELECT * FROM {table}")
                for value in row
            ]
        stored = [(self.server.folder / file).read_bytes() for (file,) in files]
        return b"".join(
            stored + [value if isinstance(value, bytes) else str(value).encode() for value in rows]
        )

    def room_of_entries(self) -> int:
        with self.server.connect(self.database) as connection:
            found = connection.execute("SELECT pg_table_size('entries')").fetchone()
        assert found is not None
        return int(found[0])

    def flip_bit(self, position: int, byte: int) -> None:
        with self.server.connect(self.database) as connection:
            connection.execute(
                "UPDATE entries SET body = set_byte(body, %s, get_byte(body, %s) # 16) WHERE position = %s",
                (byte, byte, position),
            )

    def swap_bodies(self, one: int, other: int) -> None:
        with self.server.connect(self.database) as connection:
            for before, after in ((one, -1), (other, one), (-1, other)):
                connection.execute("UPDATE entries SET position = %s WHERE position = %s", (after, before))

    def delete(self, position: int) -> None:
        with self.server.connect(self.database) as connection:
            connection.execute("DELETE FROM entries WHERE position = %s", (position,))

    def size_column(self) -> int:
        with self.server.connect(self.database) as connection:
            [[size]] = connection.execute("SELECT size FROM head").fetchall()
        return int(size)

    def clean_up(self) -> None:
        self.server.drop_database(self.database)


BACKENDS: dict[str, type[Backend]] = {"postgres": PostgresBackend, "sqlite": SqliteBackend}
