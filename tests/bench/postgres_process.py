"""One of several writers to PostgreSQL: the ledger's, or the library's.

Usage: python -m tests.bench.postgres_process ledger URL ROOT-KEY
       python -m tests.bench.postgres_process library SOCKET-FOLDER DATABASE
"""

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import patch
from uuid import UUID, uuid4

from eventsourcing.application import Application
from eventsourcing.cryptography import AESCipher

from consent_ledger.batch import Batch
from consent_ledger.clock import SystemClock
from consent_ledger.entry import Draft, EntryClass, KeyOwner, Part
from consent_ledger.ledger import Transaction, open_ledger
from tests.bench import payload
from tests.bench.area import KINDS
from tests.bench.rival_process import _recorded
from tests.bench.worker import do_jobs, say

PEOPLE = 320
CONTENT = payload.content(KINDS[0]).SerializeToString()


class Writer(Protocol):
    """Stores `batch` new entries durably."""

    def write(self, batch: int) -> None: ...

    def close(self) -> None: ...


class LedgerWriter:
    """Records of 700 bytes, each in a stream of its own, sealed for one of many people."""

    def __init__(self, url: str, root_key: Path) -> None:
        self._ledger = open_ledger(url, root_key, clock=SystemClock())
        self._owners = [KeyOwner(UUID(int=number + 1), "HOUSING") for number in range(PEOPLE)]
        self._count = 0
        self._streams: dict[int, tuple[UUID, int]] = {}

    def write(self, batch: int) -> None:
        self._count += batch
        drafts = [self._draft(number) for number in range(self._count, self._count + batch)]
        self._append(drafts)

    def go_on(self) -> None:
        """Appends to a stream that is there already, a caller's own: this is what the guard looks at."""
        stream, version = self._streams.get(threading.get_ident()) or (uuid4(), 0)
        self._count += 1
        self._append([replace(self._draft(self._count), stream_id=stream, version=version + 1)])
        self._streams[threading.get_ident()] = stream, version + 1

    def _append(self, drafts: list[Draft]) -> None:
        def append(transaction: Transaction) -> list[int]:
            return transaction.append(drafts, decided_at=transaction.size)

        self._ledger.submit(append).result()

    def _draft(self, number: int) -> Draft:
        owners = (self._owners[number % PEOPLE],)
        return Draft(
            EntryClass.CLIENT, uuid4(), 1, (Part("record", CONTENT, owners, fragment_key=True),), False
        )

    def close(self) -> None:
        self._ledger.close()


class LibraryWriter:
    """The same content as events of the library's, each an aggregate of its own."""

    def __init__(self, folder: str, database: str, callers: int = 16) -> None:
        self._application = Application[UUID](
            {
                "PERSISTENCE_MODULE": "eventsourcing.postgres",
                "POSTGRES_DBNAME": database,
                "POSTGRES_HOST": folder,
                "POSTGRES_PORT": "5432",
                "POSTGRES_USER": "postgres",
                "POSTGRES_PASSWORD": "unused",  # trusted on its socket
                "POSTGRES_POOL_SIZE": str(callers),
                "POSTGRES_MAX_OVERFLOW": "10",
                "CIPHER_TOPIC": "eventsourcing.cryptography:AESCipher",
                "CIPHER_KEY": AESCipher.create_key(32),
            }
        )

    def write(self, batch: int) -> None:
        self._application.events.put([_recorded(uuid4(), 1, "any", CONTENT) for _ in range(batch)])

    def close(self) -> None:
        self._application.close()


def _unguarded(batch: Batch, streams: Any, claimed: Mapping[bytes, int] | None = None) -> dict[bytes, int]:
    """Believes every version and asks for none: what an append would cost without its guard."""
    return {stream: claimed[stream] for stream in streams} if claimed is not None else {}


def _hammer(write: Callable[[], None], seconds: float, batch: int, callers: int) -> dict[str, Any]:
    begun = time.perf_counter()
    written = [0] * callers
    failures: list[BaseException] = []

    def call(number: int) -> None:
        try:
            while time.perf_counter() - begun < seconds:
                write()
                written[number] += batch
        except BaseException as error:  # noqa: BLE001 - raised below, in the one who asked
            failures.append(error)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return {"items": sum(written), "seconds": time.perf_counter() - begun}


async def _main(kind: str, *arguments: str) -> None:
    makers: dict[str, Callable[..., Writer]] = {
        "ledger": lambda url, key: LedgerWriter(url, Path(key)),
        "library": LibraryWriter,
    }
    writer = makers[kind](*arguments)

    async def append(seconds: float, batch: int, callers: int) -> dict[str, Any]:
        return _hammer(lambda: writer.write(batch), seconds, batch, callers)

    async def go_on(seconds: float, guard: bool, callers: int) -> dict[str, Any]:
        assert isinstance(writer, LedgerWriter)
        unguarded: dict[str, Any] = {"next_versions": _unguarded, "_check_believed": lambda _: None}
        with nullcontext() if guard else patch.multiple(Batch, **unguarded):
            return _hammer(writer.go_on, seconds, 1, callers)

    say(ready=True)
    await do_jobs({"append": append, "go_on": go_on})
    writer.close()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
