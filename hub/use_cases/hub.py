"""Runs use cases: catches up, settles time, decides at the ledger's head, appends, then answers."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar
from uuid import UUID, uuid4

from consent_ledger.access import AccessKind
from consent_ledger.domain import recording_time
from consent_ledger.errors import OnceToldError, Refused, StorageError, VaultError
from consent_ledger.ledger import Foreseen, Ledger, Transaction
from consent_ledger.statutory_duties import DUTIES, Duties
from consent_ledger.vault import Vault
from hub.projections.holdings import Holdings
from hub.projections.projector import AT_ONCE, Projector
from hub.use_cases.fresh_word import require_fresh
from hub.use_cases.horizon import COPIES_KEPT
from hub.use_cases.issuer import Issuer
from hub.use_cases.log import Log
from hub.use_cases.observer import Nobody, Observer
from hub.use_cases.recovery import Recovery, remembered
from hub.use_cases.settle import settle
from hub.use_cases.witnesses import Witnesses
from hub.use_cases.work import ADMINISTRATION, Caller, Work, reads_cells, streams_of

__all__ = ["Caller", "Hub", "Request"]

FOLLOWED_EVERY = 20.0
"""Seconds after which a replica looks at the ledger although nobody told it to."""

P = ParamSpec("P")
T = TypeVar("T")


class _BoundaryPassed:
    """A moment has passed whose entry is not appended yet: append it, then decide."""


class _Behind:
    """The projections are being made anew and not at the head yet: fold on, then decide."""


@dataclass(frozen=True, slots=True)
class Request:
    """One logical attempt: a repeat with the same body gets the same answer, another body is refused.

    `encode` makes the bytes that are remembered: positions and ids, never content.
    """

    method: str
    request_id: str
    body: bytes
    encode: Callable[[Any], bytes]
    two_people: bool = False
    """Whether it is refused once two administer the hub: then it is proposed and approved."""


def labels_of(vault: Vault, caller: Caller, request: Request) -> tuple[bytes, bytes]:
    """Under which an attempt's answer is remembered, and what its body is compared by."""
    label = vault.label("request", caller.agency_id or caller.name, request.method, request.request_id)
    return label, vault.label("request-body", label, hashlib.sha256(request.body).digest())


class _Attempt(NamedTuple):
    """A request with what `labels_of` gives for it."""

    request: Request
    label: bytes
    mac: bytes


def sealed_answer(vault: Vault, label: bytes, answer: bytes) -> bytes:
    """Sealed: a link token is among the answers, and ids would tell whose requests belong together."""
    return vault.seal_cell(ADMINISTRATION, label, answer)


@dataclass(frozen=True, slots=True)
class Repeated:
    """The remembered answer of an earlier attempt."""

    answer: bytes


