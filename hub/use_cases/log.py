"""The ledger as a log that anybody may check: what its checkpoints cover, proved. Asking leaves no entry.

What is told holds for everybody alike: entries are of two classes and one size, and so are the answers.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple, TypeVar
from uuid import UUID

from consent_ledger.errors import Refused
from consent_ledger.ledger import Ledger, Transaction
from consent_ledger.log.checkpoint import Checkpoint
from consent_ledger.log.checkpointer import STEP, Checkpointer
from consent_ledger.log.reading import CheckedTiles, list_entries, prove_consistency, prove_inclusion

T = TypeVar("T")

_FIRST = timedelta(seconds=20)
"""How long the first checkpoint after a start is waited for; later there always is one."""


class Shown(NamedTuple):
    """A checkpoint with the note that is handed out: the ledger's signature, and cosignatures so far."""

    checkpoint: Checkpoint
    note: bytes


class Log:
    """One hub's log. Its `checkpointer` signs; whoever gathers cosignatures tells `cosign`."""

    def __init__(self, ledger: Ledger) -> None:
        self.checkpointer = Checkpointer(ledger)
        self.witnesses_needed = 0
        """So many have to cosign what is shown as cosigned; 0: nobody has to."""
        self._ledger = ledger
        self._cosigned: Shown | None = None
        self._lines: tuple[Checkpoint, bytes] | None = None

    @property
    def failed(self) -> bool:
        """Whether something keeps it from signing."""
        return self.checkpointer.failure is not None or self.checkpointer.barred

    @property
    def newest(self) -> Shown | None:
        """The newest checkpoint, cosigned as far as it is."""
        signed = self.checkpointer.newest
        if signed is None:
            return None
        if self._lines is not None and self._lines[0] == signed.checkpoint:
            return Shown(*self._lines)
        return Shown(signed.checkpoint, signed.note)

    @property
    def cosigned(self) -> Shown | None:
        """The newest one that enough witnesses cosigned."""
        return self._cosigned if self.witnesses_needed else self.newest

    def cosign(self, checkpoint: Checkpoint, note: bytes, *, enough: bool) -> None:
        """Shows a checkpoint's note with the cosignatures there are; `enough` of them, or not yet.

        The caller has verified every line, and kept them where they last.
        """
        if self._lines is None or self._lines[0].size <= checkpoint.size:
            self._lines = (checkpoint, note)
        if enough and (self._cosigned is None or self._cosigned.checkpoint.size <= checkpoint.size):
            self._cosigned = Shown(checkpoint, note)
        self.checkpointer.wake()

    async def checkpoint(self, min_size: int, wait: timedelta, *, cosigned: bool) -> Shown:
        """The newest checkpoint once it covers `min_size`. Raises `NOT_YET_COVERED`."""
        found = await self._covering(min_size, wait, cosigned)
        if found is None:
            raise Refused("NOT_YET_COVERED")
        return found

    async def inclusion_proof(
        self, ledger_id: UUID, position: int, wait: timedelta, *, cosigned: bool
    ) -> tuple[bytes, bytes]:
        """The `.tlog-proof` of the entry at a position, and the entry.

        Raises `NOT_FOUND` for another ledger's position, `BEYOND_LEDGER`, `NOT_YET_COVERED`.
        """
        if ledger_id != self._ledger.ledger_id:
            raise Refused("NOT_FOUND")
        found = await self._covering(position, timedelta(0), cosigned)
        if found is None:
            size = await self._ledger.run(lambda transaction: transaction.size)
            if position > size:
                raise Refused("BEYOND_LEDGER", size=size)
            found = await self.checkpoint(position, wait, cosigned=cosigned)
        checkpoint, note = found
        return await self._read(
            lambda transaction, tiles: prove_inclusion(transaction, tiles, checkpoint, note, position)
        )

    async def consistency_proof(self, old: int, new: int) -> tuple[list[bytes], int]:
        """From one size to another (0: the newest checkpoint's), and that size.

        Raises `INVALID_FIELD` when the old one is larger, `BEYOND_LEDGER`, `NOT_YET_COVERED`.
        """
        size = (await self.checkpoint(0, _FIRST, cosigned=False)).checkpoint.size
        new = new or size
        if new > size:
            raise Refused("BEYOND_LEDGER", size=size)
        if old > new:
            raise Refused("INVALID_FIELD", field="old_size", rule="at most new_size")
        return await self._read(lambda _, tiles: prove_consistency(tiles, old, new)), new

    async def entries(self, first: int, limit: int) -> list[bytes]:
        """Published entries from position `first` on. Raises `BEYOND_LEDGER`, `NOT_YET_COVERED`."""
        size = (await self.checkpoint(0, _FIRST, cosigned=False)).checkpoint.size
        if first > size:
            raise Refused("BEYOND_LEDGER", size=size)
        found: list[bytes] = []
        through = min(first - 1 + limit, size)
        for start in range(first, through + 1, STEP):
            some = min(STEP, through + 1 - start)

            def listed(
                transaction: Transaction, tiles: CheckedTiles, start: int = start, some: int = some
            ) -> list[bytes]:
                return list_entries(transaction, tiles, size, start, some)

            found += await self._read(listed)
        return found

    async def _covering(self, size: int, wait: timedelta, cosigned: bool) -> Shown | None:
        def covering() -> Shown | None:
            found = self.cosigned if cosigned else self.newest
            return found if found is not None and found.checkpoint.size >= size else None

        return covering() or await self.checkpointer.wait_until(covering, wait.total_seconds())

    async def _read(self, read: Callable[[Transaction, CheckedTiles], T]) -> T:
        """Reads with tiles that are checked up to the newest checkpoint, which is there once any is."""
        newest, cache = self.checkpointer.newest, self.checkpointer.cache
        assert newest is not None

        def command(transaction: Transaction) -> T:
            return read(transaction, CheckedTiles(transaction, newest.edge, cache))

        return await self._ledger.run(command)
