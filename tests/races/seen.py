"""What is seen of one interleaving, and the time that passes within it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from consent_ledger.access import StepKind
from consent_ledger.ledger import Entry
from tests.clock import ManualClock
from tests.races.stops import Stamp, Stop


class CrossingClock(ManualClock):
    """Time that may pass between two commands of one commit: at the n-th look from now."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self._looks: int | None = None
        self._by = timedelta(0)

    def cross(self, looks: int, by: timedelta) -> None:
        """At the look after so many, `by` has passed."""
        self._looks, self._by = looks, by

    def now(self) -> datetime:
        if self._looks == 0:
            self._looks = None
            self.advance(self._by)
        elif self._looks is not None:
            self._looks -= 1
        return super().now()


class Listed(NamedTuple):
    """One line of who was given what."""

    fragment_id: str
    step: StepKind
    position: int


@dataclass
class Seen:
    """One call as its caller saw it. `begun` and `ended` count the schedule's moves."""

    who: str
    method: str
    begun: int
    ended: int = -1
    position: int = 0
    stamps: frozenset[Stamp] = frozenset()
    refused: str = ""
    permitted: frozenset[tuple[Stamp, str]] = frozenset()
    """What an explanation said may go, and for which purpose; of no revision."""
    listed: frozenset[Listed] = frozenset()
    """What a list of disclosures held; the officer's own records of one person."""
    granted: frozenset[str] = frozenset()
    """The grants that a list of choices said are in force."""
    chosen: frozenset[str] = frozenset()
    """The kinds of choices that it said are in force."""
    stopped_before: bool = False
    """It began when the stop was acknowledged, or its time had passed."""


@dataclass
class Outcome:
    """What one schedule came to."""

    seed: int
    stop: Stop
    stopped_at: int | None
    """Position of the stop's entry; None where time is the stop, or where there is none."""
    boundary: datetime | None
    raced_from: int
    """Size of the ledger when the race began."""
    seen: list[Seen]
    entries: list[Entry]
    feed_id: str
    granted_at_first: str
    """The grant that the hostel's copies rest on."""
    commits: int
    grouped: int
    """Commits of more than one command."""
    full: int
    moves: int


@dataclass
class Store:
    """What the hostel's adapter keeps: bookmark and elements, as (etag, reference)."""

    epoch: int = 1
    bookmark: int = 0
    elements: dict[str, tuple[str, str]] = field(default_factory=dict)


class Fails(Exception):
    """A command that fails by itself."""
