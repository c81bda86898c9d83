"""Follows the ledger, grows the tree behind it, and signs its head at most a second after it changed.

It verifies before it signs: every new leaf is made anew from the stored body, and the new tree has to begin
with the one signed last. Reading and writing happen in commands, a bounded number of entries each; hashing
happens beside the writer. Several replicas may do this at once: the same entries give the same root.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple, TypeVar

from consent_ledger.errors import LedgerClosed, LogDamaged, ProofRefused
from consent_ledger.ledger import Ledger, Transaction
from consent_ledger.log.checkpoint import Checkpoint, open_checkpoint
from consent_ledger.log.note import Note, SigningKey, VerifierKey
from consent_ledger.log.reading import CheckedTiles, TileCache, prove_consistency, published_rows
from consent_ledger.log.signing import VKEY_STATE, signing_key
from consent_ledger.log.tiles import Edge
from consent_ledger.log.tree import TILE_WIDTH, leaf_hash, root_of, verify_consistency
from consent_ledger.store.port import StoredEntry

T = TypeVar("T")

CHECKPOINT_STATE = "checkpoint"
"""The newest checkpoint with the ledger's own signature."""
EDGE_STATE = "edge"
"""The tree's right edge under that checkpoint, without level 0."""

EVERY_SECONDS = 0.4
"""From one checkpoint to the next, at least."""
STEP = 512
"""Entries read in one command: some milliseconds of the writer's time."""
_HASHES_STEP = 8192
_TOLD = 32_768
_PATIENCE_SECONDS = 60.0
_AFTER_DAMAGE_SECONDS = 600.0

_log = logging.getLogger(__name__)


class SignedCheckpoint(NamedTuple):
    """A checkpoint of this ledger, its note, and the tree's right edge at its size."""

    checkpoint: Checkpoint
    note: bytes
    edge: Edge


class _Looked(NamedTuple):
    size: int
    note: bytes | None
    edge: bytes
    key: SigningKey


def _leaf_hashes(transaction: Transaction, after: int, through: int) -> list[bytes]:
    return transaction.leaf_hashes(after, through)


async def _nothing(_: object) -> None:
    """Nobody asked to be told."""


