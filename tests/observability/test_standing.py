"""Where a hub stands, read from a real one: what waits, what is overdue, whose adapter is behind."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import grpc
import pytest

from consent_ledger.errors import StorageFailed
from hub.bootstrap import RunningHub, running_hub
from hub.use_cases import standing
from hub.use_cases.observer import Outcomes
from hub.use_cases.standing import FeedStanding, Standing, StandingReader
from oncetold.v1 import common_pb2, record_service_pb2, records_pb2
from oncetold.v1.record_service_pb2_grpc import RecordServiceStub
from tests.clock import ManualClock
from tests.integration import story
from tests.integration.loopback import Site, adapter_channel, make_site
from tests.integration.test_delivery import receipt


class Watch:
    """A monotonic clock that stands still unless told."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def lived(folder: Path, then: Callable[[Site, RunningHub, ManualClock], Awaitable[None]]) -> None:
    async def live() -> None:
        site, clock = make_site(folder), ManualClock(datetime.now(UTC))
        async with running_hub(site.config, clock=clock) as running:
            await then(site, running, clock)

    asyncio.run(live())


async def publish(outreach: grpc.aio.Channel, visit: int) -> None:
    record = record_service_pb2.Record(
        record_id=f"visit-{visit}",
        revision=1,
        client_reference="out-7",
        service_type=common_pb2.SERVICE_TYPE_STREET_OUTREACH,
        occurred_time=story.stamp(datetime.now(UTC) - timedelta(hours=visit)),
        source_system="test",
        content=records_pb2.RecordContent(contact=records_pb2.Contact(bedded_down=True)),
    )
    await RecordServiceStub(outreach).PublishRecords(
        record_service_pb2.PublishRecordsRequest(request_id=story.request_id(), records=[record])
    )


def of(stands: Standing) -> tuple[int | None, int | None, int | None]:
    return stands.dirty_pairs, stands.open_retractions, stands.overdue_retractions


@pytest.mark.parametrize("step", [1, 500])
def test_what_waits_and_what_is_overdue(tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "_STEP", step)

    async def then(site: Site, running: RunningHub, clock: ManualClock) -> None:
        watch = Watch()
        reader = StandingReader(running.hub, overdue_after=timedelta(hours=72), monotonic=watch)
        begun = await story.begin(site)
        assert of(await reader.read()) == (0, 0, 0)
        async with (
            adapter_channel(site, running, begun.outreach) as outreach,
            adapter_channel(site, running, begun.hostel) as hostel,
        ):
            await story.link(outreach, hostel)
            for visit in (1, 2, 3):
                await publish(outreach, visit)
            grant_id = await story.grant(outreach)
            waiting = await reader.read()
            assert waiting.dirty_pairs == 1 and waiting.size is not None and waiting.clock_in_doubt is False
            sent = await story.fetch(hostel, begun)
            assert len(sent.deliveries) > 0

            [feed] = (await reader.read()).feeds
            assert feed == FeedStanding(UUID(begun.feed_id), "hostel", 0, feed.silent_seconds)
            watch.seconds += 400
            [feed] = (await reader.read()).feeds
            assert feed.unacknowledged_seconds == 400, "sent and never acknowledged"

            last = max(one.sequence for one in sent.deliveries)
            await story.withdraw(outreach, grant_id)
            taken = await story.fetch(hostel, begun, acknowledge=last)
            retracted = len(taken.deliveries)
            assert retracted > 1, "one alone could be found by chance"
            [feed] = (await reader.read()).feeds
            assert feed.unacknowledged_seconds == 0, "another batch waits, since now"
            assert of(await reader.read()) == (0, retracted, 0)
            clock.advance(timedelta(hours=71, minutes=59))
            assert of(await reader.read()) == (0, retracted, 0)
            clock.advance(timedelta(minutes=1))
            assert of(await reader.read()) == (0, retracted, retracted)
            fresh = StandingReader(running.hub, monotonic=watch)
            assert of(await fresh.read()) == (0, retracted, retracted), "a new one too"
            known = reader._known[UUID(begun.feed_id)]
            # As a reading within a commit that failed would have left it.
            known.open, known.looked = {}, 99
            assert of(await reader.read()) == (0, 0, 0)
            reader._forget()
            assert of(await reader.read()) == (0, retracted, retracted), "read again from the start"
            numbers = [one.sequence for one in taken.deliveries]
            signed = [receipt(begun, one, begun.hostel) for one in taken.deliveries]
            await story.fetch(hostel, begun, acknowledge=max(numbers), receipts=signed)
            for one in (reader, fresh):
                assert of(await one.read()) == (0, 0, 0), "every retraction has its receipt"

    lived(tmp_path, then)


def test_an_adapter_that_fetches_is_not_silent_one_that_waits_neither(tmp_path: Path) -> None:
    async def then(site: Site, running: RunningHub, clock: ManualClock) -> None:
        reader = StandingReader(running.hub)
        begun = await story.begin(site)

        async def silent() -> float:
            [feed] = (await reader.read()).feeds
            return feed.silent_seconds

        await asyncio.sleep(0.6)
        assert await silent() > 0.5, "never fetched since the hub started"
        async with adapter_channel(site, running, begun.hostel) as hostel:
            await story.fetch(hostel, begun)
            assert await silent() == 0
            clock.advance(timedelta(days=3))
            assert await silent() == 3 * 86400, "by the ledger, so a hub that starts anew knows it too"
            waiting = asyncio.ensure_future(story.fetch(hostel, begun, wait=1.2))
            await asyncio.sleep(0.6)
            assert await silent() == 0
            await waiting

    lived(tmp_path, then)


def test_a_doubted_clock_and_a_failed_storage_are_standings_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def then(site: Site, running: RunningHub, clock: ManualClock) -> None:
        reader = StandingReader(running.hub)
        clock.forced_doubt = True
        assert (await reader.read()).clock_in_doubt is True

        async def failing(question: object) -> object:
            raise StorageFailed(reason="fsync")

        monkeypatch.setattr(running.hub, "look", failing)
        assert await reader.read() == Standing(storage_failed=True)
        monkeypatch.undo()

    lived(tmp_path, then)


def test_what_the_policy_said_is_told_once_for_each_look(tmp_path: Path) -> None:
    class Listener:
        heard: ClassVar[list[Outcomes]] = []

        def judged(self, outcomes: Outcomes) -> None:
            self.heard.append(outcomes)

    async def then(site: Site, running: RunningHub, clock: ManualClock) -> None:
        begun = await story.begin(site)
        async with (
            adapter_channel(site, running, begun.outreach) as outreach,
            adapter_channel(site, running, begun.hostel) as hostel,
        ):
            await story.link(outreach, hostel)
            for visit in (1, 2):
                await publish(outreach, visit)
            running.hub.observer = Listener()
            grant_id = await story.grant(outreach)
            assert Listener.heard == [], "recording a choice decides nothing yet"
            sent = await story.fetch(hostel, begun)
            assert Listener.heard == [Outcomes(permit=2)]
            await story.withdraw(outreach, grant_id)
            await story.fetch(hostel, begun, acknowledge=sent.deliveries[-1].sequence)
            assert Listener.heard[1:] == [Outcomes(deny=2)]

    lived(tmp_path, then)
