"""Calls offered at a rate, whatever becomes of them, as a crowd does: and stops among them."""

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import grpc

from oncetold.v1 import consent_service_pb2
from tests.bench.area import person

REFUSE = "/oncetold.v1.ConsentService/RecordRefusal"
STOP_EVERY = 0.05
"""Seconds between two stops."""
Call = Callable[[int], Awaitable[Any]]


def refusing(number: int, people: int) -> bytes:
    """Somebody says no: a stop, which no flood may hold up."""
    request = consent_service_pb2.RecordRefusalRequest(
        request_id=str(uuid4()),
        client_reference=person(number % people),
        scope=consent_service_pb2.Scope(agency_id="hears-0"),
    )
    return request.SerializeToString()


async def offered(
    append: Call, stop: Call, rate: float, seconds: float, seconds_before: float
) -> dict[str, Any]:
    """So many appends a second for so long, and a stop now and then.

    Says how long the appends took that were let in, how many were refused, and what came of the stops.
    What begins in the first `seconds_before` is counted, and not timed.
    """
    took: list[float] = []
    counted: Counter[str] = Counter()
    timed_from = time.perf_counter() + seconds_before

    async def one(kind: str, call: Call, number: int) -> None:
        began = time.perf_counter()
        try:
            await call(number)
        except grpc.aio.AioRpcError as error:
            # By the hub, or by gRPC when more calls stand on a connection than it takes.
            if error.code() not in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE):
                raise
            counted[f"{kind} refused"] += 1
            return
        counted[kind] += 1
        if kind == "append" and began >= timed_from:
            took.append(time.perf_counter() - began)

    async def steadily(kind: str, call: Call, every: float) -> None:
        begun, number = time.perf_counter(), 0
        under_way = []
        while (now := time.perf_counter()) < begun + seconds:
            while number * every <= now - begun:
                under_way.append(asyncio.ensure_future(one(kind, call, number)))
                number += 1
            await asyncio.sleep(every / 2)
        await asyncio.gather(*under_way)

    # A pause of this side's collector would be taken for the hub's.
    gc.collect()
    gc.disable()
    try:
        await asyncio.gather(steadily("append", append, 1 / rate), steadily("stop", stop, STOP_EVERY))
    finally:
        gc.enable()
    took.sort()
    return {
        "admitted": counted["append"],
        "refused": counted["append refused"],
        "stops": counted["stop"],
        "stops_refused": counted["stop refused"],
        "p50": took[len(took) // 2] if took else 0.0,
        "p99": took[len(took) * 99 // 100] if took else 0.0,
    }
