"""A clock that tests set by hand."""

from datetime import UTC, datetime, timedelta

from consent_ledger.clock import TOLERANCE

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""A Monday morning; every test that does not say otherwise begins here."""


class ManualClock:
    """Stands still until told. `advance` is time passing; `step` is somebody changing the clock."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._stepped = timedelta(0)
        self.forced_doubt = False

    def now(self) -> datetime:
        return self._now

    def in_doubt(self) -> bool:
        return self.forced_doubt or abs(self._stepped) > TOLERANCE

    def heard(self, other: datetime) -> None:
        """A real machine's time says nothing of one that tests set."""

    def advance(self, by: timedelta) -> None:
        """Lets real time pass."""
        if by < timedelta(0):
            raise ValueError("time does not run backwards; use step")
        self._now += by

    def step(self, by: timedelta) -> None:
        """Moves the wall clock alone, as a wrong time server or a hand would."""
        self._now += by
        self._stepped += by

    def accept(self) -> None:
        """The operator confirms the clock."""
        self._stepped = timedelta(0)
        self.forced_doubt = False
