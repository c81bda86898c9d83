"""The ledger as its users see it: commands run one after another, each all or nothing, durable when answered."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from consent_ledger.clock import Clock
from consent_ledger.entry import Draft, Entry, EntryClass, KeyOwner, Part
from consent_ledger.vault import Vault

__all__ = ["Clock", "Draft", "Entry", "EntryClass", "KeyOwner", "Ledger", "Part", "Transaction"]

T = TypeVar("T")


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

    def answered(self, label: bytes, body_mac: bytes) -> bytes | None:
        """The answer remembered for a request, for 14 days. Raises `RequestReused` if the body was another."""
        ...

    def remember(self, label: bytes, body_mac: bytes, answer: bytes) -> None:
        """Keeps a request's answer: positions and ids, never content."""
        ...


class Ledger(Protocol):
    """One ledger, open for writing by this process alone."""

    ledger_id: UUID
    clock: Clock

    def submit(self, command: Callable[[Transaction], T]) -> Future[T]:
        """Runs `command` on the writer thread; the future resolves once its entries are durable."""
        ...

    def on_reset(self, callback: Callable[[], None]) -> None:
        """`callback` runs when a transaction was rolled back: state kept in memory is then void."""
        ...

    def close(self) -> None:
        """Finishes what waits, then lets go of the ledger."""
        ...