class Checkpointer:
    """One ledger's log. `run` keeps it; `newest` is what may be shown."""

    def __init__(self, ledger: Ledger, *, every_seconds: float = EVERY_SECONDS) -> None:
        self.ledger = ledger
        self.cache = TileCache()
        self.newest: SignedCheckpoint | None = None
        self.failure: str | None = None
        """The class of what keeps it from signing; None while all is well."""
        self.barred = False
        """Set when a scrub found damage: nothing is signed any more until the hub starts anew."""
        self.before_signed: Callable[[Checkpoint], Awaitable[None]] = _nothing
        """Called before a checkpoint is signed. What it raises keeps it from being signed."""
        self.before_shown: Callable[[bytes], Awaitable[None]] = _nothing
        """Called with each checkpoint's note, its own or another replica's, before anybody can see it."""
        self.progress: Callable[[int, int], None] = lambda done, size: None
        """Told of entries taken in and how many there are, now and then while there are very many."""
        self._every_seconds = every_seconds
        self._edge = Edge()
        self._unwritten: dict[tuple[int, int], bytes] = {}
        self._known: bytes | None = None
        self._anew = False
        self._from_nothing = False
        self._lock = asyncio.Lock()
        self._holder: asyncio.Task[object] | None = None
        self._shown = asyncio.Event()
        self._grown = asyncio.Event()
        self._told = False
        self._stopping = False

    # -- the task ------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Signs what there is, then whatever comes, until cancelled or the ledger is closed."""
        loop = asyncio.get_running_loop()
        self.ledger.on_growth(lambda: self._tell(loop))
        pause = self._every_seconds
        while True:
            self._grown.clear()
            self._told = False
            try:
                await self.catch_up()
                self.failure, pause = None, self._every_seconds
            except LedgerClosed:
                return
            except Exception as error:  # noqa: BLE001 - the hub serves on, whatever keeps it from signing
                self._failed(error)
                pause = self._pause_after(error, pause)
            await asyncio.sleep(pause)
            if self.failure is None:
                await self._grown.wait()

    def make_anew(self) -> None:
        """Has everything that is derived from the entries made anew before anything more is signed."""
        self._anew = True
        self._grown.set()

    def nudge(self) -> None:
        """The ledger may have grown, by another replica's hand. To be called on the task's own loop."""
        self._grown.set()

    def _tell(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._told:
            self._told = True
            try:
                loop.call_soon_threadsafe(self._grown.set)
            except RuntimeError:
                # The loop is gone, and with it whoever would sign.
                return

    def _failed(self, error: Exception) -> None:
        kind = type(error).__name__
        if kind != self.failure:
            # Its text may quote what was stored.
            fields = {"error_type": kind}
            _log.error("no checkpoint is signed", extra={"event": "LOG_NOT_SIGNED", "fields": fields})
        self.failure = kind

    def _pause_after(self, error: Exception, pause: float) -> float:
        if isinstance(error, LogDamaged):
            # What is derived is made anew from the entries, once; if it then differs still, an entry does.
            again = self._from_nothing
            self.make_anew()
            return _AFTER_DAMAGE_SECONDS if again else self._every_seconds
        return min(pause * 2, _PATIENCE_SECONDS)

    # -- for those who wait --------------------------------------------------------------------------

    async def wait_until(self, found: Callable[[], T | None], seconds: float) -> T | None:
        """What `found` gives, asked again whenever a checkpoint is shown; None when time is up."""
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                while (answer := found()) is None and not self._stopping:
                    await self._shown.wait()
        except TimeoutError:
            return None
        return answer

    def stop(self) -> None:
        """Lets everybody who waits go: the hub is stopping."""
        self._stopping = True
        self.wake()

    def wake(self) -> None:
        """Has everybody who waits look again."""
        self._shown.set()
        self._shown = asyncio.Event()

    async def root_at(self, size: int) -> bytes:
        """The root of the first `size` entries, from what is stored. Raises `LogDamaged` if it is shorter."""
        async with self._alone():
            looked = await self.ledger.run(self._look)
            if size > looked.size:
                raise LogDamaged(reason="the ledger is shorter", size=looked.size)
            await self._restore(looked)
            await self._integrate(size)
            return await self._root_at(size)

    # -- growing and signing -------------------------------------------------------------------------

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """One task at a time; whom a holder calls back may come in too."""
        task = asyncio.current_task()
        if self._holder is task:
            yield
            return
        async with self._lock:
            self._holder = task
            try:
                yield
            finally:
                self._holder = None

    async def catch_up(self) -> SignedCheckpoint:
        """Signs the ledger as it is now, unless it is signed. Raises `LogDamaged`, `EntryCorrupt`, others."""
        async with self._alone():
            if self._anew:
                self._begin_anew()
            while True:
                looked = await self.ledger.run(self._look)
                if looked.note is not None and looked.note != self._known:
                    await self._adopt(looked, looked.note)
                newest = self.newest
                if newest is not None and newest.checkpoint.size > looked.size:
                    raise LogDamaged(reason="the ledger is shorter than it was", size=looked.size)
                if (
                    newest is not None
                    and newest.checkpoint.size == looked.size
                    and newest.checkpoint.origin == looked.key.name
                ):
                    return newest
                if self.barred:
                    raise LogDamaged(reason="found by a scrub")
                await self._integrate(looked.size)
                if await self._signed(looked):
                    assert self.newest is not None
                    return self.newest

    def _begin_anew(self) -> None:
        self._anew, self._from_nothing = False, True
        self._edge, self._known = Edge(), None
        self._unwritten.clear()
        self.cache.clear()

    def _look(self, transaction: Transaction) -> _Looked:
        return _Looked(
            transaction.size,
            transaction.state(CHECKPOINT_STATE),
            transaction.state(EDGE_STATE) or b"",
            signing_key(transaction, self.ledger.ledger_id),
        )

    async def _adopt(self, looked: _Looked, note: bytes) -> None:
        """Takes a stored checkpoint for what it says, once the entries lead to it."""
        origin = Checkpoint.parse(Note.parse(note).text).origin
        verifier = looked.key.verifier
        try:
            checkpoint = open_checkpoint(note, VerifierKey(origin, verifier.kind, verifier.public)).checkpoint
        except ProofRefused as error:
            raise LogDamaged(reason="checkpoint") from error
        if checkpoint.size > looked.size:
            raise LogDamaged(reason="the ledger is shorter than its checkpoint", size=looked.size)
        await self._restore(looked)
        await self._integrate(checkpoint.size)
        if await self._root_at(checkpoint.size) != checkpoint.root:
            raise LogDamaged(reason="the entries do not lead to the checkpoint")
        self._known = note
        if self._from_nothing:
            await self.ledger.run(lambda transaction: self._write_derived(transaction, checkpoint, note))
            self._unwritten.clear()
            self._from_nothing = False
        if self._edge.size == checkpoint.size:
            await self.before_shown(note)
            self._show(checkpoint, note)

    def _write_derived(self, transaction: Transaction, checkpoint: Checkpoint, note: bytes) -> None:
        transaction.write_tiles(self._tiles_to_write())
        if self._edge.size == checkpoint.size and transaction.state(CHECKPOINT_STATE) == note:
            transaction.write_state(EDGE_STATE, self._edge.above())

    async def _restore(self, looked: _Looked) -> None:
        """Begins with the edge that was stored, if it leads to the stored checkpoint; else from nothing."""
        if self._edge.size or looked.note is None or self._from_nothing:
            return
        checkpoint = Checkpoint.parse(Note.parse(looked.note).text)
        size = min(checkpoint.size, looked.size)
        last = await self.ledger.run(
            lambda transaction: transaction.leaf_hashes(size - size % TILE_WIDTH, size)
        )
        try:
            edge = Edge.restored(size, b"".join(last), looked.edge)
        except ValueError:
            return
        if edge.root() == checkpoint.root:
            self._edge = edge

    async def _integrate(self, size: int) -> None:
        """Grows the tree to at least `size` leaves, each made anew from its entry's stored body."""
        while (after := self._edge.size) < size:
            through, tiles = min(after + STEP, size), self._tiles_to_write()

            def step(
                transaction: Transaction,
                after: int = after,
                through: int = through,
                tiles: Sequence[tuple[int, int, bytes]] = tiles,
            ) -> list[StoredEntry]:
                if tiles:
                    transaction.write_tiles(tiles)
                return transaction.rows(after, through)

            rows = await self.ledger.run(step)
            self._unwritten.clear()
            if len(rows) != through - after:
                raise LogDamaged(reason="an entry is missing", size=after + len(rows))
            await asyncio.to_thread(self._add, rows)
            if through // _TOLD > after // _TOLD:
                self.progress(through, size)

    def _add(self, rows: list[StoredEntry]) -> None:
        leaves = [leaf_hash(entry) for entry in published_rows(rows, self._edge.size)]
        for level, number, hashes in self._edge.add(leaves):
            if level:
                self._unwritten[level, number] = hashes

    def _tiles_to_write(self) -> list[tuple[int, int, bytes]]:
        return [(level, number, hashes) for (level, number), hashes in self._unwritten.items()]

    async def _root_at(self, size: int) -> bytes:
        if size == self._edge.size:
            return self._edge.root()
        return await self.ledger.run(lambda transaction: root_of(size, self._tiles(transaction)))

    def _tiles(self, transaction: Transaction) -> CheckedTiles:
        return CheckedTiles(transaction, self._edge, self.cache, self._unwritten)

    async def _signed(self, looked: _Looked) -> bool:
        """Signs the tree as it is, stores and shows that. False if another replica was faster."""
        key = looked.key
        checkpoint = Checkpoint(key.name, self._edge.size, self._edge.root())
        await self._require_growth(checkpoint)
        await self.before_signed(checkpoint)
        note = bytes(Note(checkpoint.text, (key.sign(checkpoint.text),)))
        if open_checkpoint(note, key.verifier).checkpoint != checkpoint:
            raise LogDamaged(reason="the signature is not of this checkpoint")
        edge = self._edge.above()
        tiles = self._tiles_to_write()

        def write(transaction: Transaction) -> bool:
            if transaction.state(CHECKPOINT_STATE) != looked.note:
                return False
            if signing_key(transaction, self.ledger.ledger_id).name != key.name:
                return False
            transaction.write_tiles(tiles)
            transaction.write_state(EDGE_STATE, edge)
            transaction.write_state(CHECKPOINT_STATE, note)
            transaction.write_state(VKEY_STATE, str(key.verifier).encode())
            return True

        # Kept outside before the database says that there is one: a kill in between must not look like a
        # file that somebody took away.
        await self.before_shown(note)
        if not await self.ledger.run(write):
            return False
        self._unwritten.clear()
        self._known = note
        self._from_nothing = False
        self._show(checkpoint, note)
        return True

    async def _require_growth(self, checkpoint: Checkpoint) -> None:
        """The tree that was signed last has to be the beginning of this one, and both ways give one root."""
        if await self._derived_again(checkpoint.size) != checkpoint.root:
            raise LogDamaged(reason="the leaf hashes do not lead to the root")
        if self.newest is None:
            return
        old = self.newest.checkpoint
        if old.size > checkpoint.size:
            raise LogDamaged(reason="the tree is smaller than the one signed last", size=checkpoint.size)
        proof = await self.ledger.run(
            lambda transaction: prove_consistency(self._tiles(transaction), old.size, checkpoint.size)
        )
        try:
            verify_consistency(old.size, checkpoint.size, old.root, checkpoint.root, proof)
        except ProofRefused as error:
            raise LogDamaged(reason="the tree does not begin with the one signed last") from error

    async def _derived_again(self, size: int) -> bytes:
        """The root over what was signed last and the leaf hashes as they are stored: nothing of it came by
        way of the bodies, or lay in memory since."""
        edge = Edge() if self.newest is None else self.newest.edge.copy()
        while edge.size < size:
            after, through = edge.size, min(edge.size + _HASHES_STEP, size)
            leaves = await self.ledger.run(partial(_leaf_hashes, after=after, through=through))
            await asyncio.to_thread(edge.add, leaves)
        return edge.root()

    def _show(self, checkpoint: Checkpoint, note: bytes) -> None:
        self.newest = SignedCheckpoint(checkpoint, note, self._edge.copy())
        self.wake()
