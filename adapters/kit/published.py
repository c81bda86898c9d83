"""What was published before: record ids, revisions and digests, in one small SQLite file of the agency's own.

So a second run publishes nothing twice, and a changed row becomes the next revision. The request that is on
its way is kept too until its answer is written down: after a crash it is sent again, byte for byte, under
the same request id.
"""

import hashlib
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from adapters.kit.errors import StateUnusable
from oncetold.v1.record_service_pb2 import PublishRecordsRequest, Record

VERSION = 1
LOCK_SECONDS = 1.0
TABLES = """
CREATE TABLE IF NOT EXISTS published (
    record_id TEXT PRIMARY KEY, revision INTEGER NOT NULL, digest BLOB NOT NULL, has_content INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS registered (client_reference TEXT PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS in_flight (request_id TEXT PRIMARY KEY, request BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS marks (source TEXT PRIMARY KEY, mark TEXT NOT NULL) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Known:
    """The last published revision of a record. `digest` is of everything but the revision."""

    revision: int
    digest: bytes
    has_content: bool


def digest(record: Record) -> bytes:
    """SHA-256 of the record without its revision: equal for equal content."""
    bare = Record()
    bare.CopyFrom(record)
    bare.revision = 0
    return hashlib.sha256(bare.SerializeToString(deterministic=True)).digest()


class Published:
    """The publisher's memory. One process at a time; every write is durable when the method returns."""

    def __init__(self, path: Path) -> None:
        """Opens or creates the file, readable by its owner only, and holds it alone until `close`.
        StateUnusable if another process holds it, if it is of a newer adapter, or if it is no such file."""
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError:
            raise StateUnusable(f"{path.name} cannot be opened or made.", "Check state.file.") from None
        self._db = sqlite3.connect(path, isolation_level=None, timeout=LOCK_SECONDS)
        try:
            self._open(path)
        except sqlite3.OperationalError:
            self._db.close()
            raise StateUnusable(
                f"Another adapter is publishing with {path.name}.", "Wait until it has ended."
            ) from None
        except sqlite3.DatabaseError:
            self._db.close()
            raise StateUnusable(
                f"{path.name} is no adapter's memory, or is damaged.",
                "Restore it from a backup, or move it away.",
            ) from None

    def _open(self, path: Path) -> None:
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("BEGIN EXCLUSIVE")
        self._db.execute("COMMIT")
        # A sent request is overwritten when it is removed, not only unlinked.
        self._db.execute("PRAGMA secure_delete = ON")
        self._db.execute("PRAGMA synchronous = FULL")
        found = self._db.execute("PRAGMA user_version").fetchone()[0]
        if found > VERSION:
            self._db.close()
            raise StateUnusable(f"{path.name} was written by a newer adapter.", "Update this adapter.")
        self._db.executescript(TABLES)
        self._db.execute(f"PRAGMA user_version = {VERSION}")

    def known(self, record_id: str) -> Known | None:
        """What was last published under an id, or None."""
        row = self._db.execute(
            "SELECT revision, digest, has_content FROM published WHERE record_id = ?", (record_id,)
        ).fetchone()
        return None if row is None else Known(row[0], row[1], bool(row[2]))

    def is_registered(self, client_reference: str) -> bool:
        """Whether this adapter registered the reference before."""
        found = self._db.execute(
            "SELECT 1 FROM registered WHERE client_reference = ?", (client_reference,)
        ).fetchone()
        return found is not None

    def note_registered(self, client_reference: str) -> None:
        """Notes that the hub registered the reference."""
        self._db.execute("INSERT OR IGNORE INTO registered VALUES (?)", (client_reference,))

    def note_sending(self, request: PublishRecordsRequest) -> None:
        """Keeps a request before it is sent."""
        self._db.execute(
            "INSERT OR REPLACE INTO in_flight VALUES (?, ?)",
            (request.request_id, request.SerializeToString(deterministic=True)),
        )

    def in_flight(self) -> list[PublishRecordsRequest]:
        """Requests that were sent and whose answer was never written down."""
        rows = self._db.execute("SELECT request FROM in_flight ORDER BY rowid").fetchall()
        return [PublishRecordsRequest.FromString(row[0]) for row in rows]

    def note_published(self, request: PublishRecordsRequest) -> None:
        """Notes that the whole request is durable in the hub, and forgets the request."""
        rows = [
            (record.record_id, record.revision, digest(record), record.HasField("content"))
            for record in request.records
        ]
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany("INSERT OR REPLACE INTO published VALUES (?, ?, ?, ?)", rows)
            self._db.execute("DELETE FROM in_flight WHERE request_id = ?", (request.request_id,))
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    def forget_sending(self, request: PublishRecordsRequest) -> None:
        """Forgets a request that the hub refused: nothing of it was recorded."""
        self._db.execute("DELETE FROM in_flight WHERE request_id = ?", (request.request_id,))

    def mark(self, source: str) -> str | None:
        """Where an incremental source may begin after, or None."""
        row = self._db.execute("SELECT mark FROM marks WHERE source = ?", (source,)).fetchone()
        return None if row is None else str(row[0])

    def note_mark(self, source: str, mark: str) -> None:
        """Notes how far an incremental source was published without anything left out."""
        self._db.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (source, mark))

    def counts(self) -> dict[str, int]:
        """How many records and clients are known, and how many requests have no answer."""
        return {
            "published": self._db.execute("SELECT count(*) FROM published").fetchone()[0],
            "registered": self._db.execute("SELECT count(*) FROM registered").fetchone()[0],
            "in_flight": self._db.execute("SELECT count(*) FROM in_flight").fetchone()[0],
        }

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
