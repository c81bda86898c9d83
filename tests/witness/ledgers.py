"""Ledgers that grow by entries without meaning, and the backups that are made of them."""

import asyncio
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from consent_ledger.domain import LedgerOrigin, recording_time
from consent_ledger.entry import EntryClass
from consent_ledger.ledger import Ledger, Transaction, create_ledger, open_ledger
from consent_ledger.log.checkpointer import Checkpointer, SignedCheckpoint
from consent_ledger.log.gate import Gate
from consent_ledger.repository import Repository
from hub.use_cases.work import ADMINISTRATION
from tests.clock import ManualClock

T = TypeVar("T")


class Kept:
    """A folder with one ledger, as a hub keeps it. Each `opened` is a process that starts and ends."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.folder = folder
        self.clock = clock
        self.file = folder / "checkpoint"
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def database(self) -> Path:
        return self.folder / "ledger.db"

    def create(self) -> None:
        create_ledger(str(self.database), self.folder / "root.key", clock=self.clock).close()

    def opened(
        self, work: Callable[[Ledger, Checkpointer], Coroutine[Any, Any, T]], *, gated: bool = True
    ) -> T:
        """Opens the ledger, passes the gate as a hub does, and works."""

        async def whole() -> T:
            ledger = open_ledger(str(self.database), self.folder / "root.key", clock=self.clock)
            try:
                checkpointer = Checkpointer(ledger)
                if gated:
                    await Gate(ledger, checkpointer, self.file).require()
                return await work(ledger, checkpointer)
            finally:
                await asyncio.to_thread(ledger.close)

        return asyncio.run(whole())

    def grow(self, number: int, *, gated: bool = True) -> SignedCheckpoint:
        """So many entries, and the checkpoint over all."""

        async def work(ledger: Ledger, checkpointer: Checkpointer) -> SignedCheckpoint:
            await append(ledger, number)
            return await checkpointer.catch_up()

        return self.opened(work, gated=gated)

    def back_up(self, to: Path) -> None:
        """Copies the database and nothing else."""
        to.mkdir(parents=True)
        for file in self.folder.glob("ledger.db*"):
            shutil.copy(file, to)

    def restore(self, backup: Path) -> None:
        """Puts a backup's database in place of this one."""
        for file in self.folder.glob("ledger.db*"):
            file.unlink()
        for file in backup.iterdir():
            shutil.copy(file, self.folder)


async def append(ledger: Ledger, number: int) -> None:
    """Entries of the class administration, each of its own stream."""

    def command(transaction: Transaction) -> None:
        recording_time.set(transaction.now)
        for one in range(number):
            name = f"entry {transaction.size + one}"
            entry = LedgerOrigin.begin(
                transaction.vault.opaque_id("test", name), origin=name, checkpoint="", restored_size=0
            )
            drafts = Repository(transaction).drafts(
                entry, owner=ADMINISTRATION, entry_class=EntryClass.ADMINISTRATION, changes_policy=False
            )
            transaction.append(drafts, decided_at=transaction.size)

    await ledger.run(command)
