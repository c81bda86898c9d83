"""The ledger as its users see it: commands run one after another, all or nothing, durable when answered."""

import asyncio
import os
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from consent_ledger.body import Sealer
from consent_ledger.clock import Clock
from consent_ledger.destruction import Destroyer
from consent_ledger.entry import Draft, Entry, EntryClass, KeyOwner, Part
from consent_ledger.epochs import EpochKeys, ending_keys
from consent_ledger.errors import EntryCorrupt
from consent_ledger.fences import Fences, fences_beside
from consent_ledger.keys import Entropy, KeyRing
from consent_ledger.root_keys import FileRootKeys, RootKeys
from consent_ledger.sequencer import CommitTold, Sequencer
from consent_ledger.store import create_store, open_store
from consent_ledger.store.port import Store
from consent_ledger.transaction import NOTHING, Foreseen, Transaction
from consent_ledger.vault import Vault

__all__ = [
    "Draft",
    "Entry",
    "EntryClass",
    "Foreseen",
    "KeyOwner",
    "Ledger",
    "Part",
    "Transaction",
    "create_ledger",
    "open_ledger",
]

T = TypeVar("T")


class Ledger:
    """One ledger, open for writing by this process alone. Made by `open_ledger` or `create_ledger`."""

    def __init__(
        self,
        store: Store,
        root: RootKeys,
        clock: Clock,
        entropy: Entropy = os.urandom,
        fences: Path | None = None,
    ) -> None:
        """Takes over `store`, whose keys exist. `fences`: the file of destroyed keys, outside the database.

        Raises `EntryCorrupt` if its last entry is not right.
        """
        keys = KeyRing(root, store, entropy, Fences(store.ledger_id, fences))
        head = store.begin()
        try:
            vault = Vault(keys, entropy)
            sealer = Sealer(vault, keys, entropy)
            if Destroyer(store, keys).recover():
                store.commit()
                store.begin()
            for key_id in ending_keys(store.state(EpochKeys.ENDING_STATE)):
                keys.epoch_key(key_id)  # a provider that is away later stops nothing
            if store.last_position() != head.size:
                raise EntryCorrupt(head.size)
            last = sealer.opened(store.entries(head.size - 1, head.size)) if head.size else []
        finally:
            store.rollback()
        self.ledger_id = store.ledger_id
        self.clock = clock
        self.vault = vault
        """For labels and ids alone: what seals belongs to commands."""
        self._sequencer = Sequencer(store, keys, sealer, vault, clock, last)

    def submit(self, command: Callable[[Transaction], T]) -> Future[T]:
        """Runs `command` on the writer thread; the future resolves once its entries are durable.

        A command that raises appends nothing and fails its own future alone. `StorageFull` and
        `StorageFailed` fail every command of the same commit; after `StorageFailed` all are refused
        until the ledger is opened again. After `close`, the future holds `LedgerClosed`.
        """
        return self._sequencer.submit(command)

    def run(self, command: Callable[[Transaction], T], foreseen: Foreseen = NOTHING) -> "asyncio.Future[T]":
        """As `submit`, for a task to await: its event loop is woken once for all that one commit answers."""
        return self._sequencer.run(command, foreseen)

    def on_reset(self, callback: Callable[[], None]) -> None:
        """`callback` runs on the writer thread when cells that a command saw or wrote came to nothing.

        Either a commit failed, or a command raised after changing cells that it had not kept. State held
        in memory beside cells is then void. Entries seen in between may get other content at their positions.
        """
        self._sequencer.on_reset(callback)

    def on_others_wrote(self, callback: Callable[[], None]) -> None:
        """`callback` runs on the writer thread when another process has written since this one last did.

        It runs ahead of the commands that see it. What is held in memory beside cells is then to be compared
        with them again; entries that were read stay as they are.
        """
        self._sequencer.on_others_wrote(callback)

    def listen(self, heard: Callable[[], None]) -> None:
        """Has `heard` called, on some thread, when another process may have appended. A hint: it wakes those
        who wait and authorises nothing. To be called once; never calls where no other process may write."""
        self._sequencer.listen(heard)

    def on_growth(self, callback: Callable[[], None]) -> None:
        """`callback` runs on the writer thread after every commit that appended, its callers answered.

        It must neither raise nor take time. Commits of other replicas are not told.
        """
        self._sequencer.on_growth(callback)

    def on_commit(self, callback: CommitTold) -> None:
        """`callback` is told of every group commit, on the writer thread, after its callers are answered.

        Figures only: commands in the group, entries made durable, seconds from its first command until it
        was durable, and the class of what failed ("" for nothing). One callback; a later one replaces it.
        """
        self._sequencer.on_commit(callback)

    def close(self) -> None:
        """Finishes what waits, then lets go of the ledger. Not to be called from a command."""
        self._sequencer.close()


def create_ledger(
    path_or_url: str,
    root_keys: Path | RootKeys,
    *,
    clock: Clock,
    entropy: Entropy = os.urandom,
    fences: Path | None = None,
) -> Ledger:
    """Makes a ledger and opens it. `root_keys`: who keeps its root, or the file of a root key.

    The file is made unless it holds a good one already. Raises `LedgerExists` (nothing is overwritten),
    `LedgerInUse`, `KeyFileRefused`, `KeysUnavailable`, `StorageUnsupported`.
    """
    root = FileRootKeys.created(root_keys, entropy) if isinstance(root_keys, Path) else root_keys
    ledger_id = uuid.UUID(bytes=entropy(16), version=4)
    fences = fences or _fences_beside(root_keys)
    store = create_store(path_or_url, ledger_id, KeyRing.founding_rows(root, entropy))
    ledger = _taking_over(store, root, clock, entropy, fences)
    try:
        ledger.submit(lambda transaction: transaction.epochs.advance()).result()  # its first epoch starts
    except BaseException:
        ledger.close()
        raise
    return ledger


def open_ledger(
    path_or_url: str,
    root_keys: Path | RootKeys,
    *,
    clock: Clock,
    entropy: Entropy = os.urandom,
    fences: Path | None = None,
) -> Ledger:
    """Opens a ledger for writing. `root_keys`: who keeps its root, or the file of a root key.

    Raises `LedgerMissing`, `LedgerInUse`, `KeyFileRefused`, `KeysUnavailable`, `EntryCorrupt`.
    """
    root = FileRootKeys.opened(root_keys, entropy) if isinstance(root_keys, Path) else root_keys
    fences = fences or _fences_beside(root_keys)
    return _taking_over(open_store(path_or_url), root, clock, entropy, fences)


def _fences_beside(root_keys: Path | RootKeys) -> Path | None:
    return fences_beside(root_keys) if isinstance(root_keys, Path) else None


def _taking_over(store: Store, root: RootKeys, clock: Clock, entropy: Entropy, fences: Path | None) -> Ledger:
    try:
        return Ledger(store, root, clock, entropy, fences)
    except BaseException:
        store.close()
        raise
