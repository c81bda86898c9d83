"""The hub hands checkpoints to witnesses over HTTP: our own server, and one that answers anything."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from adapters.kit.proofs import TrustRule
from adapters.witness.serving import Server
from adapters.witness.signer import Witness, new_key
from hub.rpc import handing_over
from hub.rpc.handing_over import HandingOver
from tests.observability.collector import deaf_endpoint
from tests.twins.stage import Authority, Stage, stage
from tests.unit.adapters.merkle import ToyLog
from tests.witness.partners import authorise, ledger_key
from tests.witness.test_gathering import newest, signed_up


@asynccontextmanager
async def listening(server: ThreadingHTTPServer) -> AsyncIterator[str]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/prefix"
    finally:
        await asyncio.to_thread(server.shutdown)
        thread.join()
        server.server_close()


@asynccontextmanager
async def with_a_witness(tmp_path: Path) -> AsyncIterator[tuple[Stage, Witness, str]]:
    """A hub, and a web witness of the agency `clinic` that knows its ledger."""
    async with stage(tmp_path, Authority(tmp_path / "authority")) as world:
        world.hub.log.witnesses_needed = 1
        await world.agency("clinic", "PRIMARY_CARE")
        await authorise(world, "clinic", str(new_key(tmp_path / "clinic", "clinic.example/witness")))
        witness = Witness(tmp_path / "clinic", [await ledger_key(world.running)])
        async with listening(Server(witness, "127.0.0.1", 0)) as url:
            await signed_up(world)
            yield world, witness, url


async def stepped(handing: HandingOver, times: int) -> list[str]:
    return [await handing._step() for _ in range(times)]


async def test_a_checkpoint_is_handed_over_and_its_cosignature_taken(tmp_path: Path) -> None:
    async with with_a_witness(tmp_path) as (world, witness, url):
        handing = HandingOver(world.hub.witnesses, url)
        sizes = []
        for number in range(3):
            assert await stepped(handing, 1) == [""]
            rule = TrustRule(await ledger_key(world.running), (witness.key,), 1)
            sizes.append(rule.believed(await newest(world, cosigned=True)).size)
            await world.agency(f"more-{number}", "HOSTEL")
            await signed_up(world)
        assert sizes == sorted(set(sizes))


async def test_a_hub_that_starts_again_asks_where_the_witness_stands(tmp_path: Path) -> None:
    async with with_a_witness(tmp_path) as (world, witness, url):
        await stepped(HandingOver(world.hub.witnesses, url), 1)
        await world.agency("more", "HOSTEL")
        await signed_up(world)
        again = HandingOver(world.hub.witnesses, url)

        assert await stepped(again, 2) == ["", ""]
        latest = witness.latest((await ledger_key(world.running)).name)
        assert latest is not None and latest.size == world.hub.log.newest.checkpoint.size


async def test_an_idle_ledger_is_handed_over_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing_over, "EVERY_SECONDS", 0.05)
    async with with_a_witness(tmp_path) as (world, _, url):
        handing = HandingOver(world.hub.witnesses, url)
        await stepped(handing, 1)
        first = await _seen(world)
        world.clock.advance(timedelta(minutes=5))
        assert await stepped(handing, 1) == [""]
        assert await _seen(world) != first


async def _seen(world: Stage) -> bytes:
    return bytes(await world.hub.ledger.run(lambda transaction: transaction.state("witness/clinic")))


async def test_a_hub_that_stops_asks_nobody_any_more(tmp_path: Path) -> None:
    async with with_a_witness(tmp_path) as (world, _, url):
        handing = HandingOver(world.hub.witnesses, url)
        await stepped(handing, 1)
        seen = await _seen(world)
        world.hub.wake_all()
        async with asyncio.timeout(5):
            await handing.run()
        assert await _seen(world) == seen


async def test_a_witness_that_saw_more_is_told_of_and_never_overruled(tmp_path: Path) -> None:
    """As after a restore: the witness stands where this ledger never was."""
    async with with_a_witness(tmp_path) as (world, _, url):
        key = await ledger_key(world.running)
        ahead = ToyLog(origin=key.name).grow(500)
        Witness(tmp_path / "clinic", [ahead.key]).cosign(ahead.checkpoint(), 0, [])
        handing = HandingOver(world.hub.witnesses, url)

        assert await stepped(handing, 2) == ["", "WITNESS_IS_AHEAD"]


class Answering(ThreadingHTTPServer):
    """Answers every request alike."""

    daemon_threads = True

    def __init__(self, status: int, body: bytes) -> None:
        self.said = status, body
        super().__init__(("127.0.0.1", 0), _Alike)


class _Alike(BaseHTTPRequestHandler):
    server: Answering

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body = self.server.said
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Silent."""


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (200, b"", "UNKNOWN_WITNESS"),
        (200, b"words\n", "BAD_COSIGNATURE"),
        (200, b"\xff\xfe\n", "BAD_COSIGNATURE"),
        (200, "— stranger.example/witness AAAAAAAAAAAA\n".encode(), "UNKNOWN_WITNESS"),
        (409, b"0\n", "OTHER_ROOT"),
        (409, b"many\n", "HTTP_409"),
        (422, b"", "HTTP_422"),
        (404, b"", "HTTP_404"),
        (503, b"", "HTTP_503"),
    ],
)
async def test_what_a_witness_answers_is_not_believed(
    tmp_path: Path, status: int, body: bytes, problem: str
) -> None:
    async with with_a_witness(tmp_path) as (world, _, _), listening(Answering(status, body)) as url:
        assert await stepped(HandingOver(world.hub.witnesses, url), 1) == [problem]
        assert world.hub.log.cosigned is None


async def test_a_witness_that_never_ends_its_answer_is_given_up_and_not_asked_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing_over, "ANSWER_SECONDS", 0.5)
    async with with_a_witness(tmp_path) as (world, _, _):
        with deaf_endpoint() as (port, taken):
            handing = HandingOver(world.hub.witnesses, f"http://127.0.0.1:{port}")
            assert await stepped(handing, 3) == ["NO_ANSWER"] * 3
            assert len(taken) == 1


async def test_a_witness_that_speaks_no_http_is_away(tmp_path: Path) -> None:
    async with with_a_witness(tmp_path) as (world, _, _), babbling() as url:
        assert await stepped(HandingOver(world.hub.witnesses, url), 2) == ["NO_ANSWER"] * 2


@asynccontextmanager
async def babbling() -> AsyncIterator[str]:
    """Somebody else listens where the witness was."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ready\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_witness_that_is_away_is_told_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(handing_over, "AFTER_FAILURE_SECONDS", 0.01)
    async with with_a_witness(tmp_path) as (world, _, _):
        running = asyncio.create_task(HandingOver(world.hub.witnesses, "http://127.0.0.1:9").run())
        try:
            await _until(lambda: bool(_told(caplog)))
            await asyncio.sleep(0.2)
        finally:
            running.cancel()
            await asyncio.wait([running])
        assert _told(caplog) == [{"reason": "NO_ANSWER"}]


def _told(caplog: pytest.LogCaptureFixture) -> list[object]:
    return [
        one.__dict__["fields"] for one in caplog.records if one.__dict__.get("event") == "WITNESS_REFUSED"
    ]


async def _until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not look():
            await asyncio.sleep(0.02)
