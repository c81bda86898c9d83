"""Keeps the last signed checkpoint outside the database, and lets nothing be served that contradicts it.

A database can be restored, or fail over, to an older state, and none of its own rows tells. So the file is
compared with the entries when the hub starts and before each signature. Once they differ, the ledger is
refused for good: what was acknowledged, a withdrawal perhaps, may be among what is gone.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from consent_ledger.durable import put_in_place
from consent_ledger.errors import (
    CheckpointMissing,
    CheckpointUnusable,
    LedgerDiverged,
    LedgerRolledBack,
    LogDamaged,
    ProofRefused,
    StorageFailed,
    StorageFull,
)
from consent_ledger.ledger import Ledger, Transaction
from consent_ledger.log.checkpoint import Checkpoint, open_checkpoint
from consent_ledger.log.checkpointer import CHECKPOINT_STATE, STEP, Checkpointer
from consent_ledger.log.note import MOST_BYTES, Note, SigningKey, VerifierKey
from consent_ledger.log.reading import published_rows
from consent_ledger.log.signing import signing_key
from consent_ledger.log.tiles import Edge
from consent_ledger.log.tree import leaf_hash

_DISK_FULL = {28, 122}
"""ENOSPC, EDQUOT."""


class Gate:
    """One ledger's checkpoint file. `require` it before anything is served or signed."""

    def __init__(
        self, ledger: Ledger, checkpointer: Checkpointer, path: Path, *, shared: bool = False
    ) -> None:
        """`shared`: other replicas write the same ledger, and keep files of their own: this one's may be
        missing at its first start."""
        self._ledger = ledger
        self._checkpointer = checkpointer
        self._path = path
        self._shared = shared
        self._known: Checkpoint | None = None
        checkpointer.before_signed = self._before_signed
        checkpointer.before_shown = self._before_shown

    async def require(self) -> None:
        """The database is not behind the last checkpoint, and leads to it.

        Raises `LedgerRolledBack`, `LedgerDiverged`, `CheckpointMissing`, `CheckpointUnusable`.
        """
        known = await self._kept_now()
        if known is None:
            stored = await self._ledger.run(lambda transaction: transaction.state(CHECKPOINT_STATE))
            if stored is not None and not self._shared:
                raise CheckpointMissing()
            return
        try:
            await self._require_led_to(known)
        except LogDamaged:
            # What is derived is damaged, not necessarily an entry: the checkpointer makes it anew later.
            if await self._root_from_entries(known.size) != known.root:
                raise LedgerDiverged(known.size) from None

    async def _root_from_entries(self, size: int) -> bytes:
        edge = Edge()
        while (after := edge.size) < size:
            through = min(after + STEP, size)

            def step(transaction: Transaction, after: int = after, through: int = through) -> list[bytes]:
                return published_rows(transaction.rows(after, through), after)

            entries = await self._ledger.run(step)
            if len(entries) != through - after:
                raise LedgerDiverged(size)
            await asyncio.to_thread(_grow, edge, entries)
        return edge.root()

    async def _own(self, note: bytes) -> Checkpoint:
        key, _ = await self._ledger.run(self._look)
        checkpoint = checkpoint_of(note, key)
        if checkpoint.origin != key.name:
            # A database from before a new origin was begun, or after one that this file knows nothing of.
            raise LedgerDiverged(checkpoint.size)
        return checkpoint

    def _look(self, transaction: Transaction) -> tuple[SigningKey, int]:
        return signing_key(transaction, self._ledger.ledger_id), transaction.size

    async def _require_led_to(self, checkpoint: Checkpoint) -> None:
        _, size = await self._ledger.run(self._look)
        if size < checkpoint.size:
            raise LedgerRolledBack(checkpoint.size, size)
        if await self._checkpointer.root_at(checkpoint.size) != checkpoint.root:
            raise LedgerDiverged(checkpoint.size)

    async def _before_signed(self, checkpoint: Checkpoint) -> None:
        """Called when something is about to be signed: the ledger must continue what the file holds."""
        try:
            known = await self._kept_now()
            if known is not None:
                await self._require_led_to(known)
        except (LedgerRolledBack, LedgerDiverged) as error:
            await self._refuse_for_good(error)

    async def _kept_now(self) -> Checkpoint | None:
        """What the file holds; what it held last if it is gone."""
        kept = await asyncio.to_thread(read_checkpoint_file, self._path)
        if kept is not None:
            self._known = await self._own(kept)
        return self._known

    async def _refuse_for_good(self, error: StorageFailed) -> None:
        def command(transaction: Transaction) -> None:
            raise error

        # On the writer's thread it fails every command from now on, as a disk that failed does.
        await self._ledger.run(command)

    async def _before_shown(self, note: bytes) -> None:
        """Keeps a checkpoint before anybody sees it. Raises `StorageFull`, `StorageFailed`."""
        checkpoint, known = await self._own(note), await self._kept_now()
        if known is not None and known.size > checkpoint.size:
            return  # what the database stored may be older than what the file holds; never the other way
        if known != checkpoint or not await asyncio.to_thread(self._path.exists):
            await asyncio.to_thread(write_checkpoint_file, self._path, note)
            self._known = checkpoint


def _grow(edge: Edge, entries: Sequence[bytes]) -> None:
    for _ in edge.add([leaf_hash(entry) for entry in entries]):
        pass  # whole tiles, which somebody else stores


def checkpoint_of(note: bytes, key: SigningKey) -> Checkpoint:
    """A checkpoint that this ledger signed, under whatever origin. Raises `CheckpointUnusable`."""
    try:
        origin = Checkpoint.parse(Note.parse(note).text).origin
        verifier = key.verifier
        return open_checkpoint(note, VerifierKey(origin, verifier.kind, verifier.public)).checkpoint
    except ProofRefused:
        raise CheckpointUnusable() from None


def read_checkpoint_file(path: Path) -> bytes | None:
    """What is kept; None if there is no file. Raises `CheckpointUnusable`."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError:
        raise CheckpointUnusable() from None


def write_checkpoint_file(path: Path, note: bytes) -> None:
    """Puts a checkpoint in place of the one before: durable when this returns, whole after any power cut.

    Raises `StorageFull`, `StorageFailed`.
    """
    try:
        put_in_place(path, note)
    except OSError as error:
        raise (
            StorageFull() if error.errno in _DISK_FULL else StorageFailed(reason="checkpoint file")
        ) from None
