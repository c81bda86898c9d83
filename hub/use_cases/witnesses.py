"""Gathers witnesses' cosignatures: one checkpoint at a time is offered to all, so that they sign the same.

What is gathered lies in the log's state, so that replicas add to the same round and a restart loses nothing.
The hub serves on while witnesses are away; how far each is behind is told.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from consent_ledger.entry import microseconds, moment
from consent_ledger.errors import LedgerClosed, ProofRefused, Refused, StorageError
from consent_ledger.ledger import Transaction
from consent_ledger.log.checkpoint import Checkpoint, open_checkpoint
from consent_ledger.log.checkpointer import SignedCheckpoint
from consent_ledger.log.note import KeyType, Line, Note, VerifierKey, parse_line
from consent_ledger.log.signing import signing_key
from hub.use_cases.log import Shown
from hub.use_cases.work import Caller

if TYPE_CHECKING:
    from hub.use_cases.hub import Hub

ROUND_STATE = "cosigning"
"""When the round began (8 bytes, microseconds since 1970), then its checkpoint with the lines so far."""
COSIGNED_STATE = "cosigned"
"""The newest checkpoint that enough witnesses cosigned."""
SEEN_STATE = "witness/"
"""With an agency's id behind it: when its last cosignature came (8 bytes), and of which size (8 bytes)."""

ROUND_SECONDS = 10.0
"""A witness that is slow delays the others by so much, and no more."""
LIVE_SECONDS = 60.0
"""Who has not asked for so long is not waited for."""
LONGEST_WAIT = timedelta(seconds=20)
TICK_SECONDS = 1.0
LOAD_SECONDS = 2.0


class Offer(NamedTuple):
    """A checkpoint to cosign, and the proof from the witness's own size to it."""

    checkpoint: Checkpoint
    note: bytes
    proof: list[bytes]


class WitnessStanding(NamedTuple):
    """How long ago a witness's last cosignature came, in seconds; from the hub's start if none ever did."""

    agency_id: str
    behind_seconds: float


class _Round(NamedTuple):
    began: datetime
    note: Note
    checkpoint: Checkpoint


