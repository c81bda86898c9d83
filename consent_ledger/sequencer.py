"""The one writer of this process: runs whatever commands wait, commits once for all, then answers them (group
commit). Where other processes write the same ledger too, each commit begins with a look at what they did."""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from consent_ledger.answers import LoopFuture, Outcome, Waiter, answer
from consent_ledger.batch import Batch, Recent
from consent_ledger.body import Sealer
from consent_ledger.clock import TOLERANCE, Clock
from consent_ledger.command import ANSWERS_KEPT, Command, day_of
from consent_ledger.destruction import Destroyer
from consent_ledger.entry import Entry
from consent_ledger.errors import (
    LedgerClosed,
    StorageError,
    StorageFailed,
    StorageFull,
    StorageUnreachable,
    StreamTaken,
)
from consent_ledger.keys import KeyRing
from consent_ledger.store.port import Head, Store
from consent_ledger.transaction import NOTHING, Foreseen, Transaction
from consent_ledger.vault import Vault

T = TypeVar("T")
Waiting = tuple[Callable[[Transaction], Any], Waiter, Foreseen]
CommitTold = Callable[[int, int, float, str], None]
"""Told of each group: commands, entries made durable, seconds, and the failure's class ("" for none)."""

_MOST_COMMANDS = 1024
"""In one commit, so that the first of a long queue is not kept waiting for the last."""

_log = logging.getLogger(__name__)


