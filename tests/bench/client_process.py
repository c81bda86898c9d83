"""The calling side in a process of its own: many calls in flight over connections that stay open.

Usage: python -m tests.bench.client_process
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import grpc

from adapters.kit.assertions import Signer
from hub.pki import certificate_identity
from oncetold.v1 import audit_service_pb2, delivery_service_pb2, record_service_pb2
from tests.bench import payload
from tests.bench.area import SHARED, person, reader
from tests.bench.hub_process import PEER
from tests.bench.offering import REFUSE, offered, refusing
from tests.bench.worker import do_jobs
from tests.staff import NAVIGATOR, signer_of

PUBLISH = "/oncetold.v1.RecordService/PublishRecords"
HISTORY = "/oncetold.v1.RecordService/GetHistory"
LEDGER = "/oncetold.v1.AuditService/GetLedger"
FETCH = "/oncetold.v1.DeliveryService/FetchDeliveries"
OPTIONS = (("grpc.max_receive_message_length", 16 * 1024 * 1024), ("grpc.use_local_subchannel_pool", 1))
CALL_SECONDS = 120.0
LANES = 4
Call = Callable[[], Awaitable[int]]
"""One call; how many items it brought."""


class Channels:
    """Open connections by where they lead and who speaks."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str, int], grpc.aio.Channel] = {}

    def to(self, target: Mapping[str, Any], lane: int = 0) -> grpc.aio.Channel:
        """A connection to `address` with the caller's `certificate` and `key`; plain without `authority`."""
        place = (target["address"], target["certificate"], lane)
        if place not in self._open:
            self._open[place] = _channel(target)
        return self._open[place]

    def method(self, target: Mapping[str, Any], path: str) -> list[Any]:
        """A method over each of a few connections: the hub lets no more than 64 calls wait on one."""
        return [self.to(target, lane).unary_unary(path) for lane in range(LANES)]

    async def close(self) -> None:
        for channel in self._open.values():
            await channel.close()


def _channel(target: Mapping[str, Any]) -> grpc.aio.Channel:
    if not target.get("authority"):
        return grpc.aio.insecure_channel(target["address"], options=OPTIONS)
    read = {name: Path(target[name]).read_bytes() for name in ("authority", "key", "certificate")}
    credentials = grpc.ssl_channel_credentials(read["authority"], read["key"], read["certificate"])
    return grpc.aio.secure_channel(target["address"], credentials, options=OPTIONS)


