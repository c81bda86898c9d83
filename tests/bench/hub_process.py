"""A hub in a process of its own, exactly as it is served, with two further doors to compare it with.

The hub's own port speaks mutual TLS. `plain` takes the same calls without TLS, for callers that say who
they are: only for measuring what TLS costs, so it is here and nowhere in the product. `unrecorded` takes
fetches that append no access entry: only for measuring what the entry costs.

Usage: python -m tests.bench.hub_process DATA
"""

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc

from hub.bootstrap import RunningHub, machine_time, running_hub, settle_to_serve
from hub.config import Config, read_config
from hub.rpc.authentication import ByCertificate
from hub.rpc.credentials import read_tls
from hub.rpc.delivery_servicer import DeliveryServicer
from hub.rpc.dispatch import Dispatcher
from hub.rpc.record_servicer import RecordServicer
from hub.rpc.server import OPTIONS
from hub.use_cases import reconcile
from hub.use_cases.agencies import agency_speaking
from hub.use_cases.hub import Hub
from hub.use_cases.work import Caller, Work
from oncetold.v1 import delivery_service_pb2, record_service_pb2
from tests.bench.profiling import Profiling
from tests.bench.worker import do_jobs, say

PEER = "bench-certificate"
"""Metadata by which a caller of the plain door names its certificate's file: short, as TLS sends it once."""
SERVICES = (
    (record_service_pb2.DESCRIPTOR.services_by_name["RecordService"], RecordServicer),
    (delivery_service_pb2.DESCRIPTOR.services_by_name["DeliveryService"], DeliveryServicer),
)


class Unrecorded(Work):
    """A use case's view that decides and reads as ever, and records nothing."""

    def record_access(self, caller: Caller, kind: Any, **found: Any) -> int:
        return self.transaction.size


class UnrecordedHub:
    """The hub, except that what is asked of it leaves no access entry."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hub, name)

    async def execute(self, use_case: Any, caller: Caller, /, *args: Any, **kwargs: Any) -> Any:
        """Runs a use case on a view that records nothing."""

        def unrecorded(work: Work, caller: Caller) -> Any:
            return use_case(Unrecorded(work.transaction, work.index, work.new_id), caller, *args, **kwargs)

        return await self._hub.execute(unrecorded, caller)


class _Named:
    """A call's context as TLS would have made it."""

    def __init__(self, context: Any) -> None:
        self._metadata: Sequence[tuple[str, str | bytes]] = context.invocation_metadata() or ()

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        named = [value for key, value in self._metadata if key == PEER]
        return {"x509_pem_cert": [_certificate(str(value)) for value in named]}


@lru_cache
def _certificate(path: str) -> bytes:
    return Path(path).read_bytes()


class ByName(ByCertificate):
    """Looks the caller up as ever, believing what it says its certificate is."""

    async def caller_of(self, context: Any) -> Caller:
        return await super().caller_of(_Named(context))  # type: ignore[arg-type]


class Doors:
    """The two further doors of a hub that runs."""

    def __init__(self, running: RunningHub, config: Config) -> None:
        hub = running.hub

        async def agency_of(uri: str, public_key_sha256: bytes) -> str | None:
            return await agency_speaking(hub, uri, public_key_sha256)

        now = hub.ledger.clock.now
        self.plain = _server(Dispatcher(ByName(agency_of, machine_time), now), hub)
        self.plain_port = self.plain.add_insecure_port("127.0.0.1:0")
        bare: Any = UnrecordedHub(hub)
        self.unrecorded = _server(Dispatcher(ByCertificate(agency_of, machine_time), now), bare)
        certificate, key, authority = read_tls(config.tls)
        self.unrecorded_port = self.unrecorded.add_secure_port(
            "127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)], authority, True)
        )

    async def open(self) -> None:
        await asyncio.gather(self.plain.start(), self.unrecorded.start())

    async def close(self) -> None:
        await asyncio.gather(self.plain.stop(5), self.unrecorded.stop(5))


def _server(dispatcher: Dispatcher, hub: Hub) -> grpc.aio.Server:
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers(
        tuple(dispatcher.handler_for(service, servicer(hub)) for service, servicer in SERVICES)
    )
    return server


async def forget_holdings(hub: Hub, feeds: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Has every feed report that it holds nothing, so that everything is due to it again."""
    begun = {}
    for feed in feeds:
        caller = Caller(feed["agency"], feed["uri"])
        epoch, acknowledge, _ = await hub.execute(
            reconcile.reconcile_holdings,
            caller,
            feed_id=UUID(feed["feed_id"]),
            holdings=[],
            page=1,
            last_page=True,
            bookmark=0,
        )
        begun[feed["feed_id"]] = [epoch, acknowledge]
    return {"feeds": begun}


async def serve(data: Path) -> None:
    """Serves until nobody asks any more."""
    begun = time.perf_counter()
    shown: list[tuple[int, int]] = []
    config = read_config(data)
    async with running_hub(config, progress=lambda done, size: shown.append((done, size))) as running:
        seconds = time.perf_counter() - begun
        settle_to_serve()  # as `oncetold serve` does
        doors = Doors(running, config)
        await doors.open()
        profiling = Profiling(running.hub.ledger)
        say(
            port=running.port,
            plain=doors.plain_port,
            unrecorded=doors.unrecorded_port,
            seconds=seconds,
            progress=shown,
        )

        async def forget(feeds: list[dict[str, str]]) -> dict[str, Any]:
            return await forget_holdings(running.hub, feeds)

        await do_jobs(
            {
                "forget": forget,
                "times": profiling.times,
                "profile": profiling.start,
                "profiled": profiling.stop,
            }
        )
        await doors.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
