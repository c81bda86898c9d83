"""What the hub is compared with, in the same grpc.aio shell with the same mutual TLS.

`echo` returns what it is sent. `append` and `history` are eventsourcing's own: its `EventStore` (mapper and
SQLite recorder, without the cost of its `Application.save`), its AES cipher on the cryptography package, its
compressor off; called once per RPC in an executor, as it has no asynchronous interface.

Usage: python -m tests.bench.rival_process DATA FOLDER
"""

import asyncio
import base64
import itertools
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import grpc
from eventsourcing.application import Application
from eventsourcing.cryptography import AESCipher
from eventsourcing.domain import Aggregate, datetime_now_with_tzinfo

from hub.config import Config, read_config
from hub.rpc.credentials import read_tls
from hub.rpc.server import OPTIONS
from oncetold.v1 import record_service_pb2
from tests.bench import payload
from tests.bench.area import KINDS, SERVICES, SHARED
from tests.bench.worker import do_jobs, say

E = TypeVar("E", bound=Aggregate.Event)
THREADS = 8
"""Of the executor. SQLite lets one write at a time, so that more of them bring nothing."""


class Recorded(Aggregate.Event):
    """One record in the library's own form. JSON holds no bytes, hence the base64."""

    kind: str
    content: str


class Accessed(Aggregate.Event):
    """Somebody read a story."""

    by: str
    about: str


class Library:
    """An application of the library with people's stories in it."""

    def __init__(self, folder: Path, readers: int, told: int) -> None:
        application = Application[UUID](
            {
                "PERSISTENCE_MODULE": "eventsourcing.sqlite",
                "SQLITE_DBNAME": str(folder / "library.db"),
                "CIPHER_TOPIC": "eventsourcing.cryptography:AESCipher",
                "CIPHER_KEY": AESCipher.create_key(32),
            }
        )
        self.application = application
        self._events = application.events
        self._readers = [uuid4() for _ in range(readers)]
        self._next = itertools.count()
        for one in self._readers:
            self._events.put([_told(one, number) for number in range(told)])

    def append(self, body: bytes) -> bytes:
        """Takes a request to publish one record, and stores it durably."""
        [record] = record_service_pb2.PublishRecordsRequest.FromString(body).records
        content = record.content.SerializeToString()
        recordings = self._events.put([_recorded(uuid4(), 1, "any", content)])
        return record_service_pb2.PublishRecordsResponse(
            positions=[{"ledger_id": "library", "index": recordings[0].notification.id}]  # type: ignore[list-item]
        ).SerializeToString()

    def history(self, body: bytes) -> bytes:
        """Reads one story, keeps twelve kinds of the twenty, and stores durably that it was read."""
        about = self._readers[next(self._next) % len(self._readers)]
        kept = [
            base64.b64decode(event.content)
            for event in self._events.get(about)
            if isinstance(event, Recorded) and event.kind in _KEPT
        ]
        self._events.put([_event(Accessed, uuid4(), 1, by="hears-0", about=about.hex)])
        return b"".join(kept)


_TWENTY = tuple((category, service) for service in SERVICES for category in KINDS)
_KEPT = frozenset(f"{category}/{service}" for category, service in _TWENTY if category in SHARED)


def _told(originator_id: UUID, number: int) -> Recorded:
    category, service = _TWENTY[number % len(_TWENTY)]
    content = payload.content(category).SerializeToString()
    return _recorded(originator_id, number + 1, f"{category}/{service}", content)


def _recorded(originator_id: UUID, version: int, kind: str, content: bytes) -> Recorded:
    text = base64.b64encode(content).decode("ascii")
    return _event(Recorded, originator_id, version, kind=kind, content=text)


def _event(event: type[E], originator_id: UUID, version: int, **fields: str) -> E:
    now = datetime_now_with_tzinfo()
    return event(originator_id=originator_id, originator_version=version, timestamp=now, **fields)


def _served(config: Config, behaviour: Callable[[bytes, Any], Any]) -> tuple[grpc.aio.Server, int]:
    """A server with the hub's own settings in which both methods do the same."""
    server = grpc.aio.server(options=OPTIONS)
    handler: Any = grpc.unary_unary_rpc_method_handler(behaviour)
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                "oncetold.v1.RecordService", {"PublishRecords": handler, "GetHistory": handler}
            ),
        )
    )
    certificate, key, authority = read_tls(config.tls)
    credentials = grpc.ssl_server_credentials([(key, certificate)], authority, True)
    return server, server.add_secure_port("127.0.0.1:0", credentials)


async def serve(data: Path, folder: Path, readers: int, told: int) -> None:
    """Serves echo, append and history, each on a port of its own, until nobody asks any more."""
    library = Library(folder, readers, told)
    config = read_config(data)
    with ThreadPoolExecutor(THREADS) as executor:
        loop = asyncio.get_running_loop()

        async def echo(body: bytes, context: Any) -> bytes:
            return body

        async def append(body: bytes, context: Any) -> bytes:
            return await loop.run_in_executor(executor, library.append, body)

        async def history(body: bytes, context: Any) -> bytes:
            return await loop.run_in_executor(executor, library.history, body)

        served = {
            name: _served(config, one)
            for name, one in (("echo", echo), ("append", append), ("history", history))
        }
        for server, _ in served.values():
            await server.start()
        say(**{name: port for name, (_, port) in served.items()})
        await do_jobs({})
        for server, _ in served.values():
            await server.stop(5)
    library.application.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
