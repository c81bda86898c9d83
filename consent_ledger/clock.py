"""The one source of time. Permission runs from the hub's clock, and a jump of it decides nothing."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

TOLERANCE = timedelta(minutes=2)
"""How far wall clock and boot clock may move apart before nothing is disclosed nor retracted (I12)."""


class Clock(Protocol):
    """Tells the time, and whether it can be trusted."""

    def now(self) -> datetime:
        """This instant, aware, in UTC."""
        ...

    def in_doubt(self) -> bool:
        """True when wall clock and boot clock, or another machine's, moved apart by more than `TOLERANCE`."""
        ...

    def heard(self, other: datetime) -> None:
        """What the database server's clock says now, where it has one of its own."""
        ...

    def accept(self) -> None:
        """Takes the time as right from here on: the operator confirmed a real change."""
        ...


class SystemClock:
    """The machine's wall clock, checked against the clock that counts since boot (suspend included), and
    against the database server's."""

    def __init__(self) -> None:
        self._offset = self._wall_minus_boot()
        self._apart = self._accepted_apart = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def in_doubt(self) -> bool:
        most = TOLERANCE.total_seconds()
        moved = abs(self._wall_minus_boot() - self._offset)
        return moved > most or abs(self._apart - self._accepted_apart) > most

    def heard(self, other: datetime) -> None:
        self._apart = (other - self.now()).total_seconds()

    def accept(self) -> None:
        """Takes the wall clock as right from here on: the operator confirmed a real change."""
        self._offset = self._wall_minus_boot()
        self._accepted_apart = self._apart

    @staticmethod
    def _wall_minus_boot() -> float:
        # CLOCK_BOOTTIME is Linux's; elsewhere the monotonic clock is the nearest that nobody can set.
        boot = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        return time.time() - time.clock_gettime(boot)
