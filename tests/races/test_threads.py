"""A second opinion: a real hub with its writer's thread, hammered over mutual TLS from two threads."""

import asyncio
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest

from consent_ledger.access import StepKind, read_access_entry
from consent_ledger.vocabulary import PermissionState
from hub.bootstrap import running_hub
from oncetold.v1 import record_service_pb2
from oncetold.v1.delivery_service_pb2_grpc import DeliveryServiceStub
from oncetold.v1.record_service_pb2_grpc import RecordServiceStub
from tests.integration.bad_requests import fetching, publishing
from tests.integration.loopback import adapter_channel, make_replica, make_site
from tests.integration.served import Served
from tests.integration.story import grant, withdraw
from tests.postgres import server

SECONDS = float(os.environ.get("ONCETOLD_STRESS_SECONDS", "12"))
READERS = 3


@dataclass
class Told:
    """One answer: when it was asked for and when had, where it is recorded, how much it held."""

    begun: float
    ended: float
    position: int
    elements: int


@dataclass
class Closed:
    """Between a withdrawal and what the street team did next nothing may be told: places and moments."""

    withdrawn: int
    next_position: int
    acknowledged: float
    next_begun: float


@dataclass
class Seen:
    """What both threads wrote down."""

    fetched: list[Told] = field(default_factory=list)
    read: list[Told] = field(default_factory=list)
    closed: list[Closed] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    hub = Served(make_site(tmp_path_factory.mktemp("threads")))
    hub.start()
    yield hub
    hub.stop()


async def _tell(served: Served, seen: Seen, ends: float) -> None:
    """The street team: a record, a yes, a while, a no, a while; again and again."""
    dice = random.Random("street team")
    site, running = served.site, served.running
    async with adapter_channel(site, running, served.credentials["outreach"]) as channel:
        await withdraw(channel, served.known.grant_id)
        number = 0
        while time.monotonic() < ends:
            number += 1
            grant_id = await grant(channel)
            await asyncio.sleep(dice.uniform(0, 0.1))
            withdrawn = await withdraw(channel, grant_id)
            acknowledged = time.monotonic()
            await asyncio.sleep(dice.uniform(0, 0.1))
            next_begun = time.monotonic()
            answer = await RecordServiceStub(channel).PublishRecords(_visit(served, number))
            seen.closed.append(Closed(withdrawn, answer.positions[0].index, acknowledged, next_begun))


def _visit(served: Served, number: int) -> Any:
    def change(record: record_service_pb2.Record) -> None:
        record.record_id = f"visit-{number + 100}"
        record.content.Clear()
        record.content.contact.bedded_down = True

    return publishing(change)(served.known)


async def _hear(served: Served, seen: Seen, ends: float) -> None:
    """The hostel: its adapter fetches, waits, loses answers; its workers look at the live view."""
    async with adapter_channel(served.site, served.running, served.credentials["hostel"]) as channel:
        await asyncio.gather(
            _fetch(served, seen, channel, ends), *(_read(served, seen, channel, ends) for _ in range(READERS))
        )


async def _fetch(served: Served, seen: Seen, channel: grpc.aio.Channel, ends: float) -> None:
    dice = random.Random("adapter")
    acknowledge = 0
    while time.monotonic() < ends:
        request: Any = fetching(acknowledge=acknowledge, max_items=dice.choice([1, 3, 64]))(served.known)
        request.wait.FromMilliseconds(dice.choice([0, 0, 50, 1000]))
        begun = time.monotonic()
        answer = await DeliveryServiceStub(channel).FetchDeliveries(request)
        given = sum(one.HasField("disclose") or one.HasField("correct") for one in answer.deliveries)
        seen.fetched.append(Told(begun, time.monotonic(), answer.access.index, given))
        if answer.deliveries and dice.random() < 0.7:
            acknowledge = answer.deliveries[-1].sequence


async def _read(served: Served, seen: Seen, channel: grpc.aio.Channel, ends: float) -> None:
    request = record_service_pb2.GetHistoryRequest(feed_id=served.known.feed_id, client_reference="hos-3")
    while time.monotonic() < ends:
        begun = time.monotonic()
        answer = await RecordServiceStub(channel).GetHistory(request)
        seen.read.append(Told(begun, time.monotonic(), answer.access.index, len(answer.elements)))


def _in_threads(telling: Served, hearing: Served) -> Seen:
    """Both in a thread and an event loop of their own; each at its hub, which may be the same."""
    seen, ends = Seen(), time.monotonic() + SECONDS

    def run(work: Callable[[Served, Seen, float], Any], served: Served) -> None:
        try:
            asyncio.run(work(served, seen, ends))
        except BaseException as failure:  # noqa: BLE001 - told to the test's own thread
            seen.failures.append(failure)

    threads = [
        threading.Thread(target=run, args=(work, served))
        for work, served in ((_tell, telling), (_hear, hearing))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS + 60)
    assert not any(thread.is_alive() for thread in threads)
    return seen


@pytest.mark.slow
def test_two_threads_and_a_real_writer_never_tell_what_was_withdrawn(
    served: Served, record_property: Callable[[str, object], None]
) -> None:
    check(_in_threads(served, served), served, record_property)


@pytest.fixture
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Served]]:
    """Two hubs over one database; the second knows what the first does of the story."""
    folder, database = tmp_path_factory.mktemp("replicas"), server().create_database()
    first = Served(make_site(folder, server().url(database)))
    first.start()
    second = copy(first)
    second.site = make_replica(first.site, folder / "second")
    second.running = first.run(second._stack.enter_async_context(running_hub(second.site.config)))
    yield first, second
    first.stop()
    server().drop_database(database)


@pytest.mark.slow
def test_what_one_hub_withdrew_another_never_tells(
    replicas: tuple[Served, Served], record_property: Callable[[str, object], None]
) -> None:
    check(_in_threads(*replicas), replicas[0], record_property)


def check(seen: Seen, served: Served, record_property: Callable[[str, object], None]) -> None:
    """Nothing was told between a withdrawal and what followed it, neither by its place nor by the clock."""
    assert seen.failures == []
    told = [*seen.fetched, *seen.read]
    meanwhile = 0
    for closed in seen.closed:
        for one in told:
            if closed.withdrawn < one.position < closed.next_position:
                assert one.elements == 0, (closed, one)
                meanwhile += 1
            if closed.acknowledged <= one.begun and one.ended <= closed.next_begun:
                assert one.elements == 0, (closed, one)
    gave = [entry for entry in served.entries() if _gives(entry)]
    behind = [
        entry.position
        for entry in gave
        if any(one.withdrawn < entry.position < one.next_position for one in seen.closed)
    ]
    assert behind == []
    figures = (
        f"{len(seen.closed)} withdrawals, {len(seen.fetched)} fetches, {len(seen.read)} reads; "
        f"{sum(bool(one.elements) for one in told)} told something, {meanwhile} fell behind a withdrawal"
    )
    record_property("figures", figures)
    # Controls: there was something to tell, both ways; and many calls fell where nothing may be told.
    assert any(one.elements for one in seen.fetched) and any(one.elements for one in seen.read)
    assert len({one.position for one in told}) == len(told)
    assert gave and meanwhile > len(seen.closed) > 5, figures


def _gives(entry: Any) -> bool:
    access = read_access_entry(entry)
    return access is not None and any(
        step.kind is not StepKind.RETRACT and any(row.state is PermissionState.ACTIVE for row in step.rows)
        for person in access.people
        for step in person.steps
    )
