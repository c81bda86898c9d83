"""A hub without threads or time of its own: what runs next, and what is committed with what, a test decides.

Store, batch, sealing, projections and front door are the real ones. In place of the writer's thread stands
`SteppedSequencer.step`; in place of the event loop's clock a number that the test moves.
"""

import asyncio
import queue
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

from consent_ledger.clock import Clock
from consent_ledger.errors import StorageFull
from consent_ledger.ledger import Ledger, create_ledger, open_ledger
from consent_ledger.sequencer import Sequencer, Waiting
from consent_ledger.store import sql


class SteppedSequencer(Sequencer):
    """The one writer, working only when told to, on the thread of whoever tells it."""

    opening = False
    """While the ledger is made its commands run at once: nobody is there yet to tell it."""

    def _take(self, waiting: Waiting) -> bool:
        taken = super()._take(waiting)
        if self.opening:
            self.step(1)
        return taken

    def _work(self) -> None:
        """The writer's thread has nothing to do: it ends."""

    def waiting(self) -> int:
        """How many commands wait."""
        return self._queue.qsize()

    def step(self, most: int, *, full: bool = False) -> None:
        """Runs up to `most` waiting commands and commits them together.

        `full`: the disk is full when they are to be committed.
        """
        together: list[Waiting] = []
        while len(together) < most:
            try:
                found = self._queue.get_nowait()
            except queue.Empty:
                break
            if found is not None:
                together.append(found)
        if not together:
            return
        if not full:
            self._commit_together(together)
            return
        with patch.object(self._store, "commit", side_effect=StorageFull()):
            self._commit_together(together)

    def close(self) -> None:
        with self._lock:
            self._closed = True
        self._thread.join()
        while self.waiting():
            self.step(1024)
        self._store.close()


class SteppedLedger:
    """A ledger whose writer is stepped by hand."""

    def __init__(self, ledger: Ledger, sequencer: SteppedSequencer) -> None:
        self.ledger, self.sequencer = ledger, sequencer


def stepped_ledger(
    folder: Path,
    clock: Clock,
    seed: int | str,
    *,
    new: bool = False,
    kind: type[SteppedSequencer] = SteppedSequencer,
    place: str = "",
) -> SteppedLedger:
    """Opens the ledger in a folder, or makes it; its keys and paddings come from the seed. `place`: where the
    ledger is if not there, too."""
    made: list[SteppedSequencer] = []

    def make(*args: Any) -> SteppedSequencer:
        made.append(kind(*args))
        made[0].opening = True
        return made[0]

    with patch("consent_ledger.ledger.Sequencer", make), patch.object(sql, "_Statements", _statements):
        ledger = (create_ledger if new else open_ledger)(
            place or str(folder / "ledger.db"),
            folder / "root.key",
            clock=clock,
            entropy=random.Random(f"entropy {seed}").randbytes,
        )
    [sequencer] = made
    sequencer.opening = False
    return SteppedLedger(ledger, sequencer)


_COMPILED: dict[type, Any] = {}


def _statements(store: sql.SqlStore) -> Any:
    """Compiled once for every ledger that is opened here: compiling takes longer than many a schedule."""
    kind = type(store)
    if kind not in _COMPILED:
        _COMPILED[kind] = _STATEMENTS(store)
    return _COMPILED[kind]


_STATEMENTS = sql._Statements


def seeded_ids(seed: str) -> Callable[[], UUID]:
    """New ids, the same for the same seed."""
    rng = random.Random(seed)
    return lambda: UUID(int=rng.getrandbits(128), version=4)


class SteppedLoop(asyncio.SelectorEventLoop):
    """An event loop that runs one turn when told to, by a clock that stands still until moved."""

    def __init__(self) -> None:
        super().__init__()
        self._seconds = 0.0

    def time(self) -> float:
        return self._seconds

    def turn(self) -> None:
        """Runs what is ready once; what that makes ready waits for the next turn."""
        self.call_soon(self.stop)
        self.run_forever()

    def pass_time(self, seconds: float) -> None:
        """Moves the loop's clock on: timers that are due fire in the next turn."""
        self._seconds += seconds
