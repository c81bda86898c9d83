"""What a command may do while it runs."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from consent_ledger.entry import Draft, Entry, KeyOwner
from consent_ledger.epochs import EpochKeys
from consent_ledger.store.port import StoredEntry
from consent_ledger.vault import Vault


class Foreseen(NamedTuple):
    """What a command is going to ask for, so that it is read once for all commands of one commit.

    Nothing depends on it: what was not foreseen is read when it is asked for.
    """

    answers: tuple[bytes, ...] = ()
    """Labels of requests (`answered`)."""
    streams: tuple[bytes, ...] = ()
    """Ids of streams (`version_of`, `append`)."""


NOTHING = Foreseen()


class Transaction(Protocol):
    """What a command may do. Valid only while it runs, on the writer thread.

    A command that raises leaves nothing: no entry, no cell, no answer, no key.
    """

    @property
    def now(self) -> datetime:
        """One instant for the whole command, never before that of the last entry."""
        ...

    @property
    def clock_in_doubt(self) -> bool:
        """True when the hub's clock cannot be trusted: neither disclose nor retract."""
        ...

    @property
    def size(self) -> int:
        """The ledger's size, without this command's own appends."""
        ...

    @property
    def policy_position(self) -> int:
        """Position of the last entry that changes decisions, without this command's own; 0 if none."""
        ...

    @property
    def vault(self) -> Vault:
        """Seals and opens cells; makes labels."""
        ...

    def append(self, drafts: Sequence[Draft], *, decided_at: int) -> list[int]:
        """Appends entries and returns their final positions; may be called several times.

        `decided_at` is the ledger position the decision was taken at. Raises `StalePolicy` if an entry
        of another command that changes decisions stands behind it; `StreamConflict` if a draft's
        version is not the next of its stream.
        """
        ...

    def entries(self, after: int, limit: int = 1000) -> list[Entry]:
        """Entries behind position `after`, ascending, without this command's own. Raises `EntryCorrupt`."""
        ...

    def entry(self, position: int) -> Entry:
        """Raises `EntryNotFound`, `EntryCorrupt`."""
        ...

    def stream(self, stream_id: UUID) -> list[Entry]:
        """A stream's entries by version, without this command's own; empty if there is none."""
        ...

    def version_of(self, stream_id: UUID) -> int:
        """The version of the stream's last entry, without this command's own; 0 if there is none."""
        ...

    def rows(self, after: int, through: int) -> list[StoredEntry]:
        """Rows with after < position <= through as they are stored, unopened and unchecked."""
        ...

    def leaf_hashes(self, after: int, through: int) -> list[bytes]:
        """Of the entries with after < position <= through, as they are stored, unchecked."""
        ...

    def tile(self, level: int, number: int) -> bytes | None:
        """A whole tile of the log that is stored; None if it is not."""
        ...

    def write_tiles(self, tiles: Sequence[tuple[int, int, bytes]]) -> None:
        """(level, number, hashes): whole tiles. One that is there already is replaced."""
        ...

    def state(self, name: str) -> bytes | None:
        """A value that belongs to the log as a whole."""
        ...

    def write_state(self, name: str, value: bytes | None) -> None:
        """None deletes it."""
        ...

    def part_keys(self, position: int) -> list[tuple[bytes, bool]]:
        """Of each part of an entry, in order, its key's id, and whether that is a key of its own.

        Such a one can be destroyed alone. Without this command's own entries. Raises `EntryNotFound`,
        `EntryCorrupt`.
        """
        ...

    def erase_keys(
        self,
        *,
        categories: Iterable[KeyOwner] = (),
        fragments: Iterable[tuple[int, Sequence[bytes]]] = (),
        rotate: Iterable[KeyOwner] = (),
    ) -> None:
        """Destroys keys with this command, for the entry that it appended last and that records it.

        `categories`: owners whose key goes, and with it all that it seals or wraps alone. `fragments`:
        positions, and ids of `part_keys` there that are a part's own. `rotate`: owners who get a new key;
        what the old one wraps is wrapped under it, save these fragments, and cells under the old one open no
        more. What is destroyed already, or was never made, is no error. Later commands of the same commit
        read the parts as erased; old copies of the rows stay readable until the key epoch ends.
        """
        ...

    def put_renewed(self, projection: str, key: bytes, owner: KeyOwner, content: bytes) -> None:
        """Puts a cell, sealed with its key as context, under the key that `erase_keys` gives its owner."""
        ...

    @property
    def epochs(self) -> EpochKeys:
        """Key epochs: how they stand, and the steps that end one."""
        ...

    def get(self, projection: str, key: bytes) -> bytes | None:
        """A projection's cell. Keys are opaque; values are sealed by whoever put them."""
        ...

    def put(self, projection: str, key: bytes, value: bytes) -> None: ...

    def delete(self, projection: str, key: bytes) -> None: ...

    def scan(
        self, projection: str, prefix: bytes, *, after: bytes | None = None, limit: int = 1000
    ) -> list[tuple[bytes, bytes]]:
        """Cells whose key begins with `prefix` and lies behind `after`, by key, ascending."""
        ...

    def drop(self, projection: str) -> None:
        """Deletes all cells of a projection."""
        ...

    def keep_cells(self) -> None:
        """What was put, deleted and dropped so far stays even if the command raises later.

        For projections that read on: what they took from other commands' entries is true whatever
        this command comes to. Must be called before `append`.
        """
        ...

    def answered(self, label: bytes, body_mac: bytes) -> bytes | None:
        """A request's answer, kept for 14 days. Raises `RequestReused` if the body was another."""
        ...

    def remember(self, label: bytes, body_mac: bytes, answer: bytes) -> None:
        """Keeps a request's answer: positions and ids, never content."""
        ...