class Sequencer:
    """Owns the store, from its own thread, until closed."""

    def __init__(
        self,
        store: Store,
        keys: KeyRing,
        sealer: Sealer,
        vault: Vault,
        clock: Clock,
        last: Sequence[Entry],
    ) -> None:
        """`last` is the newest entry, if there is one: time never runs back behind it."""
        self._store = store
        self._keys = keys
        self._sealer = sealer
        self._vault = vault
        self._clock = clock
        self._recent = Recent()
        self._last_recorded = self._recorded_before = last[-1].recorded_at if last else None
        self._answers_day: int | None = None
        self._resets: list[Callable[[], None]] = []
        self._others: list[Callable[[], None]] = []
        self._stale = self._removed = False
        self._scrub = False
        self._commit_told: CommitTold | None = None
        self._growth_told: list[Callable[[], None]] = []
        self._failure: StorageError | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="ledger-writer", daemon=True)
        self._thread.start()

    def submit(self, command: Callable[[Transaction], T]) -> "Future[T]":
        future: Future[T] = Future()
        if not self._take((command, future, NOTHING)):
            future.set_exception(LedgerClosed())
        return future

    def run(self, command: Callable[[Transaction], T], foreseen: Foreseen) -> "asyncio.Future[T]":
        waiter = LoopFuture(asyncio.get_running_loop())
        if not self._take((command, waiter, foreseen)):
            waiter.future.set_exception(LedgerClosed())
        return waiter.future

    def _take(self, waiting: Waiting) -> bool:
        with self._lock:
            if not self._closed:
                self._queue.put(waiting)
            return not self._closed

    def on_reset(self, callback: Callable[[], None]) -> None:
        self._resets.append(callback)

    def on_others_wrote(self, callback: Callable[[], None]) -> None:
        self._others.append(callback)

    def listen(self, heard: Callable[[], None]) -> None:
        self._store.listen(heard)

    def on_growth(self, callback: Callable[[], None]) -> None:
        self._growth_told.append(callback)

    def on_commit(self, callback: CommitTold) -> None:
        self._commit_told = callback

    def close(self) -> None:
        with self._lock:
            first, self._closed = not self._closed, True
        if first:
            self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        open_for_more, waiting = True, list[Waiting]()
        try:
            while open_for_more:
                waiting, open_for_more = self._drain()
                if waiting:
                    self._commit_together(waiting)
        except BaseException as error:  # noqa: BLE001 - a defect of ours; nobody may wait for a writer that is gone
            self._give_up(waiting, error)
        finally:
            self._store.close()

    def _give_up(self, waiting: list[Waiting], error: BaseException) -> None:
        """Ends the ledger, and tells whoever waits that it failed; who was answered keeps the answer."""
        _say("COMMIT_FAILED", "the ledger's writer ends: %s", error)
        with self._lock:
            self._closed = True
        with suppress(queue.Empty):
            while True:
                found = self._queue.get_nowait()
                if found is not None:
                    waiting.append(found)
        failure = StorageFailed(reason=type(error).__name__)
        left = [one for _, one, _ in waiting if not (isinstance(one, Future) and one.done())]
        answer((one, None, failure) for one in left)

    def _drain(self) -> tuple[list[Waiting], bool]:
        """Everything that waits, at least one; False with it once the ledger is closing."""
        waiting: list[Waiting] = []
        found = self._queue.get()
        while found is not None:
            waiting.append(found)
            if len(waiting) == _MOST_COMMANDS:
                return waiting, True
            try:
                found = self._queue.get_nowait()
            except queue.Empty:
                return waiting, True
        return waiting, False

    def _commit_together(self, waiting: Sequence[Waiting]) -> None:
        running = [one for one in waiting if one[1].set_running_or_notify_cancel()]
        if self._failure is not None:
            answer((waiter, None, self._failure) for _, waiter, _ in running)
            return
        self._recorded_before, started = self._last_recorded, time.perf_counter()
        try:
            outcomes, entries = self._run_trusting(running)
        except BaseException as error:  # noqa: BLE001 - handed to every caller of this commit
            self._last_recorded = self._recorded_before
            self._undo(error)
            answer((waiter, None, error) for _, waiter, _ in running)
            failure = type(self._failure or error).__name__
            self._tell(len(running), 0, time.perf_counter() - started, failure)
            return
        seconds = time.perf_counter() - started
        answer(outcomes)
        if entries:
            for told in self._growth_told:
                told()
        self._tell(len(running), entries, seconds, "")

    def _run_trusting(self, running: Sequence[Waiting]) -> tuple[list[Outcome], int]:
        """Runs them without asking whether streams that they begin are new, where asking is dear."""
        if not self._store.is_remote:
            return self._run(running, trusting=False)
        try:
            return self._run(running, trusting=True)
        except StreamTaken as taken:
            # One of them was not new. Nobody was answered: once more, and each is told its own conflict.
            self._last_recorded = self._recorded_before
            self._undo(taken)
        return self._run(running, trusting=False)

    def _run(self, running: Sequence[Waiting], *, trusting: bool) -> tuple[list[Outcome], int]:
        head = self._store.begin()
        self._look_around(head)
        if self._keys.fences.unsettled:
            # Whether an earlier commit destroyed keys is in doubt: their rows tell.
            Destroyer(self._store, self._keys).recover()
        batch = Batch(self._store, self._keys, self._sealer, self._recent, head, trusting=trusting)
        batch.foresee(foreseen for _, _, foreseen in running)
        outcomes = [self._run_one(batch, command, waiter) for command, waiter, _ in running]
        if batch.has_writes():
            self._forget_old_answers()
        batch.flush()
        self._store.commit()
        self._keys.fences.settle(committed=True)
        self._keys.fences.reached(batch.head.size)
        self._scrub = self._scrub or batch.removed
        if self._scrub:
            self._scrub = not self._store.forget_deleted()
        return outcomes, batch.head.size - head.size

    def _look_around(self, head: Head) -> None:
        """Forgets what is stale because another process wrote, and hears the other clocks."""
        database_time = self._store.database_time
        if database_time is not None:
            self._clock.heard(database_time)
        self._stale = self._stale or self._store.others_wrote
        self._removed = self._removed or self._store.others_removed_keys
        if not self._stale:
            return
        self._recent.clear()
        self._answers_day = None
        if self._removed:
            self._keys.forget()
            # What they destroyed is fenced here too, in this process's own file.
            Destroyer(self._store, self._keys).catch_up()
        last = self._sealer.opened(self._store.entries(head.size - 1, head.size)) if head.size else []
        # Theirs too: time never runs back behind an entry, whoever's clock it was made by.
        times = [entry.recorded_at for entry in last]
        times += [self._last_recorded] if self._last_recorded is not None else []
        self._last_recorded = self._recorded_before = max(times, default=None)
        self._call(self._others)
        self._stale = self._removed = False

    def _tell(self, commands: int, entries: int, seconds: float, failure: str) -> None:
        """Measuring is nobody's condition: what fails there is dropped, and the ledger goes on."""
        if self._commit_told is None:
            return
        try:
            self._commit_told(commands, entries, seconds, failure)
        except Exception as error:  # noqa: BLE001 - whatever an observer of ours raises
            self._commit_told = None
            _say("MEASURING_STOPPED", "commits are measured no more: %s", error)

    def _run_one(self, batch: Batch, command: Callable[[Transaction], Any], waiter: Waiter) -> Outcome:
        now = self._clock.now()
        in_doubt = self._clock.in_doubt()
        if self._last_recorded is not None and now < self._last_recorded:
            # A hub that starts with its clock behind its own entries has no start to compare with.
            in_doubt = in_doubt or self._last_recorded - now > TOLERANCE
            now = self._last_recorded
        transaction = Command(batch, self._sealer, self._vault, now, in_doubt)
        try:
            result = command(transaction)
        except (StorageFull, StorageFailed, StorageUnreachable, StreamTaken):
            raise
        except BaseException as error:  # noqa: BLE001 - handed to the one caller whose command raised it
            if transaction.discard():
                self._reset()
            return waiter, None, error
        if transaction.accept():
            self._last_recorded = now
        return waiter, result, None

    def _forget_old_answers(self) -> None:
        today = day_of(self._clock.now())
        if today != self._answers_day and not self._clock.in_doubt():
            self._store.forget_answers(today - ANSWERS_KEPT)
            self._answers_day = today

    def _undo(self, error: BaseException) -> None:
        """Brings memory back to what is stored; what failed for good stays failed."""
        self._recent.clear()
        self._keys.forget()
        self._answers_day = None
        try:
            self._store.rollback()
        except StorageError as second:
            self._failure = second
        if isinstance(error, StorageError):
            if error.fatal:
                self._failure = error
        elif self._failure is None:
            # Not the disk: a defect of ours. What it left in memory is not to be trusted.
            self._failure = StorageFailed(reason=type(error).__name__)
        _say("COMMIT_FAILED", "commit failed: %s", self._failure or error)
        self._reset()

    def _reset(self) -> None:
        self._call(self._resets)

    def _call(self, callbacks: Sequence[Callable[[], None]]) -> None:
        for callback in callbacks:
            try:
                callback()
            except Exception as error:  # noqa: BLE001 - whatever it is, memory may differ from the ledger
                self._failure = StorageFailed(reason=type(error).__name__)
                _say("RESET_FAILED", "reset failed: %s", error)


def _say(event: str, text: str, error: BaseException) -> None:
    """Logs an error's class: its text may quote what was stored."""
    kind = type(error).__name__
    _log.error(text, kind, extra={"event": event, "fields": {"error_type": kind}})
