"""What a hub does with those who misuse TLS and HTTP/2: it hangs up on them, and goes on for all others."""

import asyncio
import resource
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass

import grpc
import pytest

from hub.bootstrap import running_hub
from oncetold.v1 import agreement_service_pb2
from oncetold.v1.agreement_service_pb2_grpc import AgreementServiceStub
from tests.guard.http2 import (
    DATA,
    END_HEADERS,
    ENHANCE_YOUR_CALM,
    GOAWAY,
    HEADERS,
    PING,
    RST_STREAM,
    Caller,
    call,
    client,
    frame,
)
from tests.integration.loopback import Site, adapter_channel, make_site, register

LIST = agreement_service_pb2.ListAgreementsRequest()
PATH = "/oncetold.v1.AgreementService/ListAgreements"
MOST_MEGABYTES = 100


@dataclass
class World:
    """A hub that serves one agency, in a loop that the test runs."""

    site: Site
    port: int
    runner: asyncio.Runner
    honest: grpc.aio.Channel

    def beside(self, misuse: Callable[[], object]) -> float:
        """Misuses the hub in a thread; returns the longest that the agency's own calls take meanwhile."""

        async def both() -> float:
            await AgreementServiceStub(self.honest).ListAgreements(LIST)
            misusing = asyncio.create_task(asyncio.to_thread(misuse))
            longest = 0.0
            while not misusing.done():
                began = time.perf_counter()
                await AgreementServiceStub(self.honest).ListAgreements(LIST)
                longest = max(longest, time.perf_counter() - began)
                await asyncio.sleep(0.02)
            await misusing
            await AgreementServiceStub(self.honest).ListAgreements(LIST)
            return longest

        return self.runner.run(both())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    site = make_site(tmp_path_factory.mktemp("wire"))

    async def begin(stack: AsyncExitStack) -> tuple[int, grpc.aio.Channel]:
        running = await stack.enter_async_context(running_hub(site.config))
        hostel = await register(site, "hostel")
        channel = await stack.enter_async_context(adapter_channel(site, running, hostel))
        assert running.port
        return running.port, channel

    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        port, channel = runner.run(begin(stack))
        yield World(site, port, runner, channel)
        runner.run(stack.aclose())


def test_only_todays_tls_is_spoken(world: World) -> None:
    def with_old_tls() -> None:
        context = client(world.site, "old")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.raises(ssl.SSLError), Caller(world.site, world.port, "old", context):
            pass

    def with_todays() -> None:
        with Caller(world.site, world.port, "new") as caller:
            assert caller.version == "TLSv1.3"

    world.beside(with_old_tls)
    world.beside(with_todays)


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
def test_a_caller_that_speaks_no_tls_gets_no_word(world: World, said: bytes) -> None:
    def speak() -> bytes:
        with socket.create_connection(("localhost", world.port), timeout=10) as plain:
            plain.sendall(said)
            return plain.recv(1000)

    heard: list[bytes] = []
    world.beside(lambda: heard.append(speak()))

    # Nothing, or TLS's own alert: never an answer in clear.
    assert heard[0] == b"" or heard[0][0] == 0x15


def test_whoever_pings_too_often_is_hung_up_on(world: World) -> None:
    def ping() -> None:
        with Caller(world.site, world.port, "pinger").begin() as caller:
            for _ in range(2000):
                if not caller.send(frame(PING, payload=b"12345678")):
                    break
            goodbyes = [one for one in caller.frames() if one.kind == GOAWAY]
        assert int.from_bytes(goodbyes[-1].payload[4:8], "big") == ENHANCE_YOUR_CALM

    assert world.beside(ping) < 5


def test_a_frame_that_lies_about_its_length_ends_the_connection(world: World) -> None:
    def lie() -> None:
        with Caller(world.site, world.port, "liar").begin() as caller:
            caller.send(frame(PING, payload=b"123"))  # a ping has eight bytes
            caller.send(frame(HEADERS, END_HEADERS, 1, call(PATH)))
            assert HEADERS not in {one.kind for one in caller.frames()}, "hung up, and answered nothing"

    assert world.beside(lie) < 5


def test_calls_that_are_begun_and_broken_off_cost_others_nothing(world: World) -> None:
    def break_off() -> None:
        with Caller(world.site, world.port, "quitter").begin() as caller:
            for stream in range(1, 6001, 2):
                begun = frame(HEADERS, END_HEADERS, stream, call(PATH))
                if not caller.send(begun + frame(RST_STREAM, stream=stream, payload=b"\x00\x00\x00\x08")):
                    break

    assert world.beside(break_off) < 5


def test_many_who_never_finish_what_they_say_take_no_room(world: World) -> None:
    """Two hundred connections: some never shake hands, some begin a call and never end it."""

    def hang() -> None:
        with ExitStack() as stack:
            for number in range(200):
                if number % 2:
                    stack.enter_context(socket.create_connection(("localhost", world.port), timeout=10))
                else:
                    caller = stack.enter_context(Caller(world.site, world.port, "slow", slow)).begin()
                    caller.send(frame(HEADERS, END_HEADERS, 1, call(PATH)))
                    caller.send(frame(DATA, stream=1, payload=b"\x00\x00\x10\x00\x00"))  # more is announced
            time.sleep(1)

    slow = client(world.site, "slow")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert world.beside(hang) < 5
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < MOST_MEGABYTES
