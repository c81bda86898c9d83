"""Row 3 at a whole hub: after one error of its disk it refuses everything until it is started again."""

import asyncio
import random
from pathlib import Path
from uuid import uuid4

import grpc
import pytest

from consent_ledger.check import check_ledger
from oncetold.v1 import registration_service_pb2
from tests.faults.children import Nursery, nursery
from tests.faults.figures import Figures, rounds
from tests.faults.town import Town, make_town
from tests.integration.loopback import refusal

_MOST_WRITES = 150
"""Each registration writes more than once, so that the error has struck by then."""


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_hub_on_a_failing_disk(tmp_path: Path, failing_disk: Path, figures: Figures) -> None:
    """In each life of the hub one write or sync fails, at any moment from its start on."""
    town = make_town(tmp_path, figures["seed"])
    asyncio.run(_lived(town, tmp_path, failing_disk, figures))
    report = check_ledger(town.site.config.ledger, town.site.config.root_key)
    assert report.damages == ()
    assert report.size >= max(town.acknowledged)
    figures.update(
        {"entries": report.size, "acknowledged": len(town.acknowledged), "acknowledged and lost": 0}
    )


async def _lived(town: Town, folder: Path, failing_disk: Path, figures: Figures) -> None:
    place = (str(town.site.config.data), f"127.0.0.1:{town.port}")
    chance = random.Random(figures["seed"])
    lives, at_start, refused, beside = rounds(100, "ONCETOLD_LIVES"), 0, 0, 0
    async with town.connected():
        with nursery(folder, failing_disk) as home:
            home.start("hub", "serve", *place)
            await town.found()
            assert home.kill("hub")
            for _ in range(lives):
                home.start("hub", "serve_on_a_failing_disk", *place, chance.choice((1, 3, 9, 40, 150)))
                if await _serves(town, home):
                    if await _fails(town):
                        refused += await _refuses_everything(town)
                    else:
                        beside += 1
                    assert home.kill("hub"), "a hub whose disk failed goes on telling so"
                else:
                    at_start += 1
                    home.wait("hub")
            home.start("hub", "serve", *place)
            await town.live()
            assert home.kill("hub")
    figures.update({"lives": lives, "failed while starting": at_start, "refused until restarted": refused})
    figures.update({"failed beside the ledger": beside})
    assert refused > beside


async def _serves(town: Town, home: Nursery) -> bool:
    """False if its disk failed before it served: then it ended, and said why."""
    while not await town.is_served():
        if home.is_gone("hub"):
            return False
        await asyncio.sleep(0.02)
    return True


async def _fails(town: Town) -> bool:
    """False if the error struck what only tells of the ledger, as the last checkpoint's file: that is written
    again a moment later, and the hub serves on."""
    for _ in range(_MOST_WRITES):
        try:
            await asyncio.wait_for(_register(town), 30)
        except grpc.aio.AioRpcError as error:
            if refusal(error)[1] == "UNAVAILABLE":
                return True
            assert error.code() is grpc.StatusCode.UNAVAILABLE, error
    return False


async def _refuses_everything(town: Town) -> int:
    for _ in range(5):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await _register(town)
        assert refusal(refused.value)[1] == "UNAVAILABLE"
    return 5


async def _register(town: Town) -> None:
    reference = f"outreach-extra-{len(town.acknowledged)}"
    request = registration_service_pb2.RegisterClientRequest(
        request_id=str(uuid4()), client_reference=reference
    )
    answer = await town.once("outreach", "RegisterClient", request)
    town.acknowledged[answer.position.index] = ("outreach", "RegisterClient", b"", b"")
