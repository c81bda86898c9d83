"""Figures of the ledger and of what it stands at. Totals; per feed and witness only how far it is behind.

What is told of choices and decisions is told of all agencies together, and of outcomes only in lots: the
difference between two looks at the page then says nothing of one call. Nothing here is told to an agency.
"""

import threading
import time
from collections.abc import Callable, Iterable
from itertools import islice

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from hub.telemetry.allow_list import AGENCY, FAILURE, FEED, OUTCOME, allowed
from hub.use_cases.observer import Outcomes
from hub.use_cases.standing import FeedStanding, Standing

LOT = 100
"""So many decisions, at least, lie between two values of the outcomes' totals."""
LOT_SECONDS = 60.0
MOST_FEEDS = 512
"""A hub of more feeds tells of the first so many; its totals hold all of them."""
_MINUTE = 60

Told = Callable[[CallbackOptions], Iterable[Observation]]


class Figures:
    """Takes what the hub's parts tell and hands it to the exporters. Safe from any thread, never waits."""

    def __init__(self, meter: Meter, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._commands = meter.create_histogram(
            "oncetold.commit.commands", unit="{command}", description="Commands in one group commit."
        )
        self._seconds = meter.create_histogram(
            "oncetold.commit.duration", unit="s", description="A group commit, until it is durable."
        )
        self._entries = meter.create_counter(
            "oncetold.commit.entries", unit="{entry}", description="Entries made durable."
        )
        self._failures = meter.create_counter(
            "oncetold.storage.failures",
            unit="{failure}",
            description="Commits that failed.",
        )
        self._outcomes = meter.create_counter(
            "oncetold.policy.outcomes",
            unit="{decision}",
            description=f"Decisions of all agencies together, told in lots of at least {LOT}.",
        )
        self._lot = Outcomes()
        self._lot_began = monotonic()
        self._lock = threading.Lock()
        self._standing: tuple[float, Standing] | None = None
        for failure in ("STORAGE_FULL", "STORAGE_FAILED"):
            self._failures.add(0, {FAILURE: failure})
        self._release(Outcomes())
        self._observe(meter)

    def committed(self, commands: int, entries: int, seconds: float, failure: str) -> None:
        """One group commit, as `Ledger.on_commit` tells it. Groups that wrote no entry are not counted."""
        if failure:
            kind = "STORAGE_FULL" if failure == "StorageFull" else "STORAGE_FAILED"
            self._failures.add(1, {FAILURE: kind})
        elif entries:
            self._commands.record(commands)
            self._seconds.record(seconds)
            self._entries.add(entries)

    def judged(self, outcomes: Outcomes) -> None:
        """What the policy said within one call."""
        with self._lock:
            self._lot = self._lot + outcomes
            now = self._monotonic()
            if self._lot.total < LOT or now - self._lot_began < LOT_SECONDS:
                return
            lot, self._lot, self._lot_began = self._lot, Outcomes(), now
        self._release(lot)

    def stands(self, standing: Standing) -> None:
        """Where the hub stands now; it is told until the next one comes, with its age."""
        self._standing = (self._monotonic(), standing)

    def _release(self, lot: Outcomes) -> None:
        for verdict, number in (("PERMIT", lot.permit), ("DENY", lot.deny), ("REVIEW", lot.review)):
            self._outcomes.add(number, {OUTCOME: verdict})

    def _observe(self, meter: Meter) -> None:
        def gauge(name: str, unit: str, description: str, value: Callable[[Standing], int | None]) -> None:
            meter.create_observable_gauge(name, [self._one(value)], unit=unit, description=description)

        gauge("oncetold.ledger.size", "{entry}", "Entries in the ledger.", lambda one: one.size)
        gauge(
            "oncetold.dirty.pairs",
            "{pair}",
            "Pairs of feed and person whose difference may not be empty; all feeds together.",
            lambda one: one.dirty_pairs,
        )
        gauge(
            "oncetold.retractions.open",
            "{retraction}",
            "Retractions sent and not receipted; all feeds together.",
            lambda one: one.open_retractions,
        )
        gauge(
            "oncetold.retractions.overdue",
            "{retraction}",
            "Of these, sent longer ago than allowed.",
            lambda one: one.overdue_retractions,
        )
        gauge(
            "oncetold.clock.in_doubt", "", "1 while the hub shares nothing.", lambda one: one.clock_in_doubt
        )
        gauge("oncetold.storage.failed", "", "1 while it cannot be used.", lambda one: one.storage_failed)
        gauge("oncetold.log.failed", "", "1 while no checkpoint is signed.", lambda one: one.log_failed)
        meter.create_observable_gauge(
            "oncetold.standing.age", [self._age], unit="s", description="How old the gauges' values are."
        )
        meter.create_observable_gauge(
            "oncetold.feed.lag",
            [self._feeds(lambda feed: feed.unacknowledged_seconds)],
            unit="s",
            description="How long the oldest sending has waited for its acknowledgement; whole minutes.",
        )
        meter.create_observable_gauge(
            "oncetold.feed.silence",
            [self._feeds(lambda feed: feed.silent_seconds)],
            unit="s",
            description="How long ago the feed's adapter fetched last; whole minutes.",
        )
        meter.create_observable_gauge(
            "oncetold.witness.lag",
            [self._witnesses],
            unit="s",
            description="How long ago the witness's last cosignature came; whole minutes.",
        )

    def _one(self, value: Callable[[Standing], int | None]) -> Told:
        def told(options: CallbackOptions) -> Iterable[Observation]:
            number = None if self._standing is None else value(self._standing[1])
            # A truth value is no number to OTLP's encoder, which then sends nothing at all.
            return [] if number is None else [Observation(int(number))]

        return told

    def _age(self, options: CallbackOptions) -> Iterable[Observation]:
        return [] if self._standing is None else [Observation(self._monotonic() - self._standing[0])]

    def _feeds(self, seconds: Callable[[FeedStanding], float]) -> Told:
        def told(options: CallbackOptions) -> Iterable[Observation]:
            if self._standing is None:
                return []
            # Whole minutes: what is acknowledged at once never shows, so no delivery can be seen going out.
            return [
                Observation(
                    seconds(feed) // _MINUTE * _MINUTE,
                    allowed({AGENCY: feed.agency_id, FEED: str(feed.feed_id)}),
                )
                for feed in islice(self._standing[1].feeds, MOST_FEEDS)
            ]

        return told

    def _witnesses(self, options: CallbackOptions) -> Iterable[Observation]:
        witnesses = () if self._standing is None else self._standing[1].witnesses
        return [
            Observation(one.behind_seconds // _MINUTE * _MINUTE, allowed({AGENCY: one.agency_id}))
            for one in witnesses[:MOST_FEEDS]
        ]
