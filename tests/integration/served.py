"""A hub served from a thread of its own: one for many tests, with a connection for every caller."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, TypeVar

import grpc
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from google.protobuf.message import Message

from consent_ledger.ledger import Entry, Transaction
from hub import pki
from hub.bootstrap import RunningHub, running_hub
from oncetold.v1 import agency_service_pb2, common_pb2
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from tests.integration.bad_requests import REGISTER, USED, Known, registering
from tests.integration.loopback import Site, adapter_channel, bare, operator_channel
from tests.integration.story import begin, grant, link, publish, request_id

T = TypeVar("T")


class Served:
    """A hub in a thread of its own, with a connection for every caller."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.loop = asyncio.new_event_loop()
        self.channels: dict[str, grpc.aio.Channel] = {}
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._stack = AsyncExitStack()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self.loop)
        return future.result(60)

    def start(self) -> None:
        self._thread.start()
        self.run(self._start())

    def stop(self) -> None:
        self.run(self._stack.aclose())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _start(self) -> None:
        self.running: RunningHub = await self._stack.enter_async_context(running_hub(self.site.config))
        story = await begin(self.site)
        await self._register_council()
        certificates = {
            "outreach": story.outreach,
            "hostel": story.hostel,
            "stranger": self.site.issue("stranger"),
            "two names": _two_names(self.site),
        }
        self.credentials = certificates
        for who, credentials in certificates.items():
            channel = adapter_channel(self.site, self.running, credentials)
            self.channels[who] = await self._stack.enter_async_context(channel)
        self.channels["operator"] = await self._stack.enter_async_context(operator_channel(self.site))
        outreach = self.channels["outreach"]
        await link(outreach, self.channels["hostel"])
        await publish(outreach)
        self.known = Known(story.feed_id, await grant(outreach))
        await self.nextcall(request_id=USED)

    async def _register_council(self) -> None:
        council = agency_service_pb2.RegisterAgencyRequest(
            request_id=request_id(),
            agency_id="council",
            name="Council",
            controller_id="council",
            service_type=common_pb2.SERVICE_TYPE_HOUSING,
            public_authority=True,
        )
        async with operator_channel(self.site) as operator:
            await AgencyServiceStub(operator).RegisterAgency(council)

    async def nextcall(self, **fields: Any) -> None:
        request = registering(client_reference="out-8", **fields)(self.known_or_nothing())
        await call(self.channels["outreach"], REGISTER, request)

    def known_or_nothing(self) -> Known:
        return getattr(self, "known", Known("", ""))

    def entries(self, after: int = 0) -> list[Entry]:
        def read(transaction: Transaction) -> list[Entry]:
            return transaction.entries(after, 1_000_000)

        return self.running.hub.ledger.submit(read).result(60)

    def size(self) -> int:
        return self.running.hub.ledger.submit(lambda transaction: transaction.size).result(10)


def _two_names(site: Site) -> pki.Credentials:
    names: list[x509.GeneralName] = [
        x509.UniformResourceIdentifier(pki.adapter_uri(agency)) for agency in ("outreach", "hostel")
    ]
    usage = ExtendedKeyUsageOID.CLIENT_AUTH
    return pki.issue(site.authority, site.pki_folder, "double", names, usage, datetime.now(UTC))


async def call(channel: grpc.aio.Channel, method: str, request: Message | bytes) -> None:
    body = request if isinstance(request, bytes) else request.SerializeToString()
    await bare(channel, f"/oncetold.v1.{method.replace('.', '/')}")(body)