def _metadata(target: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    if target.get("authority"):
        return ()
    return ((PEER, target["certificate"]),)


class Client:
    """Does one job at a time: so many calls in flight for so long, or a given number of calls each."""

    def __init__(self) -> None:
        self._channels = Channels()
        self._waiting: list[asyncio.Future[Any]] = []
        self._began = 0.0

    async def append(
        self, target: dict[str, Any], seconds: float, in_flight: int, people: int, first: int = 0
    ) -> dict[str, Any]:
        """Publishes one new record in every call, each about another person."""
        calls = self._channels.method(target, PUBLISH)
        metadata = _metadata(target)
        run = uuid4().hex[:12]
        numbers = itertools.count()

        async def once() -> int:
            number = next(numbers)
            record = payload.message(
                f"{run}-{number}", person(first + number % people), SHARED[number % len(SHARED)]
            )
            await calls[number % LANES](payload.publishing(record), metadata=metadata, timeout=CALL_SECONDS)
            return 1

        return await flow([once] * in_flight, seconds)

    async def history(
        self, target: dict[str, Any], seconds: float, in_flight: int, readers: int, feed_id: str
    ) -> dict[str, Any]:
        """Reads long stories, in turn."""
        calls = self._channels.method(target, HISTORY)
        signer = await self._signer(target)
        numbers = itertools.count()

        async def once() -> int:
            number = next(numbers)
            request = record_service_pb2.GetHistoryRequest(
                feed_id=feed_id, client_reference=reader(number % readers)
            )
            word = signer.metadata(NAVIGATOR, request)
            answer = await calls[number % LANES](
                request.SerializeToString(), timeout=CALL_SECONDS, metadata=word
            )
            return len(answer)

        return await flow([once] * in_flight, seconds)

    async def offer(
        self, target: dict[str, Any], seconds: float, seconds_before: float, rate: float, people: int
    ) -> dict[str, Any]:
        """Offers appends at a rate, however many are refused, and stops over another connection."""
        calls = self._channels.method(target, PUBLISH)
        stops: Any = self._channels.to(target, LANES).unary_unary(REFUSE)
        run = uuid4().hex[:12]

        def append(number: int) -> Any:
            category = SHARED[number % len(SHARED)]
            record = payload.message(f"{run}-{number}", person(number % people), category)
            return calls[number % LANES](payload.publishing(record), timeout=CALL_SECONDS)

        def stop(number: int) -> Any:
            return stops(refusing(number, people), timeout=CALL_SECONDS)

        return await offered(append, stop, rate, seconds, seconds_before)

    async def _signer(self, target: dict[str, Any]) -> Signer:
        """Vouches for the navigator of whose adapter the target is."""
        asked = audit_service_pb2.GetLedgerRequest().SerializeToString()
        call: Any = self._channels.to(target).unary_unary(LEDGER)
        try:
            body = await call(asked, timeout=CALL_SECONDS)
        except grpc.aio.AioRpcError as error:
            # A rival has no ledger and reads no assertions; the calls to it are signed all the same.
            if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                raise
            body = audit_service_pb2.GetLedgerResponse(ledger_id=str(uuid4())).SerializeToString()
        ledger = audit_service_pb2.GetLedgerResponse.FromString(body)
        pem = Path(target["certificate"]).read_bytes()
        agency_id = certificate_identity(pem).uri.split("/")[4]
        return signer_of(agency_id, UUID(ledger.ledger_id), pem)

    async def fetch(
        self,
        targets: list[dict[str, Any]],
        seconds: float,
        feeds: dict[str, list[int]],
        max_items: int,
        most_items: int,
        advance: bool = True,
    ) -> dict[str, Any]:
        """Every adapter fetches, one batch after another, until it has `most_items` or time is over.

        `feeds` holds each feed's epoch and acknowledgement, and comes back as they are then. Without
        `advance` nothing is acknowledged.
        """
        calls = [
            self._fetching(target, feeds[target["feed_id"]], max_items, most_items, advance)
            for target in targets
        ]
        return {**await flow(calls, seconds), "feeds": feeds}

    def _fetching(
        self, target: Mapping[str, Any], feed: list[int], max_items: int, most_items: int, advance: bool
    ) -> Call:
        call = self._fetch_method(target)
        left = most_items

        async def once() -> int:
            nonlocal left
            if left <= 0:
                return 0
            answer = await call(_fetch_request(target, feed, max_items), timeout=CALL_SECONDS)
            items = len(answer.deliveries)
            if advance and items:
                feed[1] = answer.deliveries[-1].sequence
            left -= items
            return items

        return once

    async def wait(
        self, targets: list[dict[str, Any]], feeds: dict[str, list[int]], wait: float, settle: float
    ) -> None:
        """Every adapter begins a fetch that waits for `wait` seconds; done `settle` seconds later."""
        self._began = time.perf_counter()
        self._waiting = [
            asyncio.ensure_future(
                self._fetch_method(target)(
                    _fetch_request(target, feeds[target["feed_id"]], 64, wait), timeout=CALL_SECONDS
                )
            )
            for target in targets
        ]
        await asyncio.sleep(settle)

    async def waited(self) -> dict[str, Any]:
        """How many of them waited until now; ends when all are answered."""
        waiting = sum(not one.done() for one in self._waiting)
        await asyncio.gather(*self._waiting)
        return {"waited": waiting, "seconds": time.perf_counter() - self._began}

    async def hang_up(self) -> None:
        """Ends every connection; the next call makes it anew."""
        await self._channels.close()
        self._channels = Channels()

    def _fetch_method(self, target: Mapping[str, Any]) -> Any:
        return self._channels.to(target).unary_unary(
            FETCH, response_deserializer=delivery_service_pb2.FetchDeliveriesResponse.FromString
        )


def _fetch_request(target: Mapping[str, Any], feed: list[int], max_items: int, wait: float = 0.0) -> bytes:
    epoch, acknowledge = feed
    request = delivery_service_pb2.FetchDeliveriesRequest(
        feed_id=target["feed_id"], epoch=epoch, acknowledge=acknowledge, max_items=max_items
    )
    request.wait.FromMilliseconds(int(wait * 1000))
    return request.SerializeToString()


async def flow(calls: list[Call], seconds: float) -> dict[str, Any]:
    """Keeps every call going again and again until time is over or it brings nothing more."""
    took: list[float] = []
    items = 0
    begun = time.perf_counter()
    ends = begun + seconds

    async def again(call: Call) -> None:
        nonlocal items
        while (at := time.perf_counter()) < ends:
            brought = await call()
            if brought == 0:
                return
            took.append(time.perf_counter() - at)
            items += brought

    await asyncio.gather(*(again(call) for call in calls))
    lasted = time.perf_counter() - begun
    took.sort()
    return {
        "calls": len(took),
        "items": items,
        "seconds": lasted,
        "p50": took[len(took) // 2] if took else 0.0,
        "p99": took[len(took) * 99 // 100] if took else 0.0,
    }


async def _main() -> None:
    client = Client()
    await do_jobs(
        {
            "append": client.append,
            "offer": client.offer,
            "history": client.history,
            "fetch": client.fetch,
            "wait": client.wait,
            "waited": client.waited,
            "hang_up": client.hang_up,
        }
    )
    await client.hang_up()


if __name__ == "__main__":
    asyncio.run(_main())
