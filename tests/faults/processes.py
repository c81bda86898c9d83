"""What is killed: a hub as `oncetold serve` runs it, and adapters as `oncetold-adapter` runs them."""

import asyncio
import errno
import json
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import stamina.instrumentation
from sqlalchemy import create_engine

from adapters.kit import client
from adapters.kit.backoff import Backoff
from adapters.kit.config import FeedSettings, HubSettings
from adapters.kit.published import Published
from adapters.kit.publisher import Publisher
from adapters.kit.quarantine import Quarantine
from adapters.kit.receipts import ReceiptSigner
from adapters.kit.runner import Runner
from adapters.kit.sink import Bookmark, PendingReceipt
from adapters.kit.source import Nothing, Origin, Rejected, SourceRecord
from adapters.sql.sink import SqlSink
from consent_ledger.clock import SystemClock
from consent_ledger.errors import LedgerExists
from consent_ledger.ledger import open_ledger
from hub.bootstrap import create_hub, running_hub
from hub.config import read_config
from hub.use_cases.hub import Hub
from oncetold.v1.delivery_service_pb2 import Delivery
from tests.faults import disk
from tests.oracle import history as h
from tests.oracle.contract import record_message

IMPATIENT = Backoff(attempts=None, first=0.05, longest=0.3, jitter=0.05)
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""When the told things happened; each a second after the other, so that the time names the record."""


def settings(told: dict[str, str]) -> HubSettings:
    """How an adapter connects, from what went over the nursery's line."""
    return HubSettings(told["address"], Path(told["authority"]), Path(told["certificate"]), Path(told["key"]))


def serve(data: str, listen: str) -> None:
    """A hub until it is killed."""

    async def work() -> None:
        async with running_hub(replace(read_config(Path(data)), listen=listen)):
            await asyncio.Event().wait()

    _telling(lambda: asyncio.run(work()))


def serve_on_a_failing_disk(data: str, listen: str, countdown: int) -> None:
    """A hub whose disk fails once: at the write or sync with this number."""
    disk.Disk(Path(data)).fail(disk.WRITES | disk.SYNCS, countdown, errno.EIO)
    serve(data, listen)


def make(data: str) -> None:
    """Makes a hub as `oncetold init` does, where there is none yet."""

    def work() -> None:
        with suppress(LedgerExists):
            create_hub(read_config(Path(data)))

    _telling(work)


def start(folder: str, anew: bool) -> None:
    """Opens a ledger and folds what its projections lack, or all of it anew."""

    async def work() -> None:
        ledger = open_ledger(f"{folder}/ledger.db", Path(folder) / "root.key", clock=SystemClock())
        hub = Hub(ledger)
        await (hub.rebuild() if anew else hub.start())
        await hub.stop()
        ledger.close()

    _telling(lambda: asyncio.run(work()))


def receive(told: dict[str, str], feed_id: str, database: str) -> None:
    """An adapter that receives until it is killed."""

    def work() -> None:
        found = settings(told)
        sink = SqlSink(create_engine(f"sqlite:///{database}", connect_args={"timeout": 30}), feed_id)
        signer = ReceiptSigner.from_file(found.key_file)
        feed = FeedSettings(feed_id, max_items=5, wait_seconds=2)
        with client.Hub.connect(found) as hub:
            Runner(hub, sink, signer, feed, backoff=IMPATIENT).run()

    _telling(work)


class DiesAfterApplying(SqlSink):
    """Its process is killed when what it applied is durable, and nobody was told yet."""

    def apply(
        self, deliveries: Sequence[Delivery], bookmark: Bookmark, put_aside: Mapping[int, str] | None = None
    ) -> list[PendingReceipt]:
        super().apply(deliveries, bookmark, put_aside)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("a dead process goes on")


def apply_and_die(address: str, database: str, key: str, feed_id: str) -> None:
    """An adapter that receives one batch and dies between applying and acknowledging it."""

    def work() -> None:
        sink = DiesAfterApplying(create_engine(f"sqlite:///{database}"), feed_id)
        feed = FeedSettings(feed_id, max_items=4, wait_seconds=0)
        with client.Hub(grpc.insecure_channel(address)) as hub:
            Runner(hub, sink, ReceiptSigner.from_file(Path(key)), feed, backoff=IMPATIENT).run(once=True)

    _telling(work)


def publish(told: dict[str, str], agency: str, rows: str, folder: str) -> None:
    """An adapter that publishes what changed, over and over, until it is killed."""

    def work() -> None:
        with client.Hub.connect(settings(told)) as hub:
            while True:
                publish_once(hub, agency, Path(rows), Path(folder), IMPATIENT)
                time.sleep(0.1)

    _telling(work)


def publish_once(hub: client.Hub, agency: str, rows: Path, folder: Path, backoff: Backoff) -> None:
    """One run over the agency's own system."""
    with (
        Published(folder / "published.sqlite") as published,
        Quarantine(folder / "quarantine.csv") as quarantine,
    ):
        report = Publisher(hub, published, quarantine, backoff=backoff).publish(Rows(agency, rows))
    assert report.quarantined == 0


class Rows:
    """An agency's own system: a file of rows, each replaced as it changes."""

    def __init__(self, agency: str, file: Path) -> None:
        self._agency, self._file = agency, file

    def records(self) -> Iterator[SourceRecord | Rejected | Nothing]:
        for number, row in enumerate(json.loads(self._file.read_text()), start=1):
            event = row_event(self._agency, row)
            yield SourceRecord(event.reference, record_message(event), Origin("rows", number))


def row_event(agency: str, row: dict[str, object], revision: int = 1) -> h.RecordPublished:
    """What one row says."""
    return told_event(
        agency,
        str(row["reference"]),
        int(str(row["number"])),
        revision,
        [str(one) for one in row["categories"]],  # type: ignore[attr-defined]
        str(row["content"]),
    )


def told_event(
    agency: str, reference: str, number: int, revision: int, categories: list[str], content: str
) -> h.RecordPublished:
    """Record `number` of an agency. Its `seq` and `at` are for whoever plays it."""
    return h.RecordPublished(
        seq=0,
        at=START,
        agency=agency,
        reference=reference,
        record_id=f"record-{number}",
        revision=revision,
        service_type="STREET_OUTREACH",
        occurred=START + timedelta(seconds=number),
        parts=tuple(h.Part(frozenset({one}), content=content) for one in sorted(categories)),
    )


def _telling(work: Callable[[], None]) -> None:
    """What goes wrong is in the nursery's log, since nobody waits for these processes."""
    stamina.instrumentation.set_on_retry_hooks(())
    try:
        work()
    except BaseException:
        traceback.print_exc()
        raise
