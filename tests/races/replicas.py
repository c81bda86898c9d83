"""Two hubs over one PostgreSQL database, each stepped by hand: a replica hears of the other by lot.

Callers come to either as a load balancer sends them. What one says by NOTIFY reaches the other or does not.
"""

import asyncio
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from google.protobuf.message import Message

from consent_ledger.clock import Clock
from consent_ledger.ledger import Ledger, Transaction
from hub.projections.projector import Projector
from hub.use_cases.hub import Hub
from tests.clock import ManualClock
from tests.postgres import Server
from tests.races.doors import Certificate, Door
from tests.races.schedule import Schedule
from tests.races.seen import CrossingClock, Outcome
from tests.races.stepped import SteppedLoop, SteppedSequencer, seeded_ids, stepped_ledger
from tests.races.stops import drawn
from tests.races.town import FOUNDED, Facts, Town, World, found

NEVER_HEARD = 0.4
"""Of what a replica says to the other."""


class Replica:
    """One hub of the two."""

    def __init__(
        self, folder: Path, place: str, clock: Clock, seed: str, kind: type[Hub], *, new: bool = False
    ) -> None:
        self.heard: list[Callable[[], None]] = []
        opened = stepped_ledger(folder, clock, seed, new=new, place=place)
        self.ledger: Ledger = opened.ledger
        self.sequencer: SteppedSequencer = opened.sequencer
        # In place of a thread that listens: `Both` says when something is heard.
        self.ledger.listen = self.heard.append  # type: ignore[assignment, method-assign]
        self.hub = kind(self.ledger, new_id=seeded_ids(f"ids {seed} {new}"))
        self.door = Door(self.hub, seed)


class Both:
    """The replicas' writers as one: lots say whose turn it is, and whom its words reach."""

    def __init__(self, replicas: list[Replica], seed: str) -> None:
        self._replicas = replicas
        self._dice = random.Random(f"{seed} replicas")
        self.commits_by_turns = 0
        """How often another replica committed than the one before."""
        self._last: Replica | None = None

    def waiting(self) -> int:
        return sum(one.sequencer.waiting() for one in self._replicas)

    def step(self, most: int, *, full: bool = False) -> None:
        ready = [one for one in self._replicas if one.sequencer.waiting()]
        for one in ready if most >= 1024 else self._dice.sample(ready, min(1, len(ready))):
            one.sequencer.step(most, full=full)
            self.commits_by_turns += self._last is not one
            self._last = one
            for other in self._replicas:
                if other is not one and self._dice.random() >= NEVER_HEARD:
                    for heard in other.heard:
                        heard()


class ByLot:
    """The replicas' front doors as one: a load balancer that remembers nobody."""

    def __init__(self, replicas: list[Replica], seed: str) -> None:
        self._replicas = replicas
        self._dice = random.Random(f"{seed} doors")

    async def call(
        self,
        method: str,
        request: Message,
        *,
        certificate: Certificate | None = None,
        acting: str | None = None,
    ) -> bytes:
        door = self._dice.choice(self._replicas).door
        return await door.call(method, request, certificate=certificate, acting=acting)


class SharedWorld(World):
    """Two hubs over one database, with their callers."""

    def __init__(
        self,
        folder: Path,
        place: str,
        certificates: dict[str, Certificate],
        facts: Facts,
        *,
        seed: int,
        clock: ManualClock,
        new: bool = False,
        hub: type[Hub] = Hub,
    ) -> None:
        self.clock, self.certificates, self.facts = clock, certificates, facts
        self.loop = SteppedLoop()
        names = ["one"] if new else ["one", "other"]
        self.replicas = [
            Replica(folder, place, clock, f"{seed} {name}", hub, new=new and name == "one") for name in names
        ]
        self.ledger, self.hub = self.replicas[0].ledger, self.replicas[0].hub
        self.both = Both(self.replicas, str(seed))
        self.sequencer = self.both
        self.door = ByLot(self.replicas, str(seed))
        self._requests = seeded_ids(f"requests {seed} {new}")
        for one in self.replicas:
            self.at_once(one.hub.start())

    def close(self) -> None:
        pending = asyncio.all_tasks(self.loop)
        for task in pending:
            task.cancel()
        for _ in range(20):
            self.loop.turn()
            self.sequencer.step(1024)
        assert all(task.done() for task in pending)
        for one in self.replicas:
            one.ledger.close()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()


@dataclass
class SharedTown:
    """The founded town in a database, copied for each schedule; certificates are as in `Town`, not ids."""

    town: Town
    server: Server
    folder: Path
    founded: dict[str, str] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)

    def found(self, window: str) -> str:
        """The database of a town whose copies are taken back in this window."""
        if window not in self.founded:
            name = self.server.create_database()
            (self.folder / f"keys-{window}").mkdir()
            facts = Facts()
            world = SharedWorld(
                self.folder / f"keys-{window}",
                self.server.url(name),
                self.town.certificates,
                facts,
                seed=0,
                clock=ManualClock(),
                new=True,
            )
            try:
                world.at_once(found(world, facts, window))
            finally:
                world.close()
            self.facts = facts
            self.founded[window] = name
        return self.founded[window]

    @contextmanager
    def copy(self, seed: int, window: str, **kinds: Any) -> Iterator[SharedWorld]:
        """Two replicas over a database of their own, just founded."""
        with ExitStack() as stack:
            name = self.server.create_database(like=self.found(window))
            stack.callback(self.server.drop_database, name)
            world = SharedWorld(
                self.folder / f"keys-{window}",
                self.server.url(name),
                self.town.certificates,
                self.facts,
                seed=seed,
                clock=CrossingClock(FOUNDED),
                **kinds,
            )
            stack.callback(world.close)
            yield world


@dataclass(frozen=True)
class Shared:
    """What a schedule came to, and how often the replicas took turns."""

    outcome: Outcome
    turns: int


def played_shared(shared: SharedTown, seed: int, *, with_stop: bool = True, **kinds: Any) -> Shared:
    """One interleaving of two replicas; the same seed gives the same one."""
    with shared.copy(seed, "", **kinds) as world:
        outcome = Schedule(world, seed, drawn(shared.facts, seed), with_stop=with_stop).run()
        return Shared(outcome, world.both.commits_by_turns)


class _Trusting(Projector):
    """Takes the other replica's silence for its not having written."""

    unheard = False

    def look_again(self) -> None:
        super().look_again()
        self.unheard = True

    def reset(self) -> None:
        super().reset()
        self.unheard = False

    def catch_up(self, transaction: Transaction, most: int | None = None) -> bool:
        return self.unheard or super().catch_up(transaction, most)

    def catch_up_index(self, transaction: Transaction, most: int) -> bool:
        return self.unheard or super().catch_up_index(transaction, most)


class TrustsNotify(Hub):
    """A hub that lets itself be told when to read on, and decides by what it knows meanwhile."""

    def __init__(self, ledger: Any, **kwargs: Any) -> None:
        with patch("hub.use_cases.hub.Projector", _Trusting):
            super().__init__(ledger, **kwargs)

    def _heard(self) -> None:
        assert isinstance(self.projector, _Trusting)
        self.projector.unheard = False
        super()._heard()


def temporary_folder() -> "tempfile.TemporaryDirectory[str]":
    """For root keys."""
    return tempfile.TemporaryDirectory(prefix="replicas-")
