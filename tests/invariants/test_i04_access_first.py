"""I4: the access entry is durable before the bytes leave: a crash over-reports, never under-reports."""

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

import grpc
import psycopg
import pytest

from consent_ledger.store.postgres import PostgresStore
from consent_ledger.store.sql import SqlStore
from consent_ledger.store.sqlite import SqliteStore
from tests.integration.loopback import refusal
from tests.invariants.ledger import disclosing_steps, stored
from tests.staff import relate
from tests.twins.cast import bedded_down, cast
from tests.twins.stage import Authority, stage

WIDE = ("ACCOMMODATION", "SERVICE_CONTACT")


STORES: dict[bool, tuple[type[SqlStore], Exception]] = {
    False: (SqliteStore, sqlite3.OperationalError("database or disk is full")),
    True: (PostgresStore, psycopg.errors.DiskFull("could not extend file")),
}
"""What keeps a hub's entries, and what it says when it cannot, by whether others may write there too."""


async def test_i4_the_bytes_wait_for_the_commit_of_their_entry(
    tmp_path: Path, authority: Authority, ledger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(tmp_path, authority, ledger) as world:
        c = await cast(world)
        await c.outreach.grant("rosa", WIDE, to="hostel")
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        await relate(c.hostel.channel, "room-4")
        before = await world.size()
        assert stored(world) == before
        holding, at_commit = threading.Event(), threading.Event()
        store, _ = STORES[world.site.config.is_shared]
        commit, kept = store.commit, list[int]()

        def held_back(one: Any) -> None:
            at_commit.set()
            assert holding.wait(10)
            commit(one)

        def committed(commands: int, entries: int, seconds: float, failure: str) -> None:
            # On the writer's thread: what is not there by now, no later command has committed for it.
            if entries:
                kept.append(stored(world))

        world.hub.ledger.on_commit(committed)
        monkeypatch.setattr(store, "commit", held_back)
        # Not through the desk: it asks the ledger for its size, which is held back too.
        view = asyncio.ensure_future(_history(c.hostel.channel, c.hostel.feed_id))
        while not at_commit.is_set():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        assert not view.done(), "decided, not yet durable: nothing has left"
        assert stored(world) == before
        holding.set()
        answer = await view
        assert len(answer.elements) == 1, "control"
        await world.size()  # behind the writer's word of its commit
        assert kept[0] >= answer.access.index > before


async def _history(channel: grpc.aio.Channel, feed_id: str) -> Any:
    from oncetold.v1.record_service_pb2 import GetHistoryRequest
    from oncetold.v1.record_service_pb2_grpc import RecordServiceStub

    return await RecordServiceStub(channel).GetHistory(
        GetHistoryRequest(feed_id=feed_id, client_reference="room-4")
    )


async def test_i4_when_the_entry_cannot_be_kept_nothing_is_told(
    tmp_path: Path, authority: Authority, ledger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(tmp_path, authority, ledger) as world:
        c = await cast(world)
        await c.outreach.grant("rosa", WIDE, to="hostel")
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        await relate(c.hostel.channel, "room-4")
        assert len((await _history(c.hostel.channel, c.hostel.feed_id)).elements) == 1, "control"
        before = stored(world)

        store, error = STORES[world.site.config.is_shared]

        def full(_: Any) -> None:
            raise error

        monkeypatch.setattr(store, "commit", full)
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await _history(c.hostel.channel, c.hostel.feed_id)
        code, _, details = refusal(failure.value)
        assert code is not grpc.StatusCode.OK and "room-4" not in str(details)
        assert stored(world) == before


async def test_i4_an_answer_that_is_lost_on_the_way_stays_on_record(
    tmp_path: Path, authority: Authority, ledger: str
) -> None:
    async with stage(tmp_path, authority, ledger) as world:
        c = await cast(world)
        await c.outreach.grant("rosa", WIDE, to="hostel")
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        assert await disclosing_steps(world) == []
        await c.hostel.fetch(lose=True)
        assert len(await disclosing_steps(world)) == 1
        [line] = (await c.outreach.list_disclosures("rosa")).disclosures
        assert (line.step, line.recipient_agency_id) == ("DISCLOSE", "hostel")