class Witnesses:
    """One hub's witnesses. `needed` of their owners make a checkpoint that is answered as cosigned."""

    def __init__(self, hub: Hub, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._monotonic = monotonic
        self._began = monotonic()
        self._asked: dict[str, tuple[float, int]] = {}
        self._shown: bytes | None = None

    @property
    def needed(self) -> int:
        return self._hub.log.witnesses_needed

    @property
    def are_stopping(self) -> bool:
        """Whether the hub ends, and nobody is to be asked any more."""
        return self._hub.is_stopping

    # -- what witnesses do ----------------------------------------------------------------------------

    async def await_checkpoint(self, caller: Caller, old_size: int, wait: timedelta) -> Offer | None:
        """The next checkpoint to cosign; None when there is nothing new in time.

        Raises `UNKNOWN_WITNESS`, `BEYOND_LEDGER` when the witness signed more than there is.
        """
        agency_id, _ = await self._witness(caller)
        return await self.offered(agency_id, old_size, min(wait, LONGEST_WAIT))

    async def offered(self, name: str, old_size: int, wait: timedelta) -> Offer | None:
        """As `await_checkpoint`, for a witness that is known by some name."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + wait.total_seconds()
        while True:
            newest = await self._newest(ends)
            if newest is not None:
                self._asked[name] = (self._monotonic(), old_size)
                if old_size > newest.checkpoint.size:
                    raise Refused("BEYOND_LEDGER", size=newest.checkpoint.size)
                shown = await self._hub.look(partial(self._offer, newest=newest, old_size=old_size))
                if shown is not None:
                    proof, _ = await self._hub.log.consistency_proof(old_size, shown.checkpoint.size)
                    return Offer(*shown, proof)
            if loop.time() >= ends or self._hub.is_stopping:
                return None
            await self._something(newest, min(ends - loop.time(), TICK_SECONDS))

    async def add_cosignature(self, caller: Caller, size: int, cosignature: bytes) -> None:
        """Takes a cosignature of the checkpoint of `size`. Raises `UNKNOWN_WITNESS`, `BAD_COSIGNATURE`,
        `BEYOND_LEDGER`, `NOT_YET_COVERED`."""
        agency_id, key = await self._witness(caller)
        await self._add(agency_id, key, size, cosignature)

    async def add_lines(self, size: int, lines: bytes) -> int:
        """Takes what a witness answered over HTTP, but for lines of unknown keys. How many were taken.

        Raises `BAD_COSIGNATURE` for a known key's line that does not verify.
        """
        keys = await self._hub.look(lambda transaction: self._keys())
        taken = 0
        for text in lines.splitlines(keepends=True):
            try:
                line = parse_line(text.decode().removesuffix("\n"))
            except (ProofRefused, UnicodeDecodeError):
                raise Refused("BAD_COSIGNATURE") from None
            for agency_id, key in keys.items():
                if (line.name, line.key_id) == (key.name, key.key_id):
                    await self._add(agency_id, key, size, text)
                    taken += 1
        return taken

    async def load(self) -> None:
        """Shows what was gathered before, by this process or another."""
        found = await self._hub.ledger.run(self._gathered)
        for shown, enough in found:
            self._hub.log.cosign(*shown, enough=enough)

    async def keep_loading(self) -> None:
        """On and on until cancelled: for a ledger whose other replicas gather too."""
        while True:
            with suppress(StorageError, LedgerClosed):  # it fails for every call, and is told there
                await self.load()
            await asyncio.sleep(LOAD_SECONDS)

    def standing(self, transaction: Transaction) -> list[WitnessStanding]:
        """How far behind each witness is."""
        found = []
        for agency_id in sorted(self._keys()):
            seen = transaction.state(SEEN_STATE + agency_id)
            behind = self._monotonic() - self._began
            if seen is not None:
                behind = (transaction.now - moment(int.from_bytes(seen[:8]))).total_seconds()
            found.append(WitnessStanding(agency_id, max(behind, 0.0)))
        return found

    # -- within a command -----------------------------------------------------------------------------

    def _keys(self) -> Mapping[str, VerifierKey]:
        agencies = self._hub.projector.index.agencies.values()
        return {
            one.agency_id: VerifierKey.parse(one.witness_key)
            for one in agencies
            if one.witness_key and one.departed is None
        }

    def _offer(self, transaction: Transaction, newest: SignedCheckpoint, old_size: int) -> Shown | None:
        current = _round(transaction)
        if current is None or self._is_over(current, newest, transaction.now):
            current = _Round(transaction.now, Note.parse(newest.note), newest.checkpoint)
            _write_round(transaction, current)
        if not old_size < current.checkpoint.size <= newest.checkpoint.size:
            return None  # signed already, or begun by a replica that is ahead of this one
        # The log's own signature alone: a witness has no use for the others' lines.
        return Shown(current.checkpoint, bytes(Note(current.note.text, current.note.lines[:1])))

    def _is_over(self, current: _Round, newest: SignedCheckpoint, now: datetime) -> bool:
        """Whether the newest checkpoint may be offered instead."""
        if current.checkpoint.origin != newest.checkpoint.origin:
            return True
        if current.checkpoint.size >= newest.checkpoint.size:
            return False
        if now - current.began >= timedelta(seconds=ROUND_SECONDS):
            return True
        since = self._monotonic() - LIVE_SECONDS
        live = [size for asked, size in self._asked.values() if asked >= since]
        return all(size >= current.checkpoint.size for size in live)

    def _take(
        self, transaction: Transaction, agency_id: str, key: VerifierKey, checkpoint: Checkpoint, line: Line
    ) -> tuple[Shown, bool] | None:
        """Adds a line that was verified. What is to be shown, and whether enough have signed."""
        seen = microseconds(transaction.now).to_bytes(8) + checkpoint.size.to_bytes(8)
        transaction.write_state(SEEN_STATE + agency_id, seen)
        current = _round(transaction)
        if current is None or current.checkpoint != checkpoint:
            return None
        others = tuple(one for one in current.note.lines if (one.name, one.key_id) != (key.name, key.key_id))
        note = Note(current.note.text, (*others, line))
        _write_round(transaction, current._replace(note=note))
        shown = Shown(checkpoint, bytes(note))
        enough = self._is_enough(transaction, note)
        if enough:
            transaction.write_state(COSIGNED_STATE, bytes(note))
        return shown, enough

    def _is_enough(self, transaction: Transaction, note: Note) -> bool:
        log, keys = signing_key(transaction, self._hub.ledger.ledger_id).verifier, self._keys()
        opened = open_checkpoint(bytes(note), log, tuple(keys.values()))
        cosigned = {one.key.public for one in opened.cosigned}
        agencies = self._hub.projector.index.agencies
        # Two witnesses in one house are one: what counts is the controller in law, of several agencies maybe.
        owners = {
            agencies[agency_id].controller_id
            for agency_id, key in keys.items()
            if key.public in cosigned and key.public != log.public
        }
        return len(owners) >= max(self.needed, 1)

    def _gathered(self, transaction: Transaction) -> list[tuple[Shown, bool]]:
        stored = transaction.state(COSIGNED_STATE)
        current = _round(transaction)
        found = [(stored, True)] if stored is not None and stored != self._shown else []
        if current is not None:
            found.append((bytes(current.note), False))
        self._shown = stored
        origin = signing_key(transaction, self._hub.ledger.ledger_id).name
        read = [(Shown(Checkpoint.parse(Note.parse(note).text), note), enough) for note, enough in found]
        return [(shown, enough) for shown, enough in read if shown.checkpoint.origin == origin]

    # -- waiting --------------------------------------------------------------------------------------

    async def _witness(self, caller: Caller) -> tuple[str, VerifierKey]:
        """The calling agency and its key, as they stand at the ledger's head. Raises `UNKNOWN_CERTIFICATE`,
        `UNKNOWN_WITNESS`."""

        def look(transaction: Transaction) -> tuple[str, VerifierKey] | str:
            # Answered, not raised: what is raised there would have the projections folded anew.
            index, agency_id = self._hub.projector.index, caller.agency_id or ""
            public = hashlib.sha256(caller.public_key_der or b"").digest()
            if index.agency_of(caller.certificate_uri or "", public) != agency_id:
                return "UNKNOWN_CERTIFICATE"
            key = self._keys().get(agency_id)
            return "UNKNOWN_WITNESS" if key is None else (agency_id, key)

        found = await self._hub.look(look)
        if isinstance(found, str):
            raise Refused(found)
        return found

    async def _add(self, agency_id: str, key: VerifierKey, size: int, cosignature: bytes) -> None:
        newest = self._hub.log.checkpointer.newest
        if newest is None:
            raise Refused("NOT_YET_COVERED")
        if size > newest.checkpoint.size:
            raise Refused("BEYOND_LEDGER", size=newest.checkpoint.size)
        checkpoint = newest.checkpoint
        if size < checkpoint.size:
            root = await self._hub.log.checkpointer.root_at(size)
            checkpoint = Checkpoint(checkpoint.origin, size, root)
        line = verified_line(checkpoint, key, cosignature)
        self._asked[agency_id] = (self._monotonic(), size)
        taken = await self._hub.look(
            partial(self._take, agency_id=agency_id, key=key, checkpoint=checkpoint, line=line)
        )
        if taken is not None:
            shown, enough = taken
            self._hub.log.cosign(*shown, enough=enough)

    async def _newest(self, ends: float) -> SignedCheckpoint | None:
        checkpointer = self._hub.log.checkpointer
        if checkpointer.newest is not None:
            return checkpointer.newest
        seconds = ends - asyncio.get_running_loop().time()
        return await checkpointer.wait_until(lambda: checkpointer.newest, seconds)

    async def _something(self, newest: SignedCheckpoint | None, seconds: float) -> None:
        """Until a newer checkpoint is there, or a moment has passed."""
        checkpointer = self._hub.log.checkpointer

        def newer() -> SignedCheckpoint | None:
            return checkpointer.newest if checkpointer.newest is not newest else None

        await checkpointer.wait_until(newer, seconds)


def verified_line(checkpoint: Checkpoint, key: VerifierKey, cosignature: bytes) -> Line:
    """The one line that the key signed this checkpoint with. Raises `BAD_COSIGNATURE`."""
    try:
        text = cosignature.decode()
        if not text.endswith("\n") or key.kind is not KeyType.COSIGNATURE:
            raise ProofRefused("signature line")
        line = parse_line(text[:-1])
        (signed,) = Note(checkpoint.text, (line,)).verified([key])
    except (ProofRefused, UnicodeDecodeError):
        raise Refused("BAD_COSIGNATURE") from None
    if signed.time == 0:
        # It would say nothing about when, so nothing about what was the largest by then.
        raise Refused("BAD_COSIGNATURE")
    return line


def _round(transaction: Transaction) -> _Round | None:
    stored = transaction.state(ROUND_STATE)
    if stored is None:
        return None
    note = Note.parse(stored[8:])
    return _Round(moment(int.from_bytes(stored[:8])), note, Checkpoint.parse(note.text))


def _write_round(transaction: Transaction, current: _Round) -> None:
    transaction.write_state(ROUND_STATE, microseconds(current.began).to_bytes(8) + bytes(current.note))