class Hub:
    """The ledger with its projections. All decisions are taken in the one writer, under the head's lock,
    at the position of their own access entry: nothing decided can be behind a withdrawal."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        new_id: Callable[[], UUID] = uuid4,
        progress: Callable[[int, int], None] | None = None,
        duties: Duties = DUTIES,
    ) -> None:
        self.ledger = ledger
        self.duties = duties
        self.projector = Projector(progress)
        self._new_id = new_id
        self._waiting: dict[UUID, asyncio.Event] = {}
        self._stopping = False
        self.fetching: set[UUID] = set()
        self.observer: Observer = Nobody()
        self.issuer: Issuer | None = None
        """Signs certificates; `None` where the hub issues none."""
        self.to_erase = asyncio.Event()
        """Set when there may be something to erase before the next hour."""
        self.to_look = asyncio.Event()
        """Set when a place was protected: what was recorded before is to be looked through."""
        self.key_copies_kept = COPIES_KEPT
        """How long backups of its own keys are kept: after that a destroyed key is gone everywhere."""
        self.log = Log(ledger)
        self.witnesses = Witnesses(self)
        self._nudging: set[asyncio.Task[None]] = set()
        self._unseen = False
        self._recovery = Recovery(ledger, self.rebuild)
        ledger.on_reset(self.projector.reset)
        ledger.on_others_wrote(self.projector.look_again)

    async def start(self) -> None:
        """Brings the projections to the ledger's head; long on a large ledger, with progress."""
        while not await self._recovery.submitted(self._catch_up):
            pass
        loop = asyncio.get_running_loop()

        def heard() -> None:
            with suppress(RuntimeError):  # the loop has ended: nobody is left to be woken
                loop.call_soon_threadsafe(self._heard)

        self.ledger.listen(heard)

    async def rebuild(self) -> None:
        """Drops every projection and folds the ledger again (I14)."""
        await self.ledger.run(self.projector.drop)
        while not await self.ledger.run(self._catch_up):
            pass

    def _catch_up(self, transaction: Transaction) -> bool:
        """A good many entries at a time, each time kept. True when nothing is behind any more."""
        try:
            return self.projector.catch_up(transaction, AT_ONCE)
        except BaseException:
            # What was folded into the database is dropped with this command; memory has to follow.
            self.projector.reset()
            raise

    async def execute(
        self,
        use_case: Callable[Concatenate[Work, Caller, P], T],
        caller: Caller,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Runs a use case and returns its answer once what it appended is durable. Raises `OnceToldError`."""
        answer = await self.execute_once(None, use_case, caller, *args, **kwargs)
        assert not isinstance(answer, Repeated)
        return answer

    async def execute_once(
        self,
        request: Request | None,
        use_case: Callable[Concatenate[Work, Caller, P], T],
        caller: Caller,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T | Repeated:
        """Like `execute`, but a repeated request gets its first answer. Raises `REQUEST_ID_REUSED`."""

        def command(transaction: Transaction) -> T | Repeated | OnceToldError | _BoundaryPassed | _Behind:
            return self._run(
                transaction,
                attempt,
                caller,
                lambda work: use_case(work, caller, *args, **kwargs),
                cells,
                streams,
            )

        cells = reads_cells(use_case)
        vault = self.ledger.vault
        attempt = None if request is None else _Attempt(request, *labels_of(vault, caller, request))
        streams = streams_of(use_case, vault, caller, kwargs)
        foreseen = Foreseen(() if attempt is None else (attempt.label,), tuple(one.bytes for one in streams))

        while True:
            outcome = await self._recovery.submitted(command, foreseen)
            if isinstance(outcome, _BoundaryPassed):
                await self._recovery.submitted(self._settle)
            elif not isinstance(outcome, _Behind):
                break
        self._nudge()
        if isinstance(outcome, OnceToldError):
            raise outcome
        return outcome

    async def look(self, question: Callable[[Transaction], T]) -> T:
        """Asks the projections, caught up, on the writer's thread. It discloses and appends nothing. Raises
        `Refused` where the question does; it has written nothing until then."""

        def command(transaction: Transaction) -> T | Refused | _Behind:
            try:
                if not self.projector.catch_up(transaction, AT_ONCE):
                    return _Behind()
                try:
                    return question(transaction)
                except Refused as refusal:
                    # Answered, not raised: whoever guesses would have every projection made anew.
                    return refusal
            except BaseException:
                # What was folded into the database is dropped with this command; memory has to follow.
                self.projector.reset()
                raise

        while isinstance(answer := await self._recovery.submitted(command), _Behind):
            pass
        if isinstance(answer, Refused):
            raise answer
        return answer

    def _run(
        self,
        transaction: Transaction,
        attempt: _Attempt | None,
        caller: Caller,
        use: Callable[[Work], T],
        cells: bool,
        streams: Sequence[UUID],
    ) -> T | Repeated | OnceToldError | _BoundaryPassed | _Behind:
        recording_time.set(transaction.now)
        try:
            catch_up = self.projector.catch_up if cells else self.projector.catch_up_index
            if not catch_up(transaction, AT_ONCE):
                return _Behind()
            if transaction.clock_in_doubt:
                # Not on record: its entry would carry the doubtful time, and none may be earlier ever after.
                return Refused("CLOCK_IN_DOUBT")
            if self.projector.index.is_boundary_due(transaction.now):
                return _BoundaryPassed()
            work = Work(transaction, self.projector.index, self._new_id, with_cells=cells, streams=streams)
            return self._decide(work, attempt, caller, use)
        except BaseException:
            # What this command folded into the database is dropped with it; memory has to follow.
            self.projector.reset()
            raise

    def _decide(
        self, work: Work, attempt: _Attempt | None, caller: Caller, use: Callable[[Work], T]
    ) -> T | Repeated | OnceToldError:
        transaction = work.transaction
        try:
            self._require_standing(caller)
            if attempt is not None:
                answered = transaction.answered(attempt.label, attempt.mac)
                if answered is not None:
                    return Repeated(remembered(transaction.vault, attempt.label, answered))
                if attempt.request.two_people and work.index.administration.founded:
                    raise Refused("TWO_PEOPLE_NEEDED")
            require_fresh(work, caller)
            answer = use(work)
            if caller.staff is not None and not work.told_who:
                # The agency's word for who did this is kept, and is good for nothing else (FAULTS 3).
                work.record_access(caller, AccessKind.ASSERTED)
            if work.drafts:
                transaction.append(work.drafts, decided_at=transaction.size)
            for act in work.afterwards:
                act()
            if work.outcomes.total:
                self.observer.judged(work.outcomes)
        except (StorageError, VaultError):
            raise
        except OnceToldError as refusal:
            # A refusal is recorded as completely as a permit (I15).
            work.drafts.clear()
            work.record_access(caller, AccessKind.REFUSED, code=refusal.code)
            transaction.append(work.drafts, decided_at=transaction.size)
            return refusal
        if attempt is not None:
            sealed = sealed_answer(transaction.vault, attempt.label, attempt.request.encode(answer))
            transaction.remember(attempt.label, attempt.mac, sealed)
        return answer

    def _require_standing(self, caller: Caller) -> None:
        """Whoever was let in may have lost its certificate since, a fetch that waits above all (I3).

        The door looks without waiting for the writer (`agency_speaking`): what it saw may be a few entries
        behind, or ahead by some that were never committed. Here it is looked at where it is decided.
        Raises `CERTIFICATE_REVOKED`, `UNKNOWN_CERTIFICATE`.
        """
        if caller.public_key_der is None:
            return
        index, uri = self.projector.index, caller.certificate_uri or ""
        key = bytes.fromhex(caller.key_sha256)
        if index.agency_of(uri, key) != caller.agency_id:
            raise Refused("CERTIFICATE_REVOKED" if index.is_revoked(uri, key) else "UNKNOWN_CERTIFICATE")

    def _settle(self, transaction: Transaction) -> None:
        recording_time.set(transaction.now)
        try:
            self.projector.catch_up(transaction)
            if not transaction.clock_in_doubt:
                work = Work(transaction, self.projector.index, self._new_id)
                settle(work)
                if work.drafts:
                    transaction.append(work.drafts, decided_at=transaction.size)
        except BaseException:
            self.projector.reset()
            raise

    # -- waking fetches that wait ---------------------------------------------------------------

    def watch(self, feed_id: UUID) -> asyncio.Event:
        """Begins to watch for changes that may concern a feed."""
        event = self._waiting.setdefault(feed_id, asyncio.Event())
        event.clear()
        return event

    def unwatch(self, feed_id: UUID) -> None:
        """Nobody waits on the feed any more."""
        self._waiting.pop(feed_id, None)

    async def changed(self, watched: asyncio.Event, seconds: float) -> bool:
        """Waits until something may have changed; false when `seconds` went by."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await watched.wait()
        except TimeoutError:
            return False
        return not self._stopping

    async def stop(self) -> None:
        """Lets waiting fetches answer and finishes what was begun; the ledger is closed by its owner."""
        self.wake_all()
        # One that failed was told by those who met the same failure; the doors are to close all the same.
        await asyncio.gather(*self._nudging, return_exceptions=True)

    @property
    def is_stopping(self) -> bool:
        """Whether nobody is to wait any more."""
        return self._stopping

    def wake_all(self) -> None:
        """Lets every waiting fetch answer: the hub is stopping."""
        self._stopping = True
        self.log.checkpointer.stop()
        for event in self._waiting.values():
            event.set()

    async def keep_following(self) -> None:
        """On and on until cancelled: looks at what other replicas wrote, should their word of it be lost.

        So that a revoked certificate, for one, is cut off everywhere within a minute whatever happens.
        """
        while True:
            await asyncio.sleep(FOLLOWED_EVERY)
            self._heard()

    def _heard(self) -> None:
        """Another replica says that it appended. Looked at even if nobody waits: the door reads the index."""
        if not self._stopping:
            self.log.checkpointer.nudge()
            self._nudge(though_nobody_waits=True)

    def _nudge(self, *, though_nobody_waits: bool = False) -> None:
        """After something was appended: wakes only those whom it concerns. It authorises nothing."""
        self._unseen = True
        if (self._waiting or though_nobody_waits) and not self._nudging:
            task = asyncio.get_running_loop().create_task(self._wake())
            self._nudging.add(task)
            task.add_done_callback(self._nudging.discard)

    async def _wake(self) -> None:
        def take(transaction: Transaction) -> set[UUID]:
            woken, self.projector.woken = self.projector.woken, set()
            if self.projector.others_wrote:
                self.projector.others_wrote = False
                woken |= {one for one in list(self._waiting) if any(Holdings(transaction).dirty(one, 1))}
            return woken

        while self._unseen:
            self._unseen = False
            try:
                woken = await self.look(take)
            except StorageError:
                # Whom it concerned is lost with the commit: everybody who waits looks again.
                woken = set(self._waiting)
            for feed_id in woken:
                if feed_id in self._waiting:
                    self._waiting[feed_id].set()
        # Here, and not only when the task is done: what is appended in between needs a task of its own.
        self._nudging.clear()
