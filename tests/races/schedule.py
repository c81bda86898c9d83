"""One interleaving: callers at the front door, and a scheduler that decides by its seed who goes on next.

The same seed gives the same interleaving. Each caller throws dice of its own, so that the same schedule
without its stop differs in nothing else.
"""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from google.protobuf.message import Message

from consent_ledger.errors import StorageFull
from consent_ledger.ledger import Entry
from oncetold.v1 import (
    delivery_service_pb2,
    record_service_pb2,
    registration_service_pb2,
)
from tests.clock import ManualClock
from tests.races.asking import Asker
from tests.races.doors import Turned
from tests.races.seen import CrossingClock, Fails, Outcome, Seen, Store
from tests.races.stops import HOSTEL, ROSA, Stamp, Stop, prepare
from tests.races.town import REFERENCES, World

_STAMP = re.compile(rb"(?:rosa|ann)-\d+\.\d+\.[A-Z_]+")
_MOST_MOVES = 20_000
_RETRIED = ("UNAVAILABLE", "STORAGE_FULL", "FETCH_IN_PROGRESS")


class Schedule:
    """The callers and the scheduler of one interleaving."""

    def __init__(self, world: World, seed: int, stop: Stop, *, with_stop: bool = True) -> None:
        self.world, self.seed, self.stop = world, seed, stop
        self._with_stop = with_stop
        self._dice = random.Random(f"{seed} scheduler")
        self._gates: list[asyncio.Future[None]] = []
        self._seen: list[Seen] = []
        self._moves = 0
        self._stopped_at: int | None = None
        self._boundary: datetime | None = None
        self._racing = False
        self._commits = self._grouped = self._full = 0
        self._fails = self._dice.random() < 0.4
        self._waits = self._dice.random() < 0.4
        """The hostel holds everything, and its adapter waits for more when the race begins."""
        self._turns, self._commits_often = self._dice.choice([2, 6]), self._dice.choice([1, 3, 6])
        self._key = HOSTEL
        self._store = Store()
        self._lock = asyncio.Lock()
        self._asker = Asker(world, seed, self._call, self._pause)

    def run(self) -> Outcome:
        """Prepares, races, and looks once more when all is over."""
        world = self.world
        if self._with_stop:
            world.at_once(prepare(world, self.stop))
        world.at_once(self._warm_up())
        if self.stop.boundary is not None:
            self._boundary = self._ends_at()
        before = self._size()
        self._seen.clear()
        self._racing = True
        callers = [self._adapter(), self._reader(), self._publisher(), self._others()]
        callers += [self._asker.asks(), self._asker.exports()]
        self._drive([*callers, self._stopper()])
        self._racing = False
        world.at_once(self._afterwards())
        entries = self._entries()
        return Outcome(
            self.seed,
            self.stop,
            self._stopped_at,
            self._boundary if self._with_stop else None,
            before,
            self._seen,
            entries,
            world.facts.feeds[HOSTEL],
            world.facts.grants[ROSA, HOSTEL],
            self._commits,
            self._grouped,
            self._full,
            self._moves,
        )

    # -- the scheduler --------------------------------------------------------------------------------

    def _drive(self, callers: list[Coroutine[Any, Any, None]]) -> None:
        world = self.world
        tasks = [world.loop.create_task(one) for one in callers]
        while not all(task.done() for task in tasks):
            self._moves += 1
            assert self._moves < _MOST_MOVES, f"seed {self.seed}: the schedule never ends"
            waiting = world.sequencer.waiting()
            move = self._dice.choices(
                ("turn", "commit", "go on", "time"),
                (
                    self._turns,
                    self._commits_often if waiting else 0,
                    3 if self._gates else 0,
                    0.4 if waiting or self._gates else 2,
                ),
            )[0]
            if move == "turn":
                world.loop.turn()
            elif move == "commit":
                self._commit(waiting)
            elif move == "go on":
                self._gates.pop(self._dice.randrange(len(self._gates))).set_result(None)
            else:
                self._pass(self._dice.choice([0.1, 0.5, 2.0, 6.0]))
        for task in tasks:
            task.result()

    def _commit(self, waiting: int) -> None:
        together = self._dice.randint(1, waiting)
        full = self._fails and self._dice.random() < 0.15
        self.world.sequencer.step(together, full=full)
        self._commits += 1
        self._grouped += together > 1
        self._full += full

    def _pass(self, seconds: float) -> None:
        self.world.loop.pass_time(seconds)
        self.world.clock.advance(timedelta(seconds=seconds))

    async def _pause(self) -> None:
        """Waits until the scheduler lets this caller go on; before the race, not at all."""
        if self._racing:
            gate = self.world.loop.create_future()
            self._gates.append(gate)
            await gate

    def _ends_at(self) -> datetime:
        assert self.stop.boundary is not None
        return self.world.clock.now() + self.stop.boundary

    def _is_stopped(self) -> bool:
        if self._boundary is not None:
            return (
                self._with_stop and ManualClock.now(self.world.clock) >= self._boundary
            )  # `now` may cross it
        return self._stopped_at is not None

    # -- callers --------------------------------------------------------------------------------------

    async def _call(self, who: str, method: str, request: Message, answer: type[Any]) -> tuple[Seen, Any]:
        """Calls and writes down what came back; its answer is None when it was refused."""
        seen = Seen(who, method.rpartition("/")[2], self._moves, stopped_before=self._is_stopped())
        self._seen.append(seen)
        certificate = self.world.certificates[who]
        try:
            body = await self.world.door.call(method, request, certificate=certificate)
        except Turned as refusal:
            seen.refused, seen.ended = refusal.reason, self._moves
            return seen, None
        seen.ended = self._moves
        seen.stamps = frozenset(Stamp.read(code.decode()) for code in _STAMP.findall(body))
        read = answer.FromString(body)
        place = read.access if "access" in answer.DESCRIPTOR.fields_by_name else read.positions[0]
        seen.position = place.index
        return seen, read

    async def _fetch(self, dice: random.Random, *, lose: bool = True) -> None:
        """One fetch by the hostel's adapter: applied, or lost on the way, or applied only in part.

        When the epoch changed it reconciles, as adapters do.
        """
        store = self._store
        request = delivery_service_pb2.FetchDeliveriesRequest(
            feed_id=self.world.facts.feeds[HOSTEL],
            epoch=store.epoch,
            acknowledge=store.bookmark,
            max_items=dice.choice([1, 2, 3, 5, 64, 64]),
        )
        wait = dice.choice([500, 5_000, 25_000, 25_000] if self._waits else [0, 0, 500, 5_000, 25_000])
        request.wait.FromMilliseconds(wait if self._racing else 0)
        fate = dice.choice(["applied", "applied", "lost", "in part"]) if lose else "applied"
        seen, answer = await self._call(
            self._key,
            "DeliveryService/FetchDeliveries",
            request,
            delivery_service_pb2.FetchDeliveriesResponse,
        )
        if seen.refused == "EPOCH_CHANGED":
            await self._reconcile()
        if answer is None or fate == "lost":
            return
        deliveries = answer.deliveries
        for item in deliveries[: dice.randint(0, len(deliveries)) if fate == "in part" else None]:
            self._apply(item)

    def _apply(self, item: delivery_service_pb2.Delivery) -> None:
        store = self._store
        store.bookmark = item.sequence
        step = getattr(item, item.WhichOneof("step") or "")
        if item.HasField("retract"):
            store.elements.pop(step.fragment_id, None)
        else:
            store.elements[step.fragment_id] = (step.etag, item.client_reference)

    async def _reconcile(self) -> None:
        store = self._store
        request = delivery_service_pb2.ReconcileHoldingsRequest(
            request_id=self.world.request_id(),
            feed_id=self.world.facts.feeds[HOSTEL],
            holdings=[
                delivery_service_pb2.Holding(fragment_id=one, etag=etag, client_reference=reference)
                for one, (etag, reference) in store.elements.items()
            ],
            page=1,
            last_page=True,
            bookmark=store.bookmark,
        )
        _, answer = await self._call(
            self._key,
            "DeliveryService/ReconcileHoldings",
            request,
            delivery_service_pb2.ReconcileHoldingsResponse,
        )
        if answer is not None:
            store.epoch, store.bookmark = answer.epoch, answer.acknowledge

    async def _deliver(self, dice: random.Random) -> None:
        """One thing that the hostel's adapter does."""
        if dice.random() < 0.12:
            await self._reconcile()
        else:
            await self._fetch(dice)

    async def _read(self) -> None:
        await self._call(
            self._key,
            "RecordService/GetHistory",
            record_service_pb2.GetHistoryRequest(
                feed_id=self.world.facts.feeds[HOSTEL], client_reference=REFERENCES[ROSA, HOSTEL]
            ),
            record_service_pb2.GetHistoryResponse,
        )

    async def _warm_up(self) -> None:
        """What happened before: some is held, some on its way, some was never fetched; or all is held."""
        dice = random.Random(f"{self.seed} before")
        if self._waits:
            await self._afterwards()
            return
        for _ in range(dice.randint(0, 3)):
            await dice.choice([lambda: self._deliver(dice), self._read])()

    async def _adapter(self) -> None:
        dice = random.Random(f"{self.seed} adapter")
        for _ in range(dice.randint(2, 4)):
            await self._pause()
            await self._deliver(dice)

    async def _reader(self) -> None:
        dice = random.Random(f"{self.seed} reader")
        for _ in range(dice.randint(1, 3)):
            await self._pause()
            await self._read()

    async def _publisher(self) -> None:
        dice = random.Random(f"{self.seed} publisher")
        revisions = {"rosa-1": 1, "ann-1": 1}
        for number in range(dice.randint(1 if self._waits else 0, 3)):
            await self._pause()
            record_id = dice.choice([*revisions, f"rosa-{number + 3}"])
            revision = revisions.get(record_id, 0) + 1
            request_id = self.world.request_id()
            if await self._until_told(
                lambda: self.world.publish(record_id, revision, request_id=request_id)  # noqa: B023
            ):
                revisions[record_id] = revision

    async def _others(self) -> None:
        """Traffic that concerns nobody here, and commands that fail alone."""
        dice = random.Random(f"{self.seed} others")
        for number in range(dice.randint(0, 4)):
            await self._pause()
            if dice.random() < 0.5:
                await self._until_told(lambda: self._register(number))  # noqa: B023
            else:
                await self._fail()

    async def _register(self, number: int) -> None:
        await self.world.ask(
            "clinic",
            "RegistrationService/RegisterClient",
            registration_service_pb2.RegisterClientRequest(
                request_id=self.world.request_id(), client_reference=f"cli-{number + 20}"
            ),
            registration_service_pb2.RegisterClientResponse,
        )

    async def _fail(self) -> None:
        def fails(_: Any) -> None:
            raise Fails

        try:
            await asyncio.wrap_future(self.world.ledger.submit(fails))
        except (Fails, StorageFull):
            return
        raise AssertionError("it has to fail")

    async def _stopper(self) -> None:
        """The stop itself; then, begun behind its acknowledgement, one more of everything."""
        dice = random.Random(f"{self.seed} stopper")
        for _ in range(dice.randint(1, 4)):
            await self._pause()
        clock = self.world.clock
        assert isinstance(clock, CrossingClock)
        if self.stop.do is None:
            assert self.stop.boundary is not None
            if self._with_stop:
                clock.cross(dice.randint(0, 8), self.stop.boundary)
                while not self._is_stopped():
                    clock.now()
        elif self._with_stop:
            do = self.stop.do
            positions: list[int] = []

            async def stopped() -> None:
                positions.append(await do(self.world))

            await self._until_told(stopped)
            [self._stopped_at] = positions
        await self._read()
        await self._asker.asks_everything()
        if self.stop.other_key and self._with_stop:
            await self._read()
            self._key = "hostel's next key"
            await self._read()

    async def _afterwards(self) -> None:
        """The hostel fetches until nothing is left."""
        dice = random.Random(f"{self.seed} quiet")
        for _ in range(100):
            before = self._store.epoch, self._store.bookmark
            await self._fetch(dice, lose=False)
            if before == (self._store.epoch, self._store.bookmark):
                return
        raise AssertionError(f"seed {self.seed}: the feed never becomes quiet")

    async def _until_told(self, ask: Callable[[], Awaitable[object]]) -> bool:
        """Asks again, with the same request id, as long as the disk is full or the hub does not answer."""
        for _ in range(200):
            try:
                await ask()
            except Turned as refusal:
                if refusal.reason in _RETRIED:
                    continue
                if refusal.reason in ("REFERENCE_NOT_REGISTERED", "STALE_REVISION"):
                    return False
                raise
            return True
        raise AssertionError(f"seed {self.seed}: never told")

    # -- the ledger -----------------------------------------------------------------------------------

    def _size(self) -> int:
        return len(self._entries())

    def _entries(self) -> list[Entry]:
        future = self.world.ledger.submit(lambda transaction: transaction.entries(0, 100_000))
        self.world.sequencer.step(1024)
        return future.result()
