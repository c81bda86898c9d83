"""Row 4: the disk is full. Writes are refused with the reason, what needs no entry goes on, room heals it."""

import asyncio
import errno
import json
import os
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from oncetold.v1 import audit_service_pb2
from oncetold.v1.record_service_pb2 import GetHistoryRequest
from tests.faults import processes
from tests.faults.children import nursery
from tests.faults.figures import Figures
from tests.faults.test_damage import typed
from tests.faults.town import Town, make_town
from tests.integration.loopback import operator_channel, refusal

ROOM = 400 * 1024
"""Bytes that are left when the town begins to fill the disk."""
REFUSED = (grpc.StatusCode.RESOURCE_EXHAUSTED, "STORAGE_FULL")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_full_disk_refuses_serves_on_and_heals(small_disk: Path, tmp_path: Path, figures: Figures) -> None:
    town = make_town(tmp_path, figures["seed"], hub_folder=small_disk)
    with nursery(tmp_path) as home:
        home.start("hub", "serve", str(town.site.config.data), f"127.0.0.1:{town.port}")
        try:
            asyncio.run(_filled(town, small_disk, figures))
        except BaseException:
            print(home.log.read_text()[-4000:])
            raise
        assert home.kill("hub"), "the hub had ended by itself"


async def _filled(town: Town, small_disk: Path, figures: Figures) -> None:
    async with town.connected():
        await town.found()
        room = os.statvfs(small_disk)
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(room.f_bavail * room.f_frsize - ROOM))
        error, written = await _until_refused(town, 0)
        assert refusal(error)[:2] == REFUSED
        assert 0 < written < 2000
        _to_the_last_byte(small_disk / "more ballast")
        size = await _goes_on(town)
        for _ in range(5):
            error, more = await _until_refused(town, written)
            assert refusal(error)[:2] == REFUSED
            written = more
        # A fetch is an entry too: nothing is disclosed that cannot be written down first.
        with pytest.raises(grpc.aio.AioRpcError) as fetched:
            await town.call("outreach", "GetHistory", _read(town))
        assert fetched.value.code() in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.NOT_FOUND)
        ballast.unlink()
        (small_disk / "more ballast").unlink()
        for _ in range(20):
            await town.live()
        healed = (await _ledger(town)).size
        assert healed > size
    figures.update(
        {"written before it was full": written, "entries": healed, "acknowledged": len(town.acknowledged)}
    )
    assert max(town.acknowledged) <= healed
    told = await asyncio.to_thread(typed, town.site.config.data, "ledger", "check", "--json")
    assert told.exit_code == 0, told.stdout
    assert json.loads(told.stdout)["size"] >= healed


def _to_the_last_byte(file: Path) -> None:
    with file.open("wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(4096))
        except OSError as error:
            assert error.errno == errno.ENOSPC


async def _until_refused(town: Town, written: int) -> tuple[grpc.aio.AioRpcError, int]:
    """Publishes until the hub says no; returns what it said, and how many it took."""
    while True:
        number = 10_000 + written
        event = processes.told_event("outreach", "outreach-1", number, 1, ["ACCOMMODATION"], "told")
        try:
            await town.player.play(event)
        except grpc.aio.AioRpcError as error:
            return error, written
        written += 1


def _read(town: Town) -> Any:
    return GetHistoryRequest(feed_id=town.player.ids["hostel"], client_reference="outreach-1")


async def _ledger(town: Town) -> Any:
    return await town.call("outreach", "GetLedger", audit_service_pb2.GetLedgerRequest())


async def _goes_on(town: Town) -> int:
    """What needs no entry: health, the ledger's size, a feed's totals, a check. Returns the size."""
    async with operator_channel(town.site) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        health = await stub.Check(health_pb2.HealthCheckRequest())
        assert health.status == health_pb2.HealthCheckResponse.SERVING
    size = (await _ledger(town)).size
    assert size >= max(town.acknowledged)
    status = audit_service_pb2.GetFeedStatusRequest(feed_id=town.player.ids["hostel"])
    assert (await town.call("hostel", "GetFeedStatus", status)).epoch == 1
    told = await asyncio.to_thread(typed, town.site.config.data, "ledger", "check")
    assert told.exit_code == 0, told.stdout + told.stderr
    return int(size)
