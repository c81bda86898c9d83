"""I1: an acknowledged command stands at one dense position; a repeat gets its answer, another body none."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from consent_ledger.store.postgres import PostgresStore
from consent_ledger.store.sqlite import SqliteStore
from oncetold.v1 import record_service_pb2, records_pb2
from oncetold.v1.record_service_pb2_grpc import RecordServiceStub
from tests.integration.loopback import refused
from tests.invariants.beside import beside
from tests.invariants.ledger import entries, stored
from tests.twins.cast import bedded_down, cast
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage

PUBLISH = "RecordService/PublishRecords"


@pytest.fixture
def slow_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every commit takes a while: who does not wait for it is seen, and so is who begins beside another."""
    for store in (SqliteStore, PostgresStore):
        monkeypatch.setattr(store, "commit", _slowed(store.commit))


def _slowed(commit: Callable[[Any], None]) -> Callable[[Any], None]:
    def slow(store: Any) -> None:
        time.sleep(0.05)
        commit(store)

    return slow


async def test_i1_a_repeat_gets_the_same_answer_and_another_body_is_refused(
    tmp_path: Path, authority: Authority, ledger: str
) -> None:
    async with stage(tmp_path, authority, ledger) as world:
        c = await cast(world)
        answer = record_service_pb2.PublishRecordsResponse
        first = await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        request = record_service_pb2.PublishRecordsRequest.FromString(c.outreach.seen[-1].asked)
        size = await world.size()
        assert c.outreach.seen[-1].grew == 1, "control: the first attempt was recorded"
        for _ in range(3):
            assert await c.outreach.ask(PUBLISH, request, answer) == first
            assert c.outreach.seen[-1].grew == 0
        request.records[0].content.contact.bedded_down = False
        outcome = await refused(c.outreach.ask(PUBLISH, request, answer))
        assert outcome == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED", {})
        assert c.outreach.seen[-1].grew == 1, "a refusal is on record (I15)"
        assert first.positions[0].index == size
        content = records_pb2.Contact(bedded_down=True)
        await c.outreach.grant("rosa", ("ACCOMMODATION", "SERVICE_CONTACT"), to="hostel")
        [told] = await c.hostel.drain()
        assert told.disclose.content.contact == content, "told once, and as it was first told"


async def test_i1_positions_are_dense_and_durable_when_they_are_answered(
    tmp_path: Path, authority: Authority, ledger: str, slow_commits: None
) -> None:
    async with stage(tmp_path, authority, ledger) as world:
        c = await cast(world)
        before = await world.size()
        made, lost = 0, []

        def committed(commands: int, entries: int, seconds: float, failure: str) -> None:
            # On the writer's own thread, which now has answered: nothing that comes later commits for it.
            nonlocal made
            made += entries
            if stored(world) != before + made:
                lost.append(made)

        world.hub.ledger.on_commit(committed)
        positions = sorted(
            await asyncio.gather(*(_told_and_kept(world, c.outreach, f"visit-{one}") for one in range(20)))
        )
        assert positions == list(range(before + 1, before + 21))
        assert stored(world) == before + 20, "another connection sees what was acknowledged"
        assert lost == [] and made == 20
        every = await entries(world)
        assert [entry.position for entry in every] == list(range(1, len(every) + 1))


async def _told_and_kept(world: Stage, desk: Desk, record_id: str) -> int:
    """Where the ledger says that it put a record, which is there when it says so.

    Not by way of the desk: it asks the ledger for its size, and so would wait for the commit.
    """
    record = record_service_pb2.Record(
        record_id=record_id,
        revision=1,
        client_reference="rosa",
        service_type=desk.service_type,
        source_system="case-book",
        content=records_pb2.RecordContent(contact=bedded_down()),
    )
    record.occurred_time.FromDatetime(world.clock.now() - timedelta(hours=2))
    request = record_service_pb2.PublishRecordsRequest(request_id=world.request_id(), records=[record])
    answer: Any = await RecordServiceStub(desk.channel).PublishRecords(request)
    position = int(answer.positions[0].index)
    assert stored(world) >= position
    return position


async def test_i1_two_hubs_give_dense_positions_and_know_each_others_requests(
    tmp_path: Path, authority: Authority, shared: str, slow_commits: None
) -> None:
    async with stage(tmp_path, authority, shared) as world, beside(world) as moves:
        c = await cast(world)
        here = c.outreach.channel
        await moves(c.outreach)
        there = c.outreach.channel
        both = (c.outreach, replace(c.outreach, channel=here))
        before = await world.size()
        for number in range(5):
            told = (_told_and_kept(world, desk, f"visit-{number}-{desk is both[0]}") for desk in both)
            positions = sorted(await asyncio.gather(*told))
            assert positions == [before + 2 * number + 1, before + 2 * number + 2]
        assert [entry.position for entry in await entries(world)] == list(range(1, before + 11))

        c.outreach.channel = there
        answer = record_service_pb2.PublishRecordsResponse
        first = await c.outreach.publish("rosa", "visit-9", contact=bedded_down())
        request = record_service_pb2.PublishRecordsRequest.FromString(c.outreach.seen[-1].asked)
        c.outreach.channel = here
        assert await c.outreach.ask(PUBLISH, request, answer) == first
        assert c.outreach.seen[-1].grew == 0
        request.records[0].content.contact.bedded_down = False
        assert (await refused(c.outreach.ask(PUBLISH, request, answer)))[1] == "REQUEST_ID_REUSED"
